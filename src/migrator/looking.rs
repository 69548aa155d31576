//! Looking at a database: nothing here writes.

use crate::inspect::compare::{self, RowDifference, StateComparison, StateRef};
use crate::inspect::description::Inspected;
use crate::inspect::problem::Diagnosis;
use crate::inspect::read::{self, Reader};
use crate::inspect::sizes::Stats;
use crate::inspect::{describe, doctor, log, stats};
use crate::migration::history::log_entry::Log;
use crate::migrator::database::Database;
use crate::report::error::Error;

impl Database<'_, '_> {
    /// The schema of any database, or of one table or view of it, described. Writes nothing.
    ///
    /// # Errors
    /// [`ErrorKind::NotFound`](crate::ErrorKind::NotFound) for a table that does not exist; [`ErrorKind::NotADatabase`](crate::ErrorKind::NotADatabase).
    pub fn inspect(&self, table: Option<&str>) -> Result<Inspected, Error> {
        describe::inspect(self.options, &self.path, table)
    }

    /// Everything that can be wrong with a database and around it, looked for: damage, broken
    /// references, a history that contradicts the migrations, backups that do not verify, what an
    /// interruption left, too little room. Reads everything; writes nothing.
    ///
    /// # Errors
    /// [`ErrorKind::Locked`](crate::ErrorKind::Locked) where somebody writes to it; what else keeps it from being examined.
    /// What is wrong is not an error but a [`Problem`](crate::inspect::Problem).
    pub fn doctor(&self) -> Result<Diagnosis, Error> {
        doctor::doctor(self.options, &self.path)
    }

    /// What is different between two states of a database, by rows: the database as it is, a
    /// backup, a snapshot or a file. Memory stays flat, however large they are. Writes nothing.
    ///
    /// # Errors
    /// [`ErrorKind::NotFound`](crate::ErrorKind::NotFound) for a state that does not exist; [`ErrorKind::Locked`](crate::ErrorKind::Locked) where
    /// somebody writes to it; [`ErrorKind::NotADatabase`](crate::ErrorKind::NotADatabase).
    pub fn compare(&self, from: &StateRef, to: &StateRef) -> Result<StateComparison, Error> {
        compare::compare(self.options, &self.path, from, to)
    }

    /// Tells of each row of a table that differs between two states. Writes nothing.
    ///
    /// # Errors
    /// As [`Database::compare`], and [`ErrorKind::NotFound`](crate::ErrorKind::NotFound) for a table that neither has.
    pub fn compare_rows(
        &self,
        from: &StateRef,
        to: &StateRef,
        table: &str,
        mut each: impl FnMut(&RowDifference),
    ) -> Result<(), Error> {
        compare::compare_rows(self.options, &self.path, from, to, table, &mut each)
    }

    /// The statements that make the first state into the second, one after the other. None where
    /// nothing differs. Writes nothing.
    ///
    /// # Errors
    /// As [`Database::compare`].
    pub fn compare_sql(
        &self,
        from: &StateRef,
        to: &StateRef,
        mut each: impl FnMut(&str),
    ) -> Result<(), Error> {
        compare::compare_sql(self.options, &self.path, from, to, &mut each)
    }

    /// Opens a state of a database to read it with SQL: a connection that leaves no trace, does not
    /// trust the schema, and is ended by [`Migrator::cancel_with`](crate::Migrator::cancel_with).
    /// Keep it for a moment only: while it reads, a write-ahead log cannot shrink.
    ///
    /// Read-only is no fence around SQL of a stranger: `VACUUM INTO` and `ATTACH` write other
    /// files. [`Reader::confine`] is.
    ///
    /// # Errors
    /// [`ErrorKind::NotFound`](crate::ErrorKind::NotFound) for a state that does not exist; [`ErrorKind::Locked`](crate::ErrorKind::Locked);
    /// [`ErrorKind::NotADatabase`](crate::ErrorKind::NotADatabase).
    pub fn read(&self, state: &StateRef) -> Result<Reader, Error> {
        read::read(self.options, &self.path, state)
    }

    /// Rows and bytes of any database, table by table, with its history, its backups and how it
    /// grew. Reads every page; writes nothing.
    ///
    /// # Errors
    /// [`ErrorKind::NotADatabase`](crate::ErrorKind::NotADatabase); [`ErrorKind::Diverged`](crate::ErrorKind::Diverged) for a history that is not one.
    pub fn stats(&self) -> Result<Stats, Error> {
        stats::stats(self.options, &self.path)
    }

    /// Every run, revert, restore and snapshot of a database, the newest first. Writes nothing.
    /// What failed left the database as it was, and is in no log.
    ///
    /// Runs and reverts are recorded in the database itself (`heirloom_log`, committed with what they
    /// tell of), restores in hidden files beside the automatic backups, snapshots in their
    /// records. A snapshot that was removed is not reported.
    ///
    /// # Errors
    /// [`ErrorKind::NotADatabase`](crate::ErrorKind::NotADatabase); [`ErrorKind::Diverged`](crate::ErrorKind::Diverged) for a history that is not one.
    pub fn log(&self) -> Result<Log, Error> {
        log::log(self.options, &self.path)
    }
}
