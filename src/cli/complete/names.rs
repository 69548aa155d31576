//! The names that are there, for completion and for "did you mean": looked up without a lock
//! and without writing, in no time, and none where they cannot be.

use std::ffi::OsStr;
use std::path::{Path, PathBuf};

use heirloom::backups::BackupOrigin;
use heirloom::for_the_command::{canonicalize, uri};
use heirloom::rusqlite::{Connection, OpenFlags};
use heirloom::{BackupInfo, Verify};

use crate::settings::gather::Settings;
use crate::settings::migrator::keeper;

/// A name, and what it is.
pub(crate) type Name = (String, String);

/// The versions of the migration files, with their names, the oldest first.
pub(crate) fn versions(settings: &Settings) -> Vec<Name> {
    let mut found = Vec::new();
    let mut folders = vec![settings.migrations.value.clone()];
    while let Some(folder) = folders.pop() {
        for path in entries(&folder) {
            match path.is_dir() {
                true => folders.push(path),
                false => found.extend(version_of(&path)),
            }
        }
    }
    found.sort_by_key(|(version, _)| version.parse::<i64>().unwrap_or_default());
    found
}

fn entries(folder: &Path) -> Vec<PathBuf> {
    let entries = std::fs::read_dir(folder).into_iter().flatten();
    entries.flatten().map(|entry| entry.path()).collect()
}

fn version_of(path: &Path) -> Option<Name> {
    let stem = path.file_name()?.to_str()?.strip_suffix(".sql")?;
    let (version, name) = stem.strip_prefix('V')?.split_once("__")?;
    version.parse::<i64>().ok()?;
    (!name.ends_with(".down")).then(|| (version.to_owned(), name.to_owned()))
}

/// The environments that have seeds: the folders among them.
pub(crate) fn environments(seeds: &Path) -> Vec<String> {
    let folders = entries(seeds).into_iter().filter(|path| path.is_dir());
    folders
        .filter_map(|path| Some(path.file_name()?.to_str()?.to_owned()))
        .collect()
}

/// The versions that the history has, with their names, the oldest first.
pub(crate) fn applied(settings: &Settings) -> Vec<Name> {
    let table = settings.history_table.value.replace('"', "\"\"");
    let sql = format!("SELECT version, name FROM main.\"{table}\" ORDER BY version");
    let row = |row: &heirloom::rusqlite::Row<'_>| {
        Ok((row.get::<_, i64>(0)?.to_string(), row.get::<_, String>(1)?))
    };
    rows(settings, &sql, row)
}

/// The tables of the database that are not SQLite's, the history's or heirloom's.
pub(crate) fn tables(settings: &Settings) -> Vec<String> {
    // Shadow tables among them: to tell them apart SQLite would compile every view.
    let sql = "SELECT name FROM main.sqlite_schema WHERE type = 'table' \
               AND substr(name, 1, 7) <> 'sqlite_' \
               AND substr(name, 1, 9) <> 'heirloom_' ORDER BY name";
    let mut tables: Vec<String> = rows(settings, sql, |row| row.get(0));
    tables.retain(|table| *table != settings.history_table.value);
    tables
}

/// Rows of the database, read as if nobody could change it: SQLite then takes no lock, and makes
/// no file beside it. What the write-ahead log holds is not seen, which for a list of names will do.
fn rows<T>(
    settings: &Settings,
    sql: &str,
    row: impl Fn(&heirloom::rusqlite::Row<'_>) -> heirloom::rusqlite::Result<T>,
) -> Vec<T> {
    let read = || {
        let path = canonicalize(&settings.database.value).ok()?;
        let uri = format!("{}?immutable=1", uri(&path)?);
        let flags = OpenFlags::SQLITE_OPEN_READ_ONLY | OpenFlags::SQLITE_OPEN_URI;
        let connection = Connection::open_with_flags(uri, flags).ok()?;
        let mut statement = connection.prepare(sql).ok()?;
        let rows = statement.query_map([], row).ok()?;
        Some(rows.flatten().collect())
    };
    read().unwrap_or_default()
}

/// What `restore` takes: backups by their file names, with their times, the newest first.
pub(crate) fn backups(settings: &Settings) -> Vec<Name> {
    copies(settings, BackupOrigin::Automatic)
}

/// What `restore-snapshot` takes.
pub(crate) fn snapshots(settings: &Settings) -> Vec<Name> {
    copies(settings, BackupOrigin::Snapshot)
}

fn copies(settings: &Settings, origin: BackupOrigin) -> Vec<Name> {
    let copies = keeper(settings).ok().and_then(|keeper| {
        let copies = keeper
            .database(&settings.database.value)
            .backups(Verify::Length);
        copies.ok()
    });
    let copies = copies.unwrap_or_default().into_iter();
    copies
        .filter(|copy| copy.origin == origin)
        .filter_map(|copy| Some((name_of(&copy)?.to_str()?.to_owned(), copy.created_at)))
        .collect()
}

/// What `restore` or `restore-snapshot` takes for it.
pub(crate) fn name_of(backup: &BackupInfo) -> Option<&OsStr> {
    match backup.origin {
        BackupOrigin::Snapshot => backup.file.file_stem(),
        _ => backup.file.file_name(),
    }
}
