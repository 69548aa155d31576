//! A backup that is verified beside the migrations: of a database that is large enough for that.

use std::io::{Seek, SeekFrom, Write};
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex};
use std::time::Duration;

use heirloom::{DataState, ErrorKind, Event, Verify};

use crate::support::app::{App, contents, data, kill_when_ready, number_in, part};

/// A small table and a large one, 6 MB in a journal mode.
fn large(mode: &str) -> App {
    with_rows(mode, 8000)
}

/// In both journal modes a copy that is checked when it is there, because it is small or because a
/// file that may change rows takes its time, and one whose original is checked while it is copied.
const COPIES: [(&str, u32, &str); 6] = [
    ("delete", 8000, ADDS),
    ("wal", 8000, ADDS),
    ("delete", 16_000, CHANGES),
    ("wal", 16_000, CHANGES),
    ("delete", 16_000, ADDS),
    ("wal", 16_000, ADDS),
];
const ADDS: &str = "INSERT INTO t VALUES (2)";
const CHANGES: &str = "UPDATE t SET x = 'new'; INSERT INTO t VALUES (2)";

fn with_rows(mode: &str, rows: u32) -> App {
    let app = App::new();
    app.file("V1__a.sql", "CREATE TABLE t (x)");
    app.run().unwrap();
    app.sql(&format!(
        "PRAGMA journal_mode = {mode};
         CREATE TABLE large (id INTEGER PRIMARY KEY, x TEXT);
         WITH RECURSIVE n (i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n WHERE i < {rows})
         INSERT INTO large SELECT i, hex(randomblob(180)) FROM n;
         CREATE INDEX by_x ON large (x);
         INSERT INTO t VALUES ('kept');"
    ));
    app
}

/// Writes zeros over pages of the large table.
fn damage(app: &App) {
    app.sql("PRAGMA wal_checkpoint(TRUNCATE)");
    let root = app.number("SELECT rootpage FROM sqlite_schema WHERE name = 'by_x'");
    let page = app.number("PRAGMA page_size");
    let at = u64::try_from((root - 1) * page).unwrap();
    let file = std::fs::OpenOptions::new().write(true).open(app.database());
    let mut file = file.unwrap();
    file.seek(SeekFrom::Start(at)).unwrap();
    file.write_all(&[7; 64]).unwrap();
}

fn words(event: &Event<'_>) -> Option<&'static str> {
    Some(match event {
        Event::CopyVerified { .. } => "verified",
        Event::Started { .. } => "started",
        Event::Proving => "proving",
        Event::RollingBack => "rolling back",
        Event::Committed => "committed",
        _ => return None,
    })
}

fn run_and_note(app: &App) -> (Result<heirloom::Report, heirloom::Error>, Vec<&'static str>) {
    let noted = Mutex::new(Vec::new());
    let ran = app
        .migrator()
        .on_event(|event| noted.lock().unwrap().extend(words(event)))
        .migrate(app.database());
    (ran, noted.into_inner().unwrap())
}

#[test]
fn the_backup_is_verified_before_the_commit_and_holds_the_state_before() {
    for (mode, rows, sql) in COPIES {
        let app = with_rows(mode, rows);
        let before = contents(&app.database());
        app.file("V2__b.sql", sql);
        let (ran, noted) = run_and_note(&app);
        let backup = ran.unwrap().backup.unwrap();
        assert_eq!(noted, ["started", "proving", "verified", "committed"]);
        assert_eq!(contents(&backup), before, "{mode}");
        let left = if sql == ADDS { "kept,2" } else { "new,2" };
        assert_eq!(app.text("SELECT group_concat(x) FROM t"), left);
        let named = app.text("SELECT backup FROM heirloom_history WHERE version = 2");
        assert_eq!(named, backup.file_name().unwrap().to_string_lossy());
        let migrator = app.migrator();
        let listed = migrator.database(app.database()).backups(Verify::Digest);
        assert!(listed.unwrap()[0].verified);
    }
}

/// The state before is wanted in the middle, where a file may take away what an earlier one may not.
#[test]
fn what_an_earlier_file_took_is_found_before_a_later_one_is_allowed_to_take_it() {
    let app = large("wal");
    let before = contents(&app.database());
    app.file(
        "V2__b.sql",
        "CREATE TABLE n (id INTEGER PRIMARY KEY, x TEXT);
         INSERT INTO n SELECT id, x FROM large ORDER BY id LIMIT 8000 OFFSET 1;
         INSERT INTO n VALUES (1, 'another'); DELETE FROM n WHERE id = 7;
         INSERT INTO n VALUES (9001, 'more');
         DROP TABLE large; ALTER TABLE n RENAME TO large; CREATE INDEX by_x ON large (x);",
    );
    app.file(
        "V3__c.sql",
        "-- heirloom: allow-destructive\nDELETE FROM large WHERE id < 100",
    );
    let error = app.refused(ErrorKind::Destructive);
    assert_eq!(error.migration(), Some("V2__b"));
    assert_eq!(contents(&app.database()), before);
}

#[test]
fn nothing_is_committed_where_the_backup_does_not_verify() {
    for (mode, rows, sql) in COPIES {
        let app = with_rows(mode, rows);
        damage(&app);
        let before = std::fs::read(app.database()).unwrap();
        app.file("V2__b.sql", sql);
        let (ran, noted) = run_and_note(&app);
        let error = ran.unwrap_err();
        assert_eq!(error.kind(), ErrorKind::BackupInvalid, "{mode}: {error:#}");
        assert!(
            matches!(error.data_state(), DataState::RolledBack),
            "{error:#}"
        );
        assert_eq!(noted, ["started", "proving", "rolling back"]);
        assert_eq!(error.backup(), None);
        assert_eq!(app.text("SELECT group_concat(x) FROM t"), "kept");
        assert_eq!(
            app.number("SELECT max(version) FROM refinery_schema_history"),
            1
        );
        assert_eq!(app.backups(), [""; 0].map(Into::<std::path::PathBuf>::into));
        if mode == "delete" {
            let after = std::fs::read(app.database()).unwrap();
            assert!(after == before, "a byte of the database changed");
        }
        let left: Vec<_> = app.listing().into_iter().map(|(path, _)| path).collect();
        let unfinished = |path: &&std::path::PathBuf| path.to_string_lossy().contains("partial");
        assert_eq!(left.iter().find(unfinished), None);
    }
}

/// What such a file commits, a rollback does not undo.
#[test]
fn a_file_without_a_transaction_waits_for_the_backup() {
    let app = large("delete");
    damage(&app);
    app.file(
        "V2__b.sql",
        "-- heirloom: no-transaction\nUPDATE t SET x = 'new'",
    );
    let (ran, noted) = run_and_note(&app);
    let error = ran.unwrap_err();
    assert_eq!(error.kind(), ErrorKind::BackupInvalid);
    assert!(error.data_state().is_unchanged());
    assert_eq!(noted, [""; 0]);
    assert_eq!(app.text("SELECT group_concat(x) FROM t"), "kept");
    assert_eq!(
        app.number("SELECT count(*) FROM sqlite_schema WHERE name = 'heirloom_run'"),
        0
    );

    let app = large("delete");
    app.file(
        "V2__b.sql",
        "-- heirloom: no-transaction\nUPDATE t SET x = 'new'",
    );
    let (ran, noted) = run_and_note(&app);
    ran.unwrap();
    assert_eq!(noted[..2], ["verified", "started"]);
}

#[test]
fn a_migration_that_fails_meanwhile_is_rolled_back_to_what_the_backup_holds() {
    let app = large("wal");
    app.sql("CREATE UNIQUE INDEX one ON t (x)");
    app.file(
        "V2__b.sql",
        "UPDATE large SET x = 'gone' WHERE id > 10; INSERT INTO t VALUES ('kept')",
    );
    let error = app.refused(ErrorKind::MigrationFailed);
    let backup = app.backup_named_by(&error);
    assert!(matches!(
        error.data_state(),
        DataState::RolledBackAndProved { .. }
    ));
    assert_eq!(
        number_in(&backup, "SELECT count(*) FROM large WHERE x <> 'gone'"),
        8000
    );
}

/// Both fail: the first is what the user must know, and it says that there is no backup.
#[test]
fn a_migration_that_fails_over_a_damaged_database_says_both() {
    for (mode, rows, _) in COPIES {
        let app = with_rows(mode, rows);
        app.sql("CREATE UNIQUE INDEX one ON t (x)");
        damage(&app);
        let before = std::fs::read(app.database()).unwrap();
        app.file("V2__b.sql", "INSERT INTO t VALUES ('kept')");
        let error = app.run().unwrap_err();
        assert_eq!(error.kind(), ErrorKind::MigrationFailed);
        assert!(
            matches!(error.data_state(), DataState::RolledBack),
            "{error:#}"
        );
        let help = error.help().unwrap();
        assert!(help.contains("there is no backup of this run"), "{help}");
        let is_one_file = mode == "delete";
        assert!(!is_one_file || std::fs::read(app.database()).unwrap() == before);
        assert_eq!(app.text("SELECT group_concat(x) FROM t"), "kept");
    }
}

#[test]
fn an_interruption_ends_the_verification_too_and_leaves_nothing() {
    for (mode, rows, _) in COPIES {
        let app = with_rows(mode, rows);
        let before = contents(&app.database());
        app.file("V2__b.sql", "UPDATE t SET x = 'new'");
        let flag = Arc::new(AtomicBool::new(false));
        let stop = Arc::clone(&flag);
        let error = app
            .migrator()
            .cancel_with(flag)
            .before_each(move |_| {
                stop.store(true, Ordering::Relaxed);
                Ok(())
            })
            .migrate(app.database())
            .unwrap_err();
        assert!(error.is_interrupted(), "{error:#}");
        assert!(error.data_state().is_unchanged());
        assert_eq!(contents(&app.database()), before);
        let left: Vec<_> = app.listing().into_iter().map(|(path, _)| path).collect();
        assert!(
            !left
                .iter()
                .any(|path| path.to_string_lossy().contains("partial"))
        );
        app.run().unwrap();
        assert_eq!(app.text("SELECT x FROM t"), "new");
    }
}

/// Of a process that ends while the backup is verified, nothing is committed and nothing names the
/// copy: the next one removes it and begins again.
#[test]
fn a_process_that_is_killed_beside_the_verification_leaves_the_old_state_and_a_file_to_remove() {
    let mut unfinished = 0;
    for moment in 0.. {
        let app = large(if moment % 2 == 0 { "delete" } else { "wal" });
        let before = data(&app.database());
        app.file("V2__b.sql", "UPDATE large SET x = 'new' WHERE id % 2");
        let mut run = part("works", &app);
        run.env("HEIRLOOM_TEST_AT", "run");
        run.env("HEIRLOOM_TEST_MOMENT", moment.to_string());
        let (ended, said) = kill_when_ready(run, Duration::ZERO);
        if !said.ends_with("READY\n") {
            assert!(ended.status.success(), "{ended:?}");
            break;
        }
        let is_new = app.number("SELECT count(*) FROM large WHERE x = 'new'");
        assert!([0, 4000].contains(&is_new), "{moment}: {is_new}");
        if is_new == 0 {
            assert_eq!(data(&app.database()), before, "{moment}");
        }
        let partial = |app: &App| {
            let left = app.listing().into_iter().map(|(path, _)| path);
            left.filter(|path| path.to_string_lossy().contains("partial"))
                .count()
        };
        unfinished += partial(&app);
        app.run().unwrap();
        assert_eq!(
            app.number("SELECT count(*) FROM large WHERE x = 'new'"),
            4000
        );
        assert_eq!(partial(&app), 0, "{moment}");
        let migrator = app.migrator();
        let listed = migrator
            .database(app.database())
            .backups(Verify::Digest)
            .unwrap();
        assert!(!listed.is_empty() && listed.iter().all(|backup| backup.verified));
        assert_eq!(data(&listed.last().unwrap().file), before, "{moment}");
    }
    assert!(unfinished > 0, "no moment was beside the verification");
}

/// What another SQLite library of the process does when it opens or closes the file, which sees no
/// lock of ours: it plays the rollback journal back, or removes the write-ahead log. The run said that it
/// had succeeded, and the database was damaged or without the migrations.
#[test]
#[cfg(unix)]
fn a_log_that_is_removed_during_a_run_or_an_edit_ends_it_and_everything_is_as_it_was() {
    for (mode, ending) in [
        ("delete", "-journal"),
        ("truncate", "-journal"),
        ("wal", "-wal"),
    ] {
        let app = with_rows(mode, 2000);
        app.file("V2__b.sql", "CREATE TABLE b (x); INSERT INTO b SELECT x FROM large; UPDATE large SET x = upper(x) || 'x'");
        let before = contents(&app.database());
        let mut log = app.database().into_os_string();
        log.push(ending);
        let migrator = app
            .migrator()
            .after_each(|_| Ok(std::fs::remove_file(&log)?));
        let error = migrator.migrate(app.database()).unwrap_err();
        assert_eq!(error.kind(), ErrorKind::Io, "{mode}: {error:#}");
        assert!(error.to_string().contains(ending), "{mode}: {error:#}");
        assert!(error.data_state().is_unchanged(), "{mode}: {error:#}");
        assert_eq!(contents(&app.database()), before, "{mode}");
        let migrator = app.migrator();
        let database = migrator.database(app.database());
        let edited = database.edit(|connection| {
            connection.execute("UPDATE t SET x = 'changed'", [])?;
            Ok(std::fs::remove_file(&log)?)
        });
        assert_eq!(edited.unwrap_err().kind(), ErrorKind::Io, "{mode}");
        assert_eq!(contents(&app.database()), before, "{mode}");
        // Nothing is left of it that would stand in the way.
        assert_eq!(app.run().unwrap().version, Some(2), "{mode}");
    }
}
