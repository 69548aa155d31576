//! Rows that are changed: the forms, and the review of all of it before it is done.

pub(crate) mod forms;
pub(crate) mod review;
