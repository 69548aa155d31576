//! What differs between two states of a table, by the pairing by which the fewest rows differ.

use super::pairing::{Identity, PairedColumn, Pairing, identities};
use super::shape::Shape;
use super::walk::{Side, Tally, tally};
use crate::report::change::TableDifference;
use crate::report::error::{Error, ErrorKind};
use crate::sqlite::schema::catalog::same_value;

/// The ways to pair two tables with every column of either. `renamed` is the name on the right of
/// a column on the left, where it is there.
pub(crate) fn pairings(
    left: &Shape,
    right: &Shape,
    renamed: &dyn Fn(&str) -> Option<String>,
) -> Vec<Pairing> {
    let writable = |name: &String| right.column(name).is_some_and(|column| !column.generated);
    let mut columns: Vec<PairedColumn> = left
        .writable()
        .map(|column| PairedColumn {
            left: Some(column.name.clone()),
            right: renamed(&column.name).filter(writable),
        })
        .collect();
    let known: Vec<String> = left
        .columns
        .iter()
        .filter_map(|column| renamed(&column.name))
        .collect();
    let new = right
        .writable()
        .filter(|column| !known.contains(&column.name));
    columns.extend(new.map(|column| PairedColumn {
        left: None,
        right: Some(column.name.clone()),
    }));
    let ways = identities(left, right, renamed).into_iter();
    ways.map(|identity| Pairing {
        identity,
        columns: columns.clone(),
    })
    .collect()
}

/// Compares one table. The pairing is the one by which fewer rows differ: rows without a key are
/// the same by their rowids, or by what they hold after a VACUUM gave them others.
pub(crate) fn fewest_differences(
    left: Side<'_>,
    right: Side<'_>,
    renamed: &dyn Fn(&str) -> Option<String>,
) -> Result<(Pairing, Tally), Error> {
    let mut best: Option<(Pairing, Tally)> = None;
    for pairing in pairings(left.shape, right.shape, renamed) {
        if best.is_some() && pairing.identity != Identity::Content {
            continue;
        }
        let found = tally(left, right, &pairing, &|_, a, b| same_value(a, b))?;
        let clean = found.is_clean();
        let by_key = matches!(pairing.identity, Identity::Key(_));
        if best.is_none() || clean {
            best = Some((pairing, found));
        }
        if clean || by_key {
            break;
        }
    }
    best.ok_or_else(|| {
        let table = &left.shape.table;
        Error::new(ErrorKind::Io, format!("cannot compare `{table}`"))
    })
}

/// The same as numbers for a caller.
pub(crate) fn told(table: String, pairing: &Pairing, tally: &Tally) -> TableDifference {
    let columns = pairing.columns.iter().zip(&tally.columns);
    let columns = columns.filter(|(_, tally)| tally.changed > 0);
    TableDifference {
        table,
        only_in_from: tally.only_left,
        only_in_to: tally.only_right,
        changed: tally.changed,
        columns: columns
            .map(|(column, tally)| (column.name().to_owned(), tally.changed))
            .collect(),
    }
}
