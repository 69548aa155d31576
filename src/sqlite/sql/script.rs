//! One SQL file: its name, its text, its statements, the places in it.

use std::borrow::Cow;

use crate::report::location::{Location, Position};
use crate::sqlite::sql::statement::{Statement, split};
use crate::sqlite::sql::token::{BOM, TokenKind, Tokens};

/// One SQL file: its name, its text, and its statements once it is cut.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Script {
    file: Cow<'static, str>,
    text: Cow<'static, str>,
    /// What it would be called in heirloom's layout, where it is in another.
    name: Option<String>,
    /// Whether it is read from a database, in which nobody corrects it.
    stored: bool,
}

impl Script {
    /// A script from its text. `file` is what messages call it.
    pub(crate) fn new(
        file: impl Into<Cow<'static, str>>,
        text: impl Into<Cow<'static, str>>,
    ) -> Script {
        Script {
            file: file.into(),
            text: text.into(),
            name: None,
            stored: false,
        }
    }

    /// The down migration of a migration as the database keeps it.
    pub(crate) fn stored(migration: &str, text: String) -> Script {
        Script {
            stored: true,
            ..Script::new(format!("{migration}.down.sql as applied"), text)
        }
    }

    /// What to do where it is wrong and there is no file to correct.
    pub(crate) fn help(&self) -> Option<&'static str> {
        self.stored.then_some("it is the down migration that was stored when the migration was applied: put the migration's own file back as it was applied, with a down migration beside it that works, which counts then; or restore the backup from before it")
    }

    /// The same under the name that says what it is.
    pub(crate) fn named(self, name: String) -> Script {
        Script {
            name: Some(name),
            ..self
        }
    }

    /// The name that says what it is: its own, unless it was given another.
    pub(crate) fn name(&self) -> &str {
        let own = || {
            let folder = self
                .file
                .bytes()
                .rposition(|byte| matches!(byte, b'/' | b'\\'));
            &self.file[folder.map_or(0, |at| at + 1)..]
        };
        self.name.as_deref().unwrap_or_else(own)
    }

    /// What messages call the file.
    pub(crate) fn file(&self) -> &str {
        &self.file
    }

    /// The text, byte for byte.
    pub(crate) fn text(&self) -> &str {
        &self.text
    }

    /// The statements in order, without the comments and space around them.
    pub(crate) fn statements(&self) -> Vec<Statement<'_>> {
        split(&self.text)
    }

    /// Whether there is nothing in the file but comments and space.
    pub(crate) fn is_empty(&self) -> bool {
        Tokens::new(&self.text).all(|token| matches!(token.kind, TokenKind::Semicolon))
    }

    /// The place of a byte offset in this file. `exact` says whether the column is meant, or
    /// only where the statement begins.
    pub(crate) fn location(&self, offset: usize, exact: bool) -> Location {
        let position = self.position(offset);
        Location {
            file: self.file().to_owned(),
            position,
            exact,
            line_text: self.line(position.line).unwrap_or_default().to_owned(),
        }
    }

    /// Line and column of a byte offset. An offset past the end is the end.
    pub(crate) fn position(&self, offset: usize) -> Position {
        let before = self.text.get(..offset).unwrap_or(&self.text);
        let line_start = before.rfind('\n').map_or(0, |newline| newline + 1);
        Position {
            line: before.bytes().filter(|&byte| byte == b'\n').count() + 1,
            column: before[line_start..].trim_start_matches(BOM).chars().count() + 1,
        }
    }

    /// The text of a line, counted from 1, without its line ending.
    pub(crate) fn line(&self, number: usize) -> Option<&str> {
        self.text.lines().nth(number.checked_sub(1)?)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_caret_stands_under_the_column_also_behind_tabs_and_a_byte_order_mark() {
        let script = Script::new("f.sql", "SELECT 1;\n\tSELECT é, wrong");
        let at = script.text().find("wrong").unwrap();
        assert_eq!(
            script.location(at, true).excerpt(),
            "2 | \tSELECT é, wrong\n  | \t          ^"
        );
    }

    #[test]
    fn positions_count_lines_and_characters() {
        let script = Script::new("f.sql", "é\r\nSELECT ü, x");
        assert_eq!(script.position(0), Position { line: 1, column: 1 });
        let x = script.text().find('x').unwrap();
        assert_eq!(
            script.position(x),
            Position {
                line: 2,
                column: 11
            }
        );
        assert_eq!(script.line(2), Some("SELECT ü, x"));
        assert_eq!(
            script.position(999),
            Position {
                line: 2,
                column: 12
            }
        );
    }
}
