//! The order of the steps in one file.

use rusqlite::Connection;

use crate::devtools::alter::compose::composer::{
    ComposeOptions, Composed, Composer, free, free_name, model, stopped,
};
use crate::devtools::alter::compose::objects::made_again;
use crate::devtools::alter::compose::tables::{OnlyEmpty, refuse_nowhere, required};
use crate::devtools::alter::compose::virtual_tables::{keeps_no_text, kept_columns};
use crate::devtools::alter::grouping::{ChangeGroup, parents_first, readers_first};
use crate::devtools::alter::preconditions;
use crate::devtools::alter::renames::{Renames, steps};
use crate::devtools::alter::sql_writer::Writer;
use crate::devtools::model::diff::{Entity, Model, SchemaDifference, difference};
use crate::options::settings::Options;
use crate::report::change::ChangeKind;
use crate::report::error::Error;
use crate::report::loss::Direction;
use crate::sqlite::schema::objects::{Object, ObjectKind};
use crate::sqlite::sql::name::{plain, same_name};

/// Composes the file that leads from what `connection` holds to `target`, as far as `scope`
/// goes, and leaves `connection` as the file does.
///
/// # Errors
/// [`ErrorKind::NeedsDefault`](crate::ErrorKind::NeedsDefault); and what SQLite refuses, which nobody foresaw.
pub(crate) fn compose(
    connection: &Connection,
    options: &Options<'_>,
    target: &Model,
    scope: Option<&ChangeGroup>,
    renames: &Renames,
    manner: ComposeOptions,
) -> Result<Composed, Error> {
    let mut composer = Composer::of(connection, options, manner);
    composer.rename(renames, target)?;
    let now = model(connection, options)?;
    let difference = difference(&now, target, manner.order);
    let difference = match scope {
        Some(scope) => scope.keep(difference, &composer.composed.away),
        None => difference,
    };
    composer.change(&now, target, &difference)?;
    composer.composed.sql = composer.out.text().to_owned();
    Ok(composer.composed)
}

/// Renames, and does nothing else. Returned are the views and triggers that were in the way.
pub(crate) fn rename_only(
    connection: &Connection,
    options: &Options<'_>,
    target: &Model,
    renames: &Renames,
    manner: ComposeOptions,
) -> Result<Vec<Object>, Error> {
    let mut composer = Composer::of(connection, options, manner);
    composer.rename(renames, target)?;
    Ok(composer.composed.away)
}

impl Composer<'_, '_> {
    /// Natively and first: SQLite takes every index, trigger, view and reference along.
    fn rename(&mut self, renames: &Renames, target: &Model) -> Result<(), Error> {
        if renames.tables.is_empty() && renames.columns.is_empty() {
            return Ok(());
        }
        self.broken_before = self.broken_views()?;
        let now = self.model()?;
        let between = |name: &str| free_name(name, &now, target);
        for (before, after) in steps(&renames.tables, false, between) {
            self.make_room(&after, target)?;
            let (before, name) = (plain(&before), plain(&after));
            self.run_rename(&format!("ALTER TABLE {before} RENAME TO {name}"), target)?;
        }
        for (_, after) in &renames.tables {
            self.note(after, ChangeKind::Rename, Vec::new());
        }
        let mut columns = renames.columns.as_slice();
        while let Some((table, _, _)) = columns.first() {
            let count = columns.iter().take_while(|(of, _, _)| of == table).count();
            let (of_table, others) = columns.split_at(count);
            let names: Vec<(String, String)> = of_table
                .iter()
                .map(|(_, before, after)| (before.clone(), after.clone()))
                .collect();
            let sides = [now.table(renames.name_before(table)), target.table(table)];
            let there: Vec<&str> = sides
                .iter()
                .flatten()
                .flat_map(|entity| &entity.table.columns)
                .map(|column| column.name.as_str())
                .collect();
            let between = |name: &str| {
                free(name, |name| {
                    there.iter().any(|known| same_name(known, name))
                })
            };
            if now
                .table(renames.name_before(table))
                .is_some_and(|entity| entity.definition.is_none())
            {
                // Its module knows no such thing: it is rebuilt.
                let names = names.into_iter();
                self.of_virtual
                    .extend(names.map(|(old, new)| (table.clone(), old, new)));
                self.note(table, ChangeKind::Rename, Vec::new());
                columns = others;
                continue;
            }
            for (before, after) in steps(&names, true, between) {
                let sql = format!(
                    "ALTER TABLE {} RENAME COLUMN {} TO {}",
                    plain(table),
                    plain(&before),
                    plain(&after)
                );
                self.run_rename(&sql, target)?;
            }
            self.note(table, ChangeKind::Rename, Vec::new());
            columns = others;
        }
        self.out.end_block();
        Ok(())
    }

    /// SQLite renames nothing while a view or a trigger does not work, or would not afterwards. What
    /// it names goes first, and is made again at the end where the schema still has it.
    fn run_rename(&mut self, sql: &str, target: &Model) -> Result<(), Error> {
        loop {
            let error = match self.run(sql) {
                Ok(()) => return Ok(()),
                Err(error) => error,
            };
            match self.in_the_way(&error, target)? {
                Some(object) if self.manner.clears => self.drop_for_now(&object, target)?,
                _ => return Err(stopped(error)),
            }
        }
    }

    fn change(
        &mut self,
        now: &Model,
        target: &Model,
        difference: &SchemaDifference<'_>,
    ) -> Result<(), Error> {
        if self.manner.direction == Direction::Up {
            difference.altered.iter().try_for_each(refuse_nowhere)?;
        }
        let mut altered = difference.altered.iter();
        altered.try_for_each(|altered| self.refuse_wrong_conversions(altered))?;
        self.check_conditions(now, target, difference)?;
        let again = made_again(now, target, difference);
        self.drop_objects(now, difference, &again)?;
        let remade = self.remake_dropped(now, target, difference)?;
        let (created, searches): (Vec<&Entity>, Vec<&Entity>) = difference
            .created
            .iter()
            .partition(|e| e.definition.is_some());
        for entity in parents_first(&created) {
            self.create_table(entity, target)?;
        }
        let mut rebuilt: Vec<&str> = Vec::new();
        for altered in readers_first(&difference.altered) {
            if self.alter(altered, now, target)? {
                rebuilt.push(&altered.after.name);
            }
        }
        for entity in &difference.dropped {
            if target.table(entity.name()).is_none() {
                self.drop_table(entity)?;
            }
        }
        for index in std::mem::take(&mut self.waiting) {
            self.run(&index)?;
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

    /// Writes what the rows must fulfil before anything is changed.
    fn check_conditions(
        &mut self,
        now: &Model,
        target: &Model,
        difference: &SchemaDifference<'_>,
    ) -> Result<(), Error> {
        let mut required = required(now, target, difference, self.manner.direction);
        if self.manner.direction == Direction::Down {
            let only_empty = self.only_empty(difference);
            for OnlyEmpty { reason, .. } in &only_empty {
                if !self.composed.only_empty.contains(reason) {
                    self.composed.only_empty.push(reason.clone());
                }
            }
            let conditions = only_empty.into_iter().map(|only| only.condition);
            required.splice(0..0, conditions);
            for entity in difference.dropped.iter().filter(|e| keeps_no_text(e)) {
                let stays = target.table(entity.name()).is_some_and(keeps_no_text);
                if stays {
                    let reason =
                        format!("`{}` keeps no text to be filled with again", entity.name());
                    self.composed.only_empty.push(reason);
                    required.insert(0, preconditions::any_search(entity.name()));
                }
            }
        }
        let mut checks = Writer::default();
        let required = self.undecided(required)?;
        preconditions::write(&required, &mut checks);
        // On the rows that the migrations themselves make they must hold here already.
        self.run_all(&checks).map_err(|error| {
            error.with_help("the migrations themselves make such rows: correct them in a migration of their own first, or give the column `-- using: EXPR` in the schema file")
        })?;
        Ok(())
    }

    /// Tables whose name something else takes: what can be copied is, the rest is dropped. Gives
    /// the names of those that were filled.
    fn remake_dropped<'m>(
        &mut self,
        now: &Model,
        target: &'m Model,
        difference: &SchemaDifference<'_>,
    ) -> Result<Vec<&'m str>, Error> {
        let mut remade = Vec::new();
        for entity in &difference.dropped {
            // Something else of that name takes its place.
            let Some(successor) = target.table(entity.name()) else {
                continue;
            };
            let renamed = self.renamed_columns(entity.name());
            let kept = kept_columns(entity, successor, &renamed);
            match kept.filter(|_| entity.definition.is_some() || self.can_be_read(entity)) {
                Some(columns) => {
                    let between = free_name(successor.name(), now, target);
                    self.remake(entity, successor, &columns, &between)?;
                    let moved = renamed.iter().map(|(old, new)| {
                        format!(
                            "the values of `{old}` in `{}` are copied to `{new}`",
                            entity.name()
                        )
                    });
                    self.composed.moved.extend(moved);
                    remade.push(successor.name());
                }
                None => {
                    self.drop_table(entity)?;
                    if entity.table.is_derived() && !successor.table.is_derived() {
                        let emptied = vec![format!("leave `{}` empty", successor.name())];
                        self.note(successor.name(), ChangeKind::Rebuild, emptied);
                    }
                }
            }
        }
        Ok(remade)
    }
}
