//! Waiting for other processes.

use std::path::Path;
use std::time::{Duration, Instant};

use rusqlite::Connection;

use crate::options::settings::Options;
use crate::report::error::Error;
use crate::report::event::Event;
use crate::sqlite::disk::files::{self, Access};
use crate::sqlite::disk::lock::{self, Lock};
use crate::sqlite::{execute, open};

/// How long SQLite waits on its own before the cancel flag is looked at again.
pub(crate) const SLICE: Duration = Duration::from_millis(100);

pub(crate) const COMMIT: &str = "COMMIT";

/// Runs a statement, waiting for other programs as long as the caller allows.
pub(crate) fn patiently(
    options: &Options<'_>,
    connection: &Connection,
    database: &Path,
    sql: &str,
) -> Result<(), Error> {
    let timeout = options.lock_timeout;
    let deadline = Instant::now() + timeout;
    let holder = || lock::sqlite_holder(database);
    let mut told = false;
    open::patience(connection, timeout.min(SLICE))?;
    loop {
        match connection.execute_batch(sql) {
            // A companion that another program holds is a wait too, while nothing was lost by it.
            Err(error)
                if execute::is_busy(&error) || is_kept_out(&error, connection, sql, database) =>
            {
                options.check_cancelled()?;
                if Instant::now() >= deadline {
                    return Err(lock::busy(&holder(), timeout));
                }
                if !std::mem::replace(&mut told, true) {
                    options.emit(Event::Waiting { holder: &holder() });
                }
            }
            Err(error) => {
                let what = || format!("cannot read {}", database.display());
                return Err(match sql {
                    COMMIT => open::cannot_commit(database, error),
                    _ => execute::failure(what(), error),
                });
            }
            Ok(()) => return open::patience(connection, timeout),
        }
    }
}

/// Whether a statement failed because another program holds a file of the database and does not
/// share it. A COMMIT that ended its transaction is not to be run again.
pub(crate) fn is_kept_out(
    error: &rusqlite::Error,
    connection: &Connection,
    sql: &str,
    database: &Path,
) -> bool {
    let refused = execute::is_refused_by_surroundings(error)
        || execute::code(error) == Some(rusqlite::ErrorCode::ReadOnly);
    let is_over = sql == COMMIT && connection.is_autocommit();
    refused && !is_over && matches!(files::access(database), Access::Held(_))
}

/// Opens a database for work, waiting for a program that does not share the file as long as the
/// caller allows.
pub(crate) fn open_patiently(options: &Options<'_>, database: &Path) -> Result<Connection, Error> {
    let deadline = Instant::now() + options.lock_timeout;
    let mut told = false;
    loop {
        match open::writer(database) {
            Err(error) if error.is_busy() && Instant::now() < deadline => {
                options.check_cancelled()?;
                if !std::mem::replace(&mut told, true) {
                    let holder = lock::sqlite_holder(database);
                    options.emit(Event::Waiting { holder: &holder });
                }
                std::thread::sleep(SLICE);
            }
            opened => return opened,
        }
    }
}

/// Takes the process lock, waiting as long as the caller allows.
pub(crate) fn lock(options: &Options<'_>, database: &Path) -> Result<Lock, Error> {
    Lock::acquire(
        database,
        options.lock_timeout,
        &options.owner(),
        |holder| options.emit(Event::Waiting { holder }),
        || options.is_cancelled(),
    )
}
