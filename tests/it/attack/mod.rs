//! A file per danger: kills, power cuts, faults, races, hostile files.

pub mod bad_input;
pub mod crashes;
#[cfg(all(feature = "cli", target_os = "linux"))]
pub mod faults;
#[cfg(feature = "cli")]
pub mod hostile_schemas;
pub mod kills;
pub mod model;
pub mod old_files;
#[cfg(all(feature = "cli", target_os = "linux"))]
pub mod power;
pub mod races;
// File systems of Linux, in files.
#[cfg(target_os = "linux")]
pub mod shared_blocks;
#[cfg(feature = "devtools")]
pub mod support_calls;
// Mounts, permissions and limits of Unix.
#[cfg(all(feature = "cli", unix))]
pub mod surroundings;
#[cfg(windows)]
pub mod windows;
