INSERT INTO heirloom_check VALUES(1,'a',1),(2,'b',NULL); INSERT INTO o VALUES(1,1);
