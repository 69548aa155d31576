import { MigrationInterface, QueryRunner } from "typeorm";

export class CreateNotes1704974400000 implements MigrationInterface {
    name = 'CreateNotes1704974400000'

    public async up(queryRunner: QueryRunner): Promise<void> {
        await queryRunner.query(`
            CREATE TABLE "notes" (
                "id" integer PRIMARY KEY AUTOINCREMENT NOT NULL,
                "user_id" integer NOT NULL,
                "title" text NOT NULL
            )
        `);
        await queryRunner.query(`
            CREATE INDEX "IDX_7708dcb62ff332f0eaf9f0743a" ON "notes" ("user_id")
        `);
        await queryRunner.query(`
            DROP INDEX "IDX_7708dcb62ff332f0eaf9f0743a"
        `);
        await queryRunner.query(`
            CREATE TABLE "temporary_notes" (
                "id" integer PRIMARY KEY AUTOINCREMENT NOT NULL,
                "user_id" integer NOT NULL,
                "title" text NOT NULL,
                CONSTRAINT "FK_7708dcb62ff332f0eaf9f0743a7" FOREIGN KEY ("user_id") REFERENCES "users" ("id") ON DELETE CASCADE ON UPDATE NO ACTION
            )
        `);
        await queryRunner.query(`
            INSERT INTO "temporary_notes"("id", "user_id", "title")
            SELECT "id",
                "user_id",
                "title"
            FROM "notes"
        `);
        await queryRunner.query(`
            DROP TABLE "notes"
        `);
        await queryRunner.query(`
            ALTER TABLE "temporary_notes"
                RENAME TO "notes"
        `);
        await queryRunner.query(`
            CREATE INDEX "IDX_7708dcb62ff332f0eaf9f0743a" ON "notes" ("user_id")
        `);
    }

    public async down(queryRunner: QueryRunner): Promise<void> {
        await queryRunner.query(`
            DROP INDEX "IDX_7708dcb62ff332f0eaf9f0743a"
        `);
        await queryRunner.query(`
            ALTER TABLE "notes"
                RENAME TO "temporary_notes"
        `);
        await queryRunner.query(`
            CREATE TABLE "notes" (
                "id" integer PRIMARY KEY AUTOINCREMENT NOT NULL,
                "user_id" integer NOT NULL,
                "title" text NOT NULL
            )
        `);
        await queryRunner.query(`
            INSERT INTO "notes"("id", "user_id", "title")
            SELECT "id",
                "user_id",
                "title"
            FROM "temporary_notes"
        `);
        await queryRunner.query(`
            DROP TABLE "temporary_notes"
        `);
        await queryRunner.query(`
            CREATE INDEX "IDX_7708dcb62ff332f0eaf9f0743a" ON "notes" ("user_id")
        `);
        await queryRunner.query(`
            DROP INDEX "IDX_7708dcb62ff332f0eaf9f0743a"
        `);
        await queryRunner.query(`
            DROP TABLE "notes"
        `);
    }

}
