INSERT INTO notes (title) VALUES ('Welcome');
