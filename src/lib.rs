//! SQLite migrations for desktop apps.
//!
//! A desktop app's database lives on somebody's laptop: no administrator, no staging, no
//! second chance. heirloom brings it from one version of the app to the next. It copies
//! the database and proves the copy good, applies what is pending in one transaction,
//! proves the result, and takes everything back when anything fails.
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
//! And the sad side, which an app writes once:
//!
//! ```no_run
//! # let error = heirloom::Migrator::new("migrations").migrate("notes.db").unwrap_err();
//! if error.is_from_newer_app() {
//!     // "This database was used by a newer version. Please update."
//! } else if error.is_busy() {
//!     // "The app is open twice."
//! } else {
//!     // What, where, in what state the data is, and what to do, a line each.
//!     eprintln!("{error:#}");
//! }
//! ```
//!
//! An app on sqlx or diesel calls [`Migrator::migrate`], which returns a [`Report`] and
//! closes the database again.
//!
//! # What a run does
//!
//! 1. Reads the history. If it is complete, the run is over: nothing was written.
//! 2. Takes a lock file beside the database, puts back a run that was interrupted, and
//!    begins a transaction with SQLite's write lock. Everything is read again under it.
//! 3. Compiles every pending statement against a copy of the schema without rows, and works
//!    out what would be destroyed: tables, columns, rows, values under a narrower type.
//!    Without consent that is refused.
//! 4. Copies the database through a second connection, verifies, digests and syncs the copy.
//! 5. Applies the migrations and their history rows in that one transaction. Foreign keys
//!    are off, so a rebuilt table keeps its children.
//! 6. Proves the result: no new violation of a reference, no row gone from any table without
//!    consent, the schema as planned. Commits.
//! 7. On failure rolls back, and reads the database and the copy side by side to prove them
//!    equal; puts the copy back where they are not.
//!
//! A file that cannot run in a transaction (`-- heirloom: no-transaction`) runs under a
//! marker in the database that names the copy. Where the marker is found at the next start,
//! the copy is put back, and the state it replaces kept beside it. Between the commits of such
//! a run other programs can write to the database, and what they write is not in the copy:
//! use it for VACUUM and `journal_mode`, and nothing else.
//!
//! # Copies
//!
//! Automatic backups lie in `backups` beside the database, named by their time, with a hidden
//! record each. [`Database::snapshot`] takes one under a name, [`Database::backups`] lists
//! them, [`Database::restore`] puts one back: through SQLite into the live file, after keeping
//! the present state. When the database is newer than the app, [`Database::downgrade_options`] says
//! what to offer.
//!
//! [`Database::rehearse`] does all of it to a scratch copy and throws the copy away.
//!
//! A new database has nothing to lose: it is neither copied nor foreseen.
//!
//! # Looking
//!
//! [`Database::status`], [`Database::inspect`], [`Database::stats`], [`Database::log`] and
//! [`Database::doctor`] are for a settings or an about page. They return values, and write nothing.
//!
//! # Large tables
//!
//! What would keep a start-up waiting for too long is filled in batches instead, after the
//! migrations and while the app is in use: [`Backfill`].
//!
//! # In an app's tests
//!
//! [`Migrator::template`] makes a migrated database once and copies it in memory for each test;
//! [`Migrator::without_migrating`] opens a database as it is.
//!
//! # While an app is written
//!
//! [`Database::seed`] runs files of rows once for each text, [`Database::redo`] takes the newest
//! migration back and applies it again, [`Database::reset`] begins anew, [`Database::empty`] leaves
//! nothing; each after a copy, and old or new when it fails or is killed. [`init`] writes the
//! files that a project begins with.
//!
//! With the feature `generate`, `Database::push` makes a database as the schema file says, without
//! a migration. `Devtools::generate` compares what the migrations give with a
//! file of CREATE statements and writes the migrations that lead there, proved before they are
//! written; `Alteration` does the same to one table from Rust. `Devtools::squash` makes old migrations
//! into one. `Devtools::check` walks the whole history in memory, each
//! migration up, down and up again over rows made up to fit every constraint, and says what is
//! wrong with it before any user meets it. An app that only migrates needs none of this, and
//! compiles none of it.
//!
//! ```no_run
//! # #[cfg(feature = "devtools")]
//! # {
//! let checked = heirloom::Migrator::new("migrations").devtools().check().unwrap();
//! assert!(checked.is_clean(), "{checked}");
//! # }
//! ```
//!
//! # What it does not do
//!
//! It protects the database from migrations, not from a disk that lies about syncing, and
//! network file systems are as unreliable under it as under SQLite. It does not encrypt: a
//! copy of an SQLCipher database cannot be taken.

pub use include_dir;
pub use refinery_core;
pub use rusqlite;

// The layers, from the ground up: imports go downward only, and a test holds them to it.

// Values that callers get.
mod report;

// SQLite: its language, its catalogue, its files.
mod sqlite;

// Migrations as values, and the history of what was applied.
mod migration;

// What an app configures.
mod options;

// Verified copies: taken, recorded, put back.
mod backup;

// From one version to another.
mod run;

// What support opens in an emergency.
mod restore;

// Looking, which never writes.
mod inspect;

// For developers: an app that only migrates compiles none of it.
#[cfg(feature = "devtools")]
mod devtools;

// The public API.
mod migrator;

#[cfg(feature = "devtools")]
pub use devtools::alter::alter_table::ChangeKind;
#[cfg(feature = "devtools")]
pub use devtools::check::finding::{Checked, Finding, FindingKind};
#[cfg(feature = "devtools")]
pub use devtools::generate::alteration::{Alteration, AlterationPlan};
#[cfg(feature = "devtools")]
pub use devtools::generate::from_schema::{GenerateOptions, Generated, GeneratedFile, TableChange};
#[cfg(feature = "devtools")]
pub use devtools::generate::push::{OnHistory, Pushed};
#[cfg(feature = "devtools")]
pub use devtools::project::create::{Created, create};
#[cfg(feature = "devtools")]
pub use devtools::project::init::{Initialized, init};
#[cfg(feature = "devtools")]
pub use devtools::project::reset::{Emptied, Redone, Reset};
#[cfg(feature = "devtools")]
pub use devtools::project::seed::{SeedFile, Seeded};
#[cfg(feature = "devtools")]
pub use devtools::squash::merge::{SquashOptions, Squashed};
pub use inspect::description::{
    ColumnInfo, ForeignKeyInfo, Generation, IndexInfo, Inspected, ReferenceInfo, TableInfo,
    TriggerInfo, ViewInfo,
};
pub use inspect::problem::{Diagnosis, Problem, ProblemKind};
pub use inspect::sizes::{BackupStats, HistoryStats, IndexStats, SizeAt, Stats, TableStats};
pub use inspect::status::{MigrationStatus, Status};
pub use migration::compare::MigrationState;
pub use migration::files::layout::Layout;
pub use migration::files::source::{SCHEMA_FILE, Source};
pub use migration::history::log_entry::{Act, Log, LogEntry, Logged};
pub use migration::history::other_tools::Tool;
pub use migration::history::table::DEFAULT_TABLE as DEFAULT_HISTORY_TABLE;
pub use migrator::configuration::{Migrator, data_folder};
pub use migrator::database::{Database, OpenedDatabase};
#[cfg(feature = "devtools")]
pub use migrator::devtools::Devtools;
pub use options::component::Component;
pub use options::rust_migration::RustMigration;
pub use options::settings::{DEFAULT_KEEP, DEFAULT_LOCK_TIMEOUT, HookContext, HookError};
pub use report::error::{DataState, Difference, Error, ErrorKind, Location, RenameQuestion};
pub use report::estimate::{Estimate, RebuildEstimate};
pub use report::event::Event;
pub use report::outcome::{Done, Recovered, Report, TableRows};
pub use report::plan::{Direction, Loss, Lost, Plan, Step};
pub use restore::downgrade::{DowngradeOptions, RestoreOffer};
pub use restore::execute::{
    BackupInfo, BackupOrigin, BackupRef, DatabaseSummary, RestorePlan, Restored, Verify,
};
pub use run::backfill::{Backfill, BackfillPlan, Backfilled, DEFAULT_BATCH};
pub use run::rehearse::Rehearsed;
pub use run::revert::RevertTo;
pub use run::template::Template;
pub use sqlite::sql::script::Position;
pub use sqlite::sql::statement::is_complete;
