//! `doctor`: everything that can be wrong with a database and around it, looked for.

use std::path::Path;

use rusqlite::Connection;

use crate::backup::copy;
use crate::backup::intent::Intent;
use crate::backup::of_database::{self, stores};
use crate::inspect::description::checks_of;
use crate::inspect::problem::{Diagnosis, Problem, ProblemKind};
use crate::inspect::status::{self, MigrationStatus, Status};
use crate::migration::compare::MigrationState;
use crate::migration::history::{backfills, marker, table};
use crate::migration::label::label_in;
use crate::options::settings::Options;
use crate::options::settings::memory;
use crate::report::count::{Counted, Grouped};
use crate::report::error::{Error, ErrorKind};
use crate::report::remedy::Remedy;
use crate::restore::list::{self, Verify};
use crate::run::engine::misplaced;
use crate::sqlite::disk::{files, lock, space};
use crate::sqlite::execute::{failure, text};
use crate::sqlite::open::{self, Target};
use crate::sqlite::schema::catalog;
use crate::sqlite::schema::empty_copy;
use crate::sqlite::schema::nesting;
use crate::sqlite::schema::objects::{Object, ObjectKind, Schema, TableKind};
use crate::sqlite::sql::name::quote;
use crate::sqlite::{integrity, view};

/// Since when SQLite has no fault in resetting the write-ahead log
/// (<https://sqlite.org/wal.html#walresetbug>).
const WITHOUT_WAL_FAULT: i32 = 3_051_003;

/// Examines a database. Writes nothing.
pub(crate) fn doctor(options: &Options<'_>, path: &Path) -> Result<Diagnosis, Error> {
    options.check_history_table()?;
    let target = open::resolve(path)?;
    let at_work = lock::held_by(&target.path);
    let mut found = Diagnosis {
        exists: target.metadata.is_some(),
        problems: Vec::new(),
        passed: Vec::new(),
        notes: Vec::new(),
        held_by: at_work
            .clone()
            .or_else(|| lock::holder_by_inode(&target.path)),
        sqlite_version: rusqlite::version().to_owned(),
        needed_bytes: match of_database::is_cloned(options, &target.path) {
            true => 0,
            false => {
                files::length(&target.path)?
                    + files::length(&files::companion(&target.path, "-wal"))?
            }
        },
        free_bytes: space::free_space(&options.backups_of(&target.path)),
        database: target.path.clone(),
    };
    file(&target, &mut found)?;
    // What somebody is at work on is not left over.
    let mut looked = Ok(());
    if at_work.is_none() {
        looked = leftovers(options, &target, &mut found);
    }
    if let Err(error) = looked {
        unreadable(&error, &mut found);
    }
    inside(options, &target, &mut found)?;
    if let Err(error) = copies(options, path, &mut found) {
        unreadable(&error, &mut found);
    }
    room(&mut found);
    found
        .problems
        .sort_by_key(|problem| problem.kind != ProblemKind::Damaged);
    Ok(found)
}

/// What can be seen of the file without opening it.
fn file(target: &Target, found: &mut Diagnosis) -> Result<(), Error> {
    if let Err(error) = target.refuse_hard_link() {
        found
            .problems
            .push(Problem::of(ProblemKind::HardLink, &error));
    }
    if let Some(kind) = space::network_file_system(&target.path) {
        found.problems.push(Problem::new(
            ProblemKind::NetworkFileSystem,
            format!(
                "{} is on a network file system ({kind}), where locks do not hold",
                target.path.display()
            ),
            "keep the database on a disk of this machine, and exchange copies of it",
        ));
    }
    if let Some(who) = space::synced_by(&target.path) {
        found.notes.push(format!(
            "{} seems to be in a folder of {who}: a program that keeps it in step with other machines may copy or replace the database while it is in use; keep it in a folder of this machine alone, and exchange copies of it",
            target.path.display()
        ));
    }
    if files::length(&target.path)? > 0 {
        return Ok(());
    }
    if let Err(error) = open::refuse_orphan(&target.path) {
        found
            .problems
            .push(Problem::of(ProblemKind::Leftover, &error));
    }
    Ok(())
}

/// What something that was interrupted left beside the database.
fn leftovers(options: &Options<'_>, target: &Target, found: &mut Diagnosis) -> Result<(), Error> {
    match Intent::read(&target.path, &options.backups_of(&target.path)) {
        Ok(None) => {}
        Ok(Some(intent)) => found.problems.push(
            Problem::new(
                ProblemKind::Interrupted,
                format!(
                    "the restore of {} from {} was interrupted",
                    intent.started_at,
                    intent.copy.display()
                ),
                "start the app, which finishes it",
            )
            .with_remedies([Remedy::Migrate]),
        ),
        Err(error) => found
            .problems
            .push(Problem::of(ProblemKind::Interrupted, &error)),
    }
    let (automatic, snapshots) = stores(options, &target.path);
    let note = files::companion(&Intent::path_for(&target.path), ".partial");
    let mut left = automatic.leftovers()?;
    left.extend(snapshots.leftovers()?);
    left.extend(files::is_there(&note)?.then_some(note));
    let mut odd = automatic.oddities()?;
    odd.extend(snapshots.oddities()?);
    odd.extend(files::refuse_odd(&lock::path_for(&target.path)).err());
    let problem = |error| Problem::of(ProblemKind::Leftover, &error);
    found.problems.extend(odd.into_iter().map(problem));
    for path in left {
        found.problems.push(Problem::new(
            ProblemKind::Leftover,
            format!("{} was left by an interruption", path.display()),
            "the next run that has something to do removes it",
        ));
    }
    Ok(())
}

/// What is in the database.
fn inside(options: &Options<'_>, target: &Target, found: &mut Diagnosis) -> Result<(), Error> {
    if files::length(&target.path)? == 0 {
        gone(options, target, found);
        return Ok(());
    }
    let damaged = |error: Error| match error.kind() {
        ErrorKind::NotADatabase => {
            let error = of_database::point_to_copies(options, &target.path, error);
            Ok(Problem::of(ProblemKind::Damaged, &error))
        }
        ErrorKind::NeedsAttention => Ok(Problem::of(ProblemKind::Unreadable, &error)),
        _ => Err(error),
    };
    let mut view = match view::view_of(target) {
        Ok(view) => view,
        Err(error) => {
            found.problems.push(damaged(error)?);
            return Ok(());
        }
    };
    options.set_up_to_look(&mut view.connection)?;
    let connection = &view.connection;
    let path = &target.path;
    let looks: [Look<'_>; 8] = [
        &|found| integrity(connection, found),
        &|found| checks(connection, found),
        &|found| broken_objects(options, connection, found),
        &|found| references(connection, found),
        &|found| wal_fault(connection, found),
        &|found| backfills(connection, found),
        &|found| misplaced(options, path, connection, found),
        &|found| compare(options, path, connection, found),
    ];
    let looked = looks.iter().try_for_each(|look| {
        let Err(error) = look(found) else {
            return Ok(());
        };
        match error.kind() {
            // Nothing more is found in it.
            ErrorKind::NotADatabase => Err(error),
            ErrorKind::Locked | ErrorKind::Interrupted => Err(error),
            // What cannot be read is a finding, and the rest may be.
            _ => {
                unreadable(&error, found);
                Ok(())
            }
        }
    });
    if !view.is_of_one_state() {
        return Err(Error::new(
            ErrorKind::Locked,
            "another program wrote to the database while it was examined",
        )
        .with_help("close the other program, and try again"));
    }
    looked.or_else(|error| damaged(error).map(|problem| found.problems.push(problem)))
}

/// One thing that is looked for.
type Look<'l> = &'l dyn Fn(&mut Diagnosis) -> Result<(), Error>;

/// What could not be looked at, once.
fn unreadable(error: &Error, found: &mut Diagnosis) {
    let problem = Problem::of(ProblemKind::Unreadable, error);
    if !found
        .problems
        .iter()
        .any(|known| known.message == problem.message)
    {
        found.problems.push(problem);
    }
}

/// Views and triggers that SQLite cannot compile, because what they name is not there. They are
/// compiled over a copy of the schema without rows, and not run.
fn broken_objects(
    options: &Options<'_>,
    connection: &Connection,
    found: &mut Diagnosis,
) -> Result<(), Error> {
    if let Err(error) = nesting::refuse_too_nested(&catalog::entries(connection)?) {
        found
            .problems
            .push(Problem::of(ProblemKind::BrokenObject, &error));
        return Ok(());
    }
    let empty = memory(options)?;
    // What cannot be made again needs the app's functions, or is reported elsewhere.
    if let Err(error) = empty_copy::copy_schema(connection, &empty) {
        let note = format!("views and triggers were not examined: {error}");
        found.notes.push(note);
        return Ok(());
    }
    let schema = catalog::whole_schema(&empty)?;
    for (object, error) in empty_copy::broken_objects(&empty, &schema)? {
        let reason = text(&error);
        let missing = ["no such function", "no such module", "no such collation"];
        if missing.iter().any(|what| reason.contains(what)) {
            continue;
        }
        let of_its_table = |other: &&Object| {
            other.kind == ObjectKind::Trigger && object == format!("a trigger of `{}`", other.table)
        };
        let triggers = schema.others.iter().filter(of_its_table);
        let triggers: Vec<&Object> = triggers.collect();
        let mut tell = |object: &str, reason: &str| {
            found.problems.push(Problem::new(
                ProblemKind::BrokenObject,
                format!("{object} does not work: {reason}"),
                "correct or drop it in a migration: renaming a table or a column fails while it is there",
            ));
        };
        let broken = alone(&empty, &schema, &triggers)?;
        match triggers.as_slice() {
            [] => tell(&object, &reason),
            _ if broken.is_empty() => tell(&object, &reason),
            _ => broken.iter().for_each(|(name, reason)| {
                tell(&format!("the trigger `{name}`"), reason);
            }),
        }
    }
    Ok(())
}

/// Which of the triggers of a table do not work, each looked at without the others.
fn alone(
    empty: &Connection,
    schema: &Schema,
    triggers: &[&Object],
) -> Result<Vec<(String, String)>, Error> {
    let run = |sql: &str| {
        let cannot = |error| failure("cannot prepare the database in memory", error);
        empty.execute_batch(sql).map_err(cannot)
    };
    let mut broken = Vec::new();
    for trigger in triggers {
        run("SAVEPOINT alone")?;
        for other in triggers.iter().filter(|other| other.name != trigger.name) {
            run(&format!("DROP TRIGGER main.{}", quote(&other.name)))?;
        }
        let found = empty_copy::broken_objects(empty, schema)?;
        let of_its_table = format!("a trigger of `{}`", trigger.table);
        let mut found = found.into_iter();
        let found = found.find(|(object, _)| *object == of_its_table);
        broken.extend(found.map(|(_, error)| (trigger.name.clone(), text(&error))));
        run("ROLLBACK TO alone; RELEASE alone")?;
    }
    Ok(broken)
}

/// There is nothing in the file, or no file. An empty one may be new.
fn gone(options: &Options<'_>, target: &Target, found: &mut Diagnosis) {
    let state = match found.exists {
        true => "is empty",
        false => "does not exist",
    };
    let message = format!("{} {state}", target.path.display());
    match of_database::copies_kept(options, &target.path) {
        Some(kept) => found
            .problems
            .push(Problem::new(ProblemKind::Missing, message, kept.0).with_remedies([kept.1])),
        None if found.exists => found.notes.push(message),
        None => found.problems.push(
            Problem::new(
                ProblemKind::Missing,
                message,
                "check the path; the next run creates a new one",
            )
            .with_remedies([Remedy::Migrate]),
        ),
    }
}

fn integrity(connection: &Connection, found: &mut Diagnosis) -> Result<(), Error> {
    let mut findings = integrity::integrity_findings(connection)?;
    findings.retain(|finding| !finding.starts_with("CHECK constraint failed in "));
    if findings.is_empty() {
        found.passed.push("integrity_check found nothing".into());
    }
    let index_alone =
        !findings.is_empty() && findings.iter().all(|finding| is_of_an_index(finding));
    found.problems.extend(findings.into_iter().map(|finding| {
        match integrity::is_of_contents(&finding) {
            _ if index_alone => Problem::new(
                ProblemKind::Damaged,
                finding,
                "no row is lost: rebuild the index with REINDEX, which an app can do with `Database::reindex`",
            )
            .with_remedies([Remedy::Reindex]),
            true => Problem::new(
                ProblemKind::Contents,
                finding,
                "correct the rows, or rebuild the index, in a migration",
            ),
            false => Problem::new(
                ProblemKind::Damaged,
                finding,
                "copy the whole folder somewhere safe, then restore a backup; what is wrong with an index alone is fixed by rebuilding the indexes",
            )
            .with_remedies([Remedy::Restore { backup: None }, Remedy::Recover, Remedy::Reindex]),
        }
    }));
    Ok(())
}

/// Whether a finding speaks of an index alone, and not of the rows.
fn is_of_an_index(finding: &str) -> bool {
    finding.contains(" missing from index ")
        || finding.starts_with("wrong # of entries in index ")
        || finding.starts_with("non-unique entry in index ")
        || finding.contains(" values differ from index ")
}

/// The rows that a CHECK forbids. A read-only connection of SQLite's does not know the conditions,
/// so that its integrity_check passes over them.
fn checks(connection: &Connection, found: &mut Diagnosis) -> Result<(), Error> {
    for table in catalog::whole_schema(connection)?.tables {
        if table.kind != TableKind::Ordinary {
            continue;
        }
        for check in checks_of(&table.sql) {
            let broken = catalog::rows_where(connection, &table.name, &format!("NOT ({check})"))?;
            match broken {
                Some(0) => {}
                Some(count) => found.problems.push(Problem::new(
                    ProblemKind::Contents,
                    format!(
                        "{} of `{}` that CHECK ({check}) forbids",
                        Counted(count, "row"),
                        table.name
                    ),
                    "correct the rows in a migration",
                )),
                None => found.notes.push(format!(
                    "CHECK ({check}) of `{}` could not be looked at without the app's functions",
                    table.name
                )),
            }
        }
    }
    Ok(())
}

fn references(connection: &Connection, found: &mut Diagnosis) -> Result<(), Error> {
    let references = catalog::references(connection)?;
    if references.violations.is_empty() && references.broken.is_empty() {
        found.passed.push("foreign_key_check found nothing".into());
    }
    for ((table, parent), rowids) in references.violations {
        let example = rowids.iter().find(|rowid| **rowid != 0);
        let example = example.map_or(String::new(), |rowid| {
            format!(", for example rowid {rowid}")
        });
        let rows = Counted(rowids.len() as u64, "row");
        found.problems.push(Problem::new(
            ProblemKind::BrokenReference,
            format!(
                "{rows} of `{table}` that refer to a row of `{parent}` that does not exist{example}"
            ),
            "correct or remove these rows; a run tolerates those that were there before it",
        ));
    }
    for (table, message) in references.broken {
        found.problems.push(Problem::new(
            ProblemKind::BrokenReference,
            format!("the references of `{table}` cannot be checked: {message}"),
            "the column they point to must be there, and a primary key or unique",
        ));
    }
    Ok(())
}

fn wal_fault(connection: &Connection, found: &mut Diagnosis) -> Result<(), Error> {
    let version = rusqlite::version_number();
    if version < WITHOUT_WAL_FAULT && copy::journal_mode(connection)? == "wal" {
        found.problems.push(Problem::new(
            ProblemKind::OldSqlite,
            format!(
                "SQLite {} can damage a database in WAL mode when two processes write",
                found.sqlite_version
            ),
            "use SQLite 3.51.3 or newer, or another journal mode",
        ));
    }
    Ok(())
}

/// The rows that are left of a backfill are there to be filled, and nothing is wrong.
fn backfills(connection: &Connection, found: &mut Diagnosis) -> Result<(), Error> {
    found.notes.extend(backfills::unfinished(connection)?);
    Ok(())
}

/// A file that cannot be read as one with a history is reported elsewhere.
fn misplaced(
    options: &Options<'_>,
    database: &Path,
    connection: &Connection,
    found: &mut Diagnosis,
) -> Result<(), Error> {
    let refused = misplaced::refuse(options, database, connection).err();
    let refused = refused.filter(|error| error.kind() == ErrorKind::NeedsAttention);
    let problem = |error| Problem::of(ProblemKind::Misplaced, &error);
    found.problems.extend(refused.map(problem));
    Ok(())
}

/// The history against the migrations, and what the next run would need.
fn compare(
    options: &Options<'_>,
    path: &Path,
    connection: &Connection,
    found: &mut Diagnosis,
) -> Result<(), Error> {
    if let Some(marker) = marker::read_marker(connection)? {
        let backup = of_database::backup_of(options, path, &marker);
        let message = format!("the run of {} was interrupted", marker.started_at);
        let kind = ProblemKind::Interrupted;
        found.problems.push(
            match of_database::can_be_put_back(&marker, backup.as_deref()) {
                true => Problem::new(kind, message, "start the app, which puts it back first")
                    .with_remedies([Remedy::Migrate]),
                false => {
                    let name = marker.backup.as_deref().unwrap_or_default();
                    let without = of_database::WITHOUT_BACKUP;
                    let help = format!("its backup {name} is gone or altered: {without}");
                    let remedies = [
                        Remedy::KeepInterrupted,
                        Remedy::ListBackups { verify: true },
                    ];
                    Problem::new(kind, message, help).with_remedies(remedies)
                }
            },
        );
    }
    let status = match status::status(options, path) {
        Ok(status) => status,
        Err(error) if error.kind() == ErrorKind::NotFound => {
            let note = format!("the history was not compared with migrations: {error}");
            found.notes.push(note);
            return table::read(connection, &options.history_table).map_or_else(
                |error| {
                    let problem = Problem::of(ProblemKind::History, &error);
                    found.problems.push(problem);
                    Ok(())
                },
                |_| Ok(()),
            );
        }
        // A note of a restore that cannot be read was reported.
        Err(error) if error.kind() == ErrorKind::NeedsAttention => return Ok(()),
        Err(error)
            if matches!(
                error.kind(),
                ErrorKind::Diverged | ErrorKind::InvalidMigration
            ) =>
        {
            found
                .problems
                .push(Problem::of(ProblemKind::History, &error));
            return Ok(());
        }
        Err(error) => return Err(error),
    };
    let needs = status
        .migrations
        .iter()
        .filter_map(|entry| Some(entry.estimate.as_ref()?.disk_bytes));
    found.needed_bytes = needs.chain([found.needed_bytes]).max().unwrap_or_default();
    if let Some(error) = &status.problem {
        found
            .problems
            .push(Problem::of(ProblemKind::Pending, error));
    }
    found.problems.extend(status.drift.iter().map(|what| {
        Problem::new(
            ProblemKind::Drift,
            format!("{what}, though the applied migrations give it otherwise"),
            "undo what was changed by hand, or write a migration that makes it what it should be",
        )
    }));
    contradictions(&status, found);
    Ok(())
}

fn contradictions(status: &Status, found: &mut Diagnosis) {
    let before = found.problems.len();
    for entry in &status.migrations {
        let (what, help) = match entry.state {
            MigrationState::Changed => (
                "was changed since it was applied",
                "put the file back as it was, and write what is new into a new migration",
            ),
            MigrationState::Missing if entry.applied_at.is_none() => (
                "is needed before the squashed migration that replaces it counts as applied, and its file is missing",
                "open the database once with a version of the app that still has the file; or put the file back",
            ),
            MigrationState::Missing
                if newest_file(status, entry).is_none_or(|known| entry.version > known) =>
            {
                (
                    "is applied and newer than these migrations",
                    "install the newer app, or take it back with the older one's `revert_to_known`",
                )
            }
            MigrationState::Missing => ("is applied, and its file is missing", "put the file back"),
            MigrationState::OutOfOrder => (
                "is older than what is applied, and was never applied",
                "give it a newer version",
            ),
            MigrationState::Applied | MigrationState::Pending => continue,
        };
        let label = label_in(entry.component.as_deref(), entry.version, &entry.name);
        let message = format!("{label} {what}");
        found
            .problems
            .push(Problem::new(ProblemKind::History, message, help));
    }
    if found.problems.len() == before {
        found.passed.push(format!(
            "{} applied, {} pending",
            Counted(status.count(MigrationState::Applied) as u64, "migration"),
            status.count(MigrationState::Pending)
        ));
    }
}

/// The newest version for which there is a file, of the history that a migration is in.
fn newest_file(status: &Status, of: &MigrationStatus) -> Option<i64> {
    let siblings = status.migrations.iter();
    let siblings = siblings.filter(|entry| entry.component == of.component && entry.file.is_some());
    siblings.map(|entry| entry.version).max()
}

fn copies(options: &Options<'_>, path: &Path, found: &mut Diagnosis) -> Result<(), Error> {
    let copies = list::copies(options, path, Verify::Everything)?;
    let unrecorded = copies.iter().filter(|copy| !copy.recorded);
    found.notes.extend(unrecorded.map(|copy| {
        let state = match copy.whole {
            Some(false) => "is damaged",
            _ => "can be restored after a check",
        };
        format!("{} has lost its record, and {state}", copy.file.display())
    }));
    let copies: Vec<_> = copies.into_iter().filter(|copy| copy.recorded).collect();
    let damaged = copies.iter().filter(|copy| !copy.verified);
    let before = found.problems.len();
    found.problems.extend(damaged.map(|copy| {
        Problem::new(
            ProblemKind::BackupDamaged,
            format!(
                "{} is not what was recorded when it was taken",
                copy.file.display()
            ),
            "remove it with its record, so that nobody counts on it, and check the disk",
        )
    }));
    if found.problems.len() == before && !copies.is_empty() {
        found.passed.push(match copies.len() {
            1 => "the one backup verifies".to_owned(),
            count => format!("all {count} backups verify"),
        });
    }
    Ok(())
}

fn room(found: &mut Diagnosis) {
    let needed = found.needed_bytes;
    if let Some(free) = found.free_bytes.filter(|free| *free < needed) {
        found.problems.push(Problem::new(
            ProblemKind::DiskFull,
            format!(
                "the next run needs about {}, and {} are free",
                Counted(needed, "byte"),
                Grouped(free)
            ),
            "free some space, or choose another folder for backups",
        ));
    }
}
