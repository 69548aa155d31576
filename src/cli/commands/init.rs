//! `heirloom init`

use std::time::SystemTime;

use serde_json::json;

use crate::exit::{Exit, Failure};
use crate::output::json;
use crate::output::text;
use crate::output::text::{BOLD, GREEN, styled};
use crate::output::ui::Ui;
use crate::settings::gather::Surroundings;

/// What an app calls when it starts.
const START_UP: &str = r#"use heirloom::Migrator;
use heirloom::include_dir::{self, Dir, include_dir};

static MIGRATIONS: Dir = include_dir!("$CARGO_MANIFEST_DIR/migrations");

let database = if cfg!(debug_assertions) {
    // While you develop: the database that the `heirloom` command uses.
    concat!(env!("CARGO_MANIFEST_DIR"), "/.data/app.db").into()
} else {
    // On a user's machine: the app's data folder.
    heirloom::data_folder("org", "Example", "Notes")?.join("notes.db")
};
let opened = Migrator::new(&MIGRATIONS)
    .app_version(env!("CARGO_PKG_VERSION"))
    .open(database)?;
println!("{}", opened.report);"#;

const BUILD_SCRIPT: &str = r#"fn main() {
    println!("cargo::rerun-if-changed=migrations");
}"#;

pub(crate) fn run(ui: &mut Ui) -> Result<Exit, Failure> {
    let folder = Surroundings::of_this_process()?.folder;
    let files = heirloom::devtools::init(&folder, SystemTime::now())?;
    let files_of_heirloom = [&files.settings, &files.schema, &files.up, &files.down];
    for file in files_of_heirloom.into_iter().chain(&files.gitignore) {
        ui.line(&format!("{}  {}", styled(GREEN, "wrote"), text::path(file)));
    }
    ui.line("\nWhat the app calls when it starts:\n");
    ui.block(&text::indented(START_UP));
    ui.line("\nIn its build.rs, so that Cargo notices new migrations:\n");
    ui.block(&text::indented(BUILD_SCRIPT));
    ui.line(&format!(
        "\nNext: {} creates the database; edit {}, and {} writes the next migration",
        styled(BOLD, "heirloom run"),
        text::path(&files.schema),
        styled(BOLD, "heirloom generate"),
    ));
    let document = json::done(&files, &["settings", "schema", "up", "down", "gitignore"]);
    ui.document(&json::with(document, json!({ "start_up": START_UP })));
    Ok(Exit::Done)
}
