-- heirloom: irreversible
-- What drizzle/0000_create_notes.sql did: the app's version 1.0. (drizzle-orm counts, so it is one file for
-- each of its migrations, in their order.)
CREATE TABLE `folders` (
	`id` integer PRIMARY KEY AUTOINCREMENT NOT NULL,
	`name` text NOT NULL
);
CREATE UNIQUE INDEX `folders_name_unique` ON `folders` (`name`);
CREATE TABLE `notes` (
	`id` integer PRIMARY KEY AUTOINCREMENT NOT NULL,
	`folder_id` integer,
	`title` text NOT NULL,
	`body` text DEFAULT '' NOT NULL,
	FOREIGN KEY (`folder_id`) REFERENCES `folders`(`id`) ON UPDATE no action ON DELETE set null
);
