//! Backups and snapshots, listed.

use std::path::{Path, PathBuf};

use crate::backup::metadata::BackupKind;
use crate::backup::of_database::stores;
use crate::backup::store::Backup;
use crate::backup::store::Stray;
use crate::options::settings::Options;
use crate::report::error::Error;
use crate::restore::find::{BackupRef, holding, integrity};
use crate::sqlite::disk::{clone, files};
use crate::sqlite::open;

#[cfg(feature = "serde")]
use crate::report::serial;

/// Where a backup comes from.
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

/// A backup of a database, as it is listed.
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
    /// Of one that shares blocks with other files, the bytes of disk that it occupies alone, where the
    /// system tells: Linux does.
    #[cfg_attr(feature = "serde", serde(skip_serializing_if = "Option::is_none"))]
    pub unshared_bytes: Option<u64>,
    /// The schema version in it, none before the first migration.
    pub version: Option<i64>,
    /// Whether it is, byte for byte, what was recorded when it was taken; with
    /// [`Verify::Length`], whether it is as long. Never of one without a record.
    pub verified: bool,
    /// Whether its record is there, which tells whose it is and what it was. Without one (hidden
    /// files are easily lost) the rest is what its own contents say.
    #[cfg_attr(feature = "serde", serde(skip_serializing_if = "serial::is_true"))]
    pub recorded: bool,
    /// Of one without a record, how many rows its tables have, where it can be read.
    #[cfg_attr(feature = "serde", serde(skip_serializing_if = "Option::is_none"))]
    pub rows: Option<u64>,
    /// Of one without a record, whether SQLite finds it whole, where that was asked.
    #[cfg_attr(feature = "serde", serde(skip_serializing_if = "Option::is_none"))]
    pub whole: Option<bool>,
    /// What was left out of the folders of a snapshot that was just taken, and why, in sentences.
    #[cfg_attr(feature = "serde", serde(skip_serializing_if = "Vec::is_empty"))]
    pub notes: Vec<String>,
}

impl BackupInfo {
    /// How [`Database::restore`](crate::Database::restore) is given it.
    pub fn reference(&self) -> BackupRef {
        match (self.origin, self.file.file_stem()) {
            (BackupOrigin::Snapshot, Some(name)) => {
                BackupRef::Snapshot(name.to_string_lossy().into())
            }
            _ => BackupRef::File(self.file.clone()),
        }
    }
}

/// How thoroughly backups are looked at when they are listed.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[cfg_attr(feature = "serde", derive(serde::Deserialize))]
#[cfg_attr(feature = "serde", serde(rename_all = "snake_case"))]
pub enum Verify {
    /// The length alone, which finds what was cut off and reads nothing: for a list of names.
    Length,
    /// The digest, which finds every changed bit.
    Digest,
    /// The digest, and SQLite's own `integrity_check`.
    Everything,
}

/// Every backup of a database, the newest first.
pub(crate) fn copies(
    options: &Options<'_>,
    path: &Path,
    verify: Verify,
) -> Result<Vec<BackupInfo>, Error> {
    let target = open::resolve(path)?;
    let mut copies = Vec::new();
    let (automatic, snapshots) = stores(options, &target.path);
    let folders = [automatic.folder().to_owned(), snapshots.folder().to_owned()];
    let mut strays = Vec::new();
    for (store, origin) in [
        (automatic, BackupOrigin::Automatic),
        (snapshots, BackupOrigin::Snapshot),
    ] {
        for stray in store.strays()? {
            if !copies
                .iter()
                .any(|(_, known): &(u64, BackupInfo)| known.file == stray.path)
            {
                strays.push(unrecorded(options, stray, origin, verify)?);
            }
        }
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
                    unshared_bytes: clone::unshared_bytes(&path),
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
                    recorded: true,
                    rows: None,
                    whole: None,
                    notes: Vec::new(),
                },
            ));
        }
    }
    copies.sort_by_key(|(sequence, _)| std::cmp::Reverse(*sequence));
    let mut copies: Vec<BackupInfo> = copies.into_iter().map(|(_, copy)| copy).collect();
    // One that was given another name is in the list already.
    strays.retain(|stray| !copies.iter().any(|copy| copy.file == stray.file));
    strays.sort_by(|one, other| other.created_at.cmp(&one.created_at));
    copies.extend(strays);
    if copies.is_empty() {
        // That there are none would be half of the truth.
        folders
            .iter()
            .try_for_each(|it| files::refuse_no_folder(it))?;
    }
    Ok(copies)
}

/// A backup without a record, with what its contents say of it.
fn unrecorded(
    options: &Options<'_>,
    stray: Stray,
    origin: BackupOrigin,
    verify: Verify,
) -> Result<BackupInfo, Error> {
    let Stray {
        path, created_at, ..
    } = stray;
    let held = open::copy(&path).and_then(|copy| holding(options, &copy, &path));
    let whole = match verify {
        Verify::Length => None,
        Verify::Digest | Verify::Everything => Some(integrity(options, &path).is_ok()),
    };
    let held = held.ok();
    Ok(BackupInfo {
        unshared_bytes: clone::unshared_bytes(&path),
        origin,
        replaced: false,
        created_at,
        bytes: files::length(&path)?,
        version: held.as_ref().and_then(|held| held.version),
        rows: held.map(|held| held.rows.values().sum()),
        verified: false,
        recorded: false,
        whole,
        notes: Vec::new(),
        file: path,
    })
}
