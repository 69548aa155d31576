CREATE TABLE cat(id INTEGER PRIMARY KEY, label TEXT); CREATE TABLE t(id INTEGER PRIMARY KEY,
 title TEXT, -- was: name
 x TEXT NOT NULL, -- using: (SELECT max(name) FROM (SELECT label AS name FROM cat))
 y TEXT NOT NULL, -- using: (WITH name(name) AS (SELECT 7) SELECT name FROM name) || name
 z TEXT NOT NULL -- using: (SELECT name.label FROM cat AS name WHERE name.id = t.id)
);