//! Folders of files that a snapshot takes along.

use heirloom::{CopyRef, ErrorKind};

use crate::support::App;

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

fn snapshot(app: &App, folders: &[&str]) -> Result<heirloom::CopyInfo, heirloom::Error> {
    let folders: Vec<_> = folders.iter().map(Into::into).collect();
    app.migrator()
        .snapshot_with(app.database(), "before", &folders)
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
    let wanted = CopyRef::Snapshot("before".into());
    let restored = app.migrator().restore(app.database(), &wanted).unwrap();
    assert_eq!(restored.folders.len(), 1);
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
    app.migrator().restore(app.database(), &wanted).unwrap();
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
        let wanted = CopyRef::Snapshot("before".into());
        let restored = app.migrator().restore(app.database(), &wanted).unwrap();
        assert_eq!(restored.folders.len(), folders.len());
        let files = app.folder().join("files/a.txt");
        assert_eq!(std::fs::read_to_string(files).unwrap(), "a");
        // It may be somebody's, so it is only set aside.
        let aside = "snapshots/before.files-unfinished/files/a.txt";
        let aside = std::fs::read_to_string(app.folder().join(aside));
        assert_eq!(aside.unwrap(), "left");
    }
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
    let wanted = CopyRef::Snapshot("before".into());
    app.migrator().restore(app.database(), &wanted).unwrap();
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
