//! Files of random SQL: where each statement ends is what SQLite says, which runs the same text in
//! one piece.
//!
//! `PROPTEST_CASES=20000` for more; what fails is shrunk to the shortest file that does.

#[allow(unused_imports, reason = "a method of its own up to rusqlite 0.34")]
use fallible_iterator::FallibleIterator as _;
use heirloom::{ErrorKind, Migrator};
use proptest::prelude::*;
use proptest::test_runner::{Config, TestRunner};
use rusqlite::{Batch, Connection};

use crate::support::app::{App, contents, data};

/// What SQLite takes, each made to be cut in the wrong place.
const STATEMENTS: &[&str] = &[
    "CREATE TABLE IF NOT EXISTS \"t;1\" (\"a;\" TEXT DEFAULT ';', [b;--] INT, `c/*` AS ([b;--] + 1))",
    "CREATE TABLE IF NOT EXISTS log (x, \"trigger\" DEFAULT 'END;')",
    "INSERT INTO log (x) VALUES ('it''s; not -- the end'), (\"begin\"), (x'3b')",
    "INSERT INTO log (x) SELECT CASE WHEN 1 THEN CASE 2 WHEN 2 THEN 'end' END ELSE ';' END -- ; END;",
    "INSERT INTO \"t;1\" (\"a;\", [b;--]) VALUES (';', 1) /* ; */",
    "CREATE TRIGGER IF NOT EXISTS tr AFTER INSERT ON \"t;1\" WHEN CASE WHEN new.[b;--] THEN 1 END BEGIN\r\n  \
     INSERT INTO log (x) VALUES (CASE new.\"a;\" WHEN ';' THEN 'end;' ELSE 2 END); -- END;\r\n  \
     /* END; */ UPDATE log SET x = x || ';' WHERE x = 'end;'; END",
    "CREATE TEMP TRIGGER IF NOT EXISTS tt AFTER UPDATE ON log BEGIN SELECT 1; SELECT 'END'; END",
    "CREATE VIEW IF NOT EXISTS \"end\" AS SELECT x AS [trigger;], ';' AS \"begin;\" FROM log",
    "EXPLAIN QUERY PLAN SELECT * FROM (SELECT ';')",
    "WITH RECURSIVE n (i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n WHERE i < 3) INSERT INTO log (x) SELECT i FROM n",
    "SELECT 'é;ü', \"ü;\", $end, :end, @end, ?1 /*/ ; /*/",
    "REPLACE INTO log (x, \"trigger\") VALUES ('create trigger', 'begin; end')",
];

/// What stands between them.
const BETWEEN: &[&str] = &[
    ";",
    "; ",
    ";\r\n",
    " ;;\n;",
    ";\u{feff}",
    "; -- ; '\n",
    "; /* ; \" */ ",
    ";\t\u{c}\n",
    ";\n--\r\n",
    ";/**/",
    ";--",
    "; \u{b}",
];

/// What may make no sense.
const PIECES: &[&str] = &[
    "'",
    "\"",
    "`",
    "[",
    "]",
    "/*",
    "*/",
    "--",
    "\n",
    ";",
    "BEGIN",
    "END",
    "END;",
    "CREATE TRIGGER",
    "EXPLAIN",
    "TEMP",
    "CASE",
    "x",
    "(",
    ")",
    ",",
    "\u{feff}",
    "\u{b}",
    "\0",
    "é",
    "'';",
    "\r",
    "SELECT 1",
];

/// A file: sound statements, and in some places what makes them unsound.
fn file() -> impl Strategy<Value = String> {
    let statement = (
        proptest::sample::select(STATEMENTS),
        proptest::option::weighted(0.06, (proptest::sample::select(PIECES), 0.0..1.0_f64)),
        proptest::sample::select(BETWEEN),
    );
    let small = any::<bool>();
    (proptest::collection::vec(statement, 1..12), small).prop_map(|(statements, small)| {
        let mut text = format!("{};{};", STATEMENTS[0], STATEMENTS[1]);
        for (statement, spoiled, between) in statements {
            let mut statement = statement.to_owned();
            if let Some((piece, place)) = spoiled {
                let mut at = (place * statement.len() as f64) as usize;
                while !statement.is_char_boundary(at) {
                    at -= 1;
                }
                statement.insert_str(at, piece);
            }
            text += &statement;
            text += between;
        }
        // SQLite would keep an open comment at the end as a part of a view's text, and a run does
        // not.
        text += "\n/* */;";
        match small {
            true => text.replace("CREATE", "create").replace("END", "end"),
            false => text,
        }
    })
}

/// What SQLite makes of it in one piece, with foreign keys off as in a run.
fn in_one_piece(app: &App, sql: &str) -> rusqlite::Result<Vec<String>> {
    let path = app.folder().join("whole.db");
    let _ = std::fs::remove_file(&path);
    let connection = Connection::open(&path)?;
    connection.execute_batch("PRAGMA synchronous = OFF; PRAGMA journal_mode = MEMORY; BEGIN")?;
    let mut batch = Batch::new(&connection, sql);
    while let Some(mut statement) = batch.next()? {
        let mut rows = statement.raw_query();
        while rows.next()?.is_some() {}
    }
    connection.execute_batch("COMMIT")?;
    drop(connection);
    Ok(contents(&path))
}

fn compare(app: &App, sql: &str) {
    for left in [app.database(), app.migrations().join("V1__random.sql")] {
        let _ = std::fs::remove_file(left);
    }
    app.file("V1__random.sql", sql);
    let migrator = Migrator::new(app.migrations()).allow_destructive();
    let done = migrator.migrate(app.database());
    if sql.contains('\0') {
        assert_eq!(done.unwrap_err().kind(), ErrorKind::InvalidMigration);
        return;
    }
    match (in_one_piece(app, sql), done) {
        (Ok(expected), Ok(_)) => assert_eq!(data(&app.database()), expected),
        // A lonely END is refused before anything is run.
        (Err(_), Err(error)) if error.kind() == ErrorKind::InvalidMigration => {}
        (Err(_), Err(error)) => {
            // What comes before the statement that is named runs, and the statement does not.
            let failed = error.statement().unwrap_or_else(|| panic!("{error:#}"));
            let place = error.location().unwrap().position;
            let lines = sql.split_inclusive('\n').take(place.line);
            let up_to: usize = lines.map(str::len).sum();
            let begins: Vec<usize> = sql.match_indices(failed).map(|(at, _)| at).collect();
            let runs = |at: &usize| {
                *at <= up_to
                    && in_one_piece(app, &sql[..*at]).is_ok()
                    && in_one_piece(app, &sql[..*at + failed.len()]).is_err()
            };
            assert!(begins.iter().any(runs), "{error:#}");
        }
        (theirs, ours) => panic!("SQLite says {theirs:?}, and the run {ours:?}"),
    }
}

#[test]
fn a_file_of_random_statements_does_what_it_does_in_one_piece() {
    let config = Config {
        failure_persistence: None,
        ..Config::default()
    };
    #[cfg(all(feature = "cli", target_os = "linux"))]
    let app = App::in_memory();
    #[cfg(not(all(feature = "cli", target_os = "linux")))]
    let app = App::new();
    TestRunner::new(config)
        .run(&file(), |sql| {
            compare(&app, &sql);
            Ok(())
        })
        .unwrap_or_else(|error| panic!("{error}"));
}
