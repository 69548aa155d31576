//! What values a column may hold: guesses from its type, its name, and the texts that speak of it.

use std::collections::BTreeSet;

use rusqlite::types::Value;

use crate::sqlite::schema::objects::{Affinity, affinity};
use crate::sqlite::schema::parsed::clauses::parenthesised;
use crate::sqlite::sql::name::same_name;
use crate::sqlite::sql::token::{Token, TokenKind, Tokens};

/// A column, as far as its values depend on it.
pub(super) struct Fact {
    pub(super) name: String,
    pub(super) declared: String,
    pub(super) nullable: bool,
    pub(super) default: Option<String>,
    pub(super) unique: bool,
}

/// What the migrations read columns as, by the columns' names in small letters.
#[derive(Debug, Default)]
pub(crate) struct Hints {
    pub(super) json: BTreeSet<String>,
    pub(super) times: BTreeSet<String>,
}

impl Hints {
    /// Looks for arguments of the JSON and of the date functions, and for `column -> …`.
    pub(crate) fn of<'s>(texts: impl Iterator<Item = &'s str>) -> Hints {
        let mut hints = Hints::default();
        for text in texts {
            let tokens: Vec<Token<'_>> = Tokens::new(text).collect();
            for (index, token) in tokens.iter().enumerate() {
                let next = |ahead: usize| tokens.get(index + ahead).map_or("", |t| t.text);
                let name = || token.name().to_ascii_lowercase();
                if next(1) == "-" && next(2) == ">" {
                    hints.json.insert(name());
                }
                let word = token.word();
                let found = match word.as_str() {
                    "DATE" | "TIME" | "DATETIME" | "JULIANDAY" | "UNIXEPOCH" | "STRFTIME"
                    | "TIMEDIFF" => &mut hints.times,
                    _ if word.starts_with("JSON") => &mut hints.json,
                    _ => continue,
                };
                if next(1) == "(" {
                    let arguments = parenthesised(&tokens[index..]);
                    let names = arguments.iter().filter(|t| t.kind != TokenKind::Symbol);
                    found.extend(names.map(|t| t.name().to_ascii_lowercase()));
                }
            }
        }
        hints
    }
}

/// The values that the literals of an expression suggest: themselves, numbers beside them,
/// texts of that length, texts that fit a pattern.
pub(super) fn literals(tokens: &[Token<'_>], columns: &[Fact]) -> Vec<Value> {
    let says = |word: &str| tokens.iter().any(|token| token.word() == word);
    let (measures, matches) = (says("LENGTH"), says("LIKE") || says("GLOB"));
    let mut found = Vec::new();
    for (index, token) in tokens.iter().enumerate() {
        let is_column = || {
            let name = token.name();
            columns.iter().any(|fact| same_name(&fact.name, &name))
        };
        match token.kind {
            TokenKind::Quoted if token.text.starts_with('\'') || !is_column() => {
                let text = token.name().into_owned();
                if matches {
                    found.push(Value::Text(fitting(&text)));
                }
                found.push(Value::Text(text));
            }
            TokenKind::Word => {
                let Ok(number) = token.text.parse::<i64>() else {
                    continue;
                };
                let before = index.checked_sub(1).map_or("", |at| tokens[at].text);
                if before == "." {
                    continue;
                }
                if let (Some(point), Some(digits)) = (tokens.get(index + 1), tokens.get(index + 2))
                    && point.text == "."
                    && let Ok(real) = format!("{}.{}", token.text, digits.text).parse()
                {
                    found.push(Value::Real(real));
                }
                if let (true, Ok(length @ 1..=200)) = (measures, usize::try_from(number)) {
                    found.extend(of_length(length).map(Value::Text));
                }
                let number = if before == "-" { -number } else { number };
                found.push(Value::Integer(number));
                found.push(Value::Integer(number.saturating_add(1)));
                found.push(Value::Integer(number.saturating_sub(1)));
            }
            _ => {}
        }
    }
    found
}

/// Texts of a length, in characters: several of each kind, for a unique column.
fn of_length(length: usize) -> impl Iterator<Item = String> {
    (1..=3).flat_map(move |number| {
        let letter = |first: u8| {
            let last = char::from(first + number);
            format!("{}{last}", char::from(first).to_string().repeat(length - 1))
        };
        let digits: String = format!("{number:0>length$}");
        [digits, letter(b'A'), letter(b'a')]
    })
}

/// A text that fits a pattern of LIKE or GLOB, as far as a glance can tell.
fn fitting(pattern: &str) -> String {
    let mut text = String::new();
    let mut rest = pattern.chars();
    while let Some(c) = rest.next() {
        match c {
            '%' | '*' | '_' | '?' => text.push('x'),
            '[' => {
                // The first of a class; of an excluded one, a letter and hope.
                let class: String = rest.by_ref().take_while(|&c| c != ']').collect();
                let first = class.chars().next().filter(|&c| c != '^');
                text.push(first.unwrap_or('x'));
            }
            other => text.push(other),
        }
    }
    text
}

/// Whether a default, as it is written, may be read as JSON.
pub(super) fn looks_like_json(default: &str) -> bool {
    let text = default.trim_matches(|c: char| c == '\'' || c == '"' || c.is_whitespace());
    let begins = |c: char| c.is_ascii_digit() || ['{', '[', '-'].contains(&c);
    text.starts_with(begins) || ["null", "true", "false"].contains(&text)
}

/// The key of a row: with gaps, and far from what a migration writes itself.
pub(super) fn key(number: i64) -> i64 {
    1001 + 3 * number + number % 2
}

/// What a column is likely to hold by its type and its name.
pub(super) fn plain(fact: &Fact, hints: &Hints, number: i64) -> Vec<Value> {
    let name = fact.name.to_ascii_lowercase();
    let declared = fact.declared.to_ascii_uppercase();
    let text = |text: String| Value::Text(text);
    let key = key(number);
    let day = number.rem_euclid(28) + 1;
    let ends = ["_at", "_on", "date", "time", "timestamp"];
    let time = hints.times.contains(&name)
        || ends.iter().any(|end| name.ends_with(end))
        || ["DATE", "TIME"].iter().any(|word| declared.contains(word));
    let json = hints.json.contains(&name) || name.contains("json") || declared.contains("JSON");
    match affinity(&fact.declared) {
        Affinity::Integer if time => vec![Value::Integer(1_709_210_096 + 86_400 * number)],
        Affinity::Real if time => vec![Value::Real(2_460_370.5 + number as f64)],
        Affinity::Integer if fact.unique => vec![Value::Integer(key)],
        Affinity::Integer => vec![Value::Integer(key), Value::Integer(number)],
        Affinity::Real => vec![Value::Real(key as f64 + 0.5)],
        _ if json => vec![text(format!("{{\"n\": {key}}}"))],
        Affinity::Text | Affinity::Numeric if time => vec![
            text(format!("2024-02-{day:02}T12:34:56Z")),
            text(format!("2024-02-{day:02} 12:34:56")),
            text(format!("2024-02-{day:02}")),
        ],
        // Texts that a careless copy alters.
        Affinity::Text if number == 1 => vec![text("007".into())],
        Affinity::Text if number == 2 => vec![text(format!("it's “{}”\n2", fact.name))],
        Affinity::Text => vec![text(format!("{} {key}", fact.name))],
        Affinity::Numeric if declared.contains("BOOL") => {
            vec![Value::Integer(number % 2), Value::Integer((number + 1) % 2)]
        }
        Affinity::Numeric => vec![Value::Integer(key), Value::Real(key as f64 + 0.5)],
        Affinity::Blob if declared.is_empty() && number % 2 == 0 => vec![text(format!("0{key}"))],
        Affinity::Blob => vec![Value::Blob(vec![0, 0xff, number.to_le_bytes()[0]])],
    }
}

/// What is usual in columns that a constraint watches.
pub(super) fn usual(fact: &Fact, number: i64) -> Vec<Value> {
    let number = number.unsigned_abs();
    let texts = || {
        let day = number % 28 + 1;
        [
            format!("2024-02-{day:02}"),
            format!("2024-02-{day:02}T12:34:56Z"),
            format!("2024-02-{day:02} 12:34:56"),
            format!("12:34:{day:02}"),
            format!("{{\"n\": {number}}}"),
            format!("[{number}]"),
            format!("someone{number}@example.org"),
            format!("https://example.org/{number}"),
            format!("00000000-0000-4000-8000-{number:012}"),
            format!("#80808{}", number % 10),
            format!("{number}"),
            "x".to_owned(),
            "en".to_owned(),
            "EUR".to_owned(),
        ]
        .map(Value::Text)
    };
    let integers = || [0, 1, -1, 2, 10, 100, 1_709_210_096].map(Value::Integer);
    let reals = || [0.5, 0.0, 1.0, -0.5].map(Value::Real);
    match affinity(&fact.declared) {
        Affinity::Integer => integers().to_vec(),
        Affinity::Real => reals().to_vec(),
        Affinity::Text => texts().to_vec(),
        Affinity::Numeric => [&integers()[..], &reals(), &texts()].concat(),
        Affinity::Blob => [&[Value::Blob(vec![0; 16])][..], &texts(), &integers()].concat(),
    }
}
