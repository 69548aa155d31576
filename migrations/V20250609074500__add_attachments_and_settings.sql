-- The file itself lies beside the database, under its digest.
CREATE TABLE attachments (
    id INTEGER PRIMARY KEY,
    note_id INTEGER NOT NULL REFERENCES notes (id) ON DELETE CASCADE,
    file_name TEXT NOT NULL,
    media_type TEXT NOT NULL,
    bytes INTEGER NOT NULL CHECK (bytes >= 0),
    digest TEXT NOT NULL,
    added_at TEXT NOT NULL DEFAULT (strftime('%Y-%m-%dT%H:%M:%SZ', 'now'))
);

CREATE INDEX attachments_by_note ON attachments (note_id);

CREATE TABLE settings (
    name TEXT PRIMARY KEY,
    value TEXT NOT NULL
) WITHOUT ROWID;

-- What the list in the main window shows.
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
