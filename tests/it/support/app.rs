//! What the tests share: a folder with a database and migrations in it.

use std::io::{BufRead, BufReader, Read, Seek, SeekFrom, Write};
use std::path::{Path, PathBuf};
use std::process::{Child, Command, ExitStatus, Output, Stdio};
use std::time::Duration;

use heirloom::inspect::ProblemKind;
use heirloom::{Error, ErrorKind, Migrator, Report};
use rusqlite::Connection;

/// A folder with `migrations/` and a database `app.db`.
pub struct App {
    folder: PathBuf,
    /// Removes the folder, where it is ours.
    _guard: Option<tempfile::TempDir>,
}

impl App {
    pub fn new() -> App {
        App::inside(tempfile::tempdir().unwrap())
    }

    fn inside(guard: tempfile::TempDir) -> App {
        let folder = real(guard.path());
        std::fs::create_dir(folder.join("migrations")).unwrap();
        App {
            folder,
            _guard: Some(guard),
        }
    }

    /// One that syncs faster than a disk, where the machine has that: for tests with thousands
    /// of starts.
    #[cfg(all(feature = "cli", target_os = "linux"))]
    pub fn in_memory() -> App {
        let memory = Path::new("/dev/shm");
        let guard = tempfile::tempdir_in(memory).or_else(|_| tempfile::tempdir());
        App::inside(guard.unwrap())
    }

    /// Somebody else's folder, which stays.
    pub fn at(folder: PathBuf) -> App {
        App {
            folder,
            _guard: None,
        }
    }

    pub fn folder(&self) -> &Path {
        &self.folder
    }

    pub fn migrations(&self) -> PathBuf {
        self.folder().join("migrations")
    }

    pub fn database(&self) -> PathBuf {
        self.folder().join("app.db")
    }

    /// Writes a migration file, `V1__a.sql` or `V1__a.down.sql`.
    pub fn file(&self, name: &str, sql: &str) -> &App {
        std::fs::write(self.migrations().join(name), sql).unwrap();
        self
    }

    pub fn migrator<'a>(&self) -> Migrator<'a> {
        Migrator::new(self.migrations())
    }

    pub fn run(&self) -> Result<Report, Error> {
        self.migrator().migrate(self.database())
    }

    /// Runs, and expects a refusal of this kind that leaves the data as it was.
    #[track_caller]
    pub fn refused(&self, kind: ErrorKind) -> Error {
        self.refused_by(&self.migrator(), kind)
    }

    /// The same with a migrator of the caller's.
    #[track_caller]
    pub fn refused_by(&self, migrator: &Migrator<'_>, kind: ErrorKind) -> Error {
        let before = contents(&self.database());
        let error = migrator.migrate(self.database()).unwrap_err();
        assert_eq!(error.kind(), kind, "{error:#}");
        assert_eq!(contents(&self.database()), before, "{error:#}");
        assert!(error.data_state().is_unchanged(), "{error:#}");
        error
    }

    /// A plain connection, as another program would have it.
    pub fn connect(&self) -> Connection {
        Connection::open(self.database()).unwrap()
    }

    /// Runs SQL as another program would.
    pub fn sql(&self, sql: &str) -> &App {
        self.connect().execute_batch(sql).unwrap();
        self
    }

    /// One number from the database.
    pub fn number(&self, sql: &str) -> i64 {
        self.connect()
            .query_row(sql, [], |row| row.get(0))
            .unwrap_or_else(|error| panic!("{sql}: {error}"))
    }

    /// One text from the database.
    pub fn text(&self, sql: &str) -> String {
        self.connect()
            .query_row(sql, [], |row| row.get(0))
            .unwrap_or_else(|error| panic!("{sql}: {error}"))
    }

    /// The automatic backups, by name.
    pub fn backups(&self) -> Vec<PathBuf> {
        let mut found: Vec<PathBuf> = match std::fs::read_dir(self.folder().join("backups")) {
            Err(_) => Vec::new(),
            Ok(entries) => entries
                .map(|entry| entry.unwrap().path())
                .filter(|path| path.extension().is_some_and(|ending| ending == "db"))
                .collect(),
        };
        found.sort();
        found
    }

    /// The backup that a failure names, which must be there. Others may be: the state that
    /// was replaced is kept too, and its name depends on the second.
    pub fn backup_named_by(&self, error: &Error) -> PathBuf {
        let named = error.backup().unwrap().to_owned();
        assert!(self.backups().contains(&named), "{}", named.display());
        named
    }

    /// Everything in the folder with its length, to see that nothing came or went.
    pub fn listing(&self) -> Vec<(PathBuf, Vec<u8>)> {
        fn walk(folder: &Path, found: &mut Vec<(PathBuf, Vec<u8>)>) {
            for entry in std::fs::read_dir(folder).unwrap() {
                let path = entry.unwrap().path();
                if path.is_dir() {
                    walk(&path, found);
                } else {
                    let bytes = std::fs::read(&path).unwrap();
                    found.push((path, bytes));
                }
            }
        }
        let mut found = Vec::new();
        walk(self.folder(), &mut found);
        found.sort();
        found
    }
}

/// What a restore put back.
#[track_caller]
pub fn back(report: &Report) -> heirloom::report::Restored {
    report.restored.clone().unwrap()
}

/// Whether `doctor` found nothing, but for the fault in WAL mode of the SQLite that the oldest
/// rusqlite of the range brings.
pub fn is_healthy(found: &heirloom::inspect::Diagnosis) -> bool {
    let is_old = rusqlite::version_number() < 3_051_003;
    let mut problems = found.problems.iter();
    problems.all(|problem| is_old && problem.kind == ProblemKind::OldSqlite)
}

/// This test binary once more, playing a part of `parts.rs` in a process of its own.
pub fn part(name: &str, app: &App) -> Command {
    let mut command = Command::new(std::env::current_exe().unwrap());
    command
        .args(["--exact", "support::parts::plays_its_part", "--nocapture"])
        .env("HEIRLOOM_TEST_PART", name)
        .env("HEIRLOOM_TEST_FOLDER", app.folder())
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .stderr(Stdio::piped());
    command
}

/// The part played by somebody who is not root, whoever runs the tests. The folder is
/// given to that user.
#[cfg(unix)]
pub fn as_ordinary_user(name: &str, app: &App) -> Command {
    use std::os::unix::fs::{MetadataExt, chown};
    use std::os::unix::process::CommandExt;
    const NOBODY: u32 = 65534;
    let mut command = part(name, app);
    if app.folder().metadata().unwrap().uid() != 0 {
        return command;
    }
    // The build folder may be closed to others. Copied by a process of its own: a descriptor of
    // ours, open for writing, could be in a child that another test starts at this instant, and
    // then the copy is a "text file busy".
    let own = app.folder().join("test-binary");
    let mut copy = Command::new("cp");
    copy.arg(std::env::current_exe().unwrap()).arg(&own);
    assert!(copy.status().unwrap().success());
    let mut give = vec![app.folder().to_owned()];
    while let Some(path) = give.pop() {
        chown(&path, Some(NOBODY), Some(NOBODY)).unwrap();
        if path.is_dir() {
            give.extend(
                std::fs::read_dir(&path)
                    .unwrap()
                    .map(|entry| entry.unwrap().path()),
            );
        }
    }
    let mut other = Command::new(own);
    other.args(command.get_args());
    for (key, value) in command.get_envs() {
        other.env(key, value.unwrap_or_default());
    }
    other
        .uid(NOBODY)
        .gid(NOBODY)
        .stdout(Stdio::piped())
        .stdin(Stdio::piped());
    command = other;
    command
}

/// A part that has said that it is ready, and goes on when it is told to.
pub struct Holder {
    child: Child,
}

impl Holder {
    pub fn start(mut command: Command) -> Holder {
        let mut child = command.spawn().unwrap();
        let mut said = BufReader::new(child.stdout.as_mut().unwrap());
        let mut all = String::new();
        while !all.ends_with("READY\n") {
            if said.read_line(&mut all).unwrap() == 0 {
                let mut error = String::new();
                let _ = child.stderr.as_mut().unwrap().read_to_string(&mut error);
                panic!("the part ended early: {all}{error}");
            }
        }
        Holder { child }
    }

    pub fn pid(&self) -> u32 {
        self.child.id()
    }

    /// Closes its input, on which it goes on.
    pub fn go_on(&mut self) {
        drop(self.child.stdin.take());
    }

    /// Closes its input, on which it goes on, and waits for its end.
    pub fn release(mut self) -> ExitStatus {
        self.go_on();
        self.child.wait().unwrap()
    }

    /// The same, and what it said of its failure.
    pub fn end(mut self) -> (ExitStatus, String) {
        self.go_on();
        let mut said = String::new();
        let _ = self
            .child
            .stderr
            .as_mut()
            .unwrap()
            .read_to_string(&mut said);
        (self.child.wait().unwrap(), said)
    }

    /// Sends it a signal by its name.
    #[cfg(unix)]
    pub fn signal(&self, name: &str) {
        let sent = Command::new("kill")
            .args(["-s", name, &self.pid().to_string()])
            .status();
        assert!(sent.unwrap().success(), "{name}");
    }
}

impl Drop for Holder {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

/// Kills (SIGKILL) a part so long after it has said that it is ready; one that never says so
/// comes to its end. What it said is the second.
pub fn kill_when_ready(mut command: Command, after: Duration) -> (Output, String) {
    let mut child = command.spawn().unwrap();
    let mut said = BufReader::new(child.stdout.take().unwrap());
    let mut all = String::new();
    while !all.ends_with("READY\n") && said.read_line(&mut all).unwrap() > 0 {}
    if all.ends_with("READY\n") {
        std::thread::sleep(after);
        child.kill().unwrap();
    }
    (child.wait_with_output().unwrap(), all)
}

/// [`contents`] without the history, whose times and durations differ from run to run.
pub fn data(database: &Path) -> Vec<String> {
    let mut lines = contents(database);
    lines.retain(|line| {
        !["heirloom_", "refinery_schema_history"]
            .iter()
            .any(|own| line.contains(own))
    });
    lines
}

/// Every row of every table and the text of every object: what must not change.
pub fn contents(database: &Path) -> Vec<String> {
    let connection = Connection::open(database).unwrap();
    let mut lines = Vec::new();
    let mut objects = connection
        .prepare("SELECT type, name, coalesce(sql, '') FROM sqlite_schema ORDER BY 1, 2")
        .unwrap();
    let objects: Vec<(String, String, String)> = objects
        .query_map([], |row| Ok((row.get(0)?, row.get(1)?, row.get(2)?)))
        .unwrap()
        .map(Result::unwrap)
        .collect();
    for (kind, name, sql) in objects {
        lines.push(format!("{kind} {name} {sql}"));
        if kind != "table" {
            continue;
        }
        let mut rows = connection
            .prepare(&format!("SELECT * FROM \"{}\"", name.replace('"', "\"\"")))
            .unwrap();
        let columns = rows.column_count();
        let mut rows = rows.query([]).unwrap();
        while let Some(row) = rows.next().unwrap() {
            let values: Vec<String> = (0..columns)
                .map(|index| format!("{:?}", row.get_ref(index).unwrap()))
                .collect();
            lines.push(format!("{name}: {}", values.join(", ")));
        }
    }
    lines
}

/// [`contents`] with what a copy row by row would lose: rowids, and what the header says.
pub fn state(database: &Path) -> Vec<String> {
    let mut lines = contents(database);
    let connection = Connection::open(database).unwrap();
    for pragma in ["user_version", "application_id", "page_size"] {
        let sql = format!("PRAGMA {pragma}");
        lines.push(format!("{pragma} {}", number_in(database, &sql)));
    }
    let mut tables = connection
        .prepare("SELECT name FROM sqlite_schema WHERE type = 'table' ORDER BY 1")
        .unwrap();
    let tables: Vec<String> = tables
        .query_map([], |row| row.get(0))
        .unwrap()
        .map(Result::unwrap)
        .collect();
    for table in tables {
        let rowids = format!("SELECT group_concat(rowid) FROM \"{table}\"");
        // A table without rowids has none to lose.
        let found = connection.query_row(&rowids, [], |row| row.get::<_, Option<String>>(0));
        lines.push(format!("rowids of {table}: {found:?}"));
    }
    lines
}

/// Copies a folder's contents over another.
pub fn copy(from: &Path, to: &Path) {
    for entry in std::fs::read_dir(from).unwrap() {
        let entry = entry.unwrap();
        let target = to.join(entry.file_name());
        if entry.path().is_dir() {
            std::fs::create_dir_all(&target).unwrap();
            copy(&entry.path(), &target);
        } else if !entry.file_name().to_string_lossy().ends_with("-shm") {
            // Permissions are nothing that is compared here.
            std::fs::write(target, std::fs::read(entry.path()).unwrap()).unwrap();
        }
    }
}

/// One number from any database.
pub fn number_in(database: &Path, sql: &str) -> i64 {
    let connection = Connection::open(database).unwrap();
    connection
        .query_row(sql, [], |row| row.get(0))
        .unwrap_or_else(|error| panic!("{sql}: {error}"))
}

/// Turns one bit of a file over, as a bad disk would.
pub fn flip(path: &Path, at: u64) {
    let mut file = std::fs::OpenOptions::new()
        .read(true)
        .write(true)
        .open(path)
        .unwrap();
    let mut byte = [0];
    file.seek(SeekFrom::Start(at)).unwrap();
    file.read_exact(&mut byte).unwrap();
    file.seek(SeekFrom::Start(at)).unwrap();
    file.write_all(&[byte[0] ^ 0x10]).unwrap();
}

/// A path with its links resolved, as heirloom shows it: without Windows' verbatim prefix.
pub fn real(path: &Path) -> PathBuf {
    let real = path.canonicalize().unwrap();
    match real.to_str().and_then(|path| path.strip_prefix(r"\\?\")) {
        Some(plain) => plain.into(),
        None => real,
    }
}

/// The variable that says where temporary files go.
pub const TEMPORARY_FOLDER: &str = if cfg!(windows) { "TMP" } else { "TMPDIR" };

/// Whether a process was killed from outside: by SIGKILL, or by `TerminateProcess` with the code
/// that [`Child::kill`] gives it, which is not that of a failed test (101).
pub fn was_killed(status: ExitStatus) -> bool {
    #[cfg(unix)]
    {
        use std::os::unix::process::ExitStatusExt;
        status.signal() == Some(9)
    }
    #[cfg(not(unix))]
    {
        status.code() == Some(1)
    }
}

/// Sets a file's permissions, where the system has such. On Windows a file's rights are those of
/// its folder.
pub fn permit(path: &Path, mode: u32) {
    #[cfg(unix)]
    {
        use std::os::unix::fs::PermissionsExt;
        std::fs::set_permissions(path, std::fs::Permissions::from_mode(mode)).unwrap();
    }
    #[cfg(not(unix))]
    let _ = (path, mode);
}

/// Expects permissions, where the system has such.
#[track_caller]
pub fn assert_mode(path: &Path, mode: u32, what: &str) {
    #[cfg(unix)]
    {
        use std::os::unix::fs::PermissionsExt;
        let found = path.metadata().unwrap().permissions().mode() & 0o777;
        assert_eq!(found, mode, "{} {what}", path.display());
    }
    #[cfg(not(unix))]
    let _ = (path, mode, what);
}

/// Numbers that look random and are the same for the same seed (SplitMix64).
pub struct Random(u64);

impl Random {
    /// Of a seed.
    pub fn of(seed: u64) -> Random {
        Random(seed)
    }

    /// Of `HEIRLOOM_TEST_SEED`, else of a seed that is always the same.
    pub fn from_environment() -> Random {
        let seed = std::env::var("HEIRLOOM_TEST_SEED");
        Random::of(seed.map_or(1, |seed| seed.parse().unwrap()))
    }

    /// Leaves out this many.
    pub fn skip(&mut self, numbers: usize) {
        for _ in 0..numbers {
            self.below(1);
        }
    }

    /// A number from 0 and below `end`.
    pub fn below(&mut self, end: usize) -> usize {
        self.0 = self.0.wrapping_add(0x9e37_79b9_7f4a_7c15);
        let mut mixed = self.0;
        mixed = (mixed ^ (mixed >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        mixed = (mixed ^ (mixed >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        ((mixed ^ (mixed >> 31)) % end.max(1) as u64) as usize
    }
}
