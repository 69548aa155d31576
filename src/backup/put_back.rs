//! A backup restored through SQLite into the live file.

use std::path::Path;
use std::time::Duration;

use rusqlite::Connection;
use rusqlite::backup::Backup as Copier;
use rusqlite::config::DbConfig;

use crate::backup::copy::{Failed, step_through};
use crate::report::error::{DataState, Error, ErrorKind};
use crate::sqlite::disk::{digest, files};
use crate::sqlite::integrity::quick_check;
use crate::sqlite::schema::catalog;
use crate::sqlite::{execute, open};

/// What is put back: a recorded backup, or the empty database that was there before.
pub(crate) enum PutBackState<'s> {
    Copy { path: &'s Path, digest: &'s str },
    Empty,
}

impl PutBackState<'_> {
    /// Proves the backup, where there is one.
    pub(crate) fn prove(&self) -> Result<(), Error> {
        match self {
            PutBackState::Copy { path, digest } => prove(path, digest),
            PutBackState::Empty => Ok(()),
        }
    }
}

/// Whether a backup may be what was recorded. One that cannot be read just now may.
pub(crate) fn may_be_good(path: &Path, digest: &str) -> bool {
    match digest::of_file(path) {
        Ok(found) => found == digest,
        Err(_) => files::is_there(path).unwrap_or(true),
    }
}

/// Refuses a backup that is not what was recorded when it was made.
pub(crate) fn prove(path: &Path, digest: &str) -> Result<(), Error> {
    if digest::of_file(path)? == digest {
        return Ok(());
    }
    Err(Error::new(
        ErrorKind::BackupInvalid,
        format!("{} is not the backup that was made", path.display()),
    )
    .with_help("its digest differs from the recorded one; look for another backup"))
}

/// Restores a backup through SQLite into the live file, as one transaction of SQLite's:
/// killed at any instant, the database is as it was before or as the backup is. The file is
/// never replaced, so nobody who has it open writes into a file that is gone.
///
/// Where the backup has another text encoding, `live` is another connection afterwards, set up
/// with `set_up`.
pub(crate) fn put_back(
    live: &mut Connection,
    state: &PutBackState<'_>,
    journal_mode: &str,
    patience: Duration,
    set_up: &dyn Fn(&Connection) -> Result<(), Error>,
) -> Result<(), Error> {
    let cannot = |error| execute::failure("cannot restore the backup", error);
    state.prove()?;
    let source = match state {
        PutBackState::Empty => Connection::open_in_memory().map_err(cannot)?,
        PutBackState::Copy { path, .. } => open::copy(path)?,
    };
    if !live.is_autocommit() {
        live.execute_batch("ROLLBACK").map_err(cannot)?;
    }
    // In WAL mode a backup with another page size is refused by SQLite.
    let page_size = |connection: &Connection| catalog::number(connection, "PRAGMA page_size");
    let mode = catalog::word(live, "PRAGMA journal_mode")?;
    if mode == "wal" && page_size(live)? != page_size(&source)? {
        catalog::word(live, "PRAGMA journal_mode = DELETE")?;
    }
    let encoding = |connection: &Connection| catalog::word(connection, "PRAGMA encoding");
    let encoded_anew = match state {
        PutBackState::Empty => false,
        PutBackState::Copy { .. } => encoding(live)? != encoding(&source)?,
    };
    let database = open::path_of(live).unwrap_or_default();
    let cannot_step = |failed: Failed| match failed {
        Failed::Sqlite(error) if open::is_kept_from_committing(&error) => {
            open::cannot_commit(&database, error)
        }
        failed => failed.into_error(|| "cannot restore the backup".to_owned()),
    };
    let copied = Copier::new(&source, live)
        .map_err(cannot)
        .and_then(|copier| step_through(&copier, patience, &|_, _| Ok(())).map_err(cannot_step));
    // A connection keeps the encoding that it has read, and refuses a database in another.
    let opened = match encoded_anew {
        true => open_again(live, patience, set_up),
        false => Ok(()),
    };
    if let Err(error) = copied {
        settle(live, &source, error)?;
    }
    opened
        .and_then(|()| finish(live, journal_mode))
        .map_err(|error| error.with_data(DataState::Committed))
}

pub(crate) fn open_again(
    live: &mut Connection,
    patience: Duration,
    set_up: &dyn Fn(&Connection) -> Result<(), Error>,
) -> Result<(), Error> {
    let path = open::path_of(live).unwrap_or_default();
    let fresh = open::writer(&path)?;
    open::patience(&fresh, patience)?;
    set_up(&fresh)?;
    open::sync_everything(&fresh)?;
    *live = fresh;
    Ok(())
}

/// Whether a failure of [`put_back`] came when the backup was in the database, and whole.
pub(crate) fn is_back(error: &Error) -> bool {
    *error.data_state() == DataState::Committed && error.kind() != ErrorKind::BackupInvalid
}

/// A copying that failed need not have been rolled back, as a COMMIT that failed need not.
pub(crate) fn settle(live: &Connection, source: &Connection, error: Error) -> Result<(), Error> {
    if error.is_busy() {
        return Err(error);
    }
    match catalog::first_difference(live, source) {
        Ok(None) => {
            log::warn!("the copying reported {error:#}, but the backup is in the database");
            Ok(())
        }
        Ok(Some(_)) => Err(error),
        Err(unread) => {
            log::warn!("what was put back could not be read: {unread:#}");
            let good_copy = open::path_of(source);
            let good_copy = good_copy.filter(|path| path.is_absolute());
            Err(error
                .with_data(DataState::NeedsAttention { good_copy })
                .with_help("check the disk, and run the same command again"))
        }
    }
}

/// The journal mode, and a last look.
pub(crate) fn finish(live: &Connection, journal_mode: &str) -> Result<(), Error> {
    let (wanted, now) = (journal_mode, catalog::word(live, "PRAGMA journal_mode")?);
    if wanted == "wal" && now != "wal" {
        catalog::word(live, "PRAGMA journal_mode = WAL")?;
    } else if wanted != "wal" && now == "wal" {
        catalog::word(live, "PRAGMA journal_mode = DELETE")?;
    }
    // A disk that fails once makes SQLite say "malformed" too, so it is asked twice.
    let found = match quick_check(live)? {
        Some(_) => quick_check(live)?,
        None => None,
    };
    match found {
        None => Ok(()),
        Some(finding) => Err(Error::new(
            ErrorKind::BackupInvalid,
            format!("the database does not verify after the backup was restored: {finding}"),
        )),
    }
}

/// Makes whatever is in the file an empty database, through SQLite
/// (<https://sqlite.org/c3ref/c_dbconfig_defensive.html#sqlitedbconfigresetdatabase>).
pub(crate) fn reset(live: &Connection) -> Result<(), Error> {
    let cannot = |error| execute::failure("cannot reset the damaged database", error);
    live.set_db_config(DbConfig::SQLITE_DBCONFIG_RESET_DATABASE, true)
        .map_err(cannot)?;
    let done = live.execute_batch("VACUUM");
    live.set_db_config(DbConfig::SQLITE_DBCONFIG_RESET_DATABASE, false)
        .map_err(cannot)?;
    done.map_err(cannot)
}
