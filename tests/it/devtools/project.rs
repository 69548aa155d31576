//! What is done to a database while an app is written: seed, push, reset, drop, redo, shell, init.

use std::io::Write;
use std::path::Path;
use std::process::{Output, Stdio};
use std::sync::Mutex;
use std::time::{Duration, SystemTime};

use heirloom::devtools::OnHistory;
use heirloom::{ErrorKind, Event};
use serde_json::Value;

use crate::cli::contract::{command, heirloom, json, text};
use crate::support::app::{App, Holder, assert_mode, contents, data, part, permit};

const NOTES: &str = "CREATE TABLE notes (id INTEGER PRIMARY KEY, text TEXT);";

/// An app at version 2 with two rows.
fn app() -> App {
    let app = App::new();
    app.file("V1__notes.sql", NOTES)
        .file("V1__notes.down.sql", "DROP TABLE notes;")
        .file("V2__stars.sql", "ALTER TABLE notes ADD COLUMN stars;")
        .file("V2__stars.down.sql", "ALTER TABLE notes DROP COLUMN stars;");
    app.run().unwrap();
    app.sql("INSERT INTO notes (text) VALUES ('a'), ('b')");
    app
}

fn write(app: &App, file: &str, text: &str) {
    let path = app.folder().join(file);
    std::fs::create_dir_all(path.parent().unwrap()).unwrap();
    std::fs::write(path, text).unwrap();
}

/// Runs a command that must fail with this code and change nothing.
#[track_caller]
fn fails(app: &App, arguments: &[&str], code: i32, kind: &str) -> Value {
    let before = contents(&app.database());
    let (found, document) = json(app, arguments);
    assert_eq!(found, code, "{arguments:?}: {document:#}");
    assert_eq!(document["error"]["kind"], kind, "{document:#}");
    assert_eq!(contents(&app.database()), before, "{arguments:?}");
    document
}

fn files(document: &Value) -> Vec<&str> {
    let seeded = document["seeded"].as_array().unwrap().iter();
    seeded.map(|seed| seed["file"].as_str().unwrap()).collect()
}

fn snapshots(app: &App) -> usize {
    let entries = std::fs::read_dir(app.folder().join("snapshots"));
    entries.map_or(0, |entries| {
        entries
            .filter(|entry| {
                let path = entry.as_ref().unwrap().path();
                path.extension().is_some_and(|ending| ending == "db")
            })
            .count()
    })
}

// Seeds.

#[test]
fn seeds_run_in_order_once_and_again_when_their_text_changes() {
    let app = app();
    write(
        &app,
        "seeds/b.sql",
        "INSERT INTO notes (text) VALUES ((SELECT max(text) || 'b' FROM notes));",
    );
    write(
        &app,
        "seeds/a.sql",
        "INSERT INTO notes (text)\nVALUES ('x');",
    );
    write(
        &app,
        "seeds/dev/a.sql",
        "INSERT INTO notes (text) VALUES ((SELECT max(text) || 'd' FROM notes));",
    );
    write(&app, "seeds/prod/a.sql", "DELETE FROM notes;");
    write(&app, "seeds/.a.sql", "no SQL");
    write(&app, "seeds/README.md", "no SQL");
    let (code, first) = json(&app, &["seed", "dev"]);
    assert_eq!(code, 0, "{first:#}");
    assert_eq!(files(&first), ["a.sql", "b.sql", "dev/a.sql"]);
    assert!(first["seeded"][0]["duration_ms"].is_number());
    let backup = first["backup"].as_str().unwrap();
    assert_eq!(
        data(Path::new(backup)).len(),
        3,
        "the table and its two rows"
    );
    assert_eq!(
        app.text("SELECT group_concat(text) FROM notes"),
        "a,b,x,xb,xbd"
    );

    let before = app.listing();
    let (code, second) = json(&app, &["seed", "dev"]);
    assert_eq!((code, second["backup"].is_null()), (0, true), "{second:#}");
    assert_eq!(files(&second), [""; 0]);
    assert_eq!(app.listing(), before, "nothing to do is not written");

    // Line endings do not count, other words do.
    write(
        &app,
        "seeds/a.sql",
        "INSERT INTO notes (text)\r\nVALUES ('x');",
    );
    assert_eq!(files(&json(&app, &["seed"]).1), [""; 0]);
    write(
        &app,
        "seeds/a.sql",
        "INSERT INTO notes (text)\nVALUES ('y');",
    );
    let (_, third) = json(&app, &["seed"]);
    assert_eq!(files(&third), ["a.sql"]);
    assert_eq!(app.number("SELECT count(*) FROM heirloom_seeds"), 3);
}

#[test]
fn a_dry_run_of_seeds_says_which_and_writes_nothing() {
    let app = app();
    write(&app, "rows/a.sql", "INSERT INTO notes (text) VALUES ('x');");
    write(&app, "heirloom.toml", "seeds = \"rows\"");
    let before = app.listing();
    let (code, plan) = json(&app, &["seed", "--dry-run"]);
    assert_eq!(code, 0, "{plan:#}");
    assert_eq!(plan["plan"][0]["file"], "a.sql");
    assert_eq!(files(&plan), [""; 0]);
    assert_eq!(app.listing(), before);
    let (_, seeded) = json(&app, &["seed"]);
    assert_eq!(files(&seeded), ["a.sql"]);
}

#[test]
fn seeds_are_refused_while_migrations_are_pending_and_for_a_newer_database() {
    let app = app();
    write(
        &app,
        "seeds/a.sql",
        "INSERT INTO notes (text) VALUES ('x');",
    );
    app.file("V3__more.sql", "ALTER TABLE notes ADD COLUMN more;");
    let listing = app.listing();
    let said = fails(&app, &["seed"], 2, "usage");
    assert!(
        said["error"]["message"]
            .as_str()
            .unwrap()
            .contains("V3__more")
    );
    fails(&app, &["seed", "--dry-run"], 2, "usage");
    assert_eq!(
        app.listing(),
        listing,
        "it is refused before anything is touched"
    );
    std::fs::remove_file(app.migrations().join("V3__more.sql")).unwrap();
    std::fs::remove_file(app.migrations().join("V2__stars.sql")).unwrap();
    std::fs::remove_file(app.migrations().join("V2__stars.down.sql")).unwrap();
    fails(&app, &["seed"], 6, "database-newer");
}

#[test]
fn a_seed_that_fails_takes_the_seeds_before_it_back() {
    let app = app();
    write(
        &app,
        "seeds/a.sql",
        "INSERT INTO notes (text) VALUES ('x');",
    );
    write(
        &app,
        "seeds/b.sql",
        "SELECT 1;\nINSERT INTO notes (id, text) VALUES (1, 'twin');",
    );
    let said = fails(&app, &["seed"], 1, "migration-failed");
    assert_eq!(said["database_unchanged"], true);
    assert_eq!(
        (&said["migration"], &said["line"]),
        (&"b.sql".into(), &2.into())
    );
    assert!(said["backup"].is_string());
    // What does not compile is found before the copy.
    write(&app, "seeds/b.sql", "INSERT INTO nots VALUES (1);");
    assert!(fails(&app, &["seed"], 1, "migration-failed")["backup"].is_null());
}

#[test]
fn a_seed_changes_no_schema_and_destroys_nothing_without_consent() {
    let app = app();
    let schema = [
        "CREATE TABLE t (x);",
        "ALTER TABLE notes ADD COLUMN y;",
        "DROP TABLE notes;",
        "CREATE INDEX i ON notes (text);",
        "-- heirloom: no-transaction\nVACUUM;",
    ];
    for sql in schema {
        write(&app, "seeds/a.sql", sql);
        fails(&app, &["seed"], 1, "invalid-migration");
    }
    write(&app, "seeds/a.sql", "DELETE FROM notes;");
    let said = fails(&app, &["seed", "--yes"], 1, "destructive");
    assert_eq!(said["destroys"][0]["count"], 2);
    // Not foreseen, and found by counting.
    write(&app, "seeds/a.sql", "DELETE FROM notes WHERE id = 1;");
    fails(&app, &["seed"], 1, "destructive");
    assert_eq!(json(&app, &["seed", "--allow-destructive"]).0, 0);
    assert_eq!(app.number("SELECT count(*) FROM notes"), 1);
    write(
        &app,
        "seeds/a.sql",
        "-- heirloom: allow-destructive\nDELETE FROM notes;",
    );
    assert_eq!(json(&app, &["seed"]).0, 0);
    assert_eq!(app.number("SELECT count(*) FROM notes"), 0);
}

#[test]
fn an_environment_is_a_folder_among_the_seeds_and_no_way_out() {
    let app = app();
    write(&app, "x/a.sql", "DELETE FROM notes;");
    std::fs::create_dir(app.folder().join("seeds")).unwrap();
    let absolute = app.folder().join("x");
    for environment in [
        "../x",
        "..",
        ".",
        "",
        "a/../../x",
        "..\\x",
        absolute.to_str().unwrap(),
    ] {
        fails(
            &app,
            &["seed", environment, "--allow-destructive"],
            2,
            "usage",
        );
    }
}

/// A folder that was not there was an exit of 2, and an environment that was not there one of 1.
#[test]
fn seeds_that_are_not_there_are_wrong_usage_whichever_folder_is_missing() {
    let app = app();
    write(&app, "seeds/dev/a.sql", "INSERT INTO notes DEFAULT VALUES;");
    for arguments in [
        &["seed", "nowhere"][..],
        &["seed", "nowhere", "--dry-run"],
        &["seed", "--seeds", "nowhere"],
        &["reset", "nowhere", "--yes"],
        &["reset", "--seeds", "nowhere", "--yes"],
    ] {
        fails(&app, arguments, 2, "not-found");
    }
    let said = fails(&app, &["seed", "dve"], 2, "not-found");
    assert_eq!(said["error"]["help"], "did you mean `dev`?", "{said:#}");
    assert_eq!(snapshots(&app), 0);
    assert_eq!(json(&app, &["seed", "dev"]).0, 0);
}

/// They were told to say `-- heirloom: no-transaction`, and then that no seed file can.
#[test]
fn seeds_are_given_no_advice_that_only_migrations_can_follow() {
    let app = app();
    for sql in [
        "VACUUM;",
        "BEGIN; INSERT INTO notes DEFAULT VALUES; COMMIT;",
        "PRAGMA journal_mode = WAL;",
        "-- heirloom: no-transaction\nVACUUM;",
        "-- heirloom: backfill notes\nSELECT :first, :last;",
    ] {
        write(&app, "seeds/a.sql", sql);
        let said = fails(&app, &["seed"], 1, "invalid-migration");
        let help = said["error"]["help"].as_str().unwrap();
        assert!(!help.contains("at the top"), "{sql}: {help}");
        assert!(!help.contains("migration"), "{sql}: {help}");
    }
}

#[test]
fn a_database_that_is_not_there_is_not_made_by_seeds() {
    let app = App::new();
    write(&app, "seeds/a.sql", "SELECT 1;");
    let (code, said) = json(&app, &["seed"]);
    assert_eq!(
        (code, said["error"]["kind"].as_str()),
        (1, Some("not-found"))
    );
    assert!(!app.database().exists());
}

// Whoever holds the database.

#[test]
fn a_held_database_is_left_alone_by_every_verb() {
    let app = app();
    write(
        &app,
        "seeds/a.sql",
        "INSERT INTO notes (text) VALUES ('x');",
    );
    app.file(
        "schema.sql",
        "CREATE TABLE notes (id INTEGER PRIMARY KEY, text TEXT, stars, new);",
    );
    let holder = Holder::start({
        let mut command = part("holds-sql", &app);
        command.env("HEIRLOOM_TEST_AT", "BEGIN IMMEDIATE");
        command
    });
    let commands: [&[&str]; 5] = [
        &["seed"],
        &["push", "--force"],
        &["reset", "--yes"],
        &["drop", "--yes"],
        &["redo"],
    ];
    for arguments in commands {
        let arguments = [arguments, &["--lock-timeout", "0.2"]].concat();
        fails(&app, &arguments, 5, "locked");
    }
    assert_eq!(snapshots(&app), 0);
    assert!(holder.release().success());
}

// Push.

#[test]
fn a_push_makes_the_schema_as_the_file_says_and_keeps_the_rows() {
    let app = App::new();
    app.sql(
        "CREATE TABLE notes (id INTEGER PRIMARY KEY, text TEXT);
             INSERT INTO notes (text) VALUES ('a'), ('b');
             CREATE TABLE tags (note REFERENCES notes ON DELETE CASCADE);
             INSERT INTO tags VALUES (1), (2);",
    );
    app.file(
        "schema.sql",
        "CREATE TABLE notes (id INTEGER PRIMARY KEY, text TEXT NOT NULL UNIQUE, stars INTEGER);
         CREATE TABLE tags (note REFERENCES notes ON DELETE CASCADE);
         CREATE VIEW starred AS SELECT * FROM notes WHERE stars > 0;",
    );
    let before = app.listing();
    let (code, plan) = json(&app, &["push", "--dry-run"]);
    assert_eq!(code, 0, "{plan:#}");
    assert!(
        plan["sql"]
            .as_str()
            .unwrap()
            .contains("CREATE VIEW starred")
    );
    assert_eq!(app.listing(), before);
    let (code, pushed) = json(&app, &["push"]);
    assert_eq!(code, 0, "{pushed:#}");
    assert_eq!(pushed["changes"][0]["table"], "notes");
    assert_eq!(pushed["sql"], plan["sql"]);
    assert!(Path::new(pushed["backup"].as_str().unwrap()).is_file());
    assert_eq!(app.number("SELECT count(stars IS NULL) FROM notes"), 2);
    assert_eq!(app.number("SELECT count(*) FROM tags"), 2);
    assert_eq!(app.number("SELECT count(*) FROM starred"), 0);
    let before = app.listing();
    let (_, again) = json(&app, &["push"]);
    assert_eq!(
        (&again["changes"], &again["backup"]),
        (&Value::Array(vec![]), &Value::Null)
    );
    assert_eq!(
        app.listing(),
        before,
        "no file was written and no copy taken"
    );
}

#[test]
fn a_push_makes_a_database_that_is_not_there() {
    let app = App::new();
    app.file("schema.sql", NOTES);
    let (code, pushed) = json(&app, &["push"]);
    assert_eq!((code, pushed["backup"].is_null()), (0, true), "{pushed:#}");
    assert_eq!(app.number("SELECT count(*) FROM notes"), 0);
}

#[test]
fn a_push_over_a_history_needs_force_and_says_that_it_is_untrue() {
    let app = app();
    app.file(
        "schema.sql",
        "CREATE TABLE notes (id INTEGER PRIMARY KEY, text TEXT, stars, new);",
    );
    let listing = app.listing();
    fails(&app, &["push"], 2, "usage");
    fails(&app, &["push", "--dry-run"], 2, "usage");
    assert_eq!(app.listing(), listing);
    let (code, pushed) = json(&app, &["push", "--force"]);
    assert_eq!(code, 0, "{pushed:#}");
    assert!(
        pushed["notes"].to_string().contains("a reset starts again"),
        "{pushed:#}"
    );
    assert_eq!(
        app.number("SELECT count(*) FROM notes WHERE new IS NULL"),
        2
    );
    assert_eq!(
        app.number("SELECT count(*) FROM refinery_schema_history"),
        2
    );
    // Nothing is made untrue where nothing is to be done.
    assert_eq!(json(&app, &["push"]).0, 0);
}

#[test]
fn a_push_asks_what_was_renamed_and_destroys_nothing_without_consent() {
    let app = App::new();
    app.sql(
        "CREATE TABLE notes (id INTEGER PRIMARY KEY, text TEXT, old TEXT);
             INSERT INTO notes (text, old) VALUES ('a', 'kept');",
    );
    app.file(
        "schema.sql",
        "CREATE TABLE notes (id INTEGER PRIMARY KEY, text TEXT, new TEXT);",
    );
    fails(&app, &["push"], 1, "ambiguous-rename");
    let said = fails(&app, &["push", "--drop", "notes.old"], 1, "destructive");
    assert_eq!(said["destroys"][0]["column"], "old");
    assert!(
        said["error"]["help"]
            .as_str()
            .unwrap()
            .contains("--allow-destructive")
    );
    let (code, _) = json(&app, &["push", "--rename", "notes.old=new"]);
    assert_eq!(code, 0);
    assert_eq!(app.text("SELECT new FROM notes"), "kept");
    app.file("schema.sql", NOTES);
    let (code, _) = json(
        &app,
        &["push", "--drop", "notes.new", "--allow-destructive"],
    );
    assert_eq!(code, 0);
    assert_eq!(app.text("SELECT text FROM notes"), "a");
}

#[test]
fn a_push_that_the_rows_do_not_bear_changes_nothing() {
    let app = App::new();
    app.sql(
        "CREATE TABLE notes (id INTEGER PRIMARY KEY, text TEXT);
             INSERT INTO notes (text) VALUES ('a'), ('a');",
    );
    app.file(
        "schema.sql",
        "CREATE TABLE notes (id INTEGER PRIMARY KEY, text TEXT UNIQUE);",
    );
    let said = fails(&app, &["push"], 1, "migration-failed");
    assert_eq!(said["database_unchanged"], true);
    app.file("schema.sql", "CREATE TABLE notes (id INTEGER PRIMARY KEY, text TEXT); CREATE VIEW v AS SELECT missing FROM notes;");
    fails(&app, &["push"], 1, "invalid-migration");
}

#[test]
fn components_are_not_pushed_to() {
    let app = App::new();
    app.file("schema.sql", NOTES);
    app.sql("CREATE TABLE theirs (x); INSERT INTO theirs VALUES (1)");
    write(&app, "auth/V1__a.sql", "CREATE TABLE a (x);");
    write(
        &app,
        "heirloom.toml",
        "[components.auth]\nmigrations = \"auth\"\n",
    );
    fails(&app, &["push", "--allow-destructive"], 2, "usage");
}

// Reset and drop.

#[test]
fn a_reset_begins_anew_and_its_snapshot_brings_everything_back() {
    let app = app();
    write(
        &app,
        "seeds/a.sql",
        "INSERT INTO notes (text) VALUES ('seed');",
    );
    write(
        &app,
        "seeds/dev/a.sql",
        "INSERT INTO notes (text) VALUES ('dev');",
    );
    app.sql("CREATE TABLE strange (x); PRAGMA journal_mode = WAL; PRAGMA user_version = 7");
    permit(&app.database(), 0o640);
    let before = contents(&app.database());
    let (code, said) = json(&app, &["reset", "dev"]);
    assert_eq!(
        (code, said["error"]["kind"].as_str()),
        (4, Some("not-confirmed"))
    );
    assert_eq!(contents(&app.database()), before);
    let (code, reset) = json(&app, &["reset", "dev", "--yes"]);
    assert_eq!(code, 0, "{reset:#}");
    assert_eq!(
        (&reset["version"], files(&reset)),
        (&2.into(), vec!["a.sql", "dev/a.sql"])
    );
    assert_eq!(reset["applied"][1]["name"], "stars");
    assert_eq!(app.text("SELECT group_concat(text) FROM notes"), "seed,dev");
    assert_eq!(
        app.number("SELECT count(*) FROM sqlite_schema WHERE name = 'strange'"),
        0
    );
    assert_eq!(app.text("PRAGMA journal_mode"), "wal");
    assert_mode(&app.database(), 0o640, "");
    // It is as if it had always been so.
    assert_eq!(json(&app, &["show", "--check"]).0, 0);
    assert!(json(&app, &["seed", "dev"]).1["backup"].is_null());
    let snapshot = Path::new(reset["snapshot"].as_str().unwrap());
    let name = snapshot.file_stem().unwrap().to_str().unwrap();
    assert!(name.starts_with("before-reset-2"), "{name}");
    assert_eq!(
        json(&app, &["restore-snapshot", "--name", name, "--yes"]).0,
        0
    );
    assert_eq!(contents(&app.database()), before);
}

/// Each try of a reset that failed left another copy of the whole database.
#[test]
fn a_reset_whose_migration_or_seed_fails_leaves_the_data_as_it_was() {
    let app = app();
    write(
        &app,
        "seeds/a.sql",
        "INSERT INTO notes (id, text) VALUES (1, 'x'), (1, 'twin');",
    );
    let said = fails(&app, &["reset", "--yes"], 1, "migration-failed");
    assert_eq!(
        (&said["database_unchanged"], &said["migration"]),
        (&true.into(), &"a.sql".into())
    );
    std::fs::remove_dir_all(app.folder().join("seeds")).unwrap();
    app.file("V3__broken.sql", "INSERT INTO nowhere VALUES (1);");
    let said = fails(&app, &["reset", "--yes"], 1, "migration-failed");
    assert_eq!(
        (&said["database_unchanged"], &said["migration"]),
        (&true.into(), &"V3__broken".into())
    );
    let shown = text(&heirloom(&app, &["reset", "--yes"]));
    assert!(
        shown.contains("data: the database was not changed"),
        "{shown}"
    );
    assert_eq!(snapshots(&app), 0);
}

/// A database in UTF-16 was begun again in UTF-8, everything was there, and the command ended with
/// exit code 7.
#[test]
fn a_reset_that_changes_the_text_encoding_is_no_failure() {
    let app = App::new();
    app.sql("PRAGMA encoding = 'UTF-16le'; CREATE TABLE old (x); INSERT INTO old VALUES ('ä')");
    app.file("V1__notes.sql", NOTES);
    let (code, document) = json(&app, &["reset", "--yes"]);
    assert_eq!(code, 0, "{document:#}");
    assert_eq!(app.text("PRAGMA encoding"), "UTF-8");
    assert_eq!(app.number("SELECT count(*) FROM notes"), 0);
    let (code, document) = json(&app, &["run"]);
    assert_eq!((code, &document["applied"]), (0, &serde_json::json!([])));
}

#[test]
fn a_reset_makes_a_database_that_is_not_there_and_needs_no_snapshot() {
    let app = App::new();
    app.file("V1__notes.sql", NOTES);
    let (code, reset) = json(&app, &["reset", "--yes"]);
    assert_eq!((code, reset["snapshot"].is_null()), (0, true), "{reset:#}");
    assert_eq!(app.number("SELECT count(*) FROM notes"), 0);
}

#[test]
fn who_has_the_database_open_sees_the_old_data_or_the_new() {
    let app = app();
    let reader = Mutex::new(app.connect());
    let count = || {
        let reader = reader.lock().unwrap();
        let read = reader.query_row("SELECT count(*) FROM notes", [], |row| row.get::<_, i64>(0));
        read.unwrap()
    };
    assert_eq!(count(), 2);
    let mut seen = Vec::new();
    app.migrator()
        .on_event(|event| {
            if matches!(event, Event::Finished { .. }) {
                seen.push(count());
            }
        })
        .database(app.database())
        .reset(None, None)
        .unwrap();
    assert_eq!(seen, [2, 2]);
    assert_eq!(count(), 0);
}

#[test]
fn a_drop_empties_the_database_after_a_snapshot() {
    let app = app();
    app.sql("PRAGMA journal_mode = WAL");
    let before = contents(&app.database());
    fails(&app, &["drop"], 4, "not-confirmed");
    assert_eq!(snapshots(&app), 0);
    let (code, dropped) = json(&app, &["drop", "--yes"]);
    assert_eq!(code, 0, "{dropped:#}");
    assert_eq!(contents(&app.database()), [""; 0]);
    assert_eq!(app.text("PRAGMA journal_mode"), "wal");
    let snapshot = Path::new(dropped["snapshot"].as_str().unwrap());
    assert!(snapshot.ends_with(format!(
        "snapshots/{}",
        snapshot.file_name().unwrap().to_str().unwrap()
    )));
    assert_eq!(contents(snapshot), before);
    let (code, again) = json(&app, &["drop", "--yes"]);
    assert_eq!((code, again["snapshot"].is_null()), (0, true), "{again:#}");
    assert_eq!(json(&app, &["run"]).0, 0);
    assert_eq!(app.number("SELECT count(*) FROM notes"), 0);
    std::fs::remove_file(app.database()).unwrap();
    assert_eq!(json(&app, &["drop", "--yes"]).0, 0);
    assert!(!app.database().exists());
}

// Redo.

#[test]
fn a_redo_applies_the_edited_migration_and_keeps_the_rest() {
    let app = app();
    app.file(
        "V2__stars.sql",
        "ALTER TABLE notes ADD COLUMN stars DEFAULT 5;",
    );
    let before = data(&app.database());
    let (code, redone) = json(&app, &["redo"]);
    assert_eq!(code, 0, "{redone:#}");
    assert_eq!(
        (
            &redone["reverted"][0]["version"],
            &redone["applied"][0]["version"]
        ),
        (&2.into(), &2.into())
    );
    assert_eq!(redone["version"], 2);
    assert_eq!(app.number("SELECT sum(stars) FROM notes"), 10);
    assert_eq!(app.text("SELECT group_concat(text) FROM notes"), "a,b");
    assert_eq!(data(Path::new(redone["backup"].as_str().unwrap())), before);
    assert_eq!(json(&app, &["show", "--check"]).0, 0);
    let said = text(&heirloom(&app, &["redo", "--steps", "2"]));
    let at = |words: &str| said.find(words).unwrap_or_else(|| panic!("{said}"));
    assert!(at("reverted V2__stars") < at("reverted V1__notes"));
    assert!(at("reverted V1__notes") < at("applied  V1__notes"));
    assert!(at("applied  V1__notes") < at("applied  V2__stars"));
}

#[test]
fn a_redo_leaves_what_is_pending_pending() {
    let app = app();
    app.file("V3__more.sql", "ALTER TABLE notes ADD COLUMN more;");
    assert_eq!(json(&app, &["redo"]).1["version"], 2);
    assert_eq!(json(&app, &["show", "--check"]).0, 3);
}

#[test]
fn a_redo_that_fails_leaves_the_data_as_it_was() {
    let app = app();
    app.file(
        "V2__stars.sql",
        "ALTER TABLE notes ADD COLUMN stars; INSERT INTO notes (id) VALUES (1);",
    );
    let said = fails(&app, &["redo"], 1, "migration-failed");
    assert_eq!(said["database_unchanged"], true);
    assert!(Path::new(said["backup"].as_str().unwrap()).is_file());
    app.file(
        "V2__stars.sql",
        "ALTER TABLE notes ADD COLUMN stars; DELETE FROM notes;",
    );
    let said = fails(&app, &["redo"], 1, "destructive");
    assert_eq!(said["destroys"][0]["count"], 2);
    assert_eq!(json(&app, &["redo", "--allow-destructive"]).0, 0);
    assert_eq!(app.number("SELECT count(*) FROM notes"), 0);
    let listing = app.listing();
    fails(&app, &["redo", "--steps", "3"], 1, "not-found");
    fails(&app, &["redo", "--steps", "0"], 2, "usage");
    app.sql("UPDATE heirloom_history SET down_sql = NULL");
    std::fs::remove_file(app.migrations().join("V2__stars.down.sql")).unwrap();
    fails(&app, &["redo"], 1, "irreversible");
    assert_eq!(
        app.backups().len(),
        listing
            .iter()
            .filter(|(path, _)| {
                path.parent().unwrap().ends_with("backups") && path.extension().unwrap() == "db"
            })
            .count()
    );
}

/// It took back what it then could not apply again; with a gap in the middle it did so without a
/// word, and the migration was gone.
#[test]
fn a_redo_of_what_has_no_file_is_refused_before_anything_is_done() {
    let app = app();
    app.file("V3__more.sql", "ALTER TABLE notes ADD COLUMN more;")
        .file("V3__more.down.sql", "ALTER TABLE notes DROP COLUMN more;");
    app.run().unwrap();
    let backups = app.backups().len();
    for gone in ["V2__stars.sql", "V2__stars.down.sql"] {
        std::fs::remove_file(app.migrations().join(gone)).unwrap();
    }
    let said = fails(&app, &["redo", "--steps", "2"], 1, "missing");
    assert_eq!(said["migration"], "V2__stars", "{said:#}");
    assert_eq!(json(&app, &["redo"]).0, 1, "as a run says: V2 is missing");
    for gone in ["V3__more.sql", "V3__more.down.sql"] {
        std::fs::remove_file(app.migrations().join(gone)).unwrap();
    }
    let said = fails(&app, &["redo"], 1, "missing");
    assert_eq!(said["migration"], "V3__more", "{said:#}");
    assert_eq!(app.backups().len(), backups + 1);
    // Under another name it is the same migration in the making.
    app.file("V2__ratings.sql", "ALTER TABLE notes ADD COLUMN rating;")
        .file("V3__much.sql", "ALTER TABLE notes ADD COLUMN much;");
    assert_eq!(json(&app, &["redo", "--steps", "2"]).0, 0);
    assert_eq!(
        app.number("SELECT count(much) + count(rating) FROM notes"),
        0
    );
}

#[test]
fn nothing_applied_is_nothing_to_redo() {
    let app = App::new();
    app.file("V1__notes.sql", NOTES);
    app.sql("CREATE TABLE own (x)");
    let (code, redone) = json(&app, &["redo"]);
    assert_eq!((code, redone["backup"].is_null()), (0, true), "{redone:#}");
    assert_eq!(redone["reverted"], Value::Array(vec![]));
}

// Interrupted.

#[test]
fn cancelled_before_the_end_the_data_is_as_it_was() {
    let app = app();
    app.file(
        "schema.sql",
        "CREATE TABLE notes (id INTEGER PRIMARY KEY, text TEXT, stars, new);",
    );
    write(
        &app,
        "seeds/a.sql",
        "INSERT INTO notes (text) VALUES ('x');",
    );
    let before = contents(&app.database());
    for verb in ["seed", "reset", "redo", "push", "empty"] {
        let flag = std::sync::Arc::default();
        let set: std::sync::Arc<std::sync::atomic::AtomicBool> = std::sync::Arc::clone(&flag);
        let migrator = app.migrator().cancel_with(flag).on_event(move |event| {
            if matches!(event, Event::Finished { .. } | Event::Copying { .. }) {
                set.store(true, std::sync::atomic::Ordering::Relaxed);
            }
        });
        let seeds = app.folder().join("seeds");
        let database = app.database();
        let error = match verb {
            "seed" => migrator.database(database).seed(seeds, None).unwrap_err(),
            "reset" => migrator
                .database(database)
                .reset(Some(&seeds), None)
                .unwrap_err(),
            "redo" => migrator.database(database).redo(1).unwrap_err(),
            "empty" => migrator.database(database).empty().unwrap_err(),
            _ => {
                let wishes = Default::default();
                migrator
                    .database(database)
                    .push(&wishes, OnHistory::MakeUntrue)
                    .unwrap_err()
            }
        };
        assert_eq!(error.kind(), ErrorKind::Interrupted, "{verb}: {error:#}");
        assert!(error.data_state().is_unchanged(), "{verb}: {error:#}");
        assert_eq!(contents(&app.database()), before, "{verb}");
    }
}

#[test]
fn an_interrupted_run_is_put_back_before_seeds_are_run() {
    let app = app();
    write(
        &app,
        "seeds/a.sql",
        "INSERT INTO notes (text) VALUES ('x');",
    );
    app.file(
        "V3__free.sql",
        "-- heirloom: no-transaction\nUPDATE notes SET text = 'half';\nSELECT 1;",
    );
    let mut died = part("dies-at-moment", &app);
    let mut moment = 0;
    loop {
        let out = died
            .env("HEIRLOOM_TEST_AT", moment.to_string())
            .output()
            .unwrap();
        assert!(!out.status.success(), "it never was between two commits");
        let half = "SELECT count(*) FROM sqlite_schema WHERE name = 'heirloom_run'";
        if app.number(half) == 1 && app.number("SELECT count(*) FROM notes WHERE text = 'half'") > 0
        {
            break;
        }
        moment += 1;
    }
    std::fs::remove_file(app.migrations().join("V3__free.sql")).unwrap();
    let (code, seeded) = json(&app, &["seed"]);
    assert_eq!(code, 0, "{seeded:#}");
    assert_eq!(app.text("SELECT group_concat(text) FROM notes"), "a,b,x");
}

// Shell and init.

fn typed(app: &App, arguments: &[&str], path: &str, input: &str) -> Output {
    let mut child = command(app, arguments)
        .env("PATH", path)
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .stderr(Stdio::piped())
        .spawn()
        .unwrap();
    // One that ended already reads nothing.
    let _ = child.stdin.take().unwrap().write_all(input.as_bytes());
    child.wait_with_output().unwrap()
}

#[test]
fn the_plain_shell_reads_statements_to_their_semicolon_and_survives_errors() {
    let app = app();
    let input = ".tables\nSELECT text,\n  stars FROM notes; -- all\nselct 1;\n.nothing\n.schema NOTES\n
        CREATE TRIGGER t AFTER DELETE ON notes BEGIN\nSELECT 1;\nEND;\nINSERT INTO notes (text) VALUES ('c;\nd');
        SELECT x'00ff' AS blob, 1.0 AS real, NULL AS none";
    let output = typed(&app, &["shell"], "", input);
    let said = text(&output);
    for line in [
        "notes\n",
        "text  stars\na     NULL\nb     NULL\n",
        "syntax error",
        "unknown command .nothing",
        "CREATE TABLE notes (id INTEGER PRIMARY KEY, text TEXT, stars);",
        "blob     real  none\nx'00ff'   1.0  NULL\n",
    ] {
        assert!(said.contains(line), "{line}\n{said}");
    }
    assert_eq!(
        output.status.code(),
        Some(1),
        "a script learns that something failed"
    );
    assert_eq!(app.text("SELECT text FROM notes WHERE id = 3"), "c;\nd");
    assert_eq!(
        app.number("SELECT count(*) FROM sqlite_schema WHERE type = 'trigger'"),
        1
    );
    let output = typed(
        &app,
        &["shell"],
        "",
        "SELECT 1;\n.quit\nDELETE FROM notes;\n",
    );
    assert_eq!(
        (
            output.status.code(),
            app.number("SELECT count(*) FROM notes")
        ),
        (Some(0), 3)
    );
    let output = typed(&app, &["shell", "--readonly"], "", "DELETE FROM notes;\n");
    assert!(text(&output).contains("readonly"), "{}", text(&output));
    assert_eq!(app.number("SELECT count(*) FROM notes"), 3);
    let output = typed(&app, &["shell", "--", "SELECT 'given'"], "", "");
    assert!(text(&output).contains("given"));
}

#[test]
fn a_shell_makes_no_database_and_speaks_no_json() {
    let app = App::new();
    for path in ["", "/usr/bin:/bin"] {
        let output = typed(&app, &["shell"], path, "SELECT 1;");
        assert_eq!(output.status.code(), Some(2), "{}", text(&output));
    }
    assert!(!app.database().exists());
    app.sql("CREATE TABLE a (x)");
    assert_eq!(json(&app, &["shell"]).0, 2);
}

/// Its `sqlite3` is a script for a shell.
#[cfg(unix)]
#[test]
fn sqlite3_is_given_the_database_and_the_arguments_and_its_exit_code_is_passed_on() {
    let app = app();
    let tools = app.folder().join("tools");
    std::fs::create_dir(&tools).unwrap();
    let sqlite3 = tools.join("sqlite3");
    std::fs::write(
        &sqlite3,
        "#!/bin/sh\necho \"$@\"\nread line\necho \"$line\"\nexit 42\n",
    )
    .unwrap();
    permit(&sqlite3, 0o755);
    let output = typed(
        &app,
        &["shell", "--readonly", "--", "-box", "SELECT 1"],
        tools.to_str().unwrap(),
        "typed\n",
    );
    assert_eq!(output.status.code(), Some(42));
    let expected = format!(
        "-readonly {} -box SELECT 1\ntyped\n",
        app.database().display()
    );
    assert_eq!(String::from_utf8_lossy(&output.stdout), expected);
}

#[test]
fn after_init_check_run_and_generate_work_as_typed() {
    let folder = tempfile::tempdir().unwrap();
    let app = App::at(folder.path().canonicalize().unwrap());
    let typed = |arguments: &[&str]| {
        let mut command = command(&app, arguments);
        let output = command
            .arg("--json")
            .env_remove("HEIRLOOM_DATABASE")
            .output()
            .unwrap();
        let document: Value = serde_json::from_slice(&output.stdout).unwrap();
        (output.status.code().unwrap(), document)
    };
    let (code, begun) = typed(&["init"]);
    assert_eq!(code, 0, "{begun:#}");
    assert!(
        begun["start_up"]
            .as_str()
            .unwrap()
            .contains("Migrator::new")
    );
    for key in ["settings", "schema", "up", "down"] {
        assert!(Path::new(begun[key].as_str().unwrap()).is_file(), "{key}");
    }
    let ignored = std::fs::read_to_string(app.folder().join(".gitignore")).unwrap();
    assert_eq!(ignored, "/.data/\n");
    let (code, checked) = typed(&["check"]);
    assert_eq!(code, 0, "{checked:#}");
    assert_eq!(typed(&["generate", "--check"]).0, 0);
    assert_eq!(typed(&["run"]).0, 0);
    assert!(app.folder().join(".data/app.db").is_file());
    assert_eq!(typed(&["revert"]).0, 0);

    let before = app.listing();
    let (code, said) = typed(&["init"]);
    assert_eq!(code, 2);
    assert!(
        said["error"]["message"]
            .as_str()
            .unwrap()
            .contains("heirloom.toml")
    );
    std::fs::remove_file(app.folder().join("heirloom.toml")).unwrap();
    let (code, said) = typed(&["init"]);
    assert_eq!(code, 2);
    assert!(
        said["error"]["message"].as_str().unwrap().contains("V2"),
        "{said:#}"
    );
    assert_eq!(app.listing().len(), before.len() - 1);
}

#[test]
fn init_adds_to_a_gitignore_what_it_lacks_and_removes_nothing_from_it() {
    for (before, after) in [
        ("/target\n", "/target\n/.data/\n"),
        ("/target", "/target\n/.data/\n"),
        ("", "/.data/\n"),
        ("/target\n.data\n", "/target\n.data\n"),
        ("/.data/*\n!/.data/app.db\n", "/.data/*\n!/.data/app.db\n"),
        ("not/.data/\r\n", "not/.data/\r\n/.data/\n"),
    ] {
        let folder = tempfile::tempdir().unwrap();
        let file = folder.path().join(".gitignore");
        std::fs::write(&file, before).unwrap();
        let written = heirloom::devtools::init(folder.path(), SystemTime::now()).unwrap();
        assert_eq!(std::fs::read_to_string(&file).unwrap(), after);
        assert_eq!(written.gitignore.is_some(), before != after, "{before:?}");
    }
}

#[test]
fn without_the_gitignore_init_leaves_nothing() {
    let folder = tempfile::tempdir().unwrap();
    std::fs::create_dir(folder.path().join(".gitignore")).unwrap();
    heirloom::devtools::init(folder.path(), SystemTime::now()).unwrap_err();
    let left = std::fs::read_dir(folder.path()).unwrap();
    let mut left: Vec<_> = left.map(|entry| entry.unwrap().file_name()).collect();
    left.sort();
    assert_eq!(left, [".gitignore", "migrations"]);
    let inside = std::fs::read_dir(folder.path().join("migrations")).unwrap();
    assert_eq!(inside.count(), 0);
}

#[test]
fn the_start_up_call_that_init_prints_is_that_of_the_readme() {
    let folder = tempfile::tempdir().unwrap();
    let app = App::at(folder.path().canonicalize().unwrap());
    let begun = json(&app, &["init"]).1;
    let readme = include_str!("../../../README.md");
    for line in begun["start_up"].as_str().unwrap().lines() {
        assert!(readme.contains(line.trim_end_matches("?;")), "{line}");
    }
}

#[test]
fn init_prints_the_start_up_call_of_the_language_that_the_project_is_in() {
    for (files, is_of_node) in [
        (&["package.json"][..], true),
        (&["package.json", "Cargo.toml"], false),
        (&["package.json", "src-tauri/Cargo.toml"], false),
        (&["Cargo.toml"], false),
    ] {
        let folder = tempfile::tempdir().unwrap();
        let app = App::at(folder.path().canonicalize().unwrap());
        for file in files {
            write(&app, file, "");
        }
        let begun = json(&app, &["init"]).1;
        let start_up = begun["start_up"].as_str().unwrap();
        assert_eq!(start_up.contains("await migrate("), is_of_node, "{files:?}");
        assert_eq!(start_up.contains("Migrator::new"), !is_of_node, "{files:?}");
    }
}

#[test]
fn a_second_seeding_waits_for_the_first_and_finds_nothing_to_do() {
    let app = app();
    write(
        &app,
        "seeds/a.sql",
        "INSERT INTO notes (text) VALUES ('x');",
    );
    let seeds = app.folder().join("seeds");
    let done: Vec<usize> = std::thread::scope(|scope| {
        let threads: Vec<_> = (0..4)
            .map(|_| {
                scope.spawn(|| {
                    let migrator = app.migrator().lock_timeout(Duration::from_secs(60));
                    let seeded = migrator
                        .database(app.database())
                        .seed(&seeds, None)
                        .unwrap();
                    seeded.seeded.len()
                })
            })
            .collect();
        threads
            .into_iter()
            .map(|thread| thread.join().unwrap())
            .collect()
    });
    assert_eq!(done.iter().sum::<usize>(), 1);
    assert_eq!(app.number("SELECT count(*) FROM notes"), 3);
}
