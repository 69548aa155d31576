//! Old migrations made into one. May use `devtools::alter`, `devtools::model`, `devtools::project`
//! and `devtools::replay`.

pub(crate) mod dump;
pub(crate) mod merge;
