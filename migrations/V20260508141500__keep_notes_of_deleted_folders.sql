-- Deleting a folder took its notes along. Now they stay, without a folder. ALTER TABLE
-- cannot change a reference, so the table is built anew: create, copy, drop, rename
-- (https://sqlite.org/lang_altertable.html#otheralter).
--
-- The order matters. Renaming the old table out of the way first would take the
-- references of note_tags and attachments along with it, and they would be left pointing
-- at a table that is then dropped.
--
-- Foreign keys are off during a run and checked at its end. Were they on, DROP TABLE
-- would delete every note first, and each would take its tags and attachments along.

-- Views that read from the table go first: the rename refuses to leave one broken.
DROP VIEW note_list;

CREATE TABLE notes_new (
    id INTEGER PRIMARY KEY AUTOINCREMENT,
    folder_id INTEGER REFERENCES folders (id) ON DELETE SET NULL,
    title TEXT NOT NULL DEFAULT 'Untitled',
    body TEXT NOT NULL DEFAULT '',
    pinned INTEGER NOT NULL DEFAULT 0 CHECK (pinned IN (0, 1)),
    created_at TEXT NOT NULL DEFAULT (strftime('%Y-%m-%dT%H:%M:%SZ', 'now')),
    updated_at TEXT NOT NULL DEFAULT (strftime('%Y-%m-%dT%H:%M:%SZ', 'now'))
);

-- Columns by name on both sides: `SELECT *` would follow their order, which differs here.
-- The mark that AUTOINCREMENT counts from is not copied; heirloom puts it back afterwards.
INSERT INTO notes_new (id, folder_id, title, body, pinned, created_at, updated_at)
SELECT id, folder_id, title, body, pinned, created_at, updated_at FROM notes;

DROP TABLE notes;
ALTER TABLE notes_new RENAME TO notes;

-- Indexes and triggers went with the old table. The triggers come after the copy, so
-- that none of them ran for it. notes_fts needs no rebuild: every note kept its id.
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

-- The list now says which notes are pinned, and notes without a folder are in it.
CREATE VIEW note_list AS
SELECT
    notes.id,
    notes.title,
    coalesce(folders.name, 'No folder') AS folder,
    notes.pinned,
    (SELECT count(*) FROM note_tags WHERE note_tags.note_id = notes.id) AS tags,
    (SELECT count(*) FROM attachments WHERE attachments.note_id = notes.id) AS attachments,
    notes.updated_at
FROM notes
LEFT JOIN folders ON folders.id = notes.folder_id;
