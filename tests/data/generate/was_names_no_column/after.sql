CREATE TABLE t(id INTEGER PRIMARY KEY,
 x TEXT -- was: price old
);