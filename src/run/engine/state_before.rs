//! The state before a run: the backup, which is verified beside the work.
//!
//! Nothing is committed before the backup has been proved good. What needs it, be it a commit, the
//! proof or a rollback, asks for it here and waits. A backup that is not good ends the run, which
//! is rolled back. Of a process that ends meanwhile an unfinished file is left, which the next one
//! removes; nothing refers to it, because nothing was committed.

use std::cell::{OnceCell, RefCell};
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Instant;

use chrono::{DateTime, Utc};
use rusqlite::Connection;

use crate::backup::copy::FileFacts;
use crate::backup::metadata::BackupKind;
use crate::backup::of_database::stores;
use crate::backup::store::{Backup, BackupName, Occasion};
use crate::options::settings::Options;
use crate::report::error::Error;
use crate::report::event::Event;
use crate::report::time;
use crate::run::engine::session::{Session, Stage};
use crate::sqlite::background::{Background, Stop};
use crate::sqlite::disk::files;
use crate::sqlite::open;
use crate::sqlite::schema::catalog;
use crate::sqlite::view::{View, view_of_copy};

/// Bytes of a database whose copy is verified before anybody could do something beside it.
const SMALL: u64 = 1 << 20;

/// The state before a run.
pub(crate) struct StateBefore<'r, 's> {
    options: &'r Options<'s>,
    database: PathBuf,
    version: Option<i64>,
    /// Whether nothing was ever written to the database.
    is_new: bool,
    /// Whether anything will be compared with it.
    compared: bool,
    /// A copy that is being verified.
    unverified: RefCell<Option<Unverified>>,
    backup: OnceCell<Backup>,
    view: OnceCell<View>,
}

/// What is known of the state before a run.
#[derive(Debug, Clone, Copy)]
pub(crate) enum Known<'b> {
    Backup(&'b Backup),
    /// There was nothing.
    Empty,
    /// Of no backup it is known that it is good.
    Unproved,
}

/// A copy, and the thread that verifies it.
struct Unverified {
    staging: PathBuf,
    begun: Instant,
    now: DateTime<Utc>,
    verifying: Option<Background<FileFacts>>,
}

impl<'r, 's> StateBefore<'r, 's> {
    /// Copies the state that the write lock protects, and begins to verify the copy. There is none
    /// of a database that was never written to, and none in a rehearsal, which knows the state.
    /// Without `compared` nothing will ask for its rows.
    pub(crate) fn begin(
        session: &mut Session<'r, 's>,
        version: Option<i64>,
        compared: bool,
    ) -> Result<StateBefore<'r, 's>, Error> {
        let (options, database) = (session.options, session.target.path.clone());
        let state = StateBefore {
            options,
            database,
            version,
            is_new: session.is_new()?,
            compared,
            unverified: RefCell::default(),
            backup: OnceCell::new(),
            view: OnceCell::new(),
        };
        if let Some(known) = session.before.take() {
            let _ = state.view.set(known);
        }
        if state.is_new || session.stage == Stage::Rehearsal {
            return Ok(state);
        }
        let is_small = catalog::bytes(&session.connection)? <= SMALL;
        *state.unverified.borrow_mut() = Some(state.write()?);
        if is_small {
            state.backup()?;
        }
        Ok(state)
    }

    fn write(&self) -> Result<Unverified, Error> {
        let (begun, now) = (Instant::now(), time::now());
        let ended = Arc::new(AtomicBool::new(false));
        let (flag, cancelled) = (Arc::clone(&ended), self.options.stop());
        let stop: Stop = Arc::new(move || flag.load(Ordering::Relaxed) || cancelled());
        let reader = open::reader(&self.database)?;
        self.options.set_up(&reader)?;
        let store = stores(self.options, &self.database).0;
        let staging = store.staging_path(now);
        let progress = |done, total| self.options.copied(done, total);
        let set_up = |connection: &Connection| self.options.set_up(connection);
        let written = store.write(&reader, &stop, &self.occasion(now, &set_up), &progress)?;
        let started = Background::begin("heirloom-verify", ended, move || written.verify());
        match started {
            Ok(verifying) => Ok(Unverified {
                staging,
                begun,
                now,
                verifying: Some(verifying),
            }),
            Err(error) => {
                let _ = files::remove(&staging);
                Err(error)
            }
        }
    }

    fn occasion<'o>(
        &'o self,
        now: DateTime<Utc>,
        set_up: &'o dyn Fn(&Connection) -> Result<(), Error>,
    ) -> Occasion<'o> {
        Occasion {
            now,
            version: self.version,
            app_version: self.options.app_version.as_deref(),
            set_up,
        }
    }

    /// Waits for the backup to be verified and gives it its name. None where there is none.
    pub(crate) fn backup(&self) -> Result<Option<&Backup>, Error> {
        let unverified = self.unverified.borrow_mut().take();
        if let Some(mut unverified) = unverified
            && let Some(verifying) = unverified.verifying.take()
        {
            let store = stores(self.options, &self.database).0;
            let facts = verifying.finish()?;
            self.options.check_cancelled()?;
            let set_up = |connection: &Connection| self.options.set_up(connection);
            let occasion = self.occasion(unverified.now, &set_up);
            let name = BackupName::Time(BackupKind::Automatic);
            let backup = store.keep(&unverified.staging, facts, &name, &occasion)?;
            self.options.emit(Event::CopyVerified {
                backup: &backup.path,
                duration: unverified.begun.elapsed(),
            });
            let _ = self.backup.set(backup);
        }
        Ok(self.backup.get())
    }

    /// The verified backup alone.
    pub(crate) fn into_backup(self) -> Result<Option<Backup>, Error> {
        self.backup()?;
        Ok(self.backup.into_inner())
    }

    /// What a database can be compared with after a rollback. Waits for the backup.
    pub(crate) fn known(&self) -> (Known<'_>, Option<Error>) {
        let failed = self.backup().err();
        let known = match self.backup.get() {
            Some(backup) => Known::Backup(backup),
            None if self.is_new => Known::Empty,
            None => Known::Unproved,
        };
        (known, failed)
    }

    /// The backup, where it was asked for and is good.
    pub(crate) fn verified(&self) -> Option<&Backup> {
        self.backup.get()
    }

    /// The file of the rows before, where it is large and the backup.
    pub(crate) fn large_file(&self) -> Option<&Path> {
        let large = self.verified().filter(|backup| backup.record.bytes > SMALL);
        large.map(|backup| backup.path.as_path())
    }

    /// Whether something will be compared with the state before.
    pub(crate) fn is_compared(&self) -> bool {
        let is_copied = self.unverified.borrow().is_some() || self.backup.get().is_some();
        self.view.get().is_some() || self.compared && is_copied
    }

    /// The state before, as far as something is compared with it. Waits for the backup.
    pub(crate) fn rows(&self) -> Result<Option<&Connection>, Error> {
        if self.view.get().is_none()
            && self.compared
            && let Some(backup) = self.backup()?
        {
            let copy = view_of_copy(&backup.path)?;
            self.options.set_up(&copy.connection)?;
            let _ = self.view.set(copy);
        }
        Ok(self.view.get().map(|view| &view.connection))
    }
}

impl Drop for Unverified {
    /// What was kept has another name by now.
    fn drop(&mut self) {
        self.verifying = None;
        let _ = files::remove(Path::new(&self.staging));
    }
}
