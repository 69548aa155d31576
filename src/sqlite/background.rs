//! Work beside other work: a thread that is told to end, and is waited for.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::thread::{Builder, JoinHandle};

use rusqlite::Connection;

use crate::report::error::{Error, ErrorKind};
use crate::sqlite::binding::HookSet as _;
use crate::sqlite::execute::failure;

/// Whether long work is to end before its end.
pub(crate) type Stop = Arc<dyn Fn() -> bool + Send + Sync>;

/// Virtual machine instructions between two looks at whether a statement is to end, well under a
/// millisecond apart.
const INSTRUCTIONS_PER_LOOK: i32 = 10_000;

/// Ends the statements of a connection where `stop` says so. None lets them run.
pub(crate) fn stop_where(
    connection: &mut Connection,
    stop: Option<impl FnMut() -> bool + Send + 'static>,
) -> Result<(), Error> {
    connection
        .progress_handler(INSTRUCTIONS_PER_LOOK, stop)
        .checked()
        .map_err(|error| failure("cannot watch for an interruption", error))
}

/// A thread that never outlives its owner.
pub(crate) struct Background<T> {
    name: &'static str,
    ended: Arc<AtomicBool>,
    thread: Option<JoinHandle<Result<T, Error>>>,
}

impl<T: Send + 'static> Background<T> {
    /// Begins. The work looks at `ended`, which is set when nobody wants its result any more.
    pub(crate) fn begin(
        name: &'static str,
        ended: Arc<AtomicBool>,
        work: impl FnOnce() -> Result<T, Error> + Send + 'static,
    ) -> Result<Background<T>, Error> {
        let thread = Builder::new().name(name.to_owned()).spawn(work);
        let thread = thread
            .map_err(|error| Error::new(ErrorKind::Io, "cannot start a thread").because(error))?;
        Ok(Background {
            name,
            ended,
            thread: Some(thread),
        })
    }

    /// Waits for the result.
    pub(crate) fn finish(mut self) -> Result<T, Error> {
        match self.thread.take().map(JoinHandle::join) {
            Some(Ok(result)) => result,
            Some(Err(_)) | None => Err(Error::new(
                ErrorKind::Io,
                format!("the thread `{}` panicked", self.name),
            )),
        }
    }
}

impl<T> Drop for Background<T> {
    fn drop(&mut self) {
        self.ended.store(true, Ordering::Relaxed);
        if let Some(thread) = self.thread.take() {
            let _ = thread.join();
        }
    }
}
