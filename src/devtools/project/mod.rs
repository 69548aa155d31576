//! A developer's own database and project: create, init, seed, push, reset, redo.

pub(crate) mod create;
pub(crate) mod init;
pub(crate) mod reset;
pub(crate) mod seed;
