//! A schema for people and programs to look at, as values.

use std::fmt::Write as _;
use std::path::PathBuf;

use crate::sqlite::schema::objects::ObjectKind;
use crate::sqlite::sql::token::{Token, Tokens, mentions};

#[cfg(feature = "serde")]
use crate::report::serial;

/// What [`Database::inspect`](crate::Database::inspect) finds.
#[derive(Debug, Clone, PartialEq, Eq)]
#[cfg_attr(feature = "serde", derive(serde::Serialize))]
#[non_exhaustive]
pub struct Inspected {
    /// The database, with symbolic links resolved.
    #[cfg_attr(feature = "serde", serde(serialize_with = "serial::path"))]
    pub database: PathBuf,
    /// Whether there is a file.
    pub exists: bool,
    /// The tables by name, without SQLite's and heirloom's own.
    pub tables: Vec<TableInfo>,
    /// The views by name.
    pub views: Vec<ViewInfo>,
    /// The CREATE statements of all of it, see [`Inspected::sql`].
    #[cfg_attr(feature = "serde", serde(skip))]
    pub(crate) statements: Vec<String>,
}

impl Inspected {
    /// The schema as SQL, the same for the same schema: ordinary tables, virtual tables, indexes,
    /// views, triggers, each by name. Executed in an empty database it gives the schema again.
    /// Without what SQLite, virtual tables and heirloom keep for themselves.
    pub fn sql(&self) -> String {
        let mut text = String::new();
        for sql in &self.statements {
            // SQLite keeps the space before the semicolon of a trigger.
            let sql = sql.trim_end();
            // A comment at the end would swallow the semicolon.
            let end = Tokens::new(sql).last();
            let end = end.map_or(0, |token| token.start + token.text.len());
            let line_break = if end < sql.len() { "\n" } else { "" };
            let _ = writeln!(text, "{sql}{line_break};");
        }
        text
    }
}

/// A table.
#[derive(Debug, Clone, PartialEq, Eq)]
#[cfg_attr(feature = "serde", derive(serde::Serialize))]
#[non_exhaustive]
pub struct TableInfo {
    /// Its name as written.
    pub name: String,
    /// Its rows, none where they cannot be counted (the module of a virtual table is missing).
    pub rows: Option<u64>,
    /// The columns, hidden ones among them.
    pub columns: Vec<ColumnInfo>,
    /// Whether it is WITHOUT ROWID.
    pub without_rowid: bool,
    /// Whether it is STRICT.
    pub strict: bool,
    /// Of a virtual table: its module, as in `fts5`.
    pub module: Option<String>,
    /// Of a virtual table: the tables in which its module keeps the rows.
    pub shadow_tables: Vec<String>,
    /// The columns of the primary key, in its order.
    pub primary_key: Vec<String>,
    /// The conditions of CHECK constraints, as written.
    pub checks: Vec<String>,
    /// What it refers to.
    pub foreign_keys: Vec<ForeignKeyInfo>,
    /// What refers to it.
    pub referenced_by: Vec<ReferenceInfo>,
    /// Its indexes, those of constraints among them.
    pub indexes: Vec<IndexInfo>,
    /// Its triggers.
    pub triggers: Vec<TriggerInfo>,
    /// The views that name it.
    pub views: Vec<String>,
    /// The CREATE statement, as SQLite keeps it.
    pub sql: String,
}

/// A column.
#[derive(Debug, Clone, PartialEq, Eq)]
#[cfg_attr(feature = "serde", derive(serde::Serialize))]
#[non_exhaustive]
pub struct ColumnInfo {
    /// Its name as written.
    pub name: String,
    /// The declared type, empty where there is none.
    #[cfg_attr(feature = "serde", serde(rename = "type"))]
    pub declared: String,
    /// Whether it is NOT NULL.
    pub not_null: bool,
    /// The expression of its DEFAULT.
    pub default: Option<String>,
    /// Its place in the primary key, from 1.
    pub primary_key: Option<u32>,
    /// Whether it counts with AUTOINCREMENT.
    pub autoincrement: bool,
    /// Whether its values are computed from others.
    pub generated: Option<Generation>,
    /// Whether it is a hidden column of a virtual table.
    pub hidden: bool,
    /// Its collation, none where that is BINARY.
    pub collation: Option<String>,
}

/// When a generated column is computed.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[cfg_attr(feature = "serde", derive(serde::Serialize))]
#[cfg_attr(feature = "serde", serde(rename_all = "kebab-case"))]
pub enum Generation {
    /// When it is read.
    Virtual,
    /// When its row is written.
    Stored,
}

impl Generation {
    /// The word in JSON and in tables.
    pub fn as_str(self) -> &'static str {
        match self {
            Generation::Virtual => "virtual",
            Generation::Stored => "stored",
        }
    }
}

/// A foreign key.
#[derive(Debug, Clone, PartialEq, Eq)]
#[cfg_attr(feature = "serde", derive(serde::Serialize))]
#[non_exhaustive]
pub struct ForeignKeyInfo {
    /// Its columns.
    pub columns: Vec<String>,
    /// The table it refers to.
    pub table: String,
    /// The columns there; empty where it is the primary key, unnamed.
    pub to: Vec<String>,
    /// `NO ACTION`, `CASCADE`, `SET NULL`, `SET DEFAULT` or `RESTRICT`.
    pub on_update: String,
    /// The same for a row that is deleted.
    pub on_delete: String,
}

/// A foreign key from the other side.
#[derive(Debug, Clone, PartialEq, Eq)]
#[cfg_attr(feature = "serde", derive(serde::Serialize))]
#[non_exhaustive]
pub struct ReferenceInfo {
    /// The table that refers.
    pub table: String,
    /// Its columns.
    pub columns: Vec<String>,
}

/// An index.
#[derive(Debug, Clone, PartialEq, Eq)]
#[cfg_attr(feature = "serde", derive(serde::Serialize))]
#[non_exhaustive]
pub struct IndexInfo {
    /// Its name.
    pub name: String,
    /// Its columns in order; `<expression>` for what is not a column.
    pub columns: Vec<String>,
    /// Whether it allows each value once.
    pub unique: bool,
    /// Whether it holds some rows only.
    pub partial: bool,
    /// Whether a constraint made it: UNIQUE or PRIMARY KEY. It has no statement then.
    pub of_constraint: bool,
    /// The CREATE statement.
    pub sql: Option<String>,
}

/// A trigger.
#[derive(Debug, Clone, PartialEq, Eq)]
#[cfg_attr(feature = "serde", derive(serde::Serialize))]
#[non_exhaustive]
pub struct TriggerInfo {
    /// Its name.
    pub name: String,
    /// When it runs, as in `AFTER UPDATE OF text`.
    pub event: String,
    /// The CREATE statement.
    pub sql: String,
}

/// A view.
#[derive(Debug, Clone, PartialEq, Eq)]
#[cfg_attr(feature = "serde", derive(serde::Serialize))]
#[non_exhaustive]
pub struct ViewInfo {
    /// Its name.
    pub name: String,
    /// Its columns, empty where it cannot be read.
    pub columns: Vec<String>,
    /// Its INSTEAD OF triggers.
    pub triggers: Vec<TriggerInfo>,
    /// The CREATE statement.
    pub sql: String,
}

/// The place of a kind of object in [`Inspected::sql`]. Tables come before it.
pub(crate) fn rank(kind: ObjectKind) -> u8 {
    match kind {
        ObjectKind::Index => 0,
        ObjectKind::View => 1,
        ObjectKind::Trigger => 2,
    }
}

/// When a trigger runs: what stands between its name and ON.
pub(crate) fn event_of(sql: &str) -> String {
    let tokens: Vec<Token<'_>> = Tokens::new(sql).collect();
    let word = |word: &str| tokens.iter().position(|token| token.word() == word);
    // CREATE TRIGGER name …
    let words = tokens
        .get(word("TRIGGER").map_or(0, |at| at + 2)..word("ON").unwrap_or(0))
        .unwrap_or_default();
    let event: Vec<String> = words
        .iter()
        .map(|token| match token.word().as_str() {
            capitals @ ("BEFORE" | "AFTER" | "INSTEAD" | "OF" | "INSERT" | "UPDATE" | "DELETE") => {
                capitals.to_owned()
            }
            _ => token.name().into_owned(),
        })
        .collect();
    event.join(" ").replace(" ,", ",")
}

/// The conditions of a table's CHECK constraints, as written.
pub(crate) fn checks_of(sql: &str) -> Vec<String> {
    let tokens: Vec<Token<'_>> = Tokens::new(sql).collect();
    let mut found = Vec::new();
    for (at, pair) in tokens.windows(2).enumerate() {
        if pair[0].word() != "CHECK" || pair[1].text != "(" {
            continue;
        }
        let mut depth = 0;
        let end = tokens[at + 1..].iter().find(|token| {
            depth += token.nesting();
            depth == 0
        });
        let begin = pair[1].start + 1;
        found.extend(end.map(|end| sql[begin..end.start].trim().to_owned()));
    }
    found
}

/// The views among some that name a table.
pub(crate) fn naming<'v>(views: impl Iterator<Item = &'v ViewInfo>, table: &str) -> Vec<String> {
    views
        .filter(|view| mentions(&view.sql, table))
        .map(|view| view.name.clone())
        .collect()
}

/// The name that somebody who wrote another may have meant: at most a third of it differs.
pub(crate) fn nearest<'n>(wanted: &str, names: &[&'n str]) -> Option<&'n str> {
    let wanted = wanted.to_lowercase();
    let nearest = names
        .iter()
        .map(|name| (distance(&wanted, &name.to_lowercase()), *name))
        .min()?;
    let most = wanted.chars().count().div_ceil(3);
    (nearest.0 <= most).then_some(nearest.1)
}

/// How many letters must be changed, put in or left out to make one word of another.
fn distance(one: &str, other: &str) -> usize {
    let other: Vec<char> = other.chars().collect();
    let mut row: Vec<usize> = (0..=other.len()).collect();
    for (above, letter) in one.chars().enumerate() {
        let mut corner = row[0];
        row[0] = above + 1;
        for (at, other) in other.iter().enumerate() {
            let changed = corner + usize::from(letter != *other);
            corner = row[at + 1];
            row[at + 1] = changed.min(row[at] + 1).min(corner + 1);
        }
    }
    row[other.len()]
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_only_the_text_says_is_read_from_its_tokens() {
        let sql = "CREATE TABLE t (a CHECK (a IN (1, ')')), b, -- CHECK (no)\n CHECK( a < b ))";
        assert_eq!(checks_of(sql), ["a IN (1, ')')", "a < b"]);
        let cases = [
            (
                "CREATE TRIGGER \"on\" AFTER update OF a , \"b\" ON t BEGIN SELECT 1; END",
                "AFTER UPDATE OF a, b",
            ),
            ("CREATE TRIGGER x DELETE ON t BEGIN SELECT 1; END", "DELETE"),
            (
                "CREATE TRIGGER x INSTEAD OF INSERT ON t BEGIN SELECT 1; END",
                "INSTEAD OF INSERT",
            ),
        ];
        for (sql, event) in cases {
            assert_eq!(event_of(sql), event);
        }
    }

    #[test]
    fn a_slip_of_the_finger_finds_its_name_and_another_word_finds_none() {
        let names = ["notes", "tags", "note_tags"];
        assert_eq!(nearest("note", &names), Some("notes"));
        assert_eq!(nearest("NOTES_TAG", &names), Some("note_tags"));
        assert_eq!(nearest("folders", &names), None);
        assert_eq!(nearest("x", &[]), None);
        assert_eq!(distance("kitten", "sitting"), 3);
        assert_eq!(distance("ab", "b"), 1);
    }

    #[test]
    fn a_comment_at_the_end_does_not_swallow_the_semicolon() {
        let inspected = Inspected {
            database: PathBuf::new(),
            exists: true,
            tables: Vec::new(),
            views: Vec::new(),
            statements: vec![
                "CREATE VIEW v AS SELECT 1 -- one".into(),
                "CREATE TABLE t (x) \n".into(),
            ],
        };
        assert_eq!(
            inspected.sql(),
            "CREATE VIEW v AS SELECT 1 -- one\n;\nCREATE TABLE t (x);\n"
        );
    }
}
