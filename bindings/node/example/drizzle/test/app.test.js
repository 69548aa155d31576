'use strict'

const assert = require('node:assert/strict')
const { execFileSync } = require('node:child_process')
const fs = require('node:fs')
const os = require('node:os')
const path = require('node:path')
const { test } = require('node:test')
const BetterSqlite3 = require('better-sqlite3')
const { drizzle } = require('drizzle-orm/better-sqlite3')
const migrator = require('drizzle-orm/better-sqlite3/migrator')
const { notes } = require('../src/schema')
const { start } = require('../src/start')

const example = path.join(__dirname, '..')
const command = path.join(path.dirname(require.resolve('heirloom/package.json')), 'bin/heirloom.js')

function folder(t) {
  const folder = fs.mkdtempSync(path.join(os.tmpdir(), 'heirloom-'))
  t.after(() => fs.rmSync(folder, { recursive: true }))
  return folder
}

test('the history of drizzle-orm goes on, and its rows are there', async (t) => {
  const database = path.join(folder(t), 'notes.db')
  const old = new BetterSqlite3(database)
  migrator.migrate(drizzle(old), { migrationsFolder: path.join(__dirname, 'version-1') })
  old.exec("INSERT INTO folders (name) VALUES ('home'); INSERT INTO notes (title, folder_id) VALUES ('hello', 1)")
  old.close()

  const { db, connection, report } = await start(database)
  assert.ok(fs.existsSync(report.backup))
  assert.deepEqual(db.select().from(notes).all(), [{ id: 1, folderId: 1, title: 'hello', body: '', pinned: false }])
  connection.close()
})

test('what drizzle-kit exports is the schema of the migrations', (t) => {
  const cwd = folder(t)
  fs.cpSync(path.join(example, 'migrations'), path.join(cwd, 'migrations'), { recursive: true })
  const kit = path.join(path.dirname(require.resolve('drizzle-kit')), 'bin.cjs')
  const schema = execFileSync(process.execPath, [kit, 'export'], { cwd: example, encoding: 'utf8' })
  fs.writeFileSync(path.join(cwd, 'migrations/schema.sql'), schema)
  for (const check of [['generate', '--check'], ['check']]) execFileSync(process.execPath, [command, ...check], { cwd })
})
