//! `heirloom studio`: the database, its history and its backups in a browser.
//!
//! Above the library's public API, as the command is. From below: `web` is HTTP and who may ask,
//! `jobs` is work that takes longer than a page, `read` is reading rows, `diagram` the
//! picture of a schema, `edit` is rows that are changed, `pages` is
//! what is shown, `routes` says which page an address is. May use `exit`, `output` and `settings`.

mod app;
mod assets;
mod diagram;
mod edit;
mod jobs;
mod pages;
mod read;
mod routes;
mod web;

use std::sync::Arc;

use crate::exit::{Exit, Failure};
use crate::output::ask::cancel_flag;
use crate::output::ui::Ui;
use crate::settings::gather::Settings;
use crate::studio::app::App;
use crate::studio::web::server::{self, Handler};

/// How it is started.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Options {
    /// The port; 0 for one that is free.
    pub(crate) port: u16,
    /// Whether a browser is opened.
    pub(crate) open: bool,
    /// Whether the database may be changed.
    pub(crate) write: bool,
}

/// Serves until Ctrl-C.
pub(crate) fn serve(ui: &mut Ui, settings: &Settings, options: Options) -> Result<Exit, Failure> {
    let taken = |error: std::io::Error| Failure::NotFound {
        message: format!(
            "cannot listen on port {} of 127.0.0.1: {error}",
            options.port
        ),
        help: "choose another --port, or leave it out to take one that is free".into(),
    };
    let (listener, port) = server::listen(options.port).map_err(taken)?;
    let app = Arc::new(App::new(settings.clone(), port, options.write)?);
    let handler: Handler = {
        let app = Arc::clone(&app);
        Arc::new(move |request| routes::answer(&app, &request))
    };
    ui.served(&app.address(app.keys.entry()));
    let opened = options.open
        && app.keys.opening().is_some_and(|key| {
            let address = app.address(&key);
            webbrowser::open(&address).is_ok()
        });
    if options.open && !opened {
        ui.note("no browser could be opened; open the address yourself");
    }
    let end = cancel_flag();
    let served = server::serve(listener, &handler, &end);
    app.jobs.end();
    served.map_err(taken)?;
    Ok(Exit::Done)
}
