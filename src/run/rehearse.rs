//! `run --rehearse`: the run itself, on a scratch copy of the database that is thrown away.

use std::path::{Path, PathBuf};
use std::time::Instant;

use rusqlite::Connection;

use crate::backup::copy;
use crate::migration::compare::newest;
use crate::migration::history::marker;
use crate::options::settings::Options;
use crate::report::error::{DataState, Error, ErrorKind};
use crate::report::outcome::{Done, Report};
use crate::run::engine::session::{Session, Stage};
use crate::run::look::{Look, look};
use crate::run::{migrate, pending};
use crate::sqlite::disk::{files, scratch, space};
use crate::sqlite::open;
use crate::sqlite::schema::catalog;

/// How often a copy is begun anew because another program wrote meanwhile.
const ATTEMPTS: usize = 3;

/// What a run would do to a database, found out on a copy of it.
#[derive(Debug)]
#[non_exhaustive]
pub struct Rehearsed {
    /// The database, with symbolic links resolved. It was not touched.
    pub database: PathBuf,
    /// The migrations that could be applied, in order, with the rows of the tables.
    pub migrations: Vec<Done>,
    /// The schema version now, none when nothing was applied yet.
    pub version: Option<i64>,
    /// Bytes of disk that a run takes at its peak: the backup, and what the database, its
    /// journal and its write-ahead log grow by. The temporary files in which SQLite sorts are
    /// not counted.
    pub disk_bytes: u64,
    /// What the run would report, in sentences.
    pub notes: Vec<String>,
    /// What the run would fail with. None when it would succeed.
    pub failure: Option<Error>,
}

impl Rehearsed {
    /// Whether a run would find nothing to do.
    pub fn is_up_to_date(&self) -> bool {
        self.failure.is_none() && self.migrations.is_empty()
    }

    fn new(database: PathBuf, version: Option<i64>) -> Rehearsed {
        Rehearsed {
            database,
            version,
            migrations: Vec::new(),
            disk_bytes: 0,
            notes: Vec::new(),
            failure: None,
        }
    }

    fn fill_in(&mut self, report: &Report) {
        self.migrations.clone_from(&report.migrations);
        self.notes.clone_from(&report.notes);
    }
}

/// Runs what is pending on a copy.
pub(crate) fn rehearse(
    options: &Options<'_>,
    path: &Path,
    to: Option<i64>,
) -> Result<Rehearsed, Error> {
    let started = Instant::now();
    let mut look = look(options, path)?;
    let mut rehearsed = Rehearsed::new(look.target.path.clone(), newest(look.history()));
    let room = match room_needed(options, &look, to) {
        Ok(Some(bytes)) => bytes,
        Ok(None) => return Ok(rehearsed),
        Err(error) => {
            rehearsed.failure = Some(error);
            return Ok(rehearsed);
        }
    };
    let scratch = scratch::Scratch::new()?;
    let help = format!(
        "free some space, or set {} to a folder on a larger disk",
        scratch::TEMPORARY
    );
    let folder = scratch.path().parent().unwrap_or(scratch.path());
    space::check_room(folder, "the rehearsal", room, &help)?;
    // The rehearsal takes no backup, and the run does.
    let backups = options.backups_of(&look.target.path);
    let help = "free some space, or choose another folder for backups";
    let bytes = catalog::bytes(&look.view.connection)?;
    rehearsed.failure = space::check_room(&backups, "the copy", bytes, help).err();
    if rehearsed.failure.is_some() {
        return Ok(rehearsed);
    }
    copy_to(options, path, &mut look, scratch.path())?;
    let target = open::resolve(scratch.path())?;
    let mut session = Session::begin(options, target, Stage::Rehearsal, started)?;
    session.measure();
    let outcome = migrate::migrate(&mut session, &look.lists, to);
    rehearsed.disk_bytes = session.disk_bytes();
    match session.conclude(outcome) {
        Ok((_, report)) => rehearsed.fill_in(&report),
        Err(error) if error.is_interrupted() => return Err(error.with_data(DataState::Untouched)),
        Err(error) => {
            if let Some(report) = error.report() {
                rehearsed.fill_in(report);
            }
            // Whatever became of the copy, the database is as it was.
            rehearsed.failure = Some(error.with_data(DataState::Untouched));
        }
    }
    Ok(rehearsed)
}

/// The bytes of disk that the rehearsal takes, none where there is nothing to rehearse. What a
/// run refuses before it takes a copy is an error here too.
fn room_needed(options: &Options<'_>, look: &Look, to: Option<i64>) -> Result<Option<u64>, Error> {
    let connection = &look.view.connection;
    if let Some(marker) = marker::read_marker(connection)? {
        return Err(Error::new(
            ErrorKind::NeedsAttention,
            format!(
                "the run of {} was interrupted and must be put back first, and its copy is missing",
                marker.started_at
            ),
        )
        .with_help("put the copy back into the backups folder, or an older one back with `heirloom restore`"));
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
            Ok(Some(largest.unwrap_or(catalog::bytes(connection)?)))
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
