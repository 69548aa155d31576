//! The arguments, as clap reads them. The contract is the command line's own help.

use std::path::PathBuf;

use clap::{Parser, Subcommand, ValueEnum};

use crate::complete::candidates;

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

/// Options of every command.
#[derive(Debug, Default, clap::Args)]
#[command(next_help_heading = "Global options")]
pub(crate) struct Global {
    /// The database file, or a glob in quotes; may be repeated [env HEIRLOOM_DATABASE; default
    /// .data/app.db]
    #[arg(long, global = true, value_name = "PATH")]
    pub(crate) database: Vec<PathBuf>,
    /// The folder of the migrations [env HEIRLOOM_MIGRATIONS; default migrations]
    #[arg(long, global = true, value_name = "DIR")]
    pub(crate) migrations: Option<PathBuf>,
    /// How the migrations folder is laid out: heirloom, diesel, sqlx [env HEIRLOOM_LAYOUT; default heirloom]
    #[arg(long, global = true, value_name = "LAYOUT")]
    pub(crate) layout: Option<heirloom::Layout>,
    /// The schema as it should be [env HEIRLOOM_SCHEMA; default schema.sql in the migrations]
    #[arg(long, global = true, value_name = "FILE")]
    pub(crate) schema: Option<PathBuf>,
    /// The folder of the seed files [env HEIRLOOM_SEEDS; default seeds beside the migrations]
    #[arg(long, global = true, value_name = "DIR")]
    pub(crate) seeds: Option<PathBuf>,
    /// Where backups go [env HEIRLOOM_BACKUPS; default backups beside the database]
    #[arg(long, global = true, value_name = "DIR")]
    pub(crate) backups: Option<PathBuf>,
    /// How many automatic backups stay [env HEIRLOOM_KEEP; default 5]
    #[arg(long, global = true, value_name = "N")]
    pub(crate) keep: Option<usize>,
    /// The history table [env HEIRLOOM_HISTORY_TABLE; default refinery_schema_history]
    #[arg(long, global = true, value_name = "NAME")]
    pub(crate) history_table: Option<String>,
    /// Speak of one component alone, as the settings file names it
    #[arg(long, global = true, value_name = "NAME")]
    pub(crate) component: Option<String>,
    /// Take the database from this app's data folder, as in com.example.notes [env HEIRLOOM_APP]
    #[arg(long, global = true, value_name = "QUALIFIER.ORG.NAME")]
    pub(crate) app: Option<String>,
    /// The settings file [env HEIRLOOM_CONFIG; default heirloom.toml, searched upward]
    #[arg(long, global = true, value_name = "FILE")]
    pub(crate) config: Option<PathBuf>,
    /// How long to wait for another process [env HEIRLOOM_LOCK_TIMEOUT; default 30]
    #[arg(long, global = true, value_name = "SECONDS")]
    pub(crate) lock_timeout: Option<String>,
    /// One JSON document on stdout, success or failure
    #[arg(long, global = true)]
    pub(crate) json: bool,
    /// Answer every confirmation with yes; consent to destroying data is --allow-destructive
    #[arg(short, long, global = true)]
    pub(crate) yes: bool,
    /// Print nothing but failures
    #[arg(short, long, global = true, conflicts_with = "verbose")]
    pub(crate) quiet: bool,
    /// Print where each setting came from, and every line where there are several databases
    #[arg(short, long, global = true)]
    pub(crate) verbose: bool,
    /// Colour the output [env NO_COLOR, CLICOLOR_FORCE]
    #[arg(long, global = true, value_name = "WHEN", default_value = "auto")]
    pub(crate) color: Color,
}

/// When to use colour.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, ValueEnum)]
pub(crate) enum Color {
    /// On a terminal that can.
    #[default]
    Auto,
    /// Also into a pipe.
    Always,
    /// Not at all.
    Never,
}

#[derive(Debug, Subcommand)]
pub(crate) enum Command {
    /// Write an empty migration and its way back
    ///
    /// The version is the time in UTC. Example: heirloom create add_phone
    #[command(visible_aliases = ["new", "add"])]
    Create(Create),
    /// Write the migrations that lead to the schema as it should be
    ///
    /// Compares what the migrations give with schema.sql, and writes a pair of files for each
    /// changed table. Example: heirloom generate add_phone --dry-run
    #[command(visible_alias = "diff")]
    Generate(Generate),
    /// Make old migrations into one, which databases that have them recognise as done
    ///
    /// It is proved in memory before it is written; no database is opened. The originals go into
    /// a folder `squashed` below. Example: heirloom squash --to 20250609074500 --dry-run
    Squash(Squash),
    /// Show every migration with its state, and the SQL of the pending ones
    ///
    /// Nothing is written, and no file is created. Example: heirloom show --check
    #[command(visible_aliases = ["status", "list"])]
    Show(Show),
    /// Walk every migration up, down and up again in memory, over made-up rows
    ///
    /// No database is opened. Exits with 3 when something is found. Example: heirloom check
    Check,
    /// Apply what is pending, after a verified copy
    ///
    /// Example: heirloom run --to 20261121091403
    #[command(visible_aliases = ["up", "migrate"])]
    Run(Run),
    /// Take the newest applied migration back, after a verified copy
    ///
    /// Example: heirloom revert --steps 2
    #[command(visible_aliases = ["rollback", "down"])]
    Revert(Revert),
    /// Take over the history that another migration tool kept
    ///
    /// Nothing is run, and the other tool's table stays. First it is proved that the schema is
    /// the one that the migrations give. Example: heirloom adopt --from sqlx
    Adopt(Adopt),
    /// Mark a database without a history as being at a version
    ///
    /// Nothing is run. First it is proved that the schema is the one that the migrations up to
    /// that version give. Example: heirloom baseline 20261121091403
    Baseline(Baseline),
    /// Fill the rows of a large table in batches, after a verified copy
    ///
    /// The file has `-- heirloom: backfill TABLE` at its top, and statements that name :first
    /// and :last. Run again, it goes on where it stopped. Example: heirloom backfill fill_slugs.sql
    Backfill(Backfill),
    /// List automatic backups and snapshots, the newest first
    ///
    /// Nothing is written. Example: heirloom backups --verify
    Backups(Backups),
    /// Describe the schema: tables, columns, keys, indexes, triggers, views
    ///
    /// Of any SQLite database. Nothing is written. Example: heirloom inspect notes
    Inspect(Inspect),
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
    Snapshot(Snapshot),
    /// Put a backup back, after keeping the present state
    ///
    /// Example: heirloom restore latest
    Restore(Restore),
    /// Put a snapshot back, after keeping the present state
    ///
    /// Example: heirloom restore-snapshot --name before-import
    RestoreSnapshot(RestoreSnapshot),
    /// Run the seed files that are new or changed, after a verified copy
    ///
    /// seeds/*.sql, then seeds/ENVIRONMENT/*.sql. Example: heirloom seed dev
    Seed(Seed),
    /// Make a development database as schema.sql says, without a migration
    ///
    /// Example: heirloom push --dry-run
    Push(Push),
    /// Take the newest migration back and apply it again, after a verified copy
    ///
    /// Example: heirloom redo --steps 2
    Redo(Redo),
    /// Begin anew: drop everything, migrate and seed, after a snapshot
    ///
    /// Example: heirloom reset dev
    Reset(Reset),
    /// Drop everything in the database, after a snapshot
    ///
    /// Example: heirloom drop
    Drop,
    /// Open the database in sqlite3, or in a plain shell where there is none
    ///
    /// Example: heirloom shell -- "SELECT count(*) FROM notes"
    Shell(Shell),
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
    Completions(Completions),
    /// Print the manual as a man page, or write one for each command
    ///
    /// Example: heirloom man --dir man1
    Man(Man),
}

#[derive(Debug, clap::Args)]
pub(crate) struct Completions {
    /// Which shell
    pub(crate) shell: ShellName,
}

/// A shell whose completions are known.
#[derive(Debug, Clone, Copy, ValueEnum)]
pub(crate) enum ShellName {
    /// GNU Bash.
    Bash,
    /// fish.
    Fish,
    /// PowerShell.
    Powershell,
    /// Z shell.
    Zsh,
}

#[derive(Debug, clap::Args)]
pub(crate) struct Man {
    /// Write a page for each command into this folder
    #[arg(long, value_name = "DIR")]
    pub(crate) dir: Option<PathBuf>,
}

#[derive(Debug, clap::Args)]
pub(crate) struct Backfill {
    /// What fills the rows
    pub(crate) file: PathBuf,
    /// So many rows at a time [default: what the file says, else 10000]
    #[arg(long, value_name = "N", value_parser = clap::value_parser!(u64).range(1..))]
    pub(crate) batch: Option<u64>,
    /// Once more from the first row, after a copy, where it is done
    #[arg(long)]
    pub(crate) again: bool,
    /// Print what is left to do, and do nothing
    #[arg(long)]
    pub(crate) dry_run: bool,
}

#[derive(Debug, clap::Args)]
pub(crate) struct Seed {
    /// The environment whose seeds are run too: a folder among the seeds
    pub(crate) environment: Option<String>,
    /// Print what would be run, and do nothing
    #[arg(long)]
    pub(crate) dry_run: bool,
    /// Consent to what the seed files destroy
    #[arg(long)]
    pub(crate) allow_destructive: bool,
}

#[derive(Debug, clap::Args)]
pub(crate) struct Push {
    /// Print the SQL, and do nothing
    #[arg(long)]
    pub(crate) dry_run: bool,
    /// A column or a table was renamed: table.old=new, old_table=new_table; may be repeated
    #[arg(long, value_name = "OLD=NEW")]
    pub(crate) rename: Vec<String>,
    /// A column or a table is gone and was not renamed: table.column, table; may be repeated
    #[arg(long, value_name = "GONE")]
    pub(crate) drop: Vec<String>,
    /// Consent to what the changes destroy
    #[arg(long)]
    pub(crate) allow_destructive: bool,
    /// Push over applied migrations too: the history is untrue afterwards
    #[arg(long)]
    pub(crate) force: bool,
}

#[derive(Debug, clap::Args)]
pub(crate) struct Redo {
    /// So many migrations
    #[arg(long, value_name = "N", default_value_t = 1)]
    pub(crate) steps: usize,
    /// Consent to what they destroy when they are applied again
    #[arg(long)]
    pub(crate) allow_destructive: bool,
}

#[derive(Debug, clap::Args)]
pub(crate) struct Reset {
    /// The environment whose seeds are run too: a folder among the seeds
    pub(crate) environment: Option<String>,
}

#[derive(Debug, clap::Args)]
pub(crate) struct Shell {
    /// Write nothing
    #[arg(long)]
    pub(crate) readonly: bool,
    /// What sqlite3 is to be given beside the database
    #[arg(last = true, value_name = "ARGS")]
    pub(crate) arguments: Vec<std::ffi::OsString>,
}

#[derive(Debug, clap::Args)]
pub(crate) struct Backups {
    /// Look into each copy with SQLite's integrity_check too
    #[arg(long)]
    pub(crate) verify: bool,
}

#[derive(Debug, clap::Args)]
pub(crate) struct Inspect {
    /// A table or a view; all of them unless given
    pub(crate) table: Option<String>,
    /// Print the CREATE statements, in an order that stays the same and can be executed
    #[arg(long)]
    pub(crate) sql: bool,
}

#[derive(Debug, clap::Args)]
pub(crate) struct Snapshot {
    /// What the copy is to be called, as in before-import
    #[arg(long)]
    pub(crate) name: String,
    /// Take a folder of files along that lies beside the database; may be repeated
    #[arg(long, value_name = "DIR")]
    pub(crate) with: Vec<PathBuf>,
}

#[derive(Debug, clap::Args)]
pub(crate) struct RestoreSnapshot {
    /// Which snapshot
    #[arg(long, add = candidates::snapshots())]
    pub(crate) name: String,
    /// Print what would change, and change nothing
    #[arg(long)]
    pub(crate) dry_run: bool,
}

#[derive(Debug, clap::Args)]
pub(crate) struct Restore {
    /// A file name that `backups` lists, a path, or `latest`
    #[arg(add = candidates::backups())]
    pub(crate) backup: PathBuf,
    /// Print what would change, and change nothing
    #[arg(long)]
    pub(crate) dry_run: bool,
}

impl Restore {
    /// Whether each database has one that is meant.
    pub(crate) fn is_latest(&self) -> bool {
        self.backup.as_os_str() == "latest"
    }
}

#[derive(Debug, clap::Args)]
pub(crate) struct Create {
    /// What it does, as in add_phone
    pub(crate) name: String,
}

#[derive(Debug, clap::Args)]
pub(crate) struct Generate {
    /// What the files are to be called; after what they do unless given
    pub(crate) name: Option<String>,
    /// Print the SQL, and write nothing
    #[arg(long)]
    pub(crate) dry_run: bool,
    /// Write nothing, and exit with 3 when something would be written
    #[arg(long)]
    pub(crate) check: bool,
    /// A column or a table was renamed: table.old=new, old_table=new_table; may be repeated
    #[arg(long, value_name = "OLD=NEW")]
    pub(crate) rename: Vec<String>,
    /// A column or a table is gone and was not renamed: table.column, table; may be repeated
    #[arg(long, value_name = "GONE", add = candidates::tables())]
    pub(crate) drop: Vec<String>,
    /// Consent to what the changes destroy, and write the consent into the files
    #[arg(long)]
    pub(crate) allow_destructive: bool,
    /// Build tables anew whose columns are only in another order
    #[arg(long)]
    pub(crate) strict_order: bool,
}

#[derive(Debug, clap::Args)]
pub(crate) struct Squash {
    /// Squash up to this version and no further; all unless given
    #[arg(long, value_name = "VERSION")]
    pub(crate) to: Option<i64>,
    /// What the file is to be called; `squashed` unless given
    #[arg(long, value_name = "NAME")]
    pub(crate) name: Option<String>,
    /// Print the SQL, and write nothing
    #[arg(long)]
    pub(crate) dry_run: bool,
    /// Remove the originals instead of moving them, though a database may be in their middle
    #[arg(long)]
    pub(crate) remove: bool,
}

#[derive(Debug, clap::Args)]
pub(crate) struct Show {
    /// Exit with 3 when the database is not up to date
    #[arg(long)]
    pub(crate) check: bool,
}

#[derive(Debug, clap::Args)]
pub(crate) struct Run {
    /// Apply up to this version and no further
    #[arg(long, value_name = "VERSION", add = candidates::pending_versions())]
    pub(crate) to: Option<i64>,
    /// Print what would be done, and do nothing
    #[arg(long)]
    pub(crate) dry_run: bool,
    /// Do it to a scratch copy of the database, report, and throw the copy away
    #[arg(long, conflicts_with = "dry_run")]
    pub(crate) rehearse: bool,
    /// Consent to what the pending migrations destroy
    #[arg(long)]
    pub(crate) allow_destructive: bool,
}

#[derive(Debug, clap::Args)]
pub(crate) struct Adopt {
    /// Whose history; found out unless given: diesel, sqlx, prisma, drizzle, goose, typeorm, dbmate, rusqlite_migration
    #[arg(long, value_name = "TOOL")]
    pub(crate) from: Option<heirloom::Tool>,
    /// Prove it, print what would be marked, and write nothing
    #[arg(long)]
    pub(crate) dry_run: bool,
}

#[derive(Debug, clap::Args)]
pub(crate) struct Baseline {
    /// The version whose schema the database has
    #[arg(value_name = "VERSION")]
    pub(crate) at: i64,
    /// Prove it, print what would be marked, and write nothing
    #[arg(long)]
    pub(crate) dry_run: bool,
}

#[derive(Debug, clap::Args)]
pub(crate) struct Revert {
    /// Take so many back
    #[arg(long, value_name = "N", default_value_t = 1, conflicts_with = "to")]
    pub(crate) steps: usize,
    /// Go back until this version is the newest; 0 takes everything back
    #[arg(long, value_name = "VERSION", add = candidates::applied_versions())]
    pub(crate) to: Option<i64>,
    /// Print what would be done, and do nothing
    #[arg(long)]
    pub(crate) dry_run: bool,
}
