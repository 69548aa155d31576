-- heirloom: allow-destructive
ALTER TABLE notes DROP COLUMN pinned;