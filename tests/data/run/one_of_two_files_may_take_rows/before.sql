CREATE TABLE notes (id INTEGER PRIMARY KEY, title TEXT NOT NULL);
INSERT INTO notes VALUES (1, 'a'), (2, 'b'), (3, 'c');
