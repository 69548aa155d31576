//! `heirloom push`

use heirloom::devtools::OnHistory;
use heirloom::{Migrator, Plan, Report};
use serde_json::json;

use crate::commands::generate;
use crate::exit::{Exit, Failure};
use crate::output::ask;
use crate::output::json;
use crate::output::report;
use crate::output::text;
use crate::output::text::{GREEN, YELLOW, styled};
use crate::output::ui::Ui;
use crate::settings::gather::Settings;
use crate::settings::migrator::{keeper, permitted, schema_file};

#[derive(Debug, clap::Args)]
pub(crate) struct Push {
    /// Print the SQL, and change nothing
    #[arg(long)]
    pub(crate) dry_run: bool,
    #[command(flatten)]
    pub(crate) answers: generate::Answers,
    /// Allow what the changes destroy
    #[arg(long)]
    pub(crate) allow_destructive: bool,
    /// Push over applied migrations too; the history will no longer match
    #[arg(long)]
    pub(crate) force: bool,
}

pub(crate) fn run(ui: &mut Ui, settings: &Settings, options: &Push) -> Result<Exit, Failure> {
    schema_file(settings)?;
    let database = &settings.database.value;
    let wishes = options.answers.given();
    let on_history = match options.force {
        true => OnHistory::MakeUntrue,
        false => OnHistory::Refuse,
    };
    if options.dry_run {
        let plan = generate::answered(ui, wishes, true, |_, wishes| {
            let migrator = pusher(settings, options.allow_destructive)?;
            Ok(migrator.database(database).plan_push(wishes, on_history)?)
        })?;
        return dry_run(ui, plan);
    }
    let pushed = generate::answered(ui, wishes, true, |ui, wishes| {
        ask::with_permission(ui, options.allow_destructive, |ui, allowed| {
            let migrator = pusher(settings, allowed)?
                .cancel_with(ask::cancel_flag())
                .on_event(|event| report::show_event(ui, "pushed", event));
            Ok(migrator.database(database).push(wishes, on_history)?)
        })
    })?;
    show(ui, &pushed);
    Ok(Exit::Done)
}

/// No migrations are needed, nor a folder of them.
fn pusher<'a>(settings: &Settings, allow_destructive: bool) -> Result<Migrator<'a>, Failure> {
    Ok(permitted(keeper(settings)?, allow_destructive))
}

fn show(ui: &mut Ui, pushed: &Report) {
    for change in pushed.pushed.iter().flat_map(|pushed| &pushed.changes) {
        ui.line(&format!("{:<8} {}", change.kind.as_str(), change.table));
    }
    report::show_notes(ui, &pushed.notes, &pushed.remedies);
    let database = text::path(&pushed.database);
    ui.line(&match pushed.is_up_to_date() {
        true => format!("nothing to do: {database} already matches the schema file"),
        false => format!(
            "{} {database} matches the schema file ({})",
            styled(GREEN, "pushed  "),
            text::duration(pushed.duration)
        ),
    });
    let keys = [
        "changes",
        "sql",
        "backup",
        "database",
        "duration_ms",
        "notes",
    ];
    ui.document(&json::done(pushed, &keys));
}

fn dry_run(ui: &mut Ui, plan: Plan) -> Result<Exit, Failure> {
    let database = text::path(&plan.database);
    if let Some(started_at) = &plan.interrupted {
        ui.line(&text::interrupted(started_at));
    }
    for step in &plan.steps {
        report::show_effects(ui, step);
        ui.block(&text::indented(&step.sql));
    }
    ui.line(&match (plan.steps.is_empty(), &plan.interrupted) {
        (true, None) => format!("nothing to do: {database} already matches the schema file"),
        (true, Some(_)) => styled(YELLOW, "what would be pushed is known only after that"),
        _ => format!("nothing was changed in {database}"),
    });
    if let Some(refused) = plan.refused {
        return Err(refused.into());
    }
    let more = json!({
        "changes": [],
        "sql": plan.steps.first().map_or("", |step| step.sql.as_str()),
        "backup": null,
        "plan": json::steps(&plan.steps),
    });
    ui.document(&json::with(json::dry_run(&plan, &["database"]), more));
    Ok(Exit::Done)
}
