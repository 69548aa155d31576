//! `baseline`: a database that nobody kept a history of is marked as being at a version, once
//! its schema is proved to be that version's.

use std::path::Path;
use std::time::Instant;

use rusqlite::Connection;

use crate::apply::{self, Work};
use crate::error::{Error, ErrorKind};
use crate::foresee::{self, Foreseen, Foresight};
use crate::look::look;
use crate::migration::{Applied, Migration, State, compare};
use crate::options::Options;
use crate::plan::{Direction, Plan};
use crate::report::Report;
use crate::run::{self, newest};
use crate::schema::{differences, same_name};
use crate::session::{Session, Stage};
use crate::task::{Kind, Task};
use crate::{catalog, connect, history};

/// So many differences are told.
const TOLD: usize = 5;

/// Marks a database as being at a version.
pub(crate) fn baseline(options: &Options<'_>, path: &Path, version: i64) -> Result<Report, Error> {
    let started = Instant::now();
    // What can be refused is refused before anything is made or locked.
    plan(options, path, version)?;
    let migrations = options.migrations()?;
    let target = connect::resolve(path)?;
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
    let history = history::read(&session.connection, &options.history_table)?;
    let tasks = unmarked(migrations, &history, version)?;
    prove(options, &session.connection, migrations, version, &[])?;
    note(session, &history, &tasks)
}

/// Writes the rows of the history, after a copy and in one transaction.
pub(crate) fn note(
    session: &mut Session<'_, '_>,
    history: &[Applied],
    tasks: &[Task],
) -> Result<Report, Error> {
    let options = session.options;
    let version_before = newest(history);
    let path = session.target.path.clone();
    let mut report = Report {
        recovered: session.recovered.take(),
        ..run::nothing_to_do(path, version_before, session.started)
    };
    let Some(last) = tasks.last() else {
        return Ok(report);
    };
    let Foreseen {
        foresight,
        lineage,
        outlooks,
        ..
    } = foresee::foresee(&session.connection, options, tasks)?;
    let work = Work {
        direction: Direction::Up,
        tasks,
        lineage,
        outlooks,
        foresight: Some(foresight),
        version_before,
    };
    apply::carry_out(session, &work, &mut report)?;
    report.version = version_before.max(Some(last.version));
    let notes = session.thin_out(None, report.backup.as_deref());
    report.notes.extend(notes);
    report.duration = session.started.elapsed();
    Ok(report)
}

/// The migrations up to a version that are in no history yet, as rows to be written.
///
/// # Errors
/// [`ErrorKind::NotFound`] for a version that is not there; [`ErrorKind::Diverged`] where the
/// history says something else than the files.
pub(crate) fn unmarked(
    migrations: &[Migration],
    history: &[Applied],
    version: i64,
) -> Result<Vec<Task>, Error> {
    run::check_target(version, migrations, history)?;
    let mut tasks = Vec::new();
    for compared in compare(migrations, history) {
        match (compared.state, compared.migration) {
            (State::Applied, _) => {}
            (State::Pending | State::OutOfOrder, Some(migration)) => {
                if migration.version <= version {
                    tasks.push(Task {
                        kind: Kind::RowOnly,
                        no_transaction: false,
                        ..Task::up(migration)?
                    });
                }
            }
            (state, _) => {
                let message = format!(
                    "the database has a history already, and a migration in it is {}",
                    state.as_str()
                );
                return Err(Error::new(ErrorKind::Diverged, message)
                    .with_help("see `heirloom show`, and put that right first"));
            }
        }
    }
    Ok(tasks)
}

/// Proves that a schema is what the migrations up to a version give. `strangers` are tables that
/// somebody else keeps in the database.
///
/// # Errors
/// [`ErrorKind::Diverged`], with what is different.
pub(crate) fn prove(
    options: &Options<'_>,
    connection: &Connection,
    migrations: &[Migration],
    version: i64,
    strangers: &[&str],
) -> Result<(), Error> {
    let empty = connect::memory(options)?;
    let mut replay = Foresight::of(&empty, options)?;
    for migration in migrations.iter().filter(|known| known.version <= version) {
        let compiled = replay.file(&migration.up);
        compiled.map_err(|error| error.in_migration(&migration.label()))?;
    }
    let mut actual = catalog::schema(connection, &options.own_tables())?;
    let is_strange = |table: &str| strangers.iter().any(|name| same_name(name, table));
    actual.tables.retain(|table| !is_strange(&table.name));
    actual.others.retain(|object| !is_strange(&object.table));
    let differences = differences(replay.schema(), &actual);
    if differences.is_empty() {
        return Ok(());
    }
    let more = match differences.len().saturating_sub(TOLD) {
        0 => String::new(),
        more => format!(", and {more} more"),
    };
    let told: Vec<&str> = differences.iter().take(TOLD).map(String::as_str).collect();
    Err(Error::new(
        ErrorKind::Diverged,
        format!(
            "the schema is not the one that the migrations up to {version} give: {}{more}",
            told.join(", ")
        ),
    )
    .with_help("choose the version whose schema this is, or write the migrations so that they give it; `heirloom generate` compares"))
}

/// What [`baseline`] would do. Writes nothing, creates nothing.
pub(crate) fn plan(options: &Options<'_>, path: &Path, version: i64) -> Result<Plan, Error> {
    let look = look(options, path)?;
    if look.target.metadata.is_none() {
        let path = look.target.path.display();
        return Err(Error::new(
            ErrorKind::NotFound,
            format!("there is no database at {path}"),
        )
        .with_help("check the path; a new database needs no baseline, `heirloom run` makes it"));
    }
    let connection = &look.view.connection;
    let tasks = unmarked(look.migrations(), look.history(), version)?;
    prove(options, connection, look.migrations(), version, &[])?;
    let foreseen = foresee::foresee(connection, options, &tasks)?;
    Ok(Plan {
        direction: Direction::Up,
        version: newest(look.history()),
        refused: None,
        steps: foreseen.into_steps(connection, &tasks)?,
        database: look.target.path,
        interrupted: look.interrupted,
    })
}
