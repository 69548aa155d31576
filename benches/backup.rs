//! A snapshot of 1 GB, verified, digested and synced, against copying the file and syncing
//! it, the same with SQLite's `quick_check` of the copy, and against SQLite's backup API as the
//! `sqlite3` shell uses it:
//! `cargo bench --bench backup`.
#![allow(missing_docs, clippy::unwrap_used, clippy::print_stdout)]

mod common;

use std::fs::File;
use std::path::Path;

use common::{compare_all, plain_copy, quick_check, time_on_quiet_disk};
use heirloom::Migrator;
use rusqlite::Connection;
use rusqlite::backup::Backup;

const ROWS: u32 = 1_000_000;
const ROUNDS: usize = 5;

fn main() {
    let folder = tempfile::tempdir_in(".").unwrap();
    for mode in ["delete", "wal"] {
        let database = folder.path().join(format!("{mode}.db"));
        fill(&database, mode);
        let bytes = database.metadata().unwrap().len();
        println!("{} MB, journal mode {mode}:", bytes / 1_000_000);
        let copy = folder.path().join("copy.db");
        let snapshots = folder.path().join("snapshots");
        let migrator = Migrator::new("none");
        let mut ours = || {
            let taken = time_on_quiet_disk(|| migrator.database(&database).snapshot("s").unwrap());
            std::fs::remove_dir_all(&snapshots).unwrap();
            taken
        };
        let other = |work: &dyn Fn()| {
            let taken = time_on_quiet_disk(work);
            std::fs::remove_file(&copy).unwrap();
            taken
        };
        compare_all(
            ROUNDS,
            3,
            &mut [
                ("  heirloom", &mut ours),
                ("copy and sync", &mut || {
                    other(&|| plain_copy(&database, &copy))
                }),
                ("copy, sync and quick_check", &mut || {
                    other(&|| {
                        plain_copy(&database, &copy);
                        quick_check(&copy);
                    })
                }),
                ("backup API and sync", &mut || {
                    other(&|| by_api(&database, &copy))
                }),
            ],
        );
        std::fs::remove_file(&database).unwrap();
    }
}

fn fill(database: &Path, mode: &str) {
    let connection = Connection::open(database).unwrap();
    connection
        .execute_batch(&format!(
            "PRAGMA journal_mode = {mode};
             CREATE TABLE t (id INTEGER PRIMARY KEY, name TEXT, data BLOB);
             WITH RECURSIVE n(i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n WHERE i < {ROWS})
             INSERT INTO t SELECT i, 'name ' || i, randomblob(950) FROM n;"
        ))
        .unwrap();
}

fn by_api(database: &Path, copy: &Path) {
    let source = Connection::open(database).unwrap();
    let mut target = Connection::open(copy).unwrap();
    let backup = Backup::new(&source, &mut target).unwrap();
    backup.step(-1).unwrap();
    drop(backup);
    drop(target);
    File::open(copy).unwrap().sync_all().unwrap();
}
