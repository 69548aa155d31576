//! A database opened for work: locked, put right, and inside a transaction.

use std::cell::Cell;
use std::path::{Path, PathBuf};
use std::time::{Duration, Instant};

use rusqlite::Connection;

use crate::backup::intent::Intent;
use crate::backup::log_file;
use crate::backup::metadata::BackupKind;
use crate::backup::of_database::{
    self, WITHOUT_BACKUP, backup_of, can_be_put_back, point_to_copies, stores, take_copy,
};
use crate::backup::put_back::{self, PutBackState};
use crate::backup::store::{BackupName, Store};
use crate::migration::history::backfills;
use crate::migration::history::marker::{self, Marker};
use crate::options::settings::Options;
use crate::report::error::{DataState, Error, ErrorKind};
use crate::report::event::Event;
use crate::report::outcome::{Recovered, Report};
use crate::report::remedy::Remedy;
use crate::run::engine::early::watched;
use crate::run::engine::leftovers::{clean_up, keep_written_since};
use crate::run::engine::wait::{COMMIT, SLICE, lock, open_patiently, patiently};
use crate::sqlite::background::stop_where;
use crate::sqlite::disk::files;
use crate::sqlite::disk::lock::Lock;
use crate::sqlite::execute;
use crate::sqlite::open::{self, Target};
use crate::sqlite::schema::catalog;
use crate::sqlite::view::View;

/// Threads that help to sort the entries of an index. They call its collations, so there are
/// none where an app may have registered one: such a function need not bear two callers.
const SORTERS: u32 = 2;

/// Bytes of a write-ahead log from which on a backfill waits for those who read it.
const LARGE_LOG: u64 = 64 << 20;

/// Settings of the connection that a migration may change, or that a run must. They are
/// put back to what the app's connection had: ROLLBACK does not do it.
const PRAGMAS: &[&str] = &[
    "foreign_keys",
    "synchronous",
    "fullfsync",
    "checkpoint_fullfsync",
    "legacy_alter_table",
    "ignore_check_constraints",
    "recursive_triggers",
    "writable_schema",
    "busy_timeout",
    "threads",
];

/// What a session works on.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Stage {
    /// Somebody's database: copied before the first change, put back when anything fails.
    Live,
    /// A copy of it that is thrown away: not copied again, not put back, and no other copy is
    /// tidied up or thinned out for its sake.
    Rehearsal,
}

/// The largest that the files of a database were, in bytes.
#[derive(Debug, Default, Clone, Copy)]
struct Largest {
    database: u64,
    log: u64,
    journal: u64,
}

/// A database under the process lock, with its connection set up for a run.
pub(crate) struct Session<'o, 's> {
    pub(crate) options: &'o Options<'s>,
    pub(crate) target: Target,
    pub(crate) connection: Connection,
    pub(crate) recovered: Option<Recovered>,
    /// What somebody should know of how it began, in sentences.
    pub(crate) notes: Vec<String>,
    pub(crate) started: Instant,
    pub(crate) stage: Stage,
    largest: Cell<Largest>,
    /// Whether statistics of ANALYZE were written that the connection has not read.
    pub(crate) new_statistics: bool,
    /// Whether rows were counted, in the place of an update hook that the app may have set up.
    pub(crate) counted_rows: bool,
    /// Whether this session made the file.
    created: bool,
    pragmas: Vec<(&'static str, i64)>,
    /// What `last_insert_rowid()` answers after the app's set-up.
    pub(crate) last_rowid: i64,
    /// `memory` or `off`, where the app's set-up chose it.
    app_journal_mode: Option<String>,
    /// The state before, where no backup of this run holds it.
    pub(crate) before: Option<View>,
    /// None between the batches of a backfill.
    lock: Option<Lock>,
    /// Which file it was when the write lock was taken, where the system tells.
    file: Option<(u64, u64)>,
    /// The same of the write-ahead log, at the beginning of the transaction.
    log: Cell<Option<(u64, u64)>>,
}

impl<'o, 's> Session<'o, 's> {
    /// Locks, opens, puts an interrupted run back, and begins a transaction with the write
    /// lock held. Nothing read before that decides anything.
    pub(crate) fn begin(
        options: &'o Options<'s>,
        target: Target,
        stage: Stage,
        started: Instant,
    ) -> Result<Session<'o, 's>, Error> {
        Session::begin_over(options, target, stage, started, |_| Ok(()))
    }

    /// The same where what is there may be refused, before anything of it changes: it is left as
    /// it is, with a write-ahead log that may be another database's.
    pub(crate) fn begin_over(
        options: &'o Options<'s>,
        mut target: Target,
        stage: Stage,
        started: Instant,
        refuse_what_is_there: impl Fn(&Session<'o, 's>) -> Result<(), Error>,
    ) -> Result<Session<'o, 's>, Error> {
        let path = target.path.clone();
        target.refuse_hard_link()?;
        let refuse = |target: &Target| {
            if files::is_there(&Intent::path_for(&path))? {
                return Ok(());
            }
            target.refuse_too_short()?;
            of_database::refuse_orphan(options, &path)
        };
        refuse(&target)?;
        if target.metadata.is_none()
            && let Some(folder) = path.parent()
        {
            files::create_folders(folder)?;
        }
        let lock = lock(options, &path)?;
        // While we waited, somebody may have made it.
        target = open::resolve(&path)?;
        refuse(&target)?;
        let created = target.metadata.is_none();
        let connection = open_patiently(options, &path)?;
        let mut session = Session {
            options,
            target,
            connection,
            recovered: None,
            notes: Vec::new(),
            started,
            stage,
            largest: Cell::default(),
            new_statistics: false,
            counted_rows: false,
            created,
            pragmas: Vec::new(),
            last_rowid: 0,
            app_journal_mode: None,
            before: None,
            lock: Some(lock),
            file: None,
            log: Cell::default(),
        };
        let prepared = session.prepare(&refuse_what_is_there);
        match prepared {
            Ok(()) => Ok(session),
            Err(error) => {
                session.abandon();
                Err(point_to_copies(options, &path, error))
            }
        }
    }

    fn prepare(
        &mut self,
        refuse_what_is_there: impl Fn(&Session<'o, 's>) -> Result<(), Error>,
    ) -> Result<(), Error> {
        open::checkpoint_on_close(&self.connection, false)?;
        if self.stage == Stage::Live {
            clean_up(self.options, &self.target.path)?;
        }
        self.finish_restore()?;
        self.patiently("PRAGMA schema_version")?;
        open::refuse_read_only(&self.connection, &self.target.path)?;
        self.options.set_up(&self.connection)?;
        self.refuse_exclusive()?;
        if !self.connection.is_autocommit() {
            return Err(Error::new(
                ErrorKind::Io,
                "the app's connection set-up left a transaction open",
            )
            .with_help("commit in the connection set-up what it begins"));
        }
        self.last_rowid = self.connection.last_insert_rowid();
        self.journal_on_disk()?;
        for &pragma in PRAGMAS {
            let before = catalog::number(&self.connection, &format!("PRAGMA {pragma}"))?;
            self.pragmas.push((pragma, before));
        }
        self.foreign_keys_off()?;
        open::sync_everything(&self.connection)?;
        if !self.options.has_apps_code() {
            self.set(&format!("PRAGMA threads = {SORTERS}"))?;
        }
        self.watch_for_cancel(true)?;
        self.recover()?;
        refuse_what_is_there(self)?;
        open::checkpoint_on_close(&self.connection, true)?;
        if catalog::word(&self.connection, "PRAGMA journal_mode")? == "wal" {
            let log = ["the write-ahead log".to_owned()];
            watched(self.options, &self.connection, &log, |_| self.checkpoint())?;
        }
        self.lock_for_writing()?;
        self.file = files::identity(&self.target.path);
        Ok(())
    }

    /// Refuses to go on in a file that has lost its name: what is written to it nobody would find.
    pub(crate) fn refuse_moved(&self) -> Result<(), Error> {
        let path = &self.target.path;
        // A disk that does not answer says nothing of the name.
        let there = files::identity(path);
        if self.file.is_none()
            || there == self.file
            || (there.is_none() && files::is_there(path).is_err())
        {
            return self.refuse_lost_log();
        }
        Err(Error::new(
            ErrorKind::Io,
            format!(
                "{} was moved, removed or replaced during the work",
                path.display()
            ),
        )
        .with_help("put the file back where it was, if it was moved, and try again"))
    }

    /// Refuses to commit where the log of the transaction is not in its place. A second SQLite
    /// library in this process does not see the locks: it takes a rollback journal for one that a
    /// crash left, and plays it back; a write-ahead log it removes when it closes the file. What is
    /// committed then is lost, or a part of it is. Rolled back, everything is as it was.
    fn refuse_lost_log(&self) -> Result<(), Error> {
        if !cfg!(unix) || self.connection.is_autocommit() {
            return Ok(());
        }
        let companion = |ending| files::companion(&self.target.path, ending);
        let mode = catalog::word(&self.connection, "PRAGMA journal_mode")?;
        let lost = match (mode.as_str(), self.log.get()) {
            ("wal", Some(log)) => {
                let log_now = companion("-wal");
                let there = files::identity(&log_now);
                let is_lost =
                    there != Some(log) && (there.is_some() || files::is_there(&log_now).is_ok());
                is_lost.then_some(log_now)
            }
            ("delete" | "truncate" | "persist", None) if self.begin_journal()? => {
                let journal = companion("-journal");
                let is_lost = matches!(files::is_there(&journal), Ok(false))
                    || matches!(files::length(&journal), Ok(0));
                is_lost.then_some(journal)
            }
            _ => None,
        };
        let Some(log) = lost else {
            return Ok(());
        };
        Err(Error::new(
            ErrorKind::Io,
            format!("{} was removed during the work", log.display()),
        )
        .with_help("let no other SQLite library of this process open the database meanwhile, and nobody remove this file; then try again"))
    }

    /// Begins the journal, where nothing was written so far. False where SQLite is built for file systems
    /// that write a whole transaction at once.
    fn begin_journal(&self) -> Result<bool, Error> {
        const ATOMIC: &str = "SELECT count(*) FROM pragma_compile_options WHERE compile_options LIKE 'ENABLE%ATOMIC\\_WRITE' ESCAPE '\\'";
        let number = |sql| catalog::number(&self.connection, sql);
        // Written whatever it was before.
        let version = number("PRAGMA user_version")?;
        self.set(&format!("PRAGMA user_version = {version}"))?;
        Ok(number(ATOMIC)? == 0)
    }

    /// The backup and the proof read through connections of their own, which one that keeps the
    /// file to itself locks out in WAL mode.
    fn refuse_exclusive(&self) -> Result<(), Error> {
        let word = |pragma: &str| catalog::word(&self.connection, &format!("PRAGMA {pragma}"));
        if word("locking_mode")? != "exclusive" || word("journal_mode")? != "wal" {
            return Ok(());
        }
        Err(Error::usage(
            "the connection set-up keeps the database to itself (PRAGMA locking_mode = EXCLUSIVE), and in WAL mode the backup could not be read through a second connection",
            "set it on the connection that `Migrator::open` returns, and not in the connection set-up",
        ))
    }

    /// A journal in memory, or none, would not survive a kill. The app's own choice comes
    /// back at the end.
    fn journal_on_disk(&mut self) -> Result<(), Error> {
        let mode = catalog::word(&self.connection, "PRAGMA journal_mode")?;
        if matches!(mode.as_str(), "memory" | "off") {
            catalog::word(&self.connection, "PRAGMA journal_mode = DELETE")?;
            self.app_journal_mode = Some(mode);
        }
        Ok(())
    }

    fn set(&self, sql: &str) -> Result<(), Error> {
        self.connection
            .execute_batch(sql)
            .map_err(|error| execute::failure(format!("cannot run `{sql}`"), error))
    }

    /// Step 1 of SQLite's procedure (see `apply`): foreign keys off, and read back. Inside a
    /// transaction the pragma does nothing and says nothing, and DROP TABLE would delete the
    /// children.
    pub(crate) fn foreign_keys_off(&self) -> Result<(), Error> {
        self.set("PRAGMA foreign_keys = OFF")?;
        if catalog::number(&self.connection, "PRAGMA foreign_keys")? != 0 {
            return Err(
                Error::new(ErrorKind::Io, "foreign keys cannot be switched off")
                    .with_help("switch them off in the connection set-up"),
            );
        }
        Ok(())
    }

    /// On, and read back: what a backfill writes keeps the references.
    pub(crate) fn foreign_keys_on(&self) -> Result<(), Error> {
        self.set("PRAGMA foreign_keys = ON")?;
        match catalog::number(&self.connection, "PRAGMA foreign_keys")? {
            0 => Err(
                Error::new(ErrorKind::Io, "foreign keys cannot be switched on")
                    .with_help("use an SQLite that has them"),
            ),
            _ => Ok(()),
        }
    }

    pub(crate) fn watch_for_cancel(&mut self, on: bool) -> Result<(), Error> {
        // A handler of the app's own stays where there is nothing to watch for.
        let Some(flag) = self.options.cancel.clone() else {
            return Ok(());
        };
        let handler = on.then_some(move || flag.load(std::sync::atomic::Ordering::Relaxed));
        stop_where(&mut self.connection, handler)
    }

    /// Moves the write-ahead log into the file, so that the file alone can be copied. Where
    /// somebody reads or writes that does not go, and is not needed.
    fn checkpoint(&self) -> Result<(), Error> {
        // Not worth waiting for: the backup API copies what is left in the log.
        open::patience(&self.connection, Duration::ZERO)?;
        let moved = self
            .connection
            .query_row("PRAGMA wal_checkpoint(TRUNCATE)", [], |row| {
                row.get::<_, i64>(0)
            });
        log::debug!("checkpoint before the backup: {moved:?}");
        open::patience(&self.connection, self.options.lock_timeout)
    }

    /// Step 2 of SQLite's procedure: the transaction, with the write lock taken at once.
    pub(crate) fn lock_for_writing(&self) -> Result<(), Error> {
        self.patiently("BEGIN IMMEDIATE")?;
        let log = files::companion(&self.target.path, "-wal");
        self.log.set(files::identity(&log));
        Ok(())
    }

    /// Lets others in between two batches of a backfill: runs, which take the process lock, and
    /// whoever writes.
    pub(crate) fn let_others_in(&mut self) -> Result<(), Error> {
        self.watch_for_cancel(false)?;
        if !self.connection.is_autocommit() {
            self.set("ROLLBACK")?;
        }
        self.lock = None;
        Ok(())
    }

    /// Takes both locks again for the next batch.
    pub(crate) fn come_back(&mut self) -> Result<(), Error> {
        self.lock = Some(lock(self.options, &self.target.path)?);
        self.lock_for_writing()?;
        self.watch_for_cancel(true)
    }

    /// Commits. Where that fails the transaction may still be open.
    pub(crate) fn commit(&mut self) -> Result<(), Error> {
        self.watch_for_cancel(false)?;
        self.refuse_moved()?;
        self.patiently(COMMIT)?;
        let moved = self.refuse_moved();
        moved.map_err(|error| error.with_data(DataState::Committed))
    }

    /// Keeps the write-ahead log from growing: moves it into the file as far as nobody reads it,
    /// and where it is large waits for those who do. (A log that is moved whole is written from
    /// its beginning again.)
    pub(crate) fn bound_log(&self) -> Result<(), Error> {
        let path = &self.target.path;
        let log = files::companion(path, "-wal");
        let is_busy = |mode: &str, patience| {
            open::patience(&self.connection, patience)?;
            catalog::number(&self.connection, &format!("PRAGMA wal_checkpoint({mode})"))
        };
        if files::length(&log)? <= LARGE_LOG {
            let passed = is_busy("PASSIVE", Duration::ZERO);
            log::debug!("checkpoint: {passed:?}");
            return open::patience(&self.connection, self.options.lock_timeout);
        }
        let (timeout, mut told) = (self.options.lock_timeout, false);
        let deadline = Instant::now() + timeout;
        // In slices, because who waits for readers there keeps writers out.
        while is_busy("TRUNCATE", SLICE.min(timeout))? != 0 {
            self.options.check_cancelled()?;
            if Instant::now() >= deadline {
                return Err(Error::new(
                    ErrorKind::Locked,
                    format!(
                        "another connection keeps reading an old state, so that the write-ahead log of {} would grow without end; waited {:.1} s",
                        path.display(),
                        timeout.as_secs_f64()
                    ),
                )
                .with_help("end the long read"));
            }
            if !std::mem::replace(&mut told, true) {
                let holder = "a reader of an old state";
                self.options.emit(Event::Waiting { holder });
            }
            std::thread::sleep(SLICE);
        }
        open::patience(&self.connection, timeout)
    }

    fn patiently(&self, sql: &str) -> Result<(), Error> {
        patiently(self.options, &self.connection, &self.target.path, sql)
    }

    /// Puts back a run that was interrupted between two commits. Only under the process
    /// lock, which a living run would hold.
    fn recover(&mut self) -> Result<(), Error> {
        let Some(marker) = marker::read_marker(&self.connection)? else {
            return Ok(());
        };
        let path = backup_of(self.options, &self.target.path, &marker);
        if self.options.keep_interrupted && !can_be_put_back(&marker, path.as_deref()) {
            return self.keep_interrupted(&marker);
        }
        if marker.backup.is_some() && (path.is_none() || marker.digest.is_none()) {
            return Err(Error::new(
                ErrorKind::NeedsAttention,
                "the marker of an interrupted run names no backup of ours",
            )
            .needing_attention(None)
            .with_help(WITHOUT_BACKUP)
            .with_remedy(Remedy::KeepInterrupted));
        }
        self.options.emit(Event::Recovering {
            backup: path.as_deref(),
        });
        log::warn!("putting back the interrupted run of {}", marker.started_at);
        let replaced = self.put_back(&marker, path.as_deref()).map_err(|error| {
            if put_back::is_back(&error) {
                return error.with_data(DataState::put_back(path.clone()));
            }
            let good_copy = path.clone().filter(|path| {
                let digest = marker.digest.as_deref().unwrap_or_default();
                put_back::may_be_good(path, digest)
            });
            let help = match &path {
                Some(path) => format!(
                    "the run of {} was interrupted, and its backup {} (BLAKE3 digest {}) cannot be used: {WITHOUT_BACKUP}",
                    marker.started_at,
                    path.display(),
                    marker.digest.as_deref().unwrap_or("unknown"),
                ),
                None => format!("the run of {} was interrupted", marker.started_at),
            };
            if error.is_busy() || error.is_interrupted() {
                return error;
            }
            error
                .needing_attention(good_copy)
                .with_other_help(
                    help,
                    vec![Remedy::KeepInterrupted, Remedy::ListBackups { verify: true }],
                )
        })?;
        self.recovered = Some(Recovered {
            started_at: marker.started_at,
            backup: path,
            replaced,
        });
        Ok(())
    }

    /// Ends an interrupted run as it is, because somebody said so: what it had committed stays. What
    /// is there is backed up, and the marker removed.
    fn keep_interrupted(&mut self, marker: &Marker) -> Result<(), Error> {
        let kept = self.keep_replaced()?;
        self.lock_for_writing()?;
        marker::clear_marker(&self.connection)?;
        self.commit()?;
        self.watch_for_cancel(true)?;
        let kept = kept.map_or(String::new(), |kept| {
            format!(", backed up as {}", kept.display())
        });
        let note = format!(
            "what the interrupted run of {} left was kept{kept}",
            marker.started_at
        );
        log::warn!("{note}");
        self.notes.push(note);
        Ok(())
    }

    /// Ends a restore that was interrupted while it replaced a database that could not be
    /// read. Only under the process lock.
    fn finish_restore(&mut self) -> Result<(), Error> {
        let backups = self.options.backups_of(&self.target.path);
        let Some(intent) = Intent::read(&self.target.path, &backups)? else {
            return Ok(());
        };
        let path = intent.copy.clone();
        self.options.emit(Event::Recovering {
            backup: Some(&path),
        });
        log::warn!("finishing the restore of {}", path.display());
        let database = &self.target.path;
        // Where the copy is gone nothing will be replaced, and every start would keep one more.
        let replaced = match intent.good_copy() {
            Some(_) => keep_written_since(self.options, database, &self.connection, &intent)?,
            None => None,
        };
        intent
            .carry_out(
                &mut self.connection,
                &self.target.path,
                self.options.lock_timeout,
                &|done, total| self.options.copied(done, total),
            )
            .map_err(|error| match error.is_busy() || error.is_interrupted() {
                true => error,
                false => error.needing_attention(intent.good_copy()).with_help(
                    "a restore was interrupted and could not be finished; restore another backup",
                ),
            })?;
        if let Err(error) = log_file::finish_newest(&self.store(), &self.target.path) {
            log::warn!("the restore is not in the log as finished: {error:#}");
        }
        self.recovered = Some(Recovered {
            started_at: intent.started_at,
            backup: Some(path),
            replaced,
        });
        Ok(())
    }

    /// Puts back what a marker names. What is replaced is kept first, because between the
    /// commits of such a run other programs may have written: where that went.
    pub(crate) fn put_back(
        &mut self,
        marker: &Marker,
        path: Option<&Path>,
    ) -> Result<Option<PathBuf>, Error> {
        let state = match (path, marker.digest.as_deref()) {
            (Some(path), Some(digest)) => PutBackState::Copy { path, digest },
            _ => PutBackState::Empty,
        };
        // First, or what is kept could take the name of a copy that is gone.
        state.prove()?;
        let kept = self.keep_replaced().unwrap_or_else(|error| {
            log::warn!("the state that is replaced could not be kept: {error:#}");
            None
        });
        put_back::put_back(
            &mut self.connection,
            &state,
            &marker.journal_mode,
            self.options.lock_timeout,
            &|fresh| self.options.set_up(fresh),
        )?;
        Ok(kept)
    }

    fn keep_replaced(&self) -> Result<Option<PathBuf>, Error> {
        if self.is_new()? {
            return Ok(None);
        }
        if !self.connection.is_autocommit() {
            self.set("ROLLBACK")?;
        }
        self.lock_for_writing()?;
        let (store, name) = (self.store(), BackupName::Time(BackupKind::Replaced));
        // Not to be interrupted: it is on its way back from something that failed.
        let path = &self.target.path;
        let kept = take_copy(self.options, path, &store, &name, None, &|_, _| Ok(()));
        self.set("ROLLBACK")?;
        kept.map(|kept| Some(kept.path))
    }

    /// The database's automatic backups.
    pub(crate) fn store(&self) -> Store<'_> {
        stores(self.options, &self.target.path).0
    }

    /// Takes note of the size of the files. The main file is at its largest after the commit,
    /// a rollback journal before it, a write-ahead log after it.
    pub(crate) fn measure(&self) {
        let path = &self.target.path;
        // Only a figure for the report.
        let length = |path: &Path| files::length(path).unwrap_or(0);
        let companion = |ending| length(&files::companion(path, ending));
        let before = self.largest.get();
        self.largest.set(Largest {
            database: before.database.max(length(path)),
            log: before.log.max(companion("-wal")),
            journal: before.journal.max(companion("-journal")),
        });
    }

    /// The disk that the files took at their largest, in bytes.
    pub(crate) fn disk_bytes(&self) -> u64 {
        let Largest {
            database,
            log,
            journal,
        } = self.largest.get();
        database + log + journal
    }

    /// Retention, last: of automatic backups, and of states that were replaced.
    pub(crate) fn thin_out(
        &self,
        first_pending: Option<i64>,
        in_use: Option<&Path>,
    ) -> Vec<String> {
        if self.stage == Stage::Rehearsal {
            return Vec::new();
        }
        let (store, keep) = (self.store(), self.options.keep);
        let unfinished = backfills::backups_in_use(&self.connection).unwrap_or_default();
        let unfinished: Vec<PathBuf> = unfinished.iter().map(|name| store.path_of(name)).collect();
        let in_use: Vec<&Path> = unfinished
            .iter()
            .map(PathBuf::as_path)
            .chain(in_use)
            .collect();
        let mut notes = store.thin_out(BackupKind::Automatic, keep, first_pending, &in_use);
        notes.extend(store.thin_out(BackupKind::Replaced, keep, None, &[]));
        notes
    }

    /// Whether nothing was ever written to the database, so that there is nothing to copy.
    /// (Inside BEGIN IMMEDIATE, `page_count` is 1 even then. The first write to a new file,
    /// be it the switch to WAL mode, gives it a length.)
    pub(crate) fn is_new(&self) -> Result<bool, Error> {
        Ok(files::length(&self.target.path)? == 0)
    }

    /// Ends a session by what came of it. A failure after a commit says that it came after.
    pub(crate) fn conclude(
        self,
        outcome: Result<Report, Error>,
    ) -> Result<(Connection, Report), Error> {
        let report = match outcome {
            Ok(report) => report,
            Err(error) => {
                self.abandon();
                return Err(error);
            }
        };
        if !report.is_up_to_date()
            && let Err(error) = self.refuse_moved()
        {
            self.abandon();
            return Err(error
                .with_data(DataState::Committed)
                .with_backup(report.backup.clone()));
        }
        match self.finish() {
            Ok(connection) => Ok((connection, report)),
            Err(error) if report.is_up_to_date() => Err(error),
            Err(error) => Err(error.with_data(DataState::Committed)),
        }
    }

    /// Ends a session in which nothing was changed, or everything was committed, and
    /// returns the connection with the app's own settings.
    pub(crate) fn finish(mut self) -> Result<Connection, Error> {
        if !self.connection.is_autocommit() {
            self.set("ROLLBACK")?;
        }
        self.watch_for_cancel(false)?;
        if self.new_statistics {
            // Reads the schema again, and the statistics with it.
            self.set("PRAGMA writable_schema = RESET")?;
        }
        // Step 12 of SQLite's procedure: foreign keys among them.
        for (pragma, before) in &self.pragmas {
            self.set(&format!("PRAGMA {pragma} = {before}"))?;
        }
        if let Some(mode) = &self.app_journal_mode {
            catalog::word(&self.connection, &format!("PRAGMA journal_mode = {mode}"))?;
        }
        // Temporary objects of a migration would stand in the way of the app's own.
        let temporary = "SELECT count(*) FROM temp.sqlite_schema";
        let lost_hook = self.counted_rows && self.options.setup.is_some();
        if lost_hook || catalog::number(&self.connection, temporary)? > 0 {
            let fresh = open::writer(&self.target.path)?;
            self.options.set_up(&fresh)?;
            return Ok(fresh);
        }
        Ok(self.connection)
    }

    /// Ends a session that failed. A file that it made, and that is still empty, goes: the
    /// folder is as it was. It goes while the write lock is held, so that nobody can have
    /// written to it in between.
    pub(crate) fn abandon(self) {
        let path = &self.target.path;
        let ours = self.created && matches!(files::length(path), Ok(0));
        if ours && cfg!(unix) {
            let _ = files::remove(path);
        }
        if ours && !cfg!(unix) {
            drop(self.connection);
            let _ = files::remove(path);
        }
    }
}
