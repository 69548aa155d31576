CREATE TABLE t(id INTEGER PRIMARY KEY,
 title TEXT, -- was: name
 n INT, -- was: num
 x TEXT NOT NULL -- using: upper(name) || n || 'name' || num
);