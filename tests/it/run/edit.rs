//! Rows changed by hand: all of it or nothing, under the lock of a run.

use std::error::Error as _;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;

use heirloom::ErrorKind;

use crate::support::app::{App, contents};

fn app() -> App {
    let app = App::new();
    app.file(
        "V1__a.sql",
        "CREATE TABLE a (id INTEGER PRIMARY KEY); CREATE TABLE b (a_id REFERENCES a (id));
        INSERT INTO a VALUES (1); INSERT INTO b VALUES (1);",
    );
    app.run().unwrap();
    app
}

#[test]
fn what_is_changed_stays_and_foreign_keys_are_on() {
    let app = app();
    let migrator = app.migrator();
    let database = migrator.database(app.database());
    let rows = database
        .edit(|connection| Ok(connection.execute("INSERT INTO a VALUES (2), (3)", [])?))
        .unwrap();
    assert_eq!((rows, app.number("SELECT count(*) FROM a")), (2, 3));
    let before = contents(&app.database());
    let error = database
        .edit(|connection| Ok(connection.execute("DELETE FROM a", [])?))
        .unwrap_err();
    assert_eq!(error.kind(), ErrorKind::MigrationFailed);
    assert!(error.data_state().is_unchanged());
    assert_eq!(contents(&app.database()), before);
}

#[test]
fn what_is_refused_or_ends_the_transaction_changes_nothing() {
    let app = app();
    let migrator = app.migrator();
    let database = migrator.database(app.database());
    let before = contents(&app.database());
    let error = database
        .edit(|connection| {
            connection.execute("INSERT INTO a VALUES (2)", [])?;
            Err::<(), _>("somebody was faster".into())
        })
        .unwrap_err();
    assert_eq!(error.source().unwrap().to_string(), "somebody was faster");
    let ended = database
        .edit(|connection| Ok(connection.execute_batch("INSERT INTO a VALUES (2); ROLLBACK")?));
    assert_eq!(ended.unwrap_err().kind(), ErrorKind::MigrationFailed);
    let panicked = std::panic::catch_unwind(std::panic::AssertUnwindSafe(|| {
        database.edit(|connection| -> Result<(), _> {
            connection.execute("INSERT INTO a VALUES (2)", [])?;
            panic!("a fault of the app's");
        })
    }));
    assert!(panicked.is_err());
    assert_eq!(contents(&app.database()), before);
}

#[test]
fn an_edit_that_is_cancelled_is_interrupted_and_rolled_back() {
    let app = app();
    let before = contents(&app.database());
    let flag = Arc::new(AtomicBool::new(false));
    let migrator = app.migrator().cancel_with(Arc::clone(&flag));
    let endless = "WITH RECURSIVE n(i) AS (SELECT 2 UNION ALL SELECT i + 1 FROM n) INSERT INTO a SELECT i FROM n";
    let error = migrator
        .database(app.database())
        .edit(|connection| {
            flag.store(true, Ordering::Relaxed);
            Ok(connection.execute(endless, [])?)
        })
        .unwrap_err();
    assert!(error.is_interrupted(), "{error:#}");
    assert_eq!(contents(&app.database()), before);
}

#[test]
fn a_database_that_is_written_to_is_waited_for_and_one_that_is_not_there_is_not_made() {
    let app = app();
    let other = app.connect();
    other.execute_batch("BEGIN IMMEDIATE").unwrap();
    let migrator = app.migrator().lock_timeout(Duration::from_millis(100));
    let error = migrator
        .database(app.database())
        .edit(|_| Ok(()))
        .unwrap_err();
    assert!(error.is_busy(), "{error:#}");
    drop(other);
    let nothing = App::new();
    let migrator = nothing.migrator();
    let error = migrator
        .database(nothing.database())
        .edit(|_| Ok(()))
        .unwrap_err();
    assert_eq!(error.kind(), ErrorKind::NotFound);
    assert!(!nothing.database().exists());
}

#[test]
fn a_trigger_that_sqlite_would_not_finish_compiling_is_not_set_off() {
    // A stranger's file: compiling the trigger cannot be interrupted, and the locks were held for ever.
    let app = app();
    app.sql("CREATE VIEW w0 AS SELECT id FROM a");
    for at in 1..35 {
        let below = at - 1;
        app.sql(&format!(
            "CREATE VIEW w{at} AS SELECT x.id FROM w{below} x JOIN w{below} y USING (id)"
        ));
    }
    app.sql("CREATE TRIGGER slow AFTER INSERT ON a BEGIN DELETE FROM b WHERE a_id IN (SELECT id FROM w34); END");
    let before = contents(&app.database());
    let migrator = app.migrator();
    let error = migrator
        .database(app.database())
        .edit(|connection| Ok(connection.execute("INSERT INTO a VALUES (2)", [])?))
        .unwrap_err();
    assert_eq!(error.kind(), ErrorKind::NeedsAttention, "{error:#}");
    assert_eq!(contents(&app.database()), before);
    assert_eq!(app.number("SELECT count(*) FROM a"), 1);
}
