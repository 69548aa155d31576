//! The log of what was done to a database, in a table of heirloom's own: it travels with the
//! file, and a row is committed together with what it tells of.

use std::time::Duration;

use rusqlite::{Connection, Row, params};

use crate::migration::history::backfills::{self, Progress};
use crate::migration::history::log_entry::{LogEntry, migrations_from_text, migrations_to_text};
use crate::report::act::Act;
use crate::report::error::Error;
use crate::sqlite::execute::{failure, is_no_such_table, of_tables_alone};

const CREATE: &str = "CREATE TABLE IF NOT EXISTS heirloom_log (
    id TEXT NOT NULL,
    act TEXT NOT NULL,
    at TEXT NOT NULL,
    duration_ms REAL,
    app_version TEXT,
    version_before INTEGER,
    version INTEGER,
    migrations TEXT NOT NULL,
    backup TEXT,
    bytes INTEGER,
    sequence INTEGER NOT NULL,
    destroyed TEXT
)";
/// A table that an older heirloom made has no such column.
const HAS_DESTROYED: &str =
    "SELECT count(*) FROM pragma_table_info('heirloom_log') WHERE name = 'destroyed'";
const ADD_DESTROYED: &str = "ALTER TABLE heirloom_log ADD COLUMN destroyed TEXT";
const INSERT: &str = "INSERT INTO heirloom_log (id, act, at, duration_ms, app_version,
    version_before, version, migrations, backup, bytes, sequence, destroyed)
    VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8, ?9, ?10, ?11, ?12)";
const SELECT: &str = "SELECT * FROM heirloom_log ORDER BY rowid";

/// A name for an entry that no other has.
pub(crate) fn new_id(connection: &Connection) -> Result<String, Error> {
    connection
        .query_row("SELECT lower(hex(randomblob(16)))", [], |row| row.get(0))
        .map_err(|error| failure("cannot name an entry of the log", error))
}

/// Writes an entry, in the caller's transaction.
pub(crate) fn insert(connection: &Connection, entry: &LogEntry) -> Result<(), Error> {
    let LogEntry {
        act,
        at,
        finished: _,
        duration,
        app_version,
        version_before,
        version,
        migrations,
        backup,
        restored_from: _,
        backfill: _,
        destroyed,
        bytes,
        id,
        sequence,
    } = entry;
    let insert = || {
        connection.execute_batch(CREATE)?;
        let has: i64 = connection.query_row(HAS_DESTROYED, [], |row| row.get(0))?;
        if has == 0 {
            connection.execute_batch(ADD_DESTROYED)?;
        }
        connection.execute(
            INSERT,
            params![
                id,
                act.as_str(),
                at,
                duration.map(|took| took.as_secs_f64() * 1000.0),
                app_version,
                version_before,
                version,
                migrations_to_text(migrations),
                backup,
                bytes.map(u64::cast_signed),
                sequence.cast_signed(),
                (!destroyed.is_empty()).then(|| destroyed.join("\n")),
            ],
        )
    };
    insert()
        .map(drop)
        .map_err(|error| failure("cannot write the log", error))
}

/// Reads what a database knows of its log: the table, and its backfills.
pub(crate) fn read(connection: &Connection) -> Result<Vec<LogEntry>, Error> {
    let mut entries = of_tables_alone(connection, || rows(connection))?;
    entries.extend(backfills::all(connection)?.into_iter().map(backfill));
    Ok(entries)
}

/// How far a backfill is tells when it was begun, too.
fn backfill((name, progress): (String, Progress)) -> LogEntry {
    LogEntry {
        act: Act::Backfill,
        finished: progress.finished_at.is_some(),
        duration: None,
        app_version: None,
        version_before: None,
        version: None,
        migrations: Vec::new(),
        // One that was begun again in a database that was replaced is another.
        id: format!("backfill {name} {}", progress.started_at),
        backup: progress.backup,
        restored_from: None,
        backfill: Some(name),
        destroyed: Vec::new(),
        bytes: None,
        at: progress.started_at,
        sequence: 0,
    }
}

/// Empty where there is no table. A row that is not an entry of ours is left out: the log decides
/// nothing.
fn rows(connection: &Connection) -> Result<Vec<LogEntry>, Error> {
    let cannot = |error| failure("cannot read the log", error);
    let mut statement = match connection.prepare(SELECT) {
        Err(error) if is_no_such_table(&error) => return Ok(Vec::new()),
        prepared => prepared.map_err(cannot)?,
    };
    let mut rows = statement.raw_query();
    let mut entries: Vec<LogEntry> = Vec::new();
    while let Some(row) = rows.next().map_err(cannot)? {
        let Some(mut entry) = entry(row).ok().flatten() else {
            continue;
        };
        // What is done beside the database (redo) knows nothing of its backups. The count never goes
        // down, so that what was written later stays the later one within a second, too.
        let before = entries.last().map_or(0, |last| last.sequence);
        entry.sequence = entry.sequence.max(before);
        entries.push(entry);
    }
    Ok(entries)
}

fn entry(row: &Row<'_>) -> rusqlite::Result<Option<LogEntry>> {
    let act: String = row.get("act")?;
    let Some(act) = Act::from_text(&act) else {
        return Ok(None);
    };
    let milliseconds: Option<f64> = row.get("duration_ms")?;
    let migrations: String = row.get("migrations")?;
    // None too where an older heirloom made the table.
    let destroyed: Option<String> = row.get("destroyed").unwrap_or_default();
    let destroyed = destroyed.unwrap_or_default();
    Ok(Some(LogEntry {
        act,
        at: row.get("at")?,
        finished: true,
        duration: milliseconds.and_then(|took| Duration::try_from_secs_f64(took / 1000.0).ok()),
        app_version: row.get("app_version")?,
        version_before: row.get("version_before")?,
        version: row.get("version")?,
        migrations: migrations_from_text(&migrations),
        backup: row.get("backup")?,
        restored_from: None,
        backfill: None,
        destroyed: destroyed.lines().map(str::to_owned).collect(),
        bytes: row.get::<_, Option<i64>>("bytes")?.map(i64::cast_unsigned),
        id: row.get("id")?,
        sequence: row.get::<_, i64>("sequence")?.cast_unsigned(),
    }))
}
