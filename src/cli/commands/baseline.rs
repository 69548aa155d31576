//! `heirloom baseline`

use super::work;
use crate::cli::args::Baseline;
use crate::cli::exit::{Exit, Failure};
use crate::cli::render;
use crate::cli::settings::Settings;
use crate::cli::ui::Ui;

pub(crate) fn run(ui: &mut Ui, settings: &Settings, options: &Baseline) -> Result<Exit, Failure> {
    let migrator = work::migrator(settings)?.cancel_with(work::cancel_flag());
    let database = &settings.database.value;
    if options.dry_run {
        let plan = migrator.plan_baseline(database, options.at)?;
        work::show_marks(ui, &plan, "marked");
        return Ok(Exit::Done);
    }
    let report = migrator
        .on_event(|event| work::show_event(ui, "marked", event))
        .baseline(database, options.at)?;
    work::show_report(ui, settings, &report);
    ui.document(&render::report_json("marked", &report));
    Ok(Exit::Done)
}
