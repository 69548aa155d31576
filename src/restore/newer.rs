//! Rows that were written since a backup, taken over when it is put back.
//!
//! Into a copy of the backup, before the database is touched: what takes the database's place is
//! whole, and the transaction that puts it there is the one of any other restore.

use std::path::{Path, PathBuf};

use rusqlite::Connection;
use rusqlite::config::DbConfig;
use rusqlite::types::{Value, ValueRef};

use crate::options::settings::Options;
use crate::report::count::Counted;
use crate::report::error::Error;
use crate::report::outcome::NewerRows;
use crate::rows::{Identity, Literal, Pair, PairedColumn, Pairing, Shape, Side, identities, walk};
use crate::sqlite::disk::{digest, scratch};
use crate::sqlite::execute::{failure, text};
use crate::sqlite::open::{self, Target};
use crate::sqlite::schema::catalog::{self, same_value};
use crate::sqlite::schema::objects::TableKind;
use crate::sqlite::sql::name::quote;
use crate::sqlite::view;

/// Rows that were written since a backup was taken.
#[derive(Debug, Clone, PartialEq, Eq)]
#[cfg_attr(feature = "serde", derive(serde::Serialize))]
#[non_exhaustive]
pub struct RowsSince {
    /// The table.
    pub table: String,
    /// Rows that the backup does not have.
    pub new: u64,
    /// Rows that the backup has with other values.
    pub changed: u64,
}

/// What was written to a database since a backup of it.
pub(crate) fn written_since(
    options: &Options<'_>,
    target: &Target,
    copy: &Path,
) -> Result<Vec<RowsSince>, Error> {
    let (copy, view) = (open::copy(copy)?, view::view_of(target)?);
    options.set_up(&copy)?;
    options.set_up(&view.connection)?;
    let mut found = Vec::new();
    for table in catalog::schema(&view.connection, &options.own_tables())?.tables {
        if table.kind == TableKind::Shadow || table.is_derived() {
            continue;
        }
        let before = Shape::of(&copy, &table.name)?;
        let now = Shape::of(&view.connection, &table.name)?;
        let (new, changed) = match before.zip(now) {
            Some((left, right)) => newer_rows((&copy, &left), (&view.connection, &right))?,
            None => (
                catalog::row_count(&view.connection, &table.name)?.unwrap_or_default(),
                0,
            ),
        };
        if new + changed > 0 {
            found.push(RowsSince {
                table: table.name,
                new,
                changed,
            });
        }
    }
    Ok(found)
}

/// How many rows that could not be taken over are named.
const NAMED: usize = 100;

/// A backup with newer rows in it, as a file of its own.
pub(crate) struct Merged {
    scratch: scratch::Scratch,
    pub(crate) digest: String,
    pub(crate) tables: Vec<NewerRows>,
}

impl Merged {
    /// The file.
    pub(crate) fn path(&self) -> &Path {
        self.scratch.path()
    }
}

/// Makes a backup of `backup` that has the rows of `newer` too, where keys and schema allow it.
pub(crate) fn merge(options: &Options<'_>, backup: &Path, newer: &Path) -> Result<Merged, Error> {
    let cannot = |error| failure("cannot keep newer rows", error);
    let scratch = scratch::Scratch::copy_of(backup, &[])?;
    let merged = open::writer(scratch.path())?;
    options.set_up(&merged)?;
    // The triggers did their work when the rows were written.
    merged
        .set_db_config(DbConfig::SQLITE_DBCONFIG_ENABLE_TRIGGER, false)
        .map_err(cannot)?;
    merged
        .execute_batch("PRAGMA foreign_keys = OFF; BEGIN IMMEDIATE")
        .map_err(cannot)?;
    let (before, newer) = (open::copy(backup)?, open::copy(newer)?);
    options.set_up(&before)?;
    options.set_up(&newer)?;
    let own = options.own_tables();
    let schema = catalog::schema(&newer, &own)?;
    let orphans = catalog::references(&before)?;
    let mut tables = Vec::new();
    for table in &schema.tables {
        if table.kind == TableKind::Shadow || table.is_derived() {
            continue;
        }
        let Some(right) = Shape::of(&newer, &table.name)? else {
            continue;
        };
        let Some(left) = Shape::of(&before, &table.name)? else {
            let count = catalog::row_count(&newer, &table.name)?.unwrap_or_default();
            if count > 0 {
                tables.push(NewerRows {
                    table: table.name.clone(),
                    left: vec![("every row".into(), "the backup has no such table".into())],
                    left_count: count,
                    ..NewerRows::default()
                });
            }
            continue;
        };
        let found = take_over(&merged, (&before, &left), (&newer, &right))?;
        if found.taken + found.left_count + found.changed > 0 {
            tables.push(found);
        }
    }
    remove_orphans(&merged, &orphans, &mut tables)?;
    for table in schema.tables.iter().filter(|table| table.is_derived()) {
        let content = table.content().unwrap_or_default();
        if tables
            .iter()
            .any(|newer| newer.table == content && newer.taken > 0)
        {
            let name = quote(&table.name);
            let again = format!("INSERT INTO {name} ({name}) VALUES ('rebuild')");
            merged.execute_batch(&again).map_err(cannot)?;
        }
    }
    merged.execute_batch("COMMIT").map_err(cannot)?;
    // One file, as a backup is.
    catalog::word(&merged, "PRAGMA journal_mode = DELETE")?;
    drop(merged);
    let digest = digest::of_file(scratch.path())?;
    Ok(Merged {
        scratch,
        digest,
        tables,
    })
}

/// What of a table is newer than a backup: rows that only the newer state has, and rows that have
/// other values there.
fn newer_rows(
    (before, left): (&Connection, &Shape),
    (newer, right): (&Connection, &Shape),
) -> Result<(u64, u64), Error> {
    let (mut new, mut changed) = (0, 0);
    let pairing = pairing(left, right);
    walk(
        Side::new(before, left),
        Side::new(newer, right),
        &pairing,
        &|_, a, b| same_value(a, b),
        &mut |pair| {
            match pair {
                Pair::OnlyRight(_) => new += 1,
                Pair::Changed(..) => changed += 1,
                Pair::OnlyLeft(_) => {}
            }
            Ok(())
        },
    )?;
    Ok((new, changed))
}

fn pairing(left: &Shape, right: &Shape) -> Pairing {
    let shared = |name: &str| right.column(name).map(|column| column.name.clone());
    let columns = left.writable().filter_map(|column| {
        let now = right.column(&column.name).filter(|now| !now.generated)?;
        Some(PairedColumn {
            left: Some(column.name.clone()),
            right: Some(now.name.clone()),
        })
    });
    let mut ways = identities(left, right, &shared);
    Pairing {
        identity: ways.remove(0),
        columns: columns.collect(),
    }
}

fn take_over(
    merged: &Connection,
    (before, left): (&Connection, &Shape),
    (newer, right): (&Connection, &Shape),
) -> Result<NewerRows, Error> {
    let cannot = |error| failure("cannot keep newer rows", error);
    let mut found = NewerRows {
        table: left.table.clone(),
        ..NewerRows::default()
    };
    let pairing = pairing(left, right);
    let names: Vec<String> = match &pairing.identity {
        Identity::Rowid => vec![left.rowid.unwrap_or("rowid").to_owned()],
        Identity::Key(columns) => columns.iter().map(|(was, _)| was.clone()).collect(),
        Identity::Content => Vec::new(),
    };
    let mut columns: Vec<String> = pairing
        .columns
        .iter()
        .map(|column| quote(column.name()))
        .collect();
    if pairing.identity == Identity::Rowid {
        columns.insert(0, names[0].clone());
    }
    let places = vec!["?"; columns.len()].join(", ");
    let sql = format!(
        "INSERT OR ABORT INTO main.{} ({}) VALUES ({places})",
        quote(&left.table),
        columns.join(", ")
    );
    // A table without a column in common takes nothing.
    let mut insert = match columns.is_empty() {
        true => return Ok(found),
        false => merged.prepare(&sql).map_err(cannot)?,
    };
    walk(
        Side::new(before, left),
        Side::new(newer, right),
        &pairing,
        &|_, a, b| same_value(a, b),
        &mut |pair| {
            let row = match &pair {
                Pair::OnlyRight(row) => row,
                Pair::Changed(..) => {
                    found.changed += 1;
                    return Ok(());
                }
                Pair::OnlyLeft(_) => return Ok(()),
            };
            let mut values: Vec<Value> = Vec::with_capacity(columns.len());
            if pairing.identity == Identity::Rowid {
                values.extend(row.key()?);
            }
            for index in 0..pairing.columns.len() {
                values.push(crate::rows::owned(row.column(index)?));
            }
            match insert.execute(rusqlite::params_from_iter(values)) {
                Ok(_) => found.taken += 1,
                Err(error) if is_constraint(&error) => {
                    found.left_count += 1;
                    if found.left.len() < NAMED {
                        found
                            .left
                            .push((key_in_words(&names, &row.key()?), text(&error)));
                    }
                }
                Err(error) => return Err(cannot(error)),
            }
            Ok(())
        },
    )?;
    Ok(found)
}

fn is_constraint(error: &rusqlite::Error) -> bool {
    matches!(
        error.sqlite_error_code(),
        Some(rusqlite::ErrorCode::ConstraintViolation | rusqlite::ErrorCode::TypeMismatch)
    )
}

fn key_in_words(names: &[String], key: &[Value]) -> String {
    let parts = names.iter().zip(key);
    let parts: Vec<String> = parts
        .map(|(name, value)| format!("{name} {}", Literal(ValueRef::from(value))))
        .collect();
    parts.join(", ")
}

/// Takes out the rows that refer to what the backup does not have: where they were taken over,
/// their parents were not.
fn remove_orphans(
    merged: &Connection,
    known: &catalog::References,
    tables: &mut [NewerRows],
) -> Result<(), Error> {
    let cannot = |error| failure("cannot keep newer rows", error);
    // What refers to a row that goes, goes in the next round.
    loop {
        let mut removed = false;
        let now = catalog::references(merged)?;
        for ((child, parent), rowids) in now.violations {
            let old = known.violations.get(&(child.clone(), parent.clone()));
            let is_old = |rowid: &i64| old.is_some_and(|old| old.contains(rowid));
            let Some(rowids_of) = catalog::rowids(merged, &child)? else {
                continue;
            };
            let Some(alias) = rowids_of.alias else {
                continue;
            };
            let delete = format!("DELETE FROM main.{} WHERE {alias} = ?1", quote(&child));
            for rowid in rowids.iter().filter(|rowid| !is_old(rowid)) {
                let gone = merged.execute(&delete, [rowid]).map_err(cannot)?;
                let mut all = tables.iter_mut();
                let table = all.find(|newer| newer.table.eq_ignore_ascii_case(&child));
                if let Some(table) = table.filter(|_| gone > 0) {
                    removed = true;
                    table.taken = table.taken.saturating_sub(1);
                    table.left_count += 1;
                    if table.left.len() < NAMED {
                        let why = format!(
                            "it refers to a row of `{parent}` that the backup does not have"
                        );
                        table.left.push((format!("{alias} {rowid}"), why));
                    }
                }
            }
        }
        if !removed {
            return Ok(());
        }
    }
}

/// What was taken over and what was not, in sentences.
pub(crate) fn notes(tables: &[NewerRows]) -> Vec<String> {
    let mut notes = Vec::new();
    for newer in tables {
        let NewerRows {
            table,
            taken,
            left,
            left_count,
            changed,
        } = newer;
        if *taken > 0 {
            notes.push(format!(
                "{} of `{table}` newer than the backup, kept",
                Counted(*taken, "row")
            ));
        }
        if *left_count > 0 {
            let named: Vec<String> = left
                .iter()
                .take(5)
                .map(|(key, why)| format!("{key} ({why})"))
                .collect();
            notes.push(format!(
                "{} of `{table}` newer than the backup, not kept: {}",
                Counted(*left_count, "row"),
                named.join("; ")
            ));
        }
        if *changed > 0 {
            notes.push(format!(
                "{} of `{table}` changed since the backup, now as in the backup",
                Counted(*changed, "row")
            ));
        }
    }
    notes
}

/// A newer state that no longer can be read has no rows to take.
pub(crate) fn unread(path: Option<&PathBuf>) -> String {
    match path {
        Some(path) => format!(
            "no newer row was kept: the database could not be read, and is kept as {}",
            path.display()
        ),
        None => "no newer row was kept: there was no database".to_owned(),
    }
}
