//! `show`: every migration with its state, and what the pending ones would do.

use std::path::{Path, PathBuf};

use crate::connect;
use crate::error::Error;
use crate::estimate::Estimate;
use crate::foresee;
use crate::history;
use crate::look::{Look, look};
use crate::migration::{self, Compared, State};
use crate::options::Options;
use crate::plan::Loss;
use crate::run::newest;
use crate::task::Task;

/// How a database stands to its migrations. Made without writing anything.
#[derive(Debug)]
#[non_exhaustive]
pub struct Status {
    /// The database, with symbolic links resolved.
    pub database: PathBuf,
    /// Whether there is a file yet.
    pub exists: bool,
    /// The schema version, none when nothing was applied.
    pub version: Option<i64>,
    /// The newest version these migrations know.
    pub newest_known: Option<i64>,
    /// Every migration and every row of the history, in the order of versions.
    pub migrations: Vec<Entry>,
    /// An interrupted run that the next start will put back: when it began, RFC 3339.
    pub interrupted: Option<String>,
    /// Why the pending migrations cannot be run as they are.
    pub problem: Option<Error>,
}

impl Status {
    /// Whether a run would find nothing to do.
    pub fn is_up_to_date(&self) -> bool {
        self.interrupted.is_none()
            && self
                .migrations
                .iter()
                .all(|entry| entry.state == State::Applied)
    }

    /// How many migrations are in a state.
    pub fn count(&self, state: State) -> usize {
        let in_state = |entry: &&Entry| entry.state == state;
        self.migrations.iter().filter(in_state).count()
    }
}

/// One line of a [`Status`].
#[derive(Debug, Clone, PartialEq)]
#[non_exhaustive]
pub struct Entry {
    /// Its version.
    pub version: i64,
    /// Its name, without version.
    pub name: String,
    /// How file and history stand to each other.
    pub state: State,
    /// When it was applied, RFC 3339.
    pub applied_at: Option<String>,
    /// Whether there is a way back.
    pub reversible: bool,
    /// What it would destroy of what is in the database now.
    pub losses: Vec<Loss>,
    /// Whether the file consents to that.
    pub consents: bool,
    /// The tables it would build anew.
    pub rebuilds: Vec<String>,
    /// What that takes in time and disk, none where it rebuilds nothing.
    pub estimate: Option<Estimate>,
    /// The file, where there is one.
    pub file: Option<String>,
    /// The SQL: of the file, or as it was applied where the file is gone.
    pub sql: Option<String>,
    /// What a reviewer should know, in sentences.
    pub notes: Vec<String>,
}

/// Looks at a database.
pub(crate) fn status(options: &Options<'_>, path: &Path) -> Result<Status, Error> {
    let Look {
        migrations,
        target,
        view,
        history,
        interrupted,
    } = look(options, path)?;
    let times = history::times(&view.connection, &options.history_table)?;
    let compared = migration::compare(&migrations, &history);
    let mut entries = Vec::with_capacity(compared.len());
    for Compared {
        state,
        migration,
        applied,
    } in &compared
    {
        let version = migration.map(|m| m.version).or(applied.map(|a| a.version));
        let name = migration.map(|m| &m.name).or(applied.map(|a| &a.name));
        let (Some(version), Some(name)) = (version, name) else {
            continue;
        };
        let kept = match (state, applied) {
            (State::Missing | State::Changed, Some(_)) => {
                history::as_applied(&view.connection, &options.history_table, version)?
            }
            _ => None,
        };
        let reversible = match state {
            State::Missing | State::Changed => {
                kept.as_ref().is_some_and(|kept| kept.down.is_some())
            }
            _ => migration.is_some_and(|migration| migration.down.is_some()),
        };
        entries.push(Entry {
            version,
            name: name.clone(),
            state: *state,
            applied_at: applied.and_then(|_| times.get(&version).cloned()),
            reversible,
            losses: Vec::new(),
            consents: false,
            rebuilds: Vec::new(),
            estimate: None,
            file: migration.map(|migration| migration.up.file().to_owned()),
            sql: migration
                .map(|migration| migration.up.text().to_owned())
                .or(kept.map(|kept| kept.up)),
            notes: Vec::new(),
        });
    }
    let problem = foresee(options, &view, &compared, &mut entries).err();
    Ok(Status {
        exists: target.metadata.is_some(),
        database: target.path,
        version: newest(&history),
        newest_known: migrations.last().map(|migration| migration.version),
        migrations: entries,
        interrupted,
        problem,
    })
}

/// Fills in what the pending migrations would do, up to the first that cannot be run.
fn foresee(
    options: &Options<'_>,
    view: &connect::View,
    compared: &[Compared<'_>],
    entries: &mut [Entry],
) -> Result<(), Error> {
    let pending = compared
        .iter()
        .filter(|compared| compared.state == State::Pending)
        .filter_map(|compared| compared.migration.map(Task::up))
        .collect::<Result<Vec<Task>, Error>>()?;
    if pending.is_empty() {
        return Ok(());
    }
    let foreseen = foresee::foresee(&view.connection, options, &pending)?;
    let outlooks = foreseen.outlooks.into_iter().zip(foreseen.losses);
    let entries = entries
        .iter_mut()
        .filter(|entry| entry.state == State::Pending);
    for ((entry, task), (outlook, losses)) in entries.zip(&pending).zip(outlooks) {
        entry.consents = task.consents;
        entry.losses = losses;
        entry.rebuilds = outlook.effects.rebuilt_names();
        entry.estimate = outlook.estimate(&view.connection)?;
        entry.notes = outlook.notes;
    }
    Ok(())
}
