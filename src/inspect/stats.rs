//! `stats`: rows and bytes, backups, history, and how they grew.

use std::path::Path;

use rusqlite::Connection;

use crate::backup::copy;
use crate::backup::metadata::BackupKind;
use crate::backup::of_database::stores;
use crate::backup::store::Backup;
use crate::inspect::sizes::{BackupStats, HistoryStats, IndexStats, SizeAt, Stats, TableStats};
use crate::inspect::{describe, log, pragmas};
use crate::migration::compare::{self, MigrationState, newest};
use crate::migration::history::log_entry::{LogEntry, order};
use crate::migration::history::table;
use crate::options::settings::Options;
use crate::report::act::Act;
use crate::report::error::Error;
use crate::report::time;
use crate::sqlite::disk::{clone, files};
use crate::sqlite::schema::catalog;
use crate::sqlite::schema::nesting;
use crate::sqlite::schema::objects::TableKind;
use crate::sqlite::{open, view};

/// Measures a database. Writes nothing.
pub(crate) fn stats(options: &Options<'_>, path: &Path) -> Result<Stats, Error> {
    view::again_where_torn(path, || measured(options, path))
}

fn measured(options: &Options<'_>, path: &Path) -> Result<Stats, Error> {
    options.check_history_table()?;
    let target = open::resolve(path)?;
    let mut view = view::view_of(&target)?;
    options.set_up_to_look(&mut view.connection)?;
    let connection = &view.connection;
    let unsigned = |sql| catalog::number(connection, sql).map(i64::unsigned_abs);
    let bytes = files::length(&target.path)?;
    let log = log::entries(options, &target.path, connection)?;
    let (backups, sizes) = copies(options, &target.path)?;
    Ok(Stats {
        exists: target.metadata.is_some(),
        bytes,
        wal_bytes: files::length(&files::companion(&target.path, "-wal"))?,
        page_size: unsigned("PRAGMA page_size")?,
        pages: unsigned("PRAGMA page_count")?,
        free_pages: unsigned("PRAGMA freelist_count")?,
        journal_mode: copy::journal_mode(connection)?,
        tables: tables_of(options, connection)?,
        growth: growth(sizes, &log, bytes),
        history: history_of(options, connection, log)?,
        backups,
        database: target.path,
    })
}

fn tables_of(options: &Options<'_>, connection: &Connection) -> Result<Vec<TableStats>, Error> {
    let sizes = catalog::sizes(connection)?;
    let size = |name: &str| {
        sizes
            .as_ref()
            .map(|sizes| sizes.get(name).copied().unwrap_or(0))
    };
    let schema = catalog::whole_schema(connection)?;
    let too_nested = !nesting::too_nested(&catalog::entries(connection)?).is_empty();
    let mut found = Vec::new();
    for (name, kind) in catalog::table_kinds(connection)? {
        if kind == TableKind::Shadow {
            continue;
        }
        let indexes = pragmas::indexes(connection, &name)?.into_iter();
        let mut bytes = size(&name);
        for shadow in describe::shadow_tables(&schema, &name) {
            let parts = pragmas::indexes(connection, &shadow)?.into_iter();
            let parts = parts.filter_map(|index| size(&index.name)).sum::<u64>();
            bytes = bytes.map(|bytes| bytes + size(&shadow).unwrap_or(0) + parts);
        }
        found.push(TableStats {
            rows: pragmas::rows(connection, &name, kind, too_nested)?,
            bytes,
            internal: options.own_tables().hold(&name) || name.starts_with("sqlite_"),
            // That of a WITHOUT ROWID table's key is the table.
            indexes: indexes
                .filter(|index| size(&index.name) != Some(0))
                .map(|index| IndexStats {
                    bytes: size(&index.name),
                    name: index.name,
                })
                .collect(),
            name,
        });
    }
    let whole = |table: &TableStats| -> u64 {
        let indexes = table.indexes.iter().filter_map(|index| index.bytes);
        table.bytes.unwrap_or(0) + indexes.sum::<u64>()
    };
    found.sort_by_cached_key(|table| (std::cmp::Reverse(whole(table)), table.name.clone()));
    Ok(found)
}

fn history_of(
    options: &Options<'_>,
    connection: &Connection,
    log: Vec<LogEntry>,
) -> Result<HistoryStats, Error> {
    let history = table::read(connection, &options.history_table)?;
    let migrations = options.migrations().ok();
    let pending = |state: MigrationState| state == MigrationState::Pending;
    Ok(HistoryStats {
        applied: history.len(),
        version: newest(&history),
        pending: migrations.map(|migrations| {
            let compared = compare::compare(&migrations, &history);
            compared.iter().filter(|one| pending(one.state)).count()
        }),
        last_run: log.into_iter().find(|entry| entry.act == Act::Run),
    })
}

/// The backups, and how big the database was when they were taken, with the count of each.
fn copies(
    options: &Options<'_>,
    database: &Path,
) -> Result<(BackupStats, Vec<(u64, SizeAt)>), Error> {
    let (automatic, snapshots) = stores(options, database);
    let mut found = BackupStats::default();
    let mut sizes = Vec::new();
    let (mut unshared, mut shares) = (0, false);
    for Backup { path, record } in automatic.list()?.into_iter().chain(snapshots.list()?) {
        match record.shelf {
            BackupKind::Snapshot => found.snapshots += 1,
            BackupKind::Automatic | BackupKind::Replaced => found.automatic += 1,
        }
        found.bytes += record.bytes;
        let alone = clone::unshared_bytes(&path);
        shares |= alone.is_some();
        unshared += alone.unwrap_or(record.bytes);
        let (at, bytes) = (record.created_at, record.bytes);
        sizes.push((record.sequence, SizeAt { at, bytes }));
    }
    found.unshared_bytes = shares.then_some(unshared);
    Ok((found, sizes))
}

/// The sizes of before and after, in their order, and that of now.
fn growth(copies: Vec<(u64, SizeAt)>, log: &[LogEntry], now: u64) -> Vec<SizeAt> {
    let copies = copies.iter().map(|(sequence, copy)| {
        let before = order(&copy.at, *sequence, false);
        (before, copy.bytes)
    });
    let acts = log
        .iter()
        .filter_map(|entry| Some((entry.order(), entry.bytes?)));
    let mut all: Vec<_> = copies.chain(acts).collect();
    all.sort();
    let sizes = all
        .into_iter()
        .map(|((.., at), bytes)| (at.to_owned(), bytes));
    sizes
        .chain([(time::rfc3339(time::now()), now)])
        .map(|(at, bytes)| SizeAt { at, bytes })
        .collect()
}
