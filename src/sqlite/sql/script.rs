//! One SQL file: its name, its text, its statements, the places in it.

use std::borrow::Cow;

use crate::migration::squashed::SquashedFrom;
use crate::report::location::{Location, Position};
use crate::sqlite::sql::statement::{Statement, split};
use crate::sqlite::sql::token::{BOM, Lexeme, LexemeKind, Lexemes, TokenKind, Tokens};

/// A comment at the top of a migration file that speaks to heirloom.
#[derive(Debug, Clone, PartialEq, Eq)]
#[non_exhaustive]
pub(crate) enum Directive {
    /// `-- heirloom: allow-destructive`: the file may drop tables and columns and lose rows.
    AllowDestructive,
    /// `-- heirloom: no-transaction`: the file runs outside the run's transaction.
    NoTransaction,
    /// `-- heirloom: compatible-with VERSION`: an app that knows only `VERSION` can still
    /// use a database this migration was applied to.
    CompatibleWith(i64),
    /// `-- heirloom: irreversible`: there is no way back, and that is meant.
    Irreversible,
    /// `-- heirloom: backfill TABLE`: the file is no migration, and is run in batches of rows.
    Backfill(String),
    /// `-- heirloom: batch N`: so many rows at a time.
    Batch(u64),
    /// `-- heirloom: replaces V3__name CHECKSUM…`: where that was applied, with all others that
    /// the file replaces, the file is done.
    Replaces(SquashedFrom),
}

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

    /// The way back of a migration as the database keeps it.
    pub(crate) fn stored(migration: &str, text: String) -> Script {
        Script {
            stored: true,
            ..Script::new(format!("{migration}.down.sql as applied"), text)
        }
    }

    /// What to do where it is wrong and there is no file to correct.
    pub(crate) fn help(&self) -> Option<&'static str> {
        self.stored.then_some("it is the way back that was stored when the migration was applied: put the migration's own file back as it was applied, with a way back beside it that works, which counts then; or restore the backup from before it")
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
        let own = || self.file.rsplit(['/', '\\']).next().unwrap_or_default();
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

    /// What the file replaces, by the lines at its top. Every start asks every file, so nothing
    /// below them is looked at; [`Script::directives`] refuses what is wrong.
    pub(crate) fn replaces(&self) -> Vec<SquashedFrom> {
        let comments = Lexemes::new(&self.text)
            .take_while(|lexeme| !matches!(lexeme.kind, LexemeKind::Token(_)));
        let replaced = comments.filter_map(|comment| {
            let words = directive(&comment)?.strip_prefix("replaces ")?;
            SquashedFrom::read(words.split_whitespace())
        });
        replaced.collect()
    }

    /// The directives at the top of the file.
    ///
    /// # Errors
    /// The offset and a sentence for a directive nobody knows, or one below the first
    /// statement, where a reviewer would not look for it.
    pub(crate) fn directives(&self) -> Result<Vec<Directive>, (usize, String)> {
        let mut found = Vec::new();
        if !self.text.contains("heirloom:") {
            return Ok(found);
        }
        let first_statement = Tokens::new(&self.text)
            .next()
            .map_or(usize::MAX, |t| t.start);
        for comment in Lexemes::new(&self.text) {
            let Some(words) = directive(&comment) else {
                continue;
            };
            if comment.start > first_statement {
                return Err((
                    comment.start,
                    "a heirloom directive stands below the first statement; move it to the top of the file".into(),
                ));
            }
            let words: Vec<&str> = words.split_whitespace().collect();
            found.push(match words.as_slice() {
                ["allow-destructive"] => Directive::AllowDestructive,
                ["no-transaction"] => Directive::NoTransaction,
                ["irreversible"] => Directive::Irreversible,
                ["compatible-with", version] if version.parse::<i64>().is_ok() => {
                    Directive::CompatibleWith(version.parse().unwrap_or_default())
                }
                ["backfill", table @ ..] if !table.is_empty() => {
                    Directive::Backfill(table.join(" "))
                }
                ["batch", rows] if rows.parse::<u64>().is_ok_and(|rows| rows > 0) => {
                    Directive::Batch(rows.parse().unwrap_or(1))
                }
                ["replaces", rest @ ..] => match SquashedFrom::read(rest.iter().copied()) {
                    Some(replaced) => Directive::Replaces(replaced),
                    None => {
                        let sentence = "`replaces` names a migration and its checksum, as in `replaces V3__name 1234567890`";
                        return Err((comment.start, sentence.into()));
                    }
                },
                _ => {
                    return Err((
                        comment.start,
                        format!(
                            "unknown heirloom directive `{}`; known are allow-destructive, no-transaction, irreversible, compatible-with VERSION and replaces MIGRATION CHECKSUM, and of a backfill: backfill TABLE and batch N",
                            words.join(" ")
                        ),
                    ));
                }
            });
        }
        Ok(found)
    }
}

/// What a comment says to heirloom.
fn directive<'s>(comment: &Lexeme<'s>) -> Option<&'s str> {
    let line = comment.kind == LexemeKind::Line;
    let words = line.then(|| comment.text[2..].trim_start())?;
    words.strip_prefix("heirloom:").map(str::trim)
}

#[cfg(test)]
mod tests {
    use super::*;

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

    #[test]
    fn directives_are_read_at_the_top_only() {
        let of = |text: &'static str| Script::new("f", text).directives();
        assert_eq!(of("SELECT 1").unwrap(), []);
        assert_eq!(
            of("\u{feff}-- heirloom: allow-destructive\r\n--heirloom: no-transaction\nVACUUM;")
                .unwrap(),
            [Directive::AllowDestructive, Directive::NoTransaction]
        );
        assert_eq!(
            of("-- heirloom: compatible-with 3").unwrap(),
            [Directive::CompatibleWith(3)]
        );
        assert_eq!(
            of("-- heirloom: backfill my notes\n-- heirloom: batch 500").unwrap(),
            [
                Directive::Backfill("my notes".into()),
                Directive::Batch(500)
            ]
        );
        assert!(of("-- heirloom: batch 0").is_err());
        assert_eq!(
            of("-- heirloom: irreversible").unwrap(),
            [Directive::Irreversible]
        );
        assert!(of("-- heirloom: compatible-with three").is_err());
        assert!(
            of("-- heirloom: allow-destuctive")
                .unwrap_err()
                .1
                .contains("unknown")
        );
        assert!(
            of("SELECT 1;\n-- heirloom: allow-destructive")
                .unwrap_err()
                .1
                .contains("below")
        );
        assert_eq!(of("SELECT '-- heirloom: x'").unwrap(), []);
    }
}
