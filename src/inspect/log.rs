//! `log`: every run, revert, restore and snapshot of a database.

use std::path::Path;

use crate::backup::log_file;
use crate::backup::metadata::BackupKind;
use crate::backup::of_database::stores;
use crate::backup::store::Backup;
use crate::migration::history::log_entry::{Log, LogEntry, Logged, merge};
use crate::migration::history::{log_table, table};
use crate::options::settings::Options;
use crate::report::act::Act;
use crate::report::error::Error;
use crate::sqlite::{open, view};

/// Reads the log of a database: its own, and what its backups know. Writes nothing.
pub(crate) fn log(options: &Options<'_>, path: &Path) -> Result<Log, Error> {
    view::again_where_torn(path, || read(options, path))
}

fn read(options: &Options<'_>, path: &Path) -> Result<Log, Error> {
    options.check_history_table()?;
    let target = open::resolve(path)?;
    let mut view = view::view_of(&target)?;
    options.set_up_to_look(&mut view.connection)?;
    let entries = entries(options, &target.path, &view.connection)?;
    let history = table::read(&view.connection, &options.history_table)?;
    let told = |version: i64| {
        let mut runs = entries.iter().filter(|entry| entry.act == Act::Run);
        let is_it = |done: &Logged| done.version == version && done.component == options.component;
        runs.any(|entry| entry.migrations.iter().any(is_it))
    };
    let versions = history.iter().map(|row| row.version);
    Ok(Log {
        exists: target.metadata.is_some(),
        unlogged: versions.filter(|version| !told(*version)).collect(),
        database: target.path,
        entries,
    })
}

/// The entries of every place, the newest first.
pub(crate) fn entries(
    options: &Options<'_>,
    database: &Path,
    connection: &rusqlite::Connection,
) -> Result<Vec<LogEntry>, Error> {
    let (automatic, snapshots) = stores(options, database);
    let mut entries = log_table::read(connection)?;
    entries.extend(log_file::read(&automatic)?);
    entries.extend(
        snapshots
            .list()?
            .into_iter()
            .filter(|copy| copy.record.shelf == BackupKind::Snapshot)
            .map(taken),
    );
    Ok(merge(entries))
}

/// A snapshot leaves the database alone, so only its record tells of it.
fn taken(snapshot: Backup) -> LogEntry {
    let file = snapshot.file_name();
    let record = snapshot.record;
    LogEntry {
        act: Act::Snapshot,
        at: record.created_at,
        finished: true,
        duration: None,
        app_version: record.app_version,
        version_before: record.version,
        version: record.version,
        migrations: Vec::new(),
        id: file.clone(),
        backup: Some(file),
        restored_from: None,
        backfill: None,
        destroyed: Vec::new(),
        bytes: Some(record.bytes),
        sequence: record.sequence,
    }
}
