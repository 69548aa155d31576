//! Values completed at the prompt, and what was probably meant by a wrong one. May use the
//! arguments and the settings, not the commands: they hand their command line over.

pub(crate) mod candidates;
pub(crate) mod meant;
pub(crate) mod names;
