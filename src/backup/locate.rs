//! Finding a backup that is not where it was: the folder was moved with its database, or the file
//! was given another name. What it is, its digest says.

use std::path::{Path, PathBuf};

use crate::sqlite::disk::{digest, files};

/// The file with a digest in one of these folders, first under the name that it had.
pub(crate) fn by_digest(name: &Path, digest: &str, folders: &[&Path]) -> Option<PathBuf> {
    let is_it = |path: &PathBuf| {
        let file = path.symlink_metadata().is_ok_and(|found| found.is_file());
        file && digest::of_file(path).is_ok_and(|found| found == digest)
    };
    let named = name
        .file_name()
        .map(|name| folders.iter().map(move |folder| folder.join(name)));
    let all = folders.iter().flat_map(|folder| {
        let names = files::files_in(folder).unwrap_or_default();
        names.into_iter().map(move |name| folder.join(name))
    });
    named.into_iter().flatten().chain(all).find(is_it)
}

/// Whether a path leads below one of these folders and not out of it again, links included.
pub(crate) fn is_below(path: &Path, folders: &[&Path]) -> bool {
    let real = |path: &Path| path.canonicalize().ok();
    let Some(found) = real(path).or_else(|| path.parent().and_then(real)) else {
        return false;
    };
    let mut folders = folders.iter().filter_map(|folder| real(folder));
    path.file_name().is_some() && folders.any(|folder| found.starts_with(folder))
}
