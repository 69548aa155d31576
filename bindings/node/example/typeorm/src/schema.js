// Prints the schema of the entities: what `synchronize` makes of an empty database.
// (`typeorm schema:log` lists how it gets there, with temporary tables, and is not a schema.)
'use strict'

const { DataSource } = require('typeorm')
const { entities } = require('./entities')

const SCHEMA = `SELECT sql FROM sqlite_schema WHERE sql IS NOT NULL AND name NOT LIKE 'sqlite\\_%' ESCAPE '\\'
  AND tbl_name NOT IN ('migrations', 'typeorm_metadata') ORDER BY type = 'index', rowid`

async function schema() {
  const empty = new DataSource({ type: 'better-sqlite3', database: ':memory:', entities, synchronize: true })
  await empty.initialize()
  const rows = await empty.query(SCHEMA)
  await empty.destroy()
  return rows.map(({ sql }) => `${sql};\n`).join('')
}

module.exports = { schema }
if (require.main === module) schema().then((sql) => process.stdout.write(sql))
