//! `heirloom backfill` from outside: exit codes, documents, Ctrl-C.

#[cfg(unix)]
use std::{
    process::{Command, Stdio},
    time::{Duration, Instant},
};

#[cfg(unix)]
use crate::cli::contract::command;
use crate::cli::contract::{heirloom, json, text};
use crate::support::app::App;

/// Twenty rows, and a file that counts them up, five at a time.
fn app() -> App {
    let app = App::new();
    app.sql(
        "CREATE TABLE t (id INTEGER PRIMARY KEY, n INTEGER NOT NULL DEFAULT 0 CHECK (n < 2));
         WITH RECURSIVE c (i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM c WHERE i < 20)
         INSERT INTO t (id) SELECT i FROM c;",
    );
    write(&app, "n + 1");
    app
}

fn write(app: &App, value: &str) {
    let sql = format!(
        "-- heirloom: backfill t\n-- heirloom: batch 5\nUPDATE t SET n = {value} WHERE id BETWEEN :first AND :last;\n"
    );
    std::fs::write(app.folder().join("count_up.sql"), sql).unwrap();
}

#[test]
fn it_says_what_is_left_fills_and_has_nothing_to_do_then() {
    let app = app();
    let before = app.listing();
    let (exit, plan) = json(&app, &["backfill", "count_up.sql", "--dry-run"]);
    assert_eq!(
        (exit, &plan["left"], &plan["done"]),
        (0, &20.into(), &0.into())
    );
    assert_eq!(app.listing(), before);
    let (exit, done) = json(&app, &["backfill", "count_up.sql", "--batch", "3"]);
    assert_eq!((exit, &done["rows"]), (0, &20.into()), "{done}");
    assert_eq!(done["name"], "count_up");
    assert!(done["backup"].as_str().unwrap().ends_with(".db"));
    assert_eq!(app.number("SELECT min(n) * 10 + max(n) FROM t"), 11);
    let before = app.listing();
    let again = heirloom(&app, &["backfill", "count_up.sql"]);
    assert!(again.status.success());
    assert!(text(&again).contains("nothing to do"), "{}", text(&again));
    assert_eq!(app.listing(), before);
    let plan = text(&heirloom(&app, &["backfill", "count_up.sql", "--dry-run"]));
    assert!(plan.contains("nothing to do"), "{plan}");
    app.sql("UPDATE t SET n = 0");
    let (exit, done) = json(&app, &["backfill", "count_up.sql", "--again"]);
    assert_eq!((exit, &done["rows"]), (0, &20.into()), "{done}");
    assert!(done["backup"].as_str().unwrap().ends_with(".db"));
    assert_eq!(app.number("SELECT min(n) FROM t"), 1);
}

#[test]
fn a_batch_that_fails_says_how_far_it_is_and_exits_with_1() {
    let app = app();
    app.sql("UPDATE t SET n = 1 WHERE id = 12");
    let (exit, failed) = json(&app, &["backfill", "count_up.sql"]);
    assert_eq!(exit, 1, "{failed}");
    assert_eq!(failed["error"]["kind"], "migration-failed");
    assert_eq!(failed["database_unchanged"], false);
    assert_eq!(
        (&failed["done"], &failed["total"]),
        (&10.into(), &20.into())
    );
    let said = text(&heirloom(&app, &["backfill", "count_up.sql"]));
    assert!(said.contains("10 of 20 rows are done, and stay"), "{said}");
    assert!(said.contains("rowids 11 to 15 was rolled back"), "{said}");
    assert_eq!(app.number("SELECT sum(n) FROM t"), 11);
    write(&app, "n + 0");
    let (exit, other) = json(&app, &["backfill", "count_up.sql"]);
    assert_eq!((exit, &other["error"]["kind"]), (1, &"diverged".into()));
    assert_eq!(json(&app, &["backfill", "gone.sql"]).0, 1);
    assert_eq!(
        json(&app, &["backfill", "count_up.sql", "--batch", "0"]).0,
        2
    );
}

/// The second batch never ends.
#[cfg(unix)]
#[test]
fn ctrl_c_ends_a_batch_and_says_how_far_it_is() {
    let app = app();
    write(
        &app,
        // Of the row, so that no SQLite asks it beforehand.
        "n + 1 + CASE WHEN id > 5 THEN (WITH RECURSIVE c (i) AS (SELECT t.id UNION ALL SELECT i FROM c) SELECT count(*) FROM c) ELSE 0 END",
    );
    let child = command(&app, &["backfill", "count_up.sql"])
        .stdout(Stdio::piped())
        .stderr(Stdio::piped())
        .spawn()
        .unwrap();
    let begun = Instant::now();
    loop {
        let connection = app.connect();
        let sql = "SELECT sum(n) FROM t";
        let filled = connection.query_row(sql, [], |row| row.get::<_, i64>(0));
        if filled.is_ok_and(|filled| filled == 5) {
            break;
        }
        assert!(begun.elapsed() < Duration::from_secs(60));
        std::thread::sleep(Duration::from_millis(5));
    }
    let pid = child.id().to_string();
    let killed = Command::new("kill").args(["-INT", &pid]).status();
    assert!(killed.unwrap().success());
    let output = child.wait_with_output().unwrap();
    let said = text(&output);
    assert_eq!(output.status.code(), Some(130), "{said}");
    assert!(said.contains("5 of 20 rows are done, and stay"), "{said}");
    assert!(said.contains("run it again to go on"), "{said}");
    assert_eq!(app.number("SELECT sum(n) FROM t"), 5);
}
