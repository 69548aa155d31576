//! What a command is done to, and whether it changes anything.

use crate::args::{Alone, Command};

/// The databases that a command can be done to at once.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Reach {
    /// It works on the migrations, or on nothing.
    None,
    /// A single one.
    One,
    /// As many as there are.
    Many,
}

impl Command {
    /// What it can be done to.
    pub(crate) fn reach(&self) -> Reach {
        match self {
            Command::Create(_)
            | Command::Squash(_)
            | Command::Generate(_)
            | Command::Check
            | Command::Alone(_) => Reach::None,
            // The file of one database put over all of them is never meant.
            Command::Restore(options) if !options.is_latest() => Reach::One,
            // A developer's own database.
            Command::Push(_)
            | Command::Redo(_)
            | Command::Reset(_)
            | Command::Drop
            | Command::Shell(_) => Reach::One,
            Command::Show(_)
            | Command::Inspect(_)
            | Command::Stats
            | Command::Doctor
            | Command::Log
            | Command::Adopt(_)
            | Command::Backfill(_)
            | Command::Seed(_)
            | Command::Baseline(_)
            | Command::Run(_)
            | Command::Revert(_)
            | Command::Backups(_)
            | Command::Snapshot(_)
            | Command::Restore(_)
            | Command::RestoreSnapshot(_) => Reach::Many,
        }
    }

    /// Whether all it does is to say what is so: what it prints is then all there is of it.
    pub(crate) fn only_looks(&self) -> bool {
        match self {
            Command::Show(_)
            | Command::Inspect(_)
            | Command::Stats
            | Command::Doctor
            | Command::Log
            | Command::Check
            | Command::Backups(_)
            | Command::Alone(Alone::Completions(_)) => true,
            Command::Alone(Alone::Man(options)) => options.dir.is_none(),
            Command::Generate(options) => options.dry_run || options.check,
            Command::Run(options) => options.dry_run || options.rehearse,
            Command::Adopt(options) => options.dry_run,
            Command::Seed(options) => options.dry_run,
            Command::Push(options) => options.dry_run,
            Command::Squash(options) => options.dry_run,
            Command::Backfill(options) => options.dry_run,
            Command::Baseline(options) => options.dry_run,
            Command::Revert(options) => options.dry_run,
            Command::Restore(options) => options.dry_run,
            Command::RestoreSnapshot(options) => options.dry_run,
            Command::Create(_)
            | Command::Alone(Alone::Init)
            | Command::Redo(_)
            | Command::Reset(_)
            | Command::Drop
            | Command::Shell(_)
            | Command::Snapshot(_) => false,
        }
    }
}
