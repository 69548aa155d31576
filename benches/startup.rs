//! Start-up with nothing to do, until the app has read its first row, against opening the file and
//! reading that row with rusqlite: `cargo bench --bench startup`.
#![allow(missing_docs, clippy::unwrap_used, clippy::print_stdout)]

mod common;

use common::{compare, embedded, time};
use heirloom::Migrator;
use rusqlite::Connection;

fn main() {
    let folder = tempfile::tempdir().unwrap();
    type Statements = fn(usize) -> String;
    let table_each: Statements = |n| {
        format!("CREATE TABLE t{n} (id INTEGER PRIMARY KEY, name TEXT NOT NULL, size INTEGER);")
    };
    let row_each: Statements = |n| match n {
        1 => "CREATE TABLE t (id INTEGER PRIMARY KEY, name TEXT);".to_owned(),
        n => format!("INSERT INTO t (name) VALUES ('{n}');"),
    };
    let shapes = [
        ("200 migrations, 200 tables", 200, table_each),
        ("200 migrations, one table", 200, row_each),
        ("20 migrations, one table", 20, row_each),
    ];
    for (shape, count, statements) in shapes {
        for mode in ["delete", "wal"] {
            let path = folder.path().join(format!("{shape}-{mode}.db"));
            let migrations = embedded(count, statements);
            Migrator::new(migrations).migrate(&path).unwrap();
            let connection = Connection::open(&path).unwrap();
            connection
                .pragma_update(None, "journal_mode", mode)
                .unwrap();
            drop(connection);
            println!("{shape}, journal mode {mode}:");
            compare(
                300,
                3,
                ("  heirloom, and one row", || {
                    time(|| one_row(Migrator::new(migrations).open(&path).unwrap().connection))
                }),
                ("open and one row", || {
                    time(|| one_row(Connection::open(&path).unwrap()))
                }),
            );
        }
    }
}

/// What the app does first.
fn one_row(connection: Connection) -> (Connection, i64) {
    let sql = "SELECT version FROM refinery_schema_history ORDER BY version DESC LIMIT 1";
    let version = connection.query_row(sql, [], |row| row.get(0)).unwrap();
    (connection, version)
}
