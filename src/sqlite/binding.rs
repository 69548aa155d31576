//! Where the versions of rusqlite in the range differ, written once for all of them, and what none of
//! them has.
//!
//! The range begins at what sqlx 0.8, and with it tauri-plugin-sql, resolves with.
#![allow(unsafe_code)]

use std::ffi::{CStr, CString, c_char, c_int};
use std::ptr::{self, NonNull};

use rusqlite::serialize::OwnedData;
use rusqlite::{Connection, MAIN_DB, ffi};

/// What setting a hook returns: nothing up to rusqlite 0.38, a result since then.
pub(crate) trait HookSet {
    fn checked(self) -> rusqlite::Result<()>;
}

impl HookSet for () {
    fn checked(self) -> rusqlite::Result<()> {
        Ok(())
    }
}

impl HookSet for rusqlite::Result<()> {
    fn checked(self) -> rusqlite::Result<()> {
        self
    }
}

/// A limit that was asked for: since rusqlite 0.33 in a result.
pub(crate) trait LimitRead {
    fn known(self) -> Option<i32>;
}

impl LimitRead for i32 {
    fn known(self) -> Option<i32> {
        Some(self)
    }
}

impl LimitRead for rusqlite::Result<i32> {
    fn known(self) -> Option<i32> {
        self.ok()
    }
}

/// Has SQLite keep no count of the memory that the process uses: it would keep it under one lock, for
/// which threads with connections of their own wait at each allocation
/// (<https://sqlite.org/c3ref/c_config_covering_index_scan.html#sqliteconfigmemstatus>). For a program
/// whose SQLite is nobody else's, before its first connection; later it changes nothing.
pub fn count_no_memory() {
    let off: c_int = 0;
    // SAFETY: the option takes one int. Where SQLite is initialised already, it refuses the call.
    let _ = unsafe { ffi::sqlite3_config(ffi::SQLITE_CONFIG_MEMSTATUS, off) };
}

/// The collation of a column, and whether it is AUTOINCREMENT. None where the table is a view, or
/// has no such column. (`Connection::column_metadata` since rusqlite 0.35.)
pub(crate) fn column(
    connection: &Connection,
    table: &str,
    column: &str,
) -> Option<(Option<String>, bool)> {
    let (table, column) = (CString::new(table).ok()?, CString::new(column).ok()?);
    let mut collation: *const c_char = ptr::null();
    let mut autoincrement: c_int = 0;
    // SAFETY: the handle is valid while the connection is borrowed, the three names end with NUL,
    // and SQLite writes to the two places that are given and passes over the null ones
    // (https://sqlite.org/c3ref/table_column_metadata.html).
    let result = unsafe {
        ffi::sqlite3_table_column_metadata(
            connection.handle(),
            c"main".as_ptr(),
            table.as_ptr(),
            column.as_ptr(),
            ptr::null_mut(),
            &raw mut collation,
            ptr::null_mut(),
            ptr::null_mut(),
            &raw mut autoincrement,
        )
    };
    if result != ffi::SQLITE_OK {
        return None;
    }
    // SAFETY: null, or a text that is valid until the schema changes; it is copied before that.
    let collation = (!collation.is_null()).then(|| {
        unsafe { CStr::from_ptr(collation) }
            .to_string_lossy()
            .into_owned()
    });
    Some((collation, autoincrement != 0))
}

/// Makes `last_insert_rowid()` answer this.
pub(crate) fn set_last_insert_rowid(connection: &Connection, rowid: i64) {
    // SAFETY: the handle is valid while the connection is borrowed
    // (https://sqlite.org/c3ref/set_last_insert_rowid.html).
    unsafe { ffi::sqlite3_set_last_insert_rowid(connection.handle(), rowid) }
}

/// Makes a connection the database whose pages these are, in memory.
/// (`Connection::deserialize_read_exact` since rusqlite 0.33.)
pub(crate) fn deserialize(connection: &mut Connection, image: &[u8]) -> rusqlite::Result<()> {
    // SAFETY: plain allocation.
    let memory = unsafe { ffi::sqlite3_malloc64(image.len() as u64) }.cast::<u8>();
    let no_memory = || rusqlite::Error::SqliteFailure(ffi::Error::new(ffi::SQLITE_NOMEM), None);
    let memory = NonNull::new(memory).ok_or_else(no_memory)?;
    // SAFETY: as many bytes were allocated a moment ago, by the allocator that `OwnedData` demands.
    let data = unsafe {
        ptr::copy_nonoverlapping(image.as_ptr(), memory.as_ptr(), image.len());
        OwnedData::from_raw_nonnull(memory, image.len())
    };
    connection.deserialize(MAIN_DB, data, false)
}
