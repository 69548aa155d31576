//! Tables and views by name, for who reads a stranger's file with SQL of his own: nothing is
//! compiled for it that SQLite would not finish.

use rusqlite::Connection;

use crate::report::error::Error;
use crate::sqlite::execute::failure;
use crate::sqlite::schema::catalog::{self, CatalogEntry, TableEntry};
use crate::sqlite::schema::nesting;
use crate::sqlite::schema::objects::TableKind;
use crate::sqlite::sql::name::same_name;
use crate::sqlite::sql::token::Tokens;

/// What compiles every view of a database, or one whose name SQL computes.
const OF_EVERY_VIEW: [&str; 6] = [
    "table_list",
    "pragma_table_list",
    "pragma_table_info",
    "pragma_table_xinfo",
    "integrity_check",
    "quick_check",
];

/// What a [`Relation`] is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum RelationKind {
    /// With rows of its own.
    Table,
    /// A query with a name.
    View,
    /// Of a module.
    Virtual,
    /// In which a virtual table keeps its rows.
    Shadow,
}

impl RelationKind {
    /// What it is, in words.
    pub fn as_str(self) -> &'static str {
        match self {
            RelationKind::Table => "table",
            RelationKind::View => "view",
            RelationKind::Virtual => "virtual table",
            RelationKind::Shadow => "shadow table",
        }
    }
}

/// A table or a view.
#[derive(Debug, Clone)]
pub struct Relation {
    /// Its name as written.
    pub name: String,
    /// What it is.
    pub kind: RelationKind,
    /// Whether it is a table WITHOUT ROWID.
    pub without_rowid: bool,
}

impl Relation {
    fn of_table(table: TableEntry) -> Relation {
        Relation {
            kind: match table.kind {
                TableKind::Ordinary => RelationKind::Table,
                TableKind::Virtual => RelationKind::Virtual,
                TableKind::Shadow => RelationKind::Shadow,
            },
            without_rowid: table.options().without_rowid,
            name: table.name,
        }
    }

    fn of_view(view: &CatalogEntry) -> Relation {
        Relation {
            name: view.name.clone(),
            kind: RelationKind::View,
            without_rowid: false,
        }
    }
}

/// Every table and view by name, without `sqlite_schema`.
///
/// # Errors
/// What SQLite says.
pub fn relations(connection: &Connection) -> Result<Vec<Relation>, Error> {
    let tables = catalog::tables(connection)?.into_iter();
    let tables = tables.filter(|table| table.name != "sqlite_schema");
    let entries = catalog::entries(connection)?;
    let views = entries.iter().filter(|entry| entry.kind == "view");
    let views = views.map(Relation::of_view);
    let mut found: Vec<Relation> = tables.map(Relation::of_table).chain(views).collect();
    found.sort_by_cached_key(|relation| relation.name.to_ascii_lowercase());
    Ok(found)
}

/// The table or the view of a name.
///
/// # Errors
/// What SQLite says.
pub fn relation(connection: &Connection, name: &str) -> Result<Option<Relation>, Error> {
    let table = catalog::table_named(connection, name)
        .map_err(|error| failure("cannot read the schema", error))?;
    if let Some(table) = table {
        return Ok(Some(Relation::of_table(table)));
    }
    let entries = catalog::entries(connection)?;
    let is_it = |entry: &&CatalogEntry| entry.kind == "view" && same_name(&entry.name, name);
    Ok(entries.iter().find(is_it).map(Relation::of_view))
}

/// Refuses SQL that names a view which SQLite would not finish compiling, where a connection has
/// one. Compiling cannot be interrupted.
///
/// # Errors
/// The refusal, which names a view; what SQLite says.
pub fn refuse_too_nested(connection: &Connection, sql: &str) -> Result<(), Error> {
    let entries = catalog::entries(connection)?;
    let found = nesting::too_nested(&entries);
    if found.is_empty() {
        return Ok(());
    }
    // Full-text search may be over one.
    let tables = catalog::tables(connection)?;
    let searches = tables.iter().filter(|it| it.kind == TableKind::Virtual);
    let searches: Vec<&str> = searches.map(|it| it.name.as_str()).collect();
    let names_one = Tokens::new(sql).any(|token| {
        let name = token.name();
        let is = |other: &str| same_name(other, &name);
        found.iter().any(|entry| is(&entry.name))
            || searches.iter().any(|search| is(search))
            || OF_EVERY_VIEW.iter().any(|pragma| is(pragma))
    });
    match names_one {
        true => nesting::refuse_too_nested(&entries),
        false => Ok(()),
    }
}
