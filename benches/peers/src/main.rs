//! heirloom beside refinery, rusqlite_migration, sqlx and diesel_migrations, in one run:
//! `cargo run --release --manifest-path benches/peers/Cargo.toml`
//!
//! What is the same work is timed in turns; what is at stake is counted: children of a rebuilt
//! table, two copies of an app started together, a process that is killed.
//! `tests/losses.rs` holds the table of the guide to it.

use std::path::{Path, PathBuf};
use std::process::Command;
use std::time::{Duration, Instant};

use heirloom::rusqlite::Connection;
use peers::peer::{PEERS, Peer, Ready, Set};
use peers::stakes::{self, remove};

/// How often something is timed. The first rounds warm the caches up.
const ROUNDS: usize = 25;
const WARM_UP: usize = 3;
/// How often something is put at stake.
const TRIALS: usize = 60;

fn main() {
    let arguments: Vec<String> = std::env::args().skip(1).collect();
    if let [name, set, folder, database] = arguments.as_slice() {
        let peer = Peer::named(name);
        let set = Set::named(set);
        let ready = peer.prepare(&set, Path::new(folder));
        if let Err(error) = ready.migrate(Path::new(database)) {
            eprintln!("{error}");
            std::process::exit(1);
        }
        return;
    }
    nothing_to_do();
    pending();
    children();
    double_start();
    killed();
    copies();
}

fn heading(title: &str) {
    println!("\n{title}");
}

fn median(mut durations: Vec<Duration>) -> Duration {
    durations.sort();
    durations[durations.len() / 2]
}

/// Times every peer in turns, and prints each beside heirloom, which is the first.
fn compare(title: &str, mut once: impl FnMut(usize) -> Duration) {
    heading(title);
    let mut taken = vec![Vec::new(); PEERS.len()];
    for round in 0..ROUNDS + WARM_UP {
        for (index, durations) in taken.iter_mut().enumerate() {
            let duration = once(index);
            if round >= WARM_UP {
                durations.push(duration);
            }
        }
    }
    let medians: Vec<Duration> = taken.into_iter().map(median).collect();
    for (peer, time) in PEERS.iter().zip(&medians) {
        let ratio = medians[0].as_secs_f64() / time.as_secs_f64();
        println!(
            "{:<28} {time:>10.1?}   heirloom is {ratio:.2} of it",
            peer.name()
        );
    }
}

/// 200 small migrations for each peer, and where its database is to be.
fn ready_for_200(folder: &Path) -> Vec<(Ready, PathBuf)> {
    let made = |peer: &Peer| {
        let own = folder.join(peer.file());
        std::fs::create_dir(&own).unwrap();
        (peer.prepare(&Set::Small(200), &own), own.join("app.db"))
    };
    PEERS.iter().map(made).collect()
}

fn nothing_to_do() {
    let folder = tempfile::tempdir().unwrap();
    let ready = ready_for_200(folder.path());
    for (ready, database) in &ready {
        ready.migrate(database).unwrap();
    }
    compare(
        "start-up with nothing to do, 200 applied, until the app has read its first row, rollback mode",
        |index| {
            let (ready, database) = &ready[index];
            let started = Instant::now();
            ready.start(database).unwrap();
            started.elapsed()
        },
    );
}

fn pending() {
    let folder = tempfile::tempdir().unwrap();
    let ready = ready_for_200(folder.path());
    compare(
        "200 pending on a new file, until the app has read its first row",
        |index| {
            let (ready, database) = &ready[index];
            remove(database);
            let started = Instant::now();
            ready.start(database).unwrap();
            started.elapsed()
        },
    );
}

/// The textbook rebuild of a table that three rows refer to with ON DELETE CASCADE.
fn children() {
    heading("the textbook rebuild of a parent with 3 children, ON DELETE CASCADE");
    for peer in PEERS {
        let (left, said) = stakes::children_left(*peer);
        let said = match said {
            Ok(()) => "reports success".to_owned(),
            Err(error) => format!("fails: {}", error.lines().next().unwrap_or_default()),
        };
        println!("{:<28} {left} of 3 children left, {said}", peer.name());
    }
}

fn double_start() {
    heading(&format!(
        "two copies of an app started together on a new file, {TRIALS} times"
    ));
    for peer in PEERS {
        let failed = stakes::double_starts_failed(*peer, &program(), TRIALS);
        println!("{:<28} a copy fails in {failed} of {TRIALS}", peer.name());
    }
}

fn killed() {
    heading(&format!(
        "kill -9 during a run of 60, then started again, {TRIALS} times"
    ));
    for peer in PEERS {
        let stuck = stakes::killed_for_good(*peer, &program(), TRIALS);
        println!(
            "{:<28} never opens again in {stuck} of {TRIALS}",
            peer.name()
        );
    }
}

fn program() -> PathBuf {
    std::env::current_exe().unwrap()
}

/// Makes a copy.
type Way = Box<dyn FnMut()>;

/// A copy of 200 MB: verified, digested and synced, beside what people do by hand.
fn copies() {
    let folder = tempfile::tempdir().unwrap();
    let database = folder.path().join("app.db");
    let connection = Connection::open(&database).unwrap();
    connection
        .execute_batch(
            "PRAGMA journal_mode = WAL;
             CREATE TABLE t (id INTEGER PRIMARY KEY, x BLOB);
             WITH RECURSIVE n(i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n WHERE i < 200000)
             INSERT INTO t SELECT i, randomblob(960) FROM n;
             PRAGMA wal_checkpoint(TRUNCATE);",
        )
        .unwrap();
    let copy = folder.path().join("copy.db");
    let migrator = heirloom::Migrator::new("no migrations needed");
    let mut number = 0;
    let mut ways: Vec<(&str, Way)> = vec![
        ("heirloom, a snapshot", {
            let database = database.clone();
            Box::new(move || {
                number += 1;
                migrator
                    .database(&database)
                    .snapshot(&format!("s{number}"))
                    .unwrap();
            })
        }),
        ("cp and sync", {
            let (from, to) = (database.clone(), copy.clone());
            Box::new(move || {
                assert!(
                    Command::new("cp")
                        .arg(&from)
                        .arg(&to)
                        .status()
                        .unwrap()
                        .success()
                );
                assert!(Command::new("sync").arg(&to).status().unwrap().success());
            })
        }),
        ("sqlite3 .backup", {
            let (from, to) = (database.clone(), copy.clone());
            Box::new(move || {
                let command = format!(".backup '{}'", to.display());
                assert!(
                    Command::new("sqlite3")
                        .arg(&from)
                        .arg(command)
                        .status()
                        .unwrap()
                        .success()
                );
            })
        }),
        ("VACUUM INTO", {
            let to = copy.clone();
            Box::new(move || {
                connection
                    .execute("VACUUM INTO ?1", [to.to_str().unwrap()])
                    .unwrap();
            })
        }),
    ];
    heading("a copy of 200 MB, WAL mode");
    let mut taken = vec![Vec::new(); ways.len()];
    for _ in 0..7 {
        for ((_, way), durations) in ways.iter_mut().zip(&mut taken) {
            let _ = std::fs::remove_file(&copy);
            let started = Instant::now();
            way();
            durations.push(started.elapsed());
        }
    }
    let medians: Vec<Duration> = taken.into_iter().map(median).collect();
    for ((name, _), time) in ways.iter().zip(&medians) {
        let ratio = medians[0].as_secs_f64() / time.as_secs_f64();
        println!("{name:<28} {time:>10.1?}   heirloom is {ratio:.2} of it");
    }
}
