//! The tables heirloom keeps in a database: refinery's history, what heirloom adds to it,
//! and the marker of a run that one transaction cannot protect.

use std::collections::BTreeMap;
use std::time::Duration;

use chrono::{DateTime, SecondsFormat, Utc};
use rusqlite::types::ValueRef;
use rusqlite::{Connection, OptionalExtension, params};

use crate::migration::compare;
use crate::migration::compare::Applied;
use crate::migration::history::backfills;
use crate::migration::history::log_table;
use crate::migration::set::Migration;
use crate::report::error::{Error, ErrorKind};
use crate::sqlite::execute::{failure, is_no_such_table, is_wrong_sql};
use crate::sqlite::schema::objects::same_name;
use crate::sqlite::sql::token::quote;

/// refinery's own default, so that an app which changes over keeps its history.
pub const DEFAULT_TABLE: &str = "refinery_schema_history";

/// What heirloom adds lies in a table of its own, beside the history, where refinery
/// never looks.
const DETAILS: &str = "heirloom_history";
const MARKER: &str = "heirloom_run";
const SEEDS: &str = crate::migration::history::seeds::TABLE;

const CREATE_DETAILS: &str = "CREATE TABLE IF NOT EXISTS heirloom_history (
    history_table TEXT NOT NULL,
    version INTEGER NOT NULL,
    up_sql TEXT NOT NULL,
    down_sql TEXT,
    duration_ms REAL NOT NULL,
    app_version TEXT,
    backup TEXT,
    PRIMARY KEY (history_table, version)
)";
const INSERT_DETAILS: &str = "INSERT OR REPLACE INTO heirloom_history
    (history_table, version, up_sql, down_sql, duration_ms, app_version, backup)
    VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7)";
const DELETE_DETAILS: &str =
    "DELETE FROM heirloom_history WHERE history_table = ?1 AND version = ?2";
const SELECT_DETAILS: &str = "SELECT up_sql, down_sql FROM heirloom_history
    WHERE history_table = ?1 AND version = ?2";

const SELECT_BACKUP: &str = "SELECT backup FROM heirloom_history
    WHERE history_table = ?1 AND version = ?2";

const CREATE_MARKER: &str = "CREATE TABLE heirloom_run (
    started_at TEXT NOT NULL,
    backup TEXT,
    digest TEXT,
    journal_mode TEXT NOT NULL
)";
const INSERT_MARKER: &str = "INSERT INTO heirloom_run VALUES (?1, ?2, ?3, ?4)";
const SELECT_MARKER: &str = "SELECT started_at, backup, digest, journal_mode FROM heirloom_run";
const DROP_MARKER: &str = "DROP TABLE heirloom_run";

/// The tables of a database that are no part of its schema: the histories, and heirloom's own.
#[derive(Debug, Clone)]
pub(crate) struct OwnTables<'n> {
    histories: Vec<&'n str>,
}

impl<'n> OwnTables<'n> {
    /// heirloom's own, and the histories of these names.
    pub(crate) fn with(histories: impl IntoIterator<Item = &'n str>) -> OwnTables<'n> {
        OwnTables {
            histories: histories.into_iter().collect(),
        }
    }

    /// Whether a table is among them.
    pub(crate) fn hold(&self, name: &str) -> bool {
        let mut own = [DETAILS, MARKER, SEEDS, log_table::TABLE, backfills::TABLE]
            .iter()
            .chain(&self.histories);
        own.any(|own| same_name(own, name))
    }
}

/// Reads the history in the order of versions. A database without one has an empty one.
pub(crate) fn read(connection: &Connection, table: &str) -> Result<Vec<Applied>, Error> {
    // Without ORDER BY: the rows lie in the order of versions already, and the index that
    // the order would be taken from costs as much again as the rows.
    let sql = format!(
        "SELECT version, name, applied_on, checksum FROM {}",
        quote(table)
    );
    let cannot = |error| failure(format!("cannot read the history table `{table}`"), error);
    let mut statement = match connection.prepare(&sql) {
        Err(error) if is_no_such_table(&error) => return Ok(Vec::new()),
        Err(error) if is_wrong_sql(&error) => {
            return Err(
                malformed(format!("the table `{table}` is not a migration history")).because(error),
            );
        }
        prepared => prepared.map_err(cannot)?,
    };
    let mut rows = statement.raw_query();
    let mut history = Vec::new();
    while let Some(row) = rows.next().map_err(cannot)? {
        let value = |index| row.get_ref(index).unwrap_or(ValueRef::Null);
        let number = history.len() + 1;
        let wrong = |column: &str, value: ValueRef<'_>, expected: &str| {
            malformed(format!(
                "row {number} of the history table `{table}` is malformed: {column} is {}, not {expected}",
                shown(value)
            ))
        };
        let version = match value(0) {
            ValueRef::Integer(version) => version,
            other => return Err(wrong("version", other, "a whole number")),
        };
        let name = value(1)
            .as_str()
            .map_err(|_| wrong("name", value(1), "text"))?;
        if !value(2).as_str().is_ok_and(looks_like_a_time) {
            return Err(wrong("applied_on", value(2), "an RFC 3339 time"));
        }
        let checksum = value(3)
            .as_str()
            .ok()
            .and_then(|text| text.parse().ok())
            .ok_or_else(|| wrong("checksum", value(3), "a whole number in text"))?;
        history.push(Applied {
            version,
            name: name.to_owned(),
            checksum,
        });
    }
    if !history.is_sorted_by_key(|row| row.version) {
        history.sort_by_key(|row| row.version);
    }
    if let Some(pair) = history.windows(2).find(|p| p[0].version == p[1].version) {
        return Err(malformed(format!(
            "the history table `{table}` holds version {} twice",
            pair[0].version
        )));
    }
    Ok(history)
}

/// Refuses a table without a row to say whose it is, and that refinery did not make: the app may
/// have one of this name. The usual name is nobody else's.
pub(crate) fn refuse_anothers_table(connection: &Connection, table: &str) -> Result<(), Error> {
    let mut columns = connection
        .prepare("SELECT lower(name || ' ' || type || ' ' || pk) FROM pragma_table_info(?1)")
        .map_err(|error| failure("cannot read the schema", error))?;
    let columns: Vec<String> = columns
        .query_map([table], |row| row.get(0))
        .and_then(Iterator::collect)
        .map_err(|error| failure("cannot read the schema", error))?;
    let refinerys = match columns.split_first() {
        None => true,
        Some((version, others)) => {
            ["version int4 1", "version int8 1"].contains(&version.as_str())
                && others
                    == [
                        "name varchar(255) 0",
                        "applied_on varchar(255) 0",
                        "checksum varchar(255) 0",
                    ]
        }
    };
    match refinerys || same_name(table, DEFAULT_TABLE) {
        true => Ok(()),
        false => Err(malformed(format!(
            "the table `{table}` was made by somebody else, and is no migration history"
        ))),
    }
}

/// When each version was applied, to the second and in UTC, of a history that was read.
pub(crate) fn times(connection: &Connection, table: &str) -> Result<BTreeMap<i64, String>, Error> {
    let sql = format!("SELECT version, applied_on FROM {}", quote(table));
    let mut statement = match connection.prepare(&sql) {
        Err(error) if is_no_such_table(&error) => return Ok(BTreeMap::new()),
        prepared => prepared.map_err(|error| failure("cannot read the history", error))?,
    };
    statement
        .query_map([], |row| {
            let time: String = row.get(1)?;
            // One that no calendar has is shown as it is.
            let shown =
                DateTime::parse_from_rfc3339(&time).map_or(time, |parsed| rfc3339(parsed.to_utc()));
            Ok((row.get(0)?, shown))
        })
        .and_then(Iterator::collect)
        .map_err(|error| failure("cannot read the history", error))
}

/// Whether a text has the shape of `2026-11-21T09:14:03.5Z`. Every start looks at every
/// row, so the calendar is left to whoever shows the time.
fn looks_like_a_time(text: &str) -> bool {
    const SHAPE: &[u8] = b"0000-00-00T00:00:00";
    let (date, zone) = match text.as_bytes().split_at_checked(SHAPE.len()) {
        Some((date, zone)) if !zone.is_empty() => (date, zone),
        _ => return false,
    };
    SHAPE.iter().zip(date).all(|(shape, byte)| match shape {
        b'0' => byte.is_ascii_digit(),
        b'T' => matches!(byte, b'T' | b't' | b' '),
        other => byte == other,
    }) && zone
        .iter()
        .all(|byte| byte.is_ascii_digit() || b".+-:Zz".contains(byte))
}

/// Whether a history is exactly these migrations, all of them and nothing else: the one
/// question of a start with nothing to do. Anything odd is a no; [`read`] finds out more.
pub(crate) fn is_complete(
    connection: &Connection,
    table: &str,
    migrations: &[Migration],
) -> rusqlite::Result<bool> {
    let sql = format!(
        "SELECT version, name, applied_on, checksum FROM {}",
        quote(table)
    );
    let mut statement = connection.prepare(&sql)?;
    let mut rows = statement.raw_query();
    let mut expected = None;
    while let Some(row) = rows.next()? {
        let text = |index| row.get_ref(index)?.as_str().map_err(rusqlite::Error::from);
        let (ValueRef::Integer(version), Ok(name)) = (row.get_ref(0)?, text(1)) else {
            return Ok(false);
        };
        // The first row says whether it is a squashed migration that a database has, or what
        // that replaces.
        let expected = expected
            .get_or_insert_with(|| compare::wanted(migrations, (version, name)).into_iter());
        let Some(wanted) = expected.next() else {
            return Ok(false);
        };
        let same = text(2).is_ok_and(looks_like_a_time)
            && text(3).is_ok_and(|sum| sum.parse().is_ok_and(|sum| wanted.is(version, name, sum)));
        if !same {
            return Ok(false);
        }
    }
    Ok(match expected {
        Some(mut left) => left.next().is_none(),
        None => migrations.is_empty(),
    })
}

fn malformed(message: String) -> Error {
    Error::new(ErrorKind::Diverged, message).with_help(
        "if it is another program's table, choose another name for the history table; otherwise correct the row, or put back a backup",
    )
}

fn shown(value: ValueRef<'_>) -> String {
    match value {
        ValueRef::Null => "NULL".into(),
        ValueRef::Integer(number) => number.to_string(),
        ValueRef::Real(number) => number.to_string(),
        ValueRef::Text(text) => format!("'{}'", String::from_utf8_lossy(text)),
        ValueRef::Blob(bytes) => format!("a blob of {} bytes", bytes.len()),
    }
}

/// What heirloom keeps of an applied migration beside refinery's row.
pub(crate) struct Details<'d> {
    pub(crate) version: i64,
    pub(crate) up_sql: &'d str,
    pub(crate) down_sql: Option<&'d str>,
    pub(crate) duration: Duration,
    pub(crate) app_version: Option<&'d str>,
    pub(crate) backup: Option<&'d str>,
}

/// Makes heirloom's table if it is not there.
pub(crate) fn create_details(connection: &Connection) -> Result<(), Error> {
    connection
        .execute_batch(CREATE_DETAILS)
        .map_err(|error| failure("cannot create heirloom's own table", error))
}

/// Keeps what was applied.
pub(crate) fn insert_details(
    connection: &Connection,
    table: &str,
    details: &Details<'_>,
) -> Result<(), Error> {
    let Details {
        version,
        up_sql,
        down_sql,
        duration,
        app_version,
        backup,
    } = details;
    let duration_ms = duration.as_secs_f64() * 1000.0;
    connection
        .prepare(INSERT_DETAILS)
        .and_then(|mut statement| {
            statement.execute(params![
                table,
                version,
                up_sql,
                down_sql,
                duration_ms,
                app_version,
                backup
            ])
        })
        .map(drop)
        .map_err(|error| failure("cannot write heirloom's own table", error))
}

/// Forgets an applied migration, in both tables.
pub(crate) fn delete(connection: &Connection, table: &str, version: i64) -> Result<(), Error> {
    let delete = || {
        let sql = format!("DELETE FROM {} WHERE version = ?1", quote(table));
        connection.execute(&sql, [version])?;
        match connection.execute(DELETE_DETAILS, params![table, version]) {
            Err(error) if !is_no_such_table(&error) => Err(error),
            _ => Ok(()),
        }
    };
    delete().map_err(|error| failure("cannot write the history", error))
}

/// The SQL of a migration as it was applied.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct AsApplied {
    pub(crate) up: String,
    pub(crate) down: Option<String>,
}

/// Reads the SQL as applied. None where another tool applied the migration.
pub(crate) fn as_applied(
    connection: &Connection,
    table: &str,
    version: i64,
) -> Result<Option<AsApplied>, Error> {
    let read = connection.query_row(SELECT_DETAILS, params![table, version], |row| {
        Ok(AsApplied {
            up: row.get(0)?,
            down: row.get(1)?,
        })
    });
    match read.optional() {
        Err(error) if is_no_such_table(&error) => Ok(None),
        result => result.map_err(|error| failure("cannot read heirloom's own table", error)),
    }
}

/// What prints the way back of a migration as it was stored, for a person to type.
pub(crate) fn select_down(table: &str, version: i64) -> String {
    let table = table.replace('\'', "''");
    format!(
        "SELECT down_sql FROM {DETAILS} WHERE history_table = '{table}' AND version = {version}"
    )
}

/// The file name of the copy that was taken before a version was applied.
pub(crate) fn backup_before(
    connection: &Connection,
    table: &str,
    version: i64,
) -> Result<Option<String>, Error> {
    let read = connection.query_row(SELECT_BACKUP, params![table, version], |row| row.get(0));
    match read.optional() {
        Err(error) if is_no_such_table(&error) => Ok(None),
        result => result
            .map(Option::flatten)
            .map_err(|error| failure("cannot read heirloom's own table", error)),
    }
}

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

/// A time as it is written into the database and into records.
pub(crate) fn rfc3339(time: DateTime<Utc>) -> String {
    time.to_rfc3339_opts(SecondsFormat::Secs, true)
}

/// The same for what may follow within a second.
pub(crate) fn to_the_millisecond(time: DateTime<Utc>) -> String {
    time.to_rfc3339_opts(SecondsFormat::Millis, true)
}
