//! What a shell offers for a value, from what is there.
//!
//! The shell calls `heirloom -- WORDS` with [`VARIABLE`] set. It looks with the settings that the
//! words, the environment and the settings file give; whatever fails is silence.

use std::ffi::OsStr;

use clap::{Command, FromArgMatches};
use clap_complete::CompleteEnv;
use clap_complete::engine::{
    ArgValueCandidates, ArgValueCompleter, CompletionCandidate, PathCompleter, ValueCompleter,
};

use crate::args::Global;
use crate::complete::names;
use crate::complete::names::Name;
use crate::settings::databases::{Databases, expand};
use crate::settings::gather::{Settings, Surroundings};

/// Set by the script that `heirloom completions` prints.
pub(crate) const VARIABLE: &str = "HEIRLOOM_COMPLETE";

/// Makes the command line as clap knows it.
type CommandLine = fn() -> Command;

/// What can be offered where a shell asks for the value of an argument.
type Offer = fn(&Settings) -> Vec<Name>;

/// The arguments whose values are looked up: of which command, and how.
const OFFERS: [(&str, &str, Offer); 4] = [
    ("run", "to", pending_versions),
    ("revert", "to", applied_versions),
    ("restore-snapshot", "name", names::snapshots),
    ("generate", "drop", tables),
];

/// Answers a shell that asks. False where none does.
pub(crate) fn answer(command_line: CommandLine) -> bool {
    let folder = std::env::current_dir().ok();
    CompleteEnv::with_factory(|| with_candidates(command_line))
        .var(VARIABLE)
        .try_complete(std::env::args_os(), folder.as_deref())
        .unwrap_or(true)
}

fn with_candidates(command_line: CommandLine) -> Command {
    let backups = ArgValueCompleter::new(move |current: &OsStr| {
        backups(settings(command_line).as_ref(), current)
    });
    let with_backups = command_line().mut_subcommand("restore", |command| {
        command.mut_arg("backup", |argument| argument.add(backups))
    });
    OFFERS
        .iter()
        .fold(with_backups, |all, (command, argument, offer)| {
            let found = ArgValueCandidates::new(move || {
                candidates(
                    settings(command_line)
                        .as_ref()
                        .map(offer)
                        .unwrap_or_default(),
                )
            });
            all.mut_subcommand(command, |command| {
                command.mut_arg(argument, |argument| argument.add(found))
            })
        })
}

/// Versions that `run --to` may stop at.
fn pending_versions(settings: &Settings) -> Vec<Name> {
    let applied = names::applied(settings);
    let mut versions = names::versions(settings);
    versions.retain(|(version, _)| applied.iter().all(|(other, _)| other != version));
    versions
}

/// Versions that `revert --to` may go back to.
fn applied_versions(settings: &Settings) -> Vec<Name> {
    let mut versions = names::applied(settings);
    // The newest is where it is already.
    if versions.pop().is_some() {
        versions.insert(0, ("0".to_owned(), "reverts everything".to_owned()));
    }
    versions.reverse();
    versions
}

/// Tables of the database.
fn tables(settings: &Settings) -> Vec<Name> {
    let tables = names::tables(settings).into_iter();
    tables.map(|table| (table, String::new())).collect()
}

/// Backups by name, else paths.
fn backups(settings: Option<&Settings>, current: &OsStr) -> Vec<CompletionCandidate> {
    let mut backups = settings.map(names::backups).unwrap_or_default();
    if !backups.is_empty() {
        backups.insert(0, ("latest".to_owned(), "the newest".to_owned()));
    }
    let begun = current.to_string_lossy();
    backups.retain(|(name, _)| name.starts_with(&*begun));
    match backups.is_empty() {
        true => PathCompleter::file().complete(current),
        false => candidates(backups),
    }
}

/// In the order given, which is the order of use.
fn candidates(names: Vec<Name>) -> Vec<CompletionCandidate> {
    let candidate = |(order, (name, what)): (usize, Name)| {
        CompletionCandidate::new(name)
            .help((!what.is_empty()).then(|| what.into()))
            .display_order(Some(order))
    };
    names.into_iter().enumerate().map(candidate).collect()
}

/// The settings that the words before the cursor give, the first database of several.
fn settings(command_line: CommandLine) -> Option<Settings> {
    let words = std::env::args_os().skip_while(|word| word != "--").skip(1);
    let matches = command_line()
        .ignore_errors(true)
        .try_get_matches_from(words)
        .ok()?;
    let global = Global::from_arg_matches(&matches).ok()?;
    let settings =
        Settings::gather(&global, &matches, &Surroundings::of_this_process().ok()?).ok()?;
    match expand(&settings.databases).ok()? {
        Databases::One(path) => Some(settings.with_database(&path)),
        Databases::Several(paths) => Some(settings.with_database(paths.first()?)),
    }
}
