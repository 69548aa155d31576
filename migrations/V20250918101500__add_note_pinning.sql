-- ADD COLUMN writes no row: those that are there read as the default. That is why a
-- NOT NULL column needs one.
ALTER TABLE notes ADD COLUMN pinned INTEGER NOT NULL DEFAULT 0 CHECK (pinned IN (0, 1));

-- A partial index: few notes are pinned, and only they are in it.
CREATE INDEX notes_pinned ON notes (updated_at DESC) WHERE pinned = 1;
