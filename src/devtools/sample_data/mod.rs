//! Rows made up to fit the constraints of a schema. May use `devtools::model`.

pub(crate) mod fill;
