CREATE VIRTUAL TABLE g USING fts5(heading, body, tokenize='porter');
