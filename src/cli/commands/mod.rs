//! One file per command.

pub(crate) mod backups;
pub(crate) mod check;
pub(crate) mod create;
pub(crate) mod generate;
pub(crate) mod restore;
pub(crate) mod revert;
pub(crate) mod run;
pub(crate) mod show;
pub(crate) mod snapshot;
pub(crate) mod squash;
mod work;
