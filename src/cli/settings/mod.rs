//! What the command works on: arguments, environment, `heirloom.toml`, defaults, each with where it
//! came from. May use `args`, `exit` and `nearest`.

pub(crate) mod databases;
mod file;
pub(crate) mod gather;
pub(crate) mod migrator;
pub(crate) mod origin;
mod url;
