INSERT INTO t VALUES(1,'x
y','x'),(2,'x
    y','x');