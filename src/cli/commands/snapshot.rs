//! `heirloom snapshot --name NAME`

use heirloom::Event;
use serde_json::json;

use crate::args::Snapshot;
use crate::exit::{Exit, Failure};
use crate::output::report;
use crate::output::text;
use crate::output::text::{GREEN, styled};
use crate::output::ui::Ui;
use crate::settings::gather::Settings;

pub(crate) fn run(ui: &mut Ui, settings: &Settings, options: &Snapshot) -> Result<Exit, Failure> {
    let taken = report::keeper(settings)?
        .cancel_with(report::cancel_flag())
        .on_event(|event: &Event<'_>| report::show_event(ui, "", event))
        .database(&settings.database.value)
        .snapshot_with(&options.name, &options.with)?;
    let line = format!(
        "{} {}  {}, verified",
        styled(GREEN, "snapshot"),
        text::path(&taken.file),
        text::bytes(taken.bytes)
    );
    ui.line(&line);
    ui.in_short(&line);
    ui.document(&json!({
        "ok": true,
        "file": text::path_json(&taken.file),
        "created_at": taken.created_at,
        "bytes": taken.bytes,
        "version": taken.version,
    }));
    Ok(Exit::Done)
}
