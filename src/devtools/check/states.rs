//! The database in memory before a file and after it: what differs in schema, rows, values and
//! references, in words.

use std::collections::{BTreeMap, BTreeSet, HashSet};

use rusqlite::Connection;

use crate::devtools::model::diff::{Model, difference};
use crate::devtools::sample_data::fill;
use crate::report::count::{Counted, Grouped};
use crate::report::error::Error;
use crate::report::loss::Loss;
use crate::run::engine::dry_run::Forecast;
use crate::sqlite::schema::objects::{ObjectKind, Schema, Table};
use crate::sqlite::schema::parsed::edits::ColumnOrder;
use crate::sqlite::schema::table_tracker::TableTracker;
use crate::sqlite::schema::{catalog, difference};
use crate::sqlite::sql::name::quote;

/// One file, run on a copy of a database.
pub(super) struct StepResult {
    pub(super) connection: Connection,
    pub(super) schema: Schema,
    /// The same schema without rows, where every table of it is an ordinary one.
    pub(super) empty: Option<Connection>,
    /// The tables from before, and where they are now.
    pub(super) lineage: TableTracker,
    pub(super) outlook: Forecast,
    pub(super) losses: Vec<Loss>,
    /// The tables whose rows it can have reached, by their names before it, in small letters. None
    /// where that cannot be known.
    pub(super) reached: Option<BTreeSet<String>>,
}

impl StepResult {
    pub(super) fn reaches(&self, table: &str) -> bool {
        let reached = self.reached.as_ref();
        reached.is_none_or(|tables| tables.contains(&table.to_ascii_lowercase()))
    }
}

/// What tells the second schema from the first, in words. That columns are in another order is
/// none: `generate` appends where it can.
pub(super) fn differences(expected: &Schema, actual: &Schema) -> Vec<String> {
    let same = |one: &Schema, other: &Schema| match (Model::of(one), Model::of(other)) {
        (Ok(one), Ok(other)) => difference(&one, &other, ColumnOrder::Ignored).is_empty(),
        _ => false,
    };
    if expected == actual
        || same(&but_for(expected, actual), &but_for(actual, expected))
        || same(expected, actual)
    {
        return Vec::new();
    }
    difference::differences(expected, actual)
}

/// A schema without the tables that another has with the same text, and without what hangs on them
/// and is there with the same text too: of a large schema, the little that a file changed.
fn but_for(schema: &Schema, other: &Schema) -> Schema {
    let tables: HashSet<&str> = other
        .tables
        .iter()
        .map(|table| table.sql.as_str())
        .collect();
    let objects: HashSet<&str> = other.others.iter().map(|one| one.sql.as_str()).collect();
    let (left_out, tables): (Vec<&Table>, Vec<&Table>) = schema
        .tables
        .iter()
        .partition(|table| tables.contains(table.sql.as_str()));
    let left_out: HashSet<String> = left_out
        .iter()
        .map(|table| table.name.to_ascii_lowercase())
        .collect();
    let others = schema.others.iter().filter(|one| {
        let apart =
            one.kind == ObjectKind::View || left_out.contains(&one.table.to_ascii_lowercase());
        !(apart && objects.contains(one.sql.as_str()))
    });
    Schema {
        tables: tables.into_iter().cloned().collect(),
        others: others.cloned().collect(),
    }
}

/// Says so where a table has fewer rows than before.
pub(super) fn fewer(table: &str, before: Option<u64>, after: Option<u64>) -> Option<String> {
    let (before, after) = before.zip(after)?;
    let rows = Counted(before, "row");
    (after < before).then(|| format!("`{table}` has {} of its {rows}", Grouped(after)))
}

/// The columns of rebuilt tables that hold fewer values than before.
pub(super) fn lost_values(before: &Connection, after: &StepResult) -> Vec<String> {
    let mut lost = Vec::new();
    for rebuilt in &after.outlook.effects.rebuilds {
        let was = contents_of(before, &rebuilt.before).unwrap_or_default();
        let is = contents_of(&after.connection, &rebuilt.now).unwrap_or_default();
        for (column, before) in was.values {
            let Some(column) = rebuilt.column_now(&column).map(str::to_ascii_lowercase) else {
                continue;
            };
            if let Some(&after) = is.values.get(&column).filter(|after| **after < before) {
                lost.push(format!(
                    "column `{column}` of `{}` has {} of its {}",
                    rebuilt.now,
                    Grouped(after),
                    Counted(before, "value")
                ));
            }
        }
    }
    lost
}

/// What a table in memory holds, whose reading does not fail.
fn contents_of(connection: &Connection, table: &str) -> Option<catalog::Contents> {
    catalog::contents(connection, table).ok().flatten()
}

/// The tables that have more rows than before, or as many and not the same, once the schema
/// is back.
pub(super) fn values_that_differ(
    before: &Connection,
    tables: &BTreeSet<&str>,
    back: &Connection,
) -> Vec<String> {
    let mut notes = Vec::new();
    for table in tables {
        let count = |connection| fill::rows_of(connection, table).unwrap_or_default();
        let (was, left) = (count(before), count(back));
        if was != left {
            if left > was {
                let more = Counted(left - was, "row");
                notes.push(format!(
                    "the down migration leaves {more} in `{table}` that were not there before"
                ));
            }
            continue;
        }
        let is = values(back, table);
        let changed: Vec<String> = values(before, table)
            .into_iter()
            .filter(|(column, values)| is.get(column).is_some_and(|is| is != values))
            .map(|(column, _)| format!("`{column}`"))
            .collect();
        if !changed.is_empty() {
            notes.push(format!(
                "the down migration leaves other values in {} of `{table}` than there were before",
                changed.join(", ")
            ));
        }
        let rowids = |connection| contents_of(connection, table).map(|read| read.rowids);
        if rowids(before) != rowids(back) {
            notes.push(format!(
                "the down migration leaves `{table}` with other rowids"
            ));
        }
    }
    notes
}

/// The values of each column, by its name in small letters, in the order of the rows.
fn values(connection: &Connection, table: &str) -> BTreeMap<String, Vec<String>> {
    let columns = catalog::column_names(connection, table);
    let read = |column: &String| {
        let sql = format!("SELECT {} FROM main.{}", quote(column), quote(table));
        let mut statement = connection.prepare(&sql).ok()?;
        let rows = statement.query_map([], |row| Ok(format!("{:?}", row.get_ref(0)?)));
        let values = rows.ok()?.collect::<Result<_, _>>().ok()?;
        Some((column.to_ascii_lowercase(), values))
    };
    columns.iter().filter_map(read).collect()
}

/// How many rows refer to what is not there.
pub(super) fn violations(connection: &Connection) -> Result<u64, Error> {
    let references = catalog::references(connection)?;
    Ok(references
        .violations
        .values()
        .map(|rows| rows.len() as u64)
        .sum())
}

/// References that have no target and did not before, in words.
pub(super) fn broken_references(
    before: &Connection,
    ran: &StepResult,
) -> Result<Vec<String>, Error> {
    let before = catalog::references(before)?;
    let after = catalog::references(&ran.connection)?;
    let original = |table: &str| {
        ran.lineage
            .origin_of(table)
            .unwrap_or(table)
            .to_ascii_lowercase()
    };
    let broken = after
        .broken
        .iter()
        .filter(|(table, _)| !before.broken.contains_key(&original(table)))
        .map(|(table, message)| {
            format!("the references of `{table}` can no longer be checked: {message}")
        });
    let violated = after
        .violations
        .iter()
        .filter_map(|((child, parent), rows)| {
            let known = before.violations.get(&(original(child), original(parent)));
            let new = rows.len().saturating_sub(known.map_or(0, Vec::len));
            (new > 0).then(|| {
                let rows = Counted(new as u64, "row");
                format!(
                    "{rows} of `{child}` would refer to a row of `{parent}` that does not exist"
                )
            })
        });
    Ok(broken.chain(violated).collect())
}
