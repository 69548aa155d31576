//! What the log keeps of a restore.

use std::path::PathBuf;
use std::time::Instant;

use crate::backup::log_file::{self, LogFile};
use crate::backup::of_database::stores;
use crate::migration::history::log_entry::{LogEntry, merge};
use crate::migration::history::log_table;
use crate::options::settings::Options;
use crate::report::act::Act;
use crate::report::error::Error;
use crate::report::time;
use crate::restore::find::Proven;
use crate::sqlite::open::{self, Target};

/// What a restore does away with.
#[derive(Default)]
pub(crate) struct ReplacedState {
    pub(super) version: Option<i64>,
    pub(super) log: Vec<LogEntry>,
    pub(super) kept: Option<PathBuf>,
}

/// Restores, and notes it in the log: that it began, and that it is done.
pub(crate) fn logged(
    options: &Options<'_>,
    target: &Target,
    proven: &Proven,
    replaced: ReplacedState,
    notes: &mut Vec<String>,
    restore: impl FnOnce() -> Result<(), Error>,
) -> Result<(), Error> {
    let started = Instant::now();
    let begun = begin_log(options, target, proven, replaced);
    let (restored, unnoted) = log_file::around(begun, started, restore);
    if let Some(error) = unnoted {
        notes.push(format!("the log does not tell of this restore: {error}"));
    }
    restored
}

pub(crate) fn begin_log(
    options: &Options<'_>,
    target: &Target,
    proven: &Proven,
    replaced: ReplacedState,
) -> Result<LogFile, Error> {
    let copy = open::copy(&proven.read_from)?;
    let stays = log_table::read(&copy)?;
    let ReplacedState {
        version,
        mut log,
        kept,
    } = replaced;
    log.retain(|entry| !stays.iter().any(|stays| stays.id == entry.id));
    let (store, _) = stores(options, &target.path);
    let restore = LogEntry {
        act: Act::Restore,
        at: time::to_the_millisecond(time::now()),
        finished: false,
        duration: None,
        app_version: options.app_version.clone(),
        version_before: version,
        version: proven.holding.version,
        migrations: Vec::new(),
        backup: kept.and_then(|kept| Some(kept.file_name()?.to_string_lossy().into_owned())),
        restored_from: Some(proven.path.display().to_string()),
        backfill: None,
        destroyed: Vec::new(),
        bytes: Some(proven.holding.bytes),
        id: log_table::new_id(&copy)?,
        sequence: store.last_sequence()?,
    };
    LogFile::begin(&store, &target.path, restore, log)
}

/// The log of a database that is damaged or gone, as far as its backups know it.
pub(crate) fn log_in_copies(options: &Options<'_>, target: &Target) -> Vec<LogEntry> {
    let (automatic, snapshots) = stores(options, &target.path);
    let copies = [automatic, snapshots]
        .into_iter()
        .flat_map(|store| store.list().unwrap_or_default());
    merge(copies.flat_map(|copy| {
        let connection = open::copy(&copy.path);
        let read = connection.and_then(|connection| log_table::read(&connection));
        read.unwrap_or_default()
    }))
}
