//! SQL text in pieces, for who shows it.

use crate::sqlite::sql::name::is_keyword;
use crate::sqlite::sql::token::{LexemeKind, Lexemes, TokenKind};

/// What a piece of SQL is to its reader.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Piece {
    /// A word of the language.
    Keyword,
    /// A number.
    Number,
    /// A string in quotes.
    Text,
    /// A comment.
    Comment,
    /// Names, symbols and space.
    Other,
}

/// Cuts a text into pieces. Together they are the text, whatever it is.
pub fn pieces(sql: &str) -> impl Iterator<Item = (Piece, &str)> {
    Lexemes::new(sql).map(|lexeme| {
        let is_number = lexeme.text.starts_with(|c: char| c.is_ascii_digit());
        let piece = match lexeme.kind {
            LexemeKind::Line | LexemeKind::Block => Piece::Comment,
            LexemeKind::Token(TokenKind::Quoted) if lexeme.text.starts_with('\'') => Piece::Text,
            LexemeKind::Token(TokenKind::Word) if is_number => Piece::Number,
            LexemeKind::Token(TokenKind::Word) if is_keyword(lexeme.text) => Piece::Keyword,
            _ => Piece::Other,
        };
        (piece, lexeme.text)
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_pieces_are_the_text_and_each_is_what_it_is() {
        let sql = "SELECT \"from\", 'it''s', 12 -- why\nfrom notes /* open";
        let all: String = pieces(sql).map(|(_, text)| text).collect();
        assert_eq!(all, sql);
        let of = |piece| pieces(sql).filter(move |(is, _)| *is == piece);
        let texts = |piece| of(piece).map(|(_, text)| text).collect::<Vec<_>>();
        assert_eq!(texts(Piece::Keyword), ["SELECT", "from"]);
        assert_eq!(texts(Piece::Text), ["'it''s'"]);
        assert_eq!(texts(Piece::Number), ["12"]);
        assert_eq!(texts(Piece::Comment), ["-- why", "/* open"]);
    }
}
