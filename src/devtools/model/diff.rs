//! What tells two schemas apart, as changes that lead from the first to the second.
//!
//! Compared are parsed tables and normal text: quoting, letter case, space, comments, the
//! order of objects, and whether a constraint is in a column or behind them all do not count.

use crate::sqlite::schema::objects::{Object, Schema, Table, TableKind};
use crate::sqlite::schema::parsed::canonical::same_statements;
use crate::sqlite::schema::parsed::edits::{ColumnOrder, Edit, edits, same_objects};
use crate::sqlite::schema::parsed::table::{Constraint, Definition, Rule};
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

/// Whether a statement makes a unique index.
pub(crate) fn is_unique_index(sql: &str) -> bool {
    Tokens::new(sql)
        .nth(1)
        .is_some_and(|token| token.word() == "UNIQUE")
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
