//! Backups, snapshots, restores, and what to do after a downgrade.

use std::path::{Path, PathBuf};

use crate::migrator::database::{Database, OpenedDatabase};
use crate::report::error::Error;
use crate::report::outcome::Report;
use crate::restore::downgrade::{self, DowngradeOptions};
use crate::restore::execute::{self, RestorePlan};
use crate::restore::find::BackupRef;
use crate::restore::list::{self, BackupInfo, Verify};
use crate::restore::recover::recovery::Recovery;
use crate::restore::snapshot;
use crate::restore::{recover, reindex};

impl Database<'_, '_> {
    /// Takes a snapshot of a database into `snapshots` beside it.
    ///
    /// # Errors
    /// [`ErrorKind::Usage`](crate::ErrorKind::Usage) for a name that is taken, leaves the folder or would break on
    /// another platform; [`ErrorKind::Locked`](crate::ErrorKind::Locked); [`ErrorKind::BackupInvalid`](crate::ErrorKind::BackupInvalid) when the backup
    /// does not verify.
    pub fn snapshot(&self, name: &str) -> Result<BackupInfo, Error> {
        self.snapshot_with(name, &[])
    }

    /// Takes a snapshot of a database, and with it folders of files that an app keeps
    /// beside its database, by their names. [`Database::restore`] puts them back with the
    /// snapshot.
    ///
    /// # Errors
    /// As [`Database::snapshot`], and [`ErrorKind::Usage`](crate::ErrorKind::Usage) for a folder elsewhere.
    pub fn snapshot_with(&self, name: &str, folders: &[PathBuf]) -> Result<BackupInfo, Error> {
        snapshot::snapshot(self.options, &self.path, name, folders)
    }

    /// Every automatic backup and snapshot of a database, the newest first. Writes nothing.
    ///
    /// # Errors
    /// [`ErrorKind::Io`](crate::ErrorKind::Io) where a folder cannot be read.
    pub fn backups(&self, verify: Verify) -> Result<Vec<BackupInfo>, Error> {
        list::copies(self.options, &self.path, verify)
    }

    /// Restores a backup, after keeping the present state. Killed at any instant, the database
    /// is as it was or as the backup is, or the next start finishes it.
    ///
    /// The database may be open elsewhere: who reads it sees the old state or the new. It
    /// may be damaged or gone; then no connection of this process may be open on it.
    ///
    /// # Errors
    /// [`ErrorKind::NotFound`](crate::ErrorKind::NotFound) and [`ErrorKind::BackupInvalid`](crate::ErrorKind::BackupInvalid) before anything is touched;
    /// [`ErrorKind::Locked`](crate::ErrorKind::Locked).
    pub fn restore(&self, copy: &BackupRef) -> Result<Report, Error> {
        execute::restore(self.options, &self.path, copy, false)
    }

    /// Restores a backup, and takes over the rows that were written since, where keys and schema
    /// allow it: rows that the backup does not have. Rows that it has with other values are as in
    /// the backup. [`Restored::newer`](crate::report::Restored::newer) says what was taken over and what was not.
    ///
    /// # Errors
    /// As [`Database::restore`], and [`ErrorKind::Usage`](crate::ErrorKind::Usage) for a snapshot with files.
    pub fn restore_keeping_newer(&self, copy: &BackupRef) -> Result<Report, Error> {
        execute::restore(self.options, &self.path, copy, true)
    }

    /// What [`Database::restore`] would do. Writes nothing.
    ///
    /// # Errors
    /// What `restore` would refuse.
    pub fn plan_restore(&self, copy: &BackupRef) -> Result<RestorePlan, Error> {
        execute::plan(self.options, &self.path, copy)
    }

    /// What this app can offer when [`Error::is_from_newer_app`] is the answer: take the
    /// newer migrations back, restore the backup from before them, or open anyway. Writes
    /// nothing.
    ///
    /// # Errors
    /// [`ErrorKind::Usage`](crate::ErrorKind::Usage) when the database is not newer.
    pub fn downgrade_options(&self) -> Result<DowngradeOptions, Error> {
        downgrade::downgrade_options(self.options, &self.path)
    }

    /// Takes back every migration this app does not know, with the down migrations that were
    /// stored in the database when they were applied, and with the protection of a run.
    ///
    /// # Errors
    /// As [`Database::revert`].
    pub fn revert_to_known(&self) -> Result<Report, Error> {
        downgrade::revert_to_known(self.options, &self.path)
    }

    /// Opens a newer database all the same, where every migration this app does not know
    /// declared itself harmless to it (`-- heirloom: compatible-with VERSION`).
    ///
    /// # Errors
    /// [`ErrorKind::DatabaseNewer`](crate::ErrorKind::DatabaseNewer) where one did not.
    pub fn open_anyway(&self) -> Result<OpenedDatabase, Error> {
        let (connection, report) = downgrade::open_anyway(self.options, &self.path)?;
        Ok(OpenedDatabase { connection, report })
    }

    /// Reads what is left of a damaged database page by page, without SQLite, and writes it into a new
    /// file: for a database of which there is no backup, or none that is new enough. The database is
    /// not changed, and no connection of this process may be open on it.
    ///
    /// Rows that were deleted are left out where the file's list of free pages can be read. Rows of
    /// which the table is not known any more go into a table `lost_and_found`, with the page and the
    /// number of their values. The new file is put in the place of the database with
    /// [`Database::restore`], which keeps what is there.
    ///
    /// # Errors
    /// [`ErrorKind::NotFound`](crate::ErrorKind::NotFound) where there is no database,
    /// [`ErrorKind::Usage`](crate::ErrorKind::Usage) where the new file exists already,
    /// [`ErrorKind::Locked`](crate::ErrorKind::Locked), [`ErrorKind::DiskFull`](crate::ErrorKind::DiskFull).
    pub fn recover(&self, into: impl AsRef<Path>) -> Result<Recovery, Error> {
        recover::save::recover(self.options, &self.path, into.as_ref())
    }

    /// Rebuilds every index, after a backup: where [`Database::doctor`](crate::Database::doctor)
    /// finds that an index is not as its table, no row is lost.
    ///
    /// # Errors
    /// [`ErrorKind::BackupInvalid`](crate::ErrorKind::BackupInvalid) where more than an index is
    /// damaged; nothing is changed then.
    pub fn reindex(&self) -> Result<Report, Error> {
        reindex::reindex(self.options, &self.path)
    }
}
