INSERT INTO f VALUES(1,'Hello'); INSERT INTO ft(rowid,name) VALUES(1,'Hello');
