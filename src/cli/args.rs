//! The options that every command has, as clap reads them.

use std::path::PathBuf;

use clap::builder::Resettable;
use clap::{Arg, ValueEnum};
use heirloom::Layout;
use heirloom::defaults::{DEFAULT_HISTORY_TABLE, DEFAULT_KEEP, DEFAULT_LOCK_TIMEOUT};

/// Options of every command. What has a variable is a setting, and a setting that was not given
/// here may be in the settings file: [`crate::settings`] has the last word, and reads numbers, so
/// that its refusals name the flag, the variable or the file.
#[derive(Debug, Default, clap::Args)]
#[command(next_help_heading = "Global options")]
pub(crate) struct Global {
    /// The database file, or a glob in quotes; may be repeated
    #[arg(
        long,
        global = true,
        value_name = "PATH",
        env = "HEIRLOOM_DATABASE",
        default_value = ".data/app.db"
    )]
    pub(crate) database: Vec<PathBuf>,
    /// The folder of the migrations
    #[arg(
        long,
        global = true,
        value_name = "DIR",
        env = "HEIRLOOM_MIGRATIONS",
        default_value = "migrations"
    )]
    pub(crate) migrations: PathBuf,
    /// How the migrations folder is laid out: heirloom, diesel or sqlx
    #[arg(long, global = true, value_name = "LAYOUT", env = "HEIRLOOM_LAYOUT", default_value_t = Layout::default().to_string())]
    pub(crate) layout: String,
    /// The desired schema [default: schema.sql in the migrations folder]
    #[arg(long, global = true, value_name = "FILE", env = "HEIRLOOM_SCHEMA")]
    pub(crate) schema: Option<PathBuf>,
    /// The folder of the seed files [default: seeds beside the migrations folder]
    #[arg(long, global = true, value_name = "DIR", env = "HEIRLOOM_SEEDS")]
    pub(crate) seeds: Option<PathBuf>,
    /// The folder of the backups [default: backups beside the database]
    #[arg(long, global = true, value_name = "DIR", env = "HEIRLOOM_BACKUPS")]
    pub(crate) backups: Option<PathBuf>,
    /// How many automatic backups to keep
    #[arg(long, global = true, value_name = "N", env = "HEIRLOOM_KEEP", default_value_t = DEFAULT_KEEP.to_string())]
    pub(crate) keep: String,
    /// The name of the history table
    #[arg(long, global = true, value_name = "NAME", env = "HEIRLOOM_HISTORY_TABLE", default_value = DEFAULT_HISTORY_TABLE)]
    pub(crate) history_table: String,
    /// Work on one component only, named as in the settings file
    #[arg(long, global = true, value_name = "NAME")]
    pub(crate) component: Option<String>,
    /// Use the database in the data folder of this app, as in com.example.notes
    #[arg(
        long,
        global = true,
        value_name = "QUALIFIER.ORG.NAME",
        env = "HEIRLOOM_APP"
    )]
    pub(crate) app: Option<String>,
    /// The settings file [default: heirloom.toml here or in a folder above]
    #[arg(long, global = true, value_name = "FILE", env = "HEIRLOOM_CONFIG")]
    pub(crate) config: Option<PathBuf>,
    /// How many seconds to wait for another process
    #[arg(long, global = true, value_name = "SECONDS", env = "HEIRLOOM_LOCK_TIMEOUT", default_value_t = DEFAULT_LOCK_TIMEOUT.as_secs_f64().to_string())]
    pub(crate) lock_timeout: String,
    /// Print one JSON document on stdout, on success and on failure
    #[arg(long, global = true)]
    pub(crate) json: bool,
    /// Answer every question with yes, except whether to destroy data (--allow-destructive)
    #[arg(short, long, global = true)]
    pub(crate) yes: bool,
    /// Print nothing but failures
    #[arg(short, long, global = true, conflicts_with = "verbose")]
    pub(crate) quiet: bool,
    /// Print the source of each setting, and every line for each of several databases
    #[arg(short, long, global = true)]
    pub(crate) verbose: bool,
    /// When to use colour [env: NO_COLOR, CLICOLOR_FORCE]
    #[arg(long, global = true, value_name = "WHEN", default_value = "auto")]
    pub(crate) color: Color,
}

/// The variable of a setting.
pub(crate) fn variable(setting: &str) -> String {
    format!("HEIRLOOM_{}", setting.to_uppercase())
}

/// Variables that are set to nothing are not set, and what they hold is not shown in the help.
pub(crate) fn without_empty_variables(argument: Arg) -> Arg {
    let value = argument.get_env().and_then(std::env::var_os);
    match value.is_some_and(|value| value.is_empty()) {
        true => argument.env(Resettable::Reset),
        false => argument.hide_env_values(true),
    }
}

/// When to use colour. The values have no help of their own: clap would make the help of
/// everything four times as long for it.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, ValueEnum)]
pub(crate) enum Color {
    // On a terminal that can.
    #[default]
    Auto,
    // Also into a pipe.
    Always,
    // Not at all.
    Never,
}
