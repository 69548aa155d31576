//! Where the backups of a database are, and taking one.

use std::path::Path;

use chrono::Utc;

use crate::backup::metadata::BackupKind;
use crate::backup::store::{Backup, BackupName, Occasion, Store};
use crate::options::settings::Options;
use crate::report::count::Grouped;
use crate::report::error::{Error, ErrorKind};
use crate::report::remedy::Remedy;
use crate::sqlite::open;

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
    let (automatic, snapshots) = (list(&automatic), list(&snapshots));
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

/// Points to the copies where a database is damaged.
pub(crate) fn point_to_copies(options: &Options<'_>, path: &Path, error: Error) -> Error {
    if !matches!(
        error.kind(),
        ErrorKind::NotADatabase | ErrorKind::BackupInvalid
    ) {
        return error;
    }
    let target = open::resolve(path).ok();
    let Some((kept, remedy)) = target.and_then(|target| copies_kept(options, &target.path)) else {
        return error;
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
        now: Utc::now(),
        version,
        app_version: options.app_version.as_deref(),
        set_up: &|connection| options.set_up(connection),
    };
    store.take(&reader, name, &occasion, progress)
}
