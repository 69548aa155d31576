INSERT INTO f VALUES(1,'Hello',1),(9,'World',2);
