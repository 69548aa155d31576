//! Calls of the system that somebody else's open file can make fail.
//!
//! On Windows a file that another program has open without sharing can be neither opened, renamed
//! nor removed (`ERROR_SHARING_VIOLATION`, `ERROR_LOCK_VIOLATION`: "System Error Codes"), and a
//! name whose file is being deleted answers "access denied" until its last handle is closed
//! (`DeleteFileW`, remarks). Virus scanners, indexers and sync clients open every new file for a
//! moment, so such a call is tried again, for a bounded time, before it counts as failed. A rename
//! over a held file is "access denied" too, and so is what this user may not do: there the
//! refusal comes a little later.
//!
//! In the tests a script answers in the system's place, as Microsoft documents it: wine's locks
//! are advisory, and it knows no file that is being deleted.

use std::io;
use std::path::Path;
use std::time::{Duration, Instant};

/// What is asked of the system.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Call {
    /// Opening or making a file.
    Open,
    /// Giving a file a name that must be free.
    Claim,
    /// Giving a file a name, in the place of another.
    Rename,
    /// Removing a file or a folder.
    Remove,
    /// Whether a database can be opened.
    Probe,
    /// Taking the lock of a file.
    Lock,
    /// Having the disk take what was written.
    Sync,
}

const ACCESS_DENIED: i32 = 5;
const SHARING_VIOLATION: i32 = 32;
const LOCK_VIOLATION: i32 = 33;

/// How long a call is tried again: scanners hold a file for milliseconds, the slow ones for a
/// second.
const PATIENCE: Duration = match cfg!(test) {
    true => Duration::from_millis(40),
    false => Duration::from_millis(2_500),
};

/// Asks the system, and again while another program holds what it is about.
///
/// # Errors
///
/// The last answer.
pub(crate) fn patiently<T>(
    call: Call,
    path: &Path,
    ask: impl Fn() -> io::Result<T>,
) -> io::Result<T> {
    let deadline = Instant::now() + PATIENCE;
    let mut pause = Duration::from_millis(2);
    loop {
        match once(call, path, &ask) {
            Err(error) if may_pass(&error) && Instant::now() < deadline => {
                std::thread::sleep(pause);
                pause = (pause * 2).min(Duration::from_millis(100));
            }
            answer => return answer,
        }
    }
}

/// Asks the system once.
///
/// # Errors
///
/// Its answer.
pub(crate) fn once<T>(call: Call, path: &Path, ask: impl Fn() -> io::Result<T>) -> io::Result<T> {
    #[cfg(test)]
    if let Some(code) = script::answer(call, path) {
        return Err(io::Error::from_raw_os_error(code));
    }
    let _ = (call, path);
    ask()
}

/// Whether another program has the file open in a way that keeps everybody out.
pub(crate) fn is_held(error: &io::Error) -> bool {
    speaks_windows()
        && matches!(
            error.raw_os_error(),
            Some(SHARING_VIOLATION | LOCK_VIOLATION)
        )
}

fn may_pass(error: &io::Error) -> bool {
    is_held(error) || (speaks_windows() && error.raw_os_error() == Some(ACCESS_DENIED))
}

/// Whether the system's numbers are those of Windows. On Unix 5 is a disk that fails.
fn speaks_windows() -> bool {
    #[cfg(test)]
    if script::is_set() {
        return true;
    }
    cfg!(windows)
}

/// Answers in the system's place, for the files below a folder.
#[cfg(test)]
pub(crate) mod script {
    use std::path::{Path, PathBuf};
    use std::sync::Mutex;

    use super::Call;

    static SCRIPTS: Mutex<Vec<Script>> = Mutex::new(Vec::new());

    struct Script {
        folder: PathBuf,
        call: Call,
        /// Calls of this kind that the system still answers itself.
        let_through: usize,
        /// Calls that are refused after those.
        refused: usize,
        code: i32,
        asked: usize,
    }

    /// In force until it is dropped.
    pub(crate) struct Guard(PathBuf);

    /// Refuses `refused` calls after `let_through` with a code of Windows.
    pub(crate) fn refuse(
        folder: &Path,
        call: Call,
        let_through: usize,
        refused: usize,
        code: i32,
    ) -> Guard {
        SCRIPTS.lock().unwrap().push(Script {
            folder: folder.to_owned(),
            call,
            let_through,
            refused,
            code,
            asked: 0,
        });
        Guard(folder.to_owned())
    }

    impl Guard {
        /// How many calls of the kind there were.
        pub(crate) fn asked(&self) -> usize {
            let scripts = SCRIPTS.lock().unwrap();
            let own = scripts.iter().find(|script| script.folder == self.0);
            own.map_or(0, |script| script.asked)
        }
    }

    impl Drop for Guard {
        fn drop(&mut self) {
            SCRIPTS
                .lock()
                .unwrap()
                .retain(|script| script.folder != self.0);
        }
    }

    pub(super) fn is_set() -> bool {
        !SCRIPTS.lock().unwrap().is_empty()
    }

    pub(super) fn answer(call: Call, path: &Path) -> Option<i32> {
        let mut scripts = SCRIPTS.lock().unwrap();
        let script = scripts
            .iter_mut()
            .find(|script| script.call == call && path.starts_with(&script.folder))?;
        script.asked += 1;
        let number = script.asked - 1;
        let refused = number >= script.let_through && number - script.let_through < script.refused;
        refused.then_some(script.code)
    }
}

#[cfg(test)]
mod tests {
    use std::path::PathBuf;

    use rusqlite::Connection;

    use super::*;
    use crate::defaults::DEFAULT_KEEP;
    use crate::sqlite::disk::files::{self, Claim};
    use crate::sqlite::disk::path;
    use crate::{BackupRef, ErrorKind, Migrator};

    const FOR_EVER: usize = usize::MAX;

    /// A folder with a database at version 1, its backups, and a second migration.
    struct App(tempfile::TempDir);

    impl App {
        fn new() -> App {
            // In memory where the machine has that: there are hundreds of them.
            let folder = tempfile::tempdir_in("/dev/shm").or_else(|_| tempfile::tempdir());
            let app = App(folder.unwrap());
            let sql = "CREATE TABLE t (x); INSERT INTO t VALUES ('kept')";
            let connection = Connection::open(app.database()).unwrap();
            connection.execute_batch(sql).unwrap();
            std::fs::create_dir(app.at("migrations")).unwrap();
            app.migration(1);
            app.migrator(DEFAULT_KEEP).migrate(app.database()).unwrap();
            app.migration(2);
            app
        }

        fn at(&self, name: &str) -> PathBuf {
            path::canonicalize(self.0.path()).unwrap().join(name)
        }

        fn database(&self) -> PathBuf {
            self.at("notes.db")
        }

        fn migration(&self, version: u32) {
            let file = self.at("migrations").join(format!("V{version}__n.sql"));
            std::fs::write(file, format!("CREATE TABLE t{version} (x)")).unwrap();
        }

        fn migrator(&self, keep: usize) -> Migrator<'static> {
            Migrator::new(self.at("migrations"))
                .keep_last(keep)
                .lock_timeout(Duration::from_millis(50))
        }

        fn tables(&self) -> Vec<String> {
            let connection = Connection::open(self.database()).unwrap();
            let sql = "SELECT name FROM sqlite_schema WHERE name LIKE 't%' ORDER BY 1";
            let mut statement = connection.prepare(sql).unwrap();
            let rows = statement.query_map([], |row| row.get(0)).unwrap();
            rows.map(Result::unwrap).collect()
        }

        /// Everything in the backups folder.
        fn beside(&self) -> Vec<String> {
            let mut files = files::files_in(&self.at("backups")).unwrap();
            files.sort();
            files
        }
    }

    /// The hard link was made, the old name could not be removed, and that was taken for "the name
    /// is taken": the next number, and so on without an end, a record each.
    #[test]
    fn a_file_that_is_held_for_ever_ends_a_claim_and_leaves_no_records() {
        for code in [ACCESS_DENIED, SHARING_VIOLATION, LOCK_VIOLATION] {
            let app = App::new();
            let before = app.beside();
            let script = script::refuse(&app.at("backups"), Call::Claim, 0, FOR_EVER, code);
            let began = Instant::now();
            let error = app.migrator(5).migrate(app.database()).unwrap_err();
            assert!(began.elapsed() < Duration::from_secs(20));
            assert!(script.asked() < 1000, "{}", script.asked());
            drop(script);
            let held = code != ACCESS_DENIED;
            assert_eq!(error.is_busy(), held, "{error:#}");
            assert!(error.data_state().is_unchanged(), "{error:#}");
            assert_eq!(app.tables(), ["t", "t1"]);
            assert_eq!(app.beside(), before);
        }
    }

    #[test]
    fn of_two_that_want_a_name_the_second_is_told_and_nothing_is_replaced() {
        let folder = tempfile::tempdir().unwrap();
        let at = |name: &str| folder.path().join(name);
        for name in ["one", "two"] {
            std::fs::write(at(name), name).unwrap();
        }
        assert_eq!(files::claim(&at("one"), &at("name")).unwrap(), Claim::Ours);
        assert_eq!(files::claim(&at("two"), &at("name")).unwrap(), Claim::Taken);
        assert_eq!(std::fs::read(at("name")).unwrap(), b"one");
        assert_eq!(std::fs::read(at("two")).unwrap(), b"two");
        assert!(!at("one").exists());
    }

    /// Every call of each kind, refused once and refused for ever, in a run, a restore and the
    /// removal of old backups.
    #[test]
    fn whichever_call_is_refused_the_data_is_old_or_new_and_nothing_is_left() {
        type Act = fn(&App) -> Result<(), crate::Error>;
        let run: Act = |app| app.migrator(1).migrate(app.database()).map(drop);
        let restore: Act = |app| {
            let restored = app
                .migrator(1)
                .database(app.database())
                .restore(&BackupRef::Latest);
            restored.map(drop)
        };
        let mut refused = 0;
        for (act, new) in [(run, vec!["t", "t1", "t2"]), (restore, vec!["t"])] {
            for call in [Call::Open, Call::Claim, Call::Rename, Call::Remove] {
                for number in 0..100 {
                    let code = [SHARING_VIOLATION, ACCESS_DENIED, LOCK_VIOLATION][number % 3];
                    let mut asked = 0;
                    for times in [1, FOR_EVER] {
                        let app = App::new();
                        let script = script::refuse(&app.at(""), call, number, times, code);
                        let done = act(&app);
                        asked = script.asked();
                        drop(script);
                        let what = format!("{call:?} {code} at {number}, {times} times");
                        match done {
                            Ok(()) => assert_eq!(app.tables(), new, "{what}"),
                            Err(error) => {
                                assert_eq!(times, FOR_EVER, "{what}: {error:#}");
                                refused += 1;
                                let old = error.data_state().is_unchanged();
                                let expected = match old {
                                    true => vec!["t", "t1"],
                                    false => new.clone(),
                                };
                                assert_eq!(app.tables(), expected, "{what}: {error:#}");
                                assert!(error.help().is_some(), "{what}");
                            }
                        }
                        // The next start goes on as if nothing had been.
                        app.migrator(1).migrate(app.database()).unwrap();
                        assert_eq!(app.tables(), ["t", "t1", "t2"], "{what}");
                        let mut left = app.beside().into_iter();
                        assert_eq!(left.find(|name| name.ends_with(".partial")), None, "{what}");
                    }
                    if asked <= number {
                        break;
                    }
                }
            }
        }
        assert!(refused > 20, "{refused}");
    }

    /// The lock that SQLite takes is the process's, and closing any descriptor of the file drops it.
    #[cfg(target_os = "linux")]
    #[test]
    fn without_flock_a_thread_keeps_the_others_out_and_none_of_them_drops_its_lock() {
        use std::os::unix::fs::MetadataExt;

        use rustix::io::Errno;

        use crate::sqlite::disk::lock::{self, Lock};
        for errno in [Errno::NOSYS, Errno::NOTSUP, Errno::NOLCK] {
            let app = App::new();
            let code = errno.raw_os_error();
            let _script = script::refuse(&app.at(""), Call::Lock, 0, FOR_EVER, code);
            let acquire = || {
                let brief = Duration::from_millis(20);
                Lock::acquire(&app.database(), brief, "a test", |_| (), || false)
            };
            let inode = lock::path_for(&app.database()).metadata().unwrap().ino();
            let of_this_process = || {
                let locks = std::fs::read_to_string("/proc/locks").unwrap();
                let (pid, inode) = (std::process::id().to_string(), format!(":{inode}"));
                locks.lines().any(|line| {
                    let words: Vec<&str> = line.split_whitespace().collect();
                    words[1] == "POSIX" && words[4] == pid && words[5].ends_with(&inode)
                })
            };
            let first = acquire().unwrap();
            assert!(of_this_process(), "{errno}");
            for _ in 0..3 {
                let refused = acquire().unwrap_err();
                assert_eq!(refused.kind(), ErrorKind::Locked, "{errno}: {refused:#}");
                let holder = lock::held_by(&app.database()).unwrap();
                assert!(holder.contains("(a test)"), "{holder}");
                assert!(of_this_process(), "{errno}");
            }
            let error = app.migrator(5).migrate(app.database()).unwrap_err();
            assert!(error.is_busy(), "{error:#}");
            assert_eq!(app.tables(), ["t", "t1"]);
            drop(first);
            assert!(!of_this_process(), "{errno}");
            assert_eq!(lock::held_by(&app.database()), None);
            // Several at once: each has it in its turn.
            std::thread::scope(|threads| {
                for _ in 0..8 {
                    threads.spawn(|| {
                        let patient = Duration::from_secs(20);
                        let own =
                            Lock::acquire(&app.database(), patient, "a test", |_| (), || false);
                        let own = own.unwrap();
                        assert!(of_this_process(), "{errno}");
                        drop(own);
                    });
                }
            });
            app.migrator(5).migrate(app.database()).unwrap();
            assert_eq!(app.tables(), ["t", "t1", "t2"]);
        }
    }

    /// On macOS the strong sync is refused by network shares and FUSE, and every backup failed there.
    #[cfg(unix)]
    #[test]
    fn a_disk_that_does_not_know_the_strong_sync_gets_the_other_one() {
        use rustix::io::Errno;
        for (errno, works) in [
            (Errno::NOTSUP, true),
            (Errno::INVAL, true),
            (Errno::IO, false),
        ] {
            let app = App::new();
            let code = errno.raw_os_error();
            let script = script::refuse(&app.at(""), Call::Sync, 0, FOR_EVER, code);
            let done = app.migrator(5).migrate(app.database());
            assert!(script.asked() > 0, "{errno}");
            drop(script);
            assert_eq!(done.is_ok(), works, "{errno}: {done:?}");
            let tables: &[&str] = match works {
                true => &["t", "t1", "t2"],
                false => &["t", "t1"],
            };
            assert_eq!(app.tables(), tables, "{errno}");
        }
    }

    /// SQLite says "unable to open", and of a file that is shared for reading alone nothing at all.
    #[test]
    fn a_database_that_is_held_without_sharing_is_busy() {
        let app = App::new();
        let missing = app.at("nowhere").join("x.db");
        for held in ["x.db", "x.db-wal", "x.db-journal"] {
            let file = missing.with_file_name(held);
            let _script = script::refuse(&file, Call::Probe, 0, FOR_EVER, SHARING_VIOLATION);
            let error = crate::sqlite::open::writer(&missing).unwrap_err();
            assert_eq!(error.kind(), ErrorKind::Locked, "{error:#}");
            assert!(error.to_string().contains(held), "{error:#}");
        }
        // Without a holder it is a path that is wrong.
        let error = crate::sqlite::open::writer(&missing).unwrap_err();
        assert_eq!(error.kind(), ErrorKind::Io, "{error:#}");
    }
}
