//! SQL text cut into tokens, as SQLite's own tokenizer does it (`tokenize.c`): strings, the
//! four ways of quoting a name, both kinds of comment.

use std::borrow::Cow;

/// A token that is neither space nor comment.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Token<'s> {
    pub(crate) kind: TokenKind,
    pub(crate) start: usize,
    pub(crate) text: &'s str,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum TokenKind {
    /// A keyword, a plain name or a number.
    Word,
    /// A name in `"…"`, `` `…` `` or `[…]`, or a string in `'…'`.
    Quoted,
    Semicolon,
    Symbol,
}

impl<'s> Token<'s> {
    /// The token in capitals, for comparing with a keyword. Its quotes keep a quoted one from
    /// being any.
    pub(crate) fn word(&self) -> String {
        self.text.to_ascii_uppercase()
    }

    /// The token as a name, without its quotes.
    pub(crate) fn name(&self) -> Cow<'s, str> {
        if self.kind != TokenKind::Quoted {
            return Cow::Borrowed(self.text);
        }
        let quote = &self.text[..1];
        let inner = &self.text[1..];
        if quote == "[" {
            return Cow::Borrowed(inner.strip_suffix(']').unwrap_or(inner));
        }
        let inner = inner.strip_suffix(quote).unwrap_or(inner);
        let doubled = quote.repeat(2);
        if inner.contains(&doubled) {
            Cow::Owned(inner.replace(&doubled, quote))
        } else {
            Cow::Borrowed(inner)
        }
    }

    pub(crate) fn nesting(&self) -> i32 {
        match self.text {
            "(" => 1,
            ")" => -1,
            _ => 0,
        }
    }
}

/// The tokens of a text, without space and comments.
pub(crate) struct Tokens<'s>(Lexemes<'s>);

impl<'s> Tokens<'s> {
    pub(crate) fn new(text: &'s str) -> Tokens<'s> {
        Tokens(Lexemes::new(text))
    }
}

impl<'s> Iterator for Tokens<'s> {
    type Item = Token<'s>;

    fn next(&mut self) -> Option<Token<'s>> {
        self.0.find_map(|lexeme| {
            let kind = match lexeme.kind {
                LexemeKind::Token(kind) => kind,
                LexemeKind::Space | LexemeKind::Line | LexemeKind::Block => return None,
            };
            Some(Token {
                kind,
                start: lexeme.start,
                text: lexeme.text,
            })
        })
    }
}

/// Whether a text names something.
pub(crate) fn mentions(sql: &str, name: &str) -> bool {
    Tokens::new(sql).any(|token| token.name().eq_ignore_ascii_case(name))
}

/// The byte order mark.
pub(crate) const BOM: char = '\u{feff}';

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum LexemeKind {
    Space,
    /// `-- …`
    Line,
    /// `/* … */`
    Block,
    Token(TokenKind),
}

pub(crate) struct Lexeme<'s> {
    pub(crate) kind: LexemeKind,
    pub(crate) start: usize,
    pub(crate) text: &'s str,
}

/// Everything in a text, space and comments too.
pub(crate) struct Lexemes<'s> {
    text: &'s str,
    at: usize,
}

impl<'s> Lexemes<'s> {
    pub(crate) fn new(text: &'s str) -> Lexemes<'s> {
        Lexemes { text, at: 0 }
    }
}

impl<'s> Iterator for Lexemes<'s> {
    type Item = Lexeme<'s>;

    fn next(&mut self) -> Option<Lexeme<'s>> {
        let rest = &self.text[self.at..];
        let (kind, length) = lex(rest)?;
        let start = self.at;
        self.at += length;
        Some(Lexeme {
            kind,
            start,
            text: &rest[..length],
        })
    }
}

/// Kind and length in bytes of the lexeme a text begins with.
fn lex(rest: &str) -> Option<(LexemeKind, usize)> {
    let bytes = rest.as_bytes();
    let first = *bytes.first()?;
    let run = |belongs: fn(u8) -> bool| bytes.iter().take_while(|&&byte| belongs(byte)).count();
    Some(match first {
        b' ' | b'\t' | b'\n' | b'\r' | 0x0c => (LexemeKind::Space, run(is_space)),
        // SQLite takes a byte order mark for space wherever it is.
        0xef if rest.starts_with(BOM) => (LexemeKind::Space, BOM.len_utf8()),
        b'-' if bytes.get(1) == Some(&b'-') => {
            (LexemeKind::Line, rest.find('\n').unwrap_or(rest.len()))
        }
        // At the very end of a text it is not a comment to SQLite, but two symbols.
        b'/' if bytes.get(1) == Some(&b'*') && bytes.len() > 2 => (
            LexemeKind::Block,
            rest.get(2..)
                .and_then(|body| body.find("*/"))
                .map_or(rest.len(), |end| end + 4),
        ),
        b'\'' | b'"' | b'`' => (LexemeKind::Token(TokenKind::Quoted), quoted(bytes, first)),
        b'[' => (
            LexemeKind::Token(TokenKind::Quoted),
            rest.find(']').map_or(rest.len(), |end| end + 1),
        ),
        b';' => (LexemeKind::Token(TokenKind::Semicolon), 1),
        byte if is_word(byte) => (LexemeKind::Token(TokenKind::Word), run(is_word)),
        _ => (LexemeKind::Token(TokenKind::Symbol), 1),
    })
}

/// Whether a byte goes on with a space. A vertical tab does, and begins none.
fn is_space(byte: u8) -> bool {
    matches!(byte, b' ' | b'\t' | b'\n' | b'\r' | 0x0b | 0x0c)
}

/// Whether a byte is part of a word.
pub(crate) fn is_word(byte: u8) -> bool {
    byte.is_ascii_alphanumeric() || matches!(byte, b'_' | b'$') || byte >= 0x80
}

/// The length of a quoted token, in which the quote is written twice to stand for itself.
fn quoted(bytes: &[u8], quote: u8) -> usize {
    let mut at = 1;
    while at < bytes.len() {
        if bytes[at] == quote {
            if bytes.get(at + 1) == Some(&quote) {
                at += 1;
            } else {
                return at + 1;
            }
        }
        at += 1;
    }
    bytes.len()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn cutting_never_splits_a_character_or_loses_a_byte() {
        for sql in [
            "é",
            "'é",
            "[é",
            "--é",
            "/*é",
            "a\u{feff}b",
            "\u{a0}x",
            "x'00'",
            "?1 :a @b $c #1",
        ] {
            let total: usize = Lexemes::new(sql).map(|lexeme| lexeme.text.len()).sum();
            assert_eq!(total, sql.len(), "{sql}");
        }
    }
}
