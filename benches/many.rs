//! `heirloom show --check` and `heirloom run` over 10,000 databases with nothing to do, against a loop
//! that opens each and reads one row: `cargo bench --features cli --bench many [COUNT]`.
#![allow(missing_docs, clippy::unwrap_used, clippy::print_stdout)]

mod common;

use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};

use common::{compare_all, time};
use heirloom::Migrator;
use rusqlite::Connection;

fn main() {
    let given = std::env::args().skip(1).find_map(|word| word.parse().ok());
    let count = given.unwrap_or(10_000);
    for mode in ["delete", "wal"] {
        let folder = tempfile::tempdir().unwrap();
        let folder = folder.path();
        let migrations = folder.join("migrations");
        std::fs::create_dir(&migrations).unwrap();
        for n in 1..=10 {
            let sql = format!(
                "CREATE TABLE t{n} (id INTEGER PRIMARY KEY, name TEXT NOT NULL, size INTEGER);\n\
                 CREATE INDEX t{n}_name ON t{n} (name);\n\
                 INSERT INTO t{n} (name) VALUES ('a'), ('b');\n"
            );
            std::fs::write(migrations.join(format!("V{n}__step_{n}.sql")), sql).unwrap();
        }
        let databases = databases(folder, &migrations, mode, count);
        println!("{count} databases, journal mode {mode}:");
        let mut check = || time(|| heirloom(folder, &["show", "--check"]));
        let mut run = || time(|| heirloom(folder, &["run"]));
        let mut rows = || time(|| databases.iter().map(|it| one_row(it)).sum::<i64>());
        let name = "a loop that opens each and reads a row";
        compare_all(
            3,
            1,
            &mut [("  show --check", &mut check), (name, &mut rows)],
        );
        compare_all(3, 0, &mut [("  run", &mut run), (name, &mut rows)]);
    }
}

/// As many copies of one that is up to date.
fn databases(folder: &Path, migrations: &Path, mode: &str, count: usize) -> Vec<PathBuf> {
    let docs = folder.join("docs");
    std::fs::create_dir(&docs).unwrap();
    let first = docs.join("000000.db");
    Migrator::new(migrations).migrate(&first).unwrap();
    let connection = Connection::open(&first).unwrap();
    let set = connection.pragma_update(None, "journal_mode", mode);
    set.unwrap();
    drop(connection);
    let copy = |n| {
        let path = docs.join(format!("{n:06}.db"));
        std::fs::copy(&first, &path).unwrap();
        path
    };
    let others = (1..count).map(copy);
    [first.clone()].into_iter().chain(others).collect()
}

fn heirloom(folder: &Path, arguments: &[&str]) {
    let ended = Command::new(env!("CARGO_BIN_EXE_heirloom"))
        .args(arguments)
        .args(["--database", "docs/*.db"])
        .current_dir(folder)
        .stdout(Stdio::null())
        .status();
    assert!(ended.unwrap().success());
}

/// What an app does first.
fn one_row(database: &Path) -> i64 {
    let connection = Connection::open(database).unwrap();
    let sql = "SELECT version FROM refinery_schema_history ORDER BY version DESC LIMIT 1";
    connection.query_row(sql, [], |row| row.get(0)).unwrap()
}
