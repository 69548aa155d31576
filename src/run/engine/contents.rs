//! What became of the rows and the values of one table, by comparing it with how it was.

use std::path::Path;

use rusqlite::Connection;
use rusqlite::types::{Value, ValueRef};

use crate::report::error::Error;
use crate::rows::{
    Identity, Literal, PairedColumn, Pairing, Shape, Side, Tally, identities, is_empty,
    same_meaning, same_value, tally,
};
use crate::sqlite::schema::catalog;
use crate::sqlite::schema::flow::Writes;
use crate::sqlite::sql::name::{quote, same_name};

/// A table as it was, and as it is.
pub(crate) struct Compared<'c> {
    pub(crate) before: &'c Connection,
    /// Its file, as [`Side::large_at_rest`] has it.
    pub(crate) large_at_rest: Option<&'c Path>,
    /// The name that it had there.
    pub(crate) was: &'c str,
    pub(crate) now: &'c Connection,
    pub(crate) is: &'c str,
    /// Columns by the name at the very beginning, the one in `before` and the one now.
    pub(crate) columns: Vec<[String; 3]>,
    /// What was done to it, by the columns' names at the very beginning.
    pub(crate) writes: &'c Writes,
}

/// What was found.
#[derive(Debug, Default, PartialEq)]
pub(crate) struct Found {
    /// Rows that were there before.
    pub(crate) rows: u64,
    /// Of those, the ones that are not there any more.
    pub(crate) gone: u64,
    /// The key of one of them.
    pub(crate) example: Option<String>,
    /// Columns of a table that was rebuilt whose values are others, though nothing says so.
    pub(crate) overwritten: Vec<Overwritten>,
    /// Columns that held values and hold none now, with the number of values.
    pub(crate) emptied: Vec<(String, u64)>,
    /// Columns in which every value is another one now, with the number of values.
    pub(crate) throughout: Vec<(String, u64)>,
    /// Whether a table that was rebuilt has its rows under other rowids.
    pub(crate) other_rowids: bool,
}

/// Values that are others.
#[derive(Debug, PartialEq)]
pub(crate) struct Overwritten {
    pub(crate) column: String,
    pub(crate) values: u64,
    /// Values that the column had, where all that differ are gone and none came.
    pub(crate) left_out: Option<u64>,
    /// One of them: before, now, and in which row.
    pub(crate) example: Option<(String, String, String)>,
}

impl Compared<'_> {
    /// Reads both, each once where nothing is wrong. None where a table cannot be read.
    pub(crate) fn find(&self) -> Result<Option<Found>, Error> {
        let left = Shape::of(self.before, self.was)?;
        let right = Shape::of(self.now, self.is)?;
        let (Some(left), Some(right)) = (left, right) else {
            return Ok(None);
        };
        let Writes {
            updates,
            rebuilds,
            expressions,
            unknown,
            ..
        } = self.writes;
        let is_meant = |original: &str| {
            let mut meant = updates.iter().chain(expressions);
            meant.any(|name| same_name(name, original))
        };
        let in_both = |[_, was, is]: &&[String; 3]| {
            let plain = |shape: &Shape, name: &str| {
                shape.column(name).is_some_and(|column| !column.generated)
            };
            plain(&left, was) && plain(&right, is)
        };
        let shared: Vec<&[String; 3]> = self.columns.iter().filter(in_both).collect();
        let looked_at: Vec<&[String; 3]> = shared
            .iter()
            .copied()
            .filter(|[original, ..]| *rebuilds || *unknown || is_meant(original))
            .collect();
        // A key that the file gives other values tells nothing apart.
        let key = |name: &str| {
            let column = shared.iter().find(|[_, was, _]| same_name(was, name));
            let [original, _, is] = column?;
            (!is_meant(original)).then(|| is.clone())
        };
        let ways = identities(&left, &right, &key);
        // Where they are the key, they were compared with it.
        let keys = left.rowid_is_key && right.rowid_is_key;
        let rowids = left.rowid.zip(right.rowid).filter(|_| *rebuilds && !keys);
        let mut best: Option<(u64, Identity, Vec<&[String; 3]>, Tally)> = None;
        for identity in ways {
            let mut columns = looked_at.clone();
            if identity == Identity::Content {
                columns = shared
                    .iter()
                    .copied()
                    .filter(|[original, ..]| !is_meant(original))
                    .collect();
            }
            // An integer that is the rowid on both sides was compared as the key, type and all.
            if let Identity::Key(key) = &identity
                && let [(was, is)] = key.as_slice()
                && keys
                && left.keys.first() == Some(&vec![was.clone()])
                && right.keys.first() == Some(&vec![is.clone()])
            {
                columns.retain(|[_, column, _]| !same_name(column, was));
            }
            let mut paired: Vec<PairedColumn> = columns
                .iter()
                .map(|[_, was, is]| PairedColumn {
                    left: Some(was.clone()),
                    right: Some(is.clone()),
                })
                .collect();
            if let (Some((was, is)), Identity::Key(_)) = (rowids, &identity) {
                paired.push(PairedColumn {
                    left: Some(was.into()),
                    right: Some(is.into()),
                });
            }
            let pairing = Pairing {
                identity: identity.clone(),
                columns: paired,
            };
            let meant: Vec<bool> = columns
                .iter()
                .map(|[original, ..]| is_meant(original) || !rebuilds)
                .collect();
            let same = |index: usize, old: ValueRef<'_>, new: ValueRef<'_>| match meant.get(index) {
                Some(false) => old == ValueRef::Null || same_meaning(old, new),
                // A value over none is not a loss.
                Some(true) => is_empty(old) || same_value(old, new),
                None => old == new,
            };
            let mut one = Side::new(self.before, &left);
            one.large_at_rest = self.large_at_rest;
            let other = Side::new(self.now, &right);
            let counted = tally(one, other, &pairing, &same)?;
            let unmeant = columns.iter().zip(&counted.columns);
            let unmeant = unmeant.filter(|([original, ..], _)| *rebuilds && !is_meant(original));
            let wrong = counted.only_left + unmeant.map(|(_, it)| it.overwritten).sum::<u64>();
            // What the key tells is the plainer story, where no other way finds everything.
            if wrong == 0 || best.is_none() {
                best = Some((wrong, identity, columns, counted));
            }
            if wrong == 0 || !rebuilds {
                break;
            }
        }
        let Some((_, identity, columns, counted)) = best else {
            return Ok(None);
        };
        let mut found = Found {
            rows: counted.left,
            gone: counted.only_left,
            example: counted
                .example
                .as_ref()
                .map(|key| self.key_in_words(&identity, key, left.rowid.unwrap_or("rowid"))),
            ..Found::default()
        };
        // Those that came later are not rows of the old table.
        found.other_rowids = match identity {
            Identity::Key(_) => counted
                .columns
                .get(columns.len())
                .is_some_and(|it| it.changed > 0),
            Identity::Content => rowids.is_some() && left.keys.is_empty(),
            Identity::Rowid => false,
        };
        for ([original, was, is], column) in columns.iter().zip(&counted.columns) {
            if column.overwritten == 0 {
                continue;
            }
            let values = values(self.before, &left.table, was)?;
            let none_left = || Ok::<_, Error>(values_now(self.now, &right.table, is)? == 0);
            if *rebuilds && !is_meant(original) {
                found.overwritten.push(Overwritten {
                    column: is.clone(),
                    values: column.overwritten,
                    left_out: (column.emptied == column.overwritten).then_some(values),
                    example: column.example.as_ref().map(|(key, old, new)| {
                        let rowid = left.rowid.unwrap_or("rowid");
                        let row = self.key_in_words(&identity, key, rowid);
                        (in_words(old), in_words(new), row)
                    }),
                });
            } else if column.emptied > 0 && none_left()? {
                found.emptied.push((is.clone(), values));
            } else if column.overwritten == values && !unknown {
                found.throughout.push((is.clone(), values));
            }
        }
        Ok(Some(found))
    }

    fn key_in_words(&self, identity: &Identity, key: &[Value], rowid: &str) -> String {
        let names: Vec<&str> = match identity {
            Identity::Rowid => vec![rowid],
            Identity::Key(columns) => columns.iter().map(|(name, _)| name.as_str()).collect(),
            Identity::Content => Vec::new(),
        };
        let parts: Vec<String> = names
            .iter()
            .zip(key)
            .map(|(name, value)| format!("{name} {}", in_words(value)))
            .collect();
        parts.join(", ")
    }
}

/// How many values a column has.
fn values(connection: &Connection, table: &str, column: &str) -> Result<u64, Error> {
    let condition = format!(
        "{0} IS NOT NULL AND {0} <> '' AND {0} <> X''",
        quote(column)
    );
    Ok(catalog::rows_where(connection, table, &condition)?.unwrap_or_default())
}

/// Whether it has any, and not how many.
fn values_now(connection: &Connection, table: &str, column: &str) -> Result<i64, Error> {
    let (table, column) = (quote(table), quote(column));
    let sql = format!(
        "SELECT EXISTS (SELECT 1 FROM main.{table} WHERE {column} IS NOT NULL AND {column} <> '' AND {column} <> X'')"
    );
    catalog::number(connection, &sql)
}

/// The longest that a value is shown, in characters.
const LONGEST: usize = 40;

fn in_words(value: &Value) -> String {
    match value {
        Value::Blob(bytes) if bytes.len() > LONGEST => format!("a blob of {} bytes", bytes.len()),
        Value::Text(text) if text.chars().count() > LONGEST => {
            let short: String = text.chars().take(LONGEST).collect();
            format!("{}…", Literal(ValueRef::Text(short.as_bytes())))
        }
        value => Literal(ValueRef::from(value)).to_string(),
    }
}
