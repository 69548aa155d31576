//! What a table is, as its CREATE statement says: columns, constraints, options. Values, taken apart
//! by `parse`.

use std::ops::Range;

use crate::sqlite::schema::objects::{Affinity, affinity};
use crate::sqlite::schema::parsed::annotations::Former;
use crate::sqlite::schema::parsed::canonical::normal;
use crate::sqlite::schema::parsed::clauses::{begins_in_column, clauses, span};
use crate::sqlite::sql::name::same_name;
use crate::sqlite::sql::token::{Token, Tokens, is_word};

/// A table as its CREATE statement has it.
#[derive(Debug, Clone)]
pub(crate) struct Definition {
    pub(crate) name: String,
    pub(crate) columns: Vec<ColumnDefinition>,
    /// Of the table and of its columns, in the order of the text.
    pub(crate) constraints: Vec<Constraint>,
    pub(crate) without_rowid: bool,
    pub(crate) strict: bool,
    /// What the table and its columns were called before (`-- was: NAME`).
    pub(crate) formers: Vec<Former>,
    /// Columns that a row is distinguished by, in a key or a unique index.
    pub(crate) keyed: Vec<String>,
    /// The statement, without notes and without a semicolon.
    pub(crate) text: String,
    /// Where the table's name is in it.
    pub(crate) name_at: Range<usize>,
    /// Where the names of the table stand as qualifiers of its own columns.
    pub(crate) own_qualifiers: Vec<Range<usize>>,
}

/// A column.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct ColumnDefinition {
    pub(crate) name: String,
    /// In capitals, with single spaces; empty where there is none.
    pub(crate) declared: String,
    /// What happens on a conflict, where it must not be NULL.
    pub(crate) not_null: Option<Conflict>,
    /// In the key of a STRICT or WITHOUT ROWID table, which must not be NULL without saying so
    /// (<https://sqlite.org/stricttables.html>, <https://sqlite.org/withoutrowid.html>).
    pub(crate) keyed_not_null: bool,
    /// Whether it is the rowid, which is given a number in place of a NULL.
    pub(crate) is_rowid: bool,
    pub(crate) default: Option<Default>,
    /// In small letters.
    pub(crate) collation: Option<String>,
    pub(crate) generated: Option<GeneratedColumn>,
    /// How its values come from the old row (`-- using: EXPR`).
    pub(crate) using: Option<String>,
    /// The column's definition as written, without notes.
    pub(crate) text: String,
}

/// A DEFAULT.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Default {
    /// As an expression over a row, where a name would mean a column.
    pub(crate) value: String,
    /// For comparing.
    pub(crate) normal: String,
    /// Whether it is a literal, the same for every row and at any time.
    pub(crate) constant: bool,
}

impl Default {
    /// Whether it is a literal that is not NULL.
    pub(crate) fn is_a_value(&self) -> bool {
        self.constant && self.normal != "null"
    }
}

/// A column's expression.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct GeneratedColumn {
    /// As written.
    pub(crate) text: String,
    pub(crate) normal: String,
    pub(crate) stored: bool,
}

/// A constraint, wherever it was written.
#[derive(Debug, Clone)]
pub(crate) struct Constraint {
    /// In small letters.
    pub(crate) name: Option<String>,
    pub(crate) rule: Rule,
    /// As written, with its name.
    pub(crate) text: String,
    /// The column in whose definition it is.
    pub(crate) column: Option<String>,
}

/// Where a constraint was written says nothing.
impl PartialEq for Constraint {
    fn eq(&self, other: &Constraint) -> bool {
        self.name == other.name && self.rule == other.rule
    }
}

/// What a constraint demands. Names are in small letters.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum Rule {
    PrimaryKey {
        key: Vec<KeyPart>,
        conflict: Conflict,
        autoincrement: bool,
        /// `INTEGER PRIMARY KEY DESC` in a column's definition is not the rowid
        /// (<https://sqlite.org/lang_createtable.html#rowid>).
        descending_column: bool,
    },
    Unique {
        key: Vec<KeyPart>,
        conflict: Conflict,
    },
    Check {
        normal: String,
    },
    ForeignKey(ForeignKey),
}

/// A column of a key.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct KeyPart {
    pub(crate) column: String,
    pub(crate) collation: Option<String>,
    pub(crate) descending: bool,
}

/// A reference.
#[derive(Debug, Clone, Eq)]
pub(crate) struct ForeignKey {
    pub(crate) columns: Vec<String>,
    pub(crate) parent: String,
    /// Empty where it is the parent's primary key.
    pub(crate) to: Vec<String>,
    /// Whether `to` was left out of the text, and follows the parent's primary key.
    pub(crate) implicit: bool,
    pub(crate) on_delete: &'static str,
    pub(crate) on_update: &'static str,
    pub(crate) matching: Option<String>,
    pub(crate) deferred: bool,
}

/// Where the parent's key is the same, it says nothing whether it was spelled out.
impl PartialEq for ForeignKey {
    fn eq(&self, other: &ForeignKey) -> bool {
        let ForeignKey {
            columns,
            parent,
            to,
            implicit: _,
            on_delete,
            on_update,
            matching,
            deferred,
        } = self;
        *columns == other.columns
            && *parent == other.parent
            && *to == other.to
            && *on_delete == other.on_delete
            && *on_update == other.on_update
            && *matching == other.matching
            && *deferred == other.deferred
    }
}

/// What SQLite does where a constraint does not hold.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Conflict {
    Abort,
    Rollback,
    Fail,
    Ignore,
    Replace,
}

impl Definition {
    /// The column of a name.
    pub(crate) fn column(&self, name: &str) -> Option<&ColumnDefinition> {
        self.columns
            .iter()
            .find(|column| same_name(&column.name, name))
    }

    /// The primary key's columns, in small letters.
    pub(crate) fn primary_key(&self) -> Vec<&str> {
        self.constraints
            .iter()
            .find_map(|constraint| match &constraint.rule {
                Rule::PrimaryKey { key, .. } => Some(key.iter().map(|part| part.column.as_str())),
                _ => None,
            })
            .map(Iterator::collect)
            .unwrap_or_default()
    }

    /// The column that is the rowid (<https://sqlite.org/lang_createtable.html#rowid>).
    pub(crate) fn rowid_column(&self) -> Option<&ColumnDefinition> {
        self.constraints.iter().find_map(|constraint| {
            let Rule::PrimaryKey {
                key,
                descending_column,
                ..
            } = &constraint.rule
            else {
                return None;
            };
            let [part] = key.as_slice() else { return None };
            let column = self.column(&part.column)?;
            let is_rowid =
                !self.without_rowid && !descending_column && column.declared == "INTEGER";
            is_rowid.then_some(column)
        })
    }

    /// A name by which the rowid can be asked for, where no column hides it.
    pub(crate) fn rowid_alias(&self) -> Option<&'static str> {
        if self.without_rowid {
            return None;
        }
        let free = |alias: &&&str| self.column(alias).is_none();
        ["rowid", "_rowid_", "oid"].iter().find(free).copied()
    }

    /// Whether rows are counted on from the largest there ever was.
    pub(crate) fn autoincrement(&self) -> bool {
        self.constraints.iter().any(|constraint| {
            matches!(
                constraint.rule,
                Rule::PrimaryKey {
                    autoincrement: true,
                    ..
                }
            )
        })
    }

    /// Whether a constraint says what to do on a conflict, which could drop rows of a copy.
    pub(crate) fn has_conflict_clause(&self) -> bool {
        let of_rule = |constraint: &Constraint| match constraint.rule {
            Rule::PrimaryKey { conflict, .. } | Rule::Unique { conflict, .. } => {
                conflict != Conflict::Abort
            }
            Rule::Check { .. } | Rule::ForeignKey(_) => false,
        };
        let of_column =
            |column: &ColumnDefinition| column.not_null.is_some_and(|c| c != Conflict::Abort);
        self.constraints.iter().any(of_rule) || self.columns.iter().any(of_column)
    }

    /// The references, with a missing key list meaning the parent's primary key.
    pub(crate) fn foreign_keys(&self) -> impl Iterator<Item = &ForeignKey> {
        self.constraints
            .iter()
            .filter_map(|constraint| match &constraint.rule {
                Rule::ForeignKey(key) => Some(key),
                _ => None,
            })
    }

    /// The affinity of a column, where ANY in a STRICT table converts nothing
    /// (<https://sqlite.org/stricttables.html>).
    pub(crate) fn affinity_of(&self, column: &ColumnDefinition) -> Affinity {
        match self.strict && column.declared == "ANY" {
            true => Affinity::Blob,
            false => affinity(&column.declared),
        }
    }

    /// The statement under another name. Qualifiers of its own columns are left out: inside
    /// a constraint they can mean nothing else, and under another name they would fail.
    pub(crate) fn create_as(&self, name: &str) -> String {
        let mut cuts: Vec<(Range<usize>, &str)> = vec![(self.name_at.clone(), name)];
        cuts.extend(self.own_qualifiers.iter().cloned().map(|at| (at, "")));
        cuts.sort_by_key(|(at, _)| at.start);
        let mut made = String::with_capacity(self.text.len());
        let mut done = 0;
        for (at, instead) in cuts {
            made += &self.text[done..at.start];
            // `NOT"t".a` without its quotes would be one word.
            let next = match instead {
                "" => &self.text[at.end..],
                instead => instead,
            };
            let glued = [made.bytes().last(), next.bytes().next()];
            if glued
                .iter()
                .flatten()
                .filter(|byte| is_word(**byte))
                .count()
                == 2
            {
                made.push(' ');
            }
            made += instead;
            done = at.end;
        }
        made + &self.text[done..]
    }

    /// The statement as written, without notes.
    pub(crate) fn text(&self) -> &str {
        &self.text
    }
}

impl ColumnDefinition {
    /// Whether it holds no NULL.
    pub(crate) fn is_not_null(&self) -> bool {
        self.not_null.is_some() || self.keyed_not_null
    }

    /// The definition with another type.
    pub(crate) fn with_type(&self, declared: &str) -> String {
        self.rewritten(Some(declared), "", "")
    }

    /// The definition with another clause of a kind (`NOT`, `DEFAULT`, `COLLATE`), or without.
    pub(crate) fn with_clause(&self, begins: &str, clause: &str) -> String {
        self.rewritten(None, begins, clause)
    }

    /// The definition without its clause of a kind.
    pub(crate) fn without_clause(&self, begins: &str) -> String {
        self.rewritten(None, begins, "")
    }

    /// Name, type and clauses cut apart, and put together again with something in place of one
    /// of them.
    fn rewritten(&self, declared: Option<&str>, begins: &str, instead: &str) -> String {
        let tokens: Vec<Token<'_>> = Tokens::new(&self.text).collect();
        let (kind, found) = clauses(tokens.get(1..).unwrap_or_default(), begins_in_column);
        let mut parts = vec![&self.text[span(tokens.get(..1).unwrap_or_default())]];
        parts.push(declared.unwrap_or(&self.text[span(kind)]));
        let mut instead = Some(instead);
        for clause in found {
            // Behind its name, where it has one.
            let first = if clause[0].word() == "CONSTRAINT" {
                2
            } else {
                0
            };
            let is_meant = clause
                .get(first)
                .is_some_and(|token| token.word() == begins);
            parts.push(match is_meant {
                true => instead.take().unwrap_or_default(),
                false => &self.text[span(clause)],
            });
        }
        parts.extend(instead);
        parts.retain(|part| !part.is_empty());
        parts.join(" ")
    }
}

impl Constraint {
    /// Whether this is its name.
    pub(crate) fn is_called(&self, name: &str) -> bool {
        self.name.as_deref().is_some_and(|own| same_name(own, name))
    }

    /// Whether this is its text, however it is spelled.
    pub(crate) fn is_written(&self, text: &str) -> bool {
        let folded = |text: &str| {
            let tokens: Vec<Token<'_>> = Tokens::new(text).collect();
            normal(&tokens, None, "")
        };
        folded(&self.text) == folded(text)
    }
}

impl KeyPart {
    pub(crate) fn plain(column: &str) -> KeyPart {
        KeyPart {
            column: column.to_ascii_lowercase(),
            collation: None,
            descending: false,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn parsed(sql: &str) -> Definition {
        Definition::parse(sql).unwrap_or_else(|reason| panic!("{sql}: {reason}"))
    }

    /// A fuzzer left the space out before the name, and `CREATE TABLEother` was written.
    #[test]
    fn a_name_in_quotes_that_is_replaced_does_not_grow_into_the_word_before_it() {
        let table = parsed("CREATE TABLE\"t\"(a, CHECK(NOT\"t\".a))");
        assert_eq!(table.create_as("x"), "CREATE TABLE x(a, CHECK(NOT a))");
    }

    #[test]
    fn the_rowid_is_told_from_what_only_looks_like_it() {
        let cases = [
            ("id INTEGER PRIMARY KEY", Some("id")),
            ("id integer, PRIMARY KEY (ID DESC)", Some("id")),
            ("id INTEGER PRIMARY KEY DESC", None),
            ("id INT PRIMARY KEY", None),
            ("id INTEGER, b, PRIMARY KEY (id, b)", None),
            ("id INTEGER", None),
        ];
        for (columns, expected) in cases {
            let table = parsed(&format!("CREATE TABLE t ({columns})"));
            let found = table.rowid_column().map(|column| column.name.as_str());
            assert_eq!(found, expected, "{columns}");
        }
        let alias = |columns: &str| parsed(&format!("CREATE TABLE t ({columns})")).rowid_alias();
        assert_eq!(alias("a"), Some("rowid"));
        assert_eq!(alias("ROWID, a"), Some("_rowid_"));
        assert_eq!(alias("rowid, oid, _rowid_"), None);
        assert_eq!(
            parsed("CREATE TABLE t (a PRIMARY KEY) WITHOUT ROWID").rowid_alias(),
            None
        );
    }

    #[test]
    fn a_column_is_written_with_one_clause_in_place_of_another() {
        let cases = [
            (
                "a INT DEFAULT 1 COLLATE NOCASE",
                "a INT DEFAULT 2 COLLATE NOCASE",
            ),
            (
                "a INT CONSTRAINT d DEFAULT 1 NOT NULL",
                "a INT DEFAULT 2 NOT NULL",
            ),
            (
                "a INT CONSTRAINT n NOT NULL",
                "a INT CONSTRAINT n NOT NULL DEFAULT 2",
            ),
            ("a", "a DEFAULT 2"),
            ("a DEFAULT 1 DEFAULT 3", "a DEFAULT 2"),
        ];
        for (before, after) in cases {
            let table = parsed(&format!("CREATE TABLE t ({before})"));
            assert_eq!(table.columns[0].with_clause("DEFAULT", "DEFAULT 2"), after);
        }
        let table = parsed("CREATE TABLE t (\"a b\" NUMERIC(1, 2) CONSTRAINT n NOT NULL UNIQUE)");
        let column = &table.columns[0];
        assert_eq!(column.without_clause("NOT"), "\"a b\" NUMERIC(1, 2) UNIQUE");
        assert_eq!(
            column.with_type("INT"),
            "\"a b\" INT CONSTRAINT n NOT NULL UNIQUE"
        );
    }
}
