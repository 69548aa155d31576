//! `init`: the files that a project begins with.

use std::path::{Path, PathBuf};
use std::time::SystemTime;

use crate::devtools::project::create::next_version;
use crate::migration::files::source::SCHEMA_FILE;
use crate::migration::label::label;
use crate::report::error::Error;
use crate::report::remedy::Remedy;
use crate::sqlite::disk::files;

#[cfg(feature = "serde")]
use crate::report::serial;

/// The first table, as the schema file and the first migration have it.
const TABLE: &str = "CREATE TABLE notes (
    id INTEGER PRIMARY KEY,
    title TEXT NOT NULL,
    body TEXT NOT NULL DEFAULT '',
    created_at TEXT NOT NULL DEFAULT CURRENT_TIMESTAMP
);
";

const SETTINGS: &str = "# Settings of the `heirloom` command. Paths are relative to this file.
database = \".data/app.db\"
migrations = \"migrations\"

# These are the defaults:
# schema = \"migrations/schema.sql\"  # the schema as it should be
# seeds = \"seeds\"                   # rows for a new database, `heirloom seed`
# keep = 5                          # automatic backups that stay
# lock-timeout = 30                 # seconds
";

/// Keeps the database for development, and its backups, out of the repository.
const IGNORED: &str = "/.data/";

/// The files that [`init`] wrote.
#[derive(Debug, Clone, PartialEq, Eq)]
#[cfg_attr(feature = "serde", derive(serde::Serialize))]
#[non_exhaustive]
pub struct Initialized {
    /// The settings of the command.
    #[cfg_attr(feature = "serde", serde(serialize_with = "serial::path"))]
    pub settings: PathBuf,
    /// The schema as it should be.
    #[cfg_attr(feature = "serde", serde(serialize_with = "serial::path"))]
    pub schema: PathBuf,
    /// The first migration.
    #[cfg_attr(feature = "serde", serde(serialize_with = "serial::path"))]
    pub up: PathBuf,
    /// Its down migration.
    #[cfg_attr(feature = "serde", serde(serialize_with = "serial::path"))]
    pub down: PathBuf,
    /// The `.gitignore` to which `/.data/` was added; none if it was there already.
    #[cfg_attr(feature = "serde", serde(serialize_with = "serial::some_path"))]
    pub gitignore: Option<PathBuf>,
}

/// Writes into a folder what a project begins with: `heirloom.toml`, `migrations` with
/// `schema.sql`, a first migration and its down migration, and a `.gitignore` for `.data/`. All of
/// them, or none. No existing file is overwritten; to an existing `.gitignore` a line is added. The
/// version is `at` in UTC.
///
/// # Errors
/// [`ErrorKind::Usage`](crate::ErrorKind::Usage) where one of them, or anything else in `migrations`, is there;
/// [`ErrorKind::Io`](crate::ErrorKind::Io).
///
/// ```
/// # let folder = tempfile::tempdir().unwrap();
/// # let folder = folder.path();
/// let files = heirloom::devtools::init(folder, std::time::SystemTime::now())?;
/// assert_eq!(files.schema, folder.join("migrations/schema.sql"));
/// heirloom::Migrator::new(folder.join("migrations")).migrate(folder.join("app.db"))?;
/// # Ok::<(), heirloom::Error>(())
/// ```
pub fn init(folder: impl AsRef<Path>, at: SystemTime) -> Result<Initialized, Error> {
    let folder = folder.as_ref();
    let migrations = folder.join("migrations");
    let label = label(next_version(&[], at), "create_notes");
    let files = Initialized {
        settings: folder.join("heirloom.toml"),
        schema: migrations.join(SCHEMA_FILE),
        up: migrations.join(format!("{label}.sql")),
        down: migrations.join(format!("{label}.down.sql")),
        gitignore: None,
    };
    refuse_what_is_there(&files.settings, &migrations)?;
    files::create_folders(&migrations)?;
    let schema = format!(
        "-- The schema as it should be. Edit it, and `heirloom generate` writes the migration.\n\n{TABLE}"
    );
    let texts = [
        (&files.schema, schema.as_str()),
        (&files.down, "DROP TABLE notes;\n"),
        (&files.up, TABLE),
        (&files.settings, SETTINGS),
    ];
    let mut written = Vec::new();
    let mut write = || {
        for (path, text) in texts {
            files::write_source(path, text)?;
            written.push(path);
        }
        ignore_data(folder.join(".gitignore"))
    };
    match write() {
        Ok(gitignore) => Ok(Initialized { gitignore, ..files }),
        Err(error) => {
            for path in written {
                files::remove(path)?;
            }
            Err(error)
        }
    }
}

/// Adds the line that keeps `.data` out of the repository, and says to which file; none if the
/// file has such a line.
fn ignore_data(path: PathBuf) -> Result<Option<PathBuf>, Error> {
    let text = files::read_text(&path)?.unwrap_or_default();
    let is_ignored = |line: &str| line.trim().trim_matches(['/', '*']) == ".data";
    if text.lines().any(is_ignored) {
        return Ok(None);
    }
    let line_end = match text.is_empty() || text.ends_with('\n') {
        true => "",
        false => "\n",
    };
    files::append_source(&path, &format!("{line_end}{IGNORED}\n"))?;
    Ok(Some(path))
}

fn refuse_what_is_there(settings: &Path, migrations: &Path) -> Result<(), Error> {
    let in_the_way = match files::is_there(settings)? {
        true => Some(settings.to_owned()),
        false => {
            let inside = match files::is_file(migrations)? {
                true => Some(PathBuf::new()),
                false => files::files_in(migrations)?
                    .into_iter()
                    .min()
                    .map(PathBuf::from),
            };
            inside.map(|name| migrations.join(name))
        }
    };
    match in_the_way {
        None => Ok(()),
        Some(path) => Err(Error::usage(
            format!(
                "{} is there already, and nothing is written over",
                path.display()
            ),
            "begin in a folder without migrations, or write the next one",
        )
        .with_remedy(Remedy::Create)),
    }
}
