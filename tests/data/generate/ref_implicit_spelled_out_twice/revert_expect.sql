SELECT * FROM c; PRAGMA foreign_key_check;
