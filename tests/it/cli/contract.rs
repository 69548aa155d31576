//! The command line as the contract has it: exit codes, JSON, files.

use std::path::Path;
use std::process::{Command, Output, Stdio};

use serde_json::Value;

use crate::support::app::{App, contents};

/// A run of the binary, in the app's folder, with nothing of this process's settings.
pub fn heirloom(app: &App, arguments: &[&str]) -> Output {
    command(app, arguments).output().unwrap()
}

pub fn command(app: &App, arguments: &[&str]) -> Command {
    let mut command = Command::new(env!("CARGO_BIN_EXE_heirloom"));
    for (name, _) in std::env::vars_os() {
        if name.to_string_lossy().starts_with("HEIRLOOM_") || name == "DATABASE_URL" {
            command.env_remove(name);
        }
    }
    command
        .args(arguments)
        .env("HEIRLOOM_DATABASE", app.database())
        .current_dir(app.folder())
        .stdin(Stdio::null());
    command
}

/// Exit code and document of a run with `--json`.
pub fn json(app: &App, arguments: &[&str]) -> (i32, Value) {
    let output = heirloom(app, &[arguments, &["--json"]].concat());
    let text = String::from_utf8(output.stdout).unwrap();
    let document = serde_json::from_str(&text)
        .unwrap_or_else(|error| panic!("{arguments:?}: {error}: {text}"));
    (output.status.code().unwrap(), document)
}

pub fn text(output: &Output) -> String {
    format!(
        "{}{}",
        String::from_utf8_lossy(&output.stdout),
        String::from_utf8_lossy(&output.stderr)
    )
}

/// An app at version 1 with a row, and version 2 pending.
fn app_with_pending() -> App {
    let app = App::new();
    app.file(
        "V1__notes.sql",
        "CREATE TABLE notes (id INTEGER PRIMARY KEY, text TEXT);",
    )
    .file("V1__notes.down.sql", "DROP TABLE notes;");
    app.run().unwrap();
    app.sql("INSERT INTO notes (text) VALUES ('a'), ('b')");
    app.file(
        "V2__stars.sql",
        "ALTER TABLE notes ADD COLUMN stars INTEGER;",
    )
    .file("V2__stars.down.sql", "ALTER TABLE notes DROP COLUMN stars;");
    app
}

#[test]
fn run_reports_what_it_applied_and_a_second_run_finds_nothing_to_do() {
    let app = app_with_pending();
    let (code, first) = json(&app, &["run"]);
    assert_eq!(code, 0, "{first}");
    assert_eq!(first["ok"], true);
    assert_eq!(first["version"], 2);
    assert_eq!(first["applied"][0]["version"], 2);
    assert_eq!(first["applied"][0]["name"], "stars");
    assert!(first["applied"][0]["duration_ms"].is_number());
    let backup = Path::new(first["backup"].as_str().unwrap());
    assert!(
        contents(backup)
            .iter()
            .any(|line| line.contains("Text(\"b\")") || line.contains("notes:"))
    );
    assert_eq!(
        app.number("SELECT count(*) FROM notes WHERE stars IS NULL"),
        2
    );

    let (code, second) = json(&app, &["up"]);
    assert_eq!((code, &second["ok"]), (0, &Value::Bool(true)));
    assert_eq!(second["applied"], Value::Array(vec![]));
    assert_eq!(second["backup"], Value::Null);
    assert_eq!(app.backups().len(), 1);
}

#[test]
fn show_lists_every_state_and_check_says_no() {
    let app = app_with_pending();
    let before = app.listing();
    let (code, shown) = json(&app, &["show", "--check"]);
    assert_eq!(code, 3);
    assert_eq!(shown["ok"], true);
    let list = shown["migrations"].as_array().unwrap();
    assert_eq!(list[0]["state"], "applied");
    assert!(list[0]["applied_at"].as_str().unwrap().ends_with('Z'));
    assert_eq!(list[1]["state"], "pending");
    assert_eq!(list[1]["applied_at"], Value::Null);
    assert_eq!(list[1]["reversible"], true);
    assert_eq!(list[1]["destructive"], false);
    assert_eq!(list[1]["rebuilds"], Value::Array(vec![]));
    assert_eq!(
        list[1]["sql"],
        "ALTER TABLE notes ADD COLUMN stars INTEGER;"
    );
    assert_eq!(app.listing(), before);
    assert_eq!(json(&app, &["run"]).0, 0);
    assert_eq!(json(&app, &["status", "--check"]).0, 0);
}

#[test]
fn a_broken_statement_is_found_before_anything_is_touched() {
    let app = app_with_pending();
    app.file(
        "V3__broken.sql",
        "SELECT 1;\n  INSERT INTO nots VALUES (1);",
    );
    let before = contents(&app.database());
    let (code, failed) = json(&app, &["run"]);
    assert_eq!(code, 1);
    assert_eq!(failed["ok"], false);
    assert_eq!(failed["error"]["kind"], "migration-failed");
    assert_eq!(failed["migration"], "V3__broken");
    assert!(failed["file"].as_str().unwrap().ends_with("V3__broken.sql"));
    assert_eq!(
        (&failed["line"], &failed["column"]),
        (&2.into(), &15.into())
    );
    assert_eq!(failed["statement"], "INSERT INTO nots VALUES (1);");
    assert_eq!(failed["database_unchanged"], true);
    assert_eq!(failed["restored_from"], Value::Null);
    assert_eq!(failed["backup"], Value::Null);
    assert_eq!(contents(&app.database()), before);
    assert!(app.backups().is_empty());
}

#[test]
fn destruction_is_refused_without_a_terminal_and_done_with_the_flag() {
    let app = app_with_pending();
    app.file("V3__drop.sql", "DROP TABLE notes;");
    for arguments in [&["run"][..], &["run", "--yes"], &["run", "--dry-run"]] {
        let (code, refused) = json(&app, arguments);
        assert_eq!(
            (code, refused["error"]["kind"].as_str()),
            (1, Some("destructive")),
            "{arguments:?}"
        );
        assert_eq!(refused["destroys"][0]["count"], 2);
        assert_eq!(app.number("SELECT count(*) FROM notes"), 2);
    }
    let (code, done) = json(&app, &["run", "--allow-destructive"]);
    assert_eq!(code, 0, "{done}");
    assert_eq!(
        app.number("SELECT count(*) FROM sqlite_schema WHERE name = 'notes'"),
        0
    );
}

#[test]
fn a_dry_run_prints_the_plan_and_leaves_no_trace() {
    let app = app_with_pending();
    let before = app.listing();
    let (code, planned) = json(&app, &["run", "--dry-run"]);
    assert_eq!(code, 0);
    assert_eq!(planned["applied"], Value::Array(vec![]));
    assert_eq!(planned["plan"][0]["version"], 2);
    let (code, planned) = json(&app, &["revert", "--dry-run"]);
    assert_eq!(code, 0);
    assert_eq!(planned["plan"][0]["sql"], "DROP TABLE notes;");
    assert_eq!(app.listing(), before);
}

#[test]
fn revert_goes_back_one_step_or_to_a_version() {
    let app = app_with_pending();
    assert_eq!(json(&app, &["run"]).0, 0);
    let (code, reverted) = json(&app, &["revert"]);
    assert_eq!(code, 0, "{reverted}");
    assert_eq!(reverted["reverted"][0]["version"], 2);
    assert_eq!(reverted["version"], 1);
    assert!(Path::new(reverted["backup"].as_str().unwrap()).is_file());
    assert_eq!(app.number("SELECT count(*) FROM notes"), 2);
    assert_eq!(
        json(&app, &["rollback", "--to", "0"]).1["version"],
        Value::Null
    );
    let (code, nothing) = json(&app, &["down"]);
    assert_eq!((code, &nothing["reverted"]), (0, &Value::Array(vec![])));
}

#[test]
fn an_irreversible_migration_is_refused() {
    let app = App::new();
    app.file("V1__a.sql", "CREATE TABLE a (x);");
    assert_eq!(json(&app, &["run"]).0, 0);
    let before = contents(&app.database());
    let (code, refused) = json(&app, &["revert"]);
    assert_eq!(
        (code, refused["error"]["kind"].as_str()),
        (1, Some("irreversible"))
    );
    assert_eq!(contents(&app.database()), before);
}

#[test]
fn a_newer_database_exits_with_6_and_a_held_one_with_5() {
    let app = app_with_pending();
    let holder = app.connect();
    holder.execute_batch("BEGIN IMMEDIATE").unwrap();
    let (code, locked) = json(&app, &["run", "--lock-timeout", "0.2"]);
    assert_eq!(
        (code, locked["error"]["kind"].as_str()),
        (5, Some("locked"))
    );
    holder.execute_batch("ROLLBACK").unwrap();
    assert_eq!(json(&app, &["run"]).0, 0);
    for name in ["V2__stars.sql", "V2__stars.down.sql"] {
        std::fs::remove_file(app.migrations().join(name)).unwrap();
    }
    let (code, newer) = json(&app, &["run"]);
    assert_eq!(
        (code, newer["error"]["kind"].as_str()),
        (6, Some("database-newer"))
    );
    assert_eq!(newer["versions"]["database"], 2);
    assert_eq!(newer["versions"]["known"], 1);
}

#[test]
fn a_changed_file_is_shown_as_a_difference() {
    let app = app_with_pending();
    app.file(
        "V1__notes.sql",
        "CREATE TABLE notes (id INTEGER PRIMARY KEY, text BLOB);",
    );
    let (code, changed) = json(&app, &["run"]);
    assert_eq!(
        (code, changed["error"]["kind"].as_str()),
        (1, Some("diverged"))
    );
    let said = text(&heirloom(&app, &["run"]));
    assert!(
        said.contains("- CREATE TABLE notes (id INTEGER PRIMARY KEY, text TEXT);"),
        "{said}"
    );
    assert!(
        said.contains("+ CREATE TABLE notes (id INTEGER PRIMARY KEY, text BLOB);"),
        "{said}"
    );
}

#[test]
fn create_writes_a_pair_that_run_then_takes() {
    let app = App::new();
    let (code, made) = json(&app, &["create", "add phone"]);
    assert_eq!(code, 0);
    let (up, down) = (made["up"].as_str().unwrap(), made["down"].as_str().unwrap());
    assert!(up.ends_with("__add_phone.sql") && down.ends_with("__add_phone.down.sql"));
    assert_eq!(made["version"].to_string().len(), 14);
    // Not filled in yet.
    let (code, empty) = json(&app, &["run"]);
    assert_eq!(
        (code, empty["error"]["kind"].as_str()),
        (1, Some("invalid-migration"))
    );
    assert!(!app.database().exists());
    std::fs::write(up, "CREATE TABLE phones (x);").unwrap();
    assert_eq!(json(&app, &["run"]).1["version"], made["version"]);
    assert_eq!(
        json(&app, &["create", "../evil"]).1["error"]["kind"],
        "usage"
    );
}

#[test]
fn wrong_usage_exits_with_2_and_still_speaks_json() {
    let app = App::new();
    for (arguments, kind) in [
        (&["fly"][..], "usage"),
        (&["run", "--to", "soon"], "usage"),
        (&["run", "--keep", "many"], "usage"),
        (&["show", "--config", "nowhere.toml"], "not-found"),
        (&["show", "--migrations", "nowhere"], "not-found"),
    ] {
        let (code, refused) = json(&app, arguments);
        assert_eq!(
            (code, refused["error"]["kind"].as_str()),
            (2, Some(kind)),
            "{arguments:?}"
        );
        assert_eq!(refused["ok"], false);
    }
    assert!(!app.database().exists());
}

/// `rnu` was answered with nothing but the usage.
#[test]
fn a_mistyped_command_is_answered_with_the_one_that_is_meant() {
    let app = App::new();
    for (typed, meant) in [
        ("rnu", Some("run")),
        ("shwo", Some("show")),
        ("resotre", Some("restore")),
        ("dif", Some("diff")),
        ("backpus", Some("backups")),
        ("frobnicate", None),
    ] {
        let output = heirloom(&app, &[typed]);
        assert_eq!(output.status.code(), Some(2));
        let said = text(&output);
        let tip = meant.map(|meant| format!("'{meant}'"));
        assert_eq!(said.contains("similar"), tip.is_some(), "{said}");
        assert!(tip.is_none_or(|tip| said.contains(&tip)), "{said}");
        let (_, document) = json(&app, &[typed]);
        let help = document["error"]["help"].as_str().unwrap();
        assert_eq!(help.contains("similar"), meant.is_some(), "{help}");
    }
}

#[test]
fn failures_of_the_database_have_their_kind() {
    let app = App::new();
    app.file("V1__a.sql", "CREATE TABLE a (x);");
    std::fs::write(
        app.database(),
        "this is not a database, but long enough to be read as one",
    )
    .unwrap();
    let before = app.listing();
    for arguments in [&["run"][..], &["show"], &["revert"]] {
        let (code, failed) = json(&app, arguments);
        assert_eq!(
            (code, failed["error"]["kind"].as_str()),
            (1, Some("not-a-database")),
            "{arguments:?}"
        );
    }
    let lock = app.folder().join("app.db.lock");
    let after: Vec<_> = app
        .listing()
        .into_iter()
        .filter(|(path, _)| *path != lock)
        .collect();
    assert_eq!(after, before);
}

/// Ctrl-C in the middle of a long statement.
#[cfg(unix)]
#[test]
fn an_interruption_exits_with_130_and_leaves_the_database_as_it_was() {
    use std::io::{BufRead, BufReader};
    let app = app_with_pending();
    app.file(
        "V3__long.sql",
        "CREATE TABLE n (i);
         INSERT INTO n WITH RECURSIVE c(i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM c) SELECT i FROM c;",
    );
    let before = contents(&app.database());
    let mut child = command(&app, &["run"])
        .stdout(Stdio::piped())
        .stderr(Stdio::piped())
        .spawn()
        .unwrap();
    // The line of V2 says that V3, which never ends, is what runs now.
    let mut lines = BufReader::new(child.stdout.take().unwrap()).lines();
    assert!(lines.any(|line| line.unwrap().contains("V2__stars")));
    let killed = Command::new("kill")
        .args(["-INT", &child.id().to_string()])
        .status()
        .unwrap();
    assert!(killed.success());
    assert_eq!(child.wait().unwrap().code(), Some(130));
    assert_eq!(contents(&app.database()), before);
}

/// A path that is not UTF-8 once ended a run in a panic, after its commit.
#[cfg(target_os = "linux")]
#[test]
fn a_path_of_odd_bytes_is_a_path() {
    use std::os::unix::ffi::OsStrExt;
    let app = App::new();
    app.file("V1__a.sql", "CREATE TABLE a (x)");
    let path = app.folder().join(std::ffi::OsStr::from_bytes(b"x\xff.db"));
    for arguments in [&["run"][..], &["show"], &["run", "--dry-run"], &["run"]] {
        let mut command = command(&app, arguments);
        let output = command
            .arg("--json")
            .arg("--database")
            .arg(&path)
            .output()
            .unwrap();
        assert_eq!(
            output.status.code(),
            Some(0),
            "{arguments:?}: {}",
            text(&output)
        );
        let document: Value = serde_json::from_slice(&output.stdout).unwrap();
        assert_eq!(document["ok"], true);
    }
    let connection = rusqlite::Connection::open(&path).unwrap();
    let applied: i64 = connection
        .query_row("SELECT count(*) FROM refinery_schema_history", [], |row| {
            row.get(0)
        })
        .unwrap();
    assert_eq!(applied, 1);
}

#[test]
fn a_rehearsal_reports_rows_and_disk_and_ends_with_the_code_of_the_run() {
    let app = app_with_pending();
    app.file(
        "V3__rebuild.sql",
        "CREATE TABLE n (id INTEGER PRIMARY KEY, text TEXT NOT NULL, stars INTEGER);
         INSERT INTO n SELECT * FROM notes; DROP TABLE notes; ALTER TABLE n RENAME TO notes;",
    );
    let before = app.listing();
    let shown = json(&app, &["show"]).1["migrations"][2].clone();
    assert_eq!(shown["rebuilds"], serde_json::json!(["notes"]));
    assert_eq!(
        shown["rebuild_estimates"],
        serde_json::json!([{ "table": "notes", "rows": 2, "bytes": 4096 }])
    );
    assert!(shown["estimated_ms"].is_number() && shown["disk_bytes"].is_number());
    let planned = json(&app, &["run", "--dry-run"]).1["plan"].clone();
    for key in ["rebuild_estimates", "estimated_ms", "disk_bytes"] {
        assert_eq!(planned[1][key], shown[key], "{key}");
        assert_eq!(planned[0][key].as_array().map_or(0, Vec::len), 0, "{key}");
    }
    let told = text(&heirloom(&app, &["show"]));
    assert!(
        told.contains("rebuilds `notes`: 2 rows, less than 1 s"),
        "{told}"
    );
    assert!(told.contains("of disk, including the backup"), "{told}");
    let (code, document) = json(&app, &["run", "--rehearse"]);
    assert_eq!(
        (code, &document["ok"]),
        (0, &Value::Bool(true)),
        "{document}"
    );
    assert_eq!(document["rehearsed"][0]["tables"], Value::Array(vec![]));
    let rebuilt = &document["rehearsed"][1];
    assert_eq!(
        (&rebuilt["version"], &rebuilt["name"]),
        (&3.into(), &"rebuild".into())
    );
    assert!(rebuilt["duration_ms"].is_number());
    let table = serde_json::json!({ "table": "notes", "rows_before": 2, "rows_after": 2 });
    assert_eq!(rebuilt["tables"], Value::Array(vec![table]));
    assert!(document["disk_bytes"].as_u64().unwrap() > 4096);
    assert!(document["notes"].is_array());
    let database = app.database().display().to_string();
    assert_eq!(document["database"], database);
    let told = text(&heirloom(&app, &["run", "--rehearse", "--to", "2"]));
    assert!(
        told.contains("tried    V2__stars") && !told.contains("V3"),
        "{told}"
    );

    app.file("V4__drop.sql", "DROP TABLE notes");
    let output = heirloom(&app, &["run", "--rehearse"]);
    assert_eq!(output.status.code(), Some(1));
    assert!(
        text(&output).contains("app.db was not changed"),
        "{}",
        text(&output)
    );
    let (code, failed) = json(&app, &["run", "--rehearse"]);
    assert_eq!((code, &failed["error"]["kind"]), (1, &"destructive".into()));
    assert_eq!(failed["database_unchanged"], true);
    assert_eq!(
        json(&app, &["run", "--rehearse", "--allow-destructive"]).0,
        0
    );
    assert_eq!(json(&app, &["run", "--rehearse", "--dry-run"]).0, 2);
    let files = app.listing();
    assert!(before.iter().all(|file| files.contains(file)));
    assert_eq!(files.len(), before.len() + 1);

    assert_eq!(json(&app, &["run", "--to", "2"]).0, 0);
    for file in [
        "V2__stars.sql",
        "V2__stars.down.sql",
        "V3__rebuild.sql",
        "V4__drop.sql",
    ] {
        std::fs::remove_file(app.migrations().join(file)).unwrap();
    }
    assert_eq!(json(&app, &["run", "--rehearse"]).0, 6);
}
