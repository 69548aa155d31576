//! Folders of files that a snapshot takes along: what an app keeps beside its database.

use std::path::{Path, PathBuf};

use fs_extra::dir::{CopyOptions, TransitProcess, TransitProcessResult, copy_with_progress};

use crate::disk;
use crate::error::{Error, ErrorKind};

/// Where the folders of a snapshot are: `before-import.files` beside `before-import.db`.
pub(crate) fn folder_of(snapshot: &Path) -> PathBuf {
    snapshot.with_extension("files")
}

/// How the hidden names begin of what is not finished: databases may share a folder.
fn unfinished_of(database: &Path) -> String {
    let name = database.file_name().unwrap_or_default().to_string_lossy();
    format!(".{name}-")
}

/// How they end.
const UNFINISHED: &str = ".files.partial";

/// Where the folders of a snapshot are until they are whole.
fn staging_of(snapshot: &Path, database: &Path) -> PathBuf {
    let name = snapshot.file_stem().unwrap_or_default().to_string_lossy();
    let begin = unfinished_of(database);
    snapshot.with_file_name(format!("{begin}{name}{UNFINISHED}"))
}

/// Removes what an interrupted snapshot, or restore, left of its folders. How many. Only under
/// the process lock.
pub(crate) fn clean(snapshots: &Path, database: &Path) -> Result<usize, Error> {
    let beside = database.parent().unwrap_or(database);
    let begin = unfinished_of(database);
    let mut removed = 0;
    for folder in [snapshots, beside] {
        for name in disk::files_in(folder)? {
            if name.starts_with(&begin) && name.ends_with(UNFINISHED) {
                disk::remove_folder(&folder.join(name))?;
                removed += 1;
            }
        }
    }
    Ok(removed)
}

/// Refuses folders that cannot be told apart later, or are not there.
pub(crate) fn check(database: &Path, folders: &[PathBuf]) -> Result<Vec<PathBuf>, Error> {
    let refuse = |folder: &Path, reason: &str| {
        Err(
            Error::new(ErrorKind::Usage, format!("{} {reason}", folder.display()))
                .with_help("name folders that lie beside the database"),
        )
    };
    let beside = database.parent().unwrap_or(database);
    let mut found: Vec<PathBuf> = Vec::new();
    for folder in folders {
        let path = beside.join(folder);
        let Ok(real) = path.canonicalize() else {
            return refuse(&path, "does not exist");
        };
        if !real.is_dir() {
            return refuse(&path, "is no folder");
        }
        if real.parent() != Some(beside)
            || ["backups", "snapshots"]
                .iter()
                .any(|own| real.ends_with(own))
        {
            return refuse(&path, "is no folder of the app's beside the database");
        }
        if !found.contains(&real) {
            found.push(real);
        }
    }
    Ok(found)
}

/// Sets aside what is where the folders of a new snapshot will be: a snapshot that was
/// interrupted before its database had a name left it, or somebody else did.
pub(crate) fn make_way(snapshot: &Path) -> Result<(), Error> {
    let target = folder_of(snapshot);
    if !target.exists() {
        return Ok(());
    }
    let name = target.file_name().unwrap_or_default().to_string_lossy();
    let base = format!("{name}-unfinished");
    let aside = disk::free_name(target.parent().unwrap_or(&target), &base, "")?;
    log::warn!(
        "{} belongs to no snapshot; now {}",
        target.display(),
        aside.display()
    );
    disk::rename(&target, &aside)
}

/// Copies folders to where a snapshot of this path will be. They get their name only when
/// every file is there and synced.
pub(crate) fn take(
    snapshot: &Path,
    database: &Path,
    folders: &[PathBuf],
    progress: &dyn Fn(u64, u64) -> Result<(), Error>,
) -> Result<(), Error> {
    let (target, staging) = (folder_of(snapshot), staging_of(snapshot, database));
    disk::remove_folder(&staging)?;
    disk::create_private_folder(&staging, snapshot.parent().unwrap_or(snapshot))?;
    for folder in folders {
        copy(folder, &staging, progress)?;
    }
    disk::sync_folder(&staging)?;
    disk::rename(&staging, &target)?;
    disk::sync_folder(target.parent().unwrap_or(&target))
}

/// Puts a snapshot's folders back beside the database. What is there now is kept in
/// `replaced`. The copying is done before the first folder changes its name.
pub(crate) fn put_back(
    snapshot: &Path,
    database: &Path,
    replaced: &Path,
    progress: &dyn Fn(u64, u64) -> Result<(), Error>,
) -> Result<Vec<PathBuf>, Error> {
    let source = folder_of(snapshot);
    let beside = database.parent().unwrap_or(database);
    let names = disk::folders_in(&source)?;
    let staging = staging_of(&beside.join("restored"), database);
    disk::remove_folder(&staging)?;
    if names.is_empty() {
        return Ok(Vec::new());
    }
    disk::create_private_folder(&staging, beside)?;
    for name in &names {
        copy(&source.join(name), &staging, progress)?;
    }
    let mut restored = Vec::new();
    for name in &names {
        let live = beside.join(name);
        if disk::is_there(&live)? {
            disk::create_private_folder(replaced, database)?;
            disk::rename(&live, &replaced.join(name))?;
            // Before something else has its name, or a power cut could leave neither.
            disk::sync_folder(replaced)?;
        }
        disk::rename(&staging.join(name), &live)?;
        restored.push(live);
    }
    disk::remove_folder(&staging)?;
    disk::sync_folder(beside)?;
    Ok(restored)
}

/// Copies a folder into another, with its permissions, and syncs what it wrote.
fn copy(
    folder: &Path,
    into: &Path,
    progress: &dyn Fn(u64, u64) -> Result<(), Error>,
) -> Result<(), Error> {
    let mut stopped = None;
    let handler = |state: TransitProcess| match progress(state.copied_bytes, state.total_bytes) {
        Ok(()) => TransitProcessResult::ContinueOrAbort,
        Err(error) => {
            stopped.get_or_insert(error);
            TransitProcessResult::Abort
        }
    };
    let copied = copy_with_progress(folder, into, &CopyOptions::new(), handler);
    if let Some(error) = stopped {
        return Err(error);
    }
    copied.map_err(|error| {
        Error::new(ErrorKind::Io, format!("cannot copy {}", folder.display()))
            .with_help("check the folder and the disk, and try again")
            .because(error)
    })?;
    let name = folder.file_name().unwrap_or_default();
    disk::finish_folder(folder, &into.join(name))
}
