//! What can still be read of a damaged database, in a new file.

pub(crate) mod pages;
pub(crate) mod recovery;
pub(crate) mod save;
