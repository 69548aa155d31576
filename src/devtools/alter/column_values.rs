//! Where the values of a column come from when its table becomes another one.

use crate::sqlite::schema::objects::Affinity;
use crate::sqlite::schema::parsed::table::{ColumnDefinition, Definition};
use crate::sqlite::sql::name::{plain, same_name};
use crate::sqlite::sql::token::{Token, Tokens};

/// How a column that was there before gets its values.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum ValueSource {
    /// As they were.
    Same(String),
    /// As they were, and the default instead of NULL.
    OrDefault(String, String),
    /// From an expression over the old row.
    Using(String),
    /// From its default, or NULL.
    Default,
    /// Nowhere: it must not be NULL and there is nothing to put into it.
    Nowhere,
}

/// Whether what `-- using:` says of a column is done: one that stays as it is needs none.
pub(crate) fn is_converted(was: Option<&ColumnDefinition>, column: &ColumnDefinition) -> bool {
    was.is_none_or(|was| {
        let newly_not_null = column.is_not_null() && !was.is_not_null();
        was.declared != column.declared || newly_not_null || was.generated.is_some()
    })
}

/// Where a column's values come from.
pub(crate) fn origin(before: &Definition, column: &ColumnDefinition) -> ValueSource {
    let was = before.column(&column.name);
    let newly_not_null = column.is_not_null() && was.is_some_and(|was| !was.is_not_null());
    if let (Some(expression), true) = (&column.using, is_converted(was, column)) {
        return ValueSource::Using(expression.clone());
    }
    let value = column
        .default
        .as_ref()
        .filter(|default| default.is_a_value());
    match (was, value) {
        (Some(was), Some(value)) if newly_not_null => {
            ValueSource::OrDefault(was.name.clone(), value.value.clone())
        }
        (Some(was), _) => ValueSource::Same(was.name.clone()),
        (None, _) => {
            let null = column.default.as_ref().is_none_or(|d| d.normal == "null");
            match column.is_not_null() && null && !column.is_rowid {
                true => ValueSource::Nowhere,
                false => ValueSource::Default,
            }
        }
    }
}

/// Whether rows are found under the same rowids afterwards.
pub(crate) fn keeps_rowids(before: &Definition, after: &Definition) -> bool {
    match (before.rowid_column(), after.rowid_column()) {
        (_, Some(now)) if before.column(&now.name).is_none() => {
            now.using.is_none() && before.rowid_alias().is_some()
        }
        (Some(was), Some(now)) => same_name(&was.name, &now.name),
        (None, Some(_)) => false,
        (_, None) => before.rowid_alias().is_some() && after.rowid_alias().is_some(),
    }
}

/// Whether a column is the rowid afterwards and was not before.
pub(crate) fn becomes_the_rowid(before: &Definition, column: &ColumnDefinition) -> bool {
    column.is_rowid && !before.column(&column.name).is_some_and(|was| was.is_rowid)
}

/// Whether a column's constraints find in it what they found before.
pub(crate) fn is_kept(before: &Definition, after: &Definition, column: &ColumnDefinition) -> bool {
    let Some(was) = before.column(&column.name) else {
        return false;
    };
    let alike =
        before.affinity_of(was) == after.affinity_of(column) && was.collation == column.collation;
    alike
        && match (&was.generated, &column.generated) {
            (None, None) => matches!(origin(before, column), ValueSource::Same(_)),
            (Some(was), Some(now)) => {
                was.normal == now.normal
                    && named_in(after, &now.text)
                        .iter()
                        .filter(|other| other.name != column.name)
                        .all(|other| is_kept(before, after, other))
            }
            _ => false,
        }
}

/// The columns that an expression names.
pub(crate) fn named_in<'d>(table: &'d Definition, text: &str) -> Vec<&'d ColumnDefinition> {
    let tokens: Vec<Token<'_>> = Tokens::new(text).collect();
    let names = |column: &&ColumnDefinition| {
        tokens
            .iter()
            .any(|token| !token.text.starts_with('\'') && same_name(&token.name(), &column.name))
    };
    table.columns.iter().filter(names).collect()
}

/// What a column that is not generated will hold, as an expression over the old row.
pub(crate) fn value_of(
    before: &Definition,
    after: &Definition,
    column: &ColumnDefinition,
) -> String {
    let affinity = after.affinity_of(column);
    let was = before.column(&column.name);
    let retyped = was.is_some_and(|was| before.affinity_of(was) != affinity);
    let value = match origin(before, column) {
        ValueSource::Same(name) if retyped => converted(plain(&name), affinity, true),
        ValueSource::Same(name) => plain(&name),
        ValueSource::OrDefault(name, value) => converted(
            format!("coalesce({}, {value})", plain(&name)),
            affinity,
            retyped,
        ),
        ValueSource::Using(expression) => converted(format!("({expression})"), affinity, false),
        ValueSource::Default => match &column.default {
            Some(default) => converted(default.value.clone(), affinity, false),
            None => "NULL".into(),
        },
        ValueSource::Nowhere => filler(after, column),
    };
    match &column.collation {
        Some(collation) => format!("{value} COLLATE {}", plain(collation)),
        None => value,
    }
}

/// A value as a column of an affinity compares it. A number is cast only where it is
/// known to come through.
pub(crate) fn converted(value: String, affinity: Affinity, comes_through: bool) -> String {
    let kind = match (affinity, comes_through) {
        (Affinity::Text, _) => "TEXT",
        (Affinity::Integer, true) => "INTEGER",
        (Affinity::Real, true) => "REAL",
        (Affinity::Numeric, true) => "NUMERIC",
        // Without the affinity it had as a column.
        (Affinity::Blob, _) => return format!("+{value}"),
        _ => return value,
    };
    format!("CAST({value} AS {kind})")
}

/// Whether a column holds nothing in the rows that are there, which fulfils every constraint but
/// NOT NULL.
pub(crate) fn is_new_and_null(before: &Definition, column: &ColumnDefinition) -> bool {
    let null = column.default.as_ref().is_none_or(|d| d.normal == "null");
    column.generated.is_none() && null && origin(before, column) == ValueSource::Default
}

/// Whether a down migration must put something into a column whose values are gone.
pub(crate) fn is_filled(before: &Definition, column: &ColumnDefinition) -> bool {
    column.generated.is_none() && origin(before, column) == ValueSource::Nowhere
}

/// Whether the values of a column are gone, and a down migration has nothing to take them from.
pub(crate) fn is_gone(before: &Definition, after: &Definition, column: &ColumnDefinition) -> bool {
    let was_dropped = column.generated.is_none() && before.column(&column.name).is_none();
    let is_the_rowid = column.is_rowid && keeps_rowids(after, before);
    was_dropped && !is_the_rowid
}

/// Whether a down migration leads from REAL to TEXT: the up migration took a text for a number only where it
/// was spelled like one.
pub(crate) fn respells(before: &Definition, after: &Definition, column: &ColumnDefinition) -> bool {
    let was = before.column(&column.name);
    was.is_some_and(|was| before.affinity_of(was) == Affinity::Real)
        && after.affinity_of(column) == Affinity::Text
}

/// A REAL as the text that it was: `1` and not `1.0`.
pub(crate) fn respelled(value: &str) -> String {
    format!(
        "CASE WHEN typeof({value}) = 'real' AND {value} = CAST({value} AS INTEGER) AND abs({value}) <= 9007199254740992 THEN CAST(CAST({value} AS INTEGER) AS TEXT) ELSE {value} END"
    )
}

/// A value of the right kind to fill a column with on a down migration, where what it held is gone:
/// the same in all rows, or another in each where the column is part of a key.
pub(crate) fn filler(table: &Definition, column: &ColumnDefinition) -> String {
    const NUMBER: &str = "row_number() OVER ()";
    let in_key = table.keyed.iter().any(|name| same_name(name, &column.name));
    match (table.affinity_of(column), in_key) {
        (Affinity::Text, false) => "''".into(),
        (Affinity::Text, true) => format!("CAST({NUMBER} AS TEXT)"),
        (Affinity::Integer | Affinity::Numeric | Affinity::Real, false) => "0".into(),
        (Affinity::Integer | Affinity::Numeric | Affinity::Real, true) => NUMBER.into(),
        (Affinity::Blob, false) => "x''".into(),
        (Affinity::Blob, true) => format!("CAST({NUMBER} AS BLOB)"),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn table(columns: &str) -> Definition {
        let sql = format!("CREATE TABLE t ({columns})");
        Definition::parse(&sql).unwrap_or_else(|reason| panic!("{sql}: {reason}"))
    }

    #[test]
    fn a_columns_values_come_from_where_they_can() {
        let same = || ValueSource::Same("a".into());
        let using = || ValueSource::Using("x".into());
        let cases = [
            ("a", "a", same()),
            ("A", "a NOT NULL", ValueSource::Same("A".into())),
            ("a DEFAULT 1", "a DEFAULT 2", same()),
            (
                "a",
                "a NOT NULL DEFAULT 1",
                ValueSource::OrDefault("a".into(), "1".into()),
            ),
            ("a", "a NOT NULL DEFAULT NULL", same()),
            ("a", "a NOT NULL DEFAULT (1 + 1)", same()),
            ("a", "a -- using: x\n", same()),
            ("a NOT NULL", "a NOT NULL -- using: x\n", same()),
            ("a", "a NOT NULL -- using: x\n", using()),
            ("a INT", "a TEXT -- using: x\n", using()),
            ("b, a AS (b)", "b, a -- using: x\n", using()),
            ("b", "b, a -- using: x\n", using()),
            ("b", "b, a", ValueSource::Default),
            ("b", "b, a NOT NULL DEFAULT 1", ValueSource::Default),
            ("b", "b, a NOT NULL DEFAULT (1 + 1)", ValueSource::Default),
            (
                "b",
                "b, a INTEGER PRIMARY KEY NOT NULL",
                ValueSource::Default,
            ),
            ("b", "b, a NOT NULL", ValueSource::Nowhere),
            ("b", "b, a NOT NULL DEFAULT NULL", ValueSource::Nowhere),
        ];
        for (before, after, expected) in cases {
            let after = table(after);
            let found = origin(&table(before), after.column("a").unwrap());
            assert_eq!(found, expected, "{before} to {}", after.text());
        }
    }
}
