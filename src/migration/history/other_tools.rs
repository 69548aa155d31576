//! Histories that other migration tools keep in a database, read and never written.
//!
//! What each writes was read off databases that the tools made (`tests/data/other_tools/README.md`).

use std::collections::BTreeMap;
use std::fmt;
use std::str::FromStr;

use rusqlite::types::Value;
use rusqlite::{Connection, Row};

use crate::report::error::{Error, ErrorKind};
use crate::sqlite::execute::{failure, of_tables_alone};
use crate::sqlite::schema::catalog;
use crate::sqlite::sql::name::quote;
use crate::sqlite::sql::name::same_name;

/// A tool that may have kept a database before.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[non_exhaustive]
pub enum Tool {
    /// diesel: `__diesel_schema_migrations`.
    Diesel,
    /// sqlx, and Tauri's SQL plug-in, which uses it: `_sqlx_migrations`.
    Sqlx,
    /// rusqlite_migration: a number in `PRAGMA user_version`. Anybody may write one there, so
    /// it is never guessed.
    RusqliteMigration,
    /// TypeORM: `migrations`.
    TypeOrm,
    /// Drizzle: `__drizzle_migrations`.
    Drizzle,
    /// Prisma: `_prisma_migrations`.
    Prisma,
    /// goose: `goose_db_version`.
    Goose,
    /// dbmate: `schema_migrations`.
    Dbmate,
    /// golang-migrate: `schema_migrations`, with the newest version alone.
    GolangMigrate,
    /// SeaORM: `seaql_migrations`.
    SeaOrm,
    /// Flyway: `flyway_schema_history`.
    Flyway,
    /// Knex: `knex_migrations`.
    Knex,
}

impl Tool {
    /// Every one, in the order in which they are looked for.
    pub const ALL: [Tool; 12] = [
        Tool::Diesel,
        Tool::Sqlx,
        Tool::Prisma,
        Tool::Drizzle,
        Tool::Goose,
        Tool::TypeOrm,
        Tool::Dbmate,
        Tool::GolangMigrate,
        Tool::SeaOrm,
        Tool::Flyway,
        Tool::Knex,
        Tool::RusqliteMigration,
    ];

    /// The name on the command line.
    pub fn as_str(self) -> &'static str {
        match self {
            Tool::Diesel => "diesel",
            Tool::Sqlx => "sqlx",
            Tool::RusqliteMigration => "rusqlite_migration",
            Tool::TypeOrm => "typeorm",
            Tool::Drizzle => "drizzle",
            Tool::Prisma => "prisma",
            Tool::Goose => "goose",
            Tool::Dbmate => "dbmate",
            Tool::GolangMigrate => "golang-migrate",
            Tool::SeaOrm => "seaorm",
            Tool::Flyway => "flyway",
            Tool::Knex => "knex",
        }
    }

    /// The tables that it keeps in a database, which are not part of the app's schema: the
    /// first holds its history.
    pub(crate) fn tables(self) -> &'static [&'static str] {
        match self {
            Tool::Diesel => &["__diesel_schema_migrations"],
            Tool::Sqlx => &["_sqlx_migrations"],
            Tool::RusqliteMigration => &[],
            // Its notes of views and generated columns too.
            Tool::TypeOrm => &["migrations", "typeorm_metadata"],
            Tool::Drizzle => &["__drizzle_migrations"],
            Tool::Prisma => &["_prisma_migrations"],
            Tool::Goose => &["goose_db_version"],
            Tool::Dbmate | Tool::GolangMigrate => &["schema_migrations"],
            Tool::SeaOrm => &["seaql_migrations"],
            Tool::Flyway => &["flyway_schema_history"],
            Tool::Knex => &["knex_migrations", "knex_migrations_lock"],
        }
    }

    /// The table of its history.
    fn table(self) -> Option<&'static str> {
        self.tables().first().copied()
    }

    /// Columns by which its table is told from another of that name.
    fn columns(self) -> &'static [&'static str] {
        match self {
            Tool::Diesel => &["version", "run_on"],
            Tool::Sqlx => &["version", "description", "success", "checksum"],
            Tool::RusqliteMigration => &[],
            Tool::TypeOrm => &["id", "timestamp", "name"],
            Tool::Drizzle => &["id", "hash", "created_at"],
            Tool::Prisma => &["migration_name", "finished_at", "rolled_back_at"],
            Tool::Goose => &["version_id", "is_applied"],
            Tool::Dbmate => &["version"],
            Tool::GolangMigrate => &["version", "dirty"],
            Tool::SeaOrm => &["version", "applied_at"],
            Tool::Flyway => &["installed_rank", "version", "type", "success"],
            Tool::Knex => &["id", "name", "batch"],
        }
    }
}

impl fmt::Display for Tool {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.as_str())
    }
}

impl FromStr for Tool {
    type Err = String;

    fn from_str(name: &str) -> Result<Tool, String> {
        let same = |tool: &Tool| tool.as_str() == name;
        Tool::ALL.into_iter().find(same).ok_or_else(|| {
            let names = Tool::ALL.map(Tool::as_str).join(", ");
            format!("`{name}` is none of {names}")
        })
    }
}

/// What a tool says was applied.
#[derive(Debug, PartialEq, Eq)]
pub(crate) enum ImportedMigration {
    /// These versions.
    Versions(Vec<i64>),
    /// This many, counted from the first.
    Count(usize),
    /// Every one up to a version, and then these.
    After(i64, Vec<i64>),
}

/// The history that another tool keeps.
#[derive(Debug, PartialEq, Eq)]
pub(crate) struct Foreign {
    pub(crate) tool: Tool,
    pub(crate) done: ImportedMigration,
}

/// What Alembic keeps: the identifier of the newest revision, which says nothing of those before it.
const ALEMBIC: &str = "alembic_version";

/// Tables that migration tools keep in a database and that are not part of an app's schema, of tools
/// whose history is not imported too.
const OF_TOOLS: &[&str] = &[
    "__EFMigrationsHistory",
    "__EFMigrationsLock",
    ALEMBIC,
    "ar_internal_metadata",
    "DATABASECHANGELOG",
    "DATABASECHANGELOGLOCK",
    "django_migrations",
    "flyway_schema_history",
    "knex_migrations",
    "knex_migrations_lock",
    "schema_migrations",
    "seaql_migrations",
    "SequelizeMeta",
];

/// Whether a table is kept by a migration tool, as far as its name and its columns say.
pub(crate) fn is_of_a_tool(connection: &Connection, table: &str) -> bool {
    let named = |name: &str| same_name(name, table);
    let by_columns =
        |tool: &Tool| tool.tables().iter().any(|name| named(name)) && is_there(connection, *tool);
    OF_TOOLS.iter().any(|name| named(name)) || Tool::ALL.iter().any(by_columns)
}

/// Reads the history that a tool keeps, whichever it is where none is named.
///
/// # Errors
/// [`ErrorKind::Diverged`] for one that the tool itself calls unfinished, that is not what
/// the tool writes, or where two tools keep one.
pub(crate) fn recognise(
    connection: &Connection,
    wanted: Option<Tool>,
) -> Result<Option<Foreign>, Error> {
    let mut found = None;
    for tool in Tool::ALL {
        let is_wanted = match wanted {
            Some(wanted) => wanted == tool,
            None => tool.table().is_some(),
        };
        if !is_wanted || !is_there(connection, tool) {
            continue;
        }
        let foreign = Foreign {
            tool,
            done: read(connection, tool)?,
        };
        if let Some(Foreign { tool: first, .. }) = found.replace(foreign) {
            return Err(diverged(format!(
                "both {first} and {tool} keep a history in the database"
            ))
            .with_help("name the tool whose history is to be imported"));
        }
    }
    Ok(found)
}

fn is_there(connection: &Connection, tool: Tool) -> bool {
    let Some(table) = tool.table() else {
        return true;
    };
    let columns = catalog::column_names(connection, table);
    let has = |wanted: &&str| {
        columns
            .iter()
            .any(|column| column.eq_ignore_ascii_case(wanted))
    };
    !columns.is_empty()
        && tool.columns().iter().all(has)
        // Tables of that name are other tools' too, and apps'.
        && match tool {
            Tool::Dbmate => columns.len() == 1,
            Tool::GolangMigrate => columns.len() == 2 && has_index(connection, "version_unique"),
            _ => true,
        }
}

fn has_index(connection: &Connection, name: &str) -> bool {
    let entries = catalog::entries(connection).unwrap_or_default();
    let mut entries = entries.iter();
    entries.any(|entry| entry.kind == "index" && same_name(&entry.name, name))
}

/// Why a history is not imported that is there, and of a tool that is known.
pub(crate) fn not_enough(connection: &Connection) -> Option<&'static str> {
    let columns = catalog::column_names(connection, ALEMBIC);
    (columns == ["version_num"]).then_some(
        "Alembic keeps only the identifier of the newest revision, which does not say which migrations were applied",
    )
}

fn read(connection: &Connection, tool: Tool) -> Result<ImportedMigration, Error> {
    let rows = |sql: &str| rows(connection, tool, sql);
    let table = quote(tool.table().unwrap_or_default());
    Ok(match tool {
        Tool::RusqliteMigration => {
            let number = catalog::number(connection, "PRAGMA user_version")?;
            ImportedMigration::Count(usize::try_from(number).map_err(|_| {
                diverged(format!(
                    "user_version is {number}, which rusqlite_migration never writes"
                ))
            })?)
        }
        Tool::Drizzle => {
            ImportedMigration::Count(rows(&format!("SELECT id, 1 FROM {table}"))?.len())
        }
        Tool::Diesel | Tool::Dbmate | Tool::SeaOrm => {
            let rows = rows(&format!("SELECT version, 1 FROM {table} ORDER BY version"))?;
            ImportedMigration::Versions(versions(
                tool,
                rows.into_iter().map(|(version, _)| version),
            )?)
        }
        Tool::TypeOrm => {
            let rows = rows(&format!(
                "SELECT timestamp, 1 FROM {table} ORDER BY timestamp"
            ))?;
            ImportedMigration::Versions(versions(
                tool,
                rows.into_iter().map(|(version, _)| version),
            )?)
        }
        Tool::Sqlx => {
            let rows = rows(&format!(
                "SELECT version, success FROM {table} ORDER BY version"
            ))?;
            if let Some((version, _)) = rows.iter().find(|(_, success)| success != "1") {
                return Err(unfinished(tool, version));
            }
            ImportedMigration::Versions(versions(
                tool,
                rows.into_iter().map(|(version, _)| version),
            )?)
        }
        Tool::Prisma => {
            let sql = format!(
                "SELECT migration_name, CASE WHEN rolled_back_at IS NOT NULL THEN 'back'
                    WHEN finished_at IS NULL THEN 'open' ELSE 'done' END
                 FROM {table} ORDER BY migration_name"
            );
            let rows = rows(&sql)?;
            if let Some((name, _)) = rows.iter().find(|(_, state)| state == "open") {
                return Err(unfinished(tool, name));
            }
            let done = rows.into_iter().filter(|(_, state)| state == "done");
            ImportedMigration::Versions(versions(tool, done.map(|(name, _)| name))?)
        }
        Tool::Goose => {
            // The newest row of a version says whether it is applied. Version 0 is the table's own.
            let sql = format!("SELECT version_id, is_applied FROM {table} ORDER BY id");
            let newest: BTreeMap<String, String> = rows(&sql)?.into_iter().collect();
            let applied = newest
                .into_iter()
                .filter(|(version, applied)| applied == "1" && version != "0");
            ImportedMigration::Versions(versions(tool, applied.map(|(version, _)| version))?)
        }
        Tool::GolangMigrate => {
            let rows = rows(&format!("SELECT version, dirty FROM {table}"))?;
            if let Some((version, _)) = rows.iter().find(|(_, dirty)| dirty != "0") {
                return Err(unfinished(tool, version));
            }
            let newest = versions(tool, rows.into_iter().map(|(version, _)| version))?;
            match newest.last() {
                Some(newest) => ImportedMigration::After(*newest, Vec::new()),
                None => ImportedMigration::Versions(newest),
            }
        }
        Tool::Flyway => {
            // Repeatable migrations and the making of the schema have no version.
            let rows = rows(&format!(
                "SELECT version, CASE WHEN success THEN upper(type) ELSE 'FAILED' END FROM {table}
                 WHERE version IS NOT NULL ORDER BY installed_rank"
            ))?;
            if let Some((version, _)) = rows.iter().find(|(_, kind)| kind == "FAILED") {
                return Err(unfinished(tool, version));
            }
            // The newest row of a version says whether it was taken back.
            let newest: BTreeMap<String, String> = rows.into_iter().collect();
            let is_back = |kind: &str| kind.starts_with("UNDO") || kind == "DELETE";
            let is_base = |kind: &str| kind.ends_with("BASELINE");
            let of = |wanted: &dyn Fn(&str) -> bool| {
                let rows = newest.iter().filter(|(_, kind)| wanted(kind));
                versions(tool, rows.map(|(version, _)| version.clone()))
            };
            let bases = of(&is_base)?;
            let mut applied = of(&|kind| !is_back(kind) && !is_base(kind))?;
            match bases.last() {
                Some(base) => {
                    applied.retain(|version| version > base);
                    ImportedMigration::After(*base, applied)
                }
                None => ImportedMigration::Versions(applied),
            }
        }
        Tool::Knex => {
            let rows = rows(&format!("SELECT name, 1 FROM {table} ORDER BY id"))?;
            ImportedMigration::Versions(versions(tool, rows.into_iter().map(|(name, _)| name))?)
        }
    })
}

/// Two columns of every row, as texts.
fn rows(connection: &Connection, tool: Tool, sql: &str) -> Result<Vec<(String, String)>, Error> {
    let read = || {
        let mut statement = connection.prepare(sql)?;
        let rows = statement.query_map([], |row| Ok((text(row, 0)?, text(row, 1)?)))?;
        rows.collect::<rusqlite::Result<Vec<_>>>()
    };
    of_tables_alone(connection, read)
        .map_err(|error| failure(format!("cannot read the history of {tool}"), error))
}

fn text(row: &Row<'_>, index: usize) -> rusqlite::Result<String> {
    Ok(match row.get(index)? {
        Value::Integer(number) => number.to_string(),
        Value::Real(number) => number.to_string(),
        Value::Text(text) => text,
        other => format!("{other:?}"),
    })
}

/// The numbers that names begin with: `20240110120000_create_users`, `2024-01-10-120000`.
fn versions(tool: Tool, names: impl Iterator<Item = String>) -> Result<Vec<i64>, Error> {
    let mut versions: Vec<i64> = names
        .map(|name| {
            let mut parts = name.split('_');
            let number = parts.next().unwrap_or_default();
            let number = match tool {
                Tool::Diesel => number.replace('-', ""),
                // `m20220101_000001_create_users`: a day, and a number within it.
                Tool::SeaOrm => {
                    let day = number.strip_prefix('m').unwrap_or(number);
                    let within = parts.next().filter(|it| day.len() == 8 && it.len() == 6);
                    format!("{day}{}", within.unwrap_or_default())
                }
                _ => number.to_owned(),
            };
            number.parse().map_err(|_| {
                diverged(format!(
                    "the history of {tool} has `{name}`, which begins with no number"
                ))
            })
        })
        .collect::<Result<_, Error>>()?;
    // Some tools keep them as texts.
    versions.sort_unstable();
    Ok(versions)
}

fn unfinished(tool: Tool, name: &str) -> Error {
    diverged(format!("{tool} began `{name}` and did not finish it")).with_help(format!(
        "put that right with {tool} first; its history was left alone"
    ))
}

fn diverged(message: String) -> Error {
    Error::new(ErrorKind::Diverged, message)
}
