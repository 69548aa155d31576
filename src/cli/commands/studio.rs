//! `heirloom studio`

use crate::exit::{Exit, Failure};
use crate::output::ui::Ui;
use crate::settings::gather::Settings;
use crate::studio::{self, Options};

#[derive(Debug, clap::Args)]
pub(crate) struct Studio {
    /// The port on 127.0.0.1 [default: one that is free]
    #[arg(long, value_name = "N", default_value_t = 0, hide_default_value = true)]
    pub(crate) port: u16,
    /// Print the address, and open no browser
    #[arg(long)]
    pub(crate) no_open: bool,
    /// Allow to run, revert, restore and edit rows, each after a confirmation
    #[arg(long)]
    pub(crate) write: bool,
}

pub(crate) fn run(ui: &mut Ui, settings: &Settings, options: &Studio) -> Result<Exit, Failure> {
    let options = Options {
        port: options.port,
        open: !options.no_open,
        write: options.write,
    };
    studio::serve(ui, settings, options)
}
