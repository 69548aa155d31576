//! The file system fails: every call that `heirloom` and SQLite make below the database's
//! folder, one at a time and for ever, with EIO and with ENOSPC.

use std::path::Path;
use std::process::Output;
use std::sync::Mutex;

use serde_json::Value;

use crate::cli::contract::text;
use crate::support::acts::{Act, acts, acts_named, in_parallel, state};
use crate::support::preload::{Call, EIO, ENOSPC, Fault, calls, library, preloaded};

/// What is wrong after a fault; none when the promises were kept.
fn broken_promise(act: &Act, fault: &Fault, library: &Path) -> Option<String> {
    let app = act.fresh();
    let log = tempfile::NamedTempFile::new().unwrap();
    let arguments = [act.arguments, &["--json"]].concat();
    let output = fault.strike(preloaded(&app, &arguments, library, log.path()));
    let left = state(&app.database());
    let judged = judge(act, fault, &output, &left).and_then(|()| {
        let settled = act.settle(&app)?;
        match output.status.success() && settled != act.new {
            true => Err("it said that it was done, and it is undone".to_owned()),
            false => Ok(()),
        }
    });
    judged.err().map(|wrong| {
        let calls = calls(log.path());
        let call = calls.get(fault.at - 1);
        let call = call.map(|call| {
            let path = call.path.strip_prefix(app.folder()).unwrap_or(&call.path);
            format!("{} {}", call.name, path.display())
        });
        format!(
            "{}: {fault:?} {call:?}: {wrong}\n{}",
            act.name,
            text(&output)
        )
    })
}

/// What the command said, against the data that it left.
fn judge(act: &Act, fault: &Fault, output: &Output, left: &[String]) -> Result<(), String> {
    let said = text(output);
    if said.contains("panicked") {
        return Err("it panicked".to_owned());
    }
    let code = output.status.code().ok_or("it was killed")?;
    if ![0, 1, 2, 5, 7].contains(&code) {
        return Err(format!("exit code {code}"));
    }
    let document: Value =
        serde_json::from_slice(&output.stdout).map_err(|error| format!("no document: {error}"))?;
    if document["ok"] != (code == 0) {
        return Err(format!("exit code {code}"));
    }
    if code == 0 {
        return match left == act.new {
            true => Ok(()),
            false => Err("done, and the data is not the new one".to_owned()),
        };
    }
    let named = ["error", "data", "backup"]
        .map(|key| document[key].to_string())
        .join(" ");
    let names_a_copy = ["backups/app-", "snapshots/before-"]
        .iter()
        .any(|copy| named.contains(copy));
    if code == 7 && act.copies_after > 0 && !names_a_copy {
        return Err("it names no good copy".to_owned());
    }
    // An interrupted run that could not be put back is as it was, and nothing to be calm about.
    let old = left == act.old;
    // Nor is a backfill that was begun, before its first batch.
    let doubtful = act.old == act.new
        || (left == act.before && act.before != act.old)
        || (act.is_backfill() && old);
    // Where nothing can be read any more, nobody knows, and must say so.
    let blind = fault.for_ever && code == 7 && old;
    match &document["database_unchanged"] {
        Value::Bool(unchanged) if !doubtful && !blind && *unchanged != old => Err(format!(
            "database_unchanged is {unchanged}, and the data is {}",
            match (old, left == act.new) {
                (true, _) => "the old one",
                (_, true) => "the new one",
                _ => "neither",
            }
        )),
        _ => Ok(()),
    }
}

/// The calls that the unharmed command makes.
fn calls_of(act: &Act, library: &Path) -> Vec<Call> {
    let app = act.fresh();
    let log = tempfile::NamedTempFile::new().unwrap();
    let done = preloaded(&app, act.arguments, library, log.path())
        .output()
        .unwrap();
    assert!(done.status.success(), "{}: {}", act.name, text(&done));
    calls(log.path())
}

/// Every `step`-th call of every act, with each error, once and for ever.
fn strike_everywhere(step: usize) {
    let Some(library) = library() else { return };
    let broken = Mutex::new(Vec::new());
    let sum = Mutex::new((0, 0));
    let acts = acts();
    in_parallel(&acts, |index, act| {
        let length = calls_of(act, library).len();
        assert!(length > 50, "{}: only {length} calls", act.name);
        let errors = [(EIO, false), (ENOSPC, false), (EIO, true), (ENOSPC, true)];
        let mut struck = 0;
        let only = std::env::var("HEIRLOOM_TEST_CALL").ok();
        let only = only.map(|call| call.parse::<usize>().unwrap());
        for (turn, at) in (1 + index % step..=length).step_by(step).enumerate() {
            if only.is_some_and(|only| only != at) {
                continue;
            }
            // A small selection takes turns.
            let now = (turn + index) % errors.len();
            let errors = if step == 1 {
                &errors[..]
            } else {
                &errors[now..=now]
            };
            for &(errno, for_ever) in errors {
                struck += 1;
                let wrong = broken_promise(
                    act,
                    &Fault {
                        at,
                        errno,
                        for_ever,
                    },
                    library,
                );
                broken
                    .lock()
                    .unwrap()
                    .extend(wrong.inspect(|wrong| println!("{wrong}\n")));
            }
        }
        println!("{}: {length} calls, {struck} faults", act.name);
        let mut sum = sum.lock().unwrap();
        *sum = (sum.0 + length, sum.1 + struck);
    });
    let (broken, (calls, faults)) = (broken.into_inner().unwrap(), sum.into_inner().unwrap());
    println!("{} acts, {calls} calls, {faults} faults", acts.len());
    assert!(broken.is_empty(), "{} broken promises", broken.len());
}

/// Strikes the wanted calls of one act.
#[track_caller]
fn strike(name: &str, (errno, for_ever): (i32, bool), wanted: impl Fn(&Call) -> bool) {
    let Some(library) = library() else { return };
    let acts = acts_named(name);
    let act = acts.first().unwrap();
    let calls = calls_of(act, library);
    let at: Vec<usize> = (1..=calls.len())
        .filter(|at| wanted(&calls[at - 1]))
        .collect();
    assert!(!at.is_empty(), "{name}: no such call");
    for at in at {
        let fault = Fault {
            at,
            errno,
            for_ever,
        };
        let broken = broken_promise(act, &fault, library);
        assert!(broken.is_none(), "{}", broken.unwrap());
    }
}

/// Whether a call is of this kind, on a path that ends so.
fn is(call: &Call, name: &str, end: &str) -> bool {
    call.name == name && call.path.to_string_lossy().ends_with(end)
}

/// `restore latest` over a damaged file asked of each copy whether it is there, and took an I/O
/// error for a no: it put an older copy back, and said that all was well. The same no made a
/// clean-up remove the record of a good copy, and a log count as empty.
#[test]
fn a_copy_that_cannot_be_looked_at_does_not_make_an_older_one_the_latest() {
    strike("restore over damage Grouped WAL", (EIO, false), |call| {
        is(call, "look", ".db") && call.path.to_string_lossy().contains("backups/")
    });
}

/// Rows are counted between the files of a run. With a small cache, counting writes pages out,
/// and where the disk was full for a moment SQLite ended the transaction. The count was dropped
/// as "cannot be asked", the next file ran on its own, and `CREATE TABLE n` stayed in the
/// database while the message said that every change was rolled back.
#[test]
fn a_disk_that_is_full_while_rows_are_counted_ends_the_run() {
    strike("run Grouped DELETE", (ENOSPC, false), |call| {
        ["read", "write"]
            .iter()
            .any(|name| is(call, name, "app.db-journal"))
    });
}

/// The last sync of a commit failed, and so did everything after it, so that nobody could read
/// whether it was committed. It was, and the message said that it was not.
#[test]
fn a_commit_that_nobody_can_look_up_is_not_called_undone() {
    for name in ["first run Grouped", "run Grouped DELETE", "revert Grouped"] {
        strike(name, (EIO, true), |call| call.name == "sync");
    }
}

/// The first of several commits went through, and the sync of its folder failed. The marker was
/// expected to be gone, as after the last commit: so it was called rolled back, and half of the
/// run stayed until the next start.
#[test]
fn a_commit_between_that_reports_a_failure_is_looked_up() {
    for name in ["first run Free", "run Free DELETE"] {
        strike(name, (EIO, false), |call| call.name == "sync");
    }
}

/// One page of the fresh copy could not be read back. That was taken for a damaged database, which
/// was then emptied and filled, and its last state was kept where no listing has it.
#[test]
fn a_disk_that_fails_once_is_not_a_damaged_database() {
    strike("restore Grouped DELETE", (EIO, false), |call| {
        is(call, "read", "app.db") || is(call, "read", ".partial")
    });
}

/// Emptying a damaged file was committed, and shortening it failed. The note that makes the next
/// start finish was removed, as if nothing had been done, and an empty database was left.
#[test]
fn a_reset_that_fails_at_its_end_is_finished_by_the_next_start() {
    for for_ever in [false, true] {
        strike(
            "restore over damage Grouped DELETE",
            (EIO, for_ever),
            |call| is(call, "truncate", "app.db"),
        );
    }
}

/// An interrupted run was put back, and the last look at it failed. The message said that the
/// database may hold part of the work.
#[test]
fn what_fails_after_a_run_was_put_back_does_not_unsay_it() {
    strike("interrupted run Free DELETE", (EIO, false), |call| {
        ["look", "read", "truncate"]
            .iter()
            .any(|name| is(call, name, "app.db"))
    });
}

/// The copy was back, the last look at it failed, and the message said that nothing was changed.
#[test]
fn what_fails_after_a_restore_does_not_unsay_it() {
    for for_ever in [false, true] {
        strike("restore Grouped DELETE", (EIO, for_ever), |call| {
            is(call, "truncate", "app.db") || is(call, "look", "app.db-journal")
        });
    }
}

/// Whether a name in a snapshot is a folder could not be looked up, which was taken for a no: the
/// database was restored, the files were not, and the message said that all was done. Where the
/// name for the files that are replaced was looked for, a failure said that nothing was changed.
#[test]
fn files_that_cannot_be_looked_at_are_not_left_out_of_a_restore() {
    for (part, for_ever) in [("snapshots/s.files", false), ("files-replaced-", true)] {
        strike(
            "restore-snapshot with files Grouped DELETE",
            (EIO, for_ever),
            |call| call.name == "look" && call.path.to_string_lossy().contains(part),
        );
    }
}

#[test]
fn a_call_that_fails_leaves_old_or_new_and_says_which() {
    strike_everywhere(53);
}

#[test]
#[ignore = "takes minutes: cargo test --features cli --test it -- --ignored --nocapture faults::"]
fn every_call_that_fails_leaves_old_or_new_and_says_which() {
    strike_everywhere(1);
}
