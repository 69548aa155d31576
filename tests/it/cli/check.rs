//! `heirloom check` at the terminal: a line each, the exit code, the document.

use serde_json::Value;

use crate::cli::contract::{command, heirloom, json, text};
use crate::devtools::check::release;
use crate::support::app::App;

fn app() -> App {
    let app = App::new();
    app.file(
        "V1__notes.sql",
        "CREATE TABLE notes (id INTEGER PRIMARY KEY, text TEXT NOT NULL);",
    )
    .file("V1__notes.down.sql", "DROP TABLE notes;")
    .file(
        "V2__stars.sql",
        "ALTER TABLE notes ADD COLUMN stars INTEGER;",
    )
    .file("V2__stars.down.sql", "ALTER TABLE notes DROP COLUMN stars;");
    app
}

#[test]
fn a_clean_check_says_so_and_exits_with_0_without_a_database() {
    let app = app();
    let before = app.listing();
    let output = heirloom(&app, &["check"]);
    assert_eq!(output.status.code(), Some(0));
    let said = text(&output);
    let lines: Vec<&str> = said.lines().collect();
    assert_eq!(
        lines,
        [
            "ok       V1__notes",
            "ok       V2__stars",
            "2 migrations checked, 0 findings; there is no schema file; not compared with a release, because there is no git tag",
        ]
    );
    let (code, document) = json(&app, &["check"]);
    assert_eq!(code, 0);
    assert_eq!(document["ok"], true);
    assert_eq!(document["findings"], Value::Array(vec![]));
    assert_eq!(document["notes"], Value::Array(vec![]));
    assert_eq!(document["checked"], 2);
    assert_eq!(document["released_tag"], Value::Null);
    assert_eq!(app.listing(), before);
}

#[test]
fn findings_are_listed_with_what_to_do_and_exit_with_3() {
    let app = app();
    release(&app, "v1.2");
    app.file(
        "V2__stars.sql",
        "ALTER TABLE notes ADD COLUMN star INTEGER;",
    )
    .file("V3__empty.sql", "DELETE FROM notes;")
    .file("V3__empty.down.sql", "-- heirloom: irreversible")
    .file("schema.sql", "CREATE TABLE notes (id INTEGER PRIMARY KEY);")
    .file("oops.sql", "");
    let (code, document) = json(&app, &["check"]);
    assert_eq!((code, &document["ok"]), (3, &Value::Bool(true)));
    assert_eq!(document["released_tag"], "v1.2");
    let findings = document["findings"].as_array().unwrap();
    let kinds: Vec<(&str, Option<&str>)> = findings
        .iter()
        .map(|finding| {
            (
                finding["kind"].as_str().unwrap(),
                finding["migration"].as_str(),
            )
        })
        .collect();
    assert_eq!(
        kinds,
        [
            ("bad-name", None),
            ("fails", Some("V2__stars")),
            ("loses-rows", Some("V3__empty")),
            ("schema-file-differs", None),
            ("edited-after-release", Some("V2__stars")),
        ]
    );
    for finding in findings {
        for key in ["file", "message", "help"] {
            assert!(!finding[key].as_str().unwrap().is_empty(), "{finding}");
        }
    }

    let output = heirloom(&app, &["check"]);
    assert_eq!(output.status.code(), Some(3));
    let said = text(&output);
    assert!(said.contains("not ok   V2__stars  1 finding"), "{said}");
    assert!(
        said.contains("finding  V3__empty: loses data: destroys every row of `notes`: 3 rows"),
        "{said}"
    );
    assert!(said.contains("help: keep them, or"), "{said}");
    assert!(said.contains("compared with the release v1.2"), "{said}");
}

#[test]
fn a_schema_file_that_is_none_exits_with_1_and_its_line() {
    let app = app();
    app.file("schema.sql", "CREATE TABLE t (x);\n  DROP TABLE t;");
    let (code, failed) = json(&app, &["check"]);
    assert_eq!(code, 1);
    assert_eq!(failed["error"]["kind"], "invalid-migration");
    assert_eq!((&failed["line"], &failed["column"]), (&2.into(), &3.into()));
}

/// git sets it for its hooks, and a check may well run in one.
#[test]
fn a_hook_of_another_repository_does_not_lead_astray() {
    let app = app();
    release(&app, "v1");
    let output = command(&app, &["check"])
        .env("GIT_DIR", "/nowhere")
        .env("GIT_INDEX_FILE", "/nowhere/index")
        .output()
        .unwrap();
    let said = text(&output);
    assert!(said.contains("compared with the release v1"), "{said}");
}

#[test]
fn without_git_nothing_is_compared_and_that_is_said() {
    let app = app();
    release(&app, "v1");
    let output = command(&app, &["check"]).env("PATH", "").output().unwrap();
    assert_eq!(output.status.code(), Some(0));
    let said = text(&output);
    assert!(said.contains("not compared with a release"), "{said}");
}

#[test]
fn a_file_that_an_older_sqlite_cannot_read_is_found() {
    if rusqlite::version_number() < 3_053_000 {
        // It is not read here either.
        return;
    }
    let app = app();
    app.file(
        "V3__text.sql",
        "-- heirloom: irreversible\n\nALTER TABLE notes ALTER COLUMN text DROP NOT NULL;",
    );
    assert_eq!(json(&app, &["check"]).0, 0);
    let (code, document) = json(&app, &["check", "--sqlite", "3.46"]);
    assert_eq!(code, 3, "{document}");
    let findings = document["findings"].as_array().unwrap();
    assert_eq!(findings.len(), 1, "{document}");
    assert_eq!(findings[0]["kind"], "needs-newer-sqlite");
    assert_eq!(findings[0]["migration"], "V3__text");
    let message = findings[0]["message"].as_str().unwrap();
    assert!(
        message.starts_with("`ALTER COLUMN` needs SQLite 3.53 or newer, and this is for 3.46 ("),
        "{message}"
    );
    assert!(message.contains("V3__text.sql:3"), "{message}");
    std::fs::write(app.folder().join("heirloom.toml"), "sqlite = \"3.46\"").unwrap();
    assert_eq!(json(&app, &["check"]).0, 3);
    assert_eq!(json(&app, &["check", "--sqlite", "3.53"]).0, 0);
}
