CREATE TEMP TABLE kept AS SELECT * FROM tags;
DROP TABLE tags;
CREATE TABLE tags (name TEXT PRIMARY KEY, colour TEXT, icon TEXT) WITHOUT ROWID;
INSERT INTO tags (name, colour) SELECT name, colour FROM kept;
