//! SQL text as it is compared, and names as they are written.

use crate::sqlite::sql::name::{quote, same_name};
use crate::sqlite::sql::token::{Token, TokenKind, Tokens};

/// SQL text as it is compared: without comments, space, letter case of names, quotes, and the
/// words that may be left out. `columns` are the names that a token in double quotes can mean;
/// one that is not one of them is a text
/// (<https://sqlite.org/quirks.html#double_quoted_string_literals_are_accepted>). Without
/// them every such token is a name. `own` is the table whose qualifier says nothing.
pub(crate) fn normal(tokens: &[Token<'_>], columns: Option<&[String]>, own: &str) -> String {
    /// Names that would be read as values without their quotes.
    const VALUES: [&str; 6] = [
        "null",
        "true",
        "false",
        "current_time",
        "current_date",
        "current_timestamp",
    ];
    let mut made: Vec<String> = Vec::with_capacity(tokens.len());
    let mut skip = 0;
    for (at, token) in tokens.iter().enumerate() {
        if skip > 0 {
            skip -= 1;
            continue;
        }
        let next = tokens.get(at + 1);
        let is_next = |text: &str| next.is_some_and(|next| next.text == text);
        let qualifies = is_next(".") && tokens.get(at + 2).is_some_and(|column| column.text != "*");
        if !own.is_empty() && qualifies && same_name(&token.name(), own) {
            skip = 1;
            continue;
        }
        made.push(match token.kind {
            TokenKind::Quoted => {
                let name = token.name();
                let is_text = match token.text.as_bytes().first() {
                    Some(b'\'') => true,
                    Some(b'"') => {
                        columns.is_some_and(|columns| !columns.iter().any(|c| same_name(c, &name)))
                    }
                    _ => false,
                };
                let folded = name.to_ascii_lowercase();
                match is_text {
                    true => string(&name),
                    false if VALUES.contains(&folded.as_str()) => quote(&folded),
                    false => folded,
                }
            }
            TokenKind::Symbol if token.text == "=" && is_next("=") => {
                skip = 1;
                "=".into()
            }
            TokenKind::Symbol if token.text == "<" && is_next(">") => {
                skip = 1;
                "! =".into()
            }
            _ => token.text.to_ascii_lowercase(),
        });
    }
    made.join(" ")
}

pub(crate) fn string(text: &str) -> String {
    format!("'{}'", text.replace('\'', "''"))
}

/// Whether two statements say the same, if they are not tables. `own` is the table whose
/// qualifier says nothing.
pub(crate) fn same_statements(one: &str, other: &str, own: &str) -> bool {
    if normal_object(one, own) != normal_object(other, own) {
        return false;
    }
    // What double quotes hold may be a text, in which letter case counts.
    let texts = |sql: &str| -> Vec<String> {
        let tokens = Tokens::new(sql).filter(|token| token.text.starts_with('"'));
        tokens.map(|token| token.name().into_owned()).collect()
    };
    let (one, other) = (texts(one), texts(other));
    one.len() != other.len() || one == other
}

/// A statement as it is compared, where it is not a table.
fn normal_object(sql: &str, own: &str) -> String {
    let tokens: Vec<Token<'_>> = Tokens::new(sql).collect();
    let mut text = normal(&tokens, None, own);
    // Words that say what is so anyway.
    for (words, instead) in [
        (" for each row ", " "),
        (" asc ,", " ,"),
        (" asc )", " )"),
        (" temp ", " "),
    ] {
        text = text.replace(words, instead);
    }
    text
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn normal_text_forgets_spelling_and_keeps_meaning() {
        let text = |sql: &str| {
            let tokens: Vec<Token<'_>> = Tokens::new(sql).collect();
            normal(&tokens, Some(&["a".into(), "null".into()]), "t")
        };
        for same in ["a != 'X'", "[A]<>'X' -- note", "t.\"a\" <> 'X'", "`a`!='X'"] {
            assert_eq!(text(same), text("a <> 'X'"), "{same}");
        }
        for other in [
            "a <> 'x'",
            "\"b\" <> 'X'",
            "b <> 'X'",
            "a = 'X'",
            "a < 'X'",
            "a > 'X'",
        ] {
            assert_ne!(text(other), text("a <> 'X'"), "{other}");
        }
        assert_eq!(text("a == 1"), text("a = 1"));
        for sign in ["a < 1", "a > 1", "a + 1"] {
            assert_eq!(text(sign), sign);
        }
        // The table's name says nothing before a column, and only there.
        for own in ["t = a", "t . *", "t", "t ."] {
            assert_eq!(text(own), own);
        }
        // A name in double quotes that is not a column is a text, and a column called null is none.
        assert_eq!(text("\"b\""), text("'b'"));
        assert_ne!(text("\"null\""), text("null"));
    }
}
