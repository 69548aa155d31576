//! What a recovery saved, and what not.

use std::fmt;
use std::path::PathBuf;

use crate::report::count::Counted;

#[cfg(feature = "serde")]
use crate::report::serial;

/// What [`Database::recover`](crate::Database::recover) wrote into a new file.
#[derive(Debug, Clone, PartialEq, Eq)]
#[cfg_attr(feature = "serde", derive(serde::Serialize))]
#[non_exhaustive]
pub struct Recovery {
    /// The damaged database, which was not changed.
    #[cfg_attr(feature = "serde", serde(serialize_with = "serial::path"))]
    pub database: PathBuf,
    /// The new file.
    #[cfg_attr(feature = "serde", serde(serialize_with = "serial::path"))]
    pub file: PathBuf,
    /// The tables of the schema, with what was saved of each.
    pub tables: Vec<RecoveredTable>,
    /// Rows of which nobody knows the table: `lost_and_found`, or what it is called where the database
    /// has such a table.
    pub lost_and_found: Option<RecoveredTable>,
    /// What else is not in the new file, or not as it should be, in sentences.
    pub notes: Vec<String>,
}

/// What was saved of one table.
#[derive(Debug, Clone, PartialEq, Eq)]
#[cfg_attr(feature = "serde", derive(serde::Serialize))]
#[non_exhaustive]
pub struct RecoveredTable {
    /// Its name.
    pub table: String,
    /// The rows that are in the new file.
    pub rows: u64,
    /// The rows that are known to be lost: an index names them, or they do not satisfy the table.
    pub lost: u64,
    /// Pages of it that could not be read, or that were not where they should be. What was on them may
    /// be lost, or be among the rows or in `lost_and_found` all the same.
    pub damaged_pages: u64,
}

impl Recovery {
    /// Whether everything of the damaged file is in the new one, as far as it can be known.
    pub fn is_complete(&self) -> bool {
        let whole = |table: &RecoveredTable| table.lost == 0 && table.damaged_pages == 0;
        self.notes.is_empty() && self.lost_and_found.is_none() && self.tables.iter().all(whole)
    }
}

impl fmt::Display for RecoveredTable {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{} of `{}`", Counted(self.rows, "row"), self.table)?;
        if self.lost > 0 {
            write!(f, ", {} lost", Counted(self.lost, "row"))?;
        }
        match self.damaged_pages {
            0 => Ok(()),
            pages => write!(f, ", {} damaged", Counted(pages, "page")),
        }
    }
}
