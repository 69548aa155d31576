CREATE VIRTUAL TABLE f USING fts4(
  -- was: title
  heading,
  b);
