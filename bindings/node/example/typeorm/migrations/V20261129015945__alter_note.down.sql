-- Written by `heirloom generate`: the down migration.
-- It will drop column `pinned` of `note`.

DROP INDEX note_by_title;

ALTER TABLE note DROP COLUMN pinned;
