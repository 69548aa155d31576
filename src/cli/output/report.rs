//! What several commands print alike: events as lines, reports, plans, notes.

use std::path::Path;

use heirloom::plan::Step;
use heirloom::{Event, Plan, Remedy, Report};

use crate::output::json;
use crate::output::text;
use crate::output::text::{BOLD, DIM, GREEN, YELLOW, styled};
use crate::output::ui::{Ui, Unit};
use crate::settings::gather::Settings;

/// Shows an event as it happens.
pub(crate) fn show_event(ui: &mut Ui, verb: &str, event: &Event<'_>) {
    match event {
        Event::Waiting { holder } => ui.note(&format!("waiting for {holder}")),
        Event::Recovering { backup } => {
            let from = backup.map_or("an empty database".to_owned(), text::path);
            ui.note(&format!("a run was interrupted: restoring from {from}"));
        }
        Event::CleanedUp { files } => ui.note(&format!(
            "cleaned up after an interruption: removed {files} unfinished files"
        )),
        Event::Checking { what, done, total } => {
            let of = match total {
                1 => String::new(),
                _ => format!(" ({} of {total})", (done + 1).min(*total)),
            };
            ui.passing(&format!("checking {what}{of}"));
        }
        Event::Copying { done, total } => {
            ui.progress("backing up", Unit::Bytes, *done, *total, None)
        }
        Event::Filling { table, done, total } => {
            ui.progress(
                &format!("rebuilding `{table}`"),
                Unit::Rows,
                *done,
                *total,
                None,
            );
        }
        Event::Backfilling { done, total, rate } => {
            ui.progress("filling", Unit::Rows, *done, *total, Some(*rate));
        }
        Event::CopyVerified { backup, duration } => {
            let size = backup.metadata().map_or(0, |file| file.len());
            ui.line(&format!(
                "{} {}  {}",
                styled(GREEN, "backup  "),
                text::path(backup),
                styled(
                    DIM,
                    format!(
                        "{}, verified, {}",
                        text::bytes(size),
                        text::duration(*duration)
                    )
                ),
            ));
        }
        Event::Finished {
            migration,
            duration,
        } => ui.line(&format!(
            "{} {migration}  {}",
            styled(GREEN, format!("{verb:<8}")),
            styled(DIM, text::duration(*duration))
        )),
        Event::RollingBack => ui.note("rolling back"),
        _ => {}
    }
}

/// What a version is of: the database, or the component that is spoken of in it.
pub(crate) fn subject(settings: &Settings, database: &Path) -> String {
    let database = text::path(database);
    match &settings.component {
        Some(name) => format!("`{name}` in {database}"),
        None => database,
    }
}

/// The last lines of a run or a revert, and what was done in one word.
pub(crate) fn show_report(ui: &mut Ui, settings: &Settings, done: &str, report: &Report) {
    show_notes(ui, &report.notes, &report.remedies);
    let before = report.version_before.map(|version| version.to_string());
    let before = before.unwrap_or_else(|| "new".to_owned());
    let mut went: Vec<String> = Vec::new();
    let mut others = report.components();
    others.retain(|name, _| settings.component.as_deref() != Some(*name));
    if report.version_before != report.version || others.is_empty() {
        went.push(format!(
            "{}: {before} → {}",
            subject(settings, &report.database),
            styled(BOLD, text::version(report.version)),
        ));
    }
    for (name, version) in others {
        let version = styled(BOLD, version);
        went.push(match went.is_empty() {
            true => format!("{}: `{name}` → {version}", text::path(&report.database)),
            false => format!("`{name}` → {version}"),
        });
    }
    let last = match report.is_up_to_date() {
        true => nothing_to_do(settings, &report.database, report.version),
        false => format!(
            "{} {} ({})",
            styled(GREEN, format!("{done:<8}")),
            went.join(", "),
            text::duration(report.duration)
        ),
    };
    ui.line(&last);
    ui.in_short(&last);
}

/// The last line: what was done to which database, its version, and how long it took.
pub(crate) fn finished(done: &str, subject: &str, report: &Report) -> String {
    format!(
        "{} {subject}: version {} ({})",
        styled(GREEN, done),
        styled(BOLD, text::version(report.version)),
        text::duration(report.duration)
    )
}

/// What is worth knowing, and what can be done about it.
pub(crate) fn show_notes(ui: &mut Ui, notes: &[String], remedies: &[Remedy]) {
    let remedies = ui.typed().sentences(remedies);
    for note in notes.iter().chain(&remedies) {
        ui.remark(&format!("{} {note}", styled(YELLOW, "note    ")));
    }
}

/// That there is nothing to do, in words.
pub(crate) fn nothing_to_do(settings: &Settings, database: &Path, version: Option<i64>) -> String {
    let (subject, version) = (subject(settings, database), text::version(version));
    let hint = no_migrations(settings).map(|hint| format!("; {hint}"));
    let hint = hint.unwrap_or_default();
    format!("nothing to do: {subject} is at version {version}{hint}")
}

/// How a project begins, where its folder of migrations is empty.
pub(crate) fn no_migrations(settings: &Settings) -> Option<String> {
    let folder = &settings.migrations.value;
    let is_empty = folder
        .read_dir()
        .is_ok_and(|mut entries| entries.next().is_none());
    is_empty.then(|| {
        format!(
            "{} is empty: `heirloom init` starts a project",
            text::path(folder)
        )
    })
}

/// A plan for people.
pub(crate) fn show_plan(ui: &mut Ui, settings: &Settings, plan: &Plan) {
    let database = text::path(&plan.database);
    if let Some(started_at) = &plan.interrupted {
        ui.line(&text::interrupted(started_at));
    }
    if plan.steps.is_empty() {
        return ui.line(&nothing_to_do(settings, &plan.database, plan.version));
    }
    for step in &plan.steps {
        let owner = text::owner(step.component.as_deref());
        ui.line(&format!(
            "{}  {}",
            styled(BOLD, format!("{owner}{}", step.version)),
            step.name
        ));
        show_effects(ui, step);
        ui.block(&text::indented(&step.sql));
    }
    ui.line(&format!("nothing was changed in {database}"));
}

/// What would be recorded as applied, and that nothing was.
pub(crate) fn show_marks(ui: &mut Ui, plan: &Plan, list: &str) {
    for step in &plan.steps {
        let owner = text::owner(step.component.as_deref());
        ui.line(&format!(
            "would be recorded as applied  {owner}V{}__{}",
            step.version, step.name
        ));
    }
    let database = text::path(&plan.database);
    ui.line(&format!("nothing was changed in {database}"));
    ui.document(&json::plan(list, plan));
}

/// What one step of a plan does.
pub(crate) fn show_effects(ui: &mut Ui, step: &Step) {
    for line in text::effects(
        &step.losses,
        step.consents,
        step.estimate.as_ref(),
        &step.notes,
    ) {
        ui.line(&format!("  {line}"));
    }
}

/// The snapshot of what a database held, and how to restore it.
pub(crate) fn show_snapshot(ui: &mut Ui, database: &Path, snapshot: &Path) {
    ui.line(&format!(
        "{} {}",
        styled(GREEN, "snapshot"),
        text::path(snapshot)
    ));
    let name = snapshot.file_stem().unwrap_or_default().to_string_lossy();
    ui.undo(&format!(
        "{} restore-snapshot --name {}",
        text::command_on(database),
        text::typed(&name)
    ));
}

/// That there is nothing to look at.
pub(crate) fn not_there(database: &Path) -> String {
    format!("{} does not exist yet", text::path(database))
}
