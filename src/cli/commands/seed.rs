//! `heirloom seed [ENVIRONMENT]`

use heirloom::{Plan, Report};
use serde_json::json;

use crate::complete::meant;
use crate::exit::{Exit, Failure};
use crate::output::ask;
use crate::output::json;
use crate::output::report;
use crate::output::text;
use crate::output::text::{BOLD, GREEN, styled};
use crate::output::ui::Ui;
use crate::settings::gather::Settings;
use crate::settings::migrator::allowing;

#[derive(Debug, clap::Args)]
pub(crate) struct Seed {
    /// The environment: a subfolder of the seeds, whose files are run too
    pub(crate) environment: Option<String>,
    /// Print what would be run, and change nothing
    #[arg(long)]
    pub(crate) dry_run: bool,
    /// Allow what the seed files destroy
    #[arg(long)]
    pub(crate) allow_destructive: bool,
}

pub(crate) fn run(ui: &mut Ui, settings: &Settings, options: &Seed) -> Result<Exit, Failure> {
    let folder = &settings.seeds.value;
    let (database, environment) = (&settings.database.value, options.environment.as_deref());
    let or_not_there = |error| meant::or_no_seeds(settings, environment, error);
    if options.dry_run {
        let plan = allowing(settings, options.allow_destructive)?
            .database(database)
            .plan_seed(folder, environment)
            .map_err(or_not_there)?;
        return dry_run(ui, plan);
    }
    let seeded = ask::with_permission(ui, options.allow_destructive, |ui, allowed| {
        allowing(settings, allowed)?
            .cancel_with(ask::cancel_flag())
            .on_event(|event| report::show_event(ui, "seeded", event))
            .database(database)
            .seed(folder, environment)
            .map_err(or_not_there)
    })?;
    show(ui, &seeded);
    Ok(Exit::Done)
}

fn show(ui: &mut Ui, seeded: &Report) {
    report::show_notes(ui, &seeded.notes, &seeded.remedies);
    let database = text::path(&seeded.database);
    ui.line(&match seeded.is_up_to_date() {
        true => format!("nothing to do: every seed file was already run on {database}"),
        false => format!(
            "{} {database} ({})",
            styled(GREEN, "seeded  "),
            text::duration(seeded.duration)
        ),
    });
    let keys = ["seeded", "backup", "database", "duration_ms", "notes"];
    ui.document(&json::done(seeded, &keys));
}

fn dry_run(ui: &mut Ui, plan: Plan) -> Result<Exit, Failure> {
    let database = text::path(&plan.database);
    if let Some(started_at) = &plan.interrupted {
        ui.line(&text::interrupted(started_at));
    }
    for step in &plan.steps {
        ui.line(&styled(BOLD, &step.name));
        report::show_effects(ui, step);
    }
    ui.line(&match plan.steps.is_empty() {
        true => format!("nothing to do: every seed file was already run on {database}"),
        false => format!("nothing was changed in {database}"),
    });
    if let Some(refused) = plan.refused {
        return Err(refused.into());
    }
    let steps = json::each(
        &plan.steps,
        &["file=name", "destructive", "destroys", "sql"],
    );
    let more = json!({ "seeded": [], "backup": null, "plan": steps });
    ui.document(&json::with(json::dry_run(&plan, &["database"]), more));
    Ok(Exit::Done)
}
