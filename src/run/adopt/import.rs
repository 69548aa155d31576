//! `adopt`: the history that another tool kept is imported, once the schema is proved to be
//! what the migrations give.

use std::path::Path;
use std::time::Instant;

use rusqlite::Connection;

use crate::migration::compare::Applied;
use crate::migration::history::other_tools::{self, Tool};
use crate::migration::history::table;
use crate::migration::set::Migration;
use crate::migration::step::MigrationStep;
use crate::options::settings::Options;
use crate::report::error::Error;
use crate::report::outcome::Report;
use crate::report::plan::Plan;
use crate::report::remedy::Remedy;
use crate::run::adopt::baseline::{self, note};
use crate::run::engine::recognise::{Found, found, rows_up_to};
use crate::run::engine::session::{Session, Stage};
use crate::run::look::look;
use crate::sqlite::open;

/// Takes over the history of another tool, and runs nothing.
pub(crate) fn adopt(
    options: &Options<'_>,
    path: &Path,
    from: Option<Tool>,
) -> Result<Report, Error> {
    let started = Instant::now();
    // What can be refused is refused before anything is made or locked.
    plan(options, path, from)?;
    let migrations = options.migrations()?;
    let target = open::resolve(path)?;
    let mut session = Session::begin(options, target, Stage::Live, started)?;
    let outcome = take_over(&mut session, &migrations, from);
    session.conclude(outcome).map(|(_, report)| report)
}

fn take_over(
    session: &mut Session<'_, '_>,
    migrations: &[Migration],
    from: Option<Tool>,
) -> Result<Report, Error> {
    let options = session.options;
    let history = table::read(&session.connection, &options.history_table)?;
    let tasks = tasks(options, &session.connection, migrations, &history, from)?;
    note(session, &history, &tasks)
}

/// The rows to be written; none where the database has a history of its own already.
fn tasks(
    options: &Options<'_>,
    connection: &Connection,
    migrations: &[Migration],
    history: &[Applied],
    from: Option<Tool>,
) -> Result<Vec<MigrationStep>, Error> {
    if !history.is_empty() {
        return Ok(Vec::new());
    }
    match found(options, connection, migrations, from)? {
        Found::UpTo(version) => rows_up_to(migrations, history, version),
        Found::Empty => Ok(Vec::new()),
        Found::Nothing => {
            let whose = from.map_or("another tool".to_owned(), |tool| tool.to_string());
            let help = match other_tools::not_enough(connection) {
                Some(reason) => format!(
                    "{reason}: record the version that the database is at, after the same check of its schema"
                ),
                None => {
                    "if no tool kept one, record the version that the database is at".to_owned()
                }
            };
            Err(Error::not_found(
                format!("there is no history of {whose} in the database"),
                help,
            )
            .with_remedy(Remedy::Baseline))
        }
    }
}

/// What [`adopt`] would do. Writes nothing, creates nothing.
pub(crate) fn plan(options: &Options<'_>, path: &Path, from: Option<Tool>) -> Result<Plan, Error> {
    let look = look(options, path)?;
    if look.target.metadata.is_none() {
        return Err(baseline::no_database(&look.target.path));
    }
    let connection = &look.view.connection;
    let tasks = tasks(options, connection, look.migrations(), look.history(), from)?;
    baseline::plan_of(options, look, &tasks)
}
