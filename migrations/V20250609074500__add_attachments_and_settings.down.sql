-- The view first: it reads from the table.
DROP VIEW note_list;
DROP TABLE settings;
DROP TABLE attachments;
