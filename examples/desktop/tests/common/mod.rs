//! A folder with a database, and the app over it, whose buttons are pressed.
#![allow(dead_code)]

use std::path::PathBuf;
use std::thread;
use std::time::{Duration, Instant};

use eframe::egui::accesskit::Role;
use eframe::egui::{Rect, vec2};
use egui_kittest::kittest::Queryable;
use egui_kittest::{Harness, Node};
use heirloom::rusqlite::Connection;
use heirloom_desktop_example::sample::{self, Sample};
use heirloom_desktop_example::{App, Pace, look, migrator};
use tempfile::TempDir;

/// The size of the window.
pub const SIZE: [f32; 2] = [900.0, 600.0];
/// What the harness puts around the app.
const AROUND: f32 = 8.0;
/// Longer than anything here takes.
const PATIENCE: Duration = Duration::from_secs(120);

/// Id, title, body.
pub type Row = (i64, String, String);

pub struct Desk {
    pub folder: TempDir,
    pub database: PathBuf,
}

impl Desk {
    pub fn new(sample: Sample) -> Desk {
        let folder = tempfile::tempdir().unwrap();
        let database = folder.path().join("notes.db");
        sample::make(&database, sample).unwrap();
        Desk { folder, database }
    }

    pub fn app(&self) -> Driven {
        self.start(Pace::default())
    }

    /// An app whose splash stops where the bar is filled so far, from 0 to 1.
    pub fn app_held_at(&self, share: f32) -> Driven {
        self.start(Pace {
            hold_at: Some(share),
            ..Pace::default()
        })
    }

    fn start(&self, pace: Pace) -> Driven {
        let app = App::new(self.database.clone(), pace);
        let harness = Harness::builder()
            .with_size(SIZE.map(|side| side + 2.0 * AROUND))
            .build_ui_state(|ui, app: &mut App| app.show(ui), app);
        look(&harness.ctx);
        Driven { harness }
    }

    pub fn version(&self) -> Option<i64> {
        migrator()
            .database(&self.database)
            .status()
            .unwrap()
            .version
    }

    pub fn notes(&self) -> Vec<Row> {
        let connection = Connection::open(&self.database).unwrap();
        let mut all = connection
            .prepare("SELECT id, title, body FROM notes ORDER BY id")
            .unwrap();
        let rows = all.query_map([], |row| Ok((row.get(0)?, row.get(1)?, row.get(2)?)));
        rows.unwrap().map(Result::unwrap).collect()
    }

    pub fn number(&self, sql: &str) -> i64 {
        let connection = Connection::open(&self.database).unwrap();
        connection.query_row(sql, [], |row| row.get(0)).unwrap()
    }
}

pub struct Driven {
    pub harness: Harness<'static, App>,
}

impl Driven {
    /// Draws until a text is there that contains this.
    pub fn wait_for(&mut self, text: &str) {
        let end = Instant::now() + PATIENCE;
        while self
            .harness
            .query_all_by_label_contains(text)
            .next()
            .is_none()
        {
            assert!(
                Instant::now() < end,
                "never said {text:?}: {:?}",
                self.harness
            );
            thread::sleep(Duration::from_millis(5));
            self.harness.step();
        }
        // What is pressed next must lie where it will stay.
        self.harness.run_steps(2);
    }

    pub fn press(&mut self, button: &str) {
        self.harness.get_by_label(button).click();
        self.harness.run_steps(2);
    }

    pub fn press_first(&mut self, button: &str) {
        let mut all = self.harness.query_all_by_label(button);
        all.next().unwrap().click();
        drop(all);
        self.harness.run_steps(2);
    }

    /// Where something is in the window.
    pub fn place(&self, node: &Node<'_>) -> Rect {
        node.rect().translate(vec2(-AROUND, -AROUND))
    }

    pub fn place_of(&self, label: &str) -> Rect {
        self.place(&self.harness.get_by_label(label))
    }

    pub fn type_into(&mut self, field: &str, text: &str) {
        let role = Role::TextInput;
        self.harness.get_by_role_and_label(role, field).focus();
        self.harness.step();
        self.harness
            .get_by_role_and_label(role, field)
            .type_text(text);
        self.harness.step();
    }
}
