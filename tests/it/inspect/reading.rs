//! A state read with SQL of one's own: nothing is written, and inside the fence nothing can be.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;

use heirloom::inspect::{Reader, StateRef};
use heirloom::{BackupRef, ErrorKind};

use crate::support::app::App;

const ENDLESS: &str =
    "WITH RECURSIVE n(i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n) SELECT max(i) FROM n";

fn app() -> App {
    let app = App::new();
    app.file("V1__a.sql", "CREATE TABLE a (x); INSERT INTO a VALUES (1);");
    app.run().unwrap();
    app
}

fn number(reader: &Reader, sql: &str) -> rusqlite::Result<i64> {
    reader.connection().query_row(sql, [], |row| row.get(0))
}

#[test]
fn each_state_is_read_as_it_is_and_no_file_comes_or_goes() {
    for mode in ["delete", "wal"] {
        let app = app();
        app.sql(&format!("PRAGMA journal_mode = {mode}"));
        app.migrator()
            .database(app.database())
            .snapshot("s")
            .unwrap();
        app.sql("INSERT INTO a VALUES (2)");
        let before = app.listing();
        let migrator = app.migrator();
        let database = migrator.database(app.database());
        for (state, rows) in [
            (StateRef::Live, 2),
            (StateRef::Backup(BackupRef::Snapshot("s".into())), 1),
        ] {
            let reader = database.read(&state).unwrap();
            assert_eq!(number(&reader, "SELECT count(*) FROM a").unwrap(), rows);
            assert!(reader.is_of_one_state());
            assert!(reader.connection().execute("DELETE FROM a", []).is_err());
        }
        assert_eq!(app.listing(), before, "{mode}");
    }
}

#[test]
fn what_is_not_there_is_not_made() {
    let app = App::new();
    let migrator = app.migrator();
    let error = migrator
        .database(app.database())
        .read(&StateRef::Live)
        .unwrap_err();
    assert_eq!(error.kind(), ErrorKind::NotFound);
    assert!(!app.database().exists());
}

#[test]
fn a_confined_reader_writes_no_other_file_and_cannot_be_freed() {
    let app = app();
    let migrator = app.migrator();
    let mut reader = migrator
        .database(app.database())
        .read(&StateRef::Live)
        .unwrap();
    let target = app.folder().join("stolen.db");
    // Read-only alone is no fence.
    let stolen = format!("VACUUM INTO '{}'", target.display());
    reader.connection().execute(&stolen, []).unwrap();
    std::fs::remove_file(&target).unwrap();
    reader
        .confine(Duration::from_secs(60), Arc::default())
        .unwrap();
    let before = app.listing();
    for sql in [
        &*stolen,
        &format!("ATTACH '{}' AS other", target.display()),
        "CREATE TEMP TABLE t (x)",
        "PRAGMA query_only = OFF",
        "PRAGMA temp_store_directory = '/tmp'",
        "DELETE FROM a",
        "SELECT load_extension('x')",
        "SELECT hex(zeroblob(20000000))",
    ] {
        assert!(reader.connection().execute_batch(sql).is_err(), "{sql}");
    }
    assert_eq!(app.listing(), before);
    assert_eq!(number(&reader, "SELECT count(*) FROM a").unwrap(), 1);
    assert_eq!(
        number(&reader, "SELECT count(*) FROM pragma_table_info('a')").unwrap(),
        1
    );
}

#[test]
fn an_endless_query_ends_when_its_time_is_over_or_somebody_says_so() {
    let app = app();
    let migrator = app.migrator();
    let database = migrator.database(app.database());
    let mut reader = database.read(&StateRef::Live).unwrap();
    reader
        .confine(Duration::from_millis(50), Arc::default())
        .unwrap();
    assert!(number(&reader, ENDLESS).is_err());
    let flag = Arc::new(AtomicBool::new(false));
    let mut reader = database.read(&StateRef::Live).unwrap();
    reader
        .confine(Duration::from_secs(600), Arc::clone(&flag))
        .unwrap();
    std::thread::scope(|scope| {
        scope.spawn(|| {
            std::thread::sleep(Duration::from_millis(50));
            flag.store(true, Ordering::Relaxed);
        });
        assert!(number(&reader, ENDLESS).is_err());
    });
}
