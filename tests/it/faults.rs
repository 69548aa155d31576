//! The file system fails: every call that `heirloom` and SQLite make below the database's
//! folder, one at a time and for ever, with EIO and with ENOSPC.

use std::path::Path;
use std::process::Output;
use std::sync::Mutex;

use serde_json::Value;

use crate::acts::{Act, acts, in_parallel, state};
use crate::command::text;
use crate::preload::{EIO, ENOSPC, Fault, calls, library, preloaded};

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
    if code == 7 && act.copies_after > 0 && !named.contains("backups/app-") {
        return Err("it names no good copy".to_owned());
    }
    // An interrupted run that could not be put back is as it was, and nothing to be calm about.
    let doubtful = act.old == act.new || (left == act.before && act.before != act.old);
    let old = left == act.old;
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

/// How many calls the unharmed command makes.
fn length(act: &Act, library: &Path) -> usize {
    let app = act.fresh();
    let log = tempfile::NamedTempFile::new().unwrap();
    let done = preloaded(&app, act.arguments, library, log.path())
        .output()
        .unwrap();
    assert!(done.status.success(), "{}: {}", act.name, text(&done));
    calls(log.path()).len()
}

/// Every `step`-th call of every act, with each error, once and for ever.
fn strike_everywhere(step: usize) {
    let Some(library) = library() else { return };
    let broken = Mutex::new(Vec::new());
    let sum = Mutex::new((0, 0));
    let acts = acts();
    in_parallel(&acts, |index, act| {
        let length = length(act, library);
        assert!(length > 50, "{}: only {length} calls", act.name);
        let errors = [(EIO, false), (ENOSPC, false), (EIO, true), (ENOSPC, true)];
        let mut struck = 0;
        for (turn, at) in (1 + index % step..=length).step_by(step).enumerate() {
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

#[test]
fn a_call_that_fails_leaves_old_or_new_and_says_which() {
    strike_everywhere(37);
}

#[test]
#[ignore = "takes minutes: cargo test --features cli --test it -- --ignored --nocapture faults::"]
fn every_call_that_fails_leaves_old_or_new_and_says_which() {
    strike_everywhere(1);
}
