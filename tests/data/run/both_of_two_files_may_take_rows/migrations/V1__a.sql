-- heirloom: allow-destructive
DELETE FROM notes WHERE id = 1;
