//! `edit`: rows changed by a person, with the protection that a run has.

use std::path::Path;
use std::time::Instant;

use rusqlite::Connection;

use crate::migration::history::marker;
use crate::options::hooks::HookError;
use crate::options::settings::Options;
use crate::report::error::{Error, ErrorKind};
use crate::run::engine::session::{Session, Stage};
use crate::sqlite::open;
use crate::sqlite::schema::{catalog, nesting};

/// Does it under both locks, in one transaction, with foreign keys on.
pub(crate) fn edit<T>(
    options: &Options<'_>,
    path: &Path,
    work: impl FnOnce(&Connection) -> Result<T, HookError>,
) -> Result<T, Error> {
    options.check_history_table()?;
    let target = open::resolve(path)?;
    if target.metadata.as_ref().is_none_or(|file| file.len() == 0) {
        return Err(open::no_database(&target.path));
    }
    let mut session = Session::begin(options, target, Stage::Live, Instant::now())?;
    match edit_in(&mut session, work) {
        Ok(done) => {
            session.finish()?;
            Ok(done)
        }
        Err(error) => {
            session.abandon();
            Err(error)
        }
    }
}

fn edit_in<T>(
    session: &mut Session<'_, '_>,
    work: impl FnOnce(&Connection) -> Result<T, HookError>,
) -> Result<T, Error> {
    // Inside a transaction the pragma does nothing.
    session.let_others_in()?;
    session.foreign_keys_on()?;
    session.come_back()?;
    // What a trigger reads is compiled with the statement that sets it off, and nothing ends that.
    nesting::refuse_too_nested(&catalog::entries(&session.connection)?)?;
    marker::refuse_interrupted(&session.connection, "try again, which does that")?;
    let done = work(&session.connection).map_err(|error| {
        let ended = session.options.check_cancelled().err();
        ended.unwrap_or_else(|| {
            Error::new(ErrorKind::MigrationFailed, "the rows were not changed").because(error)
        })
    })?;
    if session.connection.is_autocommit() {
        return Err(Error::new(
            ErrorKind::MigrationFailed,
            "the transaction was ended from inside",
        )
        .with_help("leave the commit to the library"));
    }
    session.commit()?;
    Ok(done)
}
