//! refinery at work: its history table, its rows, its checksums, inside our transaction.

use refinery_core::traits::sync::{Migrate, Query, Transaction};
use refinery_core::{Migration as RefineryMigration, Target as RefineryTarget};
use rusqlite::Connection;

use crate::migration::step::MigrationStep;
use crate::report::error::{Error, ErrorKind};
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

/// The tasks as refinery's own values, which know their checksums.
pub(crate) fn in_refinerys_words(tasks: &[MigrationStep]) -> Result<Vec<RefineryMigration>, Error> {
    let convert = |task: &MigrationStep| {
        let prefix = if task.any_order { 'U' } else { 'V' };
        let file = format!("{prefix}{}__{}", task.version, task.name);
        RefineryMigration::unapplied(&file, task.script.text())
            .map_err(|error| refused_by_refinery(&file, error))
    };
    tasks.iter().map(convert).collect()
}

fn refused_by_refinery(file: &str, error: refinery_core::Error) -> Error {
    Error::new(
        ErrorKind::InvalidMigration,
        format!("refinery refuses {file}"),
    )
    .because(error)
}

/// Applies one migration through refinery, which writes its row: `work` where refinery would
/// run its SQL.
pub(crate) fn apply(
    connection: &Connection,
    history_table: &str,
    task: &MigrationStep,
    theirs: &RefineryMigration,
    work: &dyn Fn() -> Result<(), Error>,
) -> Result<(), Error> {
    let mut one = OneMigration {
        connection,
        script: &task.script,
        work,
        failed: None,
    };
    let applied = one.migrate(
        std::slice::from_ref(theirs),
        false,
        false,
        true,
        RefineryTarget::Version(task.version),
        &quote(history_table),
    );
    match (applied, one.failed) {
        (_, Some(error)) => Err(error),
        (Err(error), None) => Err(refused_by_refinery(&task.label(), error)),
        (Ok(_), None) => Ok(()),
    }
}

/// refinery's three traits for one migration inside a transaction that is already there.
///
/// Its own driver commits the SQL and the history row apart and panics on a malformed
/// row. Here refinery supplies the history table's definition, the row and its checksum;
/// which migrations run is decided elsewhere, so it is given no history.
struct OneMigration<'m> {
    connection: &'m Connection,
    script: &'m Script,
    work: &'m dyn Fn() -> Result<(), Error>,
    /// What failed, in our words. refinery would wrap it beyond recognition.
    failed: Option<Error>,
}

/// Stands for [`OneMigration::failed`] on its way through refinery.
#[derive(Debug)]
struct SeeFailed;

impl std::fmt::Display for SeeFailed {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("a statement failed")
    }
}

impl std::error::Error for SeeFailed {}

impl OneMigration<'_> {
    fn query(&self, sql: &str) -> Result<(), Error> {
        if sql == self.script.text() {
            return (self.work)();
        }
        self.connection
            .execute_batch(sql)
            .map_err(|error| failure("cannot write the history", error))
    }
}

impl Transaction for OneMigration<'_> {
    type Error = SeeFailed;

    fn execute<'a, T: Iterator<Item = &'a str>>(&mut self, queries: T) -> Result<usize, SeeFailed> {
        let mut count = 0;
        for sql in queries {
            if let Err(error) = OneMigration::query(self, sql) {
                self.failed = Some(error);
                return Err(SeeFailed);
            }
            count += 1;
        }
        Ok(count)
    }
}

impl Query<Vec<RefineryMigration>> for OneMigration<'_> {
    fn query(&mut self, _query: &str) -> Result<Vec<RefineryMigration>, SeeFailed> {
        Ok(Vec::new())
    }
}

impl Migrate for OneMigration<'_> {}
