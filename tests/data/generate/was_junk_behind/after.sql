CREATE TABLE t(id INTEGER PRIMARY KEY,
 f TEXT -- was: "first name" until 2.0
);