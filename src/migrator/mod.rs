//! The public API: the `Migrator` and what it is configured with, and the doors to what is
//! about one database or about the migrations. May use every folder.

pub(crate) mod configuration;
