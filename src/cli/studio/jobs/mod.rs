//! Work that takes longer than a page: each piece on a thread of its own, with its progress, a way
//! to cancel it, and what came of it.

pub(crate) mod job;
pub(crate) mod queue;
