//! Questions to a person, and what Ctrl-C means while one is open and while work is under way.

use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, OnceLock};

use heirloom::{Error, ErrorKind};

use crate::exit::Failure;
use crate::output::text::{YELLOW, styled};
use crate::output::ui::Ui;

/// Works without permission to destroy, and, where only that is missing and there is somebody to
/// ask, once more with it.
pub(crate) fn with_permission<T>(
    ui: &mut Ui,
    given: bool,
    mut work: impl FnMut(&mut Ui, bool) -> Result<T, Failure>,
) -> Result<T, Failure> {
    let error = match work(ui, given) {
        Err(Failure::Library(error)) => error,
        done => return done,
    };
    if !may_ask(ui, &error) {
        return Err(error.into());
    }
    if !allows(ui, &error) {
        return Err(Failure::Cancelled);
    }
    work(ui, true)
}

/// Only what was found before anything was touched is a question; a row that went missing in
/// the run is a failure.
pub(crate) fn may_ask(ui: &Ui, error: &Error) -> bool {
    error.kind() == ErrorKind::Destructive && !error.losses().is_empty() && ui.can_ask()
}

/// Asks whether it may be destroyed.
pub(crate) fn allows(ui: &mut Ui, error: &Error) -> bool {
    let live = ui.is_live();
    for loss in error.losses().iter().filter(|_| live) {
        ui.note(&styled(YELLOW, format!("would destroy {loss}")));
    }
    asks(ui, |ui| ui.ask("Destroy it, after a verified backup?"))
}

/// Asks whether to go on, unless everything is answered with yes.
pub(crate) fn confirm(ui: &mut Ui, question: &str) -> Result<(), Failure> {
    if ui.says_yes() {
        return Ok(());
    }
    if !ui.can_ask() {
        return Err(Failure::NotConfirmed);
    }
    match asks(ui, |ui| ui.ask(question)) {
        true => Ok(()),
        false => Err(Failure::Cancelled),
    }
}

/// Set while a question waits for its answer: nothing is under way then, and the answer
/// to Ctrl-C is to leave.
static ASKING: AtomicBool = AtomicBool::new(false);

/// A flag that Ctrl-C and SIGTERM set. The work notices it and rolls back.
pub(crate) fn cancel_flag() -> Arc<AtomicBool> {
    static FLAG: OnceLock<Arc<AtomicBool>> = OnceLock::new();
    Arc::clone(FLAG.get_or_init(|| {
        let flag = Arc::new(AtomicBool::new(false));
        let set = Arc::clone(&flag);
        // Without a handler Ctrl-C kills the process, which the database survives too.
        let _ = ctrlc::set_handler(move || {
            if ASKING.load(Ordering::Relaxed) {
                leave();
            }
            set.store(true, Ordering::Relaxed);
        });
        flag
    }))
}

#[allow(clippy::exit, reason = "nothing is under way while a question is open")]
fn leave() {
    std::process::exit(crate::exit::Exit::Interrupted as i32);
}

/// Asks, and leaves at once on Ctrl-C.
pub(crate) fn asks<T>(ui: &mut Ui, question: impl FnOnce(&mut Ui) -> T) -> T {
    // Answered before the work on several databases began, which an exit would tear down.
    if !ui.is_live() {
        return question(ui);
    }
    // So that Ctrl-C is heard, whether or not there is work that it could cancel.
    cancel_flag();
    ASKING.store(true, Ordering::Relaxed);
    let answer = question(ui);
    ASKING.store(false, Ordering::Relaxed);
    answer
}
