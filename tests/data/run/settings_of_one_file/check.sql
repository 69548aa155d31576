SELECT a, last FROM t
