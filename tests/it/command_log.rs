//! `log`: what was done, the newest first, in words and as JSON.

use serde_json::{Value, json as value};

use crate::command::{heirloom, json, text};
use crate::support::App;

#[test]
fn every_act_is_a_line_and_an_object() {
    let app = App::new();
    app.file("V1__a.sql", "CREATE TABLE a (x)")
        .file("V1__a.down.sql", "DROP TABLE a");
    for arguments in [
        &["run"][..],
        &["run"],
        &["snapshot", "--name", "s"],
        &["revert"],
        &["restore", "latest", "--yes"],
        &["restore-snapshot", "--name", "s", "--yes"],
    ] {
        assert_eq!(json(&app, arguments).0, 0, "{arguments:?}");
    }
    let before = app.listing();
    let (code, log) = json(&app, &["log"]);
    assert_eq!(
        (code, &log["ok"], &log["unlogged"]),
        (0, &true.into(), &value!([]))
    );
    let entries = log["log"].as_array().unwrap();
    let kinds: Vec<&str> = entries
        .iter()
        .map(|entry| entry["kind"].as_str().unwrap())
        .collect();
    assert_eq!(kinds, ["restore", "restore", "revert", "snapshot", "run"]);
    let revert = &entries[2];
    assert_eq!(
        (&revert["version_before"], &revert["version"]),
        (&1.into(), &Value::Null)
    );
    assert_eq!(
        revert["migrations"],
        value!([{ "component": null, "version": 1 }])
    );
    assert!(revert["duration_ms"].is_number() && revert["finished"] == true);
    let backup = revert["backup"].as_str().unwrap();
    assert!(app.folder().join("backups").join(backup).is_file());
    assert!(
        entries[0]["restored_from"]
            .as_str()
            .unwrap()
            .ends_with("snapshots/s.db")
    );
    assert_eq!(entries[3]["duration_ms"], Value::Null);
    assert!(
        entries
            .iter()
            .all(|entry| entry["at"].as_str().unwrap().ends_with('Z'))
    );
    let said = text(&heirloom(&app, &["log"]));
    assert_eq!(said.lines().count(), 5, "{said}");
    assert!(
        said.lines().nth(2).unwrap().contains("revert    1 -> none"),
        "{said}"
    );
    assert_eq!(app.listing(), before);
}

#[test]
fn nothing_in_the_log_is_said_so() {
    let app = App::new();
    assert!(text(&heirloom(&app, &["log"])).contains("does not exist yet"));
    app.sql("CREATE TABLE t (x)");
    assert_eq!(text(&heirloom(&app, &["log"])), "nothing is in the log\n");
}
