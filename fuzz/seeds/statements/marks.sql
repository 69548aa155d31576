-- heirloom: allow-destructive
CREATE TABLE [a b] (x);
;;
EXPLAIN QUERY PLAN SELECT 1;
PRAGMA user_version = 3;
ALTER TABLE [a b] RENAME TO c;
WITH q AS (SELECT 1) DELETE FROM c WHERE 1;
/* open