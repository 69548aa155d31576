//! Reading a database file through the handle that SQLite has open on it.
//!
//! A copy of the file is the fastest copy of a database, but opening the file for it and
//! closing it again would drop this process's locks on Unix. SQLite's own handle can be read
//! without opening anything (`SQLITE_FCNTL_FILE_POINTER`, `xRead`).
#![allow(unsafe_code)]

use std::ffi::c_int;
use std::ptr;

use rusqlite::{Connection, ffi};

/// The main file of a connection, open for as long as the connection is borrowed.
pub(crate) struct MainFile<'c> {
    file: *mut ffi::sqlite3_file,
    read: unsafe extern "C" fn(
        *mut ffi::sqlite3_file,
        *mut std::ffi::c_void,
        c_int,
        ffi::sqlite3_int64,
    ) -> c_int,
    connection: &'c Connection,
}

impl<'c> MainFile<'c> {
    /// The file behind `main`. None where there is none.
    pub(crate) fn of(connection: &'c Connection) -> Option<MainFile<'c>> {
        let mut file: *mut ffi::sqlite3_file = ptr::null_mut();
        // SAFETY: the handle is valid while the connection is borrowed, the name is a
        // NUL-terminated string, and the control code writes one pointer to where the
        // fourth argument points (https://sqlite.org/c3ref/c_fcntl_begin_atomic_write.html#sqlitefcntlfilepointer).
        let result = unsafe {
            ffi::sqlite3_file_control(
                connection.handle(),
                c"main".as_ptr(),
                ffi::SQLITE_FCNTL_FILE_POINTER,
                ptr::from_mut(&mut file).cast(),
            )
        };
        if result != ffi::SQLITE_OK || file.is_null() {
            return None;
        }
        // SAFETY: SQLite gave a pointer to an open file of this connection; its methods are
        // null when the file is closed, and otherwise a table that lives as long as it.
        let methods = unsafe { (*file).pMethods.as_ref() }?;
        Some(MainFile {
            file,
            read: methods.xRead?,
            connection,
        })
    }

    /// Whether its name leads to it still, as SQLite looks it up: nobody moved or replaced it.
    pub(crate) fn is_in_its_place(&self) -> bool {
        let mut moved: c_int = 1;
        // SAFETY: as in `of`; the control code writes one int to where the fourth argument points
        // (https://sqlite.org/c3ref/c_fcntl_begin_atomic_write.html#sqlitefcntlhasmoved).
        let result = unsafe {
            ffi::sqlite3_file_control(
                self.connection.handle(),
                c"main".as_ptr(),
                ffi::SQLITE_FCNTL_HAS_MOVED,
                ptr::from_mut(&mut moved).cast(),
            )
        };
        result == ffi::SQLITE_OK && moved == 0
    }

    /// Fills the buffer from an offset. False when that many bytes could not be read.
    pub(crate) fn read_exact_at(&self, buffer: &mut [u8], offset: u64) -> bool {
        let (Ok(length), Ok(offset)) = (c_int::try_from(buffer.len()), i64::try_from(offset))
        else {
            return false;
        };
        // SAFETY: the file is open while the connection is borrowed, which `self` does; the
        // connection is not shared between threads, so nobody else uses the handle now; the
        // buffer has `length` bytes and xRead writes no more than that.
        let result = unsafe { (self.read)(self.file, buffer.as_mut_ptr().cast(), length, offset) };
        result == ffi::SQLITE_OK
    }
}
