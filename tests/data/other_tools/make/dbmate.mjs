// dbmate's own binary (from its npm package) over ../dbmate/migrations.
import fs from "node:fs";
import path from "node:path";
import { bin, folder, fresh, rows, run, scratch } from "./common.mjs";

const own = path.join(folder("dbmate"), "migrations");
for (const [name, count] of [["app.db", 3], ["two.db", 2]]) {
  const some = scratch();
  for (const file of fs.readdirSync(own).sort().slice(0, count)) fs.copyFileSync(path.join(own, file), path.join(some, file));
  const database = fresh("dbmate", name);
  run(bin("dbmate"), ["--url", `sqlite:${database}`, "--migrations-dir", some, "--no-dump-schema", "up"]);
  rows(database, count);
}
