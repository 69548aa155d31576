//! Rows that a person changes: a list that is reviewed (`list`), values as they are typed (`typed`),
//! and how all of it is done in one transaction (`apply`). May use `studio::read`.

pub(crate) mod apply;
pub(crate) mod list;
pub(crate) mod typed;
