-- migrate:up
CREATE TABLE v (x);
-- migrate:down
DROP TABLE v;
