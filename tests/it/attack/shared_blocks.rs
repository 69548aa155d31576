//! File systems that share blocks: a backup is a clone there. The locks survive that it is made, it
//! is the state before the run, and it is there after a power cut.

use std::io::Write;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};

use heirloom::Verify;

use crate::support::app::{App, contents, data, is_healthy, number_in, part};

/// A file system in a file, mounted. It is gone when it is dropped.
struct Mounted {
    image: PathBuf,
    folder: tempfile::TempDir,
}

impl Mounted {
    fn make(kind: &str, image: &Path, test: &str) -> Option<Mounted> {
        let bytes = 512 << 20;
        std::fs::File::create(image)
            .unwrap()
            .set_len(bytes)
            .unwrap();
        let made = Command::new(format!("mkfs.{kind}"))
            .args(["-q"])
            .arg(image)
            .stdout(Stdio::null())
            .stderr(Stdio::null())
            .status();
        match made {
            Ok(status) if status.success() => Mounted::of(image, test),
            _ => skipped(test, &format!("there is no mkfs.{kind}")),
        }
    }

    /// None where this user may not mount, which the test says aloud.
    fn of(image: &Path, test: &str) -> Option<Mounted> {
        let folder = tempfile::tempdir().unwrap();
        let mounted = Command::new("mount")
            .args(["-o", "loop"])
            .args([image, folder.path()])
            .stderr(Stdio::null())
            .status();
        match mounted.is_ok_and(|status| status.success()) {
            true => Some(Mounted {
                image: image.to_owned(),
                folder,
            }),
            false => skipped(test, "a file system cannot be mounted"),
        }
    }

    fn path(&self) -> PathBuf {
        self.folder.path().canonicalize().unwrap()
    }
}

impl Drop for Mounted {
    fn drop(&mut self) {
        let _ = Command::new("umount").arg(self.folder.path()).status();
    }
}

/// Says so past the capture of the test's output.
fn skipped<T>(test: &str, why: &str) -> Option<T> {
    let mut terminal = std::io::stderr();
    writeln!(terminal, "SKIPPED {test}: {why}").unwrap();
    None
}

/// On each file system that can be made and mounted here: its kind, and where it is.
fn on_each(what: &str, check: impl Fn(&str, Mounted)) {
    for kind in ["btrfs", "xfs"] {
        let test = format!("{what} on {kind}");
        let images = tempfile::tempdir().unwrap();
        let image = images.path().join("disk");
        if let Some(mounted) = Mounted::make(kind, &image, &test) {
            check(kind, mounted);
        }
    }
}

/// Whether all that a file holds beyond its first blocks is another file's too. None where there is
/// no program to ask.
fn shares(path: &Path) -> Option<bool> {
    let output = Command::new("filefrag").arg("-v").arg(path).output().ok()?;
    let text = String::from_utf8_lossy(&output.stdout).into_owned();
    Some(text.lines().filter(|line| line.contains("shared")).count() > 0)
}

/// An app at version 1 with 4 MB of rows and a second migration.
fn app_on(mounted: &Mounted, mode: &str) -> App {
    let app = App::at(mounted.path().join(mode));
    std::fs::create_dir_all(app.migrations()).unwrap();
    app.file("V1__a.sql", "CREATE TABLE t (id INTEGER PRIMARY KEY, x)");
    app.run().unwrap();
    app.sql(&format!(
        "PRAGMA journal_mode = {mode};
         WITH RECURSIVE n (i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n WHERE i < 4000)
         INSERT INTO t SELECT i, randomblob(1000) FROM n"
    ));
    app.file("V2__b.sql", "UPDATE t SET x = 'new' WHERE id % 2");
    app
}

#[test]
fn a_backup_that_is_a_clone_holds_the_old_state_and_the_locks_stay() {
    on_each("a backup that is a clone", |kind, mounted| {
        for mode in ["delete", "wal"] {
            let app = app_on(&mounted, mode);
            let what = format!("{kind}, {mode}");
            let old = data(&app.database());
            // The lock that keeps writers out is SQLite's, on the file.
            let migrator = app.migrator().before_run(|_| {
                let intruder = part("dies-in-sql", &app)
                    .env(
                        "HEIRLOOM_TEST_AT",
                        "PRAGMA busy_timeout = 0; INSERT INTO t VALUES (99999, 'intruder')",
                    )
                    .output()?;
                let said = String::from_utf8_lossy(&intruder.stderr).into_owned();
                match said.contains("database is locked") {
                    true => Ok(()),
                    false => Err(format!("another process was let in: {said}").into()),
                }
            });
            let report = migrator.migrate(app.database()).unwrap();
            let backup = report.backup.unwrap();
            assert_eq!(
                app.number("SELECT count(*) FROM t WHERE x = 'new'"),
                2_000,
                "{what}"
            );
            assert!(
                data(&backup) == old,
                "{what}: the backup is not the state before"
            );
            assert_ne!(shares(&backup), Some(false), "{what}: it is not a clone");
            let migrator = app.migrator();
            let listed = migrator.database(app.database());
            let listed = listed.backups(Verify::Everything).unwrap();
            assert!(
                listed.iter().all(|copy| copy.verified),
                "{what}: {listed:?}"
            );
        }
        drop(mounted);
    });
}

/// A database that fills more than half of the disk: a copy would not fit, and a clone needs no room.
#[test]
fn no_room_is_demanded_for_what_is_shared_and_what_a_clone_occupies_is_told() {
    on_each("room for a clone", |kind, mounted| {
        let app = app_on(&mounted, "delete");
        app.sql(
            "CREATE TABLE large (id INTEGER PRIMARY KEY, x);
             WITH RECURSIVE n (i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n WHERE i < 270)
             INSERT INTO large SELECT i, zeroblob(1000000) FROM n",
        );
        let migrator = app.migrator();
        let database = migrator.database(app.database());
        let diagnosis = database.doctor().unwrap();
        assert_eq!(diagnosis.needed_bytes, 0, "{kind}: {diagnosis:?}");
        assert!(is_healthy(&diagnosis), "{kind}: {diagnosis:?}");
        database.rehearse(None).unwrap();
        let backup = app.run().unwrap().backup.unwrap();
        let old = "SELECT count(*) FROM t JOIN large USING (id) WHERE t.x <> 'new' AND length(large.x) = 1000000";
        assert_eq!(number_in(&backup, old), 270, "{kind}");
        let listed = database.backups(Verify::Digest).unwrap();
        assert!(listed[0].verified, "{kind}");
        // The half of the small table that was changed, and what the file system keeps with it.
        let alone = listed[0].unshared_bytes.unwrap();
        assert!(alone < 20_000_000, "{kind}: {alone}");
        assert!(listed[0].bytes > 270_000_000);
        let stats = database.stats().unwrap().backups;
        assert_eq!(
            stats.bytes,
            listed.iter().map(|copy| copy.bytes).sum::<u64>()
        );
        assert!(
            stats.unshared_bytes.unwrap() < 20_000_000,
            "{kind}: {stats:?}"
        );
        // Without its original it shares nothing.
        std::fs::remove_file(app.database()).unwrap();
        let listed = database.backups(Verify::Length).unwrap();
        assert_eq!(listed[0].unshared_bytes, None, "{kind}");
    });
}

/// What the file system has written to the disk by the end of the call, and nothing of its memory.
#[test]
fn a_snapshot_that_is_a_clone_survives_a_power_cut() {
    on_each("a power cut after a clone", |kind, mounted| {
        let app = app_on(&mounted, "wal");
        let old = contents(&app.database());
        let taken = app
            .migrator()
            .database(app.database())
            .snapshot("s")
            .unwrap();
        assert_ne!(
            shares(&taken.file),
            Some(false),
            "{kind}: it is not a clone"
        );
        let name = taken.file.strip_prefix(mounted.path()).unwrap().to_owned();
        let after = mounted.image.with_file_name("disk-after");
        std::fs::copy(&mounted.image, &after).unwrap();
        drop(mounted);
        let again = Mounted::of(&after, "a power cut after a clone").unwrap();
        let app = App::at(again.path().join("wal"));
        assert!(contents(&again.path().join(&name)) == old, "{kind}");
        let migrator = app.migrator();
        let listed = migrator.database(app.database());
        let listed = listed.backups(Verify::Everything).unwrap();
        assert!(
            listed.len() == 1 && listed[0].verified,
            "{kind}: {listed:?}"
        );
    });
}
