//! A copy that shares its blocks with the original, where the file system can: it is made at once,
//! and occupies nothing until one of the two changes.
//!
//! Linux makes one from two open descriptors (`ioctl_ficlone(2)`). The original is a live database,
//! and closing *any* descriptor of it would drop the locks that SQLite holds on it for this process
//! (`fcntl(2)`: "If a process closes any file descriptor referring to a file, then all of the
//! process's locks on that file are released, regardless of the file descriptor(s) on which the locks
//! were obtained"). So a process of its own opens it: `cp`, which every system has, told to clone or to
//! fail. A child inherits no record lock and can release none but its own. On macOS `clonefile(2)`
//! takes two paths and opens nothing, and `cp -c` is what calls it; there the same way is taken.
//!
//! Neither search path nor environment decide which program that is.

use std::path::Path;
#[cfg(unix)]
use std::process::{Command, Stdio};

#[cfg(any(target_os = "linux", target_os = "android"))]
use crate::sqlite::disk::extents;
#[cfg(target_vendor = "apple")]
use crate::sqlite::disk::files;

/// Where `cp` is: on nearly every system, and on NixOS.
#[cfg(unix)]
const PROGRAMS: &[&str] = &["/bin/cp", "/usr/bin/cp", "/run/current-system/sw/bin/cp"];

/// What tells `cp` to clone.
#[cfg(all(unix, not(target_vendor = "apple")))]
const CP_FLAG: &str = "--reflink=always";
#[cfg(target_vendor = "apple")]
const CP_FLAG: &str = "-c";

/// Clones a file that may be in use over one that is there, and says whether it did. Where it did not,
/// what is there may be empty.
///
/// Whoever calls keeps the original from changing meanwhile, and asks [`can_share`] first.
pub(crate) fn clone(original: &Path, copy: &Path) -> bool {
    #[cfg(all(test, unix))]
    if let Some(cloned) = pretend::answer(original, copy) {
        return cloned;
    }
    #[cfg(not(unix))]
    let _ = (original, copy);
    #[cfg(unix)]
    {
        let mut programs = PROGRAMS
            .iter()
            .filter(|program| Path::new(program).exists());
        let Some(program) = programs.next() else {
            return false;
        };
        let cloned = Command::new(program)
            .arg(CP_FLAG)
            .arg("--")
            .args([original, copy])
            .env_clear()
            .stdin(Stdio::null())
            .stdout(Stdio::null())
            .stderr(Stdio::null())
            .status();
        match cloned {
            Ok(status) => {
                // There it is made again, in whatever group the folder has.
                #[cfg(target_vendor = "apple")]
                files::own_like(copy, original);
                return status.success();
            }
            Err(error) => log::debug!("cannot run {program}: {error}"),
        }
    }
    false
}

/// A file system that clones otherwise than it says, as ZFS did (openzfs 15526, 15728).
#[cfg(all(test, unix))]
pub(crate) mod pretend {
    use std::cell::Cell;
    use std::path::Path;

    type Clone = fn(&Path, &Path) -> bool;

    thread_local! {
        static CLONE: Cell<Option<Clone>> = const { Cell::new(None) };
    }

    /// For this thread.
    pub(crate) fn clone_with(clone: Option<Clone>) {
        CLONE.set(clone);
    }

    pub(super) fn is_set() -> bool {
        CLONE.get().is_some()
    }

    pub(super) fn answer(original: &Path, copy: &Path) -> Option<bool> {
        CLONE.get().map(|clone| clone(original, copy))
    }
}

/// Whether files of a folder may share blocks with a file: both are on a file system that can. Some
/// of these are made without it, which only trying tells.
pub(crate) fn can_share(original: &Path, folder: &Path) -> bool {
    #[cfg(all(test, unix))]
    if pretend::is_set() {
        return true;
    }
    // It may be made first.
    let there = folder.ancestors().find(|folder| folder.is_dir());
    let folder = there.unwrap_or(folder);
    match (file_system(original), file_system(folder)) {
        (Some(one), Some(other)) => one == other,
        _ => false,
    }
}

/// Bytes of a file at rest on blocks that it shares with no other, none where it shares nothing or where
/// the system does not tell.
#[cfg(any(target_os = "linux", target_os = "android"))]
pub(crate) fn unshared_bytes(path: &Path) -> Option<u64> {
    let shares = can_share(path, path.parent()?);
    shares.then(|| extents::unshared_bytes(path))?
}

#[cfg(not(any(target_os = "linux", target_os = "android")))]
pub(crate) fn unshared_bytes(_: &Path) -> Option<u64> {
    None
}

#[cfg(any(target_os = "linux", target_os = "android"))]
fn file_system(path: &Path) -> Option<u32> {
    /// btrfs, XFS and bcachefs (`statfs(2)`).
    const SHARING: [u32; 3] = [0x9123_683e, 0x5846_5342, 0xca45_1a4e];
    let found = rustix::fs::statfs(path).ok()?;
    let kind = u32::try_from(found.f_type).ok()?;
    SHARING.contains(&kind).then_some(kind)
}

#[cfg(target_vendor = "apple")]
fn file_system(path: &Path) -> Option<Vec<u8>> {
    let name = rustix::fs::statfs(path).ok()?.f_fstypename;
    let name = name.iter().map(|byte| byte.cast_unsigned());
    let name: Vec<u8> = name.take_while(|byte| *byte != 0).collect();
    (name == b"apfs").then_some(name)
}

#[cfg(not(any(target_os = "linux", target_os = "android", target_vendor = "apple")))]
fn file_system(_: &Path) -> Option<u32> {
    None
}
