//! What a caller chose, as every verb sees it.

use std::collections::BTreeSet;
use std::fmt;
use std::path::{Path, PathBuf};
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex};
use std::time::Duration;

use rusqlite::Connection;
use rusqlite::config::DbConfig;
use rusqlite::limits::Limit;

use crate::migration::compare::{Applied, Known};
use crate::migration::files::source::Source;
use crate::migration::files::{name, pair_up};
use crate::migration::history::other_tools::Tool;
use crate::migration::history::table;
use crate::migration::set::Migration;
use crate::options::component::Component;
use crate::options::hooks::{HookContext, HookError, When};
use crate::options::rust_migration::RustMigration;
use crate::report::error::{Error, ErrorKind};
use crate::report::event::Event;
use crate::report::loss::Direction;
use crate::sqlite::background::{Stop, stop_where};
use crate::sqlite::disk::path;
use crate::sqlite::execute::failure;
use crate::sqlite::open::empty;
use crate::sqlite::own_tables::OwnTables;
use crate::sqlite::sql::script::Script;

/// How many automatic backups stay, unless a caller says otherwise.
pub const DEFAULT_KEEP: usize = 5;
/// How long to wait for another process, unless a caller says otherwise.
pub const DEFAULT_LOCK_TIMEOUT: Duration = Duration::from_secs(30);

type Setup<'a> = Box<dyn Fn(&Connection) -> rusqlite::Result<()> + Send + 'a>;
type Listener<'a> = Box<dyn FnMut(&Event<'_>) + Send + 'a>;
type Hook<'a> = Box<dyn Fn(&HookContext<'_>) -> Result<(), HookError> + Send + 'a>;

/// Whether opening a database migrates it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Migrating {
    On,
    /// It is opened as it is, and nothing in it is looked at.
    Off,
}

/// Everything a caller chose.
pub(crate) struct Options<'a> {
    /// The component whose migrations these are, none where they are the app's own.
    pub(crate) component: Option<String>,
    pub(crate) source: Source,
    pub(crate) schema_file: Option<PathBuf>,
    pub(crate) history_table: String,
    /// The components that a run brings along.
    pub(crate) components: Vec<Component>,
    /// History tables that are none of this migrator's business.
    pub(crate) other_histories: Vec<String>,
    /// The migrations of those.
    pub(crate) other_sources: Vec<(Option<String>, Source)>,
    pub(crate) backups: Option<PathBuf>,
    pub(crate) keep: usize,
    pub(crate) lock_timeout: Duration,
    pub(crate) app_version: Option<String>,
    pub(crate) allow_destructive: bool,
    /// Tables that are not the app's, and that a proof of its schema leaves out.
    pub(crate) left_out: Vec<String>,
    /// Whether what an interrupted run left stays, where its backup is gone.
    pub(crate) keep_interrupted: bool,
    pub(crate) setup: Option<Setup<'a>>,
    pub(crate) listener: Option<Mutex<Listener<'a>>>,
    pub(crate) hooks: Vec<(When, Hook<'a>)>,
    pub(crate) in_rust: Vec<RustMigration<'a>>,
    /// Whether the history of another tool is imported, and of which; of any where none is
    /// named.
    pub(crate) adopt: Option<Option<Tool>>,
    pub(crate) cancel: Option<Arc<AtomicBool>>,
    pub(crate) migrating: Migrating,
}

impl<'a> Options<'a> {
    pub(crate) fn new(source: Source) -> Options<'a> {
        Options {
            component: None,
            source,
            schema_file: None,
            history_table: table::DEFAULT_TABLE.to_owned(),
            components: Vec::new(),
            other_histories: Vec::new(),
            other_sources: Vec::new(),
            backups: None,
            keep: DEFAULT_KEEP,
            lock_timeout: DEFAULT_LOCK_TIMEOUT,
            app_version: None,
            allow_destructive: false,
            left_out: Vec::new(),
            keep_interrupted: false,
            setup: None,
            listener: None,
            hooks: Vec::new(),
            in_rust: Vec::new(),
            adopt: None,
            cancel: None,
            migrating: Migrating::On,
        }
    }

    /// Where the backups of a database are: beside it, because a window app's working
    /// directory is arbitrary.
    pub(crate) fn backups_of(&self, database: &Path) -> PathBuf {
        match &self.backups {
            Some(folder) => absolute(folder),
            None => database.with_file_name("backups"),
        }
    }

    /// Reads the migrations of these options' own history, in the order of their versions: the
    /// files, and what is written in Rust.
    pub(crate) fn migrations(&self) -> Result<Vec<Migration>, Error> {
        let migrations = match self.in_rust.is_empty() {
            true => self.source.load(self.schema_file.as_deref())?,
            false => pair_up::assemble(self.files()?)?,
        };
        Ok(belonging_to(self.component.as_ref(), migrations))
    }

    /// Reads every list of migrations that a run applies, in its order: those of the
    /// components, on which the app may build, and the own ones.
    pub(crate) fn lists(&self) -> Result<Vec<Vec<Migration>>, Error> {
        let mut lists = self.lists_of_components()?;
        lists.push(self.migrations()?);
        Ok(lists)
    }

    /// The same of the components alone.
    pub(crate) fn lists_of_components(&self) -> Result<Vec<Vec<Migration>>, Error> {
        let load = |component: &Component| {
            let migrations = component.source.load(None)?;
            Ok(belonging_to(Some(&component.name), migrations))
        };
        self.components.iter().map(load).collect()
    }

    /// The migrations that a run of these options does not apply, and whose tables are theirs.
    /// In an emergency no folder may be missed: what cannot be read claims nothing.
    pub(crate) fn other_lists(&self) -> Vec<Vec<Migration>> {
        let load = |(component, source): &(Option<String>, Source)| {
            let migrations = source.load(None).unwrap_or_default();
            belonging_to(component.as_ref(), migrations)
        };
        self.other_sources.iter().map(load).collect()
    }

    /// The components and their history tables in the order of [`Options::lists`].
    pub(crate) fn histories(&self) -> impl Iterator<Item = (Option<&str>, &str)> {
        let components = self.components.iter();
        let components =
            components.map(|part| (Some(part.name.as_str()), part.history_table.as_str()));
        components.chain([(self.component.as_deref(), self.history_table.as_str())])
    }

    /// The history tables of all components, without the app's own where it is known as that.
    pub(crate) fn component_histories(&self) -> impl Iterator<Item = &str> {
        let components = self.components.iter();
        let components = components.map(|part| part.history_table.as_str());
        let own = self.component.as_ref().map(|_| self.history_table.as_str());
        components.chain(own)
    }

    /// Lists of migrations, and what a database has of each.
    pub(crate) fn known<'k>(
        &'k self,
        lists: &'k [Vec<Migration>],
        histories: &'k [Vec<Applied>],
    ) -> Vec<Known<'k>> {
        let parts = self.histories().zip(lists).zip(histories);
        parts
            .map(|(((component, _), migrations), history)| Known {
                component,
                migrations,
                history,
            })
            .collect()
    }

    /// The history that the migrations of a component are in, or the app's own.
    pub(crate) fn history_table_of(&self, component: Option<&str>) -> &str {
        let mut others = self.components.iter();
        match others.find(|other| Some(other.name.as_str()) == component) {
            Some(other) => &other.history_table,
            None => &self.history_table,
        }
    }

    /// Turns to one component, as if its migrations were the app's own. False where there is
    /// no such component.
    pub(crate) fn turn_to(&mut self, name: &str) -> bool {
        let index = self.components.iter().position(|other| other.name == name);
        let Some(Component {
            name,
            source,
            history_table,
        }) = index.map(|index| self.components.remove(index))
        else {
            return false;
        };
        for other in self.components.drain(..) {
            self.other_histories.push(other.history_table);
            self.other_sources.push((Some(other.name), other.source));
        }
        let own_history = std::mem::replace(&mut self.history_table, history_table);
        self.other_histories.push(own_history);
        let own = std::mem::replace(&mut self.source, source);
        self.other_sources.push((self.component.take(), own));
        self.component = Some(name);
        self.schema_file = None;
        self.in_rust.clear();
        true
    }

    /// Every file of the migrations, with those in Rust that have none.
    pub(crate) fn files(&self) -> Result<Vec<Script>, Error> {
        let mut files = self.source.files(self.schema_file.as_deref())?;
        for code in &self.in_rust {
            name::check_rust_name(&code.file())?;
            if !files.iter().any(|script| code.is(script.file())) {
                files.push(Script::new(code.file(), ""));
            }
        }
        Ok(files)
    }

    /// The function of a migration in Rust, where this program has one for the direction.
    /// The app's own are nobody else's.
    pub(crate) fn code(
        &self,
        component: Option<&str>,
        script: &Script,
        direction: Direction,
    ) -> Option<&RustMigration<'a>> {
        let mut all = self.in_rust.iter().filter(|_| component.is_none());
        all.find(|code| code.is(script.file()) && code.goes(direction))
    }

    /// The tables that are not part of the schema.
    pub(crate) fn own_tables(&self) -> OwnTables<'_> {
        let components = self.components.iter();
        let histories = components
            .map(|component| &component.history_table)
            .chain(&self.other_histories)
            .chain([&self.history_table]);
        OwnTables::with(histories.map(String::as_str))
    }

    /// How this process introduces itself to others that wait for it.
    pub(crate) fn owner(&self) -> String {
        match &self.app_version {
            Some(version) => format!("heirloom, app version {version}"),
            None => "heirloom".to_owned(),
        }
    }

    /// Refuses a name for a history that is heirloom's own or SQLite's, and one that two
    /// components share.
    pub(crate) fn check_history_table(&self) -> Result<(), Error> {
        let usage = |message: String, help: &str| Err(Error::usage(message, help));
        let mut seen = BTreeSet::new();
        let components = self.components.iter();
        for component in components.clone() {
            if !name::is_valid_name(&component.name) {
                return usage(
                    format!("`{}` cannot be the name of a component", component.name),
                    "a name has letters, digits and underscores",
                );
            }
            if !seen.insert(&component.name) {
                return usage(
                    format!("two components are called `{}`", component.name),
                    "give one of them another name",
                );
            }
        }
        let mut seen = BTreeSet::new();
        for table in components
            .map(|component| &component.history_table)
            .chain(&self.other_histories)
            .chain([&self.history_table])
        {
            let name = table.to_ascii_lowercase();
            if name.is_empty() || name.starts_with("sqlite_") || name.starts_with("heirloom_") {
                return usage(
                    format!("`{table}` cannot be the history table"),
                    "choose a name that does not begin with sqlite_ or heirloom_",
                );
            }
            if !seen.insert(name) {
                return usage(
                    format!("two components have `{table}` for their history table"),
                    "each needs one of its own",
                );
            }
        }
        Ok(())
    }

    pub(crate) fn emit(&self, event: Event<'_>) {
        // A listener that calls back into the migrator is not called for that.
        if let Some(Ok(mut listener)) = self.listener.as_ref().map(Mutex::try_lock) {
            listener(&event);
        }
    }

    /// Tells how far a backup is, and ends it if somebody asked for that.
    pub(crate) fn copied(&self, done: u64, total: u64) -> Result<(), Error> {
        self.emit(Event::Copying { done, total });
        self.check_cancelled()
    }

    /// Lets the app register its functions and collations.
    pub(crate) fn set_up(&self, connection: &Connection) -> Result<(), Error> {
        match &self.setup {
            None => Ok(()),
            Some(setup) => setup(connection)
                .map_err(|error| failure("the app's connection set-up failed", error)),
        }
    }

    /// Prepares a connection that only looks at what may be a stranger's file: its schema is not
    /// trusted to call more than it needs, and an interruption ends every query.
    pub(crate) fn set_up_to_look(&self, connection: &mut Connection) -> Result<(), Error> {
        self.trust_little(connection)?;
        // The others are SQLite's own: lower ones would refuse a schema that an app may have.
        for (limit, most) in [
            (Limit::SQLITE_LIMIT_LIKE_PATTERN_LENGTH, 1_000),
            (Limit::SQLITE_LIMIT_TRIGGER_DEPTH, 1),
            (Limit::SQLITE_LIMIT_WORKER_THREADS, 0),
        ] {
            let _ = connection.set_limit(limit, most);
        }
        match self.cancel.clone() {
            Some(flag) => stop_where(connection, Some(move || flag.load(Ordering::Relaxed))),
            None => Ok(()),
        }
    }

    /// The same, without the interruption.
    pub(crate) fn trust_little(&self, connection: &Connection) -> Result<(), Error> {
        let cannot = |error| failure("cannot prepare the connection", error);
        connection
            .set_db_config(DbConfig::SQLITE_DBCONFIG_DEFENSIVE, true)
            .map_err(cannot)?;
        if !self.has_apps_code() {
            // An app's own functions may stand in its schema, and are not said to be harmless.
            connection
                .set_db_config(DbConfig::SQLITE_DBCONFIG_TRUSTED_SCHEMA, false)
                .map_err(cannot)?;
        }
        self.set_up(connection)
    }

    /// The same as [`Options::is_cancelled`], for threads that may outlive the call.
    pub(crate) fn stop(&self) -> Stop {
        let flag = self.cancel.clone();
        Arc::new(move || {
            flag.as_deref()
                .is_some_and(|flag| flag.load(Ordering::Relaxed))
        })
    }

    pub(crate) fn is_cancelled(&self) -> bool {
        self.cancel
            .as_ref()
            .is_some_and(|flag| flag.load(Ordering::Relaxed))
    }

    /// Ends the work here if somebody asked for it.
    pub(crate) fn check_cancelled(&self) -> Result<(), Error> {
        if self.is_cancelled() {
            return Err(Error::new(ErrorKind::Interrupted, "interrupted").with_help("run it again"));
        }
        Ok(())
    }

    /// Whether code of the app's own may have registered functions and collations.
    pub(crate) fn has_apps_code(&self) -> bool {
        self.setup.is_some() || self.has_hooks()
    }

    pub(crate) fn has_hooks(&self) -> bool {
        !self.hooks.is_empty()
    }

    /// Calls the hooks of one moment, in the order in which they were given.
    pub(crate) fn call_hooks(&self, when: When, moment: &HookContext<'_>) -> Result<(), Error> {
        for (_, hook) in self.hooks.iter().filter(|(of, _)| *of == when) {
            hook(moment).map_err(|error| {
                let refused = Error::new(
                    ErrorKind::MigrationFailed,
                    format!("the app's hook {} refused", when.as_str()),
                )
                .because(error);
                match moment.version {
                    Some(_) => refused.in_migration(moment.migration),
                    None => refused,
                }
            })?;
        }
        Ok(())
    }
}

/// Migrations as those of a component, or as the app's own.
pub(crate) fn belonging_to(
    component: Option<&String>,
    mut migrations: Vec<Migration>,
) -> Vec<Migration> {
    for migration in &mut migrations {
        migration.component = component.cloned();
    }
    migrations
}

impl fmt::Debug for Options<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Options")
            .field("source", &self.source)
            .field("history_table", &self.history_table)
            .field("backups", &self.backups)
            .field("keep", &self.keep)
            .finish_non_exhaustive()
    }
}

/// One path for a folder, however it was written and whether or not it is there, with a link in
/// its own place left alone: records of backups depend on it.
fn absolute(folder: &Path) -> PathBuf {
    let folder = path::plain(std::path::absolute(folder).unwrap_or_else(|_| folder.to_owned()));
    let resolved = folder.ancestors().skip(1).find_map(|above| {
        let below = folder.strip_prefix(above).ok()?;
        Some(path::canonicalize(above).ok()?.join(below))
    });
    resolved.unwrap_or(folder)
}

/// A database in memory, with the app's functions and collations, and without enforcement of
/// foreign keys, as in a run.
pub(crate) fn memory(options: &Options<'_>) -> Result<Connection, Error> {
    let connection = empty()?;
    options.set_up(&connection)?;
    connection
        .execute_batch("PRAGMA foreign_keys = OFF")
        .map_err(|error| failure("cannot prepare the database in memory", error))?;
    Ok(connection)
}
