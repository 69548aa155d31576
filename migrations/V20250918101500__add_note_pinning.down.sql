-- The index first: SQLite drops no column that an index needs.
DROP INDEX notes_pinned;
ALTER TABLE notes DROP COLUMN pinned;
