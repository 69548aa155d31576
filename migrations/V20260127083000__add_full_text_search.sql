-- An index of words over notes. `content = 'notes'`: it keeps no copy of the text, and
-- reads title and body from the table when a result is shown.
CREATE VIRTUAL TABLE notes_fts USING fts5 (
    title,
    body,
    content = 'notes',
    content_rowid = 'id',
    tokenize = 'unicode61 remove_diacritics 2'
);

-- Such an index hears of changes only through triggers. It has to be told the old words
-- to forget them.
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

-- The notes that are already there.
INSERT INTO notes_fts (notes_fts) VALUES ('rebuild');
