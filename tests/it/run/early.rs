//! What is read before the backup, where that takes long: what is said of it, and that it can be
//! ended.

use std::sync::atomic::{AtomicBool, AtomicU32, Ordering};
use std::sync::{Arc, Mutex};
use std::time::{Duration, Instant};

use heirloom::Event;
use rusqlite::Connection;
use rusqlite::functions::FunctionFlags;

use crate::support::app::{App, contents};

const ROWS: u32 = 2_000;

/// A table, and a migration that demands something of its rows by a function of the app's: that is
/// asked before the backup.
fn app() -> App {
    let app = App::new();
    app.file("V1__a.sql", "CREATE TABLE t (x)");
    app.run().unwrap();
    app.sql(&format!(
        "WITH RECURSIVE n (i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n WHERE i < {ROWS})
         INSERT INTO t SELECT i FROM n;"
    ));
    app.file(
        "V2__b.sql",
        "CREATE TEMP TABLE heirloom_check (problem CHECK (problem IS NULL));
         INSERT INTO heirloom_check SELECT 'a row is wrong' FROM t WHERE slow(x) < 0;
         DROP TABLE heirloom_check;
         ALTER TABLE t ADD COLUMN y;",
    );
    app
}

fn slow(
    connection: &Connection,
    each: impl Fn(i64) -> i64 + Send + 'static,
) -> rusqlite::Result<()> {
    let flags = FunctionFlags::SQLITE_UTF8
        | FunctionFlags::SQLITE_DETERMINISTIC
        | FunctionFlags::SQLITE_INNOCUOUS;
    connection.create_scalar_function("slow", 1, flags, move |context| Ok(each(context.get(0)?)))
}

/// Waits in the first row until it is said what is read; gives up at last, so that a failure ends.
#[test]
fn what_is_read_for_long_before_the_backup_is_said() {
    let app = app();
    let said = Arc::new(AtomicBool::new(false));
    let events = Mutex::new(Vec::new());
    let heard = Arc::clone(&said);
    app.migrator()
        .connection_setup(move |connection| {
            let said = Arc::clone(&heard);
            slow(connection, move |x| {
                let until = Instant::now() + Duration::from_secs(20);
                while x == 1 && !said.load(Ordering::Relaxed) && Instant::now() < until {
                    std::thread::sleep(Duration::from_millis(5));
                }
                x
            })
        })
        .on_event(|event| {
            if let Event::Checking { what, done, total } = event {
                events
                    .lock()
                    .unwrap()
                    .push(format!("{what} {done}/{total}"));
                said.store(true, Ordering::Relaxed);
            }
            if let Event::Copying { .. } = event {
                events.lock().unwrap().push("copying".into());
            }
        })
        .migrate(app.database())
        .unwrap();
    let mut events = events.into_inner().unwrap();
    events.dedup();
    assert_eq!(events, ["V2__b 0/1", "copying"]);
    assert_eq!(app.number("SELECT count(*) FROM t"), i64::from(ROWS));
    assert_eq!(
        app.number("SELECT count(*) FROM pragma_table_xinfo('t')"),
        2
    );
}

/// A query that calls a slow function runs few instructions a second.
#[test]
fn what_is_read_before_the_backup_ends_at_an_interruption() {
    let app = app();
    let before = contents(&app.database());
    let flag = Arc::new(AtomicBool::new(false));
    let rows = Arc::new(AtomicU32::new(0));
    let (stop, counted) = (Arc::clone(&flag), Arc::clone(&rows));
    let error = app
        .migrator()
        .cancel_with(flag)
        .connection_setup(move |connection| {
            let (stop, counted) = (Arc::clone(&stop), Arc::clone(&counted));
            slow(connection, move |x| {
                stop.store(true, Ordering::Relaxed);
                counted.fetch_add(1, Ordering::Relaxed);
                std::thread::sleep(Duration::from_millis(5));
                x
            })
        })
        .migrate(app.database())
        .unwrap_err();
    assert!(error.is_interrupted(), "{error:#}");
    assert!(error.data_state().is_unchanged());
    let rows = rows.load(Ordering::Relaxed);
    assert!(rows < ROWS, "{rows} rows were read to the end");
    assert_eq!(contents(&app.database()), before);
    assert!(app.backups().is_empty());
}
