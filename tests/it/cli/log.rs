//! `log`: what was done, the newest first, in words and as JSON.

use std::path::Path;

use serde_json::{Value, json as value};

use crate::cli::contract::{heirloom, json, text};
use crate::support::app::App;

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
    let from = Path::new(entries[0]["restored_from"].as_str().unwrap());
    assert!(from.ends_with("snapshots/s.db"), "{}", from.display());
    assert_eq!(entries[3]["duration_ms"], Value::Null);
    assert!(
        entries
            .iter()
            .all(|entry| entry["at"].as_str().unwrap().ends_with('Z'))
    );
    let said = text(&heirloom(&app, &["log"]));
    assert_eq!(said.lines().count(), 6, "{said}");
    assert!(
        said.lines().nth(3).unwrap().contains("revert    1 → none"),
        "{said}"
    );
    assert_eq!(app.listing(), before);
}

#[test]
fn nothing_in_the_log_is_said_so() {
    let app = App::new();
    assert!(text(&heirloom(&app, &["log"])).contains("does not exist yet"));
    app.sql("CREATE TABLE t (x)");
    assert_eq!(text(&heirloom(&app, &["log"])), "the log is empty\n");
}

/// With `reset` and `drop` everything went that had been logged, and nothing told of either.
#[test]
fn what_was_logged_before_a_reset_or_a_drop_stays_in_the_log() {
    let app = App::new();
    app.file("V1__a.sql", "CREATE TABLE a (x)")
        .file("V1__a.down.sql", "DROP TABLE a");
    for arguments in [
        &["run"][..],
        &["revert"],
        &["run"],
        &["reset", "--yes"],
        &["drop", "--yes"],
    ] {
        assert_eq!(json(&app, arguments).0, 0, "{arguments:?}");
    }
    let (_, log) = json(&app, &["log"]);
    let entries = log["log"].as_array().unwrap();
    let acts = |wanted: &str| {
        let mut kinds = entries.iter().map(|entry| entry["kind"].as_str().unwrap());
        kinds.by_ref().filter(|kind| *kind == wanted).count()
    };
    let counts = ["run", "revert", "reset", "drop", "snapshot"].map(acts);
    assert_eq!(counts, [3, 1, 1, 1, 2], "{log:#}");
    let reset = entries.iter().find(|entry| entry["kind"] == "reset");
    let reset = reset.unwrap();
    assert_eq!(
        (
            &reset["version_before"],
            &reset["version"],
            &reset["finished"]
        ),
        (&1.into(), &1.into(), &true.into())
    );
    assert!(
        reset["backup"]
            .as_str()
            .unwrap()
            .starts_with("before-reset-")
    );
}

/// A backfill that had stopped half-way was nowhere to be seen, and its other rows stayed empty.
#[test]
fn a_backfill_that_is_not_finished_is_told_of() {
    let app = App::new();
    app.file(
        "V1__t.sql",
        "CREATE TABLE t (id INTEGER PRIMARY KEY, n NOT NULL DEFAULT 0 CHECK (n < 2));
         INSERT INTO t (id) VALUES (1), (2), (3), (4); UPDATE t SET n = 1 WHERE id = 4;",
    );
    app.run().unwrap();
    let sql = "-- heirloom: backfill t\n-- heirloom: batch 2\nUPDATE t SET n = n + 1 WHERE id BETWEEN :first AND :last;";
    std::fs::write(app.folder().join("up.sql"), sql).unwrap();
    assert_eq!(json(&app, &["backfill", "up.sql"]).0, 1);
    for command in ["show", "doctor"] {
        let said = text(&heirloom(&app, &[command]));
        assert!(said.contains("backfill `up` of `t`"), "{command}: {said}");
        assert!(said.contains("2 of 4 rows are done"), "{command}: {said}");
    }
    let said = text(&heirloom(&app, &["log"]));
    assert!(
        said.contains("backfill  up") && said.contains("not finished"),
        "{said}"
    );
    app.sql("UPDATE t SET n = 0 WHERE id = 4");
    assert_eq!(json(&app, &["backfill", "up.sql"]).0, 0);
    let said = text(&heirloom(&app, &["show"])) + &text(&heirloom(&app, &["log"]));
    assert!(!said.to_lowercase().contains("not finished"), "{said}");
    let (_, log) = json(&app, &["log"]);
    assert_eq!(log["log"][0]["backfill"], "up", "{log:#}");
}
