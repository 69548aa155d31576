-- migrate:up
ALTER TABLE notes ADD COLUMN done INTEGER NOT NULL DEFAULT 0;

-- migrate:down
ALTER TABLE notes DROP COLUMN done;
