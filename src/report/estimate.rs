//! What a rebuild takes, told from the size of the table before it is done.

use std::time::Duration;

#[cfg(feature = "serde")]
use crate::report::serial;

/// Nanoseconds to copy a row, and to sort one entry of an index.
const PER_ROW: f64 = 250.0;
const PER_ENTRY: f64 = 350.0;
/// Nanoseconds to read a byte and write it again: 400 MB a second.
const PER_BYTE: f64 = 2.5;

/// Bytes that the files grow by for each byte of the table and its indexes. In rollback mode
/// the new table takes what the old one leaves free for the indexes, or the journal does: 1.0
/// in every case. The write-ahead log takes everything once more, but for what is written twice
/// or not at all: 1.4 with five indexes, 2.0 with none.
const GROWTH: f64 = 1.0;
const GROWTH_WITH_LOG: f64 = 2.0;

/// What a migration that rebuilds tables would take, roughly.
///
/// The numbers behind it are those of two cores of a virtual machine with its files in memory;
/// `cargo bench --bench estimate` compares them with rebuilds of several shapes. They are off
/// by up to a half there, and a laptop's disk may take several times as long.
#[derive(Debug, Clone, PartialEq)]
#[cfg_attr(feature = "serde", derive(serde::Serialize))]
#[non_exhaustive]
pub struct Estimate {
    /// The tables, with what they hold now.
    #[cfg_attr(feature = "serde", serde(rename = "rebuild_estimates"))]
    pub rebuilds: Vec<RebuildEstimate>,
    /// The time that the rebuilds take, without the backup.
    #[cfg_attr(
        feature = "serde",
        serde(rename = "estimated_ms", serialize_with = "serial::milliseconds")
    )]
    pub duration: Duration,
    /// The bytes of free disk that a run needs: the backup, where it is no clone, and what the database, its journal
    /// and its write-ahead log grow by.
    pub disk_bytes: u64,
}

/// A table that would be rebuilt.
#[derive(Debug, Clone, PartialEq)]
#[cfg_attr(feature = "serde", derive(serde::Serialize))]
#[non_exhaustive]
pub struct RebuildEstimate {
    /// The table, by the name it has afterwards.
    pub table: String,
    /// The rows it has now.
    pub rows: u64,
    /// The bytes that the table and its indexes take now. Where SQLite was built without
    /// `dbstat`, those of the whole database.
    pub bytes: u64,
    /// The time that the rebuild takes.
    #[cfg_attr(feature = "serde", serde(skip))]
    pub duration: Duration,
}

impl RebuildEstimate {
    pub(crate) fn new(table: String, rows: u64, bytes: u64, indexes: u64) -> RebuildEstimate {
        let rows_took = rows as f64 * (PER_ROW + indexes as f64 * PER_ENTRY);
        let nanoseconds = rows_took + bytes as f64 * PER_BYTE;
        RebuildEstimate {
            table,
            rows,
            bytes,
            duration: Duration::from_nanos(nanoseconds as u64),
        }
    }
}

impl Estimate {
    /// Of a migration's rebuilds, beside a backup of this many bytes.
    pub(crate) fn of(rebuilds: Vec<RebuildEstimate>, backup: u64, journal_mode: &str) -> Estimate {
        let factor = match journal_mode {
            "wal" => GROWTH_WITH_LOG,
            _ => GROWTH,
        };
        let bytes: u64 = rebuilds.iter().map(|rebuild| rebuild.bytes).sum();
        Estimate {
            duration: rebuilds.iter().map(|rebuild| rebuild.duration).sum(),
            disk_bytes: backup + (bytes as f64 * factor) as u64,
            rebuilds,
        }
    }
}

/// What rebuilds take, with the same keys where nothing is rebuilt.
#[cfg(feature = "serde")]
pub(crate) fn estimate<S: serde::Serializer>(
    estimate: &Option<Estimate>,
    to: S,
) -> Result<S::Ok, S::Error> {
    use serde::ser::SerializeMap;
    let estimate = estimate.as_ref();
    let rebuilds = estimate.map_or(&[][..], |estimate| &estimate.rebuilds);
    let duration = estimate.map(|estimate| serial::in_milliseconds(estimate.duration));
    let mut map = to.serialize_map(Some(3))?;
    map.serialize_entry("rebuild_estimates", rebuilds)?;
    map.serialize_entry("estimated_ms", &duration)?;
    map.serialize_entry("disk_bytes", &estimate.map(|estimate| estimate.disk_bytes))?;
    map.end()
}
