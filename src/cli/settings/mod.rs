//! Where each setting comes from: arguments, environment, `heirloom.toml`, defaults.

pub(crate) mod databases;
pub(crate) mod gather;
pub(crate) mod migrator;
