//! What a caller chose, as every verb sees it.

use std::fmt;
use std::path::{Path, PathBuf};
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex};
use std::time::Duration;

use rusqlite::Connection;

use crate::error::{Error, ErrorKind};
use crate::event::Event;
use crate::history;
use crate::plan::Direction;
use crate::source::Source;
use crate::sqlite::failure;

/// How many automatic backups stay, unless a caller says otherwise.
pub const DEFAULT_KEEP: usize = 5;
/// How long to wait for another process, unless a caller says otherwise.
pub const DEFAULT_LOCK_TIMEOUT: Duration = Duration::from_secs(30);

/// What a hook says when it refuses.
pub type HookError = Box<dyn std::error::Error + Send + Sync>;

type Setup<'a> = Box<dyn Fn(&Connection) -> rusqlite::Result<()> + Send + 'a>;
type Listener<'a> = Box<dyn FnMut(&Event<'_>) + Send + 'a>;
type Hook<'a> = Box<dyn Fn(&Moment<'_>) -> Result<(), HookError> + Send + 'a>;

/// What a hook is given to look at, and to refuse by returning an error.
#[derive(Debug)]
#[non_exhaustive]
pub struct Moment<'m> {
    /// The connection, inside the run's transaction. A hook may read and write through
    /// it; it must not commit or roll back, which is noticed and undone.
    pub connection: &'m Connection,
    /// Up or down.
    pub direction: Direction,
    /// The migration's version, none around the whole run.
    pub version: Option<i64>,
    /// The migration as `V3__name`, empty around the whole run.
    pub migration: &'m str,
}

/// When hooks are called.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum When {
    BeforeRun,
    BeforeEach,
    AfterEach,
    AfterRun,
}

impl When {
    fn as_str(self) -> &'static str {
        match self {
            When::BeforeRun => "before the run",
            When::BeforeEach => "before the migration",
            When::AfterEach => "after the migration",
            When::AfterRun => "after the run",
        }
    }
}

/// Whether opening a database migrates it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Migrating {
    On,
    /// It is opened as it is, and nothing in it is looked at.
    Off,
}

/// Everything a caller chose.
pub(crate) struct Options<'a> {
    pub(crate) source: Source,
    pub(crate) schema_file: Option<PathBuf>,
    pub(crate) history_table: String,
    pub(crate) backups: Option<PathBuf>,
    pub(crate) keep: usize,
    pub(crate) lock_timeout: Duration,
    pub(crate) app_version: Option<String>,
    pub(crate) allow_destructive: bool,
    pub(crate) setup: Option<Setup<'a>>,
    pub(crate) listener: Option<Mutex<Listener<'a>>>,
    pub(crate) hooks: Vec<(When, Hook<'a>)>,
    pub(crate) cancel: Option<Arc<AtomicBool>>,
    pub(crate) migrating: Migrating,
}

impl<'a> Options<'a> {
    pub(crate) fn new(source: Source) -> Options<'a> {
        Options {
            source,
            schema_file: None,
            history_table: history::DEFAULT_TABLE.to_owned(),
            backups: None,
            keep: DEFAULT_KEEP,
            lock_timeout: DEFAULT_LOCK_TIMEOUT,
            app_version: None,
            allow_destructive: false,
            setup: None,
            listener: None,
            hooks: Vec::new(),
            cancel: None,
            migrating: Migrating::On,
        }
    }

    /// Where the backups of a database are: beside it, because a window app's working
    /// directory is arbitrary.
    pub(crate) fn backups_of(&self, database: &Path) -> PathBuf {
        match &self.backups {
            Some(folder) => folder.clone(),
            None => database.with_file_name("backups"),
        }
    }

    /// How this process introduces itself to others that wait for it.
    pub(crate) fn owner(&self) -> String {
        match &self.app_version {
            Some(version) => format!("heirloom, app version {version}"),
            None => "heirloom".to_owned(),
        }
    }

    /// Refuses a name for the history that is heirloom's own or SQLite's.
    pub(crate) fn check_history_table(&self) -> Result<(), Error> {
        let name = self.history_table.to_ascii_lowercase();
        if name.is_empty() || name.starts_with("sqlite_") || name.starts_with("heirloom_") {
            return Err(Error::new(
                ErrorKind::Usage,
                format!("`{}` cannot be the history table", self.history_table),
            )
            .with_help("choose a name that does not begin with sqlite_ or heirloom_"));
        }
        Ok(())
    }

    pub(crate) fn emit(&self, event: Event<'_>) {
        // A listener that calls back into the migrator is not told of that.
        if let Some(Ok(mut listener)) = self.listener.as_ref().map(Mutex::try_lock) {
            listener(&event);
        }
    }

    /// Tells how far a copy is, and ends it if somebody asked for that.
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
    pub(crate) fn call_hooks(&self, when: When, moment: &Moment<'_>) -> Result<(), Error> {
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
