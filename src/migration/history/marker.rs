//! The marker of a run that one transaction cannot protect.

use rusqlite::{Connection, OptionalExtension, params};

use crate::report::error::{Error, ErrorKind};
use crate::sqlite::execute::of_tables_alone;
use crate::sqlite::execute::{failure, is_no_such_table};

pub(crate) const CREATE_MARKER: &str = "CREATE TABLE heirloom_run (
    started_at TEXT NOT NULL,
    backup TEXT,
    digest TEXT,
    journal_mode TEXT NOT NULL
)";
pub(crate) const INSERT_MARKER: &str = "INSERT INTO heirloom_run VALUES (?1, ?2, ?3, ?4)";
pub(crate) const SELECT_MARKER: &str =
    "SELECT started_at, backup, digest, journal_mode FROM heirloom_run";
pub(crate) const DROP_MARKER: &str = "DROP TABLE heirloom_run";

/// The marker of a run with more than one commit. It is set in the first of them and
/// removed in the last, so that it is there exactly while the database is between two
/// states, and putting the backup back removes it in the same stroke.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Marker {
    /// RFC 3339.
    pub(crate) started_at: String,
    /// The copy's file name; none when the database was empty.
    pub(crate) backup: Option<String>,
    /// The copy's BLAKE3 digest.
    pub(crate) digest: Option<String>,
    /// The journal mode before the run.
    pub(crate) journal_mode: String,
}

/// Reads the marker. None is the ordinary case and costs one look-up.
pub(crate) fn read_marker(connection: &Connection) -> Result<Option<Marker>, Error> {
    of_tables_alone(connection, || read_the_marker(connection))
}

/// Refuses a database in which a run was interrupted between two of its commits. `help` says what
/// puts it back.
pub(crate) fn refuse_interrupted(connection: &Connection, help: &str) -> Result<(), Error> {
    match read_marker(connection)? {
        None => Ok(()),
        Some(_) => Err(Error::new(
            ErrorKind::Locked,
            "a run was interrupted between two of its commits, and must be put back first",
        )
        .with_help(help)),
    }
}

fn read_the_marker(connection: &Connection) -> Result<Option<Marker>, Error> {
    let mut statement = match connection.prepare(SELECT_MARKER) {
        Err(error) if is_no_such_table(&error) => return Ok(None),
        prepared => prepared.map_err(|error| failure("cannot read the database", error))?,
    };
    statement
        .query_row([], |row| {
            Ok(Marker {
                started_at: row.get(0)?,
                backup: row.get(1)?,
                digest: row.get(2)?,
                journal_mode: row.get(3)?,
            })
        })
        .optional()
        // Another process ended its run between the two steps.
        .or_else(|error| match is_no_such_table(&error) {
            true => Ok(None),
            false => Err(failure("cannot read the database", error)),
        })
}

/// Sets the marker, in the caller's transaction.
pub(crate) fn set_marker(connection: &Connection, marker: &Marker) -> Result<(), Error> {
    let Marker {
        started_at,
        backup,
        digest,
        journal_mode,
    } = marker;
    connection
        .execute_batch(CREATE_MARKER)
        .and_then(|()| {
            connection.execute(
                INSERT_MARKER,
                params![started_at, backup, digest, journal_mode],
            )
        })
        .map(drop)
        .map_err(|error| failure("cannot set the marker of a run", error))
}

/// Removes the marker, in the caller's transaction.
pub(crate) fn clear_marker(connection: &Connection) -> Result<(), Error> {
    connection
        .execute_batch(DROP_MARKER)
        .map_err(|error| failure("cannot remove the marker of a run", error))
}
