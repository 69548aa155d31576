//! What SQLite says of one table: its columns, its references, its indexes.

use rusqlite::{Connection, Row};

use crate::inspect::description::{ColumnInfo, ForeignKeyInfo, Generation, IndexInfo};
use crate::report::error::Error;
use crate::sqlite::binding;
use crate::sqlite::execute::{failure, is_wrong_sql, lossy, lossy_or_null};
use crate::sqlite::schema::catalog;
use crate::sqlite::schema::objects::TableKind;
use crate::sqlite::sql::name::same_name;

const COLUMNS: &str = "SELECT name, type, \"notnull\", dflt_value, pk, hidden
    FROM pragma_table_xinfo(?1, 'main') ORDER BY cid";
const FOREIGN_KEYS: &str = "SELECT id, \"table\", \"from\", \"to\", on_update, on_delete
    FROM pragma_foreign_key_list(?1, 'main') ORDER BY id DESC, seq";
const INDEXES: &str = "SELECT l.name, l.\"unique\", l.partial, l.origin, s.sql
    FROM pragma_index_list(?1, 'main') AS l
    LEFT JOIN main.sqlite_schema AS s ON s.type = 'index' AND s.name = l.name ORDER BY l.name";
const INDEX_COLUMNS: &str = "SELECT coalesce(name, '<expression>') || iif(\"desc\", ' DESC', '')
    FROM pragma_index_xinfo(?1, 'main') WHERE key ORDER BY seqno";

/// Rows of one question about one name. None where it makes no sense: the module of a virtual
/// table is missing, a view names what is gone.
fn ask<T>(
    connection: &Connection,
    sql: &str,
    name: &str,
    read: impl FnMut(&Row<'_>) -> rusqlite::Result<T>,
) -> Result<Vec<T>, Error> {
    let rows = || connection.prepare(sql)?.query_map([name], read)?.collect();
    match rows() {
        Err(error) if is_wrong_sql(&error) => Ok(Vec::new()),
        rows => rows.map_err(|error| failure(format!("cannot read the schema of `{name}`"), error)),
    }
}

/// The columns of a table or a view.
pub(crate) fn columns(connection: &Connection, table: &str) -> Result<Vec<ColumnInfo>, Error> {
    ask(connection, COLUMNS, table, |row| {
        let name = lossy(row, 0)?;
        // A view has no such columns of its own.
        let (collation, autoincrement) =
            binding::column(connection, table, &name).unwrap_or_default();
        let hidden: i64 = row.get(5)?;
        Ok(ColumnInfo {
            declared: lossy(row, 1)?,
            not_null: row.get(2)?,
            default: lossy_or_null(row, 3)?,
            primary_key: row.get::<_, Option<u32>>(4)?.filter(|place| *place > 0),
            autoincrement,
            generated: match hidden {
                2 => Some(Generation::Virtual),
                3 => Some(Generation::Stored),
                _ => None,
            },
            hidden: hidden == 1,
            collation: collation.filter(|name| !same_name(name, "BINARY")),
            name,
        })
    })
}

/// What a table refers to, in the order of its text.
pub(crate) fn foreign_keys(
    connection: &Connection,
    table: &str,
) -> Result<Vec<ForeignKeyInfo>, Error> {
    let rows = ask(connection, FOREIGN_KEYS, table, |row| {
        let key = ForeignKeyInfo {
            table: lossy(row, 1)?,
            columns: vec![lossy(row, 2)?],
            to: lossy_or_null(row, 3)?.into_iter().collect(),
            on_update: row.get(4)?,
            on_delete: row.get(5)?,
        };
        Ok((row.get::<_, i64>(0)?, key))
    })?;
    let mut keys: Vec<(i64, ForeignKeyInfo)> = Vec::new();
    for (id, key) in rows {
        match keys.last_mut().filter(|(last, _)| *last == id) {
            Some((_, known)) => {
                known.columns.extend(key.columns);
                known.to.extend(key.to);
            }
            None => keys.push((id, key)),
        }
    }
    Ok(keys.into_iter().map(|(_, key)| key).collect())
}

/// The indexes of a table by name, but for the one that a WITHOUT ROWID table itself is.
pub(crate) fn indexes(connection: &Connection, table: &str) -> Result<Vec<IndexInfo>, Error> {
    let mut indexes = ask(connection, INDEXES, table, |row| {
        Ok(IndexInfo {
            name: lossy(row, 0)?,
            columns: Vec::new(),
            unique: row.get(1)?,
            partial: row.get(2)?,
            of_constraint: row.get::<_, String>(3)? != "c",
            sql: lossy_or_null(row, 4)?,
        })
    })?;
    for index in &mut indexes {
        index.columns = ask(connection, INDEX_COLUMNS, &index.name, |row| lossy(row, 0))?;
    }
    Ok(indexes)
}

/// The rows of a table. None where they cannot be counted: those of a search table may be those of
/// a view, which is not compiled where views are too nested.
pub(crate) fn rows(
    connection: &Connection,
    table: &str,
    kind: TableKind,
    views_are_too_nested: bool,
) -> Result<Option<u64>, Error> {
    match views_are_too_nested && kind == TableKind::Virtual {
        true => Ok(None),
        false => catalog::row_count(connection, table),
    }
}
