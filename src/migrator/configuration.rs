//! The door: what an app says once, and the verbs.

use std::path::{Path, PathBuf};
use std::sync::atomic::AtomicBool;
use std::sync::{Arc, Mutex};
use std::time::Duration;

use rusqlite::Connection;

use crate::migration::files::source::Source;
use crate::migration::history::other_tools::Tool;
use crate::migrator::database::{Database, OpenedDatabase};
use crate::options::component::Component;
use crate::options::hooks::{HookContext, HookError, When};
use crate::options::rust_migration::RustMigration;
use crate::options::settings::{Migrating, Options};
use crate::report::error::{Error, ErrorKind};
use crate::report::event::Event;
use crate::report::outcome::Report;
use crate::run::migrate;
use crate::run::template::Template;

#[cfg(feature = "devtools")]
use crate::migrator::devtools::Devtools;

/// Longer than anybody waits, and short enough to be added to any instant.
const LONGEST_WAIT: Duration = Duration::from_secs(365 * 24 * 3600);

/// Brings a database to the newest version of its schema, and loses nothing on the way.
///
/// ```
/// use heirloom::Migrator;
/// # let folder = tempfile::tempdir().unwrap();
/// # std::fs::write(folder.path().join("V1__notes.sql"), "CREATE TABLE notes (id INTEGER PRIMARY KEY, text TEXT);").unwrap();
/// # let (migrations, data) = (folder.path(), folder.path());
/// let opened = Migrator::new(migrations)
///     .keep_last(5)
///     .on_event(|event| println!("{event:?}"))
///     .open(data.join("notes.db"))?;
/// println!("{}", opened.report);
/// opened.connection.execute("INSERT INTO notes (text) VALUES ('hello')", []).unwrap();
/// # Ok::<(), heirloom::Error>(())
/// ```
///
/// # Calls
/// - The start-up call: [`open`](Migrator::open), or [`migrate`](Migrator::migrate) for an app that
///   opens the database through another library.
/// - One database file, for a settings page or an emergency: [`database`](Migrator::database).
/// - The migrations themselves, with the feature `devtools`: `devtools`.
/// - A migrated database in memory, for tests: [`template`](Migrator::template),
///   [`template_with`](Migrator::template_with).
///
/// # Configuration
/// - Backups: [`keep_last`](Migrator::keep_last), [`backups`](Migrator::backups).
/// - What is migrated: [`new`](Migrator::new), [`component`](Migrator::component),
///   [`only`](Migrator::only), [`rust_migration`](Migrator::rust_migration),
///   [`adopt_from`](Migrator::adopt_from), [`history_table`](Migrator::history_table),
///   [`schema_file`](Migrator::schema_file), [`without_migrating`](Migrator::without_migrating).
/// - What may be lost: [`allow_destructive`](Migrator::allow_destructive).
/// - Around a run: [`connection_setup`](Migrator::connection_setup),
///   [`before_run`](Migrator::before_run), [`before_each`](Migrator::before_each),
///   [`after_each`](Migrator::after_each), [`after_run`](Migrator::after_run),
///   [`app_version`](Migrator::app_version).
/// - Progress, waiting and cancelling: [`on_event`](Migrator::on_event),
///   [`lock_timeout`](Migrator::lock_timeout), [`cancel_with`](Migrator::cancel_with).
#[derive(Debug)]
pub struct Migrator<'a> {
    options: Options<'a>,
}

impl<'a> Migrator<'a> {
    /// A migrator over an embedded folder (`include_dir!`), a folder on disk, or
    /// refinery's own migrations. Nothing is read before a verb is called.
    pub fn new(source: impl Into<Source>) -> Migrator<'a> {
        Migrator {
            options: Options::new(source.into()),
        }
    }

    /// How many automatic backups to keep (default 5). At least one stays, and
    /// so does the newest backup from before a version that is still pending.
    pub fn keep_last(mut self, backups: usize) -> Self {
        self.options.keep = backups;
        self
    }

    /// Where automatic backups go. `backups` beside the database unless said otherwise.
    pub fn backups(mut self, folder: impl Into<PathBuf>) -> Self {
        // The working folder may be another when the backup is taken.
        let folder = folder.into();
        self.options.backups = Some(std::path::absolute(&folder).unwrap_or(folder));
        self
    }

    /// The history table, `refinery_schema_history` unless said otherwise.
    pub fn history_table(mut self, name: impl Into<String>) -> Self {
        self.options.history_table = name.into();
        self
    }

    /// The file that holds the schema as it should be, where it lies inside the migrations
    /// folder under another name than `schema.sql`. It is not a migration.
    pub fn schema_file(mut self, file: impl Into<PathBuf>) -> Self {
        self.options.schema_file = Some(file.into());
        self
    }

    /// How long to wait for another process, 30 seconds unless said otherwise.
    pub fn lock_timeout(mut self, timeout: Duration) -> Self {
        self.options.lock_timeout = timeout.min(LONGEST_WAIT);
        self
    }

    /// The app's version, kept with every migration it applies.
    pub fn app_version(mut self, version: impl Into<String>) -> Self {
        self.options.app_version = Some(version.into());
        self
    }

    /// Consents to whatever the pending migrations destroy. An app should let each file
    /// permission itself, with `-- heirloom: allow-destructive`.
    pub fn allow_destructive(mut self) -> Self {
        self.options.allow_destructive = true;
        self
    }

    /// Leaves a table out when the schema is compared with what the migrations give, as
    /// [`Database::baseline`](crate::Database::baseline) and
    /// [`Database::adopt`](crate::Database::adopt) do: one that is not the app's. Those of the
    /// known migration tools are left out anyway.
    pub fn leave_out(mut self, table: impl Into<String>) -> Self {
        self.options.left_out.push(table.into());
        self
    }

    /// Keeps what an interrupted run without a transaction left, where the backup that would be put
    /// back is gone or altered; otherwise that is refused, at every start. What is there is backed
    /// up first. For a person who has looked at it, with [`Database::doctor`](crate::Database::doctor) for example.
    pub fn keep_interrupted(mut self) -> Self {
        self.options.keep_interrupted = true;
        self
    }

    /// Sets up every connection on which migrations are compiled or run: functions,
    /// collations, `PRAGMA`s. It is called on the database, on databases in memory, and
    /// for [`Database::status`] on a read-only connection, so it must not write. It must not
    /// leave a transaction open.
    pub fn connection_setup(
        mut self,
        setup: impl Fn(&Connection) -> rusqlite::Result<()> + Send + 'a,
    ) -> Self {
        self.options.setup = Some(Box::new(setup));
        self
    }

    /// Tells what happens, for a splash screen. [`Event::Filling`] comes from another thread
    /// than the rest, while this one waits.
    pub fn on_event(mut self, listener: impl FnMut(&Event<'_>) + Send + 'a) -> Self {
        self.options.listener = Some(Mutex::new(Box::new(listener)));
        self
    }

    /// Called once before the first migration, in the transaction, after the backup, which may
    /// still be verified. An error refuses the run.
    pub fn before_run(
        self,
        hook: impl Fn(&HookContext<'_>) -> Result<(), HookError> + Send + 'a,
    ) -> Self {
        self.hook(When::BeforeRun, hook)
    }

    /// Called before each migration. An error refuses the run.
    pub fn before_each(
        self,
        hook: impl Fn(&HookContext<'_>) -> Result<(), HookError> + Send + 'a,
    ) -> Self {
        self.hook(When::BeforeEach, hook)
    }

    /// Called after each migration, which is not committed yet. An error refuses the run.
    pub fn after_each(
        self,
        hook: impl Fn(&HookContext<'_>) -> Result<(), HookError> + Send + 'a,
    ) -> Self {
        self.hook(When::AfterEach, hook)
    }

    /// Called once after the last migration, before the commit. An error refuses the run.
    pub fn after_run(
        self,
        hook: impl Fn(&HookContext<'_>) -> Result<(), HookError> + Send + 'a,
    ) -> Self {
        self.hook(When::AfterRun, hook)
    }

    /// Brings the migrations of a component along: each run applies those of all components, in
    /// the order in which they were given, and then the app's own, after one backup and in one
    /// transaction. Every other verb speaks of the app's own history, unless
    /// [`Migrator::only`] turns it to a component.
    pub fn component(mut self, component: Component) -> Self {
        self.options.components.push(component);
        self
    }

    /// Speaks of one component alone, given before by [`Migrator::component`]: of its
    /// migrations and its history.
    ///
    /// # Errors
    /// [`ErrorKind::Usage`] where there is no such component.
    pub fn only(mut self, component: &str) -> Result<Self, Error> {
        match self.options.turn_to(component) {
            true => Ok(self),
            false => Err(Error::usage(
                format!("there is no component `{component}`"),
                "give the name of one that was given to the migrator",
            )),
        }
    }

    /// Takes over, at the first start, the history that another tool kept in the database, or
    /// whichever tool's is there where none is named. In the backup, the transaction and the proof
    /// of the run: the history gets a row of each migration that the other tool applied, once the
    /// schema is proved to be what those give, and what is pending is run after them. The other
    /// tool's table stays as it is. A database with a history of heirloom's, and a new one, are
    /// has no history to import.
    ///
    /// Each migration must have the version that it had there; of tools that only count,
    /// that many of the first are taken.
    pub fn adopt_from(mut self, tool: impl Into<Option<Tool>>) -> Self {
        self.options.adopt = Some(tool.into());
        self
    }

    /// Adds a migration that is written in Rust.
    pub fn rust_migration(mut self, migration: RustMigration<'a>) -> Self {
        self.options.in_rust.push(migration);
        self
    }

    fn hook(
        mut self,
        when: When,
        hook: impl Fn(&HookContext<'_>) -> Result<(), HookError> + Send + 'a,
    ) -> Self {
        self.options.hooks.push((when, Box::new(hook)));
        self
    }

    /// Ends the work as soon as the flag is set, up to the last commit: everything is rolled
    /// back, and the error answers `is_interrupted()`.
    pub fn cancel_with(mut self, flag: Arc<AtomicBool>) -> Self {
        self.options.cancel = Some(flag);
        self
    }

    /// Switches migrating off, for a start-up or a test that wants a database as it is:
    /// [`Migrator::open`], [`Migrator::migrate`] and [`Database::migrate_to`] then open a
    /// database that is there, with the connection set-up, and look at nothing in it. One that
    /// is not there is [`ErrorKind::NotFound`], and nothing is made. The report says so
    /// ([`Report::switched_off`]). An interrupted run is not put back either.
    pub fn without_migrating(mut self) -> Self {
        self.options.migrating = Migrating::Off;
        self
    }

    /// A migrated database in memory, for an app's tests: made once, as a run makes a new
    /// database, and copied for each test. See [`Template`].
    ///
    /// # Errors
    /// As [`Migrator::open`].
    pub fn template(self) -> Result<Template<'a>, Error> {
        self.template_with(|_| Ok(()))
    }

    /// The same, with rows that every copy begins with.
    ///
    /// ```
    /// # let folder = tempfile::tempdir().unwrap();
    /// # std::fs::write(folder.path().join("V1__notes.sql"), "CREATE TABLE notes (id INTEGER PRIMARY KEY, text TEXT);").unwrap();
    /// # let migrations = folder.path();
    /// let template = heirloom::Migrator::new(migrations).template_with(|connection| {
    ///     connection.execute("INSERT INTO notes (text) VALUES ('hello')", [])?;
    ///     Ok(())
    /// })?;
    /// let connection = template.open()?;
    /// let notes: i64 = connection.query_row("SELECT count(*) FROM notes", [], |row| row.get(0)).unwrap();
    /// assert_eq!(notes, 1);
    /// # Ok::<(), heirloom::Error>(())
    /// ```
    ///
    /// # Errors
    /// As [`Migrator::open`], and [`ErrorKind::MigrationFailed`] where the seed says no or
    /// leaves a transaction open.
    pub fn template_with(
        self,
        seed: impl FnOnce(&Connection) -> Result<(), HookError>,
    ) -> Result<Template<'a>, Error> {
        Template::new(self.options, seed)
    }

    /// What is about one database file: its status, a plan of what would be done, reverting,
    /// backups, looking.
    pub fn database(&self, path: impl Into<PathBuf>) -> Database<'_, 'a> {
        Database {
            options: &self.options,
            path: path.into(),
        }
    }

    /// What is about the migrations themselves, for developers: generate, check, squash.
    #[cfg(feature = "devtools")]
    pub fn devtools(&self) -> Devtools<'_, 'a> {
        Devtools {
            options: &self.options,
        }
    }

    /// Migrates a database and hands back a connection to it. A database that does not exist
    /// is made, with the folders above it.
    ///
    /// # Errors
    /// See [`ErrorKind`]. Unless [`Error::data_state`] says otherwise, the database is as
    /// it was.
    pub fn open(&self, database: impl AsRef<Path>) -> Result<OpenedDatabase, Error> {
        let (connection, report) = migrate::run(&self.options, database.as_ref(), None)?;
        Ok(OpenedDatabase { connection, report })
    }

    /// Migrates a database, for apps that open it through another library.
    ///
    /// # Errors
    /// As [`Migrator::open`].
    pub fn migrate(&self, database: impl AsRef<Path>) -> Result<Report, Error> {
        self.open(database).map(|opened| opened.report)
    }
}

/// The folder in which a desktop app keeps its data on this platform, as in
/// `data_folder("org", "Example", "Notes")`.
///
/// # Errors
/// [`ErrorKind::NotFound`] where the system names no home folder.
pub fn data_folder(qualifier: &str, organization: &str, app: &str) -> Result<PathBuf, Error> {
    directories::ProjectDirs::from(qualifier, organization, app)
        .map(|folders| folders.data_dir().to_owned())
        .ok_or_else(|| Error::new(ErrorKind::NotFound, "the system names no home folder"))
}
