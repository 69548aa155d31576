-- Written by `heirloom generate`: the down migration.
-- It will drop column `pinned` of `notes`.

DROP INDEX notes_by_title;

ALTER TABLE notes DROP COLUMN pinned;
