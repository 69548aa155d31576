//! Every way in which a database is opened.
//!
//! A live database is opened by SQLite alone. On Unix, closing *any* descriptor of the
//! file drops the locks this process holds on it, so nothing here opens it with
//! `std::fs`; asking for its metadata opens nothing.

use std::fs::Metadata;
use std::io;
use std::path::{Path, PathBuf};
use std::time::Duration;

use rusqlite::config::DbConfig;
use rusqlite::{Connection, ErrorCode, MAIN_DB, OpenFlags, ffi};

use crate::report::error::{Error, ErrorKind};
use crate::sqlite::disk::files::{self, Access};
use crate::sqlite::disk::{lock, path};
use crate::sqlite::execute::{code, failure};

/// The smallest page of a database (<https://sqlite.org/fileformat2.html#pages>), in bytes.
/// SQLite takes some shorter files for empty ones and would write over them.
pub(crate) const SHORTEST: u64 = 512;

/// A path that was looked at: absolute, with symbolic links resolved.
#[derive(Debug, Clone)]
pub(crate) struct Target {
    pub(crate) path: PathBuf,
    /// None when there is no file yet.
    pub(crate) metadata: Option<Metadata>,
}

impl Target {
    /// Refuses a file that has a second name: its companions, its lock and its backups would
    /// belong to one of them, and another program may use the other.
    pub(crate) fn refuse_hard_link(&self) -> Result<(), Error> {
        if self.metadata.is_none() || files::names_of(&self.path).is_none_or(|names| names < 2) {
            return Ok(());
        }
        Err(Error::new(
            ErrorKind::Io,
            format!(
                "{} has more than one name (hard links)",
                self.path.display()
            ),
        )
        .with_help("make a copy of its own of it, and remove the other names"))
    }

    /// Refuses a file that SQLite would take for an empty database and write over.
    pub(crate) fn refuse_too_short(&self) -> Result<(), Error> {
        let short = |metadata: &Metadata| (1..SHORTEST).contains(&metadata.len());
        match self.metadata.as_ref().is_some_and(short) {
            true => Err(not_a_database(&self.path, "is too short to be a database")),
            false => Ok(()),
        }
    }
}

/// A write-ahead log, or a journal, that lost its database: the file of that name is missing or
/// empty. Whatever SQLite makes there, it removes them: it takes them for what an earlier database
/// left, and rows that nothing else has may be in them. A log without a frame holds nothing, nor
/// does a journal that was ended, or that was begun for an empty database
/// (<https://sqlite.org/fileformat2.html#the_rollback_journal>).
pub(crate) fn orphan(database: &Path) -> Result<Option<PathBuf>, Error> {
    match files::length(database)? {
        0 => companion_with_rows(database),
        _ => Ok(None),
    }
}

/// The log or the journal of a database, where it may hold rows.
fn companion_with_rows(database: &Path) -> Result<Option<PathBuf>, Error> {
    let log = files::companion(database, "-wal");
    if files::length(&log)? > LOG_HEADER {
        return Ok(Some(log));
    }
    let journal = files::companion(database, "-journal");
    let header = files::first_bytes(&journal, JOURNAL_HEADER)?;
    let number = |at: usize| header.get(at..at + 4).is_some_and(|bytes| bytes != [0; 4]);
    let (has_pages, had_pages) = (number(8), number(16));
    let holds_rows = header.starts_with(JOURNAL_MAGIC) && has_pages && had_pages;
    Ok(holds_rows.then_some(journal))
}

/// What lies beside a file that SQLite alone cannot read as a database: the log or the journal that
/// may belong to another. None where the file has the head of a database.
pub(crate) fn beside_no_database(database: &Path) -> Result<Option<PathBuf>, Error> {
    let Some(companion) = companion_with_rows(database)? else {
        return Ok(None);
    };
    // Without locks and without its companions. SQLite closes it, so that its locks stay.
    let Err(error) = copy(database).and_then(|connection| readable(&connection, database)) else {
        return Ok(None);
    };
    let of_sqlite = std::error::Error::source(&error).and_then(|source| source.downcast_ref());
    let no_head = of_sqlite.and_then(code) == Some(ErrorCode::NotADatabase);
    // The last page that was moved out of a log may be behind the end of the file.
    let is_a_page =
        files::length(database)? <= LARGEST_PAGE && error.kind() == ErrorKind::NotADatabase;
    Ok((no_head || is_a_page).then_some(companion))
}

/// The largest page of a database, in bytes.
const LARGEST_PAGE: u64 = 65_536;
/// The length of a write-ahead log without a frame.
const LOG_HEADER: u64 = 32;
/// As much of a journal's header as tells how many pages are in it, and how many the database had.
const JOURNAL_HEADER: usize = 20;
const JOURNAL_MAGIC: &[u8] = &[0xd9, 0xd5, 0x05, 0xf9, 0x20, 0xa1, 0x63, 0xd7];

/// The refusal to make a database beside what an earlier one left.
pub(crate) fn refuse_orphan(database: &Path) -> Result<(), Error> {
    let Some(orphan) = orphan(database)? else {
        return Ok(());
    };
    let state = match files::is_there(database)? {
        true => "is empty",
        false => "is missing",
    };
    Err(Error::new(
        ErrorKind::NeedsAttention,
        format!(
            "{} {state}, and {} is there, which may hold its newest rows; nothing was changed",
            database.display(),
            orphan.display()
        ),
    )
    .with_help("look for the database file and put it back beside it; or restore a backup, which keeps it; or move it to another folder to begin with a new database"))
}

/// The refusal where a database must be there.
pub(crate) fn no_database(path: &Path) -> Error {
    Error::not_found(
        format!("there is no database at {}", path.display()),
        "check the path",
    )
}

/// Whether a path is the URL of one: a file and a folder of that name would be made.
fn is_url(path: &Path) -> bool {
    let text = path.to_string_lossy();
    ["file:", "sqlite:"]
        .iter()
        .any(|scheme| text.starts_with(scheme))
}

/// Follows symbolic links, so that the real file's folder holds its companions and its
/// backups, and refuses what cannot be a database.
pub(crate) fn resolve(path: &Path) -> Result<Target, Error> {
    let io = |error: io::Error| files::failure(format!("cannot look at {}", path.display()), error);
    if path.as_os_str().is_empty() || path == Path::new(":memory:") {
        return Err(Error::usage(
            format!("`{}` is not a path of a database file", path.display()),
            "name the file",
        ));
    }
    // A file of that name is meant by it.
    if is_url(path) && !path.exists() {
        return Err(Error::usage(
            format!(
                "`{}` is a URL, and not the path of a database file",
                path.display()
            ),
            "give the path alone",
        ));
    }
    if let Some(reason) = path::refusal(path) {
        return Err(Error::usage(
            format!(
                "{} cannot be the path of a database: {reason}",
                path.display()
            ),
            "give the file another name",
        ));
    }
    let mut resolved = path::plain(std::path::absolute(path).map_err(io)?);
    // A link may point to a file that does not exist yet, which canonicalize() refuses.
    for _ in 0..40 {
        match std::fs::read_link(&resolved) {
            Ok(target) => {
                resolved = resolved.parent().unwrap_or(Path::new("/")).join(target);
            }
            Err(_) => break,
        }
    }
    // Windows says "not found" of what is below a file, and "invalid name" where its name ends as a
    // folder's may.
    let named = resolved.components().as_path().to_owned();
    let is_below_a_file = || named.ancestors().any(Path::is_file);
    let metadata = match std::fs::metadata(&resolved) {
        Ok(metadata) => Some(metadata),
        Err(error) if error.kind() == io::ErrorKind::NotADirectory || is_below_a_file() => {
            return Err(not_a_database(
                &resolved,
                "is below something that is not a folder",
            ));
        }
        Err(error) if error.kind() == io::ErrorKind::NotFound => None,
        Err(error) => return Err(io(error)),
    };
    if let Some(metadata) = &metadata {
        if metadata.is_dir() {
            return Err(not_a_database(&resolved, "is a folder"));
        }
        if !metadata.is_file() {
            return Err(not_a_database(&resolved, "is not a regular file"));
        }
        resolved = path::canonicalize(&resolved).map_err(io)?;
    } else if let (Some(folder), Some(name)) = (resolved.parent(), resolved.file_name())
        && let Ok(folder) = path::canonicalize(folder)
    {
        resolved = folder.join(name);
    }
    Ok(Target {
        path: resolved,
        metadata,
    })
}

fn not_a_database(path: &Path, reason: &str) -> Error {
    Error::new(
        ErrorKind::NotADatabase,
        format!("{} {reason}", path.display()),
    )
    .with_help("give the path of the database file")
}

/// The path of what a connection has open, as people write it.
pub(crate) fn path_of(connection: &Connection) -> Option<PathBuf> {
    connection.path().map(|path| path::plain(path.into()))
}

/// Opens a file to be written, however long its path is. Creates it if it must.
pub(crate) fn file(path: &Path) -> rusqlite::Result<Connection> {
    Connection::open(path::for_system(path))
}

/// The connection that migrates and is handed to the app. Creates the file if it must.
pub(crate) fn writer(path: &Path) -> Result<Connection, Error> {
    refuse_odd_companions(path)?;
    let mut connection = file(path).map_err(|error| cannot_open(path, error))?;
    // A program that shares only reading makes SQLite open the file for reading, in silence. It may
    // have let go since.
    for _ in 0..3 {
        if !matches!(connection.is_readonly(MAIN_DB), Ok(true)) {
            break;
        }
        match files::access(path) {
            Access::Held(held) => return Err(held_by_another(&held)),
            Access::Free => connection = file(path).map_err(|error| cannot_open(path, error))?,
            Access::Unknown => break,
        }
    }
    Ok(connection)
}

/// Refuses a log, a journal or a shared memory that is not a file: SQLite would wait for a pipe.
pub(crate) fn refuse_odd_companions(path: &Path) -> Result<(), Error> {
    let mut endings = ["-wal", "-journal", "-shm"].iter();
    endings.try_for_each(|ending| files::refuse_odd(&files::companion(path, ending)))
}

/// A file of a database is open elsewhere, and not shared.
fn held_by_another(file: &Path) -> Error {
    Error::new(
        ErrorKind::Locked,
        format!(
            "{} is held by {}, which does not share it",
            file.display(),
            lock::program_with(&[file])
        ),
    )
    .with_help("close the other program or wait for it, and try again")
}

/// Whether SQLite could not remove the journal, by which it commits, because another program has it
/// open and shares no removal. The next who reads the database takes the change back, once he can.
pub(crate) fn is_kept_from_committing(error: &rusqlite::Error) -> bool {
    let code = error.sqlite_error().map(|error| error.extended_code);
    cfg!(windows) && code == Some(ffi::SQLITE_IOERR_DELETE)
}

/// A COMMIT that failed.
pub(crate) fn cannot_commit(path: &Path, error: rusqlite::Error) -> Error {
    match is_kept_from_committing(&error) {
        true => held_by_another(&files::companion(path, "-journal")).because(error),
        false => failure("cannot commit", error),
    }
}

/// Whether closing the last connection moves the write-ahead log into the file and removes it, as
/// SQLite does by default. What may have to be kept as it is must be reported.
pub(crate) fn checkpoint_on_close(connection: &Connection, on: bool) -> Result<(), Error> {
    connection
        .set_db_config(DbConfig::SQLITE_DBCONFIG_NO_CKPT_ON_CLOSE, !on)
        .map(drop)
        .map_err(|error| failure("cannot configure the connection", error))
}

/// Opens a database for a first look that may end in a refusal: until
/// [`checkpoint_on_close`] says otherwise, its log is left as it is, which may be another
/// database's.
pub(crate) fn writer_that_looks(path: &Path, wanted: Duration) -> Result<Connection, Error> {
    let connection = writer(path)?;
    checkpoint_on_close(&connection, false)?;
    patience(&connection, wanted)?;
    Ok(connection)
}

/// The busy timeout that rusqlite gives every connection.
pub(crate) const USUAL_PATIENCE: Duration = Duration::from_secs(5);

/// How long SQLite itself waits for a lock: no longer than the caller would, and no longer
/// than is usual.
pub(crate) fn patience(connection: &Connection, wanted: Duration) -> Result<(), Error> {
    connection
        .busy_timeout(wanted.min(USUAL_PATIENCE))
        .map_err(|error| failure("cannot set the busy timeout", error))
}

/// Makes commits durable against a loss of power. EXTRA also syncs the folder after a rollback
/// journal is removed, without which a power cut can bring the journal, and with it the old
/// state, back.
pub(crate) fn sync_everything(connection: &Connection) -> Result<(), Error> {
    connection
        .execute_batch(SYNC_EVERYTHING)
        .map_err(|error| failure(format!("cannot run `{SYNC_EVERYTHING}`"), error))
}

/// The last two mean something on macOS alone, where a plain sync leaves data in the drive's cache:
/// the one for commits, the other for what is moved out of a write-ahead log.
const SYNC_EVERYTHING: &str =
    "PRAGMA synchronous = EXTRA; PRAGMA fullfsync = ON; PRAGMA checkpoint_fullfsync = ON";

/// Refuses a database that SQLite could open for reading only, which it does in silence.
pub(crate) fn refuse_read_only(connection: &Connection, path: &Path) -> Result<(), Error> {
    let read_only = connection
        .is_readonly(MAIN_DB)
        .map_err(|error| cannot_open(path, error))?;
    if read_only {
        return Err(
            Error::new(ErrorKind::Io, format!("{} is read-only", path.display()))
                .with_help("make the file and its folder writable for this user"),
        );
    }
    Ok(())
}

/// A second, read-only connection to a database this process has open already.
pub(crate) fn reader(path: &Path) -> Result<Connection, Error> {
    read_only(path, "mode=ro")
}

/// A copy at rest. `immutable` keeps SQLite from creating companions beside it
/// (<https://sqlite.org/uri.html#uriimmutable>).
pub(crate) fn copy(path: &Path) -> Result<Connection, Error> {
    read_only(path, "mode=ro&immutable=1")
}

pub(super) fn read_only(path: &Path, parameters: &str) -> Result<Connection, Error> {
    let uri = path::uri(path).ok_or_else(|| {
        Error::new(
            ErrorKind::Io,
            format!("{} cannot be written as a URI", path.display()),
        )
    })?;
    let flags = OpenFlags::SQLITE_OPEN_READ_ONLY
        | OpenFlags::SQLITE_OPEN_URI
        | OpenFlags::SQLITE_OPEN_NO_MUTEX;
    Connection::open_with_flags(format!("{uri}?{parameters}"), flags)
        .map_err(|error| cannot_open(path, error))
}

fn cannot_open(path: &Path, error: rusqlite::Error) -> Error {
    let what = format!("cannot open {}", path.display());
    if let Access::Held(held) = files::access(path) {
        return held_by_another(&held).because(error);
    }
    // SQLite says the same of everything that it cannot open.
    match files::is_forbidden(path) {
        true => failure(format!("{what}: permission denied"), error)
            .with_help("make it and its folder readable and writable for this user"),
        false => failure(what, error),
    }
}

/// Reads the first page, where "not a database" and "needs recovery" come to light.
pub(crate) fn readable(connection: &Connection, path: &Path) -> Result<(), Error> {
    connection
        .query_row("PRAGMA schema_version", [], |_| Ok(()))
        .map_err(|error| failure(format!("cannot read {}", path.display()), error))
}

/// Reads in one transaction: one look at the locks and at what a crash left, however many
/// statements. It begins before the schema is read, for which SQLite would begin one of its own.
pub(crate) fn in_one_read<T>(
    connection: &Connection,
    path: &Path,
    read: impl FnOnce() -> Result<T, Error>,
) -> Result<T, Error> {
    let cannot = |error| failure(format!("cannot read {}", path.display()), error);
    let transaction = connection.unchecked_transaction().map_err(cannot)?;
    readable(connection, path)?;
    let read = read()?;
    transaction.commit().map_err(cannot)?;
    Ok(read)
}

/// A database in memory with nothing in it.
pub(crate) fn empty() -> Result<Connection, Error> {
    Connection::open_in_memory().map_err(|error| failure("cannot open a database in memory", error))
}

#[cfg(test)]
mod tests {
    use super::*;

    /// The second was missing: what a checkpoint wrote stayed in the drive's cache on macOS.
    #[test]
    fn a_connection_that_commits_syncs_to_the_disk_itself_on_every_system() {
        let connection = empty().unwrap();
        sync_everything(&connection).unwrap();
        for (pragma, expected) in [
            ("synchronous", 3),
            ("fullfsync", 1),
            ("checkpoint_fullfsync", 1),
        ] {
            let found: i64 = connection
                .query_row(&format!("PRAGMA {pragma}"), [], |row| row.get(0))
                .unwrap();
            assert_eq!(found, expected, "{pragma}");
        }
    }
}
