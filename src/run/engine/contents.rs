//! What became of the rows and the values of one table, by comparing it with how it was.

use std::path::Path;

use rusqlite::Connection;
use rusqlite::types::{Value, ValueRef};

use crate::report::error::Error;
use crate::rows::{
    Identity, Literal, PairedColumn, Pairing, Shape, Side, Tally, identities, is_empty,
    same_meaning, tally,
};
use crate::sqlite::schema::catalog::{self, same_value};
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
        let both = Both::of(self, &left, &right);
        let mut best: Option<Attempt<'_>> = None;
        for identity in both.identities() {
            let attempt = both.compare_by(identity)?;
            let nothing_wrong = attempt.wrong == 0;
            // What the key tells is the plainer story, where no other way finds everything.
            if nothing_wrong || best.is_none() {
                best = Some(attempt);
            }
            if nothing_wrong || !self.writes.rebuilds {
                break;
            }
        }
        best.map(|attempt| both.found(&attempt)).transpose()
    }

    /// Whether the files give a column other values.
    fn is_meant(&self, original: &str) -> bool {
        let Writes {
            updates,
            expressions,
            ..
        } = self.writes;
        let mut meant = updates.iter().chain(expressions);
        meant.any(|name| same_name(name, original))
    }
}

/// The two shapes of the table, and what of them can be compared.
struct Both<'s> {
    compared: &'s Compared<'s>,
    left: &'s Shape,
    right: &'s Shape,
    /// The columns that are in both.
    shared: Vec<&'s [String; 3]>,
    /// Whether the rowid is the key in both.
    keys: bool,
    /// What the rowids are called that a rebuild should have kept. None where they are the key: they
    /// are compared with it.
    rowids: Option<(&'s str, &'s str)>,
}

/// What a comparison by one identity found.
struct Attempt<'s> {
    identity: Identity,
    /// The columns that were compared, before the rowids.
    columns: Vec<&'s [String; 3]>,
    counted: Tally,
    /// Rows that are gone, and values that are others though nothing says so.
    wrong: u64,
}

impl<'s> Both<'s> {
    fn of(compared: &'s Compared<'s>, left: &'s Shape, right: &'s Shape) -> Both<'s> {
        let in_both = |[_, was, is]: &&[String; 3]| {
            let plain = |shape: &Shape, name: &str| {
                shape.column(name).is_some_and(|column| !column.generated)
            };
            plain(left, was) && plain(right, is)
        };
        let keys = left.rowid_is_key && right.rowid_is_key;
        let rowids = left.rowid.zip(right.rowid);
        Both {
            compared,
            left,
            right,
            shared: compared.columns.iter().filter(in_both).collect(),
            keys,
            rowids: rowids.filter(|_| compared.writes.rebuilds && !keys),
        }
    }

    /// By what its rows can be told apart.
    fn identities(&self) -> Vec<Identity> {
        // A key that the file gives other values tells nothing apart.
        let key = |name: &str| {
            let mut shared = self.shared.iter();
            let [original, _, is] = shared.find(|[_, was, _]| same_name(was, name))?;
            (!self.compared.is_meant(original)).then(|| is.clone())
        };
        identities(self.left, self.right, &key)
    }

    /// The columns whose values are compared.
    fn columns(&self, identity: &Identity) -> Vec<&'s [String; 3]> {
        let Writes {
            rebuilds, unknown, ..
        } = self.compared.writes;
        let mut columns = self.shared.clone();
        columns.retain(|[original, ..]| match identity {
            Identity::Content => !self.compared.is_meant(original),
            _ => *rebuilds || *unknown || self.compared.is_meant(original),
        });
        // An integer that is the rowid on both sides was compared as the key, type and all.
        if let Identity::Key(key) = identity
            && let [(was, is)] = key.as_slice()
            && self.keys
            && self.left.keys.first() == Some(&vec![was.clone()])
            && self.right.keys.first() == Some(&vec![is.clone()])
        {
            columns.retain(|[_, column, _]| !same_name(column, was));
        }
        columns
    }

    fn compare_by(&self, identity: Identity) -> Result<Attempt<'s>, Error> {
        let rebuilds = self.compared.writes.rebuilds;
        let columns = self.columns(&identity);
        let pair = |was: &str, is: &str| PairedColumn {
            left: Some(was.into()),
            right: Some(is.into()),
        };
        let mut paired: Vec<PairedColumn> =
            columns.iter().map(|[_, was, is]| pair(was, is)).collect();
        if let (Some((was, is)), Identity::Key(_)) = (self.rowids, &identity) {
            paired.push(pair(was, is));
        }
        let pairing = Pairing {
            identity,
            columns: paired,
        };
        let meant: Vec<bool> = columns
            .iter()
            .map(|[original, ..]| self.compared.is_meant(original) || !rebuilds)
            .collect();
        let same = |index: usize, old: ValueRef<'_>, new: ValueRef<'_>| match meant.get(index) {
            Some(false) => old == ValueRef::Null || same_meaning(old, new),
            // A value over none is not a loss.
            Some(true) => is_empty(old) || same_value(old, new),
            None => old == new,
        };
        let mut one = Side::new(self.compared.before, self.left);
        one.large_at_rest = self.compared.large_at_rest;
        let other = Side::new(self.compared.now, self.right);
        let counted = tally(one, other, &pairing, &same)?;
        let unmeant = meant.iter().zip(&counted.columns);
        let unmeant = unmeant.filter(|(meant, _)| !**meant);
        let wrong = counted.only_left + unmeant.map(|(_, it)| it.overwritten).sum::<u64>();
        Ok(Attempt {
            identity: pairing.identity,
            columns,
            counted,
            wrong,
        })
    }

    fn found(&self, attempt: &Attempt<'_>) -> Result<Found, Error> {
        let Attempt {
            identity,
            columns,
            counted,
            wrong: _,
        } = attempt;
        let Writes {
            rebuilds, unknown, ..
        } = self.compared.writes;
        let in_which =
            |key: &[Value]| key_in_words(identity, key, self.left.rowid.unwrap_or("rowid"));
        let mut found = Found {
            rows: counted.left,
            gone: counted.only_left,
            example: counted.example.as_deref().map(in_which),
            ..Found::default()
        };
        // Those that came later are not rows of the old table.
        found.other_rowids = match identity {
            Identity::Key(_) => counted
                .columns
                .get(columns.len())
                .is_some_and(|it| it.changed > 0),
            Identity::Content => self.rowids.is_some() && self.left.keys.is_empty(),
            Identity::Rowid => false,
        };
        for ([original, was, is], column) in columns.iter().zip(&counted.columns) {
            if column.overwritten == 0 {
                continue;
            }
            let values = values(self.compared.before, &self.left.table, was)?;
            let none_left =
                || Ok::<_, Error>(values_now(self.compared.now, &self.right.table, is)? == 0);
            if *rebuilds && !self.compared.is_meant(original) {
                let example = column.example.as_ref();
                found.overwritten.push(Overwritten {
                    column: is.clone(),
                    values: column.overwritten,
                    left_out: (column.emptied == column.overwritten).then_some(values),
                    example: example
                        .map(|(key, old, new)| (in_words(old), in_words(new), in_which(key))),
                });
            } else if column.emptied > 0 && none_left()? {
                found.emptied.push((is.clone(), values));
            } else if column.overwritten == values && !unknown {
                found.throughout.push((is.clone(), values));
            }
        }
        Ok(found)
    }
}

fn key_in_words(identity: &Identity, key: &[Value], rowid: &str) -> String {
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
