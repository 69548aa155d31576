//! What a database should look like, by a replay of its migrations from empty, and what does not.
//!
//! Only what the migrations give is looked at. Tables, indexes and triggers of the user's own are
//! left alone.

use std::collections::BTreeSet;

use rusqlite::Connection;

use crate::migration::compare::{Known, MigrationState, afresh, compare};
use crate::migration::set::Migration;
use crate::migration::step::MigrationStep;
use crate::options::settings::{Options, memory};
use crate::report::error::Error;
use crate::sqlite::connection_state::ConnectionState;
use crate::sqlite::execute::run_statement;
use crate::sqlite::own_tables::OwnTables;
use crate::sqlite::schema::catalog;
use crate::sqlite::schema::difference::same_sql;
use crate::sqlite::schema::empty_copy::run_without_rows;
use crate::sqlite::schema::facts::TableFacts;
use crate::sqlite::schema::objects::TableKind;
use crate::sqlite::sql::name::same_name;
use crate::sqlite::sql::script::Script;
use crate::sqlite::sql::statement::Action;

/// A database in memory with the schema that the migrations of a history give, with those that
/// are about to be applied. None where that cannot be known: a file is missing, or does more than
/// statements can tell.
pub(crate) fn replay_of(
    options: &Options<'_>,
    known: &[Known<'_>],
    about_to_be: &[MigrationStep],
) -> Result<Option<Connection>, Error> {
    let scripts = match scripts_of(known, about_to_be) {
        Some(scripts) if !scripts.is_empty() => scripts,
        _ => return Ok(None),
    };
    let connection = memory(options)?;
    for script in scripts {
        // It was applied once, so that what fails here depends on what only that database had.
        if let Err(error) = shape(&connection, script) {
            log::debug!(
                "the schema cannot be derived from {}: {error:#}",
                script.file()
            );
            return Ok(None);
        }
    }
    Ok(Some(connection))
}

/// The files that are replayed. None where one is missing, or does more than statements can tell.
pub(crate) fn scripts_of<'k>(
    known: &[Known<'k>],
    about_to_be: &[MigrationStep],
) -> Option<Vec<&'k Script>> {
    let of_parts = known.iter().map(|part| applied(part, about_to_be));
    let of_parts: Option<Vec<Vec<&Script>>> = of_parts.collect();
    of_parts.map(|of_parts| of_parts.concat())
}

/// The files of a history in the order in which a new database has them applied.
fn applied<'k>(part: &Known<'k>, about_to_be: &[MigrationStep]) -> Option<Vec<&'k Script>> {
    let is_next = |migration: &Migration| {
        about_to_be.iter().any(|task| {
            task.component.as_deref() == part.component && task.version == migration.version
        })
    };
    let mut versions = BTreeSet::new();
    for compared in compare(part.migrations, part.history) {
        match (compared.state, compared.migration) {
            (MigrationState::Applied, Some(migration)) => {
                versions.insert(migration.version);
            }
            (MigrationState::Pending | MigrationState::OutOfOrder, Some(migration)) => {
                if is_next(migration) {
                    versions.insert(migration.version);
                }
            }
            _ => return None,
        }
    }
    let newest = versions.last().copied()?;
    let fresh = afresh(part.migrations);
    if fresh
        .first()
        .is_some_and(|first| first.is_squashed() && first.version > newest)
    {
        return None;
    }
    let wanted = fresh
        .iter()
        .filter(|migration| versions.contains(&migration.version));
    wanted
        .map(|migration| (!migration.in_rust).then_some(&migration.up))
        .collect()
}

/// Runs what a file does to the schema. There are no rows.
fn shape(connection: &Connection, script: &Script) -> Result<(), Error> {
    ConnectionState::before(connection, script)?.around(connection, || {
        for statement in script.statements() {
            let action = statement.action();
            if matches!(action, Action::Pragma(_)) {
                let _ = run_statement(connection, script, &statement);
            } else if action.is_schema() || statement.writes_to_schema_table() {
                run_without_rows(connection, script, &statement)?;
            }
        }
        Ok(())
    })
}

/// Something that is not as the migrations give it.
pub(crate) struct Drifted {
    /// The table, index, view or trigger.
    pub(crate) name: String,
    /// What is different.
    pub(crate) what: String,
}

/// Compares a database with what its migrations give: everything, or some objects by name.
pub(crate) fn drift(
    expected: &Connection,
    actual: &Connection,
    own: &OwnTables<'_>,
    only: Option<&BTreeSet<String>>,
) -> Result<Vec<Drifted>, Error> {
    let kinds = catalog::table_kinds(expected)?;
    let present = catalog::entries(actual)?;
    let mut drifted = Vec::new();
    for entry in catalog::entries(expected)? {
        let wanted = only.is_none_or(|only| only.contains(&entry.name.to_ascii_lowercase()));
        let kind = kinds
            .iter()
            .find(|(table, _)| same_name(table, &entry.table));
        let kind = kind.map(|(_, kind)| *kind);
        if !wanted || own.hold(&entry.table) || kind == Some(TableKind::Shadow) {
            continue;
        }
        let mut tell = |what: String| {
            drifted.push(Drifted {
                name: entry.name.clone(),
                what,
            });
        };
        let here = present
            .iter()
            .find(|now| now.kind == entry.kind && same_name(&now.name, &entry.name));
        let Some(here) = here else {
            tell(format!("{} `{}` is missing", entry.kind, entry.name));
            continue;
        };
        if entry.kind == "table"
            && let Some(expected) = TableFacts::of(expected, &entry.name)?
            && let Some(actual) = TableFacts::of(actual, &entry.name)?
        {
            expected
                .differences(&entry.name, &actual)
                .into_iter()
                .for_each(tell);
        } else if !same_sql(&entry.sql, &here.sql) {
            tell(format!("{} `{}` differs", entry.kind, entry.name));
        }
    }
    Ok(drifted)
}
