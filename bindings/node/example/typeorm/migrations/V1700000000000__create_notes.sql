-- heirloom: irreversible
-- What TypeORM's migration CreateNotes1700000000000 did: the app's version 1.0.
CREATE TABLE "folder" ("id" integer PRIMARY KEY AUTOINCREMENT NOT NULL, "name" text NOT NULL, CONSTRAINT "UQ_6c1d94a58a2bd91753e7be9d9df" UNIQUE ("name"));
CREATE TABLE "note" ("id" integer PRIMARY KEY AUTOINCREMENT NOT NULL, "title" text NOT NULL, "body" text NOT NULL DEFAULT (''), "createdAt" datetime NOT NULL DEFAULT (datetime('now')), "folderId" integer, CONSTRAINT "FK_b6251c885d0798284f754c55d2b" FOREIGN KEY ("folderId") REFERENCES "folder" ("id") ON DELETE SET NULL ON UPDATE NO ACTION);
