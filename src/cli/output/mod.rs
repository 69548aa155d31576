//! Everything that is printed: text, JSON, tables, progress, questions. May use `args`,
//! `exit` and `settings`.

pub(crate) mod ask;
pub(crate) mod failure;
pub(crate) mod json;
pub(crate) mod remedy;
pub(crate) mod report;
pub(crate) mod schema;
pub(crate) mod table;
pub(crate) mod text;
pub(crate) mod ui;
pub(crate) mod visible;
