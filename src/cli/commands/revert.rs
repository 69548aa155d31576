//! `heirloom revert`

use heirloom::RevertTo;

use crate::args::Revert;
use crate::exit::{Exit, Failure};
use crate::output::report;
use crate::output::text;
use crate::output::ui::Ui;
use crate::settings::gather::Settings;

pub(crate) fn run(ui: &mut Ui, settings: &Settings, options: &Revert) -> Result<Exit, Failure> {
    let to = match options.to {
        Some(version) => RevertTo::Version(version),
        None => RevertTo::Steps(options.steps),
    };
    let database = &settings.database.value;
    if options.dry_run {
        let plan = report::migrator(settings)?
            .database(database)
            .plan_revert(to)
            .map_err(|error| report::or_meant_version(settings, options.to, error))?;
        report::show_plan(ui, settings, &plan);
        ui.document(&report::plan_json("reverted", &plan));
        return Ok(Exit::Done);
    }
    let report = report::migrator(settings)?
        .cancel_with(report::cancel_flag())
        .on_event(|event| report::show_event(ui, "reverted", event))
        .database(database)
        .revert(to)
        .map_err(|error| report::or_meant_version(settings, options.to, error))?;
    report::show_report(ui, settings, &report);
    ui.document(&text::report_json("reverted", &report));
    Ok(Exit::Done)
}
