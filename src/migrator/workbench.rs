//! What a developer does to a database of his own.

use std::path::Path;

use crate::devtools::generate::generated::GenerateOptions;
use crate::devtools::generate::push::{self, OnHistory};
use crate::devtools::project::{reset, seed};
use crate::migrator::database::Database;
use crate::report::error::Error;
use crate::report::outcome::Report;
use crate::report::plan::Plan;

impl Database<'_, '_> {
    /// Runs the seed files of a folder, `*.sql` by name, then those of the environment's folder
    /// in it (`dev` for `seeds/dev/*.sql`): each that was not run on this database yet, or says
    /// something else now. They hold rows, and are to be written so that they can be run again.
    /// All in one transaction, with the protection of a run.
    ///
    /// # Errors
    /// As [`Migrator::open`](crate::Migrator::open); [`ErrorKind::Usage`](crate::ErrorKind::Usage) while migrations are pending, and for an
    /// environment that leaves the folder; [`ErrorKind::NotFound`](crate::ErrorKind::NotFound);
    /// [`ErrorKind::InvalidMigration`](crate::ErrorKind::InvalidMigration) for a file that changes the schema.
    pub fn seed(
        &self,
        folder: impl AsRef<Path>,
        environment: Option<&str>,
    ) -> Result<Report, Error> {
        seed::seed(self.options, &self.path, folder.as_ref(), environment)
    }

    /// What [`Database::seed`] would do. Writes nothing and creates no file.
    ///
    /// # Errors
    /// What `seed` would refuse, but for [`ErrorKind::Destructive`](crate::ErrorKind::Destructive), which is in
    /// [`Plan::refused`].
    pub fn plan_seed(
        &self,
        folder: impl AsRef<Path>,
        environment: Option<&str>,
    ) -> Result<Plan, Error> {
        seed::plan(self.options, &self.path, folder.as_ref(), environment)
    }

    /// Takes everything out of a database, after a snapshot called `before-drop-` and the time.
    /// The file stays, with its journal mode, owner and permissions. Killed at any instant, the
    /// database is as it was or empty.
    ///
    /// # Errors
    /// As [`Database::snapshot`].
    pub fn empty(&self) -> Result<Report, Error> {
        reset::empty(self.options, &self.path)
    }

    /// Starts from empty: puts what the migrations and the seeds of a folder give, from empty, in the
    /// place of everything that a database holds, after a snapshot called `before-reset-` and
    /// the time. It is made beside the database first, where set-up and hooks are called, and
    /// put in its place in one transaction: what fails leaves the database as it was.
    ///
    /// # Errors
    /// As [`Migrator::open`](crate::Migrator::open) and [`Database::seed`]. [`Error::backup`] is the snapshot.
    pub fn reset(&self, seeds: Option<&Path>, environment: Option<&str>) -> Result<Report, Error> {
        reset::reset(self.options, &self.path, seeds, environment)
    }

    /// Takes the newest migrations back and applies them again, after a verified backup: while
    /// one is being written. Done beside the database first and put in its place in one
    /// transaction, so that what fails leaves the database as it was.
    ///
    /// # Errors
    /// As [`Database::revert`] and [`Migrator::open`](crate::Migrator::open).
    pub fn redo(&self, steps: usize) -> Result<Report, Error> {
        reset::redo(self.options, &self.path, steps)
    }

    /// Makes the schema of a database under development what the schema file says, at once and
    /// without a migration: what [`Devtools::generate`](crate::Devtools::generate) would write is worked out from the
    /// database's own schema and done with the protection of a run.
    ///
    /// # Errors
    /// As [`Devtools::generate`](crate::Devtools::generate) and [`Migrator::open`](crate::Migrator::open); [`ErrorKind::Usage`](crate::ErrorKind::Usage) where migrations
    /// are applied, unless the history may be made untrue.
    pub fn push(&self, wishes: &GenerateOptions, on_history: OnHistory) -> Result<Report, Error> {
        push::push(self.options, &self.path, wishes, on_history)
    }

    /// What [`Database::push`] would do: no step, or one. Writes nothing and creates no file.
    ///
    /// # Errors
    /// What `push` would refuse, but for [`ErrorKind::Destructive`](crate::ErrorKind::Destructive), which is in
    /// [`Plan::refused`].
    pub fn plan_push(
        &self,
        wishes: &GenerateOptions,
        on_history: OnHistory,
    ) -> Result<Plan, Error> {
        push::plan(self.options, &self.path, wishes, on_history)
    }
}
