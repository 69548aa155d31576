-- Written by `heirloom generate`: the down migration.

ALTER TABLE folders DROP CONSTRAINT folders_have_a_name;
