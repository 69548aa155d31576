//! A schema as parsed tables, and the difference of two of them. Values in, values out.
//! May use `sqlite` and `report`.

pub(crate) mod annotations;
pub(crate) mod canonical;
pub(crate) mod clauses;
pub(crate) mod diff;
pub(crate) mod parse;
pub(crate) mod table;
