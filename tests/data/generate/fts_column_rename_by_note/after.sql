CREATE VIRTUAL TABLE f USING fts5(
  heading, -- was: title
  b);
