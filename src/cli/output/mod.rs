//! Everything that is printed: text, JSON, tables, progress, questions.

pub(crate) mod ask;
pub(crate) mod report;
pub(crate) mod schema;
pub(crate) mod table;
pub(crate) mod text;
pub(crate) mod ui;
