//! A database and its migrations side by side, looked at without leaving a trace.

use std::path::Path;

use crate::connect::{self, Target, View};
use crate::error::Error;
use crate::history;
use crate::migration::{Applied, Migration};
use crate::options::Options;

/// What `show` and every plan begin with.
pub(crate) struct Look {
    pub(crate) migrations: Vec<Migration>,
    pub(crate) target: Target,
    pub(crate) view: View,
    pub(crate) history: Vec<Applied>,
    /// When an interrupted run had begun that the next one will put back.
    pub(crate) interrupted: Option<String>,
}

/// Reads migrations and history. A database that does not exist has an empty history.
pub(crate) fn look(options: &Options<'_>, path: &Path) -> Result<Look, Error> {
    options.check_history_table()?;
    let migrations = options.migrations()?;
    let target = connect::resolve(path)?;
    let mut view = connect::view_of(&target)?;
    let marker = history::read_marker(&view.connection)?;
    if let Some(marker) = &marker {
        // The run that comes next begins with the copy, so that is what it must be told from.
        let copy = options.backups_of(&target.path);
        if let Some(before) = connect::state_before(marker.backup.as_deref(), &copy) {
            view = before;
        }
    }
    options.set_up(&view.connection)?;
    let history = history::read(&view.connection, &options.history_table)?;
    Ok(Look {
        interrupted: marker.map(|marker| marker.started_at),
        migrations,
        target,
        view,
        history,
    })
}
