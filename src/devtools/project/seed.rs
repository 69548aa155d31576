//! `seed`: files of rows for a database at the newest schema, each run once for each text.

use std::path::Path;
use std::time::Instant;

use rusqlite::Connection;

use crate::backup::intent::Intent;
use crate::migration::compare::{Known, newest};
use crate::migration::files::name::looks_like_sql;
use crate::migration::files::source;
use crate::migration::history::seeds;
use crate::migration::set::Migration;
use crate::migration::step::{MigrationStep, StepKind};
use crate::options::settings::Options;
use crate::report::act::Act;
use crate::report::count::Counted;
use crate::report::error::{Error, invalid};
use crate::report::outcome::Report;
use crate::report::plan::Plan;
use crate::report::remedy::Remedy;
use crate::run::engine::session::{Session, Stage};
use crate::run::look::{Look, histories, look};
use crate::run::{migrate, pending};
use crate::sqlite::disk::files;
use crate::sqlite::open;

/// Runs the seed files that are new or say something else than when they were run.
pub(crate) fn seed(
    options: &Options<'_>,
    path: &Path,
    folder: &Path,
    environment: Option<&str>,
) -> Result<Report, Error> {
    let started = Instant::now();
    let files = files(options, folder, environment)?;
    let target = open::resolve(path)?;
    let looked = || {
        // What an interrupted restore left is not yet what there is to seed.
        if files::is_there(&Intent::path_for(&target.path))? {
            return Ok(None);
        }
        let look = look_at(options, path)?;
        let due = due(options, &look.view.connection, &look.known(options), &files)?;
        Ok((due.is_empty() && look.interrupted.is_none()).then(|| newest(look.history())))
    };
    match looked() {
        Ok(Some(version)) => return Ok(Report::new(Act::Seed, target.path, version, started)),
        Err(error) if !Error::is_busy(&error) => return Err(error),
        _ => {}
    }
    let lists = options.lists()?;
    let mut session = Session::begin(options, target, Stage::Live, started)?;
    let outcome = carry_out(&mut session, &lists, &files);
    session.conclude(outcome).map(|(_, report)| report)
}

/// What a seeding would do. Writes nothing, creates nothing.
pub(crate) fn plan(
    options: &Options<'_>,
    path: &Path,
    folder: &Path,
    environment: Option<&str>,
) -> Result<Plan, Error> {
    let files = files(options, folder, environment)?;
    let look = look_at(options, path)?;
    let connection = &look.view.connection;
    let tasks = due(options, connection, &look.known(options), &files)?;
    let database = look.target.path.clone();
    Ok(Plan {
        interrupted: look.interrupted.clone(),
        ..migrate::plan_tasks(options, database, connection, &tasks)?
    })
}

/// Looks at a database that must be there, unless migrations would make it.
fn look_at(options: &Options<'_>, path: &Path) -> Result<Look, Error> {
    let look = look(options, path)?;
    match look.target.metadata.is_none() && look.lists.iter().all(Vec::is_empty) {
        true => Err(open::no_database(&look.target.path)),
        false => Ok(look),
    }
}

/// Under the write lock: looks, plans, acts, proves.
pub(crate) fn carry_out(
    session: &mut Session<'_, '_>,
    lists: &[Vec<Migration>],
    files: &[MigrationStep],
) -> Result<Report, Error> {
    let options = session.options;
    let histories = histories(options, &session.connection)?;
    let known = options.known(lists, &histories);
    let tasks = due(options, &session.connection, &known, files)?;
    let version = histories.last().and_then(|own| newest(own));
    let mut report = Report {
        recovered: session.recovered.take(),
        ..Report::new(
            Act::Seed,
            session.target.path.clone(),
            version,
            session.started,
        )
    };
    if !tasks.is_empty() {
        migrate::carry_out(session, &tasks, &mut report)?;
    }
    Ok(report)
}

/// The files that are to be run. Seeds are written for the newest schema, so there must be
/// no other.
fn due(
    options: &Options<'_>,
    connection: &Connection,
    known: &[Known<'_>],
    files: &[MigrationStep],
) -> Result<Vec<MigrationStep>, Error> {
    let pending = pending::pending(options, connection, known, None)?;
    if let Some(first) = pending.first() {
        return Err(Error::usage(
            format!(
                "{} pending, the first is {}, and seeds are written for the newest schema",
                match pending.len() {
                    1 => "a migration is".to_owned(),
                    many => format!("{} are", Counted(many as u64, "migration")),
                },
                first.label()
            ),
            "apply what is pending, then seed",
        )
        .with_remedy(Remedy::Migrate));
    }
    let noted = seeds::read(connection)?;
    let is_due =
        |seed: &&MigrationStep| noted.get(&seed.name) != Some(&seeds::digest(&seed.script));
    Ok(files.iter().filter(is_due).cloned().collect())
}

/// The seed files: those of the folder, then those of the environment, each by name.
pub(crate) fn files(
    options: &Options<'_>,
    folder: &Path,
    environment: Option<&str>,
) -> Result<Vec<MigrationStep>, Error> {
    let mut tasks = in_folder(options, folder, "")?;
    if let Some(environment) = environment {
        check_environment(environment)?;
        let below = format!("{environment}/");
        tasks.extend(in_folder(options, &folder.join(environment), &below)?);
    }
    Ok(tasks)
}

fn in_folder(
    options: &Options<'_>,
    folder: &Path,
    below: &str,
) -> Result<Vec<MigrationStep>, Error> {
    if !folder.is_dir() {
        return Err(Error::not_found(
            format!("there is no folder of seeds at {}", folder.display()),
            "check the path, or put the seed files there, as in seeds/users.sql",
        ));
    }
    let mut names = files::files_in(folder)?;
    // What an editor leaves beside a file begins with a dot.
    names.retain(|name| looks_like_sql(name) && !name.starts_with('.'));
    names.sort();
    let tasks = names.iter().map(|name| {
        let script = source::script(&folder.join(name))?;
        // Two components may have files of one name.
        let owner = options.component.iter().map(|owner| format!("{owner}::"));
        let name = format!("{}{below}{name}", owner.collect::<String>());
        let task = MigrationStep::apart(StepKind::Seed, &name, script)?;
        refuse_schema(&task).map_err(|error| error.in_migration(&name))?;
        Ok(task)
    });
    tasks.collect()
}

/// An environment is the name of one folder, and no way out of it.
fn check_environment(name: &str) -> Result<(), Error> {
    let plain = !name.is_empty() && !name.starts_with('.') && !name.contains(['/', '\\', ':']);
    match plain {
        true => Ok(()),
        false => Err(Error::usage(
            format!("`{name}` is not a valid name of an environment"),
            "name a folder among the seeds, as in dev",
        )),
    }
}

fn refuse_schema(task: &MigrationStep) -> Result<(), Error> {
    let script = &task.script;
    let refuse = |offset, sentence: &str, help: &str| {
        Err(invalid(sentence.to_owned())
            .at(script.location(offset, false))
            .with_help(help))
    };
    if task.is_apart() {
        return refuse(
            0,
            "seeds are run in one transaction, and this file cannot be",
            "remove the line that asks for it (`-- heirloom: …`), and what needs it",
        );
    }
    let statements = script.statements();
    let schema = statements
        .iter()
        .find(|statement| statement.action().is_schema() || statement.touches_schema_table());
    match schema {
        None => Ok(()),
        Some(statement) => refuse(
            statement.start,
            "a seed file holds rows, and this statement changes the schema",
            "put it into a migration",
        ),
    }
}
