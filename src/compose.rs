//! A migration file in the making: composed against a database in memory on which each
//! statement is run as soon as it is written.

use std::collections::BTreeSet;

use rusqlite::Connection;
use rusqlite::config::DbConfig;

use crate::catalog;
use crate::change::{ChangeKind, Means, NATIVE_CONSTRAINTS, natively, reasons};
use crate::condition::{self, Condition, Origin, conditions, origin};
use crate::diff::{Altered, ColumnOrder, Difference, Edit, Entity, Model, difference, edits};
use crate::error::{Error, ErrorKind};
use crate::migration::invalid;
use crate::normal::plain;
use crate::options::Options;
use crate::plan::Direction;
use crate::rebuild::{Rebuild, keeps_rowids};
use crate::rename::Renames;
use crate::replay;
use crate::schema::{Object, ObjectKind, TableKind, same_name};
use crate::scope::{Scope, parents_first};
use crate::script::Script;
use crate::sqlite::{failure, text};
use crate::token::{Tokens, mentions, quote};
use crate::writer::Writer;

/// What messages call a file that has no name yet.
const DRAFT: &str = "the migration in the making";

/// The present schema of a database, taken apart.
pub(crate) fn model(connection: &Connection, options: &Options<'_>) -> Result<Model, Error> {
    let schema = catalog::schema(connection, &options.history_table)?;
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
        replay::run(self.connection, &Script::new(DRAFT, sql.to_owned()))?;
        self.out.statement(sql);
        Ok(())
    }

    /// Runs what was written apart, and adds it.
    fn run_all(&mut self, written: &Writer) -> Result<(), Error> {
        replay::run(
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
                // An index beside a rebuild is part of it.
                if kind != ChangeKind::Alter {
                    change.kind = kind;
                }
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

    /// SQLite renames nothing while a view does not work. One that is to go anyway goes first.
    fn drop_broken_views(&mut self, target: &Model) -> Result<(), Error> {
        let now = self.model()?;
        let views = now.others.iter().filter(|o| o.kind == ObjectKind::View);
        for view in views.filter(|view| target.object(view).is_none()) {
            let name = quote(&view.name);
            let read = format!("SELECT * FROM main.{name}");
            if self.connection.prepare(&read).is_err() {
                self.run(&format!("DROP VIEW {}", plain(&view.name)))?;
                self.note_object(view, ChangeKind::Drop, &now);
            }
        }
        Ok(())
    }

    /// A view that stood in for a table of its name goes before the table comes.
    fn make_room(&mut self, name: &str) -> Result<(), Error> {
        let now = self.model()?;
        let is_it =
            |object: &&Object| object.kind == ObjectKind::View && same_name(&object.name, name);
        match now.others.iter().find(is_it) {
            Some(_) => self.run(&format!("DROP VIEW {}", plain(name))),
            None => Ok(()),
        }
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

    fn drop_objects(
        &mut self,
        now: &Model,
        difference: &Difference<'_>,
        again: &[&Object],
    ) -> Result<(), Error> {
        let dropped = |object: &&Object| {
            let table_goes = difference
                .dropped
                .iter()
                .any(|entity| same_name(entity.name(), &object.table));
            let view_goes = object.kind == ObjectKind::Trigger
                && now.others.iter().any(|view| {
                    view.kind == ObjectKind::View
                        && same_name(&view.name, &object.table)
                        && (difference.gone.contains(&view) || again.contains(&view))
                });
            !view_goes && (!table_goes || object.kind == ObjectKind::View)
        };
        let gone: Vec<&Object> = difference.gone.iter().chain(again).copied().collect();
        // Newest first: what depends on others was made after them.
        for kind in [ObjectKind::Trigger, ObjectKind::View, ObjectKind::Index] {
            for object in gone
                .iter()
                .rev()
                .copied()
                .filter(|object| object.kind == kind)
            {
                let rebuilt = difference.altered.iter().any(|altered| {
                    same_name(&altered.after.name, &object.table)
                        && natively(altered, self.means(altered, now)).is_none()
                });
                // What goes for good is named: a reader could take it for forgotten.
                let comes_back = difference
                    .new
                    .iter()
                    .any(|new| new.kind == object.kind && same_name(&new.name, &object.name));
                let goes_anyway = rebuilt && comes_back && kind != ObjectKind::View;
                if dropped(&object) && !goes_anyway {
                    let name = plain(&object.name);
                    let word = kind.to_string().to_uppercase();
                    self.run(&format!("DROP {word} {name}"))?;
                }
                if difference.gone.contains(&object) {
                    self.note_object(object, ChangeKind::Drop, now);
                }
            }
        }
        self.out.end_block();
        Ok(())
    }

    /// A view or a trigger counts as its table's change, and alone as its own.
    fn note_object(&mut self, object: &Object, kind: ChangeKind, model: &Model) {
        let of_table = model.table(&object.table).is_some();
        let noted = self
            .composed
            .changes
            .iter()
            .any(|change| same_name(&change.table, &object.table));
        match (of_table, noted) {
            (true, _) => self.note(&object.table, ChangeKind::Alter, Vec::new()),
            // Dropped and made again it is altered.
            (false, true) => self.note(&object.table, ChangeKind::Alter, Vec::new()),
            (false, false) => self.note(&object.table, kind, Vec::new()),
        }
        if !of_table && noted && kind == ChangeKind::Create {
            let own = self.composed.changes.iter_mut();
            for change in own.filter(|change| same_name(&change.table, &object.table)) {
                change.kind = ChangeKind::Alter;
            }
        }
    }

    fn create_table(&mut self, entity: &Entity, target: &Model) -> Result<(), Error> {
        let sql = match &entity.definition {
            Some(definition) => definition.text(),
            None => &entity.table.sql,
        };
        if self.manner.direction == Direction::Down && entity.definition.is_some() {
            self.out
                .comment(&format!("`{}` comes back empty.", entity.name()));
        }
        self.run(sql)?;
        self.indexes_of(entity.name(), target)?;
        self.out.end_block();
        self.note(entity.name(), ChangeKind::Create, Vec::new());
        if entity.table.content().is_some() {
            self.refill(entity.name());
        }
        Ok(())
    }

    fn indexes_of(&mut self, table: &str, target: &Model) -> Result<(), Error> {
        let indexes = target
            .others
            .iter()
            .filter(|object| object.kind == ObjectKind::Index && same_name(&object.table, table));
        for index in indexes {
            self.run(&index.sql)?;
        }
        Ok(())
    }

    fn drop_table(&mut self, entity: &Entity) -> Result<(), Error> {
        self.run(&format!("DROP TABLE {}", plain(entity.name())))?;
        self.out.end_block();
        let destroys = match entity.table.is_derived() {
            true => Vec::new(),
            false => vec![format!("drop table `{}`", entity.name())],
        };
        if !destroys.is_empty() {
            self.not_restored(format!("the rows of `{}`", entity.name()));
        }
        self.note(entity.name(), ChangeKind::Drop, destroys);
        Ok(())
    }

    /// A virtual table that holds its own rows, with its rows: a module knows no ALTER TABLE but
    /// RENAME.
    fn remake(
        &mut self,
        before: &Entity,
        after: &Entity,
        columns: &[String],
        between: &str,
    ) -> Result<(), Error> {
        let (old, new) = (plain(before.name()), plain(between));
        let sql = &after.table.sql;
        // SQLite keeps `CREATE VIRTUAL TABLE name USING …`, whatever stood before the name.
        let Some(name) = Tokens::new(sql).nth(3) else {
            return self.drop_table(before);
        };
        let create = format!(
            "{}{new}{}",
            &sql[..name.start],
            &sql[name.start + name.text.len()..]
        );
        let columns = columns.join(", ");
        self.out.comment(&format!(
            "`{}` is made anew, because a virtual table cannot be altered: create, copy, drop, rename.",
            before.name()
        ));
        for statement in [
            create,
            format!("INSERT INTO {new} ({columns})\nSELECT {columns}\nFROM {old}"),
            format!("DROP TABLE {old}"),
            "PRAGMA legacy_alter_table = ON".into(),
            format!("ALTER TABLE {new} RENAME TO {old}"),
            "PRAGMA legacy_alter_table = OFF".into(),
        ] {
            self.run(&statement)?;
        }
        self.out.end_block();
        let is_left = |name: &str| after.table.columns.iter().any(|c| same_name(&c.name, name));
        let gone = before.table.columns.iter().filter(|c| !is_left(&c.name));
        let destroys: Vec<String> = gone
            .map(|column| format!("drop column `{}` of `{}`", column.name, before.name()))
            .collect();
        self.note(after.name(), ChangeKind::Rebuild, destroys);
        Ok(())
    }

    fn not_restored(&mut self, what: String) {
        self.composed.not_restored.push(what);
    }

    fn means(&self, altered: &Altered<'_>, now: &Model) -> Means {
        let updates = |object: &Object| {
            let of_table = object.kind == ObjectKind::Trigger
                && same_name(&object.table, &altered.before.name);
            of_table && Tokens::new(&object.sql).any(|token| token.word() == "UPDATE")
        };
        Means {
            constraints: self.manner.constraints,
            update_triggers: now.others.iter().any(updates),
        }
    }

    /// Alters a table. True where it was built anew.
    fn alter(&mut self, altered: &Altered<'_>, now: &Model, target: &Model) -> Result<bool, Error> {
        let Altered {
            before,
            after,
            edits: wanted,
        } = altered;
        let destroys: Vec<String> = wanted
            .iter()
            .filter_map(|edit| edit.destroys(before, after))
            .collect();
        for edit in wanted {
            match edit {
                Edit::Drop(column) if column.generated.is_none() => self.not_restored(format!(
                    "the values of `{}` in `{}`",
                    column.name, after.name
                )),
                Edit::SetNotNull(column)
                    if matches!(origin(before, column), Origin::OrDefault(..)) =>
                {
                    self.not_restored(format!(
                        "the NULLs of `{}` in `{}`, which took its default",
                        column.name, after.name
                    ));
                }
                Edit::Retype(_, column) if column.using.is_some() => self.not_restored(format!(
                    "the values of `{}` in `{}` as they were before the conversion",
                    column.name, after.name
                )),
                _ => {}
            }
        }
        if before.autoincrement() && !after.autoincrement() {
            self.not_restored(format!(
                "the number that AUTOINCREMENT of `{}` had come to, where its last rows are gone",
                after.name
            ));
        }
        let means = self.means(altered, now);
        if let Some(statements) = natively(altered, means) {
            // SQLite is the judge of what it takes (what it refuses on no rows it refuses on
            // any) and of what comes of it: of two constraints of a name it drops the first.
            let order = self.manner.order;
            let trial = self.savepoint(|composer| {
                let tried = statements.iter();
                let taken = tried
                    .into_iter()
                    .try_for_each(|sql| composer.connection.execute_batch(sql));
                let made = taken.ok().and_then(|()| composer.model().ok());
                let made = made
                    .as_ref()
                    .and_then(|model| model.definition(&after.name));
                made.is_some_and(|made| edits(made, after, order).is_empty())
            })?;
            if trial {
                for sql in &statements {
                    self.run(sql)?;
                }
                self.out.end_block();
                self.note(&after.name, ChangeKind::Alter, destroys);
                return Ok(false);
            }
        }
        let between = free_name(&after.name, now, target);
        let rebuild = Rebuild {
            before,
            after,
            between: &between,
            direction: self.manner.direction,
        };
        let mut words = reasons(altered, means);
        if words.is_empty() {
            words.push("do this in one go".into());
        }
        self.out.comment(&format!(
            "`{}` is built anew, because ALTER TABLE cannot {}: create, copy, drop, rename (https://sqlite.org/lang_altertable.html#otheralter). Foreign keys must be off meanwhile, which heirloom sees to.",
            after.name,
            words.join(", ")
        ));
        if let Some(hidden) = rebuild.unreachable_rowids() {
            self.out.comment(&hidden);
        }
        let mut written = Writer::default();
        rebuild.write(&mut written);
        self.run_all(&written)?;
        self.indexes_of(&after.name, target)?;
        self.out.end_block();
        self.note(&after.name, ChangeKind::Rebuild, destroys);
        Ok(true)
    }

    /// What `-- using:` says must be one expression over the old row. A name in double quotes
    /// that is no column would be the same text in every row.
    fn refuse_wrong_conversions(&self, altered: &Altered<'_>) -> Result<(), Error> {
        let table = plain(&altered.before.name);
        let texts = |on: bool| {
            self.connection
                .set_db_config(DbConfig::SQLITE_DBCONFIG_DQS_DML, on)
                .map_err(|error| failure("cannot prepare the database in memory", error))
        };
        for column in &altered.after.columns {
            let Origin::Using(expression) = origin(altered.before, column) else {
                continue;
            };
            let strings = self
                .connection
                .db_config(DbConfig::SQLITE_DBCONFIG_DQS_DML)
                .unwrap_or(true);
            texts(false)?;
            let sql = format!("SELECT ({expression}) FROM {table}");
            let reason = match self.connection.prepare(&sql) {
                Ok(query) if query.column_count() == 1 => None,
                Ok(_) => Some("it is more than one expression".to_owned()),
                Err(error) => Some(text(&error)),
            };
            texts(strings)?;
            if let Some(reason) = reason {
                return Err(invalid(format!(
                    "`{}`.`{}` cannot be made with `{expression}`: {reason}",
                    altered.after.name, column.name
                ))
                .with_help("correct the expression; it is one over the row of the old table"));
            }
        }
        Ok(())
    }

    /// Tries something and takes it back.
    fn savepoint(&self, attempt: impl FnOnce(&Self) -> bool) -> Result<bool, Error> {
        let run = |sql: &str| {
            self.connection
                .execute_batch(sql)
                .map_err(|error| failure(format!("cannot run `{sql}`"), error))
        };
        run("SAVEPOINT heirloom_trial")?;
        let went_well = attempt(self);
        run("ROLLBACK TO heirloom_trial")?;
        run("RELEASE heirloom_trial")?;
        Ok(went_well)
    }

    /// Full-text search over a table whose values or rowids changed is filled anew, also where
    /// a view is between them. Over one whose rows and values stay, nothing is to be done.
    fn refill_searches(&mut self, now: &Model, difference: &Difference<'_>) {
        let mut changed: Vec<&str> = difference
            .altered
            .iter()
            .filter(|altered| {
                let valued = altered.after.columns.iter().any(|column| {
                    column.generated.is_none()
                        && matches!(
                            origin(altered.before, column),
                            Origin::OrDefault(..) | Origin::Using(_)
                        )
                });
                valued || !keeps_rowids(altered.before, altered.after)
            })
            .map(|altered| altered.after.name.as_str())
            .collect();
        let views = now.others.iter().filter(|o| o.kind == ObjectKind::View);
        // Each is made after those it reads from.
        for view in views {
            if changed.iter().any(|name| mentions(&view.sql, name)) {
                changed.push(&view.name);
            }
        }
        let goes = |entity: &Entity| {
            let mut dropped = difference.dropped.iter();
            dropped.any(|gone| same_name(gone.name(), entity.name()))
        };
        for search in now.tables.iter().filter(|entity| !goes(entity)) {
            let content = search.table.content();
            if content.is_some_and(|content| changed.iter().any(|name| same_name(name, &content))) {
                self.refill(search.name());
            }
        }
    }

    /// Fills a search table from its content, where it can be
    /// (<https://sqlite.org/fts5.html#the_rebuild_command>).
    fn refill(&mut self, name: &str) {
        let name = plain(name);
        let sql = format!("INSERT INTO {name} ({name}) VALUES ('rebuild')");
        if self.connection.execute_batch(&sql).is_ok() {
            self.out.statement(&sql);
            self.out.end_block();
        }
    }

    fn create_objects(
        &mut self,
        now: &Model,
        target: &Model,
        difference: &Difference<'_>,
        again: &[&Object],
        rebuilt: &[&str],
    ) -> Result<(), Error> {
        for kind in [ObjectKind::View, ObjectKind::Trigger] {
            for object in target.others.iter().filter(|object| object.kind == kind) {
                let is_new = difference.new.contains(&object);
                let like = |other: &&Object| {
                    other.kind == object.kind && same_name(&other.name, &object.name)
                };
                let made_again = again.iter().any(like)
                    || (kind == ObjectKind::Trigger
                        && now.object(object).is_some()
                        && rebuilt.iter().any(|table| same_name(table, &object.table)));
                if is_new || made_again {
                    self.run(&object.sql)?;
                    self.out.end_block();
                }
                if is_new {
                    self.note_object(object, ChangeKind::Create, target);
                }
            }
        }
        Ok(())
    }
}

/// What the rows that are there must fulfil.
fn required(now: &Model, target: &Model, difference: &Difference<'_>) -> Vec<Condition> {
    let mut required: Vec<Condition> = Vec::new();
    for altered in &difference.altered {
        required.extend(conditions(altered.before, altered.after, now));
    }
    let indexes = target
        .others
        .iter()
        .filter(|object| object.kind == ObjectKind::Index);
    for index in indexes {
        let altered = difference
            .altered
            .iter()
            .find(|altered| same_name(&altered.after.name, &index.table));
        let there = now.definition(&index.table);
        let sides = altered
            .map(|altered| (altered.before, altered.after))
            .or(there.map(|table| (table, table)));
        let new = difference.new.contains(&index);
        if let (Some((before, after)), true) = (sides, new || altered.is_some()) {
            required.extend(condition::unique_index(
                before,
                after,
                &index.sql,
                &index.name,
                new,
            ));
        }
    }
    required
}

/// Views and triggers that stay as they are and must go for a while: ALTER TABLE looks at
/// all of them, and one that reads from a view that is away would stop it. What belongs to a
/// view that changes goes with it.
fn made_again<'m>(now: &'m Model, target: &Model, difference: &Difference<'_>) -> Vec<&'m Object> {
    let mut away: Vec<&Object> = difference
        .gone
        .iter()
        .copied()
        .filter(|object| object.kind == ObjectKind::View)
        .collect();
    let mut again: Vec<&'m Object> = Vec::new();
    while let Some(view) = away.pop() {
        for object in &now.others {
            let known = difference.gone.contains(&object) || again.contains(&object);
            let reads = object.kind != ObjectKind::Index && mentions(&object.sql, &view.name);
            let stays = target.object(object).is_some();
            let belongs =
                object.kind == ObjectKind::Trigger && same_name(&object.table, &view.name);
            let must_go = belongs || !difference.altered.is_empty();
            if reads && !known && stays && must_go {
                again.push(object);
                if object.kind == ObjectKind::View {
                    away.push(object);
                }
            }
        }
    }
    let order = |object: &&Object| now.others.iter().position(|other| other == *object);
    again.sort_by_key(order);
    again
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

/// The columns whose values go from one virtual table to its successor, where the modules are
/// known to give back what they were given.
fn kept_columns(before: &Entity, after: &Entity) -> Option<Vec<String>> {
    let family = |entity: &Entity| {
        let tokens: Vec<_> = Tokens::new(&entity.table.sql).collect();
        let using = tokens.iter().position(|token| token.word() == "USING")?;
        // Without content of its own it cannot say what it was given.
        let bare = tokens
            .windows(2)
            .any(|pair| pair[0].word() == "CONTENT" && pair[1].text == "=");
        match tokens.get(using + 1)?.name().to_ascii_lowercase().as_str() {
            "fts3" | "fts4" | "fts5" if !bare => Some("search"),
            "rtree" => Some("rtree"),
            "rtree_i32" => Some("rtree_i32"),
            _ => None,
        }
    };
    if before.definition.is_some() || after.definition.is_some() {
        return None;
    }
    let family = family(before).filter(|_| family(before) == family(after))?;
    let mut columns: Vec<String> = after
        .table
        .columns
        .iter()
        .filter(|now| {
            before
                .table
                .columns
                .iter()
                .any(|was| same_name(&was.name, &now.name))
        })
        .map(|column| plain(&column.name))
        .collect();
    let rows = match family {
        "search" => !columns.is_empty(),
        // The first column is the rowid.
        _ => {
            before
                .table
                .columns
                .first()
                .map(|c| c.name.to_ascii_lowercase())
                == after
                    .table
                    .columns
                    .first()
                    .map(|c| c.name.to_ascii_lowercase())
        }
    };
    if family == "search" {
        columns.insert(0, "rowid".into());
    }
    rows.then_some(columns)
}

fn refuse_nowhere(altered: &Altered<'_>) -> Result<(), Error> {
    let nowhere = altered.after.columns.iter().find(|column| {
        column.generated.is_none() && origin(altered.before, column) == Origin::Nowhere
    });
    match nowhere {
        None => Ok(()),
        Some(column) => Err(Error::new(
            ErrorKind::NeedsDefault,
            format!(
                "column `{}` of `{}` is new and NOT NULL, and the rows that are there would have nothing in it",
                column.name, altered.after.name
            ),
        )
        .with_help("give it a DEFAULT, or say beside it where its values come from (`-- using: EXPR`), or let it be NULL")),
    }
}

/// What SQLite says of a database after a file.
pub(crate) fn broken(
    connection: &Connection,
    options: &Options<'_>,
) -> Result<BTreeSet<String>, Error> {
    let schema = catalog::schema(connection, &options.history_table)?;
    let objects = crate::foresee::broken_objects(connection, &schema)?;
    let mut broken: BTreeSet<String> = objects
        .into_iter()
        .map(|(object, error)| format!("{object}: {}", text(&error)))
        .collect();
    for table in schema
        .tables
        .iter()
        .filter(|t| t.kind == TableKind::Virtual)
    {
        // One over the rows of another table finds out when it is read.
        let read = format!("SELECT * FROM main.{} LIMIT 1", quote(&table.name));
        let done = connection
            .prepare(&read)
            .and_then(|mut query| query.query([])?.next().map(|_| ()));
        if let Err(error) = done {
            broken.insert(format!(
                "the virtual table `{}`: {}",
                table.name,
                text(&error)
            ));
        }
    }
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
