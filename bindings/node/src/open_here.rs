//! Whether another library in this process has the database open.
//!
//! POSIX locks belong to a process and a file. Two SQLite libraries in one process do not know of
//! each other: the one that closes the file first drops the locks of the other, and in WAL mode
//! removes its `-wal`. So a file that is open here already is not opened a second time.

use std::path::{Path, PathBuf};

/// The first file of the database that is open in this process. Only Linux tells.
#[cfg(target_os = "linux")]
pub(crate) fn open_here(database: &Path) -> Option<PathBuf> {
    use std::ffi::OsString;
    use std::os::unix::fs::MetadataExt;

    let database = database.canonicalize().ok()?;
    let files: Vec<PathBuf> = ["", "-wal", "-shm", "-journal"]
        .map(|ending| {
            let mut name = OsString::from(&database);
            name.push(ending);
            PathBuf::from(name)
        })
        .to_vec();
    // Looked at and not opened: closing it again would drop the locks.
    let identity = |path: &Path| path.metadata().ok().map(|file| (file.dev(), file.ino()));
    let known: Vec<_> = files.iter().filter_map(|file| identity(file)).collect();
    let open = std::fs::read_dir("/proc/self/fd").ok()?;
    open.flatten().map(|entry| entry.path()).find_map(|entry| {
        let target = std::fs::read_link(&entry).ok()?;
        let is_ours = identity(&entry).is_some_and(|file| known.contains(&file));
        // A log that another library removed is still open under its old name.
        let name = target.to_string_lossy();
        let was = name.strip_suffix(" (deleted)").map(Path::new);
        let was_ours = was.is_some_and(|was| files.iter().any(|file| file == was));
        (is_ours || was_ours).then(|| target.clone())
    })
}

#[cfg(not(target_os = "linux"))]
pub(crate) fn open_here(_database: &Path) -> Option<PathBuf> {
    None
}
