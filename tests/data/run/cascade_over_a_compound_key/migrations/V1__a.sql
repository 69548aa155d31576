-- heirloom: allow-destructive
UPDATE "a b" SET y = y + 10;
INSERT INTO "a b" VALUES (1, 1), (1, 2);
