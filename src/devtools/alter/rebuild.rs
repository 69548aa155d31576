//! A table rebuilt, for what ALTER TABLE cannot do: SQLite's own procedure
//! (<https://sqlite.org/lang_altertable.html#otheralter>), as SQL.
//!
//! Step by step, by the manual's numbers. Foreign keys are off (1) and the transaction is there
//! (2): that is the run's. What belongs to the table is known (3) and made again at the end (8),
//! views are left alone: with `legacy_alter_table` the rename does not look at them (9).
//! The references are checked (10) before the commit (11) by the run.

use crate::devtools::alter::column_values::{ValueSource, filler, origin, respelled, respells};
use crate::devtools::alter::sql_writer::Writer;
use crate::report::loss::Direction;
use crate::sqlite::schema::parsed::table::Definition;
use crate::sqlite::sql::name::{plain, quote};

/// One table, before and after.
pub(crate) struct Rebuild<'d> {
    pub(crate) before: &'d Definition,
    pub(crate) after: &'d Definition,
    /// A name that nothing else has, for the time between.
    pub(crate) between: &'d str,
    pub(crate) direction: Direction,
}

impl Rebuild<'_> {
    /// Writes steps 4 to 7: create, copy, drop, rename.
    pub(crate) fn write(&self, out: &mut Writer) {
        let Rebuild {
            before,
            after,
            between,
            ..
        } = self;
        let (old, new) = (plain(&before.name), plain(between));
        // 4: the new table under a name for the time between.
        out.statement(&after.create_as(&new));
        out.end_block();
        // 5: by name on both sides, because the order of columns may differ.
        self.copy(out);
        if before.autoincrement() && after.autoincrement() {
            self.keep_the_mark(out);
        }
        out.end_block();
        // 6, 7
        out.statement(&format!("DROP TABLE {old}"));
        out.statement("PRAGMA legacy_alter_table = ON");
        out.statement(&format!(
            "ALTER TABLE {new} RENAME TO {}",
            plain(&after.name)
        ));
        out.statement("PRAGMA legacy_alter_table = OFF");
        out.end_block();
    }

    fn copy(&self, out: &mut Writer) {
        let (old, new) = (plain(&self.before.name), plain(self.between));
        let (mut into, mut from) = (Vec::new(), Vec::new());
        if let Some((target, source)) = self.rowids() {
            into.push(target.to_owned());
            from.push(source.to_owned());
        }
        for column in &self.after.columns {
            if column.generated.is_some() {
                continue;
            }
            let value = match origin(self.before, column) {
                ValueSource::Same(name) => {
                    let source = self.source(&name);
                    match self.direction == Direction::Down
                        && respells(self.before, self.after, column)
                    {
                        true => respelled(&source),
                        false => source,
                    }
                }
                ValueSource::OrDefault(name, default) => {
                    format!("coalesce({}, {default})", self.source(&name))
                }
                ValueSource::Using(expression) => expression,
                // A key that is new is the rowid that the row has.
                ValueSource::Default if column.is_rowid && self.before.rowid_alias().is_some() => {
                    self.before.rowid_alias().unwrap_or_default().to_owned()
                }
                ValueSource::Default => continue,
                // On a down migration; an up migration with such a column is refused.
                ValueSource::Nowhere => {
                    let value = filler(self.after, column);
                    out.comment(&format!(
                        "What `{}` held is gone, and it must not be NULL: every row gets {value}.",
                        column.name
                    ));
                    value
                }
            };
            into.push(plain(&column.name));
            from.push(value);
        }
        // Nothing of a row is left but that it is there.
        let first = self.after.columns.iter().find(|c| c.generated.is_none());
        if let (true, Some(column)) = (into.is_empty(), first) {
            let value = column.default.as_ref().map(|default| &default.value);
            into.push(plain(&column.name));
            from.push(value.map_or("NULL", String::as_str).to_owned());
        }
        // A conflict clause of the new table would drop rows in silence.
        let insert = match self.after.has_conflict_clause() {
            true => "INSERT OR ABORT INTO",
            false => "INSERT INTO",
        };
        out.statement(&format!(
            "{insert} {new} ({})\nSELECT {}\nFROM {old}",
            into.join(", "),
            from.join(", ")
        ));
    }

    /// A name that needs quotes is qualified too: in double quotes alone it would be a text
    /// where there is no such column.
    fn source(&self, column: &str) -> String {
        match plain(column) {
            bare if bare == column => bare,
            quoted => format!("{}.{quoted}", plain(&self.before.name)),
        }
    }

    /// The names of the rowids on both sides, where rows have one that nothing else keeps.
    fn rowids(&self) -> Option<(&'static str, &'static str)> {
        let kept_by_a_column = self.after.rowid_column().is_some();
        let (target, source) = (self.after.rowid_alias()?, self.before.rowid_alias()?);
        (!kept_by_a_column).then_some((target, source))
    }

    /// The sequence goes with DROP TABLE, and the copy set a new one from the rows that are left.
    fn keep_the_mark(&self, out: &mut Writer) {
        let text = |name: &str| format!("'{}'", name.replace('\'', "''"));
        let (old, new) = (text(&self.before.name), text(self.between));
        out.comment(
            "AUTOINCREMENT counts on from where it was, also where the last rows are gone.",
        );
        out.statement(&format!("DELETE FROM sqlite_sequence WHERE name = {new}"));
        out.statement(&format!(
            "INSERT INTO sqlite_sequence (name, seq)\nSELECT {new}, seq FROM sqlite_sequence WHERE name = {old} COLLATE NOCASE"
        ));
    }

    /// What a reviewer should know of the rows' own numbers.
    pub(crate) fn unreachable_rowids(&self) -> Option<String> {
        let hidden = |table: &Definition| !table.without_rowid && table.rowid_alias().is_none();
        let lost = hidden(self.before) && self.before.rowid_column().is_none();
        lost.then(|| {
            format!(
                "The columns of {} hide its rowids, so that they cannot be kept.",
                quote(&self.before.name).replace('"', "`")
            )
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::devtools::alter::column_values::keeps_rowids;

    fn written(before: &str, after: &str) -> String {
        let mut out = Writer::default();
        Rebuild {
            before: &Definition::parse(before).unwrap(),
            after: &Definition::parse(after).unwrap(),
            between: "t_new",
            direction: Direction::Up,
        }
        .write(&mut out);
        out.text().to_owned()
    }

    #[test]
    fn a_rebuild_is_create_copy_drop_rename() {
        assert_eq!(
            written(
                "CREATE TABLE t (id INTEGER PRIMARY KEY AUTOINCREMENT, a, \"b c\" TEXT, gone)",
                "CREATE TABLE t (id INTEGER PRIMARY KEY AUTOINCREMENT, \"b c\" TEXT NOT NULL DEFAULT 'x', a CHECK (t.a > 0), d)",
            ),
            "CREATE TABLE t_new (id INTEGER PRIMARY KEY AUTOINCREMENT, \"b c\" TEXT NOT NULL DEFAULT 'x', a CHECK (a > 0), d);

INSERT INTO t_new (id, \"b c\", a)
SELECT id, coalesce(t.\"b c\", 'x'), a
FROM t;
-- AUTOINCREMENT counts on from where it was, also where the last rows are gone.
DELETE FROM sqlite_sequence WHERE name = 't_new';
INSERT INTO sqlite_sequence (name, seq)
SELECT 't_new', seq FROM sqlite_sequence WHERE name = 't' COLLATE NOCASE;

DROP TABLE t;
PRAGMA legacy_alter_table = ON;
ALTER TABLE t_new RENAME TO t;
PRAGMA legacy_alter_table = OFF;
"
        );
    }

    #[test]
    fn rowids_are_copied_where_nothing_else_keeps_them_and_a_conflict_drops_no_row() {
        let copy = |before: &str, after: &str| {
            let text = written(before, after);
            let from = text.find("INSERT").unwrap();
            text[from..].split(';').next().unwrap().replace('\n', " ")
        };
        let cases = [
            (
                "a",
                "a, b",
                "INSERT INTO t_new (rowid, a) SELECT rowid, a FROM t",
            ),
            (
                "rowid, a",
                "rowid, a, b",
                "INSERT INTO t_new (_rowid_, rowid, a) SELECT _rowid_, rowid, a FROM t",
            ),
            (
                "a, b INTEGER PRIMARY KEY",
                "a, b",
                "INSERT INTO t_new (rowid, a, b) SELECT rowid, a, b FROM t",
            ),
            (
                "a, b",
                "a, b INTEGER PRIMARY KEY",
                "INSERT INTO t_new (a, b) SELECT a, b FROM t",
            ),
            (
                "a",
                "a UNIQUE ON CONFLICT REPLACE",
                "INSERT OR ABORT INTO t_new (rowid, a) SELECT rowid, a FROM t",
            ),
            (
                "a, g AS (a)",
                "a, g",
                "INSERT INTO t_new (rowid, a, g) SELECT rowid, a, g FROM t",
            ),
            (
                "a, g",
                "a, g AS (a)",
                "INSERT INTO t_new (rowid, a) SELECT rowid, a FROM t",
            ),
        ];
        for (before, after, expected) in cases {
            let table = |columns: &str| format!("CREATE TABLE t ({columns})");
            assert_eq!(copy(&table(before), &table(after)), expected);
        }
        // On a down migration there must be something in a column whose values are gone.
        assert_eq!(
            copy(
                "CREATE TABLE t (a)",
                "CREATE TABLE t (a, b TEXT NOT NULL, c INT NOT NULL)",
            ),
            "INSERT INTO t_new (rowid, a, b, c) SELECT rowid, a, '', 0 FROM t"
        );
    }

    #[test]
    fn the_mark_of_autoincrement_is_kept_where_there_is_one_on_both_sides() {
        let table = |key: &str| format!("CREATE TABLE t (id INTEGER PRIMARY KEY {key}, a)");
        for (before, after, kept) in [
            ("AUTOINCREMENT", "AUTOINCREMENT", true),
            ("AUTOINCREMENT", "", false),
            ("", "AUTOINCREMENT", false),
            ("", "", false),
        ] {
            let text = written(&table(before), &table(after));
            assert_eq!(text.contains("sqlite_sequence"), kept, "{before}, {after}");
        }
    }

    #[test]
    fn rowids_are_kept_by_a_key_of_one_name_or_by_the_copy() {
        // Before, after, whether rows keep their rowids, whether nobody can ask for them.
        let cases = [
            ("a", "a, b", true, false),
            (
                "a INTEGER PRIMARY KEY",
                "A INTEGER PRIMARY KEY",
                true,
                false,
            ),
            (
                "a INTEGER PRIMARY KEY, b",
                "a, b INTEGER PRIMARY KEY",
                false,
                false,
            ),
            ("a", "a INTEGER PRIMARY KEY", false, false),
            ("a INTEGER PRIMARY KEY", "a", true, false),
            ("rowid, oid, _rowid_", "rowid, oid, _rowid_, a", false, true),
            ("rowid, oid, _rowid_", "rowid", false, true),
            ("rowid", "rowid, oid, _rowid_", false, false),
            (
                "rowid, oid, _rowid_ INTEGER PRIMARY KEY",
                "rowid, oid, _rowid_ INTEGER PRIMARY KEY, a",
                true,
                false,
            ),
        ];
        for (before, after, kept, unreachable) in cases {
            let table = |columns: &str| Definition::parse(&format!("CREATE TABLE t ({columns})"));
            let (before, after) = (table(before).unwrap(), table(after).unwrap());
            assert_eq!(keeps_rowids(&before, &after), kept, "{}", after.text());
            let rebuild = Rebuild {
                before: &before,
                after: &after,
                between: "t_new",
                direction: Direction::Up,
            };
            let told = unreachable
                .then(|| "The columns of `t` hide its rowids, so that they cannot be kept.".into());
            assert_eq!(rebuild.unreachable_rowids(), told, "{}", after.text());
        }
        let keyed = Definition::parse("CREATE TABLE t (a PRIMARY KEY) WITHOUT ROWID").unwrap();
        let rowids = Definition::parse("CREATE TABLE t (a PRIMARY KEY)").unwrap();
        assert!(!keeps_rowids(&keyed, &rowids) && !keeps_rowids(&rowids, &keyed));
        let rebuild = Rebuild {
            before: &keyed,
            after: &rowids,
            between: "t_new",
            direction: Direction::Up,
        };
        assert_eq!(rebuild.unreachable_rowids(), None);
    }
}
