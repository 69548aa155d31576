//! `heirloom generate` as the contract has it.

use serde_json::Value;

use crate::cli::contract::{heirloom, json, text};
use crate::support::app::App;

fn app(schema: &str) -> App {
    let app = App::new();
    std::fs::write(app.migrations().join("schema.sql"), schema).unwrap();
    app
}

#[test]
fn generate_writes_a_pair_for_each_table_and_then_has_nothing_to_do() {
    let app = app("CREATE TABLE a (x); CREATE TABLE b (x);");
    let (code, first) = json(&app, &["generate", "first step"]);
    assert_eq!(code, 0, "{first}");
    let changes = first["changes"].as_array().unwrap();
    assert_eq!(changes.len(), 2);
    for (change, table) in changes.iter().zip(["a", "b"]) {
        assert_eq!(change["table"], table);
        assert_eq!(change["kind"], "create");
        assert_eq!(change["destructive"], false);
        let file = change["file"].as_str().unwrap();
        assert!(
            file.ends_with(&format!("__first_step_{table}.sql")),
            "{file}"
        );
        assert_eq!(
            std::fs::read_to_string(file).unwrap(),
            change["up"].as_str().unwrap()
        );
        let down = file.replace(".sql", ".down.sql");
        assert_eq!(
            std::fs::read_to_string(down).unwrap(),
            change["down"].as_str().unwrap()
        );
    }
    let (code, second) = json(&app, &["diff"]);
    assert_eq!((code, &second["changes"]), (0, &Value::Array(vec![])));
    assert_eq!(
        heirloom(&app, &["generate", "--check"]).status.code(),
        Some(0)
    );
    assert_eq!(json(&app, &["run"]).0, 0);
    assert_eq!(app.number("SELECT count(*) FROM a, b"), 0);
}

#[test]
fn dry_run_and_check_write_nothing() {
    let app = app("CREATE TABLE a (x);");
    let before = app.listing();
    let shown = heirloom(&app, &["generate", "--dry-run"]);
    assert_eq!(shown.status.code(), Some(0));
    assert!(
        text(&shown).contains("CREATE TABLE a (x);"),
        "{}",
        text(&shown)
    );
    let (code, document) = json(&app, &["generate", "--check"]);
    assert_eq!((code, &document["ok"]), (3, &Value::Bool(true)));
    assert_eq!(document["changes"][0]["kind"], "create");
    assert_eq!(app.listing(), before);
}

#[test]
fn refusals_have_their_kind_their_exit_code_and_a_way_out() {
    let cases = [
        (
            "CREATE TABLE t (id INTEGER PRIMARY KEY, b TEXT);",
            "ambiguous-rename",
            1,
            "--rename t.a=b",
        ),
        (
            "CREATE TABLE t (id INTEGER PRIMARY KEY);",
            "destructive",
            1,
            "--allow-destructive",
        ),
        (
            "CREATE TABLE t (id INTEGER PRIMARY KEY, a TEXT, c INT NOT NULL);",
            "needs-default",
            1,
            "-- using:",
        ),
        (
            "CREATE TABLE t (id INTEGER PRIMARY KEY, a TEXT); UPDATE t SET a = 1;",
            "invalid-migration",
            1,
            "CREATE",
        ),
    ];
    for (schema, kind, exit, help) in cases {
        let app = app("CREATE TABLE t (id INTEGER PRIMARY KEY, a TEXT);");
        assert_eq!(json(&app, &["generate"]).0, 0);
        std::fs::write(app.migrations().join("schema.sql"), schema).unwrap();
        let before = app.listing();
        // For `--check` it is a difference like any other.
        let check = if kind == "invalid-migration" { 1 } else { 3 };
        assert_eq!(json(&app, &["generate", "--check"]).0, check, "{kind}");
        let (code, document) = json(&app, &["generate"]);
        assert_eq!(code, exit, "{document}");
        assert_eq!(document["error"]["kind"], kind);
        // Other shells, other quotes.
        let said = document["error"]["help"].as_str().unwrap();
        assert!(said.replace('"', "").contains(help), "{document}");
        assert_eq!(app.listing(), before);
    }
    let app = app("CREATE TABLE t (id INTEGER PRIMARY KEY, a TEXT);");
    assert_eq!(json(&app, &["generate"]).0, 0);
    for wrong in ["t.a", "t.nothing=b", "u=v", "t.a=b=c"] {
        let (code, document) = json(&app, &["generate", "--rename", wrong]);
        assert_eq!(
            (code, &document["error"]["kind"]),
            (2, &Value::from("usage")),
            "{wrong}"
        );
    }
    std::fs::remove_file(app.migrations().join("schema.sql")).unwrap();
    let (code, document) = json(&app, &["generate"]);
    assert_eq!(
        (code, &document["error"]["kind"]),
        (2, &Value::from("not-found"))
    );
}

#[test]
fn a_rename_and_a_consent_are_taken_from_the_command_line() {
    let app = app("CREATE TABLE t (id INTEGER PRIMARY KEY, a TEXT, gone INT);");
    assert_eq!(json(&app, &["generate"]).0, 0);
    assert_eq!(json(&app, &["run"]).0, 0);
    app.sql("INSERT INTO t VALUES (1, 'kept', 2)");
    std::fs::write(
        app.migrations().join("schema.sql"),
        "CREATE TABLE t (id INTEGER PRIMARY KEY, b TEXT);",
    )
    .unwrap();
    let arguments = [
        "generate",
        "--rename",
        "t.a=b",
        "--drop",
        "t.gone",
        "--allow-destructive",
    ];
    let (code, document) = json(&app, &arguments);
    assert_eq!(code, 0, "{document}");
    assert_eq!(document["changes"][0]["destructive"], true);
    // The permission is in the file, so that nobody needs to give it again.
    let (code, document) = json(&app, &["run"]);
    assert_eq!(code, 0, "{document}");
    assert_eq!(app.text("SELECT b FROM t"), "kept");
    assert_eq!(json(&app, &["revert"]).0, 0);
    assert_eq!(app.text("SELECT a || coalesce(gone, '-') FROM t"), "kept-");
}

#[test]
fn an_older_sqlite_is_named_once_in_the_settings_file() {
    let first = "CREATE TABLE t (id INTEGER PRIMARY KEY, a TEXT);";
    let app = app(first);
    assert_eq!(json(&app, &["generate"]).0, 0);
    std::fs::write(
        app.migrations().join("schema.sql"),
        "CREATE TABLE t (id INTEGER PRIMARY KEY, a TEXT, CHECK (a <> 'x'));",
    )
    .unwrap();
    let kind = |arguments: &[&str]| {
        let (code, document) = json(&app, &[&["generate", "--dry-run"], arguments].concat());
        assert_eq!(code, 0, "{document}");
        document["changes"][0]["kind"].as_str().unwrap().to_owned()
    };
    let linked = rusqlite::version();
    let natively = match rusqlite::version_number() >= 3_053_000 {
        true => "alter",
        false => "rebuild",
    };
    assert_eq!(kind(&[]), natively);
    assert_eq!(kind(&["--sqlite", "3.46"]), "rebuild");
    let settings = app.folder().join("heirloom.toml");
    std::fs::write(&settings, "sqlite = \"3.46\"").unwrap();
    assert_eq!(kind(&[]), "rebuild");
    // The flag wins.
    assert_eq!(kind(&["--sqlite", linked]), natively);
    let told = heirloom(&app, &["generate", "--dry-run", "-v"]);
    assert!(text(&told).contains("sqlite"), "{}", text(&told));
    for (arguments, said) in [
        (["--sqlite", "new"], "`new` is not a version of SQLite"),
        (["--sqlite", "3.999"], "cannot be checked here"),
    ] {
        let before = app.listing();
        let output = heirloom(&app, &[&["generate"], &arguments[..]].concat());
        assert_eq!(output.status.code(), Some(2));
        let words = String::from_utf8_lossy(&output.stderr).into_owned();
        assert!(words.contains(said), "{words}");
        assert_eq!(app.listing(), before);
    }
    for wrong in ["sqlite = \"newest\"", "sqlite = 3.46"] {
        std::fs::write(&settings, wrong).unwrap();
        let output = heirloom(&app, &["generate"]);
        assert_eq!(output.status.code(), Some(2), "{wrong}");
        let words = String::from_utf8_lossy(&output.stderr).into_owned();
        assert!(words.contains("heirloom.toml"), "{words}");
    }
}
