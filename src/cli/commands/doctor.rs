//! `heirloom doctor`

use heirloom::inspect::{Diagnosis, Problem};
use serde_json::{Value, json};

use crate::exit::{Exit, Failure};
use crate::output::json;
use crate::output::report;
use crate::output::text;
use crate::output::text::{GREEN, RED, styled};
use crate::output::ui::Ui;
use crate::settings::gather::Settings;
use crate::settings::migrator::keeper;

pub(crate) fn run(ui: &mut Ui, settings: &Settings) -> Result<Exit, Failure> {
    let found = keeper(settings)?
        .database(&settings.database.value)
        .doctor()?;
    show(ui, &found);
    let document = document(ui, &found);
    ui.document(&document);
    Ok(match (found.is_damaged(), found.is_healthy()) {
        (true, _) => Exit::NeedsAttention,
        (_, true) => Exit::Done,
        _ => Exit::CheckSaysNo,
    })
}

fn show(ui: &mut Ui, found: &Diagnosis) {
    for problem in &found.problems {
        ui.line(&format!(
            "{} {}\n         {} {}",
            styled(RED, "problem "),
            problem.message,
            styled(GREEN, "help:"),
            help(ui, problem)
        ));
    }
    for passed in &found.passed {
        ui.line(&format!("{} {passed}", styled(GREEN, "ok      ")));
    }
    report::show_notes(ui, &found.notes, &[]);
    if let Some(holder) = &found.held_by {
        ui.line(&format!("held by  {holder}"));
    }
    let free = found.free_bytes.map_or("unknown".to_owned(), text::bytes);
    ui.line(&format!(
        "disk     the next run needs about {}, free: {free}",
        text::bytes(found.needed_bytes)
    ));
    ui.line(&format!(
        "{} examined with SQLite {}: {}",
        text::path(&found.database),
        found.sqlite_version,
        match found.problems.len() as u64 {
            0 => "nothing is wrong".to_owned(),
            count => text::counted(count, "problem"),
        }
    ));
}

/// What to do, with commands.
fn help(ui: &Ui, problem: &Problem) -> String {
    let help = ui.typed().help(Some(&problem.help), &problem.remedies);
    help.unwrap_or_default()
}

fn document(ui: &Ui, found: &Diagnosis) -> Value {
    let keys = [
        "passed",
        "notes",
        "database",
        "exists",
        "held_by",
        "sqlite_version",
        "needed_bytes",
        "free_bytes",
    ];
    let more = json!({
        "healthy": found.is_healthy(),
        "damaged": found.is_damaged(),
        "problems": json::with_help(&found.problems, &["kind", "message"], |problem| Some(help(ui, problem))),
    });
    json::with(json::done(found, &keys), more)
}
