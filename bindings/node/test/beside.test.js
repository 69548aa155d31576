// Beside another SQLite in the same process: whatever is refused, no row is lost.
'use strict'

const assert = require('node:assert/strict')
const { execFileSync, spawnSync } = require('node:child_process')
const fs = require('node:fs')
const path = require('node:path')
const { test } = require('node:test')
const { Database, migrate } = require('..')
const { failure, folder, others, rows } = require('./support')

const migrations = { 'V1__a.sql': 'CREATE TABLE a (x);' }
const onLinux = { skip: process.platform !== 'linux' && 'only Linux says what a process has open' }

test('there is another SQLite to be tested with', () => {
  assert.ok(Object.keys(others).length > 0)
})

for (const [library, open] of Object.entries(others)) {
  /** A new database in a journal mode. */
  function database(t, mode) {
    const file = path.join(folder(t), 'a.db')
    const other = open(file)
    other.exec(`PRAGMA journal_mode = ${mode}`)
    other.close()
    return file
  }

  /** What another process gets for a statement. */
  function elsewhere(file, sql) {
    const code = `
      const db = require('./support').others['${library}'](${JSON.stringify(file)})
      db.exec('PRAGMA busy_timeout = 0')
      const found = () => JSON.stringify(db.prepare(${JSON.stringify(sql)}).all())
      try { console.log(found()) } catch (error) { console.log(error.message) }`
    return execFileSync(process.execPath, ['-e', code], { cwd: __dirname, encoding: 'utf8' }).trim()
  }

  for (const mode of ['delete', 'wal']) {
    test(`a file that ${library} has open is refused, and its rows stay (${mode})`, onLinux, async (t) => {
      const file = database(t, mode)
      await migrate({ database: file, migrations })
      const other = open(file)
      other.exec('BEGIN IMMEDIATE; INSERT INTO a VALUES (2)')
      const app = new Database(file, { migrations })
      for (const call of [
        () => app.migrate(), () => app.status(), () => app.backups(), () => app.doctor(), () => app.log(),
        () => app.read('SELECT 1'), () => app.edit([{ sql: 'DELETE FROM a', changes: 'any' }]),
        () => app.snapshot('s'), () => app.restore('latest'),
      ]) {
        await assert.rejects(call(), { kind: 'open-in-process', databaseUnchanged: true })
      }
      // Its lock still keeps another process out, and its commit is what that one sees.
      assert.match(elsewhere(file, 'INSERT INTO a VALUES (99) RETURNING x'), /locked/)
      other.exec('COMMIT')
      assert.equal(elsewhere(file, 'SELECT x FROM a'), '[{"x":2}]')
      other.close()
      assert.equal((await app.status()).version, 1)
    })

    test(`a file that ${library} has open and idle is refused too (${mode})`, onLinux, async (t) => {
      const file = database(t, mode)
      await migrate({ database: file, migrations })
      const other = open(file)
      other.exec('INSERT INTO a VALUES (1)')
      await assert.rejects(new Database(file).status(), { kind: 'open-in-process' })
      other.exec('INSERT INTO a VALUES (2)')
      assert.equal(elsewhere(file, 'SELECT x FROM a'), '[{"x":1},{"x":2}]')
      other.close()
    })

    test(`migrate, close, then open ${library}: locks of both hold (${mode})`, async (t) => {
      const file = database(t, mode)
      await migrate({ database: file, migrations })
      const other = open(file)
      other.exec('BEGIN IMMEDIATE; INSERT INTO a VALUES (1)')
      assert.match(elsewhere(file, 'INSERT INTO a VALUES (99) RETURNING x'), /locked/)
      other.exec('COMMIT')
      other.close()
      await migrate({ database: file, migrations: { ...migrations, 'V2__b.sql': 'INSERT INTO a VALUES (2);' } })
      assert.deepEqual(rows(file, 'SELECT x FROM a ORDER BY x'), [{ x: 1 }, { x: 2 }])
    })

    // It opens the file in the middle of a run, which it cannot see. It played back the journal of the run, which
    // it took for one that a crash left, or removed its write-ahead log: the promise was fulfilled, and the
    // database damaged. In a process of its own: in WAL mode it may also truncate the shared memory, which
    // ends the process.
    for (const [when, listener] of [['at once', "'none'"], ['when a migration is finished', "'finished'"]]) {
      test(`a file that ${library} opens during a run, ${when}, is migrated or as it was (${mode})`, async (t) => {
        const file = database(t, mode)
        const n = `CREATE TABLE n AS WITH RECURSIVE n(i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n WHERE i < 700)
          SELECT i FROM n;`
        const before = { ...migrations, 'V2__n.sql': n }
        await migrate({ database: file, migrations: before })
        const fill = 'INSERT INTO a SELECT n.i FROM n, n AS m;'
        // Long enough for the file to be opened and closed before the commit.
        const slow = 'CREATE TABLE slow AS SELECT count(*) AS c FROM n, n AS m, (SELECT i FROM n LIMIT 60);'
        const options = { database: file, migrations: { ...before, 'V3__a.sql': fill, 'V4__b.sql': fill + slow } }
        const { stdout, stderr, signal } = spawnSync(process.execPath, ['-e', `
          const open = require('./support').others['${library}']
          const { migrate } = require('..')
          let opened = false
          const look = () => {
            if (opened) return
            opened = true
            const other = open(${JSON.stringify(file)})
            try { other.prepare('SELECT * FROM n').all() } catch {}
            other.close()
          }
          const onEvent = ({ event }) => event === ${listener} && look()
          const call = migrate({ ...${JSON.stringify(options)}, onEvent })
          if (${listener} === 'none') look()
          call.catch((error) => error).then((said) => console.log(JSON.stringify({ ...said, opened })))`,
        ], { cwd: __dirname, encoding: 'utf8' })
        assert.deepEqual(rows(file, 'PRAGMA integrity_check'), [{ integrity_check: 'ok' }])
        const [{ count }] = rows(file, 'SELECT count(*) AS count FROM a')
        if (signal === 'SIGBUS' && mode === 'wal') return assert.ok([0, 980_000].includes(count), `${count}`)
        const said = JSON.parse(stdout || stderr)
        assert.ok(said.opened)
        const wasDone = said.databaseUnchanged === undefined ? said.version === 4 : !said.databaseUnchanged
        assert.equal(count, wasDone ? 980_000 : 0)
      })
    }
  }

  test(`a file that ${library} opens and keeps open during a call is told of`, onLinux, async (t) => {
    const file = database(t, 'delete')
    await migrate({ database: file, migrations })
    const fill = `INSERT INTO a WITH RECURSIVE n(i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n WHERE i < 980000)
      SELECT i FROM n;`
    // Nobody waits for it.
    const call = migrate({ database: file, migrations: { ...migrations, 'V2__b.sql': fill } })
    const other = open(file)
    const error = await failure(call)
    other.close()
    assert.equal(error.kind, 'open-in-process')
    assert.deepEqual(rows(file, 'SELECT count(*) AS count FROM a'), [{ count: error.databaseUnchanged ? 0 : 980_000 }])
  })

  test(`a link to a file that ${library} has open is that file`, onLinux, async (t) => {
    const file = database(t, 'wal')
    const link = `${file}.link`
    fs.symlinkSync(file, link)
    const other = open(file)
    await assert.rejects(migrate({ database: link, migrations }), { kind: 'open-in-process' })
    other.close()
  })
}

test('calls at once on one database wait for each other, and are not taken for another library', async (t) => {
  const file = path.join(folder(t), 'a.db')
  await migrate({ database: file, migrations })
  const app = new Database(file, { migrations })
  const looks = [app.status(), app.doctor(), app.stats(), app.log(), app.read('SELECT 1')]
  assert.equal((await Promise.all([...looks, app.snapshot('s'), app.migrate()])).length, 7)
})

test('two starts at once on a database that is not there, one through a link, are one after the other', async (t) => {
  const at = folder(t)
  fs.mkdirSync(path.join(at, 'data'))
  fs.symlinkSync(path.join(at, 'data'), path.join(at, 'link'))
  const databases = ['data', 'link', 'data'].map((name) => path.join(at, name, 'a.db'))
  const reports = await Promise.all(databases.map((database) => migrate({ database, migrations })))
  assert.deepEqual(reports.map(({ applied }) => applied.length).sort(), [0, 0, 1])
})
