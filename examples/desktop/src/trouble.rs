//! What the user reads when something went wrong: what it is, in what state the notes are, and
//! what to do.

use eframe::egui::{RichText, Ui};
use heirloom::{Error, ErrorKind};

use crate::Next;
use crate::text::sentence;

pub struct Trouble(pub Error);

impl Trouble {
    pub fn show(&self, ui: &mut Ui) -> Option<Next> {
        let Trouble(error) = self;
        ui.add_space(40.0);
        ui.heading(heading(error));
        ui.add_space(12.0);
        ui.label(sentence(error));
        ui.add_space(8.0);
        ui.label(RichText::new(sentence(error.data_state())).strong());
        if let Some(help) = error.help() {
            ui.add_space(8.0);
            ui.label(format!("What to do: {help}."));
        }
        ui.add_space(20.0);
        let mut next = None;
        ui.horizontal(|ui| {
            if ui.button("Try again").clicked() {
                next = Some(Next::Start);
            }
            if ui.button("Backups").clicked() {
                next = Some(Next::Backups);
            }
            if ui.button("Quit").clicked() {
                next = Some(Next::Quit);
            }
        });
        ui.add_space(20.0);
        ui.collapsing("For a message to the developers", |ui| {
            ui.monospace(format!("{error:#}"));
        });
        next
    }
}

fn heading(error: &Error) -> &'static str {
    match error.kind() {
        ErrorKind::Locked => "The app is open twice",
        ErrorKind::Interrupted => "The update was stopped",
        ErrorKind::DatabaseNewer => "Your notes are from a newer app",
        ErrorKind::DiskFull => "The disk is full",
        ErrorKind::NotADatabase => "The file of your notes cannot be read",
        ErrorKind::BackupInvalid => "The copy is damaged",
        _ => "Your notes could not be updated",
    }
}
