//! Verified copies: taken, recorded, listed, put back, thinned out.
//!
//! A copy is made by SQLite's backup API through a second, read-only connection, while
//! the first one holds the write lock: exactly the state before the run, WAL included.
//! It is written under a staging name with no journal of its own (a journal left beside
//! a finished copy would roll it back after a power cut), synced by us, verified,
//! digested with BLAKE3, recorded, and only then given its name.
//!
//! The record is a small text file beside the copy, `.NAME.record`. What has no record is
//! no backup of ours: it is neither listed nor ever removed.

use std::fmt::Write as _;
use std::path::{Path, PathBuf};
use std::time::{Duration, Instant};

use chrono::{DateTime, Utc};
use rusqlite::Connection;
use rusqlite::backup::{Backup as Copier, StepResult};

use crate::error::{Error, ErrorKind};
use crate::history::rfc3339;
use crate::retention::{self, Decision};
use crate::{catalog, connect, disk, sqlite};

/// Pages copied between two looks at the cancel flag: 4 MiB of 4 KiB pages. The size of a
/// step makes no difference to the speed.
const PAGES_PER_STEP: i32 = 1024;

/// Where the version numbers for writing and reading stand in a database's header, and the
/// value that means "rollback journal" (<https://sqlite.org/fileformat2.html#file_format_version_numbers>).
const FORMAT_VERSIONS: (u64, [u8; 2]) = (18, [1, 1]);

/// What the record of a copy says.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Record {
    /// The order of copies; the clock decides nothing.
    pub(crate) sequence: u64,
    /// Which database, on one line: its file name, so that a folder may be moved, or its
    /// path where the backups do not lie beside it. Two databases may share a folder.
    pub(crate) database: String,
    /// RFC 3339.
    pub(crate) created_at: String,
    pub(crate) bytes: u64,
    /// BLAKE3, hexadecimal.
    pub(crate) digest: String,
    /// The schema version in the copy.
    pub(crate) version: Option<i64>,
    /// The journal mode of the database it was taken from.
    pub(crate) journal_mode: String,
}

const RECORD_TITLE: &str = "heirloom backup, record format 1";

impl Record {
    fn to_text(&self) -> String {
        let Record {
            sequence,
            database,
            created_at,
            bytes,
            digest,
            version,
            journal_mode,
        } = self;
        let mut text = format!(
            "{RECORD_TITLE}\ndatabase: {database}\nsequence: {sequence}\ncreated-at: {created_at}\nbytes: {bytes}\nblake3: {digest}\njournal-mode: {journal_mode}\n"
        );
        if let Some(version) = version {
            let _ = writeln!(text, "version: {version}");
        }
        text
    }

    /// None for a text that is no complete record.
    fn from_text(text: &str) -> Option<Record> {
        let mut lines = text.lines();
        if lines.next() != Some(RECORD_TITLE) {
            return None;
        }
        let fields: Vec<(&str, &str)> = lines.filter_map(|line| line.split_once(": ")).collect();
        let field = |name: &str| {
            fields
                .iter()
                .find(|(field, _)| *field == name)
                .map(|(_, value)| *value)
        };
        Some(Record {
            sequence: field("sequence")?.parse().ok()?,
            database: field("database")?.to_owned(),
            created_at: field("created-at")?.to_owned(),
            bytes: field("bytes")?.parse().ok()?,
            digest: field("blake3")?.to_owned(),
            journal_mode: field("journal-mode")?.to_owned(),
            version: match field("version") {
                Some(version) => Some(version.parse().ok()?),
                None => None,
            },
        })
    }
}

/// A copy and its record.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Backup {
    pub(crate) path: PathBuf,
    pub(crate) record: Record,
}

impl Backup {
    /// The file name, which is how the database refers to a copy.
    pub(crate) fn file_name(&self) -> String {
        file_name(&self.path)
    }

    /// Whether the file is still what was recorded.
    pub(crate) fn verifies(&self) -> bool {
        disk::length(&self.path) == self.record.bytes
            && disk::digest(&self.path).is_ok_and(|digest| digest == self.record.digest)
    }
}

fn file_name(path: &Path) -> String {
    path.file_name()
        .map(|name| name.to_string_lossy().into_owned())
        .unwrap_or_default()
}

/// A name with its line breaks written out.
fn on_one_line(name: &str) -> String {
    name.replace('\\', "\\\\")
        .replace('\n', "\\n")
        .replace('\r', "\\r")
}

/// The automatic backups of one database.
pub(crate) struct Store<'p> {
    folder: PathBuf,
    database: &'p Path,
    stem: String,
}

/// What a copy is taken of, as the caller read it under the write lock.
pub(crate) struct Occasion<'o> {
    pub(crate) now: DateTime<Utc>,
    pub(crate) version: Option<i64>,
    /// Registers the app's functions and collations, which checking indexes needs.
    pub(crate) set_up: &'o dyn Fn(&Connection) -> Result<(), Error>,
}

/// The time in a copy's name.
const TIME: &str = "%Y-%m-%dT%H-%M-%S";

impl<'p> Store<'p> {
    pub(crate) fn new(folder: PathBuf, database: &'p Path) -> Store<'p> {
        let stem = database
            .file_stem()
            .map(|stem| stem.to_string_lossy().into_owned())
            .unwrap_or_default();
        Store {
            folder,
            database,
            stem,
        }
    }

    /// How records name the database.
    fn identity(&self) -> String {
        on_one_line(&match self.folder.parent() == self.database.parent() {
            true => file_name(self.database),
            false => self.database.display().to_string(),
        })
    }

    fn record_path(&self, name: &str) -> PathBuf {
        self.folder.join(format!(".{name}.record"))
    }

    /// Where a copy is made, under the database's whole name: two databases of one stem may
    /// be at work at the same time.
    fn staging_path(&self, now: DateTime<Utc>) -> PathBuf {
        let time = now.format(TIME);
        let database = file_name(self.database);
        self.folder.join(format!(".{database}-{time}.partial"))
    }

    /// Where a copy of this name is.
    pub(crate) fn path_of(&self, name: &str) -> PathBuf {
        self.folder.join(name)
    }

    /// The copies that have a record, oldest first.
    pub(crate) fn list(&self) -> Result<Vec<Backup>, Error> {
        let mut backups = self.recorded()?;
        backups.retain(|backup| backup.path.is_file());
        backups.sort_by_key(|backup| backup.record.sequence);
        Ok(backups)
    }

    /// The records of this database, with and without their copies.
    fn recorded(&self) -> Result<Vec<Backup>, Error> {
        let own = self.identity();
        let mut backups = Vec::new();
        for file in self.dotfiles()? {
            let name = file.strip_suffix(".record").unwrap_or_default();
            let rest = name
                .strip_prefix(&self.stem)
                .and_then(|rest| rest.strip_suffix(".db"));
            if !rest.is_some_and(is_time_and_number) {
                continue;
            }
            let text = disk::read_text(&self.record_path(name))?;
            let record = text.as_deref().and_then(Record::from_text);
            backups.extend(
                record
                    .filter(|record| record.database == own)
                    .map(|record| Backup {
                        path: self.folder.join(name),
                        record,
                    }),
            );
        }
        Ok(backups)
    }

    /// The hidden files of the folder, without their dots.
    fn dotfiles(&self) -> Result<Vec<String>, Error> {
        let files = disk::files_in(&self.folder)?;
        Ok(files
            .iter()
            .filter_map(|file| file.strip_prefix('.').map(str::to_owned))
            .collect())
    }

    /// Removes what an interrupted copy left: staging files, and records without a copy.
    /// Only under the process lock.
    pub(crate) fn clean(&self) -> Result<(), Error> {
        let own = file_name(self.database);
        for file in self.dotfiles()? {
            let staging = file
                .strip_prefix(&own)
                .and_then(|rest| rest.strip_suffix(".partial"));
            if staging.is_some_and(is_time_and_number) {
                disk::remove(&self.folder.join(format!(".{file}")))?;
            }
        }
        for Backup { path, .. } in self.recorded()? {
            if !path.exists() {
                disk::remove(&self.record_path(&file_name(&path)))?;
            }
        }
        Ok(())
    }

    /// Copies the state that `reader` sees, proves the copy good, and records it. The same
    /// state as the newest copy's is not kept twice: that copy is returned.
    pub(crate) fn take(
        &self,
        reader: &Connection,
        occasion: &Occasion<'_>,
        progress: &dyn Fn(u64, u64) -> Result<(), Error>,
    ) -> Result<Backup, Error> {
        disk::create_private_folder(&self.folder, self.database)?;
        self.clean()?;
        let existing = self.list()?;
        let staging = self.staging_path(occasion.now);
        let taken = self
            .stage(reader, &staging, occasion, progress)
            .and_then(|facts| self.keep(&staging, facts, &existing, occasion));
        if taken.is_err() {
            let _ = disk::remove(&staging);
        }
        taken
    }

    /// Records a copy that was proved good and gives it its name, or drops it in favour of
    /// an equal one.
    fn keep(
        &self,
        staging: &Path,
        facts: Facts,
        existing: &[Backup],
        occasion: &Occasion<'_>,
    ) -> Result<Backup, Error> {
        let newest = existing.last();
        if let Some(newest) = newest
            && newest.record.digest == facts.digest
            && newest.verifies()
        {
            disk::remove(staging)?;
            return Ok(newest.clone());
        }
        let record = Record {
            sequence: newest.map_or(1, |newest| newest.record.sequence + 1),
            database: self.identity(),
            created_at: rfc3339(occasion.now),
            bytes: facts.bytes,
            digest: facts.digest,
            version: occasion.version,
            journal_mode: facts.journal_mode,
        };
        let (path, recorded) = loop {
            let name = self.free_name(occasion.now, existing);
            let recorded = self.record_path(&name);
            match disk::write_new(&recorded, self.database, &record.to_text()) {
                // Another database of this stem took the name a moment ago.
                Err(_) if recorded.exists() => {}
                written => break (self.folder.join(&name), written.map(|()| recorded)?),
            }
        };
        let named = disk::rename(staging, &path).and_then(|()| disk::sync_folder(&self.folder));
        if let Err(error) = named {
            let _ = disk::remove(&recorded);
            return Err(error);
        }
        Ok(Backup { path, record })
    }

    /// `notes-2026-11-21T09-14-03.db`, or with `-2`, `-3` … when that second has one. The
    /// number is higher than any that is there, so that names sort as copies were made.
    fn free_name(&self, now: DateTime<Utc>, existing: &[Backup]) -> String {
        let base = format!("{}-{}", self.stem, now.format(TIME));
        let name = |number| match number {
            1 => format!("{base}.db"),
            number => format!("{base}-{number}.db"),
        };
        let highest = existing
            .iter()
            .filter_map(|backup| {
                let file = backup.file_name();
                match file.strip_prefix(&base)?.strip_suffix(".db")? {
                    "" => Some(1),
                    number => number.strip_prefix('-')?.parse::<u32>().ok(),
                }
            })
            .max();
        let taken =
            |name: &String| self.folder.join(name).exists() || self.record_path(name).exists();
        (highest.map_or(1, |highest| highest + 1)..)
            .map(name)
            .find(|name| !taken(name))
            .unwrap_or_default()
    }

    fn stage(
        &self,
        reader: &Connection,
        staging: &Path,
        occasion: &Occasion<'_>,
        progress: &dyn Fn(u64, u64) -> Result<(), Error>,
    ) -> Result<Facts, Error> {
        let page_size = unsigned(catalog::number(reader, "PRAGMA page_size")?);
        let bytes = unsigned(catalog::number(reader, "PRAGMA page_count")?) * page_size;
        let journal_mode = catalog::word(reader, "PRAGMA journal_mode")?;
        if let Some(free) = disk::free_space(&self.folder)
            && free < bytes
        {
            return Err(Error::new(
                ErrorKind::DiskFull,
                format!(
                    "the copy needs {bytes} bytes, and {} has {free} free",
                    self.folder.display()
                ),
            )
            .with_help("free some space, or choose another folder for backups"));
        }
        progress(0, bytes)?;
        disk::create_like(staging, self.database)?;
        let what = || format!("cannot copy the database to {}", staging.display());
        let cannot = |error| sqlite::failure(what(), error);
        let mut copy = Connection::open(staging).map_err(cannot)?;
        copy.execute_batch("PRAGMA journal_mode = OFF; PRAGMA synchronous = OFF;")
            .map_err(cannot)?;
        let copier = Copier::new(reader, &mut copy).map_err(cannot)?;
        step_through(&copier, Duration::from_secs(5), &|done, total| {
            progress(done * page_size, total * page_size)
        })
        .map_err(|failed| failed.into_error(what))?;
        drop(copier);
        drop(copy);
        // Opening a copy that says "WAL" would make companions beside it.
        let (offset, rollback) = FORMAT_VERSIONS;
        disk::patch(staging, offset, &rollback)?;
        disk::sync_file(staging)?;
        verify_against(staging, reader, bytes, occasion)?;
        Ok(Facts {
            bytes,
            digest: disk::digest(staging)?,
            journal_mode,
        })
    }

    /// Removes copies that are no longer wanted. What cannot be removed is reported and
    /// stays.
    pub(crate) fn thin_out(
        &self,
        keep: usize,
        first_pending: Option<i64>,
        in_use: Option<&Path>,
    ) -> Vec<String> {
        let backups = match self.list() {
            Ok(backups) => backups,
            Err(error) => return vec![format!("old backups were not removed: {error}")],
        };
        let copies: Vec<retention::Copy> = backups
            .iter()
            .map(|backup| retention::Copy {
                sequence: backup.record.sequence,
                version: backup.record.version,
            })
            .collect();
        let in_use = backups
            .iter()
            .find(|backup| Some(backup.path.as_path()) == in_use)
            .map(|backup| backup.record.sequence);
        let decisions = retention::decide(&copies, keep, first_pending, in_use);
        let mut notes = Vec::new();
        for (backup, decision) in backups.iter().zip(decisions) {
            log::debug!("{}: {decision}", backup.path.display());
            if decision != Decision::Remove {
                continue;
            }
            // The copy first: a record without a copy is cleaned up, a copy without a
            // record would stay for ever.
            let removed = disk::remove(&backup.path)
                .and_then(|()| disk::remove(&self.record_path(&backup.file_name())));
            if let Err(error) = removed {
                notes.push(format!("an old backup was not removed: {error}"));
            }
        }
        notes
    }
}

struct Facts {
    bytes: u64,
    digest: String,
    journal_mode: String,
}

/// Whether what follows the stem is `-YYYY-MM-DDTHH-MM-SS`, perhaps with a number.
fn is_time_and_number(rest: &str) -> bool {
    const SHAPE: &[u8] = b"-0000-00-00T00-00-00";
    let bytes = rest.as_bytes();
    let shaped = bytes.len() >= SHAPE.len()
        && SHAPE.iter().zip(bytes).all(|(shape, byte)| match shape {
            b'0' => byte.is_ascii_digit(),
            other => byte == other,
        });
    shaped
        && match &rest[SHAPE.len()..] {
            "" => true,
            more => more
                .strip_prefix('-')
                .is_some_and(|number| number.parse::<u32>().is_ok()),
        }
}

fn unsigned(number: i64) -> u64 {
    u64::try_from(number).unwrap_or_default()
}

/// Why a copy came to an end before its end.
enum Failed {
    Sqlite(rusqlite::Error),
    /// Another connection holds a lock that the copy needs.
    Busy,
    Stopped(Error),
}

impl Failed {
    fn into_error(self, what: impl FnOnce() -> String) -> Error {
        match self {
            Failed::Sqlite(error) => sqlite::failure(what(), error),
            Failed::Busy => Error::new(
                ErrorKind::Locked,
                format!("{}: another program holds it", what()),
            )
            .with_help("close the other program and try again"),
            Failed::Stopped(error) => error,
        }
    }
}

/// Copies to the end. `Busy` is an `Ok` of the API, and no copy yet.
fn step_through(
    copier: &Copier<'_, '_>,
    patience: Duration,
    progress: &dyn Fn(u64, u64) -> Result<(), Error>,
) -> Result<(), Failed> {
    let deadline = Instant::now() + patience;
    loop {
        let result = copier.step(PAGES_PER_STEP).map_err(Failed::Sqlite)?;
        let state = copier.progress();
        let total = unsigned(state.pagecount.into());
        match result {
            StepResult::Done => return progress(total, total).map_err(Failed::Stopped),
            StepResult::More => {
                let done = total - unsigned(state.remaining.into()).min(total);
                progress(done, total).map_err(Failed::Stopped)?;
            }
            _ if Instant::now() >= deadline => return Err(Failed::Busy),
            _ => std::thread::sleep(Duration::from_millis(20)),
        }
    }
}

/// Proves a fresh copy good against the database it was taken from: size, header fields,
/// schema, and `quick_check` while its pages are still in memory.
fn verify_against(
    copy: &Path,
    source: &Connection,
    bytes: u64,
    occasion: &Occasion<'_>,
) -> Result<(), Error> {
    let invalid = |reason: String| {
        Error::new(
            ErrorKind::BackupInvalid,
            format!("the copy of the database did not verify: {reason}"),
        )
        .with_help(
            "the database itself may be damaged: check it with `sqlite3 FILE 'PRAGMA integrity_check'`",
        )
    };
    let length = disk::length(copy);
    if length != bytes || bytes == 0 {
        return Err(invalid(format!("{length} bytes instead of {bytes}")));
    }
    let connection = connect::copy(copy)?;
    (occasion.set_up)(&connection)?;
    for sql in [
        "PRAGMA page_count",
        "PRAGMA user_version",
        "PRAGMA application_id",
        "SELECT count(*) FROM main.sqlite_schema",
    ] {
        let (ours, theirs) = (
            catalog::number(&connection, sql)?,
            catalog::number(source, sql)?,
        );
        if ours != theirs {
            return Err(invalid(format!("`{sql}` gives {ours} instead of {theirs}")));
        }
    }
    quick_check(&connection).map_err(invalid)
}

/// SQLite's own check of a database's structure. The error is its first finding.
fn quick_check(connection: &Connection) -> Result<(), String> {
    match catalog::word(connection, "PRAGMA quick_check(1)") {
        Ok(word) if word == "ok" => Ok(()),
        Ok(finding) => Err(finding),
        Err(error) => Err(format!("{error:#}")),
    }
}

/// What is put back: a recorded copy, or the empty database that was there before.
pub(crate) enum State<'s> {
    Copy { path: &'s Path, digest: &'s str },
    Empty,
}

/// Puts a copy back through SQLite into the live file, as one transaction of SQLite's:
/// killed at any instant, the database is as it was before or as the copy is. The file is
/// never replaced, so nobody who has it open writes into a file that is gone.
pub(crate) fn put_back(
    live: &mut Connection,
    state: &State<'_>,
    journal_mode: &str,
    patience: Duration,
) -> Result<(), Error> {
    let cannot = |error| sqlite::failure("cannot put the copy back", error);
    let source = match state {
        State::Empty => Connection::open_in_memory().map_err(cannot)?,
        State::Copy { path, digest } => {
            let found = disk::digest(path)?;
            if found != *digest {
                return Err(Error::new(
                    ErrorKind::BackupInvalid,
                    format!("{} is not the copy that was made", path.display()),
                )
                .with_help("its digest differs from the recorded one; look for another copy"));
            }
            connect::copy(path)?
        }
    };
    if !live.is_autocommit() {
        live.execute_batch("ROLLBACK").map_err(cannot)?;
    }
    // In WAL mode a copy with another page size is refused by SQLite.
    let page_size = |connection: &Connection| catalog::number(connection, "PRAGMA page_size");
    let mode = catalog::word(live, "PRAGMA journal_mode")?;
    if mode == "wal" && page_size(live)? != page_size(&source)? {
        catalog::word(live, "PRAGMA journal_mode = DELETE")?;
    }
    {
        let copier = Copier::new(&source, live).map_err(cannot)?;
        step_through(&copier, patience, &|_, _| Ok(()))
            .map_err(|failed| failed.into_error(|| "cannot put the copy back".to_owned()))?;
    }
    let (wanted, now) = (journal_mode, catalog::word(live, "PRAGMA journal_mode")?);
    if wanted == "wal" && now != "wal" {
        catalog::word(live, "PRAGMA journal_mode = WAL")?;
    } else if wanted != "wal" && now == "wal" {
        catalog::word(live, "PRAGMA journal_mode = DELETE")?;
    }
    quick_check(live).map_err(|finding| {
        Error::new(
            ErrorKind::BackupInvalid,
            format!("the database does not verify after the copy was put back: {finding}"),
        )
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_record_reads_back_as_it_was_written_and_half_a_record_is_none() {
        let record = Record {
            sequence: 7,
            database: "notes.db".into(),
            created_at: "2026-11-21T09:14:03Z".into(),
            bytes: 40960,
            digest: "3f".into(),
            version: Some(4),
            journal_mode: "wal".into(),
        };
        let text = record.to_text();
        assert_eq!(Record::from_text(&text), Some(record.clone()));
        let unversioned = Record {
            version: None,
            ..record
        };
        assert_eq!(Record::from_text(&unversioned.to_text()), Some(unversioned));
        assert_eq!(Record::from_text(&text[..text.len() / 2]), None);
        assert_eq!(Record::from_text(""), None);
    }

    #[test]
    fn only_names_of_the_given_shape_are_ours() {
        for ours in ["-2026-11-21T09-14-03", "-2026-11-21T09-14-03-2"] {
            assert!(is_time_and_number(ours), "{ours}");
        }
        for theirs in [
            "",
            "-2026-11-21",
            "-2026-11-21T09-14-03x",
            "-2026-11-21T09-14-03-",
            "-2026-11-21T09-14-0é",
        ] {
            assert!(!is_time_and_number(theirs), "{theirs}");
        }
    }
}
