//! Virtual tables: kept with their rows, and filled anew where what they index has changed.

use crate::devtools::alter::compose::composer::Composer;
use crate::devtools::alter::preconditions::{ConditionSource, keeps_rowids, origin};
use crate::devtools::model::diff::{Entity, Model, SchemaDifference};
use crate::report::change::ChangeKind;
use crate::report::error::Error;
use crate::sqlite::schema::objects::ObjectKind;
use crate::sqlite::sql::name::{plain, same_name};
use crate::sqlite::sql::token::{Tokens, mentions};

impl Composer<'_, '_> {
    /// A virtual table that holds its own rows, with its rows: a module knows no ALTER TABLE but
    /// RENAME.
    pub(super) fn remake(
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

    /// Full-text search over a table whose values or rowids changed is filled anew, also where
    /// a view is between them. Over one whose rows and values stay, nothing is to be done.
    pub(super) fn refill_searches(&mut self, now: &Model, difference: &SchemaDifference<'_>) {
        let mut changed: Vec<&str> = difference
            .altered
            .iter()
            .filter(|altered| {
                let valued = altered.after.columns.iter().any(|column| {
                    column.generated.is_none()
                        && matches!(
                            origin(altered.before, column),
                            ConditionSource::OrDefault(..) | ConditionSource::Using(_)
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
    pub(super) fn refill(&mut self, name: &str) {
        let name = plain(name);
        let sql = format!("INSERT INTO {name} ({name}) VALUES ('rebuild')");
        if self.connection.execute_batch(&sql).is_ok() {
            self.out.statement(&sql);
            self.out.end_block();
        }
    }
}

/// The columns whose values go from one virtual table to its successor, where the modules are
/// known to give back what they were given.
pub(super) fn kept_columns(before: &Entity, after: &Entity) -> Option<Vec<String>> {
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
