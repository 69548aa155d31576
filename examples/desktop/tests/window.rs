//! Each page in a real window, on a display in memory, and a look at the picture of it. Where
//! what is drawn should be is asked of the same page without a window.

mod common;

use std::io::{BufRead, BufReader};
use std::path::Path;
use std::process::{Child, Command, Stdio};
use std::thread;
use std::time::{Duration, Instant};

use common::{Desk, Driven, SIZE};
use eframe::egui::accesskit::Role;
use eframe::egui::{Rect, vec2};
use egui_kittest::kittest::Queryable;
use heirloom_desktop_example::migrator;
use heirloom_desktop_example::sample::Sample;
use image::RgbaImage;

const PATIENCE: Duration = Duration::from_secs(120);
/// How far a colour may be from another and still be taken for it.
const TOLERANCE: u8 = 12;
/// How far text may reach beyond or end before its box, in pixels: letters have room beside them.
const MARGIN: u32 = 4;

/// A display without a screen.
struct Display {
    server: Child,
    name: String,
}

impl Display {
    /// None where there is no Xvfb, unless the tests were told that there is.
    fn start() -> Option<Display> {
        let server = Command::new("Xvfb")
            .args([
                "-displayfd",
                "1",
                "-screen",
                "0",
                "1280x800x24",
                "-nolisten",
                "tcp",
            ])
            .stdout(Stdio::piped())
            .stderr(Stdio::null())
            .spawn();
        let mut server = match server {
            Ok(server) => server,
            Err(error) => {
                assert!(
                    std::env::var_os("DESKTOP_TEST_DISPLAY").is_none(),
                    "Xvfb: {error}"
                );
                eprintln!("SKIPPED: there is no Xvfb");
                return None;
            }
        };
        let mut number = String::new();
        BufReader::new(server.stdout.as_mut().unwrap())
            .read_line(&mut number)
            .unwrap();
        let name = format!(":{}", number.trim());
        Some(Display { server, name })
    }

    /// The picture that the app takes of one of its pages.
    fn picture(&self, desk: &Desk, page: &str) -> Picture {
        let kept = std::env::var_os("DESKTOP_TEST_PICTURES");
        let folder = kept.as_deref().map_or(desk.folder.path(), Path::new);
        let file = folder.join(format!("{page}.png"));
        let mut app = Command::new(env!("CARGO_BIN_EXE_heirloom-desktop-example"))
            .arg("--data")
            .arg(desk.folder.path())
            .arg("--screenshot")
            .arg(&file)
            .args(["--page", page])
            .env("DISPLAY", &self.name)
            .env_remove("WAYLAND_DISPLAY")
            .env("LIBGL_ALWAYS_SOFTWARE", "1")
            .spawn()
            .unwrap();
        let end = Instant::now() + PATIENCE;
        let status = loop {
            match app.try_wait().unwrap() {
                Some(status) => break status,
                None if Instant::now() < end => thread::sleep(Duration::from_millis(20)),
                None => {
                    app.kill().unwrap();
                    app.wait().unwrap();
                    panic!("{page} was never there");
                }
            }
        };
        assert!(status.success(), "{page}: {status}");
        Picture(image::open(&file).unwrap().to_rgba8())
    }
}

impl Drop for Display {
    fn drop(&mut self) {
        self.server.kill().unwrap();
        self.server.wait().unwrap();
    }
}

struct Picture(RgbaImage);

impl Picture {
    fn is(&self, x: u32, y: u32, colour: [u8; 3]) -> bool {
        let [r, g, b, _] = self.0.get_pixel(x, y).0;
        [r, g, b]
            .iter()
            .zip(colour)
            .all(|(is, wanted)| is.abs_diff(wanted) <= TOLERANCE)
    }

    fn colour(&self, x: u32, y: u32) -> [u8; 3] {
        let [r, g, b, _] = self.0.get_pixel(x, y).0;
        [r, g, b]
    }

    /// The columns in which a box has ink: the first and the last, and how many pixels in all.
    /// What a box has most of is its ground.
    fn ink(&self, place: Rect) -> Option<(u32, u32, usize)> {
        let columns = place.left().floor() as u32..place.right().ceil() as u32;
        let rows = place.top().floor() as u32..place.bottom().ceil() as u32;
        let pixels = || {
            columns
                .clone()
                .flat_map(|x| rows.clone().map(move |y| (x, y)))
        };
        let mut grounds: Vec<([u8; 3], usize)> = Vec::new();
        for (x, y) in pixels() {
            let colour = self.colour(x, y);
            match grounds.iter_mut().find(|(ground, _)| *ground == colour) {
                Some((_, count)) => *count += 1,
                None => grounds.push((colour, 1)),
            }
        }
        let (ground, _) = *grounds.iter().max_by_key(|(_, count)| *count)?;
        let inked: Vec<u32> = pixels()
            .filter(|(x, y)| !self.is(*x, *y, ground))
            .map(|(x, _)| x)
            .collect();
        Some((*inked.iter().min()?, *inked.iter().max()?, inked.len()))
    }

    /// That a text is drawn in its box, from its beginning to its end.
    fn shows(&self, app: &Driven, text: &str) {
        self.draws(app.place_of(text), text);
    }

    fn draws(&self, place: Rect, text: &str) {
        let found = self.ink(place);
        let (from, to, pixels) = found.unwrap_or_else(|| panic!("{text:?} is not at {place:?}"));
        let (left, right) = (place.left() as u32, place.right() as u32);
        assert!(
            from <= left + MARGIN && to + MARGIN >= right,
            "{text:?} should be from {left} to {right} and is from {from} to {to}"
        );
        let share = pixels as f32 / place.area();
        assert!((0.04..0.6).contains(&share), "{text:?} has {share} of ink");
    }

    /// That a button is drawn with its label in it, over a ground other than the page's.
    fn shows_button(&self, app: &Driven, label: &str) {
        let place = app.place_of(label);
        let page = self.colour(2, self.0.height() - 3);
        let inside = place.left_center() + vec2(3.0, 0.0);
        assert!(
            !self.is(inside.x as u32, inside.y as u32, page),
            "{label:?} has no ground"
        );
        let (_, _, pixels) = self
            .ink(place.shrink(3.0))
            .unwrap_or_else(|| panic!("{label:?} is empty"));
        assert!(pixels > 20, "{label:?} has {pixels} pixels of ink");
    }

    fn is_a_window(&self) {
        assert_eq!([self.0.width() as f32, self.0.height() as f32], SIZE);
    }
}

/// The two must stand before the same data, so each has its own.
fn page(sample: Sample, page: &str, prepare: impl Fn(&Desk)) -> Option<(Picture, Desk)> {
    let display = Display::start()?;
    let desk = Desk::new(sample);
    prepare(&desk);
    let picture = display.picture(&desk, page);
    picture.is_a_window();
    let twin = Desk::new(sample);
    prepare(&twin);
    Some((picture, twin))
}

#[test]
fn the_splash_shows_how_far_it_is_and_a_button_to_stop_it() {
    let Some((picture, twin)) = page(Sample::Old, "splash", |_| ()) else {
        return;
    };
    let mut app = twin.app_held_at(0.6);
    app.wait_for("Update 2 of 4: add templates");
    picture.shows(&app, "Notes");
    picture.shows(&app, "Update 2 of 4: add templates");
    picture.shows_button(&app, "Cancel");
    // The bar: filled from its beginning to where the app is.
    let bar = app.place(&app.harness.get_by_role(Role::ProgressIndicator));
    let middle = bar.center().y as u32;
    let fill = picture.colour(bar.left() as u32 + 20, middle);
    let filled = (bar.left() as u32..bar.right() as u32)
        .filter(|x| picture.is(*x, middle, fill))
        .count();
    let share = filled as f32 / bar.width();
    let should = app.harness.state().share();
    assert!(
        (share - should).abs() < 0.02,
        "the bar is filled to {share}, not to {should}"
    );
}

#[test]
fn the_notes_are_listed_and_one_is_open() {
    let Some((picture, twin)) = page(Sample::Old, "notes", |_| ()) else {
        return;
    };
    let mut app = twin.app();
    app.wait_for("5000 notes");
    for text in ["5000 notes", "Travel"] {
        picture.shows(&app, text);
    }
    let padding = app.harness.ctx.global_style().spacing.button_padding;
    for row in [
        "Minutes of meeting 2",
        "Seeds to order 3",
        "Soup of the week 12",
    ] {
        picture.draws(app.place_of(row).shrink2(padding), row);
    }
    for button in ["New note", "Delete", "Backups"] {
        picture.shows_button(&app, button);
    }
}

#[test]
fn the_settings_list_the_copies() {
    let prepare = |desk: &Desk| {
        migrator().migrate(&desk.database).unwrap();
        migrator()
            .database(&desk.database)
            .snapshot("before the trip")
            .unwrap();
    };
    let Some((picture, twin)) = page(Sample::Old, "settings", prepare) else {
        return;
    };
    let mut app = twin.app();
    app.wait_for("5000 notes");
    app.press("Backups");
    app.wait_for("before an update");
    for text in [
        "before an update",
        "snapshot “before the trip”",
        "20250609074500",
        "20260508141500",
        "Condition",
    ] {
        picture.shows(&app, text);
    }
    picture.shows_button(&app, "Take a snapshot");
    // Both copies are said to be good, in green.
    let verified: Vec<Rect> = app
        .harness
        .get_all_by_label("verified")
        .map(|node| app.place(&node))
        .collect();
    assert_eq!(verified.len(), 2);
    for place in verified {
        let green = (place.left() as u32..place.right() as u32)
            .flat_map(|x| (place.top() as u32..place.bottom() as u32).map(move |y| (x, y)))
            .map(|(x, y)| picture.colour(x, y))
            .filter(|[r, g, b]| g.saturating_sub(*r) > 40 && g.saturating_sub(*b) > 20)
            .count();
        assert!(green > 20, "{green} green pixels at {place:?}");
    }
}

#[test]
fn the_dialog_of_an_older_app_offers_every_way() {
    let Some((picture, twin)) = page(Sample::Newer, "newer", |_| ()) else {
        return;
    };
    let mut app = twin.app();
    app.wait_for("from a newer app");
    picture.shows(&app, "Your notes are from a newer app");
    picture.shows(&app, "Everything stays as it is.");
    for button in [
        "Take the newer changes back",
        "Restore the copy from before",
        "Open them anyway",
        "Quit",
    ] {
        picture.shows_button(&app, button);
    }
}

#[test]
fn what_went_wrong_is_said_in_the_window() {
    let damage = |desk: &Desk| {
        std::fs::write(&desk.database, "no database at all".repeat(100)).unwrap();
    };
    let Some((picture, twin)) = page(Sample::Old, "trouble", damage) else {
        return;
    };
    let mut app = twin.app();
    app.wait_for("cannot be read");
    picture.shows(&app, "The file of your notes cannot be read");
    picture.shows(&app, "The database was not changed.");
    for button in ["Try again", "Backups", "Quit"] {
        picture.shows_button(&app, button);
    }
}
