// Beside another SQLite in the same process: whatever is refused, no row is lost.
'use strict'

const assert = require('node:assert/strict')
const { execFileSync } = require('node:child_process')
const fs = require('node:fs')
const os = require('node:os')
const path = require('node:path')
const { test } = require('node:test')
const BetterSqlite3 = require('better-sqlite3')
const { Database, migrate } = require('..')

const migrations = { 'V1__a.sql': 'CREATE TABLE a (x);' }

function database(t, mode) {
  const folder = fs.mkdtempSync(path.join(os.tmpdir(), 'heirloom-'))
  t.after(() => fs.rmSync(folder, { recursive: true }))
  const file = path.join(folder, 'a.db')
  const other = new BetterSqlite3(file)
  other.pragma(`journal_mode = ${mode}`)
  other.close()
  return file
}

const onLinux = { skip: process.platform !== 'linux' && 'only Linux says what a process has open' }

for (const mode of ['delete', 'wal']) {
  test(`a file that better-sqlite3 has open is refused, and its rows stay (${mode})`, onLinux, async (t) => {
    const file = database(t, mode)
    await migrate({ database: file, migrations })
    const other = new BetterSqlite3(file)
    other.exec('BEGIN IMMEDIATE; INSERT INTO a VALUES (2)')
    const app = new Database(file, { migrations })
    for (const method of ['migrate', 'status', 'backups', 'doctor', 'log']) {
      await assert.rejects(app[method](), { kind: 'open-in-process', databaseUnchanged: true })
    }
    // Its lock still keeps another process out, and its commit is what that one sees.
    const elsewhere = (sql) => execFileSync(process.execPath, ['-e', `
      const db = new (require('better-sqlite3'))(${JSON.stringify(file)}, { timeout: 0 });
      try { console.log(JSON.stringify(db.prepare(${JSON.stringify(sql)}).all())) } catch (e) { console.log(e.code) }`,
    ], { cwd: path.join(__dirname, '..'), encoding: 'utf8' }).trim()
    assert.equal(elsewhere('INSERT INTO a VALUES (99) RETURNING x'), 'SQLITE_BUSY')
    other.exec('COMMIT')
    assert.equal(elsewhere('SELECT x FROM a'), '[{"x":2}]')
    other.close()
    assert.equal((await app.status()).version, 1)
  })

  test(`migrate, close, then open: locks of both hold (${mode})`, async (t) => {
    const file = database(t, mode)
    await migrate({ database: file, migrations })
    const other = new BetterSqlite3(file)
    other.exec('INSERT INTO a VALUES (1)')
    other.close()
    await migrate({ database: file, migrations: { ...migrations, 'V2__b.sql': 'INSERT INTO a VALUES (2);' } })
    const again = new BetterSqlite3(file)
    assert.deepEqual(again.prepare('SELECT x FROM a ORDER BY x').pluck().all(), [1, 2])
    again.close()
  })
}

test('a link to a file that is open is that file', onLinux, async (t) => {
  const file = database(t, 'wal')
  const link = `${file}.link`
  fs.symlinkSync(file, link)
  const other = new BetterSqlite3(file)
  await assert.rejects(migrate({ database: link, migrations }), { kind: 'open-in-process' })
  other.close()
})

test('calls at once on one database wait for each other, and are not taken for another library', async (t) => {
  const file = database(t, 'wal')
  await migrate({ database: file, migrations })
  const app = new Database(file, { migrations })
  const calls = [app.status(), app.snapshot('s'), app.doctor(), app.stats(), app.log(), app.migrate()]
  assert.equal((await Promise.all(calls)).length, 6)
})
