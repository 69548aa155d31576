//! Values completed at the prompt, and what was probably meant by a wrong one. May use
//! `args`, `exit`, `nearest` and `settings`; the commands hand their command line over.

pub(crate) mod candidates;
pub(crate) mod meant;
pub(crate) mod names;
