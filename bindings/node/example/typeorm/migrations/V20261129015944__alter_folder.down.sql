-- Written by `heirloom generate`: the down migration.

ALTER TABLE folder DROP CONSTRAINT folder_has_a_name;
