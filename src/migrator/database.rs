//! What is about one database file.

use std::path::PathBuf;

use rusqlite::Connection;

use crate::inspect::status::{self, Status};
use crate::migration::history::other_tools::Tool;
use crate::options::hooks::HookError;
use crate::options::settings::Options;
use crate::report::error::Error;
use crate::report::outcome::Report;
use crate::report::plan::Plan;
use crate::run::adopt::{baseline, import};
use crate::run::backfill::Backfill;
use crate::run::batches::{self, BackfillPlan};
use crate::run::revert::{self, RevertTo};
use crate::run::{edit, migrate, rehearse};

/// One database file, and everything that can be asked of it or done to it.
///
/// Made by [`Migrator::database`](crate::Migrator::database), at no cost: nothing is read before a method is called.
///
/// # Looking
/// Nothing here writes: [`status`](Database::status), [`inspect`](Database::inspect),
/// [`stats`](Database::stats), [`doctor`](Database::doctor), [`log`](Database::log),
/// [`backups`](Database::backups), [`downgrade_options`](Database::downgrade_options),
/// [`compare`](Database::compare), [`compare_rows`](Database::compare_rows),
/// [`compare_sql`](Database::compare_sql), [`read`](Database::read), and each `plan_…`.
///
/// # Migrating
/// [`plan`](Database::plan), [`rehearse`](Database::rehearse),
/// [`migrate_to`](Database::migrate_to), [`revert`](Database::revert),
/// [`plan_revert`](Database::plan_revert). The start-up call is
/// [`Migrator::open`](crate::Migrator::open).
///
/// # Backups
/// [`backups`](Database::backups), [`snapshot`](Database::snapshot),
/// [`snapshot_with`](Database::snapshot_with), [`restore`](Database::restore),
/// [`restore_keeping_newer`](Database::restore_keeping_newer),
/// [`plan_restore`](Database::plan_restore).
///
/// # A database of a newer app
/// [`downgrade_options`](Database::downgrade_options),
/// [`revert_to_known`](Database::revert_to_known), [`open_anyway`](Database::open_anyway).
///
/// # A database with another history, or none
/// [`adopt`](Database::adopt), [`plan_adopt`](Database::plan_adopt),
/// [`baseline`](Database::baseline), [`plan_baseline`](Database::plan_baseline).
///
/// # Large tables
/// [`backfill`](Database::backfill), [`plan_backfill`](Database::plan_backfill).
///
/// # Rows that a person changes
/// [`edit`](Database::edit).
///
/// # While an app is developed
/// With the feature `devtools`: `seed`, `plan_seed`, `push`, `plan_push`, `redo`, `reset`,
/// `empty`.
#[derive(Debug)]
pub struct Database<'m, 'a> {
    pub(super) options: &'m Options<'a>,
    pub(super) path: PathBuf,
}

/// A migrated database, open.
#[derive(Debug)]
#[non_exhaustive]
pub struct OpenedDatabase {
    /// The connection. Its settings are those of the app's set-up; foreign keys are as
    /// SQLite was built, which is on where it is bundled.
    pub connection: Connection,
    /// What was done.
    pub report: Report,
}

impl Database<'_, '_> {
    /// The state of a database compared with the migrations. Writes nothing and creates no file.
    ///
    /// # Errors
    /// [`ErrorKind::NotADatabase`](crate::ErrorKind::NotADatabase), [`ErrorKind::InvalidMigration`](crate::ErrorKind::InvalidMigration), [`ErrorKind::Diverged`](crate::ErrorKind::Diverged)
    /// for a history that is not one. Anything else is in [`Status::problem`].
    pub fn status(&self) -> Result<Status, Error> {
        status::status(self.options, &self.path)
    }

    /// What [`Migrator::migrate`](crate::Migrator::migrate) would do, up to a version where one is given. Writes
    /// nothing and creates no file.
    ///
    /// # Errors
    /// What `migrate` would refuse, but for [`ErrorKind::Destructive`](crate::ErrorKind::Destructive), which is in
    /// [`Plan::refused`].
    pub fn plan(&self, to: Option<i64>) -> Result<Plan, Error> {
        migrate::plan(self.options, &self.path, to)
    }

    /// Migrates a database up to a version and no further.
    ///
    /// # Errors
    /// As [`Migrator::open`](crate::Migrator::open), and [`ErrorKind::NotFound`](crate::ErrorKind::NotFound) for a version that does not exist.
    pub fn migrate_to(&self, version: i64) -> Result<Report, Error> {
        migrate::run(self.options, &self.path, Some(version)).map(|(_, report)| report)
    }

    /// Does to a scratch copy of a database what [`Migrator::migrate`](crate::Migrator::migrate) would do, up to a version
    /// where one is given, and throws the copy away. Set-up and hooks are called as in a run, on
    /// the copy. Of the database itself no byte changes, and no file comes or goes beside it.
    ///
    /// The copy is made in the system's folder for temporary files.
    ///
    /// # Errors
    /// Without a report where there can be no rehearsal: [`ErrorKind::DiskFull`](crate::ErrorKind::DiskFull), [`ErrorKind::Locked`](crate::ErrorKind::Locked),
    /// [`ErrorKind::NotADatabase`](crate::ErrorKind::NotADatabase), [`ErrorKind::BackupInvalid`](crate::ErrorKind::BackupInvalid), [`ErrorKind::Interrupted`](crate::ErrorKind::Interrupted).
    /// Whatever `migrate` would fail with is an error here too. Then [`Error::report`] is a
    /// report of [`Act::Rehearse`](crate::Act::Rehearse) and says how far it came.
    pub fn rehearse(&self, to: Option<i64>) -> Result<Report, Error> {
        rehearse::rehearse(self.options, &self.path, to)
    }

    /// Takes migrations back, the newest first, with the protection of a run.
    ///
    /// # Errors
    /// As [`Migrator::open`](crate::Migrator::open), and [`ErrorKind::Irreversible`](crate::ErrorKind::Irreversible) before anything is touched.
    pub fn revert(&self, to: RevertTo) -> Result<Report, Error> {
        revert::revert(self.options, &self.path, to)
    }

    /// What [`Database::revert`] would do. Writes nothing and creates no file.
    ///
    /// # Errors
    /// What `revert` would refuse.
    pub fn plan_revert(&self, to: RevertTo) -> Result<Plan, Error> {
        revert::plan(self.options, &self.path, to)
    }

    /// Fills the rows of a large table in batches, after a verified backup, and goes on where it
    /// stopped when it is called again: see [`Backfill`]. To be called after
    /// [`Migrator::open`](crate::Migrator::open), from a thread of its own where the app is not to wait. It opens a
    /// connection of its own, with the app's set-up; hooks are not called.
    ///
    /// Between two batches both locks are free, so that others write, start, and run migrations.
    /// Foreign keys are on. After each batch the write-ahead log is moved into the file; where it
    /// is larger than 64 MiB, because somebody reads an old state, the backfill waits for that
    /// reader, for as long as for a lock. [`Migrator::cancel_with`](crate::Migrator::cancel_with) ends it within a batch, which is rolled
    /// back, or between two.
    ///
    /// # Errors
    /// [`ErrorKind::Diverged`](crate::ErrorKind::Diverged) where other statements were begun under this name, or where
    /// rowids may have changed; [`ErrorKind::MigrationFailed`](crate::ErrorKind::MigrationFailed), [`ErrorKind::Destructive`](crate::ErrorKind::Destructive),
    /// [`ErrorKind::Locked`](crate::ErrorKind::Locked), [`ErrorKind::Interrupted`](crate::ErrorKind::Interrupted) for a batch, which is rolled back:
    /// [`DataState::Backfilled`](crate::DataState::Backfilled) says how far it is.
    pub fn backfill(&self, backfill: &Backfill<'_>) -> Result<Report, Error> {
        batches::backfill(self.options, &self.path, backfill)
    }

    /// What [`Database::backfill`] would find to do. Writes nothing and creates no file.
    ///
    /// # Errors
    /// What `backfill` would refuse before its first batch.
    pub fn plan_backfill(&self, backfill: &Backfill<'_>) -> Result<BackfillPlan, Error> {
        batches::plan(self.options, &self.path, backfill)
    }

    /// Changes rows by hand, as an app for administrators or support does: under the lock of a run,
    /// in one transaction, with foreign keys on. What the closure refuses is rolled back, and so is
    /// everything where it panics. It must not end the transaction. No backup is taken: take a
    /// [`snapshot`](Database::snapshot) before.
    ///
    /// ```
    /// # let folder = tempfile::tempdir().unwrap();
    /// # std::fs::write(folder.path().join("V1__notes.sql"), "CREATE TABLE notes (id INTEGER PRIMARY KEY, text TEXT);").unwrap();
    /// # let migrator = heirloom::Migrator::new(folder.path());
    /// # let path = folder.path().join("notes.db");
    /// # migrator.open(&path)?.connection.execute("INSERT INTO notes VALUES (7, 'helo')", []).unwrap();
    /// let changed = migrator.database(&path).edit(|connection| {
    ///     let sql = "UPDATE notes SET text = 'hello' WHERE id = 7 AND text = 'helo'";
    ///     match connection.execute(sql, [])? {
    ///         1 => Ok(1),
    ///         _ => Err("the note was changed by somebody else".into()),
    ///     }
    /// })?;
    /// assert_eq!(changed, 1);
    /// # Ok::<(), heirloom::Error>(())
    /// ```
    ///
    /// # Errors
    /// [`ErrorKind::MigrationFailed`](crate::ErrorKind::MigrationFailed) with what the closure said as its source;
    /// [`ErrorKind::NotFound`](crate::ErrorKind::NotFound), [`ErrorKind::Locked`](crate::ErrorKind::Locked), [`ErrorKind::Interrupted`](crate::ErrorKind::Interrupted).
    pub fn edit<T>(
        &self,
        work: impl FnOnce(&Connection) -> Result<T, HookError>,
    ) -> Result<T, Error> {
        edit::edit(self.options, &self.path, work)
    }

    /// Takes over the history that another tool kept, and runs nothing. The tool is found out
    /// where none is named. Twice, it finds nothing to do.
    ///
    /// # Errors
    /// [`ErrorKind::NotFound`](crate::ErrorKind::NotFound) where there is none; [`ErrorKind::Diverged`](crate::ErrorKind::Diverged) where it is
    /// unfinished or not what these migrations say, or the schema is another;
    /// [`ErrorKind::DatabaseNewer`](crate::ErrorKind::DatabaseNewer); and as [`Migrator::open`](crate::Migrator::open).
    pub fn adopt(&self, tool: impl Into<Option<Tool>>) -> Result<Report, Error> {
        import::adopt(self.options, &self.path, tool.into())
    }

    /// What [`Database::adopt`] would do. Writes nothing and creates no file.
    ///
    /// # Errors
    /// What `adopt` would refuse.
    pub fn plan_adopt(&self, tool: impl Into<Option<Tool>>) -> Result<Plan, Error> {
        import::plan(self.options, &self.path, tool.into())
    }

    /// Records an existing database, which has no history, as being at a version: the history gets a
    /// row of each migration up to it, and nothing is run. First it is proved that the schema
    /// is what those migrations give; of rows that they would have written nothing is
    /// known. Backed up before, and in one transaction, as a run is.
    ///
    /// # Errors
    /// [`ErrorKind::Diverged`](crate::ErrorKind::Diverged) where the schema is another, with what is different, or where
    /// the database has another history already; [`ErrorKind::NotFound`](crate::ErrorKind::NotFound) for a version or a
    /// database that does not exist; and as [`Migrator::open`](crate::Migrator::open).
    pub fn baseline(&self, version: i64) -> Result<Report, Error> {
        baseline::baseline(self.options, &self.path, version)
    }

    /// What [`Database::baseline`] would do. Writes nothing and creates no file.
    ///
    /// # Errors
    /// What `baseline` would refuse.
    pub fn plan_baseline(&self, version: i64) -> Result<Plan, Error> {
        baseline::plan(self.options, &self.path, version)
    }
}
