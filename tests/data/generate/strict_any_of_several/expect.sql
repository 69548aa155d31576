SELECT id,quote(d),quote(e),n FROM t; SELECT p,quote(v) FROM k
