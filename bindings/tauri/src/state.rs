//! What the plug-in keeps: the database, how far its migration is, and who wants to know.

use std::panic::{AssertUnwindSafe, catch_unwind};
use std::path::{Path, PathBuf};
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Condvar, Mutex, MutexGuard, PoisonError};

use heirloom::{Migrator, Report, Source};
use serde_json::{Value, json};
use tauri::ipc::Channel;
use tauri::{AppHandle, Emitter, Runtime};

use crate::Failure;

/// The event that every window gets, for each of heirloom's.
const EVENT: &str = "heirloom://event";

/// How far the migration of the start is.
enum Start {
    /// With its events so far, of those that follow each other in one kind the last.
    UnderWay {
        told: Vec<Value>,
    },
    Over(Result<Value, Failure>),
}

/// The database of the app.
pub struct Heirloom {
    path: PathBuf,
    make: Box<dyn Fn() -> Migrator<'static> + Send + Sync>,
    start: Mutex<Start>,
    over: Condvar,
    listeners: Arc<Mutex<Vec<Channel<Value>>>>,
    cancel: Arc<AtomicBool>,
    /// One call that changes the database at a time.
    turn: Mutex<()>,
}

fn locked<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}

impl Heirloom {
    pub(crate) fn new(
        path: PathBuf,
        source: Source,
        configure: impl Fn(Migrator<'static>) -> Migrator<'static> + Send + Sync + 'static,
    ) -> Heirloom {
        Heirloom {
            path,
            make: Box::new(move || configure(Migrator::new(source.clone()))),
            start: Mutex::new(Start::UnderWay { told: Vec::new() }),
            over: Condvar::new(),
            listeners: Arc::default(),
            cancel: Arc::default(),
            turn: Mutex::new(()),
        }
    }

    /// The database's file.
    pub fn path(&self) -> &Path {
        &self.path
    }

    /// A migrator as the app configured it, for calls from Rust.
    pub fn migrator(&self) -> Migrator<'static> {
        (self.make)()
    }

    /// Waits until the migration of the start is over: then the app may open the database. Not
    /// from the main thread while windows are shown.
    ///
    /// # Errors
    /// Where it failed, also if that was before this call.
    pub fn wait(&self) -> Result<(), Failure> {
        self.outcome().map(drop)
    }

    /// The report of the start.
    pub(crate) fn outcome(&self) -> Result<Value, Failure> {
        let mut start = locked(&self.start);
        loop {
            match &*start {
                Start::Over(outcome) => return outcome.clone(),
                Start::UnderWay { .. } => {
                    start = self
                        .over
                        .wait(start)
                        .unwrap_or_else(PoisonError::into_inner);
                }
            }
        }
    }

    /// Sends events to a page until it leaves; first those that it missed.
    pub(crate) fn listen(&self, channel: Channel<Value>) {
        let start = locked(&self.start);
        if let Start::UnderWay { told } = &*start {
            for event in told {
                let _ = channel.send(event.clone());
            }
        }
        locked(&self.listeners).push(channel);
    }

    pub(crate) fn leave(&self, channel: u32) {
        locked(&self.listeners).retain(|listener| listener.id() != channel);
    }

    pub(crate) fn cancel(&self) {
        self.cancel.store(true, Ordering::Relaxed);
    }

    /// Migrates, as the start of the app.
    pub(crate) fn start<R: Runtime>(self: &Arc<Self>, app: &AppHandle<R>) {
        *locked(&self.start) = Start::UnderWay { told: Vec::new() };
        // Code of the app's runs inside: a hook that panics would leave every page waiting.
        let migrated =
            AssertUnwindSafe(|| self.change(app, |migrator, path| migrator.migrate(path)));
        let outcome = catch_unwind(migrated).unwrap_or_else(|_| Err(Failure::of_panic()));
        if let Err(failure) = &outcome {
            log::error!("{failure}");
        }
        *locked(&self.start) = Start::Over(outcome);
        self.over.notify_all();
    }

    /// Does what changes the database, with events for everybody who listens.
    pub(crate) fn change<R: Runtime>(
        self: &Arc<Self>,
        app: &AppHandle<R>,
        call: impl FnOnce(&Migrator<'static>, &Path) -> Result<Report, heirloom::Error>,
    ) -> Result<Value, Failure> {
        let _turn = locked(&self.turn);
        self.cancel.store(false, Ordering::Relaxed);
        let (heirloom, app) = (Arc::clone(self), app.clone());
        let migrator = self
            .migrator()
            .cancel_with(Arc::clone(&self.cancel))
            .on_event(move |event| {
                heirloom.tell(&app, serde_json::to_value(event).unwrap_or_default())
            });
        let done = call(&migrator, &self.path);
        let report = done?;
        log::info!("{report}");
        let mut value = serde_json::to_value(&report).unwrap_or_default();
        value["text"] = json!(report.to_string());
        Ok(value)
    }

    fn tell<R: Runtime>(&self, app: &AppHandle<R>, event: Value) {
        if let Start::UnderWay { told } = &mut *locked(&self.start) {
            if told
                .last()
                .is_some_and(|last| last["event"] == event["event"])
            {
                told.pop();
            }
            told.push(event.clone());
        }
        // A window that is gone misses nothing.
        locked(&self.listeners).retain(|channel| channel.send(event.clone()).is_ok());
        let _ = app.emit(EVENT, event);
    }
}
