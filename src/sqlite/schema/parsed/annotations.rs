//! What a schema file says to heirloom beside its SQL: `-- was: NAME`, `-- using: EXPR`.

use std::ops::Range;

use crate::sqlite::sql::token::{Lexeme, LexemeKind, Lexemes, TokenKind, Tokens};

/// A comment that speaks to heirloom.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Annotation {
    /// Where it is.
    pub(crate) at: Range<usize>,
    /// Where the last token before it in the same line begins. None where it has a line of its
    /// own.
    pub(crate) follows: Option<usize>,
    /// What the column or the table was called before, as written: [`whole_name`] reads it.
    pub(crate) was: Option<String>,
    /// How the column's values come from the old row.
    pub(crate) using: Option<String>,
}

/// A name that something had, and what may have had it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Former {
    /// As written.
    pub(crate) text: String,
    /// Columns, or None for the table; the likeliest first. There are several where a line holds
    /// several.
    pub(crate) holders: Vec<Option<String>>,
}

/// A name as a person writes it outside of SQL: in quotes, or as it is and whole. None where
/// quotes are open, or something follows them.
pub(crate) fn whole_name(text: &str) -> Option<String> {
    let text = text.trim();
    if !text.starts_with(['"', '`', '[', '\'']) {
        return (!text.is_empty()).then(|| text.to_owned());
    }
    let token = Tokens::new(text).next()?;
    let is_closed = token.text.len() > 1 && token.text.ends_with(closing(token.text));
    (token.text == text && token.kind == TokenKind::Quoted && is_closed)
        .then(|| token.name().into_owned())
}

/// The quote that ends what a token begins.
fn closing(quoted: &str) -> char {
    match quoted.chars().next() {
        Some('[') => ']',
        first => first.unwrap_or_default(),
    }
}

/// The notes of a text, in order.
pub(crate) fn notes(text: &str) -> Vec<Annotation> {
    let mut found = Vec::new();
    let mut follows = None;
    for Lexeme {
        kind,
        start,
        text: lexeme,
    } in Lexemes::new(text)
    {
        match kind {
            LexemeKind::Token(_) => follows = Some(start),
            LexemeKind::Line => {
                let mut note = Annotation {
                    at: start..start + lexeme.trim_end().len(),
                    follows,
                    was: None,
                    using: None,
                };
                note.read(&lexeme[2..]);
                if note.was.is_some() || note.using.is_some() {
                    found.push(note);
                }
            }
            LexemeKind::Space | LexemeKind::Block => {
                if lexeme.contains('\n') {
                    follows = None;
                }
            }
        }
    }
    found
}

impl Annotation {
    /// What a comment says, and a note behind it in the same line.
    fn read(&mut self, words: &str) {
        let words = words.trim();
        let (said, using) = match (words.strip_prefix("was:"), words.strip_prefix("using:")) {
            (Some(name), _) => (name, false),
            (None, Some(expression)) => (expression, true),
            (None, None) => return,
        };
        // A comment behind an expression would swallow what is written after it.
        let comment = Lexemes::new(said).find(|lexeme| lexeme.kind == LexemeKind::Line);
        let end = comment.map_or(said.len(), |lexeme| lexeme.start);
        let text = said[..end].trim().trim_end_matches(',').trim_end();
        match using {
            true => self.using = Some(text.to_owned()),
            false => self.was = Some(text.to_owned()),
        }
        if let Some(behind) = said[end..].strip_prefix("--") {
            self.read(behind);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_name_is_whole_or_none() {
        let cases = [
            ("user-data", Some("user-data")),
            (" my table.x ", Some("my table.x")),
            ("it's", Some("it's")),
            ("größe 2", Some("größe 2")),
            ("\"first name\"", Some("first name")),
            ("\"a \"\"b\"\"\"", Some("a \"b\"")),
            ("`a b`", Some("a b")),
            ("[a]", Some("a")),
            ("'a'", Some("a")),
            ("\"first\" name", None),
            ("\"open", None),
            ("\"", None),
            ("[open", None),
            ("", None),
            ("  ", None),
        ];
        for (text, expected) in cases {
            assert_eq!(whole_name(text).as_deref(), expected, "{text}");
        }
    }

    #[test]
    fn a_comment_may_hold_two_notes_and_a_word_to_the_reader() {
        let cases = [
            ("-- was: a b", Some("a b"), None),
            ("-- was: \"a, b\", -- once", Some("\"a, b\""), None),
            ("-- using: a + 1, -- once", None, Some("a + 1")),
            ("--was: a -- using: '--' || a", Some("a"), Some("'--' || a")),
            ("-- using: a -- was: b", Some("b"), Some("a")),
        ];
        for (text, was, using) in cases {
            let found = notes(text);
            assert_eq!(found.len(), 1, "{text}");
            assert_eq!(found[0].was.as_deref(), was, "{text}");
            assert_eq!(found[0].using.as_deref(), using, "{text}");
        }
        assert_eq!(notes("-- it was: a"), []);
    }
}
