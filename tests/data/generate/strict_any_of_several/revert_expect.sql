SELECT id,quote(d),quote(e),n FROM t;
