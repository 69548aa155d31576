//! A failure in words.

use std::fmt::Write as _;

use heirloom::Error;
use heirloom::error::Difference;

use crate::exit::Failure;
use crate::output::remedy::Typed;
use crate::output::text;
use crate::output::text::{GREEN, RED, styled};

pub(crate) const CANCELLED: &str = "cancelled, nothing was changed";
pub(crate) const NOT_CONFIRMED: &str =
    "this needs a confirmation, and there is no terminal to ask on";
pub(crate) const USE_YES: &str = "use --yes when not interactive";

/// A failure for people: what, where, in what state the data is, what to do.
pub(crate) fn text(failure: &Failure, typed: &Typed) -> String {
    let error = styled(RED.bold(), "error:");
    let label = styled(GREEN, "help:");
    match failure {
        Failure::Usage {
            message,
            help: text,
        }
        | Failure::NotFound {
            message,
            help: text,
        } => format!("{error} {message}\n{label} {text}"),
        Failure::Cancelled => CANCELLED.to_owned(),
        Failure::NotConfirmed => {
            format!(
                "{error} {NOT_CONFIRMED}\ndata: the database was not changed\n{label} {USE_YES}"
            )
        }
        Failure::NotBegun => {
            format!("{error} interrupted before it began\ndata: the database was not changed")
        }
        Failure::Library(failed) | Failure::Meant { error: failed, .. } => {
            let mut told = format!("{error} {}", chain(failed));
            if let Some(location) = failed.location() {
                let _ = write!(told, "\n  at {location}\n{}", location.excerpt());
            }
            if let Some(difference) = failed.difference() {
                let _ = write!(told, "\n{}", text_difference(difference));
            }
            let _ = write!(told, "\ndata: {}", failed.data_state());
            if let Some(backup) = failed.backup() {
                let _ = write!(told, "\nbackup: {}", text::path(backup));
            }
            if let Some(way_out) = help(failure, typed) {
                let _ = write!(told, "\n{label} {way_out}");
            }
            told
        }
    }
}

/// What was probably meant, and what to do, with the remedies as commands.
pub(crate) fn help(failure: &Failure, typed: &Typed) -> Option<String> {
    let meant = match failure {
        Failure::Meant { meant, .. } => Some(meant.clone()),
        _ => None,
    };
    let help = failure
        .library()
        .and_then(|error| typed.help(error.help(), error.remedies()));
    let both: Vec<String> = meant.into_iter().chain(help).collect();
    (!both.is_empty()).then(|| both.join(" "))
}

/// An error and its causes on one line.
pub(crate) fn chain(error: &Error) -> String {
    let mut text = error.to_string();
    let mut cause = std::error::Error::source(error);
    while let Some(error) = cause {
        let layer = error.to_string();
        // The innermost layer is SQLite's bare code, whose words stand in the one above.
        if !text.contains(&layer) && !layer.starts_with("Error code ") {
            let _ = write!(text, ": {layer}");
        }
        cause = error.source();
    }
    text
}

/// The SQL as applied against the file, line by line.
fn text_difference(difference: &Difference) -> String {
    let Difference { applied, file } = difference;
    text::line_difference("as applied", applied, "the file now", file)
}
