//! `reset`, `redo` and the emptying of a database: what an app under development does to its data.
//!
//! What is to be there is made beside the database, in a scratch file, while the write lock keeps
//! the database as it is. It is put back into the live file in one transaction of SQLite's, as a
//! copy is: there is no instant at which the database is neither old nor new.

use std::path::{Path, PathBuf};
use std::time::Instant;

use crate::backup::copy;
use crate::backup::intent::Intent;
use crate::backup::log_file::{self, LogFile};
use crate::backup::metadata::BackupKind;
use crate::backup::of_database::{stores, take_copy};
use crate::backup::put_back::{self, PutBackState};
use crate::backup::store::{Backup, BackupName, Store, TIME};
use crate::devtools::project::seed;
use crate::migration::compare::{self, Applied, newest};
use crate::migration::history::log_entry::LogEntry;
use crate::migration::history::{log_table, table};
use crate::migration::label::{label, label_in};
use crate::migration::set::Migration;
use crate::migration::step::MigrationStep;
use crate::options::settings::Options;
use crate::report::act::Act;
use crate::report::error::{DataState, Error, ErrorKind};
use crate::report::event::Event;
use crate::report::outcome::Report;
use crate::report::remedy::Remedy;
use crate::report::time;
use crate::run::engine::session::{Session, Stage};
use crate::run::look::look;
use crate::run::migrate;
use crate::run::revert::{self, RevertTo};
use crate::sqlite::disk::{digest, files, scratch};
use crate::sqlite::open;
use crate::sqlite::schema::catalog;

/// What takes the whole database cannot speak of one component.
fn refuse_for_one_component(options: &Options<'_>) -> Result<(), Error> {
    match &options.component {
        None => Ok(()),
        Some(name) => Err(Error::usage(
            format!(
                "the tables of the app and of other components would go with those of `{name}`"
            ),
            "leave the component out to drop everything; or revert what the component made",
        )
        .with_remedy(Remedy::Revert { to: Some(0) })),
    }
}

/// Takes everything out of a database, after a snapshot.
pub(crate) fn empty(options: &Options<'_>, path: &Path) -> Result<Report, Error> {
    let started = Instant::now();
    refuse_for_one_component(options)?;
    let target = open::resolve(path)?;
    if target.metadata.is_none() && !files::is_there(&Intent::path_for(&target.path))? {
        return Ok(Report::new(Act::Drop, target.path, None, started));
    }
    within(options, path, |session| {
        let snapshot = snapshot(session, "drop")?;
        if let Some(copy) = &snapshot {
            let mode = journal_mode(session)?;
            let unlogged = logged(session, Act::Drop, copy, None, |session| {
                replace(session, &PutBackState::Empty, &mode, Some(copy))
            })?;
            if let Some(error) = unlogged {
                log::warn!("the log does not tell of this: {error:#}");
            }
        }
        Ok(Report {
            snapshot,
            ..Report::new(Act::Drop, session.target.path.clone(), None, started)
        })
    })
}

/// Starts from empty: everything migrated from empty, and seeded.
pub(crate) fn reset(
    options: &Options<'_>,
    path: &Path,
    seeds: Option<&Path>,
    environment: Option<&str>,
) -> Result<Report, Error> {
    refuse_for_one_component(options)?;
    options.check_history_table()?;
    let lists = options.lists()?;
    let seeds = match seeds {
        Some(folder) => seed::files(options, folder, environment)?,
        None => Vec::new(),
    };
    within(options, path, |session| {
        let path = session.target.path.clone();
        let mut reset = Report::new(Act::Reset, path, None, session.started);
        let scratch = scratch::Scratch::new()?;
        let made = make_anew(options, &scratch, &lists, &seeds, &mut reset);
        made.map_err(|error| untouched(error, None))?;
        // Not before there is something to take its place: one that fails each time would leave
        // a snapshot each time.
        reset.snapshot = snapshot(session, "reset")?;
        match &reset.snapshot {
            None => put_in(session, &scratch, None)?,
            Some(copy) => {
                let put = |session: &mut Session<'_, '_>| put_in(session, &scratch, Some(copy));
                let unlogged = logged(session, Act::Reset, copy, reset.version, put)?;
                let note = |error| format!("the log does not tell of this reset: {error}");
                reset.notes.extend(unlogged.map(note));
            }
        }
        reset.duration = session.started.elapsed();
        Ok(reset)
    })
}

/// Does away with what is in a database, and keeps its log beside the backups, with an entry of
/// what did it. What cannot be noted is the value: no reason to fail.
fn logged(
    session: &mut Session<'_, '_>,
    act: Act,
    snapshot: &Path,
    version: Option<i64>,
    put: impl FnOnce(&mut Session<'_, '_>) -> Result<(), Error>,
) -> Result<Option<Error>, Error> {
    let begin = || {
        let (connection, store) = (&session.connection, session.store());
        let history = table::read(connection, &session.options.history_table);
        let name = snapshot.file_name().unwrap_or_default();
        let entry = LogEntry {
            act,
            at: time::to_the_millisecond(time::now()),
            finished: false,
            duration: None,
            app_version: session.options.app_version.clone(),
            version_before: newest(&history.unwrap_or_default()),
            version,
            migrations: Vec::new(),
            backup: Some(name.to_string_lossy().into_owned()),
            restored_from: None,
            backfill: None,
            destroyed: Vec::new(),
            bytes: None,
            id: log_table::new_id(connection)?,
            sequence: store.last_sequence()?,
        };
        let goes = log_table::read(connection)?;
        LogFile::begin(&store, &session.target.path, entry, goes)
    };
    let begun = begin();
    let (done, unnoted) = log_file::around(begun, Instant::now(), || put(session));
    done.map(|()| unnoted)
}

fn make_anew(
    options: &Options<'_>,
    scratch: &scratch::Scratch,
    lists: &[Vec<Migration>],
    seeds: &[MigrationStep],
    reset: &mut Report,
) -> Result<(), Error> {
    let migrated = on(options, scratch, |session| {
        migrate::migrate(session, lists, None)
    })?;
    reset.version = migrated.version;
    reset.applied = migrated.applied;
    reset.notes = migrated.notes;
    if !seeds.is_empty() {
        let seeded = on(options, scratch, |session| {
            seed::carry_out(session, lists, seeds)
        })?;
        reset.seeded = seeded.seeded;
        reset.notes.extend(seeded.notes);
    }
    Ok(())
}

/// Takes the newest migrations back and applies them again.
pub(crate) fn redo(options: &Options<'_>, path: &Path, steps: usize) -> Result<Report, Error> {
    let to = RevertTo::Steps(steps);
    let target = open::resolve(path)?;
    let lists = options.lists()?;
    let own = lists.last().map_or(&[][..], Vec::as_slice);
    let looked = || {
        revert::plan(options, path, to)?;
        refuse_without_file(options, own, look(options, path)?.history(), steps)
    };
    if !files::is_there(&Intent::path_for(&target.path))? {
        // What can be refused is refused before a lock file is made.
        match looked() {
            Err(error) if !error.is_busy() => return Err(error),
            _ => {}
        }
    }
    within(options, path, |session| {
        let history = table::read(&session.connection, &options.history_table)?;
        refuse_without_file(options, own, &history, steps)?;
        let version = newest(&history);
        let path = session.target.path.clone();
        let mut redone = Report::new(Act::Redo, path, version, session.started);
        let Some(newest) = version else {
            return Ok(redone);
        };
        let backup = backup(session)?;
        redone.backup = Some(backup.path.clone());
        let scratch = scratch::Scratch::new()?;
        let made = make_again(
            session,
            &scratch,
            &backup,
            &lists,
            (to, newest),
            &mut redone,
        );
        let put = made
            .map_err(|error| untouched(error, redone.backup.as_ref()))
            .and_then(|()| put_in(session, &scratch, redone.backup.as_ref()));
        let pending = own.iter().map(|migration| migration.version);
        let pending = pending.filter(|version| *version > newest).min();
        let notes = session.thin_out(pending, redone.backup.as_deref());
        put?;
        redone.notes.extend(notes);
        redone.duration = session.started.elapsed();
        Ok(redone)
    })
}

/// Refuses to take back what no file could apply again.
fn refuse_without_file(
    options: &Options<'_>,
    migrations: &[Migration],
    history: &[Applied],
    steps: usize,
) -> Result<(), Error> {
    let (left, rows) = history.split_at(history.len().saturating_sub(steps));
    let compared = compare::compare(migrations, left);
    let files = || compared.iter().filter_map(|one| one.migration);
    let has_file = |row: &&Applied| {
        let is_it = |file: &Migration| {
            let mut replaced = file.replaces.iter();
            file.version == row.version || replaced.any(|one| one.is(row.version, &row.name))
        };
        files().any(is_it)
    };
    let Some(gone) = rows.iter().rev().find(|row| !has_file(row)) else {
        return Ok(());
    };
    let file = label(gone.version, &gone.name);
    Err(Error::new(
        ErrorKind::Missing,
        "its file is not there, so that it could not be applied again",
    )
    .in_migration(&label_in(
        options.component.as_deref(),
        gone.version,
        &gone.name,
    ))
    .with_help(format!(
        "put {file}.sql back into the migrations; or revert it for good"
    ))
    .with_remedy(Remedy::Revert { to: None }))
}

fn make_again(
    session: &Session<'_, '_>,
    scratch: &scratch::Scratch,
    backup: &Backup,
    lists: &[Vec<Migration>],
    (back, again): (RevertTo, i64),
    redone: &mut Report,
) -> Result<(), Error> {
    let options = session.options;
    copy::make(
        &open::copy(&backup.path)?,
        scratch.path(),
        &session.target.path,
        &|connection| options.set_up(connection),
        &|_, _| options.check_cancelled(),
    )?;
    let own = lists.last().map_or(&[][..], Vec::as_slice);
    let reverted = on(options, scratch, |session| {
        revert::take_back(session, own, back)
    })?;
    redone.reverted = reverted.reverted;
    redone.notes = reverted.notes;
    let applied = on(options, scratch, |session| {
        migrate::migrate(session, lists, Some(again))
    })?;
    redone.version = applied.version;
    redone.applied = applied.applied;
    redone.notes.extend(applied.notes);
    Ok(())
}

/// Does something to a live database that is not a list of migrations.
fn within<'o, 's, T>(
    options: &'o Options<'s>,
    path: &Path,
    work: impl FnOnce(&mut Session<'o, 's>) -> Result<T, Error>,
) -> Result<T, Error> {
    let target = open::resolve(path)?;
    let mut session = Session::begin(options, target, Stage::Live, Instant::now())?;
    match work(&mut session) {
        Ok(done) => {
            let ended = session.finish();
            ended.map_err(|error| error.with_data(DataState::Committed))?;
            Ok(done)
        }
        Err(error) => {
            session.abandon();
            Err(error)
        }
    }
}

/// Does something to what is in a scratch file.
fn on<'o, 's>(
    options: &'o Options<'s>,
    scratch: &scratch::Scratch,
    work: impl FnOnce(&mut Session<'o, 's>) -> Result<Report, Error>,
) -> Result<Report, Error> {
    let target = open::resolve(scratch.path())?;
    let mut session = Session::begin(options, target, Stage::Rehearsal, Instant::now())?;
    let outcome = work(&mut session);
    session.conclude(outcome).map(|(_, report)| report)
}

/// Whatever became of the scratch file, the database is as it was.
fn untouched(error: Error, copy: Option<&PathBuf>) -> Error {
    error
        .with_data(DataState::Untouched)
        .with_backup(copy.cloned())
}

/// Takes a snapshot that says what was about to be done. None where there is nothing to lose.
fn snapshot(session: &Session<'_, '_>, before: &str) -> Result<Option<PathBuf>, Error> {
    let objects = "SELECT count(*) FROM main.sqlite_schema";
    if catalog::number(&session.connection, objects)? == 0 {
        return Ok(None);
    }
    let options = session.options;
    let (_, store) = stores(options, &session.target.path);
    let base = format!("before-{before}-{}", time::now().format(TIME));
    let free = files::free_name(&store.path_of(""), &base, ".db")?;
    let name = free.file_stem().unwrap_or_default().to_string_lossy();
    take(session, &store, &BackupName::Given(&name)).map(|taken| Some(taken.path))
}

fn backup(session: &Session<'_, '_>) -> Result<Backup, Error> {
    let started = Instant::now();
    let taken = take(
        session,
        &session.store(),
        &BackupName::Time(BackupKind::Automatic),
    )?;
    session.options.emit(Event::CopyVerified {
        backup: &taken.path,
        duration: started.elapsed(),
    });
    Ok(taken)
}

fn take(
    session: &Session<'_, '_>,
    store: &Store<'_>,
    name: &BackupName<'_>,
) -> Result<Backup, Error> {
    let options = session.options;
    let history = table::read(&session.connection, &options.history_table);
    let version = newest(&history.unwrap_or_default());
    let progress = |done, total| options.copied(done, total);
    take_copy(
        options,
        &session.target.path,
        store,
        name,
        version,
        &progress,
    )
}

fn journal_mode(session: &Session<'_, '_>) -> Result<String, Error> {
    catalog::word(&session.connection, "PRAGMA journal_mode")
}

/// Puts what was made in a scratch file into the live one. The journal mode stays, unless what
/// was made chose WAL mode.
fn put_in(
    session: &mut Session<'_, '_>,
    scratch: &scratch::Scratch,
    good_copy: Option<&PathBuf>,
) -> Result<(), Error> {
    let mut mode = journal_mode(session)?;
    if files::length(scratch.path())? == 0 {
        return replace(session, &PutBackState::Empty, &mode, good_copy);
    }
    let made = open::writer(scratch.path())?;
    if catalog::word(&made, "PRAGMA journal_mode")? == "wal" {
        catalog::word(&made, "PRAGMA journal_mode = DELETE")?;
        mode = "wal".to_owned();
    }
    drop(made);
    let digest = digest::of_file(scratch.path())?;
    let state = PutBackState::Copy {
        path: scratch.path(),
        digest: &digest,
    };
    replace(session, &state, &mode, good_copy)
}

fn replace(
    session: &mut Session<'_, '_>,
    state: &PutBackState<'_>,
    journal_mode: &str,
    good_copy: Option<&PathBuf>,
) -> Result<(), Error> {
    let options = session.options;
    options.check_cancelled()?;
    session.watch_for_cancel(false)?;
    let put = put_back::put_back(
        &mut session.connection,
        state,
        journal_mode,
        options.lock_timeout,
        &|fresh| options.set_up(fresh),
    );
    put.map_err(|error| {
        let error = error.with_backup(good_copy.cloned());
        // What was to be put there goes with the scratch file, and is not a copy to come back to.
        match error.data_state() {
            DataState::NeedsAttention { .. } => error.needing_attention(good_copy.cloned()),
            _ => error,
        }
    })
}
