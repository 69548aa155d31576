//! `heirloom backfill FILE`

use std::path::PathBuf;

use heirloom::Report;
use heirloom::plan::BackfillPlan;
use serde_json::json;

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
pub(crate) struct Backfill {
    /// The SQL file
    pub(crate) file: PathBuf,
    /// Rows per batch [default: as the file says, or 10000]
    #[arg(long, value_name = "N", value_parser = clap::value_parser!(u64).range(1..))]
    pub(crate) batch: Option<u64>,
    /// Start again from the first row, after a backup
    #[arg(long)]
    pub(crate) again: bool,
    /// Print what is left to do, and change nothing
    #[arg(long)]
    pub(crate) dry_run: bool,
}

pub(crate) fn run(ui: &mut Ui, settings: &Settings, options: &Backfill) -> Result<Exit, Failure> {
    let backfill = heirloom::Backfill::file(&options.file)?;
    let backfill = match options.batch {
        Some(rows) => backfill.batch(rows),
        None => backfill,
    };
    let backfill = match options.again {
        true => backfill.again(),
        false => backfill,
    };
    let database = &settings.database.value;
    if options.dry_run {
        let plan = keeper(settings)?
            .database(database)
            .plan_backfill(&backfill)?;
        show_plan(ui, &plan);
        return Ok(Exit::Done);
    }
    let backfilled = keeper(settings)?
        .cancel_with(ask::cancel_flag())
        .on_event(|event| report::show_event(ui, "", event))
        .database(database)
        .backfill(&backfill)?;
    show(ui, &backfilled);
    Ok(Exit::Done)
}

fn show(ui: &mut Ui, done: &Report) {
    report::show_notes(ui, &done.notes, &done.remedies);
    let Some(filled) = &done.backfill else { return };
    let database = text::path(&done.database);
    let (name, table) = (&filled.name, &filled.table);
    let before = match filled.rows_before {
        0 => String::new(),
        rows => format!(", {} before", text::grouped(rows)),
    };
    ui.line(&match done.is_up_to_date() {
        true => format!("nothing to do: {name} is complete in {database}"),
        false => format!(
            "{} {name}: {} of `{table}` in {database}{before} ({})",
            styled(GREEN, "filled  "),
            text::counted(filled.rows, "row"),
            text::duration(done.duration),
        ),
    });
    let keys = [
        "name",
        "table",
        "rows",
        "rows_before",
        "backup",
        "started_at",
        "database",
        "duration_ms",
        "notes",
    ];
    ui.document(&json::done(done, &keys));
}

fn show_plan(ui: &mut Ui, plan: &BackfillPlan) {
    let (name, table) = (&plan.name, &plan.table);
    let (done, left) = (text::grouped(plan.done), text::grouped(plan.left));
    let database = text::path(&plan.database);
    ui.line(&match (&plan.started_at, &plan.finished_at) {
        (_, Some(time)) => format!(
            "nothing to do: {name} is complete in {database} since {}",
            text::time(time)
        ),
        (Some(_), None) => {
            format!("{name} would continue: {done} rows of `{table}` are done, {left} are left")
        }
        (None, None) => {
            format!("{name} would start, after a backup of {database}: {left} rows of `{table}`")
        }
    });
    ui.line(&format!("nothing was changed in {database}"));
    let document = json::dry_run(plan, &[]);
    let more = json!({ "backup": null });
    ui.document(&json::with(json::with(json::value(plan), document), more));
}
