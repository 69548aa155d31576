//! A list of migrations carried out: copied first, applied in one transaction, proved,
//! committed, and taken back whole when anything fails.

use std::collections::{BTreeMap, BTreeSet};
use std::time::{Duration, Instant};

use chrono::Utc;
use refinery_core::Migration as RefineryMigration;
use rusqlite::Connection;

use crate::backup::metadata::BackupKind;
use crate::backup::of_database::take_copy;
use crate::backup::store::{Backup, BackupName};
use crate::migration::history::details::{self, Details};
use crate::migration::history::log_entry::{LogEntry, Logged};
use crate::migration::history::marker::{self, Marker};
use crate::migration::history::{backfills, log_table, refinery, seeds, table};
use crate::migration::step::{MigrationStep, StepKind};
use crate::options::hooks::{HookContext, When};
use crate::options::settings::Options;
use crate::report::act::Act;
use crate::report::count::{Counted, Grouped};
use crate::report::error::{Error, ErrorKind};
use crate::report::event::Event;
use crate::report::loss::{Direction, Lost};
use crate::report::outcome::{Done, Report, TableRows};
use crate::report::time;
use crate::run::engine::dry_run::{DryRun, Forecast};
use crate::run::engine::rollback::{Committed, SAVEPOINT, data_version, marker, take_back};
use crate::run::engine::row_progress::{self, Filled};
use crate::run::engine::session::{Session, Stage};
use crate::sqlite::execute::{Savepoint, failure, run_script};
use crate::sqlite::open;
use crate::sqlite::schema::catalog::{self, CatalogEntry, Contents, References, Violations};
use crate::sqlite::schema::statistics::Statistics;
use crate::sqlite::schema::table_tracker::TableTracker;
use crate::sqlite::sql::name::same_name;
use crate::sqlite::sql::script::Script;

/// Everything that was decided before the first change.
pub(crate) struct Work<'w> {
    pub(crate) direction: Direction,
    pub(crate) tasks: &'w [MigrationStep],
    /// The tables before the first task.
    pub(crate) lineage: TableTracker,
    /// One for each task. Empty for a new database, which has nothing to lose.
    pub(crate) outlooks: Vec<Forecast>,
    /// The foresight, which knows the schema as planned.
    pub(crate) foresight: Option<DryRun<'w>>,
    /// What is destroyed, in words, for the log.
    pub(crate) destroyed: Vec<String>,
    /// The schema version before.
    pub(crate) version_before: Option<i64>,
}

impl Work<'_> {
    /// What the log calls it.
    fn act(&self) -> Act {
        let all = |kind| self.tasks.iter().all(|task| task.kind == kind);
        match self.direction {
            Direction::Down => Act::Revert,
            Direction::Up if all(StepKind::MarkOnly) => Act::Adopt,
            Direction::Up if all(StepKind::Seed) => Act::Seed,
            Direction::Up if !self.is_in_history() => Act::Push,
            Direction::Up => Act::Run,
        }
    }

    /// Whether its tasks stand in a history; all do, or none.
    fn is_in_history(&self) -> bool {
        self.tasks.iter().all(|task| task.kind.is_in_history())
    }
}

/// Carries the work out. On return the database holds all of it, or none. What was done
/// goes into the report, also when it was taken back.
pub(crate) fn carry_out(
    session: &mut Session<'_, '_>,
    work: &Work<'_>,
    report: &mut Report,
) -> Result<(), Error> {
    let options = session.options;
    options.emit(Event::Planned {
        migrations: work.tasks.len(),
    });
    let backup = take_backup(session, work.version_before)?;
    let path = backup.as_ref().map(|backup| backup.path.clone());
    report.backup.clone_from(&path);
    let unprotected = work.tasks.iter().any(|task| task.no_transaction);
    let marker = match unprotected {
        true => Some(marker(session, backup.as_ref())?),
        false => None,
    };
    let mut committed = Committed::Nothing;
    let data_version = data_version(session);
    let result = Execution {
        session,
        work,
        backup: backup.as_ref(),
        marker: marker.as_ref(),
        report,
        committed: &mut committed,
    }
    .finish();
    if let Err(error) = result {
        if session.stage == Stage::Rehearsal {
            return Err(error.with_report(report.clone()));
        }
        options.emit(Event::RollingBack);
        let backup = backup.as_ref();
        let error = take_back(session, error, backup, marker, committed, data_version);
        // Somebody may have removed it meanwhile.
        let path = path.filter(|path| path.is_file());
        return Err(error.with_backup(path).with_report(report.clone()));
    }
    options.emit(Event::Committed);
    Ok(())
}

/// A verified copy of the state the write lock protects, none of a database that was
/// never written to.
pub(crate) fn take_backup(
    session: &Session<'_, '_>,
    version: Option<i64>,
) -> Result<Option<Backup>, Error> {
    if session.is_new()? || session.stage == Stage::Rehearsal {
        return Ok(None);
    }
    let options = session.options;
    let started = Instant::now();
    let taken = take_copy(
        options,
        &session.target.path,
        &session.store(),
        &BackupName::Time(BackupKind::Automatic),
        version,
        &|done, total| options.copied(done, total),
    )?;
    options.emit(Event::CopyVerified {
        backup: &taken.path,
        duration: started.elapsed(),
    });
    Ok(Some(taken))
}

/// The tasks in progress.
struct Execution<'r, 'o, 's, 'w> {
    session: &'r mut Session<'o, 's>,
    work: &'r Work<'w>,
    backup: Option<&'r Backup>,
    marker: Option<&'r Marker>,
    report: &'r mut Report,
    /// Whether a commit was made, after which a rollback is not enough.
    committed: &'r mut Committed,
}

/// Which of the commits of a run.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Commit {
    /// Before a file that runs outside of a transaction: the marker is in the database.
    Between,
    Last,
}

/// What was there before, to be compared with afterwards.
struct Baseline {
    references: References,
    /// Which table refers to which.
    referring: BTreeSet<(String, String)>,
    /// By original name; follows what files were allowed to take away.
    counts: BTreeMap<String, u64>,
    sequences: BTreeMap<String, i64>,
}

/// What there is of a table before it is built anew.
struct TableContents {
    contents: Contents,
    statistics: Statistics,
}

impl Execution<'_, '_, '_, '_> {
    /// The migrations that are done so far.
    fn done(&self) -> &[Done] {
        match self.work.direction {
            Direction::Up => &self.report.applied,
            Direction::Down => &self.report.reverted,
        }
    }

    fn finish(&mut self) -> Result<(), Error> {
        let options = self.session.options;
        let mut baseline = Baseline {
            references: catalog::references(self.connection())?,
            referring: catalog::referring(self.connection())?,
            counts: catalog::row_counts(self.connection(), &self.work.lineage)?,
            sequences: catalog::sequences(self.connection())?,
        };
        let reverted = match self.work.direction {
            Direction::Down => Some(catalog::entries(self.connection())?),
            Direction::Up => None,
        };
        self.execute(SAVEPOINT)?;
        if let Some(marker) = self.marker {
            marker::set_marker(self.connection(), marker)?;
        }
        self.hook(When::BeforeRun, None)?;
        details::create_details(self.connection())?;
        let theirs = match self.work.direction {
            Direction::Up if self.work.is_in_history() => {
                refinery::in_refinerys_words(self.work.tasks)?
            }
            _ => Vec::new(),
        };
        for (index, task) in self.work.tasks.iter().enumerate() {
            options.check_cancelled()?;
            let migration = task.label();
            options.emit(Event::Started {
                migration: &migration,
                number: index + 1,
                of: self.work.tasks.len(),
            });
            let outlook = self.work.outlooks.get(index);
            let before = outlook.map(|outlook| self.before_rebuild(outlook));
            let before = before.transpose()?.unwrap_or_default();
            let started = Instant::now();
            let filled = outlook.map(|outlook| self.filled(outlook, &baseline));
            let tables = self
                .task(task, theirs.get(index), filled.unwrap_or_default())
                .and_then(|()| match outlook {
                    Some(outlook) => {
                        let tables = self.check_rows(task, outlook, &mut baseline)?;
                        self.check_contents(task, outlook, &before)?;
                        self.put_back_statistics(outlook, &before)?;
                        Ok(tables)
                    }
                    None => Ok(Vec::new()),
                })
                .map_err(|error| error.in_migration(&migration))?;
            let duration = started.elapsed();
            log::info!("{migration} took {duration:?}");
            options.emit(Event::Finished {
                migration: &migration,
                duration,
            });
            let done = Done {
                component: task.component.clone(),
                version: task.version,
                name: task.name.clone(),
                duration,
                tables,
            };
            match (task.kind, self.work.direction) {
                (StepKind::Seed, _) => self.report.seeded.push(done.into()),
                (kind, _) if !kind.is_in_history() => {}
                (_, Direction::Up) => self.report.applied.push(done),
                (_, Direction::Down) => self.report.reverted.push(done),
            }
            self.session.measure();
        }
        options.emit(Event::Proving);
        self.prove(&baseline)?;
        self.hook(When::AfterRun, None)?;
        if self.marker.is_some() {
            marker::clear_marker(self.connection())?;
        }
        options.check_cancelled()?;
        if let Some(before) = reverted {
            self.forget_backfills(before)?;
        }
        self.log()?;
        self.commit(Commit::Last)
    }

    fn connection(&self) -> &Connection {
        &self.session.connection
    }

    fn execute(&self, sql: &str) -> Result<(), Error> {
        self.connection()
            .execute_batch(sql)
            .map_err(|error| failure(format!("cannot run `{sql}`"), error))
    }

    fn hook(&self, when: When, task: Option<&MigrationStep>) -> Result<(), Error> {
        // What a row stands for that was done long ago happens to nobody.
        let row_only = |task: &MigrationStep| task.kind == StepKind::MarkOnly;
        let nothing_happens = match task {
            Some(task) => row_only(task),
            None => self.work.tasks.iter().all(row_only),
        };
        if nothing_happens || !self.session.options.has_hooks() {
            return Ok(());
        }
        let migration = task.map(MigrationStep::label).unwrap_or_default();
        let moment = HookContext {
            connection: self.connection(),
            direction: self.work.direction,
            version: task
                .filter(|task| task.kind.is_in_history())
                .map(|task| task.version),
            migration: &migration,
        };
        let savepoint = Savepoint::begin(self.connection())?;
        self.session.options.call_hooks(when, &moment)?;
        match savepoint.release(self.connection()) {
            true => Ok(()),
            false => Err(left_the_transaction("the app's hook")),
        }
    }

    /// Whether the transaction is still ours. Whoever ended it ended the protection.
    fn still_inside(&self, who: &str) -> Result<(), Error> {
        match self.connection().is_autocommit() {
            true => Err(left_the_transaction(who)),
            false => Ok(()),
        }
    }

    /// The big tables that a file fills again, with the rows they are to hold.
    fn filled(&self, outlook: &Forecast, baseline: &Baseline) -> Vec<Filled> {
        outlook
            .rebuilt()
            .filter_map(|(origin, rebuilt)| {
                Some(Filled {
                    name: rebuilt.made_as.clone(),
                    table: rebuilt.now.clone(),
                    total: baseline.counts.get(origin).copied()?,
                })
            })
            .filter(|table| table.is_told(self.session.options))
            .collect()
    }

    /// One migration and its rows in the history.
    fn task(
        &mut self,
        task: &MigrationStep,
        theirs: Option<&RefineryMigration>,
        filled: Vec<Filled>,
    ) -> Result<(), Error> {
        self.hook(When::BeforeEach, Some(task))?;
        let started = Instant::now();
        if task.no_transaction {
            self.outside(task)?;
        }
        let options = self.session.options;
        let table = options.history_table_of(task.component.as_deref());
        let direction = self.work.direction;
        self.session.counted_rows |= !filled.is_empty();
        row_progress::tell(
            &mut self.session.connection,
            options,
            filled,
            |connection| {
                let work = || match (
                    task.kind,
                    options.code(task.component.as_deref(), &task.script, direction),
                ) {
                    // It ran already, and only its row is missing.
                    _ if task.no_transaction => Ok(()),
                    (StepKind::MarkOnly, _) => Ok(()),
                    (StepKind::Rust, Some(code)) => code.call(connection, direction),
                    _ => refinery::run_inside(connection, &task.script),
                };
                if let Some(theirs) = theirs {
                    return refinery::apply(connection, table, task, theirs, &work);
                }
                work()?;
                match task.kind {
                    StepKind::Seed => seeds::note(connection, task),
                    kind if kind.is_in_history() => table::delete(connection, table, task.version),
                    _ => Ok(()),
                }
            },
        )?;
        self.still_inside(&task.label())?;
        self.session.end_of_file()?;
        if theirs.is_some() {
            self.keep_details(task, started.elapsed())?;
        }
        self.hook(When::AfterEach, Some(task))
    }

    /// Runs a file outside a transaction: what was done so far is committed first, with
    /// the marker in it.
    fn outside(&mut self, task: &MigrationStep) -> Result<(), Error> {
        self.commit(Commit::Between)?;
        self.session.watch_for_cancel(true)?;
        let ran = run_script(self.connection(), &task.script);
        let open = !self.connection().is_autocommit();
        ran?;
        if open {
            return Err(Error::new(
                ErrorKind::MigrationFailed,
                format!("{} leaves a transaction open", task.script.file()),
            )
            .with_help("end it with COMMIT"));
        }
        // The file may have switched them on, and may have changed the journal mode.
        self.session.foreign_keys_off()?;
        self.session.lock_for_writing()?;
        self.execute(SAVEPOINT)
    }

    /// What a way back took from a table, a backfill filled in vain: it must begin anew.
    fn forget_backfills(&mut self, before: Vec<CatalogEntry>) -> Result<(), Error> {
        let after = catalog::entries(self.connection())?;
        let changed = before.into_iter().filter(|entry| !after.contains(entry));
        for CatalogEntry { name, .. } in changed.filter(|entry| entry.kind == "table") {
            if backfills::forget(self.connection(), &name)? > 0 {
                let note = format!("the backfills of `{name}` begin at its first row again");
                self.report.notes.push(note);
            }
        }
        Ok(())
    }

    /// What this run was, in the log that travels with the database.
    fn log(&self) -> Result<(), Error> {
        let session = &self.session;
        let up = self.work.direction == Direction::Up;
        let migrations: &[Done] = match self.work.is_in_history() {
            true => self.done(),
            false => &[],
        };
        let before = self.work.version_before;
        let of_history = |done: &&Done| done.component == session.options.component;
        let own = migrations.iter().filter(of_history);
        let newest = own.map(|done| Some(done.version)).max();
        let logged = |done: &Done| Logged {
            component: done.component.clone(),
            version: done.version,
        };
        let entry = LogEntry {
            act: self.work.act(),
            at: time::to_the_millisecond(Utc::now()),
            finished: true,
            duration: Some(session.started.elapsed()),
            app_version: session.options.app_version.clone(),
            version_before: before,
            version: match up {
                true => newest.flatten().max(before),
                false => self.report.version,
            },
            migrations: migrations.iter().map(logged).collect(),
            backup: self.backup.map(Backup::file_name),
            restored_from: None,
            backfill: None,
            destroyed: self.work.destroyed.clone(),
            bytes: Some(catalog::bytes(self.connection())?),
            id: log_table::new_id(self.connection())?,
            // Only orders what happens within a second.
            sequence: session.store().last_sequence().unwrap_or(0),
        };
        log_table::insert(self.connection(), &entry)
    }

    fn keep_details(&self, task: &MigrationStep, duration: Duration) -> Result<(), Error> {
        let Options { app_version, .. } = self.session.options;
        let backup = self.backup.map(Backup::file_name);
        details::insert_details(
            self.connection(),
            self.session
                .options
                .history_table_of(task.component.as_deref()),
            &Details {
                version: task.version,
                up_sql: task.script.text(),
                down_sql: task.down.as_ref().map(Script::text),
                duration,
                app_version: app_version.as_deref(),
                backup: backup.as_deref(),
            },
        )
    }

    /// Counts the tables a file wrote to. Rows may go where somebody consented; where the
    /// way back is run, also where it says DELETE. The tables that are other ones now, or
    /// gone.
    fn check_rows(
        &mut self,
        task: &MigrationStep,
        outlook: &Forecast,
        baseline: &mut Baseline,
    ) -> Result<Vec<TableRows>, Error> {
        let mut tables = Vec::new();
        for (origin, now) in &outlook.watched {
            if let Some(&mark) = named(&baseline.sequences, origin)
                && outlook.effects.rebuilds(now)
                && catalog::raise_sequence(self.connection(), now, mark)?
            {
                self.report.notes.push(format!(
                    "the AUTOINCREMENT sequence of `{now}` was set to {mark} again after its rebuild"
                ));
            }
            let Some(before) = baseline.counts.get(origin).copied() else {
                continue;
            };
            let Some(after) = catalog::row_count(self.connection(), now)? else {
                continue;
            };
            if after < before && !self.may_lose(task, outlook, origin) {
                return Err(lost(format!("`{now}`"), (before, "row"), after, task));
            }
            baseline.counts.insert(origin.clone(), after);
            if after != before || outlook.effects.rebuilds(now) {
                tables.push(TableRows {
                    table: now.clone(),
                    before,
                    after: Some(after),
                });
            }
        }
        for candidate in &outlook.effects.candidates {
            if candidate.lost == Lost::Table
                && let Some(before) = baseline.counts.remove(&candidate.table)
            {
                tables.push(TableRows {
                    table: candidate.table.clone(),
                    before,
                    after: None,
                });
            }
        }
        Ok(tables)
    }

    /// What the tables hold that this file will build anew.
    fn before_rebuild(&self, outlook: &Forecast) -> Result<Vec<TableContents>, Error> {
        let holds = |table: &str| {
            Ok(TableContents {
                contents: catalog::contents(self.connection(), table)?.unwrap_or_default(),
                statistics: Statistics::of(self.connection(), table)?,
            })
        };
        let rebuilds = outlook.effects.rebuilds.iter();
        rebuilds.map(|rebuilt| holds(&rebuilt.before)).collect()
    }

    /// Gives the tables that were built anew the statistics that they had.
    fn put_back_statistics(
        &mut self,
        outlook: &Forecast,
        before: &[TableContents],
    ) -> Result<(), Error> {
        for (rebuilt, before) in outlook.effects.rebuilds.iter().zip(before) {
            let statistics = &before.statistics;
            self.session.new_statistics |= statistics.put_back(self.connection(), &rebuilt.now)?;
        }
        Ok(())
    }

    /// Compares what the tables hold that were built anew. A column that the new table has too
    /// and that the copy left out is empty now, though no row is gone. And whoever refers to
    /// rows by their rowids, as full-text search does with `content=`, finds others where
    /// those are new.
    fn check_contents(
        &mut self,
        task: &MigrationStep,
        outlook: &Forecast,
        before: &[TableContents],
    ) -> Result<(), Error> {
        let may_lose = task.consents || self.session.options.allow_destructive;
        for (rebuilt, TableContents { contents, .. }) in outlook.effects.rebuilds.iter().zip(before)
        {
            let Some(after) = catalog::contents(self.connection(), &rebuilt.now)? else {
                continue;
            };
            let fewer = contents.values.iter().find_map(|(column, &before)| {
                let column = rebuilt.column_now(column)?.to_ascii_lowercase();
                let after = *after.values.get(&column)?;
                (after < before).then_some((column, before, after))
            });
            if let Some((column, before, after)) = fewer.filter(|_| !may_lose) {
                return Err(lost(
                    format!("column `{column}` of `{}`", rebuilt.now),
                    (before, "value"),
                    after,
                    task,
                ));
            }
            let (before, after) = (contents.rowids, after.rowids);
            if before.is_some() && after.is_some() && after != before {
                self.report.notes.push(format!(
                    "the rows of `{}` have other rowids after its rebuild; what refers to them by rowid must be built anew",
                    rebuilt.now
                ));
            }
        }
        Ok(())
    }

    fn may_lose(&self, task: &MigrationStep, outlook: &Forecast, origin: &str) -> bool {
        match self.work.direction {
            Direction::Up => task.consents || self.session.options.allow_destructive,
            Direction::Down => {
                // Of a function nothing is known but that it is meant to take back.
                task.consents
                    || task.kind == StepKind::Rust
                    || outlook
                        .effects
                        .deletes
                        .iter()
                        .any(|table| same_name(table, origin))
            }
        }
    }

    /// What must be true before the last commit: no new violation of a reference, no row
    /// gone from any table, the schema as planned.
    fn prove(&mut self, baseline: &Baseline) -> Result<(), Error> {
        self.prove_references(baseline)?;
        let Some(foresight) = &self.work.foresight else {
            return Ok(());
        };
        for (origin, now) in foresight.lineage().tables() {
            let Some(&before) = baseline.counts.get(origin) else {
                continue;
            };
            match catalog::row_count(self.connection(), now)? {
                Some(after) if after < before => {
                    return Err(lost_without_a_place(
                        format!("`{now}`"),
                        (before, "row"),
                        after,
                    ));
                }
                _ => {}
            }
        }
        self.prove_schema(foresight)
    }

    fn prove_references(&mut self, baseline: &Baseline) -> Result<(), Error> {
        let before = &baseline.references;
        let after = catalog::references(self.connection())?;
        for (table, message) in &after.broken {
            let child = self.original_name(table);
            if before.broken.contains_key(&child) {
                continue;
            }
            // One that worked must go on to. One that is new is as the schema was released: SQLite
            // takes it while foreign keys are not enforced.
            let parent = catalog::mismatched_parent(message);
            let parent = parent.map(|parent| self.original_name(&parent));
            if parent.is_none_or(|parent| baseline.referring.contains(&(child, parent))) {
                return Err(Error::new(
                    ErrorKind::MigrationFailed,
                    format!("the references of `{table}` can no longer be checked: {message}"),
                )
                .with_help("the column they point to must be a primary key or unique"));
            }
            self.report.notes.push(format!(
                "a reference of `{table}` matches no key and cannot be enforced ({message}); SQLite takes it only while foreign keys are not enforced"
            ));
        }
        let mut known = self.in_original_names(&before.violations);
        let mut old = 0;
        for ((table, parent), rowids) in self.in_original_names(&after.violations) {
            let before = known
                .remove(&(table.clone(), parent.clone()))
                .unwrap_or_default();
            let new = surplus(&rowids, &before);
            if new.is_empty() {
                old += rowids.len() as u64;
                continue;
            }
            let rows = &after.violations;
            let example = new.iter().copied().find(|rowid| *rowid != 0).or_else(|| {
                rows.iter().find_map(|((child, _), rowids)| {
                    let same = same_name(child, &table);
                    same.then(|| rowids.iter().copied().find(|rowid| *rowid != 0))
                        .flatten()
                })
            });
            let example = example.map_or(String::new(), |rowid| {
                format!(", for example rowid {rowid}")
            });
            let refused = Error::new(
                ErrorKind::MigrationFailed,
                format!(
                    "{} of `{table}` would refer to a row of `{parent}` that is not there{example}",
                    Counted(new.len() as u64, "row")
                ),
            )
            .with_help("foreign keys are not enforced during a run and are checked at its end; correct the rows there");
            return Err(match self.last_to_touch([&table, &parent]) {
                Some(task) => refused
                    .in_migration(&task.label())
                    .at(task.script.location(0, false)),
                None => refused,
            });
        }
        if old > 0 {
            self.report.notes.push(format!(
                "{} whose foreign key leads nowhere, as before this run",
                Counted(old, "row")
            ));
        }
        Ok(())
    }

    /// The last file that wrote to one of two tables, by their original names.
    fn last_to_touch(&self, tables: [&str; 2]) -> Option<&MigrationStep> {
        let touches = |outlook: &Forecast| {
            let mut origins = outlook.watched.iter().map(|(origin, _)| origin);
            origins.any(|origin| tables.into_iter().any(|table| same_name(table, origin)))
        };
        let mut both = self.work.tasks.iter().zip(&self.work.outlooks).rev();
        both.find(|(_, outlook)| touches(outlook))
            .map(|(task, _)| task)
    }

    /// Violations by the names that the tables had before: one that was renamed keeps its
    /// old violations. In one that was rebuilt rows may have other rowids, so there they
    /// only count, as 0. Sorted.
    /// What a table was called before the run, in small letters.
    fn original_name(&self, table: &str) -> String {
        let lineage = self.work.foresight.as_ref().map(DryRun::lineage);
        lineage
            .and_then(|lineage| lineage.origin_of(table))
            .unwrap_or(table)
            .to_ascii_lowercase()
    }

    fn in_original_names(&self, violations: &Violations) -> Violations {
        let rebuilt = |table: &str| {
            let mut outlooks = self.work.outlooks.iter();
            outlooks.any(|outlook| outlook.effects.rebuilds(table))
        };
        let original = |table: &str| self.original_name(table);
        let mut named = Violations::new();
        for ((child, parent), rowids) in violations {
            let table = original(child);
            let only_count = rebuilt(child) || rebuilt(&table);
            let all = named.entry((table, original(parent))).or_default();
            all.extend(
                rowids
                    .iter()
                    .map(|rowid| if only_count { 0 } else { *rowid }),
            );
            all.sort_unstable();
        }
        named
    }

    fn prove_schema(&self, foresight: &DryRun<'_>) -> Result<(), Error> {
        let planned = foresight.planned()?;
        let actual = foresight.actual(self.connection())?;
        // What a hook made on its own is its own business.
        match planned.iter().find(|object| !actual.contains(object)) {
            None => Ok(()),
            Some((object, _)) => Err(Error::new(
                ErrorKind::MigrationFailed,
                format!("the {object} did not come out as planned"),
            )),
        }
    }

    /// Commits. Busy means that the transaction is still open, so it is tried again; any
    /// other error need not mean that nothing was committed, so it is looked up.
    fn commit(&mut self, which: Commit) -> Result<(), Error> {
        let deadline = Instant::now() + self.session.options.lock_timeout;
        self.session.watch_for_cancel(false)?;
        self.session.measure();
        loop {
            let result = self.connection().execute_batch("COMMIT");
            let open = !self.connection().is_autocommit();
            match result {
                Ok(()) => break,
                Err(error)
                    if open
                        && error.sqlite_error_code() == Some(rusqlite::ErrorCode::DatabaseBusy)
                        && Instant::now() < deadline => {}
                Err(error) if open => return Err(failure("cannot commit", error)),
                Err(error) => match self.was_committed(which) {
                    Ok(true) => {
                        log::warn!("COMMIT reported {error}, but the work is in the database");
                        break;
                    }
                    Ok(false) => return Err(failure("cannot commit", error)),
                    Err(unread) => {
                        log::warn!("what was committed could not be read: {unread:#}");
                        *self.committed = Committed::Unknown;
                        return Err(failure("cannot commit", error));
                    }
                },
            }
        }
        *self.committed = Committed::Something;
        self.session.measure();
        Ok(())
    }

    /// The same of what stands in no history: the schema as planned, and every seed noted.
    fn is_as_planned(&self, reader: &Connection) -> Result<bool, Error> {
        if let Some(foresight) = &self.work.foresight
            && foresight.planned()? != foresight.actual(reader)?
        {
            return Ok(false);
        }
        let noted = seeds::read(reader)?;
        let mut seeds = self
            .work
            .tasks
            .iter()
            .filter(|task| task.kind == StepKind::Seed);
        Ok(seeds.all(|seed| noted.get(&seed.name) == Some(&seeds::digest(&seed.script))))
    }

    /// Whether the history, read through a connection of its own, has what was done, and the
    /// marker is there or gone.
    fn was_committed(&self, which: Commit) -> Result<bool, Error> {
        let options = self.session.options;
        let reader = open::reader(&self.session.target.path)?;
        let marked = marker::read_marker(&reader)?.is_some();
        let up = self.work.direction == Direction::Up;
        let mut all = true;
        if !self.work.is_in_history() {
            return self.is_as_planned(&reader);
        }
        for done in self.done() {
            let table = options.history_table_of(done.component.as_deref());
            let history = table::read(&reader, table)?;
            all &= history.iter().any(|row| row.version == done.version) == up;
        }
        Ok(match which {
            Commit::Between => all && marked,
            Commit::Last => all && !marked && !self.done().is_empty(),
        })
    }
}

fn named<'m>(map: &'m BTreeMap<String, i64>, name: &str) -> Option<&'m i64> {
    map.iter()
        .find(|(table, _)| same_name(table, name))
        .map(|(_, value)| value)
}

/// What the first of two sorted lists has more than the second.
fn surplus(all: &[i64], known: &[i64]) -> Vec<i64> {
    let mut known = known.iter().peekable();
    let mut more = Vec::new();
    for &rowid in all {
        while known.next_if(|&&other| other < rowid).is_some() {}
        if known.next_if(|&&other| other == rowid).is_none() {
            more.push(rowid);
        }
    }
    more
}

pub(crate) fn left_the_transaction(who: &str) -> Error {
    Error::new(
        ErrorKind::MigrationFailed,
        format!("{who} ended the transaction of the run"),
    )
    .with_help("do not commit or roll back there")
}

const CONSENT: &str =
    "if that is meant, put `-- heirloom: allow-destructive` at the top of the file";

/// Fewer rows or values than before, which nobody consented to.
fn lost(what: String, before: (u64, &str), after: u64, task: &MigrationStep) -> Error {
    lost_without_a_place(what, before, after)
        .at(task.script.location(0, false))
        .with_help(task.script.help().unwrap_or(CONSENT))
}

fn lost_without_a_place(what: String, (before, unit): (u64, &str), after: u64) -> Error {
    Error::new(
        ErrorKind::Destructive,
        format!(
            "{what} would have {} of its {}",
            Grouped(after),
            Counted(before, unit)
        ),
    )
    .with_help(CONSENT)
}
