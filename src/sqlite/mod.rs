//! What is known of SQLite alone: its language, its catalogue, opening and executing, and the
//! files that a database consists of. May use `report`.

pub(crate) mod background;
pub(crate) mod binding;
pub(crate) mod connection_state;
pub(crate) mod disk;
pub(crate) mod execute;
pub(crate) mod integrity;
pub(crate) mod open;
pub(crate) mod own_tables;
pub(crate) mod page_format;
pub(crate) mod pages;
pub(crate) mod schema;
pub(crate) mod sql;
pub(crate) mod structure;
pub(crate) mod view;
