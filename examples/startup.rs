//! What an app says once, at start-up: `cargo run --example startup`.
//!
//! An app that embeds its migrations has a `build.rs` with one line, so that Cargo notices
//! new files: `println!("cargo::rerun-if-changed=migrations");`
#![allow(clippy::print_stdout, clippy::print_stderr)]

use heirloom::include_dir::{self, Dir, include_dir};
use heirloom::{Event, Migrator};

static MIGRATIONS: Dir = include_dir!("$CARGO_MANIFEST_DIR/migrations");

fn main() -> Result<(), Box<dyn std::error::Error>> {
    // A real app: heirloom::data_folder("org", "Example", "Notes")?.join("notes.db")
    let folder = tempfile::tempdir()?;
    let database = folder.path().join("notes.db");

    let opened = Migrator::new(&MIGRATIONS)
        .keep_last(5)
        .app_version(env!("CARGO_PKG_VERSION"))
        .on_event(|event| {
            if let Event::Started {
                migration,
                number,
                of,
            } = event
            {
                println!("{number} of {of}: {migration}");
            }
        })
        .open(&database);

    match opened {
        Ok(opened) => {
            println!("{}", opened.report);
            let count = "SELECT count(*) FROM templates";
            let templates: i64 = opened.connection.query_row(count, [], |row| row.get(0))?;
            println!("the app is ready, with {templates} templates");
        }
        // The sad side, written once.
        Err(error) if error.is_from_newer_app() => eprintln!("please update the app: {error}"),
        Err(error) if error.is_busy() => eprintln!("is the app open twice? {error}"),
        Err(error) => eprintln!("{error:#}"),
    }
    Ok(())
}
