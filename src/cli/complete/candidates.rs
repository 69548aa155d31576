//! What a shell offers for a value, from what is there.
//!
//! The shell calls `heirloom -- WORDS` with [`VARIABLE`] set. It looks with the settings that the
//! words, the environment and the settings file give; whatever fails is silence.

use std::ffi::OsStr;

use clap::{CommandFactory, FromArgMatches};
use clap_complete::CompleteEnv;
use clap_complete::engine::{
    ArgValueCandidates, ArgValueCompleter, CompletionCandidate, PathCompleter, ValueCompleter,
};

use crate::args::{Args, Global};
use crate::complete::names;
use crate::complete::names::Name;
use crate::settings::databases::{Databases, expand};
use crate::settings::gather::{Settings, Surroundings};

/// Set by the script that `heirloom completions` prints.
pub(crate) const VARIABLE: &str = "HEIRLOOM_COMPLETE";

/// Answers a shell that asks. False where none does.
pub(crate) fn answer() -> bool {
    let folder = std::env::current_dir().ok();
    CompleteEnv::with_factory(Args::command)
        .var(VARIABLE)
        .try_complete(std::env::args_os(), folder.as_deref())
        .unwrap_or(true)
}

/// Versions that `run --to` may stop at.
pub(crate) fn pending_versions() -> ArgValueCandidates {
    ArgValueCandidates::new(|| {
        let Some(settings) = settings() else {
            return Vec::new();
        };
        let applied = names::applied(&settings);
        let mut versions = names::versions(&settings);
        versions.retain(|(version, _)| applied.iter().all(|(other, _)| other != version));
        candidates(versions)
    })
}

/// Versions that `revert --to` may go back to.
pub(crate) fn applied_versions() -> ArgValueCandidates {
    ArgValueCandidates::new(|| {
        let mut versions = settings().as_ref().map(names::applied).unwrap_or_default();
        // The newest is where it is already.
        if versions.pop().is_some() {
            versions.insert(0, ("0".to_owned(), "takes everything back".to_owned()));
        }
        versions.reverse();
        candidates(versions)
    })
}

/// Backups by name, else paths.
pub(crate) fn backups() -> ArgValueCompleter {
    ArgValueCompleter::new(|current: &OsStr| {
        let mut backups = settings().as_ref().map(names::backups).unwrap_or_default();
        if !backups.is_empty() {
            backups.insert(0, ("latest".to_owned(), "the newest".to_owned()));
        }
        let begun = current.to_string_lossy();
        backups.retain(|(name, _)| name.starts_with(&*begun));
        match backups.is_empty() {
            true => PathCompleter::file().complete(current),
            false => candidates(backups),
        }
    })
}

/// Snapshots by name.
pub(crate) fn snapshots() -> ArgValueCandidates {
    ArgValueCandidates::new(|| {
        candidates(
            settings()
                .as_ref()
                .map(names::snapshots)
                .unwrap_or_default(),
        )
    })
}

/// Tables of the database.
pub(crate) fn tables() -> ArgValueCandidates {
    ArgValueCandidates::new(|| {
        let tables = settings().as_ref().map(names::tables).unwrap_or_default();
        tables.into_iter().map(CompletionCandidate::new).collect()
    })
}

/// In the order given, which is the order of use.
fn candidates(names: Vec<Name>) -> Vec<CompletionCandidate> {
    let candidate = |(order, (name, what)): (usize, Name)| {
        CompletionCandidate::new(name)
            .help(Some(what.into()))
            .display_order(Some(order))
    };
    names.into_iter().enumerate().map(candidate).collect()
}

/// The settings that the words before the cursor give, the first database of several.
fn settings() -> Option<Settings> {
    let words = std::env::args_os().skip_while(|word| word != "--").skip(1);
    let matches = Args::command()
        .ignore_errors(true)
        .try_get_matches_from(words)
        .ok()?;
    let global = Global::from_arg_matches(&matches).ok()?;
    let settings = Settings::gather(&global, &Surroundings::of_this_process().ok()?).ok()?;
    match expand(&settings.databases).ok()? {
        Databases::One(path) => Some(settings.with_database(&path)),
        Databases::Several(paths) => Some(settings.with_database(paths.first()?)),
    }
}
