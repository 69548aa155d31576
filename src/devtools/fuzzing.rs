//! What the fuzzers in `fuzz/` reach and no app does: cargo-fuzz sets `--cfg fuzzing`.

use rusqlite::Connection;

use crate::report::error::Error;
use crate::sqlite::schema::parsed::table::Definition;
use crate::sqlite::sql::script::Script;
use crate::sqlite::sql::statement::split;

/// The statements of a file: where each begins, in bytes, and its text.
pub fn statements(sql: &str) -> Vec<(usize, &str)> {
    let cut = split(sql).into_iter();
    cut.map(|statement| (statement.start, statement.text))
        .collect()
}

/// Runs a file as a migration is run, statement by statement.
///
/// # Errors
/// That of the statement that failed.
pub fn run(connection: &Connection, sql: &str) -> Result<(), Error> {
    crate::sqlite::execute::run_script(connection, &Script::new("fuzzed.sql", sql.to_owned()))
}

/// Asks of a file everything that is asked of a migration's text.
pub fn read(sql: &str) -> String {
    let script = Script::new("fuzzed.sql", sql.to_owned());
    let mut said = format!("{:?} {}", script.directives(), script.is_empty());
    for statement in script.statements() {
        let place = script.position(statement.start);
        let (action, condition) = (statement.action(), statement.condition());
        let line = script.line(place.line);
        let by_hand = statement.touches_schema_table();
        said += &format!("{place} {line:?} {action:?} {condition:?} {by_hand}");
    }
    said
}

/// Whether two CREATE TABLE statements make the same table.
pub fn same_tables(one: &str, other: &str) -> bool {
    crate::devtools::model::diff::same_tables(one, other)
}

/// A table as the reader of schemas has it.
#[derive(Debug, PartialEq, Eq)]
pub struct FuzzedTable {
    /// Its name.
    pub name: String,
    /// Of each column the name, the type, whether NOT NULL is said, and whether it is
    /// generated.
    pub columns: Vec<(String, String, bool, bool)>,
    /// The columns of the primary key, in small letters.
    pub key: Vec<String>,
    /// How many references it has.
    pub references: usize,
    /// Whether it is WITHOUT ROWID.
    pub without_rowid: bool,
    /// Whether it is STRICT.
    pub strict: bool,
    /// The statement, written again.
    pub text: String,
    /// The statement under another name, as a rebuild writes it.
    pub as_other: String,
}

/// Reads a CREATE TABLE statement.
///
/// # Errors
/// A sentence.
pub fn table(sql: &str) -> Result<FuzzedTable, String> {
    let read = Definition::parse(sql)?;
    let columns = read.columns.iter().map(|column| {
        (
            column.name.clone(),
            column.declared.clone(),
            column.not_null.is_some(),
            column.generated.is_some(),
        )
    });
    Ok(FuzzedTable {
        columns: columns.collect(),
        key: read.primary_key().into_iter().map(str::to_owned).collect(),
        references: read.foreign_keys().count(),
        without_rowid: read.without_rowid,
        strict: read.strict,
        text: read.text().to_owned(),
        as_other: read.create_as("heirloom_other"),
        name: read.name,
    })
}
