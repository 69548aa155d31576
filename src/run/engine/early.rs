//! What is read before anything is copied or changed: reported while it takes long, and ended
//! within a moment where somebody asks for that.
//!
//! A progress handler does not do: SQLite calls none while it counts the rows of a table, which is
//! one instruction, or moves a write-ahead log.

use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::mpsc::{RecvTimeoutError, sync_channel};
use std::thread;
use std::time::Duration;

use rusqlite::Connection;

use crate::options::settings::Options;
use crate::report::error::Error;
use crate::report::event::Event;

/// Between two looks at whether the work is to end.
const LOOK: Duration = Duration::from_millis(50);
/// Looks before the first event, so that nothing is said of what takes no time, and between two.
const LOOKS_BEFORE: u32 = 8;
const LOOKS_BETWEEN: u32 = 2;

/// How far it is.
pub(crate) struct Early(AtomicUsize);

impl Early {
    /// The next one of what was named is begun.
    pub(crate) fn next(&self) {
        self.0.fetch_add(1, Ordering::Relaxed);
    }
}

/// Does work that reads through `connection`: of each of `what` in turn.
pub(crate) fn watched<T>(
    options: &Options<'_>,
    connection: &Connection,
    what: &[String],
    work: impl FnOnce(&Early) -> Result<T, Error>,
) -> Result<T, Error> {
    let early = Early(AtomicUsize::new(0));
    let (listener, cancel) = (options.listener.as_ref(), options.cancel.as_deref());
    if listener.is_none() && cancel.is_none() {
        return work(&early);
    }
    options.check_cancelled()?;
    let handle = connection.get_interrupt_handle();
    let (working, ended) = sync_channel::<()>(0);
    let tell = || {
        let done = early.0.load(Ordering::Relaxed);
        // A listener that calls back into the migrator is not called for that.
        if let Some(name) = what.get(done).or(what.last())
            && let Some(Ok(mut listener)) = listener.map(|listener| listener.try_lock())
        {
            listener(&Event::Checking {
                what: name,
                done: done.min(what.len()) as u64,
                total: what.len() as u64,
            });
        }
    };
    let worked = thread::scope(|threads| {
        // Goes with this scope, also when the work panics, and with it the thread.
        let working = working;
        threads.spawn(move || {
            let mut looks = 0;
            while ended.recv_timeout(LOOK) == Err(RecvTimeoutError::Timeout) {
                if cancel.is_some_and(|flag| flag.load(Ordering::Relaxed)) {
                    handle.interrupt();
                }
                looks += 1;
                if looks >= LOOKS_BEFORE && (looks - LOOKS_BEFORE).is_multiple_of(LOOKS_BETWEEN) {
                    tell();
                }
            }
        });
        let worked = work(&early);
        drop(working);
        worked
    });
    // What was asked of a database that did not answer may have passed for an answer.
    options.check_cancelled()?;
    worked
}
