//! What is shown. `frame` is around every page, `parts` are used by several; the rest is a page
//! each. All of it is escaped by maud. May use `studio::app`, `studio::assets`,
//! `studio::diagram`, `studio::edit`, `studio::jobs`, `studio::read` and `studio::web`.

pub(crate) mod backups;
pub(crate) mod data;
pub(crate) mod edit;
pub(crate) mod frame;
pub(crate) mod log;
pub(crate) mod migrations;
pub(crate) mod names;
pub(crate) mod overview;
pub(crate) mod parts;
pub(crate) mod schema;
pub(crate) mod work;
