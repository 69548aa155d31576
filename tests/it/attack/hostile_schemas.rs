//! Databases whose schema is made to keep whoever looks at it.

use std::process::{Command, Stdio};
use std::time::{Duration, Instant};

use crate::cli::contract::command;
use crate::support::app::App;

/// How long a command may take before it is taken for one that never ends. A safety net, and no
/// measurement: each of them takes a fraction of a second.
const NEVER: Duration = Duration::from_secs(120);

/// What a command says, with its exit code. It is killed where it does not come to an end.
fn ends(mut command: Command, what: &str) -> (i32, String) {
    let file = || tempfile::tempfile().unwrap();
    let (said, complained) = (file(), file());
    command
        .stdout(Stdio::from(said.try_clone().unwrap()))
        .stderr(Stdio::from(complained.try_clone().unwrap()));
    let mut child = command.spawn().unwrap();
    let begun = Instant::now();
    let status = loop {
        match child.try_wait().unwrap() {
            Some(status) => break status,
            None if begun.elapsed() > NEVER => {
                let _ = child.kill();
                let _ = child.wait();
                panic!("{what} does not come to an end");
            }
            None => std::thread::sleep(Duration::from_millis(5)),
        }
    };
    let mut text = String::new();
    for mut file in [said, complained] {
        std::io::Seek::rewind(&mut file).unwrap();
        std::io::Read::read_to_string(&mut file, &mut text).unwrap();
    }
    (status.code().unwrap(), text)
}

/// An app at version 2 with a row and a verified backup; version 3 is pending.
fn app() -> App {
    let app = App::new();
    app.file(
        "V1__notes.sql",
        "CREATE TABLE notes (id INTEGER PRIMARY KEY, body TEXT);",
    );
    app.run().unwrap();
    app.sql("INSERT INTO notes (body) VALUES ('mine'); CREATE TABLE t (x)");
    app.file("V2__pinned.sql", "ALTER TABLE notes ADD COLUMN pinned;")
        .file(
            "V2__pinned.down.sql",
            "ALTER TABLE notes DROP COLUMN pinned;",
        );
    app.run().unwrap();
    app.file(
        "V3__text.sql",
        "ALTER TABLE notes RENAME COLUMN body TO text;",
    );
    app
}

/// `v0` to `v40`, `%` in the text standing for the view before.
fn chain(text: &str) -> String {
    let view = |at: usize| {
        let text = text.replace('%', &format!("v{}", at - 1));
        format!("CREATE VIEW v{at} AS {text};")
    };
    let views: String = (1..=40).map(view).collect();
    format!("CREATE VIEW v0 AS SELECT x FROM t; {views}")
}

/// A stranger's database had forty views that each read the one before twice. Everything that looked
/// at it compiled them, which takes SQLite a million million steps, and not even a signal ended it.
#[test]
fn views_that_double_from_one_to_the_next_keep_nobody() {
    let queries: Vec<String> = (1..=40)
        .map(|at| format!("c{at} AS (SELECT a.x FROM c{0} AS a, c{0} AS b)", at - 1))
        .collect();
    for (story, views) in [
        (
            "joined",
            chain("SELECT a.x FROM % AS a, % AS b"),
        ),
        (
            "one below the other, and in a search table",
            chain("SELECT x FROM % UNION ALL SELECT x FROM %")
                + "CREATE VIRTUAL TABLE search USING fts5(x, content='v40');
                   CREATE VIRTUAL TABLE older USING fts4(x, content='v40');",
        ),
        (
            "in expressions, and in triggers of heirloom's tables",
            chain("SELECT (SELECT x FROM %) + (SELECT x FROM %) AS x")
                + "CREATE TRIGGER one AFTER INSERT ON refinery_schema_history BEGIN DELETE FROM t WHERE x IN v40; END;
                   CREATE TRIGGER two AFTER INSERT ON heirloom_log BEGIN DELETE FROM t WHERE x IN v40; END;",
        ),
        (
            "an expression that grows",
            chain("SELECT x + x AS x FROM %"),
        ),
        (
            "one view alone",
            format!(
                "CREATE VIEW v40 AS WITH c0 AS (SELECT x FROM t), {} SELECT x FROM c40",
                queries.join(", ")
            ),
        ),
    ] {
        let app = app();
        let earlier = app.folder().join("earlier.db");
        app.sql(&views);
        std::fs::copy(app.database(), &earlier).unwrap();
        app.sql("INSERT INTO t VALUES (1)");
        let before = contents_but_views(&app);
        let said = |arguments: &[&str]| {
            let what = format!("{story}: {arguments:?}");
            let (code, text) = ends(command(&app, arguments), &what);
            assert!(!text.contains("panicked"), "{what}: {text}");
            (code, text)
        };
        // What looks has its answer, which is about the tables as ever.
        for (arguments, answer) in [
            (&["show"][..], "pending"),
            (&["log"], "none → 1"),
            (&["stats"], "notes"),
            (&["inspect"], "v40"),
            (&["inspect", "v40"], "CREATE VIEW v40"),
            (&["inspect", "--sql"], "CREATE TABLE notes"),
            (&["compare", "earlier.db", "app.db"], "t"),
            (&["backups", "--verify"], "automatic"),
        ] {
            let (code, text) = said(arguments);
            assert!(code == 0 && text.contains(answer), "{story}: {arguments:?} {text}");
        }
        let (code, text) = said(&["doctor"]);
        assert!(code == 3 && text.contains("was not compiled"), "{story}: {text}");
        // What would change something is refused before it does.
        for arguments in [&["run"][..], &["run", "--dry-run"], &["revert", "--yes"]] {
            let (code, text) = said(arguments);
            assert_eq!(code, 7, "{story}: {arguments:?} {text}");
            assert!(text.contains("was not compiled"), "{story}: {text}");
            assert!(text.contains("data: the database was not changed"), "{story}: {text}");
        }
        assert_eq!(contents_but_views(&app), before, "{story}");
        // And there are ways out of it.
        let (code, text) = said(&["restore", "latest", "--yes"]);
        assert_eq!(code, 0, "{story}: {text}");
        let (code, text) = said(&["run"]);
        assert_eq!(code, 0, "{story}: {text}");
        assert_eq!(app.text("SELECT text FROM notes"), "mine", "{story}");
    }
}

/// The rows of what the app has, which no view has a part in.
fn contents_but_views(app: &App) -> Vec<String> {
    let mut rows = Vec::new();
    for query in [
        "SELECT group_concat(id || body || pinned IS NULL) FROM notes",
        "SELECT group_concat(x) FROM t",
        "SELECT group_concat(version) FROM refinery_schema_history",
    ] {
        rows.push(app.text(&format!("SELECT coalesce(({query}), '')")));
    }
    rows
}
