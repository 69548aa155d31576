//! Every case of `generate` that is in a folder of its own: generated, run, compared, taken
//! back, run again. `tests/data/generate/README.md` says what a case holds.

use std::fmt::Write as _;
use std::path::{Path, PathBuf};
use std::sync::Mutex;

#[allow(unused_imports, reason = "a method of its own up to rusqlite 0.34")]
use fallible_iterator::FallibleIterator as _;
use regex::Regex;
use rusqlite::Connection;
use rusqlite::types::ValueRef;
use serde_json::Value;

use crate::cli::contract::json;
use crate::support::app::{App, contents};

#[test]
fn every_case_of_generate_comes_out_as_its_folder_says() {
    let own = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/data/generate");
    let given = std::env::var_os("HEIRLOOM_TEST_CASES").map(PathBuf::from);
    let only = std::env::var("HEIRLOOM_TEST_CASE").unwrap_or_default();
    let mut cases: Vec<PathBuf> = std::fs::read_dir(given.unwrap_or(own))
        .unwrap()
        .map(|entry| entry.unwrap().path())
        .filter(|path| path.is_dir() && name(path).contains(&only))
        .collect();
    cases.sort();
    assert!(!cases.is_empty(), "there are no cases");
    let (queue, wrong) = (Mutex::new(cases), Mutex::new(Vec::new()));
    std::thread::scope(|scope| {
        for _ in 0..2 {
            scope.spawn(|| {
                loop {
                    let Some(case) = queue.lock().unwrap().pop() else {
                        break;
                    };
                    let Err(problem) = Case::new(&case).outcome() else {
                        continue;
                    };
                    wrong
                        .lock()
                        .unwrap()
                        .push(format!("{}: {problem}", name(&case)));
                }
            });
        }
    });
    let mut wrong = wrong.into_inner().unwrap();
    wrong.sort();
    assert!(
        wrong.is_empty(),
        "{} cases:\n{}",
        wrong.len(),
        wrong.join("\n")
    );
}

fn name(path: &Path) -> String {
    path.file_name().unwrap().to_string_lossy().into_owned()
}

/// How `generate` and `run` answered.
enum Answer {
    /// Both went through; where the migrations are that were written.
    Done(Vec<PathBuf>),
    Refused(Value),
}

struct Case<'c> {
    folder: &'c Path,
    app: App,
}

impl Case<'_> {
    fn new(folder: &Path) -> Case<'_> {
        #[cfg(target_os = "linux")]
        let app = App::in_memory();
        #[cfg(not(target_os = "linux"))]
        let app = App::new();
        Case { folder, app }
    }

    fn read(&self, file: &str) -> Option<String> {
        std::fs::read_to_string(self.folder.join(file)).ok()
    }

    fn has(&self, file: &str) -> bool {
        self.folder.join(file).is_file()
    }

    fn outcome(&self) -> Result<(), String> {
        self.prepare()?;
        let before = schema(&self.app.connect());
        let files = match self.answer()? {
            Answer::Refused(error) => {
                return match self.has("expect_refusal.txt") || self.has("expect_either.txt") {
                    true => self.is_said(&error),
                    false => Err(format!("refused: {error}")),
                };
            }
            Answer::Done(_) if self.has("expect_refusal.txt") => {
                return Err("went through, and a refusal is right".into());
            }
            Answer::Done(files) => files,
        };
        if let Some(expected) = self.read("expect_files.txt") {
            expect_equal("migrations", expected.trim(), &files.len().to_string())?;
        }
        self.compare("after generate and run", "expect")?;
        let after = self.wanted()?;
        expect_equal("the schema", &after, &schema(&self.app.connect()))?;
        if !self.has("check_again_ok.txt") {
            self.exits(&["generate", "--check"], &[0])?;
        }
        let may_find: &[i32] = if self.has("check_finds.txt") {
            &[0, 3]
        } else {
            &[0]
        };
        self.exits(&["check"], may_find)?;
        if !self.reverts(&files)? {
            return Ok(());
        }
        expect_equal(
            "the schema after the revert",
            &before,
            &schema(&self.app.connect()),
        )?;
        self.compare("after the revert", "revert_expect")?;
        self.exits(&["run"], &[0])?;
        expect_equal(
            "the schema after the second run",
            &after,
            &schema(&self.app.connect()),
        )
    }

    /// The first migration, the rows, the schema file.
    fn prepare(&self) -> Result<(), String> {
        let app = &self.app;
        let before = self.read("before.sql").unwrap_or_default();
        app.file(
            "V1__before.sql",
            &format!("-- heirloom: irreversible\n{before}"),
        );
        if let Some(settings) = self.read("settings.toml") {
            std::fs::write(app.folder().join("heirloom.toml"), settings).unwrap();
        }
        let as_shell = |sql: &str| {
            let connection = app.connect();
            connection
                .execute_batch("PRAGMA foreign_keys = OFF")
                .unwrap();
            let done = connection.execute_batch(sql);
            done.map_err(|error| format!("cannot be prepared: {error}"))
        };
        if self.has("as_released.txt") {
            as_shell(&before)?;
            self.exits(&["baseline", "1", "--yes"], &[0])?;
        } else {
            self.exits(&["run"], &[0])?;
        }
        as_shell(&self.read("rows.sql").unwrap_or_default())?;
        let after = self.read("after.sql").unwrap_or_default();
        app.file("schema.sql", &after);
        Ok(())
    }

    fn answer(&self) -> Result<Answer, String> {
        let flags = self.read("flags.txt").unwrap_or_default();
        let mut flags = shlex::split(&flags).ok_or("flags.txt is not words of a shell")?;
        let (files, whole) = (self.migrations(), contents(&self.app.database()));
        let mut answer = self.generate(&flags);
        if let Some(flag) = self.read("follow_help.txt") {
            let Err(error) = answer else {
                return Err("nothing was asked".into());
            };
            let help = error["help"].as_str().unwrap_or_default();
            let flag = format!("--{} ", flag.trim());
            let printed = help
                .split('`')
                .skip(1)
                .step_by(2)
                .find(|code| code.starts_with(&flag));
            let printed = printed.ok_or_else(|| format!("no {flag}in `{error}`"))?;
            flags.extend(shlex::split(printed).ok_or_else(|| format!("no words: {printed}"))?);
            answer = self.generate(&flags);
        }
        if let Err(error) = answer {
            expect_equal("the files", &files, &self.migrations())?;
            return Ok(Answer::Refused(error));
        }
        let written: Vec<PathBuf> = self
            .migrations()
            .into_iter()
            .filter(|file| !files.contains(file))
            .collect();
        let (code, document) = json(&self.app, &["run"]);
        if code == 0 {
            let is_down = |path: &&PathBuf| name(path).ends_with(".down.sql");
            let ups = written.into_iter().filter(|path| !is_down(&path));
            return Ok(Answer::Done(ups.collect()));
        }
        if contents(&self.app.database()) != whole {
            return Err(format!(
                "failed and left something: {document}{}",
                self.texts(&written)
            ));
        }
        match self.has("expect_refusal.txt") {
            true => Ok(Answer::Refused(document["error"].clone())),
            false => Err(format!(
                "run failed: {}{}",
                document["error"],
                self.texts(&written)
            )),
        }
    }

    fn generate(&self, flags: &[String]) -> Result<(), Value> {
        let mut arguments = vec!["generate", "change"];
        arguments.extend(flags.iter().map(String::as_str));
        match json(&self.app, &arguments) {
            (0, _) => Ok(()),
            (_, document) => Err(document["error"].clone()),
        }
    }

    fn migrations(&self) -> Vec<PathBuf> {
        let entries = std::fs::read_dir(self.app.migrations()).unwrap();
        let mut files: Vec<PathBuf> = entries.map(|entry| entry.unwrap().path()).collect();
        files.sort();
        files
    }

    fn texts(&self, files: &[PathBuf]) -> String {
        let mut text = String::new();
        for file in files {
            let sql = std::fs::read_to_string(file).unwrap();
            let _ = write!(text, "\n--- {}\n{sql}", name(file));
        }
        text
    }

    /// Whether it was taken back. Where that is refused, it must be with reason.
    fn reverts(&self, files: &[PathBuf]) -> Result<bool, String> {
        let whole = contents(&self.app.database());
        let (code, document) = json(&self.app, &["revert", "--to", "1", "--yes"]);
        let may_refuse = self.has("irreversible_ok.txt");
        if code == 0 {
            return match may_refuse && !self.has("revert_expect.sql") {
                true => Err("was taken back, and refusing that is right".into()),
                false => Ok(true),
            };
        }
        if contents(&self.app.database()) != whole {
            return Err(format!("revert failed and left something: {document}"));
        }
        let for_empty_tables = files.iter().any(|file| {
            let down = std::fs::read_to_string(file.with_extension("down.sql"));
            down.is_ok_and(|sql| sql.contains("empty table"))
        });
        let kind = document["error"]["kind"].as_str().unwrap_or_default();
        match may_refuse && (kind == "irreversible" || for_empty_tables) {
            true => Ok(false),
            false => Err(format!("revert failed: {}", document["error"])),
        }
    }

    /// Whether a refusal is reported as the case wants it.
    fn is_said(&self, error: &Value) -> Result<(), String> {
        let said = ["kind", "message", "help"].map(|key| error[key].as_str().unwrap_or_default());
        let said = said.join("\n");
        if said.contains("please tell us") {
            return Err(format!("is not foreseen: {said}"));
        }
        let Some(pattern) = self.read("says.txt") else {
            return Ok(());
        };
        let (pattern, expected) = match pattern.trim().strip_prefix('!') {
            Some(pattern) => (pattern, false),
            None => (pattern.trim(), true),
        };
        let found = Regex::new(&format!("(?i){pattern}"))
            .unwrap()
            .is_match(&said);
        match found == expected {
            true => Ok(()),
            false => Err(format!("`{pattern}`: {expected} is right: {said}")),
        }
    }

    /// The schema as SQLite makes it.
    fn wanted(&self) -> Result<String, String> {
        let sql = self.read("wanted.sql").or_else(|| self.read("after.sql"));
        let connection = Connection::open_in_memory().unwrap();
        let made = connection.execute_batch(&sql.unwrap_or_default());
        made.map_err(|error| format!("what is wanted is not a schema: {error}"))?;
        Ok(schema(&connection))
    }

    fn exits(&self, arguments: &[&str], codes: &[i32]) -> Result<(), String> {
        let (code, document) = json(&self.app, arguments);
        match codes.contains(&code) {
            true => Ok(()),
            false => Err(format!(
                "{arguments:?} exits with {code}: {document}{}",
                self.texts(&self.migrations())
            )),
        }
    }

    /// Asks the questions of a file, and compares.
    fn compare(&self, when: &str, file: &str) -> Result<(), String> {
        let Some(questions) = self.read(&format!("{file}.sql")) else {
            return Ok(());
        };
        let expected = self.read(&format!("{file}.txt")).unwrap_or_default();
        // What the questions themselves write is not part of the case.
        let connection = self.app.connect();
        connection.execute_batch("BEGIN").unwrap();
        let found = answers(&connection, &questions)
            .map_err(|error| format!("{when}: {error}{}", self.texts(&self.migrations())))?;
        expect_equal(when, expected.trim_end(), found.trim_end())
            .map_err(|error| format!("{error}{}", self.texts(&self.migrations())))
    }
}

fn expect_equal<T: PartialEq + std::fmt::Debug + ?Sized>(
    what: &str,
    expected: &T,
    found: &T,
) -> Result<(), String> {
    match expected == found {
        true => Ok(()),
        false => Err(format!(
            "{what}:\nexpected {expected:#?}\nfound    {found:#?}"
        )),
    }
}

/// What the sqlite3 shell prints.
fn answers(connection: &Connection, sql: &str) -> rusqlite::Result<String> {
    const CHECK: &str = "PRAGMA foreign_key_check;";
    // A reference that matches no key cannot be checked. As in the shell, what follows is asked all
    // the same.
    let sql = match connection.prepare(CHECK) {
        Ok(_) => sql.to_owned(),
        Err(_) => sql.replace(CHECK, ""),
    };
    let mut said = String::new();
    let mut batch = rusqlite::Batch::new(connection, &sql);
    while let Some(mut statement) = batch.next()? {
        let columns = statement.column_count();
        let mut rows = statement.query([])?;
        while let Some(row) = rows.next()? {
            let values: Vec<String> = (0..columns)
                .map(|at| {
                    Ok(match row.get_ref(at)? {
                        ValueRef::Null => String::new(),
                        ValueRef::Integer(number) => number.to_string(),
                        ValueRef::Real(number) => format!("{number:?}"),
                        ValueRef::Text(bytes) | ValueRef::Blob(bytes) => {
                            String::from_utf8_lossy(bytes).into_owned()
                        }
                    })
                })
                .collect::<rusqlite::Result<_>>()?;
            said += &values.join("|");
            said.push('\n');
        }
    }
    Ok(said)
}

/// The facts of a schema as SQLite tells them. The order of columns is free, and the texts of
/// views and triggers are for `generate --check` to compare.
fn schema(connection: &Connection) -> String {
    answers(
        connection,
        "WITH t AS (
            SELECT name, type, wr, strict FROM pragma_table_list
            WHERE schema = 'main' AND type <> 'shadow' AND name NOT GLOB 'sqlite_*'
                AND name NOT IN ('refinery_schema_history', 'heirloom_backfill', 'heirloom_history',
                    'heirloom_log', 'heirloom_run', 'heirloom_seeds')
        )
        SELECT 'object', type, name, wr, strict FROM t ORDER BY 2, 3;
        WITH t AS (
            SELECT name FROM pragma_table_list
            WHERE schema = 'main' AND type = 'table' AND name NOT GLOB 'sqlite_*'
                AND name NOT IN ('refinery_schema_history', 'heirloom_backfill', 'heirloom_history',
                    'heirloom_log', 'heirloom_run', 'heirloom_seeds')
        )
        SELECT 'column', t.name, c.name, upper(c.type), c.\"notnull\", c.dflt_value, c.pk, c.hidden
        FROM t, pragma_table_xinfo(t.name) AS c
        UNION ALL
        SELECT 'reference', t.name, f.\"from\", f.\"table\", f.\"to\", f.on_update, f.on_delete, f.seq
        FROM t, pragma_foreign_key_list(t.name) AS f
        UNION ALL
        SELECT 'index', t.name, CASE i.origin WHEN 'c' THEN i.name END, i.\"unique\", i.origin,
            i.partial, group_concat(x.name), count(*)
        FROM t, pragma_index_list(t.name) AS i, pragma_index_xinfo(i.name) AS x
        WHERE x.key GROUP BY t.name, i.name
        ORDER BY 1, 2, 3, 4, 5, 6, 7, 8;
        SELECT type, name, tbl_name FROM sqlite_schema WHERE type = 'trigger' ORDER BY 2;",
    )
    .unwrap()
}
