//! What people read: stdout, stderr and the exit code together, as they are. After a change of
//! words `SNAPSHOTS=overwrite cargo test --features cli --test it -- cli::output` writes the new
//! ones into this file.

use std::process::Output;

use regex::Regex;
use snapbox::{assert_data_eq, str};

use crate::cli::contract::heirloom;
use crate::support::app::App;

/// What differs from run to run, and what stands for it.
const REDACTED: [(&str, &str); 6] = [
    (r"\d{4}-\d\d-\d\dT\d\d-\d\d-\d\d(-\d+)?", "[STAMP]"),
    (r"\d{4}-\d\d-\d\d \d\d:\d\d:\d\d", "[TIME]"),
    (r"\d+(\.\d)? (ms|s)\b", "[DURATION]"),
    (r"\d+(\.\d)? (bytes|KB|MB)", "[SIZE]"),
    // How wide a column is.
    (r"([^ \n])   +", "$1  "),
    (r"[ ]+\n", "\n"),
];

fn shown(app: &App, arguments: &[&str]) -> String {
    let Output {
        status,
        stdout,
        stderr,
    } = heirloom(app, arguments);
    let (out, err) = (
        String::from_utf8(stdout).unwrap(),
        String::from_utf8(stderr).unwrap(),
    );
    let mut text = out;
    if !err.is_empty() {
        text += &format!("--- stderr\n{err}");
    }
    if status.code() != Some(0) {
        text += &format!("--- exit {}\n", status.code().unwrap());
    }
    let folder = app.folder().canonicalize().unwrap();
    let text = text.replace(&folder.display().to_string(), "[APP]");
    REDACTED.iter().fold(text, |text, (pattern, with)| {
        Regex::new(pattern)
            .unwrap()
            .replace_all(&text, *with)
            .into_owned()
    })
}

/// At version 1 with two rows; version 2 is pending and drops a column.
fn app() -> App {
    let app = App::new();
    app.file(
        "V1__notes.sql",
        "CREATE TABLE notes (id INTEGER PRIMARY KEY, text TEXT, phone TEXT);",
    )
    .file("V1__notes.down.sql", "DROP TABLE notes;");
    assert!(heirloom(&app, &["run"]).status.success());
    app.sql("INSERT INTO notes (text, phone) VALUES ('a', '1'), ('b', '2')");
    app.file("V2__phones.sql", "ALTER TABLE notes DROP COLUMN phone;")
        .file(
            "V2__phones.down.sql",
            "ALTER TABLE notes ADD COLUMN phone TEXT;",
        );
    app
}

#[test]
fn a_run_says_what_it_did_what_it_destroyed_and_where_the_backup_is() {
    let app = app();
    assert_data_eq!(shown(&app, &["show"]), str![]);
    assert_data_eq!(shown(&app, &["run"]), str![]);
    assert_data_eq!(shown(&app, &["run", "--allow-destructive"]), str![]);
    assert_data_eq!(shown(&app, &["run"]), str![]);
    assert_data_eq!(shown(&app, &["undo"]), str![]);
    assert_data_eq!(shown(&app, &["log"]), str![]);
}

#[test]
fn a_migration_that_fails_is_named_with_its_place_and_the_state_of_the_data() {
    let app = app();
    app.file(
        "V2__phones.sql",
        "SELECT 1;\n  INSERT INTO nots VALUES (1);",
    );
    assert_data_eq!(shown(&app, &["run"]), str![]);
}

#[test]
fn a_restore_names_both_files_and_the_command_that_undoes_it() {
    let app = app();
    assert!(
        heirloom(&app, &["run", "--allow-destructive"])
            .status
            .success()
    );
    assert_data_eq!(shown(&app, &["backups"]), str![]);
    assert_data_eq!(shown(&app, &["restore", "latest"]), str![]);
    assert_data_eq!(shown(&app, &["restore", "latst", "--yes"]), str![]);
    assert_data_eq!(shown(&app, &["restore", "latest", "--yes"]), str![]);
    assert_data_eq!(shown(&app, &["stats"]), str![]);
    assert_data_eq!(shown(&app, &["doctor"]), str![]);
}

#[test]
fn an_empty_or_missing_folder_is_pointed_to_init() {
    let app = App::new();
    assert_data_eq!(shown(&app, &["show"]), str![]);
    assert_data_eq!(shown(&app, &["run"]), str![]);
    std::fs::remove_dir(app.migrations()).unwrap();
    assert_data_eq!(shown(&app, &["run"]), str![]);
}

#[test]
fn the_help_lists_the_commands_in_groups() {
    let help = shown(&App::new(), &["--help"]);
    let commands = help.split("Global options:").next().unwrap().to_owned();
    assert_data_eq!(commands, str![]);
}
