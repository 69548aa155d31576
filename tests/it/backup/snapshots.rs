//! Named copies, and the listing of every copy.

use std::path::{Path, PathBuf};

use heirloom::backups::BackupOrigin;
use heirloom::{BackupInfo, BackupRef, ErrorKind, Verify};

use crate::support::app::{App, assert_mode, back, flip, part, permit, state};

fn app() -> App {
    let app = App::new();
    app.sql("CREATE TABLE t (x TEXT); INSERT INTO t (rowid, x) VALUES (5, 'a'), (9, 'b')");
    app.file("V1__a.sql", "CREATE TABLE a (x)");
    app
}

fn listed(app: &App) -> Vec<BackupInfo> {
    app.migrator()
        .database(app.database())
        .backups(Verify::Digest)
        .unwrap()
}

fn names(copies: &[BackupInfo]) -> Vec<String> {
    copies
        .iter()
        .map(|copy| {
            copy.file
                .file_name()
                .unwrap()
                .to_string_lossy()
                .into_owned()
        })
        .collect()
}

fn record_of(copy: &Path) -> PathBuf {
    let name = copy.file_name().unwrap().to_string_lossy();
    copy.with_file_name(format!(".{name}.record"))
}

/// Says in a copy's record that it was taken at another time.
fn redate(copy: &Path, time: &str) {
    let record = record_of(copy);
    let text: String = std::fs::read_to_string(&record)
        .unwrap()
        .lines()
        .map(|line| match line.starts_with("created-at: ") {
            true => format!("created-at: {time}\n"),
            false => format!("{line}\n"),
        })
        .collect();
    std::fs::write(&record, text).unwrap();
}

#[test]
fn a_snapshot_is_the_state_as_it_is_and_comes_back_by_its_name() {
    for mode in ["delete", "wal"] {
        let app = app();
        app.sql(&format!(
            "PRAGMA journal_mode = {mode}; PRAGMA user_version = 5"
        ));
        app.run().unwrap();
        permit(&app.database(), 0o600);
        let before = state(&app.database());
        // What lies only in the log is taken too.
        let open = app.connect();
        open.execute_batch("INSERT INTO t VALUES ('c')").unwrap();
        let taken = app
            .migrator()
            .database(app.database())
            .snapshot("before import")
            .unwrap();
        drop(open);
        assert_eq!(taken.file, app.folder().join("snapshots/before import.db"));
        assert_eq!(
            (taken.origin, taken.replaced, taken.verified, taken.version),
            (BackupOrigin::Snapshot, false, true, Some(1))
        );
        assert_eq!(taken.bytes, taken.file.metadata().unwrap().len());
        assert_mode(&taken.file, 0o600, mode);
        assert_mode(taken.file.parent().unwrap(), 0o700, mode);
        let expected = state(&app.database());
        assert_ne!(before, expected);
        assert_eq!(state(&taken.file), expected, "{mode}");

        app.sql("DROP TABLE t; PRAGMA user_version = 6");
        let dropped = state(&app.database());
        let wanted = BackupRef::Snapshot("before import".into());
        let done = app
            .migrator()
            .database(app.database())
            .restore(&wanted)
            .unwrap();
        assert_eq!(back(&done).file, taken.file);
        assert_eq!(state(&app.database()), expected, "{mode}");
        assert_eq!(app.text("PRAGMA journal_mode"), mode);
        assert_eq!(state(&back(&done).replaced.unwrap()), dropped);
        // And once more: it is still there.
        app.migrator()
            .database(app.database())
            .restore(&wanted)
            .unwrap();
        assert_eq!(state(&app.database()), expected, "{mode}");
    }
}

#[test]
fn a_name_that_is_taken_leaves_the_folder_or_breaks_elsewhere_is_refused() {
    let app = app();
    app.migrator()
        .database(app.database())
        .snapshot("Größe 1")
        .unwrap();
    app.sql("INSERT INTO t VALUES ('later')");
    let before = app.listing();
    let long = "n".repeat(250);
    for name in [
        "Größe 1",
        "größe 1",
        "GRÖßE 1",
        "",
        " ",
        ".",
        "..",
        "...",
        "../app",
        "../../x",
        "/tmp/x",
        "a/b",
        "a\\b",
        "C:x",
        "a:stream",
        "what?",
        "a*",
        "a|b",
        "a\"b",
        "<a>",
        "a\nb",
        "a\0b",
        "a\tb",
        "con",
        "NUL",
        "Aux.txt",
        "com1",
        "LPT9.old",
        "COM0",
        "a.",
        "a ",
        " a",
        ".hidden",
        "-rf",
        &long,
    ] {
        let error = app
            .migrator()
            .database(app.database())
            .snapshot(name)
            .unwrap_err();
        assert_eq!(error.kind(), ErrorKind::Usage, "{name:?}: {error:#}");
        assert!(app.listing() == before, "{name:?}");
    }
    for name in [
        "a.b",
        "2026-11-21",
        "före_import",
        "console",
        "com10",
        "nul-x",
    ] {
        let taken = app
            .migrator()
            .database(app.database())
            .snapshot(name)
            .unwrap();
        assert_eq!(state(&taken.file), state(&app.database()), "{name}");
    }
}

#[test]
fn a_strangers_file_of_that_name_is_left_alone() {
    let app = app();
    let folder = app.folder().join("snapshots");
    std::fs::create_dir(&folder).unwrap();
    std::fs::write(folder.join("Mine.DB"), "somebody's").unwrap();
    let before = app.listing();
    let error = app
        .migrator()
        .database(app.database())
        .snapshot("mine")
        .unwrap_err();
    assert_eq!(error.kind(), ErrorKind::Usage, "{error:#}");
    assert!(app.listing() == before);
}

/// Two databases share a folder, and the other's copy of that name is gone. It was tried for ever.
#[test]
fn a_name_whose_record_is_somebody_elses_is_refused_and_nothing_left() {
    let app = app();
    app.migrator()
        .database(app.database())
        .snapshot("mine")
        .unwrap();
    let record = app.folder().join("snapshots/.theirs.db.record");
    std::fs::write(&record, "somebody's").unwrap();
    let before = app.listing();
    app.migrator()
        .database(app.database())
        .snapshot("theirs")
        .unwrap_err();
    assert!(app.listing() == before);
}

#[test]
fn there_is_no_snapshot_of_a_database_that_is_not_there_or_cannot_be_read() {
    let app = App::new();
    let before = app.listing();
    let error = app
        .migrator()
        .database(app.database())
        .snapshot("a")
        .unwrap_err();
    assert_eq!(error.kind(), ErrorKind::NotFound, "{error:#}");
    assert!(app.listing() == before);
    std::fs::write(app.database(), b"garbage".repeat(1000)).unwrap();
    let error = app
        .migrator()
        .database(app.database())
        .snapshot("a")
        .unwrap_err();
    assert_eq!(error.kind(), ErrorKind::NotADatabase, "{error:#}");
    assert!(std::fs::read(app.database()).unwrap() == b"garbage".repeat(1000));
    assert!(listed(&app).is_empty());
}

#[test]
fn a_snapshot_of_a_damaged_database_is_refused_and_leaves_no_half_copy() {
    let app = app();
    let length = app.database().metadata().unwrap().len();
    let mut bytes = std::fs::read(app.database()).unwrap();
    bytes[length as usize - 4096..].fill(0xAB);
    std::fs::write(app.database(), &bytes).unwrap();
    let error = app
        .migrator()
        .database(app.database())
        .snapshot("a")
        .unwrap_err();
    assert!(
        [ErrorKind::NotADatabase, ErrorKind::BackupInvalid].contains(&error.kind()),
        "{error:#}"
    );
    assert!(std::fs::read(app.database()).unwrap() == bytes);
    let folder = std::fs::read_dir(app.folder().join("snapshots"));
    assert!(folder.is_ok_and(|files| files.count() == 0));
}

#[test]
fn a_snapshot_is_refused_while_another_program_writes() {
    let app = app();
    let other = app.connect();
    other.execute_batch("BEGIN IMMEDIATE").unwrap();
    let error = app
        .migrator()
        .lock_timeout(std::time::Duration::from_millis(50))
        .database(app.database())
        .snapshot("a")
        .unwrap_err();
    assert_eq!(error.kind(), ErrorKind::Locked, "{error:#}");
    drop(other);
    assert!(listed(&app).is_empty());
    app.migrator()
        .database(app.database())
        .snapshot("a")
        .unwrap();
}

#[test]
fn snapshots_stay_however_many_backups_come_and_go() {
    let app = app();
    let taken: Vec<PathBuf> = (0..8)
        .map(|number| {
            app.sql("INSERT INTO t VALUES ('more')");
            let name = format!("s{number}");
            app.migrator()
                .database(app.database())
                .snapshot(&name)
                .unwrap()
                .file
        })
        .collect();
    for version in 2..=5 {
        app.file(
            &format!("V{version}__n.sql"),
            &format!("CREATE TABLE n{version} (x)"),
        );
        app.migrator().keep_last(1).migrate(app.database()).unwrap();
        app.migrator()
            .keep_last(1)
            .database(app.database())
            .restore(&BackupRef::Snapshot("s3".into()))
            .unwrap();
    }
    assert!(taken.iter().all(|path| path.is_file()));
    let snapshots = listed(&app)
        .iter()
        .filter(|copy| copy.origin == BackupOrigin::Snapshot && copy.verified)
        .count();
    assert_eq!(snapshots, 8);
}

#[test]
fn every_copy_is_listed_with_where_it_comes_from_and_nothing_is_written() {
    let app = app();
    assert!(listed(&app).is_empty());
    let backup = app.run().unwrap().backup.unwrap();
    let snapshot = app
        .migrator()
        .database(app.database())
        .snapshot("s")
        .unwrap()
        .file;
    app.sql("INSERT INTO t VALUES ('c')");
    let replaced = app
        .migrator()
        .database(app.database())
        .restore(&BackupRef::Latest)
        .unwrap()
        .restored
        .unwrap()
        .replaced
        .unwrap();
    redate(&backup, "2026-01-01T00:00:00Z");
    redate(&snapshot, "2026-01-02T00:00:00Z");
    redate(&replaced, "2026-01-03T00:00:00Z");
    let before = app.listing();
    for verify in [Verify::Digest, Verify::Everything] {
        let copies = app
            .migrator()
            .database(app.database())
            .backups(verify)
            .unwrap();
        let found: Vec<_> = copies
            .iter()
            .map(|copy| (&copy.file, copy.origin, copy.replaced, copy.version))
            .collect();
        assert_eq!(
            found,
            [
                (&replaced, BackupOrigin::Automatic, true, Some(1)),
                (&snapshot, BackupOrigin::Snapshot, false, Some(1)),
                (&backup, BackupOrigin::Automatic, false, None),
            ]
        );
        for copy in &copies {
            assert!(copy.verified, "{copy:?}");
            assert_eq!(copy.bytes, copy.file.metadata().unwrap().len());
            assert!(copy.created_at.ends_with('Z'), "{copy:?}");
        }
        assert!(app.listing() == before);
    }
}

#[test]
fn copies_of_one_second_are_listed_newest_first_too() {
    let app = app();
    let mut made = vec![app.run().unwrap().backup.unwrap()];
    for version in 2..=4 {
        app.file(
            &format!("V{version}__n.sql"),
            &format!("CREATE TABLE n{version} (x)"),
        );
        made.push(app.run().unwrap().backup.unwrap());
    }
    made.push(
        app.migrator()
            .database(app.database())
            .snapshot("s")
            .unwrap()
            .file,
    );
    app.sql("INSERT INTO t VALUES ('c')");
    let done = app
        .migrator()
        .database(app.database())
        .restore(&BackupRef::Latest)
        .unwrap();
    made.push(back(&done).replaced.unwrap());
    made.reverse();
    let files: Vec<PathBuf> = listed(&app).into_iter().map(|copy| copy.file).collect();
    assert_eq!(files, made);
}

#[test]
fn a_clock_that_goes_back_reorders_no_backups() {
    let app = app();
    let first = app.run().unwrap().backup.unwrap();
    app.file("V2__b.sql", "CREATE TABLE b (x)");
    let second = app.run().unwrap().backup.unwrap();
    redate(&first, "2099-01-01T00:00:00Z");
    let files: Vec<PathBuf> = listed(&app).into_iter().map(|copy| copy.file).collect();
    assert_eq!(files, [second.clone(), first]);
    let done = app
        .migrator()
        .database(app.database())
        .restore(&BackupRef::Latest)
        .unwrap();
    assert_eq!(back(&done).file, second, "what is listed first is `latest`");
}

#[test]
fn a_flipped_bit_or_a_changed_length_no_longer_verifies() {
    let app = app();
    app.run().unwrap();
    app.migrator()
        .database(app.database())
        .snapshot("s")
        .unwrap();
    let copies = listed(&app);
    assert_eq!(copies.len(), 2);
    for copy in &copies {
        let verified = || -> Vec<bool> {
            [Verify::Digest, Verify::Everything]
                .map(|verify| {
                    let all = app
                        .migrator()
                        .database(app.database())
                        .backups(verify)
                        .unwrap();
                    all.iter()
                        .find(|other| other.file == copy.file)
                        .unwrap()
                        .verified
                })
                .to_vec()
        };
        for at in [0, 18, 100, 4095, copy.bytes - 1] {
            flip(&copy.file, at);
            assert_eq!(verified(), [false, false], "{at}");
            flip(&copy.file, at);
            assert_eq!(verified(), [true, true], "{at}");
        }
        let whole = std::fs::read(&copy.file).unwrap();
        for bytes in [
            &whole[..whole.len() - 1],
            &[whole.as_slice(), b"x"].concat(),
            b"",
        ] {
            std::fs::write(&copy.file, bytes).unwrap();
            assert_eq!(verified(), [false, false]);
        }
        std::fs::write(&copy.file, whole).unwrap();
    }
}

#[test]
fn half_copies_and_strangers_are_never_listed() {
    let app = app();
    let backup = app.run().unwrap().backup.unwrap();
    let snapshot = app
        .migrator()
        .database(app.database())
        .snapshot("s")
        .unwrap()
        .file;
    let expected = listed(&app);
    for folder in ["backups", "snapshots"] {
        let folder = app.folder().join(folder);
        let good = std::fs::read(&backup).unwrap();
        for name in [
            ".app.db-2026-11-21T09-14-03.partial",
            "app-2026-11-21T09-14-03.db",
            "app-2026-11-21T09-14-03.db.partial",
            "holiday.db",
            "notes.txt",
            ".hidden.db",
        ] {
            std::fs::write(folder.join(name), &good).unwrap();
        }
        std::fs::create_dir(folder.join("folder.db")).unwrap();
        // A record without its copy, a record of another database, and half a record.
        let record = std::fs::read_to_string(record_of(&backup)).unwrap();
        let write = |name: &str, text: &str| {
            std::fs::write(folder.join(format!(".{name}.record")), text).unwrap();
        };
        write("app-2026-11-21T09-14-05.db", &record);
        write(
            "holiday.db",
            &record.replace("database: app.db", "database: other.db"),
        );
        write("app-2026-11-21T09-14-03.db", &record[..record.len() / 2]);
    }
    let before = app.listing();
    let (recorded, others): (Vec<_>, Vec<_>) =
        listed(&app).into_iter().partition(|copy| copy.recorded);
    assert_eq!(recorded, expected, "{:?}", names(&recorded));
    // What could be a backup that lost its record is shown as no more than that.
    assert!(others.iter().all(|copy| !copy.verified));
    let named = names(&others);
    assert!(
        named
            .iter()
            .all(|name| name == "app-2026-11-21T09-14-03.db"),
        "{named:?}"
    );
    assert!(app.listing() == before);
    // Nor are they ever removed, or taken for the latest.
    let done = app
        .migrator()
        .keep_last(1)
        .database(app.database())
        .restore(&BackupRef::Latest)
        .unwrap();
    assert_eq!(back(&done).file, backup);
    for folder in ["backups", "snapshots"] {
        let folder = app.folder().join(folder);
        assert!(folder.join("holiday.db").exists() && folder.join("notes.txt").exists());
        assert!(folder.join("app-2026-11-21T09-14-03.db").exists());
    }
    assert!(snapshot.exists());
}

#[test]
fn a_copy_that_dies_is_not_listed_and_cleaned_away_by_the_next() {
    let app = app();
    // The second moment is in the middle of the copy.
    let died = part("dies-at-moment", &app)
        .env("HEIRLOOM_TEST_AT", "2")
        .output()
        .unwrap();
    assert!(!died.status.success());
    let partials = || {
        let all = app.listing();
        all.iter()
            .filter(|(path, _)| path.to_string_lossy().contains(".partial"))
            .count()
    };
    assert_eq!(partials(), 1);
    let before = app.listing();
    assert!(listed(&app).is_empty());
    assert!(app.listing() == before);
    app.run().unwrap();
    assert_eq!(partials(), 0);
    assert_eq!(listed(&app).len(), 1);
}

/// The first run of all was killed, and left a journal beside a file with pages in it. Rolled
/// back, the file is empty. A snapshot then said that the copy did not verify, and that the
/// database might be damaged.
#[test]
fn there_is_no_snapshot_of_what_a_killed_first_run_left() {
    let mut tried = 0;
    for moment in 0.. {
        let app = App::new();
        let values =
            "WITH RECURSIVE n (i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n WHERE i < 500)
             INSERT INTO t SELECT printf('%0200d', i) FROM n";
        app.file("V1__t.sql", &format!("CREATE TABLE t (x); {values}"));
        let died = part("dies-at-moment", &app)
            .env("HEIRLOOM_TEST_AT", moment.to_string())
            .output()
            .unwrap();
        if died.status.success() {
            break;
        }
        let journal = app.folder().join("app.db-journal");
        if app.database().exists() && journal.exists() {
            let error = app
                .migrator()
                .database(app.database())
                .snapshot("s")
                .unwrap_err();
            assert_eq!(error.kind(), heirloom::ErrorKind::NotFound, "{error:#}");
            tried += 1;
        }
    }
    assert!(tried > 0, "no journal was left");
}

/// A snapshot that was killed between making its record and writing into it left an empty one.
/// It was not a record of anybody's, so it was never cleaned away, and nothing could be called by
/// that name again. Now a record has its name when it is whole.
#[test]
fn a_record_is_never_there_half() {
    use std::sync::atomic::{AtomicBool, Ordering};
    let app = app();
    let folder = app.folder().join("snapshots");
    let over = AtomicBool::new(false);
    std::thread::scope(|threads| {
        let watching = threads.spawn(|| {
            let mut seen = 0;
            while !over.load(Ordering::Relaxed) {
                for entry in std::fs::read_dir(&folder).into_iter().flatten().flatten() {
                    if entry.path().extension().is_some_and(|end| end == "record") {
                        let text = std::fs::read_to_string(entry.path()).unwrap();
                        assert!(text.ends_with("journal-mode: delete\n"), "{text:?}");
                        seen += 1;
                    }
                }
            }
            seen
        });
        for number in 0..30 {
            let name = format!("s{number}");
            app.migrator()
                .database(app.database())
                .snapshot(&name)
                .unwrap();
        }
        over.store(true, Ordering::Relaxed);
        assert!(watching.join().unwrap() > 30);
    });
    let records = app
        .folder()
        .join("snapshots/.app.db-2026-11-21T09-14-03.record.partial");
    std::fs::write(&records, "heirloom").unwrap();
    app.migrator()
        .database(app.database())
        .snapshot("after")
        .unwrap();
    assert!(!records.exists());
}

#[test]
fn two_databases_in_one_folder_keep_their_copies_apart() {
    let app = app();
    app.run().unwrap();
    app.migrator()
        .database(app.database())
        .snapshot("s")
        .unwrap();
    let other = app.folder().join("app.sqlite");
    app.migrator().migrate(&other).unwrap();
    let copies = |path: &Path| {
        app.migrator()
            .database(path)
            .backups(Verify::Digest)
            .unwrap()
    };
    assert!(copies(&other).is_empty());
    let before = state(&other);
    let error = app
        .migrator()
        .database(&other)
        .restore(&BackupRef::Latest)
        .unwrap_err();
    assert_eq!(error.kind(), ErrorKind::NotFound, "{error:#}");
    let snapshot = BackupRef::Snapshot("s".into());
    let error = app
        .migrator()
        .database(&other)
        .restore(&snapshot)
        .unwrap_err();
    assert_eq!(
        error.kind(),
        ErrorKind::NotFound,
        "another database's: {error:#}"
    );
    assert!(state(&other) == before);
    assert_eq!(copies(&app.database()).len(), 2);
}
