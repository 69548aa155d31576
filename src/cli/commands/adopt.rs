//! `heirloom adopt`

use crate::args::Adopt;
use crate::exit::{Exit, Failure};
use crate::output::report;
use crate::output::text;
use crate::output::ui::Ui;
use crate::settings::gather::Settings;

pub(crate) fn run(ui: &mut Ui, settings: &Settings, options: &Adopt) -> Result<Exit, Failure> {
    let migrator = report::migrator(settings)?.cancel_with(report::cancel_flag());
    let database = &settings.database.value;
    if options.dry_run {
        let plan = migrator.database(database).plan_adopt(options.from)?;
        report::show_marks(ui, &plan, "adopted");
        return Ok(Exit::Done);
    }
    let report = migrator
        .on_event(|event| report::show_event(ui, "adopted", event))
        .database(database)
        .adopt(options.from)?;
    report::show_report(ui, settings, &report);
    ui.document(&text::report_json("adopted", &report));
    Ok(Exit::Done)
}
