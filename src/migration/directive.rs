//! What the comments at the top of a migration file say to heirloom.

use crate::migration::squashed::SquashedFrom;
use crate::sqlite::sql::script::Script;
use crate::sqlite::sql::token::{Lexeme, LexemeKind, Lexemes, Tokens};

/// A comment at the top of a migration file that speaks to heirloom.
#[derive(Debug, Clone, PartialEq, Eq)]
#[non_exhaustive]
pub(crate) enum Directive {
    /// `-- heirloom: allow-destructive`: the file may drop tables and columns and lose rows.
    AllowDestructive,
    /// `-- heirloom: no-transaction`: the file runs outside the run's transaction.
    NoTransaction,
    /// `-- heirloom: enforce-foreign-keys`: the file runs in a transaction of its own, with
    /// foreign keys enforced.
    EnforceForeignKeys,
    /// `-- heirloom: compatible-with VERSION`: an app that knows only `VERSION` can still
    /// use a database this migration was applied to.
    CompatibleWith(i64),
    /// `-- heirloom: irreversible`: there is no down migration, and that is meant.
    Irreversible,
    /// `-- heirloom: backfill TABLE`: the file is not a migration, and is run in batches of rows.
    Backfill(String),
    /// `-- heirloom: batch N`: the number of rows in a batch.
    Batch(u64),
    /// `-- heirloom: replaces V3__name CHECKSUM…`: where that was applied, with all others that
    /// the file replaces, the file is done.
    Replaces(SquashedFrom),
}

impl Script {
    /// What the file replaces, by the lines at its top. Every start asks every file, so nothing
    /// below them is looked at; [`Script::directives`] refuses what is wrong.
    pub(crate) fn replaces(&self) -> Vec<SquashedFrom> {
        if self
            .text()
            .starts_with(|first: char| first.is_ascii_alphabetic())
        {
            return Vec::new();
        }
        let comments = Lexemes::new(self.text())
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
        if !self.text().contains("heirloom:") {
            return Ok(found);
        }
        let first_statement = Tokens::new(self.text())
            .next()
            .map_or(usize::MAX, |t| t.start);
        for comment in Lexemes::new(self.text()) {
            let Some(words) = directive(&comment) else {
                continue;
            };
            if comment.start > first_statement {
                return Err((
                    comment.start,
                    "a heirloom directive is below the first statement; move it to the top of the file".into(),
                ));
            }
            let words: Vec<&str> = words.split_whitespace().collect();
            found.push(match words.as_slice() {
                ["allow-destructive"] => Directive::AllowDestructive,
                ["no-transaction"] => Directive::NoTransaction,
                ["enforce-foreign-keys"] => Directive::EnforceForeignKeys,
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
                            "unknown heirloom directive `{}`; known are allow-destructive, no-transaction, enforce-foreign-keys, irreversible, compatible-with VERSION and replaces MIGRATION CHECKSUM, and of a backfill: backfill TABLE and batch N",
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
pub(crate) fn directive<'s>(comment: &Lexeme<'s>) -> Option<&'s str> {
    let line = comment.kind == LexemeKind::Line;
    let words = line.then(|| comment.text[2..].trim_start())?;
    words.strip_prefix("heirloom:").map(str::trim)
}

#[cfg(test)]
mod tests {
    use super::*;

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
