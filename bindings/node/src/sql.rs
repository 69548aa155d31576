//! `read` and `edit`: statements with their values, and rows.
//!
//! JSON has no integers of 64 bits, no bytes and no infinity. What is given is named by its type;
//! of what is returned, only what JSON does not have.

use std::collections::BTreeMap;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;

use heirloom::inspect::StateRef;
use heirloom::rusqlite::fallible_iterator::FallibleIterator as _;
use heirloom::rusqlite::types::{ToSql, ToSqlOutput, ValueRef};
use heirloom::rusqlite::{self, Batch, Connection, ErrorCode};
use heirloom::{Database, HookError};
use serde::Deserialize;
use serde_json::{Value, json};

use crate::request::{failure, refusal};

/// The largest integer that a number of JavaScript holds exactly.
const LARGEST_EXACT: u64 = (1 << 53) - 1;
/// Nobody reads for longer.
const LONGEST: Duration = Duration::from_secs(365 * 24 * 3600);
/// A file that is read without locks is read again where somebody wrote to it meanwhile.
const ATTEMPTS: usize = 3;

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
pub(crate) enum Given {
    Null,
    Integer(String),
    Real(String),
    Text(String),
    /// In hexadecimal.
    Blob(String),
}

#[derive(Deserialize)]
#[serde(untagged)]
pub(crate) enum Parameters {
    InOrder(Vec<Given>),
    ByName(BTreeMap<String, Given>),
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub(crate) struct Edit {
    sql: String,
    params: Parameters,
    /// How many rows it must change. None: as many as it does.
    changes: Option<u64>,
}

impl ToSql for Given {
    fn to_sql(&self) -> rusqlite::Result<ToSqlOutput<'_>> {
        let wrong = |error: &dyn ToString| {
            rusqlite::Error::ToSqlConversionFailure(error.to_string().into())
        };
        Ok(match self {
            Given::Null => ToSqlOutput::Borrowed(ValueRef::Null),
            Given::Integer(digits) => {
                ToSqlOutput::from(digits.parse::<i64>().map_err(|error| wrong(&error))?)
            }
            Given::Real(number) => {
                ToSqlOutput::from(number.parse::<f64>().map_err(|error| wrong(&error))?)
            }
            Given::Text(text) => ToSqlOutput::Borrowed(ValueRef::Text(text.as_bytes())),
            Given::Blob(digits) => {
                ToSqlOutput::from(bytes(digits).ok_or_else(|| wrong(&"no bytes"))?)
            }
        })
    }
}

fn bytes(hex: &str) -> Option<Vec<u8>> {
    let pairs = (0..hex.len()).step_by(2);
    pairs
        .map(|at| u8::from_str_radix(hex.get(at..at + 2)?, 16).ok())
        .collect()
}

/// What is wrong with a statement or its values, or what SQLite says to it.
enum Wrong {
    Call(String),
    Sqlite(rusqlite::Error),
}

impl From<rusqlite::Error> for Wrong {
    fn from(error: rusqlite::Error) -> Wrong {
        Wrong::Sqlite(error)
    }
}

impl std::fmt::Display for Wrong {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        match self {
            Wrong::Call(sentence) => f.write_str(sentence),
            Wrong::Sqlite(rusqlite::Error::ToSqlConversionFailure(error)) => error.fmt(f),
            Wrong::Sqlite(error) => error.fmt(f),
        }
    }
}

fn wrong<T>(sentence: impl Into<String>) -> Result<T, Wrong> {
    Err(Wrong::Call(sentence.into()))
}

/// The one statement of a text, with its values.
fn prepare<'c>(
    connection: &'c Connection,
    sql: &str,
    parameters: &Parameters,
) -> Result<rusqlite::Statement<'c>, Wrong> {
    // SQLite would leave out what comes behind it without a word.
    if sql.contains('\0') {
        return wrong("the SQL has a NUL in it");
    }
    let mut batch = Batch::new(connection, sql);
    let Some(mut statement) = batch.next()? else {
        return wrong("there is no statement");
    };
    if !matches!(batch.next(), Ok(None)) {
        return wrong("more than one statement; give them one by one");
    }
    bind(&mut statement, parameters)?;
    Ok(statement)
}

/// Each parameter gets a value, and each value is one of a parameter.
fn bind(statement: &mut rusqlite::Statement<'_>, parameters: &Parameters) -> Result<(), Wrong> {
    let count = statement.parameter_count();
    match parameters {
        Parameters::InOrder(values) if values.len() == count => {
            for (at, value) in values.iter().enumerate() {
                statement.raw_bind_parameter(at + 1, value)?;
            }
        }
        Parameters::InOrder(values) => {
            return wrong(format!(
                "{count} values are needed, and {} were given",
                values.len()
            ));
        }
        Parameters::ByName(values) => {
            let mut known = Vec::new();
            for at in 1..=count {
                // With the `:`, `@` or `$` before it.
                let name = statement.parameter_name(at).and_then(|name| name.get(1..));
                let Some(name) = name.map(str::to_owned) else {
                    return wrong(format!(
                        "parameter {at} has no name; give the values as an array"
                    ));
                };
                let Some(value) = values.get(&name) else {
                    return wrong(format!("there is no value for `{name}`"));
                };
                statement.raw_bind_parameter(at, value)?;
                known.push(name);
            }
            if let Some(name) = values.keys().find(|name| !known.contains(name)) {
                return wrong(format!("the statement has no parameter `{name}`"));
            }
        }
    }
    Ok(())
}

/// Runs a statement to its end. The names of its columns, and its rows.
fn rows(mut statement: rusqlite::Statement<'_>) -> Result<Value, Wrong> {
    let columns: Vec<String> = statement.column_names().map(str::to_owned).collect();
    if let Some(twice) = columns
        .iter()
        .enumerate()
        .find(|(at, name)| columns[..*at].contains(name))
    {
        return wrong(format!(
            "two columns are called `{}`, and a row has room for one; name them apart with AS",
            twice.1
        ));
    }
    let mut found = Vec::new();
    let mut rows = statement.raw_query();
    while let Some(row) = rows.next()? {
        let values = columns.iter().enumerate().map(|(at, column)| {
            returned(row.get_ref(at)?).ok_or_else(|| {
                Wrong::Call(format!(
                    "`{column}` holds text that is not UTF-8; read it with CAST(… AS BLOB)"
                ))
            })
        });
        found.push(values.collect::<Result<Vec<Value>, Wrong>>()?);
    }
    Ok(json!({ "columns": columns, "rows": found }))
}

fn returned(value: ValueRef<'_>) -> Option<Value> {
    Some(match value {
        ValueRef::Null => Value::Null,
        ValueRef::Integer(number) if number.unsigned_abs() <= LARGEST_EXACT => json!(number),
        ValueRef::Integer(number) => json!({ "integer": number.to_string() }),
        ValueRef::Real(number) if number.is_finite() => json!(number),
        ValueRef::Real(number) => json!({ "infinity": number.signum() }),
        ValueRef::Text(text) => json!(std::str::from_utf8(text).ok()?),
        ValueRef::Blob(bytes) => {
            let digits = bytes.iter().map(|byte| format!("{byte:02x}"));
            json!({ "blob": digits.collect::<String>() })
        }
    })
}

/// Reads a state with one statement, which cannot do anything else.
pub(crate) fn read(
    database: &Database<'_, '_>,
    state: &StateRef,
    sql: &str,
    parameters: &Parameters,
    cancel: &Arc<AtomicBool>,
) -> Result<Value, Value> {
    for _ in 0..ATTEMPTS {
        let mut reader = database.read(state).map_err(failure)?;
        reader
            .confine(LONGEST, Arc::clone(cancel))
            .map_err(failure)?;
        let found = prepare(reader.connection(), sql, parameters).and_then(|statement| {
            match statement.readonly() {
                true => rows(statement),
                false => wrong(ONLY_READS),
            }
        });
        if reader.is_of_one_state() {
            return found.map_err(|error| refused(&error, cancel));
        }
    }
    Err(refusal(
        "locked",
        "another program wrote to the database while it was read",
        "close the other program, and try again",
    ))
}

const ONLY_READS: &str = "`read` takes a statement that only reads";

fn refused(error: &Wrong, cancel: &AtomicBool) -> Value {
    let code = match error {
        Wrong::Sqlite(error) => error.sqlite_error_code(),
        Wrong::Call(_) => None,
    };
    let sentence = format!("the SQL was not run: {error}");
    match code {
        _ if cancel.load(Ordering::Relaxed) => {
            let mut failure = refusal("migration-failed", "interrupted", "run it again");
            failure["interrupted"] = json!(true);
            failure
        }
        Some(ErrorCode::AuthorizationForStatementDenied) => refusal(
            "usage",
            ONLY_READS,
            "change rows with `edit`, and the schema with a migration",
        ),
        Some(ErrorCode::DatabaseCorrupt | ErrorCode::NotADatabase) => refusal(
            "not-a-database",
            &sentence,
            "the file is damaged; restore a backup",
        ),
        Some(ErrorCode::DatabaseBusy | ErrorCode::DatabaseLocked) => refusal(
            "locked",
            &sentence,
            "close the other program that uses the database, and try again",
        ),
        Some(ErrorCode::SystemIoFailure | ErrorCode::CannotOpen) => refusal(
            "io",
            &sentence,
            "check the file, its folder and the disk, and try again",
        ),
        _ => refusal("usage", &sentence, "correct the statement or its values"),
    }
}

/// Does all of them, inside of the transaction of `Database::edit`.
pub(crate) fn edit(connection: &Connection, edits: &[Edit]) -> Result<Vec<Value>, HookError> {
    let done = edits.iter().enumerate().map(|(at, edit)| {
        one(connection, edit).map_err(|error| format!("statement {}: {error}", at + 1).into())
    });
    done.collect()
}

/// What changes or reads rows begins with one of these. Nothing else does: no change of the
/// schema, of a setting or of the transaction, and no other file.
const OF_ROWS: [&str; 7] = [
    "SELECT", "VALUES", "WITH", "INSERT", "REPLACE", "UPDATE", "DELETE",
];

/// The first word of a statement, behind white space and comments.
fn first_word(mut sql: &str) -> &str {
    loop {
        sql = sql.trim_start_matches(|letter: char| letter.is_ascii_whitespace() || letter == ';');
        let comment = match (sql.strip_prefix("--"), sql.strip_prefix("/*")) {
            (Some(line), _) => line.split_once('\n'),
            (_, Some(comment)) => comment.split_once("*/"),
            _ => break,
        };
        sql = comment.map_or("", |(_, rest)| rest);
    }
    let end = sql.find(|letter: char| !letter.is_ascii_alphabetic());
    &sql[..end.unwrap_or(sql.len())]
}

fn one(connection: &Connection, edit: &Edit) -> Result<Value, Wrong> {
    let word = first_word(&edit.sql);
    if !OF_ROWS.iter().any(|known| known.eq_ignore_ascii_case(word)) {
        return wrong("`edit` changes rows, and nothing else");
    }
    let statement = prepare(connection, &edit.sql, &edit.params)?;
    let only_reads = statement.readonly();
    let mut done = rows(statement)?;
    // Of a statement that reads, SQLite says what the one before it changed.
    let changes = if only_reads { 0 } else { connection.changes() };
    if let Some(wanted) = edit.changes
        && wanted != changes
    {
        return wrong(format!("it changed {changes} rows, and not {wanted}"));
    }
    done["changes"] = json!(changes);
    Ok(done)
}
