CREATE TABLE items (id INTEGER PRIMARY KEY, name TEXT NOT NULL, price REAL NOT NULL);
INSERT INTO items VALUES (1, 'lamp', 49.5), (2, 'chair', 120.25);
