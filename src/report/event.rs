//! What happens during a run, for a splash screen or a terminal.

use std::path::Path;
use std::time::Duration;

#[cfg(feature = "serde")]
use crate::report::serial;

/// One thing that happens while a database is migrated. Events are for interfaces:
/// nothing is decided from them, and a slow listener slows the run down.
#[derive(Debug, Clone, Copy, PartialEq)]
#[cfg_attr(feature = "serde", derive(serde::Serialize))]
#[cfg_attr(feature = "serde", serde(tag = "event", rename_all = "snake_case"))]
#[non_exhaustive]
pub enum Event<'e> {
    /// Another process is at work on this database; this one waits.
    Waiting {
        /// Who holds it, as far as is known.
        holder: &'e str,
    },
    /// A run that was interrupted is being put back.
    Recovering {
        /// The backup that is put back, none where the database had been empty.
        #[cfg_attr(feature = "serde", serde(serialize_with = "serial::some_path"))]
        backup: Option<&'e Path>,
    },
    /// Unfinished files of a backup or a restore that was interrupted were removed.
    CleanedUp {
        /// How many.
        files: usize,
    },
    /// What is there is read before anything is copied or changed: rows are counted and checked.
    /// Sent several times a second while that takes longer than a moment, from a thread of its own.
    Checking {
        /// The migration for which that is done, as `V3__name`, or what else is read.
        what: &'e str,
        /// How many of them are done.
        done: u64,
        /// Out of how many.
        total: u64,
    },
    /// There is work to do: the number of migrations.
    Planned {
        /// How many migrations will be applied or reverted.
        migrations: usize,
    },
    /// The backup is being taken. Sent often, at least at the beginning and the end.
    Copying {
        /// Bytes copied so far.
        done: u64,
        /// Bytes in all.
        total: u64,
    },
    /// The backup is verified and in its place. Of a large database that is done beside the
    /// migrations, and waited for before the commit.
    CopyVerified {
        /// The backup.
        #[cfg_attr(feature = "serde", serde(serialize_with = "serial::path"))]
        backup: &'e Path,
        /// Copying and verifying took so long.
        #[cfg_attr(
            feature = "serde",
            serde(rename = "duration_ms", serialize_with = "serial::milliseconds")
        )]
        duration: Duration,
    },
    /// A migration begins.
    Started {
        /// As `V3__name`.
        migration: &'e str,
        /// Which one of [`Event::Planned`], from 1.
        number: usize,
        /// Out of how many.
        of: usize,
    },
    /// A big table that is rebuilt is being filled. Sent every few thousand rows.
    Filling {
        /// The table, by the name it will have.
        table: &'e str,
        /// Rows so far.
        done: u64,
        /// Rows in all: as many as the table had.
        total: u64,
    },
    /// A batch of a backfill is in the database for good.
    Backfilling {
        /// Rows done so far, those of earlier calls among them.
        done: u64,
        /// Rows in all: as many as there were when it began.
        total: u64,
        /// Rows a second, since this call began its first batch.
        rate: u64,
    },
    /// A migration was applied or reverted. Nothing is permanent before
    /// [`Event::Committed`].
    Finished {
        /// As `V3__name`.
        migration: &'e str,
        /// It took so long.
        #[cfg_attr(
            feature = "serde",
            serde(rename = "duration_ms", serialize_with = "serial::milliseconds")
        )]
        duration: Duration,
    },
    /// A migration was walked up, down and up again by `Devtools::check`.
    #[cfg(feature = "devtools")]
    Checked {
        /// As `V3__name`.
        migration: &'e str,
        /// How many problems it has.
        findings: usize,
    },
    /// The result is being checked: references, row counts, schema.
    Proving,
    /// Everything is in the database for good.
    Committed,
    /// Something failed and is being taken back.
    RollingBack,
}
