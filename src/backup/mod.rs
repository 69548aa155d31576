//! Backups: taken and verified, recorded, listed, thinned out, put back through SQLite. May use
//! `migration`, `options`, `report` and `sqlite`.

pub(crate) mod attachments;
pub(crate) mod copy;
pub(crate) mod intent;
pub(crate) mod locate;
pub(crate) mod log_file;
pub(crate) mod metadata;
pub(crate) mod of_database;
pub(crate) mod put_back;
pub(crate) mod retention;
pub(crate) mod store;
