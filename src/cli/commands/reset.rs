//! `heirloom reset [ENVIRONMENT]`

use heirloom::Event;

use crate::complete::meant;
use crate::exit::{Exit, Failure};
use crate::output::ask;
use crate::output::json;
use crate::output::report;
use crate::output::text;
use crate::output::ui::Ui;
use crate::settings::gather::Settings;
use crate::settings::migrator::migrator;
use crate::settings::origin::Origin;

#[derive(Debug, clap::Args)]
pub(crate) struct Reset {
    /// The environment: a subfolder of the seeds, whose files are run too
    pub(crate) environment: Option<String>,
}

pub(crate) fn run(ui: &mut Ui, settings: &Settings, options: &Reset) -> Result<Exit, Failure> {
    let (database, environment) = (&settings.database.value, options.environment.as_deref());
    migrator(settings)?;
    let asked_for = environment.is_some() || settings.seeds.origin != Origin::Default;
    let seeds = settings.seeds.value.as_path();
    let seeds = (asked_for || seeds.is_dir()).then_some(seeds);
    let question = format!(
        "Drop everything in {} after a snapshot, then migrate and seed it?",
        text::path(database)
    );
    ask::confirm(ui, &question)?;
    let mut parts = 0;
    let reset = migrator(settings)?
        .cancel_with(ask::cancel_flag())
        .on_event(|event| {
            // First migrations are reported, if there are any, then seeds.
            parts += usize::from(matches!(event, Event::Planned { .. }));
            let verb = if parts < 2 { "applied" } else { "seeded" };
            report::show_event(ui, verb, event);
        })
        .database(database)
        .reset(seeds, environment)
        .map_err(|error| meant::or_no_seeds(settings, environment, error))?;
    if let Some(snapshot) = &reset.snapshot {
        report::show_snapshot(ui, &reset.database, snapshot);
    }
    report::show_notes(ui, &reset.notes, &reset.remedies);
    let subject = text::path(&reset.database);
    ui.line(&report::finished("reset   ", &subject, &reset));
    let keys = [
        "snapshot",
        "applied",
        "seeded",
        "version",
        "database",
        "duration_ms",
        "notes",
    ];
    ui.document(&json::done(&reset, &keys));
    Ok(Exit::Done)
}
