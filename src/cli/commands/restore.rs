//! `heirloom restore BACKUP` and `heirloom restore-snapshot --name NAME`

use std::collections::BTreeSet;
use std::path::PathBuf;

use heirloom::plan::RestorePlan;
use heirloom::{BackupRef, Event};
use serde_json::json;

use crate::complete::names;
use crate::exit::{Exit, Failure};
use crate::output::ask;
use crate::output::json;
use crate::output::report;
use crate::output::text;
use crate::output::text::{BOLD, GREEN, styled};
use crate::output::ui::Ui;
use crate::settings::gather::Settings;
use crate::settings::migrator::keeper;

#[derive(Debug, clap::Args)]
pub(crate) struct RestoreSnapshot {
    /// The name of the snapshot
    #[arg(long)]
    pub(crate) name: String,
    /// Print what would change, and change nothing
    #[arg(long)]
    pub(crate) dry_run: bool,
}

#[derive(Debug, clap::Args)]
pub(crate) struct Restore {
    /// A file name that `backups` lists, a path, or `latest`
    pub(crate) backup: PathBuf,
    /// Print what would change, and change nothing
    #[arg(long)]
    pub(crate) dry_run: bool,
    /// Take over the rows that were written since the backup
    #[arg(long)]
    pub(crate) keep_newer: bool,
}

impl Restore {
    /// Whether each database has one that is meant.
    pub(crate) fn is_latest(&self) -> bool {
        self.backup.as_os_str() == "latest"
    }

    /// The backup that is meant.
    pub(crate) fn wanted(&self) -> BackupRef {
        match self.is_latest() {
            true => BackupRef::Latest,
            false => BackupRef::File(self.backup.clone()),
        }
    }
}

impl RestoreSnapshot {
    /// The snapshot that is meant.
    pub(crate) fn wanted(&self) -> BackupRef {
        BackupRef::Snapshot(self.name.clone())
    }
}

/// Restores one, and says which was probably meant by one that does not exist.
pub(crate) fn run(
    ui: &mut Ui,
    settings: &Settings,
    wanted: &BackupRef,
    dry_run: bool,
    keep_newer: bool,
) -> Result<Exit, Failure> {
    restore(ui, settings, wanted, dry_run, keep_newer).map_err(|failure| {
        let (wrong, known) = match wanted {
            BackupRef::File(file) => (file.to_string_lossy(), names::backups(settings)),
            BackupRef::Snapshot(name) => (name.into(), names::snapshots(settings)),
            _ => return failure,
        };
        let known = known.iter().map(|(name, _)| name.as_str());
        failure.or_meant(
            &wrong,
            known.chain(matches!(wanted, BackupRef::File(_)).then_some("latest")),
        )
    })
}

/// What a restore would ask, asked before several begin. None where it would ask nothing, or
/// fail.
pub(crate) fn ask_before(
    ui: &mut Ui,
    settings: &Settings,
    wanted: &BackupRef,
    dry_run: bool,
) -> Option<bool> {
    if dry_run || !ui.can_ask() {
        return None;
    }
    let plan = keeper(settings)
        .ok()?
        .database(&settings.database.value)
        .plan_restore(wanted)
        .ok()?;
    show_plan(ui, &plan);
    Some(ask::asks(ui, |ui| ui.ask(&question(&plan))))
}

fn question(plan: &RestorePlan) -> String {
    format!("Restore over {}?", text::path(&plan.database))
}

fn restore(
    ui: &mut Ui,
    settings: &Settings,
    wanted: &BackupRef,
    dry_run: bool,
    keep_newer: bool,
) -> Result<Exit, Failure> {
    let database = &settings.database.value;
    // With --yes nobody reads a plan, and the restore verifies the backup by itself.
    if dry_run || !ui.says_yes() {
        let plan = keeper(settings)?.database(database).plan_restore(wanted)?;
        show_plan(ui, &plan);
        if dry_run {
            let keys = ["file", "folders", "database", "before", "after", "newer"];
            let document = json::dry_run(&plan, &keys);
            ui.document(&json::with(document, json!({ "replaced": null })));
            return Ok(Exit::Done);
        }
        ask::confirm(ui, &question(&plan))?;
    }
    let migrator =
        keeper(settings)?.on_event(|event: &Event<'_>| report::show_event(ui, "", event));
    let target = migrator.database(database);
    let restored = match keep_newer {
        true => target.restore_keeping_newer(wanted),
        false => target.restore(wanted),
    };
    drop(target);
    drop(migrator);
    let restored = restored?;
    report::show_notes(ui, &restored.notes, &restored.remedies);
    let Some(back) = &restored.restored else {
        return Ok(Exit::Done);
    };
    let line = format!(
        "{} {} from {} (version {})",
        styled(GREEN, "restored"),
        text::path(&restored.database),
        text::path(&back.file),
        styled(BOLD, text::version(restored.version)),
    );
    ui.line(&line);
    ui.in_short(&line);
    for folder in &back.folders {
        ui.line(&format!(
            "{} {}",
            styled(GREEN, "restored"),
            text::path(folder)
        ));
    }
    if let Some(replaced) = back.replaced.as_deref().map(text::path) {
        match back.was_damaged {
            true => ui.remark(&format!("the damaged file is kept as {replaced}")),
            false => ui.undo(&format!(
                "{} restore {}",
                text::command_on(&restored.database),
                text::typed(&replaced)
            )),
        }
    }
    if let Some(kept) = &back.replaced_folders {
        ui.remark(&format!(
            "the files that were there are kept in {}",
            text::path(kept)
        ));
    }
    let keys = [
        "file",
        "replaced",
        "folders",
        "replaced_folders",
        "was_damaged",
        "version",
        "database",
        "newer",
        "notes",
    ];
    ui.document(&json::done(&restored, &keys));
    Ok(Exit::Done)
}

fn show_plan(ui: &mut Ui, plan: &RestorePlan) {
    ui.line(&format!(
        "would restore {} from {}",
        text::path(&plan.database),
        text::path(&plan.file)
    ));
    for folder in &plan.folders {
        ui.line(&format!("  with the files in {}", text::path(folder)));
    }
    let Some(before) = &plan.before else {
        return ui.line("  the present database is missing or unreadable");
    };
    let after = &plan.after;
    ui.line(&format!(
        "  version {} → {}, {} → {}",
        text::version(before.version),
        text::version(after.version),
        text::bytes(before.bytes),
        text::bytes(after.bytes)
    ));
    for since in &plan.newer {
        let table = &since.table;
        if since.new > 0 {
            let verb = if since.new == 1 { "is" } else { "are" };
            ui.line(&format!(
                "  {} of `{table}` {verb} newer than the backup and would be gone",
                text::counted(since.new, "row")
            ));
        }
        if since.changed > 0 {
            ui.line(&format!(
                "  {} of `{table}` changed since the backup would be as they were",
                text::counted(since.changed, "row")
            ));
        }
    }
    let tables: BTreeSet<&String> = before.rows.keys().chain(after.rows.keys()).collect();
    let rows = |count: Option<&u64>| count.map_or("none".to_owned(), |count| count.to_string());
    for table in tables {
        let (now, then) = (before.rows.get(table), after.rows.get(table));
        if now != then {
            ui.line(&format!(
                "  rows of `{table}`: {} → {}",
                rows(now),
                rows(then)
            ));
        }
    }
}
