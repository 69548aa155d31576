-- The same pattern on the way back: create, copy, drop, rename. `pinned` is the last
-- column again, where ADD COLUMN had put it.
DROP VIEW note_list;

CREATE TABLE notes_old (
    id INTEGER PRIMARY KEY AUTOINCREMENT,
    folder_id INTEGER REFERENCES folders (id) ON DELETE CASCADE,
    title TEXT NOT NULL,
    body TEXT NOT NULL DEFAULT '',
    created_at TEXT NOT NULL DEFAULT (strftime('%Y-%m-%dT%H:%M:%SZ', 'now')),
    updated_at TEXT NOT NULL DEFAULT (strftime('%Y-%m-%dT%H:%M:%SZ', 'now')),
    pinned INTEGER NOT NULL DEFAULT 0 CHECK (pinned IN (0, 1))
);

INSERT INTO notes_old (id, folder_id, title, body, created_at, updated_at, pinned)
SELECT id, folder_id, title, body, created_at, updated_at, pinned FROM notes;

DROP TABLE notes;
ALTER TABLE notes_old RENAME TO notes;

CREATE INDEX notes_by_folder ON notes (folder_id, updated_at DESC);
CREATE INDEX notes_pinned ON notes (updated_at DESC) WHERE pinned = 1;

CREATE TRIGGER notes_touch AFTER UPDATE OF folder_id, title, body ON notes
WHEN new.updated_at IS old.updated_at
BEGIN
    UPDATE notes SET updated_at = strftime('%Y-%m-%dT%H:%M:%SZ', 'now') WHERE id = new.id;
END;

CREATE TRIGGER notes_fts_insert AFTER INSERT ON notes
BEGIN
    INSERT INTO notes_fts (rowid, title, body) VALUES (new.id, new.title, new.body);
END;

CREATE TRIGGER notes_fts_delete AFTER DELETE ON notes
BEGIN
    INSERT INTO notes_fts (notes_fts, rowid, title, body)
    VALUES ('delete', old.id, old.title, old.body);
END;

CREATE TRIGGER notes_fts_update AFTER UPDATE OF id, title, body ON notes
BEGIN
    INSERT INTO notes_fts (notes_fts, rowid, title, body)
    VALUES ('delete', old.id, old.title, old.body);
    INSERT INTO notes_fts (rowid, title, body) VALUES (new.id, new.title, new.body);
END;

CREATE VIEW note_list AS
SELECT
    notes.id,
    notes.title,
    folders.name AS folder,
    (SELECT count(*) FROM note_tags WHERE note_tags.note_id = notes.id) AS tags,
    (SELECT count(*) FROM attachments WHERE attachments.note_id = notes.id) AS attachments,
    notes.updated_at
FROM notes
LEFT JOIN folders ON folders.id = notes.folder_id;
