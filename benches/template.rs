//! A database for a test, with 200 migrations applied and 200 tables, from a template: open, one
//! row. `sqlite3_deserialize`, which the template uses, against SQLite's backup API into memory,
//! and against migrating in memory each time: `cargo bench --bench template`.
#![allow(missing_docs, clippy::unwrap_used, clippy::print_stdout)]

mod common;

use common::{compare, embedded, time};
use heirloom::Migrator;
use rusqlite::Connection;
use rusqlite::backup::Backup;

fn main() {
    let migrations = embedded(200, |n| {
        format!("CREATE TABLE t{n} (id INTEGER PRIMARY KEY, name TEXT NOT NULL, size INTEGER);")
    });
    let first = time(|| Migrator::new(migrations).template().unwrap());
    println!("the first: {first:.1?}");
    let template = Migrator::new(migrations).template().unwrap();
    let source = template.open().unwrap();
    let by_template = || {
        let connection = template.open().unwrap();
        one_row(connection)
    };
    let by_backup = || {
        let mut connection = Connection::open_in_memory().unwrap();
        let backup = Backup::new(&source, &mut connection).unwrap();
        backup.step(-1).unwrap();
        drop(backup);
        one_row(connection)
    };
    let by_migrating = || {
        let connection = Connection::open_in_memory().unwrap();
        for file in migrations.files() {
            connection
                .execute_batch(file.contents_utf8().unwrap())
                .unwrap();
        }
        connection
    };
    let deserialized = ("template", || time(by_template));
    compare(500, 5, deserialized, ("backup API", || time(by_backup)));
    let deserialized = ("template", || time(by_template));
    compare(
        200,
        5,
        deserialized,
        ("the bare SQL", || time(by_migrating)),
    );
}

fn one_row(connection: Connection) -> Connection {
    let count = "SELECT count(*) FROM t200";
    let rows: i64 = connection.query_row(count, [], |row| row.get(0)).unwrap();
    assert_eq!(rows, 0);
    connection
}
