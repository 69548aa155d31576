//! A migration file in the making: composed against a database in memory on which each
//! statement is run as soon as it is written.

mod objects;
mod searches;
mod tables;

use std::collections::BTreeSet;

use rusqlite::Connection;

use self::objects::made_again;
use self::searches::kept_columns;
use self::tables::{refuse_nowhere, required};
use crate::catalog;
use crate::change::{ChangeKind, NATIVE_CONSTRAINTS};
use crate::condition;
use crate::diff::{ColumnOrder, Difference, Entity, Model, difference};
use crate::error::Error;
use crate::migration::invalid;
use crate::normal::plain;
use crate::options::Options;
use crate::plan::Direction;
use crate::rename::Renames;
use crate::schema::{ObjectKind, same_name};
use crate::scope::{Scope, parents_first};
use crate::script::Script;
use crate::sqlite::{run_script, text};
use crate::writer::Writer;

/// What messages call a file that has no name yet.
const DRAFT: &str = "the migration in the making";

/// The present schema of a database, taken apart.
pub(crate) fn model(connection: &Connection, options: &Options<'_>) -> Result<Model, Error> {
    let schema = catalog::schema(connection, &options.own_tables())?;
    Model::of(&schema).map_err(|(table, reason)| {
        invalid(format!("table `{table}` cannot be taken apart: {reason}"))
            .with_help("write this change by hand (`heirloom create NAME`)")
    })
}

/// How files are composed.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Manner {
    pub(crate) direction: Direction,
    pub(crate) order: ColumnOrder,
    /// Whether SQLite's newer forms of ALTER TABLE may be used.
    pub(crate) constraints: bool,
}

impl Manner {
    /// As the linked SQLite can.
    pub(crate) fn of(direction: Direction, order: ColumnOrder) -> Manner {
        Manner {
            direction,
            order,
            constraints: rusqlite::version_number() >= NATIVE_CONSTRAINTS,
        }
    }
}

/// What became of one table in a file.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Change {
    /// The table by its name after; a view's, where only that changes.
    pub(crate) table: String,
    pub(crate) kind: ChangeKind,
    /// What it takes away or may alter, in words that follow "it would".
    pub(crate) destroys: Vec<String>,
}

/// A file's statements, which were run.
#[derive(Debug, Clone, Default)]
pub(crate) struct Composed {
    pub(crate) sql: String,
    pub(crate) changes: Vec<Change>,
    /// What the way back cannot bring back, in sentences.
    pub(crate) not_restored: Vec<String>,
}

/// Composes the file that leads from what `connection` holds to `target`, as far as `scope`
/// goes, and leaves `connection` as the file does.
///
/// # Errors
/// [`ErrorKind::NeedsDefault`]; and what SQLite refuses, which nobody foresaw.
pub(crate) fn compose(
    connection: &Connection,
    options: &Options<'_>,
    target: &Model,
    scope: Option<&Scope>,
    renames: &Renames,
    manner: Manner,
) -> Result<Composed, Error> {
    let mut composer = Composer {
        connection,
        options,
        manner,
        out: Writer::default(),
        composed: Composed::default(),
    };
    composer.rename(renames, target)?;
    let now = model(connection, options)?;
    let difference = difference(&now, target, manner.order);
    let difference = match scope {
        Some(scope) => scope.keep(difference),
        None => difference,
    };
    composer.change(&now, target, &difference)?;
    composer.composed.sql = composer.out.text().to_owned();
    Ok(composer.composed)
}

struct Composer<'c, 'o> {
    connection: &'c Connection,
    options: &'c Options<'o>,
    manner: Manner,
    out: Writer,
    composed: Composed,
}

impl Composer<'_, '_> {
    /// The schema as it is by now.
    fn model(&self) -> Result<Model, Error> {
        model(self.connection, self.options)
    }

    /// Runs a statement, and writes it.
    fn run(&mut self, sql: &str) -> Result<(), Error> {
        run_script(self.connection, &Script::new(DRAFT, sql.to_owned()))?;
        self.out.statement(sql);
        Ok(())
    }

    /// Runs what was written apart, and adds it.
    fn run_all(&mut self, written: &Writer) -> Result<(), Error> {
        run_script(
            self.connection,
            &Script::new(DRAFT, written.text().to_owned()),
        )?;
        self.out.raw(written.text());
        Ok(())
    }

    fn note(&mut self, table: &str, kind: ChangeKind, destroys: Vec<String>) {
        let changes = &mut self.composed.changes;
        match changes
            .iter_mut()
            .find(|change| same_name(&change.table, table))
        {
            Some(change) => {
                change.destroys.extend(destroys);
                change.kind = change.kind.and(kind);
            }
            None => changes.push(Change {
                table: table.to_owned(),
                kind,
                destroys,
            }),
        }
    }

    /// Natively and first: SQLite takes every index, trigger, view and reference along.
    fn rename(&mut self, renames: &Renames, target: &Model) -> Result<(), Error> {
        if renames.tables.is_empty() && renames.columns.is_empty() {
            return Ok(());
        }
        self.drop_broken_views(target)?;
        for (before, after) in &renames.tables {
            self.make_room(after)?;
            let (before, name) = (plain(before), plain(after));
            self.run(&format!("ALTER TABLE {before} RENAME TO {name}"))
                .map_err(stopped)?;
            self.note(after, ChangeKind::Rename, Vec::new());
        }
        for (table, before, after) in &renames.columns {
            self.run(&format!(
                "ALTER TABLE {} RENAME COLUMN {} TO {}",
                plain(table),
                plain(before),
                plain(after)
            ))
            .map_err(stopped)?;
            self.note(table, ChangeKind::Rename, Vec::new());
        }
        self.out.end_block();
        Ok(())
    }

    fn change(
        &mut self,
        now: &Model,
        target: &Model,
        difference: &Difference<'_>,
    ) -> Result<(), Error> {
        if self.manner.direction == Direction::Up {
            difference.altered.iter().try_for_each(refuse_nowhere)?;
        }
        let mut altered = difference.altered.iter();
        altered.try_for_each(|altered| self.refuse_wrong_conversions(altered))?;
        let mut checks = Writer::default();
        condition::write(&required(now, target, difference), &mut checks);
        // On the rows that the migrations themselves make they must hold here already.
        self.run_all(&checks).map_err(|error| {
            error.with_help("the migrations themselves make such rows: correct them in a migration of their own first, or give the column `-- using: EXPR` in the schema file")
        })?;
        let again = made_again(now, target, difference);
        self.drop_objects(now, difference, &again)?;
        let mut remade: Vec<&str> = Vec::new();
        for entity in &difference.dropped {
            // Something else of that name takes its place.
            let Some(successor) = target.table(entity.name()) else {
                continue;
            };
            match kept_columns(entity, successor) {
                Some(columns) => {
                    let between = free_name(successor.name(), now, target);
                    self.remake(entity, successor, &columns, &between)?;
                    remade.push(successor.name());
                }
                None => self.drop_table(entity)?,
            }
        }
        let (created, searches): (Vec<&Entity>, Vec<&Entity>) = difference
            .created
            .iter()
            .partition(|e| e.definition.is_some());
        for entity in parents_first(&created) {
            self.create_table(entity, target)?;
        }
        let mut rebuilt: Vec<&str> = Vec::new();
        for altered in &difference.altered {
            if self.alter(altered, now, target)? {
                rebuilt.push(&altered.after.name);
            }
        }
        for entity in &difference.dropped {
            if target.table(entity.name()).is_none() {
                self.drop_table(entity)?;
            }
        }
        let made = |table: &str| {
            rebuilt.iter().any(|name| same_name(name, table))
                || created.iter().any(|entity| same_name(entity.name(), table))
        };
        let indexes = difference
            .new
            .iter()
            .filter(|o| o.kind == ObjectKind::Index);
        for index in indexes.filter(|index| !made(&index.table)) {
            self.run(&index.sql)?;
            self.note(&index.table, ChangeKind::Alter, Vec::new());
        }
        self.out.end_block();
        for entity in searches.iter().filter(|e| !remade.contains(&e.name())) {
            self.create_table(entity, target)?;
        }
        self.refill_searches(now, difference);
        self.create_objects(now, target, difference, &again, &rebuilt)
    }

    fn not_restored(&mut self, what: String) {
        self.composed.not_restored.push(what);
    }
}

/// A name for the time between that nothing has, before or after.
fn free_name(table: &str, now: &Model, target: &Model) -> String {
    let plain = format!("{table}_new");
    let numbered = (2..).map(|number| format!("{table}_new{number}"));
    std::iter::once(plain)
        .chain(numbered)
        .find(|name| !now.has_name(name) && !target.has_name(name))
        .unwrap_or_default()
}

/// What stops a rename that is right in itself.
fn stopped(error: Error) -> Error {
    match error.to_string().starts_with("error in ") {
        true => error.with_help("SQLite renames nothing while a view or a trigger does not work; correct or drop it in a migration before"),
        false => error,
    }
}

/// What SQLite says of a database after a file.
pub(crate) fn broken(
    connection: &Connection,
    options: &Options<'_>,
) -> Result<BTreeSet<String>, Error> {
    let schema = catalog::schema(connection, &options.own_tables())?;
    let objects = crate::foresee::broken_objects(connection, &schema)?;
    let mut broken: BTreeSet<String> = objects
        .into_iter()
        .map(|(object, error)| format!("{object}: {}", text(&error)))
        .collect();
    let references = catalog::references(connection)?;
    for (table, message) in references.broken {
        broken.insert(format!("the references of `{table}`: {message}"));
    }
    for (child, parent) in catalog::dangling(connection)? {
        broken.insert(format!(
            "`{child}` refers to `{parent}`, which is not there"
        ));
    }
    Ok(broken)
}
