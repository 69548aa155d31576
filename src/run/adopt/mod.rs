//! Databases that have no history of ours: import that of another tool, or record a version.
//! May use `run::engine`, `run::look`, `run::migrate` and `run::pending`.

pub(crate) mod baseline;
pub(crate) mod import;
