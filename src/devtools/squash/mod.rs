//! Old migrations made into one. May use `devtools::model` and `devtools::sample_data`.

pub(crate) mod dump;
pub(crate) mod merge;
