//! Waiting for other processes.

use std::path::Path;
use std::time::{Duration, Instant};

use rusqlite::Connection;

use crate::options::settings::Options;
use crate::report::error::Error;
use crate::report::event::Event;
use crate::sqlite::disk::lock::{self, Lock};
use crate::sqlite::{execute, open};

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
            Err(error) if execute::is_busy(&error) => {
                options.check_cancelled()?;
                if Instant::now() >= deadline {
                    return Err(lock::busy(&holder(), timeout));
                }
                if !std::mem::replace(&mut told, true) {
                    options.emit(Event::Waiting { holder: &holder() });
                }
            }
            Err(error) => {
                let what = match sql {
                    COMMIT => "cannot commit".to_owned(),
                    _ => format!("cannot read {}", database.display()),
                };
                return Err(execute::failure(what, error));
            }
            Ok(()) => return open::patience(connection, timeout),
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

/// How long SQLite waits on its own before the cancel flag is looked at again.
pub(crate) const SLICE: Duration = Duration::from_millis(100);

pub(crate) const COMMIT: &str = "COMMIT";
