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
use self::settings::{Settings, Surroundings};
use self::ui::Ui;

/// Parses, runs, reports. Every output goes through one [`Ui`].
pub(crate) fn main() -> ExitCode {
    let args = match Args::try_parse() {
        Ok(args) => args,
        Err(error) => return refuse(&error),
    };
    let mut ui = Ui::new(&args.global);
    match run(&mut ui, &args) {
        Ok(exit) => exit.into(),
        Err(failure) => {
            ui.failure(&failure);
            failure.exit().into()
        }
    }
}

fn run(ui: &mut Ui, args: &Args) -> Result<Exit, Failure> {
    let around = Surroundings::of_this_process()?;
    let settings = &Settings::gather(&args.global, &around)?;
    ui.settings(settings);
    match &args.command {
        Command::Create(options) => commands::create::run(ui, settings, options),
        Command::Generate(options) => commands::generate::run(ui, settings, options),
        Command::Show(options) => commands::show::run(ui, settings, options),
        Command::Check => commands::check::run(ui, settings),
        Command::Run(options) => commands::run::run(ui, settings, options),
        Command::Revert(options) => commands::revert::run(ui, settings, options),
        Command::Backups(options) => commands::backups::run(ui, settings, options),
        Command::Snapshot(options) => commands::snapshot::run(ui, settings, options),
        Command::Restore(options) => commands::restore::run(ui, settings, options),
        Command::RestoreSnapshot(options) => commands::restore::run_snapshot(ui, settings, options),
        Command::Init => commands::init::run(ui, &around.folder),
        Command::Seed(options) => commands::seed::run(ui, settings, options),
        Command::Push(options) => commands::push::run(ui, settings, options),
        Command::Redo(options) => commands::redo::run(ui, settings, options),
        Command::Reset(options) => commands::reset::run(ui, settings, options),
        Command::Drop => commands::drop::run(ui, settings),
        Command::Shell(options) => commands::shell::run(ui, settings, options),
    }
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
