//! Conversions (`-- using:`) beside renames: an expression may call what is renamed by the name
//! that it had or by the one that it gets. Whose name a word is, is for SQLite to say, which
//! renames in a view over tables of these names: a function, a keyword, a column of another table
//! in a sub-select stay as they are.

use rusqlite::Connection;
use rusqlite::config::DbConfig;

use crate::devtools::alter::column_values::is_converted;
use crate::devtools::alter::renames::Renames;
use crate::devtools::model::diff::Model;
use crate::options::settings::{Options, memory};
use crate::report::error::{Error, invalid};
use crate::sqlite::execute::failure;
use crate::sqlite::sql::name::{plain, quote, same_name};
use crate::sqlite::sql::token::Tokens;

const TABLES: &str = "SELECT name FROM main.sqlite_schema
    WHERE type IN ('table', 'view') AND name NOT GLOB 'sqlite_*' ORDER BY name";
const COLUMNS: &str = "SELECT name FROM pragma_table_xinfo(?1) ORDER BY cid";
const PROBE: &str = "heirloom_conversion";

/// Puts the names after into the conversions of a schema that renames lead to.
///
/// # Errors
/// [`ErrorKind::InvalidMigration`](crate::ErrorKind::InvalidMigration) for a name that means one
/// column before and another after.
pub(crate) fn resolve(
    options: &Options<'_>,
    present: &Connection,
    before: &Model,
    after: &mut Model,
    renames: &Renames,
) -> Result<(), Error> {
    let Renames { tables, columns } = renames;
    if tables.is_empty() && columns.is_empty() {
        return Ok(());
    }
    let names = names(present, renames)?;
    let (plainly, both) = (Stage::new(options, &names)?, Stage::new(options, &names)?);
    both.add_former_names(&names, renames)?;
    for entity in &mut after.tables {
        let Some(definition) = &mut entity.definition else {
            continue;
        };
        let table = definition.name.clone();
        let then = before.definition(renames.name_before(&table));
        for column in &mut definition.columns {
            let old = columns
                .iter()
                .find(|(of, _, new)| same_name(of, &table) && same_name(new, &column.name))
                .map_or(column.name.as_str(), |(_, old, _)| old);
            let was = then.and_then(|then| then.column(old));
            let Some(expression) = column.using.clone().filter(|_| is_converted(was, column))
            else {
                continue;
            };
            if plainly.takes(&expression, &table) {
                if let Some(name) = plainly.handed_on(&expression, &table, renames)? {
                    return Err(invalid(format!(
                        "`{table}`.`{}` cannot be made with `{expression}`: `{name}` is one column before and another after",
                        column.name
                    ))
                    .with_help("rename in a migration of its own first, and convert in the next"));
                }
            } else if let Some(resolved) = both.resolved(&expression, &table, renames)? {
                column.using = Some(resolved);
            }
        }
    }
    Ok(())
}

/// Tables and views by the names after, with their columns.
fn names(present: &Connection, renames: &Renames) -> Result<Vec<(String, Vec<String>)>, Error> {
    let list = |sql: &str, of: &[&str]| {
        let mut query = present.prepare(sql)?;
        let rows = query.query_map(rusqlite::params_from_iter(of), |row| row.get(0))?;
        rows.collect::<rusqlite::Result<Vec<String>>>()
    };
    let tables = list(TABLES, &[]);
    let tables = tables.map_err(|error| failure("cannot read the schema in memory", error))?;
    let mut names = Vec::with_capacity(tables.len());
    for old in &tables {
        // A view that does not work has none.
        let Ok(columns) = list(COLUMNS, &[old]) else {
            continue;
        };
        let table = renames.name_after(old);
        let now = |column: String| {
            let mut columns = renames.columns.iter();
            let renamed =
                columns.find(|(of, old, _)| same_name(of, table) && same_name(old, &column));
            renamed.map_or(column, |(_, _, new)| new.clone())
        };
        names.push((table.to_owned(), columns.into_iter().map(now).collect()));
    }
    Ok(names)
}

/// A database of empty tables that have nothing but names.
struct Stage(Connection);

impl Stage {
    fn new(options: &Options<'_>, names: &[(String, Vec<String>)]) -> Result<Stage, Error> {
        let stage = Stage(memory(options)?);
        // A name in double quotes that is not a column would be a text.
        for text in [
            DbConfig::SQLITE_DBCONFIG_DQS_DML,
            DbConfig::SQLITE_DBCONFIG_DQS_DDL,
        ] {
            let set = stage.0.set_db_config(text, false);
            set.map_err(|error| failure("cannot prepare the database in memory", error))?;
        }
        for (table, columns) in names {
            stage.create(table, columns)?;
        }
        Ok(stage)
    }

    fn create(&self, table: &str, columns: &[String]) -> Result<(), Error> {
        let columns: Vec<String> = columns.iter().map(|column| quote(column)).collect();
        let columns = columns.join(", ");
        self.run(&format!("CREATE TABLE {} ({columns})", quote(table)))
    }

    fn run(&self, sql: &str) -> Result<(), Error> {
        let done = self.0.execute_batch(sql);
        done.map_err(|error| failure(format!("cannot run `{sql}` in memory"), error))
    }

    /// Lets what is renamed be called by its former names too, where those are free.
    fn add_former_names(
        &self,
        names: &[(String, Vec<String>)],
        renames: &Renames,
    ) -> Result<(), Error> {
        for (table, columns) in names {
            let mut columns = columns.clone();
            for (_, old, _) in renames.columns.iter().filter(|(of, _, _)| of == table) {
                if !columns.iter().any(|column| same_name(column, old)) {
                    self.run(&format!(
                        "ALTER TABLE {} ADD COLUMN {}",
                        quote(table),
                        quote(old)
                    ))?;
                    columns.push(old.clone());
                }
            }
            let old = renames.name_before(table);
            if !names.iter().any(|(name, _)| same_name(name, old)) {
                self.create(old, &columns)?;
            }
        }
        Ok(())
    }

    /// Whether an expression over a row of a table compiles.
    fn takes(&self, expression: &str, table: &str) -> bool {
        let sql = format!("SELECT ({expression}) FROM {}", quote(table));
        let query = self.0.prepare(&sql);
        query.is_ok_and(|query| query.column_count() == 1)
    }

    /// The first name in an expression that is handed on from one column of the table to another.
    fn handed_on<'r>(
        &self,
        expression: &str,
        table: &str,
        renames: &'r Renames,
    ) -> Result<Option<&'r str>, Error> {
        let of_table = renames
            .columns
            .iter()
            .filter(|(of, _, _)| same_name(of, table));
        for (_, name, _) in of_table.clone() {
            let taken = of_table.clone().any(|(_, _, new)| same_name(new, name));
            if !taken {
                continue;
            }
            let given = [(table.to_owned(), name.clone(), "heirloom_name".to_owned())];
            if self.renamed(expression, table, &given, &[])?.as_deref() != Some(expression) {
                return Ok(Some(name));
            }
        }
        Ok(None)
    }

    /// An expression with the names after. None where it does not compile, or could mean a text.
    fn resolved(
        &self,
        expression: &str,
        table: &str,
        renames: &Renames,
    ) -> Result<Option<String>, Error> {
        let has = |table: &str, column: &str| {
            let sql = format!("SELECT {}.{} FROM {0}", quote(table), quote(column));
            self.0.prepare(&sql).is_ok()
        };
        let former = |table: &str| renames.name_before(table).to_owned();
        let mut columns: Vec<(String, String, String)> = Vec::new();
        let mut places: Vec<(String, String)> = Vec::new();
        let mut instead: Vec<(String, &str)> = Vec::new();
        let unique = |at: usize| format!("heirloom_name_{at}");
        for (of, old, new) in &renames.columns {
            let is_new = renames
                .columns
                .iter()
                .any(|(there, _, name)| same_name(there, of) && same_name(name, old));
            for of in [of.clone(), former(of)] {
                let known = columns
                    .iter()
                    .any(|(there, name, _)| *there == of && name == old);
                if !is_new && !known && has(&of, old) {
                    let name = unique(instead.len());
                    columns.push((of, old.clone(), name.clone()));
                    instead.push((name, new));
                }
            }
        }
        for (old, new) in &renames.tables {
            let is_new = renames.tables.iter().any(|(_, name)| same_name(name, old));
            if !is_new {
                let name = unique(instead.len());
                places.push((old.clone(), name.clone()));
                instead.push((name, new));
            }
        }
        // To SQLite it would be a text, once the name is gone.
        let may_be_a_text = Tokens::new(expression).any(|token| {
            let name = token.name();
            let is_former = columns.iter().any(|(_, old, _)| same_name(old, &name));
            token.text.starts_with('"') && is_former && plain(&name) == name
        });
        let from = [table.to_owned(), former(table)];
        let Some(from) = from.iter().find(|from| self.takes(expression, from)) else {
            return Ok(None);
        };
        if may_be_a_text {
            return Ok(None);
        }
        let renamed = self.renamed(expression, from, &columns, &places)?;
        Ok(renamed.map(|renamed| with_names(&renamed, &instead)))
    }

    /// An expression over a row of a table, as SQLite leaves it when columns and tables get other
    /// names. None where it will not.
    fn renamed(
        &self,
        expression: &str,
        table: &str,
        columns: &[(String, String, String)],
        tables: &[(String, String)],
    ) -> Result<Option<String>, Error> {
        self.run("SAVEPOINT heirloom_conversion")?;
        let mut statements = vec![format!(
            "CREATE VIEW {PROBE} AS SELECT ({expression}) FROM {}",
            quote(table)
        )];
        statements.extend(columns.iter().map(|(of, old, new)| {
            let names = [of, old, new].map(|name| quote(name));
            format!(
                "ALTER TABLE {} RENAME COLUMN {} TO {}",
                names[0], names[1], names[2]
            )
        }));
        statements.extend(
            tables
                .iter()
                .map(|(old, new)| format!("ALTER TABLE {} RENAME TO {}", quote(old), quote(new))),
        );
        let made = self.0.execute_batch(&statements.join(";\n"));
        let text = made.ok().and_then(|()| {
            let sql = format!("SELECT sql FROM sqlite_schema WHERE name = '{PROBE}'");
            self.0.query_row(&sql, [], |row| row.get(0)).ok()
        });
        self.run("ROLLBACK TO heirloom_conversion; RELEASE heirloom_conversion")?;
        Ok(text.and_then(|text: String| {
            let tokens: Vec<_> = Tokens::new(&text).collect();
            // CREATE VIEW name AS SELECT ( … ) FROM table
            let [_, _, _, _, _, open, .., close, _, _] = tokens.as_slice() else {
                return None;
            };
            Some(text[open.start + 1..close.start].to_owned())
        }))
    }
}

/// A text in which names that are found nowhere else are replaced.
fn with_names(text: &str, instead: &[(String, &str)]) -> String {
    let (mut made, mut done) = (String::new(), 0);
    for token in Tokens::new(text) {
        let name = token.name();
        if let Some((_, new)) = instead.iter().find(|(unique, _)| *unique == name) {
            made += &text[done..token.start];
            made += &plain(new);
            done = token.start + token.text.len();
        }
    }
    made + &text[done..]
}
