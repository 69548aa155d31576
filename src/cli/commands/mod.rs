//! One file per command: its options, what it does, what it prints. Here: which commands there
//! are, what they can be done to, and which function does each.
//!
//! May use `args`, `complete`, `exit`, `output`, `settings` and `studio`. A command uses no other
//! command's file unless both do the same thing (`push` asks what `generate` asks).

mod adopt;
mod backfill;
mod backups;
mod baseline;
mod check;
mod compare;
mod completions;
mod create;
mod doctor;
mod drop;
mod generate;
mod init;
mod inspect;
mod log;
mod man;
mod push;
mod recover;
mod redo;
mod reset;
mod restore;
mod revert;
mod run;
mod seed;
mod shell;
mod show;
mod snapshot;
mod squash;
mod stats;
mod studio;
#[cfg(test)]
mod tests;

use std::fmt::Write as _;

use clap::{CommandFactory, Parser, Subcommand};

use crate::args::{Global, without_empty_variables};
use crate::exit::{Exit, Failure};
use crate::output::ui::Ui;
use crate::settings::gather::Settings;

/// SQLite migrations for desktop apps: a verified backup first, then all or nothing
#[derive(Debug, Parser)]
#[command(
    name = "heirloom",
    version,
    propagate_version = true,
    after_help = "A flag wins over its environment variable, and that over heirloom.toml."
)]
pub(crate) struct Args {
    #[command(flatten)]
    pub(crate) global: Global,
    #[command(subcommand)]
    pub(crate) command: Command,
}

/// The commands as the help lists them: what is used every day first.
const GROUPS: [(&str, &[&str]); 5] = [
    (
        "Daily",
        &["create", "generate", "check", "show", "run", "revert"],
    ),
    (
        "Inspecting",
        &[
            "studio", "inspect", "compare", "stats", "log", "doctor", "backups",
        ],
    ),
    (
        "Recovery",
        &["snapshot", "restore", "restore-snapshot", "recover"],
    ),
    (
        "Developing",
        &[
            "seed", "push", "redo", "reset", "drop", "shell", "squash", "backfill",
        ],
    ),
    (
        "Setting up",
        &["init", "adopt", "baseline", "completions", "man", "help"],
    ),
];

/// The command line as clap knows it.
pub(crate) fn command_line() -> clap::Command {
    let command = Args::command().mut_args(without_empty_variables);
    let help = help_template(&command);
    command.help_template(help)
}

/// The help of the whole, with the commands in groups, which clap does not do by itself.
fn help_template(command: &clap::Command) -> String {
    let (header, literal) = (
        command.get_styles().get_header(),
        command.get_styles().get_literal(),
    );
    let mut text = "{about-with-newline}\n{usage-heading} {usage}\n".to_owned();
    for (group, names) in GROUPS {
        let _ = write!(text, "\n{header}{group}:{header:#}\n");
        for name in names {
            let (about, aliases) = match command.find_subcommand(name) {
                Some(below) => (
                    below
                        .get_about()
                        .map(ToString::to_string)
                        .unwrap_or_default(),
                    below.get_visible_aliases().collect::<Vec<_>>().join(", "),
                ),
                // clap's own, which it adds later.
                None => ("Print the help of a command".to_owned(), String::new()),
            };
            let _ = write!(text, "  {literal}{name:<16}{literal:#}  {about}");
            let _ = match aliases.is_empty() {
                true => writeln!(text),
                false => writeln!(text, " [{aliases}]"),
            };
        }
    }
    let after = command.get_after_help().map(ToString::to_string);
    let after = after.unwrap_or_default();
    text + &format!("\n{header}Global options:{header:#}\n{{options}}\n\n{after}\n")
}

#[derive(Debug, Subcommand)]
pub(crate) enum Command {
    /// Write an empty migration and its down migration
    ///
    /// The version is the time in UTC. Example: heirloom create add_phone
    #[command(visible_aliases = ["new", "add"])]
    Create(create::Create),
    /// Write the migrations that lead to schema.sql
    ///
    /// Compares the schema that the migrations give with schema.sql, and writes an up and a down
    /// file for each changed table. Example: heirloom generate add_phone --dry-run
    #[command(visible_alias = "diff")]
    Generate(generate::Generate),
    /// Test every migration up, down and up again, in memory
    ///
    /// With generated rows; no database is opened. Exits with 3 when there is a finding.
    /// Example: heirloom check
    Check(check::Check),
    /// Show every migration with its state
    ///
    /// With the SQL of the pending ones. Nothing is written. Example: heirloom show --check
    #[command(visible_aliases = ["status", "list"])]
    Show(show::Show),
    /// Apply the pending migrations, after a backup
    ///
    /// Example: heirloom run --to 20261121091403
    #[command(visible_aliases = ["up", "migrate"])]
    Run(run::Run),
    /// Revert migrations, after a backup
    ///
    /// The newest, unless --steps or --to is given. Example: heirloom revert --steps 2
    #[command(visible_aliases = ["rollback", "down", "undo"])]
    Revert(revert::Revert),
    /// See the database, its history and its backups in a browser
    ///
    /// Serves on 127.0.0.1 and prints the address, which holds a key; Ctrl-C ends it. Changes
    /// nothing unless --write is given. Example: heirloom studio --no-open
    Studio(studio::Studio),
    /// Describe the schema: tables, columns, keys, indexes, views
    ///
    /// Of any SQLite database. Nothing is written. Example: heirloom inspect notes
    Inspect(inspect::Inspect),
    /// Compare two states of the database by their rows
    ///
    /// Without arguments the newest backup and the database as it is. Nothing is written.
    /// Example: heirloom compare latest live --table notes
    Compare(compare::Compare),
    /// Show rows and bytes per table and index, and the growth
    ///
    /// Of any SQLite database. Nothing is written. Example: heirloom stats --json
    Stats,
    /// List every run, revert, restore and snapshot, newest first
    ///
    /// Nothing is written. What failed is not listed. Example: heirloom log
    Log,
    /// Look for problems in the database and around it
    ///
    /// Writes nothing. Exits with 3 when there is a problem, with 7 when there is damage.
    /// Example: heirloom doctor
    Doctor,
    /// Save what can be read of a damaged database to a new file
    ///
    /// Page by page, for a database of which there is no good backup. The database is not changed.
    /// Example: heirloom recover saved.db
    Recover(recover::Recover),
    /// List automatic backups and snapshots, newest first
    ///
    /// Nothing is written. Example: heirloom backups --verify
    Backups(backups::Backups),
    /// Take a backup with a name
    ///
    /// Example: heirloom snapshot --name before-import
    Snapshot(snapshot::Snapshot),
    /// Restore a backup; the present state is kept first
    ///
    /// Example: heirloom restore latest
    Restore(restore::Restore),
    /// Restore a snapshot; the present state is kept first
    ///
    /// Example: heirloom restore-snapshot --name before-import
    RestoreSnapshot(restore::RestoreSnapshot),
    /// Run the seed files that are new or changed, after a backup
    ///
    /// seeds/*.sql, then seeds/ENVIRONMENT/*.sql. Example: heirloom seed dev
    Seed(seed::Seed),
    /// Change a development database to schema.sql directly
    ///
    /// Example: heirloom push --dry-run
    Push(push::Push),
    /// Revert the newest migration and apply it again
    ///
    /// Example: heirloom redo --steps 2
    Redo(redo::Redo),
    /// Drop everything, migrate and seed, after a snapshot
    ///
    /// Example: heirloom reset dev
    Reset(reset::Reset),
    /// Drop everything in the database, after a snapshot
    ///
    /// Example: heirloom drop
    Drop,
    /// Open the database in sqlite3, or in a built-in shell
    ///
    /// The built-in shell is used when sqlite3 is not installed.
    /// Example: heirloom shell -- "SELECT count(*) FROM notes"
    Shell(shell::Shell),
    /// Combine old migrations into one
    ///
    /// Databases that have the old ones recognise it as applied. It is proved in memory before it
    /// is written; no database is opened. The originals go into a subfolder `squashed`.
    /// Example: heirloom squash --to 20250609074500 --dry-run
    Squash(squash::Squash),
    /// Fill the rows of a large table in batches, after a backup
    ///
    /// The file has `-- heirloom: backfill TABLE` at its top, and statements with :first and
    /// :last. Run it again to continue after an interruption.
    /// Example: heirloom backfill fill_slugs.sql
    Backfill(backfill::Backfill),
    /// Import the history of another migration tool
    ///
    /// No SQL of the migrations is run, and the other tool's table stays. It is proved first that
    /// the schema is the one that the migrations give. Example: heirloom adopt --from sqlx
    Adopt(adopt::Adopt),
    /// Record an existing database as being at VERSION
    ///
    /// No SQL of the migrations is run. It is proved first that the schema is the one that the
    /// migrations up to that version give. Example: heirloom baseline 20261121091403
    Baseline(baseline::Baseline),
    #[command(flatten)]
    Alone(Alone),
}

/// The commands that need neither settings nor a database.
#[derive(Debug, Subcommand)]
pub(crate) enum Alone {
    /// Write a new project: settings, a first migration, schema.sql
    ///
    /// Into the current folder; no existing file is overwritten. Example: heirloom init
    Init,
    /// Print the completion script of a shell
    ///
    /// It completes commands, options and their values, and needs heirloom in the PATH.
    /// Example: heirloom completions bash
    Completions(completions::Completions),
    /// Print the manual as a man page, or write one per command
    ///
    /// Example: heirloom man --dir man1
    Man(man::Man),
}

/// Does what needs neither settings nor a database.
pub(crate) fn alone(ui: &mut Ui, command: &Alone) -> Result<Exit, Failure> {
    match command {
        Alone::Init => init::run(ui),
        Alone::Completions(options) => completions::run(ui, options),
        Alone::Man(options) => man::run(ui, command_line(), options),
    }
}

/// Does a command to one database.
pub(crate) fn dispatch(
    ui: &mut Ui,
    settings: &Settings,
    command: &Command,
) -> Result<Exit, Failure> {
    match command {
        Command::Create(options) => create::run(ui, settings, options),
        Command::Generate(options) => generate::run(ui, settings, options),
        Command::Squash(options) => squash::run(ui, settings, options),
        Command::Show(options) => show::run(ui, settings, options),
        Command::Check(options) => check::run(ui, settings, options),
        Command::Run(options) => run::run(ui, settings, options),
        Command::Revert(options) => revert::run(ui, settings, options),
        Command::Adopt(options) => adopt::run(ui, settings, options),
        Command::Baseline(options) => baseline::run(ui, settings, options),
        Command::Backfill(options) => backfill::run(ui, settings, options),
        Command::Backups(options) => backups::run(ui, settings, options),
        Command::Inspect(options) => inspect::run(ui, settings, options),
        Command::Compare(options) => compare::run(ui, settings, options),
        Command::Stats => stats::run(ui, settings),
        Command::Doctor => doctor::run(ui, settings),
        Command::Recover(options) => recover::run(ui, settings, options),
        Command::Log => log::run(ui, settings),
        Command::Snapshot(options) => snapshot::run(ui, settings, options),
        Command::Restore(options) => restore::run(
            ui,
            settings,
            &options.wanted(),
            options.dry_run,
            options.keep_newer,
        ),
        Command::RestoreSnapshot(options) => {
            restore::run(ui, settings, &options.wanted(), options.dry_run, false)
        }
        Command::Alone(command) => alone(ui, command),
        Command::Seed(options) => seed::run(ui, settings, options),
        Command::Push(options) => push::run(ui, settings, options),
        Command::Redo(options) => redo::run(ui, settings, options),
        Command::Reset(options) => reset::run(ui, settings, options),
        Command::Drop => drop::run(ui, settings),
        Command::Shell(options) => shell::run(ui, settings, options),
        Command::Studio(options) => studio::run(ui, settings, options),
    }
}

/// What the command would ask of one database, asked before several begin. None where it would ask
/// nothing, or fail.
pub(crate) fn ask_before(ui: &mut Ui, settings: &Settings, command: &Command) -> Option<bool> {
    match command {
        Command::Run(options) => run::ask_before(ui, settings, options),
        Command::Restore(options) => {
            restore::ask_before(ui, settings, &options.wanted(), options.dry_run)
        }
        Command::RestoreSnapshot(options) => {
            restore::ask_before(ui, settings, &options.wanted(), options.dry_run)
        }
        _ => None,
    }
}

/// The databases that a command can be done to at once.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Reach {
    /// It works on the migrations, or on nothing.
    None,
    /// A single one.
    One,
    /// As many as there are.
    Many,
}

impl Command {
    /// What it can be done to.
    pub(crate) fn reach(&self) -> Reach {
        match self {
            Command::Create(_)
            | Command::Squash(_)
            | Command::Generate(_)
            | Command::Check(_)
            | Command::Alone(_) => Reach::None,
            // The backup of one database is never meant for all of them.
            Command::Restore(options) if !options.is_latest() => Reach::One,
            // A developer's own database.
            Command::Push(_)
            | Command::Redo(_)
            | Command::Reset(_)
            | Command::Drop
            | Command::Recover(_)
            | Command::Shell(_) => Reach::One,
            Command::Studio(_) => Reach::One,
            Command::Show(_)
            | Command::Inspect(_)
            | Command::Compare(_)
            | Command::Stats
            | Command::Doctor
            | Command::Log
            | Command::Adopt(_)
            | Command::Backfill(_)
            | Command::Seed(_)
            | Command::Baseline(_)
            | Command::Run(_)
            | Command::Revert(_)
            | Command::Backups(_)
            | Command::Snapshot(_)
            | Command::Restore(_)
            | Command::RestoreSnapshot(_) => Reach::Many,
        }
    }

    /// Whether it writes to the database, or beside it.
    pub(crate) fn writes(&self) -> bool {
        match self {
            Command::Shell(options) => !options.readonly,
            Command::Studio(options) => options.write,
            // Its file is another one.
            Command::Recover(_) => false,
            other => other.reach() != Reach::None && !other.only_looks(),
        }
    }

    /// Whether all it does is to say what is so: what it prints is then all there is of it.
    pub(crate) fn only_looks(&self) -> bool {
        match self {
            Command::Show(_)
            | Command::Inspect(_)
            | Command::Compare(_)
            | Command::Stats
            | Command::Doctor
            | Command::Log
            | Command::Check(_)
            | Command::Backups(_)
            | Command::Alone(Alone::Completions(_)) => true,
            Command::Alone(Alone::Man(options)) => options.dir.is_none(),
            Command::Generate(options) => options.dry_run || options.check,
            Command::Run(options) => options.dry_run || options.rehearse,
            Command::Adopt(options) => options.dry_run,
            Command::Seed(options) => options.dry_run,
            Command::Push(options) => options.dry_run,
            Command::Squash(options) => options.dry_run,
            Command::Backfill(options) => options.dry_run,
            Command::Baseline(options) => options.dry_run,
            Command::Revert(options) => options.dry_run,
            Command::Restore(options) => options.dry_run,
            Command::RestoreSnapshot(options) => options.dry_run,
            Command::Create(_)
            | Command::Alone(Alone::Init)
            | Command::Redo(_)
            | Command::Reset(_)
            | Command::Drop
            | Command::Recover(_)
            | Command::Shell(_)
            | Command::Snapshot(_) => false,
            Command::Studio(_) => false,
        }
    }
}
