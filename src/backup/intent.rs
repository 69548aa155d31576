//! The note of a restore that is not finished.

use std::path::{Path, PathBuf};
use std::time::Duration;

use rusqlite::Connection;

use crate::backup::attachments::Folders;
use crate::backup::locate;
use crate::backup::put_back::{PutBackState, may_be_good, prove, put_back, reset};
use crate::report::error::{Error, ErrorKind};
use crate::sqlite::disk::files;
use crate::sqlite::integrity::quick_check;
use crate::sqlite::open;

/// A restore over a database that SQLite cannot read takes two transactions: one that makes
/// the file an empty database, one that fills it. One that puts folders back takes a step for
/// each of them. This note, beside the database while they last, makes the next start finish
/// what was begun.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Intent {
    /// RFC 3339.
    pub(crate) started_at: String,
    /// The backup that is put back.
    pub(crate) copy: PathBuf,
    /// Its BLAKE3 digest.
    pub(crate) digest: String,
    /// The journal mode that the database shall have.
    pub(crate) journal_mode: String,
    /// The folders that are put back with it.
    pub(crate) folders: Option<Folders>,
}

/// More than any note has, in bytes: a few paths.
const LONGEST_INTENT: u64 = 64 << 10;
impl Intent {
    pub(crate) fn path_for(database: &Path) -> PathBuf {
        files::companion(database, ".restore")
    }

    /// Reads the note, none in the ordinary case. `backups` is the folder of the automatic
    /// backups. What the note names is looked for beside the database and there, and nowhere else:
    /// the folder may have been moved, and it may be somebody else's.
    pub(crate) fn read(database: &Path, backups: &Path) -> Result<Option<Intent>, Error> {
        let path = Intent::path_for(database);
        let Some(text) = files::read_own(&path, LONGEST_INTENT)? else {
            return Ok(None);
        };
        let not_ours = || {
            Error::new(
                ErrorKind::NeedsAttention,
                format!("{} is not a note of a restore", path.display()),
            )
            .with_help("look at it, and remove it")
        };
        let mut lines = text.lines();
        let title = lines.next();
        let mut field = |name: &str| lines.next()?.strip_prefix(name).map(str::to_owned);
        let with_folders = title == Some(INTENT_TITLE_WITH_FOLDERS);
        let mut read = || {
            let intent = Intent {
                started_at: field("started-at: ")?,
                digest: field("blake3: ")?,
                journal_mode: field("journal-mode: ")?,
                copy: PathBuf::from(field("copy: ")?),
                folders: None,
            };
            if !with_folders {
                return Some(intent);
            }
            let folders = Folders {
                source: PathBuf::from(field("folders: ")?),
                replaced: PathBuf::from(field("replaced: ")?),
            };
            Some(Intent {
                folders: Some(folders),
                ..intent
            })
        };
        // It is written in one go, so what ends in the middle of a line was cut off.
        let whole = text.ends_with('\n');
        let known = with_folders || title == Some(INTENT_TITLE);
        match (known && whole).then(&mut read).flatten() {
            Some(intent) => match intent.found_beside(database, backups) {
                Some(intent) => Ok(Some(intent)),
                None => Err(not_ours()),
            },
            _ if !known && text.starts_with(INTENT_TITLES) => Err(Error::new(
                ErrorKind::NeedsAttention,
                format!(
                    "{} is the note of a restore that a newer version began, and that is not finished",
                    path.display()
                ),
            )
            .with_help("leave it there, and start the newest version of the app, which finishes the restore")),
            // It is written in one go under another name, so half a note is not ours.
            _ => Err(not_ours()),
        }
    }

    /// The same with every path where it is now. None where one leads to where a restore never
    /// put it.
    fn found_beside(self, database: &Path, backups: &Path) -> Option<Intent> {
        let beside = database.parent()?;
        let snapshots = database.with_file_name("snapshots");
        // Of ours it is absolute.
        let written = beside.join(&self.copy);
        let is_inside = locate::is_below(&written, &[beside, backups]);
        let copy = match is_inside && may_be_good(&written, &self.digest) && written.exists() {
            true => written.clone(),
            false => {
                let found = locate::by_digest(&written, &self.digest, &[backups, &snapshots]);
                found.unwrap_or_else(|| match is_inside {
                    true => written.clone(),
                    false => backups.join(written.file_name().unwrap_or_default()),
                })
            }
        };
        let folders = match self.folders {
            None => None,
            Some(folders) => {
                let moved = !is_inside && !written.exists();
                Some(folders.found_beside(&written, moved, database, backups)?)
            }
        };
        Some(Intent {
            copy,
            folders,
            ..self
        })
    }

    /// The backup, unless it is known to be gone or altered.
    pub(crate) fn good_copy(&self) -> Option<PathBuf> {
        may_be_good(&self.copy, &self.digest).then(|| self.copy.clone())
    }

    /// Does what the note says, and removes it. Can be done again from any point.
    pub(crate) fn carry_out(
        &self,
        live: &mut Connection,
        database: &Path,
        patience: Duration,
        progress: &dyn Fn(u64, u64) -> Result<(), Error>,
    ) -> Result<(), Error> {
        let state = PutBackState::Copy {
            path: &self.copy,
            digest: &self.digest,
        };
        // Before the file is emptied, not after.
        prove(&self.copy, &self.digest)?;
        // For the sake of its folders a database may be whole, and stays so.
        if self.folders.is_none() || !matches!(quick_check(live), Ok(None)) {
            reset(live)?;
        }
        // The note must not go before the journal has: a journal that comes back after a power
        // cut would bring the empty database back, and nobody would know what it is to be.
        open::sync_everything(live)?;
        put_back(live, &state, &self.journal_mode, patience, &|_| Ok(()))?;
        self.finish(database, progress)
    }

    /// What is left to do when the database is put back.
    pub(crate) fn finish(
        &self,
        database: &Path,
        progress: &dyn Fn(u64, u64) -> Result<(), Error>,
    ) -> Result<(), Error> {
        if let Some(folders) = &self.folders {
            folders.put_back(database, progress)?;
        }
        Intent::remove(database)?;
        match &self.folders {
            Some(folders) => folders.forget(database),
            None => Ok(()),
        }
    }

    /// Removes the note, durably: nothing is left to do.
    pub(crate) fn remove(database: &Path) -> Result<(), Error> {
        files::remove(&Intent::path_for(database))?;
        files::sync_folder(database.parent().unwrap_or(database))
    }

    /// Writes the note, durably and whole, before anything is done.
    pub(crate) fn write(&self, database: &Path) -> Result<(), Error> {
        let Intent {
            started_at,
            copy,
            digest,
            journal_mode,
            folders,
        } = self;
        let title = match folders {
            Some(_) => INTENT_TITLE_WITH_FOLDERS,
            None => INTENT_TITLE,
        };
        let mut text = format!(
            "{title}\nstarted-at: {started_at}\nblake3: {digest}\njournal-mode: {journal_mode}\ncopy: {}\n",
            copy.display()
        );
        if let Some(Folders { source, replaced }) = folders {
            let (source, replaced) = (source.display(), replaced.display());
            text += &format!("folders: {source}\nreplaced: {replaced}\n");
            // A version that does not know this format has people look here, and remove it.
            text += "do not remove this: the newest version of the app finishes the restore\n";
        }
        let path = Intent::path_for(database);
        let staging = files::companion(&path, ".partial");
        files::remove(&staging)?;
        files::write_new(&staging, database, &text)?;
        files::rename(&staging, &path)?;
        // Nothing was begun: a note that stays would make the next start restore.
        files::sync_folder(database.parent().unwrap_or(database)).inspect_err(|_| {
            let _ = files::remove(&path);
        })
    }
}

/// How the titles of every format begin.
pub(crate) const INTENT_TITLES: &str = "heirloom restore, format ";
pub(crate) const INTENT_TITLE: &str = "heirloom restore, format 1";
/// With folders, which a version that knows nothing of them must not pass over.
pub(crate) const INTENT_TITLE_WITH_FOLDERS: &str = "heirloom restore, format 2";

#[cfg(test)]
mod tests {
    use super::*;
    use crate::sqlite::disk::digest;

    #[test]
    fn the_note_of_a_restore_calls_a_copy_good_while_it_is_what_it_was() {
        let folder = tempfile::tempdir().unwrap();
        let copy = folder.path().join("copy.db");
        std::fs::write(&copy, "as it was").unwrap();
        let intent = Intent {
            started_at: String::new(),
            digest: digest::of_file(&copy).unwrap(),
            copy: copy.clone(),
            journal_mode: "wal".into(),
            folders: None,
        };
        assert_eq!(intent.good_copy(), Some(copy.clone()));
        std::fs::write(&copy, "altered").unwrap();
        assert_eq!(intent.good_copy(), None);
    }
}
