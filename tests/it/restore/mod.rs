//! Putting a backup back, and what to do after a downgrade.

pub mod downgrade;
pub mod put_back;
pub mod recover;
