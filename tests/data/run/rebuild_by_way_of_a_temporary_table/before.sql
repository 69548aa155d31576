CREATE TABLE tags (name TEXT PRIMARY KEY, colour TEXT) WITHOUT ROWID;
INSERT INTO tags VALUES ('work', 'red'), ('home', 'blue');
