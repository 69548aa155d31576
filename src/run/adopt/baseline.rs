//! `baseline`: an existing database without a history is recorded as being at a version, once
//! its schema is proved to be that version's.

use std::path::Path;
use std::time::Instant;

use crate::migration::compare::{Applied, compare, newest};
use crate::migration::history::table;
use crate::migration::set::Migration;
use crate::migration::step::MigrationStep;
use crate::options::settings::Options;
use crate::report::act::Act;
use crate::report::error::Error;
use crate::report::outcome::Report;
use crate::report::plan::Plan;
use crate::report::remedy::Remedy;
use crate::run::engine::recognise::{prove, refuse_before_squashed, rows_up_to};
use crate::run::engine::session::{Session, Stage};
use crate::run::look::{Look, look};
use crate::run::{migrate, pending};
use crate::sqlite::open;

/// Marks a database as being at a version.
pub(crate) fn baseline(options: &Options<'_>, path: &Path, version: i64) -> Result<Report, Error> {
    let started = Instant::now();
    // What can be refused is refused before anything is made or locked.
    plan(options, path, version)?;
    let migrations = options.migrations()?;
    let target = open::resolve(path)?;
    let mut session = Session::begin(options, target, Stage::Live, started)?;
    let outcome = mark(&mut session, &migrations, version);
    session.conclude(outcome).map(|(_, report)| report)
}

fn mark(
    session: &mut Session<'_, '_>,
    migrations: &[Migration],
    version: i64,
) -> Result<Report, Error> {
    let options = session.options;
    let history = table::read(&session.connection, &options.history_table)?;
    refuse_before_squashed(migrations, version)?;
    pending::check_target(version, &compare(migrations, &history), &history)?;
    let tasks = rows_up_to(migrations, &history, version)?;
    prove(options, &session.connection, migrations, version, &[])?;
    note(session, &history, &tasks)
}

/// Writes the rows of the history, after a copy and in one transaction.
pub(crate) fn note(
    session: &mut Session<'_, '_>,
    history: &[Applied],
    tasks: &[MigrationStep],
) -> Result<Report, Error> {
    let version_before = newest(history);
    let path = session.target.path.clone();
    let mut report = Report {
        recovered: session.recovered.take(),
        ..Report::new(Act::Adopt, path, version_before, session.started)
    };
    let Some(last) = tasks.last() else {
        return Ok(report);
    };
    migrate::carry_out(session, tasks, &mut report)?;
    report.version = version_before.max(Some(last.version));
    Ok(report)
}

/// What [`baseline`] would do. Writes nothing, creates nothing.
pub(crate) fn plan(options: &Options<'_>, path: &Path, version: i64) -> Result<Plan, Error> {
    let look = look(options, path)?;
    if look.target.metadata.is_none() {
        return Err(no_database(&look.target.path));
    }
    let connection = &look.view.connection;
    refuse_before_squashed(look.migrations(), version)?;
    let compared = compare(look.migrations(), look.history());
    pending::check_target(version, &compared, look.history())?;
    let tasks = rows_up_to(look.migrations(), look.history(), version)?;
    prove(options, connection, look.migrations(), version, &[])?;
    plan_of(options, look, &tasks)
}

pub(crate) fn no_database(path: &Path) -> Error {
    open::no_database(path)
        .with_help(
            "check the path; a new database has no history to import, and the next run creates it",
        )
        .with_remedy(Remedy::Migrate)
}

/// The rows that would be written, as a plan.
pub(crate) fn plan_of(
    options: &Options<'_>,
    look: Look,
    tasks: &[MigrationStep],
) -> Result<Plan, Error> {
    let database = look.target.path;
    Ok(Plan {
        interrupted: look.interrupted,
        ..migrate::plan_tasks(options, database, &look.view.connection, tasks)?
    })
}
