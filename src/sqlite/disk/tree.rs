//! Folders copied with everything in them that can be kept: files with their holes, permissions
//! and times, and links as links. What cannot be kept is said.

use std::ffi::OsString;
use std::fs::{self, File, FileTimes, Metadata};
use std::io;
use std::io::{Read, Seek, SeekFrom, Write};
use std::path::{Path, PathBuf};

use crate::report::error::Error;
use crate::sqlite::disk::files::{
    create_private_folder, failure, own_like, rename, sync, sync_folder,
};

/// Bytes copied between two looks at the cancel flag.
const AT_ONCE: usize = 1 << 20;
/// Bytes written between two syncs: one of everything at the end could not be interrupted.
const BETWEEN_SYNCS: u64 = 64 << 20;

/// What is in a folder and in those below it, with paths relative to it. No link is followed.
pub(crate) struct Tree {
    root: PathBuf,
    /// Each before what is in it.
    folders: Vec<PathBuf>,
    files: Vec<PathBuf>,
    links: Vec<PathBuf>,
    /// The bytes that its files take.
    pub(crate) bytes: u64,
    /// What is not kept as it is, and why, in sentences.
    pub(crate) notes: Vec<String>,
}

impl Tree {
    /// Looks at a folder.
    pub(crate) fn of(root: &Path) -> Result<Tree, Error> {
        let mut tree = Tree {
            root: root.to_owned(),
            folders: vec![PathBuf::new()],
            files: Vec::new(),
            links: Vec::new(),
            bytes: 0,
            notes: Vec::new(),
        };
        let mut next = 0;
        while let Some(below) = tree.folders.get(next).cloned() {
            next += 1;
            for (name, found) in entries(&root.join(&below))? {
                let path = below.join(name);
                let kind = found.file_type();
                if kind.is_dir() {
                    tree.folders.push(path);
                } else if kind.is_file() {
                    tree.bytes += allocated(&found);
                    tree.files.push(path);
                } else if kind.is_symlink() && cfg!(unix) {
                    tree.note_link(&path);
                    tree.links.push(path);
                } else {
                    tree.notes.push(format!(
                        "{} was left out: it is {} and not a file",
                        root.join(path).display(),
                        match kind.is_symlink() {
                            true => "a link",
                            false => "a pipe, a socket or a device",
                        }
                    ));
                }
            }
        }
        Ok(tree)
    }

    /// A link is kept as one; what it leads to is not, where that is elsewhere.
    fn note_link(&mut self, path: &Path) {
        let path = self.root.join(path);
        let real = |path: &Path| path.canonicalize().ok();
        let inside = match (real(&path), real(&self.root)) {
            (Some(there), Some(root)) => there.starts_with(root),
            _ => false,
        };
        if !inside {
            self.notes.push(format!(
                "{} is a link, and was kept as one: what it leads to was not taken along",
                path.display()
            ));
        }
    }

    /// Copies it to a folder that does not exist yet, durably. `progress` is told how many of the
    /// bytes are done, and ends it with an error.
    pub(crate) fn copy(
        &self,
        to: &Path,
        progress: &dyn Fn(u64) -> Result<(), Error>,
    ) -> Result<(), Error> {
        for folder in &self.folders {
            // Not before everything is in it can it have the permissions of its source.
            create_private_folder(&to.join(folder), to.parent().unwrap_or(to))?;
        }
        let mut done = 0;
        for file in &self.files {
            let (from, to) = (self.root.join(file), to.join(file));
            copy_file(&from, &to, &mut done, progress)?;
        }
        for link in &self.links {
            copy_link(&self.root.join(link), &to.join(link))?;
        }
        // The deepest first: what is made in a folder changes its time.
        for folder in self.folders.iter().rev() {
            let (from, to) = (self.root.join(folder), to.join(folder));
            let fail = |error| failure(format!("cannot finish {}", to.display()), error);
            sync_folder(&to)?;
            own_like(&to, &from);
            let found = from.metadata().map_err(fail)?;
            fs::set_permissions(&to, found.permissions()).map_err(fail)?;
            // For a reader's eyes alone, and not every file system keeps them.
            if let (Ok(folder), Ok(times)) = (File::open(&to), times(&found)) {
                let _ = folder.set_times(times);
            }
        }
        Ok(())
    }
}

/// The names in a folder, sorted, and what each is. No link is followed.
fn entries(folder: &Path) -> Result<Vec<(OsString, Metadata)>, Error> {
    let fail = |error| {
        failure(
            format!("cannot read the folder {}", folder.display()),
            error,
        )
    };
    let mut entries = Vec::new();
    for entry in fs::read_dir(folder).map_err(fail)? {
        let entry = entry.map_err(fail)?;
        match entry.path().symlink_metadata() {
            Ok(found) => entries.push((entry.file_name(), found)),
            // It was removed meanwhile.
            Err(error) if error.kind() == io::ErrorKind::NotFound => {}
            Err(error) => {
                let what = format!("cannot look at {}", entry.path().display());
                return Err(failure(what, error));
            }
        }
    }
    entries.sort_by(|one, other| one.0.cmp(&other.0));
    Ok(entries)
}

/// The names of the folders in a folder, none when it is not there. A link to one is none.
pub(crate) fn folders_in(folder: &Path) -> Result<Vec<OsString>, Error> {
    // is_dir() takes a disk that does not answer for a no.
    match folder.metadata() {
        Ok(found) if found.is_dir() => {}
        Ok(_) => return Ok(Vec::new()),
        Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(Vec::new()),
        Err(error) => {
            return Err(failure(
                format!("cannot look at {}", folder.display()),
                error,
            ));
        }
    }
    let mut entries = entries(folder)?;
    entries.retain(|(_, found)| found.is_dir());
    Ok(entries.into_iter().map(|(name, _)| name).collect())
}

/// The bytes that a file takes on the disk, which of one with holes is less than its length.
fn allocated(file: &Metadata) -> u64 {
    #[cfg(unix)]
    {
        use std::os::unix::fs::MetadataExt;
        file.len().min(file.blocks() * 512)
    }
    #[cfg(not(unix))]
    file.len()
}

fn times(found: &Metadata) -> io::Result<FileTimes> {
    Ok(FileTimes::new()
        .set_modified(found.modified()?)
        .set_accessed(found.accessed()?))
}

fn copy_file(
    from: &Path,
    to: &Path,
    done: &mut u64,
    progress: &dyn Fn(u64) -> Result<(), Error>,
) -> Result<(), Error> {
    let fail = |error| {
        let what = format!("cannot copy {} to {}", from.display(), to.display());
        failure(what, error)
    };
    let mut source = File::open(from).map_err(fail)?;
    let found = source.metadata().map_err(fail)?;
    let mut copy = File::create_new(to).map_err(fail)?;
    let mut buffer = vec![0; AT_ONCE];
    let mut unsynced = 0;
    let mut at = 0;
    while let Some((begin, end)) = next_data(&source, at, found.len()).map_err(fail)? {
        source.seek(SeekFrom::Start(begin)).map_err(fail)?;
        copy.seek(SeekFrom::Start(begin)).map_err(fail)?;
        at = begin;
        while at < end {
            let length = usize::try_from(end - at).map_or(AT_ONCE, |left| left.min(AT_ONCE));
            let read = source.read(&mut buffer[..length]).map_err(fail)?;
            if read == 0 {
                // It was cut off meanwhile.
                at = end;
                break;
            }
            copy.write_all(&buffer[..read]).map_err(fail)?;
            at += read as u64;
            *done += read as u64;
            unsynced += read as u64;
            if unsynced >= BETWEEN_SYNCS {
                sync(&copy, to).map_err(fail)?;
                unsynced = 0;
            }
            progress(*done)?;
        }
    }
    progress(*done)?;
    copy.set_len(found.len()).map_err(fail)?;
    if let Ok(times) = times(&found) {
        let _ = copy.set_times(times);
    }
    sync(&copy, to).map_err(fail)?;
    own_like(to, from);
    fs::set_permissions(to, found.permissions()).map_err(fail)
}

/// Where the next bytes are that are not a hole: from, up to.
#[cfg(any(target_os = "linux", target_os = "macos"))]
fn next_data(file: &File, at: u64, length: u64) -> io::Result<Option<(u64, u64)>> {
    use rustix::fs::{SeekFrom, seek};
    use rustix::io::Errno;
    if at >= length {
        return Ok(None);
    }
    match seek(file, SeekFrom::Data(at)) {
        Ok(begin) => {
            let end = seek(file, SeekFrom::Hole(begin)).unwrap_or(length);
            Ok(Some((begin, end.min(length))).filter(|(begin, end)| begin < end))
        }
        // A hole up to the end.
        Err(Errno::NXIO) => Ok(None),
        // The file system knows no holes.
        Err(Errno::INVAL | Errno::NOTSUP) => Ok(Some((at, length))),
        Err(error) => Err(error.into()),
    }
}

#[cfg(not(any(target_os = "linux", target_os = "macos")))]
fn next_data(_file: &File, at: u64, length: u64) -> io::Result<Option<(u64, u64)>> {
    Ok((at < length).then_some((at, length)))
}

fn copy_link(from: &Path, to: &Path) -> Result<(), Error> {
    #[cfg(unix)]
    fs::read_link(from)
        .and_then(|leads| std::os::unix::fs::symlink(leads, to))
        .map_err(|error| failure(format!("cannot copy the link {}", from.display()), error))?;
    #[cfg(not(unix))]
    let _ = (from, to);
    Ok(())
}

/// Gives a finished folder its name, durably.
pub(crate) fn place(staging: &Path, to: &Path) -> Result<(), Error> {
    sync_folder(staging)?;
    rename(staging, to)?;
    sync_folder(to.parent().unwrap_or(to))
}
