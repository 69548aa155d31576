//! The connection that is handed out, the app's own functions, and threads.

use std::sync::Mutex;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;

use heirloom::{Error, ErrorKind, Event, Migrator, OpenedDatabase, Plan, Report, Status};
use rusqlite::Connection;
use rusqlite::functions::FunctionFlags;

use crate::support::app::{App, Holder, contents, part};

fn pragma(connection: &Connection, name: &str) -> i64 {
    connection
        .query_row(&format!("PRAGMA {name}"), [], |row| row.get(0))
        .unwrap()
}

#[test]
fn everything_can_go_to_another_thread() {
    fn is_send<T: Send>() {}
    is_send::<Migrator<'static>>();
    is_send::<OpenedDatabase>();
    is_send::<Report>();
    is_send::<Error>();
    is_send::<Status>();
    is_send::<Plan>();
    is_send::<(heirloom::inspect::Inspected, heirloom::inspect::Stats)>();
    is_send::<(heirloom::inspect::Log, heirloom::inspect::Diagnosis)>();
    is_send::<heirloom::Source>();
}

/// The settings of a connection that had nothing to do.
const SETTINGS: &[&str] = &[
    "foreign_keys",
    "synchronous",
    "legacy_alter_table",
    "ignore_check_constraints",
    "recursive_triggers",
    "writable_schema",
    "busy_timeout",
    "threads",
    "defer_foreign_keys",
    "cache_size",
];

/// A collation of the app's may not bear two callers, and sorting threads would be two.
#[test]
fn threads_help_to_sort_only_where_the_app_registered_nothing_and_are_gone_afterwards() {
    for (apps_code, threads) in [(false, 2), (true, 0)] {
        let app = App::new();
        app.sql("CREATE TABLE seen (threads)");
        app.file(
            "V1__a.sql",
            "INSERT INTO seen SELECT threads FROM pragma_threads",
        );
        let migrator = match apps_code {
            true => app.migrator().connection_setup(|_| Ok(())),
            false => app.migrator(),
        };
        let opened = migrator.open(app.database()).unwrap();
        assert_eq!(app.number("SELECT threads FROM seen"), threads);
        let now = opened
            .connection
            .query_row("PRAGMA threads", [], |row| row.get::<_, i64>(0));
        assert_eq!(now.unwrap(), 0);
    }
}

#[test]
fn the_settings_of_the_connection_are_the_same_with_and_without_work() {
    let setups = [
        "",
        "PRAGMA foreign_keys = OFF",
        "PRAGMA foreign_keys = ON; PRAGMA synchronous = NORMAL; PRAGMA recursive_triggers = ON; PRAGMA busy_timeout = 1234",
    ];
    for setup in setups {
        let app = App::new();
        app.file(
            "V1__a.sql",
            "PRAGMA foreign_keys = ON; PRAGMA legacy_alter_table = ON; PRAGMA recursive_triggers = OFF;
             PRAGMA ignore_check_constraints = ON; CREATE TABLE a (x)",
        );
        let migrator = app
            .migrator()
            .connection_setup(move |connection| connection.execute_batch(setup));
        let worked = migrator.open(app.database()).unwrap();
        assert_eq!(worked.report.applied.len(), 1);
        let idle = migrator.open(app.database()).unwrap();
        assert!(idle.report.is_up_to_date());
        for name in SETTINGS {
            let (worked, idle) = (
                pragma(&worked.connection, name),
                pragma(&idle.connection, name),
            );
            assert_eq!(worked, idle, "{name} after `{setup}`");
        }
        assert!(worked.connection.is_autocommit());
    }
}

#[test]
fn the_handed_out_connection_can_be_cancelled_by_nobody() {
    let app = App::new();
    app.file("V1__a.sql", "CREATE TABLE a (x)");
    let flag = std::sync::Arc::new(std::sync::atomic::AtomicBool::new(false));
    let opened = app
        .migrator()
        .cancel_with(flag.clone())
        .open(app.database())
        .unwrap();
    flag.store(true, std::sync::atomic::Ordering::Relaxed);
    let count: i64 = opened
        .connection
        .query_row(
            "WITH RECURSIVE n (i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n WHERE i < 100000) SELECT count(*) FROM n",
            [],
            |row| row.get(0),
        )
        .unwrap();
    assert_eq!(count, 100_000);
}

#[test]
fn another_process_may_work_while_the_connection_is_held() {
    let app = App::new();
    app.file("V1__a.sql", "CREATE TABLE a (x)");
    let opened = app.migrator().open(app.database()).unwrap();
    app.file("V2__b.sql", "CREATE TABLE b (x)");
    let report = app
        .migrator()
        .lock_timeout(Duration::from_millis(50))
        .migrate(app.database())
        .unwrap();
    assert_eq!(report.version, Some(2));
    opened
        .connection
        .execute("INSERT INTO b VALUES (1)", [])
        .unwrap();
    assert_eq!(app.number("SELECT count(*) FROM b"), 1);
}

fn with_own(connection: &Connection) -> rusqlite::Result<()> {
    connection.create_collation("own_order", |a: &str, b: &str| b.cmp(a))?;
    connection.create_scalar_function(
        "own_double",
        1,
        FunctionFlags::SQLITE_DETERMINISTIC,
        |context| Ok(context.get::<i64>(0)? * 2),
    )
}

#[test]
fn functions_and_collations_of_the_app_work_in_migrations_and_in_the_schema() {
    let app = App::new();
    let connection = app.connect();
    with_own(&connection).unwrap();
    connection
        .execute_batch(
            "CREATE TABLE t (x TEXT, n INT, twice AS (own_double(n))); CREATE INDEX i ON t (x COLLATE own_order);
             INSERT INTO t (x, n) VALUES ('a', 1), ('b', 2);",
        )
        .unwrap();
    drop(connection);
    app.file("V1__a.sql", "UPDATE t SET n = own_double(n) WHERE x < 'a' COLLATE own_order; ALTER TABLE t RENAME x TO y;");
    let opened = app
        .migrator()
        .connection_setup(with_own)
        .open(app.database())
        .unwrap();
    let sum: i64 = opened
        .connection
        .query_row("SELECT sum(twice) FROM t", [], |row| row.get(0))
        .unwrap();
    assert_eq!(sum, 2 * (1 + 4));
}

#[test]
fn a_collation_or_function_that_is_missing_is_named_and_nothing_is_touched() {
    for (schema, sql, name) in [
        (
            "CREATE INDEX i ON t (x COLLATE own_order)",
            "CREATE TABLE u (x)",
            "own_order",
        ),
        ("", "CREATE INDEX j ON t (x COLLATE own_order)", "own_order"),
        (
            "",
            "SELECT * FROM t ORDER BY x COLLATE own_order",
            "own_order",
        ),
        ("", "UPDATE t SET n = own_double(n)", "own_double"),
    ] {
        let app = App::new();
        let connection = app.connect();
        with_own(&connection).unwrap();
        connection
            .execute_batch("CREATE TABLE t (x TEXT, n INT); INSERT INTO t VALUES ('a', 1)")
            .unwrap();
        connection.execute_batch(schema).unwrap();
        drop(connection);
        app.file("V1__a.sql", sql);
        let error = app.refused(ErrorKind::MigrationFailed);
        let whole = format!("{error:#}");
        assert!(whole.contains(name), "{whole}");
        assert!(
            error.help().unwrap().contains("connection set-up"),
            "{whole}"
        );
        assert_eq!(app.backups().len(), 0);
        app.migrator()
            .connection_setup(with_own)
            .migrate(app.database())
            .unwrap();
    }
}

#[test]
fn a_set_up_that_fails_or_leaves_a_transaction_open_changes_nothing() {
    for setup in ["SELECT * FROM nowhere", "BEGIN"] {
        let app = App::new();
        app.sql("CREATE TABLE t (x)")
            .file("V1__a.sql", "CREATE TABLE a (x)");
        let migrator = app
            .migrator()
            .connection_setup(move |connection| connection.execute_batch(setup));
        let error = app.refused_by(&migrator, ErrorKind::Io);
        assert!(error.to_string().contains("set-up"), "{error}");
    }
}

#[test]
fn what_was_applied_is_kept_with_its_circumstances() {
    let app = App::new();
    app.sql("CREATE TABLE t (x)")
        .file("V1__a.sql", "CREATE TABLE a (x)")
        .file("V1__a.down.sql", "DROP TABLE a");
    let report = app
        .migrator()
        .app_version("3.1")
        .migrate(app.database())
        .unwrap();
    let backup = report.backup.unwrap();
    let kept = app.text(
        "SELECT version || up_sql || down_sql || app_version || backup FROM heirloom_history",
    );
    let name = backup.file_name().unwrap().to_str().unwrap();
    assert_eq!(kept, format!("1CREATE TABLE a (x)DROP TABLE a3.1{name}"));
    assert!(
        !contents(&backup)
            .iter()
            .any(|line| line.contains("heirloom"))
    );
}

#[test]
fn a_report_reads_as_a_sentence() {
    let app = App::new();
    app.file("V1__a.sql", "CREATE TABLE a (x)");
    let first = app.run().unwrap().to_string();
    assert!(first.starts_with("applied 1 migration in "), "{first}");
    assert!(first.ends_with(": schema version none -> 1"), "{first}");
    assert_eq!(
        app.run().unwrap().to_string(),
        "nothing to do, schema version 1"
    );
}

/// A journal in memory does not survive a kill: a run keeps one on disk, and the app has its
/// own choice back afterwards.
#[test]
fn a_journal_in_memory_is_not_used_for_a_run() {
    for mode in ["memory", "off"] {
        let app = App::new();
        app.file("V1__a.sql", "CREATE TABLE a (x)");
        let during = std::sync::Mutex::new(String::new());
        let pragma = format!("PRAGMA journal_mode = {mode}");
        let opened = app
            .migrator()
            .connection_setup(move |connection| connection.query_row(&pragma, [], |_| Ok(())))
            .before_each(|moment| {
                let query = "PRAGMA journal_mode";
                *during.lock().unwrap() =
                    moment.connection.query_row(query, [], |row| row.get(0))?;
                Ok(())
            })
            .open(app.database())
            .unwrap();
        assert_eq!(*during.lock().unwrap(), "delete");
        let after: String = opened
            .connection
            .query_row("PRAGMA journal_mode", [], |row| row.get(0))
            .unwrap();
        assert_eq!(after, mode);
    }
}

/// The work is in the database, and the app must not be told that it is not.
#[test]
fn a_set_up_that_fails_after_the_commit_says_that_it_came_after() {
    let app = App::new();
    app.sql("CREATE TABLE t (x)").file(
        "V1__a.sql",
        "CREATE TABLE a (x); CREATE TEMP TABLE left (x)",
    );
    let set_up = |connection: &rusqlite::Connection| {
        let sql = "SELECT count(*) FROM sqlite_schema WHERE name = 'a'";
        match connection.query_row(sql, [], |row| row.get(0))? {
            0 => Ok(connection.execute_batch("CREATE TEMP TABLE mine (x)")?),
            _ => Err(rusqlite::Error::InvalidQuery),
        }
    };
    let migrator = app.migrator().connection_setup(set_up);
    let error = migrator.migrate(app.database()).unwrap_err();
    assert_eq!(
        *error.data_state(),
        heirloom::DataState::Committed,
        "{error:#}"
    );
    assert_eq!(app.number("SELECT count(*) FROM a"), 0);
}

/// Another copy of the app did the work while this one waited.
#[test]
fn a_set_up_that_fails_where_nothing_was_left_to_do_says_that_nothing_changed() {
    let app = App::new();
    app.sql("CREATE TABLE t (x)")
        .file("V1__a.sql", "CREATE TABLE a (x)");
    let holder = Mutex::new(Some(Holder::start(part("holds-run", &app))));
    let is_set_up = AtomicBool::new(false);
    let migrator = app
        .migrator()
        .on_event(|event| {
            if matches!(event, Event::Waiting { .. }) {
                holder.lock().unwrap().take().unwrap().release();
            }
        })
        .connection_setup(
            move |connection| match is_set_up.swap(true, Ordering::Relaxed) {
                false => connection.execute_batch("CREATE TEMP TABLE mine (x)"),
                true => Err(rusqlite::Error::InvalidQuery),
            },
        );
    let error = migrator.migrate(app.database()).unwrap_err();
    assert!(error.data_state().is_unchanged(), "{error:#}");
    assert_eq!(app.number("SELECT count(*) FROM a"), 0);
}

#[test]
fn temporary_tables_of_a_migration_do_not_stand_in_the_apps_way() {
    let app = App::new();
    app.file("V1__a.sql", "CREATE TABLE n (x); CREATE TEMP TABLE n (y);");
    let opened = app.migrator().open(app.database()).unwrap();
    opened
        .connection
        .execute("INSERT INTO n (x) VALUES (1)", [])
        .unwrap();
    assert_eq!(app.number("SELECT count(*) FROM n"), 1);
}

#[test]
fn a_history_table_with_a_name_of_heirloom_or_sqlite_is_refused() {
    let app = App::new();
    app.file("V1__a.sql", "CREATE TABLE a (x)");
    for name in ["heirloom_run", "Heirloom_history", "sqlite_x", ""] {
        let migrator = app.migrator().history_table(name);
        app.refused_by(&migrator, ErrorKind::Usage);
    }
}

/// An app kept its database for itself, with `locking_mode = EXCLUSIVE` in its set-up, and in WAL mode:
/// the backup's own connection waited for it in vain, and "close the other program" was the advice.
#[test]
fn a_set_up_that_locks_the_others_out_works_or_is_refused_by_its_name() {
    for (mode, works) in [("WAL", false), ("DELETE", true)] {
        for order in [
            format!("PRAGMA locking_mode = EXCLUSIVE; PRAGMA journal_mode = {mode};"),
            format!("PRAGMA journal_mode = {mode}; PRAGMA locking_mode = EXCLUSIVE;"),
        ] {
            let app = App::new();
            app.file("V1__t.sql", "CREATE TABLE t (x);");
            app.run().unwrap();
            app.sql("INSERT INTO t VALUES (1)");
            app.file("V2__y.sql", "ALTER TABLE t ADD COLUMN y;");
            let migrator = || {
                let patience = Duration::from_millis(300);
                app.migrator().lock_timeout(patience)
            };
            let set_up = |connection: &Connection| connection.execute_batch(&order);
            let opened = migrator().connection_setup(set_up).open(app.database());
            if works {
                assert_eq!(opened.unwrap().report.version, Some(2), "{order}");
            } else {
                let error = opened.map(|opened| opened.report).unwrap_err();
                assert_eq!(error.kind(), ErrorKind::Usage, "{order}: {error:#}");
                assert!(error.to_string().contains("locking_mode"), "{error:#}");
                assert!(error.data_state().is_unchanged(), "{error:#}");
                assert!(app.backups().is_empty());
                // And as it says.
                let opened = migrator().open(app.database()).unwrap();
                set_up(&opened.connection).unwrap();
                assert_eq!(opened.report.version, Some(2), "{order}");
            }
            // With nothing to do it is as the app wants it.
            let opened = migrator().connection_setup(set_up).open(app.database());
            let opened = opened.unwrap();
            assert_eq!(opened.report.version, Some(2), "{order}");
            let kept = "PRAGMA locking_mode";
            let kept: String = opened
                .connection
                .query_row(kept, [], |row| row.get(0))
                .unwrap();
            assert_eq!(kept, "exclusive");
            drop(opened);
            assert_eq!(app.number("SELECT count(*) FROM t WHERE y IS NULL"), 1);
        }
    }
}
