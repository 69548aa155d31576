//! A schema as a developer changes it: tables and everything that depends on them, and the
//! difference of two of them. Values in, values out.

pub(crate) mod diff;
