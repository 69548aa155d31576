INSERT INTO "f x"(rowid,title,body) VALUES(7,'Hello','World'),(3,'A','B');
