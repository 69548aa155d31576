//! How fields are written by the feature `serde`: paths as text, durations as milliseconds,
//! enums as their words.

use std::path::{Path, PathBuf};
use std::time::Duration;

use serde::Serializer;

/// A string, whatever bytes the file system allows.
pub(crate) fn path<S: Serializer>(path: impl AsRef<Path>, to: S) -> Result<S::Ok, S::Error> {
    to.collect_str(&path.as_ref().display())
}

pub(crate) fn some_path<P: AsRef<Path>, S: Serializer>(
    path: &Option<P>,
    to: S,
) -> Result<S::Ok, S::Error> {
    match path {
        Some(path) => to.collect_str(&path.as_ref().display()),
        None => to.serialize_none(),
    }
}

pub(crate) fn paths<S: Serializer>(paths: &[PathBuf], to: S) -> Result<S::Ok, S::Error> {
    to.collect_seq(paths.iter().map(|path| path.display().to_string()))
}

/// Milliseconds with three decimals.
pub(crate) fn milliseconds<S: Serializer>(duration: &Duration, to: S) -> Result<S::Ok, S::Error> {
    to.serialize_f64(in_milliseconds(*duration))
}

pub(crate) fn in_milliseconds(duration: Duration) -> f64 {
    (duration.as_secs_f64() * 1_000_000.0).round() / 1000.0
}

/// For a key that says something where it is not true.
#[allow(clippy::trivially_copy_pass_by_ref)]
pub(crate) fn is_true(value: &bool) -> bool {
    *value
}
