//! The `heirloom` command: arguments in, text or JSON and an exit code out. A crate of its own,
//! which knows the library by its public API alone.

mod args;
mod commands;
mod complete;
mod exit;
mod many;
mod nearest;
mod output;
mod settings;
mod studio;

use std::process::ExitCode;

use clap::error::ErrorKind;
use clap::{ArgMatches, FromArgMatches, ValueEnum};
use heirloom::for_the_command::count_no_memory;

use crate::args::{Color, Global};
use crate::commands::{Args, Command, Reach, command_line};
use crate::complete::candidates;
use crate::exit::{Exit, Failure};
use crate::output::ui::{self, Ui};
use crate::output::visible::visible;
use crate::settings::databases::{self, Databases};
use crate::settings::gather::{Settings, Surroundings};

/// Parses, runs, reports. Every output goes through one [`Ui`].
fn main() -> ExitCode {
    count_no_memory();
    if candidates::answer(command_line) {
        return Exit::Done.into();
    }
    let matches = command_line().try_get_matches();
    let parsed = matches.and_then(|matches| Ok((Args::from_arg_matches(&matches)?, matches)));
    let (args, matches) = match parsed {
        Ok(parsed) => parsed,
        Err(error) => return refuse(&nearest::suggest_command(&command_line(), error)),
    };
    let mut ui = Ui::new(&args.global);
    let exit = match run(&mut ui, &args, &matches) {
        Ok(exit) => exit,
        Err(failure) => {
            ui.failure(&failure);
            failure.exit()
        }
    };
    ui.end(exit, args.command.only_looks()).into()
}

fn run(ui: &mut Ui, args: &Args, matches: &ArgMatches) -> Result<Exit, Failure> {
    // A shell that starts must not depend on the folder it starts in.
    if let Command::Alone(command) = &args.command {
        return commands::alone(ui, command);
    }
    refuse_databases_on_both_sides(&args.global)?;
    let around = Surroundings::of_this_process()?;
    let settings = &Settings::gather(&args.global, matches, &around)?;
    ui.settings(settings);
    if args.command.reach() == Reach::None {
        return commands::dispatch(ui, settings, &args.command);
    }
    refuse_to_write(settings, &args.command)?;
    match databases::expand(&settings.databases)? {
        Databases::One(path) => {
            commands::dispatch(ui, &settings.with_database(&path), &args.command)
        }
        Databases::Several(paths) => many::run(ui, settings, &paths, args),
    }
}

/// Whoever names a database as `file:notes.db?mode=ro` has said that it must stay as it is.
fn refuse_to_write(settings: &Settings, command: &Command) -> Result<(), Failure> {
    let named = settings.databases.iter().find(|given| given.reads_only);
    match named.filter(|_| command.writes()) {
        None => Ok(()),
        Some(given) => Err(Failure::Usage {
            message: format!(
                "{} is named to be read only (`mode=ro` or `immutable`), and this command writes to it",
                given.path().display()
            ),
            help: "name it without that, or use a command that only reads".into(),
        }),
    }
}

/// clap keeps those behind the command and forgets those before it: a database would be left out
/// without a word.
fn refuse_databases_on_both_sides(global: &Global) -> Result<(), Failure> {
    let given = std::env::args_os()
        .take_while(|word| word != "--")
        .filter(|word| {
            let word = word.to_string_lossy();
            word == "--database" || word.starts_with("--database=")
        })
        .count();
    match given > global.database.len() {
        false => Ok(()),
        true => Err(Failure::Usage {
            message: "--database is given before the command and after it".into(),
            help: "give all of them after the command".into(),
        }),
    }
}

/// Arguments that clap refuses, or a request for help.
fn refuse(error: &clap::Error) -> ExitCode {
    let asked = matches!(
        error.kind(),
        ErrorKind::DisplayHelp | ErrorKind::DisplayVersion
    );
    let global = what_can_be_read();
    // Help and refusals are written by clap, which looks here.
    ui::choice(global.color).write_global();
    let mut ui = Ui::new(&global);
    if asked {
        let written = error.print();
        ui.written(written);
        return ui.end(Exit::Done, true).into();
    }
    let is_odd = |word: std::ffi::OsString| {
        let word = word.to_string_lossy();
        visible(&word) != word
    };
    // clap repeats the words as they are.
    if global.json || std::env::args_os().any(is_odd) {
        let text = error.render().to_string();
        let mut lines = text.lines().map(str::trim).filter(|line| !line.is_empty());
        let message = lines
            .next()
            .map(|line| line.trim_start_matches("error: ").to_owned())
            .unwrap_or_default();
        let help: Vec<&str> = lines.collect();
        let help = help.join(" ");
        ui.failure(&Failure::Usage { message, help });
    } else {
        // A failure to write that cannot be reported either.
        let _ = error.print();
    }
    ui.end(Exit::Usage, false).into()
}

/// The global options of words that are wrong as a whole.
fn what_can_be_read() -> Global {
    let words: Vec<_> = std::env::args_os()
        .take_while(|word| word != "--")
        .collect();
    let said = |long: &str| words.iter().any(|word| word == long);
    let color = words.iter().enumerate().find_map(|(at, word)| {
        let word = word.to_str()?;
        let when = match word.strip_prefix("--color=") {
            Some(when) => when,
            None if word == "--color" => words.get(at + 1)?.to_str()?,
            None => return None,
        };
        Color::from_str(when, false).ok()
    });
    Global {
        json: said("--json"),
        color: color.unwrap_or_default(),
        ..Global::default()
    }
}
