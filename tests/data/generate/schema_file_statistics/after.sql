CREATE TABLE z(a, b);
ANALYZE sqlite_schema;
INSERT INTO sqlite_stat1 VALUES('z',NULL,'1');
INSERT INTO "sqlite_stat4" VALUES('z','i','1','0','0',x'00');
ANALYZE;
DELETE FROM sqlite_sequence;
