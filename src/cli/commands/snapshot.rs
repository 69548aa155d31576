//! `heirloom snapshot --name NAME`

use heirloom::Event;
use serde_json::json;

use super::work;
use crate::cli::args::Snapshot;
use crate::cli::exit::{Exit, Failure};
use crate::cli::render::{self, GREEN, styled};
use crate::cli::settings::Settings;
use crate::cli::ui::Ui;

pub(crate) fn run(ui: &mut Ui, settings: &Settings, options: &Snapshot) -> Result<Exit, Failure> {
    let taken = work::keeper(settings)?
        .cancel_with(work::cancel_flag())
        .on_event(|event: &Event<'_>| work::show_event(ui, "", event))
        .snapshot_with(&settings.database.value, &options.name, &options.with)?;
    let line = format!(
        "{} {}  {}, verified",
        styled(GREEN, "snapshot"),
        render::path(&taken.file),
        render::bytes(taken.bytes)
    );
    ui.line(&line);
    ui.in_short(&line);
    ui.document(&json!({
        "ok": true,
        "file": render::path_json(&taken.file),
        "created_at": taken.created_at,
        "bytes": taken.bytes,
        "version": taken.version,
    }));
    Ok(Exit::Done)
}
