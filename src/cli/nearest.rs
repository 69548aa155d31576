//! What was probably meant.

use clap::Command;
use clap::error::{ContextKind, ContextValue};

/// How alike two names must be, from 0 to 1, to be taken for one another.
const ALIKE: f64 = 0.75;
/// Of a short name two letters that changed places are already half. What is left of it where
/// each slip takes one away must be this much.
const LEFT: f64 = 0.65;

/// The known name that is most like a wrong one, where one is like it.
pub(crate) fn nearest<'k>(
    wrong: &str,
    known: impl IntoIterator<Item = &'k str>,
) -> Option<&'k str> {
    let wrong = wrong.to_lowercase();
    known
        .into_iter()
        .filter_map(|name| Some((likeness(&wrong, &name.to_lowercase())?, name)))
        .max_by(|(one, _), (other, _)| one.total_cmp(other))
        .map(|(_, name)| name)
}

/// How alike two names are, where they are.
fn likeness(one: &str, other: &str) -> Option<f64> {
    let alike = strsim::jaro_winkler(one, other);
    let left = strsim::normalized_damerau_levenshtein(one, other);
    (alike >= ALIKE || left >= LEFT).then_some(alike.max(left))
}

/// Adds to a refusal the command that was probably meant, where clap, which asks for more of a
/// short word, knows none.
pub(crate) fn suggest_command(command_line: &Command, mut error: clap::Error) -> clap::Error {
    let Some(ContextValue::String(wrong)) = error.get(ContextKind::InvalidSubcommand) else {
        return error;
    };
    let commands = command_line.get_subcommands();
    let names = commands.flat_map(Command::get_name_and_visible_aliases);
    let meant = nearest(wrong, names).map(str::to_owned);
    let suggested = ContextKind::SuggestedSubcommand;
    if let (Some(meant), None) = (meant, error.get(suggested)) {
        error.insert(suggested, ContextValue::String(meant));
    }
    error
}

/// The same as a question.
pub(crate) fn did_you_mean<'k>(
    wrong: &str,
    known: impl IntoIterator<Item = &'k str>,
) -> Option<String> {
    nearest(wrong, known).map(|name| format!("did you mean `{name}`?"))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_slip_finds_its_name_and_something_else_finds_none() {
        let known = [
            "database",
            "migrations",
            "before-import",
            "20260508141500",
            "run",
            "dev",
        ];
        for (wrong, right) in [
            ("databse", "database"),
            ("before_import", "before-import"),
            ("Before-Imprt", "before-import"),
            ("20260508141501", "20260508141500"),
            ("rnu", "run"),
            ("dve", "dev"),
        ] {
            assert_eq!(nearest(wrong, known), Some(right), "{wrong}");
        }
        for wrong in ["", "zebra", "x"] {
            assert_eq!(nearest(wrong, known), None, "{wrong}");
        }
    }
}
