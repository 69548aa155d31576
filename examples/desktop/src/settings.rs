//! The settings page: every copy of the notes, a snapshot, and the way back to one of them.

use std::collections::BTreeSet;
use std::ffi::OsStr;
use std::path::{Path, PathBuf};

use eframe::egui::{Color32, Grid, Id, Modal, RichText, ScrollArea, Ui};
use heirloom::backups::{BackupOrigin, DatabaseSummary};
use heirloom::plan::RestorePlan;
use heirloom::{BackupInfo, BackupRef, Error, Verify};

use crate::job::Job;
use crate::text::{age_of, sentence, size, version};
use crate::{Next, migrator};

pub struct Settings {
    database: PathBuf,
    copies: Vec<BackupInfo>,
    /// What the next snapshot is to be called.
    name: String,
    /// A restore that waits for a yes.
    asked: Option<(BackupRef, RestorePlan)>,
    error: Option<Error>,
    /// Reading copies through and putting one back take their time.
    job: Option<Job<Result<Answer, Error>>>,
}

enum Answer {
    Copies(Vec<BackupInfo>),
    Plan(BackupRef, RestorePlan),
    Restored,
}

impl Settings {
    pub fn open(database: &Path) -> Settings {
        let mut settings = Settings {
            database: database.to_owned(),
            copies: Vec::new(),
            name: String::new(),
            asked: None,
            error: None,
            job: None,
        };
        settings.start(list);
        settings
    }

    pub fn is_busy(&self) -> bool {
        self.job.is_some()
    }

    fn start(&mut self, work: impl FnOnce(&Path) -> Result<Answer, Error> + Send + 'static) {
        let database = self.database.clone();
        self.error = None;
        self.job = Some(Job::start(move || work(&database)));
    }

    pub fn show(&mut self, ui: &mut Ui) -> Option<Next> {
        if let Some(result) = self.job.as_mut().and_then(|job| job.result(ui)) {
            self.job = None;
            match result {
                Ok(Answer::Copies(copies)) => self.copies = copies,
                Ok(Answer::Plan(copy, plan)) => self.asked = Some((copy, plan)),
                // The copy may be of an older version, so the app starts again over it.
                Ok(Answer::Restored) => return Some(Next::Start),
                Err(error) => self.error = Some(error),
            }
        }
        let mut next = None;
        ui.horizontal(|ui| {
            if ui.button("< Notes").clicked() {
                next = Some(Next::Start);
            }
            ui.heading("Backups");
            if self.is_busy() {
                ui.spinner();
            }
        });
        ui.add_space(4.0);
        ui.label(
            RichText::new("Made before every update and every restore, and whenever you like.")
                .weak(),
        );
        ui.add_space(12.0);
        ui.add_enabled_ui(!self.is_busy(), |ui| {
            self.snapshot(ui);
            if let Some(error) = &self.error {
                ui.label(RichText::new(sentence(error)).color(ui.visuals().error_fg_color));
                if let Some(help) = error.help() {
                    ui.label(sentence(help));
                }
                ui.label(sentence(error.data_state()));
            }
            ui.add_space(12.0);
            self.table(ui);
        });
        self.question(ui);
        next
    }

    fn snapshot(&mut self, ui: &mut Ui) {
        ui.horizontal(|ui| {
            let label = ui.label("Name");
            ui.text_edit_singleline(&mut self.name)
                .labelled_by(label.id);
            if ui.button("Take a snapshot").clicked() {
                let name = std::mem::take(&mut self.name);
                self.start(move |database| {
                    migrator().database(database).snapshot(name.trim())?;
                    list(database)
                });
            }
        });
    }

    fn table(&mut self, ui: &mut Ui) {
        let mut chosen = None;
        ScrollArea::vertical().show(ui, |ui| {
            Grid::new("copies")
                .num_columns(6)
                .striped(true)
                .spacing([24.0, 8.0])
                .show(ui, |ui| {
                    for heading in ["Copy", "Age", "Size", "Version", "Condition", ""] {
                        ui.label(RichText::new(heading).weak());
                    }
                    ui.end_row();
                    for copy in &self.copies {
                        ui.label(RichText::new(what(copy)).strong());
                        ui.label(age_of(&copy.created_at));
                        ui.label(size(copy.bytes));
                        ui.label(version(copy.version));
                        match copy.verified {
                            true => ui.colored_label(Color32::from_rgb(30, 120, 60), "verified"),
                            false => ui.colored_label(ui.visuals().error_fg_color, "damaged"),
                        };
                        ui.add_enabled_ui(copy.verified, |ui| {
                            if ui.button("Restore…").clicked() {
                                chosen = Some(copy.reference());
                            }
                        });
                        ui.end_row();
                    }
                });
        });
        if let Some(copy) = chosen {
            self.start(move |database| {
                let plan = migrator().database(database).plan_restore(&copy)?;
                Ok(Answer::Plan(copy, plan))
            });
        }
    }

    /// Nothing is restored before the user has seen what it changes.
    fn question(&mut self, ui: &mut Ui) {
        let Some((copy, plan)) = self.asked.take() else {
            return;
        };
        let mut answer = None;
        Modal::new(Id::new("restore")).show(ui.ctx(), |ui| {
            ui.heading("Restore this copy?");
            ui.add_space(8.0);
            rows(ui, plan.before.as_ref(), &plan.after);
            ui.add_space(8.0);
            ui.label("The present state is kept among the backups.");
            ui.add_space(8.0);
            ui.horizontal(|ui| {
                if ui.button("Restore").clicked() {
                    answer = Some(true);
                }
                if ui.button("Keep the present notes").clicked() {
                    answer = Some(false);
                }
            });
        });
        match answer {
            Some(true) => self.start(move |database| {
                migrator().database(database).restore(&copy)?;
                Ok(Answer::Restored)
            }),
            Some(false) => {}
            None => self.asked = Some((copy, plan)),
        }
    }
}

fn list(database: &Path) -> Result<Answer, Error> {
    migrator()
        .database(database)
        .backups(Verify::Digest)
        .map(Answer::Copies)
}

fn name(copy: &BackupInfo) -> String {
    let stem = copy.file.file_stem().unwrap_or(OsStr::new(""));
    stem.to_string_lossy().into_owned()
}

fn what(copy: &BackupInfo) -> String {
    match copy.origin {
        BackupOrigin::Snapshot => format!("snapshot “{}”", name(copy)),
        _ if copy.replaced => "replaced by a restore".to_owned(),
        _ => "before an update".to_owned(),
    }
}

/// The tables whose rows become more or fewer, or that come or go.
fn rows(ui: &mut Ui, before: Option<&DatabaseSummary>, after: &DatabaseSummary) {
    let Some(before) = before else {
        ui.label("The present file cannot be read, so there is nothing to compare with.");
        return;
    };
    let tables: BTreeSet<&String> = before.rows.keys().chain(after.rows.keys()).collect();
    let count = |holding: &DatabaseSummary, table| {
        holding
            .rows
            .get(table)
            .map_or("-".to_owned(), u64::to_string)
    };
    Grid::new("rows")
        .num_columns(3)
        .striped(true)
        .spacing([24.0, 6.0])
        .show(ui, |ui| {
            for heading in ["", "now", "then"] {
                ui.label(RichText::new(heading).weak());
            }
            ui.end_row();
            ui.label("version");
            ui.label(version(before.version));
            ui.label(version(after.version));
            ui.end_row();
            for table in tables {
                let (now, then) = (count(before, table), count(after, table));
                if now != then {
                    ui.label(table);
                    ui.label(now);
                    ui.label(then);
                    ui.end_row();
                }
            }
        });
}
