//! Work on a thread of its own, so that the window goes on drawing.

use std::panic::resume_unwind;
use std::thread::{self, JoinHandle};
use std::time::Duration;

use eframe::egui::Ui;

const LOOK_AGAIN: Duration = Duration::from_millis(30);

/// A piece of work, and its result when there is one. Dropping it waits for its end: a window
/// that is closed leaves no half of a restore behind it.
pub struct Job<T>(Option<JoinHandle<T>>);

impl<T: Send + 'static> Job<T> {
    pub fn start(work: impl FnOnce() -> T + Send + 'static) -> Job<T> {
        Job(Some(thread::spawn(work)))
    }

    /// The result, once. Until then the window is drawn again a little later.
    pub fn result(&mut self, ui: &Ui) -> Option<T> {
        if !self.0.as_ref()?.is_finished() {
            ui.request_repaint_after(LOOK_AGAIN);
            return None;
        }
        let result = self.0.take()?.join();
        Some(result.unwrap_or_else(|panic| resume_unwind(panic)))
    }
}

impl<T> Drop for Job<T> {
    fn drop(&mut self) {
        if let Some(thread) = self.0.take() {
            // A panic there was printed already.
            let _ = thread.join();
        }
    }
}
