//! `heirloom squash`

use std::path::PathBuf;

use heirloom::{SquashOptions, Squashed};
use serde_json::{Value, json};

use crate::args::Squash;
use crate::exit::{Exit, Failure};
use crate::output::report;
use crate::output::text;
use crate::output::text::{BOLD, GREEN, styled};
use crate::output::ui::Ui;
use crate::settings::gather::Settings;

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
    let squashed = report::migrator(settings)?.devtools().squash(&wishes)?;
    match options.dry_run {
        true if !squashed.is_written => {
            ui.line(&styled(BOLD, text::path(&squashed.file)));
            ui.line(&text::indented(&squashed.sql));
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
    let paths = |files: Vec<&PathBuf>| files.into_iter().map(text::path_json).collect::<Vec<_>>();
    json!({
        "ok": true,
        "dry_run": dry_run,
        "file": text::path_json(&squashed.file),
        "sql": squashed.sql,
        "replaced": squashed.replaced,
        "moved": paths(squashed.moves.iter().map(|(_, to)| to).collect()),
        "removed": paths(squashed.removals.iter().collect()),
    })
}
