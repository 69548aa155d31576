//! The documents of `--json`. The values come from what the library's types say about themselves
//! (its feature `serde`); which keys a command prints is the contract, and stands with the command.

use serde::Serialize;
use serde_json::{Map, Value, json};

use heirloom::devtools::Generated;
use heirloom::plan::Step;
use heirloom::{Error, ErrorKind, Plan, Remedy, Report};

use crate::exit::Failure;
use crate::output::failure::{CANCELLED, NOT_CONFIRMED, USE_YES, chain, help};
use crate::output::remedy::Typed;

/// The keys of a step of a plan.
const STEP: &[&str] = &[
    "component",
    "version",
    "name",
    "file",
    "destructive",
    "destroys",
    "rebuilds",
    "rebuild_estimates",
    "estimated_ms",
    "disk_bytes",
    "no_transaction",
    "sql",
];

/// The keys of what was applied or reverted.
const REPORT: &[&str] = &[
    "backup",
    "version",
    "database",
    "duration_ms",
    "notes",
    "recovered",
];

/// Notes, and the remedies beside them as commands.
pub(crate) fn notes(notes: &[String], remedies: &[Remedy], typed: &Typed) -> Value {
    let notes = notes.iter().cloned();
    let all: Vec<String> = notes.chain(typed.sentences(remedies)).collect();
    value(all)
}

/// What is wrong and what to do, of each of several: with the remedies as commands.
pub(crate) fn with_help<T: Serialize>(
    of: &[T],
    keys: &[&str],
    help: impl Fn(&T) -> Option<String>,
) -> Value {
    let each = of
        .iter()
        .map(|one| with(pick(one, keys), json!({ "help": help(one) })));
    each.collect()
}

/// A value as JSON. What the library returns can always be written.
pub(crate) fn value(of: impl Serialize) -> Value {
    serde_json::to_value(of).unwrap_or_default()
}

/// Some keys of a value: `"backup"`, or `"adopted=applied"` for one under another name. Null for
/// one that the value has not.
pub(crate) fn pick(of: impl Serialize, keys: &[&str]) -> Value {
    let of = value(of);
    let picked = keys.iter().map(|key| {
        let (name, key) = key.split_once('=').unwrap_or((key, key));
        (name.to_owned(), of[key].clone())
    });
    Value::Object(picked.collect())
}

/// Some keys of each of several values.
pub(crate) fn each<T: Serialize>(of: &[T], keys: &[&str]) -> Value {
    of.iter().map(|one| pick(one, keys)).collect()
}

/// The document of a command that succeeded.
pub(crate) fn done(of: impl Serialize, keys: &[&str]) -> Value {
    with(pick(of, keys), json!({ "ok": true }))
}

/// The same of a command that only said what it would do.
pub(crate) fn dry_run(of: impl Serialize, keys: &[&str]) -> Value {
    with(done(of, keys), json!({ "dry_run": true }))
}

/// A document with more keys.
pub(crate) fn with(mut document: Value, more: Value) -> Value {
    if let (Value::Object(document), Value::Object(more)) = (&mut document, more) {
        document.extend(more);
    }
    document
}

/// A report, with the list under its own name: `"applied"`, `"adopted=applied"`.
pub(crate) fn report(list: &str, report: &Report, typed: &Typed) -> Value {
    let notes = notes(&report.notes, &report.remedies, typed);
    let document = done(report, &[REPORT, &[list]].concat());
    with(document, json!({ "notes": notes }))
}

/// A plan with the list that is empty, because nothing was done.
pub(crate) fn plan(list: &str, plan: &Plan) -> Value {
    let document = dry_run(plan, &["version", "database", "interrupted"]);
    let steps = steps(&plan.steps);
    let document = with(document, json!({ "backup": null, "plan": steps }));
    with(
        document,
        Map::from_iter([(list.to_owned(), json!([]))]).into(),
    )
}

/// The steps of a plan.
pub(crate) fn steps(steps: &[Step]) -> Value {
    each(steps, STEP)
}

/// What was generated, each change with its files.
pub(crate) fn generated(generated: &Generated, written: bool) -> Value {
    let changes = generated.changes.iter().map(|change| {
        let file = change.file.and_then(|index| generated.files.get(index));
        let files = pick(
            file,
            &["file=up", "down_file=down", "up=up_sql", "down=down_sql"],
        );
        with(value(change), files)
    });
    let changes: Value = changes.collect();
    let document = done(generated, &["notes"]);
    with(document, json!({ "written": written, "changes": changes }))
}

/// A failure as the contract's document.
pub(crate) fn failure(failure: &Failure, typed: &Typed) -> Value {
    let (kind, message, way_out) = match failure {
        Failure::Usage { message, help } => ("usage", message.clone(), Some(help.clone())),
        Failure::NotFound { message, help } => ("not-found", message.clone(), Some(help.clone())),
        Failure::Cancelled => ("not-confirmed", CANCELLED.to_owned(), None),
        Failure::NotConfirmed => (
            "not-confirmed",
            format!("{NOT_CONFIRMED}; the database was not changed"),
            Some(USE_YES.to_owned()),
        ),
        Failure::NotBegun => (
            ErrorKind::Interrupted.as_str(),
            "interrupted before it began; the database was not changed".to_owned(),
            None,
        ),
        Failure::Library(error) | Failure::Meant { error, .. } => {
            (error.kind().as_str(), chain(error), help(failure, typed))
        }
    };
    let document = json!({
        "ok": false,
        "error": { "kind": kind, "message": message, "help": way_out },
    });
    match failure.library() {
        Some(error) => with(details(error), document),
        None => document,
    }
}

/// What is beside `error`: everything that an error knows but what is in it.
fn details(error: &Error) -> Value {
    let mut details = value(error);
    if let Value::Object(details) = &mut details {
        for key in ["kind", "message", "help", "remedies"] {
            details.remove(key);
        }
    }
    details
}
