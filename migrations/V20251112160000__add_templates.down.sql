-- Templates that the user wrote go too: before this version there is no place for them.
DROP TABLE templates;
