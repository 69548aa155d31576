//! What a developer's change does to a table, as values.

use std::collections::BTreeMap;

/// What happens to one table.
#[derive(Debug, Clone, PartialEq, Eq)]
#[cfg_attr(feature = "serde", derive(serde::Serialize))]
#[non_exhaustive]
pub struct TableChange {
    /// The table, by its name after; the view, where only that changes.
    pub table: String,
    /// What is done.
    pub kind: ChangeKind,
    /// What it takes away or may alter, in words that follow "it would"; empty where nothing.
    #[cfg_attr(feature = "serde", serde(flatten, serialize_with = "destroys"))]
    pub destroys: Vec<String>,
    /// Which of the generated files does it. Tables that are tied together share one. None for
    /// what was done without a file.
    #[cfg_attr(feature = "serde", serde(skip))]
    pub file: Option<usize>,
}

/// What a change to a table is, in the words of JSON.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[cfg_attr(feature = "serde", derive(serde::Serialize))]
#[cfg_attr(feature = "serde", serde(rename_all = "kebab-case"))]
#[non_exhaustive]
pub enum ChangeKind {
    /// A new table.
    Create,
    /// ALTER TABLE does it, or only indexes, triggers or views change.
    Alter,
    /// The table is rebuilt, with its rows.
    Rebuild,
    /// Another name, for the table or for columns of it.
    Rename,
    /// The table is dropped.
    Drop,
}

impl ChangeKind {
    /// The word in JSON.
    pub fn as_str(self) -> &'static str {
        match self {
            ChangeKind::Create => "create",
            ChangeKind::Alter => "alter",
            ChangeKind::Rebuild => "rebuild",
            ChangeKind::Rename => "rename",
            ChangeKind::Drop => "drop",
        }
    }

    /// The two as one. What is dropped and made again was altered, and an index beside a rebuild
    /// is part of it.
    #[cfg(feature = "devtools")]
    pub(crate) fn and(self, later: ChangeKind) -> ChangeKind {
        use ChangeKind::{Alter, Create, Drop, Rename};
        match (self, later) {
            (Drop | Alter, Create) | (Rename, Alter) => Alter,
            (first, Alter) => first,
            (_, later) => later,
        }
    }
}

/// Whether it destroys anything, and what.
#[cfg(feature = "serde")]
fn destroys<S: serde::Serializer>(destroys: &[String], to: S) -> Result<S::Ok, S::Error> {
    use serde::ser::SerializeMap;
    let mut map = to.serialize_map(Some(2))?;
    map.serialize_entry("destructive", &!destroys.is_empty())?;
    map.serialize_entry("destroys", destroys)?;
    map.end()
}

/// What differs of a table.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
#[cfg_attr(feature = "serde", derive(serde::Serialize))]
#[non_exhaustive]
pub struct TableDifference {
    /// The table.
    pub table: String,
    /// Rows that only the first state has.
    pub only_in_from: u64,
    /// Rows that only the second has.
    pub only_in_to: u64,
    /// Rows that both have, with other values.
    pub changed: u64,
    /// Of those, how many differ in a column.
    pub columns: BTreeMap<String, u64>,
}

impl TableDifference {
    /// Whether nothing differs.
    pub(crate) fn is_none(&self) -> bool {
        self.only_in_from + self.only_in_to + self.changed == 0
    }
}
