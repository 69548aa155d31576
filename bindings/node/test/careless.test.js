// Calls that are wrong, and ends that nobody planned: a sentence about it, and the data as it was.
'use strict'

const assert = require('node:assert/strict')
const { spawnSync } = require('node:child_process')
const fs = require('node:fs')
const path = require('node:path')
const { test } = require('node:test')
const { Worker } = require('node:worker_threads')
const { Database, migrate } = require('..')
const { failure, folder, rows, write } = require('./support')

const migrations = { 'V1__a.sql': 'CREATE TABLE a (x);' }
/** One that only ends where somebody ends it. */
const ENDLESS = { ...migrations, 'V2__b.sql': `UPDATE a SET x = 'changed';
  CREATE TABLE b AS WITH RECURSIVE n(i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n) SELECT count(*) FROM n;` }

/** A database at version 1 with one row. */
async function database(t) {
  const database = path.join(folder(t), 'a.db')
  await migrate({ database, migrations })
  write(database, "INSERT INTO a VALUES ('kept')")
  return database
}

test('an argument of the wrong type is named, and nothing is made', async (t) => {
  const at = folder(t)
  const file = path.join(at, 'a.db')
  const call = (options) => migrate({ database: file, migrations, ...options })
  for (const [says, of] of [
    [/^database is undefined$/, () => migrate()],
    [/^database is of type number$/, () => call({ database: 5 })],
    [/^database is of type Buffer$/, () => call({ database: Buffer.from(file) })],
    [/^database is empty$/, () => call({ database: '' })],
    [/^database is :memory:$/, () => call({ database: ':memory:' })],
    [/^database is file:/, () => call({ database: `file:${file}` })],
    [/^database is https:/, () => call({ database: new URL('https://example.org/a.db') })],
    [/^migrations is undefined$/, () => call({ migrations: undefined })],
    [/^migrations is null$/, () => call({ migrations: null })],
    [/^migrations is of type number$/, () => call({ migrations: 5 })],
    [/^migrations is of type Map$/, () => call({ migrations: new Map([['V1__a.sql', 'SELECT 1']]) })],
    [/^migrations is of type Promise$/, () => call({ migrations: Promise.resolve(migrations) })],
    [/^the name of migration 1 is undefined$/, () => call({ migrations: ['V1__a.sql'] })],
    [/^the SQL of V1__a.sql is of type Buffer$/, () => call({ migrations: { 'V1__a.sql': Buffer.from('SELECT 1') } })],
    [/unknown field `keeplast`/, () => call({ keeplast: 3 })],
    [/^beforeEach is of type function$/, () => call({ beforeEach() {} })],
    [/^lockTimeout: .*expected a whole number$/, () => call({ lockTimeout: '5' })],
    [/^lockTimeout is NaN$/, () => call({ lockTimeout: NaN })],
    [/^keepLast: .*expected a whole number$/, () => call({ keepLast: -1 })],
    [/^onEvent is of type string$/, () => call({ onEvent: 'x' })],
    [/^signal is of type AbortController$/, () => call({ signal: new AbortController() })],
    [/^components is of type Object$/, () => call({ components: { name: 'x' } })],
    [/^migrations is undefined$/, () => call({ components: [{ name: 'x' }] })],
    [/^there is no component `x`$/, () => call({ only: 'x' })],
    [/^`x` is none of heirloom/, () => call({ layout: 'x' })],
    [/^the options are null$/, async () => new Database(file, null)],
    [/^unknown variant `lastest`/, () => new Database(file).restore('lastest')],
    [/^missing field `backup`$/, () => new Database(file).restore()],
    [/^neither or both of steps and version/, () => new Database(file).revert()],
    [/^missing field `name`$/, () => new Database(file).backfill()],
    [/expected a whole number$/, () => new Database(file).baseline('1')],
  ]) {
    const error = await failure(of())
    assert.deepEqual([error.kind, error.databaseUnchanged, error.data], ['usage', true, 'the database was not changed'])
    assert.match(error.message, says)
    assert.ok(error.help)
    assert.deepEqual(fs.readdirSync(at), [])
  }
})

test('what is no database, or in a folder that is not there, is named', async (t) => {
  const at = folder(t)
  const text = path.join(at, 'notes.txt')
  fs.writeFileSync(text, 'not a database'.repeat(100))
  for (const file of [at, text, path.join(text, 'a.db')]) {
    const error = await failure(migrate({ database: file, migrations }))
    assert.deepEqual([error.kind, error.databaseUnchanged], ['not-a-database', true])
    assert.ok(error.message.includes(file), error.message)
    assert.ok(error.help)
  }
  assert.equal(fs.readFileSync(text, 'utf8'), 'not a database'.repeat(100))
})

test('a folder that nobody may write to is named, and can be read', async (t) => {
  if (process.platform === 'win32') return t.skip('permissions of Unix')
  const file = await database(t)
  const at = path.dirname(file)
  for (const [name, mode] of [[at, 0o555], [file, 0o444]]) fs.chmodSync(name, mode)
  // Nothing is forbidden to root.
  const script = `
    if (process.getuid() === 0) { process.setgid(65534); process.setuid(65534) }
    const { Database, migrate } = require(${JSON.stringify(path.join(__dirname, '..'))})
    const db = new Database(${JSON.stringify(file)})
    const migrations = { ...${JSON.stringify(migrations)}, 'V2__b.sql': 'CREATE TABLE b (x);' }
    Promise.all([
      migrate({ database: db.path, migrations }), migrate({ database: db.path + '2', migrations }), db.snapshot('s'),
      db.edit([{ sql: 'DELETE FROM a', changes: 1 }]), db.read('SELECT x FROM a'), db.status(),
    ].map((call) => call.catch((error) => [error.kind, error.databaseUnchanged, typeof error.help])))
      .then((all) => console.log(JSON.stringify(all.map((one) => one.act ?? one.version ?? one))))`
  const { stdout, stderr } = spawnSync(process.execPath, ['-e', script], { encoding: 'utf8' })
  fs.chmodSync(at, 0o755)
  const refused = ['io', true, 'string']
  assert.deepEqual(JSON.parse(stdout || stderr), [refused, refused, refused, refused, [{ x: 'kept' }], 1])
  assert.deepEqual(rows(file, 'SELECT * FROM a'), [{ x: 'kept' }])
})

const ENDS = [['process.exit(3)', 3], ["throw new Error('mine')", 1]]
if (process.platform !== 'win32') ENDS.push(["process.kill(process.pid, 'SIGKILL')", null])
for (const [how, code] of ENDS) {
  test(`a process that ends in the middle of a run ends, and the data is as it was: ${how}`, async (t) => {
    const file = await database(t)
    const script = `
      const { migrate } = require(${JSON.stringify(path.join(__dirname, '..'))})
      const onEvent = ({ event }) => event === 'started' && setImmediate(() => { ${how} })
      migrate({ database: ${JSON.stringify(file)}, migrations: ${JSON.stringify(ENDLESS)}, onEvent })`
    // It would never end by itself.
    const ended = spawnSync(process.execPath, ['-e', script], { timeout: 120_000, killSignal: 'SIGTERM' })
    assert.deepEqual([ended.status, ended.signal], code === null ? [null, 'SIGKILL'] : [code, null])
    assert.deepEqual(rows(file, 'SELECT * FROM a'), [{ x: 'kept' }])
    assert.equal((await migrate({ database: file, migrations })).version, 1)
  })
}

test('two workers and the main thread that start at once migrate once', async (t) => {
  const file = await database(t)
  const both = { ...migrations, 'V2__b.sql': "INSERT INTO a VALUES ('once');" }
  const script = `
    const { parentPort, workerData } = require('node:worker_threads')
    const { migrate } = require(${JSON.stringify(path.join(__dirname, '..'))})
    migrate(workerData).then((report) => parentPort.postMessage(report.applied.length))`
  const workerData = { database: file, migrations: both }
  const worker = () => new Promise((resolve, reject) => {
    new Worker(script, { eval: true, workerData }).on('message', resolve).on('error', reject)
  })
  const here = migrate(workerData).then(({ applied }) => applied.length)
  assert.deepEqual((await Promise.all([worker(), worker(), here])).sort(), [0, 0, 1])
  assert.deepEqual(rows(file, 'SELECT * FROM a'), [{ x: 'kept' }, { x: 'once' }])
})

test('a signal that comes when the work is done changes nothing any more', async (t) => {
  const file = await database(t)
  const controller = new AbortController()
  const report = await migrate({ database: file, migrations, signal: controller.signal })
  controller.abort()
  assert.equal(report.version, 1)
  assert.deepEqual(rows(file, 'SELECT * FROM a'), [{ x: 'kept' }])
})
