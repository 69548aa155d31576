-- A rebuild: the SQLite that tauri-plugin-sql brings cannot change NOT NULL in place.
CREATE TABLE notes_new (
    id INTEGER PRIMARY KEY,
    title TEXT NOT NULL DEFAULT 'Untitled',
    body TEXT NOT NULL DEFAULT '',
    created_at TEXT NOT NULL DEFAULT CURRENT_TIMESTAMP,
    pinned INTEGER NOT NULL DEFAULT 0 CHECK (pinned IN (0, 1))
);
INSERT INTO notes_new (id, title, body, created_at, pinned)
SELECT id, coalesce(title, 'Untitled'), body, created_at, pinned FROM notes;
DROP TABLE notes;
ALTER TABLE notes_new RENAME TO notes;
CREATE INDEX notes_pinned ON notes (pinned) WHERE pinned = 1;
