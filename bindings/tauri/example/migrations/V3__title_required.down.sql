CREATE TABLE notes_old (
    id INTEGER PRIMARY KEY,
    title TEXT,
    body TEXT NOT NULL DEFAULT '',
    created_at TEXT NOT NULL DEFAULT CURRENT_TIMESTAMP,
    pinned INTEGER NOT NULL DEFAULT 0 CHECK (pinned IN (0, 1))
);
INSERT INTO notes_old (id, title, body, created_at, pinned)
SELECT id, title, body, created_at, pinned FROM notes;
DROP TABLE notes;
ALTER TABLE notes_old RENAME TO notes;
CREATE INDEX notes_pinned ON notes (pinned) WHERE pinned = 1;
