//! Databases for an app's own tests: copies that know nothing of each other, and databases that
//! are opened as they are.

use std::sync::LazyLock;
use std::time::Duration;

use heirloom::include_dir::{Dir, DirEntry, File};
use heirloom::{ErrorKind, Migrator, Template};
use rusqlite::Connection;

use crate::support::app::{App, contents};

static FILES: &[DirEntry<'static>] = &[
    DirEntry::File(File::new(
        "V1__a.sql",
        b"CREATE TABLE a (id INTEGER PRIMARY KEY, x TEXT UNIQUE); INSERT INTO a (x) VALUES ('one');",
    )),
    DirEntry::File(File::new(
        "V2__b.sql",
        b"-- heirloom: no-transaction\nVACUUM; CREATE TABLE b (a REFERENCES a);",
    )),
];
static MIGRATIONS: Dir<'static> = Dir::new("", FILES);
static TEMPLATE: LazyLock<Template> =
    LazyLock::new(|| Migrator::new(&MIGRATIONS).template().unwrap());

fn number(connection: &Connection, sql: &str) -> i64 {
    connection.query_row(sql, [], |row| row.get(0)).unwrap()
}

#[test]
fn each_copy_is_migrated_and_its_own() {
    std::thread::scope(|threads| {
        for row in 0..4 {
            threads.spawn(move || {
                let connection = TEMPLATE.open().unwrap();
                let write = format!("INSERT INTO a (x) VALUES ('{row}'); INSERT INTO b VALUES (2)");
                connection.execute_batch(&write).unwrap();
                // It grows like any other.
                connection
                    .execute_batch("CREATE TABLE big AS SELECT zeroblob(3000000) AS x")
                    .unwrap();
                assert_eq!(number(&connection, "SELECT count(*) FROM a"), 2);
                assert!(connection.path().is_none_or(str::is_empty));
            });
        }
    });
    let connection = TEMPLATE.open().unwrap();
    assert_eq!(number(&connection, "SELECT count(*) FROM a"), 1);
    let version = "SELECT max(version) FROM refinery_schema_history";
    assert_eq!(number(&connection, version), 2);
    let sound: String = connection
        .query_row("PRAGMA integrity_check", [], |row| row.get(0))
        .unwrap();
    assert_eq!(sound, "ok");
}

/// A file that asks for a write-ahead log cannot be opened in memory.
#[test]
fn set_up_and_seed_hold_for_every_copy() {
    let app = App::new();
    app.file("V1__a.sql", "CREATE TABLE a (x TEXT COLLATE backwards)");
    let template = app
        .migrator()
        .connection_setup(|connection| {
            connection.create_collation("backwards", |a, b| b.cmp(a))?;
            connection.execute_batch("PRAGMA journal_mode = WAL; PRAGMA cache_size = 77")
        })
        .template_with(|connection| {
            connection.execute("INSERT INTO a VALUES ('x'), ('y')", [])?;
            Ok(())
        })
        .unwrap();
    for _ in 0..2 {
        let connection = template.open().unwrap();
        let first: String = connection
            .query_row("SELECT x FROM a ORDER BY x", [], |row| row.get(0))
            .unwrap();
        assert_eq!(first, "y");
        assert_eq!(number(&connection, "PRAGMA cache_size"), 77);
        connection.execute_batch("DELETE FROM a").unwrap();
    }
}

#[test]
fn a_template_leaves_no_file_and_no_copy_behind() {
    let app = App::new();
    app.file("V1__a.sql", "CREATE TABLE a (x)").run().unwrap();
    app.file("V2__b.sql", "CREATE TABLE b (x)").run().unwrap();
    let before = app.listing();
    let backups = app.folder().join("backups");
    let template = app.migrator().backups(backups).keep_last(0).template();
    drop(template.unwrap().open().unwrap());
    assert_eq!(app.listing(), before);
}

#[test]
fn what_a_template_cannot_be_made_of_is_an_error() {
    let app = App::new();
    app.file("V1__a.sql", "CREATE TABLE a (x); SELECT gone");
    let error = app.migrator().template().unwrap_err();
    assert_eq!(error.kind(), ErrorKind::MigrationFailed);
    assert_eq!(error.location().unwrap().position.line, 1);
    app.file("V1__a.sql", "CREATE TABLE a (x)");
    let seeds: [fn(&Connection) -> rusqlite::Result<()>; 2] = [
        |connection| connection.execute_batch("INSERT INTO gone VALUES (1)"),
        |connection| connection.execute_batch("BEGIN; INSERT INTO a VALUES (1)"),
    ];
    for seed in seeds {
        let seeded = app
            .migrator()
            .template_with(|connection| Ok(seed(connection)?));
        let error = seeded.unwrap_err();
        assert_eq!(error.kind(), ErrorKind::MigrationFailed, "{error:#}");
        assert!(error.help().is_some());
    }
}

#[test]
fn without_a_migration_a_copy_is_an_empty_database() {
    let app = App::new();
    let connection = app.migrator().template().unwrap().open().unwrap();
    connection.execute_batch("CREATE TABLE a (x)").unwrap();
    assert_eq!(number(&connection, "SELECT count(*) FROM a"), 0);
}

#[test]
fn with_migrating_switched_off_a_database_is_opened_as_it_is() {
    let app = App::new();
    app.file("V1__a.sql", "CREATE TABLE a (x)").run().unwrap();
    app.file("V2__b.sql", "CREATE TABLE b (x)");
    app.file("V3__wrong.sql", "CREATE TABBLE");
    let before = contents(&app.database());
    // Nothing is waited for, and nothing is looked at.
    let holder = app.connect();
    holder.execute_batch("BEGIN IMMEDIATE").unwrap();
    let migrator = app
        .migrator()
        .lock_timeout(Duration::ZERO)
        .connection_setup(|connection| connection.execute_batch("PRAGMA cache_size = 77"))
        .without_migrating();
    let opened = migrator.open(app.database()).unwrap();
    assert_eq!(number(&opened.connection, "PRAGMA cache_size"), 77);
    assert!(opened.report.switched_off && opened.report.is_up_to_date());
    assert_eq!(opened.report.version, None);
    assert!(opened.report.to_string().contains("switched off"));
    assert!(migrator.migrate(app.database()).unwrap().switched_off);
    drop(holder);
    assert_eq!(contents(&app.database()), before);
    assert!(
        !app.file("V3__wrong.sql", "SELECT 1")
            .run()
            .unwrap()
            .switched_off
    );
}

#[test]
fn with_migrating_switched_off_nothing_is_made() {
    let app = App::new();
    app.file("V1__a.sql", "CREATE TABLE a (x)");
    let before = app.listing();
    let migrator = app.migrator().without_migrating();
    let error = migrator.open(app.database()).unwrap_err();
    assert_eq!(error.kind(), ErrorKind::NotFound);
    assert!(error.to_string().contains("switched off"), "{error}");
    assert_eq!(app.listing(), before);
}
