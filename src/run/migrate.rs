//! `run`: from any older state to the newest, or nothing to do.

use std::fs::Metadata;
use std::path::{Path, PathBuf};
use std::time::Instant;

use rusqlite::Connection;

use crate::backup::intent::Intent;
use crate::backup::of_database;
use crate::migration::compare::newest;
use crate::migration::history::{marker, other_tools, table};
use crate::migration::set::Migration;
use crate::migration::step::{MigrationStep, StepKind};
use crate::options::settings::{Migrating, Options};
use crate::report::act::Act;
use crate::report::error::{Error, ErrorKind};
use crate::report::loss::{Direction, Loss};
use crate::report::outcome::Report;
use crate::report::plan::Plan;
use crate::report::remedy::Remedy;
use crate::run::engine::apply::{self, Work};
use crate::run::engine::drift;
use crate::run::engine::dry_run::{self, DryRunResult, Forecast};
use crate::run::engine::misplaced;
use crate::run::engine::session::{Session, Stage};
use crate::run::in_the_way;
use crate::run::look::{Look, histories, look};
use crate::run::pending::pending;
use crate::sqlite::disk::{files, space};
use crate::sqlite::open;
use crate::sqlite::schema::catalog;

/// Brings a database to the newest version, or up to `to`.
pub(crate) fn run(
    options: &Options<'_>,
    path: &Path,
    to: Option<i64>,
) -> Result<(Connection, Report), Error> {
    run_over(options, path, to).map_err(|error| of_database::point_to_copies(options, path, error))
}

fn run_over(
    options: &Options<'_>,
    path: &Path,
    to: Option<i64>,
) -> Result<(Connection, Report), Error> {
    let started = Instant::now();
    if options.migrating == Migrating::Off {
        return open_as_it_is(options, path, started);
    }
    options.check_history_table()?;
    let lists = options.lists()?;
    if let Some((connection, version)) = up_to_date(options, &lists, path, to)? {
        // As SQLite opened it: absolute, with symbolic links resolved.
        let database = open::path_of(&connection).unwrap_or_else(|| path.to_owned());
        return Ok((
            connection,
            Report::new(Act::Run, database, version, started),
        ));
    }
    let target = open::resolve(path)?;
    options.check_cancelled()?;
    let another = |session: &Session<'_, '_>| {
        misplaced::refuse(options, &session.target.path, &session.connection)
    };
    let mut session = Session::begin_over(options, target, Stage::Live, started, another)?;
    let outcome = migrate(&mut session, &lists, to)
        .map_err(|error| kept_by_another_tool(options, &session.connection, error));
    session.conclude(outcome)
}

/// Opens a database that is there, and looks at nothing in it.
fn open_as_it_is(
    options: &Options<'_>,
    path: &Path,
    started: Instant,
) -> Result<(Connection, Report), Error> {
    let target = open::resolve(path)?;
    target.refuse_too_short()?;
    if target.metadata.is_none() {
        return Err(Error::not_found(
            format!(
                "there is no database at {}, and migrating is switched off",
                target.path.display()
            ),
            "check the path, or open it with migrating switched on, which makes it",
        ));
    }
    of_database::refuse_orphan(options, &target.path)?;
    let connection = open::writer(&target.path)?;
    options.set_up(&connection)?;
    let report = Report {
        switched_off: true,
        ..Report::new(Act::Run, target.path, None, started)
    };
    Ok((connection, report))
}

/// A table that is there already, in a database that another tool kept, is not a wrong statement.
fn kept_by_another_tool(options: &Options<'_>, connection: &Connection, error: Error) -> Error {
    let is_new = || table::read(connection, &options.history_table).is_ok_and(|h| h.is_empty());
    if error.kind() != ErrorKind::MigrationFailed || options.adopt.is_some() || !is_new() {
        return error;
    }
    let there_already = error.to_string().contains(" already exists");
    match other_tools::recognise(connection, None) {
        Ok(Some(foreign)) => error.with_other_help(
            format!(
                "{} kept this database: import its history, with `Migrator::adopt_from` at the start of the app",
                foreign.tool
            ),
            vec![Remedy::Adopt {
                tool: foreign.tool.to_string(),
            }],
        ),
        Ok(None) if there_already => error.with_other_help(
            "the database has tables and no history: record the version that it is at",
            vec![Remedy::Baseline],
        ),
        _ => error,
    }
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
    let is_database = |file: Metadata| file.is_file() && file.len() >= open::SHORTEST;
    // On Windows SQLite follows a link, and keeps its journal beside the link.
    let is_itself = |path: &Path| cfg!(unix) || !path.is_symlink();
    // Absolute, because SQLite takes a relative path that begins with `file:` for a URI.
    let path = match std::path::absolute(path) {
        Ok(path) if path.metadata().is_ok_and(is_database) && is_itself(&path) => path,
        _ => return Ok(None),
    };
    let look = || {
        // SQLite would roll it back into whatever is there before anything can be refused.
        let journal = files::length(&files::companion(&path, "-journal"))? > 0;
        if journal && open::beside_no_database(&path)?.is_some() {
            return Ok(None);
        }
        let connection = open::writer_that_looks(&path, options.lock_timeout)?;
        if files::is_there(&Intent::path_for(&path))? {
            return Ok(None);
        }
        let found = open::in_one_read(&connection, &path, || {
            nothing_pending(options, lists, &connection, &path, to)
        })?;
        match found {
            Some(version) => Ok(Some((connection, version))),
            None => Ok(None),
        }
    };
    match look() {
        // Whoever holds it may be busy for longer than SQLite waits on its own.
        Err(error) if Error::is_busy(&error) => Ok(None),
        Ok(Some((connection, version))) => {
            open::patience(&connection, open::USUAL_PATIENCE)?;
            open::checkpoint_on_close(&connection, true)?;
            options.set_up(&connection)?;
            Ok(Some((connection, version)))
        }
        other => other,
    }
}

/// The version of a database in which there is nothing to do; none where there may be something.
fn nothing_pending(
    options: &Options<'_>,
    lists: &[Vec<Migration>],
    connection: &Connection,
    path: &Path,
    to: Option<i64>,
) -> Result<Option<Option<i64>>, Error> {
    if marker::read_marker(connection)?.is_some() {
        return Ok(None);
    }
    let is_complete = |(_, table): (Option<&str>, &str), migrations: &Vec<Migration>| {
        table::is_complete(connection, table, migrations).unwrap_or(false)
    };
    let mut tables = options.histories().zip(lists);
    if to.is_none() && tables.all(|(table, list)| is_complete(table, list)) {
        let own = lists.last().and_then(|migrations| migrations.last());
        return Ok(Some(own.map(|migration| migration.version)));
    }
    let histories = histories(options, connection)?;
    let known = options.known(lists, &histories);
    match pending(options, connection, &known, to)?.is_empty() {
        true => Ok(Some(histories.last().and_then(|own| newest(own)))),
        false => open::refuse_read_only(connection, path).map(|()| None),
    }
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
        ..Report::new(
            Act::Run,
            session.target.path.clone(),
            version_before,
            session.started,
        )
    };
    report.notes.append(&mut session.notes);
    if let Some((note, remedy)) = lost_sight_of(session)? {
        report.notes.push(note);
        report.remedies.push(remedy);
    }
    if tasks.is_empty() {
        report.duration = session.started.elapsed();
        return Ok(report);
    }
    let explained = |session: &Session<'_, '_>, error| {
        in_the_way::explained(options, &session.connection, &known, &tasks, error)
    };
    let mut work =
        decide(session, &tasks, &mut report).map_err(|error| explained(session, error))?;
    if work.foresight.is_some() {
        work.expected = drift::replay_of(options, &known, &tasks)?;
    }
    let first_pending = |after: Option<i64>| {
        let own = own.into_iter().flat_map(|own| own.migrations);
        let rest = own.map(|migration| migration.version);
        rest.filter(|version| after.is_none_or(|after| *version > after))
            .min()
    };
    let carried_out = apply::carry_out(session, &work, &mut report);
    let carried_out = carried_out.map_err(|error| explained(session, error));
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

/// Backups of a database that does not exist: somebody may look for what was in it. It is not a reason
/// to keep the app from starting, whose user may have removed it.
fn lost_sight_of(session: &Session<'_, '_>) -> Result<Option<(String, Remedy)>, Error> {
    if session.stage == Stage::Rehearsal || !session.is_new()? {
        return Ok(None);
    }
    let path = &session.target.path;
    let kept = of_database::copies_kept(session.options, path);
    Ok(kept.map(|(kept, remedy)| {
        let note = format!("{} was empty or not there, and {kept}", path.display());
        log::warn!("{note}");
        (note, remedy)
    }))
}

/// Forecasts what tasks do, and refuses what they would destroy without permission.
fn decide<'w>(
    session: &Session<'w, '_>,
    tasks: &'w [MigrationStep],
    report: &mut Report,
) -> Result<Work<'w>, Error> {
    let options = session.options;
    let work = Work {
        direction: Direction::Up,
        tasks,
        lineage: Default::default(),
        outlooks: Vec::new(),
        foresight: None,
        destroyed: Vec::new(),
        expected: None,
        version_before: report.version_before,
    };
    report.notes.extend(
        tasks
            .iter()
            .filter(|task| task.kind == StepKind::Sql && task.script.is_empty())
            .map(|task| format!("{} has no statement, and did nothing", task.label())),
    );
    // A new database has nothing to lose, and one transaction is trial enough: what
    // fails in it leaves no trace.
    let unprotected = tasks.iter().any(MigrationStep::is_apart);
    if !unprotected && session.is_new()? {
        return Ok(work);
    }
    let DryRunResult {
        foresight,
        lineage,
        outlooks,
        losses,
    } = dry_run::foresee(&session.connection, options, tasks)?;
    if let Some(refused) = refusal(options, tasks, &losses) {
        return Err(refused);
    }
    refuse_without_room(session, &outlooks)?;
    for (outlook, losses) in outlooks.iter().zip(&losses) {
        report.notes.extend(losses.iter().map(Loss::to_note));
        report.notes.extend(outlook.notes.clone());
    }
    Ok(Work {
        lineage,
        outlooks,
        destroyed: losses.iter().flatten().map(ToString::to_string).collect(),
        foresight: Some(foresight),
        ..work
    })
}

/// Refuses a run for whose rebuilds there will be no room beside the backup, before either begins.
fn refuse_without_room(session: &Session<'_, '_>, outlooks: &[Forecast]) -> Result<(), Error> {
    let (connection, database) = (&session.connection, &session.target.path);
    let folder = database.parent().unwrap_or(database);
    let rebuilds = outlooks.iter().any(|it| it.rebuilt().next().is_some());
    if session.stage == Stage::Rehearsal || !rebuilds {
        return Ok(());
    }
    let backup = match space::is_one_disk(folder, &session.options.backups_of(database)) {
        true => of_database::room_of_backup(session.options, database, connection)?,
        false => 0,
    };
    // No table is larger than all of them, and to measure one is to read it.
    let bytes = catalog::bytes(connection)?;
    if space::free_space(folder).is_none_or(|free| free >= backup + bytes) {
        return Ok(());
    }
    // The least that it takes: what one migration leaves free the next one takes, and a table that
    // loses a column may be smaller.
    let whole = outlooks
        .iter()
        .filter(|it| it.effects.candidates.is_empty());
    let grown = whole.map(|outlook| {
        let tables = outlook.rebuilt();
        let measured = tables.filter_map(|(table, _)| catalog::table_bytes(connection, table));
        measured.sum::<u64>()
    });
    let free_pages = catalog::number(connection, "PRAGMA freelist_count")?.unsigned_abs();
    let page = catalog::number(connection, "PRAGMA page_size")?.unsigned_abs();
    let grown = grown.max().unwrap_or(0).saturating_sub(free_pages * page);
    let help = "free some space, or choose a folder for backups on another disk";
    space::check_room(folder, "the run with its backup", backup + grown, help)
}

/// Carries out what no file of a history does, with the protection of a run.
pub(crate) fn carry_out(
    session: &mut Session<'_, '_>,
    tasks: &[MigrationStep],
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

/// An error naming everything that would be destroyed without permission.
fn refusal(options: &Options<'_>, tasks: &[MigrationStep], losses: &[Vec<Loss>]) -> Option<Error> {
    if options.allow_destructive {
        return None;
    }
    let refused: Vec<(&MigrationStep, &Vec<Loss>)> = tasks
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
        .at(task.script.location(0, false))
        .with_losses(all)
        .with_help("to allow that, put `-- heirloom: allow-destructive` at the top of the file")
        .with_remedy(Remedy::AllowDestructive {
            file: Some(task.script.file().to_owned()),
        }),
    )
}

/// What tasks would do to a database that is looked at.
pub(crate) fn plan_tasks(
    options: &Options<'_>,
    database: PathBuf,
    connection: &Connection,
    tasks: &[MigrationStep],
) -> Result<Plan, Error> {
    let foreseen = dry_run::foresee(connection, options, tasks)?;
    let backup = of_database::room_of_backup(options, &database, connection)?;
    Ok(Plan {
        database,
        direction: Direction::Up,
        version: newest(&table::read(connection, &options.history_table)?),
        interrupted: None,
        refused: refusal(options, tasks, &foreseen.losses),
        steps: foreseen.into_steps(connection, backup, tasks)?,
    })
}

/// What a run would do. Writes nothing, creates nothing.
pub(crate) fn plan(options: &Options<'_>, path: &Path, to: Option<i64>) -> Result<Plan, Error> {
    let look = look(options, path)?;
    refuse_as_a_run_does(options, &look)?;
    plan_of(options, &look, to)
}

/// What a run refuses before it looks at the migrations.
pub(crate) fn refuse_as_a_run_does(options: &Options<'_>, look: &Look) -> Result<(), Error> {
    if look.interrupted.is_none() {
        let path = &look.target.path;
        of_database::refuse_orphan(options, path)?;
        misplaced::refuse(options, path, &look.view.connection)?;
    }
    Ok(())
}

/// The same for a database that is open to be looked at.
pub(crate) fn plan_of(options: &Options<'_>, look: &Look, to: Option<i64>) -> Result<Plan, Error> {
    let view = &look.view;
    let known = look.known(options);
    let tasks = pending(options, &view.connection, &known, to)?;
    let database = look.target.path.clone();
    let plan = plan_tasks(options, database, &view.connection, &tasks)
        .map_err(|error| in_the_way::explained(options, &view.connection, &known, &tasks, error))?;
    Ok(Plan {
        interrupted: look.interrupted.clone(),
        ..plan
    })
}
