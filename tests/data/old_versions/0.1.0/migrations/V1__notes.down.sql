-- heirloom: allow-destructive
DROP TABLE notes;