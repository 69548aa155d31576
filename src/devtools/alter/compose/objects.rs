//! Views, triggers and indexes: those that go, and those that come.

use crate::devtools::alter::alter_table::natively;
use crate::devtools::alter::compose::composer::Composer;
use crate::devtools::model::diff::{Model, SchemaDifference};
use crate::report::change::ChangeKind;
use crate::report::error::Error;
use crate::sqlite::schema::empty_copy::read_view;
use crate::sqlite::schema::objects::{Object, ObjectKind};
use crate::sqlite::schema::parsed::edits::same_objects;
use crate::sqlite::sql::name::{plain, same_name};
use crate::sqlite::sql::token::mentions;

impl Composer<'_, '_> {
    /// The views that do not work.
    pub(super) fn broken_views(&self) -> Result<Vec<String>, Error> {
        let now = self.model()?;
        let views = now.others.iter().filter(|o| o.kind == ObjectKind::View);
        let broken = views.filter(|view| read_view(self.connection, &view.name).is_err());
        Ok(broken.map(|view| view.name.clone()).collect())
    }

    /// The view or the trigger that SQLite names where it refuses to rename something. None where it
    /// does not work by itself and stays like that, which is for a migration of its own.
    pub(super) fn in_the_way(
        &self,
        error: &Error,
        target: &Model,
    ) -> Result<Option<Object>, Error> {
        let message = error.message();
        let Some(said) = message.strip_prefix("error in ") else {
            return Ok(None);
        };
        let named = |object: &&Object| {
            let rest = said.strip_prefix(&format!("{} {}", object.kind, object.name));
            object.kind != ObjectKind::Index
                && rest.is_some_and(|rest| rest.starts_with(':') || rest.starts_with(" after "))
        };
        let now = self.model()?;
        let found = now.others.iter().filter(named);
        let found = found.max_by_key(|object| object.name.len());
        let stays = |object: &&Object| {
            let wanted = target.object(object);
            self.broken_before.contains(&object.name)
                && wanted.is_some_and(|wanted| same_objects(object, wanted))
        };
        Ok(found.filter(|object| !stays(object)).cloned())
    }

    /// Drops a view or a trigger before something is renamed.
    pub(super) fn drop_for_now(&mut self, object: &Object, target: &Model) -> Result<(), Error> {
        let now = self.model()?;
        let word = object.kind.to_string().to_uppercase();
        self.run(&format!("DROP {word} {}", plain(&object.name)))?;
        let goes_along = |other: &&Object| {
            object.kind == ObjectKind::View
                && other.kind == ObjectKind::Trigger
                && same_name(&other.table, &object.name)
        };
        let along = now.others.iter().filter(goes_along);
        for gone in along.chain([object]) {
            if !target
                .object(gone)
                .is_some_and(|wanted| same_objects(gone, wanted))
            {
                self.note_object(gone, ChangeKind::Drop, &now);
            }
            self.composed.away.push(gone.clone());
        }
        Ok(())
    }

    /// A view that stood in for a table of its name goes before the table comes.
    pub(super) fn make_room(&mut self, name: &str, target: &Model) -> Result<(), Error> {
        let now = self.model()?;
        let is_it =
            |object: &&Object| object.kind == ObjectKind::View && same_name(&object.name, name);
        match now.others.iter().find(is_it) {
            Some(view) => self.drop_for_now(view, target),
            None => Ok(()),
        }
    }

    pub(super) fn drop_objects(
        &mut self,
        now: &Model,
        difference: &SchemaDifference<'_>,
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
            !view_goes && !table_goes
        };
        let rebuilt: Vec<&str> = difference
            .altered
            .iter()
            .filter(|altered| natively(altered, self.means(altered, now)).is_none())
            .map(|altered| altered.after.name.as_str())
            .collect();
        let gone: Vec<&Object> = difference.gone.iter().chain(again).copied().collect();
        // What depends on others was made, or found, after them, and goes before them.
        for kind in [ObjectKind::Trigger, ObjectKind::View, ObjectKind::Index] {
            for object in gone
                .iter()
                .rev()
                .copied()
                .filter(|object| object.kind == kind)
            {
                let rebuilt = rebuilt.iter().any(|table| same_name(table, &object.table));
                // What goes for good is named: a reader could take it for forgotten.
                let comes_back = difference.new.iter().any(|new| {
                    new.kind == object.kind
                        && same_name(&new.name, &object.name)
                        && same_name(&new.table, &object.table)
                });
                let goes_anyway = rebuilt && comes_back;
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
        let kind = match model.table(&object.table) {
            Some(_) => ChangeKind::Alter,
            None => kind,
        };
        self.note(&object.table, kind, Vec::new());
    }

    pub(super) fn create_objects(
        &mut self,
        now: &Model,
        target: &Model,
        difference: &SchemaDifference<'_>,
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

/// Views and triggers that stay as they are and must go for a while: ALTER TABLE looks at
/// all of them, and one that reads from a view that is away would stop it. What belongs to a
/// view that changes goes with it.
pub(super) fn made_again<'m>(
    now: &'m Model,
    target: &Model,
    difference: &SchemaDifference<'_>,
) -> Vec<&'m Object> {
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
    again
}
