CREATE VIRTUAL TABLE "f x" USING fts5(title, body, tokenize='porter');
