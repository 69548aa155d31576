//! A copy put back over whatever is there: the old state or the restored one, nothing else.

use std::path::{Path, PathBuf};
use std::process::Stdio;
use std::time::Duration;

use heirloom::backups::BackupOrigin;
use heirloom::{Act, BackupRef, DataState, ErrorKind, Migrator, RevertTo, Verify};
use rusqlite::Connection;

use crate::support::app::{
    App, Holder, assert_mode, back, contents, data, flip, number_in, part, permit, state,
};

/// A database whose newest backup holds the state before its only migration. The table has
/// rowids that a copy row by row would lose.
fn app_in(mode: &str) -> App {
    let app = App::new();
    app.sql(&format!(
        "PRAGMA journal_mode = {mode}; PRAGMA user_version = 7; PRAGMA application_id = 77;
         CREATE TABLE t (x TEXT); CREATE INDEX i ON t (x);
         INSERT INTO t (rowid, x) VALUES (-9, 'a'), (3, 'b'), (9000000000, 'c');
         WITH RECURSIVE n (i) AS (SELECT 10 UNION ALL SELECT i + 1 FROM n WHERE i < 200)
         INSERT INTO t (rowid, x) SELECT i, printf('%0100d', i) FROM n;"
    ));
    app.file(
        "V1__a.sql",
        "-- heirloom: allow-destructive\nCREATE TABLE later (x); UPDATE t SET x = 'new ' || rowid WHERE rowid % 2; DELETE FROM t WHERE rowid = 3;",
    );
    app.run().unwrap();
    app.sql("PRAGMA user_version = 8");
    app
}

fn latest(app: &App) -> PathBuf {
    let copies = app
        .migrator()
        .database(app.database())
        .backups(Verify::Digest);
    let mut copies = copies.unwrap().into_iter();
    copies
        .find(|copy| copy.origin == BackupOrigin::Automatic && !copy.replaced)
        .unwrap()
        .file
}

fn companion(app: &App, ending: &str) -> PathBuf {
    app.folder().join(format!("app.db{ending}"))
}

fn note(app: &App) -> PathBuf {
    companion(app, ".restore")
}

/// A migrator that does not wait long.
fn hasty<'a>(app: &App) -> Migrator<'a> {
    app.migrator().lock_timeout(Duration::from_millis(50))
}

/// Restores, and expects a refusal of this kind that leaves every file as it was.
#[track_caller]
fn refused(app: &App, wanted: &BackupRef, kind: ErrorKind) {
    let before = app.listing();
    for error in [
        app.migrator()
            .database(app.database())
            .restore(wanted)
            .unwrap_err(),
        app.migrator()
            .database(app.database())
            .plan_restore(wanted)
            .unwrap_err(),
    ] {
        assert_eq!(error.kind(), kind, "{wanted:?}: {error:#}");
        assert!(error.data_state().is_unchanged(), "{error:#}");
        assert!(app.listing() == before, "{wanted:?}: {error:#}");
    }
}

/// Restores the newest backup, and expects exactly what is in it.
#[track_caller]
fn restored(app: &App, what: &str) -> heirloom::Report {
    let copy = latest(app);
    let bytes = std::fs::read(&copy).unwrap();
    let expected = state(&copy);
    let restored = app
        .migrator()
        .database(app.database())
        .restore(&BackupRef::Latest)
        .unwrap_or_else(|error| panic!("{what}: {error:#}"));
    assert_eq!(back(&restored).file, copy, "{what}");
    assert!(state(&app.database()) == expected, "{what}");
    assert_eq!(app.text("PRAGMA integrity_check"), "ok", "{what}");
    assert!(!note(app).exists(), "{what}");
    assert!(std::fs::read(&copy).unwrap() == bytes, "{what}");
    restored
}

#[test]
fn a_backup_comes_back_whole_and_the_state_before_can_be_put_back_too() {
    for mode in ["delete", "wal", "persist", "truncate"] {
        for by in ["latest", "name", "path"] {
            let app = app_in(mode);
            let copy = latest(&app);
            let wanted = match by {
                "latest" => BackupRef::Latest,
                "name" => BackupRef::File(copy.file_name().unwrap().into()),
                _ => BackupRef::File(copy.clone()),
            };
            let (before, expected) = (state(&app.database()), state(&copy));
            permit(&app.database(), 0o640);
            app.sql("PRAGMA application_id = 78");
            let before_id = state(&app.database());
            assert_ne!(before, before_id);

            let done = app
                .migrator()
                .database(app.database())
                .restore(&wanted)
                .unwrap();
            assert!(state(&app.database()) == expected, "{mode} {by}");
            // PERSIST and TRUNCATE are a connection's own; only WAL is kept in the file.
            let kept = if mode == "wal" { "wal" } else { "delete" };
            assert_eq!(app.text("PRAGMA journal_mode"), kept, "{by}");
            assert_mode(&app.database(), 0o640, &format!("{mode} {by}"));
            assert_eq!(done.database, app.database());
            assert_eq!((done.version, back(&done).was_damaged), (None, false));
            assert_eq!(number_in(&app.database(), "PRAGMA user_version"), 7);

            let replaced = back(&done).replaced.unwrap();
            assert!(state(&replaced) == before_id, "{mode} {by}");
            let undo = BackupRef::File(replaced);
            let undone = app
                .migrator()
                .database(app.database())
                .restore(&undo)
                .unwrap();
            assert!(state(&app.database()) == before_id, "{mode} {by}");
            assert_eq!(undone.version, Some(1));
            assert!(
                state(&back(&undone).replaced.unwrap()) == expected,
                "{mode} {by}"
            );
            assert!(app.run().unwrap().is_up_to_date());
        }
    }
}

#[test]
fn a_copy_with_another_page_size_comes_back_with_it() {
    for mode in ["delete", "wal"] {
        for size in [512, 1024, 65536] {
            let app = app_in(mode);
            let source = app.folder().join("elsewhere.db");
            Connection::open(&source)
                .unwrap()
                .execute_batch(&format!(
                    "PRAGMA page_size = {size}; CREATE TABLE s (x); INSERT INTO s VALUES (randomblob(5000))"
                ))
                .unwrap();
            let (before, expected) = (state(&app.database()), state(&source));
            let wanted = BackupRef::File(source);
            let done = app
                .migrator()
                .database(app.database())
                .restore(&wanted)
                .unwrap();
            assert!(state(&app.database()) == expected, "{mode} {size}");
            assert_eq!(app.number("PRAGMA page_size"), size, "{mode}");
            assert_eq!(app.text("PRAGMA journal_mode"), mode, "{size}");
            assert!(
                state(&back(&done).replaced.unwrap()) == before,
                "{mode} {size}"
            );
        }
    }
}

#[test]
fn an_idle_connection_sees_the_restored_state_and_can_write() {
    for mode in ["delete", "wal"] {
        let app = app_in(mode);
        let other = app.connect();
        let count = |sql: &str| -> i64 { other.query_row(sql, [], |row| row.get(0)).unwrap() };
        assert_eq!(count("SELECT count(*) FROM later"), 0);
        let mut far = part("writes-later", &app);
        far.env(
            "HEIRLOOM_TEST_AT",
            "INSERT INTO t (rowid, x) VALUES (500, 'far')",
        );
        let far = Holder::start(far);
        restored(&app, mode);
        assert_eq!(count("SELECT count(*) FROM t WHERE rowid = 3"), 1);
        assert_eq!(
            count("SELECT count(*) FROM sqlite_schema WHERE name = 'later'"),
            0
        );
        other
            .execute_batch("INSERT INTO t (rowid, x) VALUES (501, 'near')")
            .unwrap();
        assert!(far.release().success(), "{mode}");
        assert_eq!(app.number("SELECT count(*) FROM t WHERE rowid > 499"), 3);
        assert_eq!(app.text("PRAGMA integrity_check"), "ok");
    }
}

#[test]
fn an_open_read_keeps_seeing_the_old_state_in_wal_mode() {
    let app = app_in("wal");
    let reader = app.connect();
    reader.execute_batch("BEGIN").unwrap();
    let count = |sql: &str| -> i64 { reader.query_row(sql, [], |row| row.get(0)).unwrap() };
    assert_eq!(count("SELECT count(*) FROM t WHERE rowid = 3"), 0);
    restored(&app, "wal");
    assert_eq!(count("SELECT count(*) FROM t WHERE rowid = 3"), 0);
    reader.execute_batch("COMMIT").unwrap();
    assert_eq!(count("SELECT count(*) FROM t WHERE rowid = 3"), 1);
}

#[test]
fn who_reads_in_rollback_mode_or_writes_in_any_keeps_the_restore_out() {
    for (mode, sql) in [
        ("delete", "BEGIN; SELECT count(*) FROM t;"),
        ("delete", "BEGIN IMMEDIATE"),
        ("delete", "BEGIN EXCLUSIVE"),
        ("wal", "BEGIN IMMEDIATE"),
        ("wal", "BEGIN; DELETE FROM t"),
    ] {
        let app = app_in(mode);
        let expected = state(&app.database());
        let mut holder = part("holds-sql", &app);
        holder.env("HEIRLOOM_TEST_AT", sql);
        let holder = Holder::start(holder);
        let error = hasty(&app)
            .database(app.database())
            .restore(&BackupRef::Latest)
            .unwrap_err();
        assert_eq!(error.kind(), ErrorKind::Locked, "{mode} {sql}: {error:#}");
        assert!(error.data_state().is_unchanged(), "{mode} {sql}");
        assert!(!note(&app).exists());
        assert!(holder.release().success());
        assert!(state(&app.database()) == expected, "{mode} {sql}");
        let log = app.migrator().database(app.database()).log().unwrap();
        assert!(log.entries.iter().all(|entry| entry.act != Act::Restore));
        restored(&app, sql);
    }
}

#[test]
fn a_reader_that_goes_lets_the_restore_through() {
    let app = app_in("DELETE");
    let wanted = latest(&app);
    let mut command = part("holds-sql", &app);
    command.env("HEIRLOOM_TEST_AT", "BEGIN; SELECT * FROM t");
    let holder = Holder::start(command);
    std::thread::scope(|threads| {
        threads.spawn(|| {
            std::thread::sleep(Duration::from_millis(300));
            holder.release()
        });
        app.migrator()
            .database(app.database())
            .restore(&BackupRef::Latest)
            .unwrap();
    });
    assert_eq!(contents(&app.database()), contents(&wanted));
}

#[test]
fn a_reader_keeps_a_copy_with_another_page_size_out_and_nothing_changes() {
    let app = app_in("wal");
    let source = app.folder().join("elsewhere.db");
    Connection::open(&source)
        .unwrap()
        .execute_batch("PRAGMA page_size = 1024; CREATE TABLE s (x)")
        .unwrap();
    let expected = state(&app.database());
    let mut holder = part("holds-sql", &app);
    holder.env("HEIRLOOM_TEST_AT", "BEGIN; SELECT count(*) FROM t;");
    let holder = Holder::start(holder);
    let wanted = BackupRef::File(source.clone());
    let error = hasty(&app)
        .database(app.database())
        .restore(&wanted)
        .unwrap_err();
    assert_eq!(error.kind(), ErrorKind::Locked, "{error:#}");
    assert!(holder.release().success());
    assert!(state(&app.database()) == expected);
    assert_eq!(app.text("PRAGMA journal_mode"), "wal");
    app.migrator()
        .database(app.database())
        .restore(&wanted)
        .unwrap();
    assert!(state(&app.database()) == state(&source));
}

#[test]
fn another_process_at_work_keeps_the_restore_out() {
    let app = app_in("delete");
    app.file("V2__b.sql", "CREATE TABLE b (x)");
    let holder = Holder::start(part("holds-run", &app));
    let error = hasty(&app)
        .database(app.database())
        .restore(&BackupRef::Latest)
        .unwrap_err();
    assert_eq!(error.kind(), ErrorKind::Locked, "{error:#}");
    assert!(holder.release().success());
    assert_eq!(app.number("SELECT count(*) FROM b"), 0);
}

/// What can befall a file, in bytes.
fn damages(healthy: &[u8]) -> Vec<(&'static str, Vec<u8>)> {
    let mut inside = healthy.to_vec();
    for page in inside.chunks_mut(4096).skip(1) {
        page[..64].fill(0xAB);
    }
    let mut header = healthy.to_vec();
    header[..100].fill(0xAB);
    vec![
        ("garbage", (0..20_000u32).map(|i| (i * 7) as u8).collect()),
        ("short garbage", b"this is not a database".to_vec()),
        ("long zeros", vec![0; 20_000]),
        ("cut inside the header", healthy[..50].to_vec()),
        ("cut inside a page", healthy[..700].to_vec()),
        ("cut to one page", healthy[..4096].to_vec()),
        ("a broken header", header),
        ("broken pages", inside),
    ]
}

#[test]
fn a_damaged_file_is_kept_byte_for_byte_and_replaced() {
    for mode in ["delete", "wal"] {
        let healthy = std::fs::read(app_in(mode).database()).unwrap();
        for (what, bytes) in damages(&healthy) {
            let app = app_in(mode);
            std::fs::write(app.database(), &bytes).unwrap();
            permit(&app.database(), 0o640);
            let what = format!("{mode} {what}");
            let done = restored(&app, &what);
            assert!(back(&done).was_damaged, "{what}");
            assert!(
                std::fs::read(back(&done).replaced.unwrap()).unwrap() == bytes,
                "{what}"
            );
            assert_eq!(app.text("PRAGMA journal_mode"), mode, "{what}");
            assert_mode(&app.database(), 0o640, &what);
            assert_eq!(app.run().unwrap().version, Some(1), "{what}");
        }
    }
}

#[test]
fn a_file_that_is_empty_or_gone_is_made_again() {
    for mode in ["delete", "wal"] {
        for gone in [false, true] {
            let app = app_in(mode);
            if gone {
                std::fs::remove_file(app.database()).unwrap();
            } else {
                std::fs::write(app.database(), "").unwrap();
            }
            let done = restored(&app, mode);
            assert_eq!(
                (back(&done).replaced, back(&done).was_damaged),
                (None, false),
                "{mode}"
            );
            assert_eq!(app.text("PRAGMA journal_mode"), mode);
        }
    }
    let app = app_in("delete");
    let copy = latest(&app);
    let deep = app.folder().join("new/folder/app.db");
    app.migrator()
        .database(&deep)
        .restore(&BackupRef::File(copy.clone()))
        .unwrap();
    assert!(state(&deep) == state(&copy));
}

#[test]
fn any_broken_byte_of_the_header_can_be_restored_over() {
    for mode in ["delete", "wal"] {
        let app = app_in(mode);
        let healthy = std::fs::read(app.database()).unwrap();
        let mut wrong = Vec::new();
        for at in 0..100 {
            for path in app.backups() {
                // Another test is about two of one second.
                if path.to_string_lossy().contains("damaged") {
                    std::fs::remove_file(path).unwrap();
                }
            }
            for ending in ["-wal", "-shm", "-journal", ".restore"] {
                let _ = std::fs::remove_file(companion(&app, ending));
            }
            let mut bytes = healthy.clone();
            bytes[at] ^= 0x5A;
            std::fs::write(app.database(), &bytes).unwrap();
            let expected = state(&latest(&app));
            match app
                .migrator()
                .database(app.database())
                .restore(&BackupRef::Latest)
            {
                Err(error) => wrong.push(format!("{mode}, byte {at}: {error:#}")),
                Ok(_) if state(&app.database()) != expected => {
                    wrong.push(format!("{mode}, byte {at}: not what the copy holds"));
                }
                Ok(done) => {
                    if back(&done).was_damaged
                        && std::fs::read(back(&done).replaced.unwrap()).unwrap() != bytes
                    {
                        wrong.push(format!("{mode}, byte {at}: not kept byte for byte"));
                    }
                }
            }
        }
        assert!(wrong.is_empty(), "{}", wrong.join("\n"));
    }
}

#[test]
fn two_damaged_files_in_one_second_are_both_kept() {
    let app = app_in("delete");
    for bytes in [b"first".repeat(500), b"other".repeat(500)] {
        std::fs::write(app.database(), &bytes).unwrap();
        let done = restored(&app, "");
        assert!(std::fs::read(back(&done).replaced.unwrap()).unwrap() == bytes);
    }
}

/// The file of another database that its program left in the middle, and its `-wal` or its
/// hot `-journal`.
fn left_behind(ending: &str) -> (Vec<u8>, Vec<u8>) {
    let other = App::new();
    let mode = if ending == "-wal" { "wal" } else { "delete" };
    other.sql(&format!(
        "PRAGMA journal_mode = {mode}; CREATE TABLE t (x TEXT); CREATE TABLE stale (x);
         WITH RECURSIVE n (i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n WHERE i < 500)
         INSERT INTO t SELECT printf('%0100d', i) FROM n;"
    ));
    let commit = if mode == "wal" { "COMMIT" } else { "" };
    let died = part("dies-in-sql", &other)
        .env(
            "HEIRLOOM_TEST_AT",
            format!(
                "PRAGMA wal_autocheckpoint = 0; PRAGMA cache_size = 1; BEGIN;
                 INSERT INTO stale VALUES ('leak'); UPDATE t SET x = 'stale ' || x; {commit}"
            ),
        )
        .output()
        .unwrap();
    assert!(!died.status.success());
    let left = std::fs::read(companion(&other, ending)).unwrap();
    assert!(left.len() > 4096);
    (std::fs::read(other.database()).unwrap(), left)
}

#[test]
fn companions_of_another_generation_never_leak_into_the_restored_file() {
    let mut not_kept = Vec::new();
    for ending in ["-wal", "-journal"] {
        let (their_file, left) = left_behind(ending);
        for mode in ["delete", "wal"] {
            for what in [
                "healthy", "theirs", "garbage", "short", "cut", "empty", "gone",
            ] {
                let app = app_in(mode);
                let healthy = std::fs::read(app.database()).unwrap();
                let bytes = match what {
                    "healthy" => healthy,
                    "theirs" => their_file.clone(),
                    "garbage" => b"no database ".repeat(2000),
                    "short" => b"no database".to_vec(),
                    "cut" => healthy[..5000].to_vec(),
                    _ => Vec::new(),
                };
                std::fs::write(app.database(), &bytes).unwrap();
                if what == "gone" {
                    std::fs::remove_file(app.database()).unwrap();
                }
                std::fs::write(companion(&app, ending), &left).unwrap();
                std::fs::write(companion(&app, "-shm"), vec![7; 32768]).unwrap();
                let what = format!("{mode}, {what}, {ending}");
                let done = restored(&app, &what);
                assert!(
                    !contents(&app.database())
                        .iter()
                        .any(|line| line.contains("stale")),
                    "{what}"
                );
                if back(&done).was_damaged {
                    let kept = back(&done).replaced.unwrap();
                    let beside = format!("{}{ending}", kept.display());
                    let file = |path: &Path| std::fs::read(path).unwrap_or_default();
                    if file(&kept) != bytes {
                        not_kept.push(format!("{what}: the file"));
                    }
                    if file(beside.as_ref()) != left {
                        not_kept.push(format!("{what}: its companion"));
                    }
                }
                assert_eq!(app.run().unwrap().version, Some(1), "{what}");
            }
        }
    }
    assert!(not_kept.is_empty(), "not byte for byte: {not_kept:#?}");
}

#[test]
fn what_is_no_good_copy_is_refused_and_nothing_is_touched() {
    for mode in ["delete", "wal"] {
        let app = app_in(mode);
        let at = |name: &str| app.folder().join(name);
        #[cfg(unix)]
        std::os::unix::fs::symlink(app.database(), at("link.db")).unwrap();
        std::fs::hard_link(app.database(), at("hard.db")).unwrap();
        std::fs::create_dir(at("folder.db")).unwrap();
        let good = std::fs::read(latest(&app)).unwrap();
        std::fs::write(at("garbage.db"), b"garbage".repeat(1000)).unwrap();
        std::fs::write(at("short.db"), &good[..100]).unwrap();
        std::fs::write(at("empty.db"), "").unwrap();
        std::fs::write(at("cut.db"), &good[..good.len() - 4096]).unwrap();
        let mut broken = good.clone();
        broken[4096..4160].fill(0xAB);
        std::fs::write(at("broken.db"), broken).unwrap();
        for (name, kind) in [
            ("app.db", ErrorKind::Usage),
            #[cfg(unix)]
            ("link.db", ErrorKind::Usage),
            ("hard.db", ErrorKind::Usage),
            ("nowhere.db", ErrorKind::NotFound),
            ("folder.db", ErrorKind::NotFound),
            ("nowhere/app.db", ErrorKind::NotFound),
            ("garbage.db", ErrorKind::BackupInvalid),
            ("short.db", ErrorKind::BackupInvalid),
            ("empty.db", ErrorKind::BackupInvalid),
            ("cut.db", ErrorKind::BackupInvalid),
            ("broken.db", ErrorKind::BackupInvalid),
        ] {
            refused(&app, &BackupRef::File(at(name)), kind);
        }
        for wanted in [
            BackupRef::File(PathBuf::new()),
            BackupRef::File("app-2020-01-01T00-00-00.db".into()),
            BackupRef::Snapshot("none".into()),
            BackupRef::Snapshot(String::new()),
            BackupRef::Snapshot("../backups/x".into()),
            BackupRef::Snapshot("../app".into()),
        ] {
            refused(&app, &wanted, ErrorKind::NotFound);
        }
    }
    let app = App::new();
    app.sql("CREATE TABLE t (x)");
    refused(&app, &BackupRef::Latest, ErrorKind::NotFound);
}

#[test]
fn a_source_that_does_not_exist_is_not_made_and_no_database_is_made_for_it() {
    let app = App::new();
    refused(
        &app,
        &BackupRef::File(app.folder().join("x.db")),
        ErrorKind::NotFound,
    );
    refused(&app, &BackupRef::Latest, ErrorKind::NotFound);
}

#[test]
fn one_flipped_bit_of_a_recorded_copy_is_enough_to_refuse_it() {
    let app = app_in("delete");
    let copy = latest(&app);
    let length = copy.metadata().unwrap().len();
    // Free space inside a page, which SQLite's own check never looks at, is among these.
    for at in (0..length).step_by(509) {
        flip(&copy, at);
        refused(&app, &BackupRef::Latest, ErrorKind::BackupInvalid);
        flip(&copy, at);
    }
    let name = BackupRef::File(copy.file_name().unwrap().into());
    flip(&copy, length - 1);
    refused(&app, &name, ErrorKind::BackupInvalid);
    refused(
        &app,
        &BackupRef::File(copy.clone()),
        ErrorKind::BackupInvalid,
    );
    flip(&copy, length - 1);
    restored(&app, "");
}

#[test]
fn a_damaged_latest_is_refused_and_not_skipped_for_an_older_one() {
    let app = app_in("delete");
    let older = latest(&app);
    app.file("V2__b.sql", "CREATE TABLE b (x)").run().unwrap();
    let newest = latest(&app);
    assert_ne!(older, newest);
    flip(&newest, 5000);
    refused(&app, &BackupRef::Latest, ErrorKind::BackupInvalid);
    std::fs::write(&newest, "").unwrap();
    refused(&app, &BackupRef::Latest, ErrorKind::BackupInvalid);
    let expected = state(&older);
    app.migrator()
        .database(app.database())
        .restore(&BackupRef::File(older))
        .unwrap();
    assert!(state(&app.database()) == expected);
}

#[test]
fn a_database_with_a_log_of_its_own_is_a_source_with_what_is_in_the_log() {
    for (mode, open) in [("wal", false), ("wal", true), ("delete", false)] {
        let app = app_in("delete");
        let other = App::new();
        other.sql(&format!(
            "PRAGMA journal_mode = {mode}; CREATE TABLE s (x); INSERT INTO s VALUES ('before')"
        ));
        let sql = match mode {
            "wal" => "PRAGMA wal_autocheckpoint = 0; INSERT INTO s VALUES ('in the log')",
            // A hot journal that takes this back.
            _ => {
                "PRAGMA cache_size = 1; BEGIN; INSERT INTO s SELECT randomblob(9000) FROM (VALUES (1), (2), (3), (4), (5), (6), (7), (8), (9))"
            }
        };
        let holder = open.then(|| {
            let mut holder = part("holds-sql", &other);
            holder.env("HEIRLOOM_TEST_AT", sql);
            Holder::start(holder)
        });
        if !open {
            let died = part("dies-in-sql", &other)
                .env("HEIRLOOM_TEST_AT", sql)
                .output()
                .unwrap();
            assert!(!died.status.success());
        }
        let companions = ["-wal", "-journal"].map(|ending| companion(&other, ending));
        assert!(
            companions
                .iter()
                .any(|path| path.metadata().is_ok_and(|file| file.len() > 0))
        );
        let (source, before) = (other.listing(), state(&app.database()));
        let wanted = BackupRef::File(other.database());
        let done = app
            .migrator()
            .database(app.database())
            .restore(&wanted)
            .unwrap();
        assert!(other.listing() == source, "{mode}: the source was touched");
        let expected = if mode == "wal" { 2 } else { 1 };
        assert_eq!(
            app.number("SELECT count(*) FROM s"),
            expected,
            "{mode} {open}"
        );
        assert_eq!(app.text("PRAGMA integrity_check"), "ok");
        assert!(state(&back(&done).replaced.unwrap()) == before);
        drop(holder);

        // The same over a damaged file, where the note must name a copy that stays.
        std::fs::write(app.database(), b"garbage".repeat(999)).unwrap();
        app.migrator()
            .database(app.database())
            .restore(&wanted)
            .unwrap();
        assert_eq!(
            app.number("SELECT count(*) FROM s"),
            expected,
            "{mode} {open}"
        );
        assert!(!note(&app).exists());
    }
}

#[test]
fn a_copy_from_a_newer_app_comes_back_and_says_that_it_is_newer() {
    let app = app_in("delete");
    app.file("V2__b.sql", "CREATE TABLE b (x)").run().unwrap();
    app.migrator()
        .database(app.database())
        .snapshot("of-the-newer-app")
        .unwrap();
    restored(&app, "back to version 1");
    std::fs::remove_file(app.migrations().join("V2__b.sql")).unwrap();
    let wanted = BackupRef::Snapshot("of-the-newer-app".into());
    let plan = app
        .migrator()
        .database(app.database())
        .plan_restore(&wanted)
        .unwrap();
    assert_eq!(plan.after.version, Some(2));
    let done = app
        .migrator()
        .database(app.database())
        .restore(&wanted)
        .unwrap();
    assert_eq!(done.version, Some(2));
    assert!(app.run().unwrap_err().is_from_newer_app());
}

#[test]
fn latest_is_never_a_replaced_state_nor_a_snapshot() {
    let app = app_in("wal");
    let copy = latest(&app);
    app.migrator()
        .database(app.database())
        .snapshot("a")
        .unwrap();
    for number in 0..3 {
        let done = restored(&app, "");
        assert_eq!(back(&done).file, copy);
        app.sql("INSERT INTO t VALUES ('more')");
        app.migrator()
            .database(app.database())
            .snapshot(&format!("s{number}"))
            .unwrap();
    }
}

#[test]
fn replaced_states_are_thinned_out_for_themselves() {
    let app = app_in("delete");
    for version in 2..=4 {
        app.file(
            &format!("V{version}__n.sql"),
            &format!("CREATE TABLE n{version} (x)"),
        );
        app.run().unwrap();
    }
    app.migrator()
        .database(app.database())
        .snapshot("kept")
        .unwrap();
    let shelf = |replaced: bool| -> Vec<PathBuf> {
        let copies = app
            .migrator()
            .database(app.database())
            .backups(Verify::Digest);
        copies
            .unwrap()
            .into_iter()
            .filter(|copy| copy.origin == BackupOrigin::Automatic && copy.replaced == replaced)
            .map(|copy| copy.file)
            .collect()
    };
    let automatic = shelf(false);
    assert_eq!(automatic.len(), 4);
    let mut replaced = Vec::new();
    for number in 0..7 {
        app.sql(&format!("INSERT INTO t VALUES ('state {number}')"));
        let done = restored(&app, "");
        replaced.insert(0, back(&done).replaced.unwrap());
    }
    assert_eq!(shelf(true), replaced[..5]);
    assert_eq!(shelf(false), automatic);
    for version in 5..=12 {
        app.file(
            &format!("V{version}__n.sql"),
            &format!("CREATE TABLE n{version} (x)"),
        );
        app.run().unwrap();
    }
    assert_eq!(
        shelf(true),
        replaced[..5],
        "a run removes no replaced state"
    );
    assert_eq!(shelf(false).len(), 5);
    let copies = app
        .migrator()
        .database(app.database())
        .backups(Verify::Digest);
    assert!(
        copies
            .unwrap()
            .iter()
            .any(|copy| copy.origin == BackupOrigin::Snapshot)
    );
}

#[test]
fn a_restore_removes_neither_its_source_nor_another_automatic_backup() {
    let app = app_in("delete");
    for version in 2..=3 {
        app.file(
            &format!("V{version}__n.sql"),
            &format!("CREATE TABLE n{version} (x)"),
        );
        app.run().unwrap();
    }
    let before = app.backups();
    let source = before[0].clone();
    let done = app
        .migrator()
        .keep_last(1)
        .database(app.database())
        .restore(&BackupRef::File(source.clone()))
        .unwrap();
    assert!(source.exists(), "the copy that was put back");
    let after = app.backups();
    assert!(before.iter().all(|path| after.contains(path)), "{after:?}");
    assert!(back(&done).replaced.unwrap().exists());
}

#[test]
fn a_plan_writes_nothing_and_tells_both_sides() {
    for mode in ["delete", "wal"] {
        let app = app_in(mode);
        let healthy = std::fs::read(app.database()).unwrap();
        let before = app.listing();
        let plan = |app: &App| {
            app.migrator()
                .database(app.database())
                .plan_restore(&BackupRef::Latest)
                .unwrap()
        };
        let planned = plan(&app);
        assert!(app.listing() == before, "{mode}");
        let now = planned.before.unwrap();
        assert_eq!((now.version, planned.after.version), (Some(1), None));
        assert_eq!((now.rows["t"], planned.after.rows["t"]), (193, 194));
        assert_eq!(now.bytes, healthy.len() as u64);
        assert!(now.rows.contains_key("later") && !planned.after.rows.contains_key("later"));
        // While it is open, its log is beside it.
        let mut open = part("holds-sql", &app);
        open.env("HEIRLOOM_TEST_AT", "INSERT INTO later VALUES (1)");
        let open = Holder::start(open);
        let before = app.listing();
        assert_eq!(plan(&app).before.unwrap().rows["later"], 1, "{mode}");
        assert!(app.listing() == before, "{mode}");
        assert!(open.release().success());
        for (what, bytes) in damages(&healthy) {
            std::fs::write(app.database(), bytes).unwrap();
            let before = app.listing();
            let planned = plan(&app);
            assert!(app.listing() == before, "{mode} {what}");
            assert_eq!(planned.after.rows["t"], 194, "{mode} {what}");
        }
        std::fs::remove_file(app.database()).unwrap();
        let before = app.listing();
        assert_eq!(plan(&app).before, None);
        assert!(app.listing() == before, "{mode}");
    }
}

/// Dies at the given one of all events and connection set-ups of a restore.
fn dies_at(app: &App, moment: usize) -> bool {
    let output = part("dies-in-restore", app)
        .env("HEIRLOOM_TEST_AT", moment.to_string())
        .stdin(Stdio::null())
        .output()
        .unwrap();
    !output.status.success()
}

#[test]
fn a_restore_that_dies_at_any_moment_leaves_old_or_restored_and_is_done_again() {
    for mode in ["delete", "wal"] {
        for damaged in [false, true] {
            for moment in 0.. {
                let app = app_in(mode);
                if damaged {
                    flip(&app.database(), 3);
                }
                let old = std::fs::read(app.database()).unwrap();
                let (copy, expected) = (latest(&app), state(&latest(&app)));
                let bytes = std::fs::read(&copy).unwrap();
                let before = (!damaged).then(|| state(&app.database()));
                let died = dies_at(&app, moment);
                assert!(std::fs::read(&copy).unwrap() == bytes, "{mode} {moment}");
                if let Some(before) = before {
                    let found = state(&app.database());
                    assert!(found == before || found == expected, "{mode} {moment}");
                    assert!(died || found == expected, "{mode} {moment}");
                } else if std::fs::read(app.database()).unwrap() != old {
                    assert!(note(&app).exists() || state(&app.database()) == expected);
                }
                restored(&app, "after a death");
                assert!(partials(app.folder()).is_empty(), "{mode} {moment}");
                if !died {
                    let least = if damaged { 1 } else { 5 };
                    assert!(moment >= least, "the events are no longer told");
                    break;
                }
            }
        }
    }
}

/// Half copies and half notes, wherever they are.
fn partials(folder: &Path) -> Vec<PathBuf> {
    App::at(folder.to_owned())
        .listing()
        .into_iter()
        .map(|(path, _)| path)
        .filter(|path| path.to_string_lossy().ends_with(".partial"))
        .collect()
}

/// A note as an interrupted restore leaves it, and the damaged file with it.
fn interrupted(app: &App) -> String {
    let copy = latest(app);
    let digest = std::fs::read_to_string(copy.with_file_name(format!(
        ".{}.record",
        copy.file_name().unwrap().to_str().unwrap()
    )))
    .unwrap()
    .lines()
    .find_map(|line| line.strip_prefix("blake3: ").map(str::to_owned))
    .unwrap();
    let text = format!(
        "heirloom restore, format 1\nstarted-at: 2026-11-21T09:14:03Z\nblake3: {digest}\njournal-mode: wal\ncopy: {}\n",
        copy.display()
    );
    std::fs::write(note(app), &text).unwrap();
    text
}

#[test]
fn the_next_start_finishes_a_restore_from_its_note_and_says_so() {
    for what in ["healthy", "garbage", "short", "empty", "gone"] {
        let app = app_in("wal");
        let (expected, copy) = (state(&latest(&app)), latest(&app));
        match what {
            "garbage" => std::fs::write(app.database(), b"garbage".repeat(999)).unwrap(),
            "short" => std::fs::write(app.database(), b"garbage").unwrap(),
            "empty" => std::fs::write(app.database(), "").unwrap(),
            "gone" => std::fs::remove_file(app.database()).unwrap(),
            _ => {}
        }
        interrupted(&app);
        let seen = std::sync::Mutex::new(None);
        let report = app
            .migrator()
            .before_run(|_| {
                *seen.lock().unwrap() = Some(contents(&app.database()));
                Ok(())
            })
            .migrate(app.database())
            .unwrap_or_else(|error| panic!("{what}: {error:#}"));
        let recovered = report.recovered.unwrap();
        assert_eq!(recovered.backup, Some(copy.clone()), "{what}");
        assert_eq!(recovered.started_at, "2026-11-21T09:14:03Z");
        assert_eq!(report.version, Some(1));
        assert!(!note(&app).exists(), "{what}");
        assert!(seen.into_inner().unwrap().unwrap() == contents(&copy));
        assert!(state(&copy) == expected);
        assert_eq!(app.text("PRAGMA journal_mode"), "wal", "{what}");
    }
}

/// A revert looked at the file before it looked for the note, and refused the half-done database
/// as damaged, and a snapshot an empty one as nothing: only `run` would ever finish the restore.
#[test]
fn a_revert_and_a_snapshot_finish_an_interrupted_restore_too() {
    for what in ["garbage", "empty", "gone"] {
        let app = app_in("wal");
        let expected = data(&latest(&app));
        let break_off = || {
            match what {
                "garbage" => std::fs::write(app.database(), b"garbage".repeat(999)).unwrap(),
                "empty" => std::fs::write(app.database(), "").unwrap(),
                _ => std::fs::remove_file(app.database()).unwrap(),
            }
            interrupted(&app);
        };
        break_off();
        let report = app
            .migrator()
            .database(app.database())
            .revert(RevertTo::Steps(1));
        let report = report.unwrap_or_else(|error| panic!("{what}: {error:#}"));
        assert!(
            report.recovered.is_some() && report.is_up_to_date(),
            "{what}"
        );
        assert_eq!(data(&app.database()), expected, "{what}");
        assert!(!note(&app).exists());
        break_off();
        let copy = app
            .migrator()
            .database(app.database())
            .snapshot("s")
            .unwrap()
            .file;
        assert_eq!(data(&copy), expected, "{what}");
        assert_eq!(data(&app.database()), expected, "{what}");
        assert!(!note(&app).exists());
    }
}

#[test]
fn a_note_whose_copy_is_gone_or_damaged_or_that_is_half_leaves_everything_for_a_person() {
    let gone = |app: &App| std::fs::remove_file(latest(app)).unwrap();
    let damaged = |app: &App| flip(&latest(app), 5000);
    let cut = |by: usize| {
        move |app: &App| {
            let text = interrupted(app);
            std::fs::write(note(app), &text[..text.len() - by]).unwrap();
        }
    };
    let empty = |app: &App| std::fs::write(note(app), "").unwrap();
    let (cut_path, cut_half) = (cut(5), cut(150));
    type Hurt<'h> = (&'h str, &'h dyn Fn(&App));
    let cases: [Hurt<'_>; 5] = [
        ("gone", &gone),
        ("damaged", &damaged),
        ("cut inside the path", &cut_path),
        ("cut in the middle", &cut_half),
        ("empty", &empty),
    ];
    for (what, hurt) in cases {
        for mode in ["delete", "wal"] {
            let app = app_in(mode);
            let older = app.folder().join("good.db");
            std::fs::copy(latest(&app), &older).unwrap();
            interrupted(&app);
            hurt(&app);
            // The file as it is; reading it through SQLite comes last.
            let before = std::fs::read(app.database()).unwrap();
            for _ in 0..2 {
                let error = app.run().unwrap_err();
                assert_eq!(error.kind(), ErrorKind::NeedsAttention, "{what}: {error:#}");
                assert!(
                    std::fs::read(app.database()).unwrap() == before,
                    "{mode}, {what}: the database was changed: {error:#}"
                );
                assert!(note(&app).exists(), "{what}");
            }
            let error = app
                .migrator()
                .database(app.database())
                .snapshot("s")
                .unwrap_err();
            assert_eq!(error.kind(), ErrorKind::NeedsAttention, "{what}");
            assert!(std::fs::read(app.database()).unwrap() == before);
            // Another copy ends it.
            app.migrator()
                .database(app.database())
                .restore(&BackupRef::File(older.clone()))
                .unwrap();
            assert!(state(&app.database()) == state(&older), "{what}");
            assert!(!note(&app).exists(), "{what}");
        }
    }
}

#[test]
fn a_copy_that_is_gone_or_damaged_is_not_called_good() {
    for gone in [true, false] {
        let app = app_in("delete");
        interrupted(&app);
        match gone {
            true => std::fs::remove_file(latest(&app)).unwrap(),
            false => flip(&latest(&app), 5000),
        }
        let error = app.run().unwrap_err();
        let none = DataState::NeedsAttention { good_copy: None };
        assert_eq!(*error.data_state(), none, "{error:#}");
    }
}

#[test]
fn a_second_restore_that_finds_the_half_done_database_held_leaves_the_note() {
    let app = app_in("delete");
    let expected = state(&latest(&app));
    // As after a death between emptying and filling.
    std::fs::remove_file(app.database()).unwrap();
    app.sql("VACUUM");
    interrupted(&app);
    let mut holder = part("holds-sql", &app);
    holder.env("HEIRLOOM_TEST_AT", "BEGIN IMMEDIATE");
    let holder = Holder::start(holder);
    let error = hasty(&app)
        .database(app.database())
        .restore(&BackupRef::Latest)
        .unwrap_err();
    assert_eq!(error.kind(), ErrorKind::Locked, "{error:#}");
    assert!(note(&app).exists(), "nobody would finish it: {error:#}");
    assert!(holder.release().success());
    app.run().unwrap();
    assert!(!note(&app).exists());
    let applied = state(&app.database());
    assert!(applied.len() > expected.len());
    restored(&app, "");
}

#[cfg(unix)]
#[test]
fn a_database_behind_a_link_is_restored_where_it_is() {
    let app = app_in("wal");
    let elsewhere = App::new();
    let link = elsewhere.folder().join("link.db");
    std::os::unix::fs::symlink(app.database(), &link).unwrap();
    let expected = state(&latest(&app));
    let done = app
        .migrator()
        .database(&link)
        .restore(&BackupRef::Latest)
        .unwrap();
    assert_eq!(done.database, app.database());
    assert!(state(&app.database()) == expected);
    assert!(link.symlink_metadata().unwrap().is_symlink());
    assert_eq!(std::fs::read_dir(elsewhere.folder()).unwrap().count(), 2);
}

#[test]
fn a_restore_that_is_cancelled_changes_nothing() {
    let app = app_in("wal");
    let before = state(&app.database());
    let flag = std::sync::Arc::new(std::sync::atomic::AtomicBool::new(true));
    let error = app
        .migrator()
        .cancel_with(flag)
        .database(app.database())
        .restore(&BackupRef::Latest)
        .unwrap_err();
    assert!(error.is_interrupted(), "{error:#}");
    assert!(state(&app.database()) == before);
}

#[test]
fn a_restore_takes_the_marker_of_an_interrupted_run_away() {
    let app = app_in("delete");
    app.file(
        "V2__free.sql",
        "-- heirloom: no-transaction\nCREATE TABLE free (x);",
    )
    .file("V3__c.sql", "CREATE TABLE c (x)");
    let marked = |app: &App| {
        app.number("SELECT count(*) FROM sqlite_schema WHERE name = 'heirloom_run'") == 1
    };
    for moment in 0.. {
        assert!(moment < 100);
        let died = part("dies-at-moment", &app)
            .env("HEIRLOOM_TEST_AT", moment.to_string())
            .output()
            .unwrap();
        assert!(!died.status.success());
        if marked(&app) {
            break;
        }
    }
    restored(&app, "marked");
    assert!(!marked(&app));
    assert!(app.run().unwrap().recovered.is_none());
}

/// The data of the copy was in, and the restore said that it had failed and that somebody must
/// look (exit 7), because the connection kept the encoding that the database had had.
#[test]
fn a_copy_in_another_text_encoding_comes_back_like_any_other() {
    for (here, there) in [("UTF-8", "UTF-16le"), ("UTF-16le", "UTF-8")] {
        for mode in ["delete", "wal"] {
            for damaged in [false, true] {
                let app = App::new();
                let in_encoding = |encoding: &str, text: &str| {
                    let _ = std::fs::remove_file(app.database());
                    app.sql(&format!(
                        "PRAGMA encoding = '{encoding}'; PRAGMA journal_mode = {mode};
                         CREATE TABLE t (x TEXT); INSERT INTO t VALUES ('{text}');"
                    ));
                };
                in_encoding(there, "ä then");
                app.migrator()
                    .database(app.database())
                    .snapshot("s")
                    .unwrap();
                in_encoding(here, "ö now");
                if damaged {
                    std::fs::write(app.database(), [0x5a; 4096]).unwrap();
                }
                let wanted = BackupRef::Snapshot("s".into());
                let restored = app.migrator().database(app.database()).restore(&wanted);
                let restored = restored.unwrap_or_else(|error| panic!("{here} {mode}: {error:#}"));
                assert_eq!(back(&restored).was_damaged, damaged);
                assert_eq!(app.text("SELECT x FROM t"), "ä then");
                assert_eq!(app.text("PRAGMA encoding"), there);
                assert_eq!(app.text("PRAGMA journal_mode"), mode);
                assert!(!note(&app).exists());
                if !damaged {
                    let replaced = BackupRef::File(back(&restored).replaced.unwrap());
                    app.migrator()
                        .database(app.database())
                        .restore(&replaced)
                        .unwrap();
                    assert_eq!(app.text("SELECT x FROM t"), "ö now");
                }
            }
        }
    }
}
