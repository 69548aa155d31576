ALTER TABLE `notes` ADD `done` integer DEFAULT 0 NOT NULL;
