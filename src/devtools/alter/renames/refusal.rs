//! Why names are not taken, and the questions that are left.

use crate::devtools::alter::renames::names::Names;
use crate::devtools::alter::renames::notes::Noted;
use crate::devtools::alter::renames::reading::joined;
use crate::devtools::alter::renames::sides::Wrong;
use crate::report::error::{Error, ErrorKind, RenameQuestion, spelled};
use crate::report::remedy::Remedy;

pub(super) fn names_nothing(note: &Noted, none: &str, gone: &[&str]) -> Error {
    let written: Vec<String> = gone
        .iter()
        .map(|name| format!("`-- was: {}`", spelled(name)))
        .collect();
    Error::usage(
        format!("`{}` says `-- was: {}`, and {none}", note.new, note.text),
        format!(
            "write the whole name ({}); where it is new, take the note away",
            written.join(" or ")
        ),
    )
}

pub(super) fn no_such(what: &str, side: &str) -> Error {
    Error::usage(
        format!("rename: {what} {side}"),
        "the old name must be in the migrations and the new one in the schema file",
    )
}

pub(super) fn wrong_column(wrong: Wrong, table: &str) -> Error {
    match wrong {
        Wrong::NotGone(old, new) | Wrong::NotNew(old, new) => no_such(
            &format!("`{old}` is not gone or `{new}` is not new in"),
            &format!("table `{table}`"),
        ),
        Wrong::Note(old, new) => contradiction(&format!("`{table}`.`{old}`"), &old, &new),
        Wrong::Circle(circle) => in_a_circle(Some(table), &circle),
    }
}

pub(super) fn contradiction(subject: &str, old: &str, new: &str) -> Error {
    Error::usage(
        format!("`{new}` says `-- was: {old}`, but {subject} did not simply become it"),
        format!(
            "where `{old}` is still in the schema file, take the note away; where `{new}` was there beside it, drop that in a migration of its own first"
        ),
    )
}

/// The schema is the same before and after a swap, so that its notes say nothing of whether it
/// was done.
pub(super) fn in_a_circle(table: Option<&str>, circle: &[Names]) -> Error {
    let said: Vec<String> = circle
        .iter()
        .map(|(old, new)| format!("`{new}` was `{old}`"))
        .collect();
    let renames = circle.iter().map(|(old, new)| Remedy::Rename {
        rename: renamed(table, old, new),
    });
    let whose = table
        .map(|table| format!(" of `{table}`"))
        .unwrap_or_default();
    Error::new(
        ErrorKind::AmbiguousRename,
        format!(
            "the notes{whose} form a circle ({}), which is the same before and after: whether it was done cannot be known",
            said.join(", ")
        ),
    )
    .with_help("if it is to be done, say so; then, or if it was done, take the notes out of the schema file")
    .with_remedies(renames.collect())
}

/// `table.old=new`.
pub(super) fn renamed(table: Option<&str>, old: &str, new: &str) -> String {
    let names: Vec<String> = table
        .into_iter()
        .chain([old, new])
        .map(str::to_owned)
        .collect();
    joined(&names, true)
}

pub(super) fn ambiguous(questions: Vec<RenameQuestion>) -> Error {
    let reading = |question: &RenameQuestion| {
        let subject = question.subject();
        let new: Vec<String> = question
            .candidates
            .iter()
            .map(|name| format!("`{name}`"))
            .collect();
        format!(
            "`{subject}` is gone and {} new: either it was renamed, or it is dropped and the other is added",
            match new.as_slice() {
                [one] => format!("{one} is"),
                many => format!("{} are", many.join(", ")),
            }
        )
    };
    let all: Vec<String> = questions.iter().map(reading).collect();
    let help = questions.first().and_then(|question| {
        let candidate = question.candidates.first()?;
        // A comment ends with its line.
        let note = match question.gone.contains(['\n', '\r']) {
            true => String::new(),
            false => format!(
                " (or `-- was: {}` beside `{candidate}` in the schema file)",
                spelled(&question.gone)
            ),
        };
        Some(format!("say whether it was renamed{note} or is dropped"))
    });
    let remedies = questions.first().into_iter().flat_map(|question| {
        let candidate = question.candidates.first();
        let renamed = candidate.map(|candidate| Remedy::Rename {
            rename: question.renamed_to(candidate),
        });
        let gone = question.subject();
        renamed.into_iter().chain([Remedy::Drop { gone }])
    });
    let remedies: Vec<Remedy> = remedies.collect();
    Error::new(ErrorKind::AmbiguousRename, all.join("; "))
        .with_help(help.unwrap_or_default())
        .with_remedies(remedies)
        .with_questions(questions)
}
