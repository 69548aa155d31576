//! One heirloom at a time on one database.
//!
//! The lock is the operating system's, on a file of its own beside the database: the
//! kernel releases it when the process dies, however it dies. The file is never removed,
//! because removing a lock file lets two processes hold two locks of one name. Where the file system
//! does not know such a lock, the one is taken that SQLite takes: see `record_lock`.

use std::fs::{File, OpenOptions};
use std::io::{Read, Seek, Write};
use std::path::{Path, PathBuf};
use std::time::{Duration, Instant};

use crate::report::error::{Error, ErrorKind};
use crate::sqlite::disk::files;
use crate::sqlite::disk::os::{self, Call};
#[cfg(unix)]
use crate::sqlite::disk::record_lock;

/// Held until it is dropped.
#[derive(Debug)]
pub(crate) struct Lock {
    /// Until it is dropped.
    file: Option<File>,
}

/// Where a database's lock file is: `notes.db.lock` beside `notes.db`. It belongs to the
/// database and not to the backups folder, which two callers may choose differently.
pub(crate) fn path_for(database: &Path) -> PathBuf {
    files::companion(database, ".lock")
}

impl Lock {
    /// Waits for the lock for at most `timeout`. `waiting` is called once, with the holder,
    /// when it is not free at once; `cancelled` is asked while waiting.
    pub(crate) fn acquire(
        database: &Path,
        timeout: Duration,
        owner: &str,
        waiting: impl FnOnce(&str),
        cancelled: impl Fn() -> bool,
    ) -> Result<Lock, Error> {
        let path = path_for(database);
        let fail = |error| files::failure(format!("cannot lock {}", path.display()), error);
        files::refuse_odd(&path)?;
        if files::is_file(database)? && !files::is_there(&path)? {
            // Whose the database is, his is the lock, or another user's start would shut him out.
            // Of two that make it at the same time, one does.
            let made = files::create_like(&path, database);
            log::debug!("the lock file: {made:?}");
        }
        let open = |write: bool| {
            let mut options = OpenOptions::new();
            options
                .read(true)
                .write(write)
                .create(write)
                .truncate(false);
            os::patiently(Call::Open, &path, || options.open(&path))
        };
        let mut file = open(true)
            // The lock of a file that can only be read is as good; who holds it stays unsaid.
            .or_else(|error| open(false).map_err(|_| error))
            .map_err(fail)?;
        match wait(&mut file, &path, timeout, waiting, cancelled) {
            Ok(()) => {
                introduce(&mut file, owner);
                Ok(Lock { file: Some(file) })
            }
            Err(error) => {
                close(file);
                Err(error)
            }
        }
    }
}

/// Waits for the lock of a file.
fn wait(
    file: &mut File,
    path: &Path,
    timeout: Duration,
    waiting: impl FnOnce(&str),
    cancelled: impl Fn() -> bool,
) -> Result<(), Error> {
    let deadline = Instant::now() + timeout;
    let mut pause = Duration::from_millis(2);
    let mut waiting = Some(waiting);
    loop {
        if try_lock(file, path, true).map_err(|error| no_lock(path, error))? {
            return Ok(());
        }
        if let Some(waiting) = waiting.take() {
            waiting(&holder(file));
        }
        if cancelled() {
            return Err(Error::new(
                ErrorKind::Interrupted,
                "interrupted while waiting for another process",
            ));
        }
        if Instant::now() >= deadline {
            return Err(busy(&holder(file), timeout));
        }
        std::thread::sleep(pause.min(deadline.saturating_duration_since(Instant::now())));
        pause = (pause * 2).min(Duration::from_millis(50));
    }
}

/// The lock was refused, and nobody has it.
fn no_lock(path: &Path, error: std::io::Error) -> Error {
    #[cfg(unix)]
    let is_unknown = record_lock::is_needed(&error);
    #[cfg(not(unix))]
    let is_unknown = false;
    let failed = files::failure(format!("cannot lock {}", path.display()), error);
    match is_unknown {
        true => failed.with_help(
            "the file system has no locks, without which two programs would write at once: move the database to a disk of this machine",
        ),
        false => failed,
    }
}

impl Drop for Lock {
    fn drop(&mut self) {
        if let Some(file) = self.file.take() {
            unlock(&file);
            close(file);
        }
    }
}

/// Takes the lock of a file, without waiting. False where somebody else has it.
fn try_lock(file: &File, path: &Path, exclusive: bool) -> std::io::Result<bool> {
    match os::once(Call::Lock, path, || try_whole(file, exclusive)) {
        #[cfg(unix)]
        Err(error) if record_lock::is_needed(&error) => record_lock::try_lock(file, exclusive),
        locked => locked,
    }
}

#[cfg(windows)]
use crate::sqlite::disk::windows::try_lock as try_whole;

#[cfg(not(windows))]
fn try_whole(file: &File, exclusive: bool) -> std::io::Result<bool> {
    use std::fs::TryLockError;
    let locked = match exclusive {
        true => file.try_lock(),
        false => file.try_lock_shared(),
    };
    match locked {
        Ok(()) => Ok(true),
        Err(TryLockError::WouldBlock) => Ok(false),
        Err(TryLockError::Error(error)) => Err(error),
    }
}

/// Gives it back. Where it is not said, closing the file does.
fn unlock(file: &File) {
    #[cfg(windows)]
    crate::sqlite::disk::windows::unlock(file);
    #[cfg(unix)]
    record_lock::unlock(file);
}

/// Closes a file that is not locked, or not any more.
fn close(file: File) {
    #[cfg(unix)]
    record_lock::close(file);
    #[cfg(not(unix))]
    drop(file);
}

/// Who is at work on a database, as the lock file has it. Makes no file.
pub(crate) fn held_by(database: &Path) -> Option<String> {
    let path = path_for(database);
    files::refuse_odd(&path).ok()?;
    let mut file = File::open(&path).ok()?;
    let held_by = match try_lock(&file, &path, false) {
        Ok(false) => Some(holder(&mut file)),
        Ok(true) => {
            unlock(&file);
            None
        }
        Err(_) => None,
    };
    close(file);
    held_by
}

/// Writes who holds the lock, for the message of somebody who waits; nothing is decided
/// from it. A file that somebody else filled is left as it is.
fn introduce(file: &mut File, owner: &str) {
    let mut begin = [0; NOTE.len()];
    let empty = file.metadata().is_ok_and(|file| file.len() == 0);
    let ours = file
        .rewind()
        .and_then(|()| file.read_exact(&mut begin))
        .is_ok_and(|()| begin == *NOTE.as_bytes());
    if empty || ours {
        let note = format!("{NOTE}{} ({owner})\n", std::process::id());
        let _ = file
            .set_len(0)
            .and_then(|()| file.rewind())
            .and_then(|()| file.write_all(note.as_bytes()));
    }
}

/// How such a note begins.
const NOTE: &str = "pid ";

/// Another process kept the database for longer than we were told to wait.
pub(crate) fn busy(holder: &str, waited: Duration) -> Error {
    Error::new(
        ErrorKind::Locked,
        format!(
            "the database is held by {holder}; waited {:.1} s",
            waited.as_secs_f64()
        ),
    )
    .with_help("close the other program or wait for it, and try again")
}

/// What the holder wrote about itself. (On Windows an older heirloom locks the whole file, which
/// can then not be read.)
fn holder(file: &mut File) -> String {
    let mut text = String::new();
    let read = file
        .rewind()
        .and_then(|()| file.take(200).read_to_string(&mut text));
    match (read, text.trim()) {
        (Ok(_), text) if !text.is_empty() => text.to_owned(),
        _ => "another process".to_owned(),
    }
}

/// Who holds one of SQLite's own locks on a file, as far as the system tells: Linux lists
/// them in `/proc/locks`, Windows who has the file open. Asking with `fcntl` would need a descriptor of the database,
/// and closing that would drop our own locks.
pub(crate) fn sqlite_holder(database: &Path) -> String {
    let files = ["", "-wal", "-shm", "-journal"].map(|end| files::companion(database, end));
    holder_by_inode(database)
        .unwrap_or_else(|| program_with(&files.each_ref().map(PathBuf::as_path)))
}

/// The program that has one of these files open, where the system tells.
pub(crate) fn program_with(files: &[&Path]) -> String {
    #[cfg(windows)]
    if let Some((pid, name)) = crate::sqlite::disk::windows::users_of(files)
        .into_iter()
        .next()
    {
        return match name.is_empty() {
            true => format!("pid {pid}"),
            false => format!("pid {pid} ({name})"),
        };
    }
    let _ = files;
    "another program".to_owned()
}

#[cfg(target_os = "linux")]
pub(crate) fn holder_by_inode(database: &Path) -> Option<String> {
    // In WAL mode the locks are on the shared memory.
    let locked: Vec<(u64, u64)> = ["", "-shm"]
        .iter()
        .filter_map(|ending| files::identity(&files::companion(database, ending)))
        .collect();
    // The list names the device otherwise than a file does, on btrfs; and on another file system a
    // file may have the same number. What a process has open says it.
    let has_open = |pid: &str| match Path::new("/proc").join(pid).join("fd").read_dir() {
        Ok(open) => open
            .flatten()
            .any(|it| files::identity(&it.path()).is_some_and(|it| locked.contains(&it))),
        // Another user's are not shown. Of another container there is no such process at all.
        Err(error) => error.kind() == std::io::ErrorKind::PermissionDenied,
    };
    let own = std::process::id().to_string();
    // `1: POSIX  ADVISORY  WRITE 4242 fd:00:131090 1073741825 1073741825`
    files::read_text(Path::new("/proc/locks"))
        .ok()??
        .lines()
        .map(|line| line.split_whitespace().collect::<Vec<_>>())
        .filter(|words| words.len() > 5 && words[3] == "WRITE" && words[4] != own)
        .find(|words| {
            words[5]
                .rsplit(':')
                .next()
                .and_then(|inode| inode.parse().ok())
                .is_some_and(|inode: u64| locked.iter().any(|(_, number)| *number == inode))
                && has_open(words[4])
        })
        .map(|words| {
            let name = files::read_text(&Path::new("/proc").join(words[4]).join("comm"));
            match name {
                Ok(Some(name)) => format!("pid {} ({})", words[4], name.trim()),
                _ => format!("pid {}", words[4]),
            }
        })
}

#[cfg(not(target_os = "linux"))]
pub(crate) fn holder_by_inode(_database: &Path) -> Option<String> {
    None
}
