CREATE TABLE items_new (id INTEGER PRIMARY KEY, name TEXT NOT NULL, price INTEGER NOT NULL);
INSERT INTO items_new SELECT id, trim(name), CAST(round(price * 100) AS INTEGER) FROM items;
DROP TABLE items;
ALTER TABLE items_new RENAME TO items;
