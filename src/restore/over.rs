//! What is in the way of a restore, kept before it is replaced.

use std::path::{Path, PathBuf};

use chrono::{DateTime, Utc};
use rusqlite::{Connection, ErrorCode};

use crate::backup::attachments::Folders;
use crate::backup::intent::Intent;
use crate::backup::locate;
use crate::backup::metadata::BackupKind;
use crate::backup::of_database::{self, stores};
use crate::backup::put_back::{self, PutBackState};
use crate::backup::store::{Backup, BackupName, Store, TIME};
use crate::migration::compare::newest;
use crate::migration::history::{log_table, table};
use crate::options::settings::Options;
use crate::report::error::{DataState, Error, ErrorKind};
use crate::report::event::Event;
use crate::report::outcome::NewerRows;
use crate::report::time::{self, rfc3339};
use crate::restore::find::{Proven, has_any};
use crate::restore::log::{ReplacedState, log_in_copies, logged};
use crate::restore::newer;
use crate::run::engine::wait;
use crate::sqlite::disk::files;
use crate::sqlite::execute;
use crate::sqlite::open::{self, Target};
use crate::sqlite::pages::MainFile;
use crate::sqlite::schema::catalog;

/// Copies the state that the writing connection keeps from changing.
pub(crate) fn take(
    options: &Options<'_>,
    database: &Path,
    store: &Store<'_>,
    name: &BackupName<'_>,
    held_by: &Connection,
) -> Result<Backup, Error> {
    let version = newest(&table::read(held_by, &options.history_table).unwrap_or_default());
    of_database::take_copy(options, database, store, name, version, &|done, total| {
        options.copied(done, total)
    })
}

pub(crate) fn over_what_is_there(
    options: &Options<'_>,
    target: &Target,
    proven: &Proven,
    folders: Option<&Folders>,
    mut keep: Option<&mut Vec<NewerRows>>,
    notes: &mut Vec<String>,
) -> Result<(Option<PathBuf>, bool), Error> {
    let mut attempt = || match condition(options, target)? {
        DatabaseCondition::Readable(connection) => {
            let keep = keep.as_deref_mut();
            over_a_readable(options, target, connection, proven, folders, keep, notes).map(Some)
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

/// Whether a failure speaks of the file and not of its surroundings: a broken header may also
/// make a database read-only, or of an unknown format, to SQLite.
pub(crate) fn is_damage(error: &Error) -> bool {
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
pub(crate) enum DatabaseCondition {
    Readable(Connection),
    Unreadable,
    Absent,
}

pub(crate) fn condition(
    options: &Options<'_>,
    target: &Target,
) -> Result<DatabaseCondition, Error> {
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
    let begun = files::first_bytes(&files::companion(&target.path, "-journal"), 1)?;
    if begun.iter().any(|byte| *byte != 0) {
        let looked =
            open::reader(&target.path).and_then(|reader| open::readable(&reader, &target.path));
        match looked {
            Err(error) if error.is_busy() => return Err(error),
            Err(_) => return Ok(DatabaseCondition::Unreadable),
            Ok(()) => {}
        }
    }
    let connection = wait::open_patiently(options, &target.path)?;
    // What turns out to be damaged is kept with its log as it is.
    open::checkpoint_on_close(&connection, false)?;
    open::patience(&connection, options.lock_timeout)?;
    open::refuse_read_only(&connection, &target.path)?;
    // A log may hold a first page that makes a damaged file look whole.
    if leftovers && !has_a_header(&connection) {
        return Ok(DatabaseCondition::Unreadable);
    }
    match open::readable(&connection, &target.path) {
        Ok(()) => Ok(DatabaseCondition::Readable(connection)),
        Err(error) if error.kind() == ErrorKind::NotADatabase => Ok(DatabaseCondition::Unreadable),
        Err(error) => Err(error),
    }
}

/// Whether the file itself begins as a database does. Where that cannot be asked, it may.
fn has_a_header(connection: &Connection) -> bool {
    const TITLE: &[u8; 16] = b"SQLite format 3\0";
    let mut begin = [0; TITLE.len()];
    // SQLite opens the file when it is first asked for something.
    let _ = catalog::number(connection, "PRAGMA page_count");
    MainFile::of(connection).is_none_or(|file| file.read_exact_at(&mut begin, 0) && begin == *TITLE)
}

pub(crate) fn over_a_readable(
    options: &Options<'_>,
    target: &Target,
    mut connection: Connection,
    proven: &Proven,
    folders: Option<&Folders>,
    keep: Option<&mut Vec<NewerRows>>,
    notes: &mut Vec<String>,
) -> Result<(Option<PathBuf>, bool), Error> {
    options.set_up(&connection)?;
    let run = |connection: &Connection, sql: &str| {
        connection
            .execute_batch(sql)
            .map_err(|error| execute::failure(format!("cannot run `{sql}`"), error))
    };
    open::sync_everything(&connection)?;
    wait::patiently(options, &connection, &target.path, "BEGIN IMMEDIATE")?;
    let (store, _) = stores(options, &target.path);
    let name = BackupName::Time(BackupKind::Replaced);
    let kept = take(options, &target.path, &store, &name, &connection);
    let log = log_table::read(&connection);
    run(&connection, "ROLLBACK")?;
    let Backup { path: kept, record } = kept?;
    open::checkpoint_on_close(&connection, true)?;
    let replaced = ReplacedState {
        version: record.version,
        log: log.unwrap_or_default(),
        kept: Some(kept.clone()),
    };
    let mode = catalog::word(&connection, "PRAGMA journal_mode")?;
    let merged = match keep {
        None => None,
        Some(tables) => {
            let mut merged = newer::merge(options, &proven.read_from, &kept)?;
            *tables = std::mem::take(&mut merged.tables);
            Some(merged)
        }
    };
    let state = match &merged {
        None => PutBackState::Copy {
            path: &proven.read_from,
            digest: &proven.digest,
        },
        Some(merged) => PutBackState::Copy {
            path: merged.path(),
            digest: &merged.digest,
        },
    };
    let intent = match folders {
        None => None,
        Some(folders) => Some(Intent {
            started_at: rfc3339(time::now()),
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
        let put = put_back::put_back(&mut connection, &state, &mode, patience, &|fresh| {
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

pub(crate) const FILES_LEFT: &str = "the database is restored; run the same command again for the files; the next start of the app puts them back too";

/// Progress for a listener alone: what has begun is not cancelled.
pub(crate) fn told_only(options: &Options<'_>) -> impl Fn(u64, u64) -> Result<(), Error> {
    |done, total| {
        options.emit(Event::Copying { done, total });
        Ok(())
    }
}

/// The copy where the next start finds it, when what was folded here is gone.
/// Nor is one looked for that is outside of the database's folder and of the backups, so that is
/// brought in too.
pub(crate) fn findable(
    options: &Options<'_>,
    target: &Target,
    proven: &Proven,
) -> Result<PathBuf, Error> {
    let backups = options.backups_of(&target.path);
    let beside = target.path.parent().unwrap_or(&target.path);
    if proven.read_from == proven.path && locate::is_below(&proven.path, &[beside, &backups]) {
        return Ok(proven.path.clone());
    }
    let now = time::now();
    let folded = name_beside(options, target, "source", now)?;
    let staging = stores(options, &target.path).0.staging_path(now);
    files::copy_damaged(&proven.read_from, &folded, &staging)?;
    Ok(folded)
}

/// A free name among the backups for what is not a recorded backup.
pub(crate) fn name_beside(
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
pub(crate) fn unfinished(error: Error, proven: &Proven) -> Error {
    error
        .needing_attention(Some(proven.path.clone()))
        .with_help("run the same command again; the next start of the app finishes it too")
}

/// Writes the note of a restore, from which on it will be done.
pub(crate) fn write_note(intent: &Intent, target: &Target, proven: &Proven) -> Result<(), Error> {
    intent.write(&target.path).map_err(|error| {
        match files::is_there(&Intent::path_for(&target.path)) {
            Ok(false) => error,
            _ => unfinished(error, proven),
        }
    })
}

/// Over a file that SQLite cannot read, or none: it is kept byte for byte, and replaced under
/// a note. No connection of ours is open on it.
pub(crate) fn over_a_damaged(
    options: &Options<'_>,
    target: &Target,
    proven: &Proven,
    folders: Option<&Folders>,
    something_there: bool,
    notes: &mut Vec<String>,
) -> Result<(Option<PathBuf>, bool), Error> {
    let now = time::now();
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
    // One that was begun before was kept then; what is there now is half done. A note that is not one
    // says nothing of what is there.
    let begun_before = matches!(Intent::read(&target.path, &folder), Ok(Some(_)));
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
            put_back::reset(&connection)?;
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
