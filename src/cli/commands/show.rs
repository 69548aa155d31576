//! `heirloom show`

use heirloom::inspect::MigrationStatus;
use heirloom::{MigrationState, Status};
use serde_json::{Value, json};

use crate::exit::{Exit, Failure};
use crate::output::json;
use crate::output::report;
use crate::output::text;
use crate::output::text::{BOLD, DIM, GREEN, RED, YELLOW, styled};
use crate::output::ui::Ui;
use crate::settings::gather::Settings;
use crate::settings::migrator::migrator;

#[derive(Debug, clap::Args)]
pub(crate) struct Show {
    /// Exit with 3 when the database is not up to date
    #[arg(long)]
    pub(crate) check: bool,
}

pub(crate) fn run(ui: &mut Ui, settings: &Settings, options: &Show) -> Result<Exit, Failure> {
    let status = migrator(settings)?
        .database(&settings.database.value)
        .status()?;
    show(ui, settings, &status);
    if ui.speaks_json() {
        let document = document(ui, &status);
        ui.document(&document);
    }
    Ok(if options.check && !status.is_up_to_date() {
        Exit::CheckSaysNo
    } else {
        Exit::Done
    })
}

fn show(ui: &mut Ui, settings: &Settings, status: &Status) {
    let database = text::path(&status.database);
    let state = match (status.exists, status.version) {
        (true, Some(version)) => format!("{database} is at version {version}"),
        (true, None) if status.count(MigrationState::Applied) > 0 => {
            format!("{database} has no applied migration of the app itself")
        }
        (true, None) => format!("{database} has no applied migration"),
        (false, _) => format!("{database} does not exist yet"),
    };
    ui.line(&state);
    if let Some(started_at) = &status.interrupted {
        ui.line(&text::interrupted(started_at));
    }
    report::show_notes(ui, &status.notes, &status.remedies);
    if !ui.is_in_short() {
        show_migrations(ui, status);
    }
    // A folder is only looked into again where nothing was found in it.
    let is_a_file =
        |entry: &MigrationStatus| entry.component == settings.component && entry.file.is_some();
    let empty = match status.migrations.iter().any(is_a_file) {
        true => None,
        false => report::no_migrations(settings),
    };
    let summary = empty.unwrap_or_else(|| summary(status));
    ui.line(&summary);
    let refused = match &status.problem {
        Some(problem) => format!("; {} {problem}", styled(RED, "they cannot run:")),
        None => String::new(),
    };
    ui.in_short(&format!("{state}: {summary}{refused}"));
}

fn show_migrations(ui: &mut Ui, status: &Status) {
    let rows: Vec<Vec<String>> = status.migrations.iter().map(row).collect();
    let header = ["state", "version", "name", "applied (UTC)", ""];
    let mut lines = ui.list_lines(&header, &rows).into_iter();
    lines.by_ref().take(1).for_each(|header| ui.block(&header));
    for (entry, line) in status.migrations.iter().zip(lines) {
        ui.block(&line);
        if entry.state == MigrationState::Pending {
            let effects = text::effects(
                &entry.losses,
                entry.consents,
                entry.estimate.as_ref(),
                &entry.notes,
            );
            for effect in effects {
                ui.line(&format!("    {effect}"));
            }
            ui.block(&styled(
                DIM,
                text::indented(entry.sql.as_deref().unwrap_or_default()),
            ));
        }
    }
    if let Some(problem) = &status.problem {
        ui.line(&format!(
            "{} {problem:#}",
            styled(RED, "the pending migrations cannot run:")
        ));
        for remedy in ui.typed().sentences(problem.remedies()) {
            ui.line(&format!("      {remedy}"));
        }
    }
    for drifted in &status.drift {
        let told = format!("{drifted}, though the applied migrations give it otherwise");
        ui.line(&format!("{} {told}", styled(YELLOW, "drift:")));
    }
}

fn row(entry: &MigrationStatus) -> Vec<String> {
    let style = match entry.state {
        MigrationState::Applied => GREEN,
        MigrationState::Pending => BOLD,
        _ => RED,
    };
    let irreversible = match entry.reversible {
        true => String::new(),
        false => styled(YELLOW, "irreversible"),
    };
    vec![
        styled(style, entry.state.as_str()),
        number(entry),
        entry.name.clone(),
        entry.applied_at.as_deref().map_or(String::new(), text::utc),
        irreversible,
    ]
}

fn number(entry: &MigrationStatus) -> String {
    let owner = text::owner(entry.component.as_deref());
    format!("{owner}{}", entry.version)
}

fn summary(status: &Status) -> String {
    let counted: Vec<String> = [
        MigrationState::Applied,
        MigrationState::Pending,
        MigrationState::Changed,
        MigrationState::Missing,
        MigrationState::OutOfOrder,
    ]
    .into_iter()
    .map(|state| (status.count(state), state))
    .filter(|(count, _)| *count > 0)
    .map(|(count, state)| format!("{count} {}", state.as_str()))
    .collect();
    if counted.is_empty() {
        return "there are no migrations".to_owned();
    }
    counted.join(", ")
}

fn document(ui: &Ui, status: &Status) -> Value {
    let keys = [
        "database",
        "exists",
        "version",
        "newest_known",
        "drift",
        "interrupted",
    ];
    let entry = [
        "component",
        "version",
        "name",
        "state",
        "applied_at",
        "reversible",
        "destructive",
        "destroys",
        "rebuilds",
        "rebuild_estimates",
        "estimated_ms",
        "disk_bytes",
        "file",
        "sql",
        "notes",
    ];
    let problem = ["kind", "message", "migration", "file", "line", "column"];
    let more = json!({
        "up_to_date": status.is_up_to_date(),
        "migrations": json::each(&status.migrations, &entry),
        "problem": status.problem.as_ref().map(|error| {
            let help = ui.typed().help(error.help(), error.remedies());
            json::with(json::pick(error, &problem), json!({ "help": help }))
        }),
        "notes": json::notes(&status.notes, &status.remedies, ui.typed()),
    });
    json::with(json::done(status, &keys), more)
}
