//! What a rehearsal changes, by table and column.

use std::collections::BTreeSet;

use rusqlite::Connection;

use crate::report::change::TableDifference;
use crate::report::error::Error;
use crate::rows::{Shape, Side, fewest_differences, told};
use crate::sqlite::own_tables::OwnTables;
use crate::sqlite::schema::catalog;
use crate::sqlite::schema::objects::TableKind;
use crate::sqlite::schema::table_tracker::TableTracker;
use crate::sqlite::sql::name::same_name;

/// Compares the tables that the files reach, all where that is not known, with how they were.
/// Those that differ, by their present names.
pub(crate) fn changes(
    (before, at_start): (&Connection, &TableTracker),
    (now, at_end): (&Connection, &TableTracker),
    reached: Option<&BTreeSet<String>>,
    own: &OwnTables<'_>,
) -> Result<Vec<TableDifference>, Error> {
    let mut found = Vec::new();
    for (origin, _) in at_start.tables() {
        if at_start.is_derived(origin) || reached.is_some_and(|reached| !reached.contains(origin)) {
            continue;
        }
        let Some(left) = Shape::of(before, origin)? else {
            continue;
        };
        let shape = match at_end.now(origin) {
            Some(is) => Shape::of(now, is)?,
            None => None,
        };
        let Some(right) = shape else {
            // It was dropped, or cannot be read any more.
            let rows = catalog::row_count(before, origin)?;
            found.push(TableDifference {
                table: left.table,
                only_in_from: rows.filter(|_| at_end.now(origin).is_none()).unwrap_or(0),
                ..TableDifference::default()
            });
            continue;
        };
        let (then, columns) = (at_start.columns(origin), at_end.columns(origin));
        let renamed = |name: &str| {
            let (original, _) = then.iter().find(|(_, then)| same_name(then, name))?;
            let (_, now) = columns.iter().find(|(known, _)| known == original)?;
            right.column(now).map(|column| column.name.clone())
        };
        let (pairing, tally) =
            fewest_differences(Side::new(before, &left), Side::new(now, &right), &renamed)?;
        found.push(told(right.table.clone(), &pairing, &tally));
    }
    for table in catalog::schema(now, own)?.tables {
        if table.kind == TableKind::Ordinary && at_end.origin_of(&table.name).is_none() {
            found.push(TableDifference {
                only_in_to: catalog::row_count(now, &table.name)?.unwrap_or_default(),
                table: table.name,
                ..TableDifference::default()
            });
        }
    }
    found.retain(|difference| !difference.is_none());
    found.sort_by(|one, other| one.table.cmp(&other.table));
    Ok(found)
}
