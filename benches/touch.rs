//! A nullable column added to a table of 1,000 rows, in a database of 400 MB that has big tables
//! beside it, with everything that a run does around it, against copying the file and syncing the
//! copy, and against the same with SQLite's `quick_check` of that copy: `cargo bench --bench touch`.
#![allow(missing_docs, clippy::unwrap_used, clippy::print_stdout)]

mod common;

use std::path::Path;
use std::time::Duration;

use common::{compare_all, plain_copy, quick_check, time_on_quiet_disk};
use heirloom::{Migrator, Source};
use rusqlite::Connection;

const ROWS: u32 = 3_000_000;
const ROUNDS: usize = 7;

fn main() {
    let rows = std::env::var("HEIRLOOM_BENCH_ROWS").map_or(ROWS, |rows| rows.parse().unwrap());
    // Of the same file system as the project, because that for temporary files may be in memory.
    let folder = tempfile::tempdir_in(".").unwrap();
    for mode in ["wal", "delete"] {
        let original = folder.path().join("original.db");
        fill(&original, mode, rows);
        let bytes = original.metadata().unwrap().len();
        println!("{} MB, journal mode {mode}:", bytes / 1_000_000);
        let copied = |database: &Path| database.with_extension("copy");
        let mut ours = || fresh(&original, migrate);
        let mut copy = || {
            fresh(&original, |database| {
                time_on_quiet_disk(|| plain_copy(database, &copied(database)))
            })
        };
        let mut checked = || {
            fresh(&original, |database| {
                time_on_quiet_disk(|| {
                    plain_copy(database, &copied(database));
                    quick_check(&copied(database));
                })
            })
        };
        compare_all(
            ROUNDS,
            1,
            &mut [
                ("  heirloom", &mut ours),
                ("copy and sync", &mut copy),
                ("copy, sync and quick_check", &mut checked),
            ],
        );
        std::fs::remove_file(&original).unwrap();
    }
}

/// Big tables that refer to each other and to the small one, with indexes.
fn fill(database: &Path, mode: &str, rows: u32) {
    let connection = Connection::open(database).unwrap();
    connection
        .execute_batch(&format!(
            "PRAGMA journal_mode = {mode}; PRAGMA synchronous = OFF;
             CREATE TABLE settings (id INTEGER PRIMARY KEY, name TEXT NOT NULL, value TEXT);
             CREATE TABLE notes (id INTEGER PRIMARY KEY, title TEXT NOT NULL, body TEXT,
                 setting INTEGER REFERENCES settings ON DELETE SET NULL);
             CREATE TABLE tags (id INTEGER PRIMARY KEY, label TEXT,
                 note INTEGER NOT NULL REFERENCES notes ON DELETE CASCADE);
             WITH RECURSIVE n(i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n WHERE i < 1000)
             INSERT INTO settings SELECT i, 'setting ' || i, hex(randomblob(8)) FROM n;
             WITH RECURSIVE n(i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n WHERE i < {rows})
             INSERT INTO notes SELECT i, 'title ' || (i * 7919 % {rows}), hex(randomblob(20)),
                 1 + i % 1000 FROM n;
             INSERT INTO tags SELECT id, 'tag ' || id % 100, id FROM notes;
             CREATE INDEX notes_title ON notes (title);
             CREATE INDEX tags_note ON tags (note);
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

fn migrate(database: &Path) -> Duration {
    let sql = "ALTER TABLE settings ADD COLUMN hint TEXT";
    let migrator = Migrator::new(Source::of_files([("V1__hint.sql", sql)]));
    time_on_quiet_disk(|| migrator.migrate(database).unwrap())
}
