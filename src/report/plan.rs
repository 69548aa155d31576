//! What a run would do, before it does it.

use std::path::PathBuf;

use crate::report::error::Error;
use crate::report::estimate::Estimate;
use crate::report::loss::{Direction, Loss};

#[cfg(feature = "serde")]
use crate::report::estimate;
#[cfg(feature = "serde")]
use crate::report::loss;
#[cfg(feature = "serde")]
use crate::report::serial;

/// What a run or a revert would do. Made without writing anything.
#[derive(Debug)]
#[cfg_attr(feature = "serde", derive(serde::Serialize))]
#[non_exhaustive]
pub struct Plan {
    /// The database, with symbolic links resolved. It need not exist yet.
    #[cfg_attr(feature = "serde", serde(serialize_with = "serial::path"))]
    pub database: PathBuf,
    /// Up or down.
    pub direction: Direction,
    /// The migrations, in the order in which they would run.
    pub steps: Vec<Step>,
    /// The schema version now.
    pub version: Option<i64>,
    /// An interrupted run, begun at this RFC 3339 time, that would be put back first. The
    /// steps are those from the state before it.
    pub interrupted: Option<String>,
    /// What would be destroyed without being allowed in the file: a run is refused.
    pub refused: Option<Error>,
}

/// One migration of a [`Plan`].
#[derive(Debug, Clone, PartialEq)]
#[cfg_attr(feature = "serde", derive(serde::Serialize))]
#[non_exhaustive]
pub struct Step {
    /// The component whose it is, none for the app's own.
    pub component: Option<String>,
    /// Its version; 0 for what is in no history.
    pub version: i64,
    /// Its name, without version.
    pub name: String,
    /// The file the SQL comes from.
    pub file: String,
    /// The SQL that would run, byte for byte.
    pub sql: String,
    /// What it destroys.
    #[cfg_attr(feature = "serde", serde(flatten, serialize_with = "loss::losses"))]
    pub losses: Vec<Loss>,
    /// The tables it rebuilds: dropped, and there again at the end.
    pub rebuilds: Vec<String>,
    /// What that takes in time and disk, none where it rebuilds nothing.
    #[cfg_attr(
        feature = "serde",
        serde(flatten, serialize_with = "estimate::estimate")
    )]
    pub estimate: Option<Estimate>,
    /// Whether the file consents to what it destroys (`-- heirloom: allow-destructive`).
    pub consents: bool,
    /// Whether it runs outside a transaction (`-- heirloom: no-transaction`).
    pub no_transaction: bool,
    /// Indexes, triggers and views that are gone afterwards, in words.
    pub notes: Vec<String>,
}
