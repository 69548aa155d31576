//! `cargo run -- --slow`: see `--help`.

use std::error::Error;
use std::path::PathBuf;
use std::time::Duration;

use eframe::egui::{Event, Ui, ViewportBuilder, ViewportCommand};
use heirloom_desktop_example::sample::{self, Sample};
use heirloom_desktop_example::{App, Pace, look};

const HELP: &str = "\
A notes app over an old database, to see heirloom at work.

  --data DIR          where the notes are (the app's folder of the system)
  --sample old|newer  what to make where there are none (old)
  --slow              lets the splash go by slowly
  --screenshot FILE   writes a picture of a page as PNG, and quits
  --page PAGE         which: splash, notes, newer, settings, trouble (notes)";

struct Arguments {
    data: PathBuf,
    sample: Sample,
    pace: Pace,
    screenshot: Option<Screenshot>,
}

fn arguments() -> Result<Option<Arguments>, Box<dyn Error>> {
    let mut data = None;
    let mut sample = Sample::Old;
    let mut pace = Pace::default();
    let mut file = None;
    let mut page = "notes".to_owned();
    let mut arguments = std::env::args().skip(1);
    while let Some(argument) = arguments.next() {
        let mut value = || arguments.next().ok_or(format!("{argument} needs a value"));
        match argument.as_str() {
            "--data" => data = Some(PathBuf::from(value()?)),
            "--sample" => {
                sample = match value()?.as_str() {
                    "old" => Sample::Old,
                    "newer" => Sample::Newer,
                    other => return Err(format!("there is no sample {other}").into()),
                }
            }
            "--slow" => pace.pause = Duration::from_millis(500),
            "--screenshot" => file = Some(PathBuf::from(value()?)),
            "--page" => page = value()?,
            "--help" => return Ok(None),
            _ => return Err(format!("{argument} is no argument; see --help").into()),
        }
    }
    if file.is_some() && page == "splash" {
        pace.hold_at = Some(0.6);
    }
    let data = match data {
        Some(data) => data,
        None => heirloom::data_folder("org", "heirloom", "Desktop example")?,
    };
    Ok(Some(Arguments {
        data,
        sample,
        pace,
        screenshot: file.map(|file| Screenshot {
            file,
            page,
            frames: 0,
        }),
    }))
}

fn main() -> Result<(), Box<dyn Error>> {
    let Some(arguments) = arguments()? else {
        println!("{HELP}");
        return Ok(());
    };
    std::fs::create_dir_all(&arguments.data)?;
    let database = arguments.data.join("notes.db");
    sample::make(&database, arguments.sample)?;
    let viewport = ViewportBuilder::default()
        .with_title("Notes")
        .with_inner_size([900.0, 600.0]);
    let options = eframe::NativeOptions {
        viewport,
        ..Default::default()
    };
    eframe::run_native(
        "Notes",
        options,
        Box::new(move |creation| {
            look(&creation.egui_ctx);
            Ok(Box::new(Window {
                app: App::new(database, arguments.pace),
                screenshot: arguments.screenshot,
            }))
        }),
    )?;
    Ok(())
}

struct Window {
    app: App,
    screenshot: Option<Screenshot>,
}

/// A picture of a page, taken once the page has nothing to wait for.
struct Screenshot {
    file: PathBuf,
    page: String,
    /// So many frames the page has been there.
    frames: usize,
}

impl eframe::App for Window {
    fn ui(&mut self, ui: &mut Ui, _: &mut eframe::Frame) {
        self.app.show(ui);
        if let Some(screenshot) = &mut self.screenshot {
            screenshot.look(&mut self.app, ui);
        }
    }
}

impl Screenshot {
    /// The first frames measure the text.
    const SETTLED: usize = 5;

    fn look(&mut self, app: &mut App, ui: &Ui) {
        ui.request_repaint();
        let taken = ui.input(|input| {
            input.events.iter().find_map(|event| match event {
                Event::Screenshot { image, .. } => Some(image.clone()),
                _ => None,
            })
        });
        if let Some(picture) = taken {
            let [width, height] = picture.size.map(|side| side as u32);
            if let Err(error) = image::save_buffer(
                &self.file,
                picture.as_raw(),
                width,
                height,
                image::ColorType::Rgba8,
            ) {
                eprintln!("cannot write {}: {error}", self.file.display());
            }
            ui.ctx().send_viewport_cmd(ViewportCommand::Close);
            return;
        }
        match app.settled() {
            Some(page) if page == self.page => {
                self.frames += 1;
                if self.frames == Self::SETTLED {
                    ui.ctx()
                        .send_viewport_cmd(ViewportCommand::Screenshot(Default::default()));
                }
            }
            Some("notes") if self.page == "settings" => app.show_backups(),
            Some(page) => {
                eprintln!("asked for {}, and there is {page}", self.page);
                ui.ctx().send_viewport_cmd(ViewportCommand::Close);
            }
            None => {}
        }
    }
}
