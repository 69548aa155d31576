//! What support opens in an emergency: list, restore, snapshots, what to offer after a downgrade.
//! May use `backup`, `migration`, `options`, `report`, `rows`, `run` and `sqlite`.

pub(crate) mod downgrade;
pub(crate) mod execute;
pub(crate) mod find;
pub(crate) mod folders;
pub(crate) mod list;
pub(crate) mod log;
pub(crate) mod newer;
pub(crate) mod over;
pub(crate) mod recover;
pub(crate) mod reindex;
pub(crate) mod snapshot;
