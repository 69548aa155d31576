//! `heirloom man`

use std::path::PathBuf;

use serde_json::json;

use crate::exit::{Exit, Failure};
use crate::output::text;
use crate::output::ui::Ui;

#[derive(Debug, clap::Args)]
pub(crate) struct Man {
    /// Write a page for each command into this folder
    #[arg(long, value_name = "DIR")]
    pub(crate) dir: Option<PathBuf>,
}

pub(crate) fn run(ui: &mut Ui, command: clap::Command, options: &Man) -> Result<Exit, Failure> {
    let Some(folder) = &options.dir else {
        let mut page = Vec::new();
        // Into memory, which takes everything.
        let _ = clap_mangen::Man::new(command).render(&mut page);
        let page = String::from_utf8_lossy(&page);
        ui.block(page.trim_end());
        ui.document(&json!({ "ok": true, "page": page }));
        return Ok(Exit::Done);
    };
    clap_mangen::generate_to(command, folder).map_err(|error| Failure::NotFound {
        message: format!("cannot write man pages into {}: {error}", folder.display()),
        help: "give an existing folder that is writable".into(),
    })?;
    let ours = |path: &PathBuf| {
        let name = path.file_name().unwrap_or_default().to_string_lossy();
        name.starts_with(env!("CARGO_PKG_NAME")) && name.ends_with(".1")
    };
    let entries = std::fs::read_dir(folder).into_iter().flatten().flatten();
    let mut files: Vec<_> = entries.map(|entry| entry.path()).filter(ours).collect();
    files.sort();
    for file in &files {
        ui.line(&text::path(file));
    }
    let files: Vec<String> = files
        .iter()
        .map(|file| file.display().to_string())
        .collect();
    ui.document(&json!({ "ok": true, "files": files }));
    Ok(Exit::Done)
}
