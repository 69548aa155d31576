//! Rows made up for the tables of a database in memory, so that a migration meets some.
//!
//! Every value is a guess, and SQLite is the judge: a row is offered, and where a constraint
//! refuses it, the columns it speaks of get their next guesses. The guesses come from the
//! declared type, the literals in the table's own constraints and triggers, the rows a
//! foreign key can point to, and what the migrations read a column as. Nothing is random and
//! nothing depends on the time, so that a finding today is a finding tomorrow.

use rusqlite::types::Value;
use rusqlite::{Connection, params_from_iter};

use crate::devtools::sample_data::facts::{ColumnFacts, FillRule, Reference, mentioned};
use crate::devtools::sample_data::guesses::{Hints, key, looks_like_json, plain, usual};
use crate::report::error::Error;
use crate::sqlite::execute::text;
use crate::sqlite::schema::catalog;
use crate::sqlite::schema::objects::{Schema, Table, TableKind};
use crate::sqlite::sql::name::{quote, same_name};
use crate::sqlite::sql::token::Tokens;

/// A table has at least this many rows, where they can be made up.
const ROWS: u64 = 3;
/// A row is given up after this many refused attempts.
const OFFERS: usize = 1000;
/// A foreign key chooses among this many rows.
const PARENTS: usize = 50;

/// Gives every table of a schema at least three rows. Returned is, for each table that stays
/// empty, why.
pub(crate) fn fill(
    connection: &Connection,
    schema: &Schema,
    hints: &Hints,
) -> Result<Vec<String>, Error> {
    let mut notes = Vec::new();
    let mut waiting: Vec<ColumnFacts> = schema
        .tables
        .iter()
        .filter(|table| table.kind == TableKind::Ordinary)
        .filter(|table| rows_of(connection, &table.name).is_some_and(|rows| rows < ROWS))
        .map(|table| ColumnFacts::read(connection, schema, table))
        .collect::<Result<_, _>>()?;
    // A table whose parents are full comes first; in a circle, the one that was made first.
    while !waiting.is_empty() {
        let waits = |facts: &ColumnFacts| {
            facts.references.iter().any(|reference| {
                let parent = |other: &ColumnFacts| same_name(&other.name, &reference.parent);
                !parent(facts) && waiting.iter().any(parent)
            })
        };
        let next = waiting.iter().position(|facts| !waits(facts)).unwrap_or(0);
        let facts = waiting.remove(next);
        notes.extend(facts.fill(connection, schema, hints)?);
    }
    for table in schema.tables.iter().filter(|table| keeps_words(table)) {
        let columns = catalog::column_names(connection, &table.name);
        if rows_of(connection, &table.name) == Some(0) {
            let names: Vec<String> = columns.iter().map(|column| quote(column)).collect();
            let words = vec!["'some words'"; columns.len()];
            // Its options may forbid it, and nothing depends on it.
            let _ = connection.execute_batch(&format!(
                "INSERT INTO main.{} ({}) VALUES ({})",
                quote(&table.name),
                names.join(", "),
                words.join(", ")
            ));
        }
    }
    Ok(notes)
}

/// How many rows a table in memory has, whose reading does not fail.
pub(crate) fn rows_of(connection: &Connection, table: &str) -> Option<u64> {
    catalog::row_count(connection, table).ok().flatten()
}

/// Full-text search that holds its own text. What other modules keep is their business.
fn keeps_words(table: &Table) -> bool {
    table.kind == TableKind::Virtual
        && !table.is_derived()
        && Tokens::new(&table.sql).any(|token| same_name(&token.name(), "fts5"))
}

/// A value to be offered; none leaves the column out, for its DEFAULT.
type Guess = Option<Value>;

impl ColumnFacts {
    /// Adds rows until there are enough. Why there is none, if so.
    fn fill(
        &self,
        connection: &Connection,
        schema: &Schema,
        hints: &Hints,
    ) -> Result<Option<String>, Error> {
        let mut made = rows_of(connection, &self.name).unwrap_or(ROWS);
        while made < ROWS {
            match self.add_row(connection, schema, hints, made.cast_signed()) {
                Ok(()) => made += 1,
                Err(_) if made > 0 => break,
                Err(reason) => {
                    return Ok(Some(format!(
                        "no row could be made up for `{}`: {reason}",
                        self.name
                    )));
                }
            }
        }
        Ok(None)
    }

    /// Offers rows until one is taken; else the last refusal.
    fn add_row(
        &self,
        connection: &Connection,
        schema: &Schema,
        hints: &Hints,
        number: i64,
    ) -> Result<(), String> {
        let guesses = self.guesses(connection, schema, hints, number);
        let mut chosen = vec![0; self.columns.len()];
        let (mut refusal, mut rounds) = (String::new(), 0);
        for _ in 0..OFFERS {
            let row = guesses.iter().zip(&chosen);
            let row: Vec<&Guess> = row.map(|(guesses, &index)| &guesses[index]).collect();
            match self.offer(connection, &row, number) {
                Ok(()) => return Ok(()),
                Err(reason) => refusal = reason,
            }
            // The next combination of what is to blame, as on the wheels of a counter.
            let round = self.blamed(&refusal).into_iter().all(|column| {
                chosen[column] = (chosen[column] + 1) % guesses[column].len();
                chosen[column] == 0
            });
            // The first one may have begun in the middle.
            rounds += usize::from(round);
            if rounds > 1 {
                break;
            }
        }
        Err(refusal)
    }

    fn offer(&self, connection: &Connection, row: &[&Guess], number: i64) -> Result<(), String> {
        let (mut names, mut values) = (Vec::new(), Vec::new());
        if let Some(alias) = self.rowid {
            names.push(alias.to_owned());
            values.push(Value::Integer(key(number)));
        }
        for (fact, guess) in self.columns.iter().zip(row) {
            if let Some(value) = guess {
                names.push(quote(&fact.name));
                values.push(value.clone());
            }
        }
        let marks = vec!["?"; names.len()].join(", ");
        let table = quote(&self.name);
        // ABORT, so that no conflict clause of the table takes another row away.
        let sql = match names.is_empty() {
            true => format!("INSERT OR ABORT INTO main.{table} DEFAULT VALUES"),
            false => format!(
                "INSERT OR ABORT INTO main.{table} ({}) VALUES ({marks})",
                names.join(", ")
            ),
        };
        let insert = || {
            let mut statement = connection.prepare(&sql)?;
            statement.execute(params_from_iter(values))
        };
        // A trigger's RAISE may leave half of its work, or end the savepoint itself.
        let _ = connection.execute_batch("SAVEPOINT heirloom_offer");
        let inserted = insert();
        let end = match inserted {
            Ok(1..) => "RELEASE heirloom_offer",
            _ => "ROLLBACK TO heirloom_offer; RELEASE heirloom_offer",
        };
        let _ = connection.execute_batch(end);
        match inserted {
            Ok(0) => Err("a trigger ignores it".to_owned()),
            Ok(_) => Ok(()),
            Err(error) => Err(text(&error)),
        }
    }

    /// The columns that a refusal speaks of: by its constraint or index, or by their names.
    /// Where it speaks of none, all.
    fn blamed(&self, refusal: &str) -> Vec<usize> {
        // After the colon stand a constraint's name or text, columns, or an index. "cannot
        // store TEXT value in INTEGER column t.c" has none.
        let culprit = refusal.split_once(": ").map_or(refusal, |(_, tail)| tail);
        let called = |rule: &&FillRule| {
            let name = culprit.strip_prefix("index '").unwrap_or(culprit);
            rule.name.as_deref() == Some(name.trim_end_matches('\''))
        };
        let blamed = match self.rules.iter().find(called) {
            Some(rule) => rule.columns.clone(),
            None => mentioned(&Tokens::new(culprit).collect::<Vec<_>>(), &self.columns),
        };
        match blamed.is_empty() {
            true => (0..self.columns.len()).collect(),
            false => blamed,
        }
    }

    /// For each column what to try, the likeliest first. At least one guess each.
    fn guesses(
        &self,
        connection: &Connection,
        schema: &Schema,
        hints: &Hints,
        number: i64,
    ) -> Vec<Vec<Guess>> {
        let mut pointed: Vec<Option<Vec<Value>>> = vec![None; self.columns.len()];
        let mut null_first: Vec<bool> = (0..self.columns.len())
            // Never in the first row, which may be the only one.
            .map(|index| number > 0 && number % 2 == index as i64 % 2)
            .collect();
        for reference in &self.references {
            let null = null_first[reference.columns[0].0];
            let values = reference.values(connection, schema, hints, number, &pointed, self);
            for (&(column, _), values) in reference.columns.iter().zip(values) {
                // Two references may share a column; the first one decides.
                pointed[column].get_or_insert(values);
                null_first[column] = null;
            }
        }
        let columns = self.columns.iter().enumerate();
        columns
            .map(|(index, fact)| {
                let mut guesses: Vec<Guess> = match pointed[index].take() {
                    Some(values) if !values.is_empty() => values.into_iter().map(Some).collect(),
                    Some(_) if fact.nullable => Vec::new(),
                    _ => self.own_guesses(index, hints, number),
                };
                if fact.nullable {
                    let no_parent = guesses.is_empty();
                    let at = match null_first[index] || no_parent {
                        true => 0,
                        false => guesses.len(),
                    };
                    guesses.insert(at, Some(Value::Null));
                }
                guesses
            })
            .collect()
    }

    /// What a column may hold by itself, without NULL.
    fn own_guesses(&self, index: usize, hints: &Hints, number: i64) -> Vec<Guess> {
        let fact = &self.columns[index];
        let mut guesses = Vec::new();
        let rules: Vec<&FillRule> = self
            .rules
            .iter()
            .filter(|rule| rule.columns.contains(&index))
            .collect();
        for rule in &rules {
            let mut values = rule.guesses.clone();
            if !values.is_empty() {
                let turn = number.unsigned_abs() as usize % values.len();
                values.rotate_left(turn);
            }
            guesses.extend(values.into_iter().map(Some));
        }
        let plain: Vec<Value> = [0, 3, 6, 9, 12]
            .into_iter()
            .flat_map(|more| plain(fact, hints, number + more))
            .collect();
        let is_json = hints.json.contains(&fact.name.to_ascii_lowercase());
        // A default that is computed may depend on the time, or on chance; and one that is not a JSON
        // fails where the schema reads it as some.
        let constant = |default: &String| {
            !default.contains('(')
                && !default.starts_with("CURRENT")
                && (!is_json || looks_like_json(default))
        };
        let default_first =
            (number == 0 || !guesses.is_empty()) && fact.default.as_ref().is_some_and(constant);
        guesses.extend(default_first.then_some(None));
        guesses.extend(plain.into_iter().map(Some));
        guesses.extend(fact.default.is_some().then_some(None));
        if !rules.is_empty() {
            guesses.extend(usual(fact, number).into_iter().map(Some));
        }
        guesses.dedup();
        guesses
    }
}

impl Reference {
    /// For each of its columns the values that the parent's rows have, in one order, another
    /// one first for each row. Before the parent has any: none where that is allowed, else
    /// what the parent's own first row will be given.
    fn values(
        &self,
        connection: &Connection,
        schema: &Schema,
        hints: &Hints,
        number: i64,
        pointed: &[Option<Vec<Value>>],
        child: &ColumnFacts,
    ) -> Vec<Vec<Value>> {
        let none = || vec![Vec::new(); self.columns.len()];
        let Some(table) = schema.table(&self.parent) else {
            return none();
        };
        let Ok(parent) = ColumnFacts::read(connection, schema, table) else {
            return none();
        };
        let Some(to) = self.parent_columns(connection, &parent) else {
            return none();
        };
        let names: Vec<String> = to
            .iter()
            .map(|&index| quote(&parent.columns[index].name))
            .collect();
        let mut rows = read_rows(connection, &parent.name, &names).unwrap_or_default();
        let agrees = |row: &Vec<Value>| {
            let columns = self.columns.iter().zip(row);
            columns.into_iter().all(|(&(column, _), value)| {
                pointed[column]
                    .as_ref()
                    .is_none_or(|decided| decided.first() == Some(value))
            })
        };
        if rows.iter().any(agrees) {
            rows.retain(agrees);
        }
        if !rows.is_empty() {
            let turn = number.unsigned_abs() as usize % rows.len();
            rows.rotate_left(turn);
        } else if self
            .columns
            .iter()
            .any(|&(column, _)| !child.columns[column].nullable)
        {
            // A circle that allows no NULL, or a row that can only refer to itself.
            let own = to.iter().map(|&index| {
                let guesses = parent.own_guesses(index, hints, number);
                guesses.into_iter().flatten().next().unwrap_or(Value::Null)
            });
            rows.push(own.collect());
        }
        let columns = 0..self.columns.len();
        columns
            .map(|column| rows.iter().map(|row| row[column].clone()).collect())
            .collect()
    }
}

fn read_rows(
    connection: &Connection,
    table: &str,
    columns: &[String],
) -> rusqlite::Result<Vec<Vec<Value>>> {
    let mut statement = connection.prepare(&format!(
        "SELECT {} FROM main.{} WHERE {} IS NOT NULL LIMIT {PARENTS}",
        columns.join(", "),
        quote(table),
        columns.join(" IS NOT NULL AND "),
    ))?;
    let rows = statement.query_map([], |row| {
        let columns = 0..columns.len();
        columns.map(|index| row.get(index)).collect()
    })?;
    rows.collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    /// A database in memory with this schema, filled for these migrations, and the notes.
    fn filled(schema: &str, migrations: &'static str) -> (Connection, Vec<String>) {
        let connection = Connection::open_in_memory().unwrap();
        connection
            .execute_batch("PRAGMA foreign_keys = OFF")
            .unwrap();
        connection.execute_batch(schema).unwrap();
        let read = catalog::whole_schema(&connection).unwrap();
        let notes = fill(&connection, &read, &Hints::of([migrations].into_iter())).unwrap();
        (connection, notes)
    }

    /// The rows of a query in SQL's own words.
    fn rows(connection: &Connection, query: &str) -> Vec<String> {
        let mut statement = connection.prepare(query).unwrap();
        let columns = statement.column_count();
        let rows = statement.query_map([], |row| {
            let texts = (0..columns).map(|at| row.get::<_, Value>(at));
            texts.collect::<rusqlite::Result<Vec<Value>>>()
        });
        rows.unwrap()
            .map(|row| {
                let texts = row.unwrap().into_iter().map(|value| match value {
                    Value::Null => "NULL".to_owned(),
                    Value::Integer(number) => number.to_string(),
                    Value::Real(number) => format!("{number:?}"),
                    Value::Text(text) => format!("'{text}'"),
                    Value::Blob(bytes) => format!("{bytes:?}"),
                });
                texts.collect::<Vec<_>>().join(" ")
            })
            .collect()
    }

    /// Fills a table `t` of these columns, and expects these rows.
    #[track_caller]
    fn expect(migrations: &'static str, cases: &[(&str, &[&str])]) {
        for (columns, expected) in cases {
            let (connection, notes) = filled(&format!("CREATE TABLE t ({columns});"), migrations);
            assert_eq!(rows(&connection, "SELECT * FROM t"), *expected, "{columns}");
            assert_eq!(notes, [""; 0], "{columns}");
        }
    }

    #[test]
    fn values_go_by_type_and_name_and_the_first_row_has_no_null() {
        expect(
            "",
            &[
                (
                    "a INTEGER PRIMARY KEY, b TEXT, c REAL, d NUMERIC, e BLOB, f, g BOOLEAN",
                    &[
                        "1001 'b 1001' 1001.5 1001 [0, 255, 0] '01001' 0",
                        "1005 NULL 1005.5 NULL [0, 255, 1] NULL 1",
                        "1007 'it's “b”\n2' NULL 1007 NULL '01007' NULL",
                    ],
                ),
                (
                    "a INT NOT NULL, b TEXT NOT NULL, c REAL NOT NULL, d NUMERIC NOT NULL, e BLOB NOT NULL, f NOT NULL",
                    &[
                        "1001 'b 1001' 1001.5 1001 [0, 255, 0] '01001'",
                        "1005 '007' 1005.5 1005 [0, 255, 1] [0, 255, 1]",
                        "1007 'it's “b”\n2' 1007.5 1007 [0, 255, 2] '01007'",
                    ],
                ),
                (
                    "a INT UNIQUE, b TEXT UNIQUE NOT NULL, c BOOLEAN NOT NULL",
                    &["1001 'b 1001' 0", "1005 '007' 1", "NULL 'it's “b”\n2' 0"],
                ),
                (
                    "a_at INT NOT NULL, b_on REAL NOT NULL, cdate TEXT NOT NULL, d DATE NOT NULL, e DATETIME NOT NULL, timestamp NOT NULL",
                    &[
                        "1709210096 2460370.5 '2024-02-01T12:34:56Z' '2024-02-01T12:34:56Z' '2024-02-01T12:34:56Z' '01001'",
                        "1709296496 2460371.5 '2024-02-02T12:34:56Z' '2024-02-02T12:34:56Z' '2024-02-02T12:34:56Z' [0, 255, 1]",
                        "1709382896 2460372.5 '2024-02-03T12:34:56Z' '2024-02-03T12:34:56Z' '2024-02-03T12:34:56Z' '01007'",
                    ],
                ),
                (
                    "a_json TEXT NOT NULL, j JSON NOT NULL, json BLOB NOT NULL",
                    &[
                        "'{\"n\": 1001}' '{\"n\": 1001}' '{\"n\": 1001}'",
                        "'{\"n\": 1005}' '{\"n\": 1005}' '{\"n\": 1005}'",
                        "'{\"n\": 1007}' '{\"n\": 1007}' '{\"n\": 1007}'",
                    ],
                ),
                (
                    "rowid TEXT NOT NULL",
                    &["'rowid 1001'", "'007'", "'it's “rowid”\n2'"],
                ),
                (
                    "k TEXT PRIMARY KEY) WITHOUT ROWID; -- ",
                    &["'007'", "'it's “k”\n2'", "'k 1001'"],
                ),
                ("a INT AS (1), b INT", &["1 1001", "1 1005", "1 NULL"]),
                (
                    "a INT, b TEXT, UNIQUE (a, b)); INSERT INTO t VALUES (1, 'x'), (2, 'y'); -- ",
                    &["1 'x'", "2 'y'", "NULL 'it's “b”\n2'"],
                ),
                (
                    "a); INSERT INTO t VALUES (1), (2), (3), (4); -- ",
                    &["1", "2", "3", "4"],
                ),
            ],
        );
    }

    #[test]
    fn rowids_have_gaps_by_whatever_name_is_free() {
        for (columns, name) in [
            ("a", "rowid"),
            ("rowid, a", "_rowid_"),
            ("_rowid_, rowid", "oid"),
            ("a INTEGER, PRIMARY KEY (a)", "rowid"),
        ] {
            let (connection, _) = filled(&format!("CREATE TABLE t ({columns});"), "");
            let found = rows(&connection, &format!("SELECT {name} FROM t"));
            assert_eq!(found, ["1001", "1005", "1007"], "{columns}");
        }
    }

    #[test]
    fn a_constant_default_is_for_the_first_row_and_where_something_is_demanded() {
        expect(
            "",
            &[
                (
                    "a INT DEFAULT 5, b TEXT NOT NULL DEFAULT 'd', c INT NOT NULL DEFAULT (1 + 1), d TEXT NOT NULL DEFAULT CURRENT_DATE",
                    &[
                        "5 'd' 2 'd 1001'",
                        "1005 '007' 1005 '007'",
                        "NULL 'it's “b”\n2' 1007 'it's “d”\n2'",
                    ],
                ),
                (
                    "e INT NOT NULL DEFAULT 50 CHECK (e > '40'), f INT NOT NULL CHECK (f > '1005')",
                    &["50 1011", "50 1013", "50 1007"],
                ),
            ],
        );
    }

    #[test]
    fn what_constraints_and_triggers_speak_of_is_tried() {
        expect(
            "",
            &[
                (
                    "a TEXT NOT NULL, b TEXT NOT NULL, CONSTRAINT fine CHECK (b = 'other' OR b = 'a' OR b = 'B')",
                    &["'a 1001' 'other'", "'007' 'a'", "'it's “a”\n2' 'B'"],
                ),
                (
                    "a INT NOT NULL, b fine CHECK (b > '1'), CONSTRAINT fine CHECK (a > 5 AND a < 7)",
                    &["6 1001", "6 NULL", "6 1007"],
                ),
                // Were every column to blame, the last one's turn would come too late.
                (
                    "a TEXT NOT NULL, c TEXT NOT NULL, d TEXT NOT NULL, e TEXT NOT NULL, f TEXT NOT NULL, b TEXT NOT NULL, CONSTRAINT fine CHECK (b <> 'x' AND b = 'B')",
                    &[
                        "'a 1001' 'c 1001' 'd 1001' 'e 1001' 'f 1001' 'B'",
                        "'007' '007' '007' '007' '007' 'B'",
                        "'it's “a”\n2' 'it's “c”\n2' 'it's “d”\n2' 'it's “e”\n2' 'it's “f”\n2' 'B'",
                    ],
                ),
                (
                    "a INT NOT NULL CHECK (a < '500'), b INT NOT NULL UNIQUE CHECK (b < '500')",
                    &["0 0", "1 1", "2 -1"],
                ),
                (
                    "a INT NOT NULL CHECK (a < '0'), r REAL NOT NULL CHECK (r < '0')",
                    &["-1 -0.5", "-1 -0.5", "-1 -0.5"],
                ),
                (
                    "a REAL NOT NULL CHECK (a IS NOT NULL AND a = 2.25), b REAL NOT NULL CHECK (b > -3 AND b < -1.5)",
                    &["2.25 -2.0", "2.25 -2.0", "2.25 -2.0"],
                ),
                (
                    "a TEXT NOT NULL CHECK (length(a) = 5), b TEXT NOT NULL UNIQUE CHECK (length(b) = 3)",
                    &["'00001' '001'", "'AAAAB' 'AAB'", "'aaaab' 'aab'"],
                ),
                (
                    "c TEXT NOT NULL CHECK (c LIKE '_b%[x]'), d TEXT NOT NULL CHECK (d GLOB '[a-c][^z]?*')",
                    &["'_b%[x]' 'axxx'", "'_b%[x]' 'axxx'", "'_b%[x]' 'axxx'"],
                ),
                (
                    "k TEXT NOT NULL CHECK (k GLOB '[0-9]*' AND length(k) = 2)",
                    &["'0x'", "'01'", "'01'"],
                ),
                (
                    "a INT NOT NULL CHECK (a <> 5), b INT NOT NULL CHECK (b > 2 AND b < 4), c INT NOT NULL CHECK (c = -7 OR c = 9)",
                    &["6 3 -7", "6 3 9", "4 3 9"],
                ),
                ("a INT NOT NULL UNIQUE CHECK (a IN (1, 2))", &["1", "2"]),
                (
                    "a INT NOT NULL CHECK (a >= 10 AND a % 10 = 0), b TEXT NOT NULL CHECK (length(b) > 9), c TEXT NOT NULL CHECK (date(c) IS NOT NULL)",
                    &[
                        "10 '2024-02-01' '2024-02-01'",
                        "10 '2024-02-02' '007'",
                        "10 'it's “b”\n2' '2024-02-03'",
                    ],
                ),
                (
                    "a TEXT NOT NULL, b TEXT NOT NULL CHECK (\"b\" <> 'x'), c TEXT NOT NULL CHECK (c = \"dq\")",
                    &[
                        "'a 1001' 'b 1001' 'dq'",
                        "'007' '007' 'dq'",
                        "'it's “a”\n2' 'it's “b”\n2' 'dq'",
                    ],
                ),
                (
                    "a TEXT NOT NULL, b TEXT NOT NULL, c TEXT NOT NULL CHECK (c IN ('a', 'b', 'o''clock'))",
                    &[
                        "'a 1001' 'b 1001' 'a'",
                        "'007' '007' 'b'",
                        "'it's “a”\n2' 'it's “b”\n2' 'o'clock'",
                    ],
                ),
                (
                    "a TEXT NOT NULL, b TEXT NOT NULL CHECK (b IN ('x', 'X', 'y', 'z'))); CREATE UNIQUE INDEX i ON t (lower(b)); -- ",
                    &["'a 1001' 'x'", "'007' 'y'", "'it's “a”\n2' 'z'"],
                ),
                (
                    "a TEXT NOT NULL, b TEXT NOT NULL); CREATE TRIGGER tr BEFORE INSERT ON t WHEN new.b <> 'magic' BEGIN SELECT RAISE(ABORT, 'no b'); END; -- ",
                    &["'a 1001' 'magic'", "'007' 'magic'", "'it's “a”\n2' 'magic'"],
                ),
                (
                    "a TEXT NOT NULL, b TEXT NOT NULL); CREATE TRIGGER tr BEFORE INSERT ON t WHEN new.b <> 'magic' BEGIN SELECT RAISE(IGNORE); END; -- ",
                    &["'a 1001' 'magic'", "'007' 'magic'", "'it's “a”\n2' 'magic'"],
                ),
                (
                    "a TEXT NOT NULL, b TEXT NOT NULL, c TEXT NOT NULL, CHECK (NOT (a = 'p' AND b = 'p')), CHECK (NOT (b = 'p' AND c = 'p')), CHECK (a = 'p')",
                    &["'p' 'b 1001' 'p'", "'p' '007' 'p'", "'p' 'it's “b”\n2' 'p'"],
                ),
            ],
        );
    }

    #[test]
    fn references_lead_to_rows_and_a_circle_is_entered_somewhere() {
        expect(
            "",
            &[
                (
                    "id INTEGER PRIMARY KEY, p INT NOT NULL REFERENCES p, q TEXT REFERENCES p (code), s INT REFERENCES t); CREATE TABLE p (id INTEGER PRIMARY KEY, code TEXT UNIQUE); -- ",
                    &[
                        "1001 1001 'code 1001' NULL",
                        "1005 1005 'it's “code”\n2' NULL",
                        "1007 1007 NULL 1001",
                    ],
                ),
                (
                    "code TEXT REFERENCES p (code), n INT NOT NULL); CREATE TABLE p (code TEXT UNIQUE NOT NULL, g INT REFERENCES g); CREATE TABLE g (id INTEGER PRIMARY KEY); -- ",
                    &["'007' 1001", "'code 1001' 1005", "NULL 1007"],
                ),
                (
                    "p INT NOT NULL REFERENCES nowhere, q INT REFERENCES nowhere, r INT NOT NULL REFERENCES t (absent)",
                    &["1001 NULL 1001", "1005 NULL 1005", "1007 NULL 1007"],
                ),
                (
                    "id INTEGER PRIMARY KEY, o INT NOT NULL REFERENCES o); CREATE TABLE o (id INTEGER PRIMARY KEY, t INT NOT NULL REFERENCES t); -- ",
                    &["1001 1001", "1005 1005", "1007 1007"],
                ),
                (
                    "id INTEGER PRIMARY KEY, o INT REFERENCES o); CREATE TABLE o (id INTEGER PRIMARY KEY, t INT REFERENCES t); -- ",
                    &["1001 NULL", "1005 NULL", "1007 NULL"],
                ),
                (
                    "x INT NOT NULL, y INT NOT NULL, z INT NOT NULL, FOREIGN KEY (x, y) REFERENCES p (a, b), FOREIGN KEY (y, z) REFERENCES q (b, c)); CREATE TABLE p (a INT, b INT, PRIMARY KEY (a, b)); CREATE TABLE q (b INT REFERENCES p (b), c INT, PRIMARY KEY (b, c)); -- ",
                    &["1001 1001 1001", "1005 1005 1005", "1007 1007 1007"],
                ),
            ],
        );
    }

    #[test]
    fn what_the_migrations_read_as_json_or_a_time_is_some() {
        expect(
            "SELECT a -> '$.x', b - 1, c > 2, date(d, 'utc'), e, json_extract(f, '$'), json, date, g FROM t",
            &[(
                "a TEXT NOT NULL, b TEXT NOT NULL, c TEXT NOT NULL, d TEXT NOT NULL, e TEXT NOT NULL, f TEXT NOT NULL, g TEXT NOT NULL",
                &[
                    "'{\"n\": 1001}' 'b 1001' 'c 1001' '2024-02-01T12:34:56Z' 'e 1001' '{\"n\": 1001}' 'g 1001'",
                    "'{\"n\": 1005}' '007' '007' '2024-02-02T12:34:56Z' '007' '{\"n\": 1005}' '007'",
                    "'{\"n\": 1007}' 'it's “b”\n2' 'it's “c”\n2' '2024-02-03T12:34:56Z' 'it's “e”\n2' '{\"n\": 1007}' 'it's “g”\n2'",
                ],
            )],
        );
    }

    #[test]
    fn words_go_into_searches_that_hold_their_own_and_nothing_into_other_modules() {
        let (connection, notes) = filled(
            "CREATE TABLE t (a TEXT CHECK (0));
            CREATE VIRTUAL TABLE copy USING fts5(a, content='t');
            CREATE VIRTUAL TABLE own USING fts5(a, b);
            CREATE VIRTUAL TABLE box USING rtree(id, x, y);",
            "",
        );
        assert_eq!(
            notes,
            ["no row could be made up for `t`: CHECK constraint failed: 0"]
        );
        assert_eq!(
            rows(&connection, "SELECT * FROM own"),
            ["'some words' 'some words'"]
        );
        assert_eq!(
            rows(&connection, "SELECT rowid FROM copy('words')"),
            [""; 0]
        );
        assert_eq!(rows(&connection, "SELECT * FROM box"), [""; 0]);
    }

    #[test]
    fn a_row_that_nothing_satisfies_is_given_up_when_everything_was_tried() {
        use std::sync::atomic::{AtomicUsize, Ordering};
        static OFFERED: AtomicUsize = AtomicUsize::new(0);
        let connection = Connection::open_in_memory().unwrap();
        let flags = rusqlite::functions::FunctionFlags::SQLITE_DETERMINISTIC
            | rusqlite::functions::FunctionFlags::SQLITE_UTF8;
        let refuses = |_: &rusqlite::functions::Context<'_>| {
            OFFERED.fetch_add(1, Ordering::Relaxed);
            Ok(false)
        };
        connection
            .create_scalar_function("fits", 1, flags, refuses)
            .unwrap();
        connection
            .execute_batch("CREATE TABLE t (a INT NOT NULL CHECK (fits(a)))")
            .unwrap();
        let schema = catalog::whole_schema(&connection).unwrap();
        let notes = fill(&connection, &schema, &Hints::default()).unwrap();
        assert_eq!(
            notes,
            ["no row could be made up for `t`: CHECK constraint failed: fits(a)"]
        );
        let offered = OFFERED.load(Ordering::Relaxed);
        assert!((2..100).contains(&offered), "{offered}");
    }
}
