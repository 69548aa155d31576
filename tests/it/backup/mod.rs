//! Backups, snapshots, and the folders that go with them.

pub mod attachments;
pub mod backups;
pub mod snapshots;
