//! What ANALYZE found out about a table, kept while the table is rebuilt: DROP TABLE
//! deletes it (<https://sqlite.org/fileformat2.html#the_sqlite_stat1_table>).

use rusqlite::types::Value;
use rusqlite::{Connection, params_from_iter};

use crate::report::error::Error;
use crate::sqlite::execute::{failure, is_no_such_table};
use crate::sqlite::sql::name::same_name;

/// The tables that hold statistics, and their columns beside `tbl` and `idx`.
const STORES: [(&str, &[&str]); 2] = [
    ("sqlite_stat1", &["stat"]),
    ("sqlite_stat4", &["neq", "nlt", "ndlt", "sample"]),
];
/// The columns of an index, none where there is no such index.
const SHAPE: &str =
    "SELECT group_concat(coalesce(name, '') || ' ' || coll || ' ' || \"desc\" || ' ' || key)
    FROM pragma_index_xinfo(?1, 'main')";

/// The statistics of one table.
#[derive(Debug, Default)]
pub(crate) struct Statistics {
    table: String,
    rows: Vec<Row>,
}

#[derive(Debug)]
struct Row {
    store: &'static str,
    /// None for a table without indexes.
    index: Option<String>,
    shape: Option<String>,
    values: Vec<Value>,
}

fn cannot(error: rusqlite::Error) -> Error {
    failure("cannot keep the statistics of ANALYZE", error)
}

impl Statistics {
    /// Reads what is known of a table, which may be nothing.
    pub(crate) fn of(connection: &Connection, table: &str) -> Result<Statistics, Error> {
        let mut rows = Vec::new();
        for (store, columns) in STORES {
            let columns = columns.join(", ");
            let sql = format!(
                "SELECT idx, {columns} FROM main.{store} WHERE tbl = ?1 COLLATE NOCASE ORDER BY rowid"
            );
            let mut statement = match connection.prepare(&sql) {
                Err(error) if is_no_such_table(&error) => continue,
                prepared => prepared.map_err(cannot)?,
            };
            let count = statement.column_count();
            let found = statement.query_map([table], |row| {
                let index: Option<String> = row.get(0)?;
                Ok(Row {
                    store,
                    shape: shape(connection, index.as_deref())?,
                    index,
                    values: (1..count).map(|at| row.get(at)).collect::<Result<_, _>>()?,
                })
            });
            let found = found.and_then(Iterator::collect::<Result<Vec<_>, _>>);
            rows.extend(found.map_err(cannot)?);
        }
        Ok(Statistics {
            table: table.to_owned(),
            rows,
        })
    }

    /// Puts back what a rebuild took away, for indexes that are there again as they were. A
    /// table that has statistics keeps them: they are newer. True when something was put back.
    pub(crate) fn put_back(&self, connection: &Connection, now: &str) -> Result<bool, Error> {
        if self.rows.is_empty() || !Statistics::of(connection, now)?.rows.is_empty() {
            return Ok(false);
        }
        let mut put_back = false;
        for row in &self.rows {
            // The key of a table without rowids goes by the table's name.
            let index = match &row.index {
                Some(index) if same_name(index, &self.table) => Some(now),
                index => index.as_deref(),
            };
            if shape(connection, index).map_err(cannot)? != row.shape {
                continue;
            }
            let places = vec!["?"; row.values.len() + 2].join(", ");
            let names = [Some(now), index].map(|name| Value::from(name.map(str::to_owned)));
            let values = names.iter().chain(&row.values);
            connection
                .execute(
                    &format!("INSERT INTO main.{} VALUES ({places})", row.store),
                    params_from_iter(values),
                )
                .map_err(cannot)?;
            put_back = true;
        }
        Ok(put_back)
    }
}

fn shape(connection: &Connection, index: Option<&str>) -> rusqlite::Result<Option<String>> {
    connection.query_row(SHAPE, [index], |row| row.get(0))
}
