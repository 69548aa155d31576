INSERT INTO "my t" VALUES(1,'x');
