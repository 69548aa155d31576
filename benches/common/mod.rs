//! What the benchmarks share: two things in turns, medians, a ratio.
#![allow(dead_code, clippy::unwrap_used, reason = "each benchmark uses a part")]

use std::time::{Duration, Instant};

use heirloom::include_dir::{Dir, DirEntry, File};

/// Runs two things in turns, so that whatever else the machine does meets both, and prints
/// their medians and the ratio of the first to the second. The first rounds, so many as are to
/// warm the caches up, do not count.
pub(crate) fn compare(
    rounds: usize,
    warming: usize,
    (first, mut one): (&str, impl FnMut() -> Duration),
    (second, mut other): (&str, impl FnMut() -> Duration),
) {
    let (mut ours, mut theirs) = (Vec::new(), Vec::new());
    for round in 0..rounds + warming {
        let (a, b) = (one(), other());
        if round >= warming {
            ours.push(a);
            theirs.push(b);
        }
    }
    let (ours, theirs) = (median(&mut ours), median(&mut theirs));
    let ratio = ours.as_secs_f64() / theirs.as_secs_f64();
    println!("{first}: {ours:.1?}   {second}: {theirs:.1?}   ratio {ratio:.2}");
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

/// The highest memory of this process so far, in KB (Linux).
pub(crate) fn peak_memory() -> u64 {
    let status = std::fs::read_to_string("/proc/self/status").unwrap();
    let peak = status
        .lines()
        .find(|line| line.starts_with("VmHWM:"))
        .unwrap();
    peak.split_whitespace().nth(1).unwrap().parse().unwrap()
}

/// 200 small migrations as `include_dir!` would embed them.
pub(crate) fn embedded(statements: impl Fn(usize) -> String) -> &'static Dir<'static> {
    let files: Vec<DirEntry<'static>> = (1..=200)
        .map(|number| {
            let name: &str = format!("V{number}__step_{number}.sql").leak();
            let text: &str = statements(number).leak();
            DirEntry::File(File::new(name, text.as_bytes()))
        })
        .collect();
    Box::leak(Box::new(Dir::new("", files.leak())))
}
