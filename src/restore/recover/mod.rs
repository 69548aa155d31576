//! What can still be read of a damaged database, in a new file. May use what `restore` may use.

pub(crate) mod pages;
pub(crate) mod recovery;
pub(crate) mod save;
