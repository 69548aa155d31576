//! The backups of a database: taken, recorded, listed, thinned out.
//!
//! There are three shelves: automatic backups, the states that a restore replaced (both in
//! the backups folder), and named snapshots. A backup is made under a staging name, verified,
//! recorded, and only then given its name (see `copy`).
//!
//! The record is a small text file beside the backup, `.NAME.record`. What has no record is
//! no backup of ours: it is neither listed nor ever removed.

use std::path::{Path, PathBuf};

use chrono::{DateTime, Utc};
use rusqlite::Connection;

use crate::backup::copy::{self, FileFacts, Written};
use crate::backup::metadata::{BackupKind, BackupMetadata};
use crate::backup::retention::{self, Decision};
use crate::report::error::{Error, ErrorKind};
use crate::report::remedy::Remedy;
use crate::report::time::rfc3339;
use crate::sqlite::background::Stop;
use crate::sqlite::disk::digest;
use crate::sqlite::disk::files::{self, Claim};
use crate::sqlite::disk::path;
use crate::sqlite::disk::sidecar::{from_one_line, on_one_line};

/// A backup and its record.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Backup {
    pub(crate) path: PathBuf,
    pub(crate) record: BackupMetadata,
}

impl Backup {
    /// The file name, which is how the database refers to a backup.
    pub(crate) fn file_name(&self) -> String {
        file_name(&self.path)
    }

    /// Whether the file is as long as what was recorded.
    pub(crate) fn has_its_length(&self) -> bool {
        files::length(&self.path).is_ok_and(|length| length == self.record.bytes)
    }

    /// Whether the file is still what was recorded.
    pub(crate) fn verifies(&self) -> bool {
        self.has_its_length()
            && digest::of_file(&self.path).is_ok_and(|digest| digest == self.record.digest)
    }
}

/// Whether two names are one file's, and neither is a link that somebody made to it.
fn is_one_file(one: &Path, other: &Path) -> bool {
    let is_file = |path: &Path| path.symlink_metadata().is_ok_and(|found| found.is_file());
    is_file(one) && is_file(other) && files::is_same_file(one, other)
}

fn file_name(path: &Path) -> String {
    path.file_name()
        .map(|name| name.to_string_lossy().into_owned())
        .unwrap_or_default()
}

/// A database among the backups that has no record.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Stray {
    pub(crate) path: PathBuf,
    /// As its name has it, or the file system. RFC 3339.
    pub(crate) created_at: String,
    /// Whether it is called as an automatic backup is.
    pub(crate) is_timed: bool,
}

/// How every database begins.
const DATABASE: &[u8] = b"SQLite format 3\0";

/// A folder with backups of one database.
pub(crate) struct Store<'p> {
    folder: PathBuf,
    /// Where the database's other backups are: one count orders them all.
    other: PathBuf,
    database: &'p Path,
    stem: String,
}

/// What a backup is taken of, as the caller read it under the write lock.
pub(crate) struct Occasion<'o> {
    pub(crate) now: DateTime<Utc>,
    pub(crate) version: Option<i64>,
    /// Of the app that takes it.
    pub(crate) app_version: Option<&'o str>,
    /// Registers the app's functions and collations, which checking indexes needs.
    pub(crate) set_up: &'o dyn Fn(&Connection) -> Result<(), Error>,
}

/// What a backup is to be called.
pub(crate) enum BackupName<'n> {
    /// By its time: an automatic backup, or a state that is about to be replaced.
    Time(BackupKind),
    /// As somebody said: a snapshot.
    Given(&'n str),
}

/// The time in a backup's name.
pub(crate) const TIME: &str = "%Y-%m-%dT%H-%M-%S";

impl<'p> Store<'p> {
    pub(crate) fn new(folder: PathBuf, other: PathBuf, database: &'p Path) -> Store<'p> {
        let stem = database
            .file_stem()
            .map(|stem| stem.to_string_lossy().into_owned())
            .unwrap_or_default();
        Store {
            folder,
            other,
            database,
            stem,
        }
    }

    /// The count of the newest backup, in both folders.
    pub(crate) fn last_sequence(&self) -> Result<u64, Error> {
        let other = Store {
            folder: self.other.clone(),
            other: self.folder.clone(),
            database: self.database,
            stem: self.stem.clone(),
        };
        let all = self.recorded()?.into_iter().chain(other.recorded()?);
        Ok(all.map(|backup| backup.record.sequence).max().unwrap_or(0))
    }

    /// The folder.
    pub(crate) fn folder(&self) -> &Path {
        &self.folder
    }

    /// How records name the database.
    pub(crate) fn identity(&self) -> String {
        on_one_line(&match self.folder.parent() == self.database.parent() {
            true => file_name(self.database),
            false => self.database.display().to_string(),
        })
    }

    /// Whether a record names this database. Perhaps in another spelling: where names are the same in
    /// any case, or with an accent in one character or in two (macOS), a database may come back
    /// from elsewhere with another one than it had when the record was made.
    pub(crate) fn is_own(&self, recorded: &str) -> bool {
        if recorded == self.identity() {
            return true;
        }
        // A name alone is that of a file beside the folder of backups.
        let beside = self.folder.parent().unwrap_or(&self.folder);
        is_one_file(&beside.join(from_one_line(recorded)), self.database)
    }

    fn record_path(&self, name: &str) -> PathBuf {
        self.folder.join(format!(".{name}.record"))
    }

    /// What staging files are called after: the database's whole name, and where the folder may
    /// hold backups of one of the same name elsewhere, its path in short. Both may be at work at
    /// the same time, and each cleans up after itself alone.
    fn staging_prefix(&self) -> String {
        let name = file_name(self.database);
        let identity = self.identity();
        if identity == on_one_line(&name) {
            return name;
        }
        let digest = blake3::hash(identity.as_bytes()).to_hex();
        format!("{name}-{}", &digest[..16])
    }

    /// Where a backup is made.
    pub(crate) fn staging_path(&self, now: DateTime<Utc>) -> PathBuf {
        let time = now.format(TIME);
        let prefix = self.staging_prefix();
        self.folder.join(format!(".{prefix}-{time}.partial"))
    }

    /// A name for what belongs to the database and an RFC 3339 time, without an ending.
    pub(crate) fn timed_name(&self, at: &str) -> String {
        let time = at.split(['.', 'Z']).next().unwrap_or(at).replace(':', "-");
        format!("{}-{time}", file_name(self.database))
    }

    /// Where a backup of this name is.
    pub(crate) fn path_of(&self, name: &str) -> PathBuf {
        self.folder.join(name)
    }

    /// The backups that have a record, oldest first.
    pub(crate) fn list(&self) -> Result<Vec<Backup>, Error> {
        Ok(self.with_their_files()?.0)
    }

    /// The backups that have a record, oldest first, and the records that have no backup. One that was
    /// given another name is known by its digest.
    fn with_their_files(&self) -> Result<(Vec<Backup>, Vec<Backup>), Error> {
        let (mut backups, mut gone) = (Vec::new(), Vec::new());
        for backup in self.recorded()? {
            match files::is_file(&backup.path)? {
                true => backups.push(backup),
                false => gone.push(backup),
            }
        }
        if !gone.is_empty() {
            let mut without = self.files_without_a_record()?;
            gone.retain(|backup| {
                let digest = &backup.record.digest;
                let is_snapshot = backup.record.shelf == BackupKind::Snapshot;
                if is_snapshot != self.holds_snapshots() {
                    return true;
                }
                if backups.iter().any(|known| known.record.digest == *digest) {
                    return true;
                }
                let renamed = |path: &PathBuf| {
                    let (path, record) = (path.clone(), backup.record.clone());
                    Backup { path, record }.verifies()
                };
                let Some(index) = without.iter().position(renamed) else {
                    return true;
                };
                let (path, record) = (without.swap_remove(index), backup.record.clone());
                backups.push(Backup { path, record });
                false
            });
        }
        backups.sort_by_key(|backup| backup.record.sequence);
        Ok((backups, gone))
    }

    /// The files that no record tells of, whatever they are called.
    fn files_without_a_record(&self) -> Result<Vec<PathBuf>, Error> {
        let names = files::files_in(&self.folder)?.into_iter();
        let names = names.filter(|name| !name.starts_with('.') && !self.is_set_aside(name));
        let without = names.filter(|name| self.has_strayed(name));
        let paths = without.map(|name| self.folder.join(name));
        Ok(paths
            .filter(|path| files::refuse_odd(path).is_ok())
            .filter(|path| !files::is_same_file(path, self.database))
            .collect())
    }

    /// Whether it is what a restore kept of a file that could not be read.
    fn is_set_aside(&self, name: &str) -> bool {
        let mut kinds = ["damaged", "source"].iter();
        kinds.any(|what| name.starts_with(&format!("{}-{what}-", self.stem)))
    }

    /// Databases among the backups that no record tells of, oldest first: hidden files are easily
    /// lost when a folder is copied. And backups whose record names a database of this name that is
    /// not there any more: both were moved. What they are, only their contents say.
    pub(crate) fn strays(&self) -> Result<Vec<Stray>, Error> {
        let mut strays = Vec::new();
        for name in files::files_in(&self.folder)? {
            let path = self.folder.join(&name);
            let ours = self.holds_snapshots() || name.starts_with(&self.stem);
            if name.starts_with('.') || !name.ends_with(".db") || !ours || self.is_set_aside(&name)
            {
                continue;
            }
            let is_one = files::refuse_odd(&path).is_ok()
                && files::first_bytes(&path, DATABASE.len())? == DATABASE
                && self.has_strayed(&name)
                && !files::is_same_file(&path, self.database);
            if is_one {
                let at = self.time_in(&name).or_else(|| files::modified(&path));
                strays.push(Stray {
                    created_at: at.map(rfc3339).unwrap_or_default(),
                    is_timed: self.is_timed(&name),
                    path,
                });
            }
        }
        strays.sort_by(|one, other| {
            let key = |stray: &Stray| (stray.created_at.clone(), stray.path.clone());
            key(one).cmp(&key(other))
        });
        Ok(strays)
    }

    fn holds_snapshots(&self) -> bool {
        self.folder == self.database.with_file_name("snapshots")
    }

    /// Whether no record says whose a backup is, or one that says what is not so any more.
    fn has_strayed(&self, name: &str) -> bool {
        match self.read_record(name) {
            Ok(None) | Err(_) => true,
            Ok(Some(record)) => {
                let other = Path::new(&record.database);
                !self.is_own(&record.database)
                    && other.is_absolute()
                    && other.file_name() == self.database.file_name()
                    && !other.exists()
            }
        }
    }

    fn time_in(&self, name: &str) -> Option<DateTime<Utc>> {
        let time = name.strip_prefix(&self.stem)?.get(1..20)?;
        let time = chrono::NaiveDateTime::parse_from_str(time, TIME).ok()?;
        Some(time.and_utc())
    }

    /// Which other database the backup of this name was taken of, where its record says so.
    pub(crate) fn other_owner(&self, name: &str) -> Result<Option<String>, Error> {
        Ok(self
            .read_record(name)?
            .map(|record| record.database)
            .filter(|database| !self.is_own(database))
            .map(|database| from_one_line(&database)))
    }

    /// The records of this database, with and without their backups.
    fn recorded(&self) -> Result<Vec<Backup>, Error> {
        let mut backups = Vec::new();
        for file in self.dotfiles()? {
            let Some(name) = file.strip_suffix(".record") else {
                continue;
            };
            let record = match self.read_record(name) {
                // One that cannot be ours says nothing, and hides none of the others.
                Err(error) if error.kind() == ErrorKind::NeedsAttention => {
                    log::warn!("{error}");
                    continue;
                }
                record => record?,
            };
            backups.extend(
                record
                    .filter(|record| self.is_own(&record.database))
                    .filter(|record| record.shelf == BackupKind::Snapshot || self.is_timed(name))
                    .map(|record| Backup {
                        path: self.folder.join(name),
                        record,
                    }),
            );
        }
        Ok(backups)
    }

    fn read_record(&self, name: &str) -> Result<Option<BackupMetadata>, Error> {
        let text = files::read_own(&self.record_path(name), LONGEST_RECORD)?;
        Ok(text.as_deref().and_then(BackupMetadata::from_text))
    }

    /// What lies where a record or a log of ours is meant and cannot be one, in sentences.
    pub(crate) fn oddities(&self) -> Result<Vec<Error>, Error> {
        let mut odd = Vec::new();
        if files::is_no_folder(&self.folder) {
            let message = format!("{} is not a folder", self.folder.display());
            odd.push(
                Error::new(ErrorKind::NeedsAttention, message)
                    .with_help("backups cannot be kept in it: look at it, and move it away"),
            );
        }
        for file in self.dotfiles()? {
            let is_record = file.ends_with(".record");
            if is_record || file.ends_with(".log") {
                let most = if is_record {
                    LONGEST_RECORD
                } else {
                    LONGEST_LOG
                };
                let read = files::read_own(&self.folder.join(format!(".{file}")), most);
                odd.extend(read.err());
            }
        }
        Ok(odd)
    }

    fn is_timed(&self, name: &str) -> bool {
        let Some(base) = name.strip_suffix(".db") else {
            return false;
        };
        if base
            .strip_prefix(&self.stem)
            .is_some_and(is_time_and_number)
        {
            return true;
        }
        // In another spelling: see `is_own`.
        let mut dashes = base.match_indices('-').map(|(at, _)| at);
        dashes.any(|at| {
            let own = format!("{}{}.db", self.stem, &base[at..]);
            is_time_and_number(&base[at..])
                && is_one_file(&self.folder.join(own), &self.folder.join(name))
        })
    }

    /// The hidden files of the folder, without their dots.
    fn dotfiles(&self) -> Result<Vec<String>, Error> {
        let files = files::files_in(&self.folder)?;
        Ok(files
            .iter()
            .filter_map(|file| file.strip_prefix('.').map(str::to_owned))
            .collect())
    }

    /// What an interrupted backup left: staging files, and records without a backup.
    pub(crate) fn leftovers(&self) -> Result<Vec<PathBuf>, Error> {
        let own = self.staging_prefix();
        let mut left = Vec::new();
        for file in self.dotfiles()? {
            let staging = file
                .strip_prefix(&own)
                .and_then(|rest| rest.strip_suffix(".partial"))
                .map(|rest| rest.strip_suffix(".record").unwrap_or(rest));
            if staging.is_some_and(is_time_and_number) {
                left.push(self.folder.join(format!(".{file}")));
            }
        }
        for Backup { path, .. } in self.with_their_files()?.1 {
            if !files::is_there(&path)? {
                left.push(self.record_path(&file_name(&path)));
            }
        }
        Ok(left)
    }

    /// Removes it. How many files. Only under the process lock.
    pub(crate) fn clean(&self) -> Result<usize, Error> {
        let left = self.leftovers()?;
        let mut removed = 0;
        for path in &left {
            match files::remove_leftover(path, false) {
                Ok(gone) => removed += usize::from(gone),
                // Nothing depends on it, and the next start finds it again.
                Err(error) if error.is_busy() => log::warn!("{error:#}"),
                Err(error) => return Err(error),
            }
        }
        Ok(removed)
    }

    /// Copies the state that `reader` sees, proves the copy good, and records it. An
    /// automatic backup of the same state as the newest one's is not kept twice: that backup
    /// is returned.
    pub(crate) fn take(
        &self,
        reader: &Connection,
        stop: &Stop,
        name: &BackupName<'_>,
        occasion: &Occasion<'_>,
        progress: &dyn Fn(u64, u64) -> Result<(), Error>,
    ) -> Result<Backup, Error> {
        let staging = self.staging_path(occasion.now);
        let taken = self
            .write(reader, stop, occasion, progress)
            .and_then(Written::verify)
            .and_then(|facts| self.keep(&staging, facts, name, occasion));
        if taken.is_err() {
            let _ = files::remove(&staging);
        }
        taken
    }

    /// Copies the state that `reader` sees, and leaves the verification and the name to others. The
    /// caller has the write lock.
    pub(crate) fn write(
        &self,
        reader: &Connection,
        stop: &Stop,
        occasion: &Occasion<'_>,
        progress: &dyn Fn(u64, u64) -> Result<(), Error>,
    ) -> Result<Written, Error> {
        files::create_private_folder(&self.folder, self.database)?;
        let staging = self.staging_path(occasion.now);
        let set_up = occasion.set_up;
        copy::write(
            reader,
            Some(stop),
            &staging,
            self.database,
            set_up,
            progress,
        )
        .inspect_err(|_| drop(files::remove(&staging)))
    }

    /// Records a backup that was proved good and gives it its name, or drops it in favour of
    /// an equal one.
    pub(crate) fn keep(
        &self,
        staging: &Path,
        facts: FileFacts,
        name: &BackupName<'_>,
        occasion: &Occasion<'_>,
    ) -> Result<Backup, Error> {
        let existing = self.list()?;
        if let BackupName::Time(shelf) = name
            && let Some(newest) = existing.iter().rfind(|copy| copy.record.shelf == *shelf)
            && newest.record.digest == facts.digest
            && newest.verifies()
        {
            files::remove(staging)?;
            return Ok(newest.clone());
        }
        let record = BackupMetadata {
            shelf: match name {
                BackupName::Time(shelf) => *shelf,
                BackupName::Given(_) => BackupKind::Snapshot,
            },
            sequence: self.last_sequence()? + 1,
            database: self.identity(),
            created_at: rfc3339(occasion.now),
            bytes: facts.bytes,
            digest: facts.digest,
            version: occasion.version,
            app_version: occasion.app_version.map(str::to_owned),
            journal_mode: facts.journal_mode,
        };
        let (path, recorded) = self.write_record(&record, &existing, name, occasion.now)?;
        // After a power cut too: names may reach the disk in any order.
        let recorded_first = files::sync_folder(&self.folder);
        let named = match recorded_first.and_then(|()| files::claim(staging, &path)) {
            // Without its record it would be listed as one that had lost it.
            Ok(Claim::Ours) => {
                files::sync_folder(&self.folder).inspect_err(|_| drop(files::remove(&path)))
            }
            Ok(Claim::Taken) => Err(taken(&path)),
            Err(error) => Err(error),
        };
        if let Err(error) = named {
            let _ = files::remove(&recorded);
            return Err(error);
        }
        Ok(Backup { path, record })
    }

    /// Writes the record and gives it a free name, which it takes by being there, whole. The
    /// backup's path and the record's.
    fn write_record(
        &self,
        record: &BackupMetadata,
        existing: &[Backup],
        name: &BackupName<'_>,
        now: DateTime<Utc>,
    ) -> Result<(PathBuf, PathBuf), Error> {
        let staging = self.staging_path(now).with_extension("record.partial");
        files::remove(&staging)?;
        files::write_new(&staging, self.database, &record.to_text())?;
        loop {
            let name = match name {
                BackupName::Given(name) => format!("{name}.db"),
                BackupName::Time(_) => self.free_name(now, existing)?,
            };
            let (path, recorded) = (self.folder.join(&name), self.record_path(&name));
            match files::claim(&staging, &recorded) {
                Ok(Claim::Ours) => return Ok((path, recorded)),
                // Another database of this stem took the name a moment ago.
                Ok(Claim::Taken) if record.shelf != BackupKind::Snapshot => {}
                refused => {
                    let _ = files::remove(&staging);
                    return Err(refused.err().unwrap_or_else(|| taken(&recorded)));
                }
            }
        }
    }

    /// `notes-2026-11-21T09-14-03.db`, or with `-2`, `-3` … when that second has one. The
    /// number is higher than any that is there, so that names sort as backups were made.
    fn free_name(&self, now: DateTime<Utc>, existing: &[Backup]) -> Result<String, Error> {
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
        let mut number = highest.unwrap_or(1);
        while files::is_there(&self.folder.join(name(number)))?
            || files::is_there(&self.record_path(&name(number)))?
        {
            number += 1;
        }
        Ok(name(number))
    }

    /// Refuses a name for a snapshot that would leave the folder, clash with one that is
    /// there (also where case does not count), or break on another platform.
    pub(crate) fn check_name(&self, name: &str) -> Result<(), Error> {
        let refuse = |reason: &str| {
            Err(Error::usage(
                format!("`{name}` is not a valid name for a snapshot: {reason}"),
                "use letters, digits, dots, dashes and underscores, as in before-import",
            ))
        };
        if name.is_empty() || name.starts_with(['.', '-', ' ']) || name.ends_with(['.', ' ']) {
            return refuse("it must not be empty, begin with a dot or a dash, or end with a dot");
        }
        if name.len() > LONGEST_NAME {
            return refuse("it is too long");
        }
        if name.chars().any(char::is_control) {
            return refuse("it must not contain control characters");
        }
        if let Some(reason) = path::refusal_of_windows(name) {
            return refuse(reason);
        }
        let wanted = format!("{name}.db").to_lowercase();
        let taken = files::files_in(&self.folder)?;
        if taken.iter().any(|file| file.to_lowercase() == wanted) {
            return Err(Error::usage(
                format!("there is a snapshot `{name}` already"),
                "choose another name than the snapshots have that are there",
            )
            .with_remedy(Remedy::ListBackups { verify: false }));
        }
        Ok(())
    }

    /// Removes backups of a shelf that are no longer wanted. What cannot be removed is
    /// reported and stays.
    pub(crate) fn thin_out(
        &self,
        shelf: BackupKind,
        keep: usize,
        first_pending: Option<i64>,
        in_use: &[&Path],
    ) -> Vec<String> {
        let mut backups = match self.list() {
            Ok(backups) => backups,
            Err(error) => return vec![format!("old backups were not removed: {error}")],
        };
        // Who gave one a name of its own wants to keep it.
        backups.retain(|backup| backup.record.shelf == shelf && self.is_timed(&backup.file_name()));
        let copies: Vec<retention::Copy> = backups
            .iter()
            .map(|backup| retention::Copy {
                sequence: backup.record.sequence,
                version: backup.record.version,
            })
            .collect();
        let in_use: Vec<u64> = backups
            .iter()
            .filter(|backup| in_use.contains(&backup.path.as_path()))
            .map(|backup| backup.record.sequence)
            .collect();
        let decisions = retention::decide(&copies, keep, first_pending, &in_use);
        let mut notes = Vec::new();
        for (backup, decision) in backups.iter().zip(decisions) {
            log::debug!("{}: {decision}", backup.path.display());
            if decision == Decision::Remove
                && let Err(error) = self.remove(backup)
            {
                notes.push(format!("an old backup was not removed: {error}"));
            }
        }
        notes
    }

    /// The backup first: a record without a backup is cleaned up, a backup without a record would
    /// stay for ever.
    fn remove(&self, backup: &Backup) -> Result<(), Error> {
        files::remove(&backup.path)?;
        files::remove(&self.record_path(&backup.file_name()))
    }
}

fn taken(path: &Path) -> Error {
    Error::new(
        ErrorKind::Io,
        format!("{} was made by somebody else meanwhile", path.display()),
    )
    .with_help("try again")
}

/// More than any record has, in bytes.
const LONGEST_RECORD: u64 = 64 << 10;
/// More than any log has: it may hold the whole log of a database that was replaced.
pub(crate) const LONGEST_LOG: u64 = 16 << 20;

/// Leaves room for `.db` and `.record` in the 255 bytes that file systems allow.
const LONGEST_NAME: usize = 200;

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

#[cfg(test)]
mod tests {
    use super::*;

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

    /// Where "é" in one character and in two are one name (macOS). Here the files get both.
    #[test]
    fn a_record_in_another_spelling_of_the_name_is_of_the_same_database() {
        let folder = tempfile::tempdir().unwrap();
        let backups = folder.path().join("backups");
        std::fs::create_dir(&backups).unwrap();
        let [one, two] = ["caf\u{e9}", "cafe\u{301}"];
        let database = |stem: &str| folder.path().join(format!("{stem}.db"));
        let backup = |stem: &str| backups.join(format!("{stem}-2026-11-21T09-14-03.db"));
        std::fs::write(database(one), "data").unwrap();
        std::fs::write(backup(two), "copy").unwrap();
        let record = BackupMetadata {
            shelf: BackupKind::Automatic,
            sequence: 1,
            database: format!("{two}.db"),
            created_at: "2026-11-21T09:14:03Z".to_owned(),
            bytes: 4,
            digest: digest::of_file(&backup(two)).unwrap(),
            version: Some(1),
            app_version: None,
            journal_mode: "delete".to_owned(),
        };
        let path = backups.join(format!(".{}.record", file_name(&backup(two))));
        std::fs::write(path, record.to_text()).unwrap();
        let own = database(one);
        let store = Store::new(backups.clone(), folder.path().join("snapshots"), &own);
        // As on Linux: the other spelling is nothing, or another database.
        assert_eq!(store.list().unwrap(), []);
        std::fs::write(database(two), "other").unwrap();
        assert_eq!(store.list().unwrap(), []);
        std::fs::remove_file(database(two)).unwrap();
        std::fs::hard_link(database(one), database(two)).unwrap();
        std::fs::hard_link(backup(two), backup(one)).unwrap();
        let listed = store.list().unwrap();
        let listed: Vec<&Path> = listed.iter().map(|backup| backup.path.as_path()).collect();
        assert_eq!(listed, [backup(two)]);
    }

    #[test]
    fn a_snapshots_name_is_one_on_every_platform() {
        let folder = tempfile::tempdir().unwrap();
        let database = folder.path().join("notes.db");
        std::fs::write(folder.path().join("Taken.db"), "").unwrap();
        let store = Store::new(folder.path().to_owned(), folder.path().join("x"), &database);
        for name in [
            "a",
            "before-import",
            "2026.11",
            "größe",
            "com",
            "console",
            "a b",
        ] {
            assert!(store.check_name(name).is_ok(), "{name}");
        }
        assert!(store.check_name(&"x".repeat(LONGEST_NAME)).is_ok());
        let long = "x".repeat(201);
        for name in [
            "", ".", "..", "../x", "a/b", "a\\b", "a:b", "nul", "NUL.txt", "com1", "x.", "x ",
            "-x", ".x", "a\nb", "taken", &long,
        ] {
            assert!(store.check_name(name).is_err(), "{name:?}");
        }
    }
}
