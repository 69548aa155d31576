// goose is NOT run: there is no Go and no binary of it in the registries that are reachable here.
// A stand-in: the table is called and has the columns that goose has on SQLite, declared in our own
// words (so its CREATE statement and declared types are not goose's), and the rows are those that
// goose's `up` inserts: one for version 0, then one for each migration.
import fs from "node:fs";
import path from "node:path";
import { folder, fresh, rows, run } from "./common.mjs";

const own = path.join(folder("goose"), "migrations");
const files = fs.readdirSync(own).sort();
const version = (file) => file.split("_")[0];
const half = (file, from, to) => {
  const text = fs.readFileSync(path.join(own, file), "utf8");
  return text.slice(text.indexOf(from) + from.length, to ? text.indexOf(to) : undefined).trim();
};
const row = (number, applied) => `INSERT INTO goose_db_version (version_id, is_applied) VALUES (${number}, ${applied});`;
const up = (file) => `BEGIN; ${half(file, "-- +goose Up", "-- +goose Down")} ${row(version(file), 1)} COMMIT;`;

for (const [name, count] of [["app.db", 3], ["two.db", 2], ["broken.db", 3]]) {
  const database = fresh("goose", name);
  const table = `BEGIN;
CREATE TABLE goose_db_version (
    id INTEGER PRIMARY KEY AUTOINCREMENT,
    version_id BIGINT NOT NULL,
    is_applied BOOLEAN NOT NULL,
    tstamp TEXT NOT NULL DEFAULT CURRENT_TIMESTAMP
);
${row(0, 1)}
COMMIT;`;
  run("sqlite3", ["-bail", database, [table, ...files.slice(0, count).map(up)].join("\n")]);
  rows(database, count);
  // What the original goose wrote for `down`; goose v3 deletes the row instead.
  if (name === "broken.db") run("sqlite3", ["-bail", database, `BEGIN; ${half(files[2], "-- +goose Down")} ${row(version(files[2]), 0)} COMMIT;`]);
}
