//! One file per command.

pub(crate) mod backups;
pub(crate) mod check;
pub(crate) mod create;
pub(crate) mod drop;
pub(crate) mod generate;
pub(crate) mod init;
pub(crate) mod push;
pub(crate) mod redo;
pub(crate) mod reset;
pub(crate) mod restore;
pub(crate) mod revert;
pub(crate) mod run;
pub(crate) mod seed;
pub(crate) mod shell;
pub(crate) mod show;
pub(crate) mod snapshot;
mod work;
