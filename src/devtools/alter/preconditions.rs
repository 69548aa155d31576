//! What must be true of the rows before a table is changed: the developer's data proves
//! nothing about the users'. A condition is SQL that travels in the migration and ends it where
//! it does not hold, in any tool; heirloom reads from it how many rows and an example.

use std::borrow::Cow;

use crate::devtools::alter::column_values::{
    ValueSource, becomes_the_rowid, converted, filler, is_filled, is_kept, is_new_and_null,
    named_in, origin, value_of,
};
use crate::devtools::alter::sql_writer::Writer;
use crate::devtools::model::diff::{Model, is_unique_index};
use crate::report::loss::Direction;
use crate::sqlite::schema::objects::Affinity;
use crate::sqlite::schema::parsed::clauses::{items, parenthesised, span};
use crate::sqlite::schema::parsed::table::{
    ColumnDefinition, Definition, ForeignKey, KeyPart, Rule,
};
use crate::sqlite::sql::name::{plain, same_name};
use crate::sqlite::sql::statement::CHECKS;
use crate::sqlite::sql::token::{LexemeKind, Lexemes, Token, Tokens};

/// Something that must be true of the rows.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Condition {
    /// What the rows that must not be there are, in words before their number.
    problem: String,
    /// Those rows: FROM and WHERE.
    rows: String,
    example: Example,
    /// Where it is of a value that is the same in every row: what decides it without them.
    constant: Option<Constant>,
}

/// A CHECK over columns that are new and have one value in all rows.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Constant {
    /// A temporary table with a row of these values.
    pub(crate) row: String,
    /// Whether the CHECK does not let them in.
    pub(crate) question: String,
    /// What it would be, in words.
    pub(crate) problem: String,
}

/// What is shown of one of the rows.
#[derive(Debug, Clone, PartialEq, Eq)]
enum Example {
    /// A value, by its expression.
    Value(String),
    /// The row itself, by the name of its key.
    Row(String),
}

impl Condition {
    pub(crate) fn constant(&self) -> Option<&Constant> {
        self.constant.as_ref()
    }
}

/// Writes conditions, so that a migration ends where one does not hold.
pub(crate) fn write(conditions: &[Condition], out: &mut Writer) {
    if conditions.is_empty() {
        return;
    }
    out.comment("What must be true of the rows. Where it is not, the migration ends here.");
    out.statement(&format!(
        "CREATE TEMP TABLE IF NOT EXISTS {CHECKS} (problem TEXT CHECK (problem IS NULL))"
    ));
    for Condition {
        problem,
        rows,
        example,
        constant: _,
    } in conditions
    {
        let problem = problem.replace('\'', "''");
        let (label, shown) = match example {
            Example::Value(expression) => (String::new(), expression),
            Example::Row(key) => {
                let name = key.trim_matches('"').replace('\'', "''");
                (format!("where `{name}` is "), key)
            }
        };
        out.statement(&format!(
            "INSERT INTO temp.{CHECKS}\nSELECT '{problem}: ' || found || ', for example {label}' || example\nFROM (\n    SELECT count(*) AS found, substr(quote(min({shown})), 1, 60) AS example\n    {}\n)\nWHERE found > 0",
            indented(rows)
        ));
    }
    out.statement(&format!("DROP TABLE temp.{CHECKS}"));
    out.end_block();
}

/// SQL with its lines moved to the right, but for what quotes hold.
fn indented(sql: &str) -> String {
    Lexemes::new(sql)
        .map(|lexeme| match lexeme.kind {
            LexemeKind::Space => Cow::Owned(lexeme.text.replace('\n', "\n    ")),
            _ => Cow::Borrowed(lexeme.text),
        })
        .collect()
}

/// What the rows of a table must fulfil to become those of another.
pub(crate) fn conditions(
    before: &Definition,
    after: &Definition,
    now: &Model,
    direction: Direction,
) -> Vec<Condition> {
    let mut found = Vec::new();
    let now_strict = after.strict && !before.strict;
    for column in &after.columns {
        found.extend(no_nulls(before, after, column));
        let was = before.column(&column.name);
        let Some(was) = was.filter(|_| column.generated.is_none()) else {
            continue;
        };
        let name = plain(&column.name);
        let affinity = after.affinity_of(column);
        let retyped = affinity != before.affinity_of(was) || now_strict;
        let converted = matches!(origin(before, column), ValueSource::Using(_));
        let strict = after.strict.then_some(column.declared.as_str());
        let filter = match retyped {
            // ANY outside of a STRICT table: what is not a number stays as it is.
            true if before.strict && !after.strict && was.declared == column.declared => {
                (affinity == Affinity::Numeric).then(|| becomes_another_number(&name))
            }
            true => unfit(&name, affinity, strict, direction),
            // The rowid takes nothing else, whatever its affinity.
            false => becomes_the_rowid(before, column)
                .then(|| format!("typeof({name}) NOT IN ('integer', 'null')")),
        };
        if let (false, Some(filter)) = (converted, filter) {
            let kind = match column.declared.as_str() {
                "" => "values without a type",
                declared => declared,
            };
            found.push(Condition {
                problem: format!(
                    "values of `{}`.`{}` that cannot be converted to {kind} without loss",
                    before.name, column.name
                ),
                rows: format!("FROM {}\nWHERE {filter}", source(&before.name)),
                example: Example::Value(name),
                constant: None,
            });
        }
    }
    for constraint in &after.constraints {
        let new = !before.constraints.contains(constraint);
        match &constraint.rule {
            Rule::PrimaryKey { key, .. } | Rule::Unique { key, .. } => {
                let columns = key.iter().filter_map(|part| after.column(&part.column));
                if new || columns.into_iter().any(|c| !is_kept(before, after, c)) {
                    found.extend(unique(before, after, key));
                }
            }
            Rule::Check { .. } => {
                let columns = named_in(after, &constraint.text);
                if new || columns.iter().any(|c| !is_kept(before, after, c)) {
                    found.push(check(before, after, &constraint.text));
                }
            }
            Rule::ForeignKey(key) if new => found.extend(reference(before, after, key, now)),
            Rule::ForeignKey(_) => {}
        }
    }
    found
}

/// NULLs that a column would have to hold and must not.
fn no_nulls(
    before: &Definition,
    after: &Definition,
    column: &ColumnDefinition,
) -> Option<Condition> {
    let was = before.column(&column.name);
    // The rowid would be given a number in place of a NULL.
    let demanded = column.is_not_null() || becomes_the_rowid(before, column);
    let newly = was.is_none_or(|was| !was.is_not_null());
    let possible = match (&column.generated, origin(before, column)) {
        (Some(_), _) => newly || !is_kept(before, after, column),
        (None, ValueSource::Using(_)) => true,
        (None, ValueSource::Same(_)) => newly,
        (None, ValueSource::OrDefault(..) | ValueSource::Default | ValueSource::Nowhere) => false,
    };
    (demanded && possible).then(|| Condition {
        problem: format!("rows of `{}` without `{}`", before.name, column.name),
        rows: format!(
            "FROM {}\nWHERE {} IS NULL",
            seen_as(before, after, &[column]),
            plain(&column.name)
        ),
        example: row_name(before),
        constant: None,
    })
}

/// A table as a condition reads from it: the table of conditions would hide one of its name.
fn source(table: &str) -> String {
    match same_name(table, CHECKS) {
        true => format!("main.{}", plain(table)),
        false => plain(table),
    }
}

/// The rows' own name: their key, or their rowid.
fn row_name(table: &Definition) -> Example {
    match (table.primary_key().first(), table.rowid_alias()) {
        (Some(key), _) => Example::Row(plain(key)),
        (None, Some(alias)) => Example::Row(alias.to_owned()),
        (None, None) => Example::Value("NULL".to_owned()),
    }
}

/// The filter that finds values which would not come through a change to an affinity, by
/// the rules of <https://sqlite.org/datatype3.html#type_affinity>: text that a number's
/// spelling replaces (`007`, `1e3`, ` 12 `), text that is not a number, blobs, integers beyond 2^53 into
/// REAL, fractions into INTEGER, and a REAL that its own text does not give back.
fn unfit(
    value: &str,
    affinity: Affinity,
    strict: Option<&str>,
    direction: Direction,
) -> Option<String> {
    let number = format!("CAST({value} AS NUMERIC)");
    let respelled = format!("CAST({number} AS TEXT) IS NOT {value}");
    // As text a REAL is `1.0`, which is what a down migration finds.
    let respelled_real = match direction {
        Direction::Up => respelled.clone(),
        Direction::Down => {
            format!("({respelled} AND CAST(CAST({value} AS REAL) AS TEXT) IS NOT {value})")
        }
    };
    let exact = "BETWEEN -9007199254740992 AND 9007199254740992";
    let kind = format!("typeof({value})");
    let blob = format!("{kind} = 'blob'");
    Some(match affinity {
        Affinity::Blob if strict == Some("BLOB") => format!("{kind} NOT IN ('blob', 'null')"),
        Affinity::Blob => return None,
        Affinity::Text => format!(
            "{blob}\n   OR ({kind} = 'real' AND CAST(CAST({value} AS TEXT) AS REAL) IS NOT {value})"
        ),
        Affinity::Numeric => format!("{blob}\n   OR ({kind} = 'text' AND {respelled})"),
        Affinity::Integer => format!(
            "{blob}\n   OR ({kind} = 'real' AND CAST({value} AS INTEGER) <> {value})\n   OR ({kind} = 'text' AND (typeof({number}) <> 'integer' OR {respelled}))"
        ),
        Affinity::Real => format!(
            "{blob}\n   OR ({kind} = 'integer' AND {value} NOT {exact})\n   OR ({kind} = 'text' AND ({respelled_real} OR (typeof({number}) = 'integer' AND {number} NOT {exact})))"
        ),
    })
}

/// The filter that finds texts which NUMERIC affinity would make numbers of, and which the number
/// would not be spelled like. A comparison applies that affinity to one of its sides
/// (<https://sqlite.org/datatype3.html#type_conversions_prior_to_comparison>).
fn becomes_another_number(value: &str) -> String {
    let number = format!("CAST({value} AS NUMERIC)");
    format!(
        "typeof({value}) = 'text' AND {number} = {value}\n  AND CAST({number} AS TEXT) IS NOT {value}"
    )
}

/// The old rows as the new table will see them, as far as some columns go, each with what
/// [`row_name`] calls it by.
fn seen_as(before: &Definition, after: &Definition, columns: &[&ColumnDefinition]) -> String {
    let mut needed: Vec<&ColumnDefinition> = Vec::new();
    let mut open = columns.to_vec();
    while let Some(column) = open.pop() {
        if !needed.iter().any(|known| known.name == column.name) {
            needed.push(column);
            open.extend(
                column
                    .generated
                    .iter()
                    .flat_map(|generated| named_in(after, &generated.text)),
            );
        }
    }
    let (table, from) = (plain(&before.name), source(&before.name));
    if needed.iter().all(|column| is_kept(before, after, column)) {
        return from;
    }
    let (mut generated, ordinary): (Vec<&ColumnDefinition>, Vec<&ColumnDefinition>) =
        needed.iter().partition(|column| column.generated.is_some());
    let mut shown: Vec<String> = ordinary
        .iter()
        .map(|column| {
            let value = value_of(before, after, column);
            format!("{value} AS {}", plain(&column.name))
        })
        .collect();
    if let Example::Row(key) = row_name(before)
        && !needed.iter().any(|column| plain(&column.name) == key)
    {
        shown.push(format!("{key} AS {key}"));
    }
    let mut rows = format!("(SELECT {} FROM {from}) AS {table}", shown.join(", "));
    // A generated column may be computed from another.
    while !generated.is_empty() {
        let waits = |column: &&ColumnDefinition| {
            let others = named_in(after, column.generated.as_ref().map_or("", |g| &g.text));
            others
                .iter()
                .any(|other| other.name != column.name && generated.contains(other))
        };
        let next = generated.iter().position(|column| !waits(column));
        let column = generated.remove(next.unwrap_or(0));
        let text = column.generated.as_ref().map_or("NULL", |g| &g.text);
        let value = converted(format!("({text})"), after.affinity_of(column), false);
        let name = plain(&column.name);
        rows = format!("(SELECT *, {value} AS {name} FROM {rows}) AS {table}");
    }
    rows
}

/// Rows that would refer to something, where nothing is that they could refer to.
pub(crate) fn referring(
    before: &Definition,
    after: &Definition,
    key: &ForeignKey,
) -> Option<Condition> {
    let parts = key.columns.iter().filter_map(|name| after.column(name));
    let parts: Vec<&ColumnDefinition> = parts.collect();
    if parts.iter().any(|column| is_new_and_null(before, column)) {
        return None;
    }
    let left = parts.iter().filter(|column| !is_filled(before, column));
    let left: Vec<&ColumnDefinition> = left.copied().collect();
    let there: Vec<String> = left
        .iter()
        .map(|column| format!("{} IS NOT NULL", plain(&column.name)))
        .collect();
    let filter = match there.is_empty() {
        true => String::new(),
        false => format!("\nWHERE {}", there.join(" AND ")),
    };
    Some(Condition {
        problem: format!(
            "rows of `{}` that would refer to a row of `{}` that is gone",
            before.name, key.parent
        ),
        rows: format!("FROM {}{filter}", seen_as(before, after, &left)),
        example: row_name(before),
        constant: None,
    })
}

/// Rows in which a column would need values that are gone.
pub(crate) fn any_row(before: &Definition, column: &str) -> Condition {
    Condition {
        problem: format!("rows of `{}` whose `{column}` is gone", before.name),
        rows: format!("FROM {}", source(&before.name)),
        example: row_name(before),
        constant: None,
    }
}

/// Rows that full-text search was given and does not keep.
pub(crate) fn any_search(table: &str) -> Condition {
    Condition {
        problem: format!("rows of `{table}` whose text is not kept anywhere"),
        rows: format!("FROM {}", source(table)),
        example: Example::Value("rowid".into()),
        constant: None,
    }
}

/// A question to SQLite about a CHECK of nothing but filled columns: 1 where it refuses them.
pub(crate) struct Unmet {
    pub(crate) column: String,
    pub(crate) query: String,
}

/// Whether the CHECKs of columns that a down migration must fill take what they are filled with.
pub(crate) fn checks_of_what_is_gone(before: &Definition, after: &Definition) -> Vec<Unmet> {
    let mut found = Vec::new();
    for constraint in &after.constraints {
        if !matches!(constraint.rule, Rule::Check { .. }) {
            continue;
        }
        let tokens: Vec<Token<'_>> = Tokens::new(&constraint.text).collect();
        let condition = &constraint.text[span(parenthesised(&tokens))];
        let columns = named_in(after, condition);
        let (Some(first), true) = (
            columns.first(),
            columns.iter().all(|column| is_filled(before, column)),
        ) else {
            continue;
        };
        let values: Vec<String> = columns
            .iter()
            .map(|column| format!("{} AS {}", filler(after, column), plain(&column.name)))
            .collect();
        found.push(Unmet {
            column: first.name.clone(),
            query: format!(
                "SELECT NOT ({condition}) FROM (SELECT {}) AS {}",
                values.join(", "),
                plain(&after.name)
            ),
        });
    }
    found
}

/// Rows that would be one row to a key.
fn unique(before: &Definition, after: &Definition, key: &[KeyPart]) -> Option<Condition> {
    let names: Vec<&str> = key.iter().map(|part| part.column.as_str()).collect();
    let parts: Vec<&ColumnDefinition> =
        names.iter().filter_map(|name| after.column(name)).collect();
    // What is filled on a down migration is another in each row.
    if parts
        .iter()
        .any(|column| is_new_and_null(before, column) || is_filled(before, column))
    {
        return None;
    }
    let rows = seen_as(before, after, &parts);
    let column = |part: &KeyPart| {
        let own = after.column(&part.column).and_then(|c| c.collation.clone());
        let name = plain(&part.column);
        match part.collation.clone().or(own) {
            Some(collation) => format!("{name} COLLATE {}", plain(&collation)),
            None => name,
        }
    };
    let columns: Vec<String> = key.iter().map(column).collect();
    let there: Vec<String> = names
        .iter()
        .map(|n| format!("{} IS NOT NULL", plain(n)))
        .collect();
    let shown: Vec<String> = names.iter().map(|name| format!("`{name}`")).collect();
    let first = plain(names.first()?);
    Some(Condition {
        problem: format!(
            "values of {} that occur in more than one row of `{}`",
            shown.join(", "),
            before.name
        ),
        rows: format!(
            "FROM (\n    SELECT {first} FROM {rows}\n    WHERE {}\n    GROUP BY {} HAVING count(*) > 1\n)",
            there.join(" AND "),
            columns.join(", ")
        ),
        example: Example::Value(first),
        constant: None,
    })
}

/// The same for a unique index, whose columns and filter are SQL.
pub(crate) fn unique_index(
    before: &Definition,
    after: &Definition,
    sql: &str,
    name: &str,
    new: bool,
) -> Option<Condition> {
    let columns = named_in(after, sql);
    if !new && columns.iter().all(|c| is_kept(before, after, c)) {
        return None;
    }
    let tokens: Vec<_> = Tokens::new(sql).collect();
    let end = tokens.last().map(|token| token.start + token.text.len())?;
    let mut behind = tokens.iter().skip_while(|token| token.word() != "WHERE");
    let filter = behind.nth(1).map(|token| &sql[token.start..end]);
    let part = |part: &&[Token<'_>]| match part {
        [part @ .., last] if ["ASC", "DESC"].contains(&last.word().as_str()) => &sql[span(part)],
        part => &sql[span(part)],
    };
    let parts: Vec<&str> = items(parenthesised(&tokens)).iter().map(part).collect();
    let there: Vec<String> = parts
        .iter()
        .map(|part| format!("({part}) IS NOT NULL"))
        .collect();
    let filter = match filter {
        Some(filter) => format!("WHERE ({filter})\n    AND {}", there.join(" AND ")),
        None => format!("WHERE {}", there.join(" AND ")),
    };
    is_unique_index(sql).then(|| Condition {
        problem: format!(
            "values of the unique index `{name}` that occur in more than one row of `{}`",
            before.name
        ),
        rows: format!(
            "FROM (\n    SELECT {} AS value FROM {}\n    {filter}\n    GROUP BY {} HAVING count(*) > 1\n)",
            parts.first().unwrap_or(&"NULL"),
            seen_as(before, after, &columns),
            parts.join(", ")
        ),
        example: Example::Value("value".into()),
        constant: None,
    })
}

/// Rows that a CHECK would not let in.
fn check(before: &Definition, after: &Definition, text: &str) -> Condition {
    let tokens: Vec<Token<'_>> = Tokens::new(text).collect();
    let condition = &text[span(parenthesised(&tokens))];
    let shown: Vec<&str> = condition.split_whitespace().collect();
    Condition {
        problem: format!(
            "rows of `{}` that violate CHECK ({})",
            before.name,
            shown.join(" ")
        ),
        rows: format!(
            "FROM {}\nWHERE NOT ({condition})",
            seen_as(before, after, &named_in(after, condition))
        ),
        example: row_name(before),
        constant: constant(before, after, condition),
    }
}

/// What decides a CHECK without the rows, where all columns that it names are new and constant.
fn constant(before: &Definition, after: &Definition, condition: &str) -> Option<Constant> {
    const ROW: &str = "heirloom_constant";
    let named = named_in(after, condition);
    let is_constant = |column: &&ColumnDefinition| {
        column.generated.is_none()
            && origin(before, column) == ValueSource::Default
            && column.default.as_ref().is_none_or(|d| d.constant)
    };
    if named.is_empty() || !named.iter().all(is_constant) {
        return None;
    }
    let column = |column: &&ColumnDefinition| {
        let mut text = format!("{} {}", plain(&column.name), column.declared);
        if let Some(default) = &column.default {
            text += &format!(" DEFAULT ({})", default.value);
        }
        if let Some(collation) = &column.collation {
            text += &format!(" COLLATE {}", plain(collation));
        }
        text
    };
    let columns: Vec<String> = named.iter().map(column).collect();
    let strict = if after.strict { " STRICT" } else { "" };
    let names: Vec<String> = named.iter().map(|c| format!("`{}`", c.name)).collect();
    let words: Vec<&str> = condition.split_whitespace().collect();
    Some(Constant {
        row: format!(
            "CREATE TEMP TABLE {ROW} ({}, {ROW}_key INTEGER){strict};\nINSERT INTO temp.{ROW} ({ROW}_key) VALUES (1)",
            columns.join(", ")
        ),
        question: format!(
            "SELECT NOT ({condition}) FROM temp.{ROW} AS {}",
            plain(&after.name)
        ),
        problem: format!(
            "{} of `{}` would violate CHECK ({}) in the rows that are there",
            names.join(", "),
            after.name,
            words.join(" ")
        ),
    })
}

/// Rows whose new reference has no target. One to the table itself, or to what is made later in
/// the file, is checked by the run, at its end, as all are.
fn reference(
    before: &Definition,
    after: &Definition,
    key: &ForeignKey,
    now: &Model,
) -> Option<Condition> {
    let parent = now.definition(&key.parent)?;
    let is_there = |name: &String| parent.column(name).is_some();
    let usable = key.columns.len() == key.to.len() && key.to.iter().all(is_there);
    if !usable || same_name(&key.parent, &before.name) {
        return None;
    }
    let parts = key.columns.iter().filter_map(|name| after.column(name));
    let parts: Vec<&ColumnDefinition> = parts.collect();
    // What is gone is asked for by `referring`.
    let skipped =
        |column: &&ColumnDefinition| is_new_and_null(before, column) || is_filled(before, column);
    if parts.iter().any(skipped) {
        return None;
    }
    let rows = seen_as(before, after, &parts);
    let rows = rows
        .strip_suffix(&format!(") AS {}", plain(&before.name)))
        .map_or(rows.clone(), |inner| format!("{inner})"));
    let child = |column: &String| format!("child.{}", plain(column));
    let there = key
        .columns
        .iter()
        .map(|column| format!("{} IS NOT NULL", child(column)));
    let pairs = key.columns.iter().zip(&key.to);
    let matches = pairs.map(|(column, to)| format!("parent.{} = {}", plain(to), child(column)));
    let all = |conditions: Vec<String>| conditions.join(" AND ");
    Some(Condition {
        problem: format!(
            "rows of `{}` that refer to a row of `{}` that does not exist",
            before.name, key.parent
        ),
        rows: format!(
            "FROM {rows} AS child\nWHERE {} AND NOT EXISTS (\n    SELECT 1 FROM {} AS parent WHERE {}\n)",
            all(there.collect()),
            source(&key.parent),
            all(matches.collect())
        ),
        example: match row_name(before) {
            Example::Row(key) => Example::Value(format!("child.{key}")),
            value => value,
        },
        constant: None,
    })
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::devtools::model::diff::Entity;
    use crate::sqlite::schema::objects::{Table, TableKind};

    fn table(columns: &str) -> Definition {
        let sql = format!("CREATE TABLE t ({columns})");
        Definition::parse(&sql).unwrap_or_else(|reason| panic!("{sql}: {reason}"))
    }

    /// What `t` must fulfil beside a table `p (k, l)`.
    fn demanded(before: &str, after: &str) -> Vec<String> {
        let sql = "CREATE TABLE p (k, l, PRIMARY KEY (k, l))";
        let parent = Entity {
            table: Table {
                name: "p".into(),
                kind: TableKind::Ordinary,
                columns: Vec::new(),
                sql: sql.into(),
            },
            definition: Some(Definition::parse(sql).unwrap()),
        };
        let now = Model {
            tables: vec![parent],
            others: Vec::new(),
        };
        let found = conditions(&table(before), &table(after), &now, Direction::Up);
        found.iter().map(told).collect()
    }

    fn told(condition: &Condition) -> String {
        let Condition {
            problem,
            rows,
            example,
            constant: _,
        } = condition;
        let rows: Vec<&str> = rows.split_whitespace().collect();
        let shown = match example {
            Example::Value(value) => value.clone(),
            Example::Row(key) => format!("row {key}"),
        };
        format!("{problem}: {}; {shown}", rows.join(" "))
    }

    #[track_caller]
    fn expect(cases: &[(&str, &str, &[&str])]) {
        for (before, after, expected) in cases {
            assert_eq!(demanded(before, after), *expected, "{before} to {after}");
        }
    }

    #[test]
    fn nulls_are_looked_for_where_they_were_allowed_and_are_no_more() {
        expect(&[
            ("a", "a", &[]),
            (
                "a",
                "a NOT NULL",
                &["rows of `t` without `a`: FROM t WHERE a IS NULL; row rowid"],
            ),
            ("a NOT NULL", "a NOT NULL", &[]),
            ("a", "a NOT NULL DEFAULT 1", &[]),
            (
                "a",
                "a NOT NULL -- using: x\n",
                &[
                    "rows of `t` without `a`: FROM (SELECT +(x) AS a, rowid AS rowid FROM t) AS t WHERE a IS NULL; row rowid",
                ],
            ),
            (
                "a INTEGER PRIMARY KEY, b",
                "a INTEGER PRIMARY KEY, b NOT NULL",
                &["rows of `t` without `b`: FROM t WHERE b IS NULL; row a"],
            ),
            (
                "a, b, PRIMARY KEY (b, a)",
                "a NOT NULL, b, PRIMARY KEY (b, a)",
                &["rows of `t` without `a`: FROM t WHERE a IS NULL; row b"],
            ),
            (
                "rowid, oid, _rowid_, a",
                "rowid, oid, _rowid_, a NOT NULL",
                &["rows of `t` without `a`: FROM t WHERE a IS NULL; NULL"],
            ),
            (
                "a",
                "a, g AS (a) NOT NULL",
                &[
                    "rows of `t` without `g`: FROM (SELECT *, +(a) AS g FROM (SELECT a AS a, rowid AS rowid FROM t) AS t) AS t WHERE g IS NULL; row rowid",
                ],
            ),
            (
                "a, g AS (a)",
                "a, g AS (a) NOT NULL",
                &["rows of `t` without `g`: FROM t WHERE g IS NULL; row rowid"],
            ),
            ("a, g AS (a) NOT NULL", "a, g AS (a) NOT NULL", &[]),
            (
                "a, g AS (a) NOT NULL",
                "a, g AS (a + 1) NOT NULL",
                &[
                    "rows of `t` without `g`: FROM (SELECT *, +(a + 1) AS g FROM (SELECT a AS a, rowid AS rowid FROM t) AS t) AS t WHERE g IS NULL; row rowid",
                ],
            ),
        ]);
    }

    #[test]
    fn values_are_looked_at_where_their_type_changes() {
        expect(&[
            (
                "a INT, g AS (a) NOT NULL",
                "a TEXT, g AS (a) NOT NULL",
                &[
                    "values of `t`.`a` that cannot be converted to TEXT without loss: FROM t WHERE typeof(a) = 'blob' OR (typeof(a) = 'real' AND CAST(CAST(a AS TEXT) AS REAL) IS NOT a); a",
                    "rows of `t` without `g`: FROM (SELECT *, +(a) AS g FROM (SELECT CAST(a AS TEXT) AS a, rowid AS rowid FROM t) AS t) AS t WHERE g IS NULL; row rowid",
                ],
            ),
            (
                "a INT",
                "a TEXT",
                &[
                    "values of `t`.`a` that cannot be converted to TEXT without loss: FROM t WHERE typeof(a) = 'blob' OR (typeof(a) = 'real' AND CAST(CAST(a AS TEXT) AS REAL) IS NOT a); a",
                ],
            ),
            (
                "a INT",
                "a VARCHAR",
                &[
                    "values of `t`.`a` that cannot be converted to VARCHAR without loss: FROM t WHERE typeof(a) = 'blob' OR (typeof(a) = 'real' AND CAST(CAST(a AS TEXT) AS REAL) IS NOT a); a",
                ],
            ),
            (
                "a TEXT",
                "a INT",
                &[
                    "values of `t`.`a` that cannot be converted to INT without loss: FROM t WHERE typeof(a) = 'blob' OR (typeof(a) = 'real' AND CAST(a AS INTEGER) <> a) OR (typeof(a) = 'text' AND (typeof(CAST(a AS NUMERIC)) <> 'integer' OR CAST(CAST(a AS NUMERIC) AS TEXT) IS NOT a)); a",
                ],
            ),
            (
                "a TEXT",
                "a REAL",
                &[
                    "values of `t`.`a` that cannot be converted to REAL without loss: FROM t WHERE typeof(a) = 'blob' OR (typeof(a) = 'integer' AND a NOT BETWEEN -9007199254740992 AND 9007199254740992) OR (typeof(a) = 'text' AND (CAST(CAST(a AS NUMERIC) AS TEXT) IS NOT a OR (typeof(CAST(a AS NUMERIC)) = 'integer' AND CAST(a AS NUMERIC) NOT BETWEEN -9007199254740992 AND 9007199254740992))); a",
                ],
            ),
            (
                "a TEXT",
                "a NUMERIC",
                &[
                    "values of `t`.`a` that cannot be converted to NUMERIC without loss: FROM t WHERE typeof(a) = 'blob' OR (typeof(a) = 'text' AND CAST(CAST(a AS NUMERIC) AS TEXT) IS NOT a); a",
                ],
            ),
            ("a TEXT", "a", &[]),
            ("a TEXT", "a INT -- using: 1\n", &[]),
            ("a INTEGER PRIMARY KEY", "a INTEGER PRIMARY KEY", &[]),
            (
                "a INT, b ANY, c BLOB",
                "a INT, b ANY, c BLOB) STRICT; -- ",
                &[
                    "values of `t`.`a` that cannot be converted to INT without loss: FROM t WHERE typeof(a) = 'blob' OR (typeof(a) = 'real' AND CAST(a AS INTEGER) <> a) OR (typeof(a) = 'text' AND (typeof(CAST(a AS NUMERIC)) <> 'integer' OR CAST(CAST(a AS NUMERIC) AS TEXT) IS NOT a)); a",
                    "values of `t`.`c` that cannot be converted to BLOB without loss: FROM t WHERE typeof(c) NOT IN ('blob', 'null'); c",
                ],
            ),
            ("a INT) STRICT; -- ", "a INT, b ANY) STRICT; -- ", &[]),
        ]);
    }

    #[test]
    fn a_key_is_looked_at_where_it_or_a_column_of_it_is_not_as_it_was() {
        expect(&[
            (
                "a, g AS (a), h AS (g) UNIQUE",
                "a, g AS (a), h AS (g) UNIQUE",
                &[],
            ),
            (
                "a, g AS (a), h AS (g) UNIQUE",
                "a, g AS (a + 1), h AS (g) UNIQUE",
                &[
                    "values of `h` that occur in more than one row of `t`: FROM ( SELECT h FROM (SELECT *, +(g) AS h FROM (SELECT *, +(a + 1) AS g FROM (SELECT a AS a, rowid AS rowid FROM t) AS t) AS t) AS t WHERE h IS NOT NULL GROUP BY h HAVING count(*) > 1 ); h",
                ],
            ),
            (
                "a INT, g AS (a), h AS (g) UNIQUE",
                "a TEXT, g AS (a), h AS (g) UNIQUE",
                &[
                    "values of `t`.`a` that cannot be converted to TEXT without loss: FROM t WHERE typeof(a) = 'blob' OR (typeof(a) = 'real' AND CAST(CAST(a AS TEXT) AS REAL) IS NOT a); a",
                    "values of `h` that occur in more than one row of `t`: FROM ( SELECT h FROM (SELECT *, +(g) AS h FROM (SELECT *, +(a) AS g FROM (SELECT CAST(a AS TEXT) AS a, rowid AS rowid FROM t) AS t) AS t) AS t WHERE h IS NOT NULL GROUP BY h HAVING count(*) > 1 ); h",
                ],
            ),
            (
                "a, g UNIQUE",
                "a, g AS (a) UNIQUE",
                &[
                    "values of `g` that occur in more than one row of `t`: FROM ( SELECT g FROM (SELECT *, +(a) AS g FROM (SELECT a AS a, rowid AS rowid FROM t) AS t) AS t WHERE g IS NOT NULL GROUP BY g HAVING count(*) > 1 ); g",
                ],
            ),
            (
                "a, g AS (a) UNIQUE",
                "a, g UNIQUE",
                &[
                    "values of `g` that occur in more than one row of `t`: FROM ( SELECT g FROM (SELECT g AS g, rowid AS rowid FROM t) AS t WHERE g IS NOT NULL GROUP BY g HAVING count(*) > 1 ); g",
                ],
            ),
            (
                "a INT",
                "a INTEGER PRIMARY KEY",
                &[
                    "rows of `t` without `a`: FROM t WHERE a IS NULL; row rowid",
                    "values of `t`.`a` that cannot be converted to INTEGER without loss: FROM t WHERE typeof(a) NOT IN ('integer', 'null'); a",
                    "values of `a` that occur in more than one row of `t`: FROM ( SELECT a FROM t WHERE a IS NOT NULL GROUP BY a HAVING count(*) > 1 ); a",
                ],
            ),
            (
                "a",
                "a INTEGER PRIMARY KEY",
                &[
                    "rows of `t` without `a`: FROM (SELECT CAST(a AS INTEGER) AS a, rowid AS rowid FROM t) AS t WHERE a IS NULL; row rowid",
                    "values of `t`.`a` that cannot be converted to INTEGER without loss: FROM t WHERE typeof(a) = 'blob' OR (typeof(a) = 'real' AND CAST(a AS INTEGER) <> a) OR (typeof(a) = 'text' AND (typeof(CAST(a AS NUMERIC)) <> 'integer' OR CAST(CAST(a AS NUMERIC) AS TEXT) IS NOT a)); a",
                    "values of `a` that occur in more than one row of `t`: FROM ( SELECT a FROM (SELECT CAST(a AS INTEGER) AS a, rowid AS rowid FROM t) AS t WHERE a IS NOT NULL GROUP BY a HAVING count(*) > 1 ); a",
                ],
            ),
            (
                "a",
                "a UNIQUE",
                &[
                    "values of `a` that occur in more than one row of `t`: FROM ( SELECT a FROM t WHERE a IS NOT NULL GROUP BY a HAVING count(*) > 1 ); a",
                ],
            ),
            ("a UNIQUE", "a UNIQUE", &[]),
            (
                "a BLOB UNIQUE",
                "a REAL UNIQUE",
                &[
                    "values of `t`.`a` that cannot be converted to REAL without loss: FROM t WHERE typeof(a) = 'blob' OR (typeof(a) = 'integer' AND a NOT BETWEEN -9007199254740992 AND 9007199254740992) OR (typeof(a) = 'text' AND (CAST(CAST(a AS NUMERIC) AS TEXT) IS NOT a OR (typeof(CAST(a AS NUMERIC)) = 'integer' AND CAST(a AS NUMERIC) NOT BETWEEN -9007199254740992 AND 9007199254740992))); a",
                    "values of `a` that occur in more than one row of `t`: FROM ( SELECT a FROM (SELECT CAST(a AS REAL) AS a, rowid AS rowid FROM t) AS t WHERE a IS NOT NULL GROUP BY a HAVING count(*) > 1 ); a",
                ],
            ),
            (
                "a BLOB UNIQUE",
                "a NUMERIC UNIQUE",
                &[
                    "values of `t`.`a` that cannot be converted to NUMERIC without loss: FROM t WHERE typeof(a) = 'blob' OR (typeof(a) = 'text' AND CAST(CAST(a AS NUMERIC) AS TEXT) IS NOT a); a",
                    "values of `a` that occur in more than one row of `t`: FROM ( SELECT a FROM (SELECT CAST(a AS NUMERIC) AS a, rowid AS rowid FROM t) AS t WHERE a IS NOT NULL GROUP BY a HAVING count(*) > 1 ); a",
                ],
            ),
            (
                "a INT UNIQUE",
                "a TEXT UNIQUE",
                &[
                    "values of `t`.`a` that cannot be converted to TEXT without loss: FROM t WHERE typeof(a) = 'blob' OR (typeof(a) = 'real' AND CAST(CAST(a AS TEXT) AS REAL) IS NOT a); a",
                    "values of `a` that occur in more than one row of `t`: FROM ( SELECT a FROM (SELECT CAST(a AS TEXT) AS a, rowid AS rowid FROM t) AS t WHERE a IS NOT NULL GROUP BY a HAVING count(*) > 1 ); a",
                ],
            ),
            (
                "a UNIQUE",
                "a COLLATE NOCASE UNIQUE",
                &[
                    "values of `a` that occur in more than one row of `t`: FROM ( SELECT a FROM (SELECT a COLLATE nocase AS a, rowid AS rowid FROM t) AS t WHERE a IS NOT NULL GROUP BY a COLLATE nocase HAVING count(*) > 1 ); a",
                ],
            ),
            (
                "a, b",
                "a, b COLLATE NOCASE, UNIQUE (a COLLATE RTRIM, b)",
                &[
                    "values of `a`, `b` that occur in more than one row of `t`: FROM ( SELECT a FROM (SELECT b COLLATE nocase AS b, a AS a, rowid AS rowid FROM t) AS t WHERE a IS NOT NULL AND b IS NOT NULL GROUP BY a COLLATE rtrim, b COLLATE nocase HAVING count(*) > 1 ); a",
                ],
            ),
            ("a", "a, b UNIQUE", &[]),
            ("a", "a, b DEFAULT NULL UNIQUE", &[]),
            (
                "a",
                "a, b DEFAULT 3 UNIQUE",
                &[
                    "values of `b` that occur in more than one row of `t`: FROM ( SELECT b FROM (SELECT +3 AS b, rowid AS rowid FROM t) AS t WHERE b IS NOT NULL GROUP BY b HAVING count(*) > 1 ); b",
                ],
            ),
            (
                "a",
                "a, b DEFAULT 3, UNIQUE (a, b)",
                &[
                    "values of `a`, `b` that occur in more than one row of `t`: FROM ( SELECT a FROM (SELECT +3 AS b, a AS a, rowid AS rowid FROM t) AS t WHERE a IS NOT NULL AND b IS NOT NULL GROUP BY a, b HAVING count(*) > 1 ); a",
                ],
            ),
            ("a", "a, b NOT NULL UNIQUE", &[]),
            (
                "a",
                "a, g AS (a) UNIQUE",
                &[
                    "values of `g` that occur in more than one row of `t`: FROM ( SELECT g FROM (SELECT *, +(a) AS g FROM (SELECT a AS a, rowid AS rowid FROM t) AS t) AS t WHERE g IS NOT NULL GROUP BY g HAVING count(*) > 1 ); g",
                ],
            ),
            (
                "a",
                "a NOT NULL DEFAULT 'x' UNIQUE",
                &[
                    "values of `a` that occur in more than one row of `t`: FROM ( SELECT a FROM (SELECT +coalesce(a, 'x') AS a, rowid AS rowid FROM t) AS t WHERE a IS NOT NULL GROUP BY a HAVING count(*) > 1 ); a",
                ],
            ),
            (
                "a",
                "a, b TEXT DEFAULT 3 UNIQUE",
                &[
                    "values of `b` that occur in more than one row of `t`: FROM ( SELECT b FROM (SELECT CAST(3 AS TEXT) AS b, rowid AS rowid FROM t) AS t WHERE b IS NOT NULL GROUP BY b HAVING count(*) > 1 ); b",
                ],
            ),
            (
                "a",
                "a, b UNIQUE -- using: a\n",
                &[
                    "values of `b` that occur in more than one row of `t`: FROM ( SELECT b FROM (SELECT +(a) AS b, rowid AS rowid FROM t) AS t WHERE b IS NOT NULL GROUP BY b HAVING count(*) > 1 ); b",
                ],
            ),
        ]);
    }

    #[test]
    fn a_check_is_asked_of_the_rows_as_they_will_be() {
        expect(&[
            (
                "a",
                "a, CHECK (a   >\n 0)",
                &["rows of `t` that violate CHECK (a > 0): FROM t WHERE NOT (a > 0); row rowid"],
            ),
            ("a, CHECK (a > 0)", "a, CHECK (a > 0)", &[]),
            (
                r#"a, CHECK ("a" > 0)"#,
                r#"a NOT NULL DEFAULT 3, CHECK ("a" > 0)"#,
                &[
                    r#"rows of `t` that violate CHECK ("a" > 0): FROM (SELECT +coalesce(a, 3) AS a, rowid AS rowid FROM t) AS t WHERE NOT ("a" > 0); row rowid"#,
                ],
            ),
            (
                "a, b, CHECK (b > 'a')",
                "a NOT NULL DEFAULT 3, b, CHECK (b > 'a')",
                &[],
            ),
            (
                "a TEXT, CHECK (a > 0)",
                "a INT, CHECK (a > 0)",
                &[
                    "values of `t`.`a` that cannot be converted to INT without loss: FROM t WHERE typeof(a) = 'blob' OR (typeof(a) = 'real' AND CAST(a AS INTEGER) <> a) OR (typeof(a) = 'text' AND (typeof(CAST(a AS NUMERIC)) <> 'integer' OR CAST(CAST(a AS NUMERIC) AS TEXT) IS NOT a)); a",
                    "rows of `t` that violate CHECK (a > 0): FROM (SELECT CAST(a AS INTEGER) AS a, rowid AS rowid FROM t) AS t WHERE NOT (a > 0); row rowid",
                ],
            ),
            (
                "a",
                r#"a, "b c" DEFAULT 3, CHECK ("b c" > t.a)"#,
                &[
                    r#"rows of `t` that violate CHECK ("b c" > t.a): FROM (SELECT +3 AS "b c", a AS a, rowid AS rowid FROM t) AS t WHERE NOT ("b c" > t.a); row rowid"#,
                ],
            ),
        ]);
    }

    #[test]
    fn a_new_reference_to_what_is_there_is_followed() {
        expect(&[
            ("a", "a REFERENCES p", &[]),
            ("a", "a, b, FOREIGN KEY (a, b) REFERENCES p", &[]),
            (
                "a, b",
                "a, b, FOREIGN KEY (a, b) REFERENCES p (k, l)",
                &[
                    "rows of `t` that refer to a row of `p` that does not exist: FROM t AS child WHERE child.a IS NOT NULL AND child.b IS NOT NULL AND NOT EXISTS ( SELECT 1 FROM p AS parent WHERE parent.k = child.a AND parent.l = child.b ); child.rowid",
                ],
            ),
            (
                "a, b",
                "a, b DEFAULT 1, c DEFAULT 1, FOREIGN KEY (b, c) REFERENCES p (k, l)",
                &[
                    "rows of `t` that refer to a row of `p` that does not exist: FROM (SELECT +1 AS c, b AS b, rowid AS rowid FROM t) AS child WHERE child.b IS NOT NULL AND child.c IS NOT NULL AND NOT EXISTS ( SELECT 1 FROM p AS parent WHERE parent.k = child.b AND parent.l = child.c ); child.rowid",
                ],
            ),
            (
                "a",
                "a, b DEFAULT 1, FOREIGN KEY (a, b) REFERENCES p (k, l)",
                &[
                    "rows of `t` that refer to a row of `p` that does not exist: FROM (SELECT +1 AS b, a AS a, rowid AS rowid FROM t) AS child WHERE child.a IS NOT NULL AND child.b IS NOT NULL AND NOT EXISTS ( SELECT 1 FROM p AS parent WHERE parent.k = child.a AND parent.l = child.b ); child.rowid",
                ],
            ),
            ("a", "a REFERENCES p (absent)", &[]),
            (
                "a",
                "a REFERENCES p (k)",
                &[
                    "rows of `t` that refer to a row of `p` that does not exist: FROM t AS child WHERE child.a IS NOT NULL AND NOT EXISTS ( SELECT 1 FROM p AS parent WHERE parent.k = child.a ); child.rowid",
                ],
            ),
            (
                "a, b, FOREIGN KEY (a, b) REFERENCES p (k, l)",
                "a, b, FOREIGN KEY (a, b) REFERENCES p (k, l)",
                &[],
            ),
            ("a", "a REFERENCES t (a)", &[]),
            ("a", "a REFERENCES nowhere (a)", &[]),
            (
                "k INT PRIMARY KEY, a",
                "k INT PRIMARY KEY, a REFERENCES p (k)",
                &[
                    "rows of `t` that refer to a row of `p` that does not exist: FROM t AS child WHERE child.a IS NOT NULL AND NOT EXISTS ( SELECT 1 FROM p AS parent WHERE parent.k = child.a ); child.k",
                ],
            ),
            (
                "rowid, oid, _rowid_, a",
                "rowid, oid, _rowid_, a REFERENCES p (k)",
                &[
                    "rows of `t` that refer to a row of `p` that does not exist: FROM t AS child WHERE child.a IS NOT NULL AND NOT EXISTS ( SELECT 1 FROM p AS parent WHERE parent.k = child.a ); NULL",
                ],
            ),
        ]);
    }

    #[test]
    fn a_unique_index_is_asked_with_its_expressions_and_its_filter() {
        let both = table("a, b");
        let cases = [
            ("a", "a AS value FROM t WHERE (a) IS NOT NULL GROUP BY a"),
            (
                "a DESC, b",
                "a AS value FROM t WHERE (a) IS NOT NULL AND (b) IS NOT NULL GROUP BY a, b",
            ),
            (
                "b ASC, a DESC",
                "b AS value FROM t WHERE (b) IS NOT NULL AND (a) IS NOT NULL GROUP BY b, a",
            ),
            (
                "lower(a), b COLLATE NOCASE",
                "lower(a) AS value FROM t WHERE (lower(a)) IS NOT NULL AND (b COLLATE NOCASE) IS NOT NULL GROUP BY lower(a), b COLLATE NOCASE",
            ),
            (
                "(a || ',' || b), max(a, 1) DESC",
                "(a || ',' || b) AS value FROM t WHERE ((a || ',' || b)) IS NOT NULL AND (max(a, 1)) IS NOT NULL GROUP BY (a || ',' || b), max(a, 1)",
            ),
            (
                "a) WHERE (b > 0",
                "a AS value FROM t WHERE ((b > 0)) AND (a) IS NOT NULL GROUP BY a",
            ),
            (
                "a) WHERE b > 0 OR (a > 1",
                "a AS value FROM t WHERE (b > 0 OR (a > 1)) AND (a) IS NOT NULL GROUP BY a",
            ),
            (
                "a, b) WHERE (b IN (1, 2)",
                "a AS value FROM t WHERE ((b IN (1, 2))) AND (a) IS NOT NULL AND (b) IS NOT NULL GROUP BY a, b",
            ),
        ];
        for (columns, query) in cases {
            let sql = format!("CREATE UNIQUE INDEX i ON t ({columns})");
            let found = unique_index(&both, &both, &sql, "i", true).unwrap();
            let expected = format!(
                "values of the unique index `i` that occur in more than one row of `t`: FROM ( SELECT {query} HAVING count(*) > 1 ); value"
            );
            assert_eq!(told(&found), expected);
            assert_eq!(unique_index(&both, &both, &sql, "i", false), None);
            let plain = sql.replace("UNIQUE ", "");
            assert_eq!(unique_index(&both, &both, &plain, "i", true), None);
        }
    }
}
