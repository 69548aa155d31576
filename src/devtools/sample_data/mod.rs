//! Rows made up to fit the constraints of a schema. May use `devtools::model`.

mod facts;
pub(crate) mod fill;
pub(crate) mod guesses;
