'use strict'

const { EntitySchema } = require('typeorm')

const Note = new EntitySchema({
  name: 'Note',
  tableName: 'note',
  columns: {
    id: { type: 'integer', primary: true, generated: true },
    title: { type: 'text' },
    body: { type: 'text', default: '' },
    pinned: { type: 'boolean', default: false },
    createdAt: { type: 'datetime', createDate: true },
  },
  relations: {
    folder: { type: 'many-to-one', target: 'Folder', nullable: true, onDelete: 'SET NULL', joinColumn: true },
  },
  indices: [{ name: 'note_by_title', columns: ['title'] }],
})

const Folder = new EntitySchema({
  name: 'Folder',
  tableName: 'folder',
  columns: {
    id: { type: 'integer', primary: true, generated: true },
    name: { type: 'text', unique: true },
  },
  checks: [{ name: 'folder_has_a_name', expression: "name <> ''" }],
})

module.exports = { Note, Folder, entities: [Note, Folder] }
