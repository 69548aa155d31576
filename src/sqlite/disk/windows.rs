//! What the standard library has no call for on Windows.
//!
//! Each call is one function, with the page of Microsoft's documentation that it relies on.
#![allow(unsafe_code)]

use std::fs::{File, OpenOptions};
use std::io;
use std::os::windows::ffi::OsStrExt;
use std::os::windows::fs::OpenOptionsExt;
use std::os::windows::io::AsRawHandle;
use std::path::Path;

use windows_sys::Win32::Foundation::{
    ERROR_IO_PENDING, ERROR_LOCK_VIOLATION, ERROR_MORE_DATA, ERROR_SUCCESS, HANDLE,
};
use windows_sys::Win32::Storage::FileSystem::{
    BY_HANDLE_FILE_INFORMATION, FILE_ATTRIBUTE_DEVICE, FILE_ATTRIBUTE_DIRECTORY,
    FILE_ATTRIBUTE_REPARSE_POINT, FILE_FLAG_BACKUP_SEMANTICS, GetFileAttributesExW,
    GetFileExInfoStandard, GetFileInformationByHandle, LOCKFILE_EXCLUSIVE_LOCK,
    LOCKFILE_FAIL_IMMEDIATELY, LockFileEx, MOVEFILE_WRITE_THROUGH, MoveFileExW, UnlockFileEx,
    WIN32_FILE_ATTRIBUTE_DATA,
};
use windows_sys::Win32::System::IO::OVERLAPPED;
use windows_sys::Win32::System::RestartManager::{
    CCH_RM_SESSION_KEY, RM_PROCESS_INFO, RmEndSession, RmGetList, RmRegisterResources,
    RmStartSession,
};

use crate::sqlite::disk::path;

fn wide(path: &Path) -> Vec<u16> {
    let path = path::for_system(path);
    path.as_os_str().encode_wide().chain([0]).collect()
}

/// Renames a file; a name that is taken is refused (`ERROR_ALREADY_EXISTS`), as `MoveFileExW`
/// does without `MOVEFILE_REPLACE_EXISTING`. With `MOVEFILE_WRITE_THROUGH` it returns when the move
/// is on the disk, for which Windows has no other call: a folder cannot be flushed.
///
/// # Errors
///
/// The system's refusal.
pub(crate) fn rename_to_free_name(from: &Path, to: &Path) -> io::Result<()> {
    let (from, to) = (wide(from), wide(to));
    // SAFETY: both are texts that end with a zero and live through the call.
    match unsafe { MoveFileExW(from.as_ptr(), to.as_ptr(), MOVEFILE_WRITE_THROUGH) } {
        0 => Err(io::Error::last_os_error()),
        _ => Ok(()),
    }
}

/// What can be seen of a name without a handle of what has it.
pub(crate) enum Seen {
    Nothing,
    Folder,
    /// With its length.
    File(u64),
    /// A link, or the system does not say it so.
    Unclear,
}

/// Looks without opening anything (`GetFileAttributesExW`), as SQLite does. The standard library
/// opens a handle. While somebody has one, the name of a file that is removed stays ("DeleteFile …
/// marks a file for deletion on close"), and a journal is removed to commit: Windows refuses to open
/// the name then, but to wine it is a file like any other, and the next reader takes the change back.
pub(crate) fn see(path: &Path) -> Seen {
    let name = wide(path);
    let mut found = WIN32_FILE_ATTRIBUTE_DATA::default();
    // SAFETY: the name ends with a zero, and the structure is what this level of information fills.
    let done = unsafe {
        GetFileAttributesExW(
            name.as_ptr(),
            GetFileExInfoStandard,
            (&raw mut found).cast(),
        )
    };
    if done == 0 {
        return match io::Error::last_os_error().kind() {
            io::ErrorKind::NotFound => Seen::Nothing,
            _ => Seen::Unclear,
        };
    }
    let has = |attribute| found.dwFileAttributes & attribute != 0;
    match () {
        () if has(FILE_ATTRIBUTE_REPARSE_POINT | FILE_ATTRIBUTE_DEVICE) => Seen::Unclear,
        () if has(FILE_ATTRIBUTE_DIRECTORY) => Seen::Folder,
        () => Seen::File(u64::from(found.nFileSizeHigh) << 32 | u64::from(found.nFileSizeLow)),
    }
}

/// What a file is, whatever it is called.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Identity {
    volume: u32,
    index: u64,
    /// How many names it has.
    pub(crate) names: u32,
}

/// Asks for it by a handle without rights, which no sharing mode keeps out (`CreateFileW`: "query
/// certain metadata … even if GENERIC_READ access would have been denied").
///
/// # Errors
///
/// The system's refusal.
pub(crate) fn identity(path: &Path) -> io::Result<Identity> {
    let file = OpenOptions::new()
        .access_mode(0)
        .custom_flags(FILE_FLAG_BACKUP_SEMANTICS)
        .open(path)?;
    let mut found = BY_HANDLE_FILE_INFORMATION::default();
    // SAFETY: the handle is open, and the structure is written through its own pointer.
    if unsafe { GetFileInformationByHandle(handle(&file), &raw mut found) } == 0 {
        return Err(io::Error::last_os_error());
    }
    Ok(Identity {
        volume: found.dwVolumeSerialNumber,
        index: u64::from(found.nFileIndexHigh) << 32 | u64::from(found.nFileIndexLow),
        names: found.nNumberOfLinks,
    })
}

fn handle(file: &File) -> HANDLE {
    file.as_raw_handle()
}

/// The byte that stands for the lock. Far behind the end, which is "not an error" (`LockFileEx`):
/// what is locked cannot be read by others, and the file says who holds it. A lock on the whole
/// file, as the standard library takes it, keeps this one out and is kept out by it.
fn lock_byte() -> OVERLAPPED {
    let mut at = OVERLAPPED::default();
    at.Anonymous.Anonymous.OffsetHigh = 0x4000_0000;
    at
}

/// Takes the lock of a file, without waiting. False where somebody else has it.
///
/// # Errors
///
/// The system's refusal.
pub(crate) fn try_lock(file: &File, exclusive: bool) -> io::Result<bool> {
    let flags = match exclusive {
        true => LOCKFILE_FAIL_IMMEDIATELY | LOCKFILE_EXCLUSIVE_LOCK,
        false => LOCKFILE_FAIL_IMMEDIATELY,
    };
    let mut at = lock_byte();
    // SAFETY: the handle is open and was not opened for overlapped work, so that the call is over
    // when it returns, and `at` lives through it.
    if unsafe { LockFileEx(handle(file), flags, 0, 1, 0, &raw mut at) } != 0 {
        return Ok(true);
    }
    let error = io::Error::last_os_error();
    match error.raw_os_error().map(i32::cast_unsigned) {
        Some(ERROR_LOCK_VIOLATION | ERROR_IO_PENDING) => Ok(false),
        _ => Err(error),
    }
}

/// Gives it back. Closing the file does so too, but later: "the time it takes … depends upon
/// available system resources" (`LockFileEx`).
pub(crate) fn unlock(file: &File) {
    let mut at = lock_byte();
    // SAFETY: as in `try_lock`.
    unsafe { UnlockFileEx(handle(file), 0, 1, 0, &raw mut at) };
}

/// The programs that have a file open, as the restart manager knows them: those of this machine,
/// without this process. None where it cannot tell.
pub(crate) fn users_of(files: &[&Path]) -> Vec<(u32, String)> {
    let files: Vec<Vec<u16>> = files.iter().map(|file| wide(file)).collect();
    let names: Vec<*const u16> = files.iter().map(|name| name.as_ptr()).collect();
    let Ok(count) = u32::try_from(names.len()) else {
        return Vec::new();
    };
    let mut session = 0;
    let mut key = [0_u16; CCH_RM_SESSION_KEY as usize + 1];
    // SAFETY: the key has room for a session key and its zero, as RmStartSession asks.
    if unsafe { RmStartSession(&raw mut session, 0, key.as_mut_ptr()) } != ERROR_SUCCESS {
        return Vec::new();
    }
    // SAFETY: the session is open, and the pointers are `count` texts that end with a zero.
    let registered = unsafe {
        RmRegisterResources(
            session,
            count,
            names.as_ptr(),
            0,
            std::ptr::null(),
            0,
            std::ptr::null(),
        )
    };
    let found = match registered {
        ERROR_SUCCESS => listed(session),
        _ => Vec::new(),
    };
    // SAFETY: the session is open, and ends here.
    unsafe { RmEndSession(session) };
    found
}

fn listed(session: u32) -> Vec<(u32, String)> {
    let mut room = 8;
    // Programs come and go between two questions.
    for _ in 0..4 {
        let mut programs = vec![RM_PROCESS_INFO::default(); room as usize];
        let (mut needed, mut given, mut reasons) = (0, room, 0);
        // SAFETY: the session is open, and there is room for `given` programs.
        let answer = unsafe {
            RmGetList(
                session,
                &raw mut needed,
                &raw mut given,
                programs.as_mut_ptr(),
                &raw mut reasons,
            )
        };
        match answer {
            ERROR_SUCCESS => {
                programs.truncate(given as usize);
                return programs
                    .iter()
                    .map(named)
                    .filter(|(pid, _)| *pid != std::process::id())
                    .collect();
            }
            ERROR_MORE_DATA => room = needed.max(room) + 4,
            _ => break,
        }
    }
    Vec::new()
}

fn named(program: &RM_PROCESS_INFO) -> (u32, String) {
    let name = &program.strAppName;
    let end = name
        .iter()
        .position(|unit| *unit == 0)
        .unwrap_or(name.len());
    let name = String::from_utf16_lossy(&name[..end]);
    (program.Process.dwProcessId, name)
}
