//! The table of heirloom's own that holds how far each backfill is.

use rusqlite::{Connection, OptionalExtension, Row, params};

use crate::report::count::{Counted, Grouped};
use crate::report::error::Error;
use crate::sqlite::execute::{failure, is_no_such_table, of_tables_alone};

const CREATE: &str = "CREATE TABLE IF NOT EXISTS heirloom_backfill (
    name TEXT PRIMARY KEY NOT NULL,
    table_name TEXT NOT NULL,
    sql TEXT,
    last_to_do INTEGER,
    last_done INTEGER,
    rows_total INTEGER NOT NULL,
    rows_done INTEGER NOT NULL,
    schema_version INTEGER NOT NULL,
    backup TEXT,
    started_at TEXT NOT NULL,
    finished_at TEXT
)";
const INSERT: &str = "INSERT OR REPLACE INTO heirloom_backfill VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8, ?9, ?10, ?11)";
const SELECT: &str = "SELECT table_name, sql, last_to_do, last_done, rows_total, rows_done,
    schema_version, backup, started_at, finished_at FROM heirloom_backfill WHERE name = ?1";
const ADVANCE: &str = "UPDATE heirloom_backfill
    SET last_done = ?2, rows_done = ?3, schema_version = ?4, finished_at = ?5 WHERE name = ?1";
const NAMES: &str = "SELECT name FROM heirloom_backfill ORDER BY started_at, rowid";
const IN_USE: &str = "SELECT backup FROM heirloom_backfill
    WHERE finished_at IS NULL AND backup IS NOT NULL";

/// How far a backfill is.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Progress {
    /// The table that is filled.
    pub(crate) table: String,
    /// What is run, none where it is a function of the app's.
    pub(crate) sql: Option<String>,
    /// The highest rowid when it began, none where the table was empty.
    pub(crate) last_to_do: Option<i64>,
    /// The highest rowid that is done.
    pub(crate) last_done: Option<i64>,
    /// Rows when it began.
    pub(crate) rows_total: u64,
    /// Rows that are done.
    pub(crate) rows_done: u64,
    /// SQLite's counter of schema changes after the last batch.
    pub(crate) schema_version: i64,
    /// The file name of the copy that was taken before the first batch.
    pub(crate) backup: Option<String>,
    /// RFC 3339.
    pub(crate) started_at: String,
    /// RFC 3339.
    pub(crate) finished_at: Option<String>,
}

impl Progress {
    /// The rowids among which are the rows that are still to be done, none where all are.
    pub(crate) fn rest(&self) -> Option<(i64, i64)> {
        let last = self.last_to_do.filter(|_| self.finished_at.is_none())?;
        match self.last_done {
            None => Some((i64::MIN, last)),
            Some(done) if done < last => Some((done + 1, last)),
            Some(_) => None,
        }
    }
}

/// Each backfill that is not finished, in a sentence.
pub(crate) fn unfinished(connection: &Connection) -> Result<Vec<String>, Error> {
    let all = all(connection)?.into_iter();
    let unfinished = all.filter(|(_, progress)| progress.finished_at.is_none());
    let sentence = |(name, progress): (String, Progress)| {
        format!(
            "the backfill `{name}` of `{}`, begun at {}, is not finished: {} of {} are done; run it again to go on",
            progress.table,
            progress.started_at,
            Grouped(progress.rows_done),
            Counted(progress.rows_total, "row"),
        )
    };
    Ok(unfinished.map(sentence).collect())
}

/// Every backfill by its name, in the order in which they were begun.
pub(crate) fn all(connection: &Connection) -> Result<Vec<(String, Progress)>, Error> {
    let names = || {
        let mut statement = connection.prepare(NAMES)?;
        let rows = statement.query_map([], |row| row.get(0))?;
        rows.collect::<rusqlite::Result<Vec<String>>>()
    };
    let names = match of_tables_alone(connection, names) {
        Err(error) if is_no_such_table(&error) => Vec::new(),
        names => names.map_err(cannot("read"))?,
    };
    let mut all = Vec::new();
    for name in names {
        let progress = read(connection, &name)?;
        all.extend(progress.map(|progress| (name, progress)));
    }
    Ok(all)
}

fn cannot(what: &str) -> impl Fn(rusqlite::Error) -> Error {
    let what = format!("cannot {what} the progress of a backfill");
    move |error| failure(what.clone(), error)
}

/// Reads how far a backfill is. None where it was never begun.
pub(crate) fn read(connection: &Connection, name: &str) -> Result<Option<Progress>, Error> {
    let progress = |row: &Row<'_>| {
        Ok(Progress {
            table: row.get(0)?,
            sql: row.get(1)?,
            last_to_do: row.get(2)?,
            last_done: row.get(3)?,
            rows_total: row.get::<_, i64>(4)?.unsigned_abs(),
            rows_done: row.get::<_, i64>(5)?.unsigned_abs(),
            schema_version: row.get(6)?,
            backup: row.get(7)?,
            started_at: row.get(8)?,
            finished_at: row.get(9)?,
        })
    };
    let read = of_tables_alone(connection, || {
        connection.query_row(SELECT, [name], progress).optional()
    });
    match read {
        Err(error) if is_no_such_table(&error) => Ok(None),
        read => read.map_err(cannot("read")),
    }
}

/// Forgets the backfills of a table, which begin at its first row again. How many there were.
pub(crate) fn forget(connection: &Connection, table: &str) -> Result<usize, Error> {
    let sql = "DELETE FROM heirloom_backfill WHERE table_name = ?1 COLLATE NOCASE";
    match connection.execute(sql, [table]) {
        Err(error) if is_no_such_table(&error) => Ok(0),
        forgotten => forgotten.map_err(|error| failure("cannot forget a backfill", error)),
    }
}

/// Makes the table if it is not there, in the caller's transaction.
pub(crate) fn create(connection: &Connection) -> Result<(), Error> {
    connection.execute_batch(CREATE).map_err(cannot("keep"))
}

/// Begins a backfill, again where it was done, in the caller's transaction.
pub(crate) fn insert(
    connection: &Connection,
    name: &str,
    progress: &Progress,
) -> Result<(), Error> {
    let Progress {
        table,
        sql,
        last_to_do,
        last_done,
        rows_total,
        rows_done,
        schema_version,
        backup,
        started_at,
        finished_at,
    } = progress;
    let values = params![
        name,
        table,
        sql,
        last_to_do,
        last_done,
        rows_total.cast_signed(),
        rows_done.cast_signed(),
        schema_version,
        backup,
        started_at,
        finished_at
    ];
    let insert = connection.execute(INSERT, values);
    insert.map(drop).map_err(cannot("keep"))
}

/// Keeps how far it is now, in the transaction of the batch.
pub(crate) fn advance(
    connection: &Connection,
    name: &str,
    progress: &Progress,
) -> Result<(), Error> {
    let values = params![
        name,
        progress.last_done,
        progress.rows_done.cast_signed(),
        progress.schema_version,
        progress.finished_at
    ];
    let update = connection.execute(ADVANCE, values);
    update.map(drop).map_err(cannot("keep"))
}

/// The file names of the copies from before backfills that are not finished.
pub(crate) fn backups_in_use(connection: &Connection) -> Result<Vec<String>, Error> {
    let read = || {
        let mut statement = connection.prepare(IN_USE)?;
        let rows = statement.query_map([], |row| row.get(0))?;
        rows.collect::<rusqlite::Result<_>>()
    };
    match of_tables_alone(connection, read) {
        Err(error) if is_no_such_table(&error) => Ok(Vec::new()),
        read => read.map_err(cannot("read")),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_left_lies_behind_what_is_done() {
        let rest = |last_to_do, last_done| {
            let progress = Progress {
                table: "t".to_owned(),
                sql: None,
                last_to_do,
                last_done,
                rows_total: 0,
                rows_done: 0,
                schema_version: 0,
                backup: None,
                started_at: String::new(),
                finished_at: None,
            };
            progress.rest()
        };
        assert_eq!(rest(None, None), None);
        assert_eq!(rest(Some(9), None), Some((i64::MIN, 9)));
        assert_eq!(rest(Some(9), Some(i64::MIN)), Some((i64::MIN + 1, 9)));
        assert_eq!(rest(Some(i64::MAX), Some(i64::MAX)), None);
        assert_eq!(rest(Some(3), Some(9)), None);
    }
}
