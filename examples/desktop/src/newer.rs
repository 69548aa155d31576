//! The user installed an older app: the ways back that there are, and what each costs.

use std::path::{Path, PathBuf};

use eframe::egui::{Button, RichText, Ui, vec2};
use heirloom::{DowngradeOptions, Error};

use crate::job::Job;
use crate::text::{age, counted, title, version};
use crate::{Next, migrator};

pub struct Newer {
    database: PathBuf,
    ways: DowngradeOptions,
    job: Option<Job<Result<Next, Error>>>,
}

impl Newer {
    pub fn look(database: &Path) -> Result<Newer, Error> {
        Ok(Newer {
            database: database.to_owned(),
            ways: migrator().database(database).downgrade_options()?,
            job: None,
        })
    }

    pub fn show(&mut self, ui: &mut Ui) -> Option<Next> {
        if let Some(result) = self.job.as_mut().and_then(|job| job.result(ui)) {
            return Some(result.unwrap_or_else(Next::Failed));
        }
        let ways = &self.ways;
        let newer: Vec<String> = ways.unknown.iter().map(|name| title(name)).collect();
        ui.add_space(40.0);
        ui.heading("Your notes are from a newer app");
        ui.add_space(12.0);
        ui.label(format!(
            "They are at version {}, and this app knows up to {}. New there: {}.",
            ways.version,
            version(ways.known),
            newer.join(", "),
        ));
        ui.label("Nothing was changed. Best is to install the newer app again. Or:");
        ui.add_space(16.0);
        ui.add_enabled_ui(self.job.is_none(), |ui| self.offers(ui))
            .inner
    }

    fn offers(&mut self, ui: &mut Ui) -> Option<Next> {
        let ways = &self.ways;
        let database = self.database.clone();
        let mut chosen: Option<Job<Result<Next, Error>>> = None;
        if ways.can_revert
            && offer(
                ui,
                "Take the newer changes back",
                "All notes stay. What only the newer app keeps of them goes. A copy is made first.",
            )
        {
            let database = database.clone();
            chosen = Some(Job::start(move || {
                migrator()
                    .database(database)
                    .revert_to_known()
                    .map(|_| Next::Start)
            }));
        }
        if let Some(restore) = &ways.restore
            && offer(
                ui,
                "Restore the copy from before",
                &format!(
                    "It was made {}; {} added since would be missing. The present state is kept as a copy.",
                    age(restore.age_s),
                    counted(restore.rows_lost, "row"),
                ),
            )
        {
            let (database, copy) = (database.clone(), restore.copy.clone());
            chosen = Some(Job::start(move || {
                migrator()
                    .database(database)
                    .restore(&copy)
                    .map(|_| Next::Start)
            }));
        }
        if ways.can_open_anyway
            && offer(
                ui,
                "Open them anyway",
                "The newer app said that this version does them no harm.",
            )
        {
            chosen = Some(Job::start(move || {
                let opened = migrator().database(database).open_anyway()?;
                Ok(Next::OpenedDatabase(Box::new(opened)))
            }));
        }
        if chosen.is_some() {
            self.job = chosen;
        }
        offer(ui, "Quit", "Everything stays as it is.").then_some(Next::Quit)
    }
}

fn offer(ui: &mut Ui, what: &str, cost: &str) -> bool {
    let button = Button::new(RichText::new(what).strong()).min_size(vec2(260.0, 32.0));
    let clicked = ui.add(button).clicked();
    ui.label(RichText::new(cost).weak());
    ui.add_space(12.0);
    clicked
}
