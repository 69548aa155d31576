//! Migrations that are written in Rust: the rows by a function of the app's, in the place that
//! a file among the migrations gives it.

use std::fmt;

use rusqlite::Connection;

use crate::migration::files::name::RUST_ENDING;
use crate::options::hooks::HookError;
use crate::report::error::{Error, ErrorKind};
use crate::report::loss::Direction;
use crate::sqlite::execute::Savepoint;
use crate::sqlite::schema::catalog::{self, CatalogEntry};

type Function<'a> = Box<dyn Fn(&Connection) -> Result<(), HookError> + Send + 'a>;

/// A migration whose work a function of the app's does: what SQL cannot say about rows.
///
/// It is ordered among the SQL files by its version, and is applied as they are: after the backup, in
/// the one transaction, with its row in the history, its rows counted and its hooks called. The
/// schema is the SQL files' business; a function that changes it is refused, because nothing
/// that reads the files would know.
///
/// A file `V3__fill_slugs.rs` in the migrations folder tells the command line of it, which
/// shows it and leaves it to the app. The function may live in it.
///
/// ```
/// use heirloom::{Migrator, RustMigration};
/// # let folder = tempfile::tempdir().unwrap();
/// # std::fs::write(folder.path().join("V1__notes.sql"),
/// #     "CREATE TABLE notes (id INTEGER PRIMARY KEY, title TEXT, slug TEXT);
/// #      INSERT INTO notes (title) VALUES ('Hello You');").unwrap();
/// let fill_slugs = RustMigration::new("V2__fill_slugs", |connection| {
///     let mut notes = connection.prepare("SELECT id, title FROM notes")?;
///     let mut update = connection.prepare("UPDATE notes SET slug = ?2 WHERE id = ?1")?;
///     let mut rows = notes.query([])?;
///     while let Some(row) = rows.next()? {
///         let (id, title): (i64, String) = (row.get(0)?, row.get(1)?);
///         update.execute((id, title.to_lowercase().replace(' ', "-")))?;
///     }
///     Ok(())
/// })
/// .way_back(|connection| Ok(connection.execute_batch("UPDATE notes SET slug = NULL")?));
/// let opened = Migrator::new(folder.path())
///     .rust_migration(fill_slugs)
///     .open(folder.path().join("notes.db"))?;
/// let slug = opened.connection.query_row("SELECT slug FROM notes", [], |row| row.get(0));
/// assert_eq!(slug, Ok("hello-you".to_string()));
/// # Ok::<(), heirloom::Error>(())
/// ```
pub struct RustMigration<'a> {
    label: String,
    up: Function<'a>,
    down: Option<Function<'a>>,
    allow_destructive: bool,
}

impl<'a> RustMigration<'a> {
    /// A migration called as its file would be, without the ending: `V3__fill_slugs`.
    ///
    /// The function is given the connection inside the run's transaction. It must not commit or
    /// roll back, which is noticed and undone. It is called again where a run was taken back,
    /// on scratch copies ([`crate::Database::rehearse`]), and on made-up rows by
    /// `Devtools::check`; so it must do nothing outside of the database.
    pub fn new(
        label: impl Into<String>,
        function: impl Fn(&Connection) -> Result<(), HookError> + Send + 'a,
    ) -> RustMigration<'a> {
        RustMigration {
            label: label.into(),
            up: Box::new(function),
            down: None,
            allow_destructive: false,
        }
    }

    /// The down migration. One in SQL, `V3__fill_slugs.down.sql`, is used instead where it is there,
    /// and is stored in the database, so that an older app can take it.
    pub fn way_back(
        mut self,
        function: impl Fn(&Connection) -> Result<(), HookError> + Send + 'a,
    ) -> Self {
        self.down = Some(Box::new(function));
        self
    }

    /// Consents to fewer rows afterwards than before.
    pub fn allow_destructive(mut self) -> Self {
        self.allow_destructive = true;
        self
    }

    /// The name of the file that stands for it.
    pub(crate) fn file(&self) -> String {
        format!("{}{RUST_ENDING}", self.label)
    }

    pub(crate) fn is(&self, file: &str) -> bool {
        let name = file.rsplit(['/', '\\']).next().unwrap_or_default();
        name.strip_suffix(RUST_ENDING) == Some(&self.label)
    }

    pub(crate) fn consents(&self) -> bool {
        self.allow_destructive
    }

    pub(crate) fn goes(&self, direction: Direction) -> bool {
        direction == Direction::Up || self.down.is_some()
    }

    /// Calls the function, inside the caller's transaction.
    ///
    /// # Errors
    /// `MigrationFailed`: it said so, or it changed the schema, or ended the transaction.
    pub(crate) fn call(&self, connection: &Connection, direction: Direction) -> Result<(), Error> {
        let function = match direction {
            Direction::Up => Some(&self.up),
            Direction::Down => self.down.as_ref(),
        };
        let Some(function) = function else {
            return Err(Error::new(
                ErrorKind::Irreversible,
                "there is no down migration",
            ));
        };
        let before = catalog::entries(connection)?;
        let savepoint = Savepoint::begin(connection)?;
        function(connection).map_err(|error| {
            Error::new(ErrorKind::MigrationFailed, "its function failed").because(error)
        })?;
        if !savepoint.release(connection) {
            return Err(Error::new(
                ErrorKind::MigrationFailed,
                "its function ended the transaction of the run",
            )
            .with_help("do not commit or roll back in it"));
        }
        match difference(&before, &catalog::entries(connection)?) {
            None => Ok(()),
            Some(object) => Err(Error::new(
                ErrorKind::MigrationFailed,
                format!("its function changed the schema: {object}"),
            )
            .with_help("change the schema in an SQL file before or after it, where `show`, `check` and `generate` can read it")),
        }
    }
}

fn difference(before: &[CatalogEntry], after: &[CatalogEntry]) -> Option<String> {
    let only_in = |one: &[CatalogEntry], other: &[CatalogEntry]| {
        let odd = one.iter().find(|entry| !other.contains(entry))?;
        Some(format!("the {} `{}`", odd.kind, odd.name))
    };
    only_in(after, before).or_else(|| only_in(before, after))
}

impl fmt::Debug for RustMigration<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("RustMigration")
            .field("label", &self.label)
            .field("reversible", &self.down.is_some())
            .finish_non_exhaustive()
    }
}
