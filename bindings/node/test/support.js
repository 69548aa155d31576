// What the tests share. A database is looked at through the SQLite of better-sqlite3, or of Node itself
// where better-sqlite3 was built for another Node.
'use strict'

const assert = require('node:assert/strict')
const fs = require('node:fs')
const os = require('node:os')
const path = require('node:path')
const { HeirloomError } = require('..')

function folder(t) {
  const folder = fs.mkdtempSync(path.join(os.tmpdir(), 'heirloom-'))
  t.after(() => fs.rmSync(folder, { recursive: true, force: true }))
  return folder
}

/** The other SQLites of this process, by name: each opens a file. They have `exec`, `prepare` and `close`. */
const others = {}
try {
  const BetterSqlite3 = require('better-sqlite3')
  new BetterSqlite3(':memory:').close()
  others['better-sqlite3'] = (file) => new BetterSqlite3(file)
} catch {}
try {
  const { DatabaseSync } = require('node:sqlite')
  others['node:sqlite'] = (file) => new DatabaseSync(file)
} catch {}
const [open] = Object.values(others)

function write(database, sql) {
  const other = open(database)
  other.exec(sql)
  other.close()
}

function rows(database, sql) {
  const other = open(database)
  const found = other.prepare(sql).all().map((row) => ({ ...row }))
  other.close()
  return found
}

async function failure(promise) {
  const error = await promise.then(() => assert.fail('nothing was refused'), (error) => error)
  assert.ok(error instanceof HeirloomError, error)
  return error
}

module.exports = { failure, folder, others, rows, write }
