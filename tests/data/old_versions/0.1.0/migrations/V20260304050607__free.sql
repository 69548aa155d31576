-- heirloom: no-transaction
INSERT INTO notes (text) VALUES ('welcome');
UPDATE notes SET pinned = pinned + 1;