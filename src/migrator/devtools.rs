//! What is about the migrations themselves.

use crate::devtools::alter::sqlite_version::SqliteVersion;
use crate::devtools::check::finding::Checked;
use crate::devtools::check::walk;
use crate::devtools::generate::from_schema;
use crate::devtools::generate::generated::{GenerateOptions, Generated};
use crate::devtools::squash::merge;
use crate::devtools::squash::merge::{SquashOptions, Squashed};
use crate::options::settings::Options;
use crate::report::error::Error;

/// What a developer does with migrations: generate, check and squash them.
///
/// Made by [`Migrator::devtools`](crate::Migrator::devtools). What it does to a database while an app is written are methods
/// of [`Database`](crate::Database).
///
/// # Writing migrations
/// [`generate`](Devtools::generate), [`squash`](Devtools::squash); one table from Rust:
/// [`Alteration`](crate::devtools::Alteration); an empty one:
/// [`create`](crate::devtools::create()).
///
/// # Checking them
/// [`check`](Devtools::check), [`check_for`](Devtools::check_for).
#[derive(Debug)]
pub struct Devtools<'m, 'a> {
    pub(super) options: &'m Options<'a>,
}

impl Devtools<'_, '_> {
    /// Compares what the migrations give with the schema file (`schema.sql` in their folder), and
    /// works out the migrations that lead there, each with its down migration. They are proved on
    /// databases in memory. Nothing is written before [`Generated::write`].
    ///
    /// # Errors
    /// [`ErrorKind::AmbiguousRename`](crate::ErrorKind::AmbiguousRename), [`ErrorKind::NeedsDefault`](crate::ErrorKind::NeedsDefault), [`ErrorKind::Destructive`](crate::ErrorKind::Destructive);
    /// [`ErrorKind::InvalidMigration`](crate::ErrorKind::InvalidMigration) for a statement of the schema file or of a migration
    /// that is wrong; [`ErrorKind::NotFound`](crate::ErrorKind::NotFound) without a schema file.
    pub fn generate(&self, wishes: &GenerateOptions) -> Result<Generated, Error> {
        from_schema::generate(self.options, wishes)
    }

    /// Works out one migration that gives what old ones give, schema and rows, and that databases
    /// recognise as done which have those. It is proved on databases in memory. Nothing is
    /// written before [`Squashed::write`].
    ///
    /// ```
    /// use heirloom::Migrator;
    /// use heirloom::devtools::SquashOptions;
    /// # let folder = tempfile::tempdir().unwrap();
    /// # let file = |name: &str, sql: &str| std::fs::write(folder.path().join(name), sql).unwrap();
    /// # file("V1__notes.sql", "CREATE TABLE notes (id INTEGER PRIMARY KEY);");
    /// # file("V2__text.sql", "ALTER TABLE notes ADD COLUMN text TEXT;");
    /// # let migrations = folder.path();
    /// let squashed = Migrator::new(migrations).devtools().squash(&SquashOptions::new().to(2))?;
    /// assert_eq!(squashed.replaced, ["V1__notes", "V2__text"]);
    /// squashed.write()?;
    /// # Ok::<(), heirloom::Error>(())
    /// ```
    ///
    /// # Errors
    /// [`ErrorKind::Usage`](crate::ErrorKind::Usage) where there is nothing to squash, or something that no file can hold:
    /// migrations in Rust, without a transaction, or with rows that come from the clock or from
    /// chance; [`ErrorKind::NotFound`](crate::ErrorKind::NotFound) for a version that does not exist;
    /// [`ErrorKind::InvalidMigration`](crate::ErrorKind::InvalidMigration) where the proof fails.
    pub fn squash(&self, wishes: &SquashOptions) -> Result<Squashed, Error> {
        merge::squash(self.options, wishes)
    }

    /// Walks the whole history in memory, for an app's own tests: each migration up, down and
    /// up again, over rows made up to fit every constraint. Reported are down migrations that do
    /// not bring the schema back, lost rows, failures, broken references, missing down migrations,
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
    /// let checked = heirloom::Migrator::new(migrations).devtools().check()?;
    /// assert!(checked.is_clean(), "{checked}");
    /// # Ok::<(), heirloom::Error>(())
    /// ```
    ///
    /// # Errors
    /// [`ErrorKind::InvalidMigration`](crate::ErrorKind::InvalidMigration) for a file that is not UTF-8 and for a schema file
    /// that holds anything but CREATE statements; [`ErrorKind::NotFound`](crate::ErrorKind::NotFound). What is wrong with
    /// a migration is not an error but a [`Finding`](crate::devtools::Finding).
    pub fn check(&self) -> Result<Checked, Error> {
        self.check_for(SqliteVersion::linked())
    }

    /// As [`check`](Devtools::check), for migrations that an older SQLite than the linked one runs:
    /// files that use what only newer ones know are found too
    /// ([`FindingKind::NeedsNewerSqlite`](crate::devtools::FindingKind::NeedsNewerSqlite)), by their
    /// syntax. Functions are not looked for.
    ///
    /// # Errors
    /// As `check`.
    pub fn check_for(&self, version: SqliteVersion) -> Result<Checked, Error> {
        walk::check(self.options, version)
    }
}
