//! `run`: from any older state to the newest, or nothing to do.

use std::fs::Metadata;
use std::path::{Path, PathBuf};
use std::time::Instant;

use rusqlite::Connection;

use crate::apply::{self, Work};
use crate::claim;
use crate::copy::Intent;
use crate::error::{Difference, Error, ErrorKind, Location};
use crate::foresee::{self, Foreseen};
use crate::history;
use crate::look::{Look, histories, look};
use crate::migration::{self, Applied, Compared, Known, Migration, State};
use crate::options::Options;
use crate::plan::{Direction, Loss, Plan};
use crate::report::Report;
use crate::session::{Session, Stage};
use crate::task::Task;
use crate::{connect, disk};

/// Brings a database to the newest version, or up to `to`.
pub(crate) fn run(
    options: &Options<'_>,
    path: &Path,
    to: Option<i64>,
) -> Result<(Connection, Report), Error> {
    let started = Instant::now();
    options.check_history_table()?;
    let lists = options.lists()?;
    if let Some((connection, version)) = up_to_date(options, &lists, path, to)? {
        // As SQLite opened it: absolute, with symbolic links resolved.
        let database = connection
            .path()
            .map_or_else(|| path.to_owned(), PathBuf::from);
        return Ok((connection, nothing_to_do(database, version, started)));
    }
    let target = connect::resolve(path)?;
    options.check_cancelled()?;
    let mut session = Session::begin(options, target, Stage::Live, started)?;
    let outcome = migrate(&mut session, &lists, to);
    session.conclude(outcome)
}

/// The way out of a start-up with nothing to do: one open, one look at the history.
///
/// A plain read may decide that nothing has to be *done*: the row of the last migration
/// and the removal of a marker are committed together, so a history that is complete was
/// completed by a run that is over. Everything else is decided again under the write lock.
fn up_to_date(
    options: &Options<'_>,
    lists: &[Vec<Migration>],
    path: &Path,
    to: Option<i64>,
) -> Result<Option<(Connection, Option<i64>)>, Error> {
    let is_database = |file: Metadata| file.is_file() && file.len() >= connect::SHORTEST;
    // Absolute, because SQLite takes a relative path that begins with `file:` for a URI.
    let path = match std::path::absolute(path) {
        Ok(path) if path.metadata().is_ok_and(is_database) => path,
        _ => return Ok(None),
    };
    let look = || {
        let connection = connect::writer(&path)?;
        connect::patience(&connection, options.lock_timeout)?;
        let interrupted = disk::is_there(&Intent::path_for(&path))?;
        if interrupted || history::read_marker(&connection)?.is_some() {
            return Ok(None);
        }
        let is_complete = |(_, table): (Option<&str>, &str), migrations: &Vec<Migration>| {
            history::is_complete(&connection, table, migrations).unwrap_or(false)
        };
        let mut tables = options.histories().zip(lists);
        if to.is_none() && tables.all(|(table, list)| is_complete(table, list)) {
            let own = lists.last().and_then(|migrations| migrations.last());
            return Ok(Some((connection, own.map(|migration| migration.version))));
        }
        let histories = histories(options, &connection)?;
        let known = options.known(lists, &histories);
        if pending(options, &connection, &known, to)?.is_empty() {
            let version = histories.last().and_then(|own| newest(own));
            return Ok(Some((connection, version)));
        }
        connect::refuse_read_only(&connection, &path)?;
        Ok(None)
    };
    match look() {
        // Whoever holds it may be busy for longer than SQLite waits on its own.
        Err(error) if Error::is_busy(&error) => Ok(None),
        Ok(Some((connection, version))) => {
            connect::patience(&connection, connect::USUAL_PATIENCE)?;
            options.set_up(&connection)?;
            Ok(Some((connection, version)))
        }
        other => other,
    }
}

/// The report of a start that found everything done.
pub(crate) fn nothing_to_do(database: PathBuf, version: Option<i64>, started: Instant) -> Report {
    Report {
        database,
        direction: Direction::Up,
        migrations: Vec::new(),
        backup: None,
        version_before: version,
        version,
        recovered: None,
        notes: Vec::new(),
        duration: started.elapsed(),
    }
}

/// The schema version a history stands for.
pub(crate) fn newest(history: &[Applied]) -> Option<i64> {
    history.last().map(|applied| applied.version)
}

/// Under the write lock: looks, plans, acts, proves.
pub(crate) fn migrate(
    session: &mut Session<'_, '_>,
    lists: &[Vec<Migration>],
    to: Option<i64>,
) -> Result<Report, Error> {
    let options = session.options;
    let histories = histories(options, &session.connection)?;
    let known = options.known(lists, &histories);
    let tasks = pending(options, &session.connection, &known, to)?;
    let own = known.last();
    let version_before = own.and_then(|own| newest(own.history));
    let mut report = Report {
        recovered: session.recovered.take(),
        ..nothing_to_do(session.target.path.clone(), version_before, session.started)
    };
    if tasks.is_empty() {
        report.duration = session.started.elapsed();
        return Ok(report);
    }
    let work = decide(session, &tasks, &mut report)?;
    let first_pending = |after: Option<i64>| {
        let own = own.into_iter().flat_map(|own| own.migrations);
        let rest = own.map(|migration| migration.version);
        rest.filter(|version| after.is_none_or(|after| *version > after))
            .min()
    };
    let carried_out = apply::carry_out(session, &work, &mut report);
    if carried_out.is_ok() {
        report.version = tasks
            .iter()
            .filter(|task| task.component == options.component)
            .map(|task| Some(task.version))
            .chain([version_before])
            .max()
            .flatten();
    }
    // After a failure too: a crash loop must not fill the disk.
    let notes = session.thin_out(first_pending(report.version), report.backup.as_deref());
    carried_out?;
    report.notes.extend(notes);
    report.duration = session.started.elapsed();
    Ok(report)
}

/// Foresees what tasks do, and refuses what they would destroy without consent.
fn decide<'w>(
    session: &Session<'w, '_>,
    tasks: &'w [Task],
    report: &mut Report,
) -> Result<Work<'w>, Error> {
    let options = session.options;
    let work = Work {
        direction: Direction::Up,
        tasks,
        lineage: Default::default(),
        outlooks: Vec::new(),
        foresight: None,
        version_before: report.version_before,
    };
    // A new database has nothing to lose, and one transaction is trial enough: what
    // fails in it leaves no trace.
    let unprotected = tasks.iter().any(|task| task.no_transaction);
    if !unprotected && session.is_new()? {
        return Ok(work);
    }
    let Foreseen {
        foresight,
        lineage,
        outlooks,
        losses,
    } = foresee::foresee(&session.connection, options, tasks)?;
    if let Some(refused) = refusal(options, tasks, &losses) {
        return Err(refused);
    }
    report
        .notes
        .extend(outlooks.iter().flat_map(|outlook| outlook.notes.clone()));
    Ok(Work {
        lineage,
        outlooks,
        foresight: Some(foresight),
        ..work
    })
}

/// Carries out what stands in no history, with the protection of a run.
pub(crate) fn carry_out(
    session: &mut Session<'_, '_>,
    tasks: &[Task],
    report: &mut Report,
) -> Result<(), Error> {
    let work = decide(session, tasks, report)?;
    let carried_out = apply::carry_out(session, &work, report);
    let notes = session.thin_out(None, report.backup.as_deref());
    carried_out?;
    report.notes.extend(notes);
    report.duration = session.started.elapsed();
    Ok(())
}

/// What is to be applied, in order: of the components, and of the own history, which alone
/// `to` speaks of.
pub(crate) fn pending(
    options: &Options<'_>,
    connection: &Connection,
    known: &[Known<'_>],
    to: Option<i64>,
) -> Result<Vec<Task>, Error> {
    let Some((own, components)) = known.split_last() else {
        return Ok(Vec::new());
    };
    let mut tasks = Vec::new();
    for component in components.iter().filter(|_| to.is_none()) {
        tasks.extend(pending_of(options, connection, component, None)?);
    }
    tasks.extend(pending_of(options, connection, own, to)?);
    if !(tasks.is_empty() || components.is_empty()) {
        let lists: Vec<_> = known.iter().map(|known| known.migrations).collect();
        claim::refuse_twins(&lists)?;
    }
    Ok(tasks)
}

/// What is to be applied of one history, in order. An error when the history and the files contradict
/// each other.
fn pending_of(
    options: &Options<'_>,
    connection: &Connection,
    part: &Known<'_>,
    to: Option<i64>,
) -> Result<Vec<Task>, Error> {
    let (migrations, history) = (part.migrations, part.history);
    let known = migrations.last().map(|migration| migration.version);
    if let Some(to) = to {
        check_target(to, migrations, history)?;
    }
    let mut wanted = Vec::new();
    let mut late = None;
    for Compared {
        state,
        migration,
        applied,
    } in migration::compare(migrations, history)
    {
        match (state, migration, applied) {
            (State::Pending, Some(migration), _) if to.is_none_or(|to| migration.version <= to) => {
                wanted.push(migration);
            }
            (State::OutOfOrder, Some(migration), _) => {
                late = late.or(Some(out_of_order(migration, newest(history))));
            }
            (State::Changed, Some(migration), Some(row)) => {
                return Err(changed(options, connection, migration, row)?);
            }
            (State::Missing, _, Some(row)) => {
                return Err(missing(row, part, known));
            }
            _ => {}
        }
    }
    match late {
        Some(error) => Err(error),
        None => wanted
            .into_iter()
            .map(|migration| task(options, migration))
            .collect(),
    }
}

/// The way there. What is written in Rust needs a program that has it.
fn task(options: &Options<'_>, migration: &Migration) -> Result<Task, Error> {
    if !migration.in_rust {
        return Task::up(migration);
    }
    match options.code(&migration.up, Direction::Up) {
        Some(code) => {
            let consents = code.consents();
            let task = Task::up(migration)?;
            Ok(Task { consents, ..task })
        }
        None => Err(Error::new(
            ErrorKind::InvalidMigration,
            "it is written in Rust, and this program does not have its function",
        )
        .in_migration(&migration.label())
        .at(Location::new(&migration.up, 0, false))
        .with_help(
            "start the app, which has it; in the app, give it to `Migrator::rust_migration`",
        )),
    }
}

fn check_target(to: i64, migrations: &[Migration], history: &[Applied]) -> Result<(), Error> {
    if !migrations.iter().any(|migration| migration.version == to) {
        return Err(Error::new(
            ErrorKind::NotFound,
            format!("there is no migration with version {to}"),
        )
        .with_help("`heirloom show` lists the versions"));
    }
    match newest(history) {
        Some(now) if now > to => Err(Error::new(
            ErrorKind::Usage,
            format!("the database is at version {now}, beyond {to}"),
        )
        .with_help(format!("to go back, use `heirloom revert --to {to}`"))),
        _ => Ok(()),
    }
}

fn out_of_order(migration: &Migration, newest: Option<i64>) -> Error {
    Error::new(
        ErrorKind::OutOfOrder,
        format!(
            "it was never applied, and the database is at version {} already",
            newest.unwrap_or_default()
        ),
    )
    .in_migration(&migration.label())
    .with_help(format!(
        "give {} a newer version, or the prefix U if it may run in any order",
        migration.up.file()
    ))
}

fn missing(row: &Applied, part: &Known<'_>, known: Option<i64>) -> Error {
    let label = part.label_of(row);
    let database = newest(part.history).unwrap_or(row.version);
    let whose = match part.component {
        Some(name) => format!("the component `{name}` of the database"),
        None => "the database".to_owned(),
    };
    if known.is_none_or(|known| database > known) {
        return Error::new(
            ErrorKind::DatabaseNewer,
            match known {
                Some(known) => format!(
                    "{whose} is at version {database}, and these migrations end at {known}"
                ),
                None => format!(
                    "{whose} is at version {database}, and there is no migration at all"
                ),
            },
        )
        .with_versions(database, known)
        .with_help("use the version of the app that migrated it, or a newer one; or restore the backup taken before that upgrade");
    }
    Error::new(
        ErrorKind::Missing,
        "it was applied to this database, and its file is not there",
    )
    .in_migration(&label)
    .with_help(format!("put {label}.sql back into the migrations"))
}

fn changed(
    options: &Options<'_>,
    connection: &Connection,
    migration: &Migration,
    row: &Applied,
) -> Result<Error, Error> {
    let table = options.history_table_of(migration.component.as_deref());
    let kept = history::as_applied(connection, table, row.version)?;
    let message = if migration.name == row.name {
        format!(
            "{} is not what was applied to this database",
            migration.up.file()
        )
    } else {
        format!(
            "version {} was applied to this database as `{}`",
            row.version, row.name
        )
    };
    Ok(Error::new(ErrorKind::Diverged, message)
        .in_migration(&migration.label())
        .at(Location::new(&migration.up, 0, false))
        .with_difference(kept.map(|kept| Difference {
            applied: kept.up,
            file: migration.up.text().to_owned(),
        }))
        .with_help(
            "put the file back as it was and write the change as a new migration; while developing, `heirloom revert` takes it back as it was applied",
        ))
}

/// An error naming everything that would be destroyed without consent.
fn refusal(options: &Options<'_>, tasks: &[Task], losses: &[Vec<Loss>]) -> Option<Error> {
    if options.allow_destructive {
        return None;
    }
    let refused: Vec<(&Task, &Vec<Loss>)> = tasks
        .iter()
        .zip(losses)
        .filter(|(task, losses)| !task.consents && !losses.is_empty())
        .collect();
    let (task, _) = refused.first()?;
    let all: Vec<Loss> = refused
        .iter()
        .flat_map(|(_, losses)| (*losses).clone())
        .collect();
    let listed: Vec<String> = all.iter().map(ToString::to_string).collect();
    Some(
        Error::new(
            ErrorKind::Destructive,
            format!("it would destroy {}", listed.join("; ")),
        )
        .in_migration(&task.label())
        .at(Location::new(&task.script, 0, false))
        .with_losses(all)
        .with_help("if that is meant, put `-- heirloom: allow-destructive` at the top of the file, or run with --allow-destructive"),
    )
}

/// What tasks would do to a database that is looked at.
pub(crate) fn plan_tasks(
    options: &Options<'_>,
    database: PathBuf,
    connection: &Connection,
    tasks: &[Task],
) -> Result<Plan, Error> {
    let foreseen = foresee::foresee(connection, options, tasks)?;
    Ok(Plan {
        database,
        direction: Direction::Up,
        version: newest(&history::read(connection, &options.history_table)?),
        interrupted: None,
        refused: refusal(options, tasks, &foreseen.losses),
        steps: foreseen.into_steps(connection, tasks)?,
    })
}

/// What a run would do. Writes nothing, creates nothing.
pub(crate) fn plan(options: &Options<'_>, path: &Path, to: Option<i64>) -> Result<Plan, Error> {
    plan_of(options, &look(options, path)?, to)
}

/// The same for a database that is open to be looked at.
pub(crate) fn plan_of(options: &Options<'_>, look: &Look, to: Option<i64>) -> Result<Plan, Error> {
    let view = &look.view;
    let tasks = pending(options, &view.connection, &look.known(options), to)?;
    let database = look.target.path.clone();
    Ok(Plan {
        interrupted: look.interrupted.clone(),
        ..plan_tasks(options, database, &view.connection, &tasks)?
    })
}
