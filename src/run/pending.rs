//! What is pending, and what refuses it.

use std::path::Path;

use rusqlite::Connection;

use crate::migration::compare::{self, Applied, HistoryComparison, Known, MigrationState, newest};
use crate::migration::history::details::{self, AsApplied};
use crate::migration::history::table;
use crate::migration::set::Migration;
use crate::migration::squashed::SquashedFrom;
use crate::migration::step::{self, MigrationStep};
use crate::migration::{label, table_owners};
use crate::options::settings::Options;
use crate::report::error::{Difference, Error, ErrorKind};
use crate::report::loss::Direction;
use crate::report::remedy::Remedy;
use crate::run::engine::recognise::{self, Found};
use crate::sqlite::open;
use crate::sqlite::sql::script::Script;

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
pub(crate) fn pending_of(
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
                let refused = missing(row, part, known);
                return Err(with_backup_before(
                    options, connection, part, known, refused,
                )?);
            }
            _ => {}
        }
    }
    match late {
        Some(error) => Err(error),
        None => {
            for migration in wanted {
                step::refuse_names_of_ours(migration, migrations.first(), &options.own_tables())?;
                taken_over.push(task(options, migration)?);
            }
            Ok(taken_over)
        }
    }
}

/// The up migration. What is written in Rust needs a program that has it.
pub(crate) fn task(options: &Options<'_>, migration: &Migration) -> Result<MigrationStep, Error> {
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
        return Err(Error::not_found(
            format!("there is no migration with version {to}"),
            "give the version of a migration that is there",
        )
        .with_remedy(Remedy::ShowStatus));
    }
    match newest(history) {
        Some(now) if now > to => Err(Error::usage(
            format!("the database is at version {now}, beyond {to}"),
            "to go back, revert",
        )
        .with_remedy(Remedy::Revert { to: Some(to) })),
        _ => Ok(()),
    }
}

/// A database that has a part of what a squashed migration replaces, and no file for the rest; or
/// that has it in other words.
pub(crate) fn not_as_squashed(
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

pub(crate) fn out_of_order(migration: &Migration, newest: Option<i64>) -> Error {
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

pub(crate) fn missing(row: &Applied, part: &Known<'_>, known: Option<i64>) -> Error {
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
        .with_help("use the version of the app that migrated it, or a newer one; or restore the backup taken before that upgrade")
        .with_remedy(Remedy::Update)
        .with_remedy(Remedy::ListBackups { verify: false });
    }
    Error::new(
        ErrorKind::Missing,
        "it was applied to this database, and its file is not there",
    )
    .in_migration(&label)
    .with_help(format!("put {label}.sql back into the migrations"))
}

/// Names the backup from before the upgrade, where it is there.
fn with_backup_before(
    options: &Options<'_>,
    connection: &Connection,
    part: &Known<'_>,
    known: Option<i64>,
    refused: Error,
) -> Result<Error, Error> {
    let newer = |row: &&Applied| known.is_none_or(|known| row.version > known);
    let first = part.history.iter().find(newer);
    let (true, Some(first)) = (refused.is_from_newer_app(), first) else {
        return Ok(refused);
    };
    let table = options.history_table_of(part.component);
    let name = details::backup_before(connection, table, first.version)?;
    let backup = open::path_of(connection)
        .zip(name)
        .and_then(|(database, name)| {
            let name = Path::new(&name);
            let plain = name.file_name() == Some(name.as_os_str());
            let backup = options.backups_of(&database).join(name);
            (plain && backup.is_file()).then_some(backup)
        });
    Ok(match backup {
        None => refused,
        Some(backup) => refused.with_other_help(
            format!(
                "use the version of the app that migrated it, or a newer one; or restore {}, the backup from before that upgrade, without what was written since",
                backup.display()
            ),
            vec![Remedy::Update, Remedy::Restore { backup: Some(backup) }],
        ),
    })
}

/// Whether a database has, in the place of a migration, one that was squashed from it by a newer
/// version of the app.
pub(crate) fn squashed_elsewhere(migration: &Migration, row: &Applied, kept: &AsApplied) -> bool {
    let replaced = Script::new("", kept.up.clone()).replaces();
    let mut replaced = replaced.iter();
    row.name != migration.name
        && replaced.any(|replaced| replaced.is(migration.version, &migration.name))
}

pub(crate) fn changed(
    options: &Options<'_>,
    connection: &Connection,
    migration: &Migration,
    row: &Applied,
    before: Option<&Applied>,
) -> Result<Error, Error> {
    let table = options.history_table_of(migration.component.as_deref());
    let kept = details::as_applied(connection, table, row.version)?;
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
        .with_help("use the version of the app that made it, or a newer one")
        .with_remedy(Remedy::Update));
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
    // Only the down migration that was stored with it says how it is reverted.
    let has_down = kept.as_ref().is_some_and(|kept| kept.down.is_some());
    let (help, remedy) = match has_down {
        true => (
            "put the file back as it was and write the change as a new migration; while developing, revert it as it was applied",
            Remedy::Revert { to: Some(before) },
        ),
        false => (
            "put the file back as it was and write the change as a new migration. It was applied without a down migration, so it cannot be reverted as it is now: while developing, put the file back, write the down migration, revert, and change it then; or restore the backup from before it",
            Remedy::ListBackups { verify: false },
        ),
    };
    Ok(Error::new(ErrorKind::Diverged, message)
        .in_migration(&migration.label())
        .at(migration.up.location(0, false))
        .with_difference(kept.map(|kept| Difference {
            applied: kept.up,
            file: migration.up.text().to_owned(),
        }))
        .with_help(help)
        .with_remedy(remedy))
}
