//! One file per command: its options, what it does, what it prints. Here: which commands there
//! are, what they can be done to, and which function does each.
//!
//! A command may use everything beside this folder but `many`, and no other command's file unless
//! both do the same thing (`push` asks what `generate` asks).

mod adopt;
mod backfill;
mod backups;
mod baseline;
mod check;
mod completions;
mod create;
mod doctor;
mod drop;
mod generate;
#[cfg(test)]
mod help;
mod init;
mod inspect;
mod log;
mod man;
mod push;
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

use clap::{CommandFactory, Parser, Subcommand};

use crate::args::Global;
use crate::exit::{Exit, Failure};
use crate::output::ui::Ui;
use crate::settings::gather::Settings;

/// SQLite migrations for desktop apps: a verified copy first, then all of it or nothing.
#[derive(Debug, Parser)]
#[command(
    name = "heirloom",
    version,
    propagate_version = true,
    after_help = "Settings come from flags, then HEIRLOOM_… in the environment, then heirloom.toml, then defaults."
)]
pub(crate) struct Args {
    #[command(flatten)]
    pub(crate) global: Global,
    #[command(subcommand)]
    pub(crate) command: Command,
}

#[derive(Debug, Subcommand)]
pub(crate) enum Command {
    /// Write an empty migration and its way back
    ///
    /// The version is the time in UTC. Example: heirloom create add_phone
    #[command(visible_aliases = ["new", "add"])]
    Create(create::Create),
    /// Write the migrations that lead to the schema as it should be
    ///
    /// Compares what the migrations give with schema.sql, and writes a pair of files for each
    /// changed table. Example: heirloom generate add_phone --dry-run
    #[command(visible_alias = "diff")]
    Generate(generate::Generate),
    /// Make old migrations into one, which databases that have them recognise as done
    ///
    /// It is proved in memory before it is written; no database is opened. The originals go into
    /// a folder `squashed` below. Example: heirloom squash --to 20250609074500 --dry-run
    Squash(squash::Squash),
    /// Show every migration with its state, and the SQL of the pending ones
    ///
    /// Nothing is written, and no file is created. Example: heirloom show --check
    #[command(visible_aliases = ["status", "list"])]
    Show(show::Show),
    /// Walk every migration up, down and up again in memory, over made-up rows
    ///
    /// No database is opened. Exits with 3 when something is found. Example: heirloom check
    Check,
    /// Apply what is pending, after a verified copy
    ///
    /// Example: heirloom run --to 20261121091403
    #[command(visible_aliases = ["up", "migrate"])]
    Run(run::Run),
    /// Take the newest applied migration back, after a verified copy
    ///
    /// Example: heirloom revert --steps 2
    #[command(visible_aliases = ["rollback", "down"])]
    Revert(revert::Revert),
    /// Take over the history that another migration tool kept
    ///
    /// Nothing is run, and the other tool's table stays. First it is proved that the schema is
    /// the one that the migrations give. Example: heirloom adopt --from sqlx
    Adopt(adopt::Adopt),
    /// Mark a database without a history as being at a version
    ///
    /// Nothing is run. First it is proved that the schema is the one that the migrations up to
    /// that version give. Example: heirloom baseline 20261121091403
    Baseline(baseline::Baseline),
    /// Fill the rows of a large table in batches, after a verified copy
    ///
    /// The file has `-- heirloom: backfill TABLE` at its top, and statements that name :first
    /// and :last. Run again, it goes on where it stopped. Example: heirloom backfill fill_slugs.sql
    Backfill(backfill::Backfill),
    /// List automatic backups and snapshots, the newest first
    ///
    /// Nothing is written. Example: heirloom backups --verify
    Backups(backups::Backups),
    /// Describe the schema: tables, columns, keys, indexes, triggers, views
    ///
    /// Of any SQLite database. Nothing is written. Example: heirloom inspect notes
    Inspect(inspect::Inspect),
    /// Show rows and bytes per table and index, the history, and how the file grew
    ///
    /// Of any SQLite database. Nothing is written. Example: heirloom stats --json
    Stats,
    /// Look for everything that can be wrong with the database and around it
    ///
    /// Writes nothing. Exits with 3 on a finding, 7 on damage. Example: heirloom doctor
    Doctor,
    /// List every run, revert, restore and snapshot, the newest first
    ///
    /// Nothing is written. What failed is not listed. Example: heirloom log
    Log,
    /// Take a copy under a name
    ///
    /// Example: heirloom snapshot --name before-import
    Snapshot(snapshot::Snapshot),
    /// Put a backup back, after keeping the present state
    ///
    /// Example: heirloom restore latest
    Restore(restore::Restore),
    /// Put a snapshot back, after keeping the present state
    ///
    /// Example: heirloom restore-snapshot --name before-import
    RestoreSnapshot(restore::RestoreSnapshot),
    /// Run the seed files that are new or changed, after a verified copy
    ///
    /// seeds/*.sql, then seeds/ENVIRONMENT/*.sql. Example: heirloom seed dev
    Seed(seed::Seed),
    /// Make a development database as schema.sql says, without a migration
    ///
    /// Example: heirloom push --dry-run
    Push(push::Push),
    /// Take the newest migration back and apply it again, after a verified copy
    ///
    /// Example: heirloom redo --steps 2
    Redo(redo::Redo),
    /// Begin anew: drop everything, migrate and seed, after a snapshot
    ///
    /// Example: heirloom reset dev
    Reset(reset::Reset),
    /// Drop everything in the database, after a snapshot
    ///
    /// Example: heirloom drop
    Drop,
    /// Open the database in sqlite3, or in a plain shell where there is none
    ///
    /// Example: heirloom shell -- "SELECT count(*) FROM notes"
    Shell(shell::Shell),
    #[command(flatten)]
    Alone(Alone),
}

/// The commands that need neither settings nor a database.
#[derive(Debug, Subcommand)]
pub(crate) enum Alone {
    /// Write what a project begins with: settings, a first migration, schema.sql
    ///
    /// Into the current folder, and over nothing that is there. Example: heirloom init
    Init,
    /// Print the script that makes a shell complete commands, options and their values
    ///
    /// Needs heirloom in the PATH. Example: heirloom completions bash
    Completions(completions::Completions),
    /// Print the manual as a man page, or write one for each command
    ///
    /// Example: heirloom man --dir man1
    Man(man::Man),
}

/// Does what needs neither settings nor a database.
pub(crate) fn alone(ui: &mut Ui, command: &Alone) -> Result<Exit, Failure> {
    match command {
        Alone::Init => init::run(ui),
        Alone::Completions(options) => completions::run(ui, options),
        Alone::Man(options) => man::run(ui, Args::command(), options),
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
        Command::Check => check::run(ui, settings),
        Command::Run(options) => run::run(ui, settings, options),
        Command::Revert(options) => revert::run(ui, settings, options),
        Command::Adopt(options) => adopt::run(ui, settings, options),
        Command::Baseline(options) => baseline::run(ui, settings, options),
        Command::Backfill(options) => backfill::run(ui, settings, options),
        Command::Backups(options) => backups::run(ui, settings, options),
        Command::Inspect(options) => inspect::run(ui, settings, options),
        Command::Stats => stats::run(ui, settings),
        Command::Doctor => doctor::run(ui, settings),
        Command::Log => log::run(ui, settings),
        Command::Snapshot(options) => snapshot::run(ui, settings, options),
        Command::Restore(options) => restore::run(ui, settings, &options.wanted(), options.dry_run),
        Command::RestoreSnapshot(options) => {
            restore::run(ui, settings, &options.wanted(), options.dry_run)
        }
        Command::Alone(command) => alone(ui, command),
        Command::Seed(options) => seed::run(ui, settings, options),
        Command::Push(options) => push::run(ui, settings, options),
        Command::Redo(options) => redo::run(ui, settings, options),
        Command::Reset(options) => reset::run(ui, settings, options),
        Command::Drop => drop::run(ui, settings),
        Command::Shell(options) => shell::run(ui, settings, options),
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
            | Command::Check
            | Command::Alone(_) => Reach::None,
            // The file of one database put over all of them is never meant.
            Command::Restore(options) if !options.is_latest() => Reach::One,
            // A developer's own database.
            Command::Push(_)
            | Command::Redo(_)
            | Command::Reset(_)
            | Command::Drop
            | Command::Shell(_) => Reach::One,
            Command::Show(_)
            | Command::Inspect(_)
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

    /// Whether all it does is to say what is so: what it prints is then all there is of it.
    pub(crate) fn only_looks(&self) -> bool {
        match self {
            Command::Show(_)
            | Command::Inspect(_)
            | Command::Stats
            | Command::Doctor
            | Command::Log
            | Command::Check
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
            | Command::Shell(_)
            | Command::Snapshot(_) => false,
        }
    }
}
