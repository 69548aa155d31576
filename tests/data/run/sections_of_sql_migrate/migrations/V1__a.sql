-- +migrate Up
CREATE TABLE v (x);
-- +migrate Down
DROP TABLE v;
