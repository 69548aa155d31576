//! A rehearsal does everything to a copy and nothing to the database.

use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};

use heirloom::report::TableRows;
use heirloom::{Act, ErrorKind, Event};

use crate::support::app::{App, Holder, TEMPORARY_FOLDER, part};

const REBUILD: &str = "CREATE TABLE n (id INTEGER PRIMARY KEY, x TEXT NOT NULL);
    INSERT INTO n SELECT * FROM t; DROP TABLE t; ALTER TABLE n RENAME TO t;";

/// Three rows in `t`, two in `u`, five in `w`; a rebuild, a delete and a drop pending.
fn app_in(mode: &str) -> App {
    let app = App::new();
    app.sql(&format!(
        "PRAGMA journal_mode = {mode};
         CREATE TABLE t (id INTEGER PRIMARY KEY, x TEXT); INSERT INTO t VALUES (1,'a'), (2,'b'), (3,'c');
         CREATE TABLE u (x); INSERT INTO u VALUES (1), (2);
         CREATE TABLE w (x); INSERT INTO w VALUES (1), (2), (3), (4), (5);"
    ))
    .file("V1__rebuild.sql", REBUILD)
    .file(
        "V2__less.sql",
        "-- heirloom: allow-destructive\nDELETE FROM u WHERE x = 1; INSERT INTO t VALUES (4, 'd'); DROP TABLE w;",
    );
    app
}

fn rows(tables: &[TableRows]) -> Vec<(&str, u64, Option<u64>)> {
    let rows = tables.iter();
    rows.map(|t| (t.table.as_str(), t.before, t.after))
        .collect()
}

/// The folder of a database whose path a hook saw.
fn folder_of(path: &str) -> PathBuf {
    Path::new(path).parent().unwrap().to_owned()
}

#[test]
fn it_tells_what_the_run_does_and_touches_nothing() {
    for mode in ["DELETE", "WAL"] {
        let app = app_in(mode);
        let before = app.listing();
        let rehearsed = app
            .migrator()
            .database(app.database())
            .rehearse(None)
            .unwrap();
        assert!(app.listing() == before, "{mode}");
        assert_eq!(rehearsed.act, Act::Rehearse);
        let report = app.run().unwrap();
        let tables = |index: usize| rows(&rehearsed.applied[index].tables);
        assert_eq!(tables(0), [("t", 3, Some(3))]);
        assert_eq!(
            tables(1),
            [("t", 3, Some(4)), ("u", 2, Some(1)), ("w", 5, None)]
        );
        for (rehearsed, done) in rehearsed.applied.iter().zip(&report.applied) {
            assert_eq!(
                (rehearsed.version, &rehearsed.name, &rehearsed.tables),
                (done.version, &done.name, &done.tables)
            );
        }
        assert_eq!(rehearsed.notes, report.notes);
        let largest = app.database().metadata().unwrap().len();
        assert!(rehearsed.disk_bytes.unwrap() > largest, "{rehearsed}");
    }
}

#[test]
fn it_runs_in_the_journal_mode_of_the_database() {
    for mode in ["delete", "wal"] {
        let app = app_in(mode);
        let rehearsed = app
            .migrator()
            .before_run(move |moment| {
                let sql = "PRAGMA journal_mode";
                let found: String = moment.connection.query_row(sql, [], |row| row.get(0))?;
                assert_eq!(found, mode);
                Ok(())
            })
            .database(app.database())
            .rehearse(None)
            .unwrap();
        assert_eq!(rehearsed.act, Act::Rehearse);
    }
}

#[test]
fn it_ends_where_it_is_told_and_finds_nothing_to_do_afterwards() {
    let app = app_in("DELETE");
    let migrator = app.migrator();
    let versions = |to| {
        let rehearsed = migrator.database(app.database()).rehearse(to).unwrap();
        let done = rehearsed.applied.iter();
        done.map(|done| done.version).collect::<Vec<_>>()
    };
    assert_eq!(versions(Some(1)), [1]);
    app.run().unwrap();
    assert_eq!(versions(None), [0; 0]);
    let before = app.listing();
    let failure = migrator
        .database(app.database())
        .rehearse(Some(7))
        .unwrap_err();
    assert_eq!(failure.report().unwrap().act, Act::Rehearse);
    assert_eq!(failure.kind(), ErrorKind::NotFound);
    assert!(app.listing() == before);
}

#[test]
fn a_database_that_is_not_there_is_rehearsed_and_not_made() {
    let app = App::new();
    app.file("V1__a.sql", "CREATE TABLE a (x); INSERT INTO a VALUES (1)");
    let before = app.listing();
    let rehearsed = app
        .migrator()
        .database(app.database())
        .rehearse(None)
        .unwrap();
    assert_eq!(rehearsed.applied.len(), 1);
    assert_eq!(app.listing(), before);
}

#[test]
fn what_a_living_writer_has_in_its_log_is_in_the_copy() {
    let app = app_in("WAL");
    let mut command = part("holds-sql", &app);
    command.env(
        "HEIRLOOM_TEST_AT",
        "PRAGMA wal_autocheckpoint = 0; INSERT INTO t VALUES (9, 'late'); BEGIN IMMEDIATE; INSERT INTO t VALUES (10, 'open')",
    );
    let holder = Holder::start(command);
    let before = app.listing();
    let rehearsed = app
        .migrator()
        .database(app.database())
        .rehearse(None)
        .unwrap();
    assert!(app.listing() == before);
    assert_eq!(rehearsed.act, Act::Rehearse);
    assert_eq!(rows(&rehearsed.applied[0].tables), [("t", 4, Some(4))]);
    assert!(holder.release().success());
}

/// Nobody has it open when the copy begins, so it is read without locks; while it is copied
/// another program opens it, writes, and closes it again.
#[test]
fn what_another_program_writes_during_the_copy_is_all_there_or_not_at_all() {
    let app = app_in("WAL");
    app.sql("CREATE TABLE big AS WITH RECURSIVE n (i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n WHERE i < 9000) SELECT i, hex(randomblob(300)) AS x FROM n");
    app.sql("PRAGMA wal_checkpoint(TRUNCATE)");
    let (database, wrote) = (app.database(), AtomicBool::new(false));
    let migrator = app.migrator().on_event(|event| {
        if matches!(event, Event::Copying { done, .. } if *done > 0)
            && !wrote.swap(true, Ordering::Relaxed)
        {
            let other = rusqlite::Connection::open(&database).unwrap();
            other
                .execute_batch("INSERT INTO t VALUES (9, 'late'); UPDATE big SET x = 'y'")
                .unwrap();
        }
    });
    let rehearsed = migrator.database(app.database()).rehearse(None).unwrap();
    assert!(wrote.load(Ordering::Relaxed));
    assert_eq!(rehearsed.act, Act::Rehearse);
    assert_eq!(rows(&rehearsed.applied[0].tables), [("t", 4, Some(4))]);
}

#[test]
fn what_the_run_would_fail_with_is_told_and_the_database_is_as_it_was() {
    let app = app_in("DELETE");
    app.sql("INSERT INTO t VALUES (4, NULL)");
    let before = app.listing();
    let failure = app
        .migrator()
        .database(app.database())
        .rehearse(None)
        .unwrap_err();
    assert_eq!(failure.report().unwrap().act, Act::Rehearse);
    assert_eq!(failure.kind(), ErrorKind::MigrationFailed);
    assert_eq!(failure.migration(), Some("V1__rebuild"));
    assert_eq!(failure.location().unwrap().position.line, 2);
    assert_eq!(*failure.data_state(), heirloom::DataState::Untouched);
    assert!(app.listing() == before);
    let error = app.run().unwrap_err();
    assert_eq!(error.to_string(), failure.to_string());
}

#[test]
fn a_new_violation_of_a_reference_is_found_and_an_old_one_is_a_note() {
    let app = App::new();
    app.sql(
        "PRAGMA foreign_keys = OFF; CREATE TABLE p (id INTEGER PRIMARY KEY);
         CREATE TABLE c (p REFERENCES p); INSERT INTO p VALUES (1); INSERT INTO c VALUES (1), (8);",
    )
    .file("V1__a.sql", "CREATE TABLE a (x)");
    let rehearsed = app
        .migrator()
        .database(app.database())
        .rehearse(None)
        .unwrap();
    assert_eq!(rehearsed.act, Act::Rehearse);
    assert!(
        rehearsed.notes[0].contains("1 row"),
        "{:?}",
        rehearsed.notes
    );
    app.file("V2__b.sql", "INSERT INTO c VALUES (9)");
    let failure = app
        .migrator()
        .database(app.database())
        .rehearse(None)
        .unwrap_err();
    assert_eq!(failure.report().unwrap().act, Act::Rehearse);
    assert!(
        failure.to_string().contains("`c` would refer to"),
        "{failure}"
    );
}

#[test]
fn without_consent_it_is_refused_as_the_run_is() {
    let app = app_in("DELETE");
    app.file("V3__drop.sql", "DROP TABLE t");
    let failure = app
        .migrator()
        .database(app.database())
        .rehearse(None)
        .unwrap_err();
    assert_eq!(failure.report().unwrap().act, Act::Rehearse);
    assert_eq!(failure.kind(), ErrorKind::Destructive);
    let consenting = app.migrator().allow_destructive();
    let rehearsed = consenting.database(app.database()).rehearse(None).unwrap();
    assert_eq!(rehearsed.act, Act::Rehearse);
    assert_eq!(rows(&rehearsed.applied[2].tables), [("t", 4, None)]);
}

#[test]
fn a_file_that_runs_outside_a_transaction_fails_on_the_copy_alone() {
    let app = app_in("DELETE");
    app.file(
        "V3__outside.sql",
        "-- heirloom: no-transaction\nDELETE FROM t WHERE id = 1; SELECT abs(-9223372036854775808);",
    );
    let before = app.listing();
    let failure = app
        .migrator()
        .database(app.database())
        .rehearse(None)
        .unwrap_err();
    assert_eq!(failure.report().unwrap().act, Act::Rehearse);
    assert_eq!(failure.migration(), Some("V3__outside"));
    assert_eq!(failure.kind(), ErrorKind::MigrationFailed);
    assert_eq!(failure.report().unwrap().applied.len(), 2);
    assert!(app.listing() == before);
}

#[test]
fn hooks_see_the_copy_and_the_scratch_folder_is_gone_on_every_path() {
    let app = app_in("WAL");
    let flag = Arc::new(AtomicBool::new(false));
    let seen = std::sync::Mutex::new(Vec::new());
    let cancelled = Arc::clone(&flag);
    for path in ["succeeds", "refuses", "is cancelled"] {
        let (seen, cancelled) = (&seen, Arc::clone(&cancelled));
        let before = app.listing();
        let migrator = app
            .migrator()
            .cancel_with(Arc::clone(&flag))
            .after_each(move |moment| {
                let copy = folder_of(moment.connection.path().unwrap());
                assert!(copy.join("database").is_file());
                seen.lock().unwrap().push(copy);
                match path {
                    "refuses" => Err("no".into()),
                    "is cancelled" => {
                        cancelled.store(true, Ordering::Relaxed);
                        Ok(())
                    }
                    _ => Ok(()),
                }
            });
        let rehearsed = migrator.database(app.database()).rehearse(None);
        match path {
            "succeeds" => assert!(rehearsed.is_ok()),
            "refuses" => assert!(rehearsed.unwrap_err().report().is_some()),
            _ => assert_eq!(rehearsed.unwrap_err().kind(), ErrorKind::Interrupted),
        }
        assert!(app.listing() == before, "{path}");
    }
    let seen = seen.into_inner().unwrap();
    assert_eq!(seen.len(), 4);
    let temporary = std::env::temp_dir().canonicalize().unwrap();
    // As Windows spells what is canonical, and nobody writes it.
    let temporary = temporary.to_str().unwrap().trim_start_matches(r"\\?\");
    for folder in seen {
        assert!(folder.starts_with(temporary), "{}", folder.display());
        assert!(!folder.exists(), "{}", folder.display());
    }
}

#[test]
fn backups_elsewhere_are_left_alone() {
    let app = app_in("DELETE");
    let backups = app.folder().join("elsewhere");
    std::fs::create_dir(&backups).unwrap();
    // What an interrupted copy of a database of this name would leave there.
    std::fs::write(backups.join(".database-2026-01-01T00-00-00.partial"), "x").unwrap();
    let before = app.listing();
    let rehearsed = app
        .migrator()
        .keep_last(1)
        .backups(&backups)
        .database(app.database())
        .rehearse(None);
    assert!(rehearsed.is_ok());
    assert!(app.listing() == before);
}

/// A sandboxed app has the same process number at every start, and the scratch folder is named
/// by it. One that a killed rehearsal left, or that another user made in a temporary folder for
/// all, was taken for ours: the rehearsal failed over its files, or wrote where others read.
#[test]
fn a_scratch_folder_that_is_there_already_is_not_used() {
    let app = App::new();
    app.sql("CREATE TABLE t (x); INSERT INTO t VALUES (1)");
    app.file("V1__a.sql", "CREATE TABLE a (x)");
    let output = part("rehearses-beside-leftovers", &app)
        .env(TEMPORARY_FOLDER, app.folder())
        .output()
        .unwrap();
    assert!(output.status.success(), "{output:?}");
}

/// Each killed rehearsal left a copy of the whole database in the folder for temporary files, for
/// ever.
#[cfg(feature = "cli")]
#[test]
fn what_a_killed_rehearsal_left_goes_with_the_next_and_nothing_else() {
    use crate::support::app::{kill_when_ready, part};

    let app = App::new();
    app.file("V1__a.sql", "CREATE TABLE a (x)");
    app.run().unwrap();
    app.file("V2__b.sql", "CREATE TABLE b (x)");
    let temporary = tempfile::tempdir().unwrap();
    let here = |name: &str| temporary.path().join(name);
    let mut dies = part("works", &app);
    dies.env("HEIRLOOM_TEST_AT", "rehearse")
        .env("HEIRLOOM_TEST_MOMENT", "2")
        .env(TEMPORARY_FOLDER, temporary.path());
    let (output, _) = kill_when_ready(dies, std::time::Duration::ZERO);
    assert!(!output.status.success());
    let left = std::fs::read_dir(temporary.path()).unwrap().count();
    assert_eq!(left, 2, "a folder and its lock");

    // Somebody at work, and what may be anybody's.
    for folder in ["heirloom-1-0", "heirloom-2-0", "heirloom-notes"] {
        std::fs::create_dir(here(folder)).unwrap();
    }
    let alive = std::fs::File::create(here("heirloom-1-0.lock")).unwrap();
    alive.lock().unwrap();
    std::fs::write(here("heirloom-notes.lock"), "").unwrap();
    std::fs::create_dir(here("elsewhere")).unwrap();
    std::fs::write(here("elsewhere/kept"), "").unwrap();
    std::fs::write(here("heirloom-3-0.lock"), "").unwrap();
    #[cfg(unix)]
    std::os::unix::fs::symlink(here("elsewhere"), here("heirloom-3-0")).unwrap();

    let rehearsed = crate::cli::contract::command(&app, &["run", "--rehearse"])
        .env(TEMPORARY_FOLDER, temporary.path())
        .output()
        .unwrap();
    assert!(rehearsed.status.success());
    let mut names: Vec<_> = std::fs::read_dir(temporary.path())
        .unwrap()
        .map(|entry| entry.unwrap().file_name().into_string().unwrap())
        .collect();
    names.sort();
    let mine = ["heirloom-1-0", "heirloom-1-0.lock", "heirloom-2-0"];
    let others = ["elsewhere", "heirloom-notes", "heirloom-notes.lock"];
    let mut expected = [mine, others].concat();
    expected.sort_unstable();
    assert_eq!(names, expected);
    assert!(here("elsewhere/kept").exists());
}

#[test]
fn it_tells_what_is_different_by_table_and_column() {
    let app = app_in("WAL");
    app.sql("CREATE TABLE big (x); INSERT INTO big VALUES (1)");
    app.file(
        "V3__more.sql",
        "-- heirloom: allow-destructive
         ALTER TABLE t RENAME COLUMN x TO y; ALTER TABLE t ADD COLUMN z DEFAULT 7;
         UPDATE t SET y = 'B' WHERE id = 2; DELETE FROM t WHERE id = 3;
         ALTER TABLE t RENAME TO people; CREATE TABLE fresh (x); INSERT INTO fresh VALUES (1), (2);",
    );
    let before = app.listing();
    let migrator = app.migrator();
    let rehearsed = migrator.database(app.database()).rehearse(None).unwrap();
    assert!(app.listing() == before);
    let told: Vec<_> = rehearsed
        .differences
        .iter()
        .map(|it| {
            let columns: Vec<String> = it.columns.iter().map(|it| format!("{it:?}")).collect();
            let rows = (it.only_in_from, it.only_in_to, it.changed);
            (it.table.as_str(), rows, columns.join(" "))
        })
        .collect();
    assert_eq!(
        told,
        [
            ("fresh", (0, 2, 0), String::new()),
            ("people", (1, 1, 2), "(\"y\", 1) (\"z\", 2)".to_owned()),
            ("u", (1, 0, 0), String::new()),
            ("w", (5, 0, 0), String::new()),
        ]
    );
    let report = app.run().unwrap();
    assert!(
        report.differences.is_empty(),
        "only a rehearsal compares all of it"
    );
}

#[test]
fn what_a_hook_writes_is_among_what_is_different() {
    let app = app_in("DELETE");
    let migrator = app.migrator().after_run(|moment| {
        let sql = "CREATE TABLE IF NOT EXISTS log (x); INSERT INTO log VALUES (1);
            UPDATE t SET x = 'C' WHERE id = 3";
        Ok(moment.connection.execute_batch(sql)?)
    });
    let rehearsed = migrator.database(app.database()).rehearse(None).unwrap();
    let of = |table: &str| {
        rehearsed
            .differences
            .iter()
            .find(|it| it.table == table)
            .unwrap()
    };
    assert_eq!(of("log").only_in_to, 1);
    assert_eq!((of("t").changed, of("t").columns["x"]), (1, 1));
    assert_eq!(app.text("SELECT x FROM t WHERE id = 3"), "c");
}
