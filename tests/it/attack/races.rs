//! Several copies of the app, other programs, and somebody who cancels.
//!
//! `HEIRLOOM_TEST_RACES=1000` lets sixteen processes race this many times.

use std::sync::Arc;
use std::sync::Mutex;
use std::sync::atomic::{AtomicBool, AtomicI64, Ordering};
use std::time::Duration;

use heirloom::{Error, ErrorKind, Event, Report, Verify};
use rusqlite::Connection;

#[cfg(unix)]
use crate::support::app::Random;
use crate::support::app::{App, Holder, contents, number_in, part};

/// `fresh`: no database yet. Each application leaves a row, so that a second one shows.
fn app(fresh: bool, mode: &str) -> App {
    let app = App::new();
    if !fresh {
        app.sql(&format!(
            "PRAGMA journal_mode = {mode}; CREATE TABLE t (x); INSERT INTO t VALUES (1);"
        ));
    }
    app.file("V1__a.sql", "CREATE TABLE a (x); INSERT INTO a VALUES (1);")
        .file("V2__b.sql", "INSERT INTO a VALUES (2); CREATE TABLE b (x);");
    app
}

#[test]
fn of_many_threads_one_migrates_and_the_others_find_nothing_to_do() {
    for (fresh, mode) in [(true, ""), (false, "DELETE"), (false, "WAL")] {
        let app = app(fresh, mode);
        let reports: Vec<Result<Report, Error>> = std::thread::scope(|scope| {
            let threads: Vec<_> = (0..8).map(|_| scope.spawn(|| app.run())).collect();
            threads
                .into_iter()
                .map(|thread| thread.join().unwrap())
                .collect()
        });
        let reports: Vec<Report> = reports.into_iter().map(Result::unwrap).collect();
        let busy: Vec<&Report> = reports.iter().filter(|r| !r.is_up_to_date()).collect();
        assert_eq!(busy.len(), 1, "{mode}");
        assert_eq!(busy[0].applied.len(), 2);
        assert!(reports.iter().all(|report| report.version == Some(2)));
        assert_eq!(app.number("SELECT count(*) FROM a"), 2);
        assert_eq!(app.backups().len(), usize::from(!fresh));
    }
}

#[test]
fn of_many_processes_one_migrates_and_all_succeed() {
    for (fresh, mode) in [(true, ""), (false, "DELETE"), (false, "WAL")] {
        let app = app(fresh, mode);
        let children: Vec<_> = (0..6)
            .map(|_| part("runs", &app).spawn().unwrap())
            .collect();
        for child in children {
            let output = child.wait_with_output().unwrap();
            assert!(
                output.status.success(),
                "{mode}: {}",
                String::from_utf8_lossy(&output.stderr)
            );
        }
        assert_eq!(app.number("SELECT count(*) FROM a"), 2, "{mode}");
        assert_eq!(
            app.number("SELECT count(*) FROM refinery_schema_history"),
            2,
            "{mode}"
        );
        assert_eq!(app.text("PRAGMA integrity_check"), "ok");
    }
}

/// A connection of an app that knows nothing of all this, and waits like any other.
fn older_app(app: &App) -> Connection {
    let connection = app.connect();
    connection.busy_timeout(Duration::from_secs(60)).unwrap();
    connection
}

/// Sixteen processes start at once, with a writer and a reader of an older app beside them.
fn sixteen_start(fresh: bool, mode: &str) {
    let app = app(fresh, mode);
    let mut holders: Vec<Holder> = (0..16)
        .map(|_| Holder::start(part("starts", &app)))
        .collect();
    // The rows of the older app are numbered. Here is the last that was acknowledged.
    let acknowledged = AtomicI64::new(0);
    let over = AtomicBool::new(false);
    std::thread::scope(|threads| {
        threads.spawn(|| {
            let connection = older_app(&app);
            connection
                .execute_batch("CREATE TABLE IF NOT EXISTS t (x)")
                .unwrap();
            for row in 2.. {
                connection
                    .execute("INSERT INTO t VALUES (?)", [row])
                    .unwrap();
                acknowledged.store(row, Ordering::SeqCst);
                // SQLite's locks know no queue: without a breath, a writer keeps everybody out.
                std::thread::sleep(Duration::from_millis(2));
                if over.load(Ordering::SeqCst) {
                    break;
                }
            }
        });
        threads.spawn(|| {
            let connection = older_app(&app);
            while !over.load(Ordering::SeqCst) {
                let written = acknowledged.load(Ordering::SeqCst);
                if written > 0 {
                    let read = connection.query_row("SELECT max(x) FROM t", [], |row| row.get(0));
                    let read: i64 = read.unwrap();
                    assert!(read >= written, "{mode}: {read} of {written}");
                }
                std::thread::sleep(Duration::from_millis(1));
            }
        });
        for holder in &mut holders {
            holder.go_on();
        }
        let ends: Vec<_> = holders.into_iter().map(Holder::end).collect();
        over.store(true, Ordering::SeqCst);
        for (status, said) in ends {
            assert!(status.success(), "fresh: {fresh}, {mode}: {said}");
        }
    });
    assert_eq!(app.number("SELECT count(*) FROM a"), 2, "{mode}");
    assert_eq!(
        app.number("SELECT count(*) FROM refinery_schema_history"),
        2,
        "{mode}"
    );
    let rows = "SELECT count(DISTINCT x) FROM t WHERE x > 1";
    assert_eq!(
        app.number(rows),
        acknowledged.into_inner() - 1,
        "{mode}: every row that was acknowledged"
    );
    assert_eq!(app.text("PRAGMA integrity_check"), "ok");
    let copies = app
        .migrator()
        .database(app.database())
        .backups(Verify::Everything);
    let copies = copies.unwrap();
    assert!(copies.iter().all(|copy| copy.verified));
    // A new database has nothing to copy, unless the older app was quicker.
    assert!(
        copies.len() == 1 || (fresh && copies.is_empty()),
        "{copies:?}"
    );
    for copy in copies {
        let numbers = "SELECT count(*) = coalesce(max(x), 1) - 1 FROM t WHERE x > 1";
        assert_eq!(
            number_in(&copy.file, numbers),
            1,
            "{mode}: no gap in the copy"
        );
    }
}

#[test]
fn of_sixteen_processes_beside_an_older_app_one_migrates_and_no_row_is_lost() {
    let rounds = std::env::var("HEIRLOOM_TEST_RACES").map_or(1, |rounds| rounds.parse().unwrap());
    let cases = [(true, ""), (false, "DELETE"), (false, "WAL")];
    let all = cases.iter().cycle().take(cases.len().max(rounds));
    for (fresh, mode) in all {
        sixteen_start(*fresh, mode);
    }
    println!("{} rounds of sixteen", cases.len().max(rounds));
}

/// On Windows whoever only asks for the length of a file has a handle of it for a moment, with which its
/// name outlives its removal. Of a journal, by whose removal an app commits, that took the commit
/// back under wine: of 238 rows that were acknowledged 32 were lost.
#[test]
fn looking_at_a_database_that_an_app_writes_to_loses_none_of_its_rows() {
    let app = app(false, "DELETE");
    app.run().unwrap();
    let mut looking: Vec<Holder> = (0..8)
        .map(|_| Holder::start(part("looks-often", &app)))
        .collect();
    let over = AtomicBool::new(false);
    let written = std::thread::scope(|threads| {
        let writer = threads.spawn(|| {
            let connection = older_app(&app);
            let mut row = 1;
            while !over.load(Ordering::SeqCst) {
                row += 1;
                connection
                    .execute("INSERT INTO t VALUES (?)", [row])
                    .unwrap();
                let last = connection.query_row("SELECT max(x) FROM t", [], |row| row.get(0));
                assert_eq!(last, Ok(row));
                std::thread::sleep(Duration::from_millis(2));
            }
            row
        });
        for holder in &mut looking {
            holder.go_on();
        }
        for (status, said) in looking.into_iter().map(Holder::end).collect::<Vec<_>>() {
            assert!(status.success(), "{said}");
        }
        over.store(true, Ordering::SeqCst);
        writer.join().unwrap()
    });
    let rows = app.number("SELECT count(DISTINCT x) FROM t");
    assert_eq!(rows, written, "every row that was acknowledged");
    assert_eq!(app.text("PRAGMA integrity_check"), "ok");
}

/// A process that is stopped (SIGSTOP) still holds what it holds. Others must wait, give up
/// with its name, and find everything well when it goes on.
#[test]
#[cfg(all(feature = "cli", unix))]
fn a_stopped_holder_is_named_and_nothing_is_lost_when_it_goes_on() {
    use crate::cli::contract::{heirloom, text};
    for mode in ["DELETE", "WAL"] {
        let app = app(false, mode);
        let holder = Holder::start(part("holds-run", &app));
        holder.signal("STOP");
        let before = contents(&app.database());
        for arguments in [
            &["run"][..],
            &["revert"],
            &["snapshot", "--name", "s"],
            &["restore", "latest", "--yes"],
        ] {
            let output = heirloom(&app, &[arguments, &["--lock-timeout", "1"]].concat());
            let said = text(&output);
            // What a revert refuses for want of migrations, it refuses without a lock.
            let code = output.status.code();
            assert!(code == Some(5) || arguments == ["revert"], "{said}");
            let pid = format!("pid {}", holder.pid());
            assert!(said.contains(&pid) || code != Some(5), "{said}");
        }
        assert_eq!(contents(&app.database()), before, "{mode}");
        holder.signal("CONT");
        assert!(holder.release().success());
        assert!(app.run().unwrap().is_up_to_date());
        assert_eq!(app.number("SELECT count(*) FROM a"), 2);
    }
}

/// The same at random instants, also those at which it holds nothing.
#[cfg(unix)]
#[test]
fn a_process_stopped_at_any_instant_leaves_others_waiting_or_working_and_ends_well() {
    let rounds = std::env::var("HEIRLOOM_TEST_RACES").map_or(6, |rounds| rounds.parse().unwrap());
    let mut random = Random::from_environment();
    let mut refused = 0;
    for round in 0..rounds {
        let mode = ["DELETE", "WAL"][round % 2];
        let app = app(false, mode);
        let mut holder = Holder::start(part("starts", &app));
        holder.go_on();
        std::thread::sleep(Duration::from_micros(random.below(12_000) as u64));
        holder.signal("STOP");
        for _ in 0..2 {
            // One that is stopped in its commit keeps readers out too, so nothing is read here.
            let other = app.migrator().lock_timeout(Duration::from_millis(20));
            match other.migrate(app.database()) {
                Ok(report) => assert_eq!(report.version, Some(2)),
                Err(error) => {
                    refused += 1;
                    assert!(error.is_busy(), "{mode}: {error:#}");
                    assert!(error.data_state().is_unchanged(), "{mode}: {error:#}");
                }
            }
        }
        holder.signal("CONT");
        let (status, said) = holder.end();
        assert!(status.success(), "{mode}: {said}");
        assert!(app.run().unwrap().is_up_to_date(), "{mode}");
        assert_eq!(app.number("SELECT count(*) FROM a"), 2, "{mode}");
    }
    println!(
        "{rounds} processes stopped; {refused} of {} others had to give up",
        rounds * 2
    );
}

#[test]
fn a_wait_for_another_copy_of_the_app_that_runs_out_says_who_holds_it() {
    let app = app(false, "DELETE");
    let holder = Holder::start(part("holds-run", &app));
    let before = contents(&app.database());
    let error = app
        .migrator()
        .lock_timeout(Duration::from_millis(50))
        .migrate(app.database())
        .unwrap_err();
    assert_eq!(error.kind(), ErrorKind::Locked);
    assert!(error.is_busy());
    let message = error.to_string();
    assert!(
        message.contains(&format!("pid {}", holder.pid())),
        "{message}"
    );
    assert!(message.contains("app version 7.7"), "{message}");
    assert_eq!(contents(&app.database()), before);
    assert!(holder.release().success());
    assert!(app.run().unwrap().is_up_to_date());
}

#[test]
fn a_second_copy_of_the_app_waits_and_finds_nothing_to_do() {
    let app = app(false, "WAL");
    let holder = Mutex::new(Some(Holder::start(part("holds-run", &app))));
    let report = app
        .migrator()
        .on_event(|event| {
            // The other one goes on as soon as this one says that it waits for it.
            if let Event::Waiting { holder: who } = event {
                let holder = holder.lock().unwrap().take().unwrap();
                assert!(who.contains(&holder.pid().to_string()), "{who}");
                assert!(holder.release().success());
            }
        })
        .migrate(app.database())
        .unwrap();
    assert!(holder.lock().unwrap().is_none(), "it did not wait");
    assert!(report.is_up_to_date());
    assert_eq!(report.version, Some(2));
    assert_eq!(app.number("SELECT count(*) FROM a"), 2);
}

#[test]
fn a_wait_for_another_program_that_runs_out_says_who_holds_it() {
    for (mode, sql) in [
        ("DELETE", "BEGIN IMMEDIATE; INSERT INTO t VALUES (2)"),
        ("WAL", "BEGIN IMMEDIATE; INSERT INTO t VALUES (2)"),
        ("DELETE", "BEGIN EXCLUSIVE"),
    ] {
        let app = app(false, mode);
        let mut command = part("holds-sql", &app);
        command.env("HEIRLOOM_TEST_AT", sql);
        let holder = Holder::start(command);
        let error = app
            .migrator()
            .lock_timeout(Duration::from_millis(50))
            .migrate(app.database())
            .unwrap_err();
        assert_eq!(error.kind(), ErrorKind::Locked, "{sql}: {error:#}");
        assert!(error.data_state().is_unchanged());
        assert_eq!(app.backups().len(), 0);
        if cfg!(target_os = "linux") {
            let message = error.to_string();
            assert!(
                message.contains(&format!("pid {}", holder.pid())),
                "{mode} {sql}: {message}"
            );
        }
        holder.release();
        assert_eq!(app.run().unwrap().version, Some(2), "{mode} {sql}");
    }
}

#[test]
fn another_program_that_lets_go_lets_the_run_through_with_its_rows() {
    let app = app(false, "DELETE");
    let mut command = part("holds-sql", &app);
    command.env(
        "HEIRLOOM_TEST_AT",
        "BEGIN IMMEDIATE; INSERT INTO t VALUES (2)",
    );
    let holder = Mutex::new(Some(Holder::start(command)));
    let report = app
        .migrator()
        .on_event(|event| {
            if matches!(event, Event::Waiting { .. }) {
                holder.lock().unwrap().take().unwrap().release();
            }
        })
        .migrate(app.database())
        .unwrap();
    assert!(holder.lock().unwrap().is_none(), "it did not wait");
    assert_eq!(report.version, Some(2));
}

#[test]
fn a_reader_in_the_way_of_the_commit_means_busy_and_nothing_changed() {
    let app = app(false, "DELETE");
    let mut command = part("holds-sql", &app);
    command.env("HEIRLOOM_TEST_AT", "BEGIN; SELECT * FROM t");
    let holder = Holder::start(command);
    let error = app
        .migrator()
        .lock_timeout(Duration::from_millis(50))
        .migrate(app.database())
        .unwrap_err();
    assert!(error.is_busy(), "{error:#}");
    assert!(error.data_state().is_unchanged(), "{error:#}");
    holder.release();
    assert!(
        !contents(&app.database())
            .iter()
            .any(|line| line.starts_with("table a "))
    );
    app.run().unwrap();
}

/// A splash screen would have heard of it ten times a second.
#[test]
fn a_wait_for_another_program_is_told_once() {
    let app = app(false, "WAL");
    let mut command = part("holds-sql", &app);
    command.env("HEIRLOOM_TEST_AT", "BEGIN IMMEDIATE");
    let holder = Holder::start(command);
    let told = Mutex::new(0);
    let error = app
        .migrator()
        .lock_timeout(Duration::from_millis(500))
        .on_event(|event| {
            *told.lock().unwrap() += u32::from(matches!(event, Event::Waiting { .. }));
        })
        .migrate(app.database())
        .unwrap_err();
    assert!(error.is_busy(), "{error:#}");
    // None, where this process was kept from the processor for as long.
    assert!(*told.lock().unwrap() <= 1);
    holder.release();
}

/// The app's own wait is gone then, and the commit would be given up at once.
#[test]
fn a_reader_that_goes_lets_the_commit_through_also_where_a_file_forbids_to_wait() {
    let app = app(false, "DELETE");
    app.file(
        "V3__impatient.sql",
        "CREATE TABLE c (x); PRAGMA busy_timeout = 0",
    );
    let mut command = part("holds-sql", &app);
    command.env("HEIRLOOM_TEST_AT", "BEGIN; SELECT * FROM t");
    let holder = Mutex::new(Some(Holder::start(command)));
    let report = std::thread::scope(|threads| {
        app.migrator()
            .on_event(|event| {
                if *event == Event::Proving {
                    let holder = holder.lock().unwrap().take().unwrap();
                    threads.spawn(|| {
                        std::thread::sleep(Duration::from_millis(100));
                        holder.release()
                    });
                }
            })
            .migrate(app.database())
            .unwrap()
    });
    assert_eq!(report.version, Some(3));
    assert_eq!(app.number("SELECT count(*) FROM c"), 0);
}

#[test]
fn a_reader_is_not_in_the_way_of_a_wal() {
    let app = app(false, "WAL");
    let mut command = part("holds-sql", &app);
    command.env("HEIRLOOM_TEST_AT", "BEGIN; SELECT * FROM t");
    let holder = Holder::start(command);
    assert_eq!(app.run().unwrap().version, Some(2));
    assert!(holder.release().success());
}

/// Cancels at the n-th event; none when there are not this many.
fn cancelled_at(app: &App, at: usize) -> Option<Error> {
    let flag = Arc::new(AtomicBool::new(false));
    let seen = Mutex::new(0);
    let committed = AtomicBool::new(false);
    let result = app
        .migrator()
        .cancel_with(Arc::clone(&flag))
        .on_event(|event| {
            let mut seen = seen.lock().unwrap();
            if *seen == at {
                flag.store(true, Ordering::Relaxed);
                committed.store(*event == Event::Committed, Ordering::Relaxed);
            }
            *seen += 1;
        })
        .migrate(app.database());
    match result {
        Err(error) => Some(error),
        Ok(_) => {
            let reached = flag.load(Ordering::Relaxed);
            assert!(
                !reached || committed.load(Ordering::Relaxed),
                "not heeded at {at}"
            );
            None
        }
    }
}

#[test]
fn whoever_cancels_before_the_commit_finds_the_data_as_it_was() {
    for (fresh, mode) in [(true, ""), (false, "DELETE"), (false, "WAL")] {
        let mut cancelled = 0;
        for at in 0.. {
            let app = app(fresh, mode);
            let before = if fresh {
                vec![]
            } else {
                contents(&app.database())
            };
            let Some(error) = cancelled_at(&app, at) else {
                assert_eq!(app.number("SELECT count(*) FROM a"), 2);
                break;
            };
            cancelled += 1;
            assert!(error.is_interrupted(), "{mode} {at}: {error:#}");
            assert!(error.data_state().is_unchanged(), "{mode} {at}: {error:#}");
            assert_eq!(contents(&app.database()), before, "{mode} {at}");
            assert_eq!(app.run().unwrap().version, Some(2), "{mode} {at}");
        }
        assert!(cancelled >= 6, "{mode}: {cancelled}");
    }
}

#[test]
fn a_cancelled_run_outside_a_transaction_is_put_back() {
    for at in 0.. {
        let app = app(false, "DELETE");
        app.file(
            "V2__b.sql",
            "-- heirloom: no-transaction\nBEGIN; INSERT INTO a VALUES (2); COMMIT; VACUUM",
        );
        let before = contents(&app.database());
        let Some(error) = cancelled_at(&app, at) else {
            assert!(at > 6);
            break;
        };
        assert!(error.is_interrupted(), "{at}: {error:#}");
        assert!(error.data_state().is_unchanged(), "{at}: {error:#}");
        assert_eq!(contents(&app.database()), before, "{at}");
    }
}

#[test]
fn a_statement_without_end_can_be_cancelled() {
    let app = app(false, "DELETE");
    app.file(
        "V2__b.sql",
        "INSERT INTO a WITH RECURSIVE n (i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n) SELECT i FROM n WHERE i < 0;",
    );
    let before = contents(&app.database());
    let flag = Arc::new(AtomicBool::new(false));
    let error = app
        .migrator()
        .cancel_with(Arc::clone(&flag))
        .on_event(|event| {
            if matches!(event, Event::Started { number: 2, .. }) {
                flag.store(true, Ordering::Relaxed);
            }
        })
        .migrate(app.database())
        .unwrap_err();
    assert!(error.is_interrupted(), "{error:#}");
    assert_eq!(contents(&app.database()), before);
}

#[test]
fn a_wait_can_be_cancelled() {
    let app = app(false, "DELETE");
    let mut command = part("holds-sql", &app);
    command.env("HEIRLOOM_TEST_AT", "BEGIN IMMEDIATE");
    for command in [part("holds-run", &app), command] {
        let holder = Holder::start(command);
        let error = cancelled_at(&app, 0).unwrap();
        assert!(error.is_interrupted(), "{error:#}");
        drop(holder);
    }
    assert_eq!(app.run().unwrap().version, Some(2));
}

#[test]
fn a_flag_that_is_up_from_the_start_stops_work_and_not_a_look_at_what_is_done() {
    let app = app(false, "DELETE");
    let before = contents(&app.database());
    let flag = Arc::new(AtomicBool::new(true));
    let migrator = app.migrator().cancel_with(Arc::clone(&flag));
    assert!(
        migrator
            .migrate(app.database())
            .unwrap_err()
            .is_interrupted()
    );
    assert_eq!(contents(&app.database()), before);
    assert_eq!(app.backups().len(), 0);
    flag.store(false, Ordering::Relaxed);
    assert_eq!(migrator.migrate(app.database()).unwrap().version, Some(2));
}

/// Documents that a Flatpak app is given lie on a file system without `flock`, and some network file
/// systems have none. What SQLite locks with is there.
#[cfg(all(feature = "cli", target_os = "linux"))]
#[test]
fn where_the_file_system_has_no_flock_still_one_process_works_at_a_time() {
    use crate::cli::contract::text;
    use crate::support::preload::{library, preloaded};
    const ENOLCK: i32 = 37;
    const ENOSYS: i32 = 38;
    const ENOTSUP: i32 = 95;
    let Some(library) = library() else { return };
    for errno in [ENOLCK, ENOSYS, ENOTSUP] {
        let without = |mut command: std::process::Command, app: &App| {
            command
                .env("LD_PRELOAD", library)
                .env("PRELOAD_FOLDER", app.folder())
                .env("PRELOAD_NO_FLOCK", errno.to_string());
            command
        };
        let raced = app(false, "DELETE");
        let start = |_| without(part("runs", &raced), &raced).spawn().unwrap();
        let children: Vec<_> = (0..8).map(start).collect();
        for child in children {
            let output = child.wait_with_output().unwrap();
            assert!(output.status.success(), "{errno}: {}", text(&output));
        }
        assert_eq!(raced.number("SELECT count(*) FROM a"), 2, "{errno}");
        assert_eq!(raced.backups().len(), 1, "{errno}");

        let held = app(false, "DELETE");
        let before = contents(&held.database());
        let holder = Holder::start(without(part("holds-run", &held), &held));
        let log = tempfile::NamedTempFile::new().unwrap();
        let run = || {
            let command = preloaded(&held, &["run"], library, log.path());
            without(command, &held).output().unwrap()
        };
        let refused = run();
        let said = text(&refused);
        assert_eq!(refused.status.code(), Some(5), "{errno}: {said}");
        assert!(said.contains(&format!("pid {}", holder.pid())), "{said}");
        assert_eq!(contents(&held.database()), before, "{errno}");
        // Killed.
        drop(holder);
        let done = run();
        assert!(done.status.success(), "{errno}: {}", text(&done));
        assert_eq!(held.number("SELECT count(*) FROM a"), 2, "{errno}");
    }
}

/// The note of the holder once went into whatever file had the lock's name.
#[test]
fn a_file_that_is_called_like_the_lock_keeps_what_is_in_it() {
    let app = App::new();
    app.file("V1__a.sql", "CREATE TABLE a (x)");
    let lock = app.folder().join("app.db.lock");
    let other = rusqlite::Connection::open(&lock).unwrap();
    other.execute_batch("CREATE TABLE precious (x)").unwrap();
    drop(other);
    let before = std::fs::read(&lock).unwrap();
    app.run().unwrap();
    assert!(std::fs::read(&lock).unwrap() == before);
}

#[test]
fn a_wait_may_be_longer_than_any_clock_counts() {
    let app = App::new();
    app.file("V1__a.sql", "CREATE TABLE a (x)");
    let migrator = app.migrator().lock_timeout(std::time::Duration::MAX);
    assert_eq!(migrator.migrate(app.database()).unwrap().version, Some(1));
}
