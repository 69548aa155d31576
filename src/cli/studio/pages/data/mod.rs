//! Tables, their rows, one row, one cell, and SQL that is typed.

pub(crate) mod row;
pub(crate) mod rows;
pub(crate) mod sql;
pub(crate) mod tables;
