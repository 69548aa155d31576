//! The documents of `--json`, key by key: what every command prints, as it is recorded in
//! `tests/data/cli/documents.txt`. Sentences, times, sizes and durations are replaced by their
//! kind; keys, words and numbers of the schema stand as they are.
//!
//! A key that comes, goes or changes its kind is a change of the contract. Where that is
//! intended, the test prints the path of the file with today's documents: compare the two, and
//! copy it over the recorded one.

use std::fmt::Write as _;
use std::path::Path;

use regex::Regex;
use serde_json::Value;

use crate::cli::contract::json;
use crate::support::app::App;

/// Keys whose values are sentences, or differ from machine to machine.
const NOT_COMPARED: &[&str] = &[
    "message",
    "help",
    "data",
    "notes",
    "passed",
    "sqlite_version",
    "start_up",
    "started_at",
    "finished_at",
    "held_by",
    "needed_bytes",
    "free_bytes",
    "disk_bytes",
    "bytes",
    "wal_bytes",
    "free_pages",
    "pages",
    "statement",
];

struct Documents<'a> {
    app: &'a App,
    text: String,
    patterns: Vec<(Regex, &'static str)>,
}

impl Documents<'_> {
    fn new(app: &App) -> Documents<'_> {
        let patterns = [
            (r"\d{4}-\d\d-\d\dT\d\d-\d\d-\d\d(-\d+)?", "{time}"),
            (r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d(\.\d+)?Z", "{time}"),
            (r"V\d{14}__", "V{time}__"),
            (r"[0-9a-f]{64}", "{digest}"),
        ];
        Documents {
            app,
            text: String::new(),
            patterns: patterns
                .map(|(pattern, name)| (Regex::new(pattern).unwrap(), name))
                .into(),
        }
    }

    /// Runs a command, and records its exit code and its document.
    fn record(&mut self, arguments: &[&str]) -> Value {
        let (code, document) = json(self.app, arguments);
        let mut recorded = document.clone();
        self.normalize("", &mut recorded);
        let shown = arguments.join(" ");
        let shown = self.plain(&shown);
        let pretty = serde_json::to_string_pretty(&recorded).unwrap();
        writeln!(self.text, "$ heirloom {shown} --json  # {code}\n{pretty}\n").unwrap();
        document
    }

    fn plain(&self, text: &str) -> String {
        let folder = self.app.folder().display().to_string();
        let text = text.replace(&folder, "{folder}");
        self.patterns.iter().fold(text, |text, (pattern, name)| {
            pattern.replace_all(&text, *name).into_owned()
        })
    }

    fn normalize(&self, key: &str, value: &mut Value) {
        let kind = match value {
            Value::String(_) => "text",
            Value::Number(_) => "number",
            Value::Array(_) => "list",
            Value::Bool(_) => "bool",
            Value::Null | Value::Object(_) => "",
        };
        match value {
            value if !kind.is_empty() && (NOT_COMPARED.contains(&key) || key.ends_with("_ms")) => {
                *value = format!("{{{kind}}}").into();
            }
            Value::Number(number) if key == "version" => {
                let text = number.to_string();
                if text.len() == 14 {
                    *value = "{version}".into();
                }
            }
            Value::String(text) => *text = self.plain(text),
            Value::Array(list) => list.iter_mut().for_each(|one| self.normalize("", one)),
            Value::Object(map) => map
                .iter_mut()
                .for_each(|(key, value)| self.normalize(key, value)),
            _ => {}
        }
    }
}

fn put(app: &App, path: &str, text: &str) {
    let path = app.folder().join(path);
    std::fs::create_dir_all(path.parent().unwrap()).unwrap();
    std::fs::write(path, text).unwrap();
}

#[test]
fn every_command_prints_the_document_that_is_recorded() {
    let app = App::new();
    let mut all = Documents::new(&app);

    // A first migration, rows, a backfill.
    app.file(
        "V1__notes.sql",
        "CREATE TABLE notes (id INTEGER PRIMARY KEY, text TEXT NOT NULL DEFAULT '', n INTEGER);\n\
         CREATE TABLE tags (id INTEGER PRIMARY KEY, note INTEGER REFERENCES notes (id) ON DELETE CASCADE, name TEXT COLLATE NOCASE CHECK (name <> ''));\n\
         CREATE UNIQUE INDEX tags_by_name ON tags (name) WHERE note IS NOT NULL;\n\
         CREATE VIEW named AS SELECT text FROM notes;\n\
         CREATE TRIGGER cleared AFTER DELETE ON notes BEGIN DELETE FROM tags WHERE note = old.id; END;",
    )
    .file("V1__notes.down.sql", "DROP VIEW named; DROP TABLE tags; DROP TABLE notes;");
    all.record(&["show"]);
    all.record(&["stats"]);
    all.record(&["inspect"]);
    all.record(&["run", "--dry-run"]);
    all.record(&["run", "--rehearse"]);
    all.record(&["run"]);
    app.sql("INSERT INTO notes (text) VALUES ('a'), ('b'); INSERT INTO tags (note, name) VALUES (1, 'x')");
    put(
        &app,
        "fill.sql",
        "-- heirloom: backfill notes\nUPDATE notes SET n = 1 WHERE id BETWEEN :first AND :last;\n",
    );
    all.record(&["backfill", "fill.sql", "--dry-run"]);
    all.record(&["backfill", "fill.sql"]);
    all.record(&["backfill", "fill.sql", "--dry-run"]);

    // A column more, a table rebuilt; there and back.
    app.file("V2__stars.sql", "ALTER TABLE notes ADD COLUMN stars INTEGER;")
        .file("V2__stars.down.sql", "ALTER TABLE notes DROP COLUMN stars;")
        .file(
            "V3__rebuild.sql",
            "CREATE TABLE new (id INTEGER PRIMARY KEY, text TEXT NOT NULL, n INTEGER, stars INTEGER);\n\
             INSERT INTO new SELECT id, text, n, stars FROM notes;\nDROP VIEW named;\nDROP TABLE notes;\n\
             ALTER TABLE new RENAME TO notes;\nCREATE VIEW named AS SELECT text FROM notes;",
        );
    all.record(&["show"]);
    all.record(&["run", "--dry-run"]);
    all.record(&["run", "--rehearse"]);
    all.record(&["run", "--to", "2"]);
    all.record(&["redo"]);
    all.record(&["revert", "--dry-run"]);
    all.record(&["revert"]);
    all.record(&["run"]);
    all.record(&["run"]);
    all.record(&["revert"]);
    all.record(&["inspect"]);
    all.record(&["inspect", "tags"]);
    all.record(&["inspect", "named"]);
    all.record(&["inspect", "--sql"]);
    all.record(&["inspect", "nots"]);
    all.record(&["stats"]);
    all.record(&["log"]);
    all.record(&["doctor"]);
    all.record(&["check"]);

    // What is refused.
    app.file("V4__drop.sql", "DROP TABLE tags;");
    all.record(&["show"]);
    all.record(&["run"]);
    all.record(&["run", "--dry-run"]);
    all.record(&["run", "--rehearse"]);
    app.file("V4__drop.sql", "SELECT 1;\n  INSERT INTO nots VALUES (1);");
    all.record(&["run"]);
    all.record(&["show"]);
    std::fs::remove_file(app.migrations().join("V4__drop.sql")).unwrap();
    all.record(&["run", "--to", "9"]);
    all.record(&["run", "--no-such-option"]);
    all.record(&["restore", "latst", "--yes"]);
    all.record(&["drop"]);

    // Copies.
    all.record(&["snapshot", "--name", "one"]);
    all.record(&["snapshot", "--name", "one"]);
    all.record(&["backups", "--verify"]);
    all.record(&["restore-snapshot", "--name", "one", "--dry-run"]);
    all.record(&["restore-snapshot", "--name", "one", "--yes"]);
    all.record(&["restore", "latest", "--yes"]);
    all.record(&["log"]);
    std::fs::rename(
        app.migrations().join("V3__rebuild.sql"),
        app.folder().join("V3__rebuild.sql"),
    )
    .unwrap();
    all.record(&["run"]);
    all.record(&["show"]);
    std::fs::rename(
        app.folder().join("V3__rebuild.sql"),
        app.migrations().join("V3__rebuild.sql"),
    )
    .unwrap();
    all.record(&["run"]);
    all.record(&["restore-snapshot", "--name", "one", "--yes"]);

    // What developers do.
    all.record(&["generate"]);
    put(
        &app,
        "migrations/schema.sql",
        "CREATE TABLE notes (id INTEGER PRIMARY KEY, text TEXT NOT NULL, n INTEGER, stars INTEGER, body TEXT);\n\
         CREATE TABLE tags (id INTEGER PRIMARY KEY, note INTEGER REFERENCES notes (id) ON DELETE CASCADE, name TEXT COLLATE NOCASE CHECK (name <> ''));\n\
         CREATE UNIQUE INDEX tags_by_name ON tags (name) WHERE note IS NOT NULL;\n\
         CREATE VIEW named AS SELECT text FROM notes;\n\
         CREATE TABLE places (id INTEGER PRIMARY KEY);\n",
    );
    all.record(&["push"]);
    all.record(&["push", "--dry-run", "--force"]);
    all.record(&["generate", "--check"]);
    all.record(&["generate", "--dry-run"]);
    all.record(&["generate"]);
    all.record(&["generate"]);
    all.record(&["run"]);
    put(
        &app,
        "seeds/a.sql",
        "INSERT INTO places (id) VALUES (1), (2) ON CONFLICT DO NOTHING;\n",
    );
    all.record(&["seed", "--dry-run"]);
    all.record(&["seed"]);
    all.record(&["seed"]);
    all.record(&["seed", "nowhere"]);
    all.record(&["reset", "--yes"]);
    all.record(&["push", "--force"]);
    all.record(&["drop", "--yes"]);
    all.record(&["push"]);
    all.record(&["baseline", "3", "--dry-run"]);
    all.record(&["adopt"]);
    app.sql("DROP TABLE places; ALTER TABLE notes DROP COLUMN body;");
    all.record(&["baseline", "3", "--dry-run"]);
    all.record(&["baseline", "3"]);
    all.record(&["squash", "--to", "3", "--dry-run"]);
    all.record(&["squash", "--to", "3"]);
    all.record(&["create", "more"]);
    all.record(&["check"]);
    all.record(&["init"]);
    app.file("nonsense.sql", "SELECT 1");
    all.record(&["show"]);
    std::fs::write(
        app.database(),
        "no database at all, but a text that is long enough to be looked at as one. ".repeat(20),
    )
    .unwrap();
    all.record(&["stats"]);
    all.record(&["doctor"]);

    let recorded = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/data/cli/documents.txt");
    let expected = std::fs::read_to_string(&recorded).unwrap_or_default();
    if all.text != expected {
        let today = std::env::temp_dir().join("heirloom-documents.txt");
        std::fs::write(&today, &all.text).unwrap();
        let differs = expected
            .lines()
            .zip(all.text.lines())
            .position(|(expected, now)| expected != now)
            .map_or(0, |at| at + 1);
        panic!(
            "the documents are not those of {}, from line {differs} on; today's are in {}",
            recorded.display(),
            today.display()
        );
    }
}
