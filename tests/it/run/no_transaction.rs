//! Files that one transaction cannot protect run under a marker and a copy.

use std::io::{Seek, SeekFrom, Write};
use std::sync::Mutex;

use heirloom::{DataState, ErrorKind};

use crate::support::app::{App, contents, data, part};

const FREE: &str = "-- heirloom: no-transaction\n";
const TABLE: &str =
    "CREATE TABLE t (id INTEGER PRIMARY KEY, x); INSERT INTO t VALUES (1, 'a'), (2, 'b');";

/// A database in the given journal mode.
fn app_in(mode: &str) -> App {
    let app = App::new();
    app.sql(&format!("PRAGMA journal_mode = {mode}; {TABLE}"));
    app
}

fn free(app: &App, name: &str, sql: &str) {
    app.file(name, &format!("{FREE}{sql}"));
}

fn has_marker(app: &App) -> bool {
    app.number("SELECT count(*) FROM sqlite_schema WHERE name = 'heirloom_run'") == 1
}

#[test]
fn what_cannot_run_in_a_transaction_runs_between_two_that_can() {
    for mode in ["DELETE", "WAL"] {
        let app = app_in(mode);
        app.file("V1__a.sql", "INSERT INTO t VALUES (3, 'c')");
        free(&app, "V2__vacuum.sql", "VACUUM;");
        free(&app, "V3__wal.sql", "PRAGMA journal_mode = WAL;");
        free(
            &app,
            "V4__own.sql",
            "BEGIN; INSERT INTO t VALUES (4, 'd'); COMMIT; BEGIN; END;",
        );
        app.file("V5__e.sql", "INSERT INTO t VALUES (5, 'e')");
        let report = app.run().unwrap();
        assert_eq!(report.version, Some(5));
        assert_eq!(app.number("SELECT count(*) FROM t"), 5);
        assert_eq!(app.text("PRAGMA journal_mode"), "wal");
        assert_eq!(
            app.number("SELECT count(*) FROM refinery_schema_history"),
            5
        );
        assert!(!has_marker(&app));
        assert!(app.run().unwrap().is_up_to_date());
        assert_eq!(app.backups(), [report.backup.unwrap()]);
    }
}

#[test]
fn a_new_database_can_begin_in_wal_mode() {
    let app = App::new();
    free(&app, "V1__wal.sql", "PRAGMA journal_mode = WAL;");
    app.file("V2__t.sql", TABLE);
    assert_eq!(app.run().unwrap().version, Some(2));
    assert_eq!(app.text("PRAGMA journal_mode"), "wal");
    assert_eq!(app.number("SELECT count(*) FROM t"), 2);
}

#[test]
fn what_would_leave_the_transaction_is_refused_with_its_line_before_anything_is_touched() {
    for sql in [
        "BEGIN",
        "COMMIT",
        "END",
        "ROLLBACK",
        "SAVEPOINT s",
        "RELEASE s",
        "VACUUM",
        "PRAGMA journal_mode = WAL",
        "PRAGMA main.synchronous = 0",
        "/* x */ commit transaction",
        "ATTACH 'other.db' AS o",
    ] {
        let app = app_in("DELETE");
        app.file("V1__a.sql", "CREATE TABLE u (x);").file(
            "V2__b.sql",
            &format!("INSERT INTO t VALUES (3, 'COMMIT');\n  {sql};"),
        );
        let before = std::fs::read(app.database()).unwrap();
        let error = app.refused(ErrorKind::InvalidMigration);
        assert_eq!(error.migration(), Some("V2__b"), "{sql}");
        assert_eq!(error.location().unwrap().position.line, 2, "{sql}");
        assert_eq!(*error.data_state(), DataState::Untouched, "{sql}");
        assert_eq!(app.backups().len(), 0, "{sql}");
        assert_eq!(std::fs::read(app.database()).unwrap(), before, "{sql}");
        assert_eq!(
            app.migrator()
                .database(app.database())
                .plan(None)
                .unwrap_err()
                .kind(),
            error.kind()
        );
    }
}

#[test]
fn a_failing_file_is_put_back_from_the_copy_whatever_it_had_committed() {
    for mode in ["delete", "wal"] {
        for sql in [
            "BEGIN; INSERT INTO t VALUES (4, 'd'); COMMIT; INSERT INTO t VALUES (1, 'twice');",
            "PRAGMA journal_mode = WAL; INSERT INTO t VALUES (1, 'twice');",
            "PRAGMA journal_mode = DELETE; INSERT INTO t VALUES (1, 'twice');",
            "PRAGMA journal_mode = DELETE; PRAGMA page_size = 8192; VACUUM; INSERT INTO t VALUES (1, 'twice');",
            "BEGIN; INSERT INTO t VALUES (5, 'left open');",
            "VACUUM; DELETE FROM t WHERE id = 1;",
        ] {
            let app = app_in(mode);
            let before = contents(&app.database());
            app.file(
                "V1__a.sql",
                "INSERT INTO t VALUES (3, 'c'); CREATE TABLE u (x);",
            );
            free(&app, "V2__b.sql", sql);
            let error = app.run().unwrap_err();
            assert_eq!(
                contents(&app.database()),
                before,
                "{mode}: {sql}: {error:#}"
            );
            assert_eq!(app.text("PRAGMA journal_mode"), mode, "{sql}");
            let from = app.backup_named_by(&error);
            assert_eq!(contents(&from), before, "{mode}: {sql}");
            assert_eq!(
                *error.data_state(),
                DataState::Restored { from },
                "{mode}: {sql}"
            );
            assert_eq!(error.migration(), Some("V2__b"));
            assert_eq!(app.number("PRAGMA page_size"), 4096, "{mode}: {sql}");
        }
    }
}

#[test]
fn a_failure_in_a_later_file_takes_back_what_was_committed_too() {
    let app = app_in("WAL");
    let before = contents(&app.database());
    free(&app, "V1__a.sql", "INSERT INTO t VALUES (3, 'c');");
    app.file("V2__b.sql", "INSERT INTO t VALUES (1, 'twice')");
    let error = app.run().unwrap_err();
    assert!(
        matches!(error.data_state(), DataState::Restored { .. }),
        "{error:#}"
    );
    assert_eq!(contents(&app.database()), before);
}

#[test]
fn a_new_database_that_fails_half_way_is_empty_again() {
    let app = App::new();
    app.file("V1__t.sql", TABLE);
    free(
        &app,
        "V2__b.sql",
        "INSERT INTO t VALUES (3, 'c'); INSERT INTO t VALUES (1, 'twice');",
    );
    let error = app.run().unwrap_err();
    assert!(error.data_state().is_unchanged(), "{error:#}");
    assert_eq!(contents(&app.database()), [""; 0]);
    free(&app, "V2__b.sql", "INSERT INTO t VALUES (3, 'c');");
    assert_eq!(app.run().unwrap().version, Some(2));
    assert_eq!(app.number("SELECT count(*) FROM t"), 3);
}

/// Three files, the middle one outside the transaction.
fn three_files(app: &App) {
    app.file(
        "V1__a.sql",
        "ALTER TABLE t ADD COLUMN y; UPDATE t SET y = 1;",
    );
    free(
        app,
        "V2__b.sql",
        "BEGIN; UPDATE t SET y = 2; COMMIT; PRAGMA journal_mode = WAL; VACUUM;",
    );
    app.file("V3__c.sql", "UPDATE t SET y = 3; CREATE TABLE u (x);");
}

fn die_at(app: &App, moment: usize) -> bool {
    let output = part("dies-at-moment", app)
        .env("HEIRLOOM_TEST_AT", moment.to_string())
        .output()
        .unwrap();
    !output.status.success()
}

#[test]
fn a_run_that_dies_anywhere_is_put_back_by_the_next_start_and_finished() {
    for (mode, fresh) in [("DELETE", false), ("WAL", false), ("DELETE", true)] {
        let make = || {
            let app = if fresh { App::new() } else { app_in(mode) };
            three_files(&app);
            if fresh {
                app.file("V0__t.sql", TABLE);
            }
            app
        };
        let twin = make();
        let before = if fresh {
            vec![]
        } else {
            data(&twin.database())
        };
        twin.run().unwrap();
        let after = data(&twin.database());
        let mut recoveries = 0;
        for moment in 0.. {
            let app = make();
            if !die_at(&app, moment) {
                assert!(moment > 10, "the events are no longer told");
                break;
            }
            let marked = app.database().exists() && has_marker(&app);
            let interrupted = app
                .migrator()
                .database(app.database())
                .status()
                .unwrap()
                .interrupted;
            assert_eq!(interrupted.is_some(), marked, "{mode} {moment}");
            let seen = Mutex::new(None);
            let report = app
                .migrator()
                .before_run(|_| {
                    *seen.lock().unwrap() = Some(data(&app.database()));
                    Ok(())
                })
                .migrate(app.database())
                .unwrap();
            assert_eq!(report.recovered.is_some(), marked, "{mode} {moment}");
            if let Some(recovered) = report.recovered {
                recoveries += 1;
                assert_eq!(recovered.backup.is_some(), !fresh, "{mode} {moment}");
            }
            let seen = seen.into_inner().unwrap();
            assert!(seen.is_none_or(|seen| seen == before), "{mode} {moment}");
            assert_eq!(data(&app.database()), after, "{mode} {moment}");
            assert!(!has_marker(&app));
        }
        assert!(recoveries > 5, "{mode}: {recoveries}");
    }
}

/// A database whose run died after its second file was committed.
fn died_half_way(mode: &str) -> App {
    for moment in 0.. {
        let app = app_in(mode);
        three_files(&app);
        assert!(die_at(&app, moment));
        if has_marker(&app) && app.number("SELECT max(version) FROM refinery_schema_history") == 1 {
            return app;
        }
    }
    unreachable!()
}

#[test]
fn a_recovery_that_dies_too_is_begun_again() {
    for moment in [0, 1, 2] {
        let app = died_half_way("WAL");
        assert!(die_at(&app, moment));
        app.run().unwrap();
        assert_eq!(app.number("SELECT min(y) FROM t"), 3, "{moment}");
    }
}

#[test]
fn a_revert_puts_an_interrupted_run_back_before_it_looks_at_the_history() {
    let app = died_half_way("WAL");
    let report = app
        .migrator()
        .database(app.database())
        .revert(heirloom::RevertTo::Steps(1))
        .unwrap();
    assert!(report.recovered.is_some());
    assert!(report.is_up_to_date());
    assert_eq!(data(&app.database()), data(&app_in("WAL").database()));
}

#[test]
fn a_recovery_shows_itself_and_keeps_its_copy() {
    let app = died_half_way("DELETE");
    let copy = app.backups();
    let told = Mutex::new(Vec::new());
    app.migrator()
        .keep_last(1)
        .on_event(|event| {
            if let heirloom::Event::Recovering { backup } = event {
                told.lock().unwrap().push(backup.unwrap().to_owned());
            }
        })
        .migrate(app.database())
        .unwrap();
    assert_eq!(told.into_inner().unwrap(), copy);
    // The same state is not copied twice; the half-done one is kept beside it.
    let now = app.backups();
    assert!(now.len() == 2 && now.contains(&copy[0]), "{now:?}");
}

#[test]
fn a_database_whose_copy_is_gone_or_damaged_is_left_alone_for_a_person() {
    let gone = |app: &App| std::fs::remove_file(app.backups().pop().unwrap()).unwrap();
    let damaged = |app: &App| {
        let mut file = std::fs::OpenOptions::new()
            .write(true)
            .open(app.backups().pop().unwrap())
            .unwrap();
        file.seek(SeekFrom::Start(5000)).unwrap();
        file.write_all(b"x").unwrap();
    };
    let elsewhere = |app: &App| {
        app.sql("UPDATE heirloom_run SET backup = '../app.db'");
    };
    let cases: [&dyn Fn(&App); 3] = [&gone, &damaged, &elsewhere];
    for (number, hurt) in cases.into_iter().enumerate() {
        for mode in ["DELETE", "WAL"] {
            let app = died_half_way(mode);
            hurt(&app);
            let before = contents(&app.database());
            for _ in 0..2 {
                let error = app.run().unwrap_err();
                assert_eq!(
                    error.kind(),
                    ErrorKind::NeedsAttention,
                    "{number}: {error:#}"
                );
                // A copy that does not verify is not a good copy.
                let none = DataState::NeedsAttention { good_copy: None };
                assert_eq!(*error.data_state(), none, "{number}");
                assert_eq!(contents(&app.database()), before, "{number}");
            }
            let revert = app
                .migrator()
                .database(app.database())
                .revert(heirloom::RevertTo::Steps(1));
            assert_eq!(revert.unwrap_err().kind(), ErrorKind::NeedsAttention);
            assert_eq!(contents(&app.database()), before, "{number}");
        }
    }
}

/// It would have been called lost, and is only held.
#[test]
fn a_reader_in_the_way_of_a_recovery_means_busy() {
    let app = died_half_way("DELETE");
    app.sql("PRAGMA journal_mode = DELETE");
    let before = contents(&app.database());
    let reader = app.connect();
    reader.execute_batch("BEGIN; SELECT * FROM t").unwrap();
    let error = app
        .migrator()
        .lock_timeout(std::time::Duration::from_millis(50))
        .migrate(app.database())
        .unwrap_err();
    assert!(error.is_busy(), "{error:#}");
    drop(reader);
    assert_eq!(contents(&app.database()), before);
    assert!(app.run().unwrap().recovered.is_some());
}

/// Between the commits of such a run others can write. What they wrote is not in the copy that
/// is put back, but it is kept.
#[test]
fn what_others_wrote_during_an_unprotected_run_is_kept_when_it_is_put_back() {
    let app = App::new();
    app.sql("CREATE TABLE t (x UNIQUE); INSERT INTO t VALUES (1)");
    app.file(
        "V1__a.sql",
        "-- heirloom: no-transaction\nCREATE TABLE a (x);\nINSERT INTO t VALUES (1);",
    );
    let before = data(&app.database());
    let database = app.database();
    let error = app
        .migrator()
        .on_event(|event| {
            // Another program, between two commits of ours.
            if let heirloom::Event::RollingBack = event {
                let other = rusqlite::Connection::open(&database).unwrap();
                other.execute_batch("INSERT INTO t VALUES (2)").unwrap();
            }
        })
        .migrate(app.database())
        .unwrap_err();
    assert!(
        matches!(error.data_state(), DataState::Restored { .. }),
        "{error:#}"
    );
    assert_eq!(data(&app.database()), before);
    let backups = app.backups();
    let kept = backups
        .iter()
        .find(|path| Some(path.as_path()) != error.backup())
        .unwrap();
    assert!(
        error.help().unwrap().contains(kept.to_str().unwrap()),
        "{error:#}"
    );
    assert!(contents(kept).iter().any(|line| line == "t: Integer(2)"));
}
