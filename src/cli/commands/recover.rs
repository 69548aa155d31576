//! `heirloom recover [FILE]`

use std::path::PathBuf;

use crate::exit::{Exit, Failure};
use crate::output::ask;
use crate::output::json;
use crate::output::report;
use crate::output::text;
use crate::output::text::{GREEN, YELLOW, styled};
use crate::output::ui::Ui;
use crate::settings::gather::Settings;
use crate::settings::migrator::keeper;

#[derive(Debug, clap::Args)]
pub(crate) struct Recover {
    /// The new file [default: NAME-recovered.db beside the database]
    #[arg(value_name = "FILE")]
    pub(crate) file: Option<PathBuf>,
}

pub(crate) fn run(ui: &mut Ui, settings: &Settings, options: &Recover) -> Result<Exit, Failure> {
    let database = &settings.database.value;
    let beside = || {
        let mut name = database.file_stem().unwrap_or_default().to_owned();
        name.push("-recovered.db");
        database.with_file_name(name)
    };
    let saved = keeper(settings)?
        .cancel_with(ask::cancel_flag())
        .database(database)
        .recover(options.file.clone().unwrap_or_else(beside))?;
    for table in saved.tables.iter().chain(&saved.lost_and_found) {
        let word = match table.lost == 0 && table.damaged_pages == 0 {
            true => styled(GREEN, "saved    "),
            false => styled(YELLOW, "in part  "),
        };
        ui.line(&format!("{word} {table}"));
    }
    report::show_notes(ui, &saved.notes, &[]);
    let file = text::path(&saved.file);
    let whole = match saved.is_complete() {
        true => "everything that it names was found",
        false => "not everything was found: compare before you use it",
    };
    let line = format!(
        "{} {file}: {whole}; `{} restore {}` puts it in the place of the database, and keeps what is there",
        styled(GREEN, "recovered"),
        ui.typed().begin(),
        text::typed(&file)
    );
    ui.line(&line);
    ui.in_short(&line);
    let keys = ["database", "file", "tables", "lost_and_found", "notes"];
    ui.document(&json::done(&saved, &keys));
    Ok(Exit::Done)
}
