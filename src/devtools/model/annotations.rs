//! What a schema file says to heirloom beside its SQL: `-- was: NAME`, `-- using: EXPR`.

use std::ops::Range;

use crate::sqlite::sql::token::{Lexeme, LexemeKind, Lexemes, Tokens};

/// A comment that speaks to heirloom.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Annotation {
    /// Where it stands.
    pub(crate) at: Range<usize>,
    /// Where the last token before it in the same line begins. None where it has a line of its
    /// own.
    pub(crate) follows: Option<usize>,
    /// What the column or the table was called before.
    pub(crate) was: Option<String>,
    /// How the column's values come from the old row.
    pub(crate) using: Option<String>,
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
                let words = lexeme[2..].trim();
                let (was, using) = (words.strip_prefix("was:"), words.strip_prefix("using:"));
                if was.is_none() && using.is_none() {
                    continue;
                }
                found.push(Annotation {
                    at: start..start + lexeme.trim_end().len(),
                    follows,
                    was: was.and_then(|name| {
                        let token = Tokens::new(name).next()?;
                        Some(token.name().into_owned())
                    }),
                    using: using.map(|expression| {
                        // A comment behind the expression would swallow what is written after it.
                        let comment =
                            Lexemes::new(expression).find(|lexeme| lexeme.kind == LexemeKind::Line);
                        let end = comment.map_or(expression.len(), |lexeme| lexeme.start);
                        expression[..end].trim().trim_end_matches(',').to_owned()
                    }),
                });
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
