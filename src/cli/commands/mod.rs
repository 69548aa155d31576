//! One file per command.

pub(crate) mod adopt;
pub(crate) mod backfill;
pub(crate) mod backups;
pub(crate) mod baseline;
pub(crate) mod check;
pub(crate) mod completions;
pub(crate) mod create;
pub(crate) mod doctor;
pub(crate) mod drop;
pub(crate) mod generate;
#[cfg(test)]
mod help;
pub(crate) mod init;
pub(crate) mod inspect;
pub(crate) mod log;
pub(crate) mod man;
pub(crate) mod push;
pub(crate) mod reach;
pub(crate) mod redo;
pub(crate) mod reset;
pub(crate) mod restore;
pub(crate) mod revert;
pub(crate) mod run;
pub(crate) mod seed;
pub(crate) mod shell;
pub(crate) mod show;
pub(crate) mod snapshot;
pub(crate) mod squash;
pub(crate) mod stats;
