//! `heirloom redo`

use heirloom::Event;
use serde_json::json;

use super::work;
use crate::cli::args::Redo;
use crate::cli::exit::{Exit, Failure};
use crate::cli::render::{self, BOLD, GREEN, styled};
use crate::cli::settings::Settings;
use crate::cli::ui::Ui;

pub(crate) fn run(ui: &mut Ui, settings: &Settings, options: &Redo) -> Result<Exit, Failure> {
    let redone = work::with_consent(ui, options.allow_destructive, |ui, consent| {
        let mut parts = 0;
        let migrator = work::consenting(settings, consent)?
            .cancel_with(work::cancel_flag())
            .on_event(|event| {
                // First what is taken back is told, then what is applied.
                parts += usize::from(matches!(event, Event::Planned { .. }));
                let verb = if parts < 2 { "reverted" } else { "applied" };
                work::show_event(ui, verb, event);
            });
        Ok(migrator.redo(&settings.database.value, options.steps)?)
    })?;
    work::show_notes(ui, &redone.notes);
    ui.line(&match redone.reverted.is_empty() {
        true => work::nothing_to_do(settings, &redone.database, redone.version),
        false => format!(
            "{} {} is at version {} again, in {}",
            styled(GREEN, "done    "),
            work::subject(settings, &redone.database),
            styled(BOLD, render::version(redone.version)),
            render::duration(redone.duration)
        ),
    });
    ui.document(&json!({
        "ok": true,
        "reverted": render::done_json(&redone.reverted),
        "applied": render::done_json(&redone.applied),
        "backup": render::some_path_json(redone.backup.as_ref()),
        "version": redone.version,
        "database": render::path_json(&redone.database),
        "duration_ms": render::milliseconds(redone.duration),
        "notes": redone.notes,
    }));
    Ok(Exit::Done)
}
