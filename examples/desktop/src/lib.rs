//! A notes app with a window, to see heirloom at work in one and to copy from.
//!
//! Each page is a file: `splash` migrates on a thread with progress and a cancel button, `newer`
//! is the dialog of an older app over newer data, `settings` has the backups, `trouble` what went
//! wrong. `notes` is the app itself, and `sample` its data.

mod job;
mod newer;
mod notes;
pub mod sample;
mod settings;
mod splash;
mod text;
mod trouble;

use std::path::PathBuf;
use std::time::Duration;

use eframe::egui::{CentralPanel, Context, Frame, Margin, Theme, Ui, ViewportCommand, vec2};
use heirloom::include_dir::{self, Dir, include_dir};
use heirloom::{Error, Migrator, OpenedDatabase};

use crate::newer::Newer;
use crate::notes::Notes;
use crate::settings::Settings;
use crate::splash::Splash;
use crate::trouble::Trouble;

/// In your app: `include_dir!("$CARGO_MANIFEST_DIR/migrations")`.
static MIGRATIONS: Dir = include_dir!("$CARGO_MANIFEST_DIR/../../migrations");

/// Said once, so that the start, the dialogs and the settings speak of the same database.
pub fn migrator() -> Migrator<'static> {
    Migrator::new(&MIGRATIONS)
        .app_version(env!("CARGO_PKG_VERSION"))
        .lock_timeout(Duration::from_secs(5))
}

/// Light, with some room around everything.
pub fn look(context: &Context) {
    context.set_theme(Theme::Light);
    context.all_styles_mut(|style| {
        style.spacing.button_padding = vec2(12.0, 5.0);
        style.spacing.interact_size.y = 28.0;
        style.spacing.item_spacing = vec2(8.0, 6.0);
        for font in style.text_styles.values_mut() {
            font.size += 1.0;
        }
    });
}

/// How slowly the splash goes by, for whoever wants to look at it.
#[derive(Debug, Clone, Copy, Default)]
pub struct Pace {
    /// Waited after each event.
    pub pause: Duration,
    /// Where the bar stops for good, from 0 to 1.
    pub hold_at: Option<f32>,
}

pub struct App {
    database: PathBuf,
    pace: Pace,
    page: Page,
}

enum Page {
    Splash(Splash),
    Notes(Notes),
    Newer(Newer),
    Settings(Settings),
    Trouble(Trouble),
}

/// Where a page leads to.
enum Next {
    Start,
    OpenedDatabase(Box<OpenedDatabase>),
    Failed(Error),
    Backups,
    Quit,
}

impl App {
    pub fn new(database: PathBuf, pace: Pace) -> App {
        let page = Page::Splash(Splash::start(&database, pace));
        App {
            database,
            pace,
            page,
        }
    }

    pub fn show_backups(&mut self) {
        self.page = Page::Settings(Settings::open(&self.database));
    }

    /// The page that is shown, once it has nothing to wait for.
    pub fn settled(&self) -> Option<&'static str> {
        match &self.page {
            Page::Splash(splash) => {
                let hold_at = self.pace.hold_at?;
                (splash.share() >= hold_at).then_some("splash")
            }
            Page::Settings(settings) => (!settings.is_busy()).then_some("settings"),
            Page::Notes(_) => Some("notes"),
            Page::Newer(_) => Some("newer"),
            Page::Trouble(_) => Some("trouble"),
        }
    }

    /// How much of the splash's bar is filled, from 0 to 1; all of it where the splash is over.
    pub fn share(&self) -> f32 {
        match &self.page {
            Page::Splash(splash) => splash.share(),
            _ => 1.0,
        }
    }

    fn page(&self, next: Next) -> Option<Page> {
        Some(match next {
            Next::Start => Page::Splash(Splash::start(&self.database, self.pace)),
            Next::OpenedDatabase(opened) => Page::Notes(Notes::new(*opened)),
            Next::Failed(error) if error.is_from_newer_app() => match Newer::look(&self.database) {
                Ok(newer) => Page::Newer(newer),
                Err(error) => Page::Trouble(Trouble(error)),
            },
            Next::Failed(error) => Page::Trouble(Trouble(error)),
            Next::Backups => Page::Settings(Settings::open(&self.database)),
            Next::Quit => return None,
        })
    }
}

impl App {
    /// Draws the page, and goes where it leads to.
    pub fn show(&mut self, ui: &mut Ui) {
        let margin = match self.page {
            Page::Notes(_) => Margin::ZERO,
            _ => Margin::same(24),
        };
        let frame = Frame::central_panel(ui.style()).inner_margin(margin);
        let next = CentralPanel::default()
            .frame(frame)
            .show(ui, |ui| match &mut self.page {
                Page::Splash(splash) => splash.show(ui),
                Page::Notes(notes) => notes.show(ui),
                Page::Newer(newer) => newer.show(ui),
                Page::Settings(settings) => settings.show(ui),
                Page::Trouble(trouble) => trouble.show(ui),
            });
        let Some(next) = next.inner else {
            return;
        };
        match self.page(next) {
            Some(page) => self.page = page,
            None => ui.ctx().send_viewport_cmd(ViewportCommand::Close),
        }
        ui.request_repaint();
    }
}
