//! What earlier versions wrote: databases in the middle of their history, copies with their
//! records, a snapshot with files, a run that was interrupted. `tests/data/old_versions` has a folder for each
//! version; the present code must know them all.

use std::path::{Path, PathBuf};

use heirloom::{BackupRef, MigrationState, Migrator, RevertTo, Verify};

use crate::support::app::{App, back, copy, part};

const MIGRATIONS: [(&str, &str); 7] = [
    (
        "V1__notes.sql",
        "CREATE TABLE notes (id INTEGER PRIMARY KEY AUTOINCREMENT, text TEXT);",
    ),
    ("V1__notes.down.sql", "-- heirloom: allow-destructive\nDROP TABLE notes;"),
    (
        "V20260102030405__pinned.sql",
        "ALTER TABLE notes ADD COLUMN pinned INTEGER DEFAULT 0;",
    ),
    (
        "V20260102030405__pinned.down.sql",
        "-- heirloom: allow-destructive\nALTER TABLE notes DROP COLUMN pinned;",
    ),
    (
        "V20260203040506__not_null.sql",
        "CREATE TABLE n (id INTEGER PRIMARY KEY AUTOINCREMENT, text TEXT NOT NULL, pinned INTEGER DEFAULT 0);
INSERT INTO n SELECT id, text, pinned FROM notes;
DROP TABLE notes;
ALTER TABLE n RENAME TO notes;",
    ),
    (
        "V20260203040506__not_null.down.sql",
        "CREATE TABLE n (id INTEGER PRIMARY KEY AUTOINCREMENT, text TEXT, pinned INTEGER DEFAULT 0);
INSERT INTO n SELECT id, text, pinned FROM notes;
DROP TABLE notes;
ALTER TABLE n RENAME TO notes;",
    ),
    (
        "V20260304050607__free.sql",
        "-- heirloom: no-transaction\nINSERT INTO notes (text) VALUES ('welcome');\nUPDATE notes SET pinned = pinned + 1;",
    ),
];
const SECOND: i64 = 20260102030405;
const THIRD: i64 = 20260203040506;
const NEWEST: i64 = 20260304050607;

fn folder() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/data/old_versions")
}

/// For a new release: `cargo test --test it -- --ignored old_files::`, and commit the folder.
#[test]
#[ignore = "writes tests/data/old_versions/VERSION, once for each release"]
fn writes_the_files_of_this_version() {
    let into = folder().join(env!("CARGO_PKG_VERSION"));
    assert!(
        !into.exists(),
        "what {} wrote must stay as it is",
        into.display()
    );
    let app = App::new();
    for (name, sql) in MIGRATIONS {
        app.file(name, sql);
    }
    let keep = |name: &str| {
        let kept = into.join(name);
        std::fs::create_dir_all(&kept).unwrap();
        copy(app.folder(), &kept);
        std::fs::remove_dir_all(kept.join("migrations")).unwrap();
        std::fs::remove_file(kept.join("app.db.lock")).unwrap();
    };
    let migrator = app.migrator().app_version("1.2.3");
    app.sql("PRAGMA page_size = 512; PRAGMA user_version = 1");
    migrator.database(app.database()).migrate_to(1).unwrap();
    app.sql("INSERT INTO notes VALUES (1, 'one'), (5, 'fünf')");
    std::fs::create_dir(app.folder().join("files")).unwrap();
    std::fs::write(app.folder().join("files/a.txt"), "then").unwrap();
    let files = [PathBuf::from("files")];
    migrator
        .database(app.database())
        .snapshot_with("first", &files)
        .unwrap();
    std::fs::write(app.folder().join("files/a.txt"), "now").unwrap();
    migrator
        .database(app.database())
        .migrate_to(SECOND)
        .unwrap();
    app.sql("INSERT INTO notes VALUES (6, 'lost again', 1)");
    migrator
        .database(app.database())
        .restore(&BackupRef::Latest)
        .unwrap();
    migrator
        .database(app.database())
        .migrate_to(SECOND)
        .unwrap();
    app.sql("INSERT INTO notes VALUES (7, NULL, 1); UPDATE notes SET text = 'seven' WHERE id = 7");
    keep("middle");
    for moment in 0.. {
        let died = part("dies-at-moment", &app)
            .env("HEIRLOOM_TEST_AT", moment.to_string())
            .output()
            .unwrap();
        assert!(!died.status.success(), "it did not come that far");
        if app.number("SELECT count(*) FROM sqlite_schema WHERE name = 'heirloom_run'") == 1 {
            break;
        }
    }
    keep("interrupted");
    for (name, sql) in MIGRATIONS {
        std::fs::create_dir_all(into.join("migrations")).unwrap();
        std::fs::write(into.join("migrations").join(name), sql).unwrap();
    }
}

/// Each version's folder of this name, somewhere else.
fn found(name: &str) -> Vec<(String, App)> {
    let mut apps = Vec::new();
    for entry in std::fs::read_dir(folder()).unwrap() {
        let entry = entry.unwrap();
        if !entry.path().is_dir() {
            continue;
        }
        let app = App::new();
        copy(&entry.path().join(name), app.folder());
        copy(&entry.path().join("migrations"), &app.migrations());
        apps.push((entry.file_name().into_string().unwrap(), app));
    }
    assert!(!apps.is_empty(), "{}", folder().display());
    apps
}

fn notes(app: &App) -> String {
    app.text("SELECT group_concat(id || ' ' || text, ', ') FROM (SELECT * FROM notes ORDER BY id)")
}

const ROWS: &str = "1 one, 5 fünf, 7 seven";

#[test]
fn a_database_of_an_earlier_version_is_known_with_its_history_and_its_copies() {
    for (version, app) in found("middle") {
        let before = app.listing();
        let status = app.migrator().database(app.database()).status().unwrap();
        assert_eq!(status.version, Some(SECOND), "{version}");
        assert_eq!(
            (
                status.count(MigrationState::Applied),
                status.count(MigrationState::Pending)
            ),
            (2, 2)
        );
        assert!(status.problem.is_none() && status.interrupted.is_none());
        assert!(status.migrations[0].applied_at.is_some() && status.migrations[0].reversible);
        let copies = app
            .migrator()
            .database(app.database())
            .backups(Verify::Everything)
            .unwrap();
        let said: Vec<_> = copies
            .iter()
            .map(|copy| {
                (
                    copy.origin.as_str(),
                    copy.replaced,
                    copy.version,
                    copy.verified,
                )
            })
            .collect();
        assert_eq!(
            said,
            [
                ("automatic", true, Some(SECOND), true),
                ("automatic", false, Some(1), true),
                ("snapshot", false, Some(1), true),
                ("automatic", false, None, true),
            ],
            "{version}"
        );
        assert!(app.listing() == before, "{version}");
    }
}

#[test]
fn a_database_of_an_earlier_version_is_migrated_and_taken_back() {
    for (version, app) in found("middle") {
        let opened = app.migrator().open(app.database()).unwrap();
        assert_eq!(opened.report.version, Some(NEWEST), "{version}");
        drop(opened);
        assert_eq!(notes(&app), format!("{ROWS}, 8 welcome"), "{version}");
        assert_eq!(app.number("SELECT max(pinned) FROM notes"), 2);
    }
    for (version, app) in found("middle") {
        app.migrator()
            .database(app.database())
            .migrate_to(THIRD)
            .unwrap();
        // Whatever the files say now: the down migrations are those of the database.
        let back = Migrator::new(only_the_first(&app))
            .database(app.database())
            .revert_to_known();
        assert_eq!(back.unwrap().version, Some(1), "{version}");
        assert_eq!(notes(&app), ROWS, "{version}");
        let newest = RevertTo::Steps(1);
        app.migrator()
            .database(app.database())
            .revert(newest)
            .unwrap();
        assert_eq!(
            app.number("SELECT count(*) FROM sqlite_schema WHERE name = 'notes'"),
            0
        );
    }
}

/// The app as it was released first.
fn only_the_first(app: &App) -> PathBuf {
    let first = app.folder().join("first");
    std::fs::create_dir(&first).unwrap();
    let (name, sql) = MIGRATIONS[0];
    std::fs::write(first.join(name), sql).unwrap();
    first
}

#[test]
fn copies_of_an_earlier_version_are_put_back_with_their_files() {
    for (version, app) in found("middle") {
        let newer = Migrator::new(only_the_first(&app))
            .database(app.database())
            .downgrade_options()
            .unwrap();
        let offer = newer.restore.unwrap();
        assert!(
            offer.file.ends_with(app.backups()[0].file_name().unwrap()),
            "{version}"
        );
        app.migrator()
            .database(app.database())
            .restore(&BackupRef::Latest)
            .unwrap();
        assert_eq!(notes(&app), "1 one, 5 fünf", "{version}");
        let snapshot = BackupRef::Snapshot("first".into());
        let restored = app
            .migrator()
            .database(app.database())
            .restore(&snapshot)
            .unwrap();
        assert_eq!(
            (restored.version, back(&restored).folders.len()),
            (Some(1), 1),
            "{version}"
        );
        let file = app.folder().join("files/a.txt");
        assert_eq!(std::fs::read_to_string(file).unwrap(), "then");
        app.run().unwrap();
        assert_eq!(notes(&app), "1 one, 5 fünf, 6 welcome", "{version}");
    }
}

#[test]
fn a_run_that_an_earlier_version_did_not_finish_is_put_back() {
    for (version, app) in found("interrupted") {
        let status = app.migrator().database(app.database()).status().unwrap();
        assert!(status.interrupted.is_some(), "{version}");
        let report = app
            .migrator()
            .database(app.database())
            .migrate_to(SECOND)
            .unwrap();
        assert!(report.recovered.is_some(), "{version}");
        assert_eq!(notes(&app), ROWS, "{version}");
        assert_eq!(app.run().unwrap().version, Some(NEWEST), "{version}");
        assert_eq!(notes(&app), format!("{ROWS}, 8 welcome"), "{version}");
    }
}
