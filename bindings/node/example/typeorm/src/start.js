// The start-up of the app: migrate and close, then open. In this order: two SQLite libraries in one
// process must not have the file open at once.
'use strict'

const path = require('node:path')
const { migrate } = require('heirloom')
const { DataSource } = require('typeorm')
const { entities } = require('./entities')
const { version } = require('../package.json')

async function start(database, onEvent) {
  const report = await migrate({
    database,
    // Inside of Electron's asar as well: it is read by Node.
    migrations: path.join(__dirname, '../migrations'),
    appVersion: version,
    // Until 1.0 the app was migrated by TypeORM, whose history goes on.
    adoptFrom: 'typeorm',
    onEvent,
  })
  // Never `synchronize` or `migrationsRun`: what TypeORM does not know it would drop.
  const dataSource = new DataSource({ type: 'better-sqlite3', database, entities })
  await dataSource.initialize()
  return { dataSource, report }
}

module.exports = { start }
