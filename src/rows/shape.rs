//! What a table is made of, as far as its rows are concerned.

use rusqlite::Connection;

use crate::report::error::Error;
use crate::sqlite::execute::failure;
use crate::sqlite::schema::catalog::{self, Rowids};
use crate::sqlite::schema::objects::{Table, TableKind};
use crate::sqlite::sql::name::same_name;

/// A table whose rows can be distinguished.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Shape {
    /// The name as the schema has it.
    pub(crate) table: String,
    /// In the order of the table, hidden ones left out.
    pub(crate) columns: Vec<ShapeColumn>,
    /// What the rowid can be called, none in a table without rowids.
    pub(crate) rowid: Option<&'static str>,
    /// Whether the rowid is a column of its own (`INTEGER PRIMARY KEY`).
    pub(crate) rowid_is_key: bool,
    /// Keys whose columns are never NULL, the primary key first.
    pub(crate) keys: Vec<Vec<String>>,
    /// The columns of every index that lets a value occur only once.
    pub(crate) unique: Vec<String>,
    /// Whether the texts of the database are UTF-8, in whose order they are compared here.
    pub(crate) is_utf8: bool,
}

/// A column of it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct ShapeColumn {
    pub(crate) name: String,
    pub(crate) declared: String,
    pub(crate) generated: bool,
    pub(crate) not_null: bool,
}

const COLUMNS: &str =
    "SELECT name, type, hidden, \"notnull\", pk FROM pragma_table_xinfo(?1, 'main')
    WHERE hidden <> 1 ORDER BY cid";
const UNIQUE: &str = "SELECT name, origin, partial FROM pragma_index_list(?1, 'main')
    WHERE \"unique\" ORDER BY origin <> 'pk', seq";
const OF_INDEX: &str = "SELECT name FROM pragma_index_info(?1, 'main') ORDER BY seqno";

impl Shape {
    /// Reads a table. None where there is none of that name, or where it cannot be read (a
    /// virtual table whose module is not here).
    pub(crate) fn of(connection: &Connection, table: &str) -> Result<Option<Shape>, Error> {
        match catalog::rowids(connection, table)? {
            Some(rowids) => Shape::with(connection, &rowids),
            None => Ok(None),
        }
    }

    /// The same of a table of a schema that was read.
    pub(crate) fn of_table(connection: &Connection, table: &Table) -> Result<Option<Shape>, Error> {
        let rowids = catalog::rowids_of(connection, table.into())?;
        Shape::with(connection, &rowids)
    }

    fn with(connection: &Connection, rowids: &Rowids) -> Result<Option<Shape>, Error> {
        let read = || -> rusqlite::Result<Shape> {
            let mut primary: Vec<(i64, String)> = Vec::new();
            let mut columns = Vec::new();
            let mut statement = connection.prepare(COLUMNS)?;
            let mut rows = statement.query([&rowids.table])?;
            while let Some(row) = rows.next()? {
                let name: String = row.get(0)?;
                let place: i64 = row.get(4)?;
                if place > 0 {
                    primary.push((place, name.clone()));
                }
                columns.push(ShapeColumn {
                    name,
                    declared: row.get::<_, Option<String>>(1)?.unwrap_or_default(),
                    generated: row.get::<_, i64>(2)? != 0,
                    not_null: row.get(3)?,
                });
            }
            primary.sort();
            let primary: Vec<String> = primary.into_iter().map(|(_, name)| name).collect();
            let mut keys = Vec::new();
            if !primary.is_empty() {
                keys.push(primary);
            }
            let mut unique = Vec::new();
            let mut statement = connection.prepare(UNIQUE)?;
            let mut rows = statement.query([&rowids.table])?;
            while let Some(row) = rows.next()? {
                let index: String = row.get(0)?;
                let mut statement = connection.prepare(OF_INDEX)?;
                let of_index = statement.query_map([index], |row| row.get(0))?;
                let names: Vec<Option<String>> = of_index.collect::<Result<_, _>>()?;
                unique.extend(names.iter().flatten().cloned());
                let Some(names) = names.into_iter().collect::<Option<Vec<String>>>() else {
                    continue;
                };
                let is_never_null = |name: &String| {
                    let mut all = columns.iter();
                    all.any(|column| same_name(&column.name, name) && column.not_null)
                };
                let whole = !row.get::<_, bool>(2)?;
                if row.get::<_, String>(1)? != "pk" && whole && names.iter().all(is_never_null) {
                    keys.push(names);
                }
            }
            let encoding: String = connection.query_row("PRAGMA encoding", [], |row| row.get(0))?;
            Ok(Shape {
                table: rowids.table.clone(),
                columns,
                rowid: rowids.alias,
                rowid_is_key: rowids.is_a_column,
                keys,
                unique,
                is_utf8: encoding == "UTF-8",
            })
        };
        match read() {
            Ok(shape) if shape.columns.is_empty() => Ok(None),
            Ok(shape) => Ok(Some(shape)),
            Err(_) if rowids.kind == TableKind::Virtual => Ok(None),
            Err(error) => Err(failure(format!("cannot read `{}`", rowids.table), error)),
        }
    }

    /// A column by its name.
    pub(crate) fn column(&self, name: &str) -> Option<&ShapeColumn> {
        self.columns
            .iter()
            .find(|column| same_name(&column.name, name))
    }

    /// The columns that can be written to.
    pub(crate) fn writable(&self) -> impl Iterator<Item = &ShapeColumn> {
        self.columns.iter().filter(|column| !column.generated)
    }
}
