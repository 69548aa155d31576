//! Backfills in batches: killed, cancelled, failed or disturbed, each row is filled exactly once.
//! What is counted up cannot be filled twice without notice.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicI64, Ordering};
use std::time::{Duration, Instant};

use heirloom::report::Backfilled;
use heirloom::{Backfill, DataState, Error, ErrorKind, Event, Migrator, Remedy, Report, Verify};

use crate::support::app::{App, contents, kill_when_ready, number_in, part, was_killed};

const UP: &str = "UPDATE t SET n = n + 1 WHERE id BETWEEN :first AND :last";
const MODES: [&str; 2] = ["delete", "wal"];

/// 30 rows with gaps between their rowids, one of them below zero.
fn app(mode: &str) -> App {
    let app = App::new();
    app.file(
        "V1__t.sql",
        "CREATE TABLE t (id INTEGER PRIMARY KEY, n INTEGER NOT NULL DEFAULT 0, x);
         WITH RECURSIVE c (i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM c WHERE i < 30)
         INSERT INTO t (id, x) SELECT i * i - 50, hex(randomblob(300)) FROM c;",
    );
    app.run().unwrap();
    app.sql(&format!("PRAGMA journal_mode = {mode}"));
    app
}

fn count_up() -> Backfill<'static> {
    Backfill::sql("count_up", "t", UP).batch(7)
}

/// What a backfill filled.
fn rows(report: &Report) -> &Backfilled {
    report.backfill.as_ref().unwrap()
}

fn fill(app: &App) -> Result<Report, Error> {
    app.migrator()
        .database(app.database())
        .backfill(&count_up())
}

/// How often rows were filled: the least and the most, and how many were at all.
fn filled(app: &App) -> (i64, i64, i64) {
    (
        app.number("SELECT min(n) FROM t"),
        app.number("SELECT max(n) FROM t"),
        app.number("SELECT count(*) FROM t WHERE n > 0"),
    )
}

fn done(error: &Error) -> (u64, u64) {
    match error.data_state() {
        DataState::Backfilled { done, total, .. } => (*done, *total),
        other => panic!("{other}: {error:#}"),
    }
}

#[test]
fn rows_are_filled_in_batches_of_rows_after_one_verified_copy() {
    for mode in MODES {
        let app = app(mode);
        let before = contents(&app.database());
        let events = std::sync::Mutex::new(Vec::new());
        let migrator = app.migrator().on_event(|event| {
            if let Event::Backfilling { done, total, .. } = event {
                events.lock().unwrap().push((*done, *total));
            }
        });
        let ranges = std::sync::Mutex::new(Vec::new());
        let backfill = Backfill::function("by_hand", "T", |connection, rows| {
            ranges.lock().unwrap().push((*rows.start(), *rows.end()));
            let ends = [rows.start(), rows.end()];
            connection.execute("UPDATE t SET n = n + 1 WHERE id BETWEEN ?1 AND ?2", ends)?;
            Ok(())
        });
        let backfilled = migrator
            .database(app.database())
            .backfill(&backfill.batch(7))
            .unwrap();
        assert_eq!(
            (rows(&backfilled).rows, rows(&backfilled).rows_before),
            (30, 0)
        );
        assert_eq!(rows(&backfilled).table, "t");
        assert_eq!(filled(&app), (1, 1, 30), "{mode}");
        let ends = [7, 14, 21, 28, 30].map(|last| last * last - 50);
        let starts = [1, 8, 15, 22, 29].map(|first| first * first - 50);
        let expected: Vec<(i64, i64)> = starts.into_iter().zip(ends).collect();
        assert_eq!(*ranges.lock().unwrap(), expected);
        let expected = [7, 14, 21, 28, 30].map(|done| (done, 30));
        assert_eq!(*events.lock().unwrap(), expected);
        assert_eq!(app.backups(), [backfilled.backup.unwrap()]);
        assert_eq!(contents(&app.backups()[0]), before, "{mode}");
        assert_eq!(app.text("PRAGMA journal_mode"), mode);
    }
}

#[test]
fn one_that_is_done_does_nothing_and_takes_no_copy() {
    let app = app("delete");
    fill(&app).unwrap();
    app.sql("INSERT INTO t (id) VALUES (100000)");
    let before = app.listing();
    let again = fill(&app).unwrap();
    assert!(again.is_up_to_date());
    assert_eq!((rows(&again).rows, rows(&again).rows_before), (0, 30));
    assert!(again.backup.is_none());
    assert_eq!(app.listing(), before);
}

/// One that was done could only be run once more under another name, or by hand in heirloom's own
/// table.
#[test]
fn one_that_is_done_is_done_again_when_that_is_said_and_after_a_copy() {
    for mode in MODES {
        let app = app(mode);
        fill(&app).unwrap();
        app.sql("INSERT INTO t (id) VALUES (100000)");
        let (before, backups) = (contents(&app.database()), app.backups());
        let again = || count_up().again();
        let plan = app
            .migrator()
            .database(app.database())
            .plan_backfill(&again())
            .unwrap();
        assert_eq!((plan.done, plan.left, plan.started_at), (0, 31, None));
        let stop = std::sync::Arc::new(std::sync::atomic::AtomicBool::new(false));
        let error = app
            .migrator()
            .cancel_with(stop.clone())
            .on_event(|event| {
                let batch = matches!(event, heirloom::Event::Backfilling { .. });
                stop.fetch_or(batch, std::sync::atomic::Ordering::Relaxed);
            })
            .database(app.database())
            .backfill(&again())
            .unwrap_err();
        assert_eq!(done(&error), (7, 31));
        let copy = app
            .backups()
            .into_iter()
            .find(|copy| !backups.contains(copy));
        assert_eq!(contents(&copy.unwrap()), before, "{mode}");
        // Begun, it goes on, whether or not that is said once more.
        let rest = app
            .migrator()
            .database(app.database())
            .backfill(&again())
            .unwrap();
        assert_eq!((rows(&rest).rows, rows(&rest).rows_before), (24, 7));
        assert_eq!(rest.backup, None);
        assert_eq!(app.number("SELECT count(*) FROM t WHERE n = 2"), 30);
        assert_eq!(app.number("SELECT n FROM t WHERE id = 100000"), 1);
        assert!(fill(&app).unwrap().is_up_to_date());
        // Done, it may say something else.
        let other = Backfill::sql(
            "count_up",
            "t",
            "UPDATE t SET n = 9 WHERE id BETWEEN :first AND :last",
        );
        let error = app
            .migrator()
            .database(app.database())
            .backfill(&other)
            .unwrap_err();
        assert_eq!(error.kind(), ErrorKind::Diverged);
        assert_eq!(error.remedies(), [Remedy::Backfill { again: true }]);
        app.migrator()
            .database(app.database())
            .backfill(&other.again())
            .unwrap();
        assert_eq!(app.number("SELECT min(n) FROM t"), 9);
    }
}

/// Killed at every event, at every connection set-up, and in the middle of every batch; and then
/// once more, while it goes on.
#[test]
fn killed_at_any_moment_it_goes_on_at_the_row_where_it_was() {
    let mut kills = 0;
    for mode in MODES {
        let mut moment = 0;
        loop {
            let app = app(mode);
            let mut killed = 0;
            for at in [moment, 4] {
                let mut command = part("backfills", &app);
                command.env("HEIRLOOM_TEST_MOMENT", at.to_string());
                let (output, said) = kill_when_ready(command, Duration::ZERO);
                let failure = String::from_utf8_lossy(&output.stderr);
                let died = was_killed(output.status);
                assert!(died || output.status.success(), "{said}{failure}");
                if died {
                    killed += 1;
                }
                let (least, most, rows) = filled(&app);
                assert!(least >= 0 && most <= 1, "{mode} {moment}");
                let known =
                    app.connect()
                        .query_row("SELECT rows_done FROM heirloom_backfill", [], |row| {
                            row.get(0)
                        });
                assert_eq!(known.unwrap_or(0), rows, "{mode} {moment}");
            }
            let backfilled = app
                .migrator()
                .database(app.database())
                .backfill(&crate::support::parts::count_up(|| {}))
                .unwrap();
            assert_eq!(rows(&backfilled).rows + rows(&backfilled).rows_before, 30);
            assert_eq!(filled(&app), (1, 1, 30), "{mode} {moment}");
            let copies = app
                .migrator()
                .database(app.database())
                .backups(Verify::Everything);
            let copies = copies.unwrap();
            assert!(copies.iter().all(|copy| copy.verified), "{copies:?}");
            // A copy that was finished before the first batch was begun is taken once more.
            for copy in &copies {
                assert_eq!(number_in(&copy.file, "SELECT max(n) FROM t"), 0);
            }
            assert_eq!(copies.len(), 1, "{mode} {moment}: {copies:?}");
            assert_eq!(app.text("PRAGMA integrity_check"), "ok");
            kills += killed;
            moment += 1;
            if killed == 0 {
                break;
            }
        }
    }
    println!("killed {kills} times");
    assert!(kills > 40, "{kills}");
}

#[test]
fn cancelled_within_a_batch_that_batch_is_rolled_back_and_the_next_call_goes_on() {
    for mode in MODES {
        let app = app(mode);
        let flag = Arc::new(AtomicBool::new(false));
        let migrator = app.migrator().cancel_with(Arc::clone(&flag));
        let cancelled = Arc::clone(&flag);
        let endless = move |connection: &rusqlite::Connection, last: i64| {
            cancelled.store(true, Ordering::SeqCst);
            let sql = "WITH RECURSIVE c (i) AS (SELECT ?1 UNION ALL SELECT i FROM c) SELECT count(*) FROM c";
            // In words of the app's own.
            connection
                .query_row(sql, [last], |_| Ok(()))
                .map_err(|error| format!("no luck: {error}"))
        };
        let backfill = Backfill::function("count_up", "t", |connection, rows| {
            let ends = [rows.start(), rows.end()];
            connection.execute("UPDATE t SET n = n + 1 WHERE id BETWEEN ?1 AND ?2", ends)?;
            if *rows.start() > 50 {
                endless(connection, *rows.end())?;
            }
            Ok(())
        });
        let error = migrator
            .database(app.database())
            .backfill(&backfill.batch(7))
            .unwrap_err();
        assert!(error.is_interrupted(), "{error:#}");
        assert_eq!(done(&error), (14, 30), "{mode}: {error:#}");
        assert!(error.backup().is_some());
        assert!(error.help().unwrap().contains("go on"), "{error:#}");
        assert_eq!(filled(&app), (0, 1, 14), "{mode}");
        flag.store(false, Ordering::SeqCst);
        let rest = crate::support::parts::count_up(|| {});
        let backfilled = migrator.database(app.database()).backfill(&rest).unwrap();
        assert_eq!(
            (rows(&backfilled).rows, rows(&backfilled).rows_before),
            (16, 14)
        );
        assert_eq!(filled(&app), (1, 1, 30), "{mode}");
        assert_eq!(app.backups().len(), 1);
    }
}

#[test]
fn cancelled_between_two_batches_it_stops_there() {
    let app = app("wal");
    let flag = Arc::new(AtomicBool::new(false));
    let set = Arc::clone(&flag);
    let error = app
        .migrator()
        .cancel_with(flag)
        .on_event(move |event| {
            if matches!(event, Event::Backfilling { .. }) {
                set.store(true, Ordering::SeqCst);
            }
        })
        .database(app.database())
        .backfill(&count_up())
        .unwrap_err();
    assert!(error.is_interrupted());
    assert_eq!(done(&error), (7, 30));
    assert_eq!(filled(&app), (0, 1, 7));
}

/// The app writes all the while, and nobody is kept out for long.
#[test]
fn writers_beside_it_get_in_and_lose_nothing() {
    for mode in MODES {
        let app = app(mode);
        app.sql(
            "WITH RECURSIVE c (i) AS (SELECT 1001 UNION ALL SELECT i + 1 FROM c WHERE i < 3000)
             INSERT INTO t (id) SELECT i FROM c;
             CREATE TABLE log (x)",
        );
        let acknowledged = AtomicI64::new(0);
        let over = AtomicBool::new(false);
        std::thread::scope(|threads| {
            for thread in 0..2 {
                let (app, acknowledged, over) = (&app, &acknowledged, &over);
                threads.spawn(move || {
                    let connection = app.connect();
                    connection.busy_timeout(Duration::from_secs(60)).unwrap();
                    while !over.load(Ordering::SeqCst) {
                        connection
                            .execute("INSERT INTO log VALUES (?)", [thread])
                            .unwrap();
                        // New rows come filled, and are not the backfill's.
                        connection
                            .execute("INSERT INTO t (n, x) VALUES (1, 'new')", [])
                            .unwrap();
                        acknowledged.fetch_add(1, Ordering::SeqCst);
                        std::thread::sleep(Duration::from_millis(2));
                    }
                });
            }
            let backfill = count_up().batch(50);
            // After each batch somebody gets in, however fast the machine is.
            let somebody_gets_in = |event: &Event<'_>| {
                if matches!(event, Event::Backfilling { .. }) {
                    let before = acknowledged.load(Ordering::SeqCst);
                    let deadline = Instant::now() + Duration::from_secs(60);
                    while acknowledged.load(Ordering::SeqCst) == before && Instant::now() < deadline
                    {
                        std::thread::sleep(Duration::from_millis(1));
                    }
                }
            };
            let migrator = app.migrator().on_event(somebody_gets_in);
            let backfilled = migrator.database(app.database()).backfill(&backfill);
            over.store(true, Ordering::SeqCst);
            let rows = rows(&backfilled.unwrap()).rows;
            assert!(rows >= 2030, "{mode}: {rows}");
        });
        let acknowledged = acknowledged.into_inner();
        assert!(acknowledged > 40, "{mode}: {acknowledged}");
        assert_eq!(app.number("SELECT count(*) FROM log"), acknowledged);
        let new = "SELECT count(*) FROM t WHERE x = 'new'";
        assert_eq!(app.number(new), acknowledged);
        let old = "SELECT min(n) * 100 + max(n) FROM t WHERE x IS NOT 'new'";
        assert_eq!(app.number(old), 101, "{mode}");
    }
}

#[test]
fn two_of_one_name_at_once_fill_each_row_once() {
    for mode in MODES {
        let app = app(mode);
        let all: Vec<Report> = std::thread::scope(|threads| {
            let both: Vec<_> = (0..3).map(|_| threads.spawn(|| fill(&app))).collect();
            let all = both.into_iter().map(|one| one.join().unwrap().unwrap());
            all.collect()
        });
        assert_eq!(filled(&app), (1, 1, 30), "{mode}");
        assert_eq!(all.iter().filter(|one| one.backup.is_some()).count(), 1);
        assert_eq!(app.backups().len(), 1);
    }
}

/// The batch of the row 175 fails: rows 15 to 21.
#[test]
fn the_error_of_a_batch_leaves_the_batches_before_and_says_where() {
    for mode in MODES {
        let app = app(mode);
        app.sql("CREATE TRIGGER odd BEFORE UPDATE ON t WHEN new.id = 206 AND new.x <> 'mended' BEGIN SELECT RAISE(ABORT, 'a row from long ago'); END");
        let error = fill(&app).unwrap_err();
        assert_eq!(error.kind(), ErrorKind::MigrationFailed);
        let state = DataState::Backfilled {
            done: 14,
            total: 30,
            failed: Some((175, 391)),
        };
        assert_eq!(*error.data_state(), state, "{error:#}");
        assert!(!error.data_state().is_unchanged());
        assert_eq!(error.migration(), Some("count_up"));
        assert!(error.to_string().contains("a row from long ago"), "{error}");
        assert_eq!(error.statement(), Some(UP));
        assert_eq!(filled(&app), (0, 1, 14), "{mode}");
        // The same again fails in the same place, without another copy.
        assert_eq!(done(&fill(&app).unwrap_err()), (14, 30));
        assert_eq!(app.backups().len(), 1);
        app.sql("UPDATE t SET x = 'mended' WHERE id = 206");
        assert_eq!(rows(&fill(&app).unwrap()).rows, 16);
        assert_eq!(filled(&app), (1, 1, 30), "{mode}");
    }
}

#[test]
fn other_statements_under_one_name_are_refused_and_another_batch_is_not() {
    let app = app("delete");
    let migrator = app.migrator();
    let cut = AtomicBool::new(true);
    let flag = Arc::new(AtomicBool::new(false));
    let set = Arc::clone(&flag);
    let stopped = app
        .migrator()
        .cancel_with(flag)
        .on_event(move |event| {
            if matches!(event, Event::Backfilling { .. }) && cut.swap(false, Ordering::SeqCst) {
                set.store(true, Ordering::SeqCst);
            }
        })
        .database(app.database())
        .backfill(&count_up());
    assert!(stopped.unwrap_err().is_interrupted());
    let before = contents(&app.database());
    let other = UP.replace("+ 1", "+ 2");
    for backfill in [
        Backfill::sql("count_up", "t", other.clone()),
        Backfill::function("count_up", "t", |_, _| panic!("it must not be called")),
    ] {
        let error = migrator
            .database(app.database())
            .backfill(&backfill)
            .unwrap_err();
        assert_eq!(error.kind(), ErrorKind::Diverged, "{error:#}");
        assert_eq!(contents(&app.database()), before);
        let plan = migrator.database(app.database()).plan_backfill(&backfill);
        assert_eq!(plan.unwrap_err().kind(), ErrorKind::Diverged);
    }
    let error = migrator
        .database(app.database())
        .backfill(&Backfill::sql("count_up", "t", other.clone()))
        .unwrap_err();
    assert_eq!(error.difference().unwrap().file, other);
    let windows = format!("-- filled\r\n{};\r\n", UP.replace(" WHERE", "\r\nWHERE"));
    assert!(
        migrator
            .database(app.database())
            .backfill(&Backfill::sql("count_up", "t", windows))
            .is_err(),
        "a line more is another text"
    );
    let same = Backfill::sql("count_up", "T", format!("-- the same\r\n{UP};\r\n"));
    let backfilled = migrator
        .database(app.database())
        .backfill(&same.batch(100))
        .unwrap();
    assert_eq!(rows(&backfilled).rows, 23);
    assert_eq!(filled(&app), (1, 1, 30));
    let done = Backfill::sql("count_up", "t", other);
    let error = migrator
        .database(app.database())
        .backfill(&done)
        .unwrap_err();
    assert_eq!(error.kind(), ErrorKind::Diverged);
}

#[test]
fn a_plan_says_what_is_left_and_changes_nothing() {
    for mode in MODES {
        let app = app(mode);
        let plan = |app: &App| {
            let before = app.listing();
            let migrator = app.migrator();
            let plan = migrator
                .database(app.database())
                .plan_backfill(&count_up())
                .unwrap();
            assert_eq!(app.listing(), before);
            plan
        };
        let fresh = plan(&app);
        assert_eq!((fresh.done, fresh.left), (0, 30));
        assert!(fresh.started_at.is_none());
        app.sql("CREATE TRIGGER odd BEFORE UPDATE ON t WHEN new.id = 206 BEGIN SELECT RAISE(ABORT, 'x'); END");
        fill(&app).unwrap_err();
        let stopped = plan(&app);
        assert_eq!((stopped.done, stopped.left), (14, 16), "{mode}");
        app.sql("DROP TRIGGER odd");
        fill(&app).unwrap();
        let over = plan(&app);
        assert_eq!((over.done, over.left), (30, 0));
        assert!(over.started_at.is_some() && over.finished_at.is_some());
    }
}

#[test]
fn what_cannot_be_gone_through_in_batches_is_refused_before_anything_is_touched() {
    let app = app("delete");
    app.sql(
        "CREATE VIEW v AS SELECT * FROM t;
         CREATE VIRTUAL TABLE search USING fts5 (x);
         CREATE TABLE w (a TEXT PRIMARY KEY) WITHOUT ROWID;
         CREATE TABLE all_taken (rowid, _rowid_, oid);",
    );
    let between = |sql: &str| format!("{sql} WHERE id BETWEEN :first AND :last");
    let cases = [
        ("v", between("UPDATE t SET n = 1"), ErrorKind::Usage),
        ("search", between("UPDATE t SET n = 1"), ErrorKind::Usage),
        ("w", between("UPDATE t SET n = 1"), ErrorKind::Usage),
        ("all_taken", between("UPDATE t SET n = 1"), ErrorKind::Usage),
        (
            "refinery_schema_history",
            between("UPDATE t SET n = 1"),
            ErrorKind::Usage,
        ),
        ("gone", between("UPDATE t SET n = 1"), ErrorKind::NotFound),
        (
            "t",
            "UPDATE t SET n = 1".to_owned(),
            ErrorKind::InvalidMigration,
        ),
        (
            "t",
            "UPDATE t SET n = 1 WHERE id > :first -- and :last".to_owned(),
            ErrorKind::InvalidMigration,
        ),
        (
            "t",
            between("UPDATE t SET n = ?1"),
            ErrorKind::InvalidMigration,
        ),
        (
            "t",
            between("UPDATE t SET gone = 1"),
            ErrorKind::MigrationFailed,
        ),
        ("t", "-- nothing".to_owned(), ErrorKind::InvalidMigration),
        ("t", format!("{UP}; COMMIT"), ErrorKind::InvalidMigration),
        (
            "t",
            format!("{UP}; DROP TABLE t /* :first :last */"),
            ErrorKind::InvalidMigration,
        ),
        (
            "t",
            format!("{UP}; PRAGMA foreign_keys = OFF"),
            ErrorKind::InvalidMigration,
        ),
    ];
    let before = contents(&app.database());
    for (table, sql, kind) in cases {
        let backfill = Backfill::sql("b", table, sql.clone());
        let error = app
            .migrator()
            .database(app.database())
            .backfill(&backfill)
            .unwrap_err();
        assert_eq!(error.kind(), kind, "{table} {sql}: {error:#}");
        assert!(error.data_state().is_unchanged(), "{error:#}");
        assert!(error.help().is_some(), "{error:#}");
        assert_eq!(contents(&app.database()), before, "{sql}");
        assert!(app.backups().is_empty(), "{sql}");
    }
    let nowhere = app.folder().join("nowhere.db");
    let error = app
        .migrator()
        .database(&nowhere)
        .backfill(&count_up())
        .unwrap_err();
    assert_eq!(error.kind(), ErrorKind::NotFound);
    assert!(!nowhere.exists());
}

type Fill = fn(&rusqlite::Connection) -> rusqlite::Result<()>;

/// What a function may do to the database, and must not.
#[test]
fn a_batch_that_does_more_than_write_rows_is_rolled_back() {
    let cases: [(&str, ErrorKind, Fill); 7] = [
        ("deletes", ErrorKind::Destructive, |c| {
            c.execute_batch("DELETE FROM t WHERE id = 31")
        }),
        ("moves", ErrorKind::Destructive, |c| {
            c.execute_batch("UPDATE t SET id = 9999 WHERE id = 31")
        }),
        ("commits", ErrorKind::MigrationFailed, |c| {
            c.execute_batch("ROLLBACK; BEGIN")
        }),
        ("changes the schema", ErrorKind::MigrationFailed, |c| {
            c.execute_batch("CREATE INDEX i ON t (n)")
        }),
        ("breaks a reference", ErrorKind::MigrationFailed, |c| {
            c.execute_batch("INSERT INTO child VALUES (12345)")
        }),
        (
            "breaks one at the commit",
            ErrorKind::MigrationFailed,
            |c| c.execute_batch("INSERT INTO later VALUES (12345)"),
        ),
        ("refuses", ErrorKind::MigrationFailed, |_| {
            Err(rusqlite::Error::QueryReturnedNoRows)
        }),
    ];
    for (what, kind, harm) in cases {
        let app = app("wal");
        app.sql(
            "CREATE TABLE child (t REFERENCES t);
             CREATE TABLE later (t REFERENCES t DEFERRABLE INITIALLY DEFERRED);",
        );
        let before = app.number("SELECT sum(id) FROM t");
        let backfill = Backfill::function("harm", "t", |connection, rows| {
            let ends = [rows.start(), rows.end()];
            connection.execute("UPDATE t SET n = n + 1 WHERE id BETWEEN ?1 AND ?2", ends)?;
            if rows.contains(&31) {
                harm(connection)?;
            }
            Ok(())
        });
        let error = app
            .migrator()
            .database(app.database())
            .backfill(&backfill.batch(7))
            .unwrap_err();
        assert_eq!(error.kind(), kind, "{what}: {error:#}");
        assert_eq!(done(&error), (7, 30), "{what}: {error:#}");
        assert!(error.help().is_some(), "{what}: {error:#}");
        assert_eq!(filled(&app), (0, 1, 7), "{what}");
        assert_eq!(app.number("SELECT sum(id) FROM t"), before, "{what}");
        let rows = "SELECT count(*) FROM child, later";
        assert_eq!(app.number(rows), 0, "{what}");
        let index = "SELECT count(*) FROM sqlite_schema WHERE type = 'index' AND name = 'i'";
        assert_eq!(app.number(index), 0, "{what}");
    }
}

/// Rows that were not in the batch went, and the backfill said that it had filled all.
#[test]
fn rows_outside_of_the_batch_that_its_statements_would_delete_are_kept() {
    for (what, schema, sql) in [
        (
            "a trigger",
            "CREATE TRIGGER g AFTER UPDATE ON t BEGIN DELETE FROM t WHERE id = new.id + 900 OR id = 850; END",
            UP,
        ),
        (
            "a reference",
            "CREATE TABLE p (id INTEGER PRIMARY KEY); INSERT INTO p VALUES (1);
             ALTER TABLE t ADD COLUMN p REFERENCES p ON DELETE CASCADE;
             UPDATE t SET p = 1 WHERE id = 850;
             CREATE TRIGGER g AFTER UPDATE OF n ON t BEGIN DELETE FROM p; END",
            UP,
        ),
        (
            "another in its place",
            "ALTER TABLE t ADD COLUMN u; UPDATE t SET u = 1 WHERE id = 850; CREATE UNIQUE INDEX i ON t (u)",
            "UPDATE OR REPLACE t SET n = n + 1, u = iif(id = -49, 1, u) WHERE id BETWEEN :first AND :last",
        ),
    ] {
        let app = app("wal");
        app.sql(schema);
        let before = app.number("SELECT count(*) FROM t");
        let backfill = Backfill::sql("count_up", "t", sql).batch(7);
        let migrator = app.migrator();
        let error = migrator
            .database(app.database())
            .backfill(&backfill)
            .unwrap_err();
        assert_eq!(error.kind(), ErrorKind::Destructive, "{what}: {error:#}");
        assert!(error.to_string().contains("outside"), "{what}: {error:#}");
        assert_eq!(app.number("SELECT count(*) FROM t"), before, "{what}");
        assert_eq!(filled(&app), (0, 0, 0), "{what}");
    }
}

/// Between two batches a newer app may start.
#[test]
fn a_run_gets_in_between_two_batches_and_the_backfill_goes_on() {
    for mode in MODES {
        let app = app(mode);
        app.file(
            "V2__rebuild.sql",
            "CREATE TABLE n (id INTEGER PRIMARY KEY, n INTEGER NOT NULL DEFAULT 0, x, y);
             INSERT INTO n SELECT *, 1 FROM t ORDER BY id DESC; DROP TABLE t;
             ALTER TABLE n RENAME TO t; CREATE INDEX by_n ON t (n);",
        );
        let ran = AtomicBool::new(false);
        let backfilled = app
            .migrator()
            .on_event(|event| {
                if matches!(event, Event::Backfilling { .. }) && !ran.swap(true, Ordering::SeqCst) {
                    let other = app.migrator().lock_timeout(Duration::ZERO);
                    assert_eq!(other.migrate(app.database()).unwrap().version, Some(2));
                }
            })
            .database(app.database())
            .backfill(&count_up())
            .unwrap();
        assert_eq!(rows(&backfilled).rows, 30, "{mode}");
        assert_eq!(filled(&app), (1, 1, 30), "{mode}");
        assert_eq!(app.number("SELECT sum(y) FROM t"), 30);
    }
}

#[test]
fn a_start_up_with_nothing_to_do_does_not_wait_for_a_batch() {
    let app = app("wal");
    let backfill = Backfill::function("count_up", "t", |connection, rows| {
        let ends = [rows.start(), rows.end()];
        connection.execute("UPDATE t SET n = n + 1 WHERE id BETWEEN ?1 AND ?2", ends)?;
        let other = app.migrator().lock_timeout(Duration::ZERO);
        assert!(other.migrate(app.database())?.is_up_to_date());
        Ok(())
    });
    app.migrator()
        .database(app.database())
        .backfill(&backfill)
        .unwrap();
    assert_eq!(filled(&app), (1, 1, 30));
}

/// VACUUM numbers the rows of a table without INTEGER PRIMARY KEY again: going on behind the
/// rowid where it stopped would leave rows out.
#[test]
fn rows_that_may_have_got_other_rowids_are_not_gone_on_with() {
    for (key, statement, goes_on) in [
        ("TEXT PRIMARY KEY", "VACUUM", false),
        ("TEXT PRIMARY KEY", "ALTER TABLE k ADD COLUMN y", false),
        ("TEXT PRIMARY KEY", "CREATE TABLE other (x)", false),
        ("TEXT PRIMARY KEY", "ANALYZE other", true),
        ("INTEGER PRIMARY KEY DESC", "VACUUM", false),
        ("INTEGER PRIMARY KEY", "VACUUM", true),
        ("INTEGER PRIMARY KEY", "ALTER TABLE k ADD COLUMN y", true),
    ] {
        let app = app("delete");
        app.sql(&format!(
            "CREATE TABLE IF NOT EXISTS used (x); ANALYZE;
             CREATE TABLE k (id {key}, n DEFAULT 0);
             INSERT INTO k (id) SELECT CAST(id AS TEXT) FROM t;
             DELETE FROM k WHERE rowid % 3 = 0;"
        ));
        if goes_on && statement.contains("other") {
            app.sql("CREATE TABLE other (x)");
        }
        let rows = app.number("SELECT count(*) FROM k");
        let sql = "UPDATE k SET n = n + 1 WHERE rowid BETWEEN :first AND :last";
        let backfill = Backfill::sql("k", "k", sql).batch(3);
        let once = AtomicBool::new(false);
        let result = app
            .migrator()
            .on_event(|event| {
                if matches!(event, Event::Backfilling { .. }) && !once.swap(true, Ordering::SeqCst)
                {
                    app.sql(statement);
                }
            })
            .database(app.database())
            .backfill(&backfill);
        let filled = app.number("SELECT sum(n) FROM k");
        let most = app.number("SELECT max(n) FROM k");
        assert_eq!(most, 1, "{key} {statement}");
        match goes_on {
            true => {
                result.unwrap();
                assert_eq!(filled, rows, "{key} {statement}");
            }
            false => {
                let error = result.unwrap_err();
                assert_eq!(error.kind(), ErrorKind::Diverged, "{error:#}");
                assert_eq!(filled, 3, "{key} {statement}");
            }
        }
    }
}

#[test]
fn a_database_that_is_put_back_between_two_batches_is_begun_again() {
    let app = app("wal");
    let once = AtomicBool::new(false);
    let result = app
        .migrator()
        .on_event(|event| {
            if matches!(event, Event::Backfilling { .. }) && !once.swap(true, Ordering::SeqCst) {
                let latest = heirloom::BackupRef::Latest;
                app.migrator()
                    .database(app.database())
                    .restore(&latest)
                    .unwrap();
            }
        })
        .database(app.database())
        .backfill(&count_up());
    let error = result.unwrap_err();
    assert_eq!(error.kind(), ErrorKind::NotFound, "{error:#}");
    assert_eq!(filled(&app), (0, 0, 0));
    assert_eq!(rows(&fill(&app).unwrap()).rows, 30);
    assert_eq!(filled(&app), (1, 1, 30));
}

#[test]
fn an_empty_table_is_done_at_once_without_a_copy() {
    let app = app("delete");
    app.sql("DELETE FROM t");
    let backfilled = fill(&app).unwrap();
    assert!(backfilled.is_up_to_date() && backfilled.backup.is_none());
    app.sql("INSERT INTO t (id) VALUES (1)");
    assert!(fill(&app).unwrap().is_up_to_date());
    assert_eq!(app.number("SELECT n FROM t"), 0);
    assert!(app.backups().is_empty());
}

#[test]
fn the_ends_of_all_rowids_are_rows_like_others() {
    let app = app("delete");
    app.sql(
        "DELETE FROM t;
         INSERT INTO t (id) VALUES (-9223372036854775808), (0), (9223372036854775807);",
    );
    let backfilled = app
        .migrator()
        .database(app.database())
        .backfill(&count_up().batch(1));
    assert_eq!(rows(&backfilled.unwrap()).rows, 3);
    assert_eq!(filled(&app), (1, 1, 3));
}

/// 80 rows of 1 MB. Nothing else bounds the log while somebody reads an old state.
#[test]
fn the_write_ahead_log_stays_bounded() {
    let app = app("wal");
    app.sql(
        "DELETE FROM t;
         WITH RECURSIVE c (i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM c WHERE i < 90)
         INSERT INTO t (id, x) SELECT i, zeroblob(1000000) FROM c;",
    );
    let log = app.folder().join("app.db-wal");
    let backfill = Backfill::sql(
        "b",
        "t",
        "UPDATE t SET n = n + 1, x = CAST(randomblob(1000000) AS BLOB) WHERE id BETWEEN :first AND :last",
    );
    let backfill = backfill.batch(5);
    let largest = AtomicI64::new(0);
    let migrator = app
        .migrator()
        .lock_timeout(Duration::from_millis(300))
        .on_event(|event| {
            if matches!(event, Event::Backfilling { .. }) {
                let length = log.metadata().map_or(0, |file| file.len());
                largest.fetch_max(length as i64, Ordering::SeqCst);
            }
        });
    let reader = app.connect();
    reader
        .execute_batch("BEGIN; SELECT count(*) FROM t")
        .unwrap();
    let error = migrator
        .database(app.database())
        .backfill(&backfill)
        .unwrap_err();
    assert!(error.is_busy(), "{error:#}");
    let (done_rows, total) = done(&error);
    assert!(done_rows > 50 && done_rows < total, "{error:#}");
    assert!(largest.load(Ordering::SeqCst) > 50_000_000);
    let length = log.metadata().unwrap().len();
    assert!(length < 80_000_000, "{length}");
    drop(reader);
    largest.store(0, Ordering::SeqCst);
    let backfilled = migrator
        .database(app.database())
        .backfill(&backfill)
        .unwrap();
    assert_eq!(rows(&backfilled).rows + done_rows, total);
    let largest = largest.load(Ordering::SeqCst);
    assert!(largest < 15_000_000, "{largest}");
    assert_eq!(filled(&app), (1, 1, 90));
}

#[test]
fn the_copy_from_before_stays_until_it_is_done() {
    let app = app("delete");
    app.sql("CREATE TRIGGER odd BEFORE UPDATE ON t WHEN new.id = 206 BEGIN SELECT RAISE(ABORT, 'x'); END");
    let migrator = || app.migrator().keep_last(1);
    let error = migrator()
        .database(app.database())
        .backfill(&count_up())
        .unwrap_err();
    let copy = error.backup().unwrap().to_owned();
    for version in 2..5 {
        app.file(
            &format!("V{version}__more.sql"),
            &format!("CREATE TABLE more{version} (x)"),
        );
        migrator().migrate(app.database()).unwrap();
        assert!(copy.exists(), "{version}");
    }
    app.sql("DROP TRIGGER odd");
    migrator()
        .database(app.database())
        .backfill(&count_up())
        .unwrap();
    app.file("V5__more.sql", "CREATE TABLE more5 (x)");
    migrator().migrate(app.database()).unwrap();
    assert!(!copy.exists());
}

#[test]
fn a_file_says_what_it_fills() {
    let app = app("delete");
    let write = |text: &str| {
        let path = app.folder().join("count_up.sql");
        std::fs::write(&path, text).unwrap();
        path
    };
    for text in [
        UP,
        &format!("-- heirloom: batch 3\n{UP}"),
        &format!("-- heirloom: backfill t\n-- heirloom: no-transaction\n{UP}"),
        &format!("{UP};\n-- heirloom: backfill t"),
    ] {
        let error = Backfill::file(write(text)).unwrap_err();
        assert_eq!(error.kind(), ErrorKind::InvalidMigration, "{text}");
    }
    let path = write(&format!(
        "-- heirloom: backfill t\n-- heirloom: batch 3\n{UP};\n"
    ));
    // Under the name that it has in the database, wherever it comes from.
    let backfill = Backfill::file(path).unwrap();
    let migrator = Migrator::new(app.migrations());
    assert_eq!(
        migrator
            .database(app.database())
            .backfill(&backfill)
            .unwrap()
            .backfill
            .unwrap()
            .rows,
        30
    );
    assert!(fill(&app).unwrap().is_up_to_date());
    assert_eq!(filled(&app), (1, 1, 30));
    let gone = Backfill::file(app.folder().join("gone.sql")).unwrap_err();
    assert_eq!(gone.kind(), ErrorKind::NotFound);
}

#[test]
fn a_backfill_among_the_migrations_is_refused() {
    let app = app("delete");
    app.file("V2__fill.sql", &format!("-- heirloom: backfill t\n{UP}"));
    let error = app.refused(ErrorKind::InvalidMigration);
    assert!(
        error.remedies() == [Remedy::Backfill { again: false }],
        "{error:#}"
    );
}

/// What a down migration took was filled in vain: the backfill said "nothing to do", and the column
/// that was made again stayed empty.
#[test]
fn a_way_back_that_changes_the_table_makes_it_begin_anew() {
    let app = App::new();
    app.file(
        "V1__t.sql",
        "CREATE TABLE t (id INTEGER PRIMARY KEY); CREATE TABLE u (id INTEGER PRIMARY KEY, x);",
    )
    .file("V2__n.sql", "ALTER TABLE t ADD COLUMN n;")
    .file("V2__n.down.sql", "ALTER TABLE t DROP COLUMN n;")
    .run()
    .unwrap();
    app.sql("INSERT INTO t (id) VALUES (1), (2); INSERT INTO u (id) VALUES (1)");
    let fill = |table: &str, column: &str| {
        let sql = format!("UPDATE {table} SET {column} = 1 WHERE id BETWEEN :first AND :last");
        let backfill = Backfill::sql(format!("fill_{table}"), table, sql);
        app.migrator()
            .database(app.database())
            .backfill(&backfill)
            .unwrap()
            .backfill
            .unwrap()
            .rows
    };
    assert_eq!((fill("t", "n"), fill("u", "x")), (2, 1));
    let report = app
        .migrator()
        .database(app.database())
        .revert(heirloom::RevertTo::Steps(1))
        .unwrap();
    assert!(
        report
            .notes
            .iter()
            .any(|note| note.contains("backfills of `t`")),
        "{:?}",
        report.notes
    );
    app.run().unwrap();
    assert_eq!(
        (fill("t", "n"), fill("u", "x")),
        (2, 0),
        "the other table's stays done"
    );
    assert_eq!(app.number("SELECT count(n) FROM t"), 2);
}
