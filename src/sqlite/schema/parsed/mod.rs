//! A CREATE TABLE statement taken apart, and what tells two of them apart. Always compiled, so that a
//! schema is the same or another one with every set of features. May use
//! `sqlite::schema::objects` and `sqlite::schema::table_tracker`.

// What only `devtools` reads of a table is there all the same.
#![cfg_attr(not(feature = "devtools"), allow(dead_code))]

pub(crate) mod annotations;
pub(crate) mod canonical;
pub(crate) mod clauses;
pub(crate) mod edits;
pub(crate) mod parse;
pub(crate) mod table;
