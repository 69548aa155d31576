-- Indexes and triggers go with their table.
DROP TABLE notes;
DROP TABLE folders;
