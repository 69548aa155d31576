//! One file per command.

pub(crate) mod create;
pub(crate) mod revert;
pub(crate) mod run;
pub(crate) mod show;
mod work;
