//! The main job: pending migrations are applied, once.

use heirloom::ErrorKind;
use rusqlite::Connection;

use crate::support::app::{App, contents};

#[test]
fn a_new_database_is_made_with_its_folders_and_a_second_start_finds_nothing_to_do() {
    let app = App::new();
    app.file("V1__a.sql", "CREATE TABLE a (x); INSERT INTO a VALUES (1);")
        .file("V2__b.sql", "CREATE TABLE b (y);");
    let path = app.folder().join("deep").join("er").join("notes.db");
    let first = app.migrator().open(&path).unwrap();
    assert_eq!(first.report.version, Some(2));
    assert_eq!(first.report.backup, None);
    drop(first);
    let before = contents(&path);
    let second = app.migrator().migrate(&path).unwrap();
    assert!(second.is_up_to_date());
    assert_eq!(second.version, Some(2));
    assert_eq!(contents(&path), before);
}

#[test]
fn the_textbook_rebuild_of_a_parent_keeps_every_child() {
    let app = App::new();
    app.sql(
        "CREATE TABLE parent (id INTEGER PRIMARY KEY, name TEXT);
         CREATE TABLE child (id INTEGER PRIMARY KEY, parent REFERENCES parent ON DELETE CASCADE);
         INSERT INTO parent VALUES (1, 'a'), (2, 'b');
         INSERT INTO child VALUES (1, 1), (2, 1), (3, 2);",
    );
    app.file(
        "V1__rebuild.sql",
        "CREATE TABLE new_parent (id INTEGER PRIMARY KEY, name TEXT NOT NULL DEFAULT '');
         INSERT INTO new_parent SELECT id, name FROM parent;
         DROP TABLE parent;
         ALTER TABLE new_parent RENAME TO parent;",
    );
    let on = |connection: &Connection| connection.execute_batch("PRAGMA foreign_keys = ON");
    let opened = app
        .migrator()
        .connection_setup(on)
        .open(app.database())
        .unwrap();
    let foreign_keys: i64 = opened
        .connection
        .query_row("PRAGMA foreign_keys", [], |row| row.get(0))
        .unwrap();
    assert_eq!(foreign_keys, 1);
    let report = opened.report;
    assert_eq!(app.number("SELECT count(*) FROM child"), 3);
    assert_eq!(app.number("SELECT count(*) FROM parent"), 2);
    let backup = report.backup.unwrap();
    assert_eq!(app.backups(), std::slice::from_ref(&backup));
    assert!(
        contents(&backup)
            .iter()
            .any(|line| line.contains("CREATE TABLE parent"))
    );
}

#[test]
fn a_failing_statement_leaves_the_database_as_it_was_and_says_where() {
    let app = App::new();
    app.sql("CREATE TABLE a (x UNIQUE); INSERT INTO a VALUES (1);");
    let before = contents(&app.database());
    app.file("V1__a.sql", "CREATE TABLE b (y);").file(
        "V2__b.sql",
        "INSERT INTO b VALUES (1);\nINSERT INTO a VALUES (1);",
    );
    let error = app.run().unwrap_err();
    assert_eq!(error.kind(), ErrorKind::MigrationFailed);
    assert_eq!(error.migration(), Some("V2__b"));
    assert_eq!(error.location().unwrap().position.line, 2);
    assert_eq!(contents(&app.database()), before);
    assert_eq!(
        error.backup().map(|path| path.to_owned()),
        app.backups().pop()
    );
}
