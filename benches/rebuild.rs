//! A rebuild of a table with five million rows and two indexes, with everything that a run
//! does around it, against the SQL for the same change written by hand: run by the `sqlite3`
//! shell; after a copy of the file that is synced; and by the same SQLite after such a copy.
//! `cargo bench --bench rebuild` (Linux, about 4 GB of disk in the folder for temporary files).
#![allow(missing_docs, clippy::unwrap_used, clippy::print_stdout)]

mod common;

use std::io::Write;
use std::path::Path;
use std::process::{Command, Stdio};
use std::time::Duration;

use common::{compare_all, peak_memory, plain_copy, time};
use heirloom::{Migrator, Source};
use rusqlite::Connection;

const RUN: &str = "HEIRLOOM_BENCH_REBUILD";
/// Set, a listener is told how far the filling is.
const LISTENER: &str = "HEIRLOOM_BENCH_LISTENER";
const ROWS: u32 = 5_000_000;
const ROUNDS: usize = 3;

/// The one change: `plan` takes no NULL any more, and has another default.
const REBUILD: &str = "
    CREATE TABLE new_users (id INTEGER PRIMARY KEY, name TEXT NOT NULL, email TEXT NOT NULL,
        plan TEXT NOT NULL DEFAULT 'trial', score INTEGER);
    INSERT INTO new_users (id, name, email, plan, score)
        SELECT id, name, email, plan, score FROM users;
    DROP TABLE users;
    ALTER TABLE new_users RENAME TO users;
    CREATE INDEX users_email ON users (email);
    CREATE INDEX users_score ON users (score, name);";

fn main() {
    if let Some(database) = std::env::var_os(RUN) {
        return migrate(Path::new(&database));
    }
    let rows = std::env::var("HEIRLOOM_BENCH_ROWS").map_or(ROWS, |rows| rows.parse().unwrap());
    for mode in ["wal", "delete"] {
        let folder = tempfile::tempdir().unwrap();
        let original = folder.path().join("original.db");
        fill(&original, mode, rows);
        let bytes = original.metadata().unwrap().len();
        println!(
            "{rows} rows, {} MB, journal mode {mode}:",
            bytes / 1_000_000
        );
        let mut memory = 0;
        let mut heirloom = || {
            fresh(&original, |database| {
                time(|| memory = memory.max(in_a_process_of_its_own(database)))
            })
        };
        let mut shell = || fresh(&original, |database| time(|| by_hand(database)));
        let mut copy_and_shell = || {
            fresh(&original, |database| {
                time(|| (copied(database), by_hand(database)))
            })
        };
        let mut copy_and_same = || {
            fresh(&original, |database| {
                time(|| (copied(database), by_the_same(database)))
            })
        };
        compare_all(
            ROUNDS,
            1,
            &mut [
                ("  heirloom", &mut heirloom),
                ("sqlite3 by hand", &mut shell),
                ("copy, sync and sqlite3 by hand", &mut copy_and_shell),
                ("copy, sync and the same SQLite by hand", &mut copy_and_same),
            ],
        );
        println!("  heirloom took at most {memory} KB of memory");
    }
}

fn fill(database: &Path, mode: &str, rows: u32) {
    let connection = Connection::open(database).unwrap();
    connection
        .execute_batch(&format!(
            "PRAGMA journal_mode = {mode}; PRAGMA synchronous = OFF;
             CREATE TABLE users (id INTEGER PRIMARY KEY, name TEXT NOT NULL, email TEXT NOT NULL,
                 plan TEXT DEFAULT 'free', score INTEGER);
             WITH RECURSIVE n(i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n WHERE i < {rows})
             INSERT INTO users SELECT i, 'name ' || (i * 7919 % {rows}),
                 'user' || (i * 104729 % {rows}) || '@example.org', 'free', i % 1000 FROM n;
             CREATE INDEX users_email ON users (email);
             CREATE INDEX users_score ON users (score, name);
             PRAGMA wal_checkpoint(TRUNCATE);"
        ))
        .unwrap();
}

/// Does something to a copy in a folder of its own, which goes afterwards. What was written
/// for the copy is on the disk before.
fn fresh(original: &Path, work: impl FnOnce(&Path) -> Duration) -> Duration {
    let folder = tempfile::tempdir_in(original.parent().unwrap()).unwrap();
    let database = folder.path().join("app.db");
    plain_copy(original, &database);
    work(&database)
}

fn in_a_process_of_its_own(database: &Path) -> u64 {
    let output = Command::new(std::env::current_exe().unwrap())
        .env(RUN, database)
        .output()
        .unwrap();
    assert!(output.status.success(), "{output:?}");
    String::from_utf8(output.stdout)
        .unwrap()
        .trim()
        .parse()
        .unwrap()
}

/// The whole run: copied, verified, counted, rebuilt, proved. Prints its highest memory.
fn migrate(database: &Path) {
    let mut migrator = Migrator::new(Source::of_files([("V1__rebuild.sql", REBUILD)]));
    if std::env::var_os(LISTENER).is_some() {
        migrator = migrator.on_event(|_| {});
    }
    migrator.migrate(database).unwrap();
    println!("{}", peak_memory());
}

fn copied(database: &Path) {
    plain_copy(database, &database.with_extension("copy"));
}

/// The least that does the same, as durably as heirloom does it.
const BY_HAND: [&str; 3] = [
    "PRAGMA foreign_keys = OFF; PRAGMA synchronous = EXTRA;\nBEGIN IMMEDIATE;",
    REBUILD,
    "\nCOMMIT;\n",
];

fn by_the_same(database: &Path) {
    let connection = Connection::open(database).unwrap();
    connection.execute_batch(&BY_HAND.concat()).unwrap();
}

fn by_hand(database: &Path) {
    let mut shell = Command::new("sqlite3")
        .arg("-bail")
        .arg(database)
        .stdin(Stdio::piped())
        .spawn()
        .unwrap();
    shell
        .stdin
        .take()
        .unwrap()
        .write_all(BY_HAND.concat().as_bytes())
        .unwrap();
    assert!(shell.wait().unwrap().success());
}
