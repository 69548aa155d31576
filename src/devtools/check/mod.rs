//! The migrations walked up and down over made-up rows, with findings. May use
//! `devtools::alter`, `devtools::model`, `devtools::replay`, `devtools::sample_data` and `devtools::squash`.

pub(crate) mod finding;
pub(crate) mod last_release;
mod since_release;
mod states;
pub(crate) mod walk;
