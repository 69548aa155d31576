// drizzle-kit writes the migrations from the schema of each stage (once: what is in
// ../drizzle/migrations stays) and applies them with `drizzle-kit migrate`, over libsql.
import fs from "node:fs";
import path from "node:path";
import { bin, folder, fresh, make, rows, run, scratch } from "./common.mjs";

const own = path.join(folder("drizzle"), "migrations");
const stages = ["create_users", "create_notes", "add_done"];
const users = `
import { index, integer, sqliteTable, text } from "drizzle-orm/sqlite-core";
export const users = sqliteTable("users", { id: integer().primaryKey(), name: text().notNull() });
`;
const notes = (done) => `
export const notes = sqliteTable("notes", {
  id: integer().primaryKey(),
  user_id: integer().notNull().references(() => users.id, { onDelete: "cascade" }),
  title: text().notNull(),${done ? "\n  done: integer().notNull().default(0)," : ""}
}, (table) => [index("notes_user_id").on(table.user_id)]);
`;
const schema = (stage) => users + (stage > 1 ? notes(stage > 2) : "");

function kit(command, out, url, stage, ...args) {
  const some = scratch();
  fs.symlinkSync(path.join(make, "node_modules"), path.join(some, "node_modules"));
  fs.writeFileSync(path.join(some, "schema.ts"), schema(stage));
  const config = { dialect: "sqlite", schema: "./schema.ts", out: path.relative(some, out), dbCredentials: { url } };
  fs.writeFileSync(path.join(some, "drizzle.config.ts"), `export default ${JSON.stringify(config)};`);
  run(bin("drizzle-kit"), [command, ...args], { cwd: some });
}

for (const [index, name] of stages.entries()) {
  const number = String(index).padStart(4, "0");
  if (!fs.existsSync(path.join(own, `${number}_${name}.sql`))) kit("generate", own, "file:none.db", index + 1, "--name", name);
}
const journal = JSON.parse(fs.readFileSync(path.join(own, "meta", "_journal.json"), "utf8"));
for (const [name, count] of [["app.db", 3], ["two.db", 2]]) {
  const some = scratch();
  fs.cpSync(own, some, { recursive: true });
  fs.writeFileSync(path.join(some, "meta", "_journal.json"), JSON.stringify({ ...journal, entries: journal.entries.slice(0, count) }));
  const file = fresh("drizzle", name);
  kit("migrate", some, `file:${file}`, count);
  rows(file, count);
}
const heirloom = path.join(folder("drizzle"), "heirloom");
fs.mkdirSync(heirloom, { recursive: true });
for (const { idx, tag } of journal.entries) {
  const sql = fs.readFileSync(path.join(own, `${tag}.sql`), "utf8");
  fs.writeFileSync(path.join(heirloom, `V${idx + 1}__${tag.slice(5)}.sql`), sql.replaceAll("--> statement-breakpoint", "").trimEnd() + "\n");
}
