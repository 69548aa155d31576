//! Virtual tables: kept with their rows, and filled again where what they index has changed.

use crate::devtools::alter::column_values::{ValueSource, keeps_rowids, origin};
use crate::devtools::alter::compose::composer::Composer;
use crate::devtools::model::diff::{Entity, Model, SchemaDifference};
use crate::report::change::ChangeKind;
use crate::report::error::Error;
use crate::sqlite::schema::objects::ObjectKind;
use crate::sqlite::schema::parsed::annotations::notes;
use crate::sqlite::sql::name::{plain, same_name};
use crate::sqlite::sql::token::{Tokens, mentions};

impl Composer<'_, '_> {
    /// A virtual table that holds its own rows, with its rows: a module knows no ALTER TABLE but
    /// RENAME.
    pub(super) fn remake(
        &mut self,
        before: &Entity,
        after: &Entity,
        columns: &KeptColumns,
        between: &str,
    ) -> Result<(), Error> {
        let (old, new) = (plain(before.name()), plain(between));
        let sql = &without_notes(&after.table.sql);
        // SQLite keeps `CREATE VIRTUAL TABLE name USING …`, whatever stood before the name.
        let Some(name) = Tokens::new(sql).nth(3) else {
            return self.drop_table(before);
        };
        let create = format!(
            "{}{new}{}",
            &sql[..name.start],
            &sql[name.start + name.text.len()..]
        );
        let (into, from) = (columns.into.join(", "), columns.from.join(", "));
        self.out.comment(&format!(
            "`{}` is rebuilt, because a virtual table cannot be altered: create, copy, drop, rename.",
            before.name()
        ));
        for statement in [
            create,
            format!("INSERT INTO {new} ({into})\nSELECT {from}\nFROM {old}"),
            format!("DROP TABLE {old}"),
            "PRAGMA legacy_alter_table = ON".into(),
            format!("ALTER TABLE {new} RENAME TO {old}"),
            "PRAGMA legacy_alter_table = OFF".into(),
        ] {
            self.run(&statement)?;
        }
        self.out.end_block();
        let is_left = |name: &str| columns.from.iter().any(|from| *from == plain(name));
        let gone = before.table.columns.iter().filter(|c| !is_left(&c.name));
        let destroys: Vec<String> = gone
            .map(|column| format!("drop column `{}` of `{}`", column.name, before.name()))
            .collect();
        self.note(after.name(), ChangeKind::Rebuild, destroys);
        Ok(())
    }

    /// The columns of a virtual table that have another name afterwards: before and after.
    pub(super) fn renamed_columns(&self, table: &str) -> Vec<(String, String)> {
        let of_table = self
            .of_virtual
            .iter()
            .filter(|(of, _, _)| same_name(of, table));
        of_table
            .map(|(_, old, new)| (old.clone(), new.clone()))
            .collect()
    }

    /// Whether a virtual table can be read. One over another table cannot, where that has another
    /// name or other columns by now.
    pub(super) fn can_be_read(&self, entity: &Entity) -> bool {
        let sql = format!("SELECT * FROM {}", plain(entity.name()));
        let read = self.connection.prepare(&sql);
        read.is_ok_and(|mut rows| rows.raw_query().next().is_ok())
    }

    /// Full-text search over a table whose values or rowids changed is filled again, also where
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
                            ValueSource::OrDefault(..) | ValueSource::Using(_)
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

/// The columns of a virtual table, and those that their values come from.
pub(super) struct KeptColumns {
    into: Vec<String>,
    from: Vec<String>,
}

/// What holds the rows of a virtual table.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Holding {
    Itself,
    /// Another table, which is read through it.
    Content,
    /// Nothing: it cannot say what it was given.
    Nothing,
}

/// The kind of a virtual table whose module is known to give back what it was given.
fn family(entity: &Entity) -> Option<(&'static str, Holding)> {
    let tokens: Vec<_> = Tokens::new(&entity.table.sql).collect();
    let using = tokens.iter().position(|token| token.word() == "USING")?;
    let bare = tokens
        .windows(2)
        .any(|pair| pair[0].word() == "CONTENT" && pair[1].text == "=");
    let holding = match (bare, entity.table.content()) {
        (false, _) => Holding::Itself,
        (true, Some(_)) => Holding::Content,
        (true, None) => Holding::Nothing,
    };
    match tokens.get(using + 1)?.name().to_ascii_lowercase().as_str() {
        "fts3" | "fts4" | "fts5" => Some(("search", holding)),
        "rtree" => Some(("rtree", Holding::Itself)),
        "rtree_i32" => Some(("rtree_i32", Holding::Itself)),
        _ => None,
    }
}

/// Whether full-text search holds words of rows that it does not keep.
pub(super) fn keeps_no_text(entity: &Entity) -> bool {
    family(entity) == Some(("search", Holding::Nothing))
}

/// The columns whose values go from one virtual table to its successor, where the modules are
/// known to give back what they were given. `renamed` are names before and after.
pub(super) fn kept_columns(
    before: &Entity,
    after: &Entity,
    renamed: &[(String, String)],
) -> Option<KeptColumns> {
    let ((was, holding), (now, target)) = (family(before)?, family(after)?);
    if was != now || holding == Holding::Nothing || target != Holding::Itself {
        return None;
    }
    let source = |name: &str| {
        let old = renamed.iter().find(|(_, new)| same_name(new, name));
        let name = old.map_or(name, |(old, _)| old.as_str());
        let mut columns = before.table.columns.iter();
        columns.find(|was| same_name(&was.name, name))
    };
    let pairs = after.table.columns.iter();
    let pairs = pairs.filter_map(|now| Some((plain(&now.name), plain(&source(&now.name)?.name))));
    let (mut into, mut from): (Vec<String>, Vec<String>) = pairs.unzip();
    let rows = match was {
        "search" => !into.is_empty(),
        // The first column is the rowid.
        _ => {
            let first = |entity: &Entity| entity.table.columns.first().map(|c| plain(&c.name));
            first(after).is_some_and(|name| into.first() == Some(&name))
                && first(before).as_ref() == from.first()
        }
    };
    if was == "search" {
        into.insert(0, "rowid".into());
        from.insert(0, "rowid".into());
    }
    rows.then_some(KeptColumns { into, from })
}

/// The statement of a virtual table without the notes in it.
pub(super) fn without_notes(sql: &str) -> String {
    let (mut made, mut done) = (String::new(), 0);
    for note in notes(sql) {
        made += &sql[done..note.at.start];
        done = note.at.end;
    }
    made + &sql[done..]
}
