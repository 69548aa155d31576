//! `heirloom run`

use heirloom::{Act, Report};
use serde_json::json;

use crate::commands::compare;
use crate::complete::meant;
use crate::exit::{Exit, Failure};
use crate::output::ask;
use crate::output::json;
use crate::output::report;
use crate::output::text;
use crate::output::text::{GREEN, styled};
use crate::output::ui::Ui;
use crate::settings::gather::Settings;
use crate::settings::migrator::allowing;

#[derive(Debug, clap::Args)]
pub(crate) struct Run {
    /// Apply up to this version
    #[arg(long, value_name = "VERSION")]
    pub(crate) to: Option<i64>,
    /// Print what would be done, and change nothing
    #[arg(long)]
    pub(crate) dry_run: bool,
    /// Run on a temporary copy of the database, report, and delete the copy
    #[arg(long, conflicts_with = "dry_run")]
    pub(crate) rehearse: bool,
    /// Allow what the pending migrations destroy
    #[arg(long)]
    pub(crate) allow_destructive: bool,
    /// Keep what an interrupted run left, where its backup is gone and it cannot be put back
    #[arg(long, conflicts_with_all = ["dry_run", "rehearse"])]
    pub(crate) keep_interrupted: bool,
}

pub(crate) fn run(ui: &mut Ui, settings: &Settings, options: &Run) -> Result<Exit, Failure> {
    if options.dry_run {
        return dry_run(ui, settings, options);
    }
    if options.rehearse {
        return rehearse(ui, settings, options);
    }
    let report = ask::with_permission(ui, options.allow_destructive, |ui, allowed| {
        migrate(ui, settings, options, allowed)
    })?;
    report::show_report(ui, settings, "migrated", &report);
    ui.document(&json::report("applied", &report, ui.typed()));
    Ok(Exit::Done)
}

/// What a run would ask, asked before several begin. None where it would ask nothing, or fail.
pub(crate) fn ask_before(ui: &mut Ui, settings: &Settings, options: &Run) -> Option<bool> {
    if options.dry_run || options.rehearse || options.allow_destructive || !ui.can_ask() {
        return None;
    }
    let migrator = allowing(settings, false).ok()?;
    let database = &settings.database.value;
    let refused = migrator.database(database).plan(options.to).ok()?.refused?;
    if !ask::may_ask(ui, &refused) {
        return None;
    }
    ui.note(&format!("{}:", text::path(database)));
    Some(ask::allows(ui, &refused))
}

fn migrate(
    ui: &mut Ui,
    settings: &Settings,
    options: &Run,
    allow_destructive: bool,
) -> Result<Report, Failure> {
    let mut migrator = allowing(settings, allow_destructive)?;
    if options.keep_interrupted {
        migrator = migrator.keep_interrupted();
    }
    let migrator = migrator
        .cancel_with(ask::cancel_flag())
        .on_event(|event| report::show_event(ui, "applied", event));
    let database = &settings.database.value;
    Ok(match options.to {
        Some(version) => migrator
            .database(database)
            .migrate_to(version)
            .map_err(|error| meant::or_meant_version(settings, version, error))?,
        None => migrator.migrate(database)?,
    })
}

fn rehearse(ui: &mut Ui, settings: &Settings, options: &Run) -> Result<Exit, Failure> {
    let rehearsed = allowing(settings, options.allow_destructive)?
        .cancel_with(ask::cancel_flag())
        .on_event(|event| report::show_event(ui, "tried", event))
        .database(&settings.database.value)
        .rehearse(options.to);
    let rehearsed = match rehearsed {
        Ok(rehearsed) => rehearsed,
        Err(error) => {
            // With a report it is what the run would fail with, and how far it came.
            if let Some(report) = error.report().filter(|report| report.act == Act::Rehearse) {
                show_rows(ui, report);
                let database = text::path(&report.database);
                ui.note(&format!("the run would fail; {database} was not changed"));
            }
            return Err(meant::or_meant_version(settings, options.to, error));
        }
    };
    show_rows(ui, &rehearsed);
    let last = match rehearsed.is_up_to_date() {
        true => report::nothing_to_do(settings, &rehearsed.database, rehearsed.version),
        false => format!(
            "{} the run would succeed, and needs {} of disk; {} was not changed",
            styled(GREEN, "done    "),
            text::bytes(rehearsed.disk_bytes.unwrap_or_default()),
            text::path(&rehearsed.database)
        ),
    };
    ui.line(&last);
    ui.in_short(&last);
    let keys = ["rehearsed=applied", "differences", "notes", "database"];
    let disk_bytes = rehearsed.disk_bytes.unwrap_or_default();
    ui.document(&json::with(
        json::done(&rehearsed, &keys),
        json!({ "disk_bytes": disk_bytes }),
    ));
    Ok(Exit::Done)
}

/// What became of the rows of tables in a rehearsal, and what somebody should know.
fn show_rows(ui: &mut Ui, rehearsed: &Report) {
    for done in &rehearsed.applied {
        for rows in &done.tables {
            ui.line(&format!(
                "{} {}V{}__{}: {rows}",
                styled(GREEN, "rows    "),
                text::owner(done.component.as_deref()),
                done.version,
                done.name,
            ));
        }
    }
    for difference in &rehearsed.differences {
        let words = compare::in_words(difference, "gone", "new");
        let changes = styled(GREEN, "changes ");
        ui.line(&format!("{changes} `{}`: {words}", difference.table));
    }
    report::show_notes(ui, &rehearsed.notes, &rehearsed.remedies);
}

fn dry_run(ui: &mut Ui, settings: &Settings, options: &Run) -> Result<Exit, Failure> {
    let plan = allowing(settings, options.allow_destructive)?
        .database(&settings.database.value)
        .plan(options.to)
        .map_err(|error| meant::or_meant_version(settings, options.to, error))?;
    report::show_plan(ui, settings, &plan);
    if plan.refused.is_none() {
        ui.document(&json::plan("applied", &plan));
    }
    match plan.refused {
        Some(refused) => Err(refused.into()),
        None => Ok(Exit::Done),
    }
}
