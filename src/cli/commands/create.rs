//! `heirloom create NAME`

use std::time::SystemTime;

use heirloom::Source;

use crate::exit::{Exit, Failure};
use crate::output::json;
use crate::output::text;
use crate::output::ui::Ui;
use crate::settings::gather::Settings;

#[derive(Debug, clap::Args)]
pub(crate) struct Create {
    /// The name of the migration, such as add_phone
    pub(crate) name: String,
}

pub(crate) fn run(ui: &mut Ui, settings: &Settings, options: &Create) -> Result<Exit, Failure> {
    let source = Source::from(&settings.migrations.value).layout(settings.layout.value);
    let made = heirloom::devtools::create(source, &options.name, SystemTime::now())?;
    ui.line(&text::path(&made.up));
    ui.line(&text::path(&made.down));
    ui.document(&json::done(&made, &["version", "up", "down"]));
    Ok(Exit::Done)
}
