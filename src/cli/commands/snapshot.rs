//! `heirloom snapshot --name NAME`

use std::path::PathBuf;

use heirloom::Event;

use crate::exit::{Exit, Failure};
use crate::output::ask;
use crate::output::json;
use crate::output::report;
use crate::output::text;
use crate::output::text::{GREEN, styled};
use crate::output::ui::Ui;
use crate::settings::gather::Settings;
use crate::settings::migrator::keeper;

#[derive(Debug, clap::Args)]
pub(crate) struct Snapshot {
    /// The name of the snapshot, such as before-import
    #[arg(long)]
    pub(crate) name: String,
    /// Include a folder of files beside the database; may be repeated
    #[arg(long, value_name = "DIR")]
    pub(crate) with: Vec<PathBuf>,
}

pub(crate) fn run(ui: &mut Ui, settings: &Settings, options: &Snapshot) -> Result<Exit, Failure> {
    let taken = keeper(settings)?
        .cancel_with(ask::cancel_flag())
        .on_event(|event: &Event<'_>| report::show_event(ui, "", event))
        .database(&settings.database.value)
        .snapshot_with(&options.name, &options.with)?;
    let line = format!(
        "{} {}  {}, verified",
        styled(GREEN, "snapshot"),
        text::path(&taken.file),
        text::bytes(taken.bytes)
    );
    report::show_notes(ui, &taken.notes, &[]);
    ui.line(&line);
    ui.in_short(&line);
    let mut keys = vec!["file", "created_at", "bytes", "version"];
    keys.extend((!taken.notes.is_empty()).then_some("notes"));
    ui.document(&json::done(&taken, &keys));
    Ok(Exit::Done)
}
