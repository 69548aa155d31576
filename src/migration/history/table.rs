//! refinery's history table, as heirloom reads it: what was applied, whose table it is, whether a
//! start has nothing to do. Rows are written by `refinery`.

use std::collections::BTreeMap;

use chrono::DateTime;
use rusqlite::types::ValueRef;
use rusqlite::{Connection, params};

use crate::migration::compare::{self, Applied};
use crate::migration::history::details::DELETE_DETAILS;
use crate::migration::set::Migration;
use crate::report::error::{Error, ErrorKind};
use crate::report::time::rfc3339;
use crate::sqlite::execute::{failure, is_no_such_table, is_wrong_sql, of_tables_alone};
use crate::sqlite::sql::name::{quote, same_name};

/// refinery's own default, so that an app which changes over keeps its history.
pub const DEFAULT_TABLE: &str = "refinery_schema_history";

/// Reads the history in the order of versions. A database without one has an empty one.
pub(crate) fn read(connection: &Connection, table: &str) -> Result<Vec<Applied>, Error> {
    of_tables_alone(connection, || read_rows(connection, table))
}

fn read_rows(connection: &Connection, table: &str) -> Result<Vec<Applied>, Error> {
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
            "the table `{table}` was made by somebody else, and is not a migration history"
        ))),
    }
}

/// When each version was applied, to the second and in UTC, of a history that was read.
pub(crate) fn times(connection: &Connection, table: &str) -> Result<BTreeMap<i64, String>, Error> {
    of_tables_alone(connection, || read_times(connection, table))
}

fn read_times(connection: &Connection, table: &str) -> Result<BTreeMap<i64, String>, Error> {
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
    of_tables_alone(connection, || is_it_complete(connection, table, migrations))
}

fn is_it_complete(
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
