//! `heirloom run`

use heirloom::{Error, ErrorKind, Migrator, Report};
use serde_json::json;

use super::work;
use crate::cli::args::Run;
use crate::cli::exit::{Exit, Failure};
use crate::cli::render::{self, GREEN, YELLOW, styled};
use crate::cli::settings::Settings;
use crate::cli::ui::Ui;

pub(crate) fn run(ui: &mut Ui, settings: &Settings, options: &Run) -> Result<Exit, Failure> {
    if options.dry_run {
        return dry_run(ui, settings, options);
    }
    if options.rehearse {
        return rehearse(ui, settings, options);
    }
    let report = match migrate(ui, settings, options, options.allow_destructive) {
        Err(Failure::Library(error)) if may_ask(ui, &error) => {
            if !consents(ui, &error) {
                return Err(Failure::NotConfirmed {
                    help: "say --allow-destructive to consent without being asked",
                });
            }
            migrate(ui, settings, options, true)?
        }
        result => result?,
    };
    work::show_report(ui, &report);
    ui.document(&render::report_json("applied", &report));
    Ok(Exit::Done)
}

fn consents(ui: &mut Ui, error: &Error) -> bool {
    let live = ui.is_live();
    for loss in error.losses().iter().filter(|_| live) {
        ui.note(&styled(YELLOW, format!("would destroy {loss}")));
    }
    work::asks(ui, |ui| ui.ask("Destroy it, after a verified copy?"))
}

/// What a run would ask, asked before several begin. None where it would ask nothing, or fail.
pub(crate) fn ask_before(ui: &mut Ui, settings: &Settings, options: &Run) -> Option<bool> {
    if options.dry_run || options.rehearse || options.allow_destructive || !ui.can_ask() {
        return None;
    }
    let migrator = migrator(settings, false).ok()?;
    let database = &settings.database.value;
    let refused = migrator.plan(database, options.to).ok()?.refused?;
    if !may_ask(ui, &refused) {
        return None;
    }
    ui.note(&format!("{}:", render::path(database)));
    Some(consents(ui, &refused))
}

/// Only what was found before anything was touched is a question; a row that went missing
/// in the run is a failure.
fn may_ask(ui: &Ui, error: &Error) -> bool {
    error.kind() == ErrorKind::Destructive && !error.losses().is_empty() && ui.can_ask()
}

fn migrate(
    ui: &mut Ui,
    settings: &Settings,
    options: &Run,
    allow_destructive: bool,
) -> Result<Report, Failure> {
    let migrator = migrator(settings, allow_destructive)?
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

fn migrator<'a>(settings: &Settings, allow_destructive: bool) -> Result<Migrator<'a>, Failure> {
    let migrator = work::migrator(settings)?;
    Ok(match allow_destructive {
        true => migrator.allow_destructive(),
        false => migrator,
    })
}

fn rehearse(ui: &mut Ui, settings: &Settings, options: &Run) -> Result<Exit, Failure> {
    let rehearsed = migrator(settings, options.allow_destructive)?
        .cancel_with(work::cancel_flag())
        .on_event(|event| work::show_event(ui, "tried", event))
        .rehearse(&settings.database.value, options.to)?;
    for done in &rehearsed.migrations {
        for rows in &done.tables {
            ui.line(&format!(
                "{} V{}__{}: {rows}",
                styled(GREEN, "rows    "),
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
        true => work::nothing_to_do(&rehearsed.database, rehearsed.version),
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
    let plan = migrator(settings, options.allow_destructive)?
        .plan(&settings.database.value, options.to)
        .map_err(|error| work::or_meant_version(settings, options.to, error))?;
    work::show_plan(ui, &plan);
    if plan.refused.is_none() {
        ui.document(&work::plan_json("applied", &plan));
    }
    match plan.refused {
        Some(refused) => Err(refused.into()),
        None => Ok(Exit::Done),
    }
}
