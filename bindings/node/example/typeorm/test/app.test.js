'use strict'

const assert = require('node:assert/strict')
const { execFileSync } = require('node:child_process')
const fs = require('node:fs')
const os = require('node:os')
const path = require('node:path')
const { test } = require('node:test')
const { Database, migrate } = require('heirloom')
const { DataSource } = require('typeorm')
const { schema } = require('../src/schema')
const { start } = require('../src/start')

const example = path.join(__dirname, '..')
const command = path.join(path.dirname(require.resolve('heirloom/package.json')), 'bin/heirloom.js')
const heirloom = (cwd, ...args) => execFileSync(process.execPath, [command, ...args], { cwd, encoding: 'utf8' })

function folder(t) {
  const folder = fs.mkdtempSync(path.join(os.tmpdir(), 'heirloom-'))
  t.after(() => fs.rmSync(folder, { recursive: true }))
  return folder
}

/** The app's version 1.0, which TypeORM migrated. */
class CreateNotes1700000000000 {
  async up(runner) {
    const file = path.join(example, 'migrations/V1700000000000__create_notes.sql')
    for (const sql of fs.readFileSync(file, 'utf8').split(';\n').filter((sql) => sql.trim())) await runner.query(sql)
  }
  async down() {}
}

async function versionOne(database) {
  const old = new DataSource({ type: 'better-sqlite3', database, migrations: [CreateNotes1700000000000] })
  await old.initialize()
  await old.runMigrations()
  await old.query("INSERT INTO folder (name) VALUES ('home')")
  await old.query("INSERT INTO note (title, folderId) VALUES ('hello', 1)")
  await old.destroy()
}

test("the history of TypeORM goes on, and the old version's rows are read by the entities", async (t) => {
  const database = path.join(folder(t), 'notes.db')
  await versionOne(database)
  const events = []
  const { dataSource, report } = await start(database, (event) => events.push(event.event))
  t.after(() => dataSource.isInitialized && dataSource.destroy())
  assert.ok(report.version > 1700000000000)
  assert.ok(fs.existsSync(report.backup))
  assert.ok(events.includes('committed'))
  const [note] = await dataSource.getRepository('Note').find({ relations: { folder: true } })
  assert.deepEqual([note.title, note.pinned, note.folder.name], ['hello', false, 'home'])

  // While TypeORM has it open, heirloom keeps away from the file.
  if (process.platform === 'linux') {
    await assert.rejects(new Database(database).snapshot('now'), { kind: 'open-in-process' })
  }
  await dataSource.getRepository('Note').save({ title: 'second' })
  await dataSource.destroy()
  const again = await start(database)
  assert.equal(again.report.applied.length, 0)
  assert.equal(await again.dataSource.getRepository('Note').count(), 2)
  await again.dataSource.destroy()
})

test('a new database is what the entities want', async (t) => {
  const database = path.join(folder(t), 'notes.db')
  const { dataSource } = await start(database)
  await dataSource.getRepository('Note').save({ title: 'first' })
  await dataSource.destroy()
})

test("the schema of the entities is that of the migrations, and a changed entity gives a migration", async (t) => {
  const cwd = folder(t)
  fs.cpSync(path.join(example, 'migrations'), path.join(cwd, 'migrations'), { recursive: true })
  fs.writeFileSync(path.join(cwd, 'migrations/schema.sql'), await schema())
  heirloom(cwd, 'generate', '--check')
  heirloom(cwd, 'check')

  const changed = (await schema()).replace(`"body" text NOT NULL DEFAULT ('')`, `"body" text NOT NULL DEFAULT (''), "colour" text`)
  fs.writeFileSync(path.join(cwd, 'migrations/schema.sql'), changed)
  heirloom(cwd, 'generate')
  assert.equal(heirloom(cwd, 'generate', '--check').includes('wrote'), false)
  const database = path.join(cwd, 'notes.db')
  await migrate({ database, migrations: path.join(cwd, 'migrations') })
  const { tables } = await new Database(database).inspect('note')
  assert.ok(tables[0].columns.some(({ name }) => name === 'colour'))
})
