-- Written by `heirloom generate`.

ALTER TABLE notes ADD COLUMN `pinned` integer DEFAULT false NOT NULL;

CREATE INDEX `notes_by_title` ON `notes` (`title`);
