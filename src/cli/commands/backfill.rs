//! `heirloom backfill FILE`

use heirloom::{Backfill, BackfillPlan, Backfilled};
use serde_json::json;

use super::work;
use crate::cli::args::Backfill as Options;
use crate::cli::exit::{Exit, Failure};
use crate::cli::render::{self, GREEN, styled};
use crate::cli::settings::Settings;
use crate::cli::ui::Ui;

pub(crate) fn run(ui: &mut Ui, settings: &Settings, options: &Options) -> Result<Exit, Failure> {
    let backfill = Backfill::file(&options.file)?;
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
        let plan = work::keeper(settings)?.plan_backfill(database, &backfill)?;
        show_plan(ui, &plan);
        return Ok(Exit::Done);
    }
    let backfilled = work::keeper(settings)?
        .cancel_with(work::cancel_flag())
        .on_event(|event| work::show_event(ui, "", event))
        .backfill(database, &backfill)?;
    show(ui, &backfilled);
    Ok(Exit::Done)
}

fn show(ui: &mut Ui, backfilled: &Backfilled) {
    work::show_notes(ui, &backfilled.notes);
    let database = render::path(&backfilled.database);
    let (name, table) = (&backfilled.name, &backfilled.table);
    let before = match backfilled.rows_before {
        0 => String::new(),
        rows => format!(", after {} before", render::grouped(rows)),
    };
    ui.line(&match backfilled.is_up_to_date() {
        true => format!("nothing to do: {name} is done in {database}"),
        false => format!(
            "{} {name} filled {} rows of `{table}` in {database} in {}{before}",
            styled(GREEN, "done    "),
            render::grouped(backfilled.rows),
            render::duration(backfilled.duration),
        ),
    });
    ui.document(&json!({
        "ok": true,
        "name": name,
        "table": table,
        "rows": backfilled.rows,
        "rows_before": backfilled.rows_before,
        "backup": render::some_path_json(backfilled.backup.as_ref()),
        "started_at": backfilled.started_at,
        "database": render::path_json(&backfilled.database),
        "duration_ms": render::milliseconds(backfilled.duration),
        "notes": backfilled.notes,
    }));
}

fn show_plan(ui: &mut Ui, plan: &BackfillPlan) {
    let (name, table) = (&plan.name, &plan.table);
    let (done, left) = (render::grouped(plan.done), render::grouped(plan.left));
    let database = render::path(&plan.database);
    ui.line(&match (&plan.started_at, &plan.finished_at) {
        (_, Some(time)) => format!(
            "nothing to do: {name} is done in {database} since {}",
            render::local_time(time)
        ),
        (Some(_), None) => {
            format!("{name} would go on: {done} rows of `{table}` are done, {left} are left")
        }
        (None, None) => {
            format!("{name} would begin, with a copy of {database}: {left} rows of `{table}`")
        }
    });
    ui.line(&format!("nothing was changed in {database}"));
    ui.document(&json!({
        "ok": true,
        "dry_run": true,
        "name": name,
        "table": table,
        "done": plan.done,
        "left": plan.left,
        "started_at": plan.started_at,
        "finished_at": plan.finished_at,
        "backup": null,
        "database": render::path_json(&plan.database),
    }));
}
