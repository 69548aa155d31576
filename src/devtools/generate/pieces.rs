//! A part of a schema in a database of its own: the tables of one file with what they touch. A file
//! of a large schema is composed and proved as fast as one of a small one, because SQLite reads the
//! whole schema again for each ALTER TABLE.

use std::collections::{BTreeSet, HashMap};

use rusqlite::types::Value;
use rusqlite::{Connection, params_from_iter};

use crate::devtools::alter::grouping::ChangeGroup;
use crate::devtools::model::diff::{Entity, Model};
use crate::options::settings::{Options, memory};
use crate::report::error::Error;
use crate::sqlite::execute::failure;
use crate::sqlite::schema::objects::{Object, ObjectKind, Schema};
use crate::sqlite::sql::name::quote;
use crate::sqlite::sql::token::Tokens;

/// What tables, views and triggers name, of both sides of a change.
pub(crate) struct Pieces<'m> {
    before: &'m Model,
    after: &'m Model,
    groups: &'m [ChangeGroup],
    /// By table, view or trigger in small letters: what its texts name.
    names: HashMap<String, BTreeSet<String>>,
    /// The other way round.
    named_by: HashMap<String, BTreeSet<String>>,
    sides: [Side<'m>; 2],
    /// In which group a table is, and a view or a trigger.
    table_places: HashMap<&'m str, usize>,
    object_places: HashMap<&'m str, usize>,
}

/// One side, by names in small letters.
struct Side<'m> {
    tables: HashMap<String, &'m Entity>,
    indexes: HashMap<String, Vec<&'m Object>>,
    /// Views and triggers.
    objects: HashMap<String, &'m Object>,
}

impl<'m> Side<'m> {
    fn of(model: &'m Model) -> Side<'m> {
        let mut side = Side {
            tables: HashMap::new(),
            indexes: HashMap::new(),
            objects: HashMap::new(),
        };
        for entity in &model.tables {
            side.tables.insert(small(entity.name()), entity);
        }
        for object in &model.others {
            match object.kind {
                ObjectKind::Index => side
                    .indexes
                    .entry(small(&object.table))
                    .or_default()
                    .push(object),
                ObjectKind::View | ObjectKind::Trigger => {
                    side.objects.insert(small(&object.name), object);
                }
            }
        }
        side
    }

    fn is_known(&self, name: &str) -> bool {
        self.tables.contains_key(name) || self.objects.contains_key(name)
    }
}

/// A database in memory, and the schema that one group makes of it.
pub(crate) struct Piece {
    pub(crate) present: Connection,
    pub(crate) target: Model,
}

fn small(name: &str) -> String {
    name.to_ascii_lowercase()
}

impl<'m> Pieces<'m> {
    pub(crate) fn of(before: &'m Model, after: &'m Model, groups: &'m [ChangeGroup]) -> Pieces<'m> {
        let sides = [Side::of(before), Side::of(after)];
        let mut names: HashMap<String, BTreeSet<String>> = HashMap::new();
        let mut add = |owner: &str, text: &str| {
            let found = names.entry(small(owner)).or_default();
            let tokens = Tokens::new(text).filter(|token| !token.text.starts_with('\''));
            let known = tokens.map(|token| small(&token.name()));
            found.extend(known.filter(|name| sides.iter().any(|side| side.is_known(name))));
        };
        for model in [before, after] {
            for entity in &model.tables {
                add(entity.name(), &entity.table.sql);
                let columns = entity.definition.iter().flat_map(|table| &table.columns);
                let expressions = columns.filter_map(|column| column.using.as_deref());
                expressions.for_each(|using| add(entity.name(), using));
            }
            let objects = model.others.iter();
            let objects = objects.filter(|object| object.kind != ObjectKind::Index);
            objects.for_each(|object| add(&object.name, &object.sql));
        }
        let mut named_by: HashMap<String, BTreeSet<String>> = HashMap::new();
        for (owner, found) in &names {
            for name in found {
                let owners = named_by.entry(name.clone()).or_default();
                owners.insert(owner.clone());
            }
        }
        let (mut table_places, mut object_places) = (HashMap::new(), HashMap::new());
        for (place, group) in groups.iter().enumerate() {
            table_places.extend(group.tables.iter().map(|name| (name.as_str(), place)));
            object_places.extend(group.objects.iter().map(|name| (name.as_str(), place)));
        }
        Pieces {
            before,
            after,
            groups,
            names,
            named_by,
            sides,
            table_places,
            object_places,
        }
    }

    /// The names of what a group is about, of what that names and of what names it: by references,
    /// by views and triggers through whatever views are between, by full-text search over it.
    fn around(&self, group: &ChangeGroup) -> BTreeSet<String> {
        let is_object = |name: &String| self.sides.iter().any(|s| s.objects.contains_key(name));
        let mut open: Vec<&String> = group.tables.iter().chain(&group.objects).collect();
        let mut spread: BTreeSet<&String> = open.iter().copied().collect();
        let mut found: BTreeSet<String> = open.iter().copied().cloned().collect();
        while let Some(name) = open.pop() {
            let named = self.names.get(name).into_iter().flatten();
            let naming = self.named_by.get(name).into_iter().flatten();
            for other in named.chain(naming) {
                found.insert(other.clone());
                // A table that is only beside is not followed further.
                if is_object(other) && spread.insert(other) {
                    open.push(other);
                }
            }
        }
        found
    }

    /// The piece of one group, after the groups before it. None where rows would have to be brought
    /// that those have changed.
    ///
    /// # Errors
    /// What SQLite says.
    pub(crate) fn piece(
        &self,
        place: usize,
        options: &Options<'_>,
        rows: &Connection,
    ) -> Result<Option<Piece>, Error> {
        let Some(group) = self.groups.get(place) else {
            return Ok(None);
        };
        let around = self.around(group);
        // By their places in the files: what came before is as it will be by then.
        let is_done = |at: Option<&usize>, here: bool| {
            usize::from(at.is_some_and(|at| *at < place || (here && *at == place)))
        };
        let schema = |here: bool| {
            let mut schema = Schema::default();
            let mut order: Vec<&String> = around.iter().collect();
            order.sort_by_key(|name| self.position(name));
            for name in &order {
                let side = &self.sides[is_done(self.table_places.get(name.as_str()), here)];
                let entity = side.tables.get(*name);
                schema
                    .tables
                    .extend(entity.map(|entity| entity.table.clone()));
                let indexes = side.indexes.get(*name).into_iter().flatten();
                schema.others.extend(indexes.map(|index| (*index).clone()));
            }
            for name in &order {
                let side = &self.sides[is_done(self.object_places.get(name.as_str()), here)];
                let object = side.objects.get(*name);
                schema.others.extend(object.map(|object| (*object).clone()));
            }
            // A trigger may be on a view.
            schema
                .others
                .sort_by_key(|object| object.kind == ObjectKind::Trigger);
            schema
        };
        let now = schema(false);
        let present = memory(options)?;
        let make = |sql: &str| {
            present
                .execute_batch(sql)
                .map_err(|error| failure("cannot make a part of the schema in memory", error))
        };
        for is_virtual in [false, true] {
            for table in &now.tables {
                let definition = self
                    .entity(&table.name)
                    .is_some_and(|e| e.definition.is_some());
                if definition != is_virtual {
                    make(&table.sql)?;
                }
            }
        }
        for table in &now.tables {
            if !has_rows(rows, &table.name) {
                continue;
            }
            let untouched = self.table_places.get(small(&table.name).as_str());
            let untouched = untouched.is_none_or(|at| *at >= place);
            let entity = self.sides[0].tables.get(&small(&table.name));
            match entity.filter(|entity| untouched && entity.definition.is_some()) {
                Some(entity) => copy_rows(rows, &present, entity)?,
                None => return Ok(None),
            }
        }
        for object in &now.others {
            make(&object.sql)?;
        }
        let Ok(mut target) = Model::of(&schema(true)) else {
            return Ok(None);
        };
        for entity in &mut target.tables {
            let name = small(entity.name());
            if let (true, Some(wanted)) = (
                group.tables.contains(&name),
                self.sides[1].tables.get(&name),
            ) {
                entity.clone_from(wanted);
            }
        }
        Ok(Some(Piece { present, target }))
    }

    fn entity(&self, name: &str) -> Option<&'m Entity> {
        let name = small(name);
        let found = self.sides.iter().find_map(|side| side.tables.get(&name));
        found.copied()
    }

    /// Where something is in the schema: views are made in the order in which they were.
    fn position(&self, name: &str) -> usize {
        let in_model = |model: &Model| {
            let mut others = model.others.iter();
            others.position(|object| small(&object.name) == name)
        };
        let is_object = self
            .sides
            .iter()
            .any(|side| side.objects.contains_key(name));
        match is_object {
            true => in_model(self.before)
                .or_else(|| in_model(self.after).map(|at| at + self.before.others.len()))
                .unwrap_or_default(),
            false => 0,
        }
    }
}

fn has_rows(connection: &Connection, table: &str) -> bool {
    let sql = format!("SELECT 1 FROM main.{} LIMIT 1", quote(table));
    let found = connection
        .prepare(&sql)
        .and_then(|mut rows| rows.exists([]));
    found.unwrap_or_default()
}

fn copy_rows(from: &Connection, to: &Connection, entity: &Entity) -> Result<(), Error> {
    let definition = entity.definition.as_ref();
    let keyless = definition.filter(|table| table.rowid_column().is_none());
    let mut columns: Vec<String> = entity
        .table
        .columns
        .iter()
        .filter(|column| !column.generated)
        .map(|column| quote(&column.name))
        .collect();
    columns.extend(
        keyless
            .and_then(|table| table.rowid_alias())
            .map(str::to_owned),
    );
    let table = quote(entity.name());
    let copy = || {
        let mut read = from.prepare(&format!("SELECT {} FROM main.{table}", columns.join(", ")))?;
        let mut write = to.prepare(&format!(
            "INSERT INTO main.{table} ({}) VALUES ({})",
            columns.join(", "),
            vec!["?"; columns.len()].join(", ")
        ))?;
        let mut rows = read.raw_query();
        while let Some(row) = rows.next()? {
            let values = (0..columns.len()).map(|at| row.get::<_, Value>(at));
            let values = values.collect::<rusqlite::Result<Vec<_>>>()?;
            write.execute(params_from_iter(values))?;
        }
        Ok(())
    };
    copy().map_err(|error| failure("cannot copy rows in memory", error))
}
