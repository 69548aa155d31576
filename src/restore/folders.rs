//! Folders of files that come back with a snapshot.

use crate::backup::attachments;
use crate::backup::attachments::Folders;
use crate::backup::intent::Intent;
use crate::backup::store::TIME;
use crate::options::settings::Options;
use crate::report::error::Error;
use crate::report::time;
use crate::restore::find::Proven;
use crate::run::engine::leftovers;
use crate::sqlite::disk::files;
use crate::sqlite::open::{self, Target};

/// Copies the folders of a snapshot to beside the database, before that is touched.
pub(crate) fn prepare_folders(
    options: &Options<'_>,
    target: &Target,
    proven: &Proven,
) -> Result<Option<Folders>, Error> {
    let backups = options.backups_of(&target.path);
    let base = format!("{}{}", attachments::REPLACED, time::now().format(TIME));
    let replaced = files::free_name(&backups, &base, "")?;
    let folders = Folders::of(&proven.path, replaced)?;
    if let Some(folders) = &folders {
        folders.refuse_backups(&target.path, &backups)?;
        let progress = |done, total| options.copied(done, total);
        folders
            .prepare(&target.path, &progress)
            .inspect_err(|_| drop(folders.forget(&target.path)))?;
    }
    Ok(folders)
}

/// Ends a restore of folders that was interrupted, before another begins: some of them may be in
/// their places. Where that cannot be done, the restore that is wanted now goes on without it.
pub(crate) fn finish_folders(options: &Options<'_>, target: &Target) -> Result<(), Error> {
    let backups = options.backups_of(&target.path);
    let Ok(Some(intent)) = Intent::read(&target.path, &backups) else {
        return Ok(());
    };
    let Some(folders) = &intent.folders else {
        return Ok(());
    };
    let (path, patience) = (&target.path, options.lock_timeout);
    let progress = |done, total| options.copied(done, total);
    let opened = open::writer(path).and_then(|connection| {
        open::patience(&connection, patience)?;
        Ok(connection)
    });
    let finished = match opened {
        Ok(mut connection) => {
            leftovers::keep_written_since(options, path, &connection, &intent)?;
            intent.carry_out(&mut connection, path, patience, &progress)
        }
        Err(error) => Err(error),
    };
    match finished {
        Err(error) if error.is_busy() || error.is_interrupted() => Err(error),
        Err(error) => {
            log::warn!(
                "the restore of {} is given up: {error:#}",
                intent.started_at
            );
            folders.forget(&target.path)
        }
        Ok(()) => Ok(()),
    }
}
