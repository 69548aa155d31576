//! The backup that is meant, found and proved.

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};

use rusqlite::Connection;

use crate::backup::metadata::{BackupKind, BackupMetadata};
use crate::backup::of_database::stores;
use crate::backup::store::Store;
use crate::migration::compare::newest;
use crate::migration::history::table;
use crate::options::settings::Options;
use crate::report::error::{Error, ErrorKind};
use crate::report::remedy::Remedy;
use crate::sqlite::disk::{digest, files, path, scratch};
use crate::sqlite::integrity;
use crate::sqlite::open::{self, Target};
use crate::sqlite::schema::catalog;
use crate::sqlite::schema::objects::Table;
use crate::sqlite::schema::table_tracker::TableTracker;

#[cfg(feature = "serde")]
use crate::report::serial;

/// Which backup is meant.
#[derive(Debug, Clone, PartialEq, Eq)]
#[cfg_attr(feature = "serde", derive(serde::Serialize, serde::Deserialize))]
#[cfg_attr(feature = "serde", serde(rename_all = "snake_case"))]
#[non_exhaustive]
pub enum BackupRef {
    /// The newest automatic backup.
    Latest,
    /// An automatic backup by its file name, or any database by its path.
    File(#[cfg_attr(feature = "serde", serde(serialize_with = "serial::path"))] PathBuf),
    /// A snapshot by its name.
    Snapshot(String),
}

/// What a database holds, in short.
#[derive(Debug, Clone, PartialEq, Eq)]
#[cfg_attr(feature = "serde", derive(serde::Serialize))]
#[non_exhaustive]
pub struct DatabaseSummary {
    /// The schema version.
    pub version: Option<i64>,
    /// The size in bytes.
    pub bytes: u64,
    /// Rows by table.
    pub rows: BTreeMap<String, u64>,
}

pub(crate) fn not_found(message: String) -> Error {
    Error::not_found(
        message,
        "choose one of the backups and snapshots that are there",
    )
    .with_remedy(Remedy::ListBackups { verify: false })
}

/// A backup that was found and proved good.
pub(crate) struct Proven {
    pub(super) path: PathBuf,
    /// That of the database it was taken from, where that was recorded.
    pub(super) journal_mode: Option<String>,
    pub(super) digest: String,
    pub(super) holding: DatabaseSummary,
    /// A source that is not a recorded copy may have companions, and is folded together here.
    pub(super) _scratch: Option<scratch::Scratch>,
    /// What is read: the copy itself, or the folded one.
    pub(super) read_from: PathBuf,
}

pub(crate) fn find(
    options: &Options<'_>,
    database: &Path,
    wanted: &BackupRef,
) -> Result<(PathBuf, Option<BackupMetadata>), Error> {
    let (automatic, snapshots) = stores(options, database);
    let recorded = |store: &Store<'_>, path: &Path| {
        let all = store.list()?;
        let same = all
            .into_iter()
            .find(|backup| files::is_same_file(&backup.path, path));
        Ok::<_, Error>(same.map(|backup| backup.record))
    };
    match wanted {
        BackupRef::Latest => {
            let mut recorded = automatic.list()?.into_iter();
            let latest = recorded.rfind(|backup| backup.record.shelf == BackupKind::Automatic);
            // Without their records, their names say when they were taken.
            let mut strays = automatic.strays()?.into_iter();
            let stray = strays.rfind(|stray| stray.is_timed);
            if latest.is_none() && stray.is_none() {
                files::refuse_no_folder(automatic.folder())?;
            }
            latest
                .map(|backup| (backup.path, Some(backup.record)))
                .or(stray.map(|stray| (stray.path, None)))
                .ok_or_else(|| not_found("there is no automatic backup of this database".into()))
        }
        BackupRef::Snapshot(name) => {
            let path = snapshots.path_of(&format!("{name}.db"));
            let plain = Path::new(name).file_name() == Some(name.as_ref());
            // One with the record of another database is that one's.
            match recorded(&snapshots, &path)? {
                Some(record) if plain => Ok((path, Some(record))),
                None if plain && snapshots.strays()?.iter().any(|it| it.path == path) => {
                    Ok((path, None))
                }
                _ => Err(not_found(format!("there is no snapshot called `{name}`"))),
            }
        }
        BackupRef::File(file) => {
            let named = file.file_name() == Some(file.as_os_str());
            let name = file.to_string_lossy();
            let inside = automatic.path_of(&name);
            let inside_is_meant = named && files::is_file(&inside)?;
            let path = if inside_is_meant {
                inside
            } else {
                file.clone()
            };
            if !files::is_file(&path)? {
                return Err(not_found(format!("there is no backup {}", file.display())));
            }
            // Two databases may share the folder. A path says that it is meant.
            if inside_is_meant && let Some(other) = automatic.other_owner(&name)? {
                return Err(Error::usage(format!("{name} is a backup of another database, {other}"), "choose a backup of this database; or give the path of the file to restore it all the same")
                .with_remedy(Remedy::ListBackups { verify: false }));
            }
            let path = path::canonicalize(&path).map_err(|error| {
                files::failure(format!("cannot look at {}", path.display()), error)
            })?;
            let record = match recorded(&automatic, &path)? {
                Some(record) => Some(record),
                None => recorded(&snapshots, &path)?,
            };
            Ok((path, record))
        }
    }
}

/// Finds the backup and proves it good, before the target is touched.
pub(crate) fn prove(
    options: &Options<'_>,
    target: &Target,
    wanted: &BackupRef,
) -> Result<Proven, Error> {
    let (path, record) = find(options, &target.path, wanted)?;
    if files::is_same_file(&path, &target.path) {
        return Err(Error::usage(
            format!("{} is the database itself", path.display()),
            "name a backup",
        ));
    }
    if files::length(&path)? < open::SHORTEST {
        return Err(invalid(&path, "it is too short to be a database"));
    }
    let digest = digest::of_file(&path)?;
    if record
        .as_ref()
        .is_some_and(|record| record.digest != digest)
    {
        return Err(invalid(
            &path,
            "it is not what was recorded when it was taken",
        ));
    }
    // A database with a write-ahead log of its own, or a journal, is more than one file.
    let companions = ["-wal", "-journal"];
    let alone = !has_any(&path, &companions)?;
    let (scratch, read_from, digest) = if alone {
        (None, path.clone(), digest)
    } else {
        let scratch = scratch::Scratch::copy_of(&path, &companions)?;
        fold(scratch.path())?;
        let (folded, digest) = (scratch.path().to_owned(), digest::of_file(scratch.path())?);
        (Some(scratch), folded, digest)
    };
    integrity(options, &read_from)?;
    Ok(Proven {
        holding: holding(options, &open::copy(&read_from)?, &read_from)?,
        journal_mode: record.map(|record| record.journal_mode),
        path,
        digest,
        _scratch: scratch,
        read_from,
    })
}

/// Makes one file of a private copy and its companions.
pub(crate) fn fold(path: &Path) -> Result<(), Error> {
    let connection = open::writer(path)?;
    open::readable(&connection, path)?;
    catalog::word(&connection, "PRAGMA journal_mode = DELETE").map(drop)
}

pub(crate) fn invalid(path: &Path, reason: &str) -> Error {
    Error::new(
        ErrorKind::BackupInvalid,
        format!("{} cannot be restored: {reason}", path.display()),
    )
    .with_help("choose another backup")
    .with_remedy(Remedy::ListBackups { verify: true })
}

/// SQLite's thorough check of a backup.
pub(crate) fn integrity(options: &Options<'_>, path: &Path) -> Result<(), Error> {
    let connection = open::copy(path)?;
    options.set_up(&connection)?;
    match integrity::integrity_check(&connection)? {
        None => Ok(()),
        Some(finding) => Err(invalid(path, &finding)),
    }
}

pub(crate) fn holding(
    options: &Options<'_>,
    connection: &Connection,
    path: &Path,
) -> Result<DatabaseSummary, Error> {
    options.trust_little(connection)?;
    let schema = catalog::schema(connection, &options.own_tables())?;
    let mut rows = catalog::row_counts(connection, &TableTracker::of(&schema))?;
    // What can be searched for is in another table, and would be counted twice.
    rows.retain(|name, _| !schema.table(name).is_some_and(Table::is_derived));
    Ok(DatabaseSummary {
        version: newest(&table::read(connection, &options.history_table).unwrap_or_default()),
        bytes: files::length(path)?,
        rows,
    })
}

/// Whether a database has companions with something in them.
pub(crate) fn has_any(database: &Path, endings: &[&str]) -> Result<bool, Error> {
    for ending in endings {
        if files::length(&files::companion(database, ending))? > 0 {
            return Ok(true);
        }
    }
    Ok(false)
}
