//! A file that took the place of another: its history is older than every backup's, or it has
//! none, and nothing that was logged says why.

use std::path::Path;

use rusqlite::Connection;

use crate::backup::log_file;
use crate::backup::of_database;
use crate::backup::store::{Backup, Store};
use crate::migration::history::log_entry::LogEntry;
use crate::migration::history::{log_table, table};
use crate::options::settings::Options;
use crate::report::act::Act;
use crate::report::error::{Error, ErrorKind};
use crate::report::remedy::Remedy;
use crate::sqlite::open;
use crate::sqlite::schema::catalog;

/// Refuses to migrate what a verified backup says is another database.
pub(crate) fn refuse(
    options: &Options<'_>,
    database: &Path,
    connection: &Connection,
) -> Result<(), Error> {
    let Some((backup, here)) = evidence(options, database, connection)? else {
        return Ok(());
    };
    let has = match here {
        Some(here) => format!("is at version {here}"),
        None => "has no migration history".to_owned(),
    };
    let there = backup.record.version.unwrap_or_default();
    let error = Error::new(
        ErrorKind::NeedsAttention,
        format!(
            "{} {has}, and its verified backup {} is at version {there}: another file seems to have taken its place",
            database.display(),
            backup.path.display()
        ),
    );
    let help = "restore a backup, which keeps the file that is there now. If this file is meant, restore it from another place, record its version, or move the backups of the other database to another folder";
    Err(match of_database::copies_kept(options, database) {
        Some((kept, remedy)) => error
            .with_help(format!("{kept}; {help}"))
            .with_remedy(remedy),
        None => error.with_help(help),
    }
    .with_remedy(Remedy::Baseline))
}

/// The newest verified backup that contradicts a database, and the version of that.
pub(crate) fn evidence(
    options: &Options<'_>,
    database: &Path,
    connection: &Connection,
) -> Result<Option<(Backup, Option<i64>)>, Error> {
    // The records of backups speak of the app's own history.
    if options.component.is_some() {
        return Ok(None);
    }
    let mut here = None;
    for (component, name) in options.histories() {
        let history = table::read(connection, name)?;
        match (component, history.last()) {
            (Some(_), Some(_)) => return Ok(None),
            (_, last) => here = last.map(|row| row.version),
        }
    }
    let objects = "SELECT count(*) FROM main.sqlite_schema";
    if here.is_none() && catalog::number(connection, objects)? == 0 {
        return Ok(None);
    }
    let (automatic, snapshots) = of_database::stores(options, database);
    let mut backups = automatic.list()?;
    backups.extend(snapshots.list()?);
    if backups
        .iter()
        .any(|backup| explains(backup, here, connection))
    {
        return Ok(None);
    }
    backups.retain(|backup| backup.record.version > here);
    backups.sort_by_key(|backup| std::cmp::Reverse(backup.record.sequence));
    let Some(newest) = backups.first().map(|backup| backup.record.sequence) else {
        return Ok(None);
    };
    if is_logged(&automatic, connection, here, newest) {
        return Ok(None);
    }
    let verified = backups.into_iter().find(Backup::verifies);
    Ok(verified.map(|backup| (backup, here)))
}

/// Whether a backup is of the same version or an older one. One without a history is of any
/// database, so its tables are looked at.
fn explains(backup: &Backup, here: Option<i64>, connection: &Connection) -> bool {
    let same_tables = || {
        let copy = open::copy(&backup.path)?;
        Ok::<_, Error>(catalog::entries(&copy)? == catalog::entries(connection)?)
    };
    match (backup.record.version, here) {
        (Some(there), Some(here)) => there <= here,
        (None, None) => same_tables().unwrap_or(false),
        (there, here) => there.is_none() && here.is_some(),
    }
}

/// Whether something that was done on purpose, after the newest of the backups, left the database
/// at this version.
fn is_logged(
    automatic: &Store<'_>,
    connection: &Connection,
    here: Option<i64>,
    newest: u64,
) -> bool {
    let mut entries = log_table::read(connection).unwrap_or_default();
    entries.extend(log_file::read(automatic).unwrap_or_default());
    let is_it = |entry: &LogEntry| {
        let back = matches!(
            entry.act,
            Act::Revert | Act::Restore | Act::Reset | Act::Drop
        );
        back && entry.version == here && entry.sequence >= newest
    };
    entries.iter().any(is_it)
}
