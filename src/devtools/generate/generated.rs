//! What `generate` takes and returns.

use std::path::{Path, PathBuf};
use std::time::SystemTime;

use crate::devtools::alter::sqlite_version::SqliteVersion;
use crate::report::change::TableChange;
use crate::report::error::Error;
use crate::sqlite::disk::files;
use crate::sqlite::schema::parsed::edits::ColumnOrder;

#[cfg(feature = "serde")]
use crate::report::serial;

/// What a caller wants of [`Devtools::generate`](crate::Devtools::generate) beside the schema
/// file itself.
#[derive(Debug, Clone)]
pub struct GenerateOptions {
    pub(super) name: Option<String>,
    pub(super) renames: Vec<String>,
    pub(super) drops: Vec<String>,
    pub(super) allow_destructive: bool,
    pub(super) order: ColumnOrder,
    pub(super) single: bool,
    pub(super) sqlite: SqliteVersion,
    pub(super) at: SystemTime,
}

impl Default for GenerateOptions {
    fn default() -> GenerateOptions {
        GenerateOptions {
            name: None,
            renames: Vec::new(),
            drops: Vec::new(),
            allow_destructive: false,
            order: ColumnOrder::Ignored,
            single: false,
            sqlite: SqliteVersion::linked(),
            at: SystemTime::now(),
        }
    }
}

impl GenerateOptions {
    /// Nothing beside the schema file.
    pub fn new() -> GenerateOptions {
        GenerateOptions::default()
    }

    /// What the files are called; after what they do unless said otherwise.
    pub fn name(mut self, name: impl Into<String>) -> Self {
        self.name = Some(name.into());
        self
    }

    /// Something was renamed: `users.name=full_name` for a column, `users=people` for a table.
    pub fn rename(mut self, rename: impl Into<String>) -> Self {
        self.renames.push(rename.into());
        self
    }

    /// Something is gone and was not renamed: `users.name`, or `users`. It is not permission to destroy.
    pub fn drop(mut self, gone: impl Into<String>) -> Self {
        self.drops.push(gone.into());
        self
    }

    /// Allows what the changes destroy, and writes that into the files.
    pub fn allow_destructive(mut self) -> Self {
        self.allow_destructive = true;
        self
    }

    /// Whether it was consented to what the changes destroy.
    pub(crate) fn consents(&self) -> bool {
        self.allow_destructive
    }

    /// Rebuilds tables whose columns are only in another order.
    pub fn strict_order(mut self) -> Self {
        self.order = ColumnOrder::Counts;
        self
    }

    /// Writes one migration for all changed tables, in one order that works, in place of one for
    /// each.
    pub fn single(mut self) -> Self {
        self.single = true;
        self
    }

    /// The SQLite that runs the migrations, where that is older than the linked one (which it is
    /// unless said otherwise): what only newer ones know is not written, and refused in the schema
    /// file. The files are proved on the linked SQLite all the same.
    pub fn sqlite(mut self, version: SqliteVersion) -> Self {
        self.sqlite = version;
        self
    }

    /// The time that versions are made from, now unless said otherwise.
    pub fn at(mut self, time: SystemTime) -> Self {
        self.at = time;
        self
    }
}

/// Migrations that lead to the schema as it should be, proved and not written yet.
#[derive(Debug, Clone)]
#[cfg_attr(feature = "serde", derive(serde::Serialize))]
#[non_exhaustive]
pub struct Generated {
    /// What changes, table by table, in the order of the files.
    pub changes: Vec<TableChange>,
    /// The pairs of files, in the order in which they apply.
    pub files: Vec<GeneratedFile>,
    /// The schema that the migrations give, a statement after the other.
    pub schema_before: String,
    /// The schema as it should be, likewise.
    pub schema_after: String,
    /// What of the schema file was skipped, in sentences.
    pub notes: Vec<String>,
}

/// A migration and its down migration.
#[derive(Debug, Clone, PartialEq, Eq)]
#[cfg_attr(feature = "serde", derive(serde::Serialize))]
#[non_exhaustive]
pub struct GeneratedFile {
    /// Where the up migration is going to be.
    #[cfg_attr(feature = "serde", serde(serialize_with = "serial::path"))]
    pub up: PathBuf,
    /// Where the down migration is going to be. None where there is none, and the up migration says why.
    #[cfg_attr(feature = "serde", serde(serialize_with = "serial::some_path"))]
    pub down: Option<PathBuf>,
    /// The SQL of the up migration.
    pub up_sql: String,
    /// The SQL of the down migration.
    pub down_sql: Option<String>,
}

impl Generated {
    /// Whether the migrations give the schema already.
    pub fn is_empty(&self) -> bool {
        self.files.is_empty()
    }

    /// Writes the files. All of them, or none.
    ///
    /// # Errors
    /// [`ErrorKind::Io`](crate::ErrorKind::Io) and [`ErrorKind::DiskFull`](crate::ErrorKind::DiskFull); what was written is removed again.
    pub fn write(&self) -> Result<(), Error> {
        let pairs = self.files.iter();
        // The down migration first: an up migration without it would be taken for irreversible.
        let texts = pairs.flat_map(|f| {
            let down = f.down.as_ref().zip(f.down_sql.as_ref());
            down.into_iter().chain([(&f.up, &f.up_sql)])
        });
        let mut written: Vec<&Path> = Vec::new();
        for (path, text) in texts {
            if let Some(folder) = path.parent() {
                files::create_folders(folder)?;
            }
            if let Err(error) = files::write_source(path, text) {
                for path in written {
                    files::remove(path)?;
                }
                return Err(error);
            }
            written.push(path);
        }
        Ok(())
    }
}
