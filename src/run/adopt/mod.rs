//! Databases that have no history of ours: import that of another tool, or record a version.
//! May use `run::engine` and what `run` may use.

pub(crate) mod baseline;
pub(crate) mod import;
