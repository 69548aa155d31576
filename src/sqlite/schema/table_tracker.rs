//! What becomes of each table while migrations run: where it went, and what of it is gone.
//!
//! Tables are followed by what the statements do to them, not by comparing two lists of
//! names: a table that is renamed is the same table, one that is dropped and stands
//! there again at the end of the file was rebuilt (whichever of the two orders the
//! textbook rebuild was written in), and one that is dropped for good is lost.

use std::collections::BTreeSet;

use crate::report::loss::Lost;
use crate::sqlite::schema::flow::Flow;
use crate::sqlite::schema::objects::{Affinity, Column, Schema, TableKind, affinity};
use crate::sqlite::sql::name::{quote, same_name};
use crate::sqlite::sql::statement::Action;

/// The tables that were there before the first migration, and where they are now.
#[derive(Debug, Clone, Default)]
pub(crate) struct TableTracker {
    tables: Vec<TrackedTable>,
    /// The tables that the current file made.
    made: Vec<Made>,
}

/// A table that a file makes.
#[derive(Debug, Clone)]
struct Made {
    /// The name that it was made with.
    at_first: String,
    now: String,
}

#[derive(Debug, Clone)]
struct TrackedTable {
    /// The name in the database before the run.
    name: String,
    columns: Vec<TrackedColumn>,
    derived: bool,
    /// The name now, none once it is lost.
    now: Option<String>,
    /// The name when the current file began.
    at_start: String,
    /// DROP TABLE was seen in the current file.
    dropped: bool,
    /// The columns that the current file renames: the name when it began, and the one now.
    renamed: Vec<(String, String)>,
}

#[derive(Debug, Clone)]
struct TrackedColumn {
    name: String,
    declared: String,
    generated: bool,
    now: Option<String>,
}

/// Something of an original table that a file takes away, before anybody counted it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct PossibleLoss {
    /// The table's original name.
    pub(crate) table: String,
    pub(crate) lost: Lost,
}

/// What one file does.
#[derive(Debug, Default, PartialEq, Eq)]
pub(crate) struct Effects {
    pub(crate) candidates: Vec<PossibleLoss>,
    /// Tables rebuilt.
    pub(crate) rebuilds: Vec<Rebuilt>,
    /// Tables a DELETE names, by their original name.
    pub(crate) deletes: Vec<String>,
}

/// A table that a file drops and that exists again at its end.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Rebuilt {
    /// The name when the file began.
    pub(crate) before: String,
    /// The name when it ended.
    pub(crate) now: String,
    /// The name that the new table was made with, and is filled by.
    pub(crate) made_as: String,
    /// The columns that the file renames: before and now.
    renamed: Vec<(String, String)>,
}

impl Rebuilt {
    /// What a column is called now. None where its name is another column's by now.
    #[cfg(feature = "devtools")]
    pub(crate) fn column_now<'n>(&'n self, before: &'n str) -> Option<&'n str> {
        let mut renamed = self.renamed.iter();
        let found = renamed.find(|(was, _)| same_name(was, before));
        let is_taken = || self.renamed.iter().any(|(_, now)| same_name(now, before));
        match found {
            Some((_, now)) => Some(now),
            None => (!is_taken()).then_some(before),
        }
    }
}

impl Effects {
    /// Whether a table of this name was rebuilt.
    pub(crate) fn rebuilds(&self, now: &str) -> bool {
        self.rebuilds
            .iter()
            .any(|rebuilt| same_name(&rebuilt.now, now))
    }

    /// The names of the tables that were rebuilt.
    pub(crate) fn rebuilt_names(&self) -> Vec<String> {
        self.rebuilds
            .iter()
            .map(|rebuilt| rebuilt.now.clone())
            .collect()
    }
}

impl TableTracker {
    /// Every table whose rows are somebody's data. A module's own storage is not.
    pub(crate) fn of(schema: &Schema) -> TableTracker {
        let tables = schema
            .tables
            .iter()
            .filter(|table| table.kind != TableKind::Shadow)
            .map(|table| TrackedTable {
                name: table.name.clone(),
                derived: table.is_derived(),
                now: Some(table.name.clone()),
                at_start: table.name.clone(),
                dropped: false,
                renamed: Vec::new(),
                columns: table
                    .columns
                    .iter()
                    .map(
                        |Column {
                             name,
                             declared,
                             generated,
                         }| TrackedColumn {
                            name: name.clone(),
                            declared: declared.clone(),
                            generated: *generated,
                            now: Some(name.clone()),
                        },
                    )
                    .collect(),
            })
            .collect();
        TableTracker {
            tables,
            made: Vec::new(),
        }
    }

    /// The original name and the present one of each table that is still there.
    pub(crate) fn tables(&self) -> impl Iterator<Item = (&str, &str)> {
        self.tables
            .iter()
            .filter_map(|origin| Some((origin.name.as_str(), origin.now.as_deref()?)))
    }

    /// The original name of a table that is there now.
    pub(crate) fn origin_of(&self, now: &str) -> Option<&str> {
        self.tables()
            .find(|(_, present)| same_name(present, now))
            .map(|(origin, _)| origin)
    }

    /// Takes note of one statement. What it loses at once is added to `effects`.
    pub(crate) fn observe(&mut self, action: &Action, effects: &mut Effects) {
        match action {
            Action::DropTable(name) => {
                if let Some(origin) = self.present(name) {
                    origin.dropped = true;
                }
            }
            Action::CreateTable(name) => self.made.push(Made {
                at_first: name.clone(),
                now: name.clone(),
            }),
            Action::RenameTable { from, to } => {
                for made in &mut self.made {
                    if same_name(&made.now, from) {
                        made.now.clone_from(to);
                    }
                }
                if let Some(origin) = self.present(from) {
                    origin.now = Some(to.clone());
                }
            }
            Action::RenameColumn { table, from, to } => {
                if let Some(origin) = self.present(table) {
                    let mut renamed = origin.renamed.iter_mut();
                    match renamed.find(|(_, now)| same_name(now, from)) {
                        Some((_, now)) => now.clone_from(to),
                        None => origin.renamed.push((from.clone(), to.clone())),
                    }
                    if let Some(column) = origin.column(from) {
                        column.now = Some(to.clone());
                    }
                }
            }
            Action::DropColumn { table, column } => {
                if let Some(origin) = self.present(table) {
                    let table = origin.name.clone();
                    if let Some(column) = origin.column(column) {
                        column.now = None;
                        if !column.generated {
                            let lost = Lost::Column(column.name.clone());
                            effects.candidates.push(PossibleLoss { table, lost });
                        }
                    }
                }
            }
            Action::Delete { table, all } => {
                if let Some(origin) = self.present(table) {
                    let table = origin.name.clone();
                    if *all && !origin.derived {
                        effects.candidates.push(PossibleLoss {
                            table: table.clone(),
                            lost: Lost::Rows,
                        });
                    }
                    effects.deletes.push(table);
                }
            }
            Action::Transaction(_)
            | Action::Attach(_)
            | Action::Vacuum
            | Action::Pragma(_)
            | Action::DropObject(_)
            | Action::OtherSchema
            | Action::Data => {}
        }
    }

    /// The present name of a table that was there before the first file.
    pub(crate) fn now(&self, origin: &str) -> Option<&str> {
        self.tables()
            .find(|(name, _)| same_name(name, origin))
            .map(|(_, now)| now)
    }

    /// Whether what it holds is somewhere else too.
    pub(crate) fn is_derived(&self, origin: &str) -> bool {
        let mut tables = self.tables.iter();
        tables.any(|table| table.derived && same_name(&table.name, origin))
    }

    /// The columns of such a table that are still there: the original name, and the present one.
    pub(crate) fn columns(&self, origin: &str) -> Vec<(String, String)> {
        let mut tables = self.tables.iter();
        let Some(table) = tables.find(|table| same_name(&table.name, origin)) else {
            return Vec::new();
        };
        let columns = table.columns.iter().filter(|column| !column.generated);
        columns
            .filter_map(|column| Some((column.name.clone(), column.now.clone()?)))
            .collect()
    }

    /// Present names of its columns as the original ones. What came later has none.
    pub(crate) fn original(&self, origin: &str, now: &BTreeSet<String>) -> BTreeSet<String> {
        let known = self.columns(origin).into_iter();
        known
            .filter(|(_, present)| now.iter().any(|name| same_name(name, present)))
            .map(|(original, _)| original.to_ascii_lowercase())
            .collect()
    }

    /// Ends a file, with what is known of its copies: a table into which no row of the old one
    /// found its way is another table, and a type that an expression converts to is meant.
    pub(crate) fn settle(&mut self, flow: &Flow, effects: &mut Effects) {
        for rebuilt in effects.rebuilds.clone() {
            let mut tables = self.tables.iter_mut();
            let is_this = |table: &&mut TrackedTable| {
                let now = table.now.as_deref();
                now.is_some_and(|now| same_name(now, &rebuilt.now))
            };
            let Some(table) = tables.find(is_this) else {
                continue;
            };
            let name = table.name.clone();
            let of_this = |candidate: &PossibleLoss| same_name(&candidate.table, &name);
            if !table.derived && !flow.is_copied(&rebuilt.before, &rebuilt.now) {
                table.now = None;
                effects.candidates.retain(|candidate| !of_this(candidate));
                effects.rebuilds.retain(|other| *other != rebuilt);
                effects.candidates.push(PossibleLoss {
                    table: name,
                    lost: Lost::Table,
                });
                continue;
            }
            let writes = flow.writes(Some(&rebuilt.before), &rebuilt.now);
            let converted = self.original(&name, &writes.expressions);
            effects
                .candidates
                .retain(|candidate| match &candidate.lost {
                    Lost::Narrowed { column, .. } if of_this(candidate) => {
                        !converted.contains(&column.to_ascii_lowercase())
                    }
                    _ => true,
                });
        }
    }

    fn present(&mut self, name: &str) -> Option<&mut TrackedTable> {
        self.tables.iter_mut().find(|origin| {
            !origin.dropped
                && origin
                    .now
                    .as_deref()
                    .is_some_and(|now| same_name(now, name))
        })
    }

    /// Ends a file: settles which of the dropped tables were rebuilt and which are lost.
    pub(crate) fn end_of_file(&mut self, after: &Schema, effects: &mut Effects) {
        let kept: Vec<String> = self
            .tables
            .iter()
            .filter(|origin| !origin.dropped)
            .filter_map(|origin| origin.now.clone())
            .collect();
        let made = std::mem::take(&mut self.made);
        for origin in &mut self.tables {
            let dropped = std::mem::take(&mut origin.dropped);
            let renamed = std::mem::take(&mut origin.renamed);
            let Some(now) = origin.now.clone() else {
                continue;
            };
            if dropped {
                let successor = [&now, &origin.at_start]
                    .into_iter()
                    .filter(|name| !kept.iter().any(|taken| same_name(taken, name)))
                    .find_map(|name| after.table(name));
                origin.now = successor.map(|table| table.name.clone());
                match successor {
                    Some(table) => {
                        effects.rebuilds.push(Rebuilt {
                            before: origin.at_start.clone(),
                            now: table.name.clone(),
                            made_as: made
                                .iter()
                                .rfind(|made| same_name(&made.now, &table.name))
                                .map_or_else(|| table.name.clone(), |made| made.at_first.clone()),
                            renamed,
                        });
                        let lost = origin.rebuilt_as(&table.columns);
                        effects.candidates.extend(lost);
                    }
                    None if origin.derived => {}
                    None => effects.candidates.push(PossibleLoss {
                        table: origin.name.clone(),
                        lost: Lost::Table,
                    }),
                }
            }
            if let Some(now) = &origin.now {
                origin.at_start.clone_from(now);
            }
        }
    }
}

impl TrackedTable {
    fn column(&mut self, name: &str) -> Option<&mut TrackedColumn> {
        self.columns.iter_mut().find(|column| {
            column
                .now
                .as_deref()
                .is_some_and(|now| same_name(now, name))
        })
    }

    /// Compares the columns with those of the table that took its place.
    fn rebuilt_as(&mut self, columns: &[Column]) -> Vec<PossibleLoss> {
        let mut lost = Vec::new();
        if self.derived {
            return lost;
        }
        for column in self.columns.iter_mut().filter(|column| !column.generated) {
            let Some(now) = column.now.as_deref() else {
                continue;
            };
            let after = columns.iter().find(|after| same_name(&after.name, now));
            let what = match after {
                None => {
                    column.now = None;
                    Lost::Column(column.name.clone())
                }
                Some(after) if after.generated => Lost::Generated(column.name.clone()),
                Some(after) if narrowing("x", &column.declared, &after.declared).is_some() => {
                    Lost::Narrowed {
                        column: column.name.clone(),
                        from: column.declared.clone(),
                        to: after.declared.clone(),
                    }
                }
                Some(_) => continue,
            };
            lost.push(PossibleLoss {
                table: self.name.clone(),
                lost: what,
            });
        }
        lost
    }
}

/// The SQL condition under which a value of a column may not come through a change of its
/// declared type as it was. None where every value does.
///
/// A column's affinity converts what is stored into it
/// (<https://sqlite.org/datatype3.html>): text that reads as a number becomes one and
/// loses its spelling (`007`, `1e3`, ` 12 `), integers beyond 2^53 are rounded as REAL,
/// a REAL as text keeps 15 or 17 digits depending on the version. Text that is not a number
/// stays as it is under affinity, but not under the CAST that a hand-written copy may
/// use, so it counts too.
pub(crate) fn narrowing(column: &str, from: &str, to: &str) -> Option<String> {
    let (from, to) = (affinity(from), affinity(to));
    if from == to {
        return None;
    }
    let value = quote(column);
    let respelled = format!(
        "(typeof({value}) = 'text' AND CAST(CAST({value} AS NUMERIC) AS TEXT) IS NOT {value})"
    );
    let blob = format!("typeof({value}) = 'blob'");
    match to {
        Affinity::Blob => None,
        Affinity::Text => Some(format!("typeof({value}) IN ('real', 'blob')")),
        Affinity::Numeric => Some(format!("{respelled} OR {blob}")),
        Affinity::Integer => Some(format!(
            "{respelled} OR {blob} OR (typeof({value}) = 'real' AND CAST({value} AS INTEGER) <> {value})"
        )),
        Affinity::Real => Some(format!(
            "{respelled} OR {blob} OR (typeof({value}) = 'integer' AND CAST(CAST({value} AS REAL) AS INTEGER) <> {value})"
        )),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::sqlite::schema::objects::Table;
    use crate::sqlite::sql::script::Script;

    fn table(name: &str, columns: &[(&str, &str)]) -> Table {
        Table {
            name: name.into(),
            kind: TableKind::Ordinary,
            sql: String::new(),
            columns: columns
                .iter()
                .map(|(name, declared)| Column {
                    name: (*name).into(),
                    declared: (*declared).into(),
                    generated: false,
                })
                .collect(),
        }
    }

    fn schema(tables: Vec<Table>) -> Schema {
        Schema {
            tables,
            others: Vec::new(),
        }
    }

    /// The effects of one file on a database with the table `x(a TEXT, b TEXT)`.
    fn effects(sql: &'static str, after: Vec<Table>) -> (Effects, TableTracker) {
        let before = schema(vec![table("x", &[("a", "TEXT"), ("b", "TEXT")])]);
        let mut lineage = TableTracker::of(&before);
        let mut effects = Effects::default();
        for statement in Script::new("f", sql).statements() {
            lineage.observe(&statement.action(), &mut effects);
        }
        lineage.end_of_file(&schema(after), &mut effects);
        (effects, lineage)
    }

    fn lost(lost: Lost) -> Vec<PossibleLoss> {
        vec![PossibleLoss {
            table: "x".into(),
            lost,
        }]
    }

    #[test]
    fn a_rebuild_in_either_order_loses_nothing() {
        for (sql, made_as) in [
            (
                "CREATE TABLE n(a,b); INSERT INTO n SELECT * FROM x; DROP TABLE x; ALTER TABLE n RENAME TO x;",
                "n",
            ),
            (
                "ALTER TABLE x RENAME TO old; CREATE TABLE x(a,b); INSERT INTO x SELECT * FROM old; DROP TABLE old;",
                "x",
            ),
        ] {
            let after = vec![table("x", &[("a", "TEXT"), ("b", "TEXT"), ("c", "")])];
            let (effects, lineage) = effects(sql, after);
            assert_eq!(effects.candidates, [], "{sql}");
            assert_eq!(effects.rebuilt_names(), ["x"], "{sql}");
            assert_eq!(effects.rebuilds[0].made_as, made_as, "{sql}");
            assert_eq!(lineage.tables().collect::<Vec<_>>(), [("x", "x")], "{sql}");
        }
    }

    #[test]
    fn what_a_file_takes_away_is_named_by_its_original_name() {
        let rebuilt = "CREATE TABLE n(a); DROP TABLE x; ALTER TABLE n RENAME TO x";
        let both = [("a", "TEXT"), ("b", "TEXT")];
        let column = |name: &str| lost(Lost::Column(name.into()));
        let cases: Vec<(&'static str, Vec<Table>, Vec<PossibleLoss>)> = vec![
            ("DROP TABLE X", vec![], lost(Lost::Table)),
            (
                "ALTER TABLE x DROP COLUMN b",
                vec![table("x", &both[..1])],
                column("b"),
            ),
            (rebuilt, vec![table("x", &both[..1])], column("b")),
            ("DELETE FROM x", vec![table("x", &both)], lost(Lost::Rows)),
            ("DELETE FROM other", vec![table("x", &both)], vec![]),
            ("ALTER TABLE x RENAME TO y", vec![table("y", &both)], vec![]),
            (
                "ALTER TABLE x RENAME TO y; ALTER TABLE y RENAME b TO c; ALTER TABLE y DROP c",
                vec![table("y", &both[..1])],
                column("b"),
            ),
            (
                rebuilt,
                vec![table("x", &[("a", "INTEGER"), ("b", "TEXT")])],
                lost(Lost::Narrowed {
                    column: "a".into(),
                    from: "TEXT".into(),
                    to: "INTEGER".into(),
                }),
            ),
        ];
        for (sql, after, expected) in cases {
            assert_eq!(effects(sql, after).0.candidates, expected, "{sql}");
        }
    }

    #[test]
    fn a_table_lost_in_one_file_is_not_lost_again_in_the_next() {
        let (_, mut lineage) = effects("DROP TABLE x", vec![]);
        let mut next = Effects::default();
        lineage.observe(&Action::CreateTable("x".into()), &mut next);
        lineage.observe(&Action::DropTable("x".into()), &mut next);
        lineage.end_of_file(&Schema::default(), &mut next);
        assert_eq!(next, Effects::default());
        assert_eq!(lineage.tables().count(), 0);
    }
}
