//! What the fuzz targets share.

use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;

use heirloom::refinery_core::Migration;
use heirloom::rusqlite::{Connection, ffi};
use heirloom::{Error, Migrator};

/// A database in memory on which any SQL can be let loose: no other file, nothing huge, and an
/// end to what has none.
pub struct Guarded {
    pub connection: Connection,
    gave_up: Arc<AtomicBool>,
}

impl Guarded {
    /// Whether something took too long, so that nothing can be said of what came of it.
    pub fn gave_up(&self) -> bool {
        self.gave_up.load(Ordering::Relaxed)
    }
}

pub fn guarded() -> Guarded {
    let mut connection = Connection::open_in_memory().unwrap();
    limit(&connection);
    let gave_up = Arc::new(AtomicBool::new(false));
    let (flag, mut looks) = (Arc::clone(&gave_up), 0);
    let watch = move || {
        looks += 1;
        flag.fetch_or(looks > 500, Ordering::Relaxed);
        looks > 500
    };
    connection.progress_handler(1000, Some(watch)).unwrap();
    Guarded {
        connection,
        gave_up,
    }
}

/// No other file, and no value that fills the memory.
fn limit(connection: &Connection) {
    for (limit, most) in [
        (ffi::SQLITE_LIMIT_ATTACHED, 0),
        (ffi::SQLITE_LIMIT_LENGTH, 1_000_000),
    ] {
        // SAFETY: the handle is of an open connection, which outlives the call.
        unsafe { ffi::sqlite3_limit(connection.handle(), limit, most) };
    }
}

/// Where the complete statements of a text end, by `sqlite3_complete()`: the empty ones left out.
pub fn ends(sql: &str) -> Vec<usize> {
    let plain = without_marks(sql);
    let (mut found, mut start) = (Vec::new(), 0);
    for (at, _) in plain.match_indices(';') {
        let part = &plain[start..=at];
        let text = std::ffi::CString::new(part).unwrap();
        // SAFETY: a text that ends with NUL.
        if unsafe { ffi::sqlite3_complete(text.as_ptr()) } == 0 {
            continue;
        }
        if !heirloom::fuzzing::statements(&sql[start..=at]).is_empty() {
            found.push(at + 1);
        }
        start = at + 1;
    }
    found
}

/// Space in place of what the tokenizer takes for space and `sqlite3_complete()` for letters: a
/// byte order mark that begins a token, and a vertical tab behind other space.
fn without_marks(sql: &str) -> String {
    let (mut made, mut before) = (String::with_capacity(sql.len()), ';');
    for c in sql.chars() {
        let in_word =
            before.is_ascii_alphanumeric() || matches!(before, '_' | '$') || before > '\x7f';
        let in_space = matches!(before, ' ' | '\t' | '\n' | '\r' | '\x0c');
        before = c;
        match c {
            '\u{feff}' if !in_word => {
                made.push_str("   ");
                // What follows begins a token.
                before = ';';
            }
            '\x0b' if in_space => {
                made.push(' ');
                before = ' ';
            }
            c => made.push(c),
        }
    }
    made
}

/// Every row of every table, and every text of the schema. What cannot be read is said so.
pub fn contents(connection: &Connection) -> Vec<String> {
    let objects = "SELECT type, name, tbl_name, sql FROM sqlite_schema ORDER BY 1, 2";
    let mut lines = dump(connection, objects);
    let tables = "SELECT name FROM sqlite_schema WHERE type = 'table' ORDER BY 1";
    let Ok(mut statement) = connection.prepare(tables) else {
        return lines;
    };
    let names = statement
        .query_map([], |row| row.get::<_, String>(0))
        .and_then(Iterator::collect);
    for name in names.unwrap_or_else(|_| Vec::new()) {
        let rows = format!("SELECT * FROM main.\"{}\"", name.replace('"', "\"\""));
        lines.push(name);
        lines.extend(dump(connection, &rows));
    }
    lines
}

/// The rows of a query.
pub fn dump(connection: &Connection, sql: &str) -> Vec<String> {
    let mut lines = Vec::new();
    let mut read = || -> heirloom::rusqlite::Result<()> {
        let mut statement = connection.prepare(sql)?;
        let columns = statement.column_count();
        let mut rows = statement.query([])?;
        while let Some(row) = rows.next()? {
            let values: Result<Vec<_>, _> = (0..columns).map(|at| row.get_ref(at)).collect();
            lines.push(format!("{:?}", values?));
        }
        Ok(())
    };
    if let Err(error) = read() {
        lines.push(format!("{error}"));
    }
    lines
}

/// A folder in memory with a database that anything may be done to.
pub struct App {
    folder: tempfile::TempDir,
}

impl Default for App {
    fn default() -> App {
        App::new()
    }
}

impl App {
    pub fn new() -> App {
        let memory = Path::new("/dev/shm");
        let folder = tempfile::tempdir_in(memory).or_else(|_| tempfile::tempdir());
        App {
            folder: folder.unwrap(),
        }
    }

    pub fn database(&self) -> PathBuf {
        self.folder.path().join("app.db")
    }

    /// Every file with its bytes.
    pub fn files(&self) -> Vec<(PathBuf, Vec<u8>)> {
        let (mut found, mut folders) = (Vec::new(), vec![self.folder.path().to_owned()]);
        while let Some(folder) = folders.pop() {
            for entry in std::fs::read_dir(folder).unwrap() {
                let path = entry.unwrap().path();
                match path.is_dir() {
                    true => folders.push(path),
                    false => found.push((path.clone(), std::fs::read(path).unwrap())),
                }
            }
        }
        found.sort();
        found
    }

    /// That no file came, went or changed.
    #[track_caller]
    pub fn is_as_it_was(&self, before: &[(PathBuf, Vec<u8>)]) {
        let now = self.files();
        let other = |one: &[(PathBuf, Vec<u8>)], other: &[(PathBuf, Vec<u8>)]| -> Vec<PathBuf> {
            let gone = one.iter().filter(|file| !other.contains(file));
            gone.map(|(path, _)| path.clone()).collect()
        };
        assert!(
            *before == now,
            "looking changed files: before {:?}, after {:?}",
            other(before, &now),
            other(&now, before)
        );
    }

    /// The copies, whose names end so.
    pub fn copies(&self) -> Vec<PathBuf> {
        let files = self.files().into_iter().map(|(path, _)| path);
        let copies = files.filter(|path| {
            path.extension().is_some_and(|ending| ending == "db") && *path != self.database()
        });
        copies.collect()
    }

    /// What a plain SQLite, which recovers what it finds, reads in a private copy of a database
    /// and its companions.
    pub fn seen_by_sqlite(&self, database: &Path) -> Vec<String> {
        let scratch = App::new();
        for ending in ["", "-wal", "-journal"] {
            let from = format!("{}{ending}", database.display());
            if let Ok(bytes) = std::fs::read(from) {
                std::fs::write(format!("{}{ending}", scratch.database().display()), bytes).unwrap();
            }
        }
        let connection = Connection::open(scratch.database()).unwrap();
        limit(&connection);
        contents(&connection)
    }
}

/// The migrations that the hostile databases meet: two that are applied, as far as they tell, and
/// one with a rebuild that is pending.
pub fn migrations() -> Vec<Migration> {
    let file = |name: &str, sql: &str| Migration::unapplied(name, sql).unwrap();
    vec![
        file(
            "V1__notes",
            "CREATE TABLE notes (id INTEGER PRIMARY KEY, text TEXT NOT NULL);",
        ),
        file(
            "V2__tags",
            "CREATE TABLE tags (note REFERENCES notes ON DELETE CASCADE, tag);",
        ),
        file(
            "V3__rebuild",
            "CREATE TABLE n (id INTEGER PRIMARY KEY, text TEXT NOT NULL, pinned INT DEFAULT 0);
             INSERT INTO n (id, text) SELECT id, text FROM notes;
             DROP TABLE notes; ALTER TABLE n RENAME TO notes;",
        ),
    ]
}

/// A migrator that waits for nobody.
pub fn migrator() -> Migrator<'static> {
    Migrator::new(migrations())
        .lock_timeout(Duration::ZERO)
        .connection_setup(|connection| {
            limit(connection);
            Ok(())
        })
}

/// What every failure says.
pub fn is_whole(error: &Error) {
    assert!(error.help().is_some(), "no help: {error:#}");
    assert!(!error.to_string().is_empty() && !error.kind().as_str().is_empty());
}
