//! Surroundings that refuse: a disk that is full, folders that are read-only, gone or something
//! else, no file handle left. The data is old or new, the message says why, and the exit code
//! is that of the contract.

use std::io::Write;
use std::path::{Path, PathBuf};
use std::process::{Command, Output, Stdio};

use heirloom::{BackupRef, DataState, Event, Verify};

use crate::cli::contract::{command, heirloom, text};
use crate::support::app::{App, as_ordinary_user, data};

/// A small file system of its own, in memory. It is gone when it is dropped.
struct Tmpfs {
    folder: tempfile::TempDir,
}

impl Tmpfs {
    /// None where this user may not mount, which the test says aloud: past the capture of
    /// the test's output.
    fn mount(test: &str) -> Option<Tmpfs> {
        let folder = tempfile::tempdir().unwrap();
        let mounted = Command::new("mount")
            .args(["-t", "tmpfs", "-o", "size=8m", "tmpfs"])
            .arg(folder.path())
            .stderr(Stdio::null())
            .status();
        if mounted.is_ok_and(|status| status.success()) {
            return Some(Tmpfs { folder });
        }
        let mut terminal = std::io::stderr();
        writeln!(terminal, "SKIPPED {test}: a file system cannot be mounted").unwrap();
        None
    }

    fn path(&self) -> PathBuf {
        self.folder.path().canonicalize().unwrap()
    }

    /// Leaves this many bytes free; none takes nothing.
    fn leave(&self, bytes: Option<u64>) {
        let filler = self.path().join("filler");
        let _ = std::fs::remove_file(&filler);
        if let Some(bytes) = bytes {
            let free = fs4::available_space(self.path()).unwrap();
            let filling = free.saturating_sub(bytes) as usize;
            std::fs::write(filler, vec![0; filling]).unwrap();
        }
    }

    fn read_only(&self, on: bool) {
        let mode = if on { "remount,ro" } else { "remount,rw" };
        let done = Command::new("mount")
            .args(["-o", mode])
            .arg(self.path())
            .status();
        assert!(done.unwrap().success());
    }
}

impl Drop for Tmpfs {
    fn drop(&mut self) {
        let _ = Command::new("umount").arg(self.path()).status();
    }
}

const VERBS: [(&str, &[&str]); 5] = [
    ("run", &["run"]),
    ("revert", &["revert", "--to", "1"]),
    ("snapshot", &["snapshot", "--name", "named"]),
    ("restore", &["restore", "latest", "--yes"]),
    (
        "restore-snapshot",
        &["restore-snapshot", "--name", "kept", "--yes"],
    ),
];

/// An app in a folder, at version 1 where it is to be run or copied, else at 2, with copies.
fn app_at(folder: &Path, mode: &str, verb: &str) -> App {
    let app = App::at(folder.join("app"));
    let _ = std::fs::remove_dir_all(app.folder());
    std::fs::create_dir_all(app.migrations()).unwrap();
    app.file(
        "V1__a.sql",
        "CREATE TABLE t (id INTEGER PRIMARY KEY, x TEXT);",
    );
    app.run().unwrap();
    app.sql(&format!(
        "PRAGMA journal_mode = {mode};
         WITH RECURSIVE n (i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n WHERE i < 400)
         INSERT INTO t SELECT i, printf('%0200d', i) FROM n;"
    ));
    app.file(
        "V2__b.sql",
        "CREATE TABLE n (id INTEGER PRIMARY KEY, x TEXT NOT NULL, y DEFAULT 1);
         INSERT INTO n (id, x) SELECT id, x FROM t; DROP TABLE t; ALTER TABLE n RENAME TO t;",
    );
    app.file(
        "V2__b.down.sql",
        "CREATE TABLE n (id INTEGER PRIMARY KEY, x TEXT);
         INSERT INTO n SELECT id, x FROM t; DROP TABLE t; ALTER TABLE n RENAME TO t;",
    );
    if verb.starts_with("re") {
        app.migrator()
            .database(app.database())
            .snapshot("kept")
            .unwrap();
        app.run().unwrap();
        app.sql("UPDATE t SET x = x || 'changed' WHERE id % 5 = 0");
    }
    app
}

/// The data is old and the command says so, or new and it says that.
#[track_caller]
fn old_or_new(output: &Output, old: &[String], app: &App, what: &str) -> bool {
    let said = text(output);
    let done = match output.status.code() {
        Some(0) => true,
        Some(1) => false,
        code => panic!("{what}: {code:?}: {said}"),
    };
    if !done {
        assert!(said.contains("error:"), "{what}: {said}");
        assert!(data(&app.database()) == old, "{what}: {said}");
    }
    for copy in app
        .migrator()
        .database(app.database())
        .backups(Verify::Everything)
        .unwrap()
    {
        assert!(copy.verified, "{what}: {copy:?}");
    }
    done
}

/// The data after the verb, found out on a twin.
fn new_data(folder: &Path, mode: &str, verb: &str, arguments: &[&str]) -> Vec<String> {
    let twin = app_at(folder, mode, verb);
    let output = heirloom(&twin, arguments);
    assert!(output.status.success(), "{verb}: {}", text(&output));
    data(&twin.database())
}

#[test]
fn a_full_disk_at_any_size_leaves_old_or_new_and_says_that_it_is_full() {
    let Some(disk) = Tmpfs::mount("a full disk") else {
        return;
    };
    let elsewhere = tempfile::tempdir().unwrap();
    for mode in ["delete", "wal"] {
        for (verb, arguments) in VERBS {
            let new = new_data(elsewhere.path(), mode, verb, arguments);
            let mut refused = 0;
            for room in (0..2_000).step_by(28) {
                let app = app_at(&disk.path(), mode, verb);
                let old = data(&app.database());
                let what = format!("{verb} in {mode} with {room} KiB");
                disk.leave(Some(room * 1024));
                let output = heirloom(&app, arguments);
                let said = text(&output);
                disk.leave(None);
                if old_or_new(&output, &old, &app, &what) {
                    assert!(data(&app.database()) == new, "{what}");
                    assert!(refused > 0, "{what}: never full");
                    break;
                }
                refused += 1;
                assert!(said.contains("free some space"), "{what}: {said}");
                // With room, the same command does it, and nothing half is left.
                let output = heirloom(&app, arguments);
                assert!(output.status.success(), "{what}: {}", text(&output));
                assert!(data(&app.database()) == new, "{what}");
                for (path, _) in app.listing() {
                    assert!(!path.to_string_lossy().ends_with(".partial"), "{path:?}");
                }
            }
            assert!(refused < 70, "{verb}: never enough");
        }
    }
}

/// What cannot run in a transaction commits before the disk is full, and putting it back needs
/// room too. Then the good copy is named, and the next start with room does it.
#[test]
fn a_full_disk_outside_a_transaction_is_put_back_now_or_at_the_next_start() {
    let Some(disk) = Tmpfs::mount("a full disk outside a transaction") else {
        return;
    };
    let (mut put_back, mut left) = (0, 0);
    for mode in ["delete", "wal"] {
        for room in (0..).step_by(36) {
            let app = app_at(&disk.path(), mode, "run");
            app.file(
                "V2__b.sql",
                "-- heirloom: no-transaction
                 UPDATE t SET x = 'a' || x WHERE id % 2; UPDATE t SET x = x || x; VACUUM;",
            );
            let old = data(&app.database());
            let what = format!("{mode} with {room} KiB");
            disk.leave(Some(room * 1024));
            let output = heirloom(&app, &["run"]);
            let said = text(&output);
            disk.leave(None);
            match output.status.code() {
                Some(0) => break,
                Some(1) => {
                    put_back += 1;
                    assert!(data(&app.database()) == old, "{what}: {said}");
                }
                Some(7) => {
                    left += 1;
                    let good = app
                        .backups()
                        .into_iter()
                        .find(|copy| said.contains(copy.to_str().unwrap()) && data(copy) == old);
                    assert!(good.is_some(), "{what}: {said}");
                }
                code => panic!("{what}: {code:?}: {said}"),
            }
            assert!(said.contains("free some space"), "{what}: {said}");
            let seen = std::sync::Mutex::new(None);
            let migrator = app.migrator().before_run(|_| {
                *seen.lock().unwrap() = Some(data(&app.database()));
                Ok(())
            });
            migrator.migrate(app.database()).unwrap();
            let seen = seen.lock().unwrap().take().unwrap();
            assert!(seen == old, "{what}");
            assert_eq!(app.number("SELECT count(*) FROM t WHERE x LIKE 'a%'"), 200);
        }
    }
    assert!(put_back > 0, "{put_back} {left}");
}

#[test]
fn a_read_only_file_system_is_named_and_nothing_changes() {
    let Some(disk) = Tmpfs::mount("a read-only file system") else {
        return;
    };
    for mode in ["delete", "wal"] {
        for (verb, arguments) in VERBS {
            let app = app_at(&disk.path(), mode, verb);
            let before = app.listing();
            disk.read_only(true);
            let output = heirloom(&app, arguments);
            assert!(app.listing() == before, "{verb}");
            disk.read_only(false);
            let said = text(&output);
            assert_eq!(output.status.code(), Some(1), "{verb} in {mode}: {said}");
            let told = said.contains("writable") || said.contains("read-only");
            assert!(told, "{verb} in {mode}: {said}");
        }
    }
}

/// A revert in such a folder, where the lock file was there already, failed at its first
/// statement, and one was told to correct that.
///
/// Root may write everywhere, so it is an ordinary user's work in any case.
#[test]
fn a_folder_that_cannot_be_written_to_is_named_and_the_data_is_as_it_was() {
    use std::os::unix::fs::PermissionsExt;
    let permit = |path: &Path, mode| {
        std::fs::set_permissions(path, std::fs::Permissions::from_mode(mode)).unwrap();
    };
    for (verb, closed) in [
        ("run", "backups"),
        ("revert", "backups"),
        ("restore", "backups"),
        ("restore-snapshot", "backups"),
        ("snapshot", "snapshots"),
        ("run", "."),
        ("revert", "."),
        ("restore", "."),
        ("snapshot", "."),
    ] {
        let guard = tempfile::tempdir().unwrap();
        permit(guard.path(), 0o755);
        let app = app_at(&guard.path().canonicalize().unwrap(), "delete", verb);
        let old = data(&app.database());
        let folder = app.folder().join(closed);
        std::fs::create_dir_all(&folder).unwrap();
        let mut works = as_ordinary_user("works", &app);
        works.env("HEIRLOOM_TEST_AT", verb).stderr(Stdio::piped());
        permit(&folder, 0o555);
        let output = works.output().unwrap();
        permit(&folder, 0o755);
        let said = text(&output);
        assert!(!output.status.success(), "{verb} {closed}");
        assert!(said.contains("Io: "), "{verb} {closed}: {said}");
        let unchanged = ["was not changed", "every change was rolled back"];
        let told = unchanged.iter().any(|state| said.contains(state));
        assert!(told, "{verb} {closed}: {said}");
        assert!(said.contains("writable"), "{verb} {closed}: {said}");
        assert!(data(&app.database()) == old, "{verb} {closed}");
    }
}

#[test]
fn with_any_number_of_file_handles_the_data_is_old_or_new() {
    let guard = tempfile::tempdir().unwrap();
    for mode in ["delete", "wal"] {
        for (verb, arguments) in VERBS {
            let new = new_data(guard.path(), mode, verb, arguments);
            let mut refused = 0;
            // Three are taken from the start, and the loader needs one.
            for handles in 4.. {
                let app = app_at(guard.path(), mode, verb);
                let old = data(&app.database());
                let inner = command(&app, arguments);
                let mut limited = Command::new("sh");
                limited
                    .args(["-c", "ulimit -n $0 && exec \"$@\"", &handles.to_string()])
                    .arg(inner.get_program())
                    .args(inner.get_args())
                    .current_dir(app.folder())
                    .env("HEIRLOOM_DATABASE", app.database())
                    .stdin(Stdio::null());
                let output = limited.output().unwrap();
                let what = format!("{verb} in {mode} with {handles} handles");
                assert!(handles < 64, "{what}: {}", text(&output));
                // The loader had too few: whoever runs the tests may hand handles down, as a
                // make or a cargo with a job server does.
                if output.status.code() == Some(127) {
                    assert!(data(&app.database()) == old, "{what}");
                    continue;
                }
                if old_or_new(&output, &old, &app, &what) {
                    assert!(data(&app.database()) == new, "{what}");
                    break;
                }
                refused += 1;
                let output = heirloom(&app, arguments);
                assert!(output.status.success(), "{what}: {}", text(&output));
                assert!(data(&app.database()) == new, "{what}");
            }
            assert!(refused > 1, "{verb}: {refused}");
        }
    }
}

#[test]
fn backups_on_another_file_system_are_taken_kept_and_put_back() {
    let Some(disk) = Tmpfs::mount("backups on another file system") else {
        return;
    };
    let app = App::new();
    app.sql("CREATE TABLE t (x); INSERT INTO t VALUES (1)");
    app.file("V1__a.sql", "CREATE TABLE a (x)")
        .file("V1__a.down.sql", "DROP TABLE a");
    let old = data(&app.database());
    let folder = disk.path().join("copies");
    let migrator = || app.migrator().backups(&folder).keep_last(1);
    let backup = migrator().migrate(app.database()).unwrap().backup.unwrap();
    assert_eq!(backup.parent(), Some(folder.as_path()));
    assert_eq!(data(&backup), old);
    migrator()
        .database(app.database())
        .restore(&BackupRef::Latest)
        .unwrap();
    assert_eq!(data(&app.database()), old);
    // One that fails after its commit is put back from there.
    app.file(
        "V2__b.sql",
        "-- heirloom: no-transaction\nUPDATE t SET x = 5;\nSELECT abs(-9223372036854775807 - 1);",
    );
    let error = migrator().migrate(app.database()).unwrap_err();
    assert!(
        matches!(error.data_state(), DataState::Restored { .. }),
        "{error:#}"
    );
    assert_eq!(data(&app.database()), old);
    std::fs::remove_file(app.migrations().join("V2__b.sql")).unwrap();
    // Full there, and room enough here: refused before the first change.
    app.sql("INSERT INTO t VALUES (2)");
    let old = data(&app.database());
    disk.leave(Some(0));
    let error = migrator().migrate(app.database()).unwrap_err();
    assert_eq!(error.kind(), heirloom::ErrorKind::DiskFull, "{error:#}");
    assert_eq!(data(&app.database()), old);
    disk.leave(None);
    assert_eq!(migrator().migrate(app.database()).unwrap().version, Some(1));
}

/// There was room for the backup and not for the rebuild after it: each start took the backup, filled
/// the disk and took everything back.
#[test]
fn a_rebuild_that_will_have_no_room_is_refused_before_the_backup() {
    let Some(disk) = Tmpfs::mount("no room for a rebuild") else {
        return;
    };
    let app = App::at(disk.path().join("app"));
    std::fs::create_dir_all(app.migrations()).unwrap();
    app.file(
        "V1__a.sql",
        "CREATE TABLE t (id INTEGER PRIMARY KEY, x TEXT, y BLOB);",
    );
    app.run().unwrap();
    app.sql(
        "WITH RECURSIVE n (i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n WHERE i < 400)
        INSERT INTO t SELECT i, printf('%0200d', i), zeroblob(1000) FROM n;",
    );
    let bytes = std::fs::metadata(app.database()).unwrap().len();
    let rebuild = |columns: &str, kept: &str| {
        format!(
            "-- heirloom: allow-destructive
             CREATE TABLE n ({columns}); INSERT INTO n SELECT {kept} FROM t;
             DROP TABLE t; ALTER TABLE n RENAME TO t;"
        )
    };
    let all = rebuild(
        "id INTEGER PRIMARY KEY, x TEXT NOT NULL, y BLOB",
        "id, x, y",
    );
    app.file("V2__b.sql", &all);
    disk.leave(Some(bytes + bytes / 2));
    let old = data(&app.database());
    let error = app.run().unwrap_err();
    assert_eq!(error.kind(), heirloom::ErrorKind::DiskFull, "{error:#}");
    assert_eq!(*error.data_state(), DataState::Untouched);
    assert!(app.backups().is_empty());
    assert_eq!(data(&app.database()), old);
    // One that makes the table smaller may have room enough.
    app.file(
        "V2__b.sql",
        &rebuild("id INTEGER PRIMARY KEY, x TEXT NOT NULL", "id, x"),
    );
    assert_eq!(app.run().unwrap().version, Some(2));
    assert_eq!(app.number("SELECT count(*) FROM t"), 400);
}

#[test]
fn a_backups_folder_that_was_deleted_is_made_again() {
    let app = App::new();
    app.sql("CREATE TABLE t (x); INSERT INTO t VALUES (1)");
    app.file("V1__a.sql", "CREATE TABLE a (x)");
    app.run().unwrap();
    std::fs::remove_dir_all(app.folder().join("backups")).unwrap();
    assert!(app.run().unwrap().is_up_to_date());
    app.file("V2__b.sql", "CREATE TABLE b (x)");
    let old = data(&app.database());
    let backup = app.run().unwrap().backup.unwrap();
    assert_eq!(data(&backup), old);
    assert_eq!(app.backups(), [backup]);
}

/// Somebody cleans up while the app starts. A failure outside a transaction kept the half-done
/// state under the name of the copy that was gone, and then called that the last good one.
/// Whatever is said, no copy is promised that does not exist.
#[test]
fn a_backups_folder_that_is_deleted_during_a_run_leaves_old_or_new() {
    const FAILS: &str = "SELECT abs(-9223372036854775807 - 1);";
    const FREE: &str = "-- heirloom: no-transaction\n";
    for (sql, succeeds) in [
        ("UPDATE t SET x = 2;".to_owned(), true),
        (format!("UPDATE t SET x = 2; {FAILS}"), false),
        (format!("{FREE}UPDATE t SET x = 2;"), true),
        (format!("{FREE}UPDATE t SET x = 2; {FAILS}"), false),
    ] {
        for moment in 0.. {
            let app = App::new();
            app.sql("CREATE TABLE t (x); INSERT INTO t VALUES (1)");
            app.file("V1__a.sql", &sql);
            let old = data(&app.database());
            let folder = app.folder().join("backups");
            let (mut seen, mut committed) = (0, false);
            let result = app
                .migrator()
                .on_event(|event| {
                    if seen == moment {
                        let _ = std::fs::remove_dir_all(&folder);
                    }
                    seen += 1;
                    committed |= matches!(event, Event::Started { .. });
                })
                .migrate(app.database());
            let reached = seen > moment;
            let what = format!("{sql} at {moment}: {result:?}");
            match result {
                Ok(_) => {
                    assert!(succeeds, "{what}");
                    assert_eq!(app.number("SELECT x FROM t"), 2, "{what}");
                }
                // Outside a transaction there is nothing to take it back with.
                Err(error) if matches!(error.data_state(), DataState::NeedsAttention { .. }) => {
                    assert!(sql.starts_with(FREE) && committed, "{what}");
                    let none = DataState::NeedsAttention { good_copy: None };
                    assert_eq!(*error.data_state(), none, "{what}");
                    assert_eq!(error.backup(), None, "{what}");
                }
                Err(error) => {
                    assert!(error.data_state().is_unchanged(), "{what}");
                    assert_eq!(data(&app.database()), old, "{what}");
                    assert!(error.backup().is_none_or(Path::exists), "{what}");
                }
            }
            if !reached {
                break;
            }
        }
    }
}

#[test]
fn a_backups_folder_that_is_something_else_is_named_and_nothing_changes() {
    use std::os::unix::fs::symlink;
    type Put<'p> = &'p dyn Fn(&Path);
    let file = |path: &Path| std::fs::write(path, "a file").unwrap();
    let to_a_file = |path: &Path| {
        std::fs::write(path.with_file_name("other"), "a file").unwrap();
        symlink("other", path).unwrap();
    };
    let dangling = |path: &Path| symlink("nowhere", path).unwrap();
    let circle = |path: &Path| symlink(path, path).unwrap();
    let pipe = |path: &Path| {
        assert!(
            std::process::Command::new("mkfifo")
                .arg(path)
                .status()
                .unwrap()
                .success()
        );
    };
    let socket = |path: &Path| {
        drop(std::os::unix::net::UnixListener::bind(path).unwrap());
    };
    let device = |path: &Path| symlink("/dev/zero", path).unwrap();
    let cases: [(&str, Put<'_>); 7] = [
        ("file", &file),
        ("link to a file", &to_a_file),
        ("dangling", &dangling),
        ("circle", &circle),
        ("named pipe", &pipe),
        ("socket", &socket),
        ("device", &device),
    ];
    let guard = tempfile::tempdir().unwrap();
    for (what, put) in cases {
        for (verb, arguments) in VERBS {
            let app = app_at(guard.path(), "delete", verb);
            let folder = match verb {
                "snapshot" => app.folder().join("snapshots"),
                _ => app.folder().join("backups"),
            };
            let _ = std::fs::remove_dir_all(&folder);
            let _ = std::fs::remove_file(app.folder().join("other"));
            put(&folder);
            let old = data(&app.database());
            let output = heirloom(&app, arguments);
            let said = text(&output);
            assert_eq!(output.status.code(), Some(1), "{verb} {what}: {said}");
            assert_eq!(data(&app.database()), old, "{verb} {what}: {said}");
            let name = folder.file_name().unwrap().to_str().unwrap();
            assert!(said.contains(name), "{verb} {what}: {said}");
            assert!(said.contains("not a folder"), "{verb} {what}: {said}");
            assert!(said.contains("move it away"), "{verb} {what}: {said}");
        }
    }
}

#[test]
fn a_backups_folder_behind_a_link_is_used_where_it_is() {
    let elsewhere = tempfile::tempdir().unwrap();
    let app = App::new();
    app.sql("CREATE TABLE t (x); INSERT INTO t VALUES (1)");
    app.file("V1__a.sql", "CREATE TABLE a (x)");
    let old = data(&app.database());
    std::os::unix::fs::symlink(elsewhere.path(), app.folder().join("backups")).unwrap();
    let backup = app.run().unwrap().backup.unwrap();
    let there = elsewhere.path().join(backup.file_name().unwrap());
    assert_eq!(data(&there), old);
    app.migrator()
        .database(app.database())
        .restore(&BackupRef::Latest)
        .unwrap();
    assert_eq!(data(&app.database()), old);
}

/// The clock jumps about by years between starts. Names are labels then; what is newest, what
/// `latest` is and what retention removes is by the order in which copies were made.
#[test]
fn whatever_the_clock_does_copies_keep_the_order_in_which_they_were_made() {
    let app = App::new();
    app.sql("CREATE TABLE t (x)");
    let mut made = Vec::new();
    for (number, year) in [2031, 2003, 2045, 1999, 2012, 2044].into_iter().enumerate() {
        app.sql(&format!("INSERT INTO t VALUES ({number})"));
        app.file(&format!("V{}__v.sql", number + 1), "SELECT 1");
        let backup = app.migrator().keep_last(4).migrate(app.database());
        let backup = backup.unwrap().backup.unwrap();
        // As if it had been that year.
        let dated = backup.with_file_name(format!("app-{year}-02-03T04-05-06.db"));
        let record = |copy: &Path| {
            let name = copy.file_name().unwrap().to_str().unwrap();
            copy.with_file_name(format!(".{name}.record"))
        };
        std::fs::rename(&backup, &dated).unwrap();
        let text = std::fs::read_to_string(record(&backup)).unwrap();
        let line = text.lines().find(|line| line.starts_with("created-at"));
        let text = text.replace(
            line.unwrap(),
            &format!("created-at: {year}-02-03T04:05:06Z"),
        );
        std::fs::remove_file(record(&backup)).unwrap();
        std::fs::write(record(&dated), text).unwrap();
        made.insert(0, dated);
    }
    let copies = app
        .migrator()
        .database(app.database())
        .backups(Verify::Everything);
    let files: Vec<PathBuf> = copies.unwrap().into_iter().map(|copy| copy.file).collect();
    assert_eq!(files, made[..4]);
    let restored = app
        .migrator()
        .database(app.database())
        .restore(&BackupRef::Latest);
    assert_eq!(restored.unwrap().restored.unwrap().file, made[0]);
}

/// The kernel lists locks by the numbers of files, which each file system counts for itself.
#[cfg(target_os = "linux")]
#[test]
fn whoever_locks_a_file_of_the_same_number_elsewhere_is_not_named() {
    use std::os::unix::fs::MetadataExt;

    use crate::cli::contract::json;
    let test = "whoever_locks_a_file_of_the_same_number_elsewhere_is_not_named";
    let (Some(one), Some(other)) = (Tmpfs::mount(test), Tmpfs::mount(test)) else {
        return;
    };
    let (one, other) = (App::at(one.path()), App::at(other.path()));
    let held = one.connect();
    held.execute_batch("CREATE TABLE t (x); BEGIN IMMEDIATE")
        .unwrap();
    other.sql("CREATE TABLE t (x)");
    let number = |app: &App| app.database().metadata().unwrap().ino();
    assert_eq!(number(&one), number(&other));
    let holder = |app: &App| json(app, &["doctor"]).1["held_by"].clone();
    let own = format!("pid {} ", std::process::id());
    assert!(holder(&one).as_str().unwrap().starts_with(&own));
    assert!(holder(&other).is_null(), "{}", holder(&other));
}
