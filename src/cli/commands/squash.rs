//! `heirloom squash`

use heirloom::devtools::{SquashOptions, Squashed};
use serde_json::{Value, json};

use crate::exit::{Exit, Failure};
use crate::output::json;
use crate::output::text;
use crate::output::text::{BOLD, GREEN, styled};
use crate::output::ui::Ui;
use crate::settings::gather::Settings;
use crate::settings::migrator::migrator;

#[derive(Debug, clap::Args)]
pub(crate) struct Squash {
    /// Squash up to this version [default: all]
    #[arg(long, value_name = "VERSION")]
    pub(crate) to: Option<i64>,
    /// The name of the file [default: squashed]
    #[arg(long, value_name = "NAME")]
    pub(crate) name: Option<String>,
    /// Print the SQL, and write nothing
    #[arg(long)]
    pub(crate) dry_run: bool,
    /// Remove the originals instead of moving them: a database that has only some of them
    /// cannot be migrated any more
    #[arg(long)]
    pub(crate) remove: bool,
}

pub(crate) fn run(ui: &mut Ui, settings: &Settings, options: &Squash) -> Result<Exit, Failure> {
    let mut wishes = SquashOptions::new();
    if let Some(version) = options.to {
        wishes = wishes.to(version);
    }
    if let Some(name) = &options.name {
        wishes = wishes.name(name);
    }
    if options.remove {
        wishes = wishes.remove_originals();
    }
    let squashed = migrator(settings)?.devtools().squash(&wishes)?;
    match options.dry_run {
        true if !squashed.is_written => {
            ui.line(&styled(BOLD, text::path(&squashed.file)));
            ui.block(&text::indented(&squashed.sql));
        }
        true => {}
        false => squashed.write()?,
    }
    show(ui, &squashed);
    if options.dry_run {
        ui.line("nothing was written");
    }
    ui.document(&document(&squashed, options.dry_run));
    Ok(Exit::Done)
}

fn show(ui: &mut Ui, squashed: &Squashed) {
    let mut line = |verb: &str, what: String| {
        ui.line(&format!("{} {what}", styled(GREEN, format!("{verb:<8}"))));
    };
    for label in &squashed.replaced {
        line("replaces", label.clone());
    }
    if !squashed.is_written {
        line("file", text::path(&squashed.file));
    }
    for (from, to) in &squashed.moves {
        line(
            "moves",
            format!("{} to {}", text::path(from), text::path(to)),
        );
    }
    for file in &squashed.removals {
        line("removes", text::path(file));
    }
}

fn document(squashed: &Squashed, dry_run: bool) -> Value {
    let keys = ["file", "sql", "replaced", "removed=removals"];
    let moved = squashed.moves.iter().map(|(_, to)| to);
    let moved: Vec<_> = moved.map(|to| to.display().to_string()).collect();
    let more = json!({ "dry_run": dry_run, "moved": moved });
    json::with(json::done(squashed, &keys), more)
}
