CREATE VIRTUAL TABLE g USING fts5(title, content='');
