//! The schema as SQLite's catalogue has it: read, compared, followed through statements.
//! May use `sqlite::execute`, `sqlite::own_tables` and `sqlite::sql`.

pub(crate) mod catalog;
pub(crate) mod difference;
pub(crate) mod empty_copy;
pub(crate) mod facts;
pub(crate) mod flow;
pub(crate) mod nesting;
pub(crate) mod objects;
pub(crate) mod parsed;
pub(crate) mod statistics;
pub(crate) mod table_tracker;
