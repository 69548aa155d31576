//! What a table demands of a row: its columns, the keys they refer to, the rules they are under.

use rusqlite::Connection;
use rusqlite::types::Value;

use crate::devtools::sample_data::guesses::{Fact, literals};
use crate::report::error::Error;
use crate::sqlite::execute::failure;
use crate::sqlite::schema::catalog;
use crate::sqlite::schema::objects::{Object, ObjectKind, Schema, Table};
use crate::sqlite::schema::parsed::clauses::parenthesised;
use crate::sqlite::sql::name::same_name;
use crate::sqlite::sql::token::{Token, Tokens};

const COLUMNS: &str = "SELECT name, type, \"notnull\", dflt_value, pk, hidden
    FROM pragma_table_xinfo(?1, 'main') WHERE hidden = 0";
const UNIQUE: &str = "SELECT DISTINCT part.name FROM pragma_index_list(?1, 'main') AS list,
    pragma_index_xinfo(list.name, 'main') AS part
    WHERE list.\"unique\" AND part.key AND part.name IS NOT NULL";
const REFERENCES: &str = "SELECT id, \"table\", \"from\", \"to\"
    FROM pragma_foreign_key_list(?1, 'main') ORDER BY id, seq";

/// What has to be known of a table to write into it.
pub(super) struct ColumnFacts {
    pub(super) name: String,
    pub(super) columns: Vec<Fact>,
    pub(super) references: Vec<Reference>,
    pub(super) rules: Vec<FillRule>,
    /// A name for the rowid, where there is one that is not a column.
    pub(super) rowid: Option<&'static str>,
}

pub(super) struct Reference {
    pub(super) parent: String,
    /// Column and, where it is written, the parent's column.
    pub(super) columns: Vec<(usize, Option<String>)>,
}

/// A constraint, a trigger or an index: what SQLite calls it, and what it speaks of.
pub(super) struct FillRule {
    pub(super) name: Option<String>,
    pub(super) columns: Vec<usize>,
    pub(super) guesses: Vec<Value>,
}

impl ColumnFacts {
    pub(super) fn read(
        connection: &Connection,
        schema: &Schema,
        table: &Table,
    ) -> Result<ColumnFacts, Error> {
        let name = table.name.clone();
        let read = || ColumnFacts::query(connection, schema, table);
        read().map_err(|error| failure(format!("cannot read the columns of `{name}`"), error))
    }

    fn query(
        connection: &Connection,
        schema: &Schema,
        table: &Table,
    ) -> rusqlite::Result<ColumnFacts> {
        let name = table.name.as_str();
        let unique: Vec<String> = column(connection, UNIQUE, name)?;
        let mut keys = Vec::new();
        let mut columns = Vec::new();
        let mut statement = connection.prepare(COLUMNS)?;
        let mut rows = statement.query([name])?;
        while let Some(row) = rows.next()? {
            let column: String = row.get(0)?;
            if row.get::<_, i64>(4)? > 0 {
                keys.push(columns.len());
            }
            columns.push(Fact {
                declared: row.get::<_, Option<String>>(1)?.unwrap_or_default(),
                nullable: !row.get::<_, bool>(2)?,
                default: row.get(3)?,
                unique: unique.iter().any(|name| same_name(name, &column)),
                name: column,
            });
        }
        for &key in &keys {
            columns[key].unique = true;
            columns[key].nullable = false;
        }
        let entry = catalog::table_named(connection, name)?;
        let without_rowid = entry.is_some_and(|entry| entry.options().without_rowid);
        let is_rowid = |fact: &Fact| same_name(&fact.declared, "INTEGER");
        let hidden = without_rowid || matches!(keys[..], [key] if is_rowid(&columns[key]));
        let rowid = ["rowid", "_rowid_", "oid"]
            .into_iter()
            .find(|alias| !columns.iter().any(|fact| same_name(&fact.name, alias)))
            .filter(|_| !hidden);
        let mut rules = checks(&table.sql, &columns);
        let own = |object: &&Object| same_name(&object.table, name);
        let of_kind = |kind| {
            let others = schema.others.iter().filter(own);
            others.filter(move |object| object.kind == kind)
        };
        for trigger in of_kind(ObjectKind::Trigger) {
            let tokens: Vec<Token<'_>> = Tokens::new(&trigger.sql).collect();
            // It refuses in words of its own.
            if tokens.iter().any(|token| token.word() == "RAISE") {
                rules.push(FillRule::of(None, &tokens, &columns));
            }
        }
        for index in of_kind(ObjectKind::Index) {
            rules.push(FillRule {
                name: Some(index.name.clone()),
                columns: mentioned(&Tokens::new(&index.sql).collect::<Vec<_>>(), &columns),
                guesses: Vec::new(),
            });
        }
        Ok(ColumnFacts {
            name: name.to_owned(),
            references: references(connection, name, &columns)?,
            columns,
            rules,
            rowid,
        })
    }
}

impl Reference {
    /// The columns of the parent it points to. Left unsaid, they are its primary key.
    pub(super) fn parent_columns(
        &self,
        connection: &Connection,
        parent: &ColumnFacts,
    ) -> Option<Vec<usize>> {
        let find = |name: &str| {
            let mut columns = parent.columns.iter();
            columns.position(|fact| same_name(&fact.name, name))
        };
        let named = self.columns.iter().map(|(_, to)| to.as_deref().map(find));
        if let Some(named) = named.collect::<Option<Option<Vec<usize>>>>() {
            return named;
        }
        let key = "SELECT name FROM pragma_table_xinfo(?1, 'main') WHERE pk > 0 ORDER BY pk";
        let key: Vec<String> = column(connection, key, &parent.name).ok()?;
        let key: Option<Vec<usize>> = key.iter().map(|name| find(name)).collect();
        key.filter(|key| key.len() == self.columns.len())
    }
}

impl FillRule {
    fn of(name: Option<String>, tokens: &[Token<'_>], columns: &[Fact]) -> FillRule {
        FillRule {
            name,
            columns: mentioned(tokens, columns),
            guesses: literals(tokens, columns),
        }
    }
}

/// The first column of what a query with one parameter gives.
fn column<T: rusqlite::types::FromSql>(
    connection: &Connection,
    sql: &str,
    parameter: &str,
) -> rusqlite::Result<Vec<T>> {
    let mut statement = connection.prepare(sql)?;
    let rows = statement.query_map([parameter], |row| row.get(0))?;
    rows.collect()
}

fn references(
    connection: &Connection,
    table: &str,
    columns: &[Fact],
) -> rusqlite::Result<Vec<Reference>> {
    let mut found: Vec<(i64, Reference)> = Vec::new();
    let mut statement = connection.prepare(REFERENCES)?;
    let mut rows = statement.query([table])?;
    while let Some(row) = rows.next()? {
        let (id, from): (i64, String) = (row.get(0)?, row.get(2)?);
        // A generated column can point too, and cannot be written to.
        let Some(column) = columns.iter().position(|fact| same_name(&fact.name, &from)) else {
            continue;
        };
        let column = (column, row.get(3)?);
        match found.last_mut() {
            Some((last, reference)) if *last == id => reference.columns.push(column),
            _ => found.push((
                id,
                Reference {
                    parent: row.get(1)?,
                    columns: vec![column],
                },
            )),
        }
    }
    Ok(found.into_iter().map(|(_, reference)| reference).collect())
}

/// The CHECKs in the text of a table.
fn checks(sql: &str, columns: &[Fact]) -> Vec<FillRule> {
    let tokens: Vec<Token<'_>> = Tokens::new(sql).collect();
    let mut found = Vec::new();
    for (index, token) in tokens.iter().enumerate() {
        if token.word() != "CHECK" {
            continue;
        }
        let name = match index
            .checked_sub(2)
            .map(|at| (&tokens[at], &tokens[at + 1]))
        {
            Some((word, name)) if word.word() == "CONSTRAINT" => Some(name.name().into_owned()),
            _ => None,
        };
        let expression = parenthesised(&tokens[index..]);
        found.push(FillRule::of(name, expression, columns));
    }
    found
}

/// The columns that tokens speak of, in the order of the table.
pub(super) fn mentioned(tokens: &[Token<'_>], columns: &[Fact]) -> Vec<usize> {
    let named = |fact: &Fact| {
        let mut names = tokens.iter().filter(|token| !token.text.starts_with('\''));
        names.any(|token| same_name(&token.name(), &fact.name))
    };
    let columns = columns.iter().enumerate();
    columns
        .filter(|(_, fact)| named(fact))
        .map(|(index, _)| index)
        .collect()
}
