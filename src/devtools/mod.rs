//! For developers, behind the feature `devtools`: an app that only migrates compiles none of
//! it. May use every folder below `migrator`.

pub(crate) mod alter;
pub(crate) mod check;
#[cfg(fuzzing)]
#[doc(hidden)]
pub mod fuzzing;
pub(crate) mod generate;
pub(crate) mod model;
pub(crate) mod project;
pub(crate) mod replay;
pub(crate) mod sample_data;
pub(crate) mod squash;
