//! `restore`: a copy put back into the live file. And what copies there are.
//!
//! The source is proved good before the target is touched, and the present state is kept
//! first. A database that SQLite can read is replaced in one transaction of SQLite's, so that
//! others who have it open see the old state or the new. One that it cannot read is saved
//! byte for byte and made empty first, under a note that the next start finishes from.

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};
use std::time::Instant;

use chrono::{DateTime, Utc};
use rusqlite::{Connection, ErrorCode};

use crate::backup::attachments;
use crate::backup::attachments::Folders;
use crate::backup::copy;
use crate::backup::copy::{Intent, PutBackState};
use crate::backup::log_file;
use crate::backup::log_file::LogFile;
use crate::backup::metadata::{BackupKind, BackupMetadata};
use crate::backup::store::{Backup, BackupName, Store, TIME};
use crate::migration::history::log_entry::{Act, LogEntry, merge};
use crate::migration::history::log_table;
use crate::migration::history::table;
use crate::migration::history::table::rfc3339;
use crate::options::settings::Options;
use crate::report::error::{DataState, Error, ErrorKind};
use crate::report::event::Event;
use crate::run::engine::session;
use crate::run::engine::session::stores;
use crate::run::migrate::newest;
use crate::sqlite::disk::{files, path};
use crate::sqlite::execute;
use crate::sqlite::open;
use crate::sqlite::open::Target;
use crate::sqlite::schema::catalog;
use crate::sqlite::schema::objects::Table;
use crate::sqlite::schema::table_tracker::TableTracker;

/// Which copy is meant.
#[derive(Debug, Clone, PartialEq, Eq)]
#[non_exhaustive]
pub enum BackupRef {
    /// The newest automatic backup.
    Latest,
    /// An automatic backup by its file name, or any database by its path.
    File(PathBuf),
    /// A snapshot by its name.
    Snapshot(String),
}

/// Where a copy comes from.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[non_exhaustive]
pub enum BackupOrigin {
    /// Taken before a run, a revert or a restore.
    Automatic,
    /// Taken because somebody asked for it, under a name.
    Snapshot,
}

impl BackupOrigin {
    /// The word in JSON and in tables.
    pub fn as_str(self) -> &'static str {
        match self {
            BackupOrigin::Automatic => "automatic",
            BackupOrigin::Snapshot => "snapshot",
        }
    }
}

/// A copy of a database, as it is listed.
#[derive(Debug, Clone, PartialEq, Eq)]
#[non_exhaustive]
pub struct BackupInfo {
    /// The file.
    pub file: PathBuf,
    /// Where it comes from.
    pub origin: BackupOrigin,
    /// Whether it is the state that a restore replaced.
    pub replaced: bool,
    /// When it was taken, RFC 3339 in UTC.
    pub created_at: String,
    /// Its size in bytes.
    pub bytes: u64,
    /// The schema version in it, none before the first migration.
    pub version: Option<i64>,
    /// Whether it is, byte for byte, what was recorded when it was taken; with
    /// [`Verify::Length`], whether it is as long.
    pub verified: bool,
}

impl BackupInfo {
    /// How [`Database::restore`](crate::Database::restore) is told of it.
    pub fn reference(&self) -> BackupRef {
        match (self.origin, self.file.file_stem()) {
            (BackupOrigin::Snapshot, Some(name)) => {
                BackupRef::Snapshot(name.to_string_lossy().into())
            }
            _ => BackupRef::File(self.file.clone()),
        }
    }
}

/// How thoroughly copies are looked at when they are listed.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Verify {
    /// The length alone, which finds what was cut off and reads nothing: for a list of names.
    Length,
    /// The digest, which finds every changed bit.
    Digest,
    /// The digest, and SQLite's own `integrity_check`.
    Everything,
}

/// What a restore did.
#[derive(Debug, Clone, PartialEq, Eq)]
#[non_exhaustive]
pub struct Restored {
    /// The database, with symbolic links resolved.
    pub database: PathBuf,
    /// The copy that was put back.
    pub file: PathBuf,
    /// Where the state before is kept. None when there was none.
    pub replaced: Option<PathBuf>,
    /// Whether that state was damaged, so that it is kept byte for byte and cannot be put
    /// back by a restore.
    pub was_damaged: bool,
    /// The folders of files that the snapshot had taken along, and that are back.
    pub folders: Vec<PathBuf>,
    /// Where the folders that those replaced are kept. None where there were none.
    pub replaced_folders: Option<PathBuf>,
    /// The schema version now.
    pub version: Option<i64>,
    /// What somebody should know, in sentences.
    pub notes: Vec<String>,
}

/// What a restore would do. Made without writing anything.
#[derive(Debug, Clone, PartialEq, Eq)]
#[non_exhaustive]
pub struct RestorePlan {
    /// The database, with symbolic links resolved.
    pub database: PathBuf,
    /// The copy that would be put back.
    pub file: PathBuf,
    /// What the database holds now; none when it is not there or cannot be read.
    pub before: Option<DatabaseSummary>,
    /// What it would hold.
    pub after: DatabaseSummary,
    /// The folders of files that would be put back, and take the place of those that are there.
    pub folders: Vec<PathBuf>,
}

/// What a database holds, in short.
#[derive(Debug, Clone, PartialEq, Eq)]
#[non_exhaustive]
pub struct DatabaseSummary {
    /// The schema version.
    pub version: Option<i64>,
    /// The size in bytes.
    pub bytes: u64,
    /// Rows by table.
    pub rows: BTreeMap<String, u64>,
}

/// Every copy of a database, the newest first.
pub(crate) fn copies(
    options: &Options<'_>,
    path: &Path,
    verify: Verify,
) -> Result<Vec<BackupInfo>, Error> {
    let target = open::resolve(path)?;
    let mut copies = Vec::new();
    let (automatic, snapshots) = stores(options, &target.path);
    for store in [automatic, snapshots] {
        for backup in store.list()? {
            let sound = match verify {
                Verify::Length => backup.has_its_length(),
                Verify::Digest => backup.verifies(),
                Verify::Everything => backup.verifies() && integrity(options, &backup.path).is_ok(),
            };
            let Backup { path, record } = backup;
            copies.push((
                record.sequence,
                BackupInfo {
                    file: path,
                    origin: match record.shelf {
                        BackupKind::Automatic | BackupKind::Replaced => BackupOrigin::Automatic,
                        BackupKind::Snapshot => BackupOrigin::Snapshot,
                    },
                    replaced: record.shelf == BackupKind::Replaced,
                    created_at: record.created_at,
                    bytes: record.bytes,
                    version: record.version,
                    verified: sound,
                },
            ));
        }
    }
    copies.sort_by_key(|(sequence, _)| std::cmp::Reverse(*sequence));
    Ok(copies.into_iter().map(|(_, copy)| copy).collect())
}

/// Takes a named copy.
pub(crate) fn snapshot(
    options: &Options<'_>,
    path: &Path,
    name: &str,
    folders: &[PathBuf],
) -> Result<BackupInfo, Error> {
    let target = open::resolve(path)?;
    let nothing_there = || {
        not_found(format!(
            "there is nothing to copy at {}",
            target.path.display()
        ))
    };
    let interrupted = Intent::path_for(&target.path).exists();
    if target.metadata.as_ref().is_none_or(|file| file.len() == 0) && !interrupted {
        return Err(nothing_there());
    }
    let (_, store) = stores(options, &target.path);
    store.check_name(name)?;
    let folders = attachments::check(&target.path, folders)?;
    let session = session::Session::begin(
        options,
        target.clone(),
        session::Stage::Live,
        std::time::Instant::now(),
    )?;
    // What an interrupted first run had written was rolled back when it was opened.
    match session.is_new() {
        Ok(false) => {}
        nothing => {
            session.abandon();
            return Err(nothing.err().unwrap_or_else(nothing_there));
        }
    }
    let file = store.path_of(&format!("{name}.db"));
    let progress = |done, total| options.copied(done, total);
    // The folders first: what has a name in the listing is whole.
    if let Err(error) = attachments::make_way(&file) {
        session.abandon();
        return Err(error);
    }
    let files = match folders.is_empty() {
        true => Ok(()),
        false => files::create_private_folder(file.parent().unwrap_or(&file), &target.path)
            .and_then(|()| attachments::take(&file, &target.path, &folders, &progress)),
    };
    let taken = files.and_then(|()| {
        let name = BackupName::Given(name);
        take(options, &target.path, &store, &name, &session.connection)
    });
    let Backup { path, record } = match taken {
        Ok(taken) => {
            session.finish()?;
            taken
        }
        Err(error) => {
            session.abandon();
            let _ = files::remove_folder(&attachments::folder_of(&file));
            return Err(error);
        }
    };
    Ok(BackupInfo {
        file: path,
        origin: BackupOrigin::Snapshot,
        replaced: false,
        created_at: record.created_at,
        bytes: record.bytes,
        version: record.version,
        verified: true,
    })
}

/// Copies the state that the writing connection keeps from changing.
fn take(
    options: &Options<'_>,
    database: &Path,
    store: &Store<'_>,
    name: &BackupName<'_>,
    held_by: &Connection,
) -> Result<Backup, Error> {
    let version = newest(&table::read(held_by, &options.history_table).unwrap_or_default());
    session::take_copy(options, database, store, name, version, &|done, total| {
        options.copied(done, total)
    })
}

fn not_found(message: String) -> Error {
    Error::new(ErrorKind::NotFound, message).with_help("`heirloom backups` lists what is there")
}

/// A copy that was found and proved good.
struct Proven {
    path: PathBuf,
    /// That of the database it was taken from, where that was recorded.
    journal_mode: Option<String>,
    digest: String,
    holding: DatabaseSummary,
    /// A source that is no recorded copy may have companions, and is folded together here.
    _scratch: Option<files::Scratch>,
    /// What is read: the copy itself, or the folded one.
    read_from: PathBuf,
}

fn find(
    options: &Options<'_>,
    database: &Path,
    wanted: &BackupRef,
) -> Result<(PathBuf, Option<BackupMetadata>), Error> {
    let (automatic, snapshots) = stores(options, database);
    let recorded = |store: &Store<'_>, path: &Path| {
        let all = store.list()?;
        let same = all
            .into_iter()
            .find(|backup| files::is_same_file(&backup.path, path));
        Ok::<_, Error>(same.map(|backup| backup.record))
    };
    match wanted {
        BackupRef::Latest => automatic
            .list()?
            .into_iter()
            .rfind(|backup| backup.record.shelf == BackupKind::Automatic)
            .map(|backup| (backup.path, Some(backup.record)))
            .ok_or_else(|| not_found("there is no automatic backup of this database".into())),
        BackupRef::Snapshot(name) => {
            let path = snapshots.path_of(&format!("{name}.db"));
            let plain = Path::new(name).file_name() == Some(name.as_ref());
            // One without a record of this database is another database's.
            match recorded(&snapshots, &path)? {
                Some(record) if plain => Ok((path, Some(record))),
                _ => Err(not_found(format!("there is no snapshot called `{name}`"))),
            }
        }
        BackupRef::File(file) => {
            let named = file.file_name() == Some(file.as_os_str());
            let name = file.to_string_lossy();
            let inside = automatic.path_of(&name);
            let inside_is_meant = named && files::is_file(&inside)?;
            let path = if inside_is_meant {
                inside
            } else {
                file.clone()
            };
            if !files::is_file(&path)? {
                return Err(not_found(format!("there is no backup {}", file.display())));
            }
            // Two databases may share the folder. A path says that it is meant.
            if inside_is_meant && let Some(other) = automatic.other_owner(&name)? {
                return Err(Error::new(
                    ErrorKind::Usage,
                    format!("{name} is a copy of another database, {other}"),
                )
                .with_help("`heirloom backups` lists those of this one; give the path of the file to put it back all the same"));
            }
            let path = path::canonicalize(&path).map_err(|error| {
                files::failure(format!("cannot look at {}", path.display()), error)
            })?;
            let record = match recorded(&automatic, &path)? {
                Some(record) => Some(record),
                None => recorded(&snapshots, &path)?,
            };
            Ok((path, record))
        }
    }
}

/// Finds the copy and proves it good, before the target is touched.
fn prove(options: &Options<'_>, target: &Target, wanted: &BackupRef) -> Result<Proven, Error> {
    let (path, record) = find(options, &target.path, wanted)?;
    if files::is_same_file(&path, &target.path) {
        return Err(Error::new(
            ErrorKind::Usage,
            format!("{} is the database itself", path.display()),
        )
        .with_help("name a backup"));
    }
    if files::length(&path)? < open::SHORTEST {
        return Err(invalid(&path, "it is too short to be a database"));
    }
    let digest = files::digest(&path)?;
    if record
        .as_ref()
        .is_some_and(|record| record.digest != digest)
    {
        return Err(invalid(
            &path,
            "it is not what was recorded when it was taken",
        ));
    }
    // A database with a write-ahead log of its own, or a journal, is more than one file.
    let companions = ["-wal", "-journal"];
    let alone = !has_any(&path, &companions)?;
    let (scratch, read_from, digest) = if alone {
        (None, path.clone(), digest)
    } else {
        let scratch = files::Scratch::copy_of(&path, &companions)?;
        fold(scratch.path())?;
        let (folded, digest) = (scratch.path().to_owned(), files::digest(scratch.path())?);
        (Some(scratch), folded, digest)
    };
    integrity(options, &read_from)?;
    Ok(Proven {
        holding: holding(options, &open::copy(&read_from)?, &read_from)?,
        journal_mode: record.map(|record| record.journal_mode),
        path,
        digest,
        _scratch: scratch,
        read_from,
    })
}

/// Makes one file of a private copy and its companions.
fn fold(path: &Path) -> Result<(), Error> {
    let connection = open::writer(path)?;
    open::readable(&connection, path)?;
    catalog::word(&connection, "PRAGMA journal_mode = DELETE").map(drop)
}

fn invalid(path: &Path, reason: &str) -> Error {
    Error::new(
        ErrorKind::BackupInvalid,
        format!("{} cannot be restored: {reason}", path.display()),
    )
    .with_help("choose another; `heirloom backups --verify` looks at each")
}

/// SQLite's thorough check of a copy.
fn integrity(options: &Options<'_>, path: &Path) -> Result<(), Error> {
    let connection = open::copy(path)?;
    options.set_up(&connection)?;
    match copy::integrity_check(&connection)? {
        None => Ok(()),
        Some(finding) => Err(invalid(path, &finding)),
    }
}

fn holding(
    options: &Options<'_>,
    connection: &Connection,
    path: &Path,
) -> Result<DatabaseSummary, Error> {
    options.set_up(connection)?;
    let schema = catalog::schema(connection, &options.own_tables())?;
    let mut rows = catalog::row_counts(connection, &TableTracker::of(&schema))?;
    // What can be searched for is in another table, and would be counted twice.
    rows.retain(|name, _| !schema.table(name).is_some_and(Table::is_derived));
    Ok(DatabaseSummary {
        version: newest(&table::read(connection, &options.history_table).unwrap_or_default()),
        bytes: files::length(path)?,
        rows,
    })
}

/// What a restore would do.
pub(crate) fn plan(
    options: &Options<'_>,
    path: &Path,
    wanted: &BackupRef,
) -> Result<RestorePlan, Error> {
    let target = open::resolve(path)?;
    let proven = prove(options, &target, wanted)?;
    let before = match &target.metadata {
        Some(file) if file.len() > 0 => open::view_of(&target)
            .and_then(|view| holding(options, &view.connection, &target.path))
            .ok(),
        _ => None,
    };
    let folders = match wanted {
        BackupRef::Snapshot(_) => Folders::of(&proven.path, PathBuf::new())?,
        _ => None,
    };
    let folders = folders.map(|folders| folders.places(&target.path));
    Ok(RestorePlan {
        folders: folders.transpose()?.unwrap_or_default(),
        database: target.path,
        file: proven.path,
        before,
        after: proven.holding,
    })
}

/// Puts a copy back.
pub(crate) fn restore(
    options: &Options<'_>,
    path: &Path,
    wanted: &BackupRef,
) -> Result<Restored, Error> {
    let target = open::resolve(path)?;
    let proven = prove(options, &target, wanted)?;
    options.check_cancelled()?;
    if let Some(folder) = target.path.parent() {
        files::create_folders(folder)?;
    }
    let lock = session::lock(options, &target.path)?;
    session::clean_up(options, &target.path)?;
    finish_folders(options, &target)?;
    let folders = match wanted {
        BackupRef::Snapshot(_) => prepare_folders(options, &target, &proven)?,
        _ => None,
    };
    let places = match &folders {
        Some(folders) => folders.places(&target.path)?,
        None => Vec::new(),
    };
    let mut notes = Vec::new();
    let done = over_what_is_there(options, &target, &proven, folders.as_ref(), &mut notes);
    let (replaced, was_damaged) = done.inspect_err(|error| {
        if error.data_state().is_unchanged() {
            let _ = folders.as_ref().map(|it| it.forget(&target.path));
        }
    })?;
    let (store, _) = stores(options, &target.path);
    let mut in_use = vec![proven.path.as_path()];
    in_use.extend(replaced.as_deref());
    notes.extend(store.thin_out(BackupKind::Replaced, options.keep, None, &in_use));
    drop(lock);
    let replaced_folders = folders.and_then(|folders| folders.kept(&target.path));
    Ok(Restored {
        replaced_folders,
        database: target.path,
        file: proven.path,
        replaced,
        was_damaged,
        folders: places,
        version: proven.holding.version,
        notes,
    })
}

fn over_what_is_there(
    options: &Options<'_>,
    target: &Target,
    proven: &Proven,
    folders: Option<&Folders>,
    notes: &mut Vec<String>,
) -> Result<(Option<PathBuf>, bool), Error> {
    let mut attempt = || match condition(options, target)? {
        DatabaseCondition::Readable(connection) => {
            over_a_readable(options, target, connection, proven, folders, notes).map(Some)
        }
        DatabaseCondition::Unreadable => Ok(None),
        DatabaseCondition::Absent => {
            over_a_damaged(options, target, proven, folders, false, notes).map(Some)
        }
    };
    let mut first: Option<Error> = None;
    // What a later attempt says of the data does not undo an earlier one.
    let or_doubt = |first: Option<Error>, error| match first {
        Some(first) if !first.data_state().is_unchanged() => first,
        _ => error,
    };
    // A disk that fails once makes SQLite say "malformed" too, so it is asked twice.
    for _ in 0..2 {
        match attempt() {
            Ok(Some(restored)) => return Ok(restored),
            Ok(None) => {}
            // It opens, and is damaged further inside.
            Err(error) if is_damage(&error) && *error.data_state() != DataState::Committed => {
                log::warn!("the database is damaged: {error:#}");
                first.get_or_insert(error);
            }
            Err(error) => return Err(or_doubt(first, error)),
        }
    }
    over_a_damaged(options, target, proven, folders, true, notes)
        .map_err(|error| or_doubt(first, error))
}

/// What a restore does away with.
#[derive(Default)]
struct ReplacedState {
    version: Option<i64>,
    log: Vec<LogEntry>,
    kept: Option<PathBuf>,
}

/// Restores, and notes it in the log: that it began, and that it is done.
fn logged(
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

fn begin_log(
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
        at: table::to_the_millisecond(Utc::now()),
        finished: false,
        duration: None,
        app_version: options.app_version.clone(),
        version_before: version,
        version: proven.holding.version,
        migrations: Vec::new(),
        backup: kept.and_then(|kept| Some(kept.file_name()?.to_string_lossy().into_owned())),
        restored_from: Some(proven.path.display().to_string()),
        backfill: None,
        bytes: Some(proven.holding.bytes),
        id: log_table::new_id(&copy)?,
        sequence: store.last_sequence()?,
    };
    LogFile::begin(&store, &target.path, restore, log)
}

/// The log of a database that is damaged or gone, as far as its copies know it.
fn log_in_copies(options: &Options<'_>, target: &Target) -> Vec<LogEntry> {
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

/// Copies the folders of a snapshot to beside the database, before that is touched.
fn prepare_folders(
    options: &Options<'_>,
    target: &Target,
    proven: &Proven,
) -> Result<Option<Folders>, Error> {
    let backups = options.backups_of(&target.path);
    let base = format!("files-replaced-{}", Utc::now().format(TIME));
    let replaced = files::free_name(&backups, &base, "")?;
    let folders = Folders::of(&proven.path, replaced)?;
    if let Some(folders) = &folders {
        let progress = |done, total| options.copied(done, total);
        folders
            .prepare(&target.path, &progress)
            .inspect_err(|_| drop(folders.forget(&target.path)))?;
    }
    Ok(folders)
}

/// Ends a restore of folders that was interrupted, before another begins: some of them may be in
/// their places. Where that cannot be done, the restore that is wanted now goes on without it.
fn finish_folders(options: &Options<'_>, target: &Target) -> Result<(), Error> {
    let Ok(Some(intent)) = Intent::read(&target.path) else {
        return Ok(());
    };
    let Some(folders) = &intent.folders else {
        return Ok(());
    };
    let (path, patience) = (&target.path, options.lock_timeout);
    let progress = |done, total| options.copied(done, total);
    let opened = open::writer(path).and_then(|connection| {
        open::patience(&connection, patience)?;
        Ok(connection)
    });
    let finished = match opened {
        Ok(mut connection) => {
            session::keep_written_since(options, path, &connection, &intent)?;
            intent.carry_out(&mut connection, path, patience, &progress)
        }
        Err(error) => Err(error),
    };
    match finished {
        Err(error) if error.is_busy() || error.is_interrupted() => Err(error),
        Err(error) => {
            log::warn!(
                "the restore of {} is given up: {error:#}",
                intent.started_at
            );
            folders.forget(&target.path)
        }
        Ok(()) => Ok(()),
    }
}

/// Whether a failure speaks of the file and not of its surroundings: a broken header may also
/// make a database read-only, or of an unknown format, to SQLite.
fn is_damage(error: &Error) -> bool {
    let sqlite = std::error::Error::source(error)
        .and_then(|source| source.downcast_ref::<rusqlite::Error>())
        .and_then(execute::code);
    match error.kind() {
        ErrorKind::BackupInvalid | ErrorKind::NotADatabase => true,
        ErrorKind::Io => matches!(sqlite, Some(ErrorCode::ReadOnly | ErrorCode::Unknown)),
        _ => false,
    }
}

/// What there is to be replaced.
enum DatabaseCondition {
    Readable(Connection),
    Unreadable,
    Absent,
}

/// Whether a database has companions with something in them.
fn has_any(database: &Path, endings: &[&str]) -> Result<bool, Error> {
    for ending in endings {
        if files::length(&files::companion(database, ending))? > 0 {
            return Ok(true);
        }
    }
    Ok(false)
}

fn condition(options: &Options<'_>, target: &Target) -> Result<DatabaseCondition, Error> {
    let empty = files::length(&target.path)? == 0;
    let leftovers = has_any(&target.path, &["-wal", "-journal"])?;
    // A restore that was interrupted, or companions that lost their database.
    if files::is_there(&Intent::path_for(&target.path))? || (empty && leftovers) {
        return Ok(DatabaseCondition::Unreadable);
    }
    if empty {
        return Ok(DatabaseCondition::Absent);
    }
    if target.refuse_too_short().is_err() {
        return Ok(DatabaseCondition::Unreadable);
    }
    // A journal that is hot would be played back, and the file not be kept as it is.
    if has_any(&target.path, &["-journal"])? {
        let looked =
            open::reader(&target.path).and_then(|reader| open::readable(&reader, &target.path));
        match looked {
            Err(error) if error.is_busy() => return Err(error),
            Err(_) => return Ok(DatabaseCondition::Unreadable),
            Ok(()) => {}
        }
    }
    let connection = session::open_patiently(options, &target.path)?;
    open::patience(&connection, options.lock_timeout)?;
    open::refuse_read_only(&connection, &target.path)?;
    match open::readable(&connection, &target.path) {
        Ok(()) => Ok(DatabaseCondition::Readable(connection)),
        Err(error) if error.kind() == ErrorKind::NotADatabase => Ok(DatabaseCondition::Unreadable),
        Err(error) => Err(error),
    }
}

fn over_a_readable(
    options: &Options<'_>,
    target: &Target,
    mut connection: Connection,
    proven: &Proven,
    folders: Option<&Folders>,
    notes: &mut Vec<String>,
) -> Result<(Option<PathBuf>, bool), Error> {
    options.set_up(&connection)?;
    let run = |connection: &Connection, sql: &str| {
        connection
            .execute_batch(sql)
            .map_err(|error| execute::failure(format!("cannot run `{sql}`"), error))
    };
    open::sync_everything(&connection)?;
    session::patiently(options, &connection, &target.path, "BEGIN IMMEDIATE")?;
    let (store, _) = stores(options, &target.path);
    let name = BackupName::Time(BackupKind::Replaced);
    let kept = take(options, &target.path, &store, &name, &connection);
    let log = log_table::read(&connection);
    run(&connection, "ROLLBACK")?;
    let Backup { path: kept, record } = kept?;
    let replaced = ReplacedState {
        version: record.version,
        log: log.unwrap_or_default(),
        kept: Some(kept.clone()),
    };
    let mode = catalog::word(&connection, "PRAGMA journal_mode")?;
    let state = PutBackState::Copy {
        path: &proven.read_from,
        digest: &proven.digest,
    };
    let intent = match folders {
        None => None,
        Some(folders) => Some(Intent {
            started_at: rfc3339(Utc::now()),
            copy: findable(options, target, proven)?,
            digest: proven.digest.clone(),
            journal_mode: mode.clone(),
            folders: Some(folders.clone()),
        }),
    };
    logged(options, target, proven, replaced, notes, || {
        if let Some(intent) = &intent {
            write_note(intent, target, proven)?;
        }
        let patience = options.lock_timeout;
        let put = copy::put_back(&mut connection, &state, &mode, patience, &|fresh| {
            options.set_up(fresh)
        });
        match (intent, put) {
            (Some(intent), Ok(())) => {
                let finished = intent.finish(&target.path, &told_only(options));
                finished
                    .map_err(|error| error.with_data(DataState::Committed).with_help(FILES_LEFT))
            }
            // Nothing was done, so nothing is left to finish.
            (Some(_), Err(error)) if error.data_state().is_unchanged() => {
                Intent::remove(&target.path).map_err(|error| unfinished(error, proven))?;
                Err(error)
            }
            (_, put) => put,
        }
    })
    .map_err(|error| error.with_backup(Some(kept.clone())))?;
    Ok((Some(kept), false))
}

const FILES_LEFT: &str = "the database is restored; run the same command again for the files; the next start of the app puts them back too";

/// Progress for a listener alone: what has begun is not cancelled.
fn told_only(options: &Options<'_>) -> impl Fn(u64, u64) -> Result<(), Error> {
    |done, total| {
        options.emit(Event::Copying { done, total });
        Ok(())
    }
}

/// The copy where the next start finds it, when what was folded here is gone.
fn findable(options: &Options<'_>, target: &Target, proven: &Proven) -> Result<PathBuf, Error> {
    if proven.read_from == proven.path {
        return Ok(proven.path.clone());
    }
    let now = Utc::now();
    let folded = name_beside(options, target, "source", now)?;
    let staging = stores(options, &target.path).0.staging_path(now);
    files::copy_damaged(&proven.read_from, &folded, &staging)?;
    Ok(folded)
}

/// A free name among the backups for what is no recorded copy.
fn name_beside(
    options: &Options<'_>,
    target: &Target,
    what: &str,
    now: DateTime<Utc>,
) -> Result<PathBuf, Error> {
    let stem = target.path.file_stem().unwrap_or_default();
    let base = format!("{}-{what}-{}", stem.to_string_lossy(), now.format(TIME));
    files::free_name(&options.backups_of(&target.path), &base, ".db")
}

/// A restore that the next start ends.
fn unfinished(error: Error, proven: &Proven) -> Error {
    error
        .needing_attention(Some(proven.path.clone()))
        .with_help("run the same command again; the next start of the app finishes it too")
}

/// Writes the note of a restore, from which on it will be done.
fn write_note(intent: &Intent, target: &Target, proven: &Proven) -> Result<(), Error> {
    intent.write(&target.path).map_err(|error| {
        match files::is_there(&Intent::path_for(&target.path)) {
            Ok(false) => error,
            _ => unfinished(error, proven),
        }
    })
}

/// Over a file that SQLite cannot read, or none: it is kept byte for byte, and replaced under
/// a note. No connection of ours is open on it.
fn over_a_damaged(
    options: &Options<'_>,
    target: &Target,
    proven: &Proven,
    folders: Option<&Folders>,
    something_there: bool,
    notes: &mut Vec<String>,
) -> Result<(Option<PathBuf>, bool), Error> {
    let now = Utc::now();
    let folder = options.backups_of(&target.path);
    let something = files::is_there(&target.path)?;
    let like = if something {
        &target.path
    } else {
        &proven.path
    };
    files::create_private_folder(&folder, like)?;
    let kept = name_beside(options, target, "damaged", now)?;
    let staging = stores(options, &target.path).0.staging_path(now);
    if !something {
        files::create_like(&target.path, &proven.path)?;
    }
    // One that was begun before was kept then; what is there now is half done.
    let begun_before = files::is_there(&Intent::path_for(&target.path))?;
    let keep = something_there && !begun_before;
    if keep {
        files::copy_damaged(&target.path, &kept, &staging)?;
    }
    let intent = Intent {
        started_at: rfc3339(now),
        copy: findable(options, target, proven)?,
        digest: proven.digest.clone(),
        journal_mode: proven.journal_mode.clone().unwrap_or("delete".to_owned()),
        folders: folders.cloned(),
    };
    let replaced = ReplacedState {
        log: log_in_copies(options, target),
        kept: keep.then(|| kept.clone()),
        ..ReplacedState::default()
    };
    logged(options, target, proven, replaced, notes, || {
        write_note(&intent, target, proven)?;
        let reset = open::writer(&target.path).and_then(|connection| {
            open::patience(&connection, options.lock_timeout)?;
            copy::reset(&connection)?;
            Ok(connection)
        });
        let mut connection = match reset {
            Ok(connection) => connection,
            // Somebody else holds it: nothing was done, so nothing is left to finish.
            Err(error) if error.is_busy() => {
                if !begun_before {
                    files::remove(&Intent::path_for(&target.path))?;
                }
                return Err(error);
            }
            // A reset that failed may have been done all the same.
            Err(error) => return Err(unfinished(error, proven)),
        };
        let (patience, told) = (options.lock_timeout, told_only(options));
        intent
            .carry_out(&mut connection, &target.path, patience, &told)
            .map_err(|error| unfinished(error, proven))
    })?;
    Ok((keep.then_some(kept), something_there))
}
