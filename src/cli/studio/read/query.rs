//! SQL that a person types: one statement, which only reads.

#[allow(unused_imports, reason = "a method of its own up to rusqlite 0.34")]
use fallible_iterator::FallibleIterator as _;
use heirloom::rusqlite::types::ValueRef;
use heirloom::rusqlite::{Batch, Connection};

use crate::studio::read::value::{Cell, DUMP, LONGEST, Stored};

/// How many rows, and bytes of them, a person is shown.
pub(crate) const ROWS: usize = 500;
const WEIGHT: usize = 150_000;
const COLUMNS: usize = 100;

/// What a query gave.
#[derive(Debug)]
pub(crate) struct Answer {
    pub(crate) columns: Vec<String>,
    pub(crate) rows: Vec<Vec<Cell>>,
    /// The values of the only row, up to a length, and how long they are.
    pub(crate) single: Option<Vec<(Stored, u64)>>,
    /// Whether there is more.
    pub(crate) cut: bool,
}

/// Asks. The connection must be inside the fence.
pub(crate) fn ask(connection: &Connection, sql: &str) -> Result<Answer, String> {
    let words = |error: heirloom::rusqlite::Error| match error.sqlite_error_code() {
        Some(heirloom::rusqlite::ErrorCode::AuthorizationForStatementDenied) => {
            "not allowed here: this page only reads".to_owned()
        }
        _ => error.to_string(),
    };
    let mut batch = Batch::new(connection, sql);
    let Some(mut statement) = batch.next().map_err(words)? else {
        return Err("there is no statement".to_owned());
    };
    // What comes behind it would be left out without a word.
    match batch.next() {
        Ok(None) => {}
        _ => return Err("more than one statement; run them one by one".to_owned()),
    }
    if !statement.readonly() {
        return Err("not allowed here: this page only reads".to_owned());
    }
    let names = 0..statement.column_count();
    let names = names.map(|at| statement.column_name(at).map(str::to_owned));
    let columns: Vec<String> = names.collect::<Result<_, _>>().map_err(words)?;
    if columns.len() > COLUMNS {
        return Err(format!(
            "more than {COLUMNS} columns; name those that you need"
        ));
    }
    let mut answer = Answer {
        rows: Vec::new(),
        single: None,
        cut: false,
        columns,
    };
    let mut weight = 0;
    let mut rows = statement.raw_query();
    while let Some(row) = rows.next().map_err(words)? {
        if answer.rows.len() == ROWS || weight > WEIGHT {
            answer.cut = true;
            break;
        }
        let cells = (0..answer.columns.len()).map(|at| row.get_ref(at).map(Cell::whole));
        let cells: Vec<Cell> = cells.collect::<Result<_, _>>().map_err(words)?;
        answer.single = match answer.rows.is_empty() {
            true => {
                let values = (0..answer.columns.len()).map(|at| row.get_ref(at).map(start));
                Some(values.collect::<Result<_, _>>().map_err(words)?)
            }
            false => None,
        };
        weight += cells.iter().map(Cell::weight).sum::<usize>();
        answer.rows.push(cells);
    }
    Ok(answer)
}

/// As much of a value as is shown of one row, and how long it is.
fn start(value: ValueRef<'_>) -> (Stored, u64) {
    match value {
        ValueRef::Text(bytes) => {
            let text = String::from_utf8_lossy(bytes);
            let start: String = text.chars().take(LONGEST).collect();
            (
                Stored::Text(start.into_bytes()),
                text.chars().count() as u64,
            )
        }
        ValueRef::Blob(bytes) => {
            let start = bytes.get(..DUMP).unwrap_or(bytes);
            (Stored::Blob(start.to_vec()), bytes.len() as u64)
        }
        other => (other.into(), 0),
    }
}
