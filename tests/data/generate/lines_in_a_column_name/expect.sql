SELECT id, "a
DROP TABLE z; --", c FROM t; SELECT * FROM z