//! Scratch folders, tidied up after a kill.

use std::fs::{self, File, OpenOptions, TryLockError};
use std::io;
use std::path::{Path, PathBuf};
use std::sync::Once;
use std::sync::atomic::{AtomicU64, Ordering};

use crate::report::error::Error;
use crate::sqlite::disk::files::{companion, create_private, failure, files_in, remove_folder};
#[cfg(unix)]
use crate::sqlite::disk::record_lock;

/// A private folder for a copy of a database, removed with everything in it when it is
/// dropped. What a killed process left of its own is removed by the next that needs one.
pub(crate) struct Scratch {
    folder: PathBuf,
    database: PathBuf,
    /// Locked from before the folder is there until it is gone, by a lock that dies with the
    /// process.
    _alive: File,
}

/// The variable that says where the folder for temporary files is.
pub(crate) const TEMPORARY: &str = match cfg!(windows) {
    true => "TMP",
    false => "TMPDIR",
};

/// How the names of scratch folders begin, in the folder for temporary files.
pub(crate) const SCRATCH: &str = "heirloom-";
/// How the name of the file ends that is locked while a scratch folder is in use.
pub(crate) const IN_USE: &str = ".lock";

impl Scratch {
    /// A place for a database, with nothing in it yet.
    pub(crate) fn new() -> Result<Scratch, Error> {
        static COUNTER: AtomicU64 = AtomicU64::new(0);
        static TIDIED: Once = Once::new();
        loop {
            let folder = std::env::temp_dir().join(format!(
                "{SCRATCH}{}-{}",
                std::process::id(),
                COUNTER.fetch_add(1, Ordering::Relaxed)
            ));
            let lock = companion(&folder, IN_USE);
            let made = lock_new(&lock).and_then(|alive| {
                // The lock must not make a folder that is not ours look like one.
                create_private(&folder).inspect_err(|_| drop(fs::remove_file(&lock)))?;
                Ok(alive)
            });
            match made {
                Ok(alive) => {
                    TIDIED.call_once(|| remove_scratch_of_the_dead(&folder));
                    return Ok(Scratch {
                        database: folder.join("database"),
                        folder,
                        _alive: alive,
                    });
                }
                // What a killed process of this number left, or somebody else made.
                Err(error) if error.kind() == io::ErrorKind::AlreadyExists => {}
                Err(error) => {
                    let what = format!("cannot create the folder {}", folder.display());
                    let help =
                        format!("give this user room there, or set {TEMPORARY} to another folder");
                    return Err(failure(what, error).with_help(help));
                }
            }
        }
    }

    pub(crate) fn copy_of(database: &Path, companions: &[&str]) -> Result<Scratch, Error> {
        let scratch = Scratch::new()?;
        let copy = |ending: &str| {
            let from = companion(database, ending);
            match fs::copy(&from, companion(&scratch.database, ending)) {
                Err(error) if error.kind() != io::ErrorKind::NotFound => Err(failure(
                    format!("cannot make a private copy of {}", from.display()),
                    error,
                )),
                _ => Ok(()),
            }
        };
        copy("")?;
        companions.iter().try_for_each(|ending| copy(ending))?;
        Ok(scratch)
    }

    pub(crate) fn path(&self) -> &Path {
        &self.database
    }
}

impl Drop for Scratch {
    fn drop(&mut self) {
        if let Err(error) = fs::remove_dir_all(&self.folder) {
            log::warn!("cannot remove {}: {error}", self.folder.display());
        }
        let _ = fs::remove_file(companion(&self.folder, IN_USE));
    }
}

/// Makes a file that was not there, and locks it.
pub(crate) fn lock_new(path: &Path) -> io::Result<File> {
    let file = OpenOptions::new().write(true).create_new(true).open(path)?;
    match file.try_lock() {
        Ok(()) => Ok(file),
        // Somebody tidies up, and took it for one that was left.
        Err(TryLockError::WouldBlock) => Err(io::ErrorKind::AlreadyExists.into()),
        // Nobody can prove then that it was left, and it stays.
        #[cfg(unix)]
        Err(TryLockError::Error(error)) if record_lock::is_needed(&error) => Ok(file),
        Err(TryLockError::Error(error)) => Err(error),
    }
}

/// Removes the scratch folders of processes that are dead: nobody holds the lock that was there
/// before the folder. Only this user's, and only what can be proved; nothing depends on it.
pub(crate) fn remove_scratch_of_the_dead(own: &Path) {
    let temporary = own.parent().unwrap_or(own);
    for name in files_in(temporary).unwrap_or_default() {
        let lock = temporary.join(&name);
        let Some(folder) = name.strip_suffix(IN_USE).filter(|name| is_scratch(name)) else {
            continue;
        };
        // No link is followed, and no pipe waited for.
        if !lock.symlink_metadata().is_ok_and(|file| file.is_file()) || !is_owned_alike(&lock, own)
        {
            continue;
        }
        let Ok(file) = File::open(&lock) else {
            continue;
        };
        if file.try_lock().is_ok() {
            let left = temporary.join(folder);
            log::info!("removing {}, which a killed process left", left.display());
            if remove_folder(&left).is_ok() {
                let _ = fs::remove_file(&lock);
            }
        }
    }
}

/// Whether a name is `heirloom-`, a process, and a number.
pub(crate) fn is_scratch(name: &str) -> bool {
    let numbers = name
        .strip_prefix(SCRATCH)
        .and_then(|rest| rest.split_once('-'));
    numbers.is_some_and(|(process, number)| {
        process.parse::<u32>().is_ok() && number.parse::<u64>().is_ok()
    })
}

/// Whether two files are one user's, where that is known.
pub(crate) fn is_owned_alike(one: &Path, other: &Path) -> bool {
    #[cfg(unix)]
    {
        use std::os::unix::fs::MetadataExt;
        matches!((one.symlink_metadata(), other.symlink_metadata()),
            (Ok(one), Ok(other)) if one.uid() == other.uid())
    }
    #[cfg(not(unix))]
    {
        let _ = (one, other);
        true
    }
}
