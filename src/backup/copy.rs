//! Copying a database through SQLite, in both directions, and proving the copy good.

use std::path::{Path, PathBuf};
use std::time::{Duration, Instant};

use rusqlite::backup::{Backup as Copier, StepResult};
use rusqlite::config::DbConfig;
use rusqlite::{Connection, ErrorCode, ffi};

use crate::backup::attachments::Folders;
use crate::report::error::{DataState, Error, ErrorKind};
use crate::sqlite::disk::files;
use crate::sqlite::pages::MainFile;
use crate::sqlite::schema::catalog;
use crate::sqlite::schema::objects::TableKind;
use crate::sqlite::sql::token::quote;
use crate::sqlite::{execute, open};

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

/// The length of a database's header.
const HEADER: usize = 100;

/// Bytes read from the file at once; larger parts are no faster.
const READ_AT_ONCE: usize = 64 * 1024;
/// Bytes between two reports of progress.
const PROGRESS_EVERY: u64 = 4 * 1024 * 1024;

/// What was found out while a copy was made.
pub(crate) struct FileFacts {
    pub(crate) bytes: u64,
    pub(crate) digest: String,
    pub(crate) journal_mode: String,
}

/// Copies the state that `reader` sees into a new file, syncs it and proves it good.
///
/// `reader` is a connection of its own: the backup API would find one inside its own write
/// transaction busy for ever. The copy has no
/// journal (one left beside a finished copy would roll it back after a power cut), and no
/// more people can read it than `like`.
///
/// Two ways lead there. The file itself, read through SQLite's own handle, is the faster
/// one, and exact wherever the write-ahead log is empty; else the backup API. VACUUM INTO
/// would renumber implicit rowids. The cost of both, against copying the file, is what
/// `cargo bench --bench backup` prints.
pub(crate) fn make(
    reader: &Connection,
    staging: &Path,
    like: &Path,
    set_up: &dyn Fn(&Connection) -> Result<(), Error>,
    progress: &dyn Fn(u64, u64) -> Result<(), Error>,
) -> Result<FileFacts, Error> {
    // A read transaction keeps the pages from being changed, where no writer's lock does.
    let cannot = |error| execute::failure("cannot read the database", error);
    reader.execute_batch("BEGIN").map_err(cannot)?;
    let made = make_of(reader, staging, like, set_up, progress);
    let ended = reader.execute_batch("COMMIT").map_err(cannot);
    made.and_then(|facts| ended.map(|()| facts))
}

/// The same inside a read transaction.
fn make_of(
    reader: &Connection,
    staging: &Path,
    like: &Path,
    set_up: &dyn Fn(&Connection) -> Result<(), Error>,
    progress: &dyn Fn(u64, u64) -> Result<(), Error>,
) -> Result<FileFacts, Error> {
    let folder = staging.parent().unwrap_or(staging);
    // The first look at the file begins the transaction.
    catalog::number(reader, "SELECT count(*) FROM main.sqlite_schema")?;
    let page_size = unsigned(catalog::number(reader, "PRAGMA page_size")?);
    let bytes = catalog::bytes(reader)?;
    let journal_mode = journal_mode(reader)?;
    let help = "free some space, or choose another folder for backups";
    files::check_room(folder, "the copy", bytes, help)?;
    progress(0, bytes)?;
    files::create_like(staging, like)?;
    let digest = match by_pages(reader, staging, bytes, &journal_mode, progress)? {
        Some(digest) => Some(digest),
        None => {
            by_api(reader, staging, page_size, progress)?;
            None
        }
    };
    // Syncing waits for the disk, checking for the processor.
    std::thread::scope(|threads| {
        let syncing = threads.spawn(|| files::sync_file(staging));
        let digesting = threads.spawn(|| match digest {
            Some(digest) => Ok(digest),
            None => files::digest(staging),
        });
        verify_against(staging, reader, bytes, set_up)?;
        join(syncing)?;
        Ok(FileFacts {
            bytes,
            digest: join(digesting)?,
            journal_mode,
        })
    })
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

/// Copies the file as it is, page after page, through the handle SQLite has open on it, and
/// digests it on the way. None where the file alone is not the whole state: in WAL mode with
/// frames that no checkpoint has moved.
fn by_pages(
    reader: &Connection,
    staging: &Path,
    bytes: u64,
    journal_mode: &str,
    progress: &dyn Fn(u64, u64) -> Result<(), Error>,
) -> Result<Option<String>, Error> {
    let log = match reader.path() {
        Some(path) => Some(files::length(&files::companion(Path::new(path), "-wal"))?),
        None => None,
    };
    if journal_mode == "wal" && log != Some(0) {
        return Ok(None);
    }
    let Some(file) = MainFile::of(reader) else {
        return Ok(None);
    };
    let mut copy = files::Digested::open(staging)?;
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
    Ok(Some(copy.finish()))
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
    let mut copy = Connection::open(staging).map_err(cannot)?;
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
enum Failed {
    Sqlite(rusqlite::Error),
    /// Another connection holds a lock that the copy needs.
    Busy,
    Stopped(Error),
}

impl Failed {
    fn into_error(self, what: impl FnOnce() -> String) -> Error {
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
fn step_through(
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

/// Proves a fresh copy good against the database it was taken from: size, header fields,
/// schema, and `quick_check` while its pages are still in memory.
fn verify_against(
    copy: &Path,
    source: &Connection,
    bytes: u64,
    set_up: &dyn Fn(&Connection) -> Result<(), Error>,
) -> Result<(), Error> {
    let invalid = |reason: String| {
        Error::new(
            ErrorKind::BackupInvalid,
            format!("the copy of the database did not verify: {reason}"),
        )
        .with_help(
            "the database itself may be damaged: check it with `sqlite3 FILE 'PRAGMA integrity_check'`",
        )
    };
    let length = files::length(copy)?;
    if length != bytes || bytes == 0 {
        return Err(invalid(format!("{length} bytes instead of {bytes}")));
    }
    let connection = open::copy(copy)?;
    set_up(&connection)?;
    for sql in [
        "PRAGMA page_count",
        "PRAGMA user_version",
        "PRAGMA application_id",
        "SELECT count(*) FROM main.sqlite_schema",
    ] {
        let (ours, theirs) = (
            catalog::number(&connection, sql)?,
            catalog::number(source, sql)?,
        );
        if ours != theirs {
            return Err(invalid(format!("`{sql}` gives {ours} instead of {theirs}")));
        }
    }
    quick_check(&connection)?.map_or(Ok(()), |finding| Err(invalid(finding)))
}

/// SQLite's own check of a database's structure. The error is its first finding.
///
/// What it finds in the *contents* is left alone: a NULL that was there before its column
/// became NOT NULL, a value of another type, an index of FTS that lags behind its table.
/// They are as the app left them, and no reason to keep it from its data.
pub(crate) fn quick_check(connection: &Connection) -> Result<Option<String>, Error> {
    check(connection, "quick_check")
}

/// The same with every index compared to its table.
pub(crate) fn integrity_check(connection: &Connection) -> Result<Option<String>, Error> {
    check(connection, "integrity_check")
}

/// Everything that it finds.
pub(crate) fn integrity_findings(connection: &Connection) -> Result<Vec<String>, Error> {
    let mut found = all_findings(connection, "integrity_check")?;
    found.retain(|finding| finding != "ok");
    Ok(found)
}

fn check(connection: &Connection, pragma: &str) -> Result<Option<String>, Error> {
    let mut found = all_findings(connection, pragma)?.into_iter();
    Ok(found.find(|finding| finding != "ok" && !is_of_contents(finding)))
}

/// A disk that does not answer is no finding: the file may be whole.
fn all_findings(connection: &Connection, pragma: &str) -> Result<Vec<String>, Error> {
    let found = match findings(connection, &format!("PRAGMA {pragma}({MOST_FINDINGS})")) {
        Err(error) if execute::is_wrong_sql(&error) => {
            // A module or a tokenizer is missing here. Its tables hold rows like any other.
            let mut found = Vec::new();
            for (table, kind) in catalog::table_kinds(connection)? {
                if kind != TableKind::Virtual {
                    let sql = format!("PRAGMA {pragma}({})", quote(&table));
                    found.extend(answered(findings(connection, &sql))?);
                }
            }
            found
        }
        found => answered(found)?,
    };
    // A finding may have several lines.
    let mut lines = found.iter().flat_map(|finding| finding.lines());
    if let Some(unread) = lines.find(|line| is_unread(line)) {
        return Err(Error::new(
            ErrorKind::Io,
            format!("the database could not be checked: {unread}"),
        )
        .with_help("check the disk, and try again"));
    }
    Ok(found)
}

/// What SQLite found; that the file is damaged is a finding too.
fn answered(found: rusqlite::Result<Vec<String>>) -> Result<Vec<String>, Error> {
    found.or_else(|error| match execute::code(&error) {
        Some(ErrorCode::DatabaseCorrupt | ErrorCode::NotADatabase) => {
            Ok(vec![execute::text(&error)])
        }
        _ => Err(execute::failure("cannot check the database", error)),
    })
}

/// Whether a finding is an I/O error in disguise: `unable to get the page. error code=266`, or,
/// of free pages, without the code. A file that is too short is one that is damaged.
fn is_unread(finding: &str) -> bool {
    let code = finding
        .rsplit_once("error code")
        .and_then(|(_, code)| code.trim_start_matches(['=', ' ']).parse::<i32>().ok());
    match code {
        Some(code) => code & 0xff == ffi::SQLITE_IOERR && code != ffi::SQLITE_IOERR_SHORT_READ,
        None => finding.contains("failed to get page"),
    }
}

/// Enough to see past what is left alone.
const MOST_FINDINGS: u32 = 1000;

fn findings(connection: &Connection, sql: &str) -> rusqlite::Result<Vec<String>> {
    let mut statement = connection.prepare(sql)?;
    let rows = statement.query_map([], |row| row.get(0))?;
    rows.collect()
}

/// Whether a finding is about what an app put into the database.
pub(crate) fn is_of_contents(finding: &str) -> bool {
    finding.starts_with("NULL value in ")
        || finding.starts_with("CHECK constraint failed in ")
        || (finding.starts_with("non-") && finding.contains(" value in "))
        || ["TEXT value in ", "NUMERIC value in "]
            .iter()
            .any(|start| finding.starts_with(start))
        || finding.contains("inverted index for FTS")
}

/// What is put back: a recorded copy, or the empty database that was there before.
pub(crate) enum PutBackState<'s> {
    Copy { path: &'s Path, digest: &'s str },
    Empty,
}

impl PutBackState<'_> {
    /// Proves the copy, where there is one.
    pub(crate) fn prove(&self) -> Result<(), Error> {
        match self {
            PutBackState::Copy { path, digest } => prove(path, digest),
            PutBackState::Empty => Ok(()),
        }
    }
}

/// Whether a copy may be what was recorded. One that cannot be read just now may.
pub(crate) fn may_be_good(path: &Path, digest: &str) -> bool {
    match files::digest(path) {
        Ok(found) => found == digest,
        Err(_) => files::is_there(path).unwrap_or(true),
    }
}

/// Refuses a copy that is not what was recorded when it was made.
fn prove(path: &Path, digest: &str) -> Result<(), Error> {
    if files::digest(path)? == digest {
        return Ok(());
    }
    Err(Error::new(
        ErrorKind::BackupInvalid,
        format!("{} is not the copy that was made", path.display()),
    )
    .with_help("its digest differs from the recorded one; look for another copy"))
}

/// Puts a copy back through SQLite into the live file, as one transaction of SQLite's:
/// killed at any instant, the database is as it was before or as the copy is. The file is
/// never replaced, so nobody who has it open writes into a file that is gone.
///
/// Where the copy has another text encoding, `live` is another connection afterwards, set up
/// with `set_up`.
pub(crate) fn put_back(
    live: &mut Connection,
    state: &PutBackState<'_>,
    journal_mode: &str,
    patience: Duration,
    set_up: &dyn Fn(&Connection) -> Result<(), Error>,
) -> Result<(), Error> {
    let cannot = |error| execute::failure("cannot put the copy back", error);
    state.prove()?;
    let source = match state {
        PutBackState::Empty => Connection::open_in_memory().map_err(cannot)?,
        PutBackState::Copy { path, .. } => open::copy(path)?,
    };
    if !live.is_autocommit() {
        live.execute_batch("ROLLBACK").map_err(cannot)?;
    }
    // In WAL mode a copy with another page size is refused by SQLite.
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
    let cannot_step = |failed: Failed| failed.into_error(|| "cannot put the copy back".to_owned());
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

fn open_again(
    live: &mut Connection,
    patience: Duration,
    set_up: &dyn Fn(&Connection) -> Result<(), Error>,
) -> Result<(), Error> {
    let path = live.path().map(PathBuf::from).unwrap_or_default();
    let fresh = open::writer(&path)?;
    open::patience(&fresh, patience)?;
    set_up(&fresh)?;
    open::sync_everything(&fresh)?;
    *live = fresh;
    Ok(())
}

/// Whether a failure of [`put_back`] came when the copy was in the database, and whole.
pub(crate) fn is_back(error: &Error) -> bool {
    *error.data_state() == DataState::Committed && error.kind() != ErrorKind::BackupInvalid
}

/// A copying that failed need not have been rolled back, as a COMMIT that failed need not.
fn settle(live: &Connection, source: &Connection, error: Error) -> Result<(), Error> {
    if error.is_busy() {
        return Err(error);
    }
    match catalog::first_difference(live, source) {
        Ok(None) => {
            log::warn!("the copying reported {error:#}, but the copy is in the database");
            Ok(())
        }
        Ok(Some(_)) => Err(error),
        Err(unread) => {
            log::warn!("what was put back could not be read: {unread:#}");
            let good_copy = source.path().map(PathBuf::from);
            let good_copy = good_copy.filter(|path| path.is_absolute());
            Err(error
                .with_data(DataState::NeedsAttention { good_copy })
                .with_help("check the disk, and run the same command again"))
        }
    }
}

/// The journal mode, and a last look.
fn finish(live: &Connection, journal_mode: &str) -> Result<(), Error> {
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
            format!("the database does not verify after the copy was put back: {finding}"),
        )),
    }
}

/// A restore over a database that SQLite cannot read takes two transactions: one that makes
/// the file an empty database, one that fills it. One that puts folders back takes a step for
/// each of them. This note, beside the database while they last, makes the next start finish
/// what was begun.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Intent {
    /// RFC 3339.
    pub(crate) started_at: String,
    /// The copy that is put back.
    pub(crate) copy: PathBuf,
    /// Its BLAKE3 digest.
    pub(crate) digest: String,
    /// The journal mode that the database shall have.
    pub(crate) journal_mode: String,
    /// The folders that are put back with it.
    pub(crate) folders: Option<Folders>,
}

/// How the titles of every format begin.
const INTENT_TITLES: &str = "heirloom restore, format ";
const INTENT_TITLE: &str = "heirloom restore, format 1";
/// With folders, which a version that knows nothing of them must not pass over.
const INTENT_TITLE_WITH_FOLDERS: &str = "heirloom restore, format 2";

impl Intent {
    pub(crate) fn path_for(database: &Path) -> PathBuf {
        files::companion(database, ".restore")
    }

    /// Reads the note, none in the ordinary case.
    pub(crate) fn read(database: &Path) -> Result<Option<Intent>, Error> {
        let path = Intent::path_for(database);
        let Some(text) = files::read_text(&path)? else {
            return Ok(None);
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
        let known = with_folders || title == Some(INTENT_TITLE);
        match known.then(&mut read).flatten() {
            Some(intent) => Ok(Some(intent)),
            _ if !known && text.starts_with(INTENT_TITLES) => Err(Error::new(
                ErrorKind::NeedsAttention,
                format!(
                    "{} is the note of a restore that a newer version began, and that is not finished",
                    path.display()
                ),
            )
            .with_help("leave it there, and start the newest version of the app, which finishes the restore")),
            // It is written in one go under another name, so half a note is not ours.
            _ => Err(Error::new(
                ErrorKind::NeedsAttention,
                format!("{} is no note of a restore", path.display()),
            )
            .with_help("look at it, and remove it")),
        }
    }

    /// The copy, unless it is known to be gone or altered.
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

#[cfg(test)]
mod tests {
    use super::*;

    /// A copy of a damaged database would have been called good, or a whole one damaged.
    #[test]
    fn damage_of_the_structure_is_told_from_oddities_of_the_contents() {
        let oddities = [
            "NULL value in t.x",
            "CHECK constraint failed in t",
            "non-INTEGER value in t.x",
            "TEXT value in t.x",
            "NUMERIC value in t.x",
            "malformed inverted index for FTS5 table main.f",
        ];
        assert!(oddities.iter().all(|finding| is_of_contents(finding)));
        for damage in [
            "non-unique entry in index by_x",
            "row 3 missing from index by_x",
            "a value in no order",
        ] {
            assert!(!is_of_contents(damage), "{damage}");
        }
    }

    /// The codes of SQLite: 266 a read that failed, 522 one that was short, 267 corruption.
    #[test]
    fn a_disk_that_does_not_answer_is_told_from_a_damaged_file() {
        for unread in [
            "Tree 2: unable to get the page. error code=266",
            "freelist: failed to get page 5",
        ] {
            assert!(is_unread(unread), "{unread}");
        }
        for damaged in [
            "unable to get the page. error code=522",
            "unable to get the page. error code=267",
            "row 3 missing from index by_x",
        ] {
            assert!(!is_unread(damaged), "{damaged}");
        }
    }

    #[test]
    fn the_note_of_a_restore_calls_a_copy_good_while_it_is_what_it_was() {
        let folder = tempfile::tempdir().unwrap();
        let copy = folder.path().join("copy.db");
        std::fs::write(&copy, "as it was").unwrap();
        let intent = Intent {
            started_at: String::new(),
            digest: files::digest(&copy).unwrap(),
            copy: copy.clone(),
            journal_mode: "wal".into(),
            folders: None,
        };
        assert_eq!(intent.good_copy(), Some(copy.clone()));
        std::fs::write(&copy, "altered").unwrap();
        assert_eq!(intent.good_copy(), None);
    }
}
