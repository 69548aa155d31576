//! `heirloom drop`

use heirloom::Event;
use serde_json::json;

use super::work;
use crate::cli::exit::{Exit, Failure};
use crate::cli::render::{self, GREEN, styled};
use crate::cli::settings::Settings;
use crate::cli::ui::Ui;

pub(crate) fn run(ui: &mut Ui, settings: &Settings) -> Result<Exit, Failure> {
    let database = &settings.database.value;
    let question = format!(
        "Drop everything in {}, after a snapshot?",
        render::path(database)
    );
    work::confirm(ui, &question)?;
    let emptied = work::keeper(settings)?
        .cancel_with(work::cancel_flag())
        .on_event(|event: &Event<'_>| work::show_event(ui, "", event))
        .empty(database)?;
    let name = render::path(&emptied.database);
    match &emptied.snapshot {
        Some(snapshot) => {
            work::show_snapshot(ui, &emptied.database, snapshot);
            ui.line(&format!("{} {name} is empty", styled(GREEN, "done    ")));
        }
        None => ui.line(&format!("nothing to do: there is nothing in {name}")),
    }
    ui.document(&json!({
        "ok": true,
        "snapshot": render::some_path_json(emptied.snapshot.as_ref()),
        "database": render::path_json(&emptied.database),
    }));
    Ok(Exit::Done)
}
