-- Written by `heirloom generate`.

ALTER TABLE note ADD COLUMN "pinned" boolean NOT NULL DEFAULT (0);

CREATE INDEX "note_by_title" ON "note" ("title");
