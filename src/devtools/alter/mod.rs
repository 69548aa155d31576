//! SQL that changes one table into another: conditions on rows, rebuilds, renames, the order
//! of the steps. May use `devtools::model`.

pub(crate) mod alter_table;
pub(crate) mod column_values;
pub(crate) mod compose;
pub(crate) mod conversions;
pub(crate) mod grouping;
pub(crate) mod preconditions;
pub(crate) mod rebuild;
pub(crate) mod renames;
pub(crate) mod sql_writer;
pub(crate) mod sqlite_version;
