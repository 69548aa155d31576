//! Taking a snapshot.

use std::path::{Path, PathBuf};

use crate::backup::attachments;
use crate::backup::intent::Intent;
use crate::backup::of_database::stores;
use crate::backup::store::{Backup, BackupName};
use crate::options::settings::Options;
use crate::report::error::Error;
use crate::restore::find::not_found;
use crate::restore::list::{BackupInfo, BackupOrigin};
use crate::restore::over::take;
use crate::run::engine::session;
use crate::sqlite::disk::{clone, files};
use crate::sqlite::open;

/// Takes a snapshot.
pub(crate) fn snapshot(
    options: &Options<'_>,
    path: &Path,
    name: &str,
    folders: &[PathBuf],
) -> Result<BackupInfo, Error> {
    let target = open::resolve(path)?;
    let nothing_there = || {
        not_found(format!(
            "there is nothing to copy at {}",
            target.path.display()
        ))
    };
    let interrupted = Intent::path_for(&target.path).exists();
    if target.metadata.as_ref().is_none_or(|file| file.len() == 0) && !interrupted {
        return Err(nothing_there());
    }
    let (_, store) = stores(options, &target.path);
    store.check_name(name)?;
    let folders = attachments::check(&target.path, &options.backups_of(&target.path), folders)?;
    let session = session::Session::begin(
        options,
        target.clone(),
        session::Stage::Live,
        std::time::Instant::now(),
    )?;
    // What an interrupted first run had written was rolled back when it was opened.
    match session.is_new() {
        Ok(false) => {}
        nothing => {
            session.abandon();
            return Err(nothing.err().unwrap_or_else(nothing_there));
        }
    }
    let file = store.path_of(&format!("{name}.db"));
    let progress = |done, total| options.copied(done, total);
    // The folders first: what has a name in the listing is whole.
    if let Err(error) = attachments::make_way(&file) {
        session.abandon();
        return Err(error);
    }
    let files = match folders.is_empty() {
        true => Ok(Vec::new()),
        false => files::create_private_folder(file.parent().unwrap_or(&file), &target.path)
            .and_then(|()| attachments::take(&file, &target.path, &folders, &progress)),
    };
    let taken = files.and_then(|notes| {
        let name = BackupName::Given(name);
        let taken = take(options, &target.path, &store, &name, &session.connection)?;
        Ok((taken, notes))
    });
    let (Backup { path, record }, notes) = match taken {
        Ok(taken) => {
            session.finish()?;
            taken
        }
        Err(error) => {
            session.abandon();
            let _ = files::remove_folder(&attachments::folder_of(&file));
            return Err(error);
        }
    };
    Ok(BackupInfo {
        unshared_bytes: clone::unshared_bytes(&path),
        file: path,
        origin: BackupOrigin::Snapshot,
        replaced: false,
        created_at: record.created_at,
        bytes: record.bytes,
        version: record.version,
        verified: true,
        recorded: true,
        rows: None,
        whole: None,
        notes,
    })
}
