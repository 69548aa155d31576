//! The public API: the `Migrator` and what it is configured with, and the doors to what is about
//! one database or about the migrations. May use every folder.

pub(crate) mod configuration;
pub(crate) mod database;
#[cfg(feature = "devtools")]
pub(crate) mod devtools;
mod looking;
mod recovery;
#[cfg(feature = "devtools")]
mod workbench;
