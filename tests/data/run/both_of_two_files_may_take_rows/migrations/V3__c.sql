-- heirloom: allow-destructive
DELETE FROM notes WHERE id = 2;
