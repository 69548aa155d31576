//! `revert`: the newest migrations taken back, with the protection of a run.

use std::path::Path;
use std::time::Instant;

use rusqlite::Connection;

use crate::backup::intent::Intent;
use crate::backup::of_database;
use crate::migration::compare::{self, Applied, newest};
use crate::migration::history::{details, marker, table};
use crate::migration::label::{label, label_in};
use crate::migration::set::Migration;
use crate::migration::squashed::SquashedFrom;
use crate::migration::step::MigrationStep;
use crate::options::settings::Options;
use crate::report::act::Act;
use crate::report::error::{Error, ErrorKind};
use crate::report::loss::{Direction, Loss};
use crate::report::outcome::Report;
use crate::report::plan::Plan;
use crate::report::remedy::Remedy;
use crate::run::engine::apply::{self, Work};
use crate::run::engine::dry_run::{self, DryRun, DryRunResult};
use crate::run::engine::session::{Session, Stage};
use crate::run::look::look;
use crate::sqlite::schema::catalog;
use crate::sqlite::schema::difference::differences;
use crate::sqlite::schema::objects::Schema;
use crate::sqlite::sql::name::same_name;
use crate::sqlite::sql::script::Script;
use crate::sqlite::{execute, open};

/// How far back.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[cfg_attr(feature = "serde", derive(serde::Deserialize))]
#[cfg_attr(feature = "serde", serde(rename_all = "snake_case"))]
#[non_exhaustive]
pub enum RevertTo {
    /// This many migrations, the newest first.
    Steps(usize),
    /// Until this version is the newest applied one; 0 takes everything back.
    Version(i64),
}

/// Takes migrations back.
pub(crate) fn revert(options: &Options<'_>, path: &Path, to: RevertTo) -> Result<Report, Error> {
    let started = Instant::now();
    options.check_history_table()?;
    let migrations = options.migrations()?;
    let target = open::resolve(path)?;
    let interrupted = Intent::path_for(&target.path).exists();
    if target.metadata.is_none() && !interrupted {
        return Err(open::no_database(&target.path));
    }
    // What can be refused is refused before a lock file is made. What an interrupted restore
    // left is not yet what there is to revert.
    let looked = || {
        if interrupted {
            return Ok(());
        }
        target.refuse_too_short()?;
        of_database::refuse_orphan(options, &target.path)?;
        let connection = open::writer_that_looks(&target.path, options.lock_timeout)?;
        if marker::read_marker(&connection)?.is_some() {
            return Ok(());
        }
        let history = table::read(&connection, &options.history_table)?;
        open::checkpoint_on_close(&connection, true)?;
        match tasks(options, &connection, &migrations, &history, to)?.is_empty() {
            true => Ok(()),
            false => open::refuse_read_only(&connection, &target.path),
        }
    };
    match looked() {
        Err(error) if !error.is_busy() => return Err(error),
        _ => {}
    }
    let mut session = Session::begin(options, target, Stage::Live, started)?;
    let outcome = take_back(&mut session, &migrations, to);
    session.conclude(outcome).map(|(_, report)| report)
}

pub(crate) fn take_back(
    session: &mut Session<'_, '_>,
    migrations: &[Migration],
    to: RevertTo,
) -> Result<Report, Error> {
    let options = session.options;
    let history = table::read(&session.connection, &options.history_table)?;
    let tasks = tasks(options, &session.connection, migrations, &history, to)?;
    let version_before = newest(&history);
    let left = &history[..history.len() - tasks.len()];
    let mut report = Report {
        version: newest(left),
        recovered: session.recovered.take(),
        ..Report::new(
            Act::Revert,
            session.target.path.clone(),
            version_before,
            session.started,
        )
    };
    if tasks.is_empty() {
        return Ok(report);
    }
    let DryRunResult {
        foresight,
        lineage,
        outlooks,
        losses,
    } = dry_run::foresee(&session.connection, options, &tasks)?;
    for (outlook, losses) in outlooks.iter().zip(&losses) {
        report.notes.extend(losses.iter().map(Loss::to_note));
        report.notes.extend(outlook.notes.clone());
    }
    let expected = expected_schema(session, migrations, &history, left.len());
    let work = Work {
        direction: Direction::Down,
        tasks: &tasks,
        lineage,
        outlooks,
        foresight: Some(foresight),
        destroyed: losses.iter().flatten().map(ToString::to_string).collect(),
        expected: None,
        version_before,
    };
    apply::carry_out(session, &work, &mut report)?;
    let compared = expected.and_then(|expected| {
        let actual = catalog::schema(&session.connection, &options.own_tables());
        let actual = actual.map_err(|error| error.to_string())?;
        Ok(differences(&expected, &actual))
    });
    // What cannot be compared any more is not a reason to fail: the work is committed.
    match compared {
        Ok(differences) => report.notes.extend(
            differences
                .into_iter()
                .map(|difference| format!("not as before the migration: {difference}")),
        ),
        Err(reason) => report.notes.push(format!(
            "the schema was not compared with the one before the migration: {reason}"
        )),
    }
    let first_pending = report.reverted.last().map(|done| done.version);
    report
        .notes
        .extend(session.thin_out(first_pending, report.backup.as_deref()));
    report.duration = session.started.elapsed();
    Ok(report)
}

/// What is to be taken back, the newest first, each with its down migration.
fn tasks(
    options: &Options<'_>,
    connection: &Connection,
    migrations: &[Migration],
    history: &[Applied],
    to: RevertTo,
) -> Result<Vec<MigrationStep>, Error> {
    let rows = rows_to_revert(history, to)?;
    refuse_dead_end(migrations, &history[..history.len() - rows.len()], rows)?;
    rows.iter()
        .rev()
        .map(|row| {
            let file = compare::file_of(migrations, row);
            if let Some(migration) = file.filter(|file| file.in_rust && file.down.is_none())
                && let Some(code) = options.code(
                    migration.component.as_deref(),
                    &migration.up,
                    Direction::Down,
                )
            {
                return Ok(MigrationStep::in_rust(migration, code.consents()));
            }
            // A file that changed since says nothing of what was applied. The down migration
            // that was stored with it does.
            let script = match file {
                Some(migration) => migration.down.clone(),
                None => stored_down(options, connection, row)?,
            };
            let component = options.component.as_deref();
            let label = label_in(component, row.version, &row.name);
            // Of one that did nothing there is nothing to take back.
            let did_nothing = match file {
                Some(migration) => migration.up.is_empty() && !migration.in_rust,
                None => details::as_applied(connection, &options.history_table, row.version)?
                    .is_some_and(|kept| Script::new("", kept.up).is_empty()),
            };
            let script = match script {
                None if did_nothing => Some(Script::new(label.clone(), "")),
                script => script.filter(|script| did_nothing || !script.is_empty()),
            };
            let Some(script) = script else {
                return Err(no_way_back(options, connection, migrations, row)?.in_migration(&label));
            };
            let task = MigrationStep::down(row.version, &row.name, script)?;
            Ok(MigrationStep {
                component: options.component.clone(),
                ..task
            })
        })
        .collect()
}

/// Refuses to stop in the middle of what a squashed migration stands for where no file leads on
/// from there: the app could not open the database any more.
fn refuse_dead_end(
    migrations: &[Migration],
    left: &[Applied],
    rows: &[Applied],
) -> Result<(), Error> {
    let lacking = compare::lacking(migrations, left);
    let (Some(row), Some(squashed)) = (rows.first(), compare::afresh(migrations).first()) else {
        return Ok(());
    };
    if lacking.is_empty() {
        return Ok(());
    }
    let lacking: Vec<String> = lacking.into_iter().map(SquashedFrom::label).collect();
    let component = squashed.component.as_deref();
    Err(Error::new(
        ErrorKind::Missing,
        format!(
            "the database would be left in the middle of what {} stands for, and what leads on from there has no file: {}",
            squashed.label(),
            lacking.join(", ")
        ),
    )
    .in_migration(&label_in(component, row.version, &row.name))
    .with_help("put these files back into the migrations first, from version control; or go back to version 0, from which a run starts from empty, and which takes every row with it"))
}

fn no_way_back(
    options: &Options<'_>,
    connection: &Connection,
    migrations: &[Migration],
    row: &Applied,
) -> Result<Error, Error> {
    let refused =
        |message, help: String| Ok(Error::new(ErrorKind::Irreversible, message).with_help(help));
    let file = compare::file_of(migrations, row);
    if file.is_some_and(Migration::is_squashed) {
        return refused(
            "it stands for the migrations that it was squashed from, and has no down migration",
            "nothing came before it; restore a backup, or begin with a new database".into(),
        );
    }
    let back = format!("{}.down.sql", label(row.version, &row.name));
    let stored = stored_down(options, connection, row)?.filter(|script| !script.is_empty());
    let is_of_the_version = |migration: &&Migration| migration.version == row.version;
    match stored {
        // A down migration beside it would not be used: it is that of another file.
        None if file.is_none() && migrations.iter().any(|it| is_of_the_version(&it)) => {
            let sql = details::select_up(&options.history_table, row.version);
            refused(
                "it was applied without a down migration, and its file was changed since",
                format!("put {} back as it was applied, write {back} beside it, and revert then; or restore the backup from before it", label(row.version, &row.name) + ".sql"),
            )
            .map(|error| {
                error
                    .with_remedy(Remedy::Query { sql })
                    .with_remedy(Remedy::ListBackups { verify: false })
            })
        }
        // Whoever took the file away may have meant it, so it is not used unasked.
        Some(_) => refused(
            "there is no down migration beside the migration, only the one that was stored when it was applied",
            format!("write the stored one into {back} again, if it is right"),
        )
        .map(|error| {
            let sql = details::select_down(&options.history_table, row.version);
            error.with_remedy(Remedy::Query { sql })
        }),
        None => refused(
            "there is no down migration",
            format!("write {back} beside the migration, or restore the backup from before it"),
        )
        .map(|error| error.with_remedy(Remedy::ListBackups { verify: false })),
    }
}

fn rows_to_revert(history: &[Applied], to: RevertTo) -> Result<&[Applied], Error> {
    let from = match to {
        RevertTo::Steps(steps) => history.len().checked_sub(steps).filter(|_| steps > 0),
        RevertTo::Version(0) => Some(0),
        RevertTo::Version(version) => history
            .iter()
            .position(|row| row.version == version)
            .map(|index| index + 1),
    };
    match (from, to) {
        (Some(from), _) => Ok(&history[from..]),
        (None, RevertTo::Steps(0)) => Err(Error::usage(
            "steps must be at least 1",
            "take at least one step",
        )),
        // Nothing to take back is an ordinary state; more than there is, is a mistake.
        (None, RevertTo::Steps(1)) => Ok(&[]),
        (None, RevertTo::Steps(steps)) => Err(Error::not_found(
            format!("only {} of {steps} migrations are applied", history.len()),
            "take fewer steps, or go to version 0, which takes everything back",
        )),
        (None, RevertTo::Version(version)) => Err(Error::not_found(
            format!("version {version} is not applied to this database"),
            "give a version that is applied; 0 reverts everything",
        )
        .with_remedy(Remedy::ShowStatus)),
    }
}

fn stored_down(
    options: &Options<'_>,
    connection: &Connection,
    row: &Applied,
) -> Result<Option<Script>, Error> {
    let kept = details::as_applied(connection, &options.history_table, row.version)?;
    let label = label(row.version, &row.name);
    Ok(kept
        .and_then(|kept| kept.down)
        .map(|down| Script::stored(&label, down)))
}

/// The schema as it was before the migrations that are taken back: the present one, with
/// every object that those migrations touched as the migrations before them leave it. The
/// history is replayed on a database in memory for that. The error says why it cannot be.
fn expected_schema(
    session: &Session<'_, '_>,
    migrations: &[Migration],
    history: &[Applied],
    left: usize,
) -> Result<Schema, String> {
    let options = session.options;
    let words = |error: Error| error.to_string();
    let empty = Connection::open_in_memory()
        .map_err(|error| words(execute::failure("cannot open a database in memory", error)))?;
    let mut replay = DryRun::of(&empty, options).map_err(words)?;
    // The app may build on what its components made.
    for list in options.lists_of_components().map_err(words)? {
        for migration in compare::afresh(&list) {
            replay.file(&migration.up).map_err(words)?;
        }
    }
    let mut before = Schema::default();
    for (index, row) in history.iter().enumerate() {
        if index == left {
            before = replay.schema().clone();
        }
        let file = compare::file_of(migrations, row).map(|file| file.up.clone());
        let script = match file {
            Some(script) => Some(script),
            None => details::as_applied(&session.connection, &options.history_table, row.version)
                .map_err(words)?
                .map(|kept| Script::new(label(row.version, &row.name), kept.up)),
        };
        let script = script
            .ok_or_else(|| format!("the SQL of {} is not known", label(row.version, &row.name)))?;
        replay.file(&script).map_err(words)?;
    }
    let after = replay.schema();
    let now = catalog::schema(&session.connection, &options.own_tables()).map_err(words)?;
    Ok(overlay(&now, &before, after))
}

/// `now`, with each object that differs between `before` and `after` as in `before`.
fn overlay(now: &Schema, before: &Schema, after: &Schema) -> Schema {
    let mut expected = Schema::default();
    let table_untouched = |name: &str| before.table(name) == after.table(name);
    let kept = now
        .tables
        .iter()
        .filter(|table| table_untouched(&table.name));
    let put_back = before
        .tables
        .iter()
        .filter(|table| !table_untouched(&table.name));
    expected.tables = kept.chain(put_back).cloned().collect();
    let find = |schema: &Schema, object: &crate::sqlite::schema::objects::Object| {
        let same = |other: &&crate::sqlite::schema::objects::Object| {
            other.kind == object.kind && same_name(&other.name, &object.name)
        };
        schema.others.iter().find(same).cloned()
    };
    let untouched = |object: &crate::sqlite::schema::objects::Object| {
        find(before, object) == find(after, object)
    };
    let kept = now.others.iter().filter(|object| untouched(object));
    let put_back = before.others.iter().filter(|object| !untouched(object));
    expected.others = kept.chain(put_back).cloned().collect();
    expected
}

/// What a revert would do. Writes nothing, creates nothing.
pub(crate) fn plan(options: &Options<'_>, path: &Path, to: RevertTo) -> Result<Plan, Error> {
    let look = look(options, path)?;
    if look.target.metadata.is_none() {
        return Err(open::no_database(&look.target.path));
    }
    let connection = &look.view.connection;
    let tasks = tasks(options, connection, look.migrations(), look.history(), to)?;
    let foreseen = dry_run::foresee(connection, options, &tasks)?;
    let backup = of_database::room_of_backup(options, &look.target.path, connection)?;
    Ok(Plan {
        direction: Direction::Down,
        version: newest(look.history()),
        refused: None,
        steps: foreseen.into_steps(connection, backup, &tasks)?,
        database: look.target.path,
        interrupted: look.interrupted,
    })
}
