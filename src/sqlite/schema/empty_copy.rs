//! A copy of a schema without rows, and what is broken in it.

use std::collections::BTreeSet;

use rusqlite::Connection;

use crate::report::error::{Error, ErrorKind};
use crate::sqlite::execute::{failure, run_statement, statement_failure, text};
use crate::sqlite::schema::catalog::{self, CatalogEntry};
use crate::sqlite::schema::nesting;
use crate::sqlite::schema::objects::{ObjectKind, Schema, TableKind};
use crate::sqlite::sql::name::{quote, same_name};
use crate::sqlite::sql::script::Script;
use crate::sqlite::sql::statement::Statement;
use crate::sqlite::sql::token::Tokens;

/// Makes every object of `real` again in `copy`, without rows. Returned are the virtual
/// tables that cannot be made, and the tables that are called like a virtual table's storage
/// and were not made by its module.
pub(crate) fn copy_schema(
    real: &Connection,
    copy: &Connection,
) -> Result<(Vec<String>, Vec<String>), Error> {
    let kinds = catalog::table_kinds(real)?;
    let kind_of = |name: &str| {
        kinds
            .iter()
            .find(|(table, _)| same_name(table, name))
            .map(|(_, kind)| *kind)
    };
    let has_statistics = kind_of("sqlite_stat1").is_some();
    let entries = catalog::entries(real)?;
    nesting::refuse_too_nested(&entries)?;
    let (mut unknown, mut own) = (Vec::new(), Vec::new());
    let make = |entry: &CatalogEntry| {
        copy.execute_batch(&entry.sql).map_err(|error| {
            Error::new(
                ErrorKind::MigrationFailed,
                format!(
                    "the {} `{}` cannot be made again: {}",
                    entry.kind,
                    entry.name,
                    text(&error)
                ),
            )
            .with_help("a function or a collation of the app's own must be registered in the connection set-up; the command line has none")
        })
    };
    let is_table = |entry: &&CatalogEntry| entry.kind == "table";
    for entry in entries.iter().filter(is_table) {
        match kind_of(&entry.name) {
            Some(TableKind::Shadow) => {}
            Some(TableKind::Virtual) => {
                if copy.execute_batch(&entry.sql).is_err() {
                    unknown.push(entry.name.clone());
                }
            }
            _ => make(entry)?,
        }
    }
    let made = catalog::table_kinds(copy)?;
    let is_made = |name: &str| made.iter().any(|(table, _)| same_name(table, name));
    for entry in entries.iter().filter(is_table) {
        let shadow = kind_of(&entry.name) == Some(TableKind::Shadow);
        if shadow && !is_made(&entry.name) {
            make(entry)?;
            own.push(entry.name.clone());
        }
    }
    for entry in entries.iter().filter(|entry| !is_table(entry)) {
        // The indexes of a module's own tables came with them.
        if kind_of(&entry.table) != Some(TableKind::Shadow) {
            make(entry)?;
        }
    }
    if has_statistics {
        copy.execute_batch("ANALYZE sqlite_schema")
            .map_err(|error| failure("cannot prepare the database in memory", error))?;
    }
    Ok((unknown, own))
}

pub(crate) fn read_view(connection: &Connection, view: &str) -> rusqlite::Result<()> {
    connection
        .prepare(&format!("SELECT * FROM main.{}", quote(view)))
        .map(drop)
}

pub(crate) fn read_first_row(connection: &Connection, table: &str) -> rusqlite::Result<()> {
    let sql = format!("SELECT * FROM main.{}", quote(table));
    connection.prepare(&sql)?.raw_query().next().map(drop)
}

/// Runs what a statement does to a schema. Of the query of CREATE TABLE … AS no row is taken: only its
/// columns are asked for, and it may take as long as it wants.
pub(crate) fn run_without_rows(
    connection: &Connection,
    script: &Script,
    statement: &Statement<'_>,
) -> Result<(), Error> {
    match without_its_rows(statement) {
        Some(made) => connection
            .execute_batch(&made)
            .map_err(|error| statement_failure(script, statement, error)),
        None => run_statement(connection, script, statement),
    }
}

/// CREATE TABLE … AS a query, of which no row is taken. None of another statement.
fn without_its_rows(statement: &Statement<'_>) -> Option<String> {
    let mut words = Tokens::new(statement.text).map(|token| token.word());
    let creates = words.next().is_some_and(|word| word == "CREATE");
    let is_temporary = |word: &String| word == "TEMP" || word == "TEMPORARY";
    let kind = words.find(|word| !is_temporary(word));
    if !creates || kind.is_none_or(|kind| kind != "TABLE") {
        return None;
    }
    let mut depth = 0;
    let mut behind_as = false;
    for token in Tokens::new(statement.text) {
        if behind_as {
            let (head, query) = statement.text.split_at(token.start);
            let begins = ["SELECT", "WITH", "VALUES"].contains(&token.word().as_str());
            let query = query.trim_end().trim_end_matches(';');
            return begins.then(|| format!("{head}SELECT * FROM (\n{query}\n) LIMIT 0"));
        }
        depth += token.nesting();
        behind_as = depth == 0 && token.word() == "AS";
    }
    None
}

/// Views and virtual tables that cannot be read, and tables and views that cannot be written to
/// because of a trigger, with what SQLite says. Of a database without rows.
pub(crate) fn broken_objects(
    connection: &Connection,
    schema: &Schema,
) -> Result<Vec<(String, rusqlite::Error)>, Error> {
    let mut broken = Vec::new();
    for object in &schema.others {
        if object.kind == ObjectKind::View
            && let Err(error) = read_view(connection, &object.name)
        {
            broken.push((format!("the view `{}`", object.name), error));
        }
    }
    // A search table over another table looks at that one only when it is read
    // (<https://sqlite.org/fts5.html#external_content_tables>).
    for table in &schema.tables {
        if table.kind == TableKind::Virtual
            && let Err(error) = read_first_row(connection, &table.name)
        {
            broken.push((format!("the virtual table `{}`", table.name), error));
        }
    }
    let entries = catalog::entries(connection)?;
    let with_triggers: BTreeSet<&str> = entries
        .iter()
        .filter(|entry| entry.kind == "trigger")
        .map(|entry| entry.table.as_str())
        .collect();
    for table in with_triggers {
        let name = quote(table);
        // An UPDATE of every column, because a trigger may be for one of them.
        let sets: Vec<String> = catalog::column_names(connection, table)
            .iter()
            .map(|column| format!("{0} = {0}", quote(column)))
            .collect();
        let statements = [
            format!("EXPLAIN INSERT INTO main.{name} DEFAULT VALUES"),
            format!("EXPLAIN UPDATE main.{name} SET {}", sets.join(", ")),
            format!("EXPLAIN DELETE FROM main.{name}"),
        ];
        let failed = statements
            .iter()
            .find_map(|statement| connection.prepare(statement).err())
            // A view without an INSTEAD OF trigger for this is not for writing.
            .filter(|error| !text(error).starts_with("cannot modify "));
        broken.extend(failed.map(|error| (format!("a trigger of `{table}`"), error)));
    }
    Ok(broken)
}
