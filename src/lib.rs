//! SQLite migrations for desktop apps.
//!
//! A desktop app's database is on somebody's laptop: no administrator, no staging, no second
//! chance. heirloom migrates it from one version of the app to the next. It takes a verified
//! backup, applies what is pending in one transaction, checks the result, and rolls everything
//! back if anything fails.
//!
//! | read on | |
//! |---|---|
//! | [`Migrator`] | configuration, and the start-up call |
//! | [`Database`] | what is about one database file: status, plans, revert, backups, restore, inspect |
//! | `Devtools` (feature `devtools`) | what is about the migrations themselves: generate, check, squash |
//! | [`Error`] | what failed, where, in what state the data is, what to do |
//! | `guide` | a page for each topic, also for the command; it is in the documentation only |
//!
//! # The start-up call
//!
//! ```no_run
//! use heirloom::Migrator;
//! use heirloom::include_dir::{self, Dir, include_dir};
//!
//! // Needs one line in the app's build.rs, so that Cargo notices new files:
//! // println!("cargo::rerun-if-changed=migrations");
//! static MIGRATIONS: Dir = include_dir!("$CARGO_MANIFEST_DIR/migrations");
//!
//! # fn main() -> Result<(), heirloom::Error> {
//! let database = heirloom::data_folder("org", "Example", "Notes")?.join("notes.db");
//! let opened = Migrator::new(&MIGRATIONS)
//!     .app_version(env!("CARGO_PKG_VERSION"))
//!     .on_event(|event| println!("{event:?}"))
//!     .open(database)?;
//! log::info!("{}", opened.report);
//! let connection = opened.connection;
//! # Ok(())
//! # }
//! ```
//!
//! Error handling, written once:
//!
//! ```no_run
//! # let error = heirloom::Migrator::new("migrations").migrate("notes.db").unwrap_err();
//! if error.is_from_newer_app() {
//!     // "This database was used by a newer version. Please update."
//! } else if error.is_busy() {
//!     // "The app is open twice."
//! } else {
//!     // What failed, where, in what state the data is, and what to do: a line each.
//!     eprintln!("{error:#}");
//! }
//! ```
//!
//! An app on sqlx or diesel calls [`Migrator::migrate`], which returns a [`Report`] and closes
//! the database again.
//!
//! # What a run does
//!
//! 1. Reads the history. If nothing is pending, the run is over: nothing was written.
//! 2. Takes a lock file beside the database, restores the backup of a run that was interrupted, and
//!    begins a transaction with SQLite's write lock. Everything is read again under it.
//! 3. Compiles every pending statement against a copy of the schema without rows, and finds out
//!    what would be destroyed: tables, columns, rows, values under a narrower type. What is not
//!    allowed is refused.
//! 4. Backs the database up through a second connection. The backup is verified and synced while
//!    the next step runs.
//! 5. Applies the migrations and their history rows in that one transaction. Foreign keys are
//!    off, so a rebuilt table keeps its children.
//! 6. Checks the result: no new broken reference, no row lost from any table unless allowed, the
//!    schema as planned. Waits until the backup is verified. Commits.
//! 7. On failure rolls back, compares the database with the backup, and restores the backup if
//!    they differ.
//!
//! A file that cannot run in a transaction (`-- heirloom: no-transaction`) runs under a marker in
//! the database that names the backup. If the marker is found at the next start, the backup is
//! restored, and the state that it replaces is kept beside it. Between the commits of such a run
//! other programs can write to the database, and what they write is not in the backup: use it for
//! VACUUM and `journal_mode`, and nothing else.
//!
//! A new database has nothing to lose: it is neither backed up nor dry-run.
//!
//! # Features
//!
//! | feature | brings |
//! |---|---|
//! | `bundled` (default) | SQLite, compiled in. Without it the system's SQLite is linked |
//! | `refinery` (default) | refinery's own values as [`Source`], `refinery_core`. Names, checksums and history are refinery's with and without it |
//! | `serde` | `Serialize` for what the API returns: keys in snake_case, durations as `…_ms`, times in RFC 3339; `Deserialize` for [`BackupRef`], [`StateRef`](inspect::StateRef), [`RevertTo`] and [`Verify`] |
//! | `devtools` | `Devtools`, `Alteration`, and the methods of [`Database`] for developers (`seed`, `push`, `redo`, `reset`). An app that only migrates needs none of it |
//! | `cli` | the `heirloom` command. Nothing of it compiles into an app |
//!
//! # What it does not do
//!
//! It protects the database from migrations, not from a disk that confirms a sync without doing
//! it, and network file systems are as unreliable under it as under SQLite. It does not encrypt,
//! and an SQLCipher database cannot be backed up.

#![cfg_attr(docsrs, feature(doc_cfg))]

pub use include_dir;
#[cfg(feature = "refinery")]
pub use refinery_core;
pub use rusqlite;

// The guide: pages of the documentation, and no code.
#[cfg(any(doc, doctest))]
pub mod guide;

// The layers, from the ground up: imports go downward only, and a test holds them to it.

// Values that callers get.
pub mod report;

// SQLite: its language, its catalogue, its files.
mod sqlite;

// Two states of a table, compared by identity.
mod rows;

// Migrations as values, and the history of what was applied.
mod migration;

// What an app configures.
mod options;

// Verified backups: taken, recorded, put back.
mod backup;

// From one version to another.
mod run;

// What support opens in an emergency.
mod restore;

// Looking, which never writes.
pub mod inspect;

// For developers: an app that only migrates compiles none of it.
#[cfg(feature = "devtools")]
pub mod devtools;

// The public API.
mod migrator;

/// For the command alone, which shows paths and looks up names as the library does, and has SQLite for
/// itself.
#[doc(hidden)]
pub mod for_the_command {
    pub use crate::inspect::relations::{
        Relation, RelationKind, refuse_too_nested, relation, relations,
    };
    pub use crate::sqlite::binding::count_no_memory;
    pub use crate::sqlite::disk::path::{canonicalize, uri};
    #[cfg(feature = "devtools")]
    pub use crate::sqlite::sql::highlight::{Piece, pieces};
    pub use crate::sqlite::sql::name::quote;
    pub use crate::sqlite::sql::statement::is_complete;
}

#[cfg(fuzzing)]
#[doc(hidden)]
pub use devtools::fuzzing;

// What nearly every app names. Everything else is in a module of its subject.
pub use inspect::status::Status;
pub use migration::compare::MigrationState;
pub use migration::files::layout::Layout;
pub use migration::files::source::Source;
pub use migration::history::other_tools::Tool;
pub use migrator::configuration::{Migrator, data_folder};
pub use migrator::database::{Database, OpenedDatabase};
#[cfg(feature = "devtools")]
pub use migrator::devtools::Devtools;
pub use options::component::Component;
pub use options::hooks::{HookContext, HookError};
pub use options::rust_migration::RustMigration;
pub use report::act::Act;
pub use report::error::{DataState, Error, ErrorKind};
pub use report::event::Event;
pub use report::outcome::Report;
pub use report::plan::Plan;
pub use report::remedy::Remedy;
pub use restore::downgrade::DowngradeOptions;
pub use restore::find::BackupRef;
pub use restore::list::{BackupInfo, Verify};
pub use run::backfill::Backfill;
pub use run::revert::RevertTo;
pub use run::template::Template;

/// What an [`Error`] is made of: where it happened, what differs, what must be answered.
///
/// An app needs [`Error`] and its questions; these types are for one that shows more than the
/// text of an error, such as an editor that marks the line.
pub mod error {
    pub use crate::report::error::{Difference, RenameQuestion};
    pub use crate::report::location::{Location, Position};
    #[doc(no_inline)]
    pub use crate::{DataState, Error, ErrorKind, Remedy};
}

/// What would be done, as values: the answer of every method called `plan_…`, and of
/// [`Database::plan`]. A plan is made without writing anything.
pub mod plan {
    #[doc(no_inline)]
    pub use crate::Plan;
    pub use crate::report::estimate::{Estimate, RebuildEstimate};
    pub use crate::report::loss::{Direction, Loss, Lost};
    pub use crate::report::plan::Step;
    pub use crate::restore::execute::RestorePlan;
    pub use crate::run::batches::BackfillPlan;
}

/// Backups and snapshots: how they are listed ([`Database::backups`]), and what a restore and a
/// downgrade are made of.
pub mod backups {
    pub use crate::restore::downgrade::RestoreOffer;
    pub use crate::restore::find::DatabaseSummary;
    pub use crate::restore::list::BackupOrigin;
    pub use crate::restore::newer::RowsSince;
    pub use crate::restore::recover::recovery::{RecoveredTable, Recovery};
    #[doc(no_inline)]
    pub use crate::{BackupInfo, BackupRef, DowngradeOptions, Verify};
}

/// What applies where an app says nothing else.
pub mod defaults {
    pub use crate::migration::files::source::SCHEMA_FILE;
    pub use crate::migration::history::table::DEFAULT_TABLE as DEFAULT_HISTORY_TABLE;
    pub use crate::options::settings::{DEFAULT_KEEP, DEFAULT_LOCK_TIMEOUT};
    pub use crate::run::backfill::DEFAULT_BATCH;
}
