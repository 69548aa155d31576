//! One file per command.

pub(crate) mod adopt;
pub(crate) mod backfill;
pub(crate) mod backups;
pub(crate) mod baseline;
pub(crate) mod check;
pub(crate) mod completions;
pub(crate) mod create;
pub(crate) mod doctor;
pub(crate) mod generate;
pub(crate) mod inspect;
pub(crate) mod log;
pub(crate) mod man;
pub(crate) mod restore;
pub(crate) mod revert;
pub(crate) mod run;
pub(crate) mod show;
pub(crate) mod snapshot;
pub(crate) mod squash;
pub(crate) mod stats;
pub(crate) mod work;
