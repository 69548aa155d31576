//! Two states of a table, compared row by row.
//!
//! Rows are paired by what tells them apart, a key or the rowid, and never by their number. Both
//! states are read once, in the same order, by two connections, of a large file at rest in a thread of
//! its own; memory stays flat. What is proved
//! before a commit, what `compare` prints and what a restore takes over are asked of the same
//! walk. Nothing here knows of migrations. May use `report` and `sqlite`.

mod beside;
mod difference;
mod pairing;
mod shape;
mod statements;
mod walk;

pub(crate) use difference::{fewest_differences, pairings, told};
pub(crate) use pairing::{Identity, PairedColumn, Pairing, identities};
pub(crate) use shape::Shape;
pub(crate) use statements::{Literal, delete_row, insert_row, update_row};
pub(crate) use walk::{Cells, Pair, Side, Tally, is_empty, owned, same_meaning, tally, walk};
