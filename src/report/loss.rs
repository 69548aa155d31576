//! What a migration would take away.

use std::fmt;

use crate::report::count::Counted;

/// Up or down.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[cfg_attr(feature = "serde", derive(serde::Serialize))]
#[cfg_attr(feature = "serde", serde(rename_all = "snake_case"))]
pub enum Direction {
    /// Migrations are applied.
    Up,
    /// Migrations are taken back.
    Down,
}

/// Something that is in the database now and would be gone.
#[derive(Debug, Clone, PartialEq, Eq)]
#[non_exhaustive]
pub struct Loss {
    /// The table, by the name it has in the database now.
    pub table: String,
    /// What of it.
    pub what: Lost,
    /// How many rows or values.
    pub count: u64,
}

/// What of a table is lost.
#[derive(Debug, Clone, PartialEq, Eq)]
#[non_exhaustive]
pub enum Lost {
    /// The table and all its rows.
    Table,
    /// A column; counted are the values that are not NULL.
    Column(String),
    /// Every row, by a DELETE that spares none.
    Rows,
    /// Values of a column that the new type may alter.
    Narrowed {
        /// The column.
        column: String,
        /// Its type now.
        from: String,
        /// Its type afterwards.
        to: String,
    },
    /// The values of a column that becomes a generated one.
    Generated(String),
}

impl Loss {
    /// What a report says of it afterwards.
    pub(crate) fn to_note(&self) -> String {
        format!("destroyed {self}")
    }
}

impl fmt::Display for Loss {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Loss { table, what, count } = self;
        let rows = Counted(*count, "row");
        let values = Counted(*count, "value");
        match what {
            Lost::Table => write!(f, "table `{table}`: {rows}"),
            Lost::Column(column) => write!(f, "column `{column}` of `{table}`: {values}"),
            Lost::Rows => write!(f, "every row of `{table}`: {rows}"),
            Lost::Narrowed { column, from, to } => write!(
                f,
                "column `{column}` of `{table}` from {} to {}: {values} may change",
                type_name(from),
                type_name(to)
            ),
            Lost::Generated(column) => write!(
                f,
                "column `{column}` of `{table}` becomes generated: {values}"
            ),
        }
    }
}

#[cfg(feature = "serde")]
impl serde::Serialize for Loss {
    fn serialize<S: serde::Serializer>(&self, to: S) -> Result<S::Ok, S::Error> {
        use serde::ser::SerializeStruct;
        let (what, column) = match &self.what {
            Lost::Table => ("table", None),
            Lost::Rows => ("rows", None),
            Lost::Column(column) => ("column", Some(column)),
            Lost::Generated(column) => ("generated", Some(column)),
            Lost::Narrowed { column, .. } => ("narrowed", Some(column)),
        };
        let mut to = to.serialize_struct("Loss", 5)?;
        to.serialize_field("table", &self.table)?;
        to.serialize_field("what", what)?;
        to.serialize_field("column", &column)?;
        to.serialize_field("count", &self.count)?;
        to.serialize_field("message", &self.to_string())?;
        to.end()
    }
}

/// Whether something is destroyed, and what.
#[cfg(feature = "serde")]
pub(crate) fn losses<S: serde::Serializer>(losses: &[Loss], to: S) -> Result<S::Ok, S::Error> {
    use serde::ser::SerializeMap;
    let mut map = to.serialize_map(Some(2))?;
    map.serialize_entry("destructive", &!losses.is_empty())?;
    map.serialize_entry("destroys", losses)?;
    map.end()
}

pub(crate) fn type_name(declared: &str) -> &str {
    if declared.is_empty() {
        "no type"
    } else {
        declared
    }
}
