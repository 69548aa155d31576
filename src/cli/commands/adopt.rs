//! `heirloom adopt`

use crate::exit::{Exit, Failure};
use crate::output::ask;
use crate::output::json;
use crate::output::report;
use crate::output::ui::Ui;
use crate::settings::gather::Settings;
use crate::settings::migrator::migrator;

#[derive(Debug, clap::Args)]
pub(crate) struct Adopt {
    /// The tool: diesel, sqlx, prisma, drizzle, goose, typeorm, dbmate, golang-migrate, seaorm,
    /// flyway, knex or rusqlite_migration
    /// [default: the one whose table is found]
    #[arg(long, value_name = "TOOL")]
    pub(crate) from: Option<heirloom::Tool>,
    /// Check the schema, print what would be recorded, and change nothing
    #[arg(long)]
    pub(crate) dry_run: bool,
}

pub(crate) fn run(ui: &mut Ui, settings: &Settings, options: &Adopt) -> Result<Exit, Failure> {
    let migrator = migrator(settings)?.cancel_with(ask::cancel_flag());
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
    report::show_report(ui, settings, "adopted", &report);
    ui.document(&json::report("adopted=applied", &report, ui.typed()));
    Ok(Exit::Done)
}
