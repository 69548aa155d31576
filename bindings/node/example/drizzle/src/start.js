// The start-up of the app: migrate and close, then open. In this order: two SQLite libraries in one
// process must not have the file open at once.
'use strict'

const path = require('node:path')
const BetterSqlite3 = require('better-sqlite3')
const { drizzle } = require('drizzle-orm/better-sqlite3')
const { migrate } = require('heirloom')
const schema = require('./schema')
const { version } = require('../package.json')

async function start(database, onEvent) {
  const report = await migrate({
    database,
    migrations: path.join(__dirname, '../migrations'),
    appVersion: version,
    // Until 1.0 the app was migrated by drizzle-orm's migrator, whose history goes on.
    adoptFrom: 'drizzle',
    onEvent,
  })
  const connection = new BetterSqlite3(database)
  return { db: drizzle(connection, { schema }), connection, report }
}

module.exports = { start }
