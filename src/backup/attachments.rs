//! Folders of files that a snapshot takes along: what an app keeps beside its database.

use std::path::{Path, PathBuf};

use crate::backup::locate;
use crate::report::error::{Error, ErrorKind};
use crate::sqlite::disk::space;
use crate::sqlite::disk::tree::{self, Tree};
use crate::sqlite::disk::{files, path};

/// How the names of folders begin where a restore keeps those that it replaced.
pub(crate) const REPLACED: &str = "files-replaced-";

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

/// Where the folders of a restore are, whole, before each takes the place of the app's.
fn ready_of(database: &Path) -> PathBuf {
    database.with_file_name(format!("{}restored.files", unfinished_of(database)))
}

/// Removes what an interrupted snapshot, or restore, left of its folders. How many. Only under
/// the process lock, and where no note of a restore waits for them.
pub(crate) fn clean(snapshots: &Path, database: &Path) -> Result<usize, Error> {
    let beside = database.parent().unwrap_or(database);
    let begin = unfinished_of(database);
    let mut removed = 0;
    for folder in [snapshots, beside] {
        for name in files::files_in(folder)? {
            if name.starts_with(&begin) && name.ends_with(UNFINISHED) {
                removed += usize::from(files::remove_leftover(&folder.join(name), true)?);
            }
        }
    }
    removed += usize::from(files::remove_leftover(&ready_of(database), true)?);
    Ok(removed)
}

/// Refuses folders that cannot be distinguished later, or are not there.
pub(crate) fn check(
    database: &Path,
    backups: &Path,
    folders: &[PathBuf],
) -> Result<Vec<PathBuf>, Error> {
    let refuse = |folder: &Path, reason: &str| {
        Err(Error::usage(
            format!("{} {reason}", folder.display()),
            "name folders that lie beside the database",
        ))
    };
    let beside = database.parent().unwrap_or(database);
    let mut found: Vec<PathBuf> = Vec::new();
    for folder in folders {
        let path = beside.join(folder);
        let Ok(real) = path::canonicalize(&path) else {
            return refuse(&path, "does not exist");
        };
        if !real.is_dir() {
            return refuse(&path, "is not a folder");
        }
        if real.parent() != Some(beside)
            || ["backups", "snapshots"]
                .iter()
                .any(|own| real.ends_with(own))
        {
            return refuse(&path, "is not a folder of the app's beside the database");
        }
        if holds_backups(&real, database, backups) {
            return refuse(&path, "holds the backups or the snapshots of the database");
        }
        if !found.contains(&real) {
            found.push(real);
        }
    }
    Ok(found)
}

/// Whether the backups or the snapshots of a database are in a folder, under whatever name.
fn holds_backups(folder: &Path, database: &Path, backups: &Path) -> bool {
    let snapshots = database.with_file_name("snapshots");
    let Ok(folder) = folder.canonicalize() else {
        return false;
    };
    [backups, &snapshots]
        .iter()
        .filter_map(|own| own.canonicalize().ok())
        .any(|own| own.starts_with(&folder))
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
    let aside = files::free_name(target.parent().unwrap_or(&target), &base, "")?;
    log::warn!(
        "{} belongs to no snapshot; now {}",
        target.display(),
        aside.display()
    );
    files::rename(&target, &aside)
}

/// Copies folders to where a snapshot of this path will be. They get their name only when
/// every file is there and synced. What was left out, and why, in sentences.
pub(crate) fn take(
    snapshot: &Path,
    database: &Path,
    folders: &[PathBuf],
    progress: &dyn Fn(u64, u64) -> Result<(), Error>,
) -> Result<Vec<String>, Error> {
    let (target, staging) = (folder_of(snapshot), staging_of(snapshot, database));
    files::remove_folder(&staging)?;
    files::create_private_folder(&staging, snapshot.parent().unwrap_or(snapshot))?;
    copy(folders, &staging, progress)
        .and_then(|notes| tree::place(&staging, &target).map(|()| notes))
        .inspect_err(|_| drop(files::remove_folder(&staging)))
}

/// The folders that a restore puts back beside the database. They are copied before the database
/// changes, and take their places after it. Each step can be done again from any point.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Folders {
    /// Where the snapshot has them.
    pub(crate) source: PathBuf,
    /// Where those go that they replace.
    pub(crate) replaced: PathBuf,
}

impl Folders {
    /// None where the snapshot took none along.
    pub(crate) fn of(snapshot: &Path, replaced: PathBuf) -> Result<Option<Folders>, Error> {
        let source = folder_of(snapshot);
        let any = !tree::folders_in(&source)?.is_empty();
        Ok(any.then_some(Folders { source, replaced }))
    }

    /// Where the folders of a note are now, if they are those of the snapshot that it names, and
    /// what they replace goes to where a restore puts it. Else none.
    pub(crate) fn found_beside(
        self,
        snapshot: &Path,
        moved: bool,
        database: &Path,
        backups: &Path,
    ) -> Option<Folders> {
        let beside = database.parent()?;
        let source = database
            .with_file_name("snapshots")
            .join(self.source.file_name()?);
        let replaced = backups.join(self.replaced.file_name()?);
        let is_a_link = |path: &Path| path.symlink_metadata().is_ok_and(|it| it.is_symlink());
        let names = self.source == folder_of(snapshot)
            && replaced.file_name()?.to_str()?.starts_with(REPLACED);
        let places = moved
            || (self.source == source
                && (self.replaced == replaced || locate::is_below(&self.replaced, &[beside])));
        let replaced = if moved { replaced } else { self.replaced };
        let links = !locate::is_below(&source, &[beside])
            || is_a_link(&source)
            || is_a_link(&ready_of(database))
            || is_a_link(&replaced);
        (names && places && !links).then_some(Folders { source, replaced })
    }

    /// Copies them to the disk of the database. Nothing of the app's is touched.
    pub(crate) fn prepare(
        &self,
        database: &Path,
        progress: &dyn Fn(u64, u64) -> Result<(), Error>,
    ) -> Result<(), Error> {
        let (beside, ready) = (database.parent().unwrap_or(database), ready_of(database));
        if files::is_there(&ready)? {
            return Ok(());
        }
        let staging = staging_of(&beside.join("restored"), database);
        files::remove_folder(&staging)?;
        files::create_private_folder(&staging, beside)?;
        let names = tree::folders_in(&self.source)?.into_iter();
        let folders: Vec<PathBuf> = names.map(|name| self.source.join(name)).collect();
        copy(&folders, &staging, progress)
            .and_then(|_| tree::place(&staging, &ready))
            .inspect_err(|_| drop(files::remove_folder(&staging)))
    }

    /// Refuses folders that would take the place of what holds the backups or the snapshots: they
    /// would be moved away with it.
    pub(crate) fn refuse_backups(&self, database: &Path, backups: &Path) -> Result<(), Error> {
        for place in self.places(database)? {
            if holds_backups(&place, database, backups) {
                return Err(Error::new(
                    ErrorKind::Usage,
                    format!(
                        "the snapshot has a folder {}, which is where the backups are now",
                        place.display()
                    ),
                )
                .with_help("choose another folder for backups, and restore it again"));
            }
        }
        Ok(())
    }

    /// Puts them in their places, and keeps what was there.
    pub(crate) fn put_back(
        &self,
        database: &Path,
        progress: &dyn Fn(u64, u64) -> Result<(), Error>,
    ) -> Result<(), Error> {
        self.prepare(database, progress)?;
        let (beside, ready) = (database.parent().unwrap_or(database), ready_of(database));
        for name in tree::folders_in(&ready)? {
            let live = beside.join(&name);
            // A link that has no target has the name too.
            if live.symlink_metadata().is_ok() || files::is_there(&live)? {
                let aside = self.aside(beside);
                // Among the backups, unless these are on another disk, or on one that is gone.
                keep(&live, &self.replaced, database).or_else(|error| {
                    log::warn!("{error:#}; now {}", aside.display());
                    keep(&live, &aside, database).map_err(|_| error)
                })?;
                files::sync_folder(beside)?;
            }
            files::rename(&ready.join(&name), &live)?;
            files::sync_folder(beside)?;
        }
        Ok(())
    }

    /// Removes what was prepared, when nothing waits for it any more.
    pub(crate) fn forget(&self, database: &Path) -> Result<(), Error> {
        files::remove_folder(&ready_of(database))
    }

    /// Where those go that they replace and that cannot be moved to the backups.
    fn aside(&self, beside: &Path) -> PathBuf {
        beside.join(self.replaced.file_name().unwrap_or_default())
    }

    /// Where those are kept that they replaced, if there were any.
    pub(crate) fn kept(&self, database: &Path) -> Option<PathBuf> {
        let aside = self.aside(database.parent().unwrap_or(database));
        let mut places = [self.replaced.clone(), aside].into_iter();
        places.find(|place| files::is_there(place).unwrap_or(false))
    }

    /// Where they are beside the database.
    pub(crate) fn places(&self, database: &Path) -> Result<Vec<PathBuf>, Error> {
        let beside = database.parent().unwrap_or(database);
        let names = tree::folders_in(&self.source)?;
        Ok(names.into_iter().map(|name| beside.join(name)).collect())
    }
}

/// Moves a folder of the app's to where it is kept.
fn keep(live: &Path, replaced: &Path, database: &Path) -> Result<(), Error> {
    files::create_private_folder(replaced, database)?;
    let name = live.file_name().unwrap_or_default().to_string_lossy();
    files::rename(live, &files::free_name(replaced, &name, "")?)?;
    // Before something else has its name, or a power cut could leave neither.
    files::sync_folder(replaced)
}

/// Copies folders into another, which is there. What is not as it was, in sentences.
fn copy(
    folders: &[PathBuf],
    into: &Path,
    progress: &dyn Fn(u64, u64) -> Result<(), Error>,
) -> Result<Vec<String>, Error> {
    let trees = folders.iter().map(|folder| Tree::of(folder));
    let trees = trees.collect::<Result<Vec<_>, _>>()?;
    let total = trees.iter().map(|tree| tree.bytes).sum();
    let help = "free some space, or take fewer folders along";
    space::check_room(into, "the copy of the folders", total, help)?;
    progress(0, total)?;
    let mut before = 0;
    let mut notes = Vec::new();
    for (folder, tree) in folders.iter().zip(trees) {
        let name = folder.file_name().unwrap_or_default();
        // One that grows meanwhile is not reported as more than everything.
        let told = |done: u64| progress((before + done).min(total), total);
        tree.copy(&into.join(name), &told)?;
        before += tree.bytes;
        notes.extend(tree.notes);
    }
    Ok(notes)
}
