//! The steps of a change put in an order that works.

pub(crate) mod composer;
pub(crate) mod objects;
pub(crate) mod steps;
pub(crate) mod tables;
pub(crate) mod virtual_tables;
