//! Tables: made, dropped, altered, built anew.

use rusqlite::config::DbConfig;

use crate::devtools::alter::alter_table::{ChangeKind, Means, natively, reasons};
use crate::devtools::alter::compose::composer::{Composer, free_name};
use crate::devtools::alter::preconditions::{self, Condition, ConditionSource, conditions, origin};
use crate::devtools::alter::rebuild::Rebuild;
use crate::devtools::alter::sql_writer::Writer;
use crate::devtools::model::canonical::plain;
use crate::devtools::model::diff::{Altered, Edit, Entity, Model, SchemaDifference, edits};
use crate::report::error::{Error, ErrorKind, invalid};
use crate::report::loss::Direction;
use crate::sqlite::execute::{failure, text};
use crate::sqlite::schema::objects::{Object, ObjectKind};
use crate::sqlite::sql::name::same_name;
use crate::sqlite::sql::token::Tokens;

impl Composer<'_, '_> {
    pub(super) fn create_table(&mut self, entity: &Entity, target: &Model) -> Result<(), Error> {
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

    pub(super) fn indexes_of(&mut self, table: &str, target: &Model) -> Result<(), Error> {
        let indexes = target
            .others
            .iter()
            .filter(|object| object.kind == ObjectKind::Index && same_name(&object.table, table));
        for index in indexes {
            self.run(&index.sql)?;
        }
        Ok(())
    }

    pub(super) fn drop_table(&mut self, entity: &Entity) -> Result<(), Error> {
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

    pub(super) fn means(&self, altered: &Altered<'_>, now: &Model) -> Means {
        let updates = |object: &Object| {
            // The word is reserved: an index has it in no name without quotes.
            same_name(&object.table, &altered.before.name)
                && Tokens::new(&object.sql).any(|token| token.word() == "UPDATE")
        };
        Means {
            constraints: self.manner.constraints,
            update_triggers: now.others.iter().any(updates),
        }
    }

    /// Alters a table. True where it was built anew.
    pub(super) fn alter(
        &mut self,
        altered: &Altered<'_>,
        now: &Model,
        target: &Model,
    ) -> Result<bool, Error> {
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
                    if matches!(
                        origin(before, column),
                        ConditionSource::OrDefault(..) | ConditionSource::Using(_)
                    ) =>
                {
                    self.not_restored(format!(
                        "the NULLs of `{}` in `{}`, which were filled",
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
    pub(super) fn refuse_wrong_conversions(&self, altered: &Altered<'_>) -> Result<(), Error> {
        let table = plain(&altered.before.name);
        let texts = |on: bool| {
            self.connection
                .set_db_config(DbConfig::SQLITE_DBCONFIG_DQS_DML, on)
                .map_err(|error| failure("cannot prepare the database in memory", error))
        };
        for column in &altered.after.columns {
            let ConditionSource::Using(expression) = origin(altered.before, column) else {
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
    pub(super) fn savepoint(&self, attempt: impl FnOnce(&Self) -> bool) -> Result<bool, Error> {
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
}

/// What the rows that are there must fulfil.
pub(super) fn required(
    now: &Model,
    target: &Model,
    difference: &SchemaDifference<'_>,
) -> Vec<Condition> {
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
            required.extend(preconditions::unique_index(
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

pub(super) fn refuse_nowhere(altered: &Altered<'_>) -> Result<(), Error> {
    let nowhere = altered.after.columns.iter().find(|column| {
        column.generated.is_none() && origin(altered.before, column) == ConditionSource::Nowhere
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
