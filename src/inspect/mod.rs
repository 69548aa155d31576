//! Looking at a database: what [`Database::status`](crate::Database::status),
//! [`inspect`](crate::Database::inspect), [`stats`](crate::Database::stats),
//! [`doctor`](crate::Database::doctor), [`log`](crate::Database::log),
//! [`compare`](crate::Database::compare) and [`read`](crate::Database::read) return. None of them writes anything.

// May use `backup`, `migration`, `options`, `report`, `restore`, `rows`, `run` and `sqlite`.

pub(crate) mod compare;
pub(crate) mod describe;
pub(crate) mod description;
pub(crate) mod doctor;
pub(crate) mod fence;
pub(crate) mod log;
pub(crate) mod pragmas;
pub(crate) mod problem;
pub(crate) mod read;
pub(crate) mod relations;
pub(crate) mod sizes;
pub(crate) mod stats;
pub(crate) mod status;

pub use crate::migration::history::log_entry::{Log, LogEntry, Logged};
pub use crate::report::change::TableDifference;
pub use compare::{RowDifference, StateComparison, StateRef};
pub use description::{
    ColumnInfo, ForeignKeyInfo, Generation, IndexInfo, Inspected, ReferenceInfo, TableInfo,
    TriggerInfo, ViewInfo,
};
pub use problem::{Diagnosis, Problem, ProblemKind};
pub use read::Reader;
pub use sizes::{BackupStats, HistoryStats, IndexStats, SizeAt, Stats, TableStats};
pub use status::MigrationStatus;
#[doc(no_inline)]
pub use status::Status;
