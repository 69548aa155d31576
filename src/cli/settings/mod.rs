//! What the command works on: arguments, environment, `heirloom.toml`, defaults, each with where it
//! came from. May use the arguments and how a command fails, nothing else of this crate.

pub(crate) mod databases;
mod file;
pub(crate) mod gather;
pub(crate) mod migrator;
pub(crate) mod origin;
mod url;
