//! What support opens in an emergency: list, restore, snapshots, what to offer after a downgrade.
//! May use `run`, `backup`, `migration`, `sqlite` and `report`.

pub(crate) mod downgrade;
pub(crate) mod execute;
