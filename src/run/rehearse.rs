//! `run --rehearse`: the run itself, on a scratch copy of the database that is thrown away.

use std::path::Path;
use std::time::Instant;

use rusqlite::Connection;

use crate::backup::{copy, of_database};
use crate::migration::compare::newest;
use crate::migration::history::marker;
use crate::options::settings::Options;
use crate::report::act::Act;
use crate::report::error::{DataState, Error, ErrorKind};
use crate::report::outcome::Report;
use crate::report::remedy::Remedy;
use crate::run::engine::session::{Session, Stage};
use crate::run::look::{Look, look};
use crate::run::{migrate, pending};
use crate::sqlite::disk::{clone, files, scratch, space};
use crate::sqlite::open;
use crate::sqlite::schema::catalog;

/// How often a copy is begun again because another program wrote meanwhile.
const ATTEMPTS: usize = 3;

/// Runs what is pending on a copy. What a run would fail with is the error, and carries a report
/// of [`Act::Rehearse`]: how far it came.
pub(crate) fn rehearse(
    options: &Options<'_>,
    path: &Path,
    to: Option<i64>,
) -> Result<Report, Error> {
    let started = Instant::now();
    let mut look = look(options, path)?;
    migrate::refuse_as_a_run_does(options, &look)?;
    let (database, version) = (look.target.path.clone(), newest(look.history()));
    let nothing_yet = Report::new(Act::Rehearse, database, version, started);
    let would_fail = |error: Error| error.with_report(nothing_yet.clone());
    let growth = match growth(options, &look, to).map_err(would_fail)? {
        Some(bytes) => bytes,
        None => return Ok(nothing_yet),
    };
    let scratch = scratch::Scratch::new()?;
    let help = format!(
        "free some space, or set {} to a folder on a larger disk",
        scratch::TEMPORARY
    );
    let folder = scratch.path().parent().unwrap_or(scratch.path());
    let bytes = catalog::bytes(&look.view.connection)?;
    let room = match clone::can_share(&look.target.path, folder) {
        true => growth,
        false => growth + bytes,
    };
    space::check_room(folder, "the rehearsal", room, &help)?;
    // The rehearsal takes no backup, and the run does.
    let backups = options.backups_of(&look.target.path);
    let help = "free some space, or choose another folder for backups";
    let bytes = of_database::room_of_backup(options, &look.target.path, &look.view.connection)?;
    space::check_room(&backups, "the backup", bytes, help).map_err(would_fail)?;
    copy_to(options, path, &mut look, scratch.path())?;
    let target = open::resolve(scratch.path())?;
    let mut session = Session::begin(options, target, Stage::Rehearsal, started)?;
    if look.view.connection.is_autocommit() {
        session.before = Some(look.view);
    }
    session.measure();
    let outcome = migrate::migrate(&mut session, &look.lists, to);
    let disk_bytes = session.disk_bytes();
    let of_the_database = |done: Report| Report {
        act: Act::Rehearse,
        database: nothing_yet.database.clone(),
        disk_bytes: Some(disk_bytes),
        ..done
    };
    match session.conclude(outcome) {
        Ok((_, done)) => Ok(of_the_database(done)),
        // Whatever became of the copy, the database is as it was.
        Err(error) if error.is_interrupted() => Err(error.with_data(DataState::Untouched)),
        Err(error) => {
            let done = error.report().unwrap_or(&nothing_yet).clone();
            let error = error.with_data(DataState::Untouched);
            Err(error.with_report(of_the_database(done)))
        }
    }
}

/// The bytes by which the files of a database grow, none where there is nothing to rehearse. What a
/// run refuses before it takes a copy is an error here too.
fn growth(options: &Options<'_>, look: &Look, to: Option<i64>) -> Result<Option<u64>, Error> {
    let connection = &look.view.connection;
    if let Some(marker) = marker::read_marker(connection)? {
        return Err(Error::new(
            ErrorKind::NeedsAttention,
            format!(
                "the run of {} was interrupted and must be put back first, and its backup is missing",
                marker.started_at
            ),
        )
        .with_help("move the backup back into the backups folder, or restore an older backup")
        .with_remedy(Remedy::Restore { backup: None }));
    }
    if is_new(connection)? {
        let tasks = pending::pending(options, connection, &look.known(options), to)?;
        return Ok((!tasks.is_empty()).then_some(0));
    }
    let plan = migrate::plan_of(options, look, to)?;
    match plan.refused {
        Some(refused) => Err(refused),
        None if plan.steps.is_empty() => Ok(None),
        None => {
            let steps = plan.steps.iter();
            let estimates = steps.filter_map(|step| step.estimate.as_ref());
            let largest = estimates.map(|estimate| estimate.disk_bytes).max();
            let backup = of_database::room_of_backup(options, &look.target.path, connection)?;
            Ok(Some(largest.unwrap_or_default().saturating_sub(backup)))
        }
    }
}

/// Whether there is nothing to copy.
fn is_new(connection: &Connection) -> Result<bool, Error> {
    Ok(catalog::bytes(connection)? == 0)
}

/// Copies one state of the database, in the journal mode that it has. What is looked at is
/// that state.
fn copy_to(
    options: &Options<'_>,
    path: &Path,
    view: &mut Look,
    scratch: &Path,
) -> Result<(), Error> {
    for _ in 0..ATTEMPTS {
        let reader = &view.view.connection;
        if is_new(reader)? {
            return Ok(());
        }
        let facts = copy::make(
            reader,
            scratch,
            &view.target.path,
            &|connection| options.set_up(connection),
            &|done, total| options.copied(done, total),
        );
        if view.view.is_of_one_state() {
            if facts?.journal_mode == "wal" {
                let copy = open::writer(scratch)?;
                catalog::word(&copy, "PRAGMA journal_mode = WAL")?;
            }
            return Ok(());
        }
        files::remove(scratch)?;
        *view = look(options, path)?;
    }
    Err(Error::new(
        ErrorKind::Locked,
        format!(
            "another program keeps writing to {}",
            view.target.path.display()
        ),
    )
    .with_help("close it and try again"))
}
