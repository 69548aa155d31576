//! What a table demands of its rows, as facts that can be compared whatever the spelling.

use std::collections::BTreeMap;

use rusqlite::Connection;

use crate::report::error::Error;
use crate::sqlite::execute::failure;
use crate::sqlite::schema::catalog;
use crate::sqlite::schema::objects::TableKind;
use crate::sqlite::sql::name::same_name;
use crate::sqlite::sql::token::{Token, Tokens};

/// The facts of one table.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub(crate) struct TableFacts {
    pub(crate) columns: Vec<ColumnFacts>,
    /// Without those of the primary key. Columns in small letters, sorted.
    unique: Vec<Vec<String>>,
    /// The same of unique indexes, which stand for a constraint too.
    unique_indexes: Vec<Vec<String>>,
    primary_key: Vec<String>,
    references: Vec<Reference>,
    /// As they are compared, and as they are written.
    checks: Vec<(String, String)>,
    autoincrement: bool,
    strict: bool,
    without_rowid: bool,
}

/// The facts of one column.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct ColumnFacts {
    pub(crate) name: String,
    declared: String,
    not_null: bool,
    default: Option<String>,
    generated: bool,
    collation: Option<String>,
}

#[derive(Debug, Clone, PartialEq, Eq)]
struct Reference {
    from: Vec<String>,
    parent: String,
    to: Vec<Option<String>>,
    on_update: String,
    on_delete: String,
}

/// What `pragma_foreign_key_list` calls an action that was not given.
const NO_ACTION: &str = "NO ACTION";

const COLUMNS: &str = "SELECT name, type, \"notnull\", dflt_value, pk, hidden
    FROM pragma_table_xinfo(?1, 'main') WHERE hidden <> 1 ORDER BY cid";
const INDEXES: &str = "SELECT name, origin FROM pragma_index_list(?1, 'main')
    WHERE \"unique\" AND NOT partial AND origin <> 'pk'";
const OF_INDEX: &str = "SELECT lower(name) FROM pragma_index_info(?1, 'main') ORDER BY 1";
const REFERENCES: &str = "SELECT id, \"table\", \"from\", \"to\", on_update, on_delete
    FROM pragma_foreign_key_list(?1, 'main') ORDER BY id, seq";

impl TableFacts {
    /// Reads them. None where there is no ordinary table of that name.
    pub(crate) fn of(connection: &Connection, table: &str) -> Result<Option<TableFacts>, Error> {
        let read = || -> rusqlite::Result<Option<TableFacts>> {
            let found = catalog::table_named(connection, table)?;
            let Some(entry) = found.filter(|entry| entry.kind == TableKind::Ordinary) else {
                return Ok(None);
            };
            let options = entry.options();
            let mut facts = TableFacts {
                without_rowid: options.without_rowid,
                strict: options.strict,
                ..TableFacts::default()
            };
            let collations = facts.read_text(entry.sql());
            let mut primary: Vec<(i64, String)> = Vec::new();
            let mut statement = connection.prepare(COLUMNS)?;
            let mut rows = statement.query([table])?;
            while let Some(row) = rows.next()? {
                let name: String = row.get(0)?;
                let place: i64 = row.get(4)?;
                if place > 0 {
                    primary.push((place, name.to_ascii_lowercase()));
                }
                facts.columns.push(ColumnFacts {
                    declared: row.get::<_, Option<String>>(1)?.unwrap_or_default(),
                    not_null: row.get(2)?,
                    default: row.get::<_, Option<String>>(3)?.map(|text| plain(&text)),
                    generated: row.get::<_, i64>(5)? != 0,
                    collation: collations.get(&name.to_ascii_lowercase()).cloned(),
                    name,
                });
            }
            primary.sort();
            facts.primary_key = primary.into_iter().map(|(_, name)| name).collect();
            let mut statement = connection.prepare(INDEXES)?;
            let mut rows = statement.query([table])?;
            while let Some(row) = rows.next()? {
                let (index, origin): (String, String) = (row.get(0)?, row.get(1)?);
                let mut of_index = connection.prepare(OF_INDEX)?;
                let names = of_index.query_map([index], |row| row.get(0))?;
                let names = names.collect::<rusqlite::Result<Vec<Option<String>>>>()?;
                let names = names.into_iter().collect::<Option<Vec<String>>>();
                match origin.as_str() {
                    "u" => facts.unique.extend(names),
                    _ => facts.unique_indexes.extend(names),
                }
            }
            facts.unique.sort();
            let mut last = None;
            let mut statement = connection.prepare(REFERENCES)?;
            let mut rows = statement.query([table])?;
            while let Some(row) = rows.next()? {
                let id: i64 = row.get(0)?;
                if last.replace(id) != Some(id) {
                    facts.references.push(Reference {
                        from: Vec::new(),
                        parent: row.get(1)?,
                        to: Vec::new(),
                        on_update: row.get(4)?,
                        on_delete: row.get(5)?,
                    });
                }
                if let Some(reference) = facts.references.last_mut() {
                    reference
                        .from
                        .push(row.get::<_, String>(2)?.to_ascii_lowercase());
                    let to: Option<String> = row.get(3)?;
                    reference.to.push(to.map(|name| name.to_ascii_lowercase()));
                }
            }
            Ok(Some(facts))
        };
        read().map_err(|error| failure(format!("cannot read `{table}`"), error))
    }

    /// What only the text has: CHECK, AUTOINCREMENT. The collations by column.
    fn read_text(&mut self, sql: &str) -> BTreeMap<String, String> {
        let tokens: Vec<Token<'_>> = Tokens::new(sql).collect();
        let mut collations = BTreeMap::new();
        let (mut depth, mut column, mut is_first) = (0, None, false);
        for (at, token) in tokens.iter().enumerate() {
            let word = token.word();
            if depth == 1 && is_first {
                let is_constraint = ["CONSTRAINT", "PRIMARY", "UNIQUE", "CHECK", "FOREIGN"]
                    .contains(&word.as_str());
                column = (!is_constraint).then(|| token.name().to_ascii_lowercase());
            }
            is_first = depth == 1 && token.text == "," || depth == 0 && token.text == "(";
            match word.as_str() {
                "AUTOINCREMENT" if depth == 1 => self.autoincrement = true,
                "COLLATE" if depth == 1 => {
                    if let (Some(column), Some(name)) = (&column, tokens.get(at + 1)) {
                        collations.insert(column.clone(), name.name().to_ascii_uppercase());
                    }
                }
                "CHECK" if depth == 1 => {
                    let mut level = 0;
                    let inside: Vec<&Token<'_>> = tokens[at + 1..]
                        .iter()
                        .take_while(|token| {
                            level += token.nesting();
                            level > 0
                        })
                        .skip(1)
                        .collect();
                    if let (Some(first), Some(last)) = (inside.first(), inside.last()) {
                        let text = &sql[first.start..last.start + last.text.len()];
                        self.checks.push((plain(text), text.to_owned()));
                    }
                }
                _ => {}
            }
            depth += token.nesting();
        }
        self.checks.sort();
        collations
    }

    fn column(&self, name: &str) -> Option<&ColumnFacts> {
        let mut columns = self.columns.iter();
        columns.find(|column| same_name(&column.name, name))
    }

    /// What a table that was rebuilt does not demand any more, in words. `renamed` is the name
    /// now of a column, none where it is gone.
    pub(crate) fn lost_in(
        &self,
        now: &TableFacts,
        renamed: &dyn Fn(&str) -> Option<String>,
    ) -> Vec<String> {
        let mut lost = Vec::new();
        let all = |columns: &[String]| -> Option<Vec<String>> {
            let names = columns.iter().map(|name| renamed(name));
            let names: Option<Vec<String>> = names.collect();
            names.map(|names| {
                let mut names: Vec<String> =
                    names.iter().map(|it| it.to_ascii_lowercase()).collect();
                names.sort();
                names
            })
        };
        for reference in &self.references {
            let Some(from) = all(&reference.from) else {
                continue;
            };
            let is_there = |other: &Reference| {
                let mut columns = other.from.clone();
                columns.sort();
                columns == from
            };
            let Some(stands) = now.references.iter().find(|other| is_there(other)) else {
                lost.push(format!(
                    "the foreign key {} REFERENCES {}",
                    reference.from.join(", "),
                    reference.parent
                ));
                continue;
            };
            for (when, before, after) in [
                ("DELETE", &reference.on_delete, &stands.on_delete),
                ("UPDATE", &reference.on_update, &stands.on_update),
            ] {
                if before != NO_ACTION && after == NO_ACTION {
                    let columns = reference.from.join(", ");
                    lost.push(format!("ON {when} {before} of the foreign key {columns}"));
                }
            }
        }
        if now.checks.len() < self.checks.len() {
            let stands = |check: &str| now.checks.iter().any(|(now, _)| now == check);
            let gone = self.checks.iter().filter(|(check, _)| !stands(check));
            lost.extend(gone.map(|(_, text)| format!("CHECK ({text})")));
        }
        let key = (!self.primary_key.is_empty()).then_some(("PRIMARY KEY", &self.primary_key));
        let unique = self.unique.iter().map(|unique| ("UNIQUE", unique));
        for (what, unique) in key.into_iter().chain(unique) {
            let Some(columns) = all(unique) else {
                continue;
            };
            let mut key = now.primary_key.clone();
            key.sort();
            let stands = now.unique.contains(&columns) || now.unique_indexes.contains(&columns);
            if !stands && key != columns {
                lost.push(format!("{what} ({})", columns.join(", ")));
            }
        }
        for before in &self.columns {
            let after = renamed(&before.name).and_then(|name| now.column(&name));
            let name = &before.name;
            let Some(after) = after else {
                if before.generated {
                    lost.push(format!("the generated column `{name}`"));
                }
                continue;
            };
            let is_key = |facts: &TableFacts| {
                let mut key = facts.primary_key.iter();
                key.any(|column| same_name(column, &after.name))
            };
            if before.not_null && !after.not_null && !is_key(now) {
                lost.push(format!("NOT NULL of `{name}`"));
            }
            if let (Some(default), None) = (&before.default, &after.default) {
                lost.push(format!("DEFAULT {default} of `{name}`"));
            }
            if let (Some(collation), None) = (&before.collation, &after.collation) {
                lost.push(format!("COLLATE {collation} of `{name}`"));
            }
            if before.generated && !after.generated {
                lost.push(format!("GENERATED of `{name}`"));
            }
        }
        if self.autoincrement && !now.autoincrement {
            lost.push("AUTOINCREMENT".to_owned());
        }
        if self.strict && !now.strict {
            lost.push("STRICT".to_owned());
        }
        lost
    }

    /// Where another table of the same name differs from this one, in words.
    pub(crate) fn differences(&self, name: &str, actual: &TableFacts) -> Vec<String> {
        let mut found = Vec::new();
        for column in &self.columns {
            let name_of = &column.name;
            let Some(now) = actual.column(name_of) else {
                found.push(format!("column `{name_of}` of `{name}` is missing"));
                continue;
            };
            if !now.declared.eq_ignore_ascii_case(&column.declared) {
                found.push(format!(
                    "column `{name_of}` of `{name}` is {} instead of {}",
                    or_none(&now.declared),
                    or_none(&column.declared)
                ));
            }
            let of = |what: &str, is: bool| match is {
                true => format!("column `{name_of}` of `{name}` has no {what}"),
                false => format!("column `{name_of}` of `{name}` has {what}, and should not"),
            };
            if now.not_null != column.not_null {
                found.push(of("NOT NULL", column.not_null));
            }
            if now.default != column.default {
                let default = |facts: &ColumnFacts| match &facts.default {
                    Some(default) => format!("DEFAULT {default}"),
                    None => "no DEFAULT".to_owned(),
                };
                found.push(format!(
                    "column `{name_of}` of `{name}` has {} instead of {}",
                    default(now),
                    default(column)
                ));
            }
            if now.collation != column.collation {
                found.push(format!(
                    "column `{name_of}` of `{name}` has another COLLATE"
                ));
            }
            if now.generated != column.generated {
                found.push(of("generated value", column.generated));
            }
        }
        for column in &actual.columns {
            if self.column(&column.name).is_none() {
                found.push(format!(
                    "column `{}` of `{name}` should not be there",
                    column.name
                ));
            }
        }
        if !found.is_empty() {
            return found;
        }
        let mut tell = |what: &str, expected: bool, actual: bool| {
            if expected != actual {
                found.push(match expected {
                    true => format!("table `{name}` has no {what}"),
                    false => format!("table `{name}` has {what}, and should not"),
                });
            }
        };
        tell("AUTOINCREMENT", self.autoincrement, actual.autoincrement);
        tell("STRICT", self.strict, actual.strict);
        tell("WITHOUT ROWID", self.without_rowid, actual.without_rowid);
        let mut other = |what: &str, same: bool| {
            if !same {
                found.push(format!("table `{name}` has another {what}"));
            }
        };
        other("PRIMARY KEY", self.primary_key == actual.primary_key);
        other("UNIQUE", self.unique == actual.unique);
        let checks = |facts: &TableFacts| -> Vec<String> {
            facts
                .checks
                .iter()
                .map(|(check, _)| check.clone())
                .collect()
        };
        other("CHECK", checks(self) == checks(actual));
        let sorted = |facts: &TableFacts| {
            let keys = facts.references.iter();
            let mut keys: Vec<String> = keys
                .map(|it| {
                    format!(
                        "{:?} {} {:?} {} {}",
                        it.from,
                        it.parent.to_ascii_lowercase(),
                        it.to,
                        it.on_update,
                        it.on_delete
                    )
                })
                .collect();
            keys.sort();
            keys
        };
        other("foreign key", sorted(self) == sorted(actual));
        found
    }
}

fn or_none(declared: &str) -> &str {
    match declared {
        "" => "without a type",
        declared => declared,
    }
}

/// A token as it is compared: a text keeps its case, a name and a keyword do not.
fn spelled(token: &Token<'_>) -> String {
    match token.text.as_bytes().first() {
        Some(b'\'') => token.text.to_owned(),
        _ => token.name().to_ascii_lowercase(),
    }
}

/// An expression without the space and the brackets around it.
fn plain(text: &str) -> String {
    let mut tokens: Vec<Token<'_>> = Tokens::new(text).collect();
    while let [open, inner @ .., close] = tokens.as_slice()
        && open.text == "("
        && close.text == ")"
        && inner
            .iter()
            .scan(0, |depth, token| {
                *depth += token.nesting();
                Some(*depth)
            })
            .all(|depth| depth >= 0)
    {
        tokens = inner.to_vec();
    }
    let words: Vec<String> = tokens.iter().map(spelled).collect();
    words.join(" ")
}

#[cfg(test)]
mod tests {
    use super::*;

    fn facts(columns: &str) -> TableFacts {
        let connection = Connection::open_in_memory().unwrap();
        let sql = format!("CREATE TABLE p (id INTEGER PRIMARY KEY); CREATE TABLE t {columns}");
        connection.execute_batch(&sql).unwrap();
        TableFacts::of(&connection, "T").unwrap().unwrap()
    }

    #[test]
    fn what_a_rebuild_lost_is_told_by_its_kind_and_a_change_is_no_loss() {
        let same = |name: &str| Some(name.to_owned());
        let rich = facts(
            "(id INTEGER PRIMARY KEY AUTOINCREMENT, p INTEGER NOT NULL DEFAULT 3 REFERENCES p (id),
              n TEXT UNIQUE COLLATE NOCASE CHECK (n <> 'x'), g TEXT AS (n || 'y'))",
        );
        let poor = facts("(id INTEGER PRIMARY KEY, p INTEGER, n TEXT, g TEXT)");
        let lost = rich.lost_in(&poor, &same);
        assert_eq!(
            lost,
            [
                "the foreign key p REFERENCES p",
                "CHECK (n <> 'x')",
                "UNIQUE (n)",
                "NOT NULL of `p`",
                "DEFAULT 3 of `p`",
                "COLLATE NOCASE of `n`",
                "GENERATED of `g`",
                "AUTOINCREMENT",
            ]
        );
        assert_eq!(poor.lost_in(&rich, &same), [""; 0]);
        let other = facts(
            "(id INTEGER PRIMARY KEY AUTOINCREMENT, p INTEGER NOT NULL DEFAULT 4 REFERENCES p ON DELETE CASCADE,
              n TEXT COLLATE BINARY CHECK (n <> 'z'), g TEXT AS (n || 'z'), UNIQUE (n))",
        );
        assert_eq!(rich.lost_in(&other, &same), [""; 0]);
        let strict = facts(
            "(k TEXT, id INT, p INT REFERENCES p ON DELETE SET NULL ON UPDATE CASCADE,
              PRIMARY KEY (k, id)) STRICT",
        );
        let loose =
            facts("(k TEXT NOT NULL, id INT PRIMARY KEY, p INT REFERENCES p ON UPDATE RESTRICT)");
        assert_eq!(
            strict.lost_in(&loose, &same),
            [
                "ON DELETE SET NULL of the foreign key p",
                "PRIMARY KEY (id, k)",
                "STRICT"
            ]
        );
        let unique = facts("(k TEXT NOT NULL, id INT NOT NULL, UNIQUE (id, k)) STRICT");
        let lost = strict.lost_in(&unique, &same);
        assert_eq!(
            lost,
            ["the foreign key p REFERENCES p"],
            "the key is UNIQUE"
        );
        let (before, after) = (facts("(a TEXT PRIMARY KEY)"), facts("(b TEXT PRIMARY KEY)"));
        let renamed = |_: &str| Some("b".to_owned());
        assert_eq!(before.lost_in(&after, &renamed), [""; 0]);
    }

    #[test]
    fn spelling_is_no_difference_and_a_fact_is() {
        let short =
            facts("(id INTEGER PRIMARY KEY, n TEXT NOT NULL DEFAULT ('a') UNIQUE, CHECK (n<>'b'))");
        let long = facts(
            "( \"id\" integer PRIMARY KEY , [n] text NOT NULL DEFAULT 'a' , UNIQUE (\"N\"), CHECK( n <> 'b' ) ) -- x",
        );
        assert_eq!(short.differences("t", &long), [""; 0]);
        for (other, expected) in [
            ("(id INTEGER PRIMARY KEY)", "column `n` of `t` is missing"),
            (
                "(id INTEGER PRIMARY KEY, n TEXT DEFAULT 'a' UNIQUE, CHECK (n<>'b'))",
                "column `n` of `t` has no NOT NULL",
            ),
            (
                "(id INTEGER PRIMARY KEY, n TEXT NOT NULL DEFAULT 'a', CHECK (n<>'b'))",
                "table `t` has another UNIQUE",
            ),
            (
                "(id INTEGER PRIMARY KEY, n TEXT NOT NULL DEFAULT 'a' UNIQUE, CHECK (n<>'c'))",
                "table `t` has another CHECK",
            ),
        ] {
            assert_eq!(short.differences("t", &facts(other)), [expected]);
        }
    }
}
