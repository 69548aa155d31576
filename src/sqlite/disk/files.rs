//! Files and folders made, read, written, synced, named and removed.
//!
//! Nothing here may be given the path of a live database: see the folder's `mod.rs`.

use std::ffi::OsString;
use std::fs::{self, File, OpenOptions};
use std::io::{self, Read, Seek, Write};
use std::path::{Path, PathBuf};

use crate::report::count::Counted;
use crate::report::error::{Error, ErrorKind};
use crate::report::time;
use crate::sqlite::disk::os::{self, Call};
use crate::sqlite::disk::path;
#[cfg(windows)]
use crate::sqlite::disk::windows::{self, Seen};

/// An operating system's refusal as ours.
pub(crate) fn failure(what: impl Into<String>, error: io::Error) -> Error {
    let (kind, help) = match error.kind() {
        _ if os::is_held(&error) => (
            ErrorKind::Locked,
            "another program has the file open: a virus scanner, a backup or a sync client; wait for it or close it, and try again",
        ),
        io::ErrorKind::StorageFull | io::ErrorKind::QuotaExceeded => {
            (ErrorKind::DiskFull, "free some space and try again")
        }
        io::ErrorKind::PermissionDenied | io::ErrorKind::ReadOnlyFilesystem => (
            ErrorKind::Io,
            denied(error.raw_os_error(), std::env::consts::OS),
        ),
        io::ErrorKind::InvalidFilename => (
            ErrorKind::Io,
            "the system does not take the name: give the database a shorter or plainer one; the names of its copies are up to 40 bytes longer",
        ),
        _ => (ErrorKind::Io, "check the path and the disk, and try again"),
    };
    Error::new(kind, what).with_help(help).because(error)
}

/// What to do about a refusal. On macOS number 1 is not about permissions: the sandbox, or the
/// protection of Documents, Desktop and other apps' data, is in the way.
fn denied(code: Option<i32>, system: &str) -> &'static str {
    match (system, code) {
        ("macos", Some(1)) => {
            "allow it in System Settings, Privacy & Security, or choose a folder that this program may use"
        }
        ("windows", _) => {
            "make it and its folder readable and writable for this user, or choose another; controlled folder access keeps programs that Windows does not know out of Documents and Desktop"
        }
        _ => "make it and its folder readable and writable for this user, or choose another",
    }
}

/// `path` with an ending glued on: `notes.db` and `-wal` give `notes.db-wal`.
pub(crate) fn companion(path: &Path, ending: &str) -> PathBuf {
    let mut name = OsString::from(path);
    name.push(ending);
    PathBuf::from(name)
}

/// The length in bytes, 0 for a file that does not exist. Opens nothing.
///
/// What cannot be looked at is not taken for absent: a log that is overlooked is data that is
/// missing from a copy, and a copy that is overlooked makes an older one the newest.
pub(crate) fn length(path: &Path) -> Result<u64, Error> {
    #[cfg(windows)]
    match windows::see(path) {
        Seen::Nothing => return Ok(0),
        Seen::File(length) => return Ok(length),
        Seen::Folder | Seen::Unclear => {}
    }
    match path.metadata() {
        Ok(metadata) => Ok(metadata.len()),
        Err(error) if leads_nowhere(&error) => Ok(0),
        Err(error) => Err(cannot_look(path, error)),
    }
}

/// When a file was written to, where the system tells.
pub(crate) fn modified(path: &Path) -> Option<chrono::DateTime<chrono::Utc>> {
    let modified = path.metadata().and_then(|file| file.modified());
    modified.ok().map(time::of)
}

/// Whether there is a file of this name, and no folder.
pub(crate) fn is_file(path: &Path) -> Result<bool, Error> {
    #[cfg(windows)]
    match windows::see(path) {
        Seen::Nothing | Seen::Folder => return Ok(false),
        Seen::File(_) => return Ok(true),
        Seen::Unclear => {}
    }
    match path.metadata() {
        Ok(metadata) => Ok(metadata.is_file()),
        Err(error) if leads_nowhere(&error) => Ok(false),
        Err(error) => Err(cannot_look(path, error)),
    }
}

/// Whether there is something of this name. A link that leads round in a circle is something.
pub(crate) fn is_there(path: &Path) -> Result<bool, Error> {
    #[cfg(windows)]
    match windows::see(path) {
        Seen::Nothing => return Ok(false),
        Seen::File(_) | Seen::Folder => return Ok(true),
        Seen::Unclear => {}
    }
    match path.try_exists() {
        Err(error) if leads_nowhere(&error) => Ok(path.symlink_metadata().is_ok()),
        found => found.map_err(|error| cannot_look(path, error)),
    }
}

/// Whether a file is not there, or its name is a link that leads round in a circle.
fn leads_nowhere(error: &io::Error) -> bool {
    #[cfg(unix)]
    if error.raw_os_error() == Some(rustix::io::Errno::LOOP.raw_os_error()) {
        return true;
    }
    error.kind() == io::ErrorKind::NotFound
}

/// Whether a file's permissions keep this user from reading it, as far as that is known
/// without opening it.
pub(crate) fn is_forbidden(path: &Path) -> bool {
    #[cfg(unix)]
    {
        use std::os::unix::fs::MetadataExt;
        let Ok(file) = path.metadata() else {
            return false;
        };
        // Linux says there who this process is.
        let own = Path::new("/proc/self").metadata().map(|own| own.uid());
        let anothers = own.is_ok_and(|own| own != file.uid() && own != 0);
        file.mode() & 0o444 == 0 || (anothers && file.mode() & 0o044 == 0)
    }
    #[cfg(not(unix))]
    {
        let _ = path;
        false
    }
}

/// The first bytes of a file that holds no locks, as many as there are up to a number; none of what
/// is not there or no file.
pub(crate) fn first_bytes(path: &Path, most: usize) -> Result<Vec<u8>, Error> {
    if !is_file(path)? {
        return Ok(Vec::new());
    }
    let mut bytes = Vec::new();
    let open = || as_sqlite_shares().read(true).open(path);
    let opened = os::patiently(Call::Open, path, open);
    match opened.and_then(|file| file.take(most as u64).read_to_end(&mut bytes)) {
        Ok(_) => Ok(bytes),
        Err(error) if error.kind() == io::ErrorKind::NotFound => Ok(Vec::new()),
        Err(error) => Err(cannot_look(path, error)),
    }
}

/// For a file that may be a database's at work. On Windows SQLite shares reading and writing, and so
/// does this: a journal by whose removal a commit is done must not be removed while somebody has it
/// open, because where its name stays until it is closed the next reader would take the change back.
/// SQLite tries again until it can. (The standard library shares the removal too.)
fn as_sqlite_shares() -> OpenOptions {
    #[cfg_attr(not(windows), allow(unused_mut))]
    let mut options = OpenOptions::new();
    #[cfg(windows)]
    {
        use std::os::windows::fs::OpenOptionsExt;
        const READ_AND_WRITE: u32 = 3;
        options.share_mode(READ_AND_WRITE);
    }
    options
}

fn cannot_look(path: &Path, error: io::Error) -> Error {
    if let Some(Err(refused)) = path.parent().map(refuse_no_folder) {
        return refused;
    }
    failure(format!("cannot look at {}", path.display()), error)
}

/// A name in a folder that is free: `base` and `ending`, with `-2`, `-3` … between them
/// where it must be.
pub(crate) fn free_name(folder: &Path, base: &str, ending: &str) -> Result<PathBuf, Error> {
    let mut path = folder.join(format!("{base}{ending}"));
    let mut number = 1;
    while is_there(&path)? {
        number += 1;
        path = folder.join(format!("{base}-{number}{ending}"));
    }
    Ok(path)
}

/// Makes a folder and those above it, durably: what is synced in a folder whose own name is
/// not would be lost with it.
pub(crate) fn create_folders(path: &Path) -> Result<(), Error> {
    let missing: Vec<&Path> = path
        .ancestors()
        .take_while(|folder| matches!(is_there(folder), Ok(false)))
        .collect();
    fs::create_dir_all(path).map_err(|error| {
        if let Err(refused) = refuse_no_folder(path) {
            return refused;
        }
        failure(
            format!("cannot create the folder {}", path.display()),
            error,
        )
    })?;
    missing.into_iter().try_for_each(sync_name)
}

/// Makes the name of a file or a folder durable.
fn sync_name(path: &Path) -> Result<(), Error> {
    match path.parent() {
        Some(above) if !above.as_os_str().is_empty() => sync_folder(above),
        _ => sync_folder(Path::new(".")),
    }
}

/// Makes a folder that is as open as `like` is and belongs to whoever owns that, durably. Like a
/// folder, or like a file, which whoever may read may also find there.
pub(crate) fn create_private_folder(path: &Path, like: &Path) -> Result<(), Error> {
    if path.is_dir() {
        return Ok(());
    }
    if let Some(above) = path.parent() {
        create_folders(above)?;
    }
    match create_private(path) {
        Err(error) if error.kind() == io::ErrorKind::AlreadyExists && path.is_dir() => Ok(()),
        Err(_) if is_no_folder(path) => Err(no_folder(path)),
        Err(error) => Err(failure(
            format!("cannot create the folder {}", path.display()),
            error,
        )),
        Ok(()) => {
            own_like(path, like);
            open_like(path, like)?;
            sync_name(path)
        }
    }
}

/// Gives a folder the permissions of `like`; of a file, with leave to enter for whoever may read.
fn open_like(folder: &Path, like: &Path) -> Result<(), Error> {
    #[cfg(unix)]
    {
        use std::os::unix::fs::PermissionsExt;
        let Ok(like) = like.metadata() else {
            return Ok(());
        };
        let mode = like.permissions().mode() & 0o777;
        let mode = match like.is_dir() {
            true => mode,
            false => mode & 0o666 | (mode & 0o444) >> 2,
        };
        fs::set_permissions(folder, fs::Permissions::from_mode(mode | 0o700)).map_err(|error| {
            let what = format!("cannot set the permissions of {}", folder.display());
            failure(what, error)
        })?;
    }
    #[cfg(not(unix))]
    let _ = (folder, like);
    Ok(())
}

/// Makes a folder, which must not exist yet, that only its owner may enter.
pub(super) fn create_private(path: &Path) -> io::Result<()> {
    #[cfg(unix)]
    {
        use std::os::unix::fs::DirBuilderExt;
        fs::DirBuilder::new().mode(0o700).create(path)
    }
    #[cfg(not(unix))]
    fs::create_dir(path)
}

/// Gives a file to whoever owns `like`. Only root can. Anybody else can give it to the group, as a
/// member of that; and a refusal is not a failure.
pub(crate) fn own_like(path: &Path, like: &Path) {
    #[cfg(unix)]
    {
        use std::os::unix::fs::{MetadataExt, chown};
        if let (Ok(like), Ok(own)) = (like.metadata(), path.metadata())
            && (like.uid(), like.gid()) != (own.uid(), own.gid())
        {
            let _ = chown(path, Some(like.uid()), Some(like.gid()))
                .or_else(|_| chown(path, None, Some(like.gid())));
        }
    }
    #[cfg(not(unix))]
    let _ = (path, like);
}

/// Creates an empty file that no more people can read than `like`, before a byte of its
/// contents exists. The umask decides nothing.
pub(crate) fn create_like(path: &Path, like: &Path) -> Result<(), Error> {
    let create = || {
        let mut options = OpenOptions::new();
        options.write(true).create_new(true);
        #[cfg(unix)]
        {
            use std::os::unix::fs::OpenOptionsExt;
            options.mode(0o600);
        }
        let file = os::patiently(Call::Open, path, || options.open(path))?;
        own_like(path, like);
        #[cfg(unix)]
        {
            use std::os::unix::fs::PermissionsExt;
            let mode = like.metadata()?.permissions().mode() & 0o666;
            let wanted = fs::Permissions::from_mode(mode | 0o600);
            if let Err(error) = file.set_permissions(wanted) {
                let _ = fs::remove_file(path);
                return Err(error);
            }
        }
        drop(file);
        Ok(())
    };
    create().map_err(|error| failure(format!("cannot create {}", path.display()), error))
}

/// Writes a small file that must not exist yet, and syncs it. What cannot be written whole
/// is not left behind.
pub(crate) fn write_new(path: &Path, like: &Path, text: &str) -> Result<(), Error> {
    create_like(path, like)?;
    let write = || {
        let mut file = open_for_writing(path)?;
        file.write_all(text.as_bytes())?;
        sync(&file, path)
    };
    write().map_err(|error| {
        let _ = fs::remove_file(path);
        failure(format!("cannot write {}", path.display()), error)
    })
}

/// Adds to a text file of a developer's, which is created if it does not exist.
#[cfg(feature = "devtools")]
pub(crate) fn append_source(path: &Path, text: &str) -> Result<(), Error> {
    OpenOptions::new()
        .append(true)
        .create(true)
        .open(path)
        .and_then(|mut file| file.write_all(text.as_bytes()))
        .map_err(|error| failure(format!("cannot write {}", path.display()), error))
}

/// Writes a file a developer asked for. It must not exist yet. What cannot be written whole is
/// not left behind.
#[cfg(feature = "devtools")]
pub(crate) fn write_source(path: &Path, text: &str) -> Result<(), Error> {
    let write = || {
        let mut file = OpenOptions::new().write(true).create_new(true).open(path)?;
        file.write_all(text.as_bytes()).inspect_err(|_| {
            let _ = fs::remove_file(path);
        })
    };
    write().map_err(|error| failure(format!("cannot write {}", path.display()), error))
}

/// Changes the first bytes of a file.
pub(crate) fn patch(path: &Path, length: usize, change: fn(&mut [u8])) -> Result<(), Error> {
    let write = || {
        let mut file = open_for_writing(path)?;
        let mut bytes = vec![0; length];
        file.read_exact(&mut bytes)?;
        change(&mut bytes);
        file.rewind()?;
        file.write_all(&bytes)
    };
    write().map_err(|error| failure(format!("cannot write {}", path.display()), error))
}

/// What lies where a file of ours is meant and is not one: a folder, a link, a named pipe, a device.
/// None where it is a file, or nothing is there.
fn oddity(path: &Path) -> Result<Option<&'static str>, Error> {
    #[cfg(windows)]
    if let Seen::Nothing | Seen::File(_) = windows::see(path) {
        return Ok(None);
    }
    let kind = match path.symlink_metadata() {
        Ok(found) => found.file_type(),
        Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(None),
        Err(error) => return Err(cannot_look(path, error)),
    };
    Ok((!kind.is_file()).then(|| kind_of(kind)))
}

/// What something is, in words.
fn kind_of(kind: fs::FileType) -> &'static str {
    #[cfg(unix)]
    {
        use std::os::unix::fs::FileTypeExt as _;
        if kind.is_fifo() {
            return "a named pipe";
        }
        if kind.is_socket() {
            return "a socket";
        }
    }
    match () {
        () if kind.is_file() => "a file",
        () if kind.is_dir() => "a folder",
        () if kind.is_symlink() => "a link",
        () => "a device",
    }
}

/// Refuses to open what is not a file: a pipe would be waited for, a device be read without end, and
/// a link may lead anywhere.
pub(crate) fn refuse_odd(path: &Path) -> Result<(), Error> {
    match oddity(path)? {
        None => Ok(()),
        Some(kind) => Err(odd(path, &format!("is {kind} and not a file"))),
    }
}

fn odd(path: &Path, reason: &str) -> Error {
    let message = format!("{} {reason}", path.display());
    Error::new(ErrorKind::NeedsAttention, message)
        .with_help("it was not made by this program: look at it, and move it away")
}

/// Reads a text file of ours, none when it is not there. What is beside a database may be
/// somebody else's: no link is followed, only a file is opened, and no more than `most` bytes are
/// read.
///
/// # Errors
/// [`ErrorKind::NeedsAttention`] for what cannot be ours.
pub(crate) fn read_own(path: &Path, most: u64) -> Result<Option<String>, Error> {
    refuse_odd(path)?;
    let mut bytes = Vec::new();
    match File::open(path).and_then(|file| file.take(most + 1).read_to_end(&mut bytes)) {
        Ok(_) if bytes.len() as u64 > most => {
            let reason = format!("is longer than {}", Counted(most, "byte"));
            Err(odd(path, &reason))
        }
        Ok(_) => Ok(Some(String::from_utf8_lossy(&bytes).into_owned())),
        Err(error) if error.kind() == io::ErrorKind::NotFound => Ok(None),
        Err(error) => Err(failure(format!("cannot read {}", path.display()), error)),
    }
}

/// Removes what an interruption left under a name of ours, if it is what we make under that: a file
/// or a folder, and no link to one. Whether it was there.
pub(crate) fn remove_leftover(path: &Path, is_folder: bool) -> Result<bool, Error> {
    let Ok(found) = path.symlink_metadata() else {
        return Ok(false);
    };
    match is_folder {
        true if found.is_dir() => remove_folder(path)?,
        false if found.is_file() => remove(path)?,
        _ => {
            log::warn!("{} was not made by this program, and stays", path.display());
            return Ok(false);
        }
    }
    Ok(true)
}

/// Reads a small text file of the system; none when it is not there.
pub(crate) fn read_text(path: &Path) -> Result<Option<String>, Error> {
    match os::patiently(Call::Open, path, || fs::read(path)) {
        Ok(bytes) => Ok(Some(String::from_utf8_lossy(&bytes).into_owned())),
        Err(error) if error.kind() == io::ErrorKind::NotFound => Ok(None),
        Err(error) => Err(failure(format!("cannot read {}", path.display()), error)),
    }
}

/// The files of a folder and of those below it, with paths relative to it, sorted. None
/// when the folder is not there.
pub(crate) fn files_below(folder: &Path) -> Result<Option<Vec<PathBuf>>, Error> {
    let fail =
        |path: &Path, error| failure(format!("cannot read the folder {}", path.display()), error);
    if !is_there(folder)? {
        return Ok(None);
    }
    let mut files = Vec::new();
    let mut open = vec![PathBuf::new()];
    let mut seen = Vec::new();
    while let Some(below) = open.pop() {
        let path = folder.join(&below);
        // Two links may lead in a circle.
        let real = path.canonicalize().map_err(|error| fail(&path, error))?;
        if seen.contains(&real) {
            continue;
        }
        seen.push(real);
        for entry in fs::read_dir(&path).map_err(|error| fail(&path, error))? {
            let entry = entry.map_err(|error| fail(&path, error))?;
            let relative = below.join(entry.file_name());
            // metadata() follows links, file_type() would not.
            if entry.path().is_dir() {
                open.push(relative);
            } else {
                files.push(relative);
            }
        }
    }
    files.sort();
    Ok(Some(files))
}

/// Whether something else has the name of a folder: a pipe, a file, a link that has no target.
pub(crate) fn is_no_folder(path: &Path) -> bool {
    path.symlink_metadata().is_ok() && !path.is_dir()
}

/// Refuses a folder of backups whose name, or that of a folder above it, something else has.
pub(crate) fn refuse_no_folder(path: &Path) -> Result<(), Error> {
    if let Some(reason) = path::refusal(path) {
        let message = format!("{} cannot be a folder: {reason}", path.display());
        return Err(Error::usage(message, "choose another folder"));
    }
    match path.ancestors().find(|above| is_no_folder(above)) {
        Some(odd) => Err(no_folder(odd)),
        None => Ok(()),
    }
}

fn no_folder(path: &Path) -> Error {
    let kind = path.symlink_metadata().map(|found| found.file_type());
    let kind = match kind {
        Ok(kind) if kind.is_symlink() => "a link that leads to no folder",
        Ok(kind) => kind_of(kind),
        Err(_) => "something else",
    };
    Error::new(
        ErrorKind::Io,
        format!("{} is {kind} and not a folder", path.display()),
    )
    .with_help("look at it, and move it away; or choose another folder for backups")
}

/// The names of the files in a folder, none when it is not there, or is no folder.
pub(crate) fn files_in(folder: &Path) -> Result<Vec<String>, Error> {
    let list = || {
        fs::read_dir(folder)?
            .map(|entry| Ok(entry?.file_name().to_string_lossy().into_owned()))
            .collect::<io::Result<Vec<_>>>()
    };
    match list() {
        Err(error) if error.kind() == io::ErrorKind::NotFound => Ok(Vec::new()),
        Err(_) if is_no_folder(folder) => Ok(Vec::new()),
        Err(error) => {
            refuse_no_folder(folder)?;
            let what = format!("cannot read the folder {}", folder.display());
            Err(failure(what, error))
        }
        Ok(names) => Ok(names),
    }
}

/// Removes a folder of ours with everything in it; that it is gone already is fine.
pub(crate) fn remove_folder(path: &Path) -> Result<(), Error> {
    match os::patiently(Call::Remove, path, || fs::remove_dir_all(path)) {
        Err(error) if error.kind() != io::ErrorKind::NotFound => {
            Err(failure(format!("cannot remove {}", path.display()), error))
        }
        _ => Ok(()),
    }
}

/// The bytes of a migration file.
pub(crate) fn read_source(path: &Path) -> Result<Vec<u8>, Error> {
    // A pipe would be waited for, and a device be read without end.
    if let Ok(found) = path.metadata()
        && !found.is_file()
    {
        let kind = kind_of(found.file_type());
        let message = format!("{} is {kind} and not a file", path.display());
        return Err(Error::new(ErrorKind::Io, message).with_help("move it away"));
    }
    os::patiently(Call::Open, path, || fs::read(path))
        .map_err(|error| failure(format!("cannot read {}", path.display()), error))
}

/// Makes a file's contents durable. A failure is final for that file: after it, the
/// system may call pages clean that never reached the disk.
pub(crate) fn sync_file(path: &Path) -> Result<(), Error> {
    open_for_writing(path)
        .and_then(|file| sync(&file, path))
        .map_err(|error| failure(format!("cannot sync {}", path.display()), error))
}

/// Rust's own call is the strong one on macOS (`F_FULLFSYNC`), and fails there on disks that do not
/// know it: network shares, FUSE. What they have is the weaker one. (On Linux both are one.)
pub(super) fn sync(file: &File, path: &Path) -> io::Result<()> {
    match os::once(Call::Sync, path, || file.sync_all()) {
        #[cfg(unix)]
        Err(error) if is_unknown_here(&error) => Ok(rustix::fs::fsync(file)?),
        synced => synced,
    }
}

/// Whether a file system says that it does not have a call.
#[cfg_attr(not(unix), allow(dead_code))]
fn is_unknown_here(error: &io::Error) -> bool {
    matches!(
        error.kind(),
        io::ErrorKind::InvalidInput | io::ErrorKind::Unsupported
    )
}

/// Opens a file that holds no locks of SQLite's, to read it.
pub(super) fn open(path: &Path) -> io::Result<File> {
    os::patiently(Call::Open, path, || File::open(path))
}

/// The same to read and change it.
pub(super) fn open_for_writing(path: &Path) -> io::Result<File> {
    let mut options = OpenOptions::new();
    options.read(true).write(true);
    os::patiently(Call::Open, path, || options.open(path))
}

/// Makes names in a folder durable. Where folders cannot be synced (Windows, some network
/// file systems) there is nothing to do.
pub(crate) fn sync_folder(path: &Path) -> Result<(), Error> {
    if !cfg!(unix) {
        return Ok(());
    }
    match File::open(path).and_then(|folder| folder.sync_all()) {
        Err(error) if is_unknown_here(&error) => Ok(()),
        result => result
            .map_err(|error| failure(format!("cannot sync the folder {}", path.display()), error)),
    }
}

/// Gives a finished file its name, in the place of what has it.
pub(crate) fn rename(from: &Path, to: &Path) -> Result<(), Error> {
    os::patiently(Call::Rename, from, || fs::rename(from, to)).map_err(|error| {
        failure(
            format!("cannot rename {} to {}", from.display(), to.display()),
            error,
        )
    })
}

/// Whether a name was free.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[must_use]
pub(crate) enum Claim {
    /// The file has it now.
    Ours,
    /// Another file had it, and has it still.
    Taken,
}

/// Gives a finished file its name, if that is nobody's yet: of two that want it at the same time,
/// one gets it.
pub(crate) fn claim(from: &Path, to: &Path) -> Result<Claim, Error> {
    match os::patiently(Call::Claim, from, || rename_to_free_name(from, to)) {
        Ok(()) => Ok(Claim::Ours),
        Err(error) if error.kind() == io::ErrorKind::AlreadyExists => Ok(Claim::Taken),
        Err(error) => Err(failure(
            format!("cannot rename {} to {}", from.display(), to.display()),
            error,
        )),
    }
}

#[cfg(windows)]
use windows::rename_to_free_name;

/// With two names for a moment, as every file system of Linux has done it for long; where it knows
/// no links, with one call that replaces nothing.
#[cfg(unix)]
fn rename_to_free_name(from: &Path, to: &Path) -> io::Result<()> {
    match fs::hard_link(from, to) {
        Ok(()) => {
            // The name is ours. The other one is a staging file, which is tidied up.
            if let Err(error) = fs::remove_file(from) {
                log::warn!("{} was left behind: {error}", from.display());
            }
            Ok(())
        }
        Err(error) if error.kind() == io::ErrorKind::AlreadyExists => Err(error),
        Err(_) if to.try_exists()? => Err(io::ErrorKind::AlreadyExists.into()),
        Err(_) => rename_without_links(from, to),
    }
}

/// `renameat2` with `RENAME_NOREPLACE` on Linux, `renameatx_np` with `RENAME_EXCL` on macOS; where
/// those are not known either, a rename that could replace what came in between.
#[cfg(unix)]
fn rename_without_links(from: &Path, to: &Path) -> io::Result<()> {
    #[cfg(any(target_os = "linux", target_os = "android", target_vendor = "apple"))]
    {
        use rustix::fs::{CWD, RenameFlags, renameat_with};
        use rustix::io::Errno;
        match renameat_with(CWD, from, CWD, to, RenameFlags::NOREPLACE) {
            // The file system, or the kernel, does not know it.
            Err(Errno::INVAL | Errno::NOSYS | Errno::NOTSUP) => {}
            done => return Ok(done?),
        }
    }
    fs::rename(from, to)
}

/// Removes a file; that it is gone already is fine.
pub(crate) fn remove(path: &Path) -> Result<(), Error> {
    match os::patiently(Call::Remove, path, || fs::remove_file(path)) {
        Err(error) if error.kind() != io::ErrorKind::NotFound => {
            Err(failure(format!("cannot remove {}", path.display()), error))
        }
        _ => Ok(()),
    }
}

pub(super) fn cannot_write(path: &Path, error: io::Error) -> Error {
    failure(format!("cannot write {}", path.display()), error)
}

/// Makes a file empty.
pub(crate) fn truncate(path: &Path) -> Result<(), Error> {
    open_for_writing(path)
        .and_then(|file| file.set_len(0))
        .map_err(|error| failure(format!("cannot write {}", path.display()), error))
}

/// Copies a damaged database as it is, with its companions, which nothing else can.
///
/// No connection of this process may be open on it: closing the file drops their locks.
///
/// Each file is written as `staging` first, and gets its name when it is whole.
pub(crate) fn copy_damaged(database: &Path, to: &Path, staging: &Path) -> Result<(), Error> {
    // The file itself last: what has its name is whole.
    for ending in ["-wal", "-journal", ""] {
        let (from, to) = (companion(database, ending), companion(to, ending));
        if !is_there(&from)? {
            continue;
        }
        remove(staging)?;
        create_like(staging, database)?;
        os::patiently(Call::Open, &from, || fs::copy(&from, staging))
            .map_err(|error| failure(format!("cannot save {}", from.display()), error))?;
        sync_file(staging)?;
        rename(staging, &to)?;
    }
    sync_folder(to.parent().unwrap_or(to))
}

/// Whether the files of a database can be opened to be changed, as far as it can be asked.
#[derive(Debug)]
pub(crate) enum Access {
    /// Another program has this one open, and does not share it.
    Held(PathBuf),
    /// Each that is there was opened.
    Free,
    /// Something else refuses, or this is not Windows: elsewhere no program keeps others from
    /// opening a file, and to open a database and close it would drop locks.
    Unknown,
}

/// Asks the system ("Creating and Opening Files", sharing modes).
pub(crate) fn access(database: &Path) -> Access {
    let mut access = Access::Free;
    for ending in ["", "-wal", "-shm", "-journal"] {
        let file = companion(database, ending);
        let asked = os::once(Call::Probe, &file, || match cfg!(windows) {
            true => as_sqlite_shares()
                .read(true)
                .write(true)
                .open(&file)
                .map(drop),
            false => Err(io::ErrorKind::Unsupported.into()),
        });
        match asked {
            Err(error) if os::is_held(&error) => return Access::Held(file),
            Err(error) if error.kind() != io::ErrorKind::NotFound => access = Access::Unknown,
            _ => {}
        }
    }
    access
}

/// How many names a file has, where that is known.
pub(crate) fn names_of(path: &Path) -> Option<u64> {
    #[cfg(unix)]
    {
        use std::os::unix::fs::MetadataExt;
        Some(path.metadata().ok()?.nlink())
    }
    #[cfg(windows)]
    {
        Some(windows::identity(path).ok()?.names.into())
    }
}

/// Which file has a name now, where the system tells.
pub(crate) fn identity(path: &Path) -> Option<(u64, u64)> {
    #[cfg(unix)]
    {
        use std::os::unix::fs::MetadataExt;
        let found = path.metadata().ok()?;
        Some((found.dev(), found.ino()))
    }
    #[cfg(not(unix))]
    {
        let _ = path;
        None
    }
}

/// Whether two paths are one file, also by a hard link.
pub(crate) fn is_same_file(one: &Path, other: &Path) -> bool {
    #[cfg(windows)]
    if let (Ok(one), Ok(other)) = (windows::identity(one), windows::identity(other)) {
        return one == other;
    }
    #[cfg(unix)]
    {
        use std::os::unix::fs::MetadataExt;
        if let (Ok(one), Ok(other)) = (one.metadata(), other.metadata()) {
            return (one.dev(), one.ino()) == (other.dev(), other.ino());
        }
    }
    matches!((path::canonicalize(one), path::canonicalize(other)), (Ok(one), Ok(other)) if one == other)
}

#[cfg(test)]
mod tests {
    use super::denied;

    #[test]
    fn a_refusal_names_what_a_system_has_in_the_way() {
        assert!(denied(Some(1), "macos").contains("Privacy & Security"));
        assert!(denied(Some(5), "windows").contains("controlled folder access"));
        for (code, system) in [(13, "macos"), (1, "linux"), (13, "linux")] {
            let help = denied(Some(code), system);
            assert!(help.ends_with("writable for this user, or choose another"));
        }
    }
}
