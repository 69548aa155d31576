//! What the benchmarks share: two things in turns, medians, a ratio.
#![allow(dead_code, clippy::unwrap_used, reason = "each benchmark uses a part")]

use std::fs::File;
use std::path::Path;
use std::time::{Duration, Instant};

use heirloom::include_dir::{self, Dir, DirEntry};
use rusqlite::Connection;

/// Runs two things in turns, so that whatever else the machine does meets both, and prints
/// their medians and the ratio of the first to the second. The first rounds, so many as are to
/// warm the caches up, do not count.
pub(crate) fn compare(
    rounds: usize,
    warming: usize,
    (first, mut one): (&str, impl FnMut() -> Duration),
    (second, mut other): (&str, impl FnMut() -> Duration),
) {
    compare_all(
        rounds,
        warming,
        &mut [(first, &mut one), (second, &mut other)],
    );
}

/// The same of several things: the ratio of the first to each of the others.
pub(crate) fn compare_all(
    rounds: usize,
    warming: usize,
    things: &mut [(&str, &mut dyn FnMut() -> Duration)],
) {
    let mut taken = vec![Vec::new(); things.len()];
    for round in 0..rounds + warming {
        for ((_, thing), taken) in things.iter_mut().zip(&mut taken) {
            let duration = thing();
            if round >= warming {
                taken.push(duration);
            }
        }
    }
    let medians: Vec<Duration> = taken.iter_mut().map(|taken| median(taken)).collect();
    let ours = medians[0];
    for ((name, _), theirs) in things.iter().zip(&medians).skip(1) {
        let ratio = ours.as_secs_f64() / theirs.as_secs_f64();
        let first = things[0].0;
        println!("{first}: {ours:.1?}   {name}: {theirs:.1?}   ratio {ratio:.2}");
    }
}

fn median(durations: &mut [Duration]) -> Duration {
    durations.sort();
    durations[durations.len() / 2]
}

/// How long something takes.
pub(crate) fn time<T>(work: impl FnOnce() -> T) -> Duration {
    let started = Instant::now();
    let made = work();
    let taken = started.elapsed();
    drop(made);
    taken
}

/// The same of something that writes much, once the disk has done what it was told before: giving back
/// the room of a large file that was removed takes it long, and meets whatever comes next.
pub(crate) fn time_on_quiet_disk<T>(work: impl FnOnce() -> T) -> Duration {
    for _ in 0..2 {
        // Where there is no such command, the figures are only less alike.
        let _ = std::process::Command::new("sync").status();
    }
    time(work)
}

/// A copy as it is made by hand.
pub(crate) fn plain_copy(original: &Path, copy: &Path) {
    std::fs::copy(original, copy).unwrap();
    File::open(copy).unwrap().sync_all().unwrap();
}

/// What tells whether all of a file can be read as a database.
pub(crate) fn quick_check(database: &Path) {
    let connection = Connection::open(database).unwrap();
    let found: String = connection
        .query_row("PRAGMA quick_check", [], |row| row.get(0))
        .unwrap();
    assert_eq!(found, "ok");
}

/// The highest memory of this process so far, in KB (Linux).
pub(crate) fn peak_memory() -> u64 {
    let status = std::fs::read_to_string("/proc/self/status").unwrap();
    let peak = status
        .lines()
        .find(|line| line.starts_with("VmHWM:"))
        .unwrap();
    peak.split_whitespace().nth(1).unwrap().parse().unwrap()
}

/// Small migrations as `include_dir!` would embed them.
pub(crate) fn embedded(
    count: usize,
    statements: impl Fn(usize) -> String,
) -> &'static Dir<'static> {
    let files: Vec<DirEntry<'static>> = (1..=count)
        .map(|number| {
            let name: &str = format!("V{number}__step_{number}.sql").leak();
            let text: &str = statements(number).leak();
            DirEntry::File(include_dir::File::new(name, text.as_bytes()))
        })
        .collect();
    Box::leak(Box::new(Dir::new("", files.leak())))
}
