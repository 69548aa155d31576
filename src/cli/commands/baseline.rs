//! `heirloom baseline`

use crate::exit::{Exit, Failure};
use crate::output::ask;
use crate::output::json;
use crate::output::report;
use crate::output::ui::Ui;
use crate::settings::gather::Settings;
use crate::settings::migrator::migrator;

#[derive(Debug, clap::Args)]
pub(crate) struct Baseline {
    /// The version that the schema of the database has
    #[arg(value_name = "VERSION")]
    pub(crate) at: i64,
    /// Check the schema, print what would be recorded, and change nothing
    #[arg(long)]
    pub(crate) dry_run: bool,
    /// Leave a table out of the comparison that is not the app's (repeatable)
    #[arg(long, value_name = "TABLE")]
    pub(crate) leave_out: Vec<String>,
}

pub(crate) fn run(ui: &mut Ui, settings: &Settings, options: &Baseline) -> Result<Exit, Failure> {
    let migrator = migrator(settings)?.cancel_with(ask::cancel_flag());
    let left_out = options.leave_out.iter();
    let migrator = left_out.fold(migrator, |migrator, table| migrator.leave_out(table));
    let database = &settings.database.value;
    if options.dry_run {
        let plan = migrator.database(database).plan_baseline(options.at)?;
        report::show_marks(ui, &plan, "marked");
        return Ok(Exit::Done);
    }
    let report = migrator
        .on_event(|event| report::show_event(ui, "recorded", event))
        .database(database)
        .baseline(options.at)?;
    report::show_report(ui, settings, "recorded", &report);
    ui.document(&json::report("marked=applied", &report, ui.typed()));
    Ok(Exit::Done)
}
