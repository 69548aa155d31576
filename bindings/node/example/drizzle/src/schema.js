'use strict'

const { sql } = require('drizzle-orm')
const { check, index, integer, sqliteTable, text } = require('drizzle-orm/sqlite-core')

const folders = sqliteTable(
  'folders',
  { id: integer().primaryKey({ autoIncrement: true }), name: text().notNull().unique() },
  (table) => [check('folders_have_a_name', sql`${table.name} <> ''`)],
)

const notes = sqliteTable(
  'notes',
  {
    id: integer().primaryKey({ autoIncrement: true }),
    folderId: integer('folder_id').references(() => folders.id, { onDelete: 'set null' }),
    title: text().notNull(),
    body: text().notNull().default(''),
    pinned: integer({ mode: 'boolean' }).notNull().default(false),
  },
  (table) => [index('notes_by_title').on(table.title)],
)

module.exports = { folders, notes }
