//! `create`: an empty pair of files.

use std::path::PathBuf;
use std::time::SystemTime;

use chrono::{DateTime, Utc};

use crate::migration::files::name::is_valid_name;
use crate::migration::files::source::Source;
use crate::migration::label::label;
use crate::migration::set::Migration;
use crate::migration::step::TEMPLATE;
use crate::sqlite::disk::files;

use crate::report::error::Error;
#[cfg(feature = "serde")]
use crate::report::serial;

/// The two files of a new migration.
#[derive(Debug, Clone, PartialEq, Eq)]
#[cfg_attr(feature = "serde", derive(serde::Serialize))]
#[non_exhaustive]
pub struct Created {
    /// The version, a UTC time: 20261121091403.
    pub version: i64,
    /// The up migration.
    #[cfg_attr(feature = "serde", serde(serialize_with = "serial::path"))]
    pub up: PathBuf,
    /// The down migration.
    #[cfg_attr(feature = "serde", serde(serialize_with = "serial::path"))]
    pub down: PathBuf,
}

/// A name as a file can have it.
pub(crate) fn file_name(name: &str) -> Result<String, Error> {
    let name: String = name
        .trim()
        .chars()
        .map(|c| if c == ' ' || c == '-' { '_' } else { c })
        .collect();
    match is_valid_name(&name) {
        true => Ok(name),
        false => Err(Error::usage(
            format!("`{name}` is not a valid name for a migration"),
            "use letters, digits and underscores, as in add_phone",
        )),
    }
}

/// The version of a migration that comes after all there are: the time in UTC, to the second,
/// or the next number where that is not larger.
pub(crate) fn next_version(existing: &[Migration], at: SystemTime) -> i64 {
    let at: DateTime<Utc> = at.into();
    let now = at.format("%Y%m%d%H%M%S").to_string().parse();
    let newest = existing.last().map_or(0, |migration| migration.version);
    newest.saturating_add(1).max(now.unwrap_or_default())
}

/// Writes an empty migration and its down migration into a folder, which is made if it is not
/// there. The version is `at` in UTC, to the second; where that is not larger than the newest
/// there is, as in the same second, it is the next number.
///
/// # Errors
/// [`ErrorKind::Usage`](crate::ErrorKind::Usage) for a name that no file could have, or migrations that are not a folder; [`ErrorKind::Io`](crate::ErrorKind::Io).
///
/// ```
/// let folder = std::env::temp_dir().join(format!("heirloom-doc-{}", std::process::id()));
/// let made = heirloom::devtools::create(&folder, "add phone", std::time::SystemTime::now())?;
/// assert!(made.up.ends_with(format!("V{}__add_phone.sql", made.version)));
/// # std::fs::remove_dir_all(folder).unwrap();
/// # Ok::<(), heirloom::Error>(())
/// ```
pub fn create(folder: impl Into<Source>, name: &str, at: SystemTime) -> Result<Created, Error> {
    let source = folder.into();
    let folder = source.folder().ok_or_else(|| {
        Error::usage(
            "the migrations are not a folder on disk",
            "give the folder that they are embedded from",
        )
    })?;
    let name = file_name(name)?;
    files::create_folders(folder)?;
    let version = next_version(&source.load(None)?, at);
    let label = label(version, &name);
    let (up, down) = (
        folder.join(format!("{label}.sql")),
        folder.join(format!("{label}.down.sql")),
    );
    files::write_source(&up, &format!("-- {name}{TEMPLATE}\n"))?;
    files::write_source(
        &down,
        &format!(
            "-- {name}: the down migration. Left without a statement, the migration is irreversible.\n"
        ),
    )?;
    Ok(Created { version, up, down })
}
