// The generated types against values: what the library really returns is written down as constants
// of their type, and the compiler says whether a key is missing or too many.
'use strict'

const assert = require('node:assert/strict')
const { spawnSync } = require('node:child_process')
const fs = require('node:fs')
const path = require('node:path')
const { test } = require('node:test')
const { Database, migrate } = require('..')
const support = require('./support')

test('values have the keys of their types, and no others', async (t) => {
  const folder = support.folder(t)
  const database = path.join(folder, 'a.db')
  const rebuild = `CREATE TABLE b (id INTEGER PRIMARY KEY, x TEXT NOT NULL); INSERT INTO b SELECT id, x FROM a;
    DROP TABLE a; ALTER TABLE b RENAME TO a;`
  const migrations = { 'V1__a.sql': `CREATE TABLE a (id INTEGER PRIMARY KEY, x TEXT, y); CREATE INDEX a_x ON a (x);
    CREATE TABLE c (a REFERENCES a (id)); CREATE VIEW v AS SELECT x FROM a;
    CREATE TRIGGER t AFTER INSERT ON c BEGIN SELECT 1; END;` }
  await migrate({ database, migrations })
  support.write(database, "INSERT INTO a VALUES (1, 'one', 1)")
  const all = { ...migrations, 'V2__b.sql': `-- heirloom: allow-destructive\nDROP VIEW v; ${rebuild}` }
  const app = new Database(database, { migrations: all, leaveOut: [] })
  const events = []
  const values = {
    Status: await app.status(),
    Plan: await app.plan(),
    Inspected: await app.inspect(),
    BackupInfo: await app.snapshot('s'),
    Report: await app.migrate({ onEvent: (event) => events.push(event) }),
    Stats: await app.stats(),
    Log: await app.log(),
    Diagnosis: await app.doctor(),
    StateComparison: await app.compare({ snapshot: 's' }),
    RestorePlan: await app.planRestore({ snapshot: 's' }),
  }
  values.Recovery = await app.recover(path.join(folder, 'recovered.db'))
  values.DowngradeOptions = await new Database(database, { migrations }).downgradeOptions()
  const restored = await app.restore('latest')
  const failures = [
    await new Database(database, { migrations: { ...all, 'V3__c.sql': 'INSERT INTO nowhere VALUES (1)' } }).migrate().catch((e) => e),
    await new Database(database, { migrations: { ...migrations, 'V2__b.sql': 'DROP TABLE c; DROP TABLE a' } }).migrate().catch((e) => e),
  ].map(({ message, stack, name, ...rest }) => ({ message, ...rest }))
  const lines = [
    `import type * as heirloom from ${JSON.stringify(path.join(__dirname, '..', 'index.js'))}`,
    ...Object.entries(values).map(([type, value]) => `({ value: ${JSON.stringify(value)} }) satisfies { value: heirloom.${type} };`),
    `(${JSON.stringify(restored)}) satisfies heirloom.Report;`,
    ...events.map((event) => `(${JSON.stringify(event)}) satisfies heirloom.Event;`),
    ...failures.map((failure) => `(${JSON.stringify(failure)}) satisfies heirloom.Failure;`),
  ]
  const file = path.join(folder, 'values.mts')
  fs.writeFileSync(file, lines.join('\n'))
  const tsc = require.resolve('typescript/bin/tsc')
  const options = ['--noEmit', '--strict', '--target', 'es2022', '--module', 'nodenext', '--types', 'node',
    '--typeRoots', path.join(__dirname, '../node_modules/@types')]
  const checked = spawnSync(process.execPath, [tsc, ...options, file], { encoding: 'utf8' })
  assert.equal(checked.stdout, '')
})
