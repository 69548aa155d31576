-- The first release: notes in nested folders.

CREATE TABLE folders (
    id INTEGER PRIMARY KEY,
    parent_id INTEGER REFERENCES folders (id) ON DELETE CASCADE,
    name TEXT NOT NULL,
    position INTEGER NOT NULL DEFAULT 0,
    UNIQUE (parent_id, name)
);

-- AUTOINCREMENT: the id of a deleted note is never given to another one, because
-- links between notes (`note:42`) hold ids.
CREATE TABLE notes (
    id INTEGER PRIMARY KEY AUTOINCREMENT,
    folder_id INTEGER REFERENCES folders (id) ON DELETE CASCADE,
    title TEXT NOT NULL,
    body TEXT NOT NULL DEFAULT '',
    created_at TEXT NOT NULL DEFAULT (strftime('%Y-%m-%dT%H:%M:%SZ', 'now')),
    updated_at TEXT NOT NULL DEFAULT (strftime('%Y-%m-%dT%H:%M:%SZ', 'now'))
);

CREATE INDEX notes_by_folder ON notes (folder_id, updated_at DESC);

-- An import that sets updated_at itself keeps its value.
CREATE TRIGGER notes_touch AFTER UPDATE OF folder_id, title, body ON notes
WHEN new.updated_at IS old.updated_at
BEGIN
    UPDATE notes SET updated_at = strftime('%Y-%m-%dT%H:%M:%SZ', 'now') WHERE id = new.id;
END;
