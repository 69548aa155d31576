//! The log of restores. A restored database is the backup, byte for byte, so neither the restore
//! nor what was logged since the backup can be in it: both are kept in a small hidden text file
//! beside the automatic backups, `.NAME-TIME.log`, one for each restore, and for each `reset` and
//! `drop`, with which a database's own log goes too.
//!
//! It is written before the restore begins and again when it is done. A kill in between leaves
//! the first, which says so. Whether or not the restore was done, no entry is lost: a log is read
//! from the database and from every such file together.

use std::path::{Path, PathBuf};
use std::time::Instant;

use crate::backup::store::{LONGEST_LOG, Store};
use crate::migration::history::log_entry::LogEntry;
use crate::report::act::Act;
use crate::report::error::{Error, ErrorKind};
use crate::report::time;
use crate::sqlite::disk::files;

const TITLE: &str = "heirloom log, format 1";
const ENDING: &str = ".log";

/// The file of a restore, or of a reset, that is under way.
pub(crate) struct LogFile {
    path: PathBuf,
    /// Where it is written first, under a name that is tidied up after a kill.
    staging: PathBuf,
    /// Whose, and like whose permissions.
    database: PathBuf,
    identity: String,
    entry: LogEntry,
    /// What the replaced state had in its log, and the backup has not.
    replaced: Vec<LogEntry>,
}

impl LogFile {
    /// Notes that it begins.
    pub(crate) fn begin(
        store: &Store<'_>,
        database: &Path,
        entry: LogEntry,
        replaced: Vec<LogEntry>,
    ) -> Result<LogFile, Error> {
        files::create_private_folder(store.folder(), database)?;
        let base = format!(".{}", store.timed_name(&entry.at));
        let file = LogFile {
            path: files::free_name(store.folder(), &base, ENDING)?,
            staging: store.staging_path(time::now()),
            database: database.to_owned(),
            identity: store.identity(),
            entry,
            replaced,
        };
        file.write().map(|()| file)
    }

    /// Notes that it is done.
    pub(crate) fn finish(self, done: impl FnOnce(&mut LogEntry)) -> Result<(), Error> {
        let mut file = self;
        done(&mut file.entry);
        file.entry.finished = true;
        file.write()
    }

    /// Forgets it: nothing was done.
    pub(crate) fn forget(self) -> Result<(), Error> {
        files::remove(&self.path)
    }

    fn write(&self) -> Result<(), Error> {
        let mut text = format!("{TITLE}\ndatabase: {}\n", self.identity);
        for entry in std::iter::once(&self.entry).chain(&self.replaced) {
            text.push('\n');
            text += &entry.to_text();
        }
        let staging = &self.staging;
        files::remove(staging)?;
        files::write_new(staging, &self.database, &text)?;
        files::rename(staging, &self.path)
            .and_then(|()| files::sync_folder(self.path.parent().unwrap_or(&self.path)))
            .inspect_err(|_| {
                let _ = files::remove(staging);
            })
    }
}

/// Does what a log file tells of, and notes how it ended. What could not be noted is a value beside
/// the outcome: no reason to keep somebody from the data.
pub(crate) fn around(
    begun: Result<LogFile, Error>,
    started: Instant,
    act: impl FnOnce() -> Result<(), Error>,
) -> (Result<(), Error>, Option<Error>) {
    let done = act();
    let noted = match (begun, &done) {
        (Err(unwritten), _) => Err(unwritten),
        (Ok(file), Ok(())) => file.finish(|entry| entry.duration = Some(started.elapsed())),
        (Ok(file), Err(error)) if error.data_state().is_unchanged() => file.forget(),
        // The next start may finish it.
        (Ok(_), Err(_)) => Ok(()),
    };
    (done, noted.err())
}

/// A restore that the next start finished is noted as done.
pub(crate) fn finish_newest(store: &Store<'_>, database: &Path) -> Result<(), Error> {
    let unfinished = files(store)?.into_iter().filter(|(_, entries)| {
        let first = entries.first();
        first.is_some_and(|entry| entry.act == Act::Restore && !entry.finished)
    });
    let Some((path, mut entries)) = unfinished.max_by(|one, other| one.0.cmp(&other.0)) else {
        return Ok(());
    };
    let entry = entries.remove(0);
    let file = LogFile {
        path,
        staging: store.staging_path(time::now()),
        database: database.to_owned(),
        identity: store.identity(),
        entry,
        replaced: entries,
    };
    file.finish(|_| ())
}

/// Every entry that is kept beside the backups of a database.
pub(crate) fn read(store: &Store<'_>) -> Result<Vec<LogEntry>, Error> {
    let files = files(store)?;
    Ok(files.into_iter().flat_map(|(_, entries)| entries).collect())
}

fn files(store: &Store<'_>) -> Result<Vec<(PathBuf, Vec<LogEntry>)>, Error> {
    let mut found = Vec::new();
    let mut names = files::files_in(store.folder())?;
    names.retain(|name| name.starts_with('.') && name.ends_with(ENDING));
    names.sort();
    for name in names {
        let path = store.path_of(&name);
        let text = match files::read_own(&path, LONGEST_LOG) {
            // One that cannot be ours says nothing, and hides none of the others.
            Err(error) if error.kind() == ErrorKind::NeedsAttention => {
                log::warn!("{error}");
                continue;
            }
            text => text?.unwrap_or_default(),
        };
        let mut parts = text.split("\n\n");
        let head: Vec<&str> = parts.next().unwrap_or_default().lines().collect();
        if let [TITLE, of] = head[..]
            && of
                .strip_prefix("database: ")
                .is_some_and(|database| store.is_own(database))
        {
            found.push((path, parts.filter_map(LogEntry::from_text).collect()));
        }
    }
    Ok(found)
}
