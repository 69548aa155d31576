CREATE TABLE t(id INTEGER PRIMARY KEY,
 first_name TEXT, -- was: first name
 pos INT, -- was: order
 x TEXT NOT NULL -- using: upper("first name") || t."order" || [order]
);