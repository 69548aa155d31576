//! A backfill carried out: what is left of it, and its batches, each a transaction of its own.

use std::path::{Path, PathBuf};
use std::time::{Duration, Instant};

use rusqlite::Connection;

use crate::backup::intent::Intent;
use crate::backup::of_database;
use crate::migration::compare::newest;
use crate::migration::history::backfills::{self, Progress};
use crate::migration::history::{marker, table};
use crate::options::settings::Options;
use crate::report::act::Act;
use crate::report::count::Counted;
use crate::report::error::{DataState, Error, ErrorKind};
use crate::report::event::Event;
use crate::report::outcome::{Backfilled, Report};
use crate::report::time;
use crate::run::backfill::{Backfill, rows_refused};
use crate::run::engine::session::{Session, Stage};
use crate::run::engine::state_before::StateBefore;
use crate::sqlite::disk::files;
use crate::sqlite::execute::failure;
use crate::sqlite::open::{self, Target};
use crate::sqlite::schema::catalog::{self, Rowids};
use crate::sqlite::sql::name::quote;
use crate::sqlite::view;

#[cfg(feature = "serde")]
use crate::report::serial;

/// Of the time that a batch took, others get so much (one in four) before the next one begins:
/// SQLite's locks are not fair, and who waits for one looks in from time to time.
const SHARE_OF_OTHERS: u32 = 4;
/// And no more than this.
const LONGEST_PAUSE: Duration = Duration::from_millis(250);

/// What [`Database::backfill`](crate::Database::backfill) would do.
#[derive(Debug, Clone, PartialEq, Eq)]
#[cfg_attr(feature = "serde", derive(serde::Serialize))]
#[non_exhaustive]
pub struct BackfillPlan {
    /// The database, with symbolic links resolved.
    #[cfg_attr(feature = "serde", serde(serialize_with = "serial::path"))]
    pub database: PathBuf,
    /// The backfill.
    pub name: String,
    /// The table.
    pub table: String,
    /// Rows that are done.
    pub done: u64,
    /// Rows that are left.
    pub left: u64,
    /// When it was begun, RFC 3339.
    pub started_at: Option<String>,
    /// When it was done, RFC 3339.
    pub finished_at: Option<String>,
}

fn existing(path: &Path) -> Result<Target, Error> {
    let target = open::resolve(path)?;
    match target.metadata.as_ref().is_some_and(|file| file.len() > 0) {
        true => Ok(target),
        false => Err(open::no_database(&target.path)
            .with_help("check the path, and run the migrations first")),
    }
}

fn count(connection: &Connection, rowids: &Rowids, first: i64, last: i64) -> Result<u64, Error> {
    let Rowids { table, alias, .. } = rowids;
    let alias = alias.unwrap_or_default();
    let sql = format!(
        "SELECT count(*) FROM main.{} AS x WHERE x.{alias} BETWEEN ?1 AND ?2",
        quote(table)
    );
    connection
        .query_row(&sql, [first, last], |row| row.get(0).map(i64::unsigned_abs))
        .map_err(|error| failure(format!("cannot count the rows of `{table}`"), error))
}

/// What is left of a backfill. Writes nothing, creates nothing.
pub(crate) fn plan(
    options: &Options<'_>,
    path: &Path,
    backfill: &Backfill<'_>,
) -> Result<BackfillPlan, Error> {
    backfill.check()?;
    let target = existing(path)?;
    let view = view::view_of(&target)?;
    let connection = &view.connection;
    options.set_up(connection)?;
    let rowids = backfill.look_at(connection, &options.own_tables())?;
    let progress = backfill.known(connection)?;
    let rest = match &progress {
        None => Some((i64::MIN, i64::MAX)),
        Some(progress) => progress.rest(),
    };
    let left = rest.map(|(first, last)| count(connection, &rowids, first, last));
    Ok(BackfillPlan {
        database: target.path,
        name: backfill.name.clone(),
        table: rowids.table,
        done: progress.as_ref().map_or(0, |progress| progress.rows_done),
        left: left.transpose()?.unwrap_or_default(),
        started_at: progress
            .as_ref()
            .map(|progress| progress.started_at.clone()),
        finished_at: progress.and_then(|progress| progress.finished_at),
    })
}

/// Fills what is left, batch by batch.
pub(crate) fn backfill(
    options: &Options<'_>,
    path: &Path,
    backfill: &Backfill<'_>,
) -> Result<Report, Error> {
    let started = Instant::now();
    options.check_history_table()?;
    backfill.check()?;
    let target = existing(path)?;
    let database = target.path.clone();
    let mut filled = Backfilled {
        name: backfill.name.clone(),
        table: backfill.table.clone(),
        rows: 0,
        rows_before: 0,
        started_at: String::new(),
    };
    if let Some(progress) = finished(options, &target, backfill)? {
        filled.rows_before = progress.rows_done;
        filled.started_at = progress.started_at;
        return Ok(Report {
            backfill: Some(filled),
            ..Report::new(Act::Backfill, database, None, started)
        });
    }
    options.check_cancelled()?;
    let session = Session::begin(options, target, Stage::Live, started)?;
    let mut batches = Batches {
        session,
        backfill,
        failed: None,
        known: None,
        reaches: None,
        backup: None,
        notes: Vec::new(),
    };
    match batches.all(&mut filled) {
        Ok(()) => {
            let finish = batches.session.finish();
            finish.map_err(|error| error.with_data(DataState::Committed))?;
            Ok(Report {
                backfill: Some(filled),
                backup: batches.backup,
                notes: batches.notes,
                ..Report::new(Act::Backfill, database, None, started)
            })
        }
        Err(error) => {
            let backup = batches.backup.take();
            Err(batches.stop(error).with_backup(backup))
        }
    }
}

/// The way out of a start-up with nothing to do: one open, one look.
fn finished(
    options: &Options<'_>,
    target: &Target,
    backfill: &Backfill<'_>,
) -> Result<Option<Progress>, Error> {
    target.refuse_too_short()?;
    let look = || {
        if !files::is_there(&Intent::path_for(&target.path))? {
            of_database::refuse_orphan(options, &target.path)?;
        }
        let connection = open::writer_that_looks(&target.path, options.lock_timeout)?;
        let interrupted = files::is_there(&Intent::path_for(&target.path))?;
        if interrupted || marker::read_marker(&connection)?.is_some() {
            return Ok(None);
        }
        let known = backfill.known(&connection)?;
        open::checkpoint_on_close(&connection, true)?;
        Ok(known)
    };
    match look() {
        Err(error) if Error::is_busy(&error) => Ok(None),
        progress => Ok(progress?.filter(|progress| progress.finished_at.is_some())),
    }
}

/// A backfill at work.
struct Batches<'r, 'o, 's> {
    session: Session<'o, 's>,
    backfill: &'r Backfill<'r>,
    /// The first and the last rowid of the batch that is under way.
    failed: Option<(i64, i64)>,
    /// How far it was after the last commit.
    known: Option<Progress>,
    /// Whether it may delete rows elsewhere, and for which schema that was asked.
    reaches: Option<(i64, bool)>,
    /// The backup that was taken, where this call began it.
    backup: Option<PathBuf>,
    notes: Vec<String>,
}

impl Batches<'_, '_, '_> {
    fn all(&mut self, filled: &mut Backfilled) -> Result<(), Error> {
        let options = self.session.options;
        let mut progress = self.begin()?;
        self.known = Some(progress.clone());
        self.session.let_others_in()?;
        self.session.foreign_keys_on()?;
        filled.table.clone_from(&progress.table);
        filled.started_at.clone_from(&progress.started_at);
        filled.rows_before = progress.rows_done;
        let began = Instant::now();
        while progress.finished_at.is_none() {
            options.check_cancelled()?;
            let before = Instant::now();
            self.session.come_back()?;
            progress = self.next()?;
            self.session.commit().map_err(rows_refused)?;
            self.failed = None;
            self.known = Some(progress.clone());
            self.session.let_others_in()?;
            filled.rows = progress.rows_done.saturating_sub(filled.rows_before);
            self.session.bound_log()?;
            let seconds = began.elapsed().as_secs_f64();
            options.emit(Event::Backfilling {
                done: progress.rows_done,
                total: progress.rows_total.max(progress.rows_done),
                rate: (filled.rows as f64 / seconds) as u64,
            });
            if progress.finished_at.is_none() {
                std::thread::sleep((before.elapsed() / SHARE_OF_OTHERS).min(LONGEST_PAUSE));
            }
        }
        Ok(())
    }

    /// Under the write lock: looks, and where nothing was begun yet takes the backup and begins.
    fn begin(&mut self) -> Result<Progress, Error> {
        let (session, backfill) = (&mut self.session, self.backfill);
        let (options, connection) = (session.options, &session.connection);
        let rowids = backfill.look_at(connection, &options.own_tables())?;
        if let Some(progress) = backfill.known(connection)? {
            return Ok(progress);
        }
        let last = format!(
            "SELECT max({}) FROM main.{}",
            rowids.alias.unwrap_or_default(),
            quote(&rowids.table)
        );
        let last: Option<i64> = connection
            .query_row(&last, [], |row| row.get(0))
            .map_err(|error| failure(format!("cannot read `{}`", rowids.table), error))?;
        let rows = catalog::row_count(connection, &rowids.table)?.unwrap_or_default();
        let history = table::read(connection, &options.history_table)?;
        let backup = match last {
            Some(_) => StateBefore::begin(session, newest(&history), false)?.into_backup()?,
            None => None,
        };
        self.backup = backup.as_ref().map(|backup| backup.path.clone());
        let now = time::rfc3339(time::now());
        backfills::create(&session.connection)?;
        let progress = Progress {
            table: rowids.table,
            sql: backfill.text(),
            last_to_do: last,
            last_done: None,
            rows_total: rows,
            rows_done: 0,
            schema_version: schema_version(&session.connection)?,
            backup: backup.map(|backup| backup.file_name()),
            finished_at: last.is_none().then(|| now.clone()),
            started_at: now,
        };
        backfills::insert(&session.connection, &backfill.name, &progress)?;
        session.commit()?;
        // Where there are no migrations to be read, none is pending.
        let migrations = options.migrations();
        let migrations = migrations.unwrap_or_default();
        let versions = migrations.iter().map(|migration| migration.version);
        let pending = versions.filter(|version| newest(&history).is_none_or(|now| *version > now));
        self.notes = session.thin_out(pending.min(), self.backup.as_deref());
        Ok(progress)
    }

    /// Under both locks and in the transaction of a batch: the next rows, and how far it is
    /// then. Nothing read before decides anything.
    fn next(&mut self) -> Result<Progress, Error> {
        let (connection, backfill) = (&self.session.connection, self.backfill);
        marker::refuse_interrupted(connection, "run it again, which does that")?;
        let mut progress = backfills::read(connection, &backfill.name)?.ok_or_else(|| {
            Error::not_found(
                "the database was put back to a state from before this backfill",
                "run it again, which begins it",
            )
        })?;
        let rowids = self.rowids(&mut progress)?;
        let Some((first, last, rows)) = self.rows(&rowids, &progress)? else {
            progress.finished_at = Some(time::rfc3339(time::now()));
            backfills::advance(connection, &backfill.name, &progress)?;
            return Ok(progress);
        };
        self.failed = Some((first, last));
        let reaches = match self.reaches {
            Some((schema, reaches)) if schema == progress.schema_version => reaches,
            _ => backfill.may_delete_elsewhere(&mut self.session.connection, &rowids.table)?,
        };
        self.reaches = Some((progress.schema_version, reaches));
        let connection = &self.session.connection;
        let all = || count(connection, &rowids, i64::MIN, i64::MAX);
        let all_before = reaches.then(all).transpose()?;
        backfill.fill(self.session.options, connection, first, last)?;
        if schema_version(connection)? != progress.schema_version {
            return Err(Error::new(
                ErrorKind::MigrationFailed,
                "a backfill writes rows, and this one changed the schema",
            )
            .with_help("put what changes the schema into a migration"));
        }
        let after = count(connection, &rowids, first, last)?;
        if after < rows {
            return Err(Error::new(
                ErrorKind::Destructive,
                format!(
                    "{after} of {} of `{}` would be left from rowid {first} to {last}",
                    Counted(rows, "row"),
                    rowids.table
                ),
            )
            .with_help(
                "a backfill fills rows; delete them, or give them other rowids, in a migration",
            ));
        }
        if let Some(before) = all_before
            && all()? < before
        {
            return Err(Error::new(
                ErrorKind::Destructive,
                format!(
                    "rows of `{}` outside of rowid {first} to {last} would be deleted, by a trigger or because others take their place",
                    rowids.table
                ),
            )
            .with_help("a backfill fills rows; delete them in a migration"));
        }
        progress.last_done = Some(last);
        progress.rows_done += rows;
        if progress.last_to_do.is_none_or(|end| last >= end) {
            progress.finished_at = Some(time::rfc3339(time::now()));
        }
        backfills::advance(connection, &backfill.name, &progress)?;
        Ok(progress)
    }

    /// The table, looked at again where the schema is another one than after the last batch.
    fn rowids(&self, progress: &mut Progress) -> Result<Rowids, Error> {
        let (connection, backfill) = (&self.session.connection, self.backfill);
        let version = schema_version(connection)?;
        let rowids = backfill.look_at(connection, &self.session.options.own_tables())?;
        // VACUUM counts as a change of the schema too.
        if version != progress.schema_version && !rowids.is_a_column && progress.last_done.is_some()
        {
            return Err(Error::new(
                ErrorKind::Diverged,
                format!(
                    "the schema was changed since the last batch, or the database vacuumed, after which the rows of `{}` may have other rowids: it has no INTEGER PRIMARY KEY",
                    rowids.table
                ),
            )
            .with_help("give the backfill another name, under which it begins at the first row; rows that are filled must not mind"));
        }
        progress.schema_version = version;
        Ok(rowids)
    }

    /// The first and the last rowid of the next rows, and how many there are.
    fn rows(&self, rowids: &Rowids, progress: &Progress) -> Result<Option<(i64, i64, u64)>, Error> {
        let Some((first, last)) = progress.rest() else {
            return Ok(None);
        };
        let Rowids { table, alias, .. } = rowids;
        let alias = alias.unwrap_or_default();
        let sql = format!(
            "SELECT min(r), max(r), count(*) FROM (SELECT x.{alias} AS r FROM main.{} AS x
             WHERE x.{alias} BETWEEN ?1 AND ?2 ORDER BY x.{alias} LIMIT ?3)",
            quote(table)
        );
        let batch = i64::try_from(self.backfill.batch).unwrap_or(i64::MAX);
        let read = |row: &rusqlite::Row<'_>| {
            let ends = row.get::<_, Option<i64>>(0)?.zip(row.get(1)?);
            let rows = row.get::<_, i64>(2)?.unsigned_abs();
            Ok(ends.map(|(first, last)| (first, last, rows)))
        };
        self.session
            .connection
            .query_row(&sql, [first, last, batch], read)
            .map_err(|error| failure(format!("cannot read `{table}`"), error))
    }

    /// Rolls the batch back that is under way, and says in the error how far it is: as the
    /// database says, which knows whether a commit that failed was made.
    fn stop(mut self, error: Error) -> Error {
        let _ = self.session.let_others_in();
        let name = &self.backfill.name;
        let progress = backfills::read(&self.session.connection, name).unwrap_or_else(|unread| {
            log::warn!("how far the backfill is could not be read: {unread:#}");
            self.known
        });
        self.session.abandon();
        let error = error.in_migration(name);
        let Some(progress) = progress else {
            return error;
        };
        let help = match error.help().filter(|_| error.is_busy()) {
            Some(help) => Some(format!("{help}; run it again to go on")),
            None if error.is_interrupted() => Some("run it again to go on".to_owned()),
            None => None,
        };
        let error = error.with_data(DataState::Backfilled {
            done: progress.rows_done,
            total: progress.rows_total.max(progress.rows_done),
            failed: self.failed,
        });
        match help {
            Some(help) => error.with_help(help),
            None => error,
        }
    }
}

fn schema_version(connection: &Connection) -> Result<i64, Error> {
    catalog::number(connection, "PRAGMA schema_version")
}
