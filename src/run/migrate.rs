//! `run`: from any older state to the newest, or nothing to do.

use std::fs::Metadata;
use std::path::{Path, PathBuf};
use std::time::Instant;

use rusqlite::Connection;

use crate::backup::copy::Intent;
use crate::migration::compare::{self, Applied, HistoryComparison, Known, MigrationState};
use crate::migration::history::other_tools;
use crate::migration::history::table::{self, AsApplied};
use crate::migration::set::Migration;
use crate::migration::squashed::SquashedFrom;
use crate::migration::step::MigrationStep;
use crate::migration::{label, table_owners};
use crate::options::settings::{Migrating, Options};
use crate::report::error::{Difference, Error, ErrorKind};
use crate::report::loss::{Direction, Loss};
use crate::report::outcome::Report;
use crate::report::plan::Plan;
use crate::run::engine::apply::{self, Work};
use crate::run::engine::dry_run::{self, DryRunResult};
use crate::run::engine::recognise::{self, Found};
use crate::run::engine::session::{self, Session, Stage};
use crate::run::look::{Look, histories, look};
use crate::sqlite::disk::files;
use crate::sqlite::open;
use crate::sqlite::sql::script::Script;

/// Brings a database to the newest version, or up to `to`.
pub(crate) fn run(
    options: &Options<'_>,
    path: &Path,
    to: Option<i64>,
) -> Result<(Connection, Report), Error> {
    run_over(options, path, to).map_err(|error| session::point_to_copies(options, path, error))
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
        let database = connection
            .path()
            .map_or_else(|| path.to_owned(), PathBuf::from);
        return Ok((connection, nothing_to_do(database, version, started)));
    }
    let target = open::resolve(path)?;
    options.check_cancelled()?;
    let mut session = Session::begin(options, target, Stage::Live, started)?;
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
        return Err(Error::new(
            ErrorKind::NotFound,
            format!(
                "there is no database at {}, and migrating is switched off",
                target.path.display()
            ),
        )
        .with_help("check the path, or open it with migrating switched on, which makes it"));
    }
    let connection = open::writer(&target.path)?;
    options.set_up(&connection)?;
    let report = Report {
        switched_off: true,
        ..nothing_to_do(target.path, None, started)
    };
    Ok((connection, report))
}

/// A table that is there already, in a database that another tool kept, is no wrong statement.
fn kept_by_another_tool(options: &Options<'_>, connection: &Connection, error: Error) -> Error {
    let is_new = || table::read(connection, &options.history_table).is_ok_and(|h| h.is_empty());
    if error.kind() != ErrorKind::MigrationFailed || options.adopt.is_some() || !is_new() {
        return error;
    }
    let there_already = error.to_string().contains(" already exists");
    match other_tools::recognise(connection, None) {
        Ok(Some(foreign)) => error.with_help(format!(
            "{} kept this database: take its history over with `heirloom adopt`, or `Migrator::adopt_from` at the start of the app",
            foreign.tool
        )),
        Ok(None) if there_already => error.with_help(
            "the database has tables and no history: say at which version it is with `heirloom baseline VERSION`",
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
    // Absolute, because SQLite takes a relative path that begins with `file:` for a URI.
    let path = match std::path::absolute(path) {
        Ok(path) if path.metadata().is_ok_and(is_database) => path,
        _ => return Ok(None),
    };
    let look = || {
        let connection = open::writer(&path)?;
        open::patience(&connection, options.lock_timeout)?;
        let interrupted = files::is_there(&Intent::path_for(&path))?;
        if interrupted || table::read_marker(&connection)?.is_some() {
            return Ok(None);
        }
        let is_complete = |(_, table): (Option<&str>, &str), migrations: &Vec<Migration>| {
            table::is_complete(&connection, table, migrations).unwrap_or(false)
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
        open::refuse_read_only(&connection, &path)?;
        Ok(None)
    };
    match look() {
        // Whoever holds it may be busy for longer than SQLite waits on its own.
        Err(error) if Error::is_busy(&error) => Ok(None),
        Ok(Some((connection, version))) => {
            open::patience(&connection, open::USUAL_PATIENCE)?;
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
        switched_off: false,
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
    report.notes.extend(lost_sight_of(session)?);
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

/// Copies of a database that is not there: somebody may look for what was in it. It is no reason
/// to keep the app from starting, whose user may have removed it.
fn lost_sight_of(session: &Session<'_, '_>) -> Result<Option<String>, Error> {
    if session.stage == Stage::Rehearsal || !session.is_new()? {
        return Ok(None);
    }
    let path = &session.target.path;
    let kept = session::copies_kept(session.options, path);
    Ok(kept.map(|kept| {
        let note = format!("{} was empty or not there, and {kept}", path.display());
        log::warn!("{note}");
        note
    }))
}

/// Foresees what tasks do, and refuses what they would destroy without consent.
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
        version_before: report.version_before,
    };
    // A new database has nothing to lose, and one transaction is trial enough: what
    // fails in it leaves no trace.
    let unprotected = tasks.iter().any(|task| task.no_transaction);
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

/// What is to be applied, in order: of the components, and of the own history, which alone
/// `to` speaks of.
pub(crate) fn pending(
    options: &Options<'_>,
    connection: &Connection,
    known: &[Known<'_>],
    to: Option<i64>,
) -> Result<Vec<MigrationStep>, Error> {
    let Some((own, components)) = known.split_last() else {
        return Ok(Vec::new());
    };
    let mut tasks = Vec::new();
    for component in components.iter().filter(|_| to.is_none()) {
        tasks.extend(pending_of(options, connection, component, None)?);
    }
    tasks.extend(pending_of(options, connection, own, to)?);
    if tasks.is_empty() {
        return Ok(tasks);
    }
    let others = options.other_lists();
    if !(components.is_empty() && others.is_empty()) {
        // What a squashed migration stands for made the same tables.
        let lists = known
            .iter()
            .map(|known| known.migrations)
            .chain(others.iter().map(Vec::as_slice));
        let lists: Vec<_> = lists.map(compare::afresh).collect();
        table_owners::refuse_twins(&lists)?;
        table_owners::refuse_histories(&lists, options.component_histories())?;
    }
    for fresh in known.iter().filter(|part| part.history.is_empty()) {
        let table = options.history_table_of(fresh.component);
        table::refuse_anothers_table(connection, table)?;
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
) -> Result<Vec<MigrationStep>, Error> {
    let (migrations, history) = (part.migrations, part.history);
    let is_own = part.component == options.component.as_deref();
    let mut taken_over = Vec::new();
    if let Some(from) = options.adopt.filter(|_| is_own && history.is_empty())
        && recognise::is_untouched(options, connection)
        && let Found::UpTo(version) = recognise::found(options, connection, migrations, from)?
    {
        taken_over = recognise::rows_up_to(migrations, history, version)?;
    }
    let known = migrations.last().map(|migration| migration.version);
    let compared = compare::compare(migrations, history);
    if let Some(to) = to {
        check_target(to, &compared, history)?;
    }
    if let Some((_, refused)) = compare::changed_originals(migrations).into_iter().next() {
        return Err(refused);
    }
    let mut wanted = Vec::new();
    let mut late = None;
    for HistoryComparison {
        state,
        migration,
        applied,
        replaced,
    } in compared
    {
        match (state, migration, applied) {
            (MigrationState::Pending, Some(migration), _)
                if taken_over
                    .iter()
                    .any(|task| task.version == migration.version) => {}
            (MigrationState::Pending, Some(migration), _)
                if to.is_none_or(|to| migration.version <= to) =>
            {
                wanted.push(migration);
            }
            (MigrationState::Missing | MigrationState::Changed, None, _) if replaced.is_some() => {
                return Err(not_as_squashed(part, replaced, applied));
            }
            (MigrationState::OutOfOrder, Some(migration), _) => {
                late = late.or(Some(out_of_order(migration, newest(history))));
            }
            (MigrationState::Changed, Some(migration), Some(row)) => {
                let before = history.iter().rfind(|one| one.version < row.version);
                return Err(changed(options, connection, migration, row, before)?);
            }
            (MigrationState::Missing, _, Some(row)) => {
                return Err(missing(row, part, known));
            }
            _ => {}
        }
    }
    match late {
        Some(error) => Err(error),
        None => {
            for migration in wanted {
                taken_over.push(task(options, migration)?);
            }
            Ok(taken_over)
        }
    }
}

/// The way there. What is written in Rust needs a program that has it.
fn task(options: &Options<'_>, migration: &Migration) -> Result<MigrationStep, Error> {
    if !migration.in_rust {
        return MigrationStep::up(migration);
    }
    match options.code(migration.component.as_deref(), &migration.up, Direction::Up) {
        Some(code) => {
            let consents = code.consents();
            let task = MigrationStep::up(migration)?;
            Ok(MigrationStep { consents, ..task })
        }
        None => Err(Error::new(
            ErrorKind::InvalidMigration,
            "it is written in Rust, and this program does not have its function",
        )
        .in_migration(&migration.label())
        .at(migration.up.location(0, false))
        .with_help(
            "start the app, which has it; in the app, give it to `Migrator::rust_migration`",
        )),
    }
}

pub(crate) fn check_target(
    to: i64,
    compared: &[HistoryComparison<'_>],
    history: &[Applied],
) -> Result<(), Error> {
    let is_a_file =
        |one: &HistoryComparison<'_>| one.migration.is_some_and(|file| file.version == to);
    // Of a database from before a squash, more are known than there are lines.
    if !(compared.iter().any(is_a_file) || history.iter().any(|row| row.version == to)) {
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

/// A database that has a part of what a squashed migration replaces, and no file for the rest; or
/// that has it in other words.
fn not_as_squashed(
    part: &Known<'_>,
    replaced: Option<&SquashedFrom>,
    applied: Option<&Applied>,
) -> Error {
    let squashed = compare::afresh(part.migrations).first();
    let squashed = squashed.map(Migration::label).unwrap_or_default();
    let original =
        replaced.map(|replaced| label::label_in(part.component, replaced.version, &replaced.name));
    let original = original.unwrap_or_default();
    match applied {
        None => {
            let needed = compare::lacking(part.migrations, part.history);
            let needed: Vec<String> = needed.into_iter().map(SquashedFrom::label).collect();
            let newest = newest(part.history).unwrap_or_default();
            Error::new(
                ErrorKind::Missing,
                format!(
                    "the database is at version {newest}, in the middle of what {squashed} stands for: {} must be run first, and there is no file",
                    needed.join(", ")
                ),
            )
            .in_migration(&original)
            .with_help(format!(
                "open the database once with a version of the app that still has {}, then with this one; or put the files back into the migrations",
                needed.join(", ")
            ))
        }
        Some(row) => Error::new(
            ErrorKind::Diverged,
            format!(
                "{} was applied to this database, and is not the {original} that {squashed} stands for",
                part.label_of(row)
            ),
        )
        .in_migration(&original)
        .with_help("open it with the version of the app that migrated it; or put the file as it was applied back, in the place of the squashed one"),
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

/// Whether a database has, in the place of a migration, one that was squashed from it by a newer
/// version of the app.
pub(crate) fn squashed_elsewhere(migration: &Migration, row: &Applied, kept: &AsApplied) -> bool {
    let replaced = Script::new("", kept.up.clone()).replaces();
    let mut replaced = replaced.iter();
    row.name != migration.name
        && replaced.any(|replaced| replaced.is(migration.version, &migration.name))
}

fn changed(
    options: &Options<'_>,
    connection: &Connection,
    migration: &Migration,
    row: &Applied,
    before: Option<&Applied>,
) -> Result<Error, Error> {
    let table = options.history_table_of(migration.component.as_deref());
    let kept = table::as_applied(connection, table, row.version)?;
    if let Some(kept) = &kept
        && squashed_elsewhere(migration, row, kept)
    {
        let label = label::label(row.version, &row.name);
        return Ok(Error::new(
            ErrorKind::DatabaseNewer,
            format!(
                "the database was made by a newer version of the app, in which {label} stands for {} and those before it",
                migration.label()
            ),
        )
        .in_migration(&label)
        .with_versions(row.version, Some(migration.version))
        .with_help("use the version of the app that made it, or a newer one"));
    }
    let before = before.map_or(0, |row| row.version);
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
        .at(migration.up.location(0, false))
        .with_difference(kept.map(|kept| Difference {
            applied: kept.up,
            file: migration.up.text().to_owned(),
        }))
        .with_help(format!(
            "put the file back as it was and write the change as a new migration; while developing, `heirloom revert --to {before}` takes it back as it was applied",
        )))
}

/// An error naming everything that would be destroyed without consent.
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
        .with_help("if that is meant, put `-- heirloom: allow-destructive` at the top of the file, or run with --allow-destructive"),
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
    Ok(Plan {
        database,
        direction: Direction::Up,
        version: newest(&table::read(connection, &options.history_table)?),
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
