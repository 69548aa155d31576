//! The highest memory of a run, on a small database and on one forty times larger, each in
//! a process of its own: `cargo bench --bench memory` (Linux).
#![allow(missing_docs, clippy::unwrap_used, clippy::print_stdout)]

mod common;

use std::path::Path;
use std::process::Command;

use common::peak_memory;
use heirloom::{Migrator, Source};
use rusqlite::Connection;

const RUN: &str = "HEIRLOOM_BENCH_MEMORY";

fn main() {
    if let Some(database) = std::env::var_os(RUN) {
        return migrate(Path::new(&database));
    }
    let folder = tempfile::tempdir().unwrap();
    let mut peaks = Vec::new();
    for (name, rows) in [("small", 25_000), ("large", 1_000_000)] {
        let database = folder.path().join(name).join("app.db");
        std::fs::create_dir(database.parent().unwrap()).unwrap();
        fill(&database, rows);
        let bytes = database.metadata().unwrap().len();
        let output = Command::new(std::env::current_exe().unwrap())
            .env(RUN, &database)
            .output()
            .unwrap();
        let peak: u64 = String::from_utf8(output.stdout)
            .unwrap()
            .trim()
            .parse()
            .unwrap();
        println!(
            "{rows} rows, {} MB: at most {peak} KB of memory",
            bytes / 1_000_000
        );
        peaks.push(peak);
    }
    println!("ratio {:.2}", peaks[1] as f64 / peaks[0] as f64);
}

fn fill(database: &Path, rows: u32) {
    let connection = Connection::open(database).unwrap();
    connection
        .execute_batch(&format!(
            "CREATE TABLE parent (id INTEGER PRIMARY KEY, name TEXT, note TEXT);
             CREATE TABLE child (id INTEGER PRIMARY KEY, parent REFERENCES parent ON DELETE CASCADE);
             WITH RECURSIVE n(i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n WHERE i < {rows})
             INSERT INTO parent SELECT i, 'name ' || i, hex(randomblob(40)) FROM n;
             INSERT INTO child SELECT id, id FROM parent;"
        ))
        .unwrap();
}

/// A run that rebuilds the parent and then fails, so that the database is also compared
/// with the copy.
fn migrate(database: &Path) {
    let sql = "CREATE TABLE new_parent (id INTEGER PRIMARY KEY, name TEXT NOT NULL, note TEXT);
        INSERT INTO new_parent SELECT id, name, note FROM parent;
        DROP TABLE parent;
        ALTER TABLE new_parent RENAME TO parent;";
    let failing = "INSERT INTO parent VALUES (1, NULL, NULL);";
    let both = [("V1__rebuild.sql", sql), ("V2__fail.sql", failing)];
    Migrator::new(Source::of_files(both))
        .migrate(database)
        .unwrap_err();
    Migrator::new(Source::of_files([("V1__rebuild.sql", sql)]))
        .migrate(database)
        .unwrap();
    println!("{}", peak_memory());
}
