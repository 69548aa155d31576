//! Tests of the library and the command, a file per danger.
#![allow(
    missing_docs,
    unreachable_pub,
    clippy::expect_used,
    clippy::panic,
    clippy::print_stdout,
    clippy::unwrap_used
)]

mod architecture;
mod attack;
mod backup;
#[cfg(feature = "cli")]
mod cli;
mod devtools;
mod documents;
mod inspect;
mod restore;
mod run;
#[cfg(feature = "cli")]
mod studio;
mod support;
