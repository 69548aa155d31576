CREATE TABLE t(id INTEGER PRIMARY KEY,
 body TEXT, -- was: text
 k INT,
 fold TEXT, -- was: nocase
 x TEXT NOT NULL -- using: CAST(k AS text) || (body = 'Z' COLLATE nocase) || text || nocase
);