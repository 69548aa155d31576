//! `heirloom revert`

use heirloom::RevertTo;

use super::work;
use crate::cli::args::Revert;
use crate::cli::exit::{Exit, Failure};
use crate::cli::render;
use crate::cli::settings::Settings;
use crate::cli::ui::Ui;

pub(crate) fn run(ui: &mut Ui, settings: &Settings, options: &Revert) -> Result<Exit, Failure> {
    let to = match options.to {
        Some(version) => RevertTo::Version(version),
        None => RevertTo::Steps(options.steps),
    };
    let database = &settings.database.value;
    if options.dry_run {
        let plan = work::migrator(settings)?
            .plan_revert(database, to)
            .map_err(|error| work::or_meant_version(settings, options.to, error))?;
        work::show_plan(ui, settings, &plan);
        ui.document(&work::plan_json("reverted", &plan));
        return Ok(Exit::Done);
    }
    let report = work::migrator(settings)?
        .cancel_with(work::cancel_flag())
        .on_event(|event| work::show_event(ui, "reverted", event))
        .revert(database, to)
        .map_err(|error| work::or_meant_version(settings, options.to, error))?;
    work::show_report(ui, settings, &report);
    ui.document(&render::report_json("reverted", &report));
    Ok(Exit::Done)
}
