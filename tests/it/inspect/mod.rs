//! Looking writes nothing.

pub mod log;
pub mod looking;
