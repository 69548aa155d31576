//! What an interruption left, put right under the lock.

use std::path::{Path, PathBuf};

use rusqlite::Connection;

use crate::backup::attachments;
use crate::backup::intent::Intent;
use crate::backup::metadata::BackupKind;
use crate::backup::of_database::{stores, take_copy};
use crate::backup::store::BackupName;
use crate::options::settings::Options;
use crate::report::error::Error;
use crate::report::event::Event;
use crate::run::engine::wait::patiently;
use crate::sqlite::disk::files;
use crate::sqlite::schema::catalog;
use crate::sqlite::{execute, integrity, open};

/// Removes what interrupted copies and restores left, and says so. Only under the process
/// lock.
pub(crate) fn clean_up(options: &Options<'_>, database: &Path) -> Result<(), Error> {
    let (backups, snapshots) = stores(options, database);
    let mut files = backups.clean()? + snapshots.clean()?;
    if !files::is_there(&Intent::path_for(database))? {
        files += attachments::clean(&database.with_file_name("snapshots"), database)?;
    }
    let note = files::companion(&Intent::path_for(database), ".partial");
    files += usize::from(files::remove_leftover(&note, false)?);
    if files > 0 {
        options.emit(Event::CleanedUp { files });
        log::info!("removed {files} unfinished files of an interrupted copy");
    }
    Ok(())
}

/// A restore with folders leaves a whole database while it is not finished, and others may write
/// to it: what is not as the copy is kept before it is replaced again. Where that went.
pub(crate) fn keep_written_since(
    options: &Options<'_>,
    database: &Path,
    connection: &Connection,
    intent: &Intent,
) -> Result<Option<PathBuf>, Error> {
    let whole = intent.folders.is_some()
        && files::length(database)? > 0
        && matches!(integrity::quick_check(connection), Ok(None));
    if !whole {
        return Ok(None);
    }
    patiently(options, connection, database, "BEGIN IMMEDIATE")?;
    let as_copied = open::copy(&intent.copy)
        .and_then(|copy| catalog::first_difference(connection, &copy))
        .is_ok_and(|difference| difference.is_none());
    let kept = match as_copied {
        true => Ok(None),
        false => {
            let (store, name) = (
                stores(options, database).0,
                BackupName::Time(BackupKind::Replaced),
            );
            take_copy(options, database, &store, &name, None, &|_, _| Ok(())).map(Some)
        }
    };
    connection
        .execute_batch("ROLLBACK")
        .map_err(|error| execute::failure("cannot run `ROLLBACK`", error))?;
    Ok(kept?.map(|kept| kept.path))
}
