//! Migrations written from the schema file, and tables altered from Rust. May use
//! `devtools::alter`, `devtools::model`, `devtools::project`, `devtools::replay` and
//! `devtools::sample_data`.

pub(crate) mod alteration;
pub(crate) mod from_schema;
pub(crate) mod generated;
pub(crate) mod pieces;
pub(crate) mod push;
