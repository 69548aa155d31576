//! `heirloom run`

use heirloom::Report;
use serde_json::json;

use super::work;
use crate::cli::args::Run;
use crate::cli::exit::{Exit, Failure};
use crate::cli::render::{self, GREEN, styled};
use crate::cli::settings::Settings;
use crate::cli::ui::Ui;

pub(crate) fn run(ui: &mut Ui, settings: &Settings, options: &Run) -> Result<Exit, Failure> {
    if options.dry_run {
        return dry_run(ui, settings, options);
    }
    if options.rehearse {
        return rehearse(ui, settings, options);
    }
    let report = work::with_consent(ui, options.allow_destructive, |ui, consent| {
        migrate(ui, settings, options, consent)
    })?;
    work::show_report(ui, settings, &report);
    ui.document(&render::report_json("applied", &report));
    Ok(Exit::Done)
}

/// What a run would ask, asked before several begin. None where it would ask nothing, or fail.
pub(crate) fn ask_before(ui: &mut Ui, settings: &Settings, options: &Run) -> Option<bool> {
    if options.dry_run || options.rehearse || options.allow_destructive || !ui.can_ask() {
        return None;
    }
    let migrator = work::consenting(settings, false).ok()?;
    let database = &settings.database.value;
    let refused = migrator.plan(database, options.to).ok()?.refused?;
    if !work::may_ask(ui, &refused) {
        return None;
    }
    ui.note(&format!("{}:", render::path(database)));
    Some(work::consents(ui, &refused))
}

fn migrate(
    ui: &mut Ui,
    settings: &Settings,
    options: &Run,
    allow_destructive: bool,
) -> Result<Report, Failure> {
    let migrator = work::consenting(settings, allow_destructive)?
        .cancel_with(work::cancel_flag())
        .on_event(|event| work::show_event(ui, "applied", event));
    let database = &settings.database.value;
    Ok(match options.to {
        Some(version) => migrator
            .migrate_to(database, version)
            .map_err(|error| work::or_meant_version(settings, version, error))?,
        None => migrator.migrate(database)?,
    })
}

fn rehearse(ui: &mut Ui, settings: &Settings, options: &Run) -> Result<Exit, Failure> {
    let rehearsed = work::consenting(settings, options.allow_destructive)?
        .cancel_with(work::cancel_flag())
        .on_event(|event| work::show_event(ui, "tried", event))
        .rehearse(&settings.database.value, options.to)?;
    for done in &rehearsed.migrations {
        for rows in &done.tables {
            ui.line(&format!(
                "{} {}V{}__{}: {rows}",
                styled(GREEN, "rows    "),
                render::owner(done.component.as_deref()),
                done.version,
                done.name,
            ));
        }
    }
    work::show_notes(ui, &rehearsed.notes);
    let database = render::path(&rehearsed.database);
    if let Some(failure) = rehearsed.failure {
        ui.note(&format!("the run would fail; {database} was not touched"));
        return Err(work::or_meant_version(settings, options.to, failure));
    }
    let last = match rehearsed.is_up_to_date() {
        true => work::nothing_to_do(settings, &rehearsed.database, rehearsed.version),
        false => format!(
            "{} the run would succeed, and take {} of disk; {database} was not touched",
            styled(GREEN, "done    "),
            render::bytes(rehearsed.disk_bytes)
        ),
    };
    ui.line(&last);
    ui.in_short(&last);
    ui.document(&json!({
        "ok": true,
        "rehearsed": render::done_json(&rehearsed.migrations),
        "disk_bytes": rehearsed.disk_bytes,
        "notes": rehearsed.notes,
        "database": render::path_json(&rehearsed.database),
    }));
    Ok(Exit::Done)
}

fn dry_run(ui: &mut Ui, settings: &Settings, options: &Run) -> Result<Exit, Failure> {
    let plan = work::consenting(settings, options.allow_destructive)?
        .plan(&settings.database.value, options.to)
        .map_err(|error| work::or_meant_version(settings, options.to, error))?;
    work::show_plan(ui, settings, &plan);
    if plan.refused.is_none() {
        ui.document(&work::plan_json("applied", &plan));
    }
    match plan.refused {
        Some(refused) => Err(refused.into()),
        None => Ok(Exit::Done),
    }
}
