//! What changes a database to another version: run, revert, rehearse, adopt, backfill, edit. May use
//! `backup`, `migration`, `options`, `report`, `rows` and `sqlite`.

pub(crate) mod adopt;
pub(crate) mod backfill;
pub(crate) mod batches;
pub(crate) mod edit;
pub(crate) mod engine;
pub(crate) mod in_the_way;
pub(crate) mod look;
pub(crate) mod migrate;
pub(crate) mod pending;
pub(crate) mod rehearse;
pub(crate) mod revert;
pub(crate) mod template;
