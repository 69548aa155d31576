//! What a run would do, before it does it.

use std::fmt;
use std::path::PathBuf;

use crate::report::error::Error;
use crate::report::estimate::Estimate;
use crate::report::outcome::Counted;

/// Up or down.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Direction {
    /// Migrations are applied.
    Up,
    /// Migrations are taken back.
    Down,
}

/// What a run or a revert would do. Made without writing anything.
#[derive(Debug)]
#[non_exhaustive]
pub struct Plan {
    /// The database, with symbolic links resolved. It need not exist yet.
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
    /// What would be destroyed without anybody's consent: a run is refused.
    pub refused: Option<Error>,
}

/// One migration of a [`Plan`].
#[derive(Debug, Clone, PartialEq)]
#[non_exhaustive]
pub struct Step {
    /// The component whose it is, none for the app's own.
    pub component: Option<String>,
    /// Its version; 0 for what stands in no history.
    pub version: i64,
    /// Its name, without version.
    pub name: String,
    /// The file the SQL comes from.
    pub file: String,
    /// The SQL that would run, byte for byte.
    pub sql: String,
    /// What it destroys.
    pub losses: Vec<Loss>,
    /// The tables it builds anew: dropped, and there again at the end.
    pub rebuilds: Vec<String>,
    /// What that takes in time and disk, none where it rebuilds nothing.
    pub estimate: Option<Estimate>,
    /// Whether the file consents to what it destroys (`-- heirloom: allow-destructive`).
    pub consents: bool,
    /// Whether it runs outside a transaction (`-- heirloom: no-transaction`).
    pub no_transaction: bool,
    /// Indexes, triggers and views that are gone afterwards, in words.
    pub notes: Vec<String>,
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

fn type_name(declared: &str) -> &str {
    if declared.is_empty() {
        "no type"
    } else {
        declared
    }
}
