//! What SQL cannot say about rows is said in Rust, in its place among the files and under the
//! same protection.

use heirloom::{ErrorKind, HookError, Migrator, RevertTo, RustMigration};
use rusqlite::Connection;

use crate::support::app::App;

/// Two SQL files with room for a function between them.
fn app() -> App {
    let app = App::new();
    app.file(
        "V1__notes.sql",
        "CREATE TABLE notes (id INTEGER PRIMARY KEY, title TEXT, slug TEXT);
         INSERT INTO notes (title) VALUES ('One'), ('Two');",
    )
    .file(
        "V3__unique.sql",
        "CREATE UNIQUE INDEX slugs ON notes (slug);",
    )
    .file("V3__unique.down.sql", "DROP INDEX slugs;");
    app
}

fn fill(connection: &Connection) -> Result<(), HookError> {
    let ids: Vec<i64> = connection
        .prepare("SELECT id FROM notes")?
        .query_map([], |row| row.get(0))?
        .collect::<Result<_, _>>()?;
    for id in ids {
        connection.execute("UPDATE notes SET slug = 'note-' || ?1 WHERE id = ?1", [id])?;
    }
    Ok(())
}

fn unfill(connection: &Connection) -> Result<(), HookError> {
    Ok(connection.execute_batch("UPDATE notes SET slug = NULL")?)
}

fn with(app: &App, migration: RustMigration<'static>) -> Migrator<'static> {
    app.migrator().rust_migration(migration)
}

fn slugs(app: &App) -> String {
    app.text("SELECT coalesce(group_concat(slug, ' '), '') FROM notes")
}

#[test]
fn it_runs_in_its_place_and_stands_in_the_history() {
    let app = app();
    let migrator = with(&app, RustMigration::new("V2__fill", fill));
    let report = migrator.migrate(app.database()).unwrap();
    let names: Vec<&str> = report
        .applied
        .iter()
        .map(|done| done.name.as_str())
        .collect();
    assert_eq!(names, ["notes", "fill", "unique"]);
    assert_eq!(slugs(&app), "note-1 note-2");
    assert_eq!(
        app.text("SELECT name FROM refinery_schema_history WHERE version = 2"),
        "fill"
    );
    assert!(migrator.migrate(app.database()).unwrap().is_up_to_date());
}

#[test]
fn over_rows_that_were_there_it_is_copied_first_and_taken_back_by_its_function() {
    let app = app();
    app.migrator()
        .database(app.database())
        .migrate_to(1)
        .unwrap();
    let migrator = with(&app, RustMigration::new("V2__fill", fill).way_back(unfill));
    let report = migrator.migrate(app.database()).unwrap();
    assert!(report.backup.is_some_and(|backup| backup.is_file()));
    assert_eq!(slugs(&app), "note-1 note-2");
    migrator
        .database(app.database())
        .revert(RevertTo::Version(1))
        .unwrap();
    assert_eq!(slugs(&app), "");
    assert_eq!(
        app.number("SELECT max(version) FROM refinery_schema_history"),
        1
    );
}

/// An older app has not the function, but the database has the SQL.
#[test]
fn a_way_back_in_sql_is_stored_for_an_older_app() {
    let app = app();
    app.migrator()
        .database(app.database())
        .migrate_to(1)
        .unwrap();
    app.file("V2__fill.rs", "")
        .file("V2__fill.down.sql", "UPDATE notes SET slug = 'gone';");
    with(&app, RustMigration::new("V2__fill", fill))
        .migrate(app.database())
        .unwrap();
    for file in [
        "V2__fill.rs",
        "V2__fill.down.sql",
        "V3__unique.sql",
        "V3__unique.down.sql",
    ] {
        std::fs::remove_file(app.migrations().join(file)).unwrap();
    }
    let older = app.migrator();
    assert!(
        older
            .migrate(app.database())
            .unwrap_err()
            .is_from_newer_app()
    );
    older.database(app.database()).revert_to_known().unwrap();
    assert_eq!(slugs(&app), "gone gone");
}

#[test]
fn what_it_wrote_before_it_failed_is_gone() {
    let app = app();
    app.migrator()
        .database(app.database())
        .migrate_to(1)
        .unwrap();
    let failing = RustMigration::new("V2__fill", |connection| {
        fill(connection)?;
        Err("the server is away".into())
    });
    let error = app.refused_by(&with(&app, failing), ErrorKind::MigrationFailed);
    let text = format!("{error:#}");
    assert!(text.contains("V2__fill"), "{text}");
    assert!(text.contains("the server is away"), "{text}");
}

/// Nobody who reads the files would know of it: `show`, `generate`, `check` and the proof at
/// the end of a run would all speak of another schema.
#[test]
fn the_schema_is_not_its_business() {
    let app = app();
    let creating = || {
        RustMigration::new("V2__fill", |connection: &Connection| {
            Ok(connection.execute_batch("CREATE TABLE more (x)")?)
        })
    };
    let error = with(&app, creating()).migrate(app.database()).unwrap_err();
    assert!(
        error
            .to_string()
            .contains("changed the schema: the table `more`"),
        "{error:#}"
    );
    assert!(!app.database().exists(), "a new database leaves no file");
    app.migrator()
        .database(app.database())
        .migrate_to(1)
        .unwrap();
    app.refused_by(&with(&app, creating()), ErrorKind::MigrationFailed);
}

#[test]
fn rows_that_go_need_consent() {
    let app = app();
    app.migrator()
        .database(app.database())
        .migrate_to(1)
        .unwrap();
    let deleting = || {
        RustMigration::new("V2__fill", |connection: &Connection| {
            Ok(connection.execute_batch("DELETE FROM notes WHERE id = 1")?)
        })
    };
    let error = app.refused_by(&with(&app, deleting()), ErrorKind::Destructive);
    assert!(error.to_string().contains("notes"), "{error:#}");
    with(&app, deleting().allow_destructive())
        .migrate(app.database())
        .unwrap();
    assert_eq!(app.number("SELECT count(*) FROM notes"), 1);
}

#[test]
fn a_commit_of_its_own_is_noticed_and_undone() {
    let app = app();
    app.migrator()
        .database(app.database())
        .migrate_to(1)
        .unwrap();
    let leaving = RustMigration::new("V2__fill", |connection: &Connection| {
        Ok(connection.execute_batch("UPDATE notes SET slug = 'x'; COMMIT; BEGIN")?)
    });
    let error = app.refused_by(&with(&app, leaving), ErrorKind::MigrationFailed);
    assert!(
        error.to_string().contains("ended the transaction"),
        "{error:#}"
    );
}

/// One that knew the names of our savepoints made them again, and what it had committed stayed
/// when a later file failed, while the message said that everything was rolled back.
#[test]
fn one_that_makes_the_savepoints_again_by_their_names_is_noticed_too() {
    let app = app();
    app.migrator()
        .database(app.database())
        .migrate_to(1)
        .unwrap();
    let forging = RustMigration::new("V2__fill", |connection: &Connection| {
        Ok(connection.execute_batch(
            "UPDATE notes SET slug = 'x'; COMMIT;
             BEGIN; SAVEPOINT heirloom_run; SAVEPOINT heirloom_hook; SAVEPOINT heirloom_rust",
        )?)
    });
    let error = app.refused_by(&with(&app, forging), ErrorKind::MigrationFailed);
    let told = error.to_string();
    assert!(told.contains("ended the transaction"), "{error:#}");
    assert_eq!(slugs(&app), "");
}

#[test]
fn without_its_function_nothing_is_run() {
    let app = app();
    app.migrator()
        .database(app.database())
        .migrate_to(1)
        .unwrap();
    app.file("V2__fill.rs", "pub fn fill() {}");
    let error = app.refused(ErrorKind::InvalidMigration);
    assert!(error.to_string().contains("written in Rust"), "{error:#}");
    assert!(
        error
            .location()
            .is_some_and(|place| place.file.ends_with("V2__fill.rs"))
    );
    let status = app.migrator().database(app.database()).status().unwrap();
    assert_eq!(status.count(heirloom::MigrationState::Pending), 2);
    with(&app, RustMigration::new("V2__fill", fill))
        .migrate(app.database())
        .unwrap();
    // The command, which knows the file alone, finds nothing changed and nothing to do.
    assert!(app.run().unwrap().is_up_to_date());
}

/// Code that is tidied up says the same in other words.
#[test]
fn its_text_may_change() {
    let app = app();
    app.file("V2__fill.rs", "pub fn fill() {}");
    with(&app, RustMigration::new("V2__fill", fill))
        .migrate(app.database())
        .unwrap();
    app.file("V2__fill.rs", "pub fn fill() { /* tidier */ }");
    assert!(app.run().unwrap().is_up_to_date());
}

#[test]
fn a_name_that_no_file_could_have_is_refused() {
    let app = app();
    for label in ["fill", "V2_fill", "V2__fill.down", "V3__fill"] {
        let migration = RustMigration::new(label, |_: &Connection| Ok(()));
        match with(&app, migration).migrate(app.database()) {
            Err(error) => assert_eq!(error.kind(), ErrorKind::InvalidMigration, "{label}"),
            Ok(report) => panic!("{label}: {report}"),
        }
        assert!(!app.database().exists());
    }
}

#[test]
fn a_rehearsal_calls_it_on_the_copy() {
    let app = app();
    app.migrator()
        .database(app.database())
        .migrate_to(1)
        .unwrap();
    let migrator = with(&app, RustMigration::new("V2__fill", fill));
    let rehearsed = migrator.database(app.database()).rehearse(None).unwrap();
    assert_eq!(rehearsed.act, heirloom::Act::Rehearse);
    assert_eq!(slugs(&app), "");
}

#[cfg(feature = "devtools")]
mod checked {
    use super::*;

    fn findings(migrator: &Migrator<'_>) -> (Vec<String>, Vec<String>) {
        let checked = migrator.devtools().check().unwrap();
        let findings = checked.findings.iter().map(ToString::to_string);
        (findings.collect(), checked.notes)
    }

    #[test]
    fn check_calls_it_over_made_up_rows_there_and_back() {
        let app = App::new();
        app.file(
            "V1__notes.sql",
            "CREATE TABLE notes (id INTEGER PRIMARY KEY, slug TEXT);",
        )
        .file("V1__notes.down.sql", "DROP TABLE notes;");
        let sound = RustMigration::new("V2__fill", fill).way_back(unfill);
        assert!(findings(&with(&app, sound)).0.is_empty());
        let losing = RustMigration::new("V2__fill", |connection: &Connection| {
            Ok(connection.execute_batch("DELETE FROM notes")?)
        })
        .way_back(unfill);
        let (found, _) = findings(&with(&app, losing));
        assert!(
            found.iter().any(|found| found.contains("loses data")),
            "{found:?}"
        );
    }

    #[test]
    fn check_without_its_function_says_so() {
        let app = App::new();
        app.file(
            "V1__notes.sql",
            "CREATE TABLE notes (id INTEGER PRIMARY KEY, slug TEXT);",
        )
        .file("V1__notes.down.sql", "DROP TABLE notes;")
        .file("V2__fill.rs", "");
        let (found, notes) = findings(&app.migrator());
        assert!(found.is_empty(), "{found:?}");
        assert!(
            notes.iter().any(|note| note.contains("written in Rust")),
            "{notes:?}"
        );
    }
}

/// Notes of two people; whoever has the key 1 next would get the notes of the first.
fn app_with_owners(action: &str) -> App {
    let app = App::new();
    app.file(
        "V1__owners.sql",
        &format!(
            "CREATE TABLE owners (id INTEGER PRIMARY KEY, name TEXT);
             CREATE TABLE notes (id INTEGER PRIMARY KEY, owner INTEGER REFERENCES owners {action});"
        ),
    );
    app.run().unwrap();
    app.sql("INSERT INTO owners VALUES (1, 'Ada'), (2, 'Bob'); INSERT INTO notes VALUES (10, 1), (11, 1), (12, 2)");
    app
}

fn doing(sql: &'static str) -> RustMigration<'static> {
    RustMigration::new("V2__code", move |connection| {
        Ok(connection.execute_batch(sql)?)
    })
    .allow_destructive()
}

const GIVES_THE_KEY_AWAY: &str =
    "DELETE FROM owners WHERE id = 1; INSERT INTO owners VALUES (1, 'system')";

#[test]
fn code_that_relies_on_an_action_of_a_foreign_key_is_refused() {
    for (action, sql, expected) in [
        (
            "ON DELETE CASCADE",
            GIVES_THE_KEY_AWAY,
            "removes keys of `owners` to which 2 rows of `notes` refer (owner, ON DELETE CASCADE)",
        ),
        (
            "ON DELETE SET NULL",
            "INSERT OR REPLACE INTO owners VALUES (1, 'system')",
            "removes keys of `owners` to which 2 rows of `notes`",
        ),
        (
            "ON UPDATE CASCADE",
            "UPDATE owners SET id = id + 1 WHERE id = 2; INSERT INTO owners VALUES (2, 'new')",
            "changes keys of `owners` to which 1 row of `notes` refers",
        ),
        (
            "",
            "DELETE FROM owners WHERE id = 2",
            "1 row of `notes` would refer to a row of `owners` that does not exist",
        ),
        (
            "ON DELETE RESTRICT",
            "DELETE FROM owners WHERE id = 2",
            "1 row of `notes` would refer to a row of `owners` that does not exist",
        ),
    ] {
        let app = app_with_owners(action);
        let error = with(&app, doing(sql)).migrate(app.database()).unwrap_err();
        let text = format!("{error:#}");
        assert!(text.contains(expected), "{action}: {text}");
        assert_eq!(error.migration(), Some("V2__code"), "{text}");
        assert!(error.data_state().is_unchanged(), "{text}");
        assert_eq!(
            app.text("SELECT group_concat(id || name) FROM owners"),
            "1Ada,2Bob"
        );
        assert_eq!(
            app.text("SELECT group_concat(id || ':' || owner) FROM notes"),
            "10:1,11:1,12:2"
        );
    }
}

#[test]
fn code_that_does_what_the_reference_says_itself_goes_on() {
    let app = app_with_owners("ON DELETE CASCADE ON UPDATE CASCADE");
    let sql = "DELETE FROM notes WHERE owner = 1; DELETE FROM owners WHERE id = 1;
        INSERT INTO owners VALUES (1, 'system');
        UPDATE owners SET id = 7 WHERE id = 2; UPDATE notes SET owner = 7 WHERE owner = 2;";
    let opened = with(&app, doing(sql)).open(app.database()).unwrap();
    let temporary: i64 = opened
        .connection
        .query_row("SELECT count(*) FROM temp.sqlite_schema", [], |row| {
            row.get(0)
        })
        .unwrap();
    assert_eq!(temporary, 0, "nothing of the watch is left");
    assert_eq!(
        app.text("SELECT group_concat(id || name) FROM owners"),
        "1system,7Bob"
    );
    assert_eq!(
        app.text("SELECT group_concat(id || ':' || owner) FROM notes"),
        "12:7"
    );
}

#[test]
fn a_hook_that_relies_on_an_action_of_a_foreign_key_is_refused() {
    for moment in ["before", "after", "last"] {
        let app = app_with_owners("ON DELETE CASCADE");
        app.file(
            "V2__b.sql",
            "-- heirloom: allow-destructive\nCREATE TABLE t (x)",
        );
        let does = |hook: &heirloom::HookContext<'_>| -> Result<(), HookError> {
            Ok(hook.connection.execute_batch(GIVES_THE_KEY_AWAY)?)
        };
        let migrator = app.migrator().allow_destructive();
        let migrator = match moment {
            "before" => migrator.before_run(does),
            "after" => migrator.after_each(does),
            _ => migrator.after_run(does),
        };
        let error = migrator.migrate(app.database()).unwrap_err();
        let text = format!("{error:#}");
        assert_eq!(error.kind(), ErrorKind::InvalidMigration, "{text}");
        assert!(
            text.contains("the app's hook") && text.contains("2 rows of `notes`"),
            "{text}"
        );
        assert_eq!(
            app.text("SELECT group_concat(id || name) FROM owners"),
            "1Ada,2Bob"
        );
        assert_eq!(
            app.number("SELECT count(*) FROM sqlite_schema WHERE name = 't'"),
            0
        );
    }
}
