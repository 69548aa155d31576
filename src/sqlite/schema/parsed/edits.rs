//! What tells two tables apart, clause by clause.

use crate::sqlite::schema::objects::{Affinity, Object, ObjectKind};
use crate::sqlite::schema::parsed::canonical::same_statements;
use crate::sqlite::schema::parsed::table::{
    ColumnDefinition, Constraint, Definition, ForeignKey, Rule,
};
use crate::sqlite::schema::table_tracker::narrowing;
use crate::sqlite::sql::name::same_name;

/// Whether the order of columns counts.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum ColumnOrder {
    Ignored,
    Counts,
}

/// One thing that differs between two tables.
#[derive(Debug, Clone, Copy, PartialEq)]
pub(crate) enum Edit<'m> {
    Add(&'m ColumnDefinition),
    Drop(&'m ColumnDefinition),
    /// The declared type.
    Retype(&'m ColumnDefinition, &'m ColumnDefinition),
    SetNotNull(&'m ColumnDefinition),
    DropNotNull(&'m ColumnDefinition),
    /// What happens where a NOT NULL column is given NULL.
    NullConflict(&'m ColumnDefinition),
    Redefault(&'m ColumnDefinition),
    Collate(&'m ColumnDefinition),
    /// A column becomes a generated one, or an ordinary one, or its expression changes.
    Generate(&'m ColumnDefinition, &'m ColumnDefinition),
    AddConstraint(&'m Constraint),
    DropConstraint(&'m Constraint),
    Strict,
    WithoutRowid,
    Reorder,
}

/// Whether two CREATE TABLE statements make the same table, but for the order of its columns.
pub(crate) fn same_tables(one: &str, other: &str) -> bool {
    match (Definition::parse(one), Definition::parse(other)) {
        (Ok(one), Ok(other)) => edits(&one, &other, ColumnOrder::Counts).is_empty(),
        _ => false,
    }
}

/// Whether two indexes, triggers or views are the same.
pub(crate) fn same_objects(one: &Object, other: &Object) -> bool {
    let own = match one.kind {
        ObjectKind::Index => one.table.as_str(),
        ObjectKind::Trigger | ObjectKind::View => "",
    };
    same_name(&one.table, &other.table) && same_statements(&one.sql, &other.sql, own)
}

/// What tells two tables apart.
pub(crate) fn edits<'m>(
    before: &'m Definition,
    after: &'m Definition,
    order: ColumnOrder,
) -> Vec<Edit<'m>> {
    let mut found = Vec::new();
    for column in &before.columns {
        if after.column(&column.name).is_none() {
            found.push(Edit::Drop(column));
        }
    }
    for now in &after.columns {
        match before.column(&now.name) {
            None => found.push(Edit::Add(now)),
            Some(was) => column_edits(was, now, &mut found),
        }
    }
    let goes_with_its_column = |constraint: &Constraint, other: &Definition| {
        let column = constraint.column.as_deref();
        column.is_some_and(|column| other.column(column).is_none())
    };
    for constraint in surplus(&before.constraints, &after.constraints) {
        if !goes_with_its_column(constraint, after) {
            found.push(Edit::DropConstraint(constraint));
        }
    }
    for constraint in surplus(&after.constraints, &before.constraints) {
        if !goes_with_its_column(constraint, before) {
            found.push(Edit::AddConstraint(constraint));
        }
    }
    if before.strict != after.strict {
        found.push(Edit::Strict);
    }
    if before.without_rowid != after.without_rowid {
        found.push(Edit::WithoutRowid);
    }
    let in_order = |one: &Definition, other: &Definition| -> Vec<String> {
        let shared = one
            .columns
            .iter()
            .filter(|column| other.column(&column.name).is_some());
        shared
            .map(|column| column.name.to_ascii_lowercase())
            .collect()
    };
    // A new column that is appended although it is wanted elsewhere moves nothing else.
    let moved = in_order(before, after) != in_order(after, before);
    let misplaced = found.iter().any(|edit| match edit {
        Edit::Add(column) => after
            .columns
            .iter()
            .skip_while(|other| other.name != column.name)
            .any(|later| before.column(&later.name).is_some()),
        _ => false,
    });
    if order == ColumnOrder::Counts && (moved || misplaced) {
        found.push(Edit::Reorder);
    }
    found
}

pub(crate) fn column_edits<'m>(
    was: &'m ColumnDefinition,
    now: &'m ColumnDefinition,
    found: &mut Vec<Edit<'m>>,
) {
    let ColumnDefinition {
        name: _,
        declared,
        not_null,
        // The key's and the table's change.
        keyed_not_null: _,
        is_rowid: _,
        default,
        collation,
        generated,
        using: _,
        text: _,
    } = now;
    if was.declared != *declared {
        found.push(Edit::Retype(was, now));
    }
    match (was.not_null, not_null) {
        (None, Some(_)) => found.push(Edit::SetNotNull(now)),
        (Some(_), None) => found.push(Edit::DropNotNull(now)),
        (was, now_conflict) if was != *now_conflict => found.push(Edit::NullConflict(now)),
        _ => {}
    }
    let value = |default: &Option<crate::sqlite::schema::parsed::table::Default>| {
        let value = default.as_ref().map(|default| default.normal.clone());
        // DEFAULT NULL says what is so anyway.
        value.filter(|value| value != "null")
    };
    if value(&was.default) != value(default) {
        found.push(Edit::Redefault(now));
    }
    let collated = |collation: &Option<String>| {
        let name = collation.clone();
        name.filter(|name| name != "binary")
    };
    if collated(&was.collation) != collated(collation) {
        found.push(Edit::Collate(now));
    }
    if was.generated != *generated {
        found.push(Edit::Generate(was, now));
    }
}

/// What the first list has more than the second, as multisets.
pub(crate) fn surplus<'c>(all: &'c [Constraint], known: &[Constraint]) -> Vec<&'c Constraint> {
    let mut known: Vec<&Constraint> = known.iter().collect();
    all.iter()
        .filter(|constraint| {
            let twin = known.iter().position(|other| other == constraint);
            twin.map(|at| known.swap_remove(at)).is_none()
        })
        .collect()
}

impl Edit<'_> {
    /// What the edit takes away or may alter, in words that follow "it would".
    pub(crate) fn destroys(&self, before: &Definition, after: &Definition) -> Option<String> {
        let table = &after.name;
        match self {
            Edit::Drop(column) if column.generated.is_none() => {
                Some(format!("drop column `{}` of `{table}`", column.name))
            }
            Edit::Generate(was, now) if was.generated.is_none() => Some(format!(
                "drop the values of column `{}` of `{table}`, which becomes generated",
                now.name
            )),
            Edit::Retype(was, now) if now.generated.is_none() => {
                let (from, to) = (before.affinity_of(was), after.affinity_of(now));
                let asks_at_the_run = narrowing(&now.name, &was.declared, &now.declared).is_some();
                let named = |declared: &str| match declared {
                    "" => "no type".to_owned(),
                    declared => declared.to_owned(),
                };
                ((from != to && to != Affinity::Blob) || asks_at_the_run).then(|| {
                    format!(
                        "change column `{}` of `{table}` from {} to {}",
                        now.name,
                        named(&was.declared),
                        named(&now.declared)
                    )
                })
            }
            _ => None,
        }
    }

    /// The reference that comes or goes.
    pub(crate) fn reference(&self) -> Option<&ForeignKey> {
        match self {
            Edit::AddConstraint(constraint) | Edit::DropConstraint(constraint) => {
                match &constraint.rule {
                    Rule::ForeignKey(key) => Some(key),
                    _ => None,
                }
            }
            _ => None,
        }
    }

    /// The edit in words that follow "ALTER TABLE cannot".
    pub(crate) fn words(&self) -> String {
        let names = |constraint: &Constraint| match &constraint.rule {
            Rule::PrimaryKey { .. } => "the primary key".to_owned(),
            Rule::Unique { key, .. } => {
                let columns: Vec<_> = key.iter().map(|p| format!("`{}`", p.column)).collect();
                format!("that {} is unique", columns.join(", "))
            }
            Rule::Check { .. } => "a CHECK".to_owned(),
            Rule::ForeignKey(ForeignKey { parent, .. }) => format!("the reference to `{parent}`"),
        };
        match self {
            Edit::Add(column) => format!("add `{}`", column.name),
            Edit::Drop(column) => format!("drop `{}`", column.name),
            Edit::Retype(_, column) => format!("change the type of `{}`", column.name),
            Edit::SetNotNull(column) => format!("make `{}` NOT NULL", column.name),
            Edit::DropNotNull(column) => format!("let `{}` be NULL", column.name),
            Edit::NullConflict(column) => {
                format!("change the conflict clause of `{}`", column.name)
            }
            Edit::Redefault(column) => format!("change the default of `{}`", column.name),
            Edit::Collate(column) => format!("change the collation of `{}`", column.name),
            Edit::Generate(_, column) => {
                format!("change how `{}` is generated", column.name)
            }
            Edit::AddConstraint(constraint) => format!("add {}", names(constraint)),
            Edit::DropConstraint(constraint) => format!("drop {}", names(constraint)),
            Edit::Strict => "change STRICT".to_owned(),
            Edit::WithoutRowid => "change WITHOUT ROWID".to_owned(),
            Edit::Reorder => "change the order of columns".to_owned(),
        }
    }
}
