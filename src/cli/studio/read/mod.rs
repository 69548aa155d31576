//! Reading rows: tables as they are, pages of them by key, one cell, and SQL of a person. Every
//! connection is a confined reader of the library.

pub(crate) mod links;
pub(crate) mod page;
pub(crate) mod query;
pub(crate) mod table;
pub(crate) mod value;
