//! What support calls look like: files beside the database, damaged states, hostile input. Each
//! test opens with the story.

use std::path::{Path, PathBuf};

use heirloom::inspect::ProblemKind;
use heirloom::{BackupRef, ErrorKind, Remedy, RevertTo, Verify};

use crate::support::app::{App, back, contents};

/// An app at version 2 with a row, and a verified backup of version 1.
fn app() -> App {
    let app = App::new();
    app.file(
        "V1__notes.sql",
        "CREATE TABLE notes (id INTEGER PRIMARY KEY, body TEXT);",
    );
    app.run().unwrap();
    app.sql("INSERT INTO notes (body) VALUES ('mine')");
    app.file(
        "V2__pinned.sql",
        "ALTER TABLE notes ADD COLUMN pinned INTEGER;",
    );
    app.run().unwrap();
    app
}

fn bodies(app: &App) -> Vec<String> {
    let connection = app.connect();
    let mut statement = connection
        .prepare("SELECT body FROM notes ORDER BY id")
        .unwrap();
    let rows = statement.query_map([], |row| row.get(0)).unwrap();
    rows.collect::<Result<_, _>>().unwrap()
}

/// The files below the app's folder that hold exactly these bytes.
fn kept(app: &App, bytes: &[u8]) -> Vec<PathBuf> {
    let files = app.listing().into_iter();
    let same = files.filter(|(_, found)| found == bytes);
    same.map(|(path, _)| path).collect()
}

fn problems(app: &App) -> Vec<ProblemKind> {
    let found = app.migrator().database(app.database()).doctor().unwrap();
    found.problems.iter().map(|problem| problem.kind).collect()
}

/// A cleaner moved `notes.db` to the bin and left `notes.db-wal`, with a hundred rows that were
/// nowhere else. The app started, SQLite removed the log, and when the file came back the rows were
/// gone.
#[test]
fn a_log_that_lost_its_database_is_left_for_it() {
    for empty in [false, true] {
        let app = app();
        let open = app.connect();
        open.execute_batch("PRAGMA journal_mode = WAL; PRAGMA wal_autocheckpoint = 0")
            .unwrap();
        for _ in 0..100 {
            open.execute("INSERT INTO notes (body) VALUES ('new')", [])
                .unwrap();
        }
        let log = app.folder().join("app.db-wal");
        let (main, wal) = (
            std::fs::read(app.database()).unwrap(),
            std::fs::read(&log).unwrap(),
        );
        drop(open);
        std::fs::remove_file(app.database()).unwrap();
        std::fs::write(&log, &wal).unwrap();
        if empty {
            std::fs::write(app.database(), "").unwrap();
        }
        let migrator = app.migrator();
        let database = migrator.database(app.database());
        let errors = [
            migrator.migrate(app.database()).map(drop),
            database.plan(None).map(drop),
            database.migrate_to(1).map(drop),
            database.reset(None, None).map(drop),
        ];
        for error in errors {
            let error = error.unwrap_err();
            assert_eq!(error.kind(), ErrorKind::NeedsAttention, "{error:#}");
            assert!(error.to_string().contains("app.db-wal"), "{error:#}");
            assert!(error.data_state().is_unchanged());
        }
        let as_it_is = app.migrator().without_migrating().open(app.database());
        assert!(as_it_is.is_err());
        assert!(problems(&app).contains(&ProblemKind::Leftover));
        assert_eq!(std::fs::read(&log).unwrap(), wal);
        std::fs::write(app.database(), &main).unwrap();
        assert_eq!(bodies(&app).len(), 101);
    }
}

/// The same, and the person reached for whatever seemed to help. Reverting said that there was nothing
/// to do, and SQLite had removed the log, or the journal with the pages of before.
#[test]
fn no_verb_removes_a_log_or_a_journal_that_lost_its_database() {
    type Verb = (&'static str, fn(&heirloom::Database<'_, '_>) -> bool);
    let verbs: [Verb; 13] = [
        ("revert", |it| it.revert(RevertTo::Steps(1)).is_ok()),
        ("plan-revert", |it| {
            it.plan_revert(RevertTo::Steps(1)).is_ok()
        }),
        ("rehearse", |it| it.rehearse(None).is_ok()),
        ("redo", |it| it.redo(1).is_ok()),
        ("adopt", |it| it.adopt(None).is_ok()),
        ("baseline", |it| it.baseline(1).is_ok()),
        ("backfill", |it| {
            let work = "UPDATE notes SET body = '' WHERE rowid BETWEEN :first AND :last";
            let backfill = heirloom::Backfill::sql("blank", "notes", work);
            it.backfill(&backfill).is_ok()
        }),
        ("edit", |it| {
            it.edit(|connection| Ok(connection.execute_batch("DELETE FROM notes")?))
                .is_ok()
        }),
        ("empty", |it| it.empty().is_ok()),
        ("snapshot", |it| it.snapshot("now").is_ok()),
        ("push", |it| {
            let force = heirloom::devtools::OnHistory::MakeUntrue;
            it.push(&Default::default(), force).is_ok()
        }),
        ("log", |it| it.log().is_ok()),
        ("inspect", |it| it.inspect(Some("notes")).is_ok()),
    ];
    for (ending, main) in [
        ("-wal", None),
        ("-wal", Some(vec![])),
        ("-journal", None),
        ("-journal", Some(vec![])),
        // A sync client made room for the file and never filled it, or filled its beginning: the log
        // was moved into that when it was closed.
        ("-wal", Some(vec![0; 512])),
        ("-wal", Some(vec![0; 8192])),
        ("-wal", Some(whole_file()[..512].to_vec())),
        ("-journal", Some(vec![0; 512])),
        ("-journal", Some(whole_file()[..512].to_vec())),
    ] {
        let left = companion_with_rows(ending);
        for (verb, act) in &verbs {
            let app = app();
            let file = app.folder().join(format!("app.db{ending}"));
            std::fs::remove_file(app.database()).unwrap();
            if let Some(main) = &main {
                std::fs::write(app.database(), main).unwrap();
            }
            std::fs::write(&file, &left).unwrap();
            let bytes = main.as_ref().map(Vec::len);
            let what = format!("{verb} beside {ending}, main file of {bytes:?} bytes");
            let said_fine = act(&app.migrator().database(app.database()));
            // Where there is nothing there is nothing to drop, to list or to revert; and a part of
            // a file can be looked at.
            let may_be = match main.as_ref().is_some_and(|main| !main.is_empty()) {
                true => ["inspect", "log", "plan-revert"],
                false => ["empty", "log", "plan-revert"],
            };
            assert!(!said_fine || may_be.contains(verb), "{what}");
            assert_eq!(kept(&app, &left), [file], "{what}");
            assert!(app.run().is_err(), "run, {what}");
            assert_eq!(kept(&app, &left).len(), 1, "run, {what}");
            if let Some(main) = &main {
                assert_eq!(&std::fs::read(app.database()).unwrap(), main, "{what}");
            }
        }
    }
}

/// What a crash left in the middle of moving a log into its file is whole with the log, and a run
/// goes on with it.
#[test]
fn a_file_that_its_log_makes_whole_is_a_database() {
    let other = App::new();
    let open = other.connect();
    // Every page of it is in the log.
    open.execute_batch(
        "PRAGMA journal_mode = WAL; PRAGMA wal_autocheckpoint = 0;
         CREATE TABLE notes (id INTEGER PRIMARY KEY, body TEXT);
         INSERT INTO notes (body) VALUES ('mine'), ('yours')",
    )
    .unwrap();
    let log = std::fs::read(other.folder().join("app.db-wal")).unwrap();
    let app = App::new();
    std::fs::write(app.database(), vec![0; 4096]).unwrap();
    std::fs::write(app.folder().join("app.db-wal"), &log).unwrap();
    let migrator = app.migrator();
    migrator.database(app.database()).snapshot("now").unwrap();
    assert_eq!(bodies(&app), ["mine", "yours"]);
}

/// The file of a database at rest.
fn whole_file() -> Vec<u8> {
    std::fs::read(app().database()).unwrap()
}

/// A log or a journal as it is on the disk while an app is at work.
fn companion_with_rows(ending: &str) -> Vec<u8> {
    let app = app();
    let open = app.connect();
    if ending == "-wal" {
        open.execute_batch("PRAGMA journal_mode = WAL").unwrap();
    }
    open.execute_batch(
        "PRAGMA wal_autocheckpoint = 0; PRAGMA cache_size = 1; BEGIN; WITH RECURSIVE n (i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n)
         INSERT INTO notes (body) SELECT hex(zeroblob(3000)) FROM n LIMIT 100",
    )
    .unwrap();
    if ending == "-wal" {
        open.execute_batch("COMMIT").unwrap();
    }
    std::fs::read(app.folder().join(format!("app.db{ending}"))).unwrap()
}

/// The first start of an app was killed in its transaction: the file is empty, and a journal lies
/// beside it that holds nothing. The next start must not be refused.
#[test]
fn a_journal_of_an_empty_database_is_in_nobodys_way() {
    let app = App::new();
    app.file("V1__notes.sql", "CREATE TABLE notes (body TEXT)");
    let mut journal = vec![0xd9, 0xd5, 0x05, 0xf9, 0x20, 0xa1, 0x63, 0xd7];
    journal.resize(512, 0);
    std::fs::write(app.database(), "").unwrap();
    std::fs::write(app.folder().join("app.db-journal"), journal).unwrap();
    assert_eq!(app.run().unwrap().version, Some(1));
}

/// A download of the same name was put where the app's database was. The start migrated it from
/// nothing, and the person saw an empty app.
#[test]
fn another_file_in_the_place_of_a_database_is_refused_and_left_alone() {
    let app = app();
    std::fs::remove_file(app.database()).unwrap();
    app.sql("CREATE TABLE songs (title TEXT); INSERT INTO songs VALUES ('one')");
    let other = std::fs::read(app.database()).unwrap();
    let error = app.run().unwrap_err();
    assert_eq!(error.kind(), ErrorKind::NeedsAttention, "{error:#}");
    assert!(error.help().unwrap().contains("restore"), "{error:#}");
    assert!(problems(&app).contains(&ProblemKind::Misplaced));
    assert_eq!(std::fs::read(app.database()).unwrap(), other);

    let migrator = app.migrator();
    let database = migrator.database(app.database());
    let restored = database.restore(&BackupRef::Latest).unwrap();
    assert_eq!(bodies(&app), ["mine"]);
    let kept = contents(&back(&restored).replaced.unwrap());
    assert!(kept.iter().any(|line| line.contains("songs")), "{kept:?}");
    app.run().unwrap();
}

/// A person went back a version on purpose: with a revert, a restore of an older file, a drop. The
/// newer backups that are left must not keep the app from starting.
#[test]
fn a_database_that_was_taken_back_on_purpose_is_no_other_file() {
    for way in ["revert", "restore", "reset", "drop"] {
        let app = app();
        app.file("V1__notes.down.sql", "DROP TABLE notes;");
        app.file(
            "V2__pinned.down.sql",
            "ALTER TABLE notes DROP COLUMN pinned;",
        );
        let migrator = app.migrator();
        let database = migrator.database(app.database());
        let old = app.folder().join("old.db");
        std::fs::copy(&app.backups()[0], &old).unwrap();
        database.snapshot("now").unwrap();
        for file in std::fs::read_dir(app.folder().join("backups")).unwrap() {
            std::fs::remove_file(file.unwrap().path()).unwrap();
        }
        match way {
            "revert" => {
                let to = heirloom::RevertTo::Version(1);
                assert_eq!(database.revert(to).unwrap().version, Some(1));
            }
            "restore" => {
                let restored = database.restore(&BackupRef::File(old)).unwrap();
                assert_eq!(restored.version, Some(1));
            }
            "reset" => drop(database.reset(None, None).unwrap()),
            _ => drop(database.empty().unwrap()),
        }
        assert_eq!(app.run().unwrap().version, Some(2), "{way}");
        assert!(!problems(&app).contains(&ProblemKind::Misplaced), "{way}");
    }
}

/// The head of the file was damaged while its log held rows. What `restore` called kept byte for
/// byte was a merge of both, and the log was gone.
#[test]
fn a_damaged_file_and_its_log_are_each_kept_byte_for_byte() {
    let app = app();
    let open = app.connect();
    open.execute_batch(
        "PRAGMA journal_mode = WAL; PRAGMA wal_autocheckpoint = 0;
         INSERT INTO notes (body) VALUES ('only in the log'); CREATE TABLE more (x);",
    )
    .unwrap();
    let mut main = std::fs::read(app.database()).unwrap();
    let log = app.folder().join("app.db-wal");
    let wal = std::fs::read(&log).unwrap();
    drop(open);
    main[..64].fill(7);
    std::fs::write(app.database(), &main).unwrap();
    std::fs::write(&log, &wal).unwrap();
    let migrator = app.migrator();
    let database = migrator.database(app.database());
    let restored = database.restore(&BackupRef::Latest).unwrap();
    assert!(back(&restored).was_damaged);
    assert_eq!(bodies(&app), ["mine"]);
    assert_eq!(kept(&app, &main), [back(&restored).replaced.unwrap()]);
    assert_eq!(kept(&app, &wal).len(), 1);
}

/// The folder was copied without hidden files: the backups were there, `backups` listed none, and
/// `restore latest` refused.
#[test]
fn backups_without_their_records_are_listed_as_unverified_and_restored_after_a_check() {
    let app = app();
    let [copy] = app.backups().try_into().unwrap();
    for entry in std::fs::read_dir(app.folder().join("backups")).unwrap() {
        let path = entry.unwrap().path();
        if path != copy {
            std::fs::remove_file(path).unwrap();
        }
    }
    let migrator = app.migrator();
    let database = migrator.database(app.database());
    let listed = database.backups(Verify::Digest).unwrap();
    let [found] = listed.as_slice() else {
        panic!("{listed:?}");
    };
    assert_eq!(
        (
            found.verified,
            found.recorded,
            found.version,
            found.rows,
            found.whole
        ),
        (false, false, Some(1), Some(1), Some(true))
    );
    app.sql("DELETE FROM notes");
    database.restore(&BackupRef::Latest).unwrap();
    assert_eq!(bodies(&app), ["mine"]);

    // One that is cut short is not put back.
    for entry in std::fs::read_dir(app.folder().join("backups")).unwrap() {
        let path = entry.unwrap().path();
        if path != copy {
            std::fs::remove_file(path).unwrap();
        }
    }
    let whole = std::fs::read(&copy).unwrap();
    std::fs::write(&copy, &whole[..whole.len() / 2]).unwrap();
    assert!(database.restore(&BackupRef::Latest).is_err());
    assert_eq!(bodies(&app), ["mine"]);
}

/// A backup was given a name that says something to its owner. By its digest it is still known.
#[test]
fn a_backup_under_another_name_is_found_by_its_digest() {
    for name in [
        "app-before-the-holidays.db",
        "my notes (1).db",
        "app-2026.db.bak",
    ] {
        let app = app();
        let [copy] = app.backups().try_into().unwrap();
        let renamed = copy.with_file_name(name);
        std::fs::rename(&copy, &renamed).unwrap();
        let migrator = app.migrator().keep_last(1);
        let database = migrator.database(app.database());
        let listed = database.backups(Verify::Digest).unwrap();
        assert_eq!(listed.len(), 1, "{name}");
        assert!(
            listed[0].verified && listed[0].file == renamed,
            "{listed:?}"
        );
        app.sql("DELETE FROM notes");
        database.restore(&BackupRef::Latest).unwrap();
        assert_eq!(bodies(&app), ["mine"], "{name}");
        // Who gave it a name wants to keep it.
        for version in 2..6 {
            let table = format!("CREATE TABLE t{version} (x)");
            app.file(&format!("V{version}__t.sql"), &table);
            let _ = std::fs::remove_file(app.migrations().join("V2__pinned.sql"));
            migrator.migrate(app.database()).unwrap();
        }
        assert!(renamed.exists(), "{name}");
    }
}

/// The note of a restore, as a stranger or an older folder has it.
fn note(app: &App, copy: &Path, lines: &str) {
    let digest = std::fs::read_dir(app.folder().join("backups"))
        .unwrap()
        .chain(
            std::fs::read_dir(app.folder().join("snapshots"))
                .into_iter()
                .flatten(),
        )
        .map(|entry| entry.unwrap().path())
        .find(|path| path.file_name() == copy.file_name())
        .map(|path| {
            blake3::hash(&std::fs::read(path).unwrap())
                .to_hex()
                .to_string()
        })
        .unwrap();
    let format = if lines.is_empty() { 1 } else { 2 };
    std::fs::write(
        app.folder().join("app.db.restore"),
        format!(
            "heirloom restore, format {format}\nstarted-at: 2026-11-21T09:14:03Z\nblake3: {digest}\njournal-mode: delete\ncopy: {}\n{lines}",
            copy.display()
        ),
    )
    .unwrap();
}

/// A restore was cut off, and the folder carried to another computer: the note named the backup by
/// a path that was not there any more, and every start failed though the backup lay beside it.
#[test]
fn a_restore_is_finished_after_the_folder_was_moved() {
    // By a path that a person wrote, too.
    for folder in ["/home/before/backups", "backups", ""] {
        let app = app();
        let [copy] = app.backups().try_into().unwrap();
        let written = Path::new(folder).join(copy.file_name().unwrap());
        note(&app, &written, "");
        std::fs::write(app.database(), "").unwrap();
        assert!(app.run().unwrap().recovered.is_some(), "{folder}");
        assert_eq!(bodies(&app), ["mine"], "{folder}");
        assert!(!app.folder().join("app.db.restore").exists(), "{folder}");
    }
}

/// A folder from somebody else held a made-up note: the start moved the person's folders away, to
/// anywhere on the disk, and put the sender's in their places.
#[test]
fn a_note_that_leads_elsewhere_moves_nothing() {
    let app = app();
    let abroad = tempfile::tempdir().unwrap();
    let at = |path: &str| app.folder().join(path);
    std::fs::create_dir(at("photos")).unwrap();
    std::fs::write(at("photos/cat"), "the person's").unwrap();
    app.migrator()
        .database(app.database())
        .snapshot("s")
        .unwrap();
    let sent = abroad.path().join("s.files/photos");
    std::fs::create_dir_all(&sent).unwrap();
    std::fs::write(sent.join("cat"), "the sender's").unwrap();
    std::fs::create_dir_all(at("snapshots/s.files/photos")).unwrap();
    let away = abroad.path().join("files-replaced-x");
    let replaced = at("backups/files-replaced-x");
    let inside = at("snapshots/s.files");
    let around = at("snapshots/../../").join(abroad.path().file_name().unwrap());
    for (source, replaced) in [
        (&inside, &away),
        (&abroad.path().join("s.files"), &replaced),
        (&around.join("s.files"), &replaced),
        (&inside, &at("backups/../../files-replaced-x")),
    ] {
        let (source, replaced) = (source.display(), replaced.display());
        let lines = format!("folders: {source}\nreplaced: {replaced}\n");
        note(&app, &at("snapshots/s.db"), &lines);
        let error = app.run().unwrap_err();
        assert_eq!(error.kind(), ErrorKind::NeedsAttention, "{error:#}");
        assert_eq!(
            std::fs::read_to_string(at("photos/cat")).unwrap(),
            "the person's"
        );
        assert!(!away.exists());
        assert_eq!(bodies(&app), ["mine"]);
    }
    // Nor does it let a restore overwrite what nobody kept.
    let migrator = app.migrator();
    let restored = migrator
        .database(app.database())
        .restore(&BackupRef::Latest);
    assert!(back(&restored.unwrap()).replaced.is_some());
}

/// A run without a transaction was killed, and a disk cleaner took its backup: every start failed
/// for ever, and nothing that was advised was so.
#[test]
fn what_an_interrupted_run_left_can_be_kept_where_its_backup_is_gone() {
    let app = app();
    app.sql(
        "CREATE TABLE heirloom_run (started_at TEXT NOT NULL, backup TEXT, digest TEXT, journal_mode TEXT NOT NULL);
         INSERT INTO heirloom_run VALUES ('2026-11-21T09:14:03Z', 'app-gone.db', 'ab', 'delete');",
    );
    app.file("V3__tags.sql", "CREATE TABLE tags (name TEXT);");
    let error = app.run().unwrap_err();
    assert!(
        error
            .remedies()
            .contains(&heirloom::Remedy::KeepInterrupted),
        "{error:#}"
    );
    assert!(problems(&app).contains(&ProblemKind::Interrupted));
    let report = app
        .migrator()
        .keep_interrupted()
        .migrate(app.database())
        .unwrap();
    assert_eq!(report.version, Some(3));
    assert!(
        report.notes.iter().any(|note| note.contains("was kept")),
        "{report:?}"
    );
    assert_eq!(bodies(&app), ["mine"]);
    assert!(app.run().unwrap().is_up_to_date());
}

/// Somebody took along the folder in which the backups were kept, under another name. Putting the
/// snapshot back moved the live backups away.
#[test]
fn a_snapshot_does_not_take_the_backups_along_under_any_name() {
    let app = app();
    let saves = app.folder().join("saves");
    std::fs::rename(app.folder().join("backups"), &saves).unwrap();
    let migrator = app.migrator().backups(&saves);
    let database = migrator.database(app.database());
    let taken = database.snapshot_with("s", &["saves".into()]);
    assert_eq!(taken.unwrap_err().kind(), ErrorKind::Usage);
    assert!(!app.folder().join("snapshots/s.db").exists());

    // Taken before the backups were moved there, it is not put back over them.
    let elsewhere = app.migrator();
    let elsewhere = elsewhere.database(app.database());
    elsewhere.snapshot_with("s", &["saves".into()]).unwrap();
    let before = std::fs::read_dir(&saves).unwrap().count();
    let restored = database.restore(&BackupRef::Snapshot("s".into()));
    assert_eq!(restored.unwrap_err().kind(), ErrorKind::Usage);
    assert_eq!(std::fs::read_dir(&saves).unwrap().count(), before);
}

/// A link that led nowhere lay among the pictures: the whole snapshot was refused, in words that
/// named nothing. A sparse file became a full one, and times were lost.
#[cfg(unix)]
#[test]
fn a_snapshot_keeps_links_holes_and_times_and_names_what_it_leaves_out() {
    use std::os::unix::fs::{MetadataExt, symlink};
    let app = app();
    let files = app.folder().join("files");
    std::fs::create_dir(&files).unwrap();
    std::fs::write(files.join("cat"), "picture").unwrap();
    symlink("gone", files.join("nowhere")).unwrap();
    symlink("round", files.join("round")).unwrap();
    symlink("cat", files.join("tom")).unwrap();
    let _socket = std::os::unix::net::UnixListener::bind(files.join("socket")).unwrap();
    let sparse = std::fs::File::create(files.join("sparse")).unwrap();
    sparse.set_len(1 << 30).unwrap();
    let then = std::time::SystemTime::UNIX_EPOCH + std::time::Duration::from_secs(1_000_000_000);
    sparse.set_modified(then).unwrap();
    let migrator = app.migrator();
    let database = migrator.database(app.database());
    let taken = database.snapshot_with("s", &["files".into()]).unwrap();
    let told = taken.notes.join("\n");
    assert!(
        told.contains("socket") && told.contains("nowhere") && !told.contains("tom"),
        "{told}"
    );
    std::fs::remove_dir_all(&files).unwrap();
    database.restore(&BackupRef::Snapshot("s".into())).unwrap();
    assert_eq!(
        std::fs::read_to_string(files.join("tom")).unwrap(),
        "picture"
    );
    assert_eq!(
        std::fs::read_link(files.join("nowhere")).unwrap(),
        Path::new("gone")
    );
    let found = files.join("sparse").metadata().unwrap();
    assert_eq!((found.len(), found.modified().unwrap()), (1 << 30, then));
    assert!(found.blocks() * 512 < 1 << 20, "{}", found.blocks());
    assert!(!files.join("socket").exists());
}

/// A folder lay where a record is meant, a link to a device where the log is: every verb failed, or
/// read until there was no memory left.
#[cfg(unix)]
#[test]
fn what_cannot_be_ours_hides_nothing_and_is_told() {
    let app = app();
    let backups = app.folder().join("backups");
    std::fs::create_dir(backups.join(".app-2026-11-21T09-14-03.db.record")).unwrap();
    std::os::unix::fs::symlink("/dev/zero", backups.join(".app.db-2026-11-21T09-14-03.log"))
        .unwrap();
    let long = std::fs::File::create(backups.join(".app-2026-11-21T09-14-04.db.record")).unwrap();
    long.set_len(1 << 34).unwrap();
    let migrator = app.migrator();
    let database = migrator.database(app.database());
    assert_eq!(database.backups(Verify::Digest).unwrap().len(), 1);
    assert_eq!(database.log().unwrap().entries.len(), 2);
    let odd = problems(&app)
        .into_iter()
        .filter(|kind| *kind == ProblemKind::Leftover);
    assert_eq!(odd.count(), 3);
    app.file("V3__tags.sql", "CREATE TABLE tags (name TEXT);");
    app.run().unwrap();
    assert!(backups.join(".app-2026-11-21T09-14-03.db.record").is_dir());
}

/// A named pipe had the name of the journal, of the log, of the folder of snapshots. Each start waited
/// for it for ever, or one odd thing stopped every verb.
#[cfg(unix)]
#[test]
fn what_is_no_file_beside_the_database_is_refused_and_not_waited_for() {
    use std::os::unix::fs::symlink;
    for (name, stops_all) in [
        ("app.db-journal", true),
        ("app.db-wal", true),
        ("app.db-shm", true),
        ("snapshots", false),
    ] {
        // A pipe, a device, a link that leads round in a circle.
        for target in [None, Some("/dev/zero"), Some(name)] {
            let app = app();
            let odd = app.folder().join(name);
            match target {
                Some(target) => symlink(target, &odd).unwrap(),
                None => {
                    let made = std::process::Command::new("mkfifo").arg(&odd).status();
                    assert!(made.unwrap().success());
                }
            }
            app.file("V3__next.sql", "CREATE TABLE next (x);");
            let migrator = app.migrator();
            let database = migrator.database(app.database());
            let found = database.doctor().unwrap();
            let named = |problem: &heirloom::inspect::Problem| problem.message.contains(name);
            assert!(found.problems.iter().any(named), "{name}: {found:?}");
            let run = migrator.migrate(app.database());
            if stops_all {
                let error = run.unwrap_err();
                assert_eq!(error.kind(), ErrorKind::NeedsAttention, "{error:#}");
                assert!(error.to_string().contains(name), "{error:#}");
                std::fs::remove_file(&odd).unwrap();
                migrator.migrate(app.database()).unwrap();
            } else {
                run.unwrap();
                assert!(!database.backups(Verify::Digest).unwrap().is_empty());
                database.log().unwrap();
                database.stats().unwrap();
            }
            assert_eq!(bodies(&app), ["mine"]);
        }
    }
}

/// A sync client had left a link to itself among the backups, and a pipe among the migrations. Every
/// start failed over the one and waited for the other.
#[cfg(unix)]
#[test]
fn a_link_to_itself_hides_no_backup_and_a_pipe_is_no_migration() {
    use std::os::unix::fs::symlink;
    let app = app();
    let names = [
        "app-2020-01-01T00-00-00.db",
        ".app-2020-01-01T00-00-01.db.record",
        ".app.db-2020-01-01T00-00-00.log",
        ".app-2020-01-01T00-00-00.db.partial",
    ];
    let snapshots = app.folder().join("snapshots");
    std::fs::create_dir(&snapshots).unwrap();
    symlink("s.db", snapshots.join("s.db")).unwrap();
    for name in names {
        symlink(name, app.folder().join("backups").join(name)).unwrap();
    }
    symlink(
        "app.db.restore.partial",
        app.folder().join("app.db.restore.partial"),
    )
    .unwrap();
    let migrator = app.migrator();
    let database = migrator.database(app.database());
    assert_eq!(database.backups(Verify::Everything).unwrap().len(), 1);
    database.stats().unwrap();
    database.log().unwrap();
    database.doctor().unwrap();
    let pipe = app.migrations().join("V3__next.sql");
    assert!(
        std::process::Command::new("mkfifo")
            .arg(&pipe)
            .status()
            .unwrap()
            .success()
    );
    let error = app.refused(ErrorKind::Io);
    assert!(error.to_string().contains("is a named pipe"), "{error:#}");
    std::fs::remove_file(&pipe).unwrap();
    app.file("V3__next.sql", "CREATE TABLE next (x);");
    app.run().unwrap();
    app.sql("DELETE FROM notes");
    database.restore(&BackupRef::Latest).unwrap();
    assert_eq!(bodies(&app), ["mine"]);
}

/// A file of 30 GB full of nothing had the name of the log. SQLite does not read it, and each look made
/// a copy of it first.
#[cfg(target_os = "linux")]
#[test]
fn a_log_that_is_none_is_not_copied_to_be_looked_at() {
    let app = app();
    let log = app.folder().join("app.db-wal");
    let file = std::fs::File::create(&log).unwrap();
    // More than any disk here has.
    file.set_len(1 << 42).unwrap();
    let migrator = app.migrator();
    let database = migrator.database(app.database());
    assert_eq!(database.status().unwrap().version, Some(2));
    assert!(database.inspect(None).is_ok());
    assert_eq!(std::fs::metadata(&log).unwrap().len(), 1 << 42);
    assert_eq!(bodies(&app), ["mine"]);
}

/// A stranger's file had an endless view in the place of a table of ours: looking at it never came
/// to an end.
#[test]
fn an_endless_view_in_the_place_of_a_table_of_ours_is_not_read() {
    for table in [
        "refinery_schema_history",
        "heirloom_run",
        "heirloom_log",
        "heirloom_history",
        "_sqlx_migrations",
    ] {
        let app = app();
        let columns: String = match table {
            "refinery_schema_history" => "version, name, applied_on, checksum".into(),
            "heirloom_run" => "started_at, backup, digest, journal_mode".into(),
            "heirloom_log" => "id, act, at, duration_ms, app_version, version_before, version, migrations, backup, bytes, sequence".into(),
            "heirloom_history" => "history_table, version, up_sql, down_sql, duration_ms, app_version, backup".into(),
            _ => "version, description, success, checksum".into(),
        };
        let none = vec!["i"; columns.split(',').count()].join(", ");
        app.sql(&format!(
            "DROP TABLE IF EXISTS {table}; CREATE VIEW {table} ({columns}) AS
             WITH RECURSIVE n (i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n) SELECT {none} FROM n WHERE i < 0"
        ));
        app.file("V3__tags.sql", "CREATE TABLE tags (name TEXT);");
        let migrator = app.migrator();
        let database = migrator.database(app.database());
        // What each says differs; that it says something is what counts.
        let _ = (
            database.status(),
            database.log(),
            database.stats(),
            database.plan(None),
        );
        let _ = database.doctor().unwrap();
        assert!(database.inspect(None).is_ok());
        let _ = database.adopt(heirloom::Tool::Sqlx);
        assert_eq!(bodies(&app), ["mine"], "{table}");
    }
}

/// The column of another such table was generated, and made as much text as SQLite can hold, for each
/// row and each question.
#[test]
fn a_table_of_ours_that_makes_its_values_is_not_read_to_the_end() {
    for table in ["refinery_schema_history", "heirloom_log", "heirloom_run"] {
        let app = app();
        let columns = app.text(&format!(
            "SELECT coalesce(group_concat(name || ' AS (hex(zeroblob(400000000)))'), 'started_at AS (hex(zeroblob(400000000))), backup, digest, journal_mode')
             FROM pragma_table_info('{table}')"
        ));
        app.sql(&format!(
            "DROP TABLE IF EXISTS {table}; CREATE TABLE {table} ({columns}, own); INSERT INTO {table} (own) VALUES (1), (2)"
        ));
        let migrator = app.migrator();
        let database = migrator.database(app.database());
        let said = [
            database.status().err(),
            database.log().err(),
            migrator.migrate(app.database()).err(),
        ];
        let too_big = |error: &heirloom::Error| format!("{error:#}").contains("too big");
        assert!(said.iter().flatten().any(too_big), "{table}: {said:?}");
        let _ = database.doctor().unwrap();
        assert_eq!(bodies(&app), ["mine"], "{table}");
    }
}

/// An old program had named a table in Latin-1. SQLite does not mind, and nothing could be looked at.
#[test]
fn names_that_are_not_utf8_are_shown_somehow() {
    for made in [
        "CREATE TABLE cafX (a)",
        "CREATE VIEW cafX AS SELECT 1",
        "CREATE INDEX cafX ON notes (body)",
    ] {
        let app = app();
        app.sql(made);
        let bytes = std::fs::read(app.database()).unwrap();
        let at = bytes.windows(4).rposition(|four| four == b"cafX").unwrap();
        let mut changed = bytes.clone();
        for at in 0..=at {
            if &bytes[at..at + 4] == b"cafX" {
                changed[at + 3] = 0xe9;
            }
        }
        std::fs::write(app.database(), changed).unwrap();
        let migrator = app.migrator();
        let database = migrator.database(app.database());
        let inspected = format!("{:?}", database.inspect(None).unwrap());
        assert!(inspected.contains("caf\u{fffd}"), "{made}: {inspected}");
        database.stats().unwrap();
        assert!(database.doctor().unwrap().is_healthy(), "{made}");
    }
}

/// An app's migration made a table that was called as one of ours. The run succeeded, and no start
/// after it.
#[test]
fn a_migration_cannot_take_a_name_of_ours() {
    for made in [
        "CREATE TABLE heirloom_run (x)",
        "CREATE TABLE \"Heirloom_Log\" (x)",
        "CREATE VIEW heirloom_history AS SELECT 1",
        "ALTER TABLE notes RENAME TO heirloom_seeds",
        "CREATE TABLE main.heirloom_backfill (x)",
    ] {
        let app = app();
        let backups = app.backups();
        app.file("V3__ours.sql", made);
        let error = app.refused(ErrorKind::InvalidMigration);
        assert!(
            error.to_string().to_lowercase().contains("heirloom_"),
            "{error:#}"
        );
        assert_eq!(app.backups(), backups, "{made}");
        std::fs::remove_file(app.migrations().join("V3__ours.sql")).unwrap();
        assert!(app.run().unwrap().is_up_to_date(), "{made}");
    }
}

/// A migration emptied the history, and another changed the log: the run succeeded, and no start
/// after it, or nobody could revert any more.
#[test]
fn a_migration_cannot_change_what_is_kept_there() {
    for changed in [
        "DELETE FROM refinery_schema_history",
        "WITH old AS (SELECT 1) UPDATE main.refinery_schema_history SET checksum = '1'",
        "CREATE TABLE refinery_schema_history (x)",
        "DROP TABLE heirloom_history",
        "INSERT OR REPLACE INTO heirloom_history (version) VALUES (9)",
        "ALTER TABLE heirloom_log RENAME TO mine",
        "CREATE TRIGGER t AFTER INSERT ON notes BEGIN DELETE FROM refinery_schema_history; END;
         INSERT INTO notes (body) VALUES (1)",
        "CREATE TEMP TRIGGER t AFTER INSERT ON notes BEGIN UPDATE OR ABORT heirloom_history SET version = 9; END",
    ] {
        for new in [false, true] {
            let app = app();
            if new {
                std::fs::remove_dir_all(app.folder().join("backups")).unwrap();
                std::fs::remove_file(app.database()).unwrap();
            }
            let backups = app.backups();
            app.file("V3__ours.sql", changed);
            let error = app.refused(ErrorKind::InvalidMigration);
            assert_eq!(error.migration(), Some("V3__ours"), "{error:#}");
            assert_eq!(app.backups(), backups, "{changed}");
            std::fs::remove_file(app.migrations().join("V3__ours.sql")).unwrap();
            assert_eq!(app.run().unwrap().version, Some(2), "{changed}");
        }
    }
    // What only reads it, or does nothing, is let through.
    let app = app();
    app.file(
        "V3__reads.sql",
        "CREATE TABLE IF NOT EXISTS refinery_schema_history (x);
         CREATE TABLE first_start AS SELECT min(applied_on) AS at FROM refinery_schema_history;
         CREATE TRIGGER t AFTER INSERT ON first_start BEGIN
             UPDATE notes SET pinned = (SELECT count(*) FROM refinery_schema_history); END;",
    );
    app.run().unwrap();
    assert_eq!(app.number("SELECT count(*) FROM first_start"), 1);
}

/// Generated migrations check rows with a temporary table, `heirloom_check`, which would hide one of
/// the app's. An app that always had one keeps it; a new one is refused.
#[test]
fn the_name_of_the_temporary_table_is_not_given_to_a_new_one() {
    let app = app();
    app.file("V3__laps.sql", "CREATE TABLE Heirloom_Check (lap INTEGER);");
    let error = app.refused(ErrorKind::InvalidMigration);
    assert!(error.to_string().contains("heirloom_check"), "{error:#}");
    let always = App::new();
    always.file("V1__laps.sql", "CREATE TABLE heirloom_check (lap INTEGER);");
    always.run().unwrap();
    always.sql("INSERT INTO heirloom_check VALUES (1)");
    always.file(
        "V2__key.sql",
        "CREATE TABLE anew (lap INTEGER NOT NULL);
         INSERT INTO anew SELECT lap FROM heirloom_check;
         DROP TABLE heirloom_check; ALTER TABLE anew RENAME TO heirloom_check;",
    );
    always.run().unwrap();
    assert_eq!(always.number("SELECT lap FROM heirloom_check"), 1);
}

/// The schema file had a table with a name of ours. `generate` said that there was nothing to do,
/// and the table never came.
#[cfg(feature = "devtools")]
#[test]
fn a_schema_file_cannot_take_a_name_of_ours() {
    let notes = "CREATE TABLE notes (id INTEGER PRIMARY KEY, body TEXT, pinned INTEGER);";
    for made in [
        "CREATE TABLE heirloom_run (lap INTEGER)",
        "CREATE TABLE Heirloom_History (id INTEGER PRIMARY KEY)",
        "CREATE TABLE refinery_schema_history (what)",
        "CREATE TABLE heirloom_check (lap INTEGER)",
        "CREATE VIEW heirloom_log AS SELECT 1",
    ] {
        let app = app();
        app.file("schema.sql", &format!("{notes}\n{made};"));
        let before = app.listing();
        let generated = app
            .migrator()
            .devtools()
            .generate(&heirloom::devtools::GenerateOptions::new());
        let refused = generated.unwrap_err();
        assert_eq!(refused.kind(), ErrorKind::InvalidMigration, "{refused:#}");
        assert_eq!(refused.location().unwrap().position.line, 2, "{refused:#}");
        let pushed = app.migrator().database(app.database()).push(
            &heirloom::devtools::GenerateOptions::new(),
            heirloom::devtools::OnHistory::MakeUntrue,
        );
        assert_eq!(pushed.unwrap_err().kind(), ErrorKind::InvalidMigration);
        assert_eq!(app.listing(), before, "{made}");
    }
    // A schema that was taken from a database has our tables, and they are left alone.
    let app = app();
    let schema = "SELECT group_concat(sql, ';') FROM sqlite_schema WHERE sql IS NOT NULL";
    let taken = app.text(schema);
    app.file("schema.sql", &taken);
    let generated = app
        .migrator()
        .devtools()
        .generate(&heirloom::devtools::GenerateOptions::new());
    assert!(generated.unwrap().is_empty(), "{taken}");
}

/// A file was applied without a down migration and then edited. The run said to revert it, the
/// revert said to write a down migration, and with one it said the same again.
#[test]
fn an_edited_file_without_a_down_migration_is_not_sent_in_a_circle() {
    let app = app();
    let as_applied = std::fs::read_to_string(app.migrations().join("V2__pinned.sql")).unwrap();
    app.file(
        "V2__pinned.sql",
        "ALTER TABLE notes ADD COLUMN pinned INTEGER DEFAULT 0;",
    );
    let error = app.refused(ErrorKind::Diverged);
    let reverts = |remedy: &Remedy| matches!(remedy, Remedy::Revert { .. });
    assert!(!error.remedies().iter().any(reverts), "{error:#}");
    let database = app.database();
    let down = "ALTER TABLE notes DROP COLUMN pinned;";
    for written in [None, Some(down)] {
        if let Some(down) = written {
            app.file("V2__pinned.down.sql", down);
        }
        let reverted = app
            .migrator()
            .database(&database)
            .revert(RevertTo::Steps(1));
        let error = reverted.unwrap_err();
        assert_eq!(error.kind(), ErrorKind::Irreversible, "{error:#}");
        assert!(
            error.help().unwrap().contains("as it was applied"),
            "{error:#}"
        );
        // What it says can be read is what was applied.
        let Some(Remedy::Query { sql }) = error.remedies().first() else {
            panic!("{:?}", error.remedies());
        };
        assert_eq!(app.text(sql), as_applied);
    }
    // And what it says to do leads out.
    app.file("V2__pinned.sql", &as_applied);
    app.migrator()
        .database(&database)
        .revert(RevertTo::Steps(1))
        .unwrap();
    assert_eq!(bodies(&app), ["mine"]);
}

/// "correct the statement and run again", and the statement was right: another tool, its crash or a
/// person had left something in this one database. The words name that.
#[test]
fn what_is_in_the_way_of_a_right_statement_is_named() {
    let rebuild = "CREATE TABLE notes_new (id INTEGER PRIMARY KEY, body TEXT NOT NULL, pinned);
        INSERT INTO notes_new SELECT * FROM notes; DROP TABLE notes;
        ALTER TABLE notes_new RENAME TO notes;";
    for (before, next, named) in [
        (
            "CREATE TABLE notes_new (id)",
            rebuild,
            "the table `notes_new`",
        ),
        (
            "CREATE VIEW Notes_New AS SELECT 1",
            rebuild,
            "the view `Notes_New`",
        ),
        (
            "ALTER TABLE notes ADD COLUMN mine",
            rebuild,
            "column `mine` of `notes`",
        ),
        (
            "CREATE TABLE old (id)",
            "ALTER TABLE notes RENAME TO old",
            "the table `old`",
        ),
        (
            "ALTER TABLE notes DROP COLUMN pinned",
            rebuild,
            "column `pinned` of `notes`",
        ),
        (
            "CREATE VIEW broken AS SELECT gone FROM notes",
            "ALTER TABLE notes RENAME COLUMN body TO text",
            "the view `broken`",
        ),
        (
            "CREATE VIEW mine AS SELECT pinned FROM notes",
            "ALTER TABLE notes DROP COLUMN pinned",
            "the view `mine`",
        ),
        (
            "CREATE TABLE mine (x); CREATE TRIGGER t AFTER INSERT ON mine BEGIN UPDATE notes SET pinned = 1; END",
            "ALTER TABLE notes DROP COLUMN pinned",
            "the trigger `t`",
        ),
    ] {
        let app = app();
        app.sql(before).file("V3__next.sql", next);
        let backups = app.backups();
        let error = app.refused(ErrorKind::MigrationFailed);
        let help = error.help().unwrap();
        assert!(help.contains(named), "{before}: {error:#}");
        assert!(!help.contains("correct the statement"), "{error:#}");
        assert_eq!(app.backups(), backups, "before a backup was taken");
        assert_eq!(bodies(&app), ["mine"]);
        let status = app.migrator().database(app.database()).status().unwrap();
        assert_eq!(status.problem.unwrap().help(), Some(help));
        let user = error.user_message();
        assert!(user.contains("Your data was not changed"), "{user}");
        assert!(!user.contains("notes"), "{user}");
    }
    // A statement that is wrong is wrong, whatever else is in the database.
    let app = app();
    app.sql("CREATE TABLE notes_new (id)").file(
        "V3__next.sql",
        "INSERT INTO notes_new SELECT nothing FROM notes;",
    );
    let error = app.refused(ErrorKind::MigrationFailed);
    assert!(error.help().unwrap().contains("correct the statement"));
}

/// An earlier tool had added the column already. The version is recorded, and the app goes on.
#[test]
fn what_a_database_has_already_is_recorded() {
    let app = app();
    app.sql("ALTER TABLE notes ADD COLUMN stars INTEGER; UPDATE notes SET stars = 5;");
    app.file(
        "V3__stars.sql",
        "ALTER TABLE notes ADD COLUMN stars INTEGER;",
    )
    .file("V4__tags.sql", "CREATE TABLE tags (name TEXT);");
    let error = app.refused(ErrorKind::MigrationFailed);
    assert_eq!(error.remedies(), [Remedy::Baseline], "{error:#}");
    let database = app.database();
    app.migrator().database(&database).baseline(3).unwrap();
    assert_eq!(app.run().unwrap().version, Some(4));
    assert_eq!(app.number("SELECT stars FROM notes"), 5);
}

/// The database had a virtual table of a module that the program lacked. The run found out after
/// the backup, and sent the reader to the statement.
#[test]
fn a_virtual_table_without_its_module_is_found_before_the_backup() {
    for next in [
        "INSERT INTO words VALUES ('a');",
        "DROP TABLE IF EXISTS words;",
        "INSERT INTO notes (body) VALUES ('a');",
    ] {
        let app = app();
        app.sql(
            "CREATE VIRTUAL TABLE words USING fts5(word);
             CREATE TRIGGER spelled AFTER INSERT ON notes BEGIN INSERT INTO words VALUES (new.body); END;
             PRAGMA writable_schema = ON;
             UPDATE sqlite_schema SET sql = 'CREATE VIRTUAL TABLE words USING spellfix9(word)' WHERE name = 'words';",
        );
        let backups = app.backups();
        app.file("V3__next.sql", next);
        let error = app.run().unwrap_err();
        assert_eq!(error.kind(), ErrorKind::MigrationFailed, "{error:#}");
        assert!(error.data_state().is_unchanged());
        assert_eq!(bodies(&app), ["mine"]);
        let text = error.to_string();
        assert!(
            text.contains("`words`") && text.contains("`spellfix9`"),
            "{error:#}"
        );
        assert_eq!(app.backups(), backups, "{next}");
        // What does not touch it goes on.
        app.file("V3__next.sql", "CREATE TABLE tags (name TEXT);");
        assert_eq!(app.run().unwrap().version, Some(3));
        assert_eq!(bodies(&app), ["mine"]);
    }
}

/// A released migration held comments only. It could neither stay nor be changed nor be removed.
#[test]
fn a_migration_without_a_statement_does_nothing_there_and_back() {
    let app = app();
    app.file("V3__nothing.sql", "-- nothing to do on this platform\n");
    app.file("V3__nothing.down.sql", "-- nor back\n");
    let report = app.run().unwrap();
    assert_eq!(report.version, Some(3));
    assert!(
        report.notes.iter().any(|note| note.contains("V3__nothing")),
        "{report:?}"
    );
    let migrator = app.migrator();
    let reverted = migrator
        .database(app.database())
        .revert(RevertTo::Version(2))
        .unwrap();
    assert_eq!(reverted.version, Some(2));
    assert_eq!(bodies(&app), ["mine"]);
}

/// The person's own trigger did not work any more. A migration that only renamed the table was
/// refused because of it.
#[test]
fn a_trigger_that_was_broken_before_is_no_reason_to_refuse() {
    let app = app();
    app.sql("CREATE TRIGGER theirs AFTER INSERT ON notes BEGIN INSERT INTO gone VALUES (1); END");
    let found = app.migrator().database(app.database()).doctor().unwrap();
    assert!(
        found
            .problems
            .iter()
            .any(|problem| problem.message.contains("theirs")),
        "{found:?}"
    );
    app.file(
        "V3__papers.sql",
        "PRAGMA legacy_alter_table = ON; ALTER TABLE notes RENAME TO papers; PRAGMA legacy_alter_table = OFF;",
    );
    app.run().unwrap();
    assert_eq!(app.text("SELECT body FROM papers"), "mine");
}

/// A table of another tool that is not imported from kept `baseline` from marking the database.
#[test]
fn a_table_of_another_tool_is_no_part_of_the_schema() {
    let app = App::new();
    app.file("V1__notes.sql", "CREATE TABLE notes (body TEXT);");
    app.sql(
        "CREATE TABLE notes (body TEXT); INSERT INTO notes VALUES ('mine');
         CREATE TABLE alembic_version (version_num VARCHAR(32) NOT NULL); CREATE TABLE strange (a);",
    );
    let refused = app
        .migrator()
        .database(app.database())
        .baseline(1)
        .unwrap_err();
    assert!(refused.to_string().contains("strange"), "{refused:#}");
    let migrator = app.migrator().leave_out("strange");
    migrator.database(app.database()).baseline(1).unwrap();
    assert!(app.run().unwrap().is_up_to_date());
    assert_eq!(app.text("SELECT body FROM notes"), "mine");
}

/// Of three triggers of a table one did not work, and `doctor` said that it was one of them.
#[test]
fn the_one_trigger_that_does_not_work_is_named() {
    let app = app();
    app.sql(
        "CREATE TRIGGER fine AFTER INSERT ON notes BEGIN SELECT 1; END;
         CREATE TRIGGER broken AFTER UPDATE ON notes BEGIN INSERT INTO gone VALUES (1); END;
         CREATE TRIGGER good BEFORE DELETE ON notes BEGIN SELECT 2; END;
         CREATE VIEW torn AS SELECT gone FROM notes;",
    );
    let found = app.migrator().database(app.database()).doctor().unwrap();
    let broken = found
        .problems
        .iter()
        .filter(|it| it.kind == ProblemKind::BrokenObject);
    let told: Vec<&str> = broken.map(|problem| problem.message.as_str()).collect();
    assert_eq!(told.len(), 2, "{told:?}");
    for name in ["the view `torn`", "the trigger `broken`"] {
        assert!(
            told.iter().any(|message| message.starts_with(name)),
            "{told:?}"
        );
    }
}

/// One value of an index was damaged. The advice was to restore a backup, and with it to lose what
/// was written since; no row was.
#[test]
fn an_index_that_is_not_as_its_table_is_built_anew() {
    let app = App::new();
    app.file(
        "V1__notes.sql",
        "CREATE TABLE notes (id INTEGER PRIMARY KEY, body TEXT); CREATE INDEX by_body ON notes (body);",
    );
    app.run().unwrap();
    app.sql("INSERT INTO notes (body) VALUES ('aaaa'), ('bbbb'), ('cccc')");
    let page = app.number("SELECT rootpage FROM sqlite_schema WHERE name = 'by_body'") as usize;
    let mut bytes = std::fs::read(app.database()).unwrap();
    let size = usize::from(u16::from_be_bytes([bytes[16], bytes[17]]));
    let index = &mut bytes[(page - 1) * size..page * size];
    let at = index.windows(4).position(|four| four == b"cccc").unwrap();
    index[at..at + 4].copy_from_slice(b"zzzz");
    std::fs::write(app.database(), bytes).unwrap();
    let found = app.migrator().database(app.database()).doctor().unwrap();
    assert!(
        found.is_damaged() && found.problems[0].help.contains("REINDEX"),
        "{found:?}"
    );
    let report = app.migrator().database(app.database()).reindex().unwrap();
    assert!(report.backup.is_some());
    let found = app.migrator().database(app.database()).doctor().unwrap();
    assert!(!found.is_damaged(), "{found:?}");
    assert_eq!(bodies(&app), ["aaaa", "bbbb", "cccc"]);
}

/// The file was moved while a long migration ran. The run said that it had succeeded, and the app
/// found no database.
#[cfg(unix)]
#[test]
fn a_file_that_is_moved_during_a_run_is_no_success() {
    for mode in ["DELETE", "WAL"] {
        let app = app();
        app.sql(&format!("PRAGMA journal_mode = {mode}"));
        app.file("V3__tags.sql", "CREATE TABLE tags (name TEXT);");
        let (from, to) = (app.database(), app.folder().join("away.db"));
        let migrator = app
            .migrator()
            .after_run(move |_| Ok(std::fs::rename(&from, &to)?));
        let error = migrator.migrate(app.database()).unwrap_err();
        assert!(format!("{error:#}").contains("moved"), "{mode}: {error:#}");
        let left = rusqlite::Connection::open(app.folder().join("away.db")).unwrap();
        let body: String = left
            .query_row("SELECT body FROM notes", [], |row| row.get(0))
            .unwrap();
        assert_eq!(body, "mine", "{mode}");
    }
}
