//! What people read: stdout, stderr and the exit code together, as they are. After a change of
//! words `SNAPSHOTS=overwrite cargo test --features cli --test it -- cli::output` writes the new
//! ones into this file.

use std::process::Output;

use regex::Regex;
use snapbox::{assert_data_eq, str};

use crate::cli::contract::heirloom;
use crate::support::app::{App, real};

/// What differs from run to run, and what stands for it.
const REDACTED: [(&str, &str); 7] = [
    (r"SQLite \d[\d.]*", "SQLite [VERSION]"),
    (r"\d{4}-\d\d-\d\dT\d\d-\d\d-\d\d(-\d+)?", "[STAMP]"),
    (r"\d{4}-\d\d-\d\d \d\d:\d\d:\d\d", "[TIME]"),
    (r"\d+(\.\d)? (ms|s)\b", "[DURATION]"),
    (r"\d+(\.\d)? (bytes|KB|MB|GB)", "[SIZE]"),
    // How wide a column is.
    (r"([^ \n])   +", "$1  "),
    (r"[ ]+\n", "\n"),
];

/// Stdout, stderr and the exit code, without what differs from run to run.
pub fn shown(app: &App, arguments: &[&str]) -> String {
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
    let folder = real(app.folder());
    let text = text.replace(&folder.display().to_string(), "[APP]");
    let text = text.replace("heirloom.exe", "heirloom");
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
    assert_data_eq!(
        shown(&app, &["show"]),
        str![[r#"
app.db is at version 1
state  version  name  applied (UTC)
applied  1  notes  [TIME]
pending  2  phones
    destroys column `phone` of `notes`: 2 values
    ALTER TABLE notes DROP COLUMN phone;
1 applied, 1 pending

"#]]
    );
    assert_data_eq!(
        shown(&app, &["run"]),
        str![[r#"
--- stderr
error: V2__phones: it would destroy column `phone` of `notes`: 2 values
  at [APP]/migrations/V2__phones.sql:1:1
1 | ALTER TABLE notes DROP COLUMN phone;
  | ^
data: the database was not changed
help: to allow that, put `-- heirloom: allow-destructive` at the top of the file; `--allow-destructive` allows it
--- exit 1

"#]]
    );
    assert_data_eq!(
        shown(&app, &["run", "--allow-destructive"]),
        str![[r#"
backup  backups/app-[STAMP].db  [SIZE], verified, [DURATION]
applied  V2__phones  [DURATION]
note  destroyed column `phone` of `notes`: 2 values
migrated app.db: 1 → 2 ([DURATION])

"#]]
    );
    assert_data_eq!(
        shown(&app, &["run"]),
        str![[r#"
nothing to do: app.db is at version 2

"#]]
    );
    assert_data_eq!(
        shown(&app, &["undo"]),
        str![[r#"
backup  backups/app-[STAMP].db  [SIZE], verified, [DURATION]
reverted V2__phones  [DURATION]
reverted app.db: 2 → 1 ([DURATION])

"#]]
    );
    assert_data_eq!(
        shown(&app, &["log"]),
        str![[r#"
at (UTC)  command  version  took  details
[TIME]  revert  2 → 1  [DURATION]  backup app-[STAMP].db
[TIME]  run  1 → 2  [DURATION]  backup app-[STAMP].db, destroyed column `phone` of `notes`: 2 values
[TIME]  run  none → 1  [DURATION]

"#]]
    );
}

#[test]
fn a_migration_that_fails_is_named_with_its_place_and_the_state_of_the_data() {
    let app = app();
    app.file(
        "V2__phones.sql",
        "SELECT 1;\n  INSERT INTO nots VALUES (1);",
    );
    assert_data_eq!(
        shown(&app, &["run"]),
        str![[r#"
--- stderr
error: V2__phones: no such table: nots
  at [APP]/migrations/V2__phones.sql:2:15
2 |  INSERT INTO nots VALUES (1);
  |  ^
data: the database was not changed
help: correct the statement and run again
--- exit 1

"#]]
    );
}

#[test]
fn a_restore_names_both_files_and_the_command_that_undoes_it() {
    let app = app();
    assert!(
        heirloom(&app, &["run", "--allow-destructive"])
            .status
            .success()
    );
    assert_data_eq!(
        shown(&app, &["backups"]),
        str![[r#"
backup  origin  created (UTC)  size  version  state
app-[STAMP].db  automatic  [TIME]  [SIZE]  1  verified

"#]]
    );
    assert_data_eq!(
        shown(&app, &["restore", "latest"]),
        str![[r#"
would restore app.db from backups/app-[STAMP].db
  version 2 → 1, [SIZE] → [SIZE]
--- stderr
error: this needs a confirmation, and there is no terminal to ask on
data: the database was not changed
help: use --yes when not interactive
--- exit 4

"#]]
    );
    assert_data_eq!(
        shown(&app, &["restore", "latst", "--yes"]),
        str![[r#"
--- stderr
error: there is no backup latst
data: the database was not changed
help: did you mean `latest`? choose one of the backups and snapshots that are there; `heirloom --database app.db backups` lists backups and snapshots
--- exit 1

"#]]
    );
    assert_data_eq!(
        shown(&app, &["restore", "latest", "--yes"]),
        str![[r#"
restored app.db from backups/app-[STAMP].db (version 1)
undo with: heirloom --database app.db restore backups/app-[STAMP].db

"#]]
    );
    assert_data_eq!(
        shown(&app, &["doctor"]),
        str![[r#"
ok  integrity_check found nothing
ok  foreign_key_check found nothing
ok  1 migration applied, 1 pending
ok  all 2 backups verify
disk  the next run needs about [SIZE], free: [SIZE]
app.db examined with SQLite [VERSION]: nothing is wrong

"#]]
    );
}

#[test]
fn an_empty_or_missing_folder_is_pointed_to_init() {
    let app = App::new();
    assert_data_eq!(
        shown(&app, &["show"]),
        str![[r#"
app.db does not exist yet
migrations is empty: `heirloom init` starts a project

"#]]
    );
    assert_data_eq!(
        shown(&app, &["run"]),
        str![[r#"
nothing to do: app.db is at version none; migrations is empty: `heirloom init` starts a project

"#]]
    );
    std::fs::remove_dir(app.migrations()).unwrap();
    assert_data_eq!(
        shown(&app, &["run"]),
        str![[r#"
--- stderr
error: the migrations folder [APP]/migrations does not exist
help: give it with --migrations, or start a project with `heirloom init`
--- exit 2

"#]]
    );
}

#[test]
fn the_help_lists_the_commands_in_groups() {
    let help = shown(&App::new(), &["--help"]);
    let commands = help.split("Global options:").next().unwrap().to_owned();
    assert_data_eq!(
        commands,
        str![[r#"
SQLite migrations for desktop apps: a verified backup first, then all or nothing

Usage: heirloom [OPTIONS] <COMMAND>

Daily:
  create  Write an empty migration and its down migration [new, add]
  generate  Write the migrations that lead to schema.sql [diff]
  check  Test every migration up, down and up again, in memory
  show  Show every migration with its state [status, list]
  run  Apply the pending migrations, after a backup [up, migrate]
  revert  Revert migrations, after a backup [rollback, down, undo]

Inspecting:
  studio  See the database, its history and its backups in a browser
  inspect  Describe the schema: tables, columns, keys, indexes, views
  compare  Compare two states of the database by their rows
  stats  Show rows and bytes per table and index, and the growth
  log  List every run, revert, restore and snapshot, newest first
  doctor  Look for problems in the database and around it
  backups  List automatic backups and snapshots, newest first

Recovery:
  snapshot  Take a backup with a name
  restore  Restore a backup; the present state is kept first
  restore-snapshot  Restore a snapshot; the present state is kept first
  recover  Save what can be read of a damaged database to a new file

Developing:
  seed  Run the seed files that are new or changed, after a backup
  push  Change a development database to schema.sql directly
  redo  Revert the newest migration and apply it again
  reset  Drop everything, migrate and seed, after a snapshot
  drop  Drop everything in the database, after a snapshot
  shell  Open the database in sqlite3, or in a built-in shell
  squash  Combine old migrations into one
  backfill  Fill the rows of a large table in batches, after a backup

Setting up:
  init  Write a new project: settings, a first migration, schema.sql
  adopt  Import the history of another migration tool
  baseline  Record an existing database as being at VERSION
  completions  Print the completion script of a shell
  man  Print the manual as a man page, or write one per command
  help  Print the help of a command


"#]]
    );
}
