//! A migrated database in memory, made once and copied for each of an app's tests.

use std::fmt;
use std::sync::{Mutex, PoisonError};

use rusqlite::{Connection, MAIN_DB};

use crate::options::hooks::HookError;
use crate::options::settings::Options;
use crate::report::error::{Error, ErrorKind};
use crate::run::migrate;
use crate::sqlite::binding;
use crate::sqlite::disk::scratch;
use crate::sqlite::execute::failure;
use crate::sqlite::open;
use crate::sqlite::schema::catalog;

/// A migrated database that tests take copies of, each their own, in memory and in a fraction of
/// a millisecond: see [`Migrator::template`](crate::Migrator::template). Threads may share it.
///
/// ```
/// use std::sync::LazyLock;
/// use heirloom::include_dir::Dir;
/// use heirloom::{Migrator, Template};
/// # use heirloom::include_dir::{DirEntry, File};
/// # static FILES: &[DirEntry<'static>] = &[DirEntry::File(File::new("V1__notes.sql", b"CREATE TABLE notes (id INTEGER PRIMARY KEY, text TEXT);"))];
/// # static MIGRATIONS: Dir<'static> = Dir::new("", FILES);
///
/// static TEMPLATE: LazyLock<Template> =
///     LazyLock::new(|| Migrator::new(&MIGRATIONS).template().unwrap());
///
/// let connection = TEMPLATE.open()?;
/// connection.execute("INSERT INTO notes (text) VALUES ('only here')", []).unwrap();
/// # Ok::<(), heirloom::Error>(())
/// ```
pub struct Template<'a> {
    /// The database file, byte for byte. Empty where there is no migration.
    image: Vec<u8>,
    /// For the connection set-up, which need not bear two callers.
    options: Mutex<Options<'a>>,
}

impl<'a> Template<'a> {
    /// Migrates a new database as a run does, in the folder for temporary files: with hooks,
    /// history and files that run outside of a transaction.
    pub(crate) fn new(
        mut options: Options<'a>,
        seed: impl FnOnce(&Connection) -> Result<(), HookError>,
    ) -> Result<Template<'a>, Error> {
        // Those of the app's own database are none of this one's business.
        options.backups = None;
        let scratch = scratch::Scratch::new()?;
        #[allow(unused_mut, reason = "rusqlite wants it since 0.41")]
        let (mut connection, _) = migrate::run(&options, scratch.path(), None)?;
        let refuse = |message, help: &str| {
            Error::new(ErrorKind::MigrationFailed, message).with_help(help.to_owned())
        };
        seed(&connection).map_err(|error| {
            refuse("the seed of the template failed", "correct it").because(error)
        })?;
        if !connection.is_autocommit() {
            return Err(refuse(
                "the seed of the template left a transaction open",
                "commit in it what it begins",
            ));
        }
        // In memory there is no write-ahead log, and a file that asks for one cannot be opened.
        catalog::word(&connection, "PRAGMA journal_mode = DELETE")?;
        let image = match catalog::bytes(&connection)? {
            0 => Vec::new(),
            _ => connection
                .serialize(MAIN_DB)
                .map_err(|error| failure("cannot keep the template", error))?
                .to_vec(),
        };
        Ok(Template {
            image,
            options: Mutex::new(options),
        })
    }

    /// A copy of its own in memory, open and set up.
    ///
    /// # Errors
    /// Where the connection set-up fails, or memory is short.
    pub fn open(&self) -> Result<Connection, Error> {
        let mut connection = open::empty()?;
        if !self.image.is_empty() {
            binding::deserialize(&mut connection, &self.image)
                .map_err(|error| failure("cannot copy the template", error))?;
        }
        let options = self.options.lock().unwrap_or_else(PoisonError::into_inner);
        options.set_up(&connection)?;
        Ok(connection)
    }
}

impl fmt::Debug for Template<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Template")
            .field("bytes", &self.image.len())
            .finish_non_exhaustive()
    }
}
