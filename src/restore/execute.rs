//! `restore`: a backup restored into the live file. And what backups there are.
//!
//! The source is proved good before the target is touched, and the present state is kept
//! first. A database that SQLite can read is replaced in one transaction of SQLite's, so that
//! others who have it open see the old state or the new. One that it cannot read is saved
//! byte for byte and made empty first, under a note that the next start finishes from.

use std::path::{Path, PathBuf};
use std::time::Instant;

use crate::backup::attachments::Folders;
use crate::backup::metadata::BackupKind;
use crate::backup::of_database::stores;
use crate::options::settings::Options;
use crate::report::act::Act;
use crate::report::error::{Error, ErrorKind};
use crate::report::outcome::{Report, Restored};
use crate::restore::find::{BackupRef, DatabaseSummary, holding, prove};
use crate::restore::folders::{finish_folders, prepare_folders};
use crate::restore::newer::{self, RowsSince};
use crate::restore::over::over_what_is_there;
use crate::run::engine::{leftovers, wait};
use crate::sqlite::disk::files;
use crate::sqlite::{open, view};

#[cfg(feature = "serde")]
use crate::report::serial;

/// What a restore would do. Made without writing anything.
#[derive(Debug, Clone, PartialEq, Eq)]
#[cfg_attr(feature = "serde", derive(serde::Serialize))]
#[non_exhaustive]
pub struct RestorePlan {
    /// The database, with symbolic links resolved.
    #[cfg_attr(feature = "serde", serde(serialize_with = "serial::path"))]
    pub database: PathBuf,
    /// The backup that would be put back.
    #[cfg_attr(feature = "serde", serde(serialize_with = "serial::path"))]
    pub file: PathBuf,
    /// What the database holds now; none when it is not there or cannot be read.
    pub before: Option<DatabaseSummary>,
    /// What it would hold.
    pub after: DatabaseSummary,
    /// The folders of files that would be put back, and take the place of those that are there.
    #[cfg_attr(feature = "serde", serde(serialize_with = "serial::paths"))]
    pub folders: Vec<PathBuf>,
    /// What was written to the database since the backup was taken, by table.
    pub newer: Vec<RowsSince>,
}

/// What a restore would do.
pub(crate) fn plan(
    options: &Options<'_>,
    path: &Path,
    wanted: &BackupRef,
) -> Result<RestorePlan, Error> {
    let target = open::resolve(path)?;
    let proven = prove(options, &target, wanted)?;
    let before = match &target.metadata {
        Some(file) if file.len() > 0 => view::view_of(&target)
            .and_then(|view| holding(options, &view.connection, &target.path))
            .ok(),
        _ => None,
    };
    let newer = match &before {
        Some(_) => newer::written_since(options, &target, &proven.read_from)?,
        None => Vec::new(),
    };
    let folders = match wanted {
        BackupRef::Snapshot(_) => Folders::of(&proven.path, PathBuf::new())?,
        _ => None,
    };
    let folders = folders.map(|folders| folders.places(&target.path));
    Ok(RestorePlan {
        folders: folders.transpose()?.unwrap_or_default(),
        newer,
        database: target.path,
        file: proven.path,
        before,
        after: proven.holding,
    })
}

/// Restores a backup. With `keep_newer` the rows that were written since are taken over.
pub(crate) fn restore(
    options: &Options<'_>,
    path: &Path,
    wanted: &BackupRef,
    keep_newer: bool,
) -> Result<Report, Error> {
    let started = Instant::now();
    let target = open::resolve(path)?;
    let proven = prove(options, &target, wanted)?;
    options.check_cancelled()?;
    if let Some(folder) = target.path.parent() {
        files::create_folders(folder)?;
    }
    let lock = wait::lock(options, &target.path)?;
    leftovers::clean_up(options, &target.path)?;
    finish_folders(options, &target)?;
    let folders = match wanted {
        BackupRef::Snapshot(_) => prepare_folders(options, &target, &proven)?,
        _ => None,
    };
    let places = match &folders {
        Some(folders) => folders.places(&target.path)?,
        None => Vec::new(),
    };
    let mut notes = Vec::new();
    if keep_newer && let Some(folders) = &folders {
        folders.forget(&target.path)?;
        return Err(Error::new(
            ErrorKind::Usage,
            "newer rows cannot be kept where a snapshot puts files back with the database",
        )
        .with_help("restore it without that"));
    }
    let mut merged = Vec::new();
    let keep = keep_newer.then_some(&mut merged);
    let done = over_what_is_there(
        options,
        &target,
        &proven,
        folders.as_ref(),
        keep,
        &mut notes,
    );
    let (replaced, was_damaged) = done.inspect_err(|error| {
        if error.data_state().is_unchanged() {
            let _ = folders.as_ref().map(|it| it.forget(&target.path));
        }
    })?;
    notes.extend(newer::notes(&merged));
    if keep_newer && (was_damaged || replaced.is_none()) {
        notes.push(newer::unread(replaced.as_ref()));
    }
    let (store, _) = stores(options, &target.path);
    let mut in_use = vec![proven.path.as_path()];
    in_use.extend(replaced.as_deref());
    notes.extend(store.thin_out(BackupKind::Replaced, options.keep, None, &in_use));
    drop(lock);
    let replaced_folders = folders.and_then(|folders| folders.kept(&target.path));
    Ok(Report {
        restored: Some(Restored {
            file: proven.path,
            replaced,
            was_damaged,
            folders: places,
            replaced_folders,
            newer: merged,
        }),
        notes,
        ..Report::new(Act::Restore, target.path, proven.holding.version, started)
    })
}
