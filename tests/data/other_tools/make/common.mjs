// What the makers of the npm tools share.
import { execFileSync } from "node:child_process";
import fs from "node:fs";
import os from "node:os";
import path from "node:path";
import { fileURLToPath } from "node:url";

export const make = path.dirname(fileURLToPath(import.meta.url));
export const folder = (tool) => path.join(make, "..", tool);
export const bin = (name) => path.join(make, "node_modules", ".bin", name);

export function run(program, args, options = {}) {
  return execFileSync(program, args, { stdio: ["ignore", "inherit", "inherit"], ...options });
}

export function scratch() {
  return fs.mkdtempSync(path.join(os.tmpdir(), "make-foreign-"));
}

/** Where a database is to be, with nothing there. */
export function fresh(tool, name) {
  const file = path.join(folder(tool), name);
  for (const ending of ["", "-wal", "-shm", "-journal"]) fs.rmSync(file + ending, { force: true });
  return file;
}

/** The rows that every fixture has; `done` is there from the third migration on. */
export function rows(file, count) {
  let sql = `PRAGMA foreign_keys = ON;
INSERT INTO users (id, name) VALUES (1, 'Ada'), (2, 'Grace');
INSERT INTO notes (id, user_id, title) VALUES (1, 1, 'engine'), (2, 1, 'loom'), (3, 2, 'moth');`;
  if (count === 3) sql += "UPDATE notes SET done = 1 WHERE id = 2;";
  run("sqlite3", ["-bail", file, sql]);
}
