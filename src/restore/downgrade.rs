//! Going back a version: what an app can offer when its database was migrated by a newer one.

use std::path::{Path, PathBuf};
use std::time::Instant;

use chrono::DateTime;
use rusqlite::Connection;

use crate::migration::compare::{Applied, newest};
use crate::migration::directive::Directive;
use crate::migration::history::details;
use crate::migration::label::label;
use crate::options::settings::Options;
use crate::report::act::Act;
use crate::report::error::{Error, ErrorKind};
use crate::report::outcome::Report;
use crate::report::time;
use crate::restore::find::BackupRef;
use crate::restore::{execute, list};
use crate::run::look::{Look, look};
use crate::run::pending::squashed_elsewhere;
use crate::run::revert::{self, RevertTo};
use crate::sqlite::open;
use crate::sqlite::sql::script::Script;

#[cfg(feature = "serde")]
use crate::report::serial;

/// The ways an older app has with a newer database, as values for a dialog.
#[derive(Debug, Clone, PartialEq)]
#[cfg_attr(feature = "serde", derive(serde::Serialize))]
#[non_exhaustive]
pub struct DowngradeOptions {
    /// The database's version.
    pub version: i64,
    /// The newest version this app knows.
    pub known: Option<i64>,
    /// The migrations this app does not know, as `V3__name`, the oldest first.
    pub unknown: Vec<String>,
    /// Whether each of them can be taken back with the down migration that was stored in the
    /// database when it was applied: [`Database::revert_to_known`](crate::Database::revert_to_known).
    pub can_revert: bool,
    /// The backup taken before the first of them, where it is still there and sound:
    /// [`Database::restore`](crate::Database::restore).
    pub restore: Option<RestoreOffer>,
    /// Whether each of them declared itself harmless to this app
    /// (`-- heirloom: compatible-with VERSION`):
    /// [`Database::open_anyway`](crate::Database::open_anyway).
    pub can_open_anyway: bool,
}

/// The backup from before an upgrade.
#[derive(Debug, Clone, PartialEq)]
#[cfg_attr(feature = "serde", derive(serde::Serialize))]
#[non_exhaustive]
pub struct RestoreOffer {
    /// What to say to [`Database::restore`](crate::Database::restore).
    pub copy: BackupRef,
    /// The file.
    #[cfg_attr(feature = "serde", serde(serialize_with = "serial::path"))]
    pub file: PathBuf,
    /// When it was taken, RFC 3339 in UTC.
    pub created_at: String,
    /// How long ago that is, in whole seconds; 0 when the clock was set back since.
    pub age_s: u64,
    /// How many rows the database has now that the backup has not, over all tables of the
    /// copy. Rows that were changed since are not counted.
    pub rows_lost: u64,
}

/// The rows of the history that no file knows and that are newer than every file; and from one on
/// that a newer version of the app squashed from files that are there.
fn unknown<'l>(options: &Options<'_>, look: &'l Look) -> Result<&'l [Applied], Error> {
    let (migrations, history) = (look.migrations(), look.history());
    let known = migrations.last().map(|migration| migration.version);
    let newer = history.partition_point(|row| known.is_some_and(|known| row.version <= known));
    for (index, row) in history[..newer].iter().enumerate() {
        let mut twins = migrations.iter().filter(|file| file.version == row.version);
        if twins.clone().any(|file| file.name == row.name) {
            continue;
        }
        let connection = &look.view.connection;
        let kept = details::as_applied(connection, &options.history_table, row.version)?;
        if kept.is_some_and(|kept| twins.any(|file| squashed_elsewhere(file, row, &kept))) {
            return Ok(&history[index..]);
        }
    }
    Ok(&history[newer..])
}

/// Looks for the down migrations. Writes nothing.
pub(crate) fn downgrade_options(
    options: &Options<'_>,
    path: &Path,
) -> Result<DowngradeOptions, Error> {
    let look = look(options, path)?;
    let (migrations, history) = (look.migrations(), look.history());
    let known = migrations.last().map(|migration| migration.version);
    let rows = unknown(options, &look)?;
    let (Some(first), Some(version)) = (rows.first(), newest(history)) else {
        return Err(Error::usage(
            "the database is not newer than these migrations",
            "open it",
        ));
    };
    let connection = &look.view.connection;
    let table = &options.history_table;
    let mut can_revert = true;
    for row in rows {
        let kept = details::as_applied(connection, table, row.version)?;
        can_revert &= kept
            .and_then(|kept| kept.down)
            .is_some_and(|down| !Script::new("", down).is_empty());
    }
    let restore = match details::backup_before(connection, table, first.version)? {
        Some(name) => offer(options, &look.target.path, name),
        None => None,
    };
    Ok(DowngradeOptions {
        version,
        known,
        unknown: rows
            .iter()
            .map(|row| label(row.version, &row.name))
            .collect(),
        can_revert,
        restore,
        can_open_anyway: are_compatible(options, connection, rows, known)?,
    })
}

/// None when the backup is gone or no longer sound.
fn offer(options: &Options<'_>, database: &Path, name: String) -> Option<RestoreOffer> {
    let copy = BackupRef::File(PathBuf::from(name));
    let plan = execute::plan(options, database, &copy).ok()?;
    let created_at = list::copies(options, database, list::Verify::Digest)
        .ok()?
        .into_iter()
        .find(|copy| copy.file.file_name() == plan.file.file_name())?
        .created_at;
    let taken = DateTime::parse_from_rfc3339(&created_at).ok()?;
    let now = plan.before.map(|before| before.rows).unwrap_or_default();
    let rows_lost = plan.after.rows.iter().map(|(table, then)| {
        let now = now.get(table).copied().unwrap_or(0);
        now.saturating_sub(*then)
    });
    Some(RestoreOffer {
        copy,
        file: plan.file,
        age_s: u64::try_from((time::now() - taken.to_utc()).num_seconds()).unwrap_or(0),
        rows_lost: rows_lost.sum(),
        created_at,
    })
}

/// Whether every unknown migration said, when it was applied, that an app of this version
/// can go on.
fn are_compatible(
    options: &Options<'_>,
    connection: &Connection,
    rows: &[Applied],
    known: Option<i64>,
) -> Result<bool, Error> {
    let Some(known) = known else {
        return Ok(false);
    };
    for row in rows {
        let kept = details::as_applied(connection, &options.history_table, row.version)?;
        let directives = kept.map(|kept| Script::new("", kept.up).directives());
        let compatible = matches!(directives, Some(Ok(directives)) if directives
            .iter()
            .any(|directive| matches!(directive, Directive::CompatibleWith(oldest) if *oldest <= known)));
        if !compatible {
            return Ok(false);
        }
    }
    Ok(true)
}

/// Takes back every migration this app does not know, with the scripts stored in the
/// database.
pub(crate) fn revert_to_known(options: &Options<'_>, path: &Path) -> Result<Report, Error> {
    let look = look(options, path)?;
    let history = look.history();
    match unknown(options, &look)?.len() {
        0 => revert::revert(
            options,
            path,
            RevertTo::Version(newest(history).unwrap_or(0)),
        ),
        steps => revert::revert(options, path, RevertTo::Steps(steps)),
    }
}

/// Opens a database whose unknown migrations all declared themselves compatible.
pub(crate) fn open_anyway(
    options: &Options<'_>,
    path: &Path,
) -> Result<(Connection, Report), Error> {
    let started = Instant::now();
    let look = look(options, path)?;
    let (migrations, history) = (look.migrations(), look.history());
    let known = migrations.last().map(|migration| migration.version);
    let rows = unknown(options, &look)?;
    let compatible = are_compatible(options, &look.view.connection, rows, known)?;
    if rows.is_empty() || !compatible || look.interrupted.is_some() {
        return Err(Error::new(
            ErrorKind::DatabaseNewer,
            "not every migration of the newer app declared itself compatible with this one",
        )
        .with_versions(newest(history).unwrap_or(0), known)
        .with_help("use the version of the app that migrated it, or a newer one"));
    }
    let version = newest(history);
    let Look { target, view, .. } = look;
    drop(view);
    let connection = open::writer(&target.path)?;
    options.set_up(&connection)?;
    let report = Report::new(Act::Run, target.path, version, started);
    Ok((connection, report))
}
