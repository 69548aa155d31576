//! Looking writes nothing.

pub mod compare;
pub mod log;
pub mod looking;
pub mod reading;
