//! Tests of the library and the command, a file per danger.
#![allow(
    missing_docs,
    unreachable_pub,
    clippy::expect_used,
    clippy::panic,
    clippy::print_stdout,
    clippy::unwrap_used
)]

mod parts;
mod support;

mod attachments;
mod backups;
mod bad_input;
#[cfg(feature = "cli")]
mod command;
#[cfg(feature = "cli")]
mod command_copies;
mod connection;
mod crashes;
mod destruction;
mod filling;
mod history;
mod hooks;
mod house;
mod looking;
mod newer;
mod no_transaction;
mod races;
mod rebuild;
mod references;
mod refinery;
mod rehearsal;
mod restore;
mod revert;
mod run;
mod snapshots;
