//! Values completed at the prompt.

pub(crate) mod candidates;
pub(crate) mod names;
