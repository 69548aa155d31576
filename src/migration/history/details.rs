//! What heirloom knows of an applied migration beside refinery's history.

use std::time::Duration;

use rusqlite::{Connection, OptionalExtension, params};

use crate::report::error::Error;
use crate::sqlite::execute::{failure, is_no_such_table};
use crate::sqlite::execute::{of_tables_alone, without_views};
use crate::sqlite::own_tables::DETAILS;

pub(crate) const CREATE_DETAILS: &str = "CREATE TABLE IF NOT EXISTS heirloom_history (
    history_table TEXT NOT NULL,
    version INTEGER NOT NULL,
    up_sql TEXT NOT NULL,
    down_sql TEXT,
    duration_ms REAL NOT NULL,
    app_version TEXT,
    backup TEXT,
    PRIMARY KEY (history_table, version)
)";
pub(crate) const INSERT_DETAILS: &str = "INSERT OR REPLACE INTO heirloom_history
    (history_table, version, up_sql, down_sql, duration_ms, app_version, backup)
    VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7)";
pub(crate) const NAME_BACKUP: &str = "UPDATE heirloom_history SET backup = ?3
    WHERE history_table = ?1 AND version = ?2 AND backup IS NULL";
pub(crate) const DELETE_DETAILS: &str =
    "DELETE FROM heirloom_history WHERE history_table = ?1 AND version = ?2";
pub(crate) const SELECT_DETAILS: &str = "SELECT up_sql, down_sql FROM heirloom_history
    WHERE history_table = ?1 AND version = ?2";

/// Changes no row.
pub(crate) const CHANGE_NOTHING: &str = "DELETE FROM heirloom_history WHERE 0";

pub(crate) const SELECT_BACKUP: &str = "SELECT backup FROM heirloom_history
    WHERE history_table = ?1 AND version = ?2";

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

/// Names the backup of a migration that was kept before its backup had a name.
pub(crate) fn name_backup(
    connection: &Connection,
    table: &str,
    version: i64,
    backup: &str,
) -> Result<(), Error> {
    connection
        .execute(NAME_BACKUP, params![table, version, backup])
        .map(drop)
        .map_err(|error| failure("cannot write heirloom's own table", error))
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
    let read = without_views(connection, || {
        connection.query_row(SELECT_DETAILS, params![table, version], |row| {
            Ok(AsApplied {
                up: row.get(0)?,
                down: row.get(1)?,
            })
        })
    });
    match read.optional() {
        Err(error) if is_no_such_table(&error) => Ok(None),
        result => result.map_err(|error| failure("cannot read heirloom's own table", error)),
    }
}

/// What prints the down migration of a migration as it was stored, for a person to type.
pub(crate) fn select_down(table: &str, version: i64) -> String {
    select("down_sql", table, version)
}

/// The same of the migration itself.
pub(crate) fn select_up(table: &str, version: i64) -> String {
    select("up_sql", table, version)
}

fn select(column: &str, table: &str, version: i64) -> String {
    let table = table.replace('\'', "''");
    format!(
        "SELECT {column} FROM {DETAILS} WHERE history_table = '{table}' AND version = {version}"
    )
}

/// The file name of the copy that was taken before a version was applied.
pub(crate) fn backup_before(
    connection: &Connection,
    table: &str,
    version: i64,
) -> Result<Option<String>, Error> {
    let read = of_tables_alone(connection, || {
        connection.query_row(SELECT_BACKUP, params![table, version], |row| row.get(0))
    });
    match read.optional() {
        Err(error) if is_no_such_table(&error) => Ok(None),
        result => result
            .map(Option::flatten)
            .map_err(|error| failure("cannot read heirloom's own table", error)),
    }
}
