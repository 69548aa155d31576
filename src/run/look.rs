//! A database and its migrations side by side, looked at without leaving a trace.

use std::path::Path;

use rusqlite::Connection;

use crate::backup::intent::Intent;
use crate::backup::of_database;
use crate::migration::compare::{Applied, Known};
use crate::migration::history::{marker, table};
use crate::migration::set::Migration;
use crate::options::settings::Options;
use crate::report::error::Error;
use crate::sqlite::open::{self, Target};
use crate::sqlite::view::{self, View};

/// What `show` and every plan begin with.
pub(crate) struct Look {
    /// The migrations of each component, and the own ones.
    pub(crate) lists: Vec<Vec<Migration>>,
    pub(crate) target: Target,
    pub(crate) view: View,
    /// The history of each.
    histories: Vec<Vec<Applied>>,
    /// When an interrupted run had begun that the next one will put back, or a restore that it
    /// will finish.
    pub(crate) interrupted: Option<String>,
}

/// Reads migrations and history. A database that does not exist has an empty history.
pub(crate) fn look(options: &Options<'_>, path: &Path) -> Result<Look, Error> {
    view::again_where_torn(path, || look_at(options, path))
        .map_err(|error| of_database::point_to_copies(options, path, error))
}

fn look_at(options: &Options<'_>, path: &Path) -> Result<Look, Error> {
    options.check_history_table()?;
    let lists = options.lists()?;
    let target = open::resolve(path)?;
    // A restore that was interrupted will be finished first.
    let backups = options.backups_of(&target.path);
    let intent = Intent::read(&target.path, &backups)?;
    let copy = intent.as_ref().map(|intent| intent.copy.as_path());
    let restored =
        copy.and_then(|copy| view::state_before(copy.file_name()?.to_str(), copy.parent()?));
    let mut view = match restored {
        Some(view) => view,
        None => view::view_of(&target)?,
    };
    let marker = marker::read_marker(&view.connection)?;
    if let Some(marker) = &marker {
        // The run that comes next begins with the backup, so that is what it must be told from.
        let before = match &marker.backup {
            None => view::state_before(None, &backups),
            Some(_) => of_database::backup_of(options, &target.path, marker)
                .and_then(|copy| view::state_before(copy.file_name()?.to_str(), copy.parent()?)),
        };
        view = before.unwrap_or(view);
    }
    options.set_up_to_look(&mut view.connection)?;
    Ok(Look {
        histories: histories(options, &view.connection)?,
        interrupted: intent
            .map(|intent| intent.started_at)
            .or(marker.map(|marker| marker.started_at)),
        lists,
        target,
        view,
    })
}

/// The history of each component, and the own one.
pub(crate) fn histories(
    options: &Options<'_>,
    connection: &Connection,
) -> Result<Vec<Vec<Applied>>, Error> {
    let tables = options.histories();
    tables
        .map(|(_, table)| table::read(connection, table))
        .collect()
}

impl Look {
    /// The migrations, and what the database has of them: of each component, and the own.
    pub(crate) fn known<'k>(&'k self, options: &'k Options<'_>) -> Vec<Known<'k>> {
        options.known(&self.lists, &self.histories)
    }

    /// The own migrations.
    pub(crate) fn migrations(&self) -> &[Migration] {
        self.lists.last().map_or(&[], Vec::as_slice)
    }

    /// The own history.
    pub(crate) fn history(&self) -> &[Applied] {
        self.histories.last().map_or(&[], Vec::as_slice)
    }
}
