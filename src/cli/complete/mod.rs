//! Values completed at the prompt, and what was probably meant by a wrong one.

pub(crate) mod candidates;
pub(crate) mod meant;
pub(crate) mod names;
