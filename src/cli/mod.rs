//! The terminal: arguments in, text or JSON and an exit code out. It knows the library by
//! its public API alone.

mod args;
mod commands;
mod exit;
mod render;
mod settings;
mod ui;

use std::process::ExitCode;

use clap::Parser;
use clap::error::ErrorKind;

use self::args::{Args, Command};
use self::exit::{Exit, Failure};
use self::settings::Settings;
use self::ui::Ui;

/// Parses, runs, reports. Every output goes through one [`Ui`].
pub(crate) fn main() -> ExitCode {
    let args = match Args::try_parse() {
        Ok(args) => args,
        Err(error) => return refuse(&error),
    };
    let mut ui = Ui::new(&args.global);
    let result = match &args.command {
        Command::Create(options) => with_settings(&mut ui, &args, |ui, s| {
            commands::create::run(ui, s, options)
        }),
        Command::Show(options) => {
            with_settings(&mut ui, &args, |ui, s| commands::show::run(ui, s, options))
        }
        Command::Run(options) => {
            with_settings(&mut ui, &args, |ui, s| commands::run::run(ui, s, options))
        }
        Command::Revert(options) => with_settings(&mut ui, &args, |ui, s| {
            commands::revert::run(ui, s, options)
        }),
    };
    match result {
        Ok(exit) => exit.into(),
        Err(failure) => {
            ui.failure(&failure);
            failure.exit().into()
        }
    }
}

fn with_settings(
    ui: &mut Ui,
    args: &Args,
    command: impl FnOnce(&mut Ui, &Settings) -> Result<Exit, Failure>,
) -> Result<Exit, Failure> {
    let settings = Settings::gather(&args.global, &settings::Surroundings::of_this_process()?)?;
    ui.settings(&settings);
    command(ui, &settings)
}

/// Arguments that clap refuses, or a request for help.
fn refuse(error: &clap::Error) -> ExitCode {
    let asked = matches!(
        error.kind(),
        ErrorKind::DisplayHelp | ErrorKind::DisplayVersion
    );
    if !asked && std::env::args_os().any(|argument| argument == "--json") {
        let text = error.render().to_string();
        let mut lines = text.lines().map(str::trim).filter(|line| !line.is_empty());
        let message = lines
            .next()
            .map(|line| line.trim_start_matches("error: ").to_owned())
            .unwrap_or_default();
        let help: Vec<&str> = lines.collect();
        ui::print_json(&render::failure_json(&Failure::Usage {
            message,
            help: help.join(" "),
        }));
    } else {
        // Where even that cannot be written there is nobody to tell.
        let _ = error.print();
    }
    if asked { Exit::Done } else { Exit::Usage }.into()
}
