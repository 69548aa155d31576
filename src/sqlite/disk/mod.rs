//! The only folder that writes through `std::fs`: files, the process lock, scratch folders,
//! free space. Nothing here or above opens a live database file or its `-wal`, `-shm` or
//! `-journal` through `std::fs`: closing any descriptor of it drops SQLite's locks.

pub(crate) mod clone;
pub(crate) mod digest;
#[cfg(any(target_os = "linux", target_os = "android"))]
mod extents;
pub(crate) mod files;
pub(crate) mod lock;
pub(crate) mod os;
pub(crate) mod path;
pub(crate) mod raw;
#[cfg(unix)]
mod record_lock;
pub(crate) mod scratch;
pub(crate) mod sidecar;
pub(crate) mod space;
pub(crate) mod tree;
#[cfg(windows)]
pub(crate) mod windows;
