CREATE TABLE kind(id INTEGER PRIMARY KEY, -- was: cat
 name TEXT -- was: label
);
CREATE TABLE t(id INTEGER PRIMARY KEY,
 c INT,
 x TEXT NOT NULL, -- using: (SELECT label FROM cat WHERE cat.id = c)
 y TEXT NOT NULL, -- using: (SELECT name FROM kind WHERE kind.id = c)
 z TEXT NOT NULL -- using: (SELECT max(label) FROM kind)
);