//! The log: nothing that was done is forgotten, whatever replaces the database, and nothing is
//! told that was not.

use heirloom::inspect::Log;
use heirloom::{Act, BackupRef, RevertTo};

use crate::support::app::{App, back, part, state};

/// Two migrations with down migrations; the first is applied.
fn app() -> App {
    let app = App::new();
    app.file("V1__a.sql", "CREATE TABLE a (x)")
        .file("V1__a.down.sql", "DROP TABLE a");
    app.run().unwrap();
    app.file("V2__b.sql", "CREATE TABLE b (x)")
        .file("V2__b.down.sql", "DROP TABLE b");
    app
}

fn log(app: &App) -> Log {
    app.migrator().database(app.database()).log().unwrap()
}

/// What was done, the oldest first.
fn acts(app: &App) -> Vec<&'static str> {
    let entries = log(app).entries;
    entries
        .iter()
        .rev()
        .map(|entry| entry.act.as_str())
        .collect()
}

fn latest() -> BackupRef {
    BackupRef::Latest
}

#[test]
fn every_act_is_told_with_version_copy_and_size() {
    let app = app();
    let migrator = app.migrator().app_version("2.1");
    let ran = migrator.migrate(app.database()).unwrap();
    let snapshot = migrator.database(app.database()).snapshot("s").unwrap();
    let reverted = migrator
        .database(app.database())
        .revert(RevertTo::Steps(1))
        .unwrap();
    let restored = migrator
        .database(app.database())
        .restore(&latest())
        .unwrap();
    let log = log(&app);
    assert!(log.exists && log.unlogged.is_empty());
    let name = |path: &std::path::Path| path.file_name().unwrap().to_str().unwrap().to_owned();
    let told: Vec<_> = log
        .entries
        .iter()
        .rev()
        .map(|entry| {
            assert!(entry.finished && entry.bytes.unwrap() > 0, "{entry:?}");
            assert_eq!(entry.duration.is_none(), entry.act == Act::Snapshot);
            let app_version = entry.app_version.as_deref();
            let versions = (entry.version_before, entry.version);
            (entry.act, versions, entry.backup.clone(), app_version)
        })
        .collect();
    let v = Some("2.1");
    let replaced = back(&restored).replaced.as_deref().map(name);
    assert_eq!(
        told,
        [
            (Act::Run, (None, Some(1)), None, None),
            (
                Act::Run,
                (Some(1), Some(2)),
                ran.backup.as_deref().map(name),
                v
            ),
            (
                Act::Snapshot,
                (Some(2), Some(2)),
                Some(name(&snapshot.file)),
                v
            ),
            (
                Act::Revert,
                (Some(2), Some(1)),
                reverted.backup.as_deref().map(name),
                v
            ),
            (Act::Restore, (Some(1), Some(2)), replaced, v),
        ]
    );
    let from = back(&restored).file.to_str().unwrap().to_owned();
    assert_eq!(log.entries[0].restored_from, Some(from));
    let [reverted] = &log.entries[1].migrations[..] else {
        panic!("{log:?}");
    };
    assert_eq!((reverted.component.as_deref(), reverted.version), (None, 2));
}

#[test]
fn nothing_to_do_is_no_entry_and_neither_is_a_failure() {
    let app = app();
    app.file(
        "V3__c.sql",
        "INSERT INTO a VALUES (1); INSERT INTO a SELECT abs(-9223372036854775808)",
    );
    assert!(app.run().is_err());
    std::fs::remove_file(app.migrations().join("V3__c.sql")).unwrap();
    assert_eq!(acts(&app), ["run"]);
    app.run().unwrap();
    app.run().unwrap();
    assert_eq!(acts(&app), ["run", "run"]);
}

#[test]
fn a_restored_database_is_the_copy_to_the_bit_and_the_log_goes_on() {
    let app = app();
    app.run().unwrap();
    let restored = app
        .migrator()
        .database(app.database())
        .restore(&latest())
        .unwrap();
    assert_eq!(state(&app.database()), state(&back(&restored).file));
    assert_eq!(acts(&app), ["run", "run", "restore"]);
    app.run().unwrap();
    assert_eq!(acts(&app), ["run", "run", "restore", "run"]);
    // Back to a state from before the restore, and to one from after it.
    let oldest = app.backups()[0].clone();
    app.migrator()
        .database(app.database())
        .restore(&BackupRef::File(oldest))
        .unwrap();
    assert_eq!(acts(&app), ["run", "run", "restore", "run", "restore"]);
    app.migrator()
        .database(app.database())
        .restore(&latest())
        .unwrap();
    assert_eq!(
        acts(&app),
        ["run", "run", "restore", "run", "restore", "restore"]
    );
}

#[test]
fn what_was_done_to_a_damaged_or_vanished_database_is_known_from_its_copies() {
    let app = app();
    app.run().unwrap();
    app.migrator()
        .database(app.database())
        .snapshot("s")
        .unwrap();
    std::fs::write(app.database(), vec![7; 8192]).unwrap();
    app.migrator()
        .database(app.database())
        .restore(&latest())
        .unwrap();
    assert_eq!(acts(&app), ["run", "run", "snapshot", "restore"]);
    std::fs::remove_file(app.database()).unwrap();
    app.migrator()
        .database(app.database())
        .restore(&latest())
        .unwrap();
    assert_eq!(acts(&app), ["run", "run", "snapshot", "restore", "restore"]);
    assert!(log(&app).entries.iter().all(|entry| entry.finished));
}

#[test]
fn a_restore_that_was_refused_is_not_told() {
    let app = app();
    app.run().unwrap();
    crate::support::app::flip(&app.backups()[0], 5000);
    assert!(
        app.migrator()
            .database(app.database())
            .restore(&latest())
            .is_err()
    );
    // One that finds the database held.
    let app = self::app();
    app.run().unwrap();
    let holder = app.connect();
    holder.execute_batch("BEGIN EXCLUSIVE").unwrap();
    let migrator = app.migrator().lock_timeout(std::time::Duration::ZERO);
    assert!(
        migrator
            .database(app.database())
            .restore(&latest())
            .is_err()
    );
    drop(holder);
    assert_eq!(acts(&app), ["run", "run"]);
}

#[test]
fn a_restore_that_was_killed_loses_no_entry_and_says_so() {
    for moment in 0.. {
        let app = app();
        app.run().unwrap();
        let mut died = part("dies-in-restore", &app);
        died.env("HEIRLOOM_TEST_AT", moment.to_string());
        if died.output().unwrap().status.success() {
            assert!(moment > 0);
            break;
        }
        let entries = log(&app).entries;
        let runs = entries.iter().filter(|entry| entry.act == Act::Run);
        assert_eq!(runs.count(), 2, "{moment}");
        let begun = entries.iter().any(|entry| entry.act == Act::Restore);
        let back = app.number("SELECT count(*) FROM sqlite_schema WHERE name = 'b'") == 0;
        assert!(begun || !back, "{moment}");
    }
}

/// The one that the next start finished, and not a reset that was killed after it.
#[test]
fn a_restore_that_the_next_start_finished_is_told_as_finished() {
    let app = app();
    app.run().unwrap();
    let copy = app.backups().pop().unwrap();
    let file = BackupRef::File(copy.clone());
    app.migrator()
        .database(app.database())
        .restore(&file)
        .unwrap();
    let backups = app.folder().join("backups");
    let files = std::fs::read_dir(&backups).unwrap();
    let noted = files
        .map(|file| file.unwrap().path())
        .find(|path| path.to_string_lossy().ends_with(".log"))
        .unwrap();
    let text = std::fs::read_to_string(&noted).unwrap();
    let begun = text.replacen("finished: true", "finished: false", 1);
    assert_ne!(begun, text);
    std::fs::write(&noted, &begun).unwrap();
    let reset = begun.replacen("act: restore", "act: reset", 1);
    let reset = reset.replacen("id: ", "id: other", 1);
    std::fs::write(backups.join(".z.log"), reset).unwrap();
    let told = || {
        let entries = log(&app).entries.into_iter();
        entries
            .filter(|entry| matches!(entry.act, Act::Restore | Act::Reset))
            .map(|entry| (entry.act, entry.finished))
            .collect::<Vec<_>>()
    };
    let before = told();
    assert!(before.contains(&(Act::Restore, false)), "{before:?}");
    assert!(before.contains(&(Act::Reset, false)), "{before:?}");
    let digest = blake3::hash(&std::fs::read(&copy).unwrap()).to_hex();
    std::fs::write(
        app.folder().join("app.db.restore"),
        format!(
            "heirloom restore, format 1\nstarted-at: 2026-11-21T09:14:03Z\nblake3: {digest}\njournal-mode: delete\ncopy: {}\n",
            copy.display()
        ),
    )
    .unwrap();
    assert!(app.run().unwrap().recovered.is_some());
    let after = told();
    assert_eq!(after.len(), 2, "{after:?}");
    assert!(after.contains(&(Act::Restore, true)), "{after:?}");
    assert!(after.contains(&(Act::Reset, false)), "{after:?}");
}

#[test]
fn migrations_of_another_tool_are_counted_and_a_missing_database_has_no_log() {
    let app = app();
    app.run().unwrap();
    app.sql("DROP TABLE heirloom_log");
    let found = log(&app);
    assert_eq!(found.unlogged, [1, 2]);
    assert!(found.entries.is_empty());
    let none = app
        .migrator()
        .database(app.folder().join("none.db"))
        .log()
        .unwrap();
    assert!(!none.exists && none.entries.is_empty());
}

#[test]
fn two_databases_of_one_folder_have_a_log_each() {
    let app = app();
    app.run().unwrap();
    app.migrator()
        .database(app.database())
        .restore(&latest())
        .unwrap();
    let other = app.folder().join("app.db2");
    app.migrator().migrate(&other).unwrap();
    assert_eq!(
        app.migrator().database(&other).log().unwrap().entries.len(),
        1
    );
}

/// A backfill stood in the database alone: a drop, a reset or a restore took it out of the log.
#[test]
fn a_backfill_is_told_of_after_what_it_filled_is_gone() {
    let ways: &[_] = match cfg!(feature = "devtools") {
        true => &["drop", "reset", "restore"],
        false => &["restore"],
    };
    for &replaced_by in ways {
        let app = app();
        app.run().unwrap();
        app.sql("INSERT INTO a VALUES (1)");
        let sql = "UPDATE a SET x = 2 WHERE rowid BETWEEN :first AND :last";
        let fill = || heirloom::Backfill::sql("fill", "a", sql);
        let migrator = app.migrator();
        migrator.database(app.database()).backfill(&fill()).unwrap();
        match replaced_by {
            #[cfg(feature = "devtools")]
            "drop" => drop(migrator.database(app.database()).empty().unwrap()),
            #[cfg(feature = "devtools")]
            "reset" => drop(migrator.database(app.database()).reset(None, None).unwrap()),
            _ => drop(
                migrator
                    .database(app.database())
                    .restore(&latest())
                    .unwrap(),
            ),
        }
        let told: Vec<_> = log(&app)
            .entries
            .into_iter()
            .filter(|entry| entry.act == Act::Backfill)
            .map(|entry| (entry.backfill.unwrap(), entry.finished))
            .collect();
        assert_eq!(told, [("fill".to_owned(), true)], "{replaced_by}");
    }
}
