//! What tells two schemas apart, as changes that lead from the first to the second.
//!
//! Compared are parsed tables and normal text: quoting, letter case, space, comments, the
//! order of objects, and whether a constraint stands in a column or behind them all do not count.

use crate::devtools::model::canonical::same_statements;
use crate::devtools::model::table::{ColumnDefinition, Constraint, Definition, ForeignKey, Rule};
use crate::sqlite::schema::objects::{Affinity, Object, ObjectKind, Schema, Table, TableKind};
use crate::sqlite::schema::table_tracker::narrowing;
use crate::sqlite::sql::name::same_name;
use crate::sqlite::sql::token::{Tokens, mentions};

/// A schema whose tables were taken apart.
#[derive(Debug, Clone)]
pub(crate) struct Model {
    pub(crate) tables: Vec<Entity>,
    pub(crate) others: Vec<Object>,
}

/// A table, and what it says.
#[derive(Debug, Clone)]
pub(crate) struct Entity {
    pub(crate) table: Table,
    /// None for a virtual table, whose text is its module's business.
    pub(crate) definition: Option<Definition>,
}

impl Entity {
    pub(crate) fn name(&self) -> &str {
        &self.table.name
    }
}

impl Model {
    /// Takes the tables of a schema apart. Storage of virtual tables is left out: it comes
    /// and goes with them.
    ///
    /// # Errors
    /// The table, and a sentence.
    pub(crate) fn of(schema: &Schema) -> Result<Model, (String, String)> {
        let mut tables = Vec::with_capacity(schema.tables.len());
        for table in &schema.tables {
            let definition = match table.kind {
                TableKind::Shadow => continue,
                TableKind::Virtual => None,
                TableKind::Ordinary => Some(
                    Definition::parse(&table.sql).map_err(|reason| (table.name.clone(), reason))?,
                ),
            };
            tables.push(Entity {
                table: table.clone(),
                definition,
            });
        }
        let mut model = Model {
            tables,
            others: schema.others.clone(),
        };
        model.note_unique_indexes();
        model.resolve_references();
        Ok(model)
    }

    fn note_unique_indexes(&mut self) {
        let unique = self
            .others
            .iter()
            .filter(|object| is_unique_index(&object.sql));
        for index in unique {
            let tables = self.tables.iter_mut().filter_map(|e| e.definition.as_mut());
            for table in tables.filter(|table| same_name(&table.name, &index.table)) {
                let named = table.columns.iter().map(|column| &column.name);
                let named = named.filter(|name| mentions(&index.sql, name));
                table.keyed.extend(named.cloned());
            }
        }
    }

    /// `REFERENCES parent` means the parent's primary key, and is written out here.
    pub(crate) fn resolve_references(&mut self) {
        let keys: Vec<(String, Vec<String>)> = self
            .tables
            .iter()
            .filter_map(|entity| {
                let key = entity.definition.as_ref()?.primary_key();
                let key = key.into_iter().map(str::to_owned).collect();
                Some((entity.name().to_owned(), key))
            })
            .collect();
        let definitions = self.tables.iter_mut().filter_map(|e| e.definition.as_mut());
        for constraint in definitions.flat_map(|definition| &mut definition.constraints) {
            let Rule::ForeignKey(reference) = &mut constraint.rule else {
                continue;
            };
            let key = keys
                .iter()
                .find(|(name, _)| same_name(name, &reference.parent));
            if let (true, Some((_, key))) = (reference.to.is_empty(), key) {
                reference.to.clone_from(key);
            }
        }
    }

    /// Without what its notes say: what is gone back to is not converted.
    pub(crate) fn without_notes(mut self) -> Model {
        let definitions = self.tables.iter_mut().filter_map(|e| e.definition.as_mut());
        for definition in definitions {
            definition.formers.clear();
            let columns = definition.columns.iter_mut();
            columns.for_each(|column| column.using = None);
        }
        self
    }

    /// The table of a name.
    pub(crate) fn table(&self, name: &str) -> Option<&Entity> {
        self.tables
            .iter()
            .find(|entity| same_name(entity.name(), name))
    }

    /// The definition of a table that has one.
    pub(crate) fn definition(&self, name: &str) -> Option<&Definition> {
        self.table(name)?.definition.as_ref()
    }

    /// The index, trigger or view that another one is, by kind and name.
    pub(crate) fn object(&self, like: &Object) -> Option<&Object> {
        self.others
            .iter()
            .find(|object| object.kind == like.kind && same_name(&object.name, &like.name))
    }

    /// Whether any object has the name.
    pub(crate) fn has_name(&self, name: &str) -> bool {
        self.table(name).is_some()
            || self
                .others
                .iter()
                .any(|object| same_name(&object.name, name))
    }
}

/// Whether the order of columns counts.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum ColumnOrder {
    Ignored,
    Counts,
}

/// What leads from one schema to another, once everything that was renamed has its new name.
#[derive(Debug, Default)]
pub(crate) struct SchemaDifference<'m> {
    pub(crate) created: Vec<&'m Entity>,
    pub(crate) dropped: Vec<&'m Entity>,
    pub(crate) altered: Vec<Altered<'m>>,
    /// Indexes, triggers and views that are not in the second, or not like this.
    pub(crate) gone: Vec<&'m Object>,
    /// Those that are not in the first, or not like this.
    pub(crate) new: Vec<&'m Object>,
}

impl SchemaDifference<'_> {
    /// Whether nothing differs.
    pub(crate) fn is_empty(&self) -> bool {
        self.first_words().is_none()
    }

    /// The first thing that differs, in words about the second schema. None where nothing
    /// does.
    pub(crate) fn first_words(&self) -> Option<String> {
        let SchemaDifference {
            created,
            dropped,
            altered,
            gone,
            new,
        } = self;
        let table = |entity: &&&Entity| format!("table `{}`", entity.name());
        let object = |object: &&&Object| format!("{} `{}`", object.kind, object.name);
        let apart = |altered: &Altered<'_>| {
            let first = altered.edits.first();
            let words = first.map(Edit::words).unwrap_or_default();
            format!("table `{}` would have to {words}", altered.after.name)
        };
        created
            .first()
            .as_ref()
            .map(|entity| format!("{} is not there", table(entity)))
            .or_else(|| {
                dropped
                    .first()
                    .as_ref()
                    .map(|e| format!("{} is too many", table(e)))
            })
            .or_else(|| altered.first().map(apart))
            .or_else(|| {
                new.first()
                    .as_ref()
                    .map(|o| format!("{} is not there, or not like this", object(o)))
            })
            .or_else(|| {
                gone.first()
                    .as_ref()
                    .map(|o| format!("{} is too many", object(o)))
            })
    }
}

/// A table that is there before and after, and not the same.
#[derive(Debug)]
pub(crate) struct Altered<'m> {
    pub(crate) before: &'m Definition,
    pub(crate) after: &'m Definition,
    pub(crate) edits: Vec<Edit<'m>>,
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

/// Compares two schemas.
pub(crate) fn difference<'m>(
    before: &'m Model,
    after: &'m Model,
    order: ColumnOrder,
) -> SchemaDifference<'m> {
    let mut found = SchemaDifference::default();
    for entity in &after.tables {
        match before.table(entity.name()) {
            None => found.created.push(entity),
            Some(was) => match (&was.definition, &entity.definition) {
                (Some(was), Some(now)) => {
                    let mut edits = edits(was, now, order);
                    spelled_out(before, after, was, now, &mut edits);
                    if !edits.is_empty() {
                        found.altered.push(Altered {
                            before: was,
                            after: now,
                            edits,
                        });
                    }
                }
                (None, None) if same_statements(&was.table.sql, &entity.table.sql, "") => {}
                // A virtual table cannot be altered.
                _ => {
                    found.dropped.push(was);
                    found.created.push(entity);
                }
            },
        }
    }
    let gone = before.tables.iter();
    found
        .dropped
        .extend(gone.filter(|entity| after.table(entity.name()).is_none()));
    for object in &before.others {
        if !after
            .object(object)
            .is_some_and(|now| same_objects(object, now))
        {
            found.gone.push(object);
        }
    }
    for object in &after.others {
        if !before
            .object(object)
            .is_some_and(|was| same_objects(was, object))
        {
            found.new.push(object);
        }
    }
    found
}

/// A reference that was left to the parent's primary key and is spelled out now, or the other way
/// round, is another one where that key changes meanwhile.
fn spelled_out<'m>(
    before: &Model,
    after: &Model,
    was: &'m Definition,
    now: &'m Definition,
    found: &mut Vec<Edit<'m>>,
) {
    let implicit = |constraint: &Constraint| match &constraint.rule {
        Rule::ForeignKey(key) => Some((key.implicit, key.parent.clone())),
        _ => None,
    };
    for new in &now.constraints {
        let Some((is_implicit, parent)) = implicit(new) else {
            continue;
        };
        let key = |model: &Model| {
            let definition = model.definition(&parent);
            definition.map(|parent| parent.primary_key().join(","))
        };
        let old = was.constraints.iter().find(|old| *old == new);
        if let Some(old) = old
            && implicit(old).is_some_and(|(was_implicit, _)| was_implicit != is_implicit)
            && key(before) != key(after)
        {
            found.push(Edit::DropConstraint(old));
            found.push(Edit::AddConstraint(new));
        }
    }
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

fn column_edits<'m>(
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
    let value = |default: &Option<crate::devtools::model::table::Default>| {
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

/// Whether a statement makes a unique index.
pub(crate) fn is_unique_index(sql: &str) -> bool {
    Tokens::new(sql)
        .nth(1)
        .is_some_and(|token| token.word() == "UNIQUE")
}

/// What the first list has more than the second, as multisets.
fn surplus<'c>(all: &'c [Constraint], known: &[Constraint]) -> Vec<&'c Constraint> {
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

#[cfg(test)]
mod tests {
    use super::*;

    /// The edits in words, and what they destroy.
    fn told(before: &str, after: &str) -> (Vec<String>, Vec<String>) {
        let table = |rest: &str| Definition::parse(&format!("CREATE TABLE t ({rest}"));
        let (before, after) = (table(before).unwrap(), table(after).unwrap());
        let found = edits(&before, &after, ColumnOrder::Counts);
        let destroyed = found
            .iter()
            .filter_map(|edit| edit.destroys(&before, &after));
        (found.iter().map(Edit::words).collect(), destroyed.collect())
    }

    #[test]
    fn whatever_differs_is_an_edit_and_says_what_it_destroys() {
        let cases: &[(&str, &str, &[&str], &[&str])] = &[
            ("a, b)", "a, b)", &[], &[]),
            ("a, b)", "b, a)", &["change the order of columns"], &[]),
            ("a, b)", "a, b, c)", &["add `c`"], &[]),
            (
                "a, b)",
                "a, c, b)",
                &["add `c`", "change the order of columns"],
                &[],
            ),
            ("a, b)", "a)", &["drop `b`"], &["drop column `b` of `t`"]),
            ("a, b AS (a))", "a)", &["drop `b`"], &[]),
            (
                "a, b)",
                "a, b AS (a))",
                &["change how `b` is generated"],
                &["drop the values of column `b` of `t`, which becomes generated"],
            ),
            (
                "a, b INT)",
                "a, b TEXT AS (a))",
                &["change the type of `b`", "change how `b` is generated"],
                &["drop the values of column `b` of `t`, which becomes generated"],
            ),
            (
                "a, b AS (a))",
                "a, b AS (a + 1))",
                &["change how `b` is generated"],
                &[],
            ),
            (
                "a, b AS (a))",
                "a, b)",
                &["change how `b` is generated"],
                &[],
            ),
            ("a INT)", "a)", &["change the type of `a`"], &[]),
            ("a INT)", "a BLOB)", &["change the type of `a`"], &[]),
            (
                "a TEXT)",
                "a VARCHAR(20))",
                &["change the type of `a`"],
                &[],
            ),
            (
                "a)",
                "a INT)",
                &["change the type of `a`"],
                &["change column `a` of `t` from no type to INT"],
            ),
            (
                "a ANY) STRICT",
                "a NUMERIC)",
                &["change the type of `a`", "change STRICT"],
                &["change column `a` of `t` from ANY to NUMERIC"],
            ),
            ("a)", "a NOT NULL)", &["make `a` NOT NULL"], &[]),
            ("a NOT NULL)", "a)", &["let `a` be NULL"], &[]),
            (
                "a NOT NULL)",
                "a NOT NULL ON CONFLICT IGNORE)",
                &["change the conflict clause of `a`"],
                &[],
            ),
            ("a)", "a DEFAULT NULL)", &[], &[]),
            ("a)", "a DEFAULT 1)", &["change the default of `a`"], &[]),
            ("a)", "a COLLATE BINARY)", &[], &[]),
            (
                "a)",
                "a COLLATE NOCASE)",
                &["change the collation of `a`"],
                &[],
            ),
            ("a)", "a UNIQUE)", &["add that `a` is unique"], &[]),
            (
                "a, b, UNIQUE (a, b))",
                "a, b)",
                &["drop that `a`, `b` is unique"],
                &[],
            ),
            ("a UNIQUE)", "a, UNIQUE (a))", &[], &[]),
            (
                "a UNIQUE UNIQUE)",
                "a UNIQUE)",
                &["drop that `a` is unique"],
                &[],
            ),
            (
                "a, b UNIQUE)",
                "a)",
                &["drop `b`"],
                &["drop column `b` of `t`"],
            ),
            ("a)", "a, b UNIQUE)", &["add `b`"], &[]),
            ("a)", "a PRIMARY KEY)", &["add the primary key"], &[]),
            ("a)", "a CHECK (a > 0))", &["add a CHECK"], &[]),
            ("a)", "a REFERENCES p)", &["add the reference to `p`"], &[]),
            (
                "a)",
                "a INT) STRICT",
                &["change the type of `a`", "change STRICT"],
                &["change column `a` of `t` from no type to INT"],
            ),
            (
                "a PRIMARY KEY)",
                "a PRIMARY KEY) WITHOUT ROWID",
                &["change WITHOUT ROWID"],
                &[],
            ),
        ];
        for (before, after, edits, destroyed) in cases {
            let (found, lost) = told(before, after);
            assert_eq!(found, *edits, "{before} {after}");
            assert_eq!(lost, *destroyed, "{before} {after}");
        }
    }
}
