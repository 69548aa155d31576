//! What Windows alone does: files that another program keeps everybody from opening, names that
//! are devices or streams, paths in several spellings.
//!
//! Run under wine by `.ci/windows`. What wine does not do as Windows does (locks that keep readers
//! out, names that stay until the last handle is closed) is tested through the script in
//! `sqlite::disk::os`.

use std::collections::HashSet;
use std::fs::{File, OpenOptions};
use std::io::Write;
use std::os::windows::fs::OpenOptionsExt;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::{Duration, Instant};

use heirloom::{BackupRef, ErrorKind, Migrator};

use crate::support::app::{App, contents};

const TABLE: &str = "CREATE TABLE t (id INTEGER PRIMARY KEY, x); INSERT INTO t VALUES (1, 'a');";

/// What others may do meanwhile, as in the documentation of `CreateFileW`.
const NOTHING: u32 = 0;
const READ: u32 = 1;
const READ_AND_WRITE: u32 = 3;

fn app() -> App {
    let app = App::new();
    app.sql(TABLE).file("V1__a.sql", "CREATE TABLE a (x)");
    app
}

fn hold(path: &Path, sharing: u32) -> std::io::Result<File> {
    OpenOptions::new().read(true).share_mode(sharing).open(path)
}

/// Opens each new file of a folder without sharing, as a virus scanner does, for so long; until it
/// is dropped, where no time is given.
struct Scanner {
    stop: Arc<AtomicBool>,
    thread: Option<std::thread::JoinHandle<usize>>,
}

impl Scanner {
    fn of(folder: PathBuf, holding: Option<Duration>) -> Scanner {
        let list = move || {
            let entries = std::fs::read_dir(&folder).into_iter().flatten();
            entries.flatten().map(|entry| entry.path()).collect()
        };
        Scanner::begin(list, NOTHING, holding)
    }

    /// Of one file, which it shares but for its removal.
    fn of_file(file: PathBuf, holding: Option<Duration>) -> Scanner {
        Scanner::begin(move || vec![file.clone()], READ_AND_WRITE, holding)
    }

    fn begin(
        list: impl Fn() -> Vec<PathBuf> + Send + 'static,
        sharing: u32,
        holding: Option<Duration>,
    ) -> Scanner {
        let stop = Arc::new(AtomicBool::new(false));
        let stopped = stop.clone();
        let thread = std::thread::spawn(move || {
            let (mut seen, mut held) = (HashSet::new(), Vec::new());
            while !stopped.load(Ordering::Relaxed) {
                for path in list() {
                    if seen.contains(&path) {
                        continue;
                    }
                    if let Ok(file) = hold(&path, sharing) {
                        seen.insert(path);
                        held.push((Instant::now(), file));
                    }
                }
                held.retain(|(since, _)| holding.is_none_or(|time| since.elapsed() < time));
                std::thread::sleep(Duration::from_micros(200));
            }
            seen.len()
        });
        Scanner {
            stop,
            thread: Some(thread),
        }
    }

    /// How many files it held.
    fn end(mut self) -> usize {
        self.stop.store(true, Ordering::Relaxed);
        self.thread.take().unwrap().join().unwrap()
    }
}

#[test]
fn a_scanner_that_holds_each_new_file_for_a_moment_delays_a_run_and_no_more() {
    for time in [50, 300] {
        let app = app();
        let holding = Some(Duration::from_millis(time));
        let scanner = Scanner::of(app.folder().join("backups"), holding);
        let report = app.run().unwrap();
        assert!(scanner.end() > 0, "nothing was held");
        assert_eq!(report.version, Some(1));
        assert_eq!(app.backups().len(), 1);
        app.migrator()
            .database(app.database())
            .restore(&BackupRef::Latest)
            .unwrap();
        assert_eq!(app.number("SELECT count(*) FROM t"), 1);
    }
}

/// It made one record after the other, without a pause and without an end.
#[test]
fn a_scanner_that_never_lets_go_ends_a_run_with_the_data_as_it_was() {
    let app = app();
    let before = contents(&app.database());
    let scanner = Scanner::of(app.folder().join("backups"), None);
    let began = Instant::now();
    let error = app.run().unwrap_err();
    assert!(began.elapsed() < Duration::from_secs(60));
    let held = scanner.end();
    assert!((1..20).contains(&held), "{held} files");
    assert!(error.is_busy(), "{error:#}");
    assert!(error.data_state().is_unchanged(), "{error:#}");
    assert_eq!(contents(&app.database()), before);
    // Nobody holds anything now: it is as if nothing had been.
    assert_eq!(app.run().unwrap().version, Some(1));
    let left: Vec<_> = std::fs::read_dir(app.folder().join("backups"))
        .unwrap()
        .map(|entry| entry.unwrap().file_name().into_string().unwrap())
        .collect();
    assert_eq!(left.len(), 2, "a backup and its record: {left:?}");
}

/// SQLite commits by removing the journal, which it cannot while somebody has it open and shares no
/// removal, as most programs do. It tries again for a second, and then takes the change back.
#[test]
fn a_journal_that_is_held_delays_a_commit_or_undoes_it() {
    for holding in [Some(Duration::from_millis(300)), None] {
        for restores in [false, true] {
            // The journal is there for a moment, which may be missed.
            let held = (0..20).any(|_| held_at_the_commit(holding, restores));
            assert!(held, "nothing was held: {holding:?}, {restores}");
        }
    }
}

fn held_at_the_commit(holding: Option<Duration>, restores: bool) -> bool {
    let many = "WITH RECURSIVE n(i) AS (SELECT 2 UNION ALL SELECT i + 1 FROM n LIMIT 30000)
        INSERT INTO t SELECT i, hex(randomblob(20)) FROM n;";
    let app = App::new();
    app.sql(TABLE).file("V1__a.sql", many);
    if restores {
        app.run().unwrap();
    }
    let before = contents(&app.database());
    let database = app.migrator().lock_timeout(Duration::from_secs(1));
    let database = database.database(app.database());
    let journal = app.folder().join("app.db-journal");
    let scanner = Scanner::of_file(journal, holding);
    let done = match restores {
        false => app.migrator().migrate(app.database()).map(drop),
        true => database.restore(&BackupRef::Latest).map(drop),
    };
    if scanner.end() == 0 {
        return false;
    }
    let rows = |app: &App| app.number("SELECT count(*) FROM t");
    match (done, restores) {
        (Ok(()), false) => assert_eq!(rows(&app), 30_001),
        (Ok(()), true) => assert_eq!(rows(&app), 1),
        (Err(error), _) => {
            assert!(holding.is_none(), "{error:#}");
            let journal = "app.db-journal is held by";
            assert!(error.to_string().contains(journal), "{error:#}");
            // Nobody holds anything now: it is as if nothing had been.
            assert_eq!(contents(&app.database()), before, "{error:#}");
            app.run().unwrap();
            assert_eq!(rows(&app), 30_001);
        }
    }
    true
}

/// Windows removes no file that has the attribute, where the file system is old.
#[test]
fn a_backup_that_somebody_made_read_only_is_removed_when_its_time_has_come() {
    let app = app();
    for version in 2..=5 {
        let name = format!("V{version}__v.sql");
        app.file(&name, &format!("CREATE TABLE v{version} (x)"));
        app.migrator().keep_last(2).migrate(app.database()).unwrap();
        for backup in app.backups() {
            let mut permissions = backup.metadata().unwrap().permissions();
            permissions.set_readonly(true);
            std::fs::set_permissions(&backup, permissions).unwrap();
        }
    }
    assert_eq!(app.backups().len(), 2);
}

/// It was "unable to open, check the path", and where reading was shared "read-only".
#[test]
fn a_database_that_is_held_without_sharing_is_waited_for() {
    for sharing in [NOTHING, READ] {
        let app = app();
        app.sql("CREATE TABLE more (x)");
        let before = contents(&app.database());
        let held = hold(&app.database(), sharing).unwrap();
        let impatient = app.migrator().lock_timeout(Duration::from_millis(100));
        let error = impatient.migrate(app.database()).unwrap_err();
        assert_eq!(error.kind(), ErrorKind::Locked, "{sharing}: {error:#}");
        assert!(error.data_state().is_unchanged());
        let freed = std::thread::spawn(move || {
            std::thread::sleep(Duration::from_secs(3));
            drop(held);
        });
        let report = app.run().unwrap();
        freed.join().unwrap();
        assert_eq!(report.version, Some(1), "{sharing}");
        assert!(contents(&app.database()).len() > before.len());
    }
}

#[cfg(feature = "cli")]
#[test]
fn the_command_says_busy_with_its_exit_code_and_does_not_speak_of_the_path() {
    use crate::cli::contract::{heirloom, text};
    for sharing in [NOTHING, READ] {
        let app = app();
        let _held = hold(&app.database(), sharing).unwrap();
        for arguments in [&["run"][..], &["snapshot", "--name", "s"]] {
            let output = heirloom(&app, &[arguments, &["--lock-timeout", "1"]].concat());
            let said = text(&output);
            assert_eq!(output.status.code(), Some(5), "{arguments:?}: {said}");
            assert!(said.contains("held by"), "{said}");
        }
    }
}

#[test]
fn a_second_name_of_a_database_is_refused() {
    let app = app();
    std::fs::hard_link(app.database(), app.folder().join("other.db")).unwrap();
    let error = app.refused(ErrorKind::Io);
    assert!(
        error.to_string().contains("more than one name"),
        "{error:#}"
    );
}

#[test]
fn a_folder_that_windows_would_not_keep_is_refused() {
    for name in ["nul", "con"] {
        let app = app();
        let before = contents(&app.database());
        for folder in [app.folder().join(name), PathBuf::from(name)] {
            let migrator = app.migrator().backups(&folder);
            let error = migrator.migrate(app.database()).unwrap_err();
            assert_eq!(error.kind(), ErrorKind::Usage, "{name}: {error:#}");
            assert!(error.data_state().is_unchanged(), "{name}: {error:#}");
        }
        assert_eq!(contents(&app.database()), before, "{name}");
    }
}

#[test]
fn what_windows_would_not_keep_as_a_name_is_refused_before_anything_is_made() {
    for name in [
        "con", "nul", "aux.db", "COM1", "lpt9.db", "td.db.", "td.db ", "app.db:x", "what?.db",
        "a*b.db", "a|b.db",
    ] {
        let app = app();
        let before = app.listing();
        for path in [app.folder().join(name), PathBuf::from(name)] {
            let error = app.migrator().migrate(&path).unwrap_err();
            assert_eq!(error.kind(), ErrorKind::Usage, "{name}: {error:#}");
            let error = app.migrator().database(&path).status().unwrap_err();
            assert_eq!(error.kind(), ErrorKind::Usage, "{name}: {error:#}");
        }
        assert_eq!(app.listing(), before, "{name}");
    }
}

#[test]
fn odd_characters_in_a_path_are_characters() {
    for name in [
        "with space.db",
        "it's.db",
        "größe 日本.db",
        "a#b.db",
        "100%.db",
        "%41.db",
        "semi;colon",
        "-wal",
        ".hidden",
        "no_ending",
    ] {
        let app = App::new();
        app.file("V1__a.sql", "CREATE TABLE a (x)");
        let folder = app.folder().join(name);
        std::fs::create_dir(&folder).unwrap();
        let path = folder.join(name);
        rusqlite::Connection::open(&path)
            .and_then(|connection| connection.execute_batch(TABLE))
            .unwrap();
        let report = app.migrator().migrate(&path).unwrap();
        assert_eq!(report.database, path);
        assert!(report.backup.unwrap().is_file(), "{name}");
        let status = app.migrator().database(&path).status().unwrap();
        assert_eq!(status.version, Some(1), "{name}");
        app.migrator()
            .database(&path)
            .restore(&BackupRef::Latest)
            .unwrap();
    }
}

/// Paths are shown as people write them, in whatever spelling they come.
#[test]
fn every_spelling_of_a_path_is_the_same_database() {
    let app = app();
    let plain = app.database();
    let text = plain.to_str().unwrap();
    let verbatim = PathBuf::from(format!(r"\\?\{text}"));
    let upper = PathBuf::from(text.to_uppercase());
    let slashes = PathBuf::from(text.replace('\\', "/"));
    let around = app.folder().join("migrations").join("..").join("app.db");
    for path in [verbatim, upper, slashes, around] {
        let status = app.migrator().database(&path).status().unwrap();
        let shown = status.database.to_str().unwrap();
        assert!(!shown.contains(r"\\?\"), "{shown}");
        assert!(shown.eq_ignore_ascii_case(text), "{shown}");
        let report = app.migrator().migrate(&path).unwrap();
        assert_eq!(report.version, Some(1), "{}", path.display());
    }
    assert_eq!(app.backups().len(), 1);
}

/// SQLite on Windows follows a link to a file, and would keep the journal beside the link: whoever opens
/// the file by its own name would not find it.
#[test]
fn a_link_to_a_database_is_opened_as_what_it_leads_to() {
    let app = app();
    let link = app.folder().join("link.db");
    let made = std::os::windows::fs::symlink_file(app.database(), &link);
    if made.is_err() || !link.is_file() {
        let mut terminal = std::io::stderr();
        writeln!(terminal, "SKIPPED a link to a file: not to be had here").unwrap();
        return;
    }
    for _ in 0..2 {
        let report = app.migrator().migrate(&link).unwrap();
        assert_eq!(report.database, app.database());
    }
    assert!(link.is_symlink());
}

#[test]
fn a_path_of_any_length_that_sqlite_takes_works() {
    for length in [200, 246, 250, 259, 261, 400, 800] {
        let app = App::new();
        app.file("V1__a.sql", "CREATE TABLE a (x)");
        let mut folder = app.folder().to_owned();
        let units = |path: &Path| path.to_str().unwrap().encode_utf16().count();
        while units(&folder) + 110 < length {
            folder = folder.join("x".repeat(100));
        }
        std::fs::create_dir_all(&folder).unwrap();
        let path = folder.join("y".repeat(length - units(&folder) - 1));
        assert_eq!(units(&path), length);
        let migrator = app.migrator();
        migrator.migrate(&path).unwrap();
        app.file("V2__b.sql", "CREATE TABLE b (x)");
        let report = migrator.migrate(&path).unwrap();
        assert_eq!(report.version, Some(2), "{length}");
        let backup = report.backup.unwrap();
        assert!(!backup.to_str().unwrap().contains(r"\\?\"), "{length}");
        let database = migrator.database(&path);
        assert_eq!(database.status().unwrap().version, Some(2), "{length}");
        database.restore(&BackupRef::Latest).unwrap();
        assert_eq!(database.status().unwrap().version, Some(1), "{length}");
        for _ in 0..2 {
            assert_eq!(migrator.migrate(&path).unwrap().database, path);
        }
    }
    let long = PathBuf::from(format!(r"Z:\{}", "x\\".repeat(520)));
    let error = Migrator::new("migrations").migrate(&long).unwrap_err();
    assert_eq!(error.kind(), ErrorKind::Usage, "{error:#}");
}

/// The command that is printed where a database is damaged was taken for a glob that finds nothing.
#[cfg(feature = "cli")]
#[test]
fn the_rescue_that_doctor_prints_can_be_typed() {
    use crate::cli::contract::{command, heirloom, text};
    let app = app();
    app.run().unwrap();
    std::fs::remove_file(app.database()).unwrap();
    let said = text(&heirloom(&app, &["doctor"]));
    let (_, printed) = said.split_once("`heirloom ").expect(&said);
    let (printed, _) = printed.split_once('`').expect(&said);
    let words: Vec<&str> = printed.split(' ').chain(["--yes"]).collect();
    let output = command(&app, &words).output().unwrap();
    assert!(output.status.success(), "{printed}: {}", text(&output));
    assert_eq!(app.number("SELECT count(*) FROM t"), 1);
}
