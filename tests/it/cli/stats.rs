//! `stats`: what is reported is what SQLite and the file system say.

use serde_json::Value;

use crate::cli::contract::{heirloom, json, text};
use crate::support::app::App;

fn app() -> App {
    let app = App::new();
    app.file(
        "V1__a.sql",
        "CREATE TABLE a (x TEXT UNIQUE); CREATE INDEX by_length ON a (length(x));
        CREATE VIRTUAL TABLE s USING fts5 (x);
        CREATE TABLE w (x PRIMARY KEY) WITHOUT ROWID;",
    );
    app.run().unwrap();
    app.sql(
        "WITH RECURSIVE n (i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n WHERE i < 3000)
        INSERT INTO a SELECT hex(randomblob(20)) FROM n; INSERT INTO s SELECT x FROM a;",
    );
    app
}

fn table<'v>(found: &'v Value, name: &str) -> &'v Value {
    let mut tables = found["tables"].as_array().unwrap().iter();
    tables.find(|table| table["name"] == name).unwrap()
}

#[test]
fn rows_and_bytes_add_up_to_the_file() {
    let app = app();
    app.sql("CREATE TABLE gone AS SELECT * FROM a; DROP TABLE gone");
    let before = app.listing();
    let (code, found) = json(&app, &["stats"]);
    assert_eq!(code, 0, "{found}");
    let size = |name: &str| {
        app.number(&format!(
            "SELECT sum(pgsize) FROM dbstat WHERE name = '{name}'"
        ))
    };
    let a = table(&found, "a");
    assert_eq!(
        (a["rows"].as_i64(), a["bytes"].as_i64()),
        (Some(3000), Some(size("a")))
    );
    let index = |at: usize, key: &str| a["indexes"][at][key].clone();
    assert_eq!(
        (index(0, "name"), index(1, "name")),
        ("by_length".into(), "sqlite_autoindex_a_1".into())
    );
    assert_eq!(index(0, "bytes"), size("by_length"));
    assert_eq!(table(&found, "s")["rows"], 3000);
    assert_eq!(table(&found, "w")["indexes"], Value::Array(vec![]));
    assert_eq!(
        (&a["internal"], &table(&found, "heirloom_log")["internal"]),
        (&false.into(), &true.into())
    );
    let number = |key: &str| found[key].as_u64().unwrap();
    let file = app.database().metadata().unwrap().len();
    assert_eq!(
        (number("bytes"), number("pages") * number("page_size")),
        (file, file)
    );
    assert!(number("free_pages") > 10);
    let counted = found["tables"].as_array().unwrap().iter().map(|table| {
        let indexes = table["indexes"].as_array().unwrap().iter();
        table["bytes"].as_u64().unwrap()
            + indexes
                .map(|one| one["bytes"].as_u64().unwrap())
                .sum::<u64>()
    });
    assert_eq!(
        counted.sum::<u64>() + number("free_pages") * number("page_size"),
        file
    );
    assert_eq!(app.listing(), before);
}

#[test]
fn the_log_of_a_database_in_wal_mode_is_counted_apart() {
    let app = app();
    app.sql("PRAGMA journal_mode = WAL");
    let writer = app.connect();
    writer
        .execute_batch("PRAGMA wal_autocheckpoint = 0; INSERT INTO a VALUES ('new')")
        .unwrap();
    let (_, found) = json(&app, &["stats"]);
    let log = app.folder().join("app.db-wal").metadata().unwrap().len();
    assert_eq!(
        (found["wal_bytes"].as_u64(), &found["journal_mode"]),
        (Some(log), &"wal".into())
    );
    assert_eq!(table(&found, "a")["rows"], 3001);
    drop(writer);
}

#[test]
fn history_copies_and_growth_are_told() {
    let app = app();
    app.file("V2__b.sql", "CREATE TABLE b (x)")
        .file("V3__c.sql", "CREATE TABLE c (x)");
    app.migrator()
        .database(app.database())
        .migrate_to(2)
        .unwrap();
    app.migrator()
        .database(app.database())
        .snapshot("s")
        .unwrap();
    let (_, found) = json(&app, &["stats"]);
    let history = &found["history"];
    assert_eq!(
        (
            &history["applied"],
            &history["pending"],
            &history["version"]
        ),
        (&2.into(), &1.into(), &2.into())
    );
    assert_eq!(history["last_run"]["migrations"][0]["version"], 2);
    let copies = &found["backups"];
    assert_eq!(
        (&copies["automatic"], &copies["snapshots"]),
        (&1.into(), &1.into())
    );
    let bytes = |path: &std::path::Path| path.metadata().unwrap().len();
    let backup = bytes(&app.backups()[0]);
    let snapshot = bytes(&app.folder().join("snapshots/s.db"));
    assert_eq!(copies["bytes"].as_u64(), Some(backup + snapshot));
    // The first run, the backup, the second run, the snapshot, now.
    let growth: Vec<u64> = found["growth"]
        .as_array()
        .unwrap()
        .iter()
        .map(|at| at["bytes"].as_u64().unwrap())
        .collect();
    let now = bytes(&app.database());
    assert_eq!(growth[1..], [backup, now, now, snapshot, now]);
    assert!(growth[0] < backup);
}

#[test]
fn without_migrations_history_or_file_there_is_an_answer() {
    let app = App::new();
    app.sql("CREATE TABLE t (x)");
    std::fs::remove_dir(app.migrations()).unwrap();
    let (code, found) = json(&app, &["stats"]);
    assert_eq!(
        (code, &found["history"]["pending"]),
        (0, &Value::Null),
        "{found}"
    );
    assert_eq!(
        (&found["history"]["applied"], &found["history"]["last_run"]),
        (&0.into(), &Value::Null)
    );
    let said = text(&heirloom(&app, &["stats"]));
    assert!(
        said.contains("history       0 applied, version none"),
        "{said}"
    );
    assert!(!said.contains('▇'), "{said}");
    std::fs::remove_file(app.database()).unwrap();
    let (code, found) = json(&app, &["stats"]);
    assert_eq!(
        (code, &found["exists"], &found["bytes"]),
        (0, &false.into(), &0.into())
    );
}
