//! `heirloom reset [ENVIRONMENT]`

use heirloom::Event;
use serde_json::json;

use super::work;
use crate::cli::args::Reset;
use crate::cli::exit::{Exit, Failure};
use crate::cli::render::{self, BOLD, GREEN, styled};
use crate::cli::settings::{Origin, Settings};
use crate::cli::ui::Ui;

pub(crate) fn run(ui: &mut Ui, settings: &Settings, options: &Reset) -> Result<Exit, Failure> {
    let (database, environment) = (&settings.database.value, options.environment.as_deref());
    work::migrator(settings)?;
    let asked_for = environment.is_some() || settings.seeds.origin != Origin::Default;
    let seeds = settings.seeds.value.as_path();
    let seeds = (asked_for || seeds.is_dir()).then_some(seeds);
    let question = format!(
        "Drop everything in {}, after a snapshot, and begin anew?",
        render::path(database)
    );
    work::confirm(ui, &question)?;
    let mut parts = 0;
    let reset = work::migrator(settings)?
        .cancel_with(work::cancel_flag())
        .on_event(|event| {
            // First migrations are told, if there are any, then seeds.
            parts += usize::from(matches!(event, Event::Planned { .. }));
            let verb = if parts < 2 { "applied" } else { "seeded" };
            work::show_event(ui, verb, event);
        })
        .reset(database, seeds, environment)
        .map_err(|error| work::or_no_seeds(settings, environment, error))?;
    if let Some(snapshot) = &reset.snapshot {
        work::show_snapshot(ui, &reset.database, snapshot);
    }
    work::show_notes(ui, &reset.notes);
    ui.line(&format!(
        "{} {} was made anew and is at version {}, in {}",
        styled(GREEN, "done    "),
        render::path(&reset.database),
        styled(BOLD, render::version(reset.version)),
        render::duration(reset.duration)
    ));
    ui.document(&json!({
        "ok": true,
        "snapshot": render::some_path_json(reset.snapshot.as_ref()),
        "applied": render::done_json(&reset.applied),
        "seeded": render::seeds_json(&reset.seeded),
        "version": reset.version,
        "database": render::path_json(&reset.database),
        "duration_ms": render::milliseconds(reset.duration),
        "notes": reset.notes,
    }));
    Ok(Exit::Done)
}
