//! Rows made up to fit the constraints of a schema.

mod facts;
pub(crate) mod fill;
pub(crate) mod guesses;
