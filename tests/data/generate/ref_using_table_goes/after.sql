CREATE TABLE t(id INTEGER PRIMARY KEY,
 n TEXT -- using: (SELECT n FROM names WHERE names.k = t.k)
);