//! A database that nobody kept a history of is taken over, where it is what it is said to be.

use std::sync::atomic::{AtomicUsize, Ordering};

use heirloom::{ErrorKind, RevertTo};

use crate::support::app::{App, contents};

const NOTES: &str = "CREATE TABLE notes (id INTEGER PRIMARY KEY, text TEXT NOT NULL);
    CREATE INDEX by_text ON notes (text);";

/// Made by hand long ago, with a row in it; three migrations are there now.
fn app() -> App {
    let app = App::new();
    app.sql(
        "create table notes(id integer primary key, text text not null);
        create index by_text on notes(text); insert into notes (text) values ('kept');",
    )
    .file("V1__notes.sql", NOTES)
    .file("V1__notes.down.sql", "DROP TABLE notes;")
    .file(
        "V2__seen.sql",
        "INSERT INTO notes (text) VALUES ('welcome');",
    )
    .file(
        "V3__stars.sql",
        "ALTER TABLE notes ADD COLUMN stars INTEGER;",
    );
    app
}

/// "table notes already exists: correct the statement and run again": the statement was right.
#[test]
fn a_run_over_it_points_to_the_way_in() {
    let app = app();
    let error = app.refused(ErrorKind::MigrationFailed);
    assert!(
        error.remedies() == [heirloom::Remedy::Baseline],
        "{error:#}"
    );
    assert_eq!(app.text("SELECT group_concat(text) FROM notes"), "kept");
}

#[test]
fn it_is_marked_and_goes_on_from_there() {
    let app = app();
    let calls = AtomicUsize::new(0);
    let migrator = app.migrator().before_each(|_| {
        calls.fetch_add(1, Ordering::Relaxed);
        Ok(())
    });
    let report = migrator.database(app.database()).baseline(2).unwrap();
    assert_eq!((report.version_before, report.version), (None, Some(2)));
    assert!(report.backup.is_some_and(|backup| backup.is_file()));
    assert_eq!(app.text("SELECT group_concat(text) FROM notes"), "kept");
    assert_eq!(
        calls.load(Ordering::Relaxed),
        0,
        "nothing happened to hook into"
    );
    let again = migrator.database(app.database()).baseline(2).unwrap();
    assert!(again.is_up_to_date());
    assert_eq!(app.backups().len(), 1);
    let report = app.run().unwrap();
    assert_eq!(report.applied.len(), 1);
    assert_eq!(
        app.text("SELECT group_concat(text) FROM notes WHERE stars IS NULL"),
        "kept"
    );
}

/// The rows of heirloom's own table are there too, so that an older app can go back.
#[test]
fn the_way_back_is_stored() {
    let app = app();
    app.migrator().database(app.database()).baseline(1).unwrap();
    app.migrator()
        .database(app.database())
        .revert(RevertTo::Steps(1))
        .unwrap();
    assert_eq!(
        app.number("SELECT count(*) FROM sqlite_schema WHERE name = 'notes'"),
        0
    );
}

#[test]
fn another_schema_is_refused_with_what_is_different() {
    let app = app();
    let before = contents(&app.database());
    let cases = [
        (3, "column `stars` of `notes` is missing"),
        (9, "there is no migration with version 9"),
    ];
    for (version, expected) in cases {
        let error = app
            .migrator()
            .database(app.database())
            .baseline(version)
            .unwrap_err();
        assert!(error.to_string().contains(expected), "{error:#}");
        assert_eq!(contents(&app.database()), before);
        assert!(app.backups().is_empty());
    }
    app.sql("DROP INDEX by_text; CREATE TABLE other (x)");
    let error = app
        .migrator()
        .database(app.database())
        .baseline(1)
        .unwrap_err();
    assert_eq!(error.kind(), ErrorKind::Diverged);
    let text = error.to_string();
    assert!(text.contains("index `by_text` is missing"), "{text}");
    assert!(text.contains("table `other` should not be there"), "{text}");
}

#[test]
fn no_database_is_made_for_it() {
    let app = App::new();
    app.file("V1__notes.sql", NOTES);
    let error = app
        .migrator()
        .database(app.database())
        .baseline(1)
        .unwrap_err();
    assert_eq!(error.kind(), ErrorKind::NotFound);
    assert!(!app.database().exists());
    assert!(!app.folder().join("app.db.lock").exists());
}

#[test]
fn a_history_that_contradicts_the_files_is_left_alone() {
    let app = app();
    app.migrator().database(app.database()).baseline(1).unwrap();
    app.file("V1__notes.sql", &format!("{NOTES} -- edited\nSELECT 1;"));
    let before = contents(&app.database());
    let error = app
        .migrator()
        .database(app.database())
        .baseline(2)
        .unwrap_err();
    assert_eq!(error.kind(), ErrorKind::Diverged);
    assert_eq!(contents(&app.database()), before);
}

#[cfg(feature = "cli")]
#[test]
fn the_command_proves_first_and_marks() {
    use crate::cli::contract::json;

    let app = app();
    let before = contents(&app.database());
    let (code, document) = json(&app, &["baseline", "2", "--dry-run"]);
    assert_eq!((code, document["plan"].as_array().unwrap().len()), (0, 2));
    assert_eq!(contents(&app.database()), before);
    let (code, document) = json(&app, &["baseline", "3"]);
    assert_eq!(
        (code, document["error"]["kind"].as_str()),
        (1, Some("diverged"))
    );
    let (code, document) = json(&app, &["baseline", "2"]);
    assert_eq!((code, document["version"].as_i64()), (0, Some(2)));
    let (code, document) = json(&app, &["run"]);
    assert_eq!((code, document["version"].as_i64()), (0, Some(3)));
}
