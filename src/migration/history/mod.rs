//! Tables in the database that record what was done: ours, refinery's, other tools'.
//! May use `migration::compare`, `migration::set` and `migration::step`.

pub(crate) mod backfills;
pub(crate) mod details;
pub(crate) mod log_entry;
pub(crate) mod log_table;
pub(crate) mod marker;
pub(crate) mod other_tools;
pub(crate) mod refinery;
pub(crate) mod seeds;
pub(crate) mod table;
