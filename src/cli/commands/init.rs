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

/// The same where the app is one of Node or Electron.
const START_UP_IN_NODE: &str = r#"import { migrate } from 'heirloom'

// While you develop: the database that the `heirloom` command uses. On a user's machine: one in
// the app's data folder (Electron: app.getPath('userData')).
const database = '.data/app.db'
const migrations = new URL('./migrations', import.meta.url)

await migrate({ database, migrations })
// Only now open it with the library that the app uses."#;

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
    // Tauri's has both, and migrates in Rust.
    let is_there = |file: &str| folder.join(file).is_file();
    let is_of_node = is_there("package.json")
        && !["Cargo.toml", "src-tauri/Cargo.toml"]
            .into_iter()
            .any(is_there);
    let start_up = match is_of_node {
        true => START_UP_IN_NODE,
        false => START_UP,
    };
    ui.line("\nWhat the app calls when it starts:\n");
    ui.block(&text::indented(start_up));
    if !is_of_node {
        ui.line("\nIn its build.rs, so that Cargo notices new migrations:\n");
        ui.block(&text::indented(BUILD_SCRIPT));
    }
    ui.line(&format!(
        "\nNext: {} creates the database; edit {}, and {} writes the next migration",
        styled(BOLD, "heirloom run"),
        text::path(&files.schema),
        styled(BOLD, "heirloom generate"),
    ));
    let document = json::done(&files, &["settings", "schema", "up", "down", "gitignore"]);
    ui.document(&json::with(document, json!({ "start_up": start_up })));
    Ok(Exit::Done)
}
