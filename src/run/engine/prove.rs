//! The proof before the commit: over what the files could reach, no row and no value is gone that
//! was not allowed to go, no reference that had a target has lost it, the schema is as planned.
//!
//! Tables that no file reaches are not read, and those that are, once: the state before is the
//! verified backup, read beside the state in the transaction.

use std::collections::{BTreeMap, BTreeSet};

use rusqlite::Connection;
use rusqlite::types::Value;

use crate::migration::step::{MigrationStep, StepKind};
use crate::options::settings::Options;
use crate::report::count::{Counted, Grouped};
use crate::report::error::{Error, ErrorKind};
use crate::report::loss::{Direction, Lost};
use crate::report::outcome::TableRows;
use crate::run::engine::contents::{Compared, Found, Overwritten};
use crate::run::engine::drift::drift;
use crate::run::engine::dry_run::{DryRun, Forecast};
use crate::run::engine::state_before::StateBefore;
use crate::sqlite::execute::failure;
use crate::sqlite::schema::catalog::{self, References, Violations};
use crate::sqlite::schema::flow::Writes;
use crate::sqlite::schema::objects::TableKind;
use crate::sqlite::schema::statistics::Statistics;
use crate::sqlite::schema::table_tracker::TableTracker;
use crate::sqlite::sql::name::{quote, same_name};

/// What a run is proved against.
pub(crate) struct Proof<'p, 'd, 's> {
    direction: Direction,
    tasks: &'p [MigrationStep],
    forecasts: &'p [Forecast],
    dry_run: Option<&'p DryRun<'d>>,
    options: &'p Options<'s>,
    /// The tables before the first file.
    at_start: &'p TableTracker,
    /// The schema that all files give from empty, where that is known.
    expected: Option<&'p Connection>,
    before: &'p StateBefore<'p, 's>,
    /// By original name: the tables that were written to.
    tables: BTreeMap<String, Written>,
    /// By original name; follows what files were allowed to take away.
    counts: BTreeMap<String, u64>,
    sequences: BTreeMap<String, i64>,
    statistics: Vec<Statistics>,
    /// Whether code of the app's wrote outside of any file, so that every table may be touched.
    code_wrote: bool,
    /// The same around a file.
    code_wrote_in_files: bool,
    pub(crate) notes: Vec<String>,
}

/// Bytes of a database that is read at once.
const SMALL: u64 = 1 << 20;

/// A table that was written to.
#[derive(Default)]
struct Written {
    /// What was done to it since `since`, without permission.
    writes: Writes,
    /// By which files.
    tasks: Vec<usize>,
    /// Whether a file that may take rows away has done so since.
    allowed: bool,
    since: Option<Snapshot>,
}

/// A table as it was in the middle of a run, after a file that was allowed to change it.
struct Snapshot {
    connection: Connection,
    name: String,
    tracker: TableTracker,
}

impl<'p, 'd, 's> Proof<'p, 'd, 's> {
    /// Takes note of what there is. Counts the tables that the files reach, and no others.
    #[allow(clippy::too_many_arguments)]
    pub(crate) fn begin(
        connection: &Connection,
        direction: Direction,
        tasks: &'p [MigrationStep],
        forecasts: &'p [Forecast],
        dry_run: Option<&'p DryRun<'d>>,
        options: &'p Options<'s>,
        at_start: &'p TableTracker,
        before: &'p StateBefore<'p, 's>,
        expected: Option<&'p Connection>,
    ) -> Result<Proof<'p, 'd, 's>, Error> {
        let mut counts = BTreeMap::new();
        let reached = forecasts.iter().flat_map(|forecast| {
            let lost = forecast.effects.candidates.iter();
            let lost = lost.filter(|candidate| candidate.lost == Lost::Table);
            let written = forecast.watched.iter().map(|(origin, _)| origin.as_str());
            written.chain(lost.map(|candidate| candidate.table.as_str()))
        });
        for table in reached {
            if !counts.contains_key(table)
                && let Some(count) = catalog::row_count(connection, table)?
            {
                counts.insert(table.to_owned(), count);
            }
        }
        Ok(Proof {
            direction,
            tasks,
            forecasts,
            dry_run,
            options,
            at_start,
            expected,
            before,
            tables: BTreeMap::new(),
            counts,
            sequences: catalog::sequences(connection)?,
            statistics: Vec::new(),
            code_wrote: false,
            code_wrote_in_files: false,
            notes: Vec::new(),
        })
    }

    /// The rows of a table when the run began, or after the last file that may take some away.
    pub(crate) fn rows(&self, origin: &str) -> Option<u64> {
        self.counts.get(origin).copied()
    }

    /// The tables where they were before a file.
    fn tracker_before(&self, index: usize) -> &TableTracker {
        let before = index.checked_sub(1).and_then(|at| self.forecasts.get(at));
        before.map_or(self.at_start, |forecast| &forecast.tables_after)
    }

    /// Before a file: keeps what it will be compared with.
    pub(crate) fn before_file(
        &mut self,
        connection: &Connection,
        index: usize,
    ) -> Result<(), Error> {
        let (Some(forecast), Some(task)) = (self.forecasts.get(index), self.tasks.get(index))
        else {
            return Ok(());
        };
        let rebuilds = forecast.effects.rebuilds.iter();
        let statistics = rebuilds.map(|rebuilt| Statistics::of(connection, &rebuilt.before));
        self.statistics = statistics.collect::<Result<_, _>>()?;
        if !self.before.is_compared() {
            return Ok(());
        }
        let tracker = self.tracker_before(index).clone();
        for (origin, writes) in &forecast.writes {
            let Some(now) = tracker.now(origin).map(str::to_owned) else {
                continue;
            };
            let consents = self.may_lose(task, forecast, origin);
            let written = self.tables.entry(origin.clone()).or_default();
            if consents && !written.tasks.is_empty() {
                // What was done so far, nobody allowed; what comes now, the file allows.
                self.prove_table(connection, origin, &tracker)?;
            } else if !consents && written.allowed && !writes.only_add() {
                let since = snapshot(self.options, connection, &now, &tracker)?;
                (written.since, written.allowed) = (since, false);
            }
        }
        Ok(())
    }

    /// After a file: counts the tables that it wrote to. The ones that are others now, or gone.
    pub(crate) fn after_file(
        &mut self,
        connection: &Connection,
        index: usize,
    ) -> Result<Vec<TableRows>, Error> {
        let (Some(forecast), Some(task)) = (self.forecasts.get(index), self.tasks.get(index))
        else {
            return Ok(Vec::new());
        };
        let mut tables = Vec::new();
        for (origin, now) in &forecast.watched {
            if let Some(&sequence) = named(&self.sequences, origin)
                && forecast.effects.rebuilds(now)
                && catalog::raise_sequence(connection, now, sequence)?
            {
                self.notes.push(format!(
                    "the AUTOINCREMENT sequence of `{now}` was put back to {sequence} after its rebuild"
                ));
            }
            let Some(before) = self.rows(origin) else {
                continue;
            };
            let Some(after) = catalog::row_count(connection, now)? else {
                continue;
            };
            let consents = self.may_lose(task, forecast, origin);
            if after < before && !consents {
                return Err(lost(format!("`{now}`"), (before, "row"), after, task));
            }
            self.counts.insert(origin.clone(), after);
            if after != before || forecast.effects.rebuilds(now) {
                tables.push(TableRows {
                    table: now.clone(),
                    before,
                    after: Some(after),
                });
            }
            let written = self.tables.entry(origin.clone()).or_default();
            match consents {
                true => (written.allowed, written.since) = (true, None),
                false => {
                    let writes = forecast.writes.get(origin).cloned();
                    written.writes.and(writes.unwrap_or_default());
                    written.tasks.push(index);
                }
            }
        }
        for candidate in &forecast.effects.candidates {
            if candidate.lost == Lost::Table
                && let Some(before) = self.counts.remove(&candidate.table)
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

    /// Gives the tables that a file rebuilt the statistics that they had. True where any were
    /// written.
    pub(crate) fn put_back_statistics(
        &mut self,
        connection: &Connection,
        index: usize,
    ) -> Result<bool, Error> {
        let mut new = false;
        let statistics = std::mem::take(&mut self.statistics);
        if let Some(forecast) = self.forecasts.get(index) {
            for (rebuilt, statistics) in forecast.effects.rebuilds.iter().zip(statistics) {
                new |= statistics.put_back(connection, &rebuilt.now)?;
            }
        }
        Ok(new)
    }

    /// A hook of the run wrote, and nobody knows where.
    pub(crate) fn code_wrote(&mut self) {
        self.code_wrote = true;
    }

    /// A hook around a file wrote, which is part of its work.
    pub(crate) fn code_wrote_in(&mut self, index: usize) {
        let (Some(forecast), Some(task)) = (self.forecasts.get(index), self.tasks.get(index))
        else {
            return;
        };
        self.code_wrote_in_files = true;
        let tables: Vec<String> = forecast
            .tables_after
            .tables()
            .map(|(origin, _)| origin.to_owned())
            .collect();
        for origin in tables {
            let consents = self.may_lose(task, forecast, &origin);
            let written = self.tables.entry(origin).or_default();
            match consents {
                true => (written.allowed, written.since) = (true, None),
                false => {
                    written.writes.and(Writes::by_code());
                    written.tasks.push(index);
                }
            }
        }
    }

    fn may_lose(&self, task: &MigrationStep, forecast: &Forecast, origin: &str) -> bool {
        match self.direction {
            Direction::Up => task.consents || self.options.allow_destructive,
            Direction::Down => {
                // Of a function nothing is known but that it is meant to take back.
                task.consents
                    || task.kind == StepKind::Rust
                    || forecast
                        .effects
                        .deletes
                        .iter()
                        .any(|table| same_name(table, origin))
            }
        }
    }

    /// What must be true before the last commit.
    pub(crate) fn finish(&mut self, connection: &Connection) -> Result<(), Error> {
        // First, because a reference that has no target says more than a row that is gone.
        let told = self.notes.len();
        self.prove_references(connection)?;
        let of_references = self.notes.split_off(told);
        let Some(dry_run) = self.dry_run else {
            self.notes.extend(of_references);
            return Ok(());
        };
        if self.before.is_compared() {
            let tracker = dry_run.lineage().clone();
            let tables: Vec<String> = tracker
                .tables()
                .map(|(origin, _)| origin.to_owned())
                .collect();
            for origin in tables {
                if self.code_wrote && !self.options.allow_destructive {
                    let written = self.tables.entry(origin.clone()).or_default();
                    written.writes.and(Writes::by_code());
                }
                self.prove_table(connection, &origin, &tracker)?;
            }
        }
        self.notes.extend(of_references);
        self.prove_schema(connection, dry_run)?;
        self.prove_shape(connection)
    }

    /// Compares one table with how it was when the first file wrote to it that was not allowed to
    /// take anything away.
    fn prove_table(
        &mut self,
        connection: &Connection,
        origin: &str,
        tracker: &TableTracker,
    ) -> Result<(), Error> {
        let Some(written) = self.tables.get_mut(origin) else {
            return Ok(());
        };
        let writes = std::mem::take(&mut written.writes);
        let tasks = std::mem::take(&mut written.tasks);
        let since = written.since.take();
        let allowed = written.allowed;
        let Some(is) = tracker.now(origin) else {
            return Ok(());
        };
        if writes.only_add() || tracker.is_derived(origin) {
            return Ok(());
        }
        // What a hook did after a file that was allowed to, is the file's.
        if allowed && since.is_none() {
            return Ok(());
        }
        let Some(before) = self.before.rows()? else {
            return Ok(());
        };
        let (before, was, then) = match &since {
            Some(since) => (&since.connection, since.name.as_str(), &since.tracker),
            None => (before, origin, self.at_start),
        };
        let large_at_rest = self.before.large_file().filter(|_| since.is_none());
        let names_then = then.columns(origin);
        let columns = tracker.columns(origin).into_iter();
        let columns = columns.filter_map(|(original, is)| {
            let then = names_then.iter().find(|(name, _)| *name == original);
            then.map(|(_, was)| [original.clone(), was.clone(), is])
        });
        let compared = Compared {
            before,
            large_at_rest,
            was,
            now: connection,
            is,
            columns: columns.collect(),
            writes: &writes,
        };
        let Some(found) = compared.find()? else {
            return Ok(());
        };
        if found.other_rowids {
            self.notes.push(format!(
                "the rows of `{is}` have other rowids after its rebuild; what refers to them by rowid must be rebuilt"
            ));
        }
        let throughout = found.throughout.iter();
        self.notes.extend(throughout.map(|(column, values)| {
            format!(
                "every value of `{column}` in `{is}` is another one now ({})",
                Counted(*values, "value")
            )
        }));
        match wrong(is, &found) {
            None => Ok(()),
            Some(refused) => Err(self.attribute(refused, origin, &tasks)),
        }
    }

    /// Names the file that a refusal is about, where one is.
    fn attribute(&self, refused: Error, origin: &str, tasks: &[usize]) -> Error {
        let may_have = |index: &&usize| {
            let writes = self.forecasts.get(**index);
            let writes = writes.and_then(|forecast| forecast.writes.get(origin));
            writes.is_some_and(|writes| !writes.only_add())
        };
        let culprit = tasks.iter().rfind(may_have).or(tasks.last());
        match culprit.and_then(|index| self.tasks.get(*index)) {
            None => refused.with_help("a hook of the app's took it away; let it keep what is there, or allow it with a migration that says so"),
            Some(task) => {
                let help = task.script.help().unwrap_or(CONSENT);
                refused
                    .in_migration(&task.label())
                    .at(task.script.location(0, false))
                    .with_help(help)
            }
        }
    }
}

/// The first thing that is wrong with a table, as a refusal.
fn wrong(is: &str, found: &Found) -> Option<Error> {
    let destructive = |message: String| Some(Error::new(ErrorKind::Destructive, message));
    if found.gone > 0 {
        let example = found.example.as_deref().filter(|key| !key.is_empty());
        let example = example.map_or(String::new(), |key| {
            format!(", for example the one with {key}")
        });
        return destructive(format!(
            "{} of the {} of `{is}` would be gone, whatever came in their place{example}",
            Grouped(found.gone),
            Counted(found.rows, "row"),
        ));
    }
    if let Some(Overwritten {
        column,
        values,
        left_out,
        example,
    }) = found.overwritten.first()
    {
        if let Some(before) = left_out {
            let after = before.saturating_sub(*values);
            return Some(lost_without_a_place(
                format!("column `{column}` of `{is}`"),
                (*before, "value"),
                after,
            ));
        }
        let example = match example {
            Some((old, new, row)) if row.is_empty() => {
                format!(", for example {new} instead of {old}")
            }
            Some((old, new, row)) => {
                format!(", for example {new} instead of {old} in the row with {row}")
            }
            None => String::new(),
        };
        return destructive(format!(
            "the rebuild would give `{column}` of `{is}` another value in {} of {}, and no expression in the copy says so{example}",
            Grouped(*values),
            Counted(found.rows, "row"),
        ));
    }
    if let Some((column, values)) = found.emptied.first() {
        return Some(lost_without_a_place(
            format!("column `{column}` of `{is}`"),
            (*values, "value"),
            0,
        ));
    }
    None
}

/// Copies one table of the state in the transaction aside.
fn snapshot(
    options: &Options<'_>,
    connection: &Connection,
    table: &str,
    tracker: &TableTracker,
) -> Result<Option<Snapshot>, Error> {
    let Some(rowids) = catalog::rowids(connection, table)? else {
        return Ok(None);
    };
    if rowids.kind != TableKind::Ordinary {
        return Ok(None);
    }
    let cannot = |error| failure(format!("cannot keep the rows of `{table}`"), error);
    // A database of its own in a file without a name, which goes with the connection.
    let aside = Connection::open("").map_err(cannot)?;
    options.set_up(&aside)?;
    let copy = || -> rusqlite::Result<()> {
        aside.execute_batch(
            "PRAGMA foreign_keys = OFF; PRAGMA ignore_check_constraints = ON; PRAGMA synchronous = OFF",
        )?;
        let sql: String = connection.query_row(
            "SELECT sql FROM main.sqlite_schema WHERE type = 'table' AND name = ?1 COLLATE NOCASE",
            [table],
            |row| row.get(0),
        )?;
        aside.execute_batch(&format!("{sql}; BEGIN"))?;
        let mut columns: Vec<String> = catalog::column_names(connection, table)
            .iter()
            .map(|column| quote(column))
            .collect();
        columns.extend(
            rowids
                .alias
                .filter(|_| !rowids.is_a_column)
                .map(str::to_owned),
        );
        let names = columns.join(", ");
        let places = vec!["?"; columns.len()].join(", ");
        let mut write = aside.prepare(&format!(
            "INSERT OR REPLACE INTO main.{} ({names}) VALUES ({places})",
            quote(table)
        ))?;
        let sql = format!("SELECT {names} FROM main.{}", quote(table));
        let mut read = connection.prepare(&sql)?;
        let mut rows = read.raw_query();
        while let Some(row) = rows.next()? {
            let values = (0..columns.len()).map(|at| row.get(at));
            let values = values.collect::<rusqlite::Result<Vec<Value>>>()?;
            write.execute(rusqlite::params_from_iter(values))?;
        }
        aside.execute_batch("COMMIT")
    };
    copy().map_err(cannot)?;
    Ok(Some(Snapshot {
        connection: aside,
        name: table.to_owned(),
        tracker: tracker.clone(),
    }))
}

impl Proof<'_, '_, '_> {
    /// The tables whose references may lead elsewhere now: those that were written to or made, and
    /// those that refer to one. By the names that they have.
    fn referring(&self, connection: &Connection) -> Result<Vec<String>, Error> {
        let all = catalog::referring(connection)?;
        let mut children: Vec<String> = all.iter().map(|(child, _)| child.clone()).collect();
        children.dedup();
        let Some(dry_run) = self
            .dry_run
            .filter(|_| !self.code_wrote && !self.code_wrote_in_files)
        else {
            return Ok(children);
        };
        // Where it costs nothing, what was wrong before is reported as well.
        if catalog::bytes(connection)? <= SMALL {
            return Ok(children);
        }
        let tracker = dry_run.lineage();
        let written = |table: &str| match tracker.origin_of(table) {
            None => true,
            Some(origin) => {
                let mut watched = self.forecasts.iter().flat_map(|forecast| &forecast.watched);
                watched.any(|(written, _)| written == origin)
            }
        };
        children.retain(|child| {
            let mut references = all.iter().filter(|(from, _)| from == child);
            written(child) || references.any(|(_, parent)| written(parent))
        });
        Ok(children)
    }

    /// Step 10 of SQLite's procedure: the references, of which only new violations fail.
    fn prove_references(&mut self, connection: &Connection) -> Result<(), Error> {
        let children = self.referring(connection)?;
        let after = catalog::references_of(connection, &children)?;
        if after == References::default() {
            return Ok(());
        }
        let rows_before = self.before.rows()?;
        let before = match (rows_before, self.dry_run) {
            (Some(before), Some(dry_run)) => {
                let originals = children.iter();
                let originals = originals.filter_map(|child| dry_run.lineage().origin_of(child));
                let originals: Vec<String> = originals.map(str::to_owned).collect();
                catalog::references_of(before, &originals)?
            }
            _ => References::default(),
        };
        let referring = match rows_before.filter(|_| !after.broken.is_empty()) {
            Some(before) => catalog::referring(before)?,
            None => BTreeSet::new(),
        };
        for (table, message) in &after.broken {
            let child = self.original(table);
            if before.broken.contains_key(&child) {
                continue;
            }
            // One that worked must go on to. One that is new is as the schema was released: SQLite
            // takes it while foreign keys are not enforced.
            let parent = catalog::mismatched_parent(message);
            let parent = parent.map(|parent| self.original(&parent));
            if parent.is_none_or(|parent| referring.contains(&(child, parent))) {
                return Err(Error::new(
                    ErrorKind::MigrationFailed,
                    format!("the references of `{table}` can no longer be checked: {message}"),
                )
                .with_help("the column they point to must be a primary key or unique"));
            }
            self.notes.push(format!(
                "a reference of `{table}` matches no key and cannot be enforced ({message}); SQLite takes it only while foreign keys are not enforced"
            ));
        }
        let mut known = self.comparable(&before.violations, &str::to_ascii_lowercase);
        let mut old = 0;
        for ((table, parent), rowids) in
            self.comparable(&after.violations, &|table| self.original(table))
        {
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
                    "{} of `{table}` would refer to a row of `{parent}` that does not exist{example}",
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
            self.notes.push(format!(
                "{} whose foreign key matches no row, as before this run",
                Counted(old, "row")
            ));
        }
        Ok(())
    }

    /// The last file that wrote to one of two tables, by their original names.
    fn last_to_touch(&self, tables: [&str; 2]) -> Option<&MigrationStep> {
        let touches = |forecast: &Forecast| {
            let mut origins = forecast.watched.iter().map(|(origin, _)| origin);
            origins.any(|origin| tables.into_iter().any(|table| same_name(table, origin)))
        };
        let mut both = self.tasks.iter().zip(self.forecasts).rev();
        both.find(|(_, forecast)| touches(forecast))
            .map(|(task, _)| task)
    }

    /// The name that a table had before, in small letters.
    fn original(&self, table: &str) -> String {
        let tracker = self.dry_run.map(DryRun::lineage);
        tracker
            .and_then(|tracker| tracker.origin_of(table))
            .unwrap_or(table)
            .to_ascii_lowercase()
    }

    /// Violations by the names that the tables had before: one that was renamed keeps its
    /// old violations. In one that was rebuilt rows may have other rowids, so there they
    /// only count, as 0. Sorted.
    fn comparable(&self, violations: &Violations, original: &dyn Fn(&str) -> String) -> Violations {
        let rebuilt = |table: &str| {
            let mut forecasts = self.forecasts.iter();
            forecasts.any(|forecast| forecast.effects.rebuilds(table))
        };
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

    /// What the files make or alter is what a replay of all files from empty gives: a statement
    /// that found something there already, or something else, did not do what it says.
    fn prove_shape(&self, connection: &Connection) -> Result<(), Error> {
        let Some(expected) = self.expected else {
            return Ok(());
        };
        let shaped = self.forecasts.iter().flat_map(|forecast| &forecast.shaped);
        let shaped: BTreeSet<String> = shaped.cloned().collect();
        let drifted = drift(
            expected,
            connection,
            &self.options.own_tables(),
            Some(&shaped),
        )?;
        let Some(first) = drifted.first() else {
            return Ok(());
        };
        let name = first.name.to_ascii_lowercase();
        let told: Vec<&str> = drifted.iter().map(|it| it.what.as_str()).collect();
        let refused = Error::new(
            ErrorKind::MigrationFailed,
            format!(
                "the schema would not be the one that the migrations give: {}",
                told.join(", ")
            ),
        )
        .with_help("it was not what they give before this run either: somebody changed it by hand, or it comes from elsewhere; make it what they give, or write into the migration what is to become of it");
        let mut both = self.tasks.iter().zip(self.forecasts).rev();
        let culprit = both.find(|(_, forecast)| forecast.shaped.contains(&name));
        Err(match culprit {
            None => refused,
            Some((task, _)) => refused
                .in_migration(&task.label())
                .at(task.script.location(0, false)),
        })
    }

    fn prove_schema(&self, connection: &Connection, foresight: &DryRun<'_>) -> Result<(), Error> {
        let planned = foresight.planned()?;
        let actual = foresight.actual(connection)?;
        // What a hook made on its own is its own business.
        match planned.iter().find(|object| !actual.contains(object)) {
            None => Ok(()),
            Some((object, _)) => Err(Error::new(
                ErrorKind::MigrationFailed,
                format!("the {object} did not come out as planned"),
            )),
        }
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
