CREATE TABLE "notes" (
                "id" integer PRIMARY KEY AUTOINCREMENT NOT NULL,
                "user_id" integer NOT NULL,
                "title" text NOT NULL
            );
CREATE INDEX "IDX_7708dcb62ff332f0eaf9f0743a" ON "notes" ("user_id");
DROP INDEX "IDX_7708dcb62ff332f0eaf9f0743a";
CREATE TABLE "temporary_notes" (
                "id" integer PRIMARY KEY AUTOINCREMENT NOT NULL,
                "user_id" integer NOT NULL,
                "title" text NOT NULL,
                CONSTRAINT "FK_7708dcb62ff332f0eaf9f0743a7" FOREIGN KEY ("user_id") REFERENCES "users" ("id") ON DELETE CASCADE ON UPDATE NO ACTION
            );
INSERT INTO "temporary_notes"("id", "user_id", "title")
            SELECT "id",
                "user_id",
                "title"
            FROM "notes";
DROP TABLE "notes";
ALTER TABLE "temporary_notes"
                RENAME TO "notes";
CREATE INDEX "IDX_7708dcb62ff332f0eaf9f0743a" ON "notes" ("user_id");
