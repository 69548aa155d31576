//! What must be true of the rows before a table is changed: the developer's data proves
//! nothing about the users'. A condition is SQL that travels in the migration and ends it where
//! it does not hold, in any tool; heirloom reads from it how many rows and an example.

use crate::definition::{
    Column, Definition, ForeignKey, KeyPart, Rule, parenthesised, plain, span,
};
use crate::diff::Edit;
use crate::schema::{Affinity, same_name};
use crate::statement::CHECKS;
use crate::token::{Token, TokenKind, Tokens};
use crate::writer::Writer;

/// Something that must be true of the rows.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Condition {
    /// What the rows that must not be there are, in words before their number.
    problem: String,
    /// Those rows: FROM and WHERE.
    rows: String,
    example: Example,
}

/// What is shown of one of the rows.
#[derive(Debug, Clone, PartialEq, Eq)]
enum Example {
    /// A value, by its expression.
    Value(String),
    /// The row itself, by the name of its key.
    Row(String),
}

/// Writes conditions, so that a migration ends where one does not hold.
pub(crate) fn write(conditions: &[Condition], out: &mut Writer) {
    if conditions.is_empty() {
        return;
    }
    out.comment("What must be true of the rows. Where it is not, the migration ends here.");
    out.statement(&format!(
        "CREATE TEMP TABLE {CHECKS} (problem TEXT CHECK (problem IS NULL))"
    ));
    for Condition {
        problem,
        rows,
        example,
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
            rows.replace('\n', "\n    ")
        ));
    }
    out.statement(&format!("DROP TABLE temp.{CHECKS}"));
    out.end_block();
}

/// How a column that was there before gets its values.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum Origin {
    /// As they were.
    Same(String),
    /// As they were, and the default instead of NULL.
    OrDefault(String, String),
    /// From an expression over the old row.
    Using(String),
    /// From its default, or NULL.
    Default,
    /// Nowhere: it must not be NULL and there is nothing to put into it.
    Nowhere,
}

/// Where a column's values come from.
pub(crate) fn origin(before: &Definition, column: &Column) -> Origin {
    let was = before.column(&column.name);
    let newly_not_null = column.not_null.is_some() && was.is_some_and(|was| was.not_null.is_none());
    let changed = was.is_none_or(|was| {
        was.declared != column.declared || newly_not_null || was.generated.is_some()
    });
    if let (Some(expression), true) = (&column.using, changed) {
        return Origin::Using(expression.clone());
    }
    let value = column
        .default
        .as_ref()
        .filter(|default| default.is_a_value());
    match (was, value) {
        (Some(was), Some(value)) if newly_not_null => {
            Origin::OrDefault(was.name.clone(), value.text.clone())
        }
        (Some(was), _) => Origin::Same(was.name.clone()),
        (None, _) => {
            let null = column.default.as_ref().is_none_or(|d| d.normal == "null");
            let is_rowid = before.rowid_column().is_none() && column.declared == "INTEGER";
            match column.not_null.is_some() && null && !is_rowid {
                true => Origin::Nowhere,
                false => Origin::Default,
            }
        }
    }
}

/// What the rows of a table must fulfil for its edits.
pub(crate) fn conditions(
    before: &Definition,
    after: &Definition,
    edits: &[Edit<'_>],
) -> Vec<Condition> {
    let mut found = Vec::new();
    let same = |column: &Column| matches!(origin(before, column), Origin::Same(_));
    let now_strict = after.strict && !before.strict;
    for column in after
        .columns
        .iter()
        .filter(|column| column.generated.is_none())
    {
        let Some(was) = before.column(&column.name) else {
            continue;
        };
        let name = plain(&column.name);
        let newly_not_null = column.not_null.is_some() && was.not_null.is_none();
        let key_of_rows = after.without_rowid
            && !before.without_rowid
            && after
                .primary_key()
                .iter()
                .any(|key| same_name(key, &column.name));
        if (newly_not_null || (key_of_rows && was.not_null.is_none())) && same(column) {
            found.push(Condition {
                problem: format!("rows of `{}` without `{}`", before.name, column.name),
                rows: format!("FROM {}\nWHERE {name} IS NULL", plain(&before.name)),
                example: row_name(before),
            });
        }
        let affinity = after.affinity_of(column);
        let retyped = affinity != before.affinity_of(was) || now_strict;
        let converted = matches!(origin(before, column), Origin::Using(_));
        let strict = after.strict.then_some(column.declared.as_str());
        if let (true, true, Some(filter)) = (retyped, !converted, unfit(&name, affinity, strict)) {
            let kind = match column.declared.as_str() {
                "" => "values without a type",
                declared => declared,
            };
            found.push(Condition {
                problem: format!(
                    "values of `{}`.`{}` that would not come through as {kind}",
                    before.name, column.name
                ),
                rows: format!("FROM {}\nWHERE {filter}", plain(&before.name)),
                example: Example::Value(name),
            });
        }
    }
    let retyped_or_collated = |part: &KeyPart| {
        edits.iter().any(|edit| match edit {
            Edit::Collate(column) | Edit::Retype(_, column) => {
                same_name(&column.name, &part.column)
            }
            _ => false,
        })
    };
    for constraint in &after.constraints {
        let new = !before.constraints.contains(constraint);
        match &constraint.rule {
            Rule::PrimaryKey { key, .. } | Rule::Unique { key, .. } => {
                if new || key.iter().any(retyped_or_collated) {
                    found.extend(unique(before, after, key));
                }
            }
            Rule::Check { .. } if new => found.extend(check(before, after, &constraint.text)),
            Rule::ForeignKey(key) if new => found.extend(reference(before, after, key)),
            Rule::Check { .. } | Rule::ForeignKey(_) => {}
        }
    }
    found
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
/// spelling replaces (`007`, `1e3`, ` 12 `), text that is no number, blobs, integers beyond 2^53 into
/// REAL, fractions into INTEGER, and a REAL that its own text does not give back.
fn unfit(value: &str, affinity: Affinity, strict: Option<&str>) -> Option<String> {
    let number = format!("CAST({value} AS NUMERIC)");
    let respelled = format!("CAST({number} AS TEXT) IS NOT {value}");
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
            "{blob}\n   OR ({kind} = 'integer' AND {value} NOT {exact})\n   OR ({kind} = 'text' AND ({respelled} OR (typeof({number}) = 'integer' AND {number} NOT {exact})))"
        ),
    })
}

/// The old rows as the new table will see them, as far as some columns go. None where one of
/// them is new.
fn seen_as(before: &Definition, after: &Definition, names: &[String]) -> Option<String> {
    let mut shown = Vec::new();
    let mut all_same = true;
    for name in names {
        let column = after.column(name)?;
        let value = match origin(before, column) {
            Origin::Same(name) => plain(&name),
            Origin::OrDefault(name, value) => {
                all_same = false;
                format!(
                    "coalesce({}, {value}) AS {}",
                    plain(&name),
                    plain(&column.name)
                )
            }
            Origin::Using(expression) => {
                all_same = false;
                format!("{expression} AS {}", plain(&column.name))
            }
            Origin::Default | Origin::Nowhere => return None,
        };
        shown.push(value);
    }
    let table = plain(&before.name);
    Some(match all_same {
        true => table,
        false => format!("(SELECT {} FROM {table})", shown.join(", ")),
    })
}

/// Rows that would be one row to a key.
fn unique(before: &Definition, after: &Definition, key: &[KeyPart]) -> Option<Condition> {
    let names: Vec<String> = key.iter().map(|part| part.column.clone()).collect();
    let rows = seen_as(before, after, &names)?;
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
            "values of {} that stand in more than one row of `{}`",
            shown.join(", "),
            before.name
        ),
        rows: format!(
            "FROM (\n    SELECT {first} FROM {rows}\n    WHERE {}\n    GROUP BY {} HAVING count(*) > 1\n)",
            there.join(" AND "),
            columns.join(", ")
        ),
        example: Example::Value(first),
    })
}

/// The same for a unique index, whose columns and filter are SQL.
pub(crate) fn unique_index(table: &Definition, sql: &str, name: &str) -> Option<Condition> {
    let tokens: Vec<_> = Tokens::new(sql).collect();
    let is_unique = tokens.get(1).is_some_and(|token| token.word() == "UNIQUE");
    let open = tokens.iter().position(|token| token.text == "(")?;
    let mut depth = 0;
    let close = tokens.iter().skip(open).position(|token| {
        depth += token.nesting();
        depth == 0
    })? + open;
    let end = tokens.last().map(|token| token.start + token.text.len())?;
    let filter = tokens.get(close + 1).map(|token| &sql[token.start..end]);
    let mut parts: Vec<String> = Vec::new();
    let (mut depth, mut start) = (0, open + 1);
    for (at, token) in tokens.iter().enumerate().take(close + 1).skip(open + 1) {
        if at == close || (depth == 0 && token.text == ",") {
            let last = tokens[at - 1];
            let direction = ["ASC", "DESC"].contains(&last.word().as_str());
            let last = tokens[at - 1 - usize::from(direction)];
            parts.push(sql[tokens[start].start..last.start + last.text.len()].to_owned());
            start = at + 1;
        }
        depth += token.nesting();
    }
    let there: Vec<String> = parts
        .iter()
        .map(|part| format!("({part}) IS NOT NULL"))
        .collect();
    let filter = match filter {
        Some(filter) => format!(
            "{}\n    AND {}",
            filter.trim_end_matches(';'),
            there.join(" AND ")
        ),
        None => format!("WHERE {}", there.join(" AND ")),
    };
    is_unique.then(|| Condition {
        problem: format!(
            "values of the unique index `{name}` that stand in more than one row of `{}`",
            table.name
        ),
        rows: format!(
            "FROM (\n    SELECT {} AS value FROM {}\n    {filter}\n    GROUP BY {} HAVING count(*) > 1\n)",
            parts.first().map_or("NULL", String::as_str),
            plain(&table.name),
            parts.join(", ")
        ),
        example: Example::Value("value".into()),
    })
}

/// Rows that a CHECK would not let in.
fn check(before: &Definition, after: &Definition, text: &str) -> Option<Condition> {
    let tokens: Vec<Token<'_>> = Tokens::new(text).collect();
    let inside = parenthesised(&tokens);
    let is_named = |name: &str| {
        inside.iter().any(|token| {
            let string = token.kind == TokenKind::Quoted && token.text.starts_with('\'');
            !string && same_name(&token.name(), name)
        })
    };
    let columns = after.columns.iter().map(|column| column.name.clone());
    let names: Vec<String> = columns.filter(|name| is_named(name)).collect();
    let table = plain(&before.name);
    // A value that is only made by the copy is checked by the copy.
    seen_as(before, after, &names).filter(|rows| *rows == table)?;
    let condition = &text[span(inside)];
    let shown: Vec<&str> = condition.split_whitespace().collect();
    Some(Condition {
        problem: format!(
            "rows of `{}` that do not fulfil CHECK ({})",
            before.name,
            shown.join(" ")
        ),
        rows: format!("FROM {table}\nWHERE NOT ({condition})"),
        example: row_name(before),
    })
}

/// Rows whose new reference leads nowhere. One to the table itself is checked by the run, at
/// its end, as all are.
fn reference(before: &Definition, after: &Definition, key: &ForeignKey) -> Option<Condition> {
    let table = plain(&before.name);
    seen_as(before, after, &key.columns).filter(|rows| *rows == table)?;
    if key.columns.len() != key.to.len() || same_name(&key.parent, &before.name) {
        return None;
    }
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
            "rows of `{}` that refer to a row of `{}` that is not there",
            before.name, key.parent
        ),
        rows: format!(
            "FROM {table} AS child\nWHERE {} AND NOT EXISTS (\n    SELECT 1 FROM {} AS parent WHERE {}\n)",
            all(there.collect()),
            plain(&key.parent),
            all(matches.collect())
        ),
        example: match row_name(before) {
            Example::Row(key) => Example::Value(format!("child.{key}")),
            value => value,
        },
    })
}

/// A value of the right kind to fill a column with on a way back, where what it held is gone.
pub(crate) fn filler(table: &Definition, column: &Column) -> &'static str {
    match table.affinity_of(column) {
        Affinity::Text => "''",
        Affinity::Integer | Affinity::Numeric | Affinity::Real => "0",
        Affinity::Blob => "x''",
    }
}
