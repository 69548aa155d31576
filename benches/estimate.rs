//! What `show` foretells of a rebuild, against what a rehearsal of it finds, for tables of
//! several shapes: `cargo bench --bench estimate`. The constants in `src/estimate.rs` come from
//! here.
#![allow(missing_docs, clippy::unwrap_used, clippy::print_stdout)]

use std::path::Path;

use heirloom::{Migrator, Source};
use rusqlite::Connection;

/// Rows, columns beside the key, characters in each, indexes.
const SHAPES: [(u32, u32, u32, u32); 6] = [
    (1_000_000, 5, 12, 0),
    (1_000_000, 5, 12, 2),
    (1_000_000, 5, 12, 5),
    (3_000_000, 3, 20, 2),
    (200_000, 3, 300, 1),
    (50_000, 1, 6000, 0),
];

fn main() {
    for mode in ["wal", "delete"] {
        println!("journal mode {mode}:");
        for shape @ (rows, columns, characters, indexes) in SHAPES {
            let folder = tempfile::tempdir().unwrap();
            let database = folder.path().join("app.db");
            fill(&database, mode, shape);
            let migrator = Migrator::new(Source::of_files([("V1__rebuild.sql", rebuild(shape))]));
            let foretold = &migrator.database(&database).plan(None).unwrap().steps[0];
            let foretold = foretold.estimate.as_ref().unwrap();
            let found = migrator.database(&database).rehearse(None).unwrap();
            let disk_bytes = found.disk_bytes.unwrap();
            let took = found.applied[0].duration;
            println!(
                "  {rows} rows of {columns} x {characters}, {indexes} indexes, {} MB: {:.1?} foretold, {took:.1?} found, ratio {:.2}; disk {} MB foretold, {} MB found, ratio {:.2}",
                foretold.rebuilds[0].bytes / 1_000_000,
                foretold.duration,
                foretold.duration.as_secs_f64() / took.as_secs_f64(),
                foretold.disk_bytes / 1_000_000,
                disk_bytes / 1_000_000,
                foretold.disk_bytes as f64 / disk_bytes as f64,
            );
        }
    }
}

/// `c0 TEXT, c1 TEXT, …`
fn columns(count: u32, each: impl Fn(u32) -> String) -> String {
    (0..count).map(each).collect::<Vec<_>>().join(", ")
}

fn indexes(count: u32) -> String {
    (0..count)
        .map(|n| format!("CREATE INDEX i{n} ON t (c{n});"))
        .collect()
}

fn fill(database: &Path, mode: &str, (rows, count, characters, indexed): (u32, u32, u32, u32)) {
    let declared = columns(count, |n| format!("c{n} TEXT"));
    let values = columns(count, |n| {
        format!("printf('%0{characters}d', i * 7919 % {rows} + {n})")
    });
    let connection = Connection::open(database).unwrap();
    connection
        .execute_batch(&format!(
            "PRAGMA journal_mode = {mode}; PRAGMA synchronous = OFF;
             CREATE TABLE t (id INTEGER PRIMARY KEY, {declared});
             WITH RECURSIVE n(i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n WHERE i < {rows})
             INSERT INTO t SELECT i, {values} FROM n;
             {}",
            indexes(indexed)
        ))
        .unwrap();
}

fn rebuild((_, count, _, indexed): (u32, u32, u32, u32)) -> String {
    let declared = columns(count, |n| format!("c{n} TEXT NOT NULL"));
    let names = columns(count, |n| format!("c{n}"));
    format!(
        "CREATE TABLE n (id INTEGER PRIMARY KEY, {declared});
         INSERT INTO n (id, {names}) SELECT id, {names} FROM t;
         DROP TABLE t; ALTER TABLE n RENAME TO t; {}",
        indexes(indexed)
    )
}
