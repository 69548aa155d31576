//! `heirloom shell`: sqlite3 on the right file, and a built-in shell where it is not installed.

use std::io::{BufRead, ErrorKind, IsTerminal};
use std::path::Path;
use std::process::Command;

#[allow(unused_imports, reason = "a method of its own up to rusqlite 0.34")]
use fallible_iterator::FallibleIterator as _;
use heirloom::for_the_command::{canonicalize, uri};
use heirloom::rusqlite::types::ValueRef;
use heirloom::rusqlite::{Batch, Connection, OpenFlags, Result as Sqlite};

use crate::exit::{Exit, Failure};
use crate::output::ui::Ui;
use crate::settings::gather::Settings;

#[derive(Debug, clap::Args)]
pub(crate) struct Shell {
    /// Open the database read-only
    #[arg(long)]
    pub(crate) readonly: bool,
    /// More arguments for sqlite3
    #[arg(last = true, value_name = "ARGS")]
    pub(crate) arguments: Vec<std::ffi::OsString>,
}

const TABLES: &str = "SELECT name AS \"table\" FROM sqlite_schema
    WHERE type IN ('table', 'view') AND name NOT LIKE 'sqlite\\_%' ESCAPE '\\' ORDER BY 1;";
const SCHEMA: &str = "SELECT sql || ';' FROM sqlite_schema
    WHERE sql IS NOT NULL AND (?1 = '' OR tbl_name = ?1 COLLATE NOCASE) ORDER BY rowid";

pub(crate) fn run(ui: &mut Ui, settings: &Settings, options: &Shell) -> Result<Exit, Failure> {
    let database = std::path::absolute(&settings.database.value)
        .unwrap_or_else(|_| settings.database.value.clone());
    if ui.speaks_json() {
        return Err(Failure::Usage {
            message: "the shell does not print JSON".into(),
            help: "remove --json; `heirloom shell -- -json \"SELECT …\"` makes sqlite3 print JSON"
                .into(),
        });
    }
    if !database.is_file() {
        return Err(Failure::NotFound {
            message: format!("there is no database at {}", database.display()),
            help: "check the path; `heirloom run` creates it".into(),
        });
    }
    let mut sqlite3 = Command::new("sqlite3");
    if options.readonly {
        sqlite3.arg("-readonly");
    }
    sqlite3.arg(&database).args(&options.arguments);
    let error = match become_it(&mut sqlite3) {
        Ok(exit) => return Ok(exit),
        Err(error) => error,
    };
    if error.kind() != ErrorKind::NotFound {
        return Err(Failure::NotFound {
            message: format!("sqlite3 cannot be started: {error}"),
            help: "check the program `sqlite3` in the PATH".into(),
        });
    }
    Plain::open(ui, &database, options.readonly)?.run(options)
}

/// Puts it in the place of this process, with its input, its output, signals and exit code.
#[cfg(unix)]
fn become_it(command: &mut Command) -> std::io::Result<Exit> {
    Err(std::os::unix::process::CommandExt::exec(command))
}

/// Runs it, and ends with its exit code.
#[cfg(not(unix))]
fn become_it(command: &mut Command) -> std::io::Result<Exit> {
    let status = command.status()?;
    #[allow(clippy::exit, reason = "nothing of ours is under way")]
    std::process::exit(status.code().unwrap_or(Exit::Failed as i32))
}

/// The shell of our own.
struct Plain<'u> {
    ui: &'u mut Ui,
    connection: Connection,
    failed: bool,
}

impl<'u> Plain<'u> {
    fn open(ui: &'u mut Ui, database: &Path, readonly: bool) -> Result<Plain<'u>, Failure> {
        let mode = match readonly {
            true => OpenFlags::SQLITE_OPEN_READ_ONLY,
            false => OpenFlags::SQLITE_OPEN_READ_WRITE,
        };
        let flags = mode | OpenFlags::SQLITE_OPEN_NO_MUTEX | OpenFlags::SQLITE_OPEN_URI;
        let cannot = |reason: String| Failure::NotFound {
            message: format!("cannot open {}: {reason}", database.display()),
            help: "check the file and its folder".into(),
        };
        // As a URI, which Windows takes at any length.
        let found = canonicalize(database).map_err(|error| cannot(error.to_string()))?;
        let uri = uri(&found).ok_or_else(|| cannot("its name is no text".into()))?;
        let connection =
            Connection::open_with_flags(uri, flags).map_err(|error| cannot(error.to_string()))?;
        Ok(Plain {
            ui,
            connection,
            failed: false,
        })
    }

    /// What was given as arguments, or what is typed until its end.
    fn run(mut self, options: &Shell) -> Result<Exit, Failure> {
        let given: Vec<_> = options
            .arguments
            .iter()
            .map(|argument| argument.to_string_lossy())
            .collect();
        if let Some(option) = given.iter().find(|argument| argument.starts_with('-')) {
            return Err(Failure::Usage {
                message: format!("`{option}` is an option of sqlite3, which is not installed"),
                help: "install sqlite3, or give only statements".into(),
            });
        }
        let asked = std::io::stdin().is_terminal();
        match given.is_empty() {
            true => self.read(asked),
            false => given.iter().for_each(|sql| {
                self.take(sql);
            }),
        }
        // A script should learn that something in it failed; a person has seen it.
        Ok(match self.failed && !(asked && given.is_empty()) {
            true => Exit::Failed,
            false => Exit::Done,
        })
    }

    fn read(&mut self, asked: bool) {
        if asked {
            self.ui.note(
                "sqlite3 is not installed; this is the built-in shell: .tables, .schema, .quit",
            );
        }
        let mut text = String::new();
        let mut lines = std::io::stdin().lock().lines();
        loop {
            if asked {
                let prompt = if text.is_empty() {
                    "heirloom> "
                } else {
                    "     ...> "
                };
                self.ui.prompt(prompt);
            }
            let Some(Ok(line)) = lines.next() else { break };
            if text.is_empty() && line.trim().is_empty() {
                continue;
            }
            text += &line;
            text.push('\n');
            let command = text.starts_with('.');
            if command || heirloom::for_the_command::is_complete(&text) {
                if !self.take(text.trim()) {
                    return;
                }
                text.clear();
            }
        }
        // The last statement may come without its semicolon.
        self.take(text.trim());
    }

    /// Does one thing. False when that is to leave.
    fn take(&mut self, text: &str) -> bool {
        let mut words = text.split_whitespace();
        let done = match words.next() {
            Some(".quit" | ".exit" | ".q") => return false,
            Some(".tables") => self.statements(TABLES),
            Some(".schema") => self.schema(words.next().unwrap_or_default()),
            Some(command) if command.starts_with('.') => {
                self.failed = true;
                self.ui.note(&format!(
                    "unknown command {command}; the commands are .tables, .schema, .quit"
                ));
                Ok(())
            }
            _ => self.statements(text),
        };
        if let Err(error) = done {
            self.failed = true;
            self.ui.note(&format!("error: {error}"));
        }
        true
    }

    fn schema(&mut self, table: &str) -> Sqlite<()> {
        let mut statement = self.connection.prepare(SCHEMA)?;
        let mut rows = statement.query([table])?;
        while let Some(row) = rows.next()? {
            self.ui.block(&row.get::<_, String>(0)?);
        }
        Ok(())
    }

    fn statements(&mut self, sql: &str) -> Sqlite<()> {
        let mut batch = Batch::new(&self.connection, sql);
        while let Some(mut statement) = batch.next()? {
            let columns = (0..statement.column_count())
                .map(|index| statement.column_name(index).map(str::to_owned))
                .collect::<Sqlite<Vec<_>>>()?;
            let mut rows = statement.raw_query();
            let mut table = Vec::new();
            while let Some(row) = rows.next()? {
                let cells = (0..columns.len()).map(|index| Ok(cell(row.get_ref(index)?)));
                table.push(cells.collect::<Sqlite<Vec<_>>>()?);
            }
            if !table.is_empty() {
                let columns: Vec<&str> = columns.iter().map(String::as_str).collect();
                self.ui.list(&columns, &table);
            }
        }
        Ok(())
    }
}

fn cell(value: ValueRef<'_>) -> String {
    match value {
        ValueRef::Null => "NULL".to_owned(),
        ValueRef::Integer(number) => number.to_string(),
        ValueRef::Real(number) => format!("{number:?}"),
        ValueRef::Text(text) => String::from_utf8_lossy(text).replace('\n', "\\n"),
        ValueRef::Blob(bytes) => {
            let digits = bytes.iter().map(|byte| format!("{byte:02x}"));
            format!("x'{}'", digits.collect::<String>())
        }
    }
}
