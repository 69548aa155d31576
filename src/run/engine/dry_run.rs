//! The pending statements, compiled against a copy of the schema that has no rows.
//!
//! Every statement is compiled; those that change the schema are also run, so that the
//! next one finds the schema it expects. Statements on rows are not run: on a copy
//! without rows a constraint may fail that holds on the real ones.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::{Arc, Mutex};

use rusqlite::Connection;
use rusqlite::config::DbConfig;
use rusqlite::hooks::{AuthAction, AuthContext, Authorization};

use crate::backup::copy;
use crate::migration::step::{self, MigrationStep, StepKind};
use crate::options::settings::{Options, memory};
use crate::report::error::{Error, ErrorKind};
use crate::report::estimate::{Estimate, RebuildEstimate};
use crate::report::location::Location;
use crate::report::loss::Loss;
use crate::report::plan::Step;
use crate::run::engine::early::{Early, watched};
use crate::run::engine::key_actions::key_actions;
use crate::sqlite::binding::HookSet as _;
use crate::sqlite::connection_state::ConnectionState;
use crate::sqlite::execute::{failure, refused_rows, statement_failure, text, unfulfilled};
use crate::sqlite::own_tables::OwnTables;
use crate::sqlite::schema::catalog;
use crate::sqlite::schema::empty_copy::{broken_objects, copy_schema, run_without_rows};
use crate::sqlite::schema::facts::TableFacts;
use crate::sqlite::schema::flow::{Access, Flow, Item, Writes};
use crate::sqlite::schema::objects::{Schema, TableKind};
use crate::sqlite::schema::table_tracker::{Effects, Rebuilt, TableTracker};
use crate::sqlite::sql::name::{quote, same_name};
use crate::sqlite::sql::script::Script;
use crate::sqlite::sql::statement::{Action, Statement};
use crate::sqlite::sql::token::{Tokens, mentions};

/// A database in memory with the schema of the real one.
pub(crate) struct DryRun<'o> {
    connection: Connection,
    own: OwnTables<'o>,
    lineage: TableTracker,
    schema: Schema,
    /// Virtual tables whose module is not here. What touches them cannot be compiled.
    unknown: Vec<String>,
    /// Those of the real database that cannot be used there either, and their modules.
    without_module: Vec<(String, String)>,
    /// What SQLite said of the statements that it compiled.
    seen: Arc<Mutex<Vec<Access>>>,
    /// Views and triggers that did not work before the first file.
    broken: BTreeSet<String>,
    /// Tables that were dropped, and where.
    dropped: Vec<(String, Location)>,
}

/// What one file does, as far as a schema without rows can tell.
#[derive(Debug, Default)]
pub(crate) struct Forecast {
    pub(crate) effects: Effects,
    /// Original and present name of the tables it writes to: the ones that may lose rows.
    pub(crate) watched: Vec<(String, String)>,
    /// What it does to each of them, by original names, of the columns too.
    pub(crate) writes: BTreeMap<String, Writes>,
    /// What its rebuilds do not demand any more, in sentences that are among the notes too.
    pub(crate) lost_constraints: Vec<String>,
    /// The tables, indexes, views and triggers that it makes or alters, in small letters.
    pub(crate) shaped: BTreeSet<String>,
    /// Where the tables are after it.
    pub(crate) tables_after: TableTracker,
    /// Where they were before it.
    pub(crate) tables_before: TableTracker,
    /// What a reviewer should know: indexes, triggers and views that are gone without a DROP
    /// that names them, names that are read as texts.
    pub(crate) notes: Vec<String>,
}

impl<'o> DryRun<'o> {
    /// Copies the schema that `real` has.
    pub(crate) fn of(real: &Connection, options: &'o Options<'_>) -> Result<DryRun<'o>, Error> {
        let connection = memory(options)?;
        let unlike = copy_schema(real, &connection)?;
        DryRun::on(connection, real, unlike, &Schema::default(), options)
    }

    /// The same where that schema was made in memory already, and read.
    fn on(
        #[allow(unused_mut, reason = "rusqlite wants it since 0.41")] mut connection: Connection,
        real: &Connection,
        (unknown, likenesses): (Vec<String>, Vec<String>),
        known: &Schema,
        options: &'o Options<'_>,
    ) -> Result<DryRun<'o>, Error> {
        let own = options.own_tables();
        let seen = Arc::new(Mutex::new(Vec::new()));
        let notebook = Arc::clone(&seen);
        connection
            .authorizer(Some(move |context: AuthContext<'_>| {
                if let Some(access) = access(&context)
                    && let Ok(mut seen) = notebook.lock()
                {
                    seen.push(access);
                }
                Authorization::Allow
            }))
            .checked()
            .map_err(|error| failure("cannot prepare the database in memory", error))?;
        let mut schema = catalog::schema_since(&connection, &own, known)?;
        // Only called like a module's storage, and somebody's data.
        for table in &mut schema.tables {
            if likenesses.iter().any(|name| same_name(name, &table.name)) {
                table.kind = TableKind::Ordinary;
            }
        }
        let broken = broken_objects(&connection, &schema)?
            .into_iter()
            .map(|(object, _)| object)
            .collect();
        Ok(DryRun {
            lineage: TableTracker::of(&schema),
            own,
            connection,
            schema,
            without_module: without_module(real, &unknown),
            unknown,
            seen,
            broken,
            dropped: Vec::new(),
        })
    }

    /// The schema after the files seen so far.
    pub(crate) fn schema(&self) -> &Schema {
        &self.schema
    }

    /// The tables of the real database, and where they are now.
    pub(crate) fn lineage(&self) -> &TableTracker {
        &self.lineage
    }

    /// The schema after the files seen so far, without rows.
    #[cfg(feature = "devtools")]
    pub(crate) fn into_connection(self) -> Connection {
        self.connection
    }

    /// What a function may write to, of which nothing is known: everything.
    fn every_table(&self) -> Vec<(String, String)> {
        let tables = self.lineage.tables();
        tables
            .map(|(origin, now)| (origin.to_owned(), now.to_owned()))
            .collect()
    }

    /// Compiles one file and says what it does. The error has file, line and column.
    pub(crate) fn file(&mut self, script: &Script) -> Result<Forecast, Error> {
        self.compiled(script).map_err(|error| match error.kind() {
            // The schema in memory is unreadable: the file wrote into it, and nothing is damaged.
            ErrorKind::NotADatabase => {
                let cause = std::error::Error::source(&error);
                let cause = cause.map_or(String::new(), |cause| format!(": {cause}"));
                Error::new(
                    ErrorKind::MigrationFailed,
                    format!("the schema could not be read after it{cause}"),
                )
                .at(script.location(0, false))
                .with_help("correct what it writes into sqlite_schema: heirloom's tables and the history must stay as they are; the database is whole")
            }
            _ => error,
        })
    }

    fn compiled(&mut self, script: &Script) -> Result<Forecast, Error> {
        let mut flow = Flow::begin(self.schema.tables.iter().map(|table| table.name.as_str()));
        let replaces = |sql: &str| Tokens::new(sql).any(|token| token.word() == "REPLACE");
        let schema_replaces = catalog::entries(&self.connection)?
            .iter()
            .any(|entry| entry.kind != "view" && replaces(&entry.sql));
        let at_start = self.lineage.clone();
        let state = ConnectionState::before(&self.connection, script)?;
        let mut outlook = Forecast::default();
        let mut named = Vec::new();
        let mut schema_changed = false;
        let mut demanded = Vec::new();
        for statement in script.statements() {
            let action = statement.action();
            outlook.notes.extend(self.quoted_text(script, &statement));
            let shaped = statement.shapes().map(|name| name.to_ascii_lowercase());
            outlook.shaped.extend(shaped);
            if let Action::DropTable(name) = &action
                && let Some(facts) = TableFacts::of(&self.connection, name)?
            {
                demanded.extend(
                    self.lineage
                        .origin_of(name)
                        .map(|it| (it.to_owned(), facts)),
                );
            }
            self.seen_since();
            schema_changed |= self.statement(script, &statement, &action)?;
            let mut seen = self.seen_since();
            if matches!(action, Action::DropTable(_)) {
                // It is not a DELETE, though SQLite asks for leave for one.
                seen.retain(|access| !matches!(access, Access::Deletes(_)));
            }
            flow.observe(
                statement.text,
                &action,
                &seen,
                schema_replaces || replaces(statement.text),
                &|table| catalog::column_names(&self.connection, table),
                &|item| self.reads_of(item),
            );
            match &action {
                Action::DropObject(name) => named.push(name.clone()),
                Action::DropTable(name) => {
                    let place = script.location(statement.start, false);
                    self.dropped.push((name.clone(), place));
                }
                _ => {}
            }
            self.lineage.observe(&action, &mut outlook.effects);
        }
        state.put_back(&self.connection)?;
        if schema_changed {
            let after = catalog::schema_since(&self.connection, &self.own, &self.schema)?;
            self.lineage.end_of_file(&after, &mut outlook.effects);
            self.lineage.settle(&flow, &mut outlook.effects);
            outlook.lost_constraints = self.lost_constraints(&demanded, &at_start)?;
            outlook.notes.extend(outlook.lost_constraints.clone());
            outlook.notes.extend(gone(&self.schema, &after, &named));
            self.schema = after;
            self.refuse_newly_broken(script)?;
        }
        outlook.watched = self
            .lineage
            .tables()
            .filter(|(_, now)| flow.is_written(now) || outlook.effects.rebuilds(now))
            .map(|(origin, now)| (origin.to_owned(), now.to_owned()))
            .collect();
        for (origin, now) in &outlook.watched {
            let mut writes = flow.writes(at_start.now(origin), now);
            let original = |columns: &BTreeSet<String>| self.lineage.original(origin, columns);
            writes.updates = original(&writes.updates);
            writes.expressions = original(&writes.expressions);
            outlook.writes.insert(origin.clone(), writes);
        }
        outlook.tables_after = self.lineage.clone();
        outlook.tables_before = at_start;
        Ok(outlook)
    }

    /// What the tables that were rebuilt do not demand any more, a sentence for each.
    fn lost_constraints(
        &self,
        demanded: &[(String, TableFacts)],
        at_start: &TableTracker,
    ) -> Result<Vec<String>, Error> {
        let mut lost = Vec::new();
        for (origin, before) in demanded {
            let Some(now) = self.lineage.now(origin) else {
                continue;
            };
            let Some(after) = TableFacts::of(&self.connection, now)? else {
                continue;
            };
            let (then, columns) = (at_start.columns(origin), self.lineage.columns(origin));
            let renamed = |name: &str| {
                let known = then.iter().find(|(_, then)| same_name(then, name));
                match known {
                    Some((original, _)) => {
                        let mut columns = columns.iter();
                        let now = columns.find(|(known, _)| known == original);
                        now.map(|(_, now)| now.clone())
                    }
                    // A generated one is not followed.
                    None => Some(name.to_owned()),
                }
            };
            let told = before.lost_in(&after, &renamed);
            if !told.is_empty() {
                lost.push(format!("the rebuild of `{now}` loses {}", told.join(", ")));
            }
        }
        Ok(lost)
    }

    /// Where foreign keys are enforced, rows that refer to others go and change with them.
    fn follow_actions(&self, outlook: &mut Forecast) -> Result<(), Error> {
        let actions = key_actions(&self.connection)?;
        // Each round may reach one table further.
        for _ in 0..=actions.len() {
            for action in &actions {
                let (child, parent) = (&action.child, &action.parent);
                let origins = self
                    .lineage
                    .origin_of(child)
                    .zip(self.lineage.origin_of(parent));
                let Some((child_was, parent_was)) = origins else {
                    continue;
                };
                let followed = outlook
                    .writes
                    .get(parent_was)
                    .and_then(|it| action.follows(it));
                let Some(mut followed) = followed else {
                    continue;
                };
                followed.updates = self.lineage.original(child_was, &followed.updates);
                let known = outlook.writes.entry(child_was.to_owned()).or_default();
                known.and(followed);
                if !outlook
                    .watched
                    .iter()
                    .any(|(origin, _)| origin == child_was)
                {
                    outlook.watched.push((child_was.to_owned(), child.clone()));
                }
            }
        }
        Ok(())
    }

    /// What was noted since it was last asked.
    fn seen_since(&self) -> Vec<Access> {
        let seen = self.seen.lock().map(|mut seen| std::mem::take(&mut *seen));
        seen.unwrap_or_default()
    }

    /// The columns that an expression in a query reads: what SQLite asks for with it, and not
    /// without it. None where that cannot be known.
    fn reads_of(&self, item: &Item<'_>) -> Option<Vec<(String, String)>> {
        let read = |what: &str| {
            let sql = format!("{} SELECT {what} {}", item.with, item.rest);
            self.seen_since();
            self.connection.prepare(&sql).map(drop).ok()?;
            let seen = self.seen_since().into_iter();
            let columns = seen.filter_map(|access| match access {
                Access::Reads(table, column) => Some((table, column)),
                _ => None,
            });
            Some(columns.collect::<Vec<_>>())
        };
        let mut with = read(&format!("({})", item.text))?;
        for known in read("NULL")? {
            if let Some(at) = with.iter().position(|column| *column == known) {
                with.swap_remove(at);
            }
        }
        Some(with)
    }

    /// Compiles one statement, and runs it where later ones depend on it. True when it
    /// may have changed the schema.
    fn statement(
        &self,
        script: &Script,
        statement: &Statement<'_>,
        action: &Action,
    ) -> Result<bool, Error> {
        let compiled = self.without_transfer(|| {
            let prepared = self.connection.prepare(statement.text)?;
            Ok(prepared.parameter_count())
        });
        let parameters = match compiled {
            Ok(parameters) => parameters,
            Err(error) if self.cannot_know(&error) => {
                let named = |table: &str| names_at_its_end(&text(&error), table);
                return match self.refusal_without_module(script, statement, &named) {
                    Some(refused) => Err(refused),
                    None => Ok(false),
                };
            }
            Err(error) => return Err(statement_failure(script, statement, error)),
        };
        if parameters > 0 {
            return Err(Error::new(
                ErrorKind::InvalidMigration,
                "the statement has a parameter, which has no value here",
            )
            .at(script.location(statement.start, false))
            .with_statement(statement.text)
            .with_help("write the value into the statement"));
        }
        // With IF EXISTS that compiles where the table could not be made.
        if let Action::DropTable(dropped) = action
            && let Some(refused) = self
                .refusal_without_module(script, statement, &|table: &str| same_name(table, dropped))
        {
            return Err(refused);
        }
        let by_hand = statement.writes_to_schema_table();
        let pragma = matches!(action, Action::Pragma(_));
        if action.is_schema() || by_hand || pragma {
            match run_without_rows(&self.connection, script, statement) {
                Err(_) if pragma => {}
                result => result?,
            }
        }
        Ok(action.is_schema() || by_hand)
    }

    /// `INSERT INTO x SELECT * FROM y` between two tables alike is compiled as a transfer of whole
    /// records, and up to SQLite 3.51 nothing is asked of the authorizer about what it reads.
    /// A transfer is not made where changes are to be counted (`xferOptimization` in SQLite's
    /// insert.c).
    fn without_transfer<T>(
        &self,
        compile: impl FnOnce() -> rusqlite::Result<T>,
    ) -> rusqlite::Result<T> {
        let counting = |on| self.connection.pragma_update(None, "count_changes", on);
        counting(true)?;
        let compiled = compile();
        counting(false)?;
        compiled
    }

    /// SQLite takes a name in double quotes that is not a column for a text, so that a copy from a
    /// misspelt column fills every row with its name
    /// (<https://sqlite.org/quirks.html#double_quoted_string_literals_are_accepted>).
    fn quoted_text(&self, script: &Script, statement: &Statement<'_>) -> Option<String> {
        let reads = Tokens::new(statement.text).any(|token| token.word() == "FROM");
        if !reads || !statement.text.contains('"') {
            return None;
        }
        let strings = |on| {
            let config = DbConfig::SQLITE_DBCONFIG_DQS_DML;
            self.connection.set_db_config(config, on).ok()
        };
        strings(false)?;
        let strict = self.connection.prepare(statement.text).map(drop);
        strings(true)?;
        let message = text(&strict.err()?);
        let name = message
            .strip_prefix("no such column: \"")?
            .split('"')
            .next()?;
        self.connection.prepare(statement.text).ok()?;
        Some(format!(
            "`\"{name}\"` at {}:{} is not a column and is read as a text; write it in single quotes if that is meant",
            script.file(),
            script.position(statement.start).line
        ))
    }

    /// Whether an error only says that a virtual table's module is not here.
    fn cannot_know(&self, error: &rusqlite::Error) -> bool {
        let message = text(error);
        let mut unknown = self.unknown.iter();
        message.starts_with("no such module")
            || unknown.any(|table| names_at_its_end(&message, table))
    }

    /// What touches a virtual table whose module this program lacks would fail in the run, after
    /// the backup.
    fn refusal_without_module(
        &self,
        script: &Script,
        statement: &Statement<'_>,
        touches: &dyn Fn(&str) -> bool,
    ) -> Option<Error> {
        let mut without = self.without_module.iter();
        let (table, module) = without.find(|(table, _)| touches(table))?;
        let message = format!(
            "the virtual table `{table}` needs the module `{module}`, which this program does not have"
        );
        Some(
            Error::new(ErrorKind::MigrationFailed, message)
                .at(script.location(statement.start, false))
                .with_statement(statement.text)
                .with_help("load the module in the connection set-up; the command line has SQLite's own alone"),
        )
    }

    /// A view that cannot be read any more, or a trigger that cannot run, would fail in the
    /// app.
    fn refuse_newly_broken(&mut self, script: &Script) -> Result<(), Error> {
        for (object, error) in broken_objects(&self.connection, &self.schema)? {
            // A table may have another name since.
            let was_broken = self.lineage.tables().any(|(origin, now)| {
                object == format!("a trigger of `{now}`")
                    && self.broken.contains(&format!("a trigger of `{origin}`"))
            });
            if was_broken || self.broken.contains(&object) || self.cannot_know(&error) {
                continue;
            }
            return Err(Error::new(
                ErrorKind::MigrationFailed,
                format!("{object} would no longer work: {}", text(&error)),
            )
            .at(script.location(0, false))
            .with_help("drop it first and create it again in the same file"));
        }
        Ok(())
    }

    /// A reference to a table that was dropped has no target. Without rows that breaks no
    /// reference yet; the app's first insert would fail.
    fn refuse_dangling(&self) -> Result<(), Error> {
        for (child, parent) in catalog::dangling(&self.connection)? {
            let dropped = self
                .dropped
                .iter()
                .find(|(name, _)| same_name(name, &parent));
            if let Some((_, place)) = dropped {
                return Err(Error::new(
                    ErrorKind::MigrationFailed,
                    format!(
                        "`{child}` would refer to `{parent}`, which {} drops",
                        place.file
                    ),
                )
                .at(place.clone())
                .with_help("drop or rebuild the other table too; and rebuild in this order: create the new table, copy, drop the old one, rename; renaming the old one first takes its references along"));
            }
        }
        Ok(())
    }

    /// The schema as planned, sorted, without what is not the plan's business.
    pub(crate) fn planned(&self) -> Result<Vec<(String, String)>, Error> {
        listing(&self.connection, &self.own)
    }

    /// The same list for the real database.
    pub(crate) fn actual(&self, real: &Connection) -> Result<Vec<(String, String)>, Error> {
        listing(real, &self.own)
    }
}

/// The pending files in order: what each does, and what of the real rows each would
/// destroy.
pub(crate) struct DryRunResult<'o> {
    pub(crate) foresight: DryRun<'o>,
    /// The tables before the first file.
    pub(crate) lineage: TableTracker,
    pub(crate) outlooks: Vec<Forecast>,
    pub(crate) losses: Vec<Vec<Loss>>,
}

/// Compiles files against a copy of the schema, and counts in `real` what they would destroy.
pub(crate) fn foresee<'o>(
    real: &Connection,
    options: &'o Options<'_>,
    tasks: &[MigrationStep],
) -> Result<DryRunResult<'o>, Error> {
    foresee_from(|| DryRun::of(real, options), real, options, tasks)
}

/// The same for a walk through a history, which has the schema of `real` without rows from the step
/// before. `known` is that schema, in which every table is an ordinary one.
#[cfg(feature = "devtools")]
pub(crate) fn foresee_in<'o>(
    empty: Connection,
    known: &Schema,
    real: &Connection,
    options: &'o Options<'_>,
    tasks: &[MigrationStep],
) -> Result<DryRunResult<'o>, Error> {
    let begin = || DryRun::on(empty, real, Default::default(), known, options);
    foresee_from(begin, real, options, tasks)
}

fn foresee_from<'o>(
    begin: impl FnOnce() -> Result<DryRun<'o>, Error>,
    real: &Connection,
    options: &'o Options<'_>,
    tasks: &[MigrationStep],
) -> Result<DryRunResult<'o>, Error> {
    let what: Vec<String> = tasks.iter().map(MigrationStep::label).collect();
    watched(options, real, &what, |early| {
        foresee_each(begin()?, real, options, tasks, early)
    })
}

fn foresee_each<'o>(
    mut foresight: DryRun<'o>,
    real: &Connection,
    options: &Options<'_>,
    tasks: &[MigrationStep],
    early: &Early,
) -> Result<DryRunResult<'o>, Error> {
    let lineage = foresight.lineage.clone();
    let (mut outlooks, mut losses) = (Vec::new(), Vec::new());
    let mut rows_are_as_now = true;
    for task in tasks {
        if task.kind == StepKind::MarkOnly {
            outlooks.push(Forecast {
                tables_after: foresight.lineage.clone(),
                ..Forecast::default()
            });
            losses.push(Vec::new());
            early.next();
            continue;
        }
        let named = |error: Error| error.in_migration(&task.label());
        if task.no_transaction {
            step::refuse_in_wal_mode(&task.script, &copy::journal_mode(real)?).map_err(named)?;
        }
        let mut outlook = foresight.file(&task.script).map_err(named)?;
        if task.enforces {
            foresight.follow_actions(&mut outlook)?;
        }
        if task.kind == StepKind::Rust {
            outlook.watched = foresight.every_table();
            let tables = outlook.watched.iter();
            let writes = tables.map(|(origin, _)| (origin.clone(), Writes::by_code()));
            outlook.writes = writes.collect();
        }
        if rows_are_as_now {
            rows_are_as_now = check_rows(real, &task.script).map_err(named)?;
        }
        let counted = outlook
            .effects
            .candidates
            .iter()
            .filter_map(|candidate| catalog::count_loss(real, candidate).transpose())
            .collect::<Result<_, _>>()
            .map_err(named)?;
        outlooks.push(outlook);
        losses.push(counted);
        early.next();
        options.check_cancelled()?;
    }
    foresight.refuse_dangling()?;
    Ok(DryRunResult {
        foresight,
        lineage,
        outlooks,
        losses,
    })
}

/// Checks what a file demands of the rows before it does anything to them, so that it is
/// refused before a copy is taken. True when it does nothing else, and the next file meets the
/// same rows. What can only be asked later is asked by the run.
fn check_rows(real: &Connection, script: &Script) -> Result<bool, Error> {
    for statement in script.statements() {
        match statement.condition() {
            Some(_) => {
                if let Some(problem) = unfulfilled(real, &statement) {
                    return Err(refused_rows(script, &statement, problem));
                }
            }
            // The table that conditions are put into, made and dropped.
            None if statement.frames_conditions() => {}
            None => return Ok(false),
        }
    }
    Ok(true)
}

impl DryRunResult<'_> {
    /// The tasks as a plan shows them, beside a backup of this many bytes.
    pub(crate) fn into_steps(
        self,
        real: &Connection,
        backup: u64,
        tasks: &[MigrationStep],
    ) -> Result<Vec<Step>, Error> {
        let foreseen = self.outlooks.into_iter().zip(self.losses);
        let step = |(task, (outlook, losses)): (&MigrationStep, (Forecast, Vec<Loss>))| {
            let estimate = outlook.estimate(real, backup)?;
            Ok(task.step(losses, &outlook.effects, estimate, outlook.notes))
        };
        tasks.iter().zip(foreseen).map(step).collect()
    }
}

impl Forecast {
    /// What it does to a table, by the name that the table has before it.
    pub(crate) fn writes_before(&self, table: &str) -> Writes {
        let origin = self.tables_before.origin_of(table).unwrap_or(table);
        self.writes.get(origin).cloned().unwrap_or_default()
    }

    /// Whether no row and no value that was there can have gone.
    pub(crate) fn only_adds(&self) -> bool {
        self.writes.values().all(Writes::only_add)
    }

    /// The tables that it rebuilds and that the real database has: the original name, and
    /// what becomes of it.
    pub(crate) fn rebuilt(&self) -> impl Iterator<Item = (&str, &Rebuilt)> {
        self.effects.rebuilds.iter().filter_map(|rebuilt| {
            let mut watched = self.watched.iter();
            let (origin, _) = watched.find(|(_, now)| same_name(now, &rebuilt.now))?;
            Some((origin.as_str(), rebuilt))
        })
    }

    /// What its rebuilds would take, none where it has none, beside a backup of this many bytes. Reads
    /// of the real database what is rebuilt, and nothing else.
    pub(crate) fn estimate(
        &self,
        real: &Connection,
        backup: u64,
    ) -> Result<Option<Estimate>, Error> {
        if self.effects.rebuilds.is_empty() {
            return Ok(None);
        }
        let database = catalog::bytes(real)?;
        let estimate = |(origin, rebuilt): (&str, &Rebuilt)| {
            Ok(RebuildEstimate::new(
                rebuilt.now.clone(),
                catalog::row_count(real, origin)?.unwrap_or_default(),
                catalog::table_bytes(real, origin).unwrap_or(database),
                catalog::index_count(real, origin),
            ))
        };
        let rebuilds = self.rebuilt().map(estimate).collect::<Result<_, Error>>()?;
        let journal_mode = copy::journal_mode(real)?;
        Ok(Some(Estimate::of(rebuilds, backup, &journal_mode)))
    }
}

/// Whether SQLite found no such table as this.
fn names_at_its_end(message: &str, table: &str) -> bool {
    let named = message.rsplit(['.', ' ']).next();
    message.starts_with("no such table") && named.is_some_and(|named| same_name(named, table))
}

/// The virtual tables whose module a connection lacks.
fn without_module(real: &Connection, tables: &[String]) -> Vec<(String, String)> {
    let lacking = |table: &String| {
        let sql = format!("SELECT 1 FROM main.{}", quote(table));
        let message = text(&real.prepare(&sql).map(drop).err()?);
        let module = message.strip_prefix("no such module: ")?;
        Some((table.clone(), module.to_owned()))
    };
    tables.iter().filter_map(lacking).collect()
}

/// What a question of SQLite's says of the rows, nothing of its own tables.
fn access(context: &AuthContext<'_>) -> Option<Access> {
    let named = |table: &str| {
        let table = table.to_ascii_lowercase();
        let own = table.starts_with("sqlite_");
        (!own).then(|| match context.database_name {
            Some("temp") => format!("temp.{table}"),
            _ => table,
        })
    };
    Some(match context.action {
        AuthAction::Read {
            table_name,
            column_name,
        } => Access::Reads(named(table_name)?, column_name.to_ascii_lowercase()),
        AuthAction::Insert { table_name } => Access::Inserts(named(table_name)?),
        AuthAction::Delete { table_name } => Access::Deletes(named(table_name)?),
        AuthAction::Update {
            table_name,
            column_name,
        } => Access::Updates(named(table_name)?, column_name.to_ascii_lowercase()),
        AuthAction::CreateTable { table_name } => Access::Makes(table_name.to_ascii_lowercase()),
        AuthAction::CreateTempTable { table_name } => {
            Access::Makes(format!("temp.{}", table_name.to_ascii_lowercase()))
        }
        AuthAction::CreateVtable { table_name, .. } => {
            Access::Makes(table_name.to_ascii_lowercase())
        }
        _ => return None,
    })
}

fn listing(connection: &Connection, own: &OwnTables<'_>) -> Result<Vec<(String, String)>, Error> {
    let mut objects: Vec<(String, String)> = catalog::entries(connection)?
        .into_iter()
        .filter(|entry| !own.hold(&entry.table))
        .map(|entry| (format!("{} `{}`", entry.kind, entry.name), entry.sql))
        .collect();
    objects.sort();
    Ok(objects)
}

/// Indexes, triggers and views that are not there any more, though no statement names
/// them: a rebuild that forgot to make them again.
fn gone(before: &Schema, after: &Schema, named: &[String]) -> Vec<String> {
    before
        .others
        .iter()
        .filter(|object| {
            !after
                .others
                .iter()
                .any(|left| left.kind == object.kind && same_name(&left.name, &object.name))
        })
        .filter(|object| !named.iter().any(|name| same_name(name, &object.name)))
        .filter(|object| {
            // With its table it goes without saying.
            after
                .tables
                .iter()
                .any(|table| mentions(&object.sql, &table.name))
        })
        .map(|object| {
            format!(
                "the {} `{}` is gone afterwards; a rebuilt table must have it made again",
                object.kind, object.name
            )
        })
        .collect()
}
