//! `show`: every migration with its state, and what the pending ones would do.

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};

use crate::backup::of_database;
use crate::migration::compare::{self, HistoryComparison, MigrationState, newest};
use crate::migration::history::{backfills, details, table};
use crate::migration::set::Migration;
use crate::migration::step::MigrationStep;
use crate::options::settings::Options;
use crate::report::error::Error;
use crate::report::estimate::Estimate;
use crate::report::loss::{Direction, Loss};
use crate::report::remedy::Remedy;
use crate::run::engine::{drift, dry_run};
use crate::run::in_the_way;
use crate::run::look::{Look, look};
use crate::sqlite::schema::catalog;

#[cfg(feature = "serde")]
use crate::report::serial;
#[cfg(feature = "serde")]
use crate::report::{estimate, loss};

/// The state of a database compared with its migrations. Made without writing anything.
#[derive(Debug)]
#[cfg_attr(feature = "serde", derive(serde::Serialize))]
#[non_exhaustive]
pub struct Status {
    /// The database, with symbolic links resolved.
    #[cfg_attr(feature = "serde", serde(serialize_with = "serial::path"))]
    pub database: PathBuf,
    /// Whether there is a file yet.
    pub exists: bool,
    /// The schema version, none when nothing was applied.
    pub version: Option<i64>,
    /// The newest version these migrations know.
    pub newest_known: Option<i64>,
    /// Every migration and every row of the history, in the order of versions.
    pub migrations: Vec<MigrationStatus>,
    /// An interrupted run that the next start will put back, or a restore that it will finish:
    /// when it began, RFC 3339.
    pub interrupted: Option<String>,
    /// What is not as the applied migrations give it, though nothing else made it so that heirloom
    /// knows of, in sentences. Tables, indexes and triggers of the user's own are not among it.
    pub drift: Vec<String>,
    /// Why the pending migrations cannot be run as they are.
    pub problem: Option<Error>,
    /// What somebody should know, in sentences: that there are backups of a database that is gone,
    /// or a backfill that is not finished.
    pub notes: Vec<String>,
    /// What can be done about the notes, as values.
    pub remedies: Vec<Remedy>,
}

impl Status {
    /// Whether a run would find nothing to do.
    pub fn is_up_to_date(&self) -> bool {
        self.interrupted.is_none()
            && self
                .migrations
                .iter()
                .all(|entry| entry.state == MigrationState::Applied)
    }

    /// How many migrations are in a state.
    pub fn count(&self, state: MigrationState) -> usize {
        let in_state = |entry: &&MigrationStatus| entry.state == state;
        self.migrations.iter().filter(in_state).count()
    }
}

/// One line of a [`Status`].
#[derive(Debug, Clone, PartialEq)]
#[cfg_attr(feature = "serde", derive(serde::Serialize))]
#[non_exhaustive]
pub struct MigrationStatus {
    /// The component whose it is, none for the app's own.
    pub component: Option<String>,
    /// Its version.
    pub version: i64,
    /// Its name, without version.
    pub name: String,
    /// How file and history compare.
    pub state: MigrationState,
    /// When it was applied, RFC 3339.
    pub applied_at: Option<String>,
    /// Whether there is a down migration.
    pub reversible: bool,
    /// What it would destroy of what is in the database now.
    #[cfg_attr(feature = "serde", serde(flatten, serialize_with = "loss::losses"))]
    pub losses: Vec<Loss>,
    /// Whether the file consents to that.
    pub consents: bool,
    /// The tables it would rebuild.
    pub rebuilds: Vec<String>,
    /// What that takes in time and disk, none where it rebuilds nothing.
    #[cfg_attr(
        feature = "serde",
        serde(flatten, serialize_with = "estimate::estimate")
    )]
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
    let look = look(options, path)?;
    let mut entries = Vec::new();
    let mut pending = Vec::new();
    for known in look.known(options) {
        let compared = compare::compare(known.migrations, known.history);
        let table = options.history_table_of(known.component);
        let times = table::times(&look.view.connection, table)?;
        for compared in &compared {
            entries.extend(entry(options, &look, known.component, compared, &times)?);
        }
        pending.extend(
            compared
                .iter()
                .filter(|compared| compared.state == MigrationState::Pending)
                .filter_map(|compared| compared.migration),
        );
    }
    let changed = look.known(options).into_iter().find_map(|known| {
        let changed = compare::changed_originals(known.migrations);
        changed.into_iter().next().map(|(_, error)| error)
    });
    let problem = foresee(options, &look, &pending, &mut entries).err();
    let problem = changed.or(problem);
    let gone = look
        .target
        .metadata
        .as_ref()
        .is_none_or(|file| file.len() == 0);
    let kept = gone.then(|| of_database::copies_kept(options, &look.target.path));
    let (kept, remedy) = kept.flatten().unzip();
    let unfinished = backfills::unfinished(&look.view.connection)?;
    let drift = match gone {
        true => Vec::new(),
        false => drifted(options, &look)?,
    };
    Ok(Status {
        drift,
        exists: look.target.metadata.is_some(),
        notes: kept.into_iter().chain(unfinished).collect(),
        remedies: remedy.into_iter().collect(),
        version: newest(look.history()),
        newest_known: look.migrations().last().map(|migration| migration.version),
        migrations: entries,
        problem,
        interrupted: look.interrupted,
        database: look.target.path,
    })
}

/// What is not as the applied migrations give it.
fn drifted(options: &Options<'_>, look: &Look) -> Result<Vec<String>, Error> {
    let connection = &look.view.connection;
    let (known, own) = (look.known(options), options.own_tables());
    let find = || {
        let Some(expected) = drift::replay_of(options, &known, &[])? else {
            return Ok(Vec::new());
        };
        let found = drift::drift(&expected, connection, &own, None)?;
        Ok(found.into_iter().map(|it| it.what).collect())
    };
    // What a connection is set up with may change what a replay gives.
    if !options.source.is_read_once() || options.setup.is_some() {
        return find();
    }
    let Some(scripts) = drift::scripts_of(&known, &[]) else {
        return Ok(Vec::new());
    };
    let mut digest = blake3::Hasher::new();
    let mut add = |part: &str| {
        digest.update(&part.len().to_le_bytes());
        digest.update(part.as_bytes());
    };
    own.histories().for_each(&mut add);
    scripts.iter().for_each(|script| add(script.text()));
    for entry in catalog::entries(connection)? {
        [entry.kind, entry.name, entry.table, entry.sql]
            .iter()
            .for_each(|part| add(part));
    }
    options.source.answer(digest.finalize().into(), find)
}

/// One line, without what it would do.
fn entry(
    options: &Options<'_>,
    look: &Look,
    component: Option<&str>,
    compared: &HistoryComparison<'_>,
    times: &BTreeMap<i64, String>,
) -> Result<Option<MigrationStatus>, Error> {
    let HistoryComparison {
        state,
        migration,
        applied,
        replaced,
    } = compared;
    let file = migration.map(|file| (file.version, &file.name));
    let row = applied.map(|row| (row.version, &row.name));
    let needed = replaced.map(|replaced| (replaced.version, &replaced.name));
    let Some((version, name)) = file.or(row).or(needed) else {
        return Ok(None);
    };
    let table = options.history_table_of(component);
    let connection = &look.view.connection;
    let kept = match (state, applied) {
        (MigrationState::Missing | MigrationState::Changed, Some(_)) => {
            details::as_applied(connection, table, version)?
        }
        (_, Some(_)) if migration.is_none() => details::as_applied(connection, table, version)?,
        _ => None,
    };
    let reversible = match (state, migration) {
        (MigrationState::Missing | MigrationState::Changed, _) | (_, None) => {
            kept.as_ref().is_some_and(|kept| kept.down.is_some())
        }
        (_, Some(migration)) => {
            migration.down.is_some()
                || options
                    .code(
                        migration.component.as_deref(),
                        &migration.up,
                        Direction::Down,
                    )
                    .is_some()
        }
    };
    Ok(Some(MigrationStatus {
        component: component.map(str::to_owned),
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
    }))
}

/// Fills in what the pending migrations would do, up to the first that cannot be run.
fn foresee(
    options: &Options<'_>,
    look: &Look,
    pending: &[&Migration],
    entries: &mut [MigrationStatus],
) -> Result<(), Error> {
    let pending = pending
        .iter()
        .map(|migration| MigrationStep::up(migration))
        .collect::<Result<Vec<MigrationStep>, Error>>()?;
    if pending.is_empty() {
        return Ok(());
    }
    let connection = &look.view.connection;
    let foreseen = dry_run::foresee(connection, options, &pending).map_err(|error| {
        in_the_way::explained(options, connection, &look.known(options), &pending, error)
    })?;
    let backup = of_database::room_of_backup(options, &look.target.path, connection)?;
    let outlooks = foreseen.outlooks.into_iter().zip(foreseen.losses);
    let entries = entries
        .iter_mut()
        .filter(|entry| entry.state == MigrationState::Pending);
    for ((entry, task), (outlook, losses)) in entries.zip(&pending).zip(outlooks) {
        entry.consents = task.consents;
        entry.losses = losses;
        entry.rebuilds = outlook.effects.rebuilt_names();
        entry.estimate = outlook.estimate(connection, backup)?;
        entry.notes = outlook.notes;
    }
    Ok(())
}
