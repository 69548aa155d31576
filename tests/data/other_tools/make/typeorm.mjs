// TypeORM's CLI writes the migrations from the entities of each stage (once: what is in
// ../typeorm/migrations stays) and runs them with the sql.js driver.
import fs from "node:fs";
import path from "node:path";
import { bin, folder, fresh, make, rows, run, scratch } from "./common.mjs";

const own = path.join(folder("typeorm"), "migrations");
const stages = [
  ["CreateUsers", 1704888000000],
  ["CreateNotes", 1704974400000],
  ["AddDone", 1705060800000],
];
const source = `
const { DataSource, EntitySchema } = require("typeorm");
const stage = Number(process.env.STAGE);
const id = { type: "integer", primary: true, generated: "increment" };
const entities = [new EntitySchema({ name: "User", tableName: "users", columns: { id, name: { type: "text" } } })];
if (stage > 1) {
  const columns = { id, user_id: { type: "integer" }, title: { type: "text" } };
  if (stage > 2) columns.done = { type: "integer", default: 0 };
  entities.push(new EntitySchema({
    name: "Note", tableName: "notes", columns,
    indices: [{ columns: ["user_id"] }],
    relations: { user: { type: "many-to-one", target: "User", joinColumn: { name: "user_id" }, onDelete: "CASCADE", nullable: false } },
  }));
}
module.exports = new DataSource({
  type: "sqljs", location: process.env.DATABASE, autoSave: true, entities, migrations: [process.env.MIGRATIONS],
});
`;

function database(name, count, generate) {
  const some = scratch();
  const data = path.join(some, "data-source.js");
  fs.writeFileSync(data, source);
  fs.symlinkSync(path.join(make, "node_modules"), path.join(some, "node_modules"));
  const file = fresh("typeorm", name);
  const compiled = path.join(some, "compiled");
  const call = (stage, ...args) =>
    run("node", [fs.realpathSync(path.join(make, "node_modules", "typeorm", "cli.js")), ...args], {
      cwd: some,
      env: { ...process.env, STAGE: String(stage), DATABASE: file, MIGRATIONS: path.join(compiled, "*.js") },
    });
  for (let stage = 1; stage <= count; stage++) {
    const [title, timestamp] = stages[stage - 1];
    const written = path.join(own, `${timestamp}-${title}.ts`);
    if (generate && !fs.existsSync(written)) call(stage, "migration:generate", "-p", "-t", String(timestamp), "-d", data, path.join(own, title));
    run(bin("esbuild"), [written, "--format=cjs", "--platform=node", `--outdir=${compiled}`, "--log-level=warning"]);
    if (generate) call(stage, "migration:run", "-d", data);
  }
  if (!generate) call(count, "migration:run", "-d", data);
  rows(file, count);
}

fs.mkdirSync(own, { recursive: true });
database("app.db", 3, true);
database("two.db", 2, false);

const heirloom = path.join(folder("typeorm"), "heirloom");
fs.mkdirSync(heirloom, { recursive: true });
for (const [title, timestamp] of stages) {
  const text = fs.readFileSync(path.join(own, `${timestamp}-${title}.ts`), "utf8");
  const up = text.slice(text.indexOf("async up("), text.indexOf("async down("));
  const statements = [...up.matchAll(/\.query\(`([^]*?)`\)/g)].map((found) => found[1].trim() + ";\n");
  const name = title.replace(/(?<!^)[A-Z]/g, "_$&").toLowerCase();
  fs.writeFileSync(path.join(heirloom, `V${timestamp}__${name}.sql`), statements.join(""));
}
