//! `heirloom seed [ENVIRONMENT]`

use heirloom::{Plan, Seeded};
use serde_json::{Value, json};

use super::work;
use crate::cli::args::Seed;
use crate::cli::exit::{Exit, Failure};
use crate::cli::render::{self, BOLD, GREEN, styled};
use crate::cli::settings::Settings;
use crate::cli::ui::Ui;

pub(crate) fn run(ui: &mut Ui, settings: &Settings, options: &Seed) -> Result<Exit, Failure> {
    let folder = &settings.seeds.value;
    let (database, environment) = (&settings.database.value, options.environment.as_deref());
    let or_not_there = |error| work::or_no_seeds(settings, environment, error);
    if options.dry_run {
        let plan = work::consenting(settings, options.allow_destructive)?
            .plan_seed(database, folder, environment)
            .map_err(or_not_there)?;
        return dry_run(ui, plan);
    }
    let seeded = work::with_consent(ui, options.allow_destructive, |ui, consent| {
        work::consenting(settings, consent)?
            .cancel_with(work::cancel_flag())
            .on_event(|event| work::show_event(ui, "seeded", event))
            .seed(database, folder, environment)
            .map_err(or_not_there)
    })?;
    show(ui, &seeded);
    Ok(Exit::Done)
}

fn show(ui: &mut Ui, seeded: &Seeded) {
    work::show_notes(ui, &seeded.notes);
    let database = render::path(&seeded.database);
    ui.line(&match seeded.files.is_empty() {
        true => format!("nothing to do: {database} has every seed as it is"),
        false => format!(
            "{} {database} in {}",
            styled(GREEN, "done    "),
            render::duration(seeded.duration)
        ),
    });
    ui.document(&json!({
        "ok": true,
        "seeded": render::seeds_json(&seeded.files),
        "backup": render::some_path_json(seeded.backup.as_ref()),
        "database": render::path_json(&seeded.database),
        "duration_ms": render::milliseconds(seeded.duration),
        "notes": seeded.notes,
    }));
}

fn dry_run(ui: &mut Ui, plan: Plan) -> Result<Exit, Failure> {
    let database = render::path(&plan.database);
    if let Some(started_at) = &plan.interrupted {
        ui.line(&render::interrupted(started_at));
    }
    for step in &plan.steps {
        ui.line(&styled(BOLD, &step.name));
        work::show_effects(ui, step);
    }
    ui.line(&match plan.steps.is_empty() {
        true => format!("nothing to do: {database} has every seed as it is"),
        false => format!("nothing was changed in {database}"),
    });
    if let Some(refused) = plan.refused {
        return Err(refused.into());
    }
    let steps: Vec<Value> = plan
        .steps
        .iter()
        .map(|step| {
            json!({
                "file": step.name,
                "destructive": !step.losses.is_empty(),
                "destroys": render::losses_json(&step.losses),
                "sql": step.sql,
            })
        })
        .collect();
    ui.document(&json!({
        "ok": true,
        "dry_run": true,
        "seeded": [],
        "backup": null,
        "database": render::path_json(&plan.database),
        "plan": steps,
    }));
    Ok(Exit::Done)
}
