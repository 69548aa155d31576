INSERT OR REPLACE INTO users VALUES (1, 'a@x', 'system');
