//! Tests of the library and the command, a file per danger.
#![allow(
    missing_docs,
    unreachable_pub,
    clippy::expect_used,
    clippy::panic,
    clippy::print_stdout,
    clippy::unwrap_used
)]

#[cfg(all(feature = "cli", target_os = "linux"))]
mod acts;
mod parts;
#[cfg(all(feature = "cli", target_os = "linux"))]
mod preload;
mod support;

mod adopt;
#[cfg(feature = "generate")]
mod alteration;
mod attachments;
mod backfill;
mod backups;
mod bad_input;
mod baseline;
#[cfg(feature = "cli")]
mod cases;
#[cfg(feature = "generate")]
mod check;
#[cfg(feature = "cli")]
mod command;
#[cfg(feature = "cli")]
mod command_backfill;
#[cfg(feature = "cli")]
mod command_check;
#[cfg(feature = "cli")]
mod command_copies;
#[cfg(feature = "cli")]
mod command_doctor;
#[cfg(feature = "cli")]
mod command_generate;
#[cfg(feature = "cli")]
mod command_inspect;
#[cfg(feature = "cli")]
mod command_log;
#[cfg(feature = "cli")]
mod command_many;
#[cfg(feature = "cli")]
mod command_stats;
#[cfg(feature = "cli")]
mod command_terminal;
mod components;
mod connection;
mod crashes;
mod destruction;
#[cfg(feature = "cli")]
mod development;
#[cfg(all(feature = "cli", target_os = "linux"))]
mod faults;
mod filling;
#[cfg(feature = "generate")]
mod generate;
mod history;
mod hooks;
mod house;
mod kills;
mod logbook;
mod looking;
mod model;
mod newer;
mod no_transaction;
mod old_files;
#[cfg(all(feature = "cli", target_os = "linux"))]
mod power;
mod races;
#[cfg(feature = "generate")]
mod random_schemas;
mod rebuild;
mod references;
mod refinery;
mod rehearsal;
mod restore;
mod revert;
mod run;
mod rust_migrations;
mod snapshots;
mod splitting;
#[cfg(feature = "generate")]
mod squash;
#[cfg(feature = "cli")]
mod surroundings;
mod template;
#[cfg(feature = "generate")]
mod written;
