//! `heirloom log`

use heirloom::inspect::{Log, LogEntry};

use crate::exit::{Exit, Failure};
use crate::output::json;
use crate::output::report;
use crate::output::text;
use crate::output::ui::Ui;
use crate::settings::gather::Settings;
use crate::settings::migrator::keeper;

pub(crate) fn run(ui: &mut Ui, settings: &Settings) -> Result<Exit, Failure> {
    let log = keeper(settings)?.database(&settings.database.value).log()?;
    show(ui, &log);
    ui.document(&json::done(
        &log,
        &["database", "exists", "log", "unlogged"],
    ));
    Ok(Exit::Done)
}

fn show(ui: &mut Ui, log: &Log) {
    let rows: Vec<Vec<String>> = log.entries.iter().map(line).collect();
    ui.list(
        &["at (UTC)", "command", "version", "took", "details"],
        &rows,
    );
    if !log.exists {
        ui.line(&report::not_there(&log.database));
    } else if log.entries.is_empty() {
        ui.line("the log is empty");
    }
    let unlogged = log.unlogged.len() as u64;
    if unlogged > 0 {
        ui.line(&format!(
            "{} applied by another tool, or before there was a log: see `heirloom show`",
            text::counted(unlogged, "migration")
        ));
    }
}

fn line(entry: &LogEntry) -> Vec<String> {
    let owner = text::owner(entry.component());
    let versions = match entry.version_before == entry.version {
        _ if entry.backfill.is_some() => entry.backfill.clone().unwrap_or_default(),
        true => text::version(entry.version),
        false => format!(
            "{owner}{} → {}",
            text::version(entry.version_before),
            text::version(entry.version)
        ),
    };
    let components = entry.components().into_iter();
    let mut more: Vec<String> = components
        .map(|(name, version)| format!("{name} to {version}"))
        .collect();
    match (entry.finished, &entry.backfill) {
        (false, Some(_)) => more.push("not finished".into()),
        (false, None) => more.push("interrupted".into()),
        (true, _) => {}
    }
    if let Some(app_version) = &entry.app_version {
        more.push(format!("app version {app_version}"));
    }
    if let Some(from) = &entry.restored_from {
        more.push(format!("from {}", text::path(from.as_ref())));
    }
    if let Some(backup) = &entry.backup {
        more.push(format!("backup {backup}"));
    }
    more.extend(
        entry
            .destroyed
            .iter()
            .map(|what| format!("destroyed {what}")),
    );
    vec![
        text::utc(&entry.at),
        entry.act.as_str().to_owned(),
        versions,
        entry.duration.map_or(String::new(), text::duration),
        more.join(", "),
    ]
}
