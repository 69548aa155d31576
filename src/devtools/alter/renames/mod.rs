//! What was renamed: as the caller says, as the schema file's notes say, and where neither does
//! and it may be, a question.

mod named;
mod names;
mod notes;
mod reading;
mod refusal;
mod resolve;
mod sides;

pub(crate) use names::{Renames, steps};
pub(crate) use resolve::renames;
