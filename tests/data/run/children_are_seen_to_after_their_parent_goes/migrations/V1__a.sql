-- heirloom: allow-destructive
DELETE FROM users WHERE id = 1;
DELETE FROM notes WHERE user_id NOT IN (SELECT id FROM users);
