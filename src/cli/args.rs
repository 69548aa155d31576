//! The options that every command has, as clap reads them.

use std::path::PathBuf;

use clap::ValueEnum;

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
