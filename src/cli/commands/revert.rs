//! `heirloom revert`

use heirloom::RevertTo;

use crate::complete::meant;
use crate::exit::{Exit, Failure};
use crate::output::ask;
use crate::output::json;
use crate::output::report;
use crate::output::ui::Ui;
use crate::settings::gather::Settings;
use crate::settings::migrator::migrator;

#[derive(Debug, clap::Args)]
pub(crate) struct Revert {
    /// How many migrations to revert
    #[arg(long, value_name = "N", default_value_t = 1, conflicts_with = "to")]
    pub(crate) steps: usize,
    /// Revert until this version is the newest; 0 reverts everything
    #[arg(long, value_name = "VERSION")]
    pub(crate) to: Option<i64>,
    /// Print what would be done, and change nothing
    #[arg(long)]
    pub(crate) dry_run: bool,
}

pub(crate) fn run(ui: &mut Ui, settings: &Settings, options: &Revert) -> Result<Exit, Failure> {
    let to = match options.to {
        Some(version) => RevertTo::Version(version),
        None => RevertTo::Steps(options.steps),
    };
    let database = &settings.database.value;
    if options.dry_run {
        let plan = migrator(settings)?
            .database(database)
            .plan_revert(to)
            .map_err(|error| meant::or_meant_version(settings, options.to, error))?;
        report::show_plan(ui, settings, &plan);
        ui.document(&json::plan("reverted", &plan));
        return Ok(Exit::Done);
    }
    let report = migrator(settings)?
        .cancel_with(ask::cancel_flag())
        .on_event(|event| report::show_event(ui, "reverted", event))
        .database(database)
        .revert(to)
        .map_err(|error| meant::or_meant_version(settings, options.to, error))?;
    report::show_report(ui, settings, "reverted", &report);
    ui.document(&json::report("reverted", &report, ui.typed()));
    Ok(Exit::Done)
}
