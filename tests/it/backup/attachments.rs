//! Folders of files that a snapshot takes along.

use std::sync::Mutex;

use heirloom::{BackupRef, ErrorKind, Event};

use crate::support::app::{App, back};

fn app() -> App {
    let app = App::new();
    app.file("V1__t.sql", "CREATE TABLE t (x); INSERT INTO t VALUES (1)");
    app.run().unwrap();
    let files = app.folder().join("files");
    std::fs::create_dir_all(files.join("2026")).unwrap();
    std::fs::write(files.join("a.txt"), "a").unwrap();
    std::fs::write(files.join("2026").join("b.txt"), "b").unwrap();
    app
}

fn snapshot(app: &App, folders: &[&str]) -> Result<heirloom::BackupInfo, heirloom::Error> {
    let folders: Vec<_> = folders.iter().map(Into::into).collect();
    app.migrator()
        .database(app.database())
        .snapshot_with("before", &folders)
}

#[test]
fn files_come_back_with_the_database_and_what_they_replace_is_kept() {
    let app = app();
    let files = app.folder().join("files");
    snapshot(&app, &["files"]).unwrap();
    app.sql("DELETE FROM t");
    std::fs::write(files.join("a.txt"), "changed").unwrap();
    std::fs::write(files.join("new.txt"), "new").unwrap();
    std::fs::remove_file(files.join("2026").join("b.txt")).unwrap();
    let wanted = BackupRef::Snapshot("before".into());
    let plan = app
        .migrator()
        .database(app.database())
        .plan_restore(&wanted);
    assert_eq!(plan.unwrap().folders, std::slice::from_ref(&files));
    let restored = app
        .migrator()
        .database(app.database())
        .restore(&wanted)
        .unwrap();
    assert_eq!(back(&restored).folders, std::slice::from_ref(&files));
    let replaced = back(&restored).replaced_folders.unwrap().join("files");
    assert_eq!(std::fs::read(replaced.join("new.txt")).unwrap(), b"new");
    assert_eq!(app.number("SELECT count(*) FROM t"), 1);
    let read = |path: &std::path::Path| std::fs::read_to_string(path).unwrap();
    assert_eq!(read(&files.join("a.txt")), "a");
    assert_eq!(read(&files.join("2026").join("b.txt")), "b");
    assert!(!files.join("new.txt").exists());
    let kept: Vec<_> = app
        .listing()
        .into_iter()
        .filter(|(path, _)| path.to_string_lossy().contains("files-replaced-"))
        .map(|(_, bytes)| String::from_utf8(bytes).unwrap())
        .collect();
    assert_eq!(kept, ["changed", "new"]);
    // The snapshot itself is whole, and can be put back again.
    app.migrator()
        .database(app.database())
        .restore(&wanted)
        .unwrap();
    assert_eq!(read(&files.join("a.txt")), "a");
}

/// A snapshot was killed when its files had their name and its database did not. Nothing could
/// be called so with files any more, and without files the old ones were taken for its own: a
/// restore put them back over the app's.
#[test]
fn files_that_a_killed_snapshot_left_are_not_taken_for_those_of_the_next() {
    for folders in [&[][..], &["files"]] {
        let app = app();
        let left = app.folder().join("snapshots/before.files/files");
        std::fs::create_dir_all(&left).unwrap();
        std::fs::write(left.join("a.txt"), "left").unwrap();
        snapshot(&app, folders).unwrap();
        let wanted = BackupRef::Snapshot("before".into());
        let restored = app
            .migrator()
            .database(app.database())
            .restore(&wanted)
            .unwrap();
        assert_eq!(back(&restored).folders.len(), folders.len());
        let files = app.folder().join("files/a.txt");
        assert_eq!(std::fs::read_to_string(files).unwrap(), "a");
        // It may be somebody's, so it is only set aside.
        let aside = "snapshots/before.files-unfinished/files/a.txt";
        let aside = std::fs::read_to_string(app.folder().join(aside));
        assert_eq!(aside.unwrap(), "left");
    }
}

/// The computer died when the database was back and its files were not: the app started with the
/// notes of then and the pictures of now, and nobody said a word.
#[test]
fn a_restore_that_died_before_its_files_is_finished_by_the_next_start() {
    for done in ["nothing", "the database", "half of the files", "all"] {
        let app = app();
        let at = |path: &str| app.folder().join(path);
        std::fs::create_dir(at("more")).unwrap();
        std::fs::write(at("more/c.txt"), "c").unwrap();
        snapshot(&app, &["files", "more"]).unwrap();
        app.sql("DELETE FROM t");
        for file in ["files/a.txt", "files/new.txt", "more/c.txt"] {
            std::fs::write(at(file), "now").unwrap();
        }
        let snapshot = at("snapshots/before.db");
        if done != "nothing" {
            let database_alone = BackupRef::File(snapshot.clone());
            let restored = app
                .migrator()
                .database(app.database())
                .restore(&database_alone);
            restored.unwrap();
        }
        let (ready, replaced) = (at(".app.db-restored.files"), at("backups/files-replaced-x"));
        let moved: &[&str] = match done {
            "half of the files" => &["files"],
            "all" => &["files", "more"],
            _ => &[],
        };
        if !moved.is_empty() {
            let everything = fs_extra::dir::CopyOptions::new().content_only(true);
            fs_extra::dir::copy(at("snapshots/before.files"), &ready, &everything).unwrap();
            std::fs::create_dir(&replaced).unwrap();
        }
        for folder in moved {
            std::fs::rename(at(folder), replaced.join(folder)).unwrap();
            std::fs::rename(ready.join(folder), at(folder)).unwrap();
        }
        note(&app, &replaced);
        let status = app.migrator().database(app.database()).status().unwrap();
        assert_eq!(status.interrupted.as_deref(), Some("2026-11-21T09:14:03Z"));

        let report = app.run().unwrap();
        assert!(report.recovered.is_some(), "{done}");
        assert_eq!(app.number("SELECT count(*) FROM t"), 1, "{done}");
        let read = |path: &str| std::fs::read_to_string(at(path)).unwrap();
        let now = ["files/a.txt", "files/2026/b.txt", "more/c.txt"].map(read);
        assert_eq!(now, ["a", "b", "c"], "{done}");
        assert!(!at("files/new.txt").exists(), "{done}");
        let kept = ["files/a.txt", "files/new.txt", "more/c.txt"];
        let kept = kept.map(|file| std::fs::read_to_string(replaced.join(file)).unwrap());
        assert_eq!(kept, ["now", "now", "now"], "{done}");
        assert!(!at("app.db.restore").exists() && !ready.exists(), "{done}");
    }
}

/// A note of a restore with folders, whose snapshot is there.
fn note(app: &App, replaced: &std::path::Path) {
    let at = |path: &str| app.folder().join(path);
    let snapshot = at("snapshots/before.db");
    let digest = blake3::hash(&std::fs::read(&snapshot).unwrap()).to_hex();
    std::fs::write(
        at("app.db.restore"),
        format!(
            "heirloom restore, format 2\nstarted-at: 2026-11-21T09:14:03Z\nblake3: {digest}\njournal-mode: delete\ncopy: {}\nfolders: {}\nreplaced: {}\n",
            snapshot.display(),
            at("snapshots/before.files").display(),
            replaced.display()
        ),
    )
    .unwrap();
}

/// The files could not be put back, and a person went on with the database that was: the next
/// start restored it again, over the rows of since, of which there was no copy.
#[test]
fn rows_written_between_a_restore_and_its_end_are_kept() {
    for end in ["run", "the same restore", "a restore of another copy"] {
        let app = app();
        snapshot(&app, &["files"]).unwrap();
        app.migrator()
            .database(app.database())
            .snapshot("other")
            .unwrap();
        note_a_restore(&app);
        app.sql("INSERT INTO t VALUES ('since')");
        let wanted = |name: &str| BackupRef::Snapshot(name.into());
        match end {
            "run" => {
                let recovered = app.run().unwrap().recovered.unwrap();
                assert!(recovered.replaced.is_some());
            }
            "the same restore" => {
                let restored = app
                    .migrator()
                    .database(app.database())
                    .restore(&wanted("before"));
                restored.unwrap();
            }
            _ => {
                std::fs::remove_file(app.folder().join("snapshots/before.db")).unwrap();
                let restored = app
                    .migrator()
                    .database(app.database())
                    .restore(&wanted("other"));
                restored.unwrap();
            }
        }
        assert_eq!(app.number("SELECT count(*) FROM t"), 1, "{end}");
        let kept = app.backups().into_iter().filter(|copy| {
            crate::support::app::number_in(copy, "SELECT count(*) FROM t WHERE x = 'since'") == 1
        });
        assert_eq!(kept.count(), 1, "{end}");
    }
}

/// The note of a restore in a format of later was called no note, to be removed: the files would
/// have stayed those of another day.
#[test]
fn a_note_of_a_newer_version_is_left_to_it() {
    let app = app();
    let path = app.folder().join("app.db.restore");
    std::fs::write(&path, "heirloom restore, format 3\nwhatever: it says\n").unwrap();
    let refused = app.refused(ErrorKind::NeedsAttention);
    assert!(refused.to_string().contains("newer version"), "{refused}");
    assert!(refused.help().unwrap().starts_with("leave it there"));
    assert!(path.exists());
}

/// The snapshot of a restore that was interrupted was deleted: each start of the app failed, and
/// left one more copy of a database that nobody touched.
#[test]
fn starts_that_cannot_finish_a_restore_do_not_fill_the_disk() {
    let app = app();
    snapshot(&app, &["files"]).unwrap();
    note_a_restore(&app);
    app.sql("INSERT INTO t VALUES ('since')");
    std::fs::remove_file(app.folder().join("snapshots/before.db")).unwrap();
    for _ in 0..2 {
        let refused = app.run().unwrap_err();
        assert_eq!(
            refused.help().unwrap().split("; ").last(),
            Some("restore another backup")
        );
    }
    assert_eq!(app.backups(), Vec::<std::path::PathBuf>::new());
    assert_eq!(app.number("SELECT count(*) FROM t"), 2);
}

/// Backups were on another disk, where no folder can be moved to: the restore failed after the
/// database, and every start of the app from then on.
#[test]
fn replaced_files_that_cannot_go_to_the_backups_stay_beside_the_database() {
    let app = app();
    snapshot(&app, &["files"]).unwrap();
    let files = app.folder().join("files");
    std::fs::write(files.join("a.txt"), "now").unwrap();
    // As little as on another disk can a folder be made below a file.
    note(&app, &app.database().join("files-replaced-x"));
    assert!(app.run().unwrap().recovered.is_some());
    let read = |path: &std::path::Path| std::fs::read_to_string(path).unwrap();
    assert_eq!(read(&files.join("a.txt")), "a");
    let kept = app.folder().join("files-replaced-x/files/a.txt");
    assert_eq!(read(&kept), "now");
}

/// A link that led nowhere had the place of a folder: the restore could not be finished, and the
/// app not be started.
#[cfg(unix)]
#[test]
fn a_link_that_leads_nowhere_makes_way_for_a_folder() {
    let app = app();
    snapshot(&app, &["files"]).unwrap();
    let files = app.folder().join("files");
    std::fs::remove_dir_all(&files).unwrap();
    std::os::unix::fs::symlink("nowhere", &files).unwrap();
    let wanted = BackupRef::Snapshot("before".into());
    app.migrator()
        .database(app.database())
        .restore(&wanted)
        .unwrap();
    assert_eq!(std::fs::read_to_string(files.join("a.txt")).unwrap(), "a");
}

/// The note of a restore that was interrupted, of a snapshot called `before` with its folders.
fn note_a_restore(app: &App) {
    note(app, &app.folder().join("backups/files-replaced-x"));
}

#[test]
fn a_restore_of_files_over_a_damaged_database_is_finished_too() {
    let app = app();
    snapshot(&app, &["files"]).unwrap();
    let file = app.folder().join("files/a.txt");
    std::fs::write(&file, "now").unwrap();
    std::fs::write(app.database(), vec![7; 8192]).unwrap();
    note_a_restore(&app);
    assert!(app.run().unwrap().recovered.is_some());
    assert_eq!(app.number("SELECT count(*) FROM t"), 1);
    assert_eq!(std::fs::read_to_string(&file).unwrap(), "a");
    assert!(!app.folder().join("app.db.restore").exists());
}

/// Nothing waits for them any more: the note is gone, or was never written.
#[test]
fn folders_that_an_interrupted_restore_and_snapshot_left_are_removed() {
    let app = app();
    let left = [
        ".app.db-restored.files",
        "snapshots/.app.db-s.files.partial",
    ];
    let left = left.map(|path| app.folder().join(path));
    for folder in &left {
        std::fs::create_dir_all(folder.join("files")).unwrap();
        std::fs::write(folder.join("files/a.txt"), "left").unwrap();
    }
    app.file("V2__u.sql", "CREATE TABLE u (x)");
    let removed = Mutex::new(Vec::new());
    let migrator = app.migrator().on_event(|event| {
        if let Event::CleanedUp { files } = event {
            removed.lock().unwrap().push(*files);
        }
    });
    migrator.migrate(app.database()).unwrap();
    drop(migrator);
    assert_eq!(removed.into_inner().unwrap(), [2]);
    assert!(left.iter().all(|folder| !folder.exists()));
    let files = app.folder().join("files/a.txt");
    assert_eq!(std::fs::read_to_string(files).unwrap(), "a");
}

/// The files of a restore that was interrupted stayed half there when another was asked for.
#[test]
fn another_restore_finishes_the_one_that_was_interrupted_first() {
    let app = app();
    let at = |path: &str| app.folder().join(path);
    snapshot(&app, &["files"]).unwrap();
    app.sql("INSERT INTO t VALUES (2)");
    app.migrator()
        .database(app.database())
        .snapshot("plain")
        .unwrap();
    std::fs::write(at("files/a.txt"), "now").unwrap();
    note_a_restore(&app);
    let wanted = BackupRef::Snapshot("plain".into());
    app.migrator()
        .database(app.database())
        .restore(&wanted)
        .unwrap();
    assert_eq!(app.number("SELECT count(*) FROM t"), 2);
    assert_eq!(std::fs::read_to_string(at("files/a.txt")).unwrap(), "a");
    let kept = at("backups/files-replaced-x/files/a.txt");
    assert_eq!(std::fs::read_to_string(kept).unwrap(), "now");
    assert!(!at("app.db.restore").exists());
}

#[cfg(unix)]
#[test]
fn files_keep_their_permissions() {
    use std::os::unix::fs::PermissionsExt;
    let app = app();
    let secret = app.folder().join("files").join("a.txt");
    let mode = |path: &std::path::Path| path.metadata().unwrap().permissions().mode() & 0o777;
    std::fs::set_permissions(&secret, std::fs::Permissions::from_mode(0o600)).unwrap();
    // A folder inside of it lost its own, and anybody could look into it after a restore.
    let inside = app.folder().join("files").join("2026");
    std::fs::set_permissions(&inside, std::fs::Permissions::from_mode(0o700)).unwrap();
    snapshot(&app, &["files"]).unwrap();
    let copy = app.folder().join("snapshots/before.files/files");
    assert_eq!(mode(&copy.join("a.txt")), 0o600);
    assert_eq!(mode(&copy.join("2026")), 0o700);
    let wanted = BackupRef::Snapshot("before".into());
    app.migrator()
        .database(app.database())
        .restore(&wanted)
        .unwrap();
    assert_eq!(mode(&secret), 0o600);
    assert_eq!(mode(&inside), 0o700);
}

#[test]
fn a_folder_that_is_not_the_apps_is_refused_and_nothing_is_made() {
    let app = app();
    let elsewhere = tempfile::tempdir().unwrap();
    let before = app.listing();
    for folder in [
        "nowhere",
        "app.db",
        "..",
        ".",
        "files/2026",
        elsewhere.path().to_str().unwrap(),
    ] {
        let error = snapshot(&app, &[folder]).unwrap_err();
        assert_eq!(error.kind(), ErrorKind::Usage, "{folder}");
        assert_eq!(app.listing(), before, "{folder}");
    }
}

#[test]
fn half_a_copy_of_files_is_no_snapshot_and_is_replaced() {
    let app = app();
    let half = app
        .folder()
        .join("snapshots/.app.db-before.files.partial/files");
    std::fs::create_dir_all(&half).unwrap();
    std::fs::write(half.join("half.txt"), "half").unwrap();
    snapshot(&app, &["files"]).unwrap();
    let names: Vec<_> = app.listing().into_iter().map(|(path, _)| path).collect();
    assert!(
        !names.iter().any(|path| path.ends_with("half.txt")),
        "{names:?}"
    );
    assert!(
        names
            .iter()
            .any(|path| path.ends_with("before.files/files/a.txt"))
    );
}
