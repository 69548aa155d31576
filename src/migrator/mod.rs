//! The public API: the `Migrator` and what it is configured with, and the doors to what is about
//! one database or about the migrations. May use `devtools`, `inspect`, `migration`, `options`,
//! `report`, `restore` and `run`.

pub(crate) mod configuration;
pub(crate) mod database;
#[cfg(feature = "devtools")]
pub(crate) mod devtools;
mod looking;
mod recovery;
#[cfg(feature = "devtools")]
mod workbench;
