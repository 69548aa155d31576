//! Backups and snapshots: listed, verified, compared with the database as it is, restored.

pub(crate) mod difference;
pub(crate) mod list;
pub(crate) mod restore;
