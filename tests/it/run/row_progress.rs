//! A big table is rebuilt: how far it is, and that ending it half way changes nothing.

use std::sync::Arc;
use std::sync::Mutex;
use std::sync::atomic::{AtomicBool, Ordering};

use heirloom::{ErrorKind, Event};

use crate::support::app::{App, state};

const NEW_FIRST: &str = "CREATE TABLE n (id INTEGER PRIMARY KEY, x TEXT NOT NULL);
    INSERT INTO n SELECT * FROM t WHERE id <= 60000; INSERT INTO n SELECT id, x FROM t WHERE id > 60000;
    DROP TABLE t; ALTER TABLE n RENAME TO t; CREATE INDEX by_x ON t (x);";
const OLD_FIRST: &str =
    "PRAGMA legacy_alter_table = ON; ALTER TABLE t RENAME TO old; CREATE TABLE t (id INTEGER PRIMARY KEY, x TEXT NOT NULL);
    INSERT INTO t SELECT * FROM old; DROP TABLE old;
    PRAGMA legacy_alter_table = OFF; CREATE INDEX by_x ON t (x);";

/// A table `t` with this many rows, and one that refers to it.
fn app_with(rows: u32) -> App {
    let app = App::new();
    app.sql(&format!(
        "CREATE TABLE t (id INTEGER PRIMARY KEY, x TEXT); CREATE INDEX by_x ON t (x);
         CREATE TABLE c (t REFERENCES t ON DELETE CASCADE);
         WITH RECURSIVE n (i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n WHERE i < {rows})
         INSERT INTO t SELECT i, 'row ' || i FROM n;
         INSERT INTO c VALUES (1), (2);"
    ));
    app
}

/// What a run tells of the filling.
fn told(app: &App) -> Vec<(String, u64, u64)> {
    let told = Mutex::new(Vec::new());
    app.migrator()
        .on_event(|event| {
            if let Event::Filling { table, done, total } = event {
                told.lock()
                    .unwrap()
                    .push(((*table).to_owned(), *done, *total));
            }
        })
        .migrate(app.database())
        .unwrap();
    told.into_inner().unwrap()
}

#[test]
fn a_big_table_tells_its_rows_by_the_name_it_will_have_in_either_order() {
    for sql in [NEW_FIRST, OLD_FIRST] {
        let app = app_with(120_000);
        app.file("V1__rebuild.sql", sql);
        let rows = |done| ("t".to_owned(), done, 120_000);
        assert_eq!(
            told(&app),
            [rows(50_000), rows(100_000), rows(120_000)],
            "{sql}"
        );
        assert_eq!(app.number("SELECT count(*) FROM t"), 120_000);
        // Other writes do not count.
        app.file(
            "V2__more.sql",
            "UPDATE t SET x = 'y'; INSERT INTO c SELECT id FROM t;",
        );
        assert_eq!(told(&app), []);
    }
}

#[test]
fn a_small_table_is_filled_without_a_word() {
    let app = app_with(99_999);
    app.file("V1__rebuild.sql", OLD_FIRST);
    assert_eq!(told(&app), []);
}

#[test]
fn a_big_rebuild_that_is_interrupted_half_way_leaves_the_database_as_it_was() {
    for mode in ["DELETE", "WAL"] {
        let app = app_with(120_000);
        app.sql(&format!("PRAGMA journal_mode = {mode}"));
        app.file("V1__rebuild.sql", NEW_FIRST);
        let before = state(&app.database());
        let flag = Arc::new(AtomicBool::new(false));
        let interrupt = Arc::clone(&flag);
        let error = app
            .migrator()
            .cancel_with(flag)
            .on_event(move |event| {
                if matches!(event, Event::Filling { done: 50_000, .. }) {
                    interrupt.store(true, Ordering::Relaxed);
                }
                assert!(!matches!(event, Event::Filling { done: 120_000, .. }));
            })
            .migrate(app.database())
            .unwrap_err();
        assert_eq!(error.kind(), ErrorKind::Interrupted);
        assert!(error.data_state().is_unchanged());
        assert!(state(&app.database()) == before, "{mode}");
        app.run().unwrap();
        assert_eq!(app.number("SELECT count(*) FROM t"), 120_000);
        assert_eq!(app.number("SELECT count(*) FROM c"), 2);
    }
}

#[test]
fn a_listener_that_panics_half_way_hangs_nobody_and_changes_nothing() {
    let app = app_with(120_000);
    app.file("V1__rebuild.sql", NEW_FIRST);
    let ended = std::panic::catch_unwind(|| {
        app.migrator()
            .on_event(|event| assert!(!matches!(event, Event::Filling { .. })))
            .migrate(app.database())
    });
    assert!(ended.is_err());
    assert_eq!(app.number("SELECT count(*) FROM t"), 120_000);
    app.run().unwrap();
}

/// The rows are counted by SQLite's update hook, of which a connection has one.
#[test]
fn an_update_hook_of_the_apps_set_up_is_there_afterwards() {
    let app = app_with(120_000);
    app.file("V1__rebuild.sql", NEW_FIRST);
    let heard = Arc::new(AtomicBool::new(false));
    let hears = Arc::clone(&heard);
    let opened = app
        .migrator()
        .on_event(|_| {})
        .connection_setup(move |connection| {
            let heard = Arc::clone(&hears);
            update_hook(connection, move || heard.store(true, Ordering::Relaxed));
            Ok(())
        })
        .open(app.database())
        .unwrap();
    heard.store(false, Ordering::Relaxed);
    let sql = "INSERT INTO t VALUES (0, 'new')";
    opened.connection.execute(sql, []).unwrap();
    assert!(heard.load(Ordering::Relaxed));
}

/// As rusqlite 0.39 lets an app do in its set-up.
#[allow(unsafe_code)]
fn update_hook(connection: &rusqlite::Connection, hook: impl Fn() + 'static) {
    use std::ffi::{c_char, c_int, c_void};
    type Hook = Box<dyn Fn()>;
    unsafe extern "C" fn call(
        hook: *mut c_void,
        _: c_int,
        _: *const c_char,
        _: *const c_char,
        _: i64,
    ) {
        unsafe { (*hook.cast::<Hook>())() }
    }
    let hook = Box::into_raw(Box::<Hook>::new(Box::new(hook)));
    unsafe {
        rusqlite::ffi::sqlite3_update_hook(connection.handle(), Some(call), hook.cast());
    }
}
