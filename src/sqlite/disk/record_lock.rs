//! The lock of a file where the file system has no `flock(2)`: the documents that a Flatpak app is
//! given (`xdg-document-portal`, issue 1353), some network file systems.
//!
//! SQLite locks with `fcntl(2)`, so wherever it can work there is that one. It belongs to the
//! process and not to the open file: the threads of one do not keep each other out, and "if a
//! process closes any file descriptor referring to a file, then all of the process's locks on that
//! file are released". So it is known here what this process holds, and a file that is held is not
//! closed before its holder lets go.

use std::fs::File;
use std::io;
use std::os::unix::fs::MetadataExt;
use std::sync::{Mutex, MutexGuard, PoisonError};

use rustix::fs::{FlockOperation, fcntl_lock};
use rustix::io::Errno;

/// What this process holds.
static HELD: Mutex<Vec<Held>> = Mutex::new(Vec::new());

struct Held {
    device: u64,
    inode: u64,
    /// Others that were opened meanwhile, and are done with.
    to_be_closed: Vec<File>,
}

fn held() -> MutexGuard<'static, Vec<Held>> {
    HELD.lock().unwrap_or_else(PoisonError::into_inner)
}

impl Held {
    fn is(&self, (device, inode): (u64, u64)) -> bool {
        (self.device, self.inode) == (device, inode)
    }
}

fn identity(file: &File) -> io::Result<(u64, u64)> {
    let found = file.metadata()?;
    Ok((found.dev(), found.ino()))
}

/// Whether an answer of `flock` says that there is none.
pub(super) fn is_needed(error: &io::Error) -> bool {
    let none = [Errno::NOSYS, Errno::NOTSUP, Errno::OPNOTSUPP, Errno::NOLCK];
    let code = error.raw_os_error();
    none.iter().any(|none| code == Some(none.raw_os_error()))
}

/// Takes the lock, without waiting. False where somebody else has it, in this process or another.
///
/// # Errors
///
/// The system's refusal.
pub(super) fn try_lock(file: &File, exclusive: bool) -> io::Result<bool> {
    let own = identity(file)?;
    let mut held = held();
    if held.iter().any(|held| held.is(own)) {
        return Ok(false);
    }
    let operation = match exclusive {
        true => FlockOperation::NonBlockingLockExclusive,
        false => FlockOperation::NonBlockingLockShared,
    };
    match fcntl_lock(file, operation) {
        Ok(()) => {
            let (device, inode) = own;
            held.push(Held {
                device,
                inode,
                to_be_closed: Vec::new(),
            });
            Ok(true)
        }
        // Either, says `fcntl(2)`.
        Err(Errno::AGAIN | Errno::ACCESS) => Ok(false),
        Err(error) => Err(error.into()),
    }
}

/// Gives back what [`try_lock`] took, if it did.
pub(super) fn unlock(file: &File) {
    let Ok(own) = identity(file) else {
        return;
    };
    let mut held = held();
    let before = held.len();
    held.retain(|held| !held.is(own));
    if held.len() < before {
        let _ = fcntl_lock(file, FlockOperation::Unlock);
    }
}

/// Closes a file that is not locked, or leaves that to whoever in this process holds it.
pub(super) fn close(file: File) {
    let mut held = held();
    let own = match held.is_empty() {
        true => None,
        false => identity(&file).ok(),
    };
    // Another thread may lock it as soon as it is known here that nobody does: it is closed before.
    match held
        .iter_mut()
        .find(|held| own.is_some_and(|own| held.is(own)))
    {
        Some(held) => held.to_be_closed.push(file),
        None => drop(file),
    }
}
