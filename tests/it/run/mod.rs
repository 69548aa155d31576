//! Running, reverting, rehearsing, adopting, and what runs beside it.

pub mod adopt;
pub mod backfill;
pub mod baseline;
pub mod beside;
#[cfg(feature = "devtools")]
pub mod cases;
pub mod components;
pub mod connection;
pub mod destruction;
pub mod early;
pub mod edit;
pub mod history;
pub mod hooks;
pub mod migrate;
pub mod no_transaction;
#[cfg(feature = "devtools")]
pub mod random_histories;
pub mod rebuild;
pub mod references;
pub mod refinery;
pub mod rehearsal;
pub mod revert;
pub mod row_progress;
pub mod rust_migrations;
pub mod template;
