//! All pieces of work of a studio.

use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use maud::html;

use crate::studio::jobs::job::{End, Job, Kind, Outcome};

/// How many finished ones are kept, to be looked at again.
const KEPT: usize = 30;
/// How many may read at the same time.
const LOOKS: usize = 4;

/// The pieces of work, the oldest first.
#[derive(Default)]
pub(crate) struct Queue {
    next: AtomicU64,
    jobs: Mutex<Vec<Arc<Job>>>,
}

/// Why there can be no more now.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Busy {
    Changing,
    Looking,
}

impl Queue {
    fn jobs(&self) -> MutexGuard<'_, Vec<Arc<Job>>> {
        self.jobs.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Begins a piece of work.
    pub(crate) fn start(
        &self,
        kind: Kind,
        title: String,
        work: impl FnOnce(&Job) -> Outcome + Send + 'static,
    ) -> Result<Arc<Job>, Busy> {
        let mut jobs = self.jobs();
        let running = jobs
            .iter()
            .filter(|job| job.kind == kind && job.outcome().is_none());
        match (kind, running.count()) {
            (Kind::Change, 1..) => return Err(Busy::Changing),
            (Kind::Look, LOOKS..) => return Err(Busy::Looking),
            _ => {}
        }
        let id = self.next.fetch_add(1, Ordering::Relaxed) + 1;
        let job = Arc::new(Job::new(id, kind, title));
        let ours = Arc::clone(&job);
        std::thread::spawn(move || {
            let done = std::panic::catch_unwind(std::panic::AssertUnwindSafe(|| work(&ours)));
            ours.end(done.unwrap_or_else(|_| Outcome {
                end: End::Failed,
                page: html! { p { "The studio failed at this." } },
            }));
        });
        jobs.push(Arc::clone(&job));
        let finished = jobs.iter().filter(|job| job.outcome().is_some()).count();
        let mut too_many = finished.saturating_sub(KEPT);
        jobs.retain(|job| {
            let goes = too_many > 0 && job.outcome().is_some();
            too_many -= usize::from(goes);
            !goes
        });
        Ok(job)
    }

    pub(crate) fn get(&self, id: &str) -> Option<Arc<Job>> {
        let id: u64 = id.parse().ok()?;
        self.jobs().iter().find(|job| job.id == id).cloned()
    }

    /// The change that is under way.
    pub(crate) fn changing(&self) -> Option<Arc<Job>> {
        let jobs = self.jobs();
        let mut changes = jobs.iter().filter(|job| job.kind == Kind::Change);
        changes.find(|job| job.outcome().is_none()).cloned()
    }

    /// Cancels everything, and waits until it is rolled back.
    pub(crate) fn end(&self) {
        let jobs = self.jobs().clone();
        jobs.iter().for_each(|job| job.cancel());
        for job in jobs.iter().filter(|job| job.kind == Kind::Change) {
            while job.wait(Duration::from_secs(1)).is_none() {}
        }
    }
}
