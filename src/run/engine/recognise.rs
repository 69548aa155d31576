//! What a database has without a history of heirloom's: proved, and made into rows of one.

use rusqlite::Connection;

use crate::migration::compare::{self, Applied, MigrationState, afresh, compare};
use crate::migration::history::other_tools::{self, Foreign, ImportedMigration, Tool};
use crate::migration::set::Migration;
use crate::migration::step::{MigrationStep, StepKind};
use crate::migration::table_owners;
use crate::options::settings::{self, Options};
use crate::report::error::{Error, ErrorKind};
use crate::report::remedy::Remedy;
use crate::run::engine::dry_run::DryRun;
use crate::sqlite::schema::catalog;
use crate::sqlite::schema::difference::differences;
use crate::sqlite::sql::name::same_name;

/// At most this many differences are reported.
const TOLD: usize = 5;

/// The migrations up to a version that are in no history yet, as rows to be written.
///
/// # Errors
/// [`ErrorKind::Diverged`] where the history says something else than the files.
pub(crate) fn rows_up_to(
    migrations: &[Migration],
    history: &[Applied],
    version: i64,
) -> Result<Vec<MigrationStep>, Error> {
    let mut tasks = Vec::new();
    for compared in compare(migrations, history) {
        match (compared.state, compared.migration) {
            (MigrationState::Applied, _) => {}
            (MigrationState::Pending | MigrationState::OutOfOrder, Some(migration)) => {
                if migration.version <= version {
                    tasks.push(MigrationStep {
                        kind: StepKind::MarkOnly,
                        no_transaction: false,
                        enforces: false,
                        ..MigrationStep::up(migration)?
                    });
                }
            }
            (state, _) => {
                let message = format!(
                    "the database has a history already, and a migration in it is {}",
                    state.as_str()
                );
                return Err(Error::new(ErrorKind::Diverged, message)
                    .with_help("correct that first")
                    .with_remedy(Remedy::ShowStatus));
            }
        }
    }
    Ok(tasks)
}

/// Whether heirloom never kept a history here. One that is empty was taken back.
pub(crate) fn is_untouched(options: &Options<'_>, connection: &Connection) -> bool {
    catalog::column_names(connection, &options.history_table).is_empty()
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
    refuse_before_squashed(migrations, version)?;
    let empty = settings::memory(options)?;
    let mut replay = DryRun::of(&empty, options)?;
    // The migrations may build on what the components made.
    let mut others = options.lists_of_components()?;
    let up_to = afresh(migrations).iter();
    let up_to = up_to.filter(|known| known.version <= version);
    for migration in others.iter().flat_map(|list| afresh(list)).chain(up_to) {
        let compiled = replay.file(&migration.up);
        compiled.map_err(|error| error.in_migration(&migration.label()))?;
    }
    let mut expected = replay.schema().clone();
    let mut actual = catalog::schema(connection, &options.own_tables())?;
    // What belongs to the other histories of the database.
    others.extend(options.other_lists());
    let others: Vec<String> = others
        .iter()
        .flat_map(|list| table_owners::made(list))
        .collect();
    let is_strange = |table: &str| {
        let mut strangers = strangers
            .iter()
            .copied()
            .chain(others.iter().map(String::as_str));
        strangers.any(|name| same_name(name, table))
    };
    // What the migrations themselves make is not another tool's.
    let made: Vec<String> = expected
        .tables
        .iter()
        .map(|table| table.name.clone())
        .collect();
    let of_a_tool = |table: &str| {
        !made.iter().any(|name| same_name(name, table))
            && (other_tools::is_of_a_tool(connection, table)
                || options.left_out.iter().any(|name| same_name(name, table)))
    };
    for schema in [&mut expected, &mut actual] {
        schema
            .tables
            .retain(|table| !is_strange(&table.name) && !of_a_tool(&table.name));
        schema
            .others
            .retain(|object| !is_strange(&object.table) && !of_a_tool(&object.table));
    }
    let differences = differences(&expected, &actual);
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
    .with_help(
        "choose the version whose schema this is, or write the migrations so that they give it",
    )
    .with_remedy(Remedy::Generate))
}

/// A squashed migration is marked for all that it stands for, or not at all: of a part of that it
/// proves nothing.
pub(crate) fn refuse_before_squashed(migrations: &[Migration], version: i64) -> Result<(), Error> {
    match afresh(migrations).first() {
        Some(squashed) if squashed.is_squashed() && version < squashed.version => Err(Error::new(
            ErrorKind::Diverged,
            format!("version {version} lies before it, in what it stands for"),
        )
        .in_migration(&squashed.label())
        .with_help("bring the database to its version first, with the tool that kept it or by hand; or take it over with the originals, without the squashed file")),
        _ => Ok(()),
    }
}

/// What there is to import.
pub(crate) enum Found {
    /// No other tool keeps a history in the database.
    Nothing,
    /// One that has applied nothing yet.
    Empty,
    /// One that applied the migrations up to this version, and the schema is theirs.
    UpTo(i64),
}

/// The history of another tool, compared with the migrations and proved.
///
/// # Errors
/// [`ErrorKind::DatabaseNewer`] where it has more than these migrations;
/// [`ErrorKind::Diverged`] where it has others, or where the schema is another.
pub(crate) fn found(
    options: &Options<'_>,
    connection: &Connection,
    migrations: &[Migration],
    from: Option<Tool>,
) -> Result<Found, Error> {
    let Some(foreign) = other_tools::recognise(connection, from)? else {
        return Ok(Found::Nothing);
    };
    let Some(version) = last_of(&foreign, migrations)? else {
        return Ok(Found::Empty);
    };
    prove(
        options,
        connection,
        migrations,
        version,
        foreign.tool.tables(),
    )?;
    Ok(Found::UpTo(version))
}

/// The last of the migrations that a tool applied: it must be the first ones, without a gap.
fn last_of(foreign: &Foreign, migrations: &[Migration]) -> Result<Option<i64>, Error> {
    let tool = foreign.tool;
    let ours = compare::versions_one_by_one(migrations);
    let known = ours.last().copied();
    let before = match &foreign.done {
        ImportedMigration::After(newest, _) => ours.iter().filter(|ours| *ours <= newest).count(),
        _ => 0,
    };
    let (count, listed) = match &foreign.done {
        ImportedMigration::Count(count) => (*count, None),
        ImportedMigration::Versions(versions) => (versions.len(), Some((None, versions))),
        ImportedMigration::After(newest, versions) => {
            (before + versions.len(), Some((Some(newest), versions)))
        }
    };
    if let Some((newest, versions)) = listed {
        let mut theirs = newest.into_iter().chain(versions);
        if let Some(unknown) = theirs.find(|version| !ours.contains(version)) {
            if known.is_none_or(|known| *unknown > known) {
                return Err(newer(*unknown, known));
            }
            return Err(Error::new(
                ErrorKind::Diverged,
                format!(
                    "{tool} applied version {unknown}, and there is no migration of that version"
                ),
            )
            .with_help("give each migration the version that it had there"));
        }
        let mut pairs = ours.iter().skip(before).zip(versions);
        if let Some((skipped, _)) = pairs.find(|(ours, theirs)| ours != theirs) {
            return Err(Error::new(
                ErrorKind::Diverged,
                format!("{tool} applied later migrations and not version {skipped}"),
            )
            .with_help(format!(
                "apply it with {tool} first, or give it a newer version"
            )));
        }
    }
    match count.checked_sub(1) {
        None => Ok(None),
        Some(last) => match ours.get(last) {
            Some(version) => Ok(Some(*version)),
            None => {
                let count = i64::try_from(count).unwrap_or(i64::MAX);
                Err(newer(count, i64::try_from(ours.len()).ok()))
            }
        },
    }
}

fn newer(database: i64, known: Option<i64>) -> Error {
    Error::new(
        ErrorKind::DatabaseNewer,
        match known {
            Some(known) => {
                format!(
                    "the database is at version {database}, and these migrations end at {known}"
                )
            }
            None => {
                format!("the database is at version {database}, and there is no migration at all")
            }
        },
    )
    .with_versions(database, known)
    .with_help("use the version of the app that migrated it, or a newer one")
}
