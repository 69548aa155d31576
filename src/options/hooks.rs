//! What an app hooks into a run.

use rusqlite::Connection;

use crate::report::loss::Direction;

/// What a hook says when it refuses.
pub type HookError = Box<dyn std::error::Error + Send + Sync>;

/// What a hook is given to look at, and to refuse by returning an error.
#[derive(Debug)]
#[non_exhaustive]
pub struct HookContext<'m> {
    /// The connection, inside the run's transaction. A hook may read and write through
    /// it; it must not commit or roll back, which is noticed and undone.
    pub connection: &'m Connection,
    /// Up or down.
    pub direction: Direction,
    /// The migration's version, none around the whole run and around what is not a migration.
    pub version: Option<i64>,
    /// The migration as `V3__name`, the name of a seed file, empty around the whole run.
    pub migration: &'m str,
}

/// When hooks are called.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum When {
    BeforeRun,
    BeforeEach,
    AfterEach,
    AfterRun,
}

impl When {
    pub(crate) fn as_str(self) -> &'static str {
        match self {
            When::BeforeRun => "before the run",
            When::BeforeEach => "before the migration",
            When::AfterEach => "after the migration",
            When::AfterRun => "after the run",
        }
    }
}
