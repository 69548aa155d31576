CREATE TABLE b(x TEXT); -- was: a
CREATE TABLE a(x TEXT); -- was: b