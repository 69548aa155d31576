//! What can be done about something, as a value.

use std::path::PathBuf;

/// What can be done about a failure, a problem or a finding, as a value: an app offers it as a
/// button, the command line prints it as a command.
///
/// An [`Error`](crate::Error) says the same in a sentence, [`Error::help`](crate::Error::help),
/// which names no command. Not everything that helps is a method or a command: correcting a file
/// is in the sentence alone.
#[derive(Debug, Clone, PartialEq, Eq)]
#[cfg_attr(feature = "serde", derive(serde::Serialize))]
#[cfg_attr(feature = "serde", serde(tag = "remedy", rename_all = "kebab-case"))]
#[non_exhaustive]
pub enum Remedy {
    /// Use the version of the app that migrated the database, or a newer one.
    Update,
    /// Close the other program that uses the database, and call again.
    Retry,
    /// Migrate: [`Migrator::migrate`](crate::Migrator::migrate), as the next start of the app
    /// does.
    Migrate,
    /// Keep what an interrupted run left, where its backup is gone:
    /// [`Migrator::keep_interrupted`](crate::Migrator::keep_interrupted).
    KeepInterrupted,
    /// Restore a backup: [`Database::restore`](crate::Database::restore).
    Restore {
        /// The backup; none for the newest, or for one that the user chooses.
        #[cfg_attr(
            feature = "serde",
            serde(serialize_with = "crate::report::serial::some_path")
        )]
        backup: Option<PathBuf>,
    },
    /// Restore a snapshot: [`Database::restore`](crate::Database::restore).
    RestoreSnapshot {
        /// Its name.
        name: String,
    },
    /// Look at the backups and snapshots: [`Database::backups`](crate::Database::backups).
    ListBackups {
        /// Whether each is to be verified.
        verify: bool,
    },
    /// Look at the migrations and their states: [`Database::status`](crate::Database::status).
    ShowStatus,
    /// Look at the tables: [`Database::inspect`](crate::Database::inspect).
    ShowSchema,
    /// Revert migrations: [`Database::revert`](crate::Database::revert).
    Revert {
        /// The version to go back to; none for one migration.
        to: Option<i64>,
    },
    /// Import the history that another tool kept: [`Database::adopt`](crate::Database::adopt), or
    /// [`Migrator::adopt_from`](crate::Migrator::adopt_from) at the start of the app.
    Adopt {
        /// The tool.
        tool: String,
    },
    /// Record the version of a database without a history:
    /// [`Database::baseline`](crate::Database::baseline).
    Baseline,
    /// Run a backfill: [`Database::backfill`](crate::Database::backfill).
    Backfill {
        /// Whether once more from the first row: [`Backfill::again`](crate::Backfill::again).
        again: bool,
    },
    /// Allow what is destroyed: with `-- heirloom: allow-destructive` at the top of the file, or
    /// [`Migrator::allow_destructive`](crate::Migrator::allow_destructive).
    AllowDestructive {
        /// The migration file, where there is one already.
        file: Option<String>,
    },
    /// Read the database with this SQL.
    Query {
        /// One SELECT.
        sql: String,
    },
    /// Save what can still be read into a new file:
    /// [`Database::recover`](crate::Database::recover).
    Recover,
    /// Rebuild the indexes with SQLite's `REINDEX`.
    Reindex,
    /// Write an empty migration (feature `devtools`: `create`).
    Create,
    /// Write migrations from the schema file (feature `devtools`: `Devtools::generate`).
    Generate,
    /// Say that something was renamed (feature `devtools`: `GenerateOptions::rename`).
    Rename {
        /// `table.old=new` or `old_table=new_table`.
        rename: String,
    },
    /// Say that something is gone and was not renamed (feature `devtools`:
    /// `GenerateOptions::drop`).
    Drop {
        /// `table.column` or `table`.
        gone: String,
    },
    /// Squash (feature `devtools`: `Devtools::squash`).
    Squash,
    /// Squash up to an earlier version (feature `devtools`: `SquashOptions::to`).
    SquashTo,
    /// Choose another name (feature `devtools`: `SquashOptions::name`).
    ChooseName,
    /// Drop everything and migrate again (feature `devtools`: `Database::reset`).
    Reset,
    /// Push although the history will no longer match (feature `devtools`:
    /// `OnHistory::MakeUntrue`).
    PushAnyway,
}
