//! `heirloom create NAME`

use std::time::SystemTime;

use heirloom::Source;
use serde_json::json;

use crate::cli::args::Create;
use crate::cli::exit::{Exit, Failure};
use crate::cli::render;
use crate::cli::settings::Settings;
use crate::cli::ui::Ui;

pub(crate) fn run(ui: &mut Ui, settings: &Settings, options: &Create) -> Result<Exit, Failure> {
    let source = Source::from(&settings.migrations.value).layout(settings.layout.value);
    let made = heirloom::create(source, &options.name, SystemTime::now())?;
    ui.line(&render::path(&made.up));
    ui.line(&render::path(&made.down));
    ui.document(&json!({
        "ok": true,
        "version": made.version,
        "up": render::path_json(&made.up),
        "down": render::path_json(&made.down),
    }));
    Ok(Exit::Done)
}
