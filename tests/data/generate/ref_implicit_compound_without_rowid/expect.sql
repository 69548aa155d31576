SELECT a,b,c FROM t; SELECT * FROM k; PRAGMA foreign_key_check;
