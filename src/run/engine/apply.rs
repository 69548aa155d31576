//! A list of migrations carried out: backed up first, applied in one transaction, proved,
//! committed, and rolled back whole when anything fails.
//!
//! The order is that of SQLite's procedure of twelve steps for what ALTER TABLE cannot do
//! (<https://sqlite.org/lang_altertable.html#otheralter>): foreign keys off (1) and the transaction
//! (2) are in `session`; what a rebuild does to its table (3 to 9) are statements of the file, as
//! `devtools::alter::rebuild` writes them; the check of the references (10) is in `prove`; the commit
//! (11) is here; foreign keys as the app had them (12) is the end of the session.

use std::collections::BTreeSet;
use std::time::{Duration, Instant};

use rusqlite::Connection;

use crate::backup::store::Backup;
use crate::migration::history::details::{self, Details};
use crate::migration::history::log_entry::{LogEntry, Logged};
use crate::migration::history::marker::{self, Marker};
use crate::migration::history::{backfills, log_table, refinery, seeds, table};
use crate::migration::step::{MigrationStep, StepKind};
use crate::options::hooks::{HookContext, When};
use crate::options::settings::Options;
use crate::report::act::Act;
use crate::report::change::TableDifference;
use crate::report::error::{Error, ErrorKind};
use crate::report::event::Event;
use crate::report::loss::Direction;
use crate::report::outcome::{Done, Report};
use crate::report::time;
use crate::run::engine::changes::changes;
use crate::run::engine::dry_run::{DryRun, Forecast};
use crate::run::engine::key_actions::KeyWatch;
use crate::run::engine::prove::Proof;
use crate::run::engine::rollback::{Committed, SAVEPOINT, data_version, marker, take_back};
use crate::run::engine::row_progress::{self, Filled};
use crate::run::engine::session::{Session, Stage};
use crate::run::engine::state_before::StateBefore;
use crate::sqlite::connection_state::{ConnectionState, forget_writes, run_file};
use crate::sqlite::execute::{Savepoint, failure};
use crate::sqlite::open;
use crate::sqlite::schema::catalog::{self, CatalogEntry};
use crate::sqlite::schema::table_tracker::TableTracker;
use crate::sqlite::sql::script::Script;
use crate::sqlite::sql::statement::Statement;

/// Everything that was decided before the first change.
pub(crate) struct Work<'w> {
    pub(crate) direction: Direction,
    pub(crate) tasks: &'w [MigrationStep],
    /// The tables before the first task.
    pub(crate) lineage: TableTracker,
    /// One for each task. Empty for a new database, which has nothing to lose.
    pub(crate) outlooks: Vec<Forecast>,
    /// The dry run, which knows the schema as planned.
    pub(crate) foresight: Option<DryRun<'w>>,
    /// What is destroyed, in words, for the log.
    pub(crate) destroyed: Vec<String>,
    /// The schema that all files give from empty, where that is known.
    pub(crate) expected: Option<Connection>,
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

    /// Whether anything in it may take rows or values away.
    fn must_be_compared(&self, options: &Options<'_>) -> bool {
        let mut outlooks = self.outlooks.iter();
        outlooks.any(|outlook| !outlook.only_adds()) || options.has_hooks()
    }

    /// Whether its tasks are in a history; all do, or none.
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
    let compared =
        work.must_be_compared(options) || !catalog::referring(&session.connection)?.is_empty();
    let before = StateBefore::begin(session, work.version_before, compared)?;
    let unprotected = work.tasks.iter().any(MigrationStep::is_apart);
    let marker = match unprotected {
        // What is committed before the end, a rollback does not undo.
        true => Some(marker(session, before.backup()?)?),
        false => None,
    };
    let mut committed = Committed::Nothing;
    let data_version = data_version(session);
    let result = Execution {
        session,
        work,
        before: &before,
        marker: marker.as_ref(),
        report,
        committed: &mut committed,
    }
    .finish();
    let path = || before.verified().map(|backup| backup.path.clone());
    if let Err(error) = result {
        if session.stage == Stage::Rehearsal {
            return Err(error.with_report(report.clone()));
        }
        options.emit(Event::RollingBack);
        let (known, unverified) = before.known();
        let error = match unverified {
            Some(second) if !error.is_interrupted() => {
                log::warn!("{second:#}");
                let help = error
                    .help()
                    .map_or(String::new(), |help| format!("{help}; "));
                error.with_help(format!("{help}there is no backup of this run: {second}"))
            }
            _ => error,
        };
        let error = take_back(session, error, known, marker, committed, data_version);
        report.backup = path();
        // Somebody may have removed it meanwhile.
        let path = path().filter(|path| path.is_file());
        return Err(error.with_backup(path).with_report(report.clone()));
    }
    report.backup = path();
    options.emit(Event::Committed);
    Ok(())
}

/// The tasks in progress.
struct Execution<'r, 'o, 's, 'w> {
    session: &'r mut Session<'o, 's>,
    work: &'r Work<'w>,
    before: &'r StateBefore<'o, 's>,
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
        let (work, before) = (self.work, self.before);
        let mut proof = Proof::begin(
            self.connection(),
            work.direction,
            work.tasks,
            &work.outlooks,
            work.foresight.as_ref(),
            options,
            &work.lineage,
            before,
            work.expected.as_ref(),
        )?;
        let reverted = match self.work.direction {
            Direction::Down => Some(catalog::entries(self.connection())?),
            Direction::Up => None,
        };
        self.execute(SAVEPOINT)?;
        if let Some(marker) = self.marker {
            marker::set_marker(self.connection(), marker)?;
        }
        if self.hook(When::BeforeRun, None)? {
            proof.code_wrote();
        }
        details::create_details(self.connection())?;
        for (index, task) in self.work.tasks.iter().enumerate() {
            options.check_cancelled()?;
            let migration = task.label();
            options.emit(Event::Started {
                migration: &migration,
                number: index + 1,
                of: self.work.tasks.len(),
            });
            let outlook = self.work.outlooks.get(index);
            proof.before_file(self.connection(), index)?;
            // Steps 3 to 9, as far as the file rebuilds a table.
            let started = Instant::now();
            let filled = outlook.map(|outlook| self.filled(outlook, &proof));
            let tables = self
                .task(task, outlook, filled.unwrap_or_default())
                .and_then(|by_hook| {
                    if by_hook {
                        proof.code_wrote_in(index);
                    }
                    let tables = proof.after_file(self.connection(), index)?;
                    self.session.new_statistics |=
                        proof.put_back_statistics(self.connection(), index)?;
                    Ok(tables)
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
        if self.hook(When::AfterRun, None)? {
            proof.code_wrote();
        }
        // A backup is made as the file is, which must be there.
        self.session.refuse_moved()?;
        let backup = before.backup()?.map(Backup::file_name);
        self.name_backup(backup.as_deref())?;
        // Step 10 among the rest, and nothing of anybody's between it and the commit.
        proof.finish(self.connection())?;
        self.report.notes.append(&mut proof.notes);
        if self.session.stage == Stage::Rehearsal {
            self.report.differences = self.differences()?;
        }
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

    /// What is different afterwards. A hook may have written anywhere.
    fn differences(&self) -> Result<Vec<TableDifference>, Error> {
        let (Some(before), Some(dry_run)) = (self.before.rows()?, &self.work.foresight) else {
            return Ok(Vec::new());
        };
        let outlooks = self.work.outlooks.iter();
        let reached = outlooks.flat_map(|outlook| {
            let watched = outlook.watched.iter().map(|(origin, _)| origin.clone());
            let dropped = outlook.effects.candidates.iter();
            watched.chain(dropped.map(|candidate| candidate.table.clone()))
        });
        let reached: BTreeSet<String> = reached.collect();
        let reached = Some(&reached).filter(|_| !self.session.options.has_hooks());
        let own = self.session.options.own_tables();
        changes(
            (before, &self.work.lineage),
            (self.connection(), dry_run.lineage()),
            reached,
            &own,
        )
    }

    fn connection(&self) -> &Connection {
        &self.session.connection
    }

    fn execute(&self, sql: &str) -> Result<(), Error> {
        self.connection()
            .execute_batch(sql)
            .map_err(|error| failure(format!("cannot run `{sql}`"), error))
    }

    /// Calls the app's hook. Whether it wrote anything.
    fn hook(&self, when: When, task: Option<&MigrationStep>) -> Result<bool, Error> {
        // What a row stands for that was done long ago happens to nobody.
        let row_only = |task: &MigrationStep| task.kind == StepKind::MarkOnly;
        let nothing_happens = match task {
            Some(task) => row_only(task),
            None => self.work.tasks.iter().all(row_only),
        };
        if nothing_happens || !self.session.options.has_hooks() {
            return Ok(false);
        }
        let written = || {
            let version = catalog::number(self.connection(), "PRAGMA schema_version")?;
            Ok::<_, Error>((version, self.connection().total_changes()))
        };
        let migration = task.map(MigrationStep::label).unwrap_or_default();
        let moment = HookContext {
            connection: self.connection(),
            direction: self.work.direction,
            version: task
                .filter(|task| task.kind.is_in_history())
                .map(|task| task.version),
            migration: &migration,
        };
        let who = format!("the app's hook {}", when.as_str());
        KeyWatch::over_code(self.connection(), &who, || {
            let before = written()?;
            let savepoint = Savepoint::begin(self.connection())?;
            self.session.options.call_hooks(when, &moment)?;
            match savepoint.release(self.connection()) {
                true => Ok(written()? != before),
                false => Err(left_the_transaction("the app's hook")),
            }
        })
    }

    /// Whether the transaction is still ours. Whoever ended it ended the protection.
    fn still_inside(&self, who: &str) -> Result<(), Error> {
        match self.connection().is_autocommit() {
            true => Err(left_the_transaction(who)),
            false => Ok(()),
        }
    }

    /// The big tables that a file fills again, with the rows they are to hold.
    fn filled(&self, outlook: &Forecast, proof: &Proof<'_, '_, '_>) -> Vec<Filled> {
        outlook
            .rebuilt()
            .filter_map(|(origin, rebuilt)| {
                Some(Filled {
                    name: rebuilt.made_as.clone(),
                    table: rebuilt.now.clone(),
                    total: proof.rows(origin)?,
                })
            })
            .filter(|table| table.is_told(self.session.options))
            .collect()
    }

    /// One migration and its rows in the history. Whether a hook wrote something around it.
    fn task(
        &mut self,
        task: &MigrationStep,
        outlook: Option<&Forecast>,
        filled: Vec<Filled>,
    ) -> Result<bool, Error> {
        let before = self.hook(When::BeforeEach, Some(task))?;
        let started = Instant::now();
        if task.is_apart() {
            self.outside(task)?;
        }
        let options = self.session.options;
        let table = options.history_table_of(task.component.as_deref());
        let direction = self.work.direction;
        let gets_a_row = direction == Direction::Up && self.work.is_in_history();
        self.session.counted_rows |= !filled.is_empty();
        let last_rowid = self.session.last_rowid;
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
                    _ if task.is_apart() => Ok(()),
                    (StepKind::MarkOnly, _) => Ok(()),
                    (StepKind::Rust, Some(code)) => {
                        forget_writes(connection, last_rowid, details::CHANGE_NOTHING)?;
                        ConnectionState::before_code(connection)?.around(connection, || {
                            let who = "the code";
                            KeyWatch::over_code(connection, who, || {
                                code.call(connection, direction)
                            })
                        })
                    }
                    _ => {
                        forget_writes(connection, last_rowid, details::CHANGE_NOTHING)?;
                        ConnectionState::before(connection, &task.script)?
                            .around(connection, || run_watched(connection, task, outlook))
                    }
                };
                if gets_a_row {
                    return refinery::apply(connection, table, task, &work);
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
        if gets_a_row {
            self.keep_details(task, started.elapsed())?;
        }
        let after = self.hook(When::AfterEach, Some(task))?;
        Ok(before || after)
    }

    /// Runs a file outside a transaction: what was done so far is committed first, with
    /// the marker in it.
    fn outside(&mut self, task: &MigrationStep) -> Result<(), Error> {
        forget_writes(
            self.connection(),
            self.session.last_rowid,
            details::CHANGE_NOTHING,
        )?;
        self.commit(Commit::Between)?;
        self.session.watch_for_cancel(true)?;
        let ran = match task.enforces {
            true => self.enforced(task),
            false => run_file(self.connection(), &task.script),
        };
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

    /// Runs a file with foreign keys enforced, in a transaction of its own unless it does without.
    fn enforced(&self, task: &MigrationStep) -> Result<(), Error> {
        self.session.foreign_keys_on()?;
        if task.no_transaction {
            return run_file(self.connection(), &task.script);
        }
        self.session.lock_for_writing()?;
        let ran = run_file(self.connection(), &task.script).and_then(|()| {
            self.still_inside(&task.label())?;
            self.connection().execute_batch("COMMIT").map_err(|error| {
                let plain = failure("cannot commit", error);
                match plain.is_busy() || plain.kind() == ErrorKind::DiskFull {
                    true => plain,
                    false => Error::new(
                        ErrorKind::MigrationFailed,
                        format!("{} leaves rows that refer to nothing", task.script.file()),
                    )
                    .because(plain)
                    .with_help("correct the rows in the file"),
                }
            })
        });
        if ran.is_err() && !self.connection().is_autocommit() {
            self.execute("ROLLBACK")?;
        }
        ran
    }

    /// What a down migration took from a table, a backfill filled in vain: it must start at the first row.
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
            at: time::to_the_millisecond(time::now()),
            finished: true,
            duration: Some(session.started.elapsed()),
            app_version: session.options.app_version.clone(),
            version_before: before,
            version: match up {
                true => newest.flatten().max(before),
                false => self.report.version,
            },
            migrations: migrations.iter().map(logged).collect(),
            backup: self.before.verified().map(Backup::file_name),
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
        let backup = self.before.verified().map(Backup::file_name);
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

    /// Says of what was done before the backup had a name, which one it is.
    fn name_backup(&self, backup: Option<&str>) -> Result<(), Error> {
        let (Some(backup), Direction::Up) = (backup, self.work.direction) else {
            return Ok(());
        };
        for done in self.done() {
            let table = (self.session.options).history_table_of(done.component.as_deref());
            details::name_backup(self.connection(), table, done.version, backup)?;
        }
        Ok(())
    }

    /// Step 11: commits. Busy means that the transaction is still open, so it is tried again; any
    /// other error need not mean that nothing was committed, so it is looked up.
    fn commit(&mut self, which: Commit) -> Result<(), Error> {
        let deadline = Instant::now() + self.session.options.lock_timeout;
        self.session.watch_for_cancel(false)?;
        self.session.refuse_moved()?;
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
                Err(error) if open => return Err(self.cannot_commit(error)),
                Err(error) => {
                    let mut found = self.was_committed(which);
                    while found.is_err()
                        && open::is_kept_from_committing(&error)
                        && Instant::now() < deadline
                    {
                        std::thread::sleep(Duration::from_millis(20));
                        found = self.was_committed(which);
                    }
                    match found {
                        Ok(true) => {
                            log::warn!("COMMIT reported {error}, but the work is in the database");
                            break;
                        }
                        Ok(false) => return Err(self.cannot_commit(error)),
                        Err(unread) => {
                            log::warn!("what was committed could not be read: {unread:#}");
                            *self.committed = Committed::Unknown;
                            return Err(self.cannot_commit(error));
                        }
                    }
                }
            }
        }
        *self.committed = Committed::Something;
        self.session.measure();
        Ok(())
    }

    fn cannot_commit(&self, error: rusqlite::Error) -> Error {
        open::cannot_commit(&self.session.target.path, error)
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

/// Runs a file, and refuses it where it relies on what foreign keys do when they are enforced.
fn run_watched(
    connection: &Connection,
    task: &MigrationStep,
    outlook: Option<&Forecast>,
) -> Result<(), Error> {
    let script = &task.script;
    let watch = match outlook {
        Some(outlook) if !outlook.only_adds() => {
            KeyWatch::begin(connection, script, &|table| outlook.writes_before(table))?
        }
        _ => None,
    };
    match watch {
        None => refinery::run_inside(connection, script, &|_, run| run()),
        Some(watch) => {
            let around = |statement: &Statement<'_>, run: &dyn Fn() -> Result<(), Error>| {
                watch.around(statement, run)
            };
            refinery::run_inside(connection, script, &around)?;
            watch.end()
        }
    }
}

pub(crate) fn left_the_transaction(who: &str) -> Error {
    Error::new(
        ErrorKind::MigrationFailed,
        format!("{who} ended the transaction of the run"),
    )
    .with_help("do not commit or roll back there")
}
