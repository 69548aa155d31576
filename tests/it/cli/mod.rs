//! The command line as the contract has it.

pub mod backfill;
pub mod backups;
pub mod check;
pub mod contract;
pub mod doctor;
pub mod documents;
pub mod generate;
pub mod inspect;
pub mod log;
pub mod many;
pub mod output;
pub mod settings;
pub mod stats;
pub mod terminal;
