-- +goose Up
ALTER TABLE notes ADD COLUMN done INTEGER NOT NULL DEFAULT 0;

-- +goose Down
ALTER TABLE notes DROP COLUMN done;
