SELECT count(*) FROM n1
