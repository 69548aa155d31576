//! A state of a database, to be read with SQL of one's own.

use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::sync::atomic::AtomicBool;
use std::time::Duration;

use rusqlite::Connection;

use crate::inspect::compare::{StateRef, open_state};
use crate::inspect::fence;
use crate::options::settings::Options;
use crate::report::error::Error;
use crate::sqlite::execute::failure;
use crate::sqlite::view::View;

/// What [`Database::read`](crate::Database::read) opens. What it had to copy goes when it goes.
pub struct Reader {
    path: PathBuf,
    view: View,
}

impl std::fmt::Debug for Reader {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Reader").field("path", &self.path).finish()
    }
}

impl Reader {
    /// The file.
    pub fn path(&self) -> &Path {
        &self.path
    }

    /// A connection that cannot write to it.
    pub fn connection(&self) -> &Connection {
        &self.view.connection
    }

    /// Confines it, for SQL that somebody types and for files of a stranger: statements that only
    /// read are allowed and all others are refused, functions that reach files or code and pragmas
    /// that change something too; a query ends when the time is over or the flag is set; and a
    /// value that SQL makes is at most 16 MiB long, since making one cannot be interrupted.
    ///
    /// # Errors
    /// [`ErrorKind::Io`](crate::ErrorKind::Io) if SQLite does not take the setting.
    pub fn confine(&mut self, longest: Duration, cancel: Arc<AtomicBool>) -> Result<(), Error> {
        fence::enclose(&mut self.view.connection, longest, cancel)
            .map_err(|error| failure("cannot confine the connection", error))
    }

    /// Whether what was read so far is one state. A database that nobody had open is read without
    /// locks; where somebody wrote to it since, it must be read again.
    pub fn is_of_one_state(&self) -> bool {
        self.view.is_of_one_state()
    }
}

/// Opens a state.
pub(crate) fn read(
    options: &Options<'_>,
    database: &Path,
    state: &StateRef,
) -> Result<Reader, Error> {
    let (path, view) = open_state(options, database, state)?;
    Ok(Reader { path, view })
}
