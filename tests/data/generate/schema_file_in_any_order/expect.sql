SELECT count(*) FROM v
