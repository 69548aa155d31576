//! Migrations as values, where they come from, and the history of what was applied. May use
//! `sqlite` and `report`.

pub(crate) mod compare;
pub(crate) mod directive;
pub(crate) mod files;
pub(crate) mod history;
pub(crate) mod label;
pub(crate) mod set;
pub(crate) mod squashed;
pub(crate) mod step;
pub(crate) mod table_owners;
