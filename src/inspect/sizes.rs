//! How big a database is and what it consists of, as values.

use std::path::PathBuf;

use crate::migration::history::log_entry::LogEntry;

#[cfg(feature = "serde")]
use crate::report::serial;

/// What [`Database::stats`](crate::Database::stats) finds.
#[derive(Debug, Clone, PartialEq)]
#[cfg_attr(feature = "serde", derive(serde::Serialize))]
#[non_exhaustive]
pub struct Stats {
    /// The database, with symbolic links resolved.
    #[cfg_attr(feature = "serde", serde(serialize_with = "serial::path"))]
    pub database: PathBuf,
    /// Whether there is a file.
    pub exists: bool,
    /// The size of the file, in bytes.
    pub bytes: u64,
    /// The size of its write-ahead log, in bytes; 0 where there is none.
    pub wal_bytes: u64,
    /// The size of a page, in bytes.
    pub page_size: u64,
    /// The pages of the database, those in the write-ahead log among them.
    pub pages: u64,
    /// The pages that hold nothing.
    pub free_pages: u64,
    /// `wal`, or `delete` and its kin.
    pub journal_mode: String,
    /// The tables, the biggest first, heirloom's and SQLite's own among them.
    pub tables: Vec<TableStats>,
    /// What was applied.
    pub history: HistoryStats,
    /// The backups that are there.
    pub backups: BackupStats,
    /// The size of the database over time, the oldest first; the last is now.
    pub growth: Vec<SizeAt>,
}

/// A table's share.
#[derive(Debug, Clone, PartialEq, Eq)]
#[cfg_attr(feature = "serde", derive(serde::Serialize))]
#[non_exhaustive]
pub struct TableStats {
    /// Its name.
    pub name: String,
    /// Its rows, none where they cannot be counted.
    pub rows: Option<u64>,
    /// The pages of its rows in bytes; of a virtual table those of its shadow tables with their
    /// indexes. None where SQLite was built without `dbstat`.
    pub bytes: Option<u64>,
    /// Whether it is heirloom's own, the history or SQLite's.
    pub internal: bool,
    /// Its indexes, those of constraints among them.
    pub indexes: Vec<IndexStats>,
}

/// An index's share.
#[derive(Debug, Clone, PartialEq, Eq)]
#[cfg_attr(feature = "serde", derive(serde::Serialize))]
#[non_exhaustive]
pub struct IndexStats {
    /// Its name.
    pub name: String,
    /// Its pages in bytes, none where SQLite was built without `dbstat`.
    pub bytes: Option<u64>,
}

/// The history in short.
#[derive(Debug, Clone, PartialEq)]
#[cfg_attr(feature = "serde", derive(serde::Serialize))]
#[non_exhaustive]
pub struct HistoryStats {
    /// How many migrations are applied.
    pub applied: usize,
    /// The schema version.
    pub version: Option<i64>,
    /// How many are pending, none where the migrations are not there or cannot be read.
    pub pending: Option<usize>,
    /// The last run, where the log has one.
    pub last_run: Option<LogEntry>,
}

/// The backups in short.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
#[cfg_attr(feature = "serde", derive(serde::Serialize))]
#[non_exhaustive]
pub struct BackupStats {
    /// How many automatic backups there are, states that a restore replaced among them.
    pub automatic: usize,
    /// How many snapshots.
    pub snapshots: usize,
    /// How large all of them are, in bytes.
    pub bytes: u64,
    /// Where some share blocks with other files, the bytes of disk that all of them occupy alone, as far
    /// as the system tells: Linux does. What several share is counted for none.
    #[cfg_attr(feature = "serde", serde(skip_serializing_if = "Option::is_none"))]
    pub unshared_bytes: Option<u64>,
}

/// How big the database was at a time.
#[derive(Debug, Clone, PartialEq, Eq)]
#[cfg_attr(feature = "serde", derive(serde::Serialize))]
#[non_exhaustive]
pub struct SizeAt {
    /// When, RFC 3339 in UTC.
    pub at: String,
    /// In bytes.
    pub bytes: u64,
}
