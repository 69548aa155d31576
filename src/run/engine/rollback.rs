//! What failed is taken back whole, proved, and put back from the copy where it must be.

use std::path::PathBuf;

use crate::backup::put_back;
use crate::backup::store::Backup;
use crate::migration::history::marker::Marker;
use crate::report::error::{DataState, Error};
use crate::report::time;
use crate::run::engine::session::Session;
use crate::run::engine::state_before::Known;
use crate::sqlite::open;
use crate::sqlite::schema::catalog;

/// Everything of a run that is not committed can be undone to here, with the write lock held.
pub(crate) const SAVEPOINT: &str = "SAVEPOINT heirloom_run";
const ROLLBACK_TO: &str = "ROLLBACK TO heirloom_run";

/// What of a run is in the database, whatever becomes of the rest.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Committed {
    Nothing,
    Something,
    /// The commit failed, and whether it did could not be read.
    Unknown,
}

/// What is to be put back, and how the database was.
pub(crate) fn marker(session: &Session<'_, '_>, backup: Option<&Backup>) -> Result<Marker, Error> {
    Ok(Marker {
        started_at: time::rfc3339(time::now()),
        backup: backup.map(Backup::file_name),
        digest: backup.map(|backup| backup.record.digest.clone()),
        journal_mode: catalog::word(&session.connection, "PRAGMA journal_mode")?,
    })
}

/// Changes when another connection has written to the database.
pub(crate) fn data_version(session: &Session<'_, '_>) -> Option<i64> {
    catalog::number(&session.connection, "PRAGMA data_version").ok()
}

/// Takes everything back, proves it, and says in the error what state the data is in.
pub(crate) fn take_back(
    session: &mut Session<'_, '_>,
    error: Error,
    before: Known<'_>,
    marker: Option<Marker>,
    committed: Committed,
    data_version_before: Option<i64>,
) -> Error {
    let backup = match before {
        Known::Backup(backup) => Some(backup),
        Known::Empty | Known::Unproved => None,
    };
    // The rollback must not be interrupted by what began it.
    let _ = session.watch_for_cancel(false);
    let good_copy = backup.map(|backup| backup.path.clone());
    if committed == Committed::Something {
        return match marker {
            Some(marker) => put_back(session, error, backup, &marker),
            None => error.needing_attention(good_copy),
        };
    }
    // SQLite rolls back what was not committed, at the latest when the file is opened again.
    let unproved = |error: Error| {
        match committed {
        Committed::Unknown => error
            .needing_attention(good_copy.clone())
            .with_help("check the disk and start the app again: it finds all of the work or none, and puts back what was interrupted"),
        _ => error.with_data(DataState::RolledBack),
    }
    };
    // Disk full and I/O errors end the transaction on their own, and a hook may have.
    let ended = session.connection.execute_batch(ROLLBACK_TO).is_err();
    if ended {
        if !session.connection.is_autocommit() {
            let _ = session.connection.execute_batch("ROLLBACK");
        }
        if session.lock_for_writing().is_err() {
            return unproved(error);
        }
    }
    if matches!(before, Known::Unproved) {
        return unproved(error);
    }
    match difference(session, backup) {
        Ok(None) => error.with_data(match backup {
            Some(backup) => DataState::RolledBackAndProved {
                backup: backup.path.clone(),
            },
            None => DataState::RolledBack,
        }),
        // Somebody else wrote when the transaction had ended. That is not ours to undo.
        Ok(Some(_)) if ended && data_version(session) != data_version_before => unproved(error),
        Ok(Some(place)) => {
            log::warn!("after the rollback {place} differs from the backup");
            match self::marker(session, backup) {
                Ok(marker) => put_back(session, error, backup, &marker),
                Err(_) => error.needing_attention(backup.map(|backup| backup.path.clone())),
            }
        }
        Err(unread) => {
            log::warn!("the database could not be compared with the backup: {unread:#}");
            unproved(error)
        }
    }
}

/// Where the database differs from the copy, or from the empty one that it was.
fn difference(session: &Session<'_, '_>, backup: Option<&Backup>) -> Result<Option<String>, Error> {
    let Some(backup) = backup else {
        let objects = catalog::number(&session.connection, "SELECT count(*) FROM sqlite_schema")?;
        return Ok((objects > 0).then(|| "the schema".to_owned()));
    };
    let copy = open::copy(&backup.path)?;
    session.options.set_up(&copy)?;
    catalog::first_difference(&session.connection, &copy)
}

fn put_back(
    session: &mut Session<'_, '_>,
    error: Error,
    backup: Option<&Backup>,
    marker: &Marker,
) -> Error {
    let path: Option<PathBuf> = backup.map(|backup| backup.path.clone());
    match session.put_back(marker, path.as_deref()) {
        Ok(replaced) => {
            let help = error
                .help()
                .map(|help| format!("{help}; "))
                .unwrap_or_default();
            let error = error.with_data(DataState::put_back(path));
            match replaced {
                Some(replaced) => error.with_help(format!(
                    "{help}what was in the database is kept in {}, with what other programs wrote meanwhile",
                    replaced.display()
                )),
                None => error,
            }
        }
        Err(second) if put_back::is_back(&second) => {
            log::warn!("after the backup was restored: {second:#}");
            error.with_data(DataState::put_back(path))
        }
        Err(second) => {
            log::error!("the backup could not be restored: {second:#}");
            let digest = marker.digest.as_deref();
            let may_be = |path: &PathBuf| digest.is_some_and(|d| put_back::may_be_good(path, d));
            let good = path.filter(may_be);
            let first = second
                .help()
                .map(|help| format!("{help}; "))
                .unwrap_or_default();
            let help = format!(
                "{second}; {first}start the app again to let it try once more, or restore the backup by hand"
            );
            error.needing_attention(good).with_help(help)
        }
    }
}
