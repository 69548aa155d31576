//! The migrators that heirloom is compared with, and what is at stake with each.

pub mod peer;
pub mod stakes;
