//! `heirloom run`

use heirloom::{Error, ErrorKind, Report};

use super::work;
use crate::cli::args::Run;
use crate::cli::exit::{Exit, Failure};
use crate::cli::render::{self, YELLOW, styled};
use crate::cli::settings::Settings;
use crate::cli::ui::Ui;

pub(crate) fn run(ui: &mut Ui, settings: &Settings, options: &Run) -> Result<Exit, Failure> {
    if options.dry_run {
        return dry_run(ui, settings, options);
    }
    let report = match migrate(ui, settings, options, options.allow_destructive) {
        Err(Failure::Library(error)) if may_ask(ui, &error) => {
            for loss in error.losses() {
                ui.note(&styled(YELLOW, format!("would destroy {loss}")));
            }
            if !work::confirms(ui, "Destroy it, after a verified copy?") {
                return Err(Failure::NotConfirmed);
            }
            migrate(ui, settings, options, true)?
        }
        result => result?,
    };
    work::show_report(ui, &report);
    ui.document(&render::report_json("applied", &report));
    Ok(Exit::Done)
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
    let mut migrator = work::migrator(settings)?
        .cancel_with(work::cancel_flag())
        .on_event(|event| work::show_event(ui, "applied", event));
    if allow_destructive {
        migrator = migrator.allow_destructive();
    }
    let database = &settings.database.value;
    Ok(match options.to {
        Some(version) => migrator.migrate_to(database, version)?,
        None => migrator.migrate(database)?,
    })
}

fn dry_run(ui: &mut Ui, settings: &Settings, options: &Run) -> Result<Exit, Failure> {
    let mut migrator = work::migrator(settings)?;
    if options.allow_destructive {
        migrator = migrator.allow_destructive();
    }
    let plan = migrator.plan(&settings.database.value, options.to)?;
    work::show_plan(ui, &plan);
    if plan.refused.is_none() {
        ui.document(&work::plan_json("applied", &plan));
    }
    match plan.refused {
        Some(refused) => Err(refused.into()),
        None => Ok(Exit::Done),
    }
}
