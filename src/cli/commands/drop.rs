//! `heirloom drop`

use heirloom::Event;

use crate::exit::{Exit, Failure};
use crate::output::ask;
use crate::output::json;
use crate::output::report;
use crate::output::text;
use crate::output::text::{GREEN, styled};
use crate::output::ui::Ui;
use crate::settings::gather::Settings;
use crate::settings::migrator::keeper;

pub(crate) fn run(ui: &mut Ui, settings: &Settings) -> Result<Exit, Failure> {
    let database = &settings.database.value;
    let question = format!(
        "Drop everything in {} after a snapshot?",
        text::path(database)
    );
    ask::confirm(ui, &question)?;
    let emptied = keeper(settings)?
        .cancel_with(ask::cancel_flag())
        .on_event(|event: &Event<'_>| report::show_event(ui, "", event))
        .database(database)
        .empty()?;
    let name = text::path(&emptied.database);
    match &emptied.snapshot {
        Some(snapshot) => {
            report::show_snapshot(ui, &emptied.database, snapshot);
            ui.line(&format!(
                "{} everything in {name}",
                styled(GREEN, "dropped ")
            ));
        }
        None => ui.line(&format!("nothing to do: {name} is empty")),
    }
    ui.document(&json::done(&emptied, &["snapshot", "database"]));
    Ok(Exit::Done)
}
