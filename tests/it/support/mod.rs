//! What every test uses: an app in a folder of its own, what is killed and broken, contents.

#[cfg(all(feature = "cli", target_os = "linux"))]
pub mod acts;
pub mod app;
pub mod parts;
#[cfg(all(feature = "cli", target_os = "linux"))]
pub mod preload;
