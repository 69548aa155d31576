//! `heirloom redo`

use heirloom::Event;

use crate::exit::{Exit, Failure};
use crate::output::ask;
use crate::output::json;
use crate::output::report;
use crate::output::ui::Ui;
use crate::settings::gather::Settings;
use crate::settings::migrator::allowing;

#[derive(Debug, clap::Args)]
pub(crate) struct Redo {
    /// How many migrations
    #[arg(long, value_name = "N", default_value_t = 1)]
    pub(crate) steps: usize,
    /// Allow what they destroy when they are applied again
    #[arg(long)]
    pub(crate) allow_destructive: bool,
}

pub(crate) fn run(ui: &mut Ui, settings: &Settings, options: &Redo) -> Result<Exit, Failure> {
    let redone = ask::with_permission(ui, options.allow_destructive, |ui, allowed| {
        let mut parts = 0;
        let migrator = allowing(settings, allowed)?
            .cancel_with(ask::cancel_flag())
            .on_event(|event| {
                // First what is reverted is reported, then what is applied.
                parts += usize::from(matches!(event, Event::Planned { .. }));
                let verb = if parts < 2 { "reverted" } else { "applied" };
                report::show_event(ui, verb, event);
            });
        Ok(migrator
            .database(&settings.database.value)
            .redo(options.steps)?)
    })?;
    report::show_notes(ui, &redone.notes, &redone.remedies);
    ui.line(&match redone.reverted.is_empty() {
        true => report::nothing_to_do(settings, &redone.database, redone.version),
        false => {
            let subject = report::subject(settings, &redone.database);
            report::finished("redone  ", &subject, &redone)
        }
    });
    let keys = [
        "reverted",
        "applied",
        "backup",
        "version",
        "database",
        "duration_ms",
        "notes",
    ];
    ui.document(&json::done(&redone, &keys));
    Ok(Exit::Done)
}
