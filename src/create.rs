//! `create`: an empty pair of files.

use std::path::{Path, PathBuf};

use chrono::{DateTime, Utc};

use crate::disk;
use crate::error::{Error, ErrorKind};
use crate::migration::{is_valid_name, label};
use crate::source::Source;

/// The two files of a new migration.
#[derive(Debug, Clone, PartialEq, Eq)]
#[non_exhaustive]
pub struct Created {
    /// The version, a UTC time: 20261121091403.
    pub version: i64,
    /// The way there.
    pub up: PathBuf,
    /// The way back.
    pub down: PathBuf,
}

/// Writes an empty migration and its way back into a folder, which is made if it is not
/// there. The version is `at` in UTC, to the second; a second one in the same second gets
/// the next number.
///
/// # Errors
/// [`ErrorKind::Usage`] for a name that no file could have; [`ErrorKind::Io`].
///
/// ```
/// let folder = std::env::temp_dir().join(format!("heirloom-doc-{}", std::process::id()));
/// let made = heirloom::create(&folder, "add phone", std::time::SystemTime::now())?;
/// assert!(made.up.ends_with(format!("V{}__add_phone.sql", made.version)));
/// # std::fs::remove_dir_all(folder).unwrap();
/// # Ok::<(), heirloom::Error>(())
/// ```
pub fn create(
    folder: impl AsRef<Path>,
    name: &str,
    at: std::time::SystemTime,
) -> Result<Created, Error> {
    let folder = folder.as_ref();
    let name: String = name
        .trim()
        .chars()
        .map(|c| if c == ' ' || c == '-' { '_' } else { c })
        .collect();
    if !is_valid_name(&name) {
        return Err(Error::new(
            ErrorKind::Usage,
            format!("`{name}` is no name for a migration"),
        )
        .with_help("use letters, digits and underscores, as in add_phone"));
    }
    disk::create_folders(folder)?;
    let existing = Source::from(folder).load(None)?;
    let at: DateTime<Utc> = at.into();
    let mut version: i64 = at
        .format("%Y%m%d%H%M%S")
        .to_string()
        .parse()
        .unwrap_or_default();
    while existing
        .iter()
        .any(|migration| migration.version == version)
    {
        version += 1;
    }
    let label = label(version, &name);
    let (up, down) = (
        folder.join(format!("{label}.sql")),
        folder.join(format!("{label}.down.sql")),
    );
    disk::write_source(&up, &format!("-- {name}: the way there.\n"))?;
    disk::write_source(
        &down,
        &format!(
            "-- {name}: the way back. Left without a statement, the migration is irreversible.\n"
        ),
    )?;
    Ok(Created { version, up, down })
}
