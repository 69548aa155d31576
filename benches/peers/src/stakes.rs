//! What is counted, and not timed: rows that are left, starts that fail.

use std::path::Path;
use std::process::{Child, Command, Stdio};
use std::time::Instant;

use heirloom::rusqlite::Connection;

use crate::peer::{Peer, Set};

/// The rows that referred to a table before its textbook rebuild, with ON DELETE CASCADE, and are
/// still there of three; and what the migrator said of the rebuild.
pub fn children_left(peer: Peer) -> (i64, Result<(), String>) {
    let folder = tempfile::tempdir().unwrap();
    let database = folder.path().join("app.db");
    let before = peer.prepare(&Set::Family, folder.path());
    before.migrate(&database).unwrap();
    let rebuild = peer.prepare(&Set::FamilyRebuilt, folder.path());
    let said = rebuild.migrate(&database);
    let count = "SELECT count(*) FROM child";
    let connection = Connection::open(&database).unwrap();
    let left = connection.query_row(count, [], |row| row.get(0)).unwrap();
    (left, said)
}

/// In how many of `trials` two processes, started together on a new file, did not both succeed.
pub fn double_starts_failed(peer: Peer, program: &Path, trials: usize) -> usize {
    let folder = tempfile::tempdir().unwrap();
    peer.prepare(&Set::Small(20), folder.path());
    let database = folder.path().join("app.db");
    let start = || start(peer, "small-20", program, folder.path(), &database);
    let fails = |_: &usize| {
        remove(&database);
        let copies = [start(), start()];
        // Both are waited for.
        let done = copies.map(|mut copy| copy.wait().unwrap().success());
        done != [true, true]
    };
    (0..trials).filter(fails).count()
}

/// In how many of `trials` a database never opens again, whose run of 60 migrations was killed at
/// a random instant.
pub fn killed_for_good(peer: Peer, program: &Path, trials: usize) -> usize {
    let folder = tempfile::tempdir().unwrap();
    peer.prepare(&Set::Small(60), folder.path());
    let database = folder.path().join("app.db");
    let start = || start(peer, "small-60", program, folder.path(), &database);
    let started = Instant::now();
    assert!(start().wait().unwrap().success());
    let whole = started.elapsed();
    let mut seed = 7_u64;
    let mut is_stuck = |_: &usize| {
        remove(&database);
        seed = seed
            .wrapping_mul(6_364_136_223_846_793_005)
            .wrapping_add(1_442_695_040_888_963_407);
        let part = (seed >> 33) as f64 / f64::from(1_u32 << 31);
        let mut victim = start();
        std::thread::sleep(whole.mul_f64(part));
        let _ = victim.kill();
        let _ = victim.wait();
        !start().wait().unwrap().success()
    };
    (0..trials).filter(|trial| is_stuck(trial)).count()
}

fn start(peer: Peer, set: &str, program: &Path, folder: &Path, database: &Path) -> Child {
    Command::new(program)
        .args([peer.name(), set])
        .args([folder, database])
        .stdout(Stdio::null())
        .stderr(Stdio::null())
        .spawn()
        .unwrap()
}

/// Removes a database and what lies beside it.
pub fn remove(database: &Path) {
    for ending in ["", "-wal", "-shm", "-journal", ".lock"] {
        let _ = std::fs::remove_file(format!("{}{ending}", database.display()));
    }
}
