//! Tables: made, dropped, altered, rebuilt.

use rusqlite::OptionalExtension;
use rusqlite::config::DbConfig;

use crate::devtools::alter::alter_table::{Means, natively, reasons};
use crate::devtools::alter::column_values::{ValueSource, is_gone, keeps_rowids, origin};
use crate::devtools::alter::compose::composer::{Composer, free_name};
use crate::devtools::alter::compose::virtual_tables::without_notes;
use crate::devtools::alter::preconditions::{self, Condition, Constant, conditions};
use crate::devtools::alter::rebuild::Rebuild;
use crate::devtools::alter::sql_writer::Writer;
use crate::devtools::alter::sqlite_version::SqliteVersion;
use crate::devtools::model::diff::{Altered, Entity, Model, SchemaDifference};
use crate::report::change::ChangeKind;
use crate::report::error::{Error, ErrorKind, invalid};
use crate::report::loss::Direction;
use crate::sqlite::execute::{failure, text};
use crate::sqlite::schema::objects::{Object, ObjectKind};
use crate::sqlite::schema::parsed::edits::{Edit, edits};
use crate::sqlite::sql::name::{plain, same_name};
use crate::sqlite::sql::token::Tokens;

impl Composer<'_, '_> {
    pub(super) fn create_table(&mut self, entity: &Entity, target: &Model) -> Result<(), Error> {
        let virtual_sql;
        let sql = match &entity.definition {
            Some(definition) => definition.text(),
            None => {
                virtual_sql = without_notes(&entity.table.sql);
                &virtual_sql
            }
        };
        if self.manner.direction == Direction::Down && entity.definition.is_some() {
            self.out
                .comment(&format!("`{}` comes back empty.", entity.name()));
        }
        if self.has(entity.name())?.is_some_and(|kind| kind == "index") {
            self.run(&format!("DROP INDEX {}", plain(entity.name())))?;
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
            // The name of one on a table that is dropped further down.
            match self.has(&index.name)? {
                Some(_) => self.waiting.push(index.sql.clone()),
                None => self.run(&index.sql)?,
            }
        }
        Ok(())
    }

    /// The kind of what has a name by now. Triggers have names of their own.
    fn has(&self, name: &str) -> Result<Option<String>, Error> {
        const KIND: &str = "SELECT type FROM main.sqlite_schema
            WHERE name = ?1 COLLATE NOCASE AND type <> 'trigger'";
        let found = self
            .connection
            .query_row(KIND, [name], |row| row.get(0))
            .optional();
        found.map_err(|error| failure("cannot read the schema", error))
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
            constraints: self.manner.constraints(),
            update_triggers: now.others.iter().any(updates),
        }
    }

    /// Alters a table. True where it was rebuilt.
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
                        ValueSource::OrDefault(..) | ValueSource::Using(_)
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
            direction: self.manner.direction,
        };
        let mut words = reasons(altered, means);
        if words.is_empty() {
            words.push("do this in one go".into());
        }
        // To who has a newer one it would not be so.
        let of_it = match self.manner.sqlite == SqliteVersion::linked() {
            true => String::new(),
            false => format!(" of SQLite {}", self.manner.sqlite),
        };
        self.out.comment(&format!(
            "`{}` is rebuilt, because ALTER TABLE{of_it} cannot {}: create, copy, drop, rename (https://sqlite.org/lang_altertable.html#otheralter). Foreign keys must be off meanwhile, which heirloom sees to.",
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
    /// that is not a column would be the same text in every row.
    pub(super) fn refuse_wrong_conversions(&self, altered: &Altered<'_>) -> Result<(), Error> {
        let table = plain(&altered.before.name);
        let texts = |on: bool| {
            self.connection
                .set_db_config(DbConfig::SQLITE_DBCONFIG_DQS_DML, on)
                .map_err(|error| failure("cannot prepare the database in memory", error))
        };
        for column in &altered.after.columns {
            let ValueSource::Using(expression) = origin(altered.before, column) else {
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

    /// The conditions that the rows decide. A constant is the same in all of them, and in none.
    pub(super) fn undecided(&self, conditions: Vec<Condition>) -> Result<Vec<Condition>, Error> {
        let mut left = Vec::with_capacity(conditions.len());
        for condition in conditions {
            let violated = match condition.constant() {
                None => None,
                Some(constant) => self.answer(constant)?,
            };
            match (violated, self.manner.direction, condition.constant()) {
                (Some(true), Direction::Up, Some(constant)) => {
                    return Err(Error::new(ErrorKind::NeedsDefault, constant.problem.clone())
                        .with_help("give it a DEFAULT that the CHECK lets in, or say beside it where its values come from (`-- using: EXPR`)"));
                }
                (Some(false), _, _) => {}
                _ => left.push(condition),
            }
        }
        Ok(left)
    }

    /// Whether a constant violates its CHECK, where that can be asked here.
    fn answer(&self, constant: &Constant) -> Result<Option<bool>, Error> {
        let mut answer = None;
        self.savepoint(|composer| {
            let connection = composer.connection;
            let asked = connection
                .execute_batch(&constant.row)
                .and_then(|()| connection.query_row(&constant.question, [], |row| row.get(0)));
            // NULL fulfils a CHECK.
            answer = asked
                .ok()
                .map(|violated: Option<bool>| violated == Some(true));
            true
        })?;
        Ok(answer)
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

/// A table that a down migration can only build without rows, and why, in a sentence.
pub(super) struct OnlyEmpty {
    pub(super) condition: Condition,
    pub(super) reason: String,
}

impl Composer<'_, '_> {
    /// Where no value is right that a down migration could put into the rows that are there by now: a
    /// reference whose values are gone, or whose parents come back empty or with other keys; a
    /// key that rows are known by; a CHECK that what stands in for the values does not meet.
    pub(super) fn only_empty(&self, difference: &SchemaDifference<'_>) -> Vec<OnlyEmpty> {
        let mut found: Vec<OnlyEmpty> = Vec::new();
        let comes_back_empty = |name: &str| {
            let mut created = difference.created.iter();
            created.any(|entity| entity.definition.is_some() && same_name(entity.name(), name))
        };
        // Columns whose values are gone and that nothing gives back.
        let is_gone = |table: &str, column: &str| {
            let altered = difference.altered.iter();
            let mut of_table = altered.filter(|altered| same_name(&altered.after.name, table));
            of_table.any(|altered| {
                let column = altered.after.column(column);
                column.is_some_and(|column| is_gone(altered.before, altered.after, column))
            })
        };
        for altered in &difference.altered {
            let Altered { before, after, .. } = altered;
            let table = &after.name;
            for key in after.foreign_keys() {
                let own = key.columns.iter().find(|column| is_gone(table, column));
                let parent_is_gone = comes_back_empty(&key.parent)
                    || key.to.iter().any(|column| is_gone(&key.parent, column));
                let reason = match (own, parent_is_gone) {
                    (_, true) => format!(
                        "`{table}` refers to rows of `{}`, which are gone",
                        key.parent
                    ),
                    (Some(column), false) => format!(
                        "what `{column}` of `{table}` referred to in `{}` is gone",
                        key.parent
                    ),
                    (None, false) => continue,
                };
                let condition = preconditions::referring(before, after, key);
                found.extend(condition.map(|condition| OnlyEmpty { condition, reason }));
            }
            let key = after.rowid_column();
            let key = key.filter(|key| is_gone(table, &key.name) && !keeps_rowids(after, before));
            if let Some(key) = key {
                found.push(OnlyEmpty {
                    condition: preconditions::any_row(before, &key.name),
                    reason: format!("the keys in `{}` of `{table}` are gone", key.name),
                });
            }
            for text in preconditions::checks_of_what_is_gone(before, after) {
                let unmet = self
                    .connection
                    .query_row(&text.query, [], |row| row.get::<_, bool>(0))
                    .unwrap_or_default();
                if unmet {
                    found.push(OnlyEmpty {
                        condition: preconditions::any_row(before, &text.column),
                        reason: format!(
                            "the values of `{}` in `{table}` are gone, and nothing that could stand in for them meets its CHECK",
                            text.column
                        ),
                    });
                }
            }
        }
        found
    }
}

/// What the rows that are there must fulfil.
pub(super) fn required(
    now: &Model,
    target: &Model,
    difference: &SchemaDifference<'_>,
    direction: Direction,
) -> Vec<Condition> {
    let mut required: Vec<Condition> = Vec::new();
    for altered in &difference.altered {
        required.extend(conditions(altered.before, altered.after, now, direction));
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
        column.generated.is_none() && origin(altered.before, column) == ValueSource::Nowhere
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
