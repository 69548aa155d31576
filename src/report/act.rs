//! What can be done to a database.

/// What was done to a database: of a [`Report`](crate::Report), and of an entry of the log.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[cfg_attr(feature = "serde", derive(serde::Serialize))]
#[cfg_attr(feature = "serde", serde(rename_all = "kebab-case"))]
#[non_exhaustive]
pub enum Act {
    /// Migrations were applied.
    Run,
    /// Migrations were reverted.
    Revert,
    /// Migrations that another tool applied, or a person, were recorded as applied.
    Adopt,
    /// Migrations were reverted and applied again. The log has it as both.
    Redo,
    /// Migrations were applied to a copy that was thrown away. The log has no entry of it.
    Rehearse,
    /// Seed files were run.
    Seed,
    /// The schema was changed to what the schema file says, without a migration.
    Push,
    /// A backup or a snapshot was restored.
    Restore,
    /// Everything was dropped, migrated and seeded.
    Reset,
    /// Everything was dropped.
    Drop,
    /// Rows were filled in batches.
    Backfill,
    /// A snapshot was taken.
    Snapshot,
}

impl Act {
    const ALL: [Act; 12] = [
        Act::Run,
        Act::Revert,
        Act::Adopt,
        Act::Redo,
        Act::Rehearse,
        Act::Seed,
        Act::Push,
        Act::Restore,
        Act::Reset,
        Act::Drop,
        Act::Backfill,
        Act::Snapshot,
    ];

    /// The word in JSON and in tables.
    pub fn as_str(self) -> &'static str {
        match self {
            Act::Run => "run",
            Act::Revert => "revert",
            Act::Adopt => "adopt",
            Act::Redo => "redo",
            Act::Rehearse => "rehearse",
            Act::Seed => "seed",
            Act::Push => "push",
            Act::Restore => "restore",
            Act::Reset => "reset",
            Act::Drop => "drop",
            Act::Backfill => "backfill",
            Act::Snapshot => "snapshot",
        }
    }

    pub(crate) fn from_text(text: &str) -> Option<Act> {
        Act::ALL.into_iter().find(|act| act.as_str() == text)
    }
}
