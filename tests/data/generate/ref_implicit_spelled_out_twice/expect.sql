SELECT * FROM c; SELECT * FROM d; PRAGMA foreign_key_check;
