//! Copying a database through SQLite, in both directions, and proving the copy good.

use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::{Duration, Instant};

use rusqlite::Connection;
use rusqlite::backup::{Backup as Copier, StepResult};

use crate::report::error::{Error, ErrorKind};
use crate::sqlite::background::{Background, Stop, stop_where};
use crate::sqlite::disk::{clone, digest, files, space};
use crate::sqlite::integrity::quick_check;
use crate::sqlite::page_format::HEADER;
use crate::sqlite::pages::MainFile;
use crate::sqlite::schema::catalog;
use crate::sqlite::{execute, open, structure};

/// Pages copied between two looks at the cancel flag: 4 MiB of 4 KiB pages. The size of a
/// step makes no difference to the speed.
const PAGES_PER_STEP: i32 = 1024;

/// What a copy's header says of its past, the same for every copy: so that equal states give
/// equal files, by whichever way they were copied. Offsets and meanings:
/// <https://sqlite.org/fileformat2.html#the_database_header>.
fn normalise(header: &mut [u8]) {
    let mut set = |offset: usize, bytes: &[u8]| {
        if let Some(place) = header.get_mut(offset..offset + bytes.len()) {
            place.copy_from_slice(bytes);
        }
    };
    let one = 1_u32.to_be_bytes();
    // Not in WAL mode: opening a copy that says so would make companions beside it.
    set(FORMAT_VERSIONS as usize, &[1, 1]);
    // The change counter, the schema's counter, and the change for which the size is valid,
    // as the backup API leaves them in a new file.
    set(24, &one);
    set(40, &one);
    set(92, &one);
    set(96, &rusqlite::version_number().to_be_bytes());
}

/// Where the header says who may write and read: 1 in rollback mode, 2 in WAL mode.
const FORMAT_VERSIONS: u64 = 18;

/// Bytes read from the file at once; larger parts are no faster.
const READ_AT_ONCE: usize = 64 * 1024;
/// Bytes between two reports of progress.
const PROGRESS_EVERY: u64 = 4 * 1024 * 1024;

/// What was found out while a copy was made.
#[derive(Debug)]
pub(crate) struct FileFacts {
    pub(crate) bytes: u64,
    pub(crate) digest: String,
    pub(crate) journal_mode: String,
}

/// A copy that is written, and neither synced nor verified. What is left to do can be done in another
/// thread.
pub(crate) struct Written {
    staging: PathBuf,
    /// To the copy, with the app's functions and collations.
    connection: Connection,
    /// The check of what was copied, where it was begun beside the copying.
    checking: Option<Background<Option<String>>>,
    bytes: u64,
    /// None where it was not read on the way.
    digest: Option<String>,
    journal_mode: String,
    /// What the source says of itself.
    expected: Vec<(&'static str, i64)>,
    stop: Option<Stop>,
}

/// Begins SQLite's check of the state that `connection` sees.
fn check_beside(
    mut connection: Connection,
    stop: &Stop,
) -> Result<Background<Option<String>>, Error> {
    let ended = Arc::new(AtomicBool::new(false));
    let (flag, stop) = (Arc::clone(&ended), Arc::clone(stop));
    let is_over: Stop = Arc::new(move || flag.load(Ordering::Relaxed) || stop());
    let also = Arc::clone(&is_over);
    stop_where(&mut connection, Some(move || also()))?;
    Background::begin("heirloom-check", ended, move || {
        check(&connection, Some(&is_over))
    })
}

/// What is wrong with the structure of the file. Where ours does not find it sound, SQLite's check has
/// the word, without what it says of the contents, which would be left alone and takes time.
fn check(connection: &Connection, stop: Option<&Stop>) -> Result<Option<String>, Error> {
    if structure::is_sound(connection, &|| stop.is_some_and(|stop| stop())) {
        return Ok(None);
    }
    connection
        .execute_batch("PRAGMA ignore_check_constraints = ON")
        .map_err(|error| execute::failure("cannot check the copy", error))?;
    quick_check(connection)
}

/// What a copy must say as its source does.
const SAME_IN_BOTH: [&str; 4] = [
    "PRAGMA page_count",
    "PRAGMA user_version",
    "PRAGMA application_id",
    "SELECT count(*) FROM main.sqlite_schema",
];

/// Copies the state that `reader` sees into a new file, syncs it and proves it good.
pub(crate) fn make(
    reader: &Connection,
    staging: &Path,
    like: &Path,
    set_up: &dyn Fn(&Connection) -> Result<(), Error>,
    progress: &dyn Fn(u64, u64) -> Result<(), Error>,
) -> Result<FileFacts, Error> {
    write(reader, None, staging, like, set_up, progress)?.verify()
}

/// Copies the state that `reader` sees into a new file.
///
/// `reader` is a connection of its own: the backup API would find one inside its own write
/// transaction busy for ever. The copy has no
/// journal (one left beside a finished copy would roll it back after a power cut), and no
/// more people can read it than `like`.
///
/// Three ways lead there. Where the write-ahead log is empty the file itself is the whole state: it
/// is cloned where the file system shares blocks, or else read through SQLite's own handle, which is
/// faster than the backup API, the way of the rest. VACUUM INTO would renumber implicit rowids. The
/// cost of each, against copying the file, is what `cargo bench --bench backup` prints.
///
/// Where the caller keeps everybody from writing to `like`, of which `reader` sees the state, it says
/// with `locked` when the checks are to end early. Then a large file that is read so is checked by
/// another connection while it is copied, and the copy is read back and compared with it byte for byte.
/// Any other copy is checked itself.
pub(crate) fn write(
    reader: &Connection,
    locked: Option<&Stop>,
    staging: &Path,
    like: &Path,
    set_up: &dyn Fn(&Connection) -> Result<(), Error>,
    progress: &dyn Fn(u64, u64) -> Result<(), Error>,
) -> Result<Written, Error> {
    // A read transaction keeps the pages from being changed, where no writer's lock does.
    let cannot = |error| execute::failure("cannot read the database", error);
    reader.execute_batch("BEGIN").map_err(cannot)?;
    let written = write_of(reader, locked, staging, like, set_up, progress);
    let ended = reader.execute_batch("COMMIT").map_err(cannot);
    written.and_then(|written| ended.map(|()| written))
}

/// The same inside a read transaction.
fn write_of(
    reader: &Connection,
    locked: Option<&Stop>,
    staging: &Path,
    like: &Path,
    set_up: &dyn Fn(&Connection) -> Result<(), Error>,
    progress: &dyn Fn(u64, u64) -> Result<(), Error>,
) -> Result<Written, Error> {
    let folder = staging.parent().unwrap_or(staging);
    // The first look at the file begins the transaction.
    catalog::number(reader, "SELECT count(*) FROM main.sqlite_schema")?;
    let page_size = unsigned(catalog::number(reader, "PRAGMA page_size")?);
    let bytes = catalog::bytes(reader)?;
    let journal_mode = journal_mode(reader)?;
    progress(0, bytes)?;
    files::create_like(staging, like)?;
    let in_one_file = whole_file(reader, &journal_mode)?;
    let (mut digest, mut checking) = (None, None);
    if let Some(file) = &in_one_file
        && by_clone(file, reader, staging, bytes)?
    {
        progress(bytes, bytes)?;
    } else {
        let help = "free some space, or choose another folder for backups";
        space::check_room(folder, "the backup", bytes, help)?;
        if let Some(file) = &in_one_file {
            if let Some(stop) = locked
                && digest::is_read_back(bytes)
            {
                let second = open::reader(like)?;
                set_up(&second)?;
                checking = Some(check_beside(second, stop)?);
            }
            digest = by_pages(file, staging, bytes, progress)?;
        }
        if digest.is_none() {
            checking = None;
            by_api(reader, staging, page_size, progress)?;
        }
    }
    let length = files::length(staging)?;
    if length != bytes || bytes == 0 {
        return Err(invalid(&format!("{length} bytes instead of {bytes}")));
    }
    let mut connection = open::copy(staging)?;
    set_up(&connection)?;
    if let Some(stop) = locked {
        let stop = Arc::clone(stop);
        stop_where(&mut connection, Some(move || stop()))?;
    }
    let expected = SAME_IN_BOTH
        .iter()
        .map(|sql| Ok((*sql, catalog::number(reader, sql)?)))
        .collect::<Result<_, Error>>()?;
    Ok(Written {
        staging: staging.to_owned(),
        connection,
        checking,
        bytes,
        digest,
        journal_mode,
        expected,
        stop: locked.map(Arc::clone),
    })
}

impl Written {
    /// Syncs the copy and proves it good: size, header fields, schema, and `quick_check` while its
    /// pages are still in memory, of the copy or of the original whose bytes it was seen to hold.
    pub(crate) fn verify(self) -> Result<FileFacts, Error> {
        let Written {
            staging,
            connection,
            checking,
            bytes,
            digest,
            journal_mode,
            expected,
            stop,
        } = self;
        // Syncing waits for the disk, checking for the processor.
        std::thread::scope(|threads| {
            let syncing = threads.spawn(|| files::sync_file(&staging));
            let digesting = threads.spawn(|| match digest {
                Some(digest) => Ok(digest),
                None => digest::of_file(&staging),
            });
            for (sql, theirs) in expected {
                let ours = catalog::number(&connection, sql)?;
                if ours != theirs {
                    return Err(invalid(&format!(
                        "`{sql}` gives {ours} instead of {theirs}"
                    )));
                }
            }
            let finding = match checking {
                Some(checking) => checking.finish()?,
                None => check(&connection, stop.as_ref())?,
            };
            if let Some(finding) = finding {
                return Err(invalid(&finding));
            }
            join(syncing)?;
            Ok(FileFacts {
                bytes,
                digest: join(digesting)?,
                journal_mode,
            })
        })
    }
}

fn invalid(reason: &str) -> Error {
    Error::new(
        ErrorKind::BackupInvalid,
        format!("the backup did not verify: {reason}"),
    )
    .with_help(
        "the database itself may be damaged: check it with `sqlite3 FILE 'PRAGMA integrity_check'`",
    )
}

/// The journal mode that the file asks for. SQLite says "delete" of any file that it was told
/// not to lock.
pub(crate) fn journal_mode(reader: &Connection) -> Result<String, Error> {
    let mut versions = [0; 2];
    let wal = MainFile::of(reader).is_some_and(|file| {
        file.read_exact_at(&mut versions, FORMAT_VERSIONS) && versions == [2; 2]
    });
    match wal {
        true => Ok("wal".to_owned()),
        false => catalog::word(reader, "PRAGMA journal_mode"),
    }
}

fn join<T>(thread: std::thread::ScopedJoinHandle<'_, Result<T, Error>>) -> Result<T, Error> {
    thread
        .join()
        .unwrap_or_else(|_| Err(Error::new(ErrorKind::Io, "a thread of the copy panicked")))
}

/// The file, as SQLite has it open. None where it alone is not the whole state: in WAL mode with
/// frames that no checkpoint has moved.
fn whole_file<'r>(
    reader: &'r Connection,
    journal_mode: &str,
) -> Result<Option<MainFile<'r>>, Error> {
    let log = match reader.path() {
        Some(path) => Some(files::length(&files::companion(Path::new(path), "-wal"))?),
        None => None,
    };
    if journal_mode == "wal" && log != Some(0) {
        return Ok(None);
    }
    // On Windows the bytes at 1 GiB that another process has locked cannot be read.
    Ok(MainFile::of(reader).filter(|_| cfg!(unix)))
}

/// Has the file system make the copy, of the blocks that are there. False where it cannot, and what
/// `staging` holds is nothing then.
fn by_clone(
    file: &MainFile<'_>,
    reader: &Connection,
    staging: &Path,
    bytes: u64,
) -> Result<bool, Error> {
    let folder = staging.parent().unwrap_or(staging);
    let path = reader.path().map(Path::new);
    let Some(path) = path.filter(|path| clone::can_share(path, folder)) else {
        return Ok(false);
    };
    // The program that clones knows the file by its name alone.
    let is_one = file.is_in_its_place()
        && clone::clone(path, staging)
        && file.is_in_its_place()
        && files::length(staging)? == bytes;
    match is_one {
        true => files::patch(staging, HEADER, normalise)?,
        false => files::truncate(staging)?,
    }
    Ok(is_one)
}

/// Copies the file as it is, page after page, through the handle SQLite has open on it, and
/// digests it on the way. None where it cannot be read so.
fn by_pages(
    file: &MainFile<'_>,
    staging: &Path,
    bytes: u64,
    progress: &dyn Fn(u64, u64) -> Result<(), Error>,
) -> Result<Option<String>, Error> {
    let mut copy = digest::Digested::open(staging, bytes)?;
    let mut buffer = vec![0; READ_AT_ONCE];
    let mut at = 0;
    while at < bytes {
        let length = usize::try_from(bytes - at).map_or(READ_AT_ONCE, |l| l.min(READ_AT_ONCE));
        let part = &mut buffer[..length];
        if !file.read_exact_at(part, at) {
            return Ok(None);
        }
        if at == 0 {
            normalise(part);
        }
        copy.write(part)?;
        at += length as u64;
        if at.is_multiple_of(PROGRESS_EVERY) {
            progress(at, bytes)?;
        }
    }
    progress(bytes, bytes)?;
    copy.finish().map(Some)
}

/// Copies with the backup API, which folds the write-ahead log in.
fn by_api(
    reader: &Connection,
    staging: &Path,
    page_size: u64,
    progress: &dyn Fn(u64, u64) -> Result<(), Error>,
) -> Result<(), Error> {
    let what = || format!("cannot copy the database to {}", staging.display());
    let cannot = |error| execute::failure(what(), error);
    files::truncate(staging)?;
    let mut copy = open::file(staging).map_err(cannot)?;
    copy.execute_batch("PRAGMA journal_mode = OFF; PRAGMA synchronous = OFF;")
        .map_err(cannot)?;
    let copier = Copier::new(reader, &mut copy).map_err(cannot)?;
    step_through(&copier, Duration::from_secs(5), &|done, total| {
        progress(done * page_size, total * page_size)
    })
    .map_err(|failed| failed.into_error(what))?;
    drop(copier);
    drop(copy);
    files::patch(staging, HEADER, normalise)
}

fn unsigned(number: i64) -> u64 {
    u64::try_from(number).unwrap_or_default()
}

/// Why a copy came to an end before its end.
pub(super) enum Failed {
    Sqlite(rusqlite::Error),
    /// Another connection holds a lock that the copy needs.
    Busy,
    Stopped(Error),
}

impl Failed {
    pub(super) fn into_error(self, what: impl FnOnce() -> String) -> Error {
        match self {
            Failed::Sqlite(error) => execute::failure(what(), error),
            Failed::Busy => Error::new(
                ErrorKind::Locked,
                format!("{}: another program holds it", what()),
            )
            .with_help("close the other program and try again"),
            Failed::Stopped(error) => error,
        }
    }
}

/// Copies to the end. `Busy` is an `Ok` of the API, and no copy yet.
pub(super) fn step_through(
    copier: &Copier<'_, '_>,
    patience: Duration,
    progress: &dyn Fn(u64, u64) -> Result<(), Error>,
) -> Result<(), Failed> {
    let deadline = Instant::now() + patience;
    loop {
        let result = copier.step(PAGES_PER_STEP).map_err(Failed::Sqlite)?;
        let state = copier.progress();
        let total = unsigned(state.pagecount.into());
        match result {
            StepResult::Done => return progress(total, total).map_err(Failed::Stopped),
            StepResult::More => {
                let done = total - unsigned(state.remaining.into()).min(total);
                progress(done, total).map_err(Failed::Stopped)?;
            }
            _ if Instant::now() >= deadline => return Err(Failed::Busy),
            _ => std::thread::sleep(Duration::from_millis(20)),
        }
    }
}

// No other system clones.
#[cfg(unix)]
#[cfg(test)]
mod tests {
    use super::*;

    const ROWS: i64 = 3_000;

    /// A copy of a database, made with a clone that is what `clone` makes of it.
    fn made(clone: fn(&Path, &Path) -> bool) -> (Result<FileFacts, Error>, Option<i64>) {
        let folder = tempfile::tempdir().unwrap();
        let (database, copy) = (folder.path().join("n.db"), folder.path().join("n.copy"));
        let sql = format!(
            "CREATE TABLE t (x); WITH RECURSIVE n(i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n
             LIMIT {ROWS}) INSERT INTO t SELECT hex(randomblob(20)) FROM n;"
        );
        Connection::open(&database)
            .and_then(|connection| connection.execute_batch(&sql))
            .unwrap();
        let reader = open::reader(&database).unwrap();
        clone::pretend::clone_with(Some(clone));
        let made = make(&reader, &copy, &database, &|_| Ok(()), &|_, _| Ok(()));
        clone::pretend::clone_with(None);
        let rows = open::copy(&copy)
            .and_then(|copy| catalog::number(&copy, "SELECT count(*) FROM t"))
            .ok();
        (made, rows)
    }

    /// ZFS cut files short that were not yet on the disk, and left holes in others, and said that it
    /// was done.
    #[test]
    fn a_clone_that_is_not_what_was_cloned_is_no_backup() {
        let (whole, rows) = made(|from, to| std::fs::copy(from, to).is_ok());
        assert!(whole.is_ok(), "{whole:?}");
        assert_eq!(rows, Some(ROWS));
        // Another way is taken.
        let (short, rows) = made(|from, to| {
            let bytes = std::fs::read(from).unwrap();
            std::fs::write(to, &bytes[..bytes.len() / 2]).is_ok()
        });
        assert!(short.is_ok(), "{short:?}");
        assert_eq!(rows, Some(ROWS));
        let (hole, _) = made(|from, to| {
            let mut bytes = std::fs::read(from).unwrap();
            let middle = bytes.len() / 2;
            bytes[middle..middle + 8_192].fill(0);
            std::fs::write(to, bytes).is_ok()
        });
        assert_eq!(hole.unwrap_err().kind(), ErrorKind::BackupInvalid);
    }
}
