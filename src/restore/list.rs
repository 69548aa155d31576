//! Backups and snapshots, listed.

use std::path::{Path, PathBuf};

use crate::backup::metadata::BackupKind;
use crate::backup::of_database::stores;
use crate::backup::store::Backup;
use crate::options::settings::Options;
use crate::report::error::Error;
use crate::restore::find::{BackupRef, integrity};
use crate::sqlite::open;

#[cfg(feature = "serde")]
use crate::report::serial;

/// Where a copy comes from.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[cfg_attr(feature = "serde", derive(serde::Serialize))]
#[cfg_attr(feature = "serde", serde(rename_all = "kebab-case"))]
#[non_exhaustive]
pub enum BackupOrigin {
    /// Taken before a run, a revert or a restore.
    Automatic,
    /// Taken because somebody asked for it, under a name.
    Snapshot,
}

impl BackupOrigin {
    /// The word in JSON and in tables.
    pub fn as_str(self) -> &'static str {
        match self {
            BackupOrigin::Automatic => "automatic",
            BackupOrigin::Snapshot => "snapshot",
        }
    }
}

/// A copy of a database, as it is listed.
#[derive(Debug, Clone, PartialEq, Eq)]
#[cfg_attr(feature = "serde", derive(serde::Serialize))]
#[non_exhaustive]
pub struct BackupInfo {
    /// The file.
    #[cfg_attr(feature = "serde", serde(serialize_with = "serial::path"))]
    pub file: PathBuf,
    /// Where it comes from.
    pub origin: BackupOrigin,
    /// Whether it is the state that a restore replaced.
    pub replaced: bool,
    /// When it was taken, RFC 3339 in UTC.
    pub created_at: String,
    /// Its size in bytes.
    pub bytes: u64,
    /// The schema version in it, none before the first migration.
    pub version: Option<i64>,
    /// Whether it is, byte for byte, what was recorded when it was taken; with
    /// [`Verify::Length`], whether it is as long.
    pub verified: bool,
}

impl BackupInfo {
    /// How [`Database::restore`](crate::Database::restore) is told of it.
    pub fn reference(&self) -> BackupRef {
        match (self.origin, self.file.file_stem()) {
            (BackupOrigin::Snapshot, Some(name)) => {
                BackupRef::Snapshot(name.to_string_lossy().into())
            }
            _ => BackupRef::File(self.file.clone()),
        }
    }
}

/// How thoroughly copies are looked at when they are listed.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Verify {
    /// The length alone, which finds what was cut off and reads nothing: for a list of names.
    Length,
    /// The digest, which finds every changed bit.
    Digest,
    /// The digest, and SQLite's own `integrity_check`.
    Everything,
}

/// Every copy of a database, the newest first.
pub(crate) fn copies(
    options: &Options<'_>,
    path: &Path,
    verify: Verify,
) -> Result<Vec<BackupInfo>, Error> {
    let target = open::resolve(path)?;
    let mut copies = Vec::new();
    let (automatic, snapshots) = stores(options, &target.path);
    for store in [automatic, snapshots] {
        for backup in store.list()? {
            let sound = match verify {
                Verify::Length => backup.has_its_length(),
                Verify::Digest => backup.verifies(),
                Verify::Everything => backup.verifies() && integrity(options, &backup.path).is_ok(),
            };
            let Backup { path, record } = backup;
            copies.push((
                record.sequence,
                BackupInfo {
                    file: path,
                    origin: match record.shelf {
                        BackupKind::Automatic | BackupKind::Replaced => BackupOrigin::Automatic,
                        BackupKind::Snapshot => BackupOrigin::Snapshot,
                    },
                    replaced: record.shelf == BackupKind::Replaced,
                    created_at: record.created_at,
                    bytes: record.bytes,
                    version: record.version,
                    verified: sound,
                },
            ));
        }
    }
    copies.sort_by_key(|(sequence, _)| std::cmp::Reverse(*sequence));
    Ok(copies.into_iter().map(|(_, copy)| copy).collect())
}
