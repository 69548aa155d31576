//! Where the backups of a database are, and taking one.

use std::path::{Path, PathBuf};

use rusqlite::{Connection, ErrorCode};

use crate::backup::metadata::BackupKind;
use crate::backup::store::{Backup, BackupName, Occasion, Store, Stray};
use crate::backup::{locate, put_back};
use crate::migration::history::marker::Marker;
use crate::options::settings::Options;
use crate::report::count::Grouped;
use crate::report::error::{Error, ErrorKind};
use crate::report::remedy::Remedy;
use crate::report::time;
use crate::sqlite::disk::clone;
use crate::sqlite::schema::catalog;
use crate::sqlite::{execute, integrity, open, view};

/// The automatic backups of a database, and its snapshots.
pub(crate) fn stores<'p>(options: &Options<'_>, database: &'p Path) -> (Store<'p>, Store<'p>) {
    let backups = options.backups_of(database);
    let snapshots = database.with_file_name("snapshots");
    (
        Store::new(backups.clone(), snapshots.clone(), database),
        Store::new(snapshots, backups, database),
    )
}

/// What backups there are of a database that is damaged, empty or gone, in a sentence, and how to
/// restore one.
pub(crate) fn copies_kept(options: &Options<'_>, database: &Path) -> Option<(String, Remedy)> {
    let (automatic, snapshots) = stores(options, database);
    let list = |store: &Store<'_>| -> Vec<Backup> {
        let mut copies = store.list().unwrap_or_default();
        copies.retain(|copy| copy.has_its_length() && copy.path != database);
        copies
    };
    let strays: Vec<Stray> = [&automatic, &snapshots]
        .iter()
        .flat_map(|store| store.strays().unwrap_or_default())
        .filter(|stray| stray.path != database)
        .collect();
    let (automatic, snapshots) = (list(&automatic), list(&snapshots));
    if automatic.is_empty() && snapshots.is_empty() && !strays.is_empty() {
        let newest = strays.iter().rfind(|stray| stray.is_timed);
        let newest = newest.or(strays.last())?.path.clone();
        let sentence = format!(
            "there are backups of this database that have lost their records, the newest is {}; it can be restored after a check",
            newest.display()
        );
        let backup = Some(newest);
        return Some((sentence, Remedy::Restore { backup }));
    }
    let latest = automatic
        .iter()
        .rfind(|copy| copy.record.shelf == BackupKind::Automatic);
    let (newest, remedy) = match (latest, snapshots.last()) {
        (Some(copy), _) => (copy, Remedy::Restore { backup: None }),
        (None, Some(copy)) => {
            let name = copy.path.file_stem().unwrap_or_default();
            let name = name.to_string_lossy().into_owned();
            (copy, Remedy::RestoreSnapshot { name })
        }
        (None, None) => return None,
    };
    let newest = newest.path.display();
    let sentence = match automatic.len() + snapshots.len() {
        1 => format!("there is a backup of this database, a copy that can be restored: {newest}"),
        count => format!(
            "there are {} backups of this database, copies that can be restored; the newest is {newest}",
            Grouped(count as u64)
        ),
    };
    Some((sentence, remedy))
}

/// Points to the backups where a database is damaged.
pub(crate) fn point_to_copies(options: &Options<'_>, path: &Path, error: Error) -> Error {
    if !matches!(
        error.kind(),
        ErrorKind::NotADatabase | ErrorKind::BackupInvalid
    ) {
        return error;
    }
    let target = open::resolve(path).ok();
    let Some((kept, remedy)) = target.and_then(|target| copies_kept(options, &target.path)) else {
        let of_sqlite = std::error::Error::source(&error).and_then(|source| source.downcast_ref());
        return match of_sqlite.and_then(execute::code) {
            Some(ErrorCode::DatabaseCorrupt) => error.with_remedy(Remedy::Recover),
            _ => error,
        };
    };
    let help = error.help().unwrap_or_default().to_owned();
    match help.contains(&kept) {
        true => error,
        false => error
            .with_help(format!("{help}; {kept}"))
            .with_remedy(remedy),
    }
}

/// Copies the state that the caller keeps from changing with the write lock.
pub(crate) fn take_copy(
    options: &Options<'_>,
    database: &Path,
    store: &Store<'_>,
    name: &BackupName<'_>,
    version: Option<i64>,
    progress: &dyn Fn(u64, u64) -> Result<(), Error>,
) -> Result<Backup, Error> {
    let reader = open::reader(database)?;
    options.set_up(&reader)?;
    let occasion = Occasion {
        now: time::now(),
        version,
        app_version: options.app_version.as_deref(),
        set_up: &|connection| options.set_up(connection),
    };
    store.take(&reader, &options.stop(), name, &occasion, progress)
}

/// Whether a backup is a clone, which takes no room at once.
pub(crate) fn is_cloned(options: &Options<'_>, database: &Path) -> bool {
    clone::can_share(database, &options.backups_of(database))
}

/// Bytes of disk that a backup of the state that `connection` sees takes at once.
pub(crate) fn room_of_backup(
    options: &Options<'_>,
    database: &Path,
    connection: &Connection,
) -> Result<u64, Error> {
    match is_cloned(options, database) {
        true => Ok(0),
        false => catalog::bytes(connection),
    }
}

/// The backup that the marker of an interrupted run names: under its name, or where the backups
/// are under another. None where there was nothing to back up, or a name that leaves the folder,
/// which is none that we wrote.
pub(crate) fn backup_of(
    options: &Options<'_>,
    database: &Path,
    marker: &Marker,
) -> Option<PathBuf> {
    let name = Path::new(marker.backup.as_deref()?);
    let (automatic, snapshots) = stores(options, database);
    let path = automatic
        .folder()
        .join(name.file_name().filter(|it| *it == name)?);
    match marker.digest.as_deref() {
        Some(digest) if !path.exists() || !put_back::may_be_good(&path, digest) => {
            let folders = [automatic.folder(), snapshots.folder()];
            Some(locate::by_digest(name, digest, &folders).unwrap_or(path))
        }
        _ => Some(path),
    }
}

/// Whether the state before an interrupted run can be put back: there was nothing, or its backup is
/// still what it was.
pub(crate) fn can_be_put_back(marker: &Marker, path: Option<&Path>) -> bool {
    match (&marker.backup, path, marker.digest.as_deref()) {
        (None, ..) => true,
        (Some(_), Some(path), Some(digest)) => put_back::may_be_good(path, digest),
        _ => false,
    }
}

/// What to do where an interrupted run cannot be put back.
pub(crate) const WITHOUT_BACKUP: &str = "put that backup back where it was, and call again; or restore an older one; or look at what is there, and keep it";

/// Refuses to make a database beside a log or a journal that lost its own, and says what backups
/// there are.
pub(crate) fn refuse_orphan(options: &Options<'_>, database: &Path) -> Result<(), Error> {
    let refused = open::refuse_orphan(database).and_then(|()| refuse_no_database(database));
    refused.map_err(|error| match copies_kept(options, database) {
        None => error,
        Some((kept, remedy)) => {
            let help = format!("{}; {kept}", error.help().unwrap_or_default());
            error.with_help(help).with_remedy(remedy)
        }
    })
}

/// The same for a file of zeros, or one that was cut: SQLite would move the log into it when it is
/// closed, and the database that comes back would have lost its newest rows. What a crash left is
/// whole when it is read with its log or its journal.
fn refuse_no_database(database: &Path) -> Result<(), Error> {
    let Some(companion) = open::beside_no_database(database)? else {
        return Ok(());
    };
    let whole = view::view(database)
        .and_then(|view| integrity::check(&view.connection, "quick_check"))
        .map(|finding| finding.is_none());
    match whole {
        Ok(true) => Ok(()),
        Err(error) if error.is_busy() => Err(error),
        _ => Err(Error::new(
            ErrorKind::NotADatabase,
            format!(
                "{} is not a database (or it is encrypted), and {} is there, which may hold the newest rows of one; nothing was changed",
                database.display(),
                companion.display()
            ),
        )
        .with_help("look for the database file and put it back beside it; or restore a backup, which keeps both; or recover what can still be read into a new file")
        .with_remedy(Remedy::Recover)),
    }
}
