//! The schema: as a picture, table by table, and what it should be.

pub(crate) mod drift;
pub(crate) mod overview;
pub(crate) mod table;
