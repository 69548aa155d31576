//! One piece of work.

use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Condvar, Mutex, MutexGuard, PoisonError};
use std::time::{Duration, Instant};

use maud::Markup;
use serde_json::json;

/// How often progress is reported, and how many reports are kept.
const BETWEEN: Duration = Duration::from_millis(100);
const MOST: usize = 5_000;

/// What a piece of work does.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Kind {
    /// It reads.
    Look,
    /// It changes something. There is one at a time.
    Change,
}

/// How a piece of work ended.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum End {
    Done,
    Failed,
    Cancelled,
}

/// What came of it, as it is shown.
#[derive(Clone)]
pub(crate) struct Outcome {
    pub(crate) end: End,
    pub(crate) page: Markup,
}

/// A piece of work: under way, or done.
pub(crate) struct Job {
    pub(crate) id: u64,
    pub(crate) kind: Kind,
    pub(crate) title: String,
    pub(crate) started: Instant,
    cancel: Arc<AtomicBool>,
    inside: Mutex<Inside>,
    ended: Condvar,
}

#[derive(Default)]
struct Inside {
    /// Each a JSON object: a line, or how far it is.
    events: Vec<String>,
    reported: Option<Instant>,
    lines: Vec<String>,
    outcome: Option<Outcome>,
    took: Option<Duration>,
}

impl Job {
    pub(crate) fn new(id: u64, kind: Kind, title: String) -> Job {
        Job {
            id,
            kind,
            title,
            started: Instant::now(),
            cancel: Arc::default(),
            inside: Mutex::default(),
            ended: Condvar::new(),
        }
    }

    fn inside(&self) -> MutexGuard<'_, Inside> {
        self.inside.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// What the work looks at.
    pub(crate) fn flag(&self) -> Arc<AtomicBool> {
        Arc::clone(&self.cancel)
    }

    pub(crate) fn cancel(&self) {
        self.cancel.store(true, Ordering::Relaxed);
    }

    pub(crate) fn is_cancelled(&self) -> bool {
        self.cancel.load(Ordering::Relaxed)
    }

    /// Something that happened.
    pub(crate) fn line(&self, text: String) {
        let mut inside = self.inside();
        if inside.events.len() < MOST {
            inside
                .events
                .push(json!({ "kind": "line", "text": text }).to_string());
            inside.lines.push(text);
        }
    }

    /// How far it is. The first, the last and a few in between are told.
    pub(crate) fn progress(&self, what: &str, done: u64, total: u64) {
        let mut inside = self.inside();
        let soon = inside
            .reported
            .is_some_and(|at| at.elapsed() < BETWEEN && done < total);
        if soon || inside.events.len() >= MOST {
            return;
        }
        inside.reported = Some(Instant::now());
        let percent = (u128::from(done) * 100)
            .checked_div(u128::from(total))
            .unwrap_or(0);
        let event = json!({ "kind": "progress", "what": what, "percent": percent.min(100) });
        inside.events.push(event.to_string());
    }

    /// The lines so far.
    pub(crate) fn lines(&self) -> Vec<String> {
        self.inside().lines.clone()
    }

    /// What is newer than this many events, and whether more can come.
    pub(crate) fn events(&self, seen: usize) -> (Vec<String>, bool) {
        let inside = self.inside();
        let new = inside.events.get(seen..).unwrap_or_default().to_vec();
        (new, inside.outcome.is_none())
    }

    pub(crate) fn end(&self, outcome: Outcome) {
        let mut inside = self.inside();
        inside.took = Some(self.started.elapsed());
        inside.outcome = Some(outcome);
        self.ended.notify_all();
    }

    pub(crate) fn outcome(&self) -> Option<Outcome> {
        self.inside().outcome.clone()
    }

    /// How long it took, or has taken so far.
    pub(crate) fn took(&self) -> Duration {
        let took = self.inside().took;
        took.unwrap_or_else(|| self.started.elapsed())
    }

    /// Waits for the end, so long and no longer.
    pub(crate) fn wait(&self, patience: Duration) -> Option<Outcome> {
        let waiting = |inside: &mut Inside| inside.outcome.is_none();
        let (inside, _) = self
            .ended
            .wait_timeout_while(self.inside(), patience, waiting)
            .unwrap_or_else(PoisonError::into_inner);
        inside.outcome.clone()
    }
}
