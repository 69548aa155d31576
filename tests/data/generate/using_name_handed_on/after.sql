CREATE TABLE t(id INTEGER PRIMARY KEY,
 b TEXT, -- was: a
 c TEXT, -- was: b
 x TEXT NOT NULL -- using: b || '!'
);