//! The start: the notes are brought to this version of the app on a thread of their own, with
//! progress and a way to stop it.

use std::path::Path;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex, PoisonError};
use std::thread;
use std::time::{Duration, Instant};

use eframe::egui::{Align, Button, Layout, ProgressBar, RichText, Ui, vec2};
use heirloom::{Error, Event, OpenedDatabase};

use crate::job::Job;
use crate::text::{size, title};
use crate::{Next, Pace, migrator};

/// How much of the bar the copy takes, and the migrations up to the last proof.
const COPY: f32 = 0.4;
const PROOF: f32 = 0.9;

pub struct Splash {
    progress: Arc<Mutex<Progress>>,
    cancel: Arc<AtomicBool>,
    job: Job<Result<OpenedDatabase, Error>>,
}

impl Splash {
    pub fn start(database: &Path, pace: Pace) -> Splash {
        let progress = Arc::new(Mutex::new(Progress::default()));
        let cancel = Arc::new(AtomicBool::new(false));
        let job = Job::start({
            let (database, progress, cancel) =
                (database.to_owned(), progress.clone(), cancel.clone());
            move || {
                let flag = cancel.clone();
                migrator()
                    .cancel_with(cancel)
                    .on_event(move |event| {
                        let share = {
                            let mut progress =
                                progress.lock().unwrap_or_else(PoisonError::into_inner);
                            progress.hear(event);
                            progress.share
                        };
                        pace.wait(share, &flag);
                    })
                    .open(database)
            }
        });
        Splash {
            progress,
            cancel,
            job,
        }
    }

    /// How much of the bar is filled, from 0 to 1.
    pub fn share(&self) -> f32 {
        self.progress().share
    }

    fn progress(&self) -> Progress {
        self.progress
            .lock()
            .unwrap_or_else(PoisonError::into_inner)
            .clone()
    }

    pub fn show(&mut self, ui: &mut Ui) -> Option<Next> {
        match self.job.result(ui) {
            Some(Ok(opened)) => return Some(Next::OpenedDatabase(Box::new(opened))),
            Some(Err(error)) => return Some(Next::Failed(error)),
            None => {}
        }
        let Progress { text, share, .. } = self.progress();
        ui.with_layout(Layout::top_down(Align::Center), |ui| {
            ui.add_space(ui.available_height() * 0.3);
            ui.label(RichText::new("Notes").size(40.0).strong());
            ui.add_space(24.0);
            ui.add(
                ProgressBar::new(share)
                    .desired_width(420.0)
                    .fill(ui.visuals().selection.bg_fill),
            );
            ui.add_space(8.0);
            ui.label(text);
            ui.add_space(24.0);
            let stopping = self.cancel.load(Ordering::Relaxed);
            let label = if stopping { "Stopping…" } else { "Cancel" };
            let button = Button::new(label).min_size(vec2(120.0, 32.0));
            if ui.add_enabled(!stopping, button).clicked() {
                self.cancel.store(true, Ordering::Relaxed);
            }
        });
        None
    }
}

impl Drop for Splash {
    /// Who closes the window does not wait for the update.
    fn drop(&mut self) {
        self.cancel.store(true, Ordering::Relaxed);
    }
}

/// What the splash shows of the events.
#[derive(Debug, Clone, Default)]
struct Progress {
    text: String,
    share: f32,
    /// What one migration takes of the bar.
    step: f32,
    /// Where the present one began.
    from: f32,
}

impl Progress {
    fn hear(&mut self, event: &Event<'_>) {
        match *event {
            Event::Waiting { holder } => {
                self.say(format!("Another program holds the notes: {holder}"))
            }
            Event::Recovering { .. } => self.say("Putting back an update that was interrupted"),
            Event::Copying { done, total } => {
                self.share = COPY * part(done, total);
                self.say(format!(
                    "Making a copy first: {} of {}",
                    size(done),
                    size(total)
                ));
            }
            Event::CopyVerified { .. } => self.say("The copy is complete and was checked"),
            Event::Started {
                migration,
                number,
                of,
            } => {
                self.step = (PROOF - COPY) / of as f32;
                self.from = COPY + self.step * (number - 1) as f32;
                self.share = self.from;
                self.say(format!("Update {number} of {of}: {}", title(migration)));
            }
            Event::Filling { table, done, total } => {
                self.share = self.from + self.step * part(done, total);
                self.say(format!("Writing {table}: {done} of {total}"));
            }
            Event::Finished { .. } => self.share = self.from + self.step,
            Event::Proving => {
                self.share = PROOF;
                self.say("Checking that nothing was lost");
            }
            Event::Committed => {
                self.share = 1.0;
                self.say("Done");
            }
            Event::RollingBack => self.say("Taking everything back"),
            _ => {}
        }
    }

    fn say(&mut self, text: impl Into<String>) {
        self.text = text.into();
    }
}

fn part(done: u64, total: u64) -> f32 {
    done as f32 / total.max(1) as f32
}

impl Pace {
    /// Waits in the listener, which slows the run down.
    fn wait(self, share: f32, cancel: &AtomicBool) {
        let end = Instant::now() + self.pause;
        let held = self.hold_at.is_some_and(|hold_at| share >= hold_at);
        while !cancel.load(Ordering::Relaxed) && (held || Instant::now() < end) {
            thread::sleep(Duration::from_millis(5));
        }
    }
}
