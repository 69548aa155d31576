// `read` and `edit`: what goes in comes out, and what is refused changes nothing.
'use strict'

const assert = require('node:assert/strict')
const { test } = require('node:test')
const { Database, migrate } = require('..')
const { failure, folder, rows } = require('./support')
const path = require('node:path')

const migrations = { 'V1__a.sql': `CREATE TABLE a (id INTEGER PRIMARY KEY, value);
  CREATE TABLE b (a_id NOT NULL REFERENCES a (id));
  CREATE VIRTUAL TABLE words USING fts5 (word);` }

async function app(t, ...statements) {
  const database = path.join(folder(t), 'a.db')
  await migrate({ database, migrations })
  const app = new Database(database, { migrations })
  if (statements.length > 0) await app.edit(statements.map((sql) => ({ sql, changes: 'any' })))
  return app
}

const VALUES = [
  null, 0, -1, 1.5, 1e300, -Infinity, Infinity, 2 ** 53 - 1, 2n ** 63n - 1n, -(2n ** 63n), '', 'é\0😀',
  "'; DROP TABLE a", Buffer.from([0, 255]), Buffer.alloc(0),
]

test('every value is stored as it is given, and read as it is stored', async (t) => {
  const db = await app(t)
  await db.edit(VALUES.map((value) => ({ sql: 'INSERT INTO a (value) VALUES (?)', params: [value], changes: 1 })))
  assert.deepEqual((await db.read('SELECT value FROM a ORDER BY id')).map(({ value }) => value), VALUES)
  const types = await db.read('SELECT DISTINCT typeof(value) AS type FROM a ORDER BY 1')
  assert.deepEqual(types.map(({ type }) => type), ['blob', 'integer', 'null', 'real', 'text'])
  const [{ type }] = await db.read('SELECT typeof(value) AS type FROM a WHERE value = :it', { it: 2n ** 63n - 1n })
  assert.equal(type, 'integer')
})

test('an array within a larger buffer is stored without the rest of it', async (t) => {
  const db = await app(t)
  const middle = new Uint8Array(Buffer.from('abcdef').buffer.slice(0)).subarray(0, 0)
  const part = new Uint8Array([1, 2, 3, 4]).subarray(1, 3)
  const sql = 'INSERT INTO a (value) VALUES (?)'
  await db.edit([part, middle].map((value) => ({ sql, params: [value], changes: 1 })))
  assert.deepEqual(await db.read('SELECT hex(value) AS value FROM a ORDER BY id'), [{ value: '0203' }, { value: '' }])
})

test('a value that SQLite or JavaScript would alter is refused', async (t) => {
  const db = await app(t)
  for (const value of [undefined, true, NaN, 2 ** 53, new Date(0), {}, [], '\ud800', 2n ** 63n, Symbol('x'), () => 1]) {
    const error = await failure(db.edit([{ sql: 'INSERT INTO a (value) VALUES (?)', params: [value], changes: 1 }]))
    assert.equal(error.databaseUnchanged, true)
    assert.match(error.message, /parameter 1/)
  }
  assert.deepEqual(await db.read('SELECT * FROM a'), [])
})

test('values and parameters must fit one another', async (t) => {
  const db = await app(t)
  for (const [sql, params, says] of [
    ['SELECT ?', [], /1 values are needed, and 0 were given/],
    ['SELECT ?', [1, 2], /1 values are needed, and 2/],
    ['SELECT :a', { b: 1 }, /no value for `a`/],
    ['SELECT :a', { a: 1, b: 1 }, /no parameter `b`/],
    ['SELECT ?', { a: 1 }, /parameter 1 has no name/],
    ['SELECT 1', 'x', /the values are of type string/],
    ['SELECT 1', null, /the values are null/],
  ]) {
    const error = await failure(db.read(sql, params))
    assert.deepEqual([error.kind, says.test(error.message)], ['usage', true], error.message)
  }
  assert.deepEqual(await db.read('SELECT :a + @b + $c + :a AS sum', { a: 1, b: 10, c: 100 }), [{ sum: 112 }])
})

test('read only reads, one statement', async (t) => {
  const db = await app(t, "INSERT INTO a VALUES (1, 'one')")
  const elsewhere = path.join(path.dirname(db.path), 'other.db')
  for (const sql of [
    'DELETE FROM a', 'DROP TABLE a', 'SELECT 1; DELETE FROM a', "ATTACH 'x' AS x", `VACUUM INTO '${elsewhere}'`,
    'PRAGMA user_version = 3', 'BEGIN', 'INSERT INTO a VALUES (2, 2) RETURNING id', 'SELECT 1\0; DELETE FROM a',
    '', '-- nothing', 'SELECT nothing FROM a', 'SELEC 1', 'SELECT id, id FROM a', 7,
  ]) {
    const error = await failure(db.read(sql))
    assert.deepEqual([error.kind, error.databaseUnchanged], ['usage', true], sql)
  }
  assert.deepEqual(rows(db.path, 'SELECT * FROM a'), [{ id: 1, value: 'one' }])
})

test('text that is not UTF-8 is not altered', async (t) => {
  const db = await app(t, "INSERT INTO a VALUES (1, CAST(x'ff' AS TEXT))")
  assert.match((await failure(db.read('SELECT value FROM a'))).message, /`value` holds text that is not UTF-8/)
  assert.deepEqual(await db.read('SELECT CAST(value AS BLOB) AS value FROM a'), [{ value: Buffer.from([255]) }])
})

test('a snapshot is read as the database is', async (t) => {
  const db = await app(t, "INSERT INTO a VALUES (1, 'before')")
  await db.snapshot('s')
  await db.edit([{ sql: "UPDATE a SET value = 'after'", changes: 1 }])
  assert.deepEqual(await db.read('SELECT value FROM a', [], { state: { snapshot: 's' } }), [{ value: 'before' }])
  assert.deepEqual(await db.read('SELECT value FROM a'), [{ value: 'after' }])
  assert.equal((await failure(db.read('SELECT 1', [], { state: { snapshot: 'none' } }))).kind, 'not-found')
})

test('names of columns stay as they are', async (t) => {
  const db = await app(t)
  const [row] = await db.read('SELECT 1 AS first_text, 2 AS "__proto__"')
  assert.deepEqual(Object.entries(row), [['first_text', 1], ['__proto__', 2]])
})

test('a query is ended by its signal', async (t) => {
  const db = await app(t)
  const endless = 'WITH RECURSIVE n(i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n) SELECT count(*) FROM n'
  const signal = AbortSignal.timeout(50)
  const error = await failure(db.read(endless, [], { signal }))
  assert.deepEqual([error.name, error.interrupted, error.cause], ['AbortError', true, signal.reason])
})

test('an edit says what it changed, and gives what RETURNING gives', async (t) => {
  const db = await app(t)
  const done = await db.edit([
    { sql: "INSERT INTO a (value) VALUES ('x'), ('y') RETURNING id, value", changes: 2 },
    { sql: "UPDATE a SET value = :to WHERE value = :from", params: { from: 'x', to: 'z' }, changes: 1 },
    { sql: 'SELECT count(*) AS all_of_them FROM a', changes: 0 },
    { sql: "INSERT INTO words VALUES ('hello')", changes: 1 },
    { sql: "INSERT INTO words (words) VALUES ('rebuild')", changes: 'any' },
  ])
  assert.deepEqual(done.slice(0, 3), [
    { changes: 2, rows: [{ id: 1, value: 'x' }, { id: 2, value: 'y' }] },
    { changes: 1, rows: [] },
    { changes: 0, rows: [{ all_of_them: 2 }] },
  ])
  assert.deepEqual(rows(db.path, 'SELECT value FROM a ORDER BY id'), [{ value: 'z' }, { value: 'y' }])
  assert.deepEqual(rows(db.path, "SELECT word FROM words ('hello')"), [{ word: 'hello' }])
})

test('an edit is all of it or nothing', async (t) => {
  const db = await app(t, "INSERT INTO a VALUES (1, 'one')", 'INSERT INTO b VALUES (1)')
  const first = { sql: "UPDATE a SET value = 'changed'", changes: 1 }
  for (const [second, says] of [
    [{ sql: 'UPDATE a SET value = 2 WHERE id = 9', changes: 1 }, /statement 2: it changed 0 rows, and not 1/],
    [{ sql: 'DELETE FROM a', changes: 1 }, /FOREIGN KEY/],
    [{ sql: 'INSERT INTO nowhere VALUES (1)', changes: 1 }, /statement 2: no such table/],
    ...[
      'COMMIT', 'ROLLBACK', '; -- \n/* */ COMMIT', 'SAVEPOINT s', 'DROP TABLE b', 'CREATE TABLE c (x)', 'VACUUM',
      'ALTER TABLE a ADD COLUMN c', "ATTACH 'x' AS x", 'PRAGMA foreign_keys = OFF', 'PRAGMA writable_schema = ON',
      'CREATE TEMP TABLE c (x)', 'DELETE FROM sqlite_schema', 'EXPLAIN DELETE FROM a', '/* DELETE',
    ].map((sql) => [{ sql, changes: 'any' }, /statement 2: /]),
    [{ sql: "UPDATE a SET value = 1; UPDATE a SET value = 2", changes: 1 }, /statement 2: more than one statement/],
  ]) {
    const error = await failure(db.edit([first, second]))
    assert.deepEqual([error.kind, error.databaseUnchanged], ['migration-failed', true], second.sql)
    assert.match(error.details, says)
    assert.deepEqual(rows(db.path, 'SELECT * FROM a'), [{ id: 1, value: 'one' }])
  }
  assert.deepEqual(rows(db.path, 'SELECT * FROM b'), [{ a_id: 1 }])
})

test('an edit without a number of rows, without statements or without a database is refused', async (t) => {
  const db = await app(t, "INSERT INTO a VALUES (1, 'one')")
  const sql = 'DELETE FROM a'
  for (const statements of [
    [{ sql }], [{ sql, changes: -1 }], [{ sql, changes: '1' }], [{ sql, changes: 1, expected: 1 }], [{ changes: 1 }],
    [null], [], sql, undefined,
  ]) {
    const error = await failure(db.edit(statements))
    assert.deepEqual([error.kind, error.databaseUnchanged], ['usage', true])
  }
  assert.deepEqual(rows(db.path, 'SELECT * FROM a'), [{ id: 1, value: 'one' }])
  const none = new Database(`${db.path}.none`)
  assert.equal((await failure(none.edit([{ sql, changes: 1 }]))).kind, 'not-found')
  assert.equal((await failure(none.read('SELECT 1'))).kind, 'not-found')
})

test('an edit is ended by its signal, and rolled back', async (t) => {
  const db = await app(t, "INSERT INTO a VALUES (1, 'one')")
  const endless = `WITH RECURSIVE n(i) AS (SELECT 2 UNION ALL SELECT i + 1 FROM n)
    INSERT INTO b SELECT i FROM n WHERE i < 0`
  const statements = [{ sql: "UPDATE a SET value = 'changed'", changes: 1 }, { sql: endless, changes: 'any' }]
  const error = await failure(db.edit(statements, { signal: AbortSignal.timeout(100) }))
  assert.deepEqual([error.name, error.databaseUnchanged], ['AbortError', true])
  assert.deepEqual(rows(db.path, 'SELECT * FROM a'), [{ id: 1, value: 'one' }])
})

test('ESM reads and edits too', async (t) => {
  const { Database } = await import('heirloom')
  const db = new Database((await app(t)).path)
  await db.edit([{ sql: 'INSERT INTO a VALUES (1, 2)', changes: 1 }])
  assert.deepEqual(await db.read('SELECT * FROM a'), [{ id: 1, value: 2 }])
})
