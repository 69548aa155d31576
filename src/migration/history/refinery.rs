//! What refinery does for a migration, inside our transaction: its history table, its row.
//!
//! refinery's own driver commits the SQL and the row apart and panics on a malformed row.

use rusqlite::{Connection, params};

use crate::migration::set::checksum_of;
use crate::migration::step::MigrationStep;
use crate::report::error::{Error, ErrorKind};
use crate::report::time::{now, to_the_millisecond};
use crate::sqlite::execute::{failure, run_statement};
use crate::sqlite::sql::name::quote;
use crate::sqlite::sql::script::Script;
use crate::sqlite::sql::statement::Statement;

/// What is done around each statement of a file, which it runs.
pub(crate) type Around<'a> =
    dyn Fn(&Statement<'_>, &dyn Fn() -> Result<(), Error>) -> Result<(), Error> + 'a;

/// Runs a script inside a transaction, which a failed disk may have ended without a statement of
/// ours that failed: what is run then would be committed on its own.
/// `around` is called for each statement, and runs it.
pub(crate) fn run_inside(
    connection: &Connection,
    script: &Script,
    around: &Around<'_>,
) -> Result<(), Error> {
    for statement in script.statements() {
        if connection.is_autocommit() {
            return Err(
                Error::new(ErrorKind::Io, "SQLite ended the transaction of the run")
                    .with_help("check the disk, and try again"),
            );
        }
        around(&statement, &|| {
            run_statement(connection, script, &statement)
        })?;
    }
    Ok(())
}

/// Does a migration's work between what refinery does before and after it: the history table, as
/// refinery 0.10 with its feature `int8-versions` makes it, and the row.
pub(crate) fn apply(
    connection: &Connection,
    history_table: &str,
    task: &MigrationStep,
    work: &dyn Fn() -> Result<(), Error>,
) -> Result<(), Error> {
    let cannot = |error| failure("cannot write the history", error);
    let table = quote(history_table);
    connection
        .execute_batch(&format!(
            "CREATE TABLE IF NOT EXISTS {table}(
             version int8 PRIMARY KEY,
             name VARCHAR(255),
             applied_on VARCHAR(255),
             checksum VARCHAR(255));"
        ))
        .map_err(cannot)?;
    work()?;
    let checksum = checksum_of(&task.name, task.version, task.script.text());
    let row = params![
        task.version,
        task.name,
        to_the_millisecond(now()),
        checksum.to_string()
    ];
    let insert = format!(
        "INSERT INTO {table} (version, name, applied_on, checksum) VALUES (?1, ?2, ?3, ?4)"
    );
    connection.execute(&insert, row).map_err(cannot)?;
    Ok(())
}
