//! Why a file fails in one database though it is right: what is there that the applied migrations
//! do not give.

use rusqlite::Connection;

use crate::migration::compare::Known;
use crate::migration::history::other_tools;
use crate::migration::step::MigrationStep;
use crate::options::settings::Options;
use crate::report::error::{Error, ErrorKind};
use crate::report::remedy::Remedy;
use crate::run::engine::drift::{self, Drifted};
use crate::run::engine::dry_run::DryRun;
use crate::run::engine::recognise;
use crate::sqlite::schema::catalog;
use crate::sqlite::schema::objects::TableKind;
use crate::sqlite::sql::name::same_name;
use crate::sqlite::sql::token::mentions;

/// So many things are named.
const TOLD: usize = 3;

/// The error with another help, where the file works on what the applied migrations give and
/// something else in this database is in its way.
pub(crate) fn explained(
    options: &Options<'_>,
    connection: &Connection,
    known: &[Known<'_>],
    tasks: &[MigrationStep],
    error: Error,
) -> Error {
    if error.kind() != ErrorKind::MigrationFailed {
        return error;
    }
    // What cannot be known is not said.
    match explanation(options, connection, known, tasks, &error) {
        Ok(Some((help, remedies))) => error.with_other_help(help, remedies),
        _ => error,
    }
}

fn explanation(
    options: &Options<'_>,
    connection: &Connection,
    known: &[Known<'_>],
    tasks: &[MigrationStep],
    error: &Error,
) -> Result<Option<(String, Vec<Remedy>)>, Error> {
    let failed = tasks
        .iter()
        .position(|task| error.migration() == Some(&task.label()));
    let (Some(failed), Some(applied)) = (failed, drift::replay_of(options, known, &[])?) else {
        return Ok(None);
    };
    let mut there = drift::drift(&applied, connection, &options.own_tables(), None)?;
    there.extend(strangers(options, &applied, connection)?);
    let message = error.to_string();
    let statement = error.statement().unwrap_or_default();
    there.retain(|it| mentions(&message, &it.name) || mentions(statement, &it.name));
    if there.is_empty() {
        return Ok(None);
    }
    let mut fresh = DryRun::of(&applied, options)?;
    let mut files = tasks[..=failed].iter();
    if files.any(|task| fresh.file(&task.script).is_err()) {
        return Ok(None);
    }
    let told: Vec<&str> = there.iter().take(TOLD).map(|it| it.what.as_str()).collect();
    let told = format!(
        "the file works on a database that only the migrations have changed; this one differs: {}",
        told.join("; ")
    );
    let task = &tasks[failed];
    if task.component == options.component
        && let Some(own) = known.last()
        && recognise::prove(options, connection, own.migrations, task.version, &[]).is_ok()
    {
        let help = format!(
            "{told}. It already has all that {} gives: record that version, and the next run continues from there",
            task.label()
        );
        return Ok(Some((help, vec![Remedy::Baseline])));
    }
    let help = format!(
        "{told}. Another tool or an interrupted run left it, or somebody changed it by hand: look at what is in it, then rename it, drop it or undo the change, and run again"
    );
    Ok(Some((help, Vec::new())))
}

/// What is in a database and is neither of its migrations nor of a migration tool.
fn strangers(
    options: &Options<'_>,
    applied: &Connection,
    actual: &Connection,
) -> Result<Vec<Drifted>, Error> {
    let own = options.own_tables();
    let given = catalog::entries(applied)?;
    let shadows = catalog::table_kinds(actual)?;
    let is_shadow = |table: &str| {
        let mut kinds = shadows.iter();
        kinds.any(|(name, kind)| *kind == TableKind::Shadow && same_name(name, table))
    };
    let mut strangers = catalog::entries(actual)?;
    strangers.retain(|entry| {
        !own.hold(&entry.table)
            && !is_shadow(&entry.table)
            && !other_tools::is_of_a_tool(actual, &entry.table)
            && !given
                .iter()
                .any(|known| same_name(&known.name, &entry.name))
    });
    let told = |entry: catalog::CatalogEntry| Drifted {
        what: format!(
            "the {} `{}` is not from the migrations",
            entry.kind, entry.name
        ),
        // A message names the table of a trigger alone.
        name: match entry.kind.as_str() {
            "trigger" => entry.table,
            _ => entry.name,
        },
    };
    Ok(strangers.into_iter().map(told).collect())
}
