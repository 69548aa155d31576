//! `heirloom check`

use std::path::Path;

use heirloom::Event;
use heirloom::devtools::{Checked, Finding};
use serde_json::{Value, json};

use crate::commands::generate::Target;
use crate::exit::{Exit, Failure};
use crate::output::ask;
use crate::output::json;
use crate::output::text::{self, GREEN, RED, YELLOW, styled};
use crate::output::ui::Ui;
use crate::settings::gather::Settings;
use crate::settings::migrator::{migrator, schema_file};
use crate::settings::origin::Origin;

#[derive(Debug, clap::Args)]
pub(crate) struct Check {
    #[command(flatten)]
    pub(crate) target: Target,
}

pub(crate) fn run(ui: &mut Ui, settings: &Settings, options: &Check) -> Result<Exit, Failure> {
    if settings.schema.origin != Origin::Default {
        schema_file(settings)?;
    }
    let checked = migrator(settings)?
        .cancel_with(ask::cancel_flag())
        .on_event(|event| show_event(ui, event))
        .devtools()
        .check_for(settings.sqlite(options.target.sqlite))?;
    show(ui, &checked);
    let document = document(ui, &checked);
    ui.document(&document);
    Ok(match checked.is_clean() {
        true => Exit::Done,
        false => Exit::CheckSaysNo,
    })
}

fn show_event(ui: &mut Ui, event: &Event<'_>) {
    if let Event::Checked {
        migration,
        findings,
    } = event
    {
        ui.line(&match findings {
            0 => format!("{} {migration}", styled(GREEN, "ok      ")),
            _ => format!(
                "{} {migration}  {}",
                styled(RED, "not ok  "),
                text::counted(*findings as u64, "finding")
            ),
        });
    }
}

fn show(ui: &mut Ui, checked: &Checked) {
    for finding in &checked.findings {
        let migration = finding.migration.iter().map(|name| format!("{name}: "));
        let migration: String = migration.collect();
        ui.line(&format!(
            "{} {migration}{}\n         {} {}",
            styled(RED, "finding "),
            finding.message,
            styled(GREEN, "help:"),
            help(ui, finding)
        ));
    }
    for note in &checked.notes {
        ui.line(&format!("{} {note}", styled(YELLOW, "note    ")));
    }
    let schema = match &checked.schema_file {
        Some(file) => {
            let file = text::path(Path::new(file));
            match checked.schema_compared {
                true => format!("compared with {file}"),
                false => {
                    format!(
                        "not compared with {file}, because not every migration could be checked"
                    )
                }
            }
        }
        None => "there is no schema file".to_owned(),
    };
    let release = match &checked.released_tag {
        Some(tag) => format!("compared with the release {tag}"),
        None => "not compared with a release, because there is no git tag".to_owned(),
    };
    ui.line(&format!(
        "{} checked, {}; {schema}; {release}",
        text::counted(checked.migrations as u64, "migration"),
        text::counted(checked.findings.len() as u64, "finding"),
    ));
}

/// What to do, with commands.
fn help(ui: &Ui, finding: &Finding) -> String {
    let help = ui.typed().help(Some(&finding.help), &finding.remedies);
    help.unwrap_or_default()
}

fn document(ui: &Ui, checked: &Checked) -> Value {
    let keys = [
        "notes",
        "checked=migrations",
        "released_tag",
        "schema_file",
        "schema_compared",
    ];
    let findings = json::with_help(
        &checked.findings,
        &["kind", "migration", "file", "message"],
        |finding| Some(help(ui, finding)),
    );
    json::with(json::done(checked, &keys), json!({ "findings": findings }))
}
