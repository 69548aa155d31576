DELETE FROM notes WHERE id = 2;
INSERT INTO notes VALUES (9, 'd');
