-- was: "old table"
CREATE TABLE "new.table"(
 id INTEGER PRIMARY KEY,
 -- was: [old col]
 "new.col" TEXT NOT NULL DEFAULT 'x'
);