INSERT INTO t VALUES(1,'w',x'00',1),(2,5,'abc',2),(3,1.5,NULL,3); INSERT INTO k VALUES('a','12x'),('b',x'01');
