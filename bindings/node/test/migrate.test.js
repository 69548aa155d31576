'use strict'

const assert = require('node:assert/strict')
const fs = require('node:fs')
const path = require('node:path')
const { test } = require('node:test')
const { pathToFileURL } = require('node:url')
const { Database, HeirloomError, migrate } = require('..')
const { failure, folder, rows, write } = require('./support')

const V1 = { 'V1__notes.sql': 'CREATE TABLE notes (id INTEGER PRIMARY KEY, first_text TEXT);' }
const V2 = {
  ...V1,
  'V2__done.sql': 'ALTER TABLE notes ADD COLUMN is_done INTEGER NOT NULL DEFAULT 0;',
  'V2__done.down.sql': 'ALTER TABLE notes DROP COLUMN is_done;',
}
const BROKEN = { ...V2, 'V3__broken.sql': 'UPDATE notes SET is_done = 1;\nINSERT INTO nowhere VALUES (1);' }

/** A database at version 1 with one note. */
async function notes(t) {
  const database = path.join(folder(t), 'notes.db')
  await migrate({ database, migrations: V1 })
  write(database, "INSERT INTO notes (first_text) VALUES ('hello')")
  return database
}

const notesIn = (database) => rows(database, 'SELECT * FROM notes')

test('a migrated database is read by another SQLite afterwards', async (t) => {
  const database = await notes(t)
  const report = await migrate({ database, migrations: V2, appVersion: '2.0' })
  assert.equal(report.act, 'run')
  assert.deepEqual([report.versionBefore, report.version], [1, 2])
  assert.ok(fs.existsSync(report.backup))
  assert.deepEqual(notesIn(database), [{ id: 1, first_text: 'hello', is_done: 0 }])
})

test('events come in order, with names of JavaScript, and all before the promise is settled', async (t) => {
  const database = await notes(t)
  const events = []
  await migrate({ database, migrations: V2, onEvent: (event) => events.push(event) })
  const names = events.map(({ event }) => event)
  assert.deepEqual([names[0], names.at(-1)], ['planned', 'committed'])
  const copied = events.filter(({ event }) => event === 'copying').at(-1)
  assert.equal(copied.done, copied.total)
  assert.equal(typeof events.find(({ event }) => event === 'finished').durationMs, 'number')
})

test('a failure has kind, place, help and the state of the data, which is as it was', async (t) => {
  const database = await notes(t)
  await migrate({ database, migrations: V2 })
  const error = await failure(migrate({ database, migrations: BROKEN }))
  assert.equal(error.name, 'HeirloomError')
  assert.equal(error.kind, 'migration-failed')
  assert.deepEqual([error.file, error.line], ['V3__broken.sql', 2])
  assert.equal(error.databaseUnchanged, true)
  assert.match(error.details, /data: the database was not changed/)
  assert.deepEqual(notesIn(database), [{ id: 1, first_text: 'hello', is_done: 0 }])
})

test('a listener that throws fails the promise when the work is done', async (t) => {
  const database = await notes(t)
  const complaint = new Error('the splash is gone')
  const call = migrate({ database, migrations: V2, onEvent: () => { throw complaint } })
  assert.equal(await call.then(() => undefined, (error) => error), complaint)
  assert.equal(notesIn(database)[0].is_done, 0)
})

test('an abort rolls a run that is under way back', async (t) => {
  const database = await notes(t)
  write(database, `INSERT INTO notes (first_text) WITH RECURSIVE n(i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n
    WHERE i < 20000) SELECT 'x' FROM n`)
  const controller = new AbortController()
  const migrations = {
    ...V1,
    'V2__slow.sql': 'UPDATE notes SET first_text = first_text || (SELECT count(*) FROM notes a, notes b);',
  }
  const onEvent = ({ event }) => event === 'started' && controller.abort()
  const error = await failure(migrate({ database, migrations, onEvent, signal: controller.signal }))
  assert.equal(error.name, 'AbortError')
  assert.equal(error.interrupted, true)
  assert.equal(error.cause, controller.signal.reason)
  assert.equal(rows(database, 'SELECT * FROM notes WHERE id = 1')[0].first_text, 'hello')
})

test('an aborted signal starts nothing', async (t) => {
  const database = path.join(folder(t), 'none.db')
  const signal = AbortSignal.abort()
  const error = await failure(migrate({ database, migrations: V1, signal }))
  assert.deepEqual([error.name, error.interrupted, error.databaseUnchanged], ['AbortError', true, true])
  assert.equal(error.cause, signal.reason)
  assert.equal(fs.existsSync(database), false)
})

test('timers run while a database is migrated', async (t) => {
  const database = await notes(t)
  let ticks = 0
  const timer = setInterval(() => ticks++, 1)
  const migrations = { ...V1, 'V2__slow.sql': `CREATE TABLE n AS WITH RECURSIVE n(i) AS (SELECT 1 UNION ALL
    SELECT i + 1 FROM n WHERE i < 300000) SELECT i FROM n;` }
  await migrate({ database, migrations })
  clearInterval(timer)
  assert.ok(ticks > 5, `${ticks}`)
})

test('a folder, its URL, values and an object are the same migrations', async (t) => {
  const at = folder(t)
  fs.mkdirSync(path.join(at, 'migrations/2026'), { recursive: true })
  fs.mkdirSync(path.join(at, 'migrations/.git'))
  const files = { ...V1, '2026/V2__done.sql': V2['V2__done.sql'] }
  const others = { 'schema.sql': 'CREATE TABLE no_migration (x);', 'README.md': 'text', '.git/V9__x.sql': 'SELECT' }
  for (const [name, sql] of Object.entries({ ...files, ...others })) {
    fs.writeFileSync(path.join(at, 'migrations', name), sql)
  }
  const migrations = path.join(at, 'migrations')
  for (const [index, given] of [
    migrations,
    pathToFileURL(migrations),
    Object.entries(files).map(([name, sql]) => ({ name, sql })),
    files,
  ].entries()) {
    const database = path.join(at, `${index}.db`)
    assert.equal((await migrate({ database, migrations: given })).version, 2)
    // One checksum: what one applied is what the other finds.
    const status = await new Database(database, { migrations }).status()
    assert.deepEqual(status.migrations.map(({ state }) => state), ['applied', 'applied'])
  }
})

test('a folder that cannot be read and a file that is not UTF-8 are named', async (t) => {
  const at = folder(t)
  const database = path.join(at, 'a.db')
  const missing = await failure(migrate({ database, migrations: path.join(at, 'none') }))
  assert.equal(missing.kind, 'not-found')
  fs.writeFileSync(path.join(at, 'V1__a.sql'), Buffer.from("SELECT '\xff'", 'latin1'))
  const broken = await failure(migrate({ database, migrations: at }))
  assert.equal(broken.kind, 'invalid-migration')
  assert.match(broken.message, /V1__a\.sql is not UTF-8/)
})

test('an older app is told so, and reverts what it does not know', async (t) => {
  const database = await notes(t)
  await migrate({ database, migrations: V2 })
  const older = new Database(database, { migrations: V1 })
  const error = await failure(older.migrate())
  assert.equal(error.kind, 'database-newer')
  assert.deepEqual(error.versions, { database: 2, known: 1 })
  const options = await older.downgradeOptions()
  assert.equal(options.canRevert, true)
  assert.equal((await older.revertToKnown()).version, 1)
  assert.deepEqual(notesIn(database), [{ id: 1, first_text: 'hello' }])
})

test('a snapshot is listed, planned and restored, and the restore undone', async (t) => {
  const database = await notes(t)
  const notebook = new Database(database, { migrations: V1 })
  await notebook.snapshot('first')
  write(database, "INSERT INTO notes (first_text) VALUES ('second')")
  const [listed] = await notebook.backups({ verify: 'everything' })
  assert.deepEqual([listed.origin, listed.verified], ['snapshot', true])
  const plan = await notebook.planRestore({ snapshot: 'first' })
  assert.deepEqual([plan.before.rows, plan.after.rows], [{ notes: 2 }, { notes: 1 }])
  const comparison = await notebook.compare({ snapshot: 'first' })
  assert.equal(comparison.tables[0].onlyInTo, 1)
  assert.match((await notebook.compareSql({ snapshot: 'first' })).join('\n'), /INSERT INTO/)
  const report = await notebook.restore({ snapshot: 'first' })
  assert.equal(notesIn(database).length, 1)
  await notebook.restore({ file: report.replaced })
  assert.equal(notesIn(database).length, 2)
})

test('names of tables and columns stay as they are', async (t) => {
  const database = await notes(t)
  const { tables } = await new Database(database).inspect('notes')
  assert.deepEqual(tables[0].columns.map(({ name }) => name), ['id', 'first_text'])
  await new Database(database).snapshot('a')
  write(database, "UPDATE notes SET first_text = 'changed'")
  const [changed] = (await new Database(database).compare({ snapshot: 'a' })).tables
  assert.deepEqual(changed.columns, { first_text: 1 })
})

test('a revert needs steps or a version', async (t) => {
  const database = await notes(t)
  await migrate({ database, migrations: V2 })
  const app = new Database(database, { migrations: V2 })
  await assert.rejects(app.revert({}), { kind: 'usage' })
  assert.equal((await app.revert({ steps: 1 })).version, 1)
})

test('a backfill fills in batches', async (t) => {
  const database = await notes(t)
  await migrate({ database, migrations: V2 })
  const app = new Database(database, { migrations: V2 })
  const backfill = {
    name: 'all_done',
    table: 'notes',
    sql: 'UPDATE notes SET is_done = 1 WHERE id BETWEEN :first AND :last;',
  }
  assert.equal((await app.planBackfill(backfill)).left, 1)
  assert.equal((await app.backfill(backfill)).rows, 1)
  assert.equal(notesIn(database)[0].is_done, 1)
})

test('ESM has the same names', async () => {
  const module = await import('heirloom')
  assert.equal(module.migrate, migrate)
  assert.equal(module.Database, Database)
  assert.equal(module.HeirloomError, HeirloomError)
})

test('keys that stay as they are are those that the types name', () => {
  const types = fs.readFileSync(path.join(__dirname, '../types.d.ts'), 'utf8')
  const named = types.match(/export type NamedByData = (.*)/)[1].match(/\w+/g)
  const used = fs.readFileSync(path.join(__dirname, '../index.js'), 'utf8').match(/NAMED_BY_DATA = new Set\((.*)\)/)[1]
  assert.deepEqual(used.match(/\w+/g), named)
})
