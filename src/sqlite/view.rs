//! Looking at a database: a connection that leaves no trace.

use std::path::{Path, PathBuf};
use std::time::{Duration, SystemTime};

use rusqlite::Connection;

use crate::report::error::{Error, ErrorKind};
use crate::sqlite::disk::{files, scratch};
use crate::sqlite::open::{
    Target, copy, empty, read_only, readable, refuse_odd_companions, writer,
};

/// A connection that sees the database as it is and leaves no trace of having looked.
pub(crate) struct View {
    pub(crate) connection: Connection,
    /// The file as it was, where it is read without locks.
    unlocked: Option<Stamp>,
    /// A copy that has to go when the view does.
    _scratch: Option<scratch::Scratch>,
}

/// What a file that is written to does not keep.
#[derive(Debug, PartialEq, Eq)]
pub(crate) struct Stamp {
    path: PathBuf,
    length: u64,
    modified: Option<SystemTime>,
}

impl Stamp {
    fn of(path: &Path) -> Result<Stamp, Error> {
        Ok(Stamp {
            path: path.to_owned(),
            length: files::length(path)?,
            modified: path.metadata().and_then(|file| file.modified()).ok(),
        })
    }
}

impl View {
    fn of(connection: Connection) -> View {
        View {
            connection,
            unlocked: None,
            _scratch: None,
        }
    }

    /// Whether what was read so far is one state: nobody wrote to a file that is read without
    /// locks.
    pub(crate) fn is_of_one_state(&self) -> bool {
        let same = |before: &Stamp| Stamp::of(&before.path).is_ok_and(|now| now == *before);
        self.unlocked.as_ref().is_none_or(same)
    }
}

/// Opens a database to look at it, creating no file and changing no byte.
///
/// An ordinary read-only open of a database in WAL mode leaves `-wal` and `-shm` beside
/// it. So: no companions, then nobody is writing, and `immutable` is safe to say. A journal that
/// begins with a zero is not a companion: SQLite keeps it so between two transactions where it is
/// told to (`journal_mode = PERSIST`), and while the file is still as it was.
/// Companions of a database that somebody has open are read with `readonly_shm`, which
/// keeps the index of the WAL in memory. Companions that a crash left behind may have to
/// be rolled back or replayed first, which is done on a private copy. SQLite is asked before:
/// where a connection is alive, of this process or another, it answers "busy", and the file
/// is left alone, because closing it would drop this process's locks.
pub(crate) fn view(path: &Path) -> Result<View, Error> {
    refuse_odd_companions(path)?;
    let wal = files::companion(path, "-wal");
    let journal = files::companion(path, "-journal");
    let busy = is_a_log(&wal)?
        || files::first_bytes(&journal, 1)?
            .iter()
            .any(|byte| *byte != 0);
    // Without its log it is nobody's, and SQLite would make the log to read it.
    let shared_memory = files::is_there(&files::companion(path, "-shm"))? && files::is_there(&wal)?;
    let unlocked = (!busy && !shared_memory)
        .then(|| Stamp::of(path))
        .transpose()?;
    let parameters = match unlocked {
        Some(_) => "mode=ro&immutable=1",
        None => "mode=ro&readonly_shm=1",
    };
    // SQLite on Windows makes the shared memory of a log even for who only reads it
    // (`winHandleOpen`). Without it nobody alive has the log open.
    let would_be_made =
        cfg!(windows) && unlocked.is_none() && !shared_memory && files::length(&wal)? > 0;
    let direct = (!would_be_made).then(|| -> Result<_, Error> {
        let connection = read_only(path, parameters)?;
        readable(&connection, path)?;
        Ok(connection)
    });
    match direct {
        Some(Ok(connection)) => {
            return Ok(View {
                unlocked,
                ..View::of(connection)
            });
        }
        // Busy is what a living writer answers, of this process too.
        Some(Err(error)) if !busy || error.is_busy() || error.kind() == ErrorKind::NotADatabase => {
            return Err(error);
        }
        Some(Err(_)) | None => {}
    }
    let scratch = scratch::Scratch::copy_of(path, &["-wal", "-journal"])?;
    let connection = writer(scratch.path())?;
    readable(&connection, path)?;
    Ok(View {
        _scratch: Some(scratch),
        ..View::of(connection)
    })
}

/// Looks at a database, and again where it seems to be damaged. What nobody had open is read
/// without locks: where somebody begins to write meanwhile, pages of two states do not fit together.
pub(crate) fn again_where_torn<T>(
    path: &Path,
    look: impl Fn() -> Result<T, Error>,
) -> Result<T, Error> {
    let mut pauses = [5, 20, 80, 200].into_iter();
    // The clock of files is coarse, and may not have moved on: the second time is for nothing.
    let mut is_written_to = true;
    loop {
        let before = Stamp::of(path).ok();
        let error = match look() {
            Err(error) if error.kind() == ErrorKind::NotADatabase => error,
            looked => return looked,
        };
        match pauses.next() {
            Some(pause) if is_written_to => std::thread::sleep(Duration::from_millis(pause)),
            None if is_written_to => return Err(torn(path)),
            _ => return Err(error),
        }
        is_written_to = Stamp::of(path).ok() != before;
    }
}

fn torn(path: &Path) -> Error {
    let what = "another program wrote to the database while it was looked at";
    Error::new(ErrorKind::Locked, format!("{what}: {}", path.display()))
        .with_help("close the other program, and try again")
}

/// Whether SQLite would read a log, which it knows by its first bytes. Any other file of that name is
/// none, however large.
fn is_a_log(wal: &Path) -> Result<bool, Error> {
    let begin = files::first_bytes(wal, 4)?;
    Ok(matches!(begin.as_slice(), [0x37, 0x7f, 0x06, 0x82 | 0x83]))
}

/// A copy at rest, looked at.
pub(crate) fn view_of_copy(path: &Path) -> Result<View, Error> {
    copy(path).map(View::of)
}

/// What was there before an interrupted run: its copy, or nothing where there was none. None
/// when the copy is gone.
pub(crate) fn state_before(backup: Option<&str>, folder: &Path) -> Option<View> {
    let connection = match backup {
        Some(name) => {
            let path = folder.join(Path::new(name).file_name()?);
            path.is_file().then(|| copy(&path).ok()).flatten()?
        }
        None => Connection::open_in_memory().ok()?,
    };
    Some(View::of(connection))
}

/// A view of a database that may not be there yet: then it is empty.
pub(crate) fn view_of(target: &Target) -> Result<View, Error> {
    target.refuse_too_short()?;
    if target.metadata.as_ref().is_some_and(|file| file.len() > 0) {
        return view(&target.path);
    }
    Ok(View::of(empty()?))
}
