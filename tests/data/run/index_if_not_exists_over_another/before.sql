CREATE TABLE t (a, b);
CREATE INDEX by_a ON t (b);
CREATE INDEX of_my_own ON t (a, b);
