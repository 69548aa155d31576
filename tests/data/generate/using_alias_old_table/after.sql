CREATE TABLE cat(id INTEGER PRIMARY KEY, name TEXT);
CREATE TABLE item(id INTEGER PRIMARY KEY, -- was: things
 title TEXT, -- was: name
 cat_id INT,
 l TEXT NOT NULL -- using: (SELECT c.name || things.name FROM cat AS c WHERE c.id = things.cat_id)
);