//! What an app configures: options, hooks, components, migrations written in Rust. May use
//! `migration`, `sqlite` and `report`.

pub(crate) mod component;
pub(crate) mod hooks;
pub(crate) mod rust_migration;
pub(crate) mod settings;
