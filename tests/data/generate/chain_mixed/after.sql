CREATE TABLE t(id INTEGER PRIMARY KEY,
 b TEXT, -- was: a
 c TEXT,
 d TEXT -- was: c
);