//! `inspect`: everything a schema has is reported, and its SQL gives it again.

use rusqlite::Connection;
use serde_json::{Value, json as value};

use snapbox::{assert_data_eq, str};

use crate::cli::contract::{heirloom, json, text};
use crate::cli::output::shown;
use crate::support::app::App;

/// One of everything.
const SCHEMA: &str = r#"
CREATE TABLE "order details" (a TEXT, b INT, PRIMARY KEY (b, a)) WITHOUT ROWID;
CREATE TABLE zoo (id INTEGER PRIMARY KEY AUTOINCREMENT, name TEXT NOT NULL DEFAULT 'x' COLLATE NOCASE UNIQUE,
  n ANY CHECK (n > 0 AND name <> ')'), twice INT AS (n * 2) VIRTUAL, kept INT AS (n * 3) STORED,
  a TEXT, b INT, FOREIGN KEY (b, a) REFERENCES "order details" ON DELETE SET NULL) STRICT;
INSERT INTO zoo (n) VALUES (1);
CREATE INDEX by_n ON zoo (n DESC, lower(name)) WHERE n > 1;
CREATE TRIGGER after_zoo after update OF name ON zoo BEGIN SELECT 1; END ;
CREATE VIEW animals (animal) AS SELECT name FROM zoo -- all of them
;
CREATE VIEW a_first AS SELECT * FROM animals;
CREATE TRIGGER instead INSTEAD OF INSERT ON animals BEGIN SELECT 1; END;
CREATE VIRTUAL TABLE search USING fts5 (name, content = 'zoo', content_rowid = 'id');
CREATE VIRTUAL TABLE search_two USING fts5 (name);
CREATE VIRTUAL TABLE boxes USING rtree (id, x0, x1);
ANALYZE;
"#;

fn app() -> App {
    let app = App::new();
    app.sql(SCHEMA);
    app.file("V1__more.sql", "CREATE TABLE more (x REFERENCES zoo)");
    app.run().unwrap();
    app
}

fn named<'v>(list: &'v Value, name: &str) -> &'v Value {
    let mut list = list.as_array().unwrap().iter();
    list.find(|one| one["name"] == name)
        .unwrap_or_else(|| panic!("no {name}"))
}

fn names(list: &Value) -> Vec<&str> {
    let list = list.as_array().unwrap().iter();
    list.map(|one| one["name"].as_str().unwrap()).collect()
}

#[test]
fn every_fact_of_a_table_is_told() {
    let app = app();
    let before = app.listing();
    let (code, found) = json(&app, &["inspect"]);
    assert_eq!((code, &found["ok"]), (0, &true.into()), "{found}");
    assert_eq!(
        names(&found["tables"]),
        [
            "more",
            "order details",
            "zoo",
            "boxes",
            "search",
            "search_two"
        ]
    );
    let zoo = named(&found["tables"], "zoo");
    assert_eq!(zoo["rows"], 1);
    assert_eq!(
        (&zoo["strict"], &zoo["without_rowid"]),
        (&true.into(), &false.into())
    );
    assert_eq!(zoo["primary_key"], value!(["id"]));
    assert_eq!(zoo["checks"], value!(["n > 0 AND name <> ')'"]));
    assert_eq!(
        zoo["columns"][0],
        value!({"name": "id", "type": "INTEGER", "not_null": false, "default": null, "primary_key": 1,
            "autoincrement": true, "generated": null, "hidden": false, "collation": null})
    );
    let name = &zoo["columns"][1];
    assert_eq!(
        (&name["not_null"], &name["default"]),
        (&true.into(), &"'x'".into())
    );
    assert_eq!(name["collation"], "NOCASE");
    assert_eq!(named(&zoo["columns"], "twice")["generated"], "virtual");
    assert_eq!(named(&zoo["columns"], "kept")["generated"], "stored");
    assert_eq!(
        zoo["foreign_keys"],
        value!([{"columns": ["b", "a"], "table": "order details", "to": [], "on_update": "NO ACTION", "on_delete": "SET NULL"}])
    );
    assert_eq!(
        zoo["referenced_by"],
        value!([{"table": "more", "columns": ["x"]}])
    );
    let index = named(&zoo["indexes"], "by_n");
    assert_eq!(index["columns"], value!(["n DESC", "<expression>"]));
    assert_eq!(
        (&index["unique"], &index["partial"]),
        (&false.into(), &true.into())
    );
    let unique = named(&zoo["indexes"], "sqlite_autoindex_zoo_1");
    assert_eq!(
        (&unique["of_constraint"], &unique["sql"]),
        (&true.into(), &Value::Null)
    );
    assert_eq!(zoo["triggers"][0]["event"], "AFTER UPDATE OF name");
    assert_eq!(zoo["views"], value!(["animals"]));
    let details = named(&found["tables"], "order details");
    assert_eq!(details["primary_key"], value!(["b", "a"]));
    assert_eq!(details["without_rowid"], true);
    let view = named(&found["views"], "animals");
    assert_eq!(view["columns"], value!(["animal"]));
    assert_eq!(view["triggers"][0]["event"], "INSTEAD OF INSERT");
    assert_eq!(app.listing(), before);
}

#[test]
fn shadow_tables_are_folded_into_their_virtual_table() {
    let app = app();
    let (_, found) = json(&app, &["inspect"]);
    let of = |name: &str| named(&found["tables"], name);
    assert_eq!(
        (&of("search")["module"], &of("boxes")["module"]),
        (&"fts5".into(), &"rtree".into())
    );
    let shadows = |name: &str| of(name)["shadow_tables"].as_array().unwrap().len();
    assert_eq!(
        (shadows("search"), shadows("search_two"), shadows("boxes")),
        (4, 5, 3)
    );
    assert_eq!(of("zoo")["module"], Value::Null);
    // By name they can be looked at.
    let (code, one) = json(&app, &["inspect", "search_data"]);
    assert_eq!((code, names(&one["tables"])), (0, vec!["search_data"]));
}

#[test]
fn one_table_or_view_is_found_by_its_name_in_any_case() {
    let app = app();
    let (_, table) = json(&app, &["inspect", "ZOO"]);
    assert_eq!(
        (names(&table["tables"]), names(&table["views"])),
        (vec!["zoo"], vec![])
    );
    let (_, view) = json(&app, &["inspect", "animals"]);
    assert_eq!(
        (names(&view["tables"]), names(&view["views"])),
        (vec![], vec!["animals"])
    );
    let (code, own) = json(&app, &["inspect", "heirloom_log"]);
    assert_eq!((code, names(&own["tables"])), (0, vec!["heirloom_log"]));
}

#[test]
fn a_name_that_is_none_is_not_found_and_the_nearest_is_offered() {
    let app = app();
    let (code, refused) = json(&app, &["inspect", "zo"]);
    assert_eq!(
        (code, refused["error"]["kind"].as_str()),
        (1, Some("not-found"))
    );
    assert_eq!(refused["error"]["help"], "did you mean `zoo`?");
    let (_, refused) = json(&app, &["inspect", "elephants"]);
    assert_eq!(
        refused["error"]["help"],
        "give the name of a table or view of this database; `heirloom --database app.db inspect` lists the tables"
    );
}

#[test]
fn the_sql_executed_in_an_empty_database_gives_the_schema_and_the_sql_again() {
    let app = app();
    let sql = text(&heirloom(&app, &["inspect", "--sql"]));
    for absent in ["heirloom_", "refinery_", "search_data", "sqlite_"] {
        assert!(!sql.contains(absent), "{absent}: {sql}");
    }
    let mut kinds: Vec<&str> = sql
        .lines()
        .filter_map(|line| line.strip_prefix("CREATE ")?.split(' ').next())
        .collect();
    kinds.dedup();
    assert_eq!(kinds, ["TABLE", "VIRTUAL", "INDEX", "VIEW", "TRIGGER"]);
    let again = App::new();
    again.sql(&sql);
    assert_eq!(text(&heirloom(&again, &["inspect", "--sql"])), sql);
    let schema = |app: &App| {
        let (_, mut found) = json(app, &["inspect"]);
        found.as_object_mut().unwrap().remove("database");
        for table in found["tables"].as_array_mut().unwrap() {
            table["rows"] = Value::Null;
            for trigger in table["triggers"].as_array_mut().unwrap() {
                trigger["sql"] = trigger["sql"].as_str().unwrap().trim_end().into();
            }
        }
        found
    };
    assert_eq!(schema(&again), schema(&app));
    // In another order of creation the same text.
    let backwards = App::new();
    let connection = Connection::open(backwards.database()).unwrap();
    let mut statements: Vec<&str> = sql.split_inclusive(";\n").collect();
    let tables = statements
        .iter()
        .filter(|one| one.starts_with("CREATE TABLE"))
        .count();
    statements[..tables].reverse();
    connection.execute_batch(&statements.concat()).unwrap();
    assert_eq!(text(&heirloom(&backwards, &["inspect", "--sql"])), sql);
    let (_, document) = json(&app, &["inspect", "--sql"]);
    assert_eq!(document["sql"], sql);
    // Of one table: its own statements.
    let one = text(&heirloom(&app, &["inspect", "zoo", "--sql"]));
    assert_eq!(one.matches("CREATE").count(), 3, "{one}");
}

#[test]
fn people_get_an_overview_and_then_each_table() {
    let app = app();
    assert_data_eq!(
        shown(&app, &["inspect"]),
        str![[r#"
app.db has 6 tables and 2 views
  table  rows  columns  kind
  more  0  1
  order details  0  2  without rowid
  zoo  1  7  strict
  boxes  0  3  virtual, rtree
  search  1  1  virtual, fts5
  search_two  0  1  virtual, fts5

more  0 rows
  column  type
  x
  foreign key  (x) → zoo

order details  0 rows, without rowid
  column  type
  a  TEXT  not null
  b  INT  not null
  primary key  b, a
  referenced by  zoo (b, a)
  index  sqlite_autoindex_order details_1 (b, a) from the primary key

zoo  1 row, strict
  column  type
  id  INTEGER  primary key, autoincrement
  name  TEXT  not null, default 'x', collate NOCASE
  n  ANY
  twice  INT  generated, virtual
  kept  INT  generated, stored
  a  TEXT
  b  INT
  check  n > 0 AND name <> ')'
  foreign key  (b, a) → order details on delete set null
  referenced by  more (x)
  index  by_n (n DESC, <expression>) partial
  index  sqlite_autoindex_zoo_1 (name) from a UNIQUE constraint
  trigger  after_zoo  AFTER UPDATE OF name
  view  animals

boxes  0 rows, virtual, rtree
  column  type
  id  INT
  x0  REAL
  x1  REAL
  rows kept in  boxes_node, boxes_parent, boxes_rowid

search  1 row, virtual, fts5
  column  type
  name
  rows kept in  search_config, search_data, search_docsize, search_idx

search_two  0 rows, virtual, fts5
  column  type
  name
  rows kept in  search_two_config, search_two_content, search_two_data, search_two_docsize, search_two_idx

a_first  view (animal)
    CREATE VIEW a_first AS SELECT * FROM animals

animals  view (animal)
  trigger  instead  INSTEAD OF INSERT
    CREATE VIEW animals (animal) AS SELECT name FROM zoo -- all of them

"#]]
    );
    assert_data_eq!(
        shown(&app, &["inspect", "zoo"]),
        str![[r#"
zoo  1 row, strict
  column  type
  id  INTEGER  primary key, autoincrement
  name  TEXT  not null, default 'x', collate NOCASE
  n  ANY
  twice  INT  generated, virtual
  kept  INT  generated, stored
  a  TEXT
  b  INT
  check  n > 0 AND name <> ')'
  foreign key  (b, a) → order details on delete set null
  referenced by  more (x)
  index  by_n (n DESC, <expression>) partial
  index  sqlite_autoindex_zoo_1 (name) from a UNIQUE constraint
  trigger  after_zoo  AFTER UPDATE OF name
  view  animals

"#]]
    );
}

#[test]
fn a_database_that_is_not_there_or_none_is_said_to_be_so() {
    let app = App::new();
    let (code, found) = json(&app, &["inspect"]);
    assert_eq!(
        (code, &found["exists"], &found["tables"]),
        (0, &false.into(), &value!([]))
    );
    assert!(text(&heirloom(&app, &["inspect"])).contains("does not exist yet"));
    std::fs::write(app.database(), vec![7; 4096]).unwrap();
    for command in ["inspect", "stats", "log"] {
        let (code, refused) = json(&app, &[command]);
        assert_eq!(
            (code, refused["error"]["kind"].as_str()),
            (1, Some("not-a-database"))
        );
    }
}
