//! The door: what an app says once, and the verbs.

use std::path::{Path, PathBuf};
use std::sync::atomic::AtomicBool;
use std::sync::{Arc, Mutex};
use std::time::Duration;

use rusqlite::Connection;

#[cfg(feature = "devtools")]
use crate::devtools::check::finding::Checked;
#[cfg(feature = "devtools")]
use crate::devtools::check::walk;
#[cfg(feature = "devtools")]
use crate::devtools::generate::from_schema;
#[cfg(feature = "devtools")]
use crate::devtools::generate::from_schema::{GenerateOptions, Generated};
#[cfg(feature = "devtools")]
use crate::devtools::generate::push;
#[cfg(feature = "devtools")]
use crate::devtools::generate::push::{OnHistory, Pushed};
use crate::devtools::project::reset;
use crate::devtools::project::reset::{Emptied, Redone, Reset};
use crate::devtools::project::seed;
use crate::devtools::project::seed::Seeded;
#[cfg(feature = "devtools")]
use crate::devtools::squash::merge;
#[cfg(feature = "devtools")]
use crate::devtools::squash::merge::{SquashOptions, Squashed};
use crate::inspect::description::Inspected;
use crate::inspect::problem::Diagnosis;
use crate::inspect::sizes::Stats;
use crate::inspect::status::Status;
use crate::inspect::{describe, doctor, log, stats, status};
use crate::migration::files::source::Source;
use crate::migration::history::log_entry::Log;
use crate::migration::history::other_tools::Tool;
use crate::options::component::Component;
use crate::options::rust_migration::RustMigration;
use crate::options::settings::{HookError, Migrating, Moment, Options, When};
use crate::report::error::{Error, ErrorKind};
use crate::report::event::Event;
use crate::report::outcome::Report;
use crate::report::plan::Plan;
use crate::restore::downgrade;
use crate::restore::downgrade::WaysBack;
use crate::restore::execute;
use crate::restore::execute::{CopyInfo, CopyRef, RestorePlan, Restored, Verify};
use crate::run::adopt::{baseline, import};
use crate::run::backfill;
use crate::run::backfill::{Backfill, BackfillPlan, Backfilled};
use crate::run::rehearse::Rehearsed;
use crate::run::revert::RevertTo;
use crate::run::template::Template;
use crate::run::{migrate, rehearse, revert};

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
#[derive(Debug)]
pub struct Migrator<'a> {
    options: Options<'a>,
}

/// A migrated database, open.
#[derive(Debug)]
#[non_exhaustive]
pub struct Opened {
    /// The connection. Its settings are those of the app's set-up; foreign keys are as
    /// SQLite was built, which is on where it is bundled.
    pub connection: Connection,
    /// What was done.
    pub report: Report,
}

impl<'a> Migrator<'a> {
    /// A migrator over an embedded folder (`include_dir!`), a folder on disk, or
    /// refinery's own migrations. Nothing is read before a verb is called.
    pub fn new(source: impl Into<Source>) -> Migrator<'a> {
        Migrator {
            options: Options::new(source.into()),
        }
    }

    /// Keeps so many automatic backups, 5 unless said otherwise. At least one stays, and
    /// so does the newest copy from before a version that is still pending.
    pub fn keep_last(mut self, backups: usize) -> Self {
        self.options.keep = backups;
        self
    }

    /// Where automatic backups go. `backups` beside the database unless said otherwise.
    pub fn backups(mut self, folder: impl Into<PathBuf>) -> Self {
        self.options.backups = Some(folder.into());
        self
    }

    /// The history table, `refinery_schema_history` unless said otherwise.
    pub fn history_table(mut self, name: impl Into<String>) -> Self {
        self.options.history_table = name.into();
        self
    }

    /// The file that holds the schema as it should be, where it lies inside the migrations
    /// folder under another name than `schema.sql`. It is no migration.
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
    /// consent for itself, with `-- heirloom: allow-destructive`.
    pub fn allow_destructive(mut self) -> Self {
        self.options.allow_destructive = true;
        self
    }

    /// Sets up every connection on which migrations are compiled or run: functions,
    /// collations, `PRAGMA`s. It is called on the database, on databases in memory, and
    /// for [`Migrator::status`] on a read-only connection, so it must not write. It must not
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

    /// Called once before the first migration, in the transaction, after the copy. An
    /// error refuses the run.
    pub fn before_run(
        self,
        hook: impl Fn(&Moment<'_>) -> Result<(), HookError> + Send + 'a,
    ) -> Self {
        self.hook(When::BeforeRun, hook)
    }

    /// Called before each migration. An error refuses the run.
    pub fn before_each(
        self,
        hook: impl Fn(&Moment<'_>) -> Result<(), HookError> + Send + 'a,
    ) -> Self {
        self.hook(When::BeforeEach, hook)
    }

    /// Called after each migration, which is not committed yet. An error refuses the run.
    pub fn after_each(
        self,
        hook: impl Fn(&Moment<'_>) -> Result<(), HookError> + Send + 'a,
    ) -> Self {
        self.hook(When::AfterEach, hook)
    }

    /// Called once after the last migration, before the commit. An error refuses the run.
    pub fn after_run(
        self,
        hook: impl Fn(&Moment<'_>) -> Result<(), HookError> + Send + 'a,
    ) -> Self {
        self.hook(When::AfterRun, hook)
    }

    /// Brings the migrations of a component along: each run applies those of all components, in
    /// the order in which they were given, and then the app's own, after one copy and in one
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
            false => Err(Error::new(
                ErrorKind::Usage,
                format!("there is no component `{component}`"),
            )
            .with_help("give the name of one that was given to the migrator")),
        }
    }

    /// Takes over, at the first start, the history that another tool kept in the database, or
    /// whichever tool's is there where none is named. In the copy, the transaction and the proof
    /// of the run: the history gets a row of each migration that the other tool applied, once the
    /// schema is proved to be what those give, and what is pending is run after them. The other
    /// tool's table stays as it is. A database with a history of heirloom's, and a new one, are
    /// nobody's to take over.
    ///
    /// Each migration must have the version that it had there; of tools that only count,
    /// the first so many are taken.
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
        hook: impl Fn(&Moment<'_>) -> Result<(), HookError> + Send + 'a,
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
    /// [`Migrator::open`], [`Migrator::migrate`] and [`Migrator::migrate_to`] then open a
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

    /// Migrates a database and hands back a connection to it. A database that is not there
    /// is made, with the folders above it.
    ///
    /// # Errors
    /// See [`ErrorKind`]. Unless [`Error::data_state`] says otherwise, the database is as
    /// it was.
    pub fn open(&self, database: impl AsRef<Path>) -> Result<Opened, Error> {
        let (connection, report) = migrate::run(&self.options, database.as_ref(), None)?;
        Ok(Opened { connection, report })
    }

    /// Migrates a database, for apps that open it through another library.
    ///
    /// # Errors
    /// As [`Migrator::open`].
    pub fn migrate(&self, database: impl AsRef<Path>) -> Result<Report, Error> {
        self.open(database).map(|opened| opened.report)
    }

    /// Migrates a database up to a version and no further.
    ///
    /// # Errors
    /// As [`Migrator::open`], and [`ErrorKind::NotFound`] for a version that is not there.
    pub fn migrate_to(&self, database: impl AsRef<Path>, version: i64) -> Result<Report, Error> {
        migrate::run(&self.options, database.as_ref(), Some(version)).map(|(_, report)| report)
    }

    /// What [`Migrator::migrate`] would do, up to a version where one is given. Writes
    /// nothing and creates no file.
    ///
    /// # Errors
    /// What `migrate` would refuse, but for [`ErrorKind::Destructive`], which is in
    /// [`Plan::refused`].
    pub fn plan(&self, database: impl AsRef<Path>, to: Option<i64>) -> Result<Plan, Error> {
        migrate::plan(&self.options, database.as_ref(), to)
    }

    /// Does to a scratch copy of a database what [`Migrator::migrate`] would do, up to a version
    /// where one is given, and throws the copy away. Set-up and hooks are called as in a run, on
    /// the copy. Of the database itself no byte changes, and no file comes or goes beside it.
    ///
    /// The copy is made in the system's folder for temporary files.
    ///
    /// # Errors
    /// Where there can be no rehearsal: [`ErrorKind::DiskFull`], [`ErrorKind::Locked`],
    /// [`ErrorKind::NotADatabase`], [`ErrorKind::BackupInvalid`], [`ErrorKind::Interrupted`].
    /// What `migrate` would fail with is in [`Rehearsed::failure`].
    pub fn rehearse(
        &self,
        database: impl AsRef<Path>,
        to: Option<i64>,
    ) -> Result<Rehearsed, Error> {
        rehearse::rehearse(&self.options, database.as_ref(), to)
    }

    /// Takes migrations back, the newest first, with the protection of a run.
    ///
    /// # Errors
    /// As [`Migrator::open`], and [`ErrorKind::Irreversible`] before anything is touched.
    pub fn revert(&self, database: impl AsRef<Path>, to: RevertTo) -> Result<Report, Error> {
        revert::revert(&self.options, database.as_ref(), to)
    }

    /// What [`Migrator::revert`] would do. Writes nothing and creates no file.
    ///
    /// # Errors
    /// What `revert` would refuse.
    pub fn plan_revert(&self, database: impl AsRef<Path>, to: RevertTo) -> Result<Plan, Error> {
        revert::plan(&self.options, database.as_ref(), to)
    }

    /// Marks a database that nobody kept a history of as being at a version: the history gets a
    /// row of each migration up to it, and nothing is run. First it is proved that the schema
    /// is what those migrations give; of rows that they would have written nothing is
    /// known. Copied before, and in one transaction, as a run is.
    ///
    /// # Errors
    /// [`ErrorKind::Diverged`] where the schema is another, with what is different, or where
    /// the database has another history already; [`ErrorKind::NotFound`] for a version or a
    /// database that is not there; and as [`Migrator::open`].
    pub fn baseline(&self, database: impl AsRef<Path>, version: i64) -> Result<Report, Error> {
        baseline::baseline(&self.options, database.as_ref(), version)
    }

    /// What [`Migrator::baseline`] would do. Writes nothing and creates no file.
    ///
    /// # Errors
    /// What `baseline` would refuse.
    pub fn plan_baseline(&self, database: impl AsRef<Path>, version: i64) -> Result<Plan, Error> {
        baseline::plan(&self.options, database.as_ref(), version)
    }

    /// Takes over the history that another tool kept, and runs nothing. The tool is found out
    /// where none is named. Twice, it finds nothing to do.
    ///
    /// # Errors
    /// [`ErrorKind::NotFound`] where there is none; [`ErrorKind::Diverged`] where it is
    /// unfinished or not what these migrations say, or the schema is another;
    /// [`ErrorKind::DatabaseNewer`]; and as [`Migrator::open`].
    pub fn adopt(
        &self,
        database: impl AsRef<Path>,
        tool: impl Into<Option<Tool>>,
    ) -> Result<Report, Error> {
        import::adopt(&self.options, database.as_ref(), tool.into())
    }

    /// What [`Migrator::adopt`] would do. Writes nothing and creates no file.
    ///
    /// # Errors
    /// What `adopt` would refuse.
    pub fn plan_adopt(
        &self,
        database: impl AsRef<Path>,
        tool: impl Into<Option<Tool>>,
    ) -> Result<Plan, Error> {
        import::plan(&self.options, database.as_ref(), tool.into())
    }

    /// Fills the rows of a large table in batches, after a verified copy, and goes on where it
    /// stopped when it is called again: see [`Backfill`]. To be called after
    /// [`Migrator::open`], from a thread of its own where the app is not to wait. It opens a
    /// connection of its own, with the app's set-up; hooks are not called.
    ///
    /// Between two batches both locks are free, so that others write, start, and run migrations.
    /// Foreign keys are on. After each batch the write-ahead log is moved into the file; where it
    /// is larger than 64 MiB, because somebody reads an old state, the backfill waits for that
    /// reader, for as long as for a lock. [`Migrator::cancel_with`] ends it within a batch, which is rolled
    /// back, or between two.
    ///
    /// # Errors
    /// [`ErrorKind::Diverged`] where other statements were begun under this name, or where
    /// rowids may have changed; [`ErrorKind::MigrationFailed`], [`ErrorKind::Destructive`],
    /// [`ErrorKind::Locked`], [`ErrorKind::Interrupted`] for a batch, which is rolled back:
    /// [`DataState::Backfilled`](crate::DataState::Backfilled) says how far it is.
    pub fn backfill(
        &self,
        database: impl AsRef<Path>,
        backfill: &Backfill<'_>,
    ) -> Result<Backfilled, Error> {
        backfill::backfill(&self.options, database.as_ref(), backfill)
    }

    /// What [`Migrator::backfill`] would find to do. Writes nothing and creates no file.
    ///
    /// # Errors
    /// What `backfill` would refuse before its first batch.
    pub fn plan_backfill(
        &self,
        database: impl AsRef<Path>,
        backfill: &Backfill<'_>,
    ) -> Result<BackfillPlan, Error> {
        backfill::plan(&self.options, database.as_ref(), backfill)
    }

    /// Takes a named copy of a database into `snapshots` beside it.
    ///
    /// # Errors
    /// [`ErrorKind::Usage`] for a name that is taken, leaves the folder or would break on
    /// another platform; [`ErrorKind::Locked`]; [`ErrorKind::BackupInvalid`] when the copy
    /// does not verify.
    pub fn snapshot(&self, database: impl AsRef<Path>, name: &str) -> Result<CopyInfo, Error> {
        self.snapshot_with(database, name, &[])
    }

    /// Takes a named copy of a database, and with it folders of files that an app keeps
    /// beside its database, by their names. [`Migrator::restore`] puts them back with the
    /// snapshot.
    ///
    /// # Errors
    /// As [`Migrator::snapshot`], and [`ErrorKind::Usage`] for a folder elsewhere.
    pub fn snapshot_with(
        &self,
        database: impl AsRef<Path>,
        name: &str,
        folders: &[PathBuf],
    ) -> Result<CopyInfo, Error> {
        execute::snapshot(&self.options, database.as_ref(), name, folders)
    }

    /// Every automatic backup and snapshot of a database, the newest first. Writes nothing.
    ///
    /// # Errors
    /// [`ErrorKind::Io`] where a folder cannot be read.
    pub fn copies(
        &self,
        database: impl AsRef<Path>,
        verify: Verify,
    ) -> Result<Vec<CopyInfo>, Error> {
        execute::copies(&self.options, database.as_ref(), verify)
    }

    /// Puts a copy back, after keeping the present state. Killed at any instant, the database
    /// is as it was or as the copy is, or the next start finishes it.
    ///
    /// The database may be open elsewhere: who reads it sees the old state or the new. It
    /// may be damaged or gone; then no connection of this process may be open on it.
    ///
    /// # Errors
    /// [`ErrorKind::NotFound`] and [`ErrorKind::BackupInvalid`] before anything is touched;
    /// [`ErrorKind::Locked`].
    pub fn restore(&self, database: impl AsRef<Path>, copy: &CopyRef) -> Result<Restored, Error> {
        execute::restore(&self.options, database.as_ref(), copy)
    }

    /// What [`Migrator::restore`] would do. Writes nothing.
    ///
    /// # Errors
    /// What `restore` would refuse.
    pub fn plan_restore(
        &self,
        database: impl AsRef<Path>,
        copy: &CopyRef,
    ) -> Result<RestorePlan, Error> {
        execute::plan(&self.options, database.as_ref(), copy)
    }

    /// What this app can offer when [`Error::is_from_newer_app`] is the answer: take the
    /// newer migrations back, restore the copy from before them, or open anyway. Writes
    /// nothing.
    ///
    /// # Errors
    /// [`ErrorKind::Usage`] when the database is not newer.
    pub fn ways_back(&self, database: impl AsRef<Path>) -> Result<WaysBack, Error> {
        downgrade::ways_back(&self.options, database.as_ref())
    }

    /// Takes back every migration this app does not know, with the ways back that were
    /// stored in the database when they were applied, and with the protection of a run.
    ///
    /// # Errors
    /// As [`Migrator::revert`].
    pub fn revert_to_known(&self, database: impl AsRef<Path>) -> Result<Report, Error> {
        downgrade::revert_to_known(&self.options, database.as_ref())
    }

    /// Opens a newer database all the same, where every migration this app does not know
    /// declared itself harmless to it (`-- heirloom: compatible-with VERSION`).
    ///
    /// # Errors
    /// [`ErrorKind::DatabaseNewer`] where one did not.
    pub fn open_anyway(&self, database: impl AsRef<Path>) -> Result<Opened, Error> {
        let (connection, report) = downgrade::open_anyway(&self.options, database.as_ref())?;
        Ok(Opened { connection, report })
    }

    /// Runs the seed files of a folder, `*.sql` by name, then those of the environment's folder
    /// in it (`dev` for `seeds/dev/*.sql`): each that was not run on this database yet, or says
    /// something else now. They hold rows, and are to be written so that they can be run again.
    /// All in one transaction, with the protection of a run.
    ///
    /// # Errors
    /// As [`Migrator::open`]; [`ErrorKind::Usage`] while migrations are pending, and for an
    /// environment that leaves the folder; [`ErrorKind::NotFound`];
    /// [`ErrorKind::InvalidMigration`] for a file that changes the schema.
    pub fn seed(
        &self,
        database: impl AsRef<Path>,
        folder: impl AsRef<Path>,
        environment: Option<&str>,
    ) -> Result<Seeded, Error> {
        seed::seed(
            &self.options,
            database.as_ref(),
            folder.as_ref(),
            environment,
        )
    }

    /// What [`Migrator::seed`] would do. Writes nothing and creates no file.
    ///
    /// # Errors
    /// What `seed` would refuse, but for [`ErrorKind::Destructive`], which is in
    /// [`Plan::refused`].
    pub fn plan_seed(
        &self,
        database: impl AsRef<Path>,
        folder: impl AsRef<Path>,
        environment: Option<&str>,
    ) -> Result<Plan, Error> {
        seed::plan(
            &self.options,
            database.as_ref(),
            folder.as_ref(),
            environment,
        )
    }

    /// Takes everything out of a database, after a snapshot called `before-drop-` and the time.
    /// The file stays, with its journal mode, owner and permissions. Killed at any instant, the
    /// database is as it was or empty.
    ///
    /// # Errors
    /// As [`Migrator::snapshot`].
    pub fn empty(&self, database: impl AsRef<Path>) -> Result<Emptied, Error> {
        reset::empty(&self.options, database.as_ref())
    }

    /// Begins anew: puts what the migrations and the seeds of a folder give, from empty, in the
    /// place of everything that a database holds, after a snapshot called `before-reset-` and
    /// the time. It is made beside the database first, where set-up and hooks are called, and
    /// put in its place in one transaction: what fails leaves the database as it was.
    ///
    /// # Errors
    /// As [`Migrator::open`] and [`Migrator::seed`]. [`Error::backup`] is the snapshot.
    pub fn reset(
        &self,
        database: impl AsRef<Path>,
        seeds: Option<&Path>,
        environment: Option<&str>,
    ) -> Result<Reset, Error> {
        reset::reset(&self.options, database.as_ref(), seeds, environment)
    }

    /// Takes the newest migrations back and applies them again, after a verified copy: while
    /// one is being written. Done beside the database first and put in its place in one
    /// transaction, so that what fails leaves the database as it was.
    ///
    /// # Errors
    /// As [`Migrator::revert`] and [`Migrator::open`].
    pub fn redo(&self, database: impl AsRef<Path>, steps: usize) -> Result<Redone, Error> {
        reset::redo(&self.options, database.as_ref(), steps)
    }

    /// Makes the schema of a database under development what the schema file says, at once and
    /// without a migration: what [`Migrator::generate`] would write is worked out from the
    /// database's own schema and done with the protection of a run.
    ///
    /// # Errors
    /// As [`Migrator::generate`] and [`Migrator::open`]; [`ErrorKind::Usage`] where migrations
    /// are applied, unless the history may be made untrue.
    #[cfg(feature = "devtools")]
    pub fn push(
        &self,
        database: impl AsRef<Path>,
        wishes: &GenerateOptions,
        on_history: OnHistory,
    ) -> Result<Pushed, Error> {
        push::push(&self.options, database.as_ref(), wishes, on_history)
    }

    /// What [`Migrator::push`] would do: no step, or one. Writes nothing and creates no file.
    ///
    /// # Errors
    /// What `push` would refuse, but for [`ErrorKind::Destructive`], which is in
    /// [`Plan::refused`].
    #[cfg(feature = "devtools")]
    pub fn plan_push(
        &self,
        database: impl AsRef<Path>,
        wishes: &GenerateOptions,
        on_history: OnHistory,
    ) -> Result<Plan, Error> {
        push::plan(&self.options, database.as_ref(), wishes, on_history)
    }

    /// Compares what the migrations give with the schema file (`schema.sql` in their folder), and
    /// works out the migrations that lead there, each with its way back. They are proved on
    /// databases in memory. Nothing is written before [`Generated::write`].
    ///
    /// # Errors
    /// [`ErrorKind::AmbiguousRename`], [`ErrorKind::NeedsDefault`], [`ErrorKind::Destructive`];
    /// [`ErrorKind::InvalidMigration`] for a statement of the schema file or of a migration
    /// that is wrong; [`ErrorKind::NotFound`] without a schema file.
    #[cfg(feature = "devtools")]
    pub fn generate(&self, wishes: &GenerateOptions) -> Result<Generated, Error> {
        from_schema::generate(&self.options, wishes)
    }

    /// Works out one migration that gives what old ones give, schema and rows, and that databases
    /// recognise as done which have those. It is proved on databases in memory. Nothing is
    /// written before [`Squashed::write`].
    ///
    /// ```
    /// use heirloom::{Migrator, SquashOptions};
    /// # let folder = tempfile::tempdir().unwrap();
    /// # let file = |name: &str, sql: &str| std::fs::write(folder.path().join(name), sql).unwrap();
    /// # file("V1__notes.sql", "CREATE TABLE notes (id INTEGER PRIMARY KEY);");
    /// # file("V2__text.sql", "ALTER TABLE notes ADD COLUMN text TEXT;");
    /// # let migrations = folder.path();
    /// let squashed = Migrator::new(migrations).squash(&SquashOptions::new().to(2))?;
    /// assert_eq!(squashed.replaced, ["V1__notes", "V2__text"]);
    /// squashed.write()?;
    /// # Ok::<(), heirloom::Error>(())
    /// ```
    ///
    /// # Errors
    /// [`ErrorKind::Usage`] where there is nothing to squash, or something that no file can hold:
    /// migrations in Rust, without a transaction, or with rows that come from the clock or from
    /// chance; [`ErrorKind::NotFound`] for a version that is not there;
    /// [`ErrorKind::InvalidMigration`] where the proof fails.
    #[cfg(feature = "devtools")]
    pub fn squash(&self, wishes: &SquashOptions) -> Result<Squashed, Error> {
        merge::squash(&self.options, wishes)
    }

    /// Walks the whole history in memory, for an app's own tests: each migration up, down and
    /// up again, over rows made up to fit every constraint. Reported are ways back that do
    /// not bring the schema back, lost rows, failures, broken references, missing ways back,
    /// bad file names, a schema file that the migrations do not give, and, where the
    /// migrations come from a folder in a git repository, files that were edited since the
    /// last tag. No database file is opened or made. The app's hooks around each migration
    /// are called as in a run.
    ///
    /// ```
    /// # let folder = tempfile::tempdir().unwrap();
    /// # let file = |name: &str, sql: &str| std::fs::write(folder.path().join(name), sql).unwrap();
    /// # file("V1__notes.sql", "CREATE TABLE notes (id INTEGER PRIMARY KEY, text TEXT);");
    /// # file("V1__notes.down.sql", "DROP TABLE notes;");
    /// # let migrations = folder.path();
    /// // In a test: concat!(env!("CARGO_MANIFEST_DIR"), "/migrations")
    /// let checked = heirloom::Migrator::new(migrations).check()?;
    /// assert!(checked.is_clean(), "{checked}");
    /// # Ok::<(), heirloom::Error>(())
    /// ```
    ///
    /// # Errors
    /// [`ErrorKind::InvalidMigration`] for a file that is not UTF-8 and for a schema file
    /// that holds anything but CREATE statements; [`ErrorKind::NotFound`]. What is wrong with
    /// a migration is no error but a [`Finding`](crate::Finding).
    #[cfg(feature = "devtools")]
    pub fn check(&self) -> Result<Checked, Error> {
        walk::check(&self.options)
    }

    /// The schema of any database, or of one table or view of it, described. Writes nothing.
    ///
    /// # Errors
    /// [`ErrorKind::NotFound`] for a table that is not there; [`ErrorKind::NotADatabase`].
    pub fn inspect(
        &self,
        database: impl AsRef<Path>,
        table: Option<&str>,
    ) -> Result<Inspected, Error> {
        describe::inspect(&self.options, database.as_ref(), table)
    }

    /// Everything that can be wrong with a database and around it, looked for: damage, broken
    /// references, a history that contradicts the migrations, copies that do not verify, what an
    /// interruption left, too little room. Reads everything; writes nothing.
    ///
    /// # Errors
    /// [`ErrorKind::Locked`] where somebody writes to it; what else keeps it from being examined.
    /// What is wrong is no error but a [`Problem`](crate::Problem).
    pub fn doctor(&self, database: impl AsRef<Path>) -> Result<Diagnosis, Error> {
        doctor::doctor(&self.options, database.as_ref())
    }

    /// Rows and bytes of any database, table by table, with its history, its copies and how it
    /// grew. Reads every page; writes nothing.
    ///
    /// # Errors
    /// [`ErrorKind::NotADatabase`]; [`ErrorKind::Diverged`] for a history that is none.
    pub fn stats(&self, database: impl AsRef<Path>) -> Result<Stats, Error> {
        stats::stats(&self.options, database.as_ref())
    }

    /// Every run, revert, restore and snapshot of a database, the newest first. Writes nothing.
    /// What failed left the database as it was, and is in no log.
    ///
    /// Runs and reverts stand in the database itself (`heirloom_log`, committed with what they
    /// tell of), restores in hidden files beside the automatic backups, snapshots in their
    /// records. A snapshot that was removed is not told of.
    ///
    /// # Errors
    /// [`ErrorKind::NotADatabase`]; [`ErrorKind::Diverged`] for a history that is none.
    pub fn log(&self, database: impl AsRef<Path>) -> Result<Log, Error> {
        log::log(&self.options, database.as_ref())
    }

    /// How a database stands to the migrations. Writes nothing and creates no file.
    ///
    /// # Errors
    /// [`ErrorKind::NotADatabase`], [`ErrorKind::InvalidMigration`], [`ErrorKind::Diverged`]
    /// for a history that is none. Anything else is in [`Status::problem`].
    pub fn status(&self, database: impl AsRef<Path>) -> Result<Status, Error> {
        status::status(&self.options, database.as_ref())
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
