//! What a version of SQLite knows, for migrations that an older one than the linked is to run.

use std::fmt;
use std::str::FromStr;

use crate::report::error::Error;
use crate::sqlite::sql::script::Script;
use crate::sqlite::sql::token::{Token, TokenKind, Tokens};

/// A version of SQLite: the one that runs the migrations, where that is another than the one that
/// they are written with. Read from `3.46` or `3.46.1`.
///
/// ```
/// use heirloom::devtools::SqliteVersion;
///
/// let version: SqliteVersion = "3.46".parse()?;
/// assert_eq!(version, SqliteVersion::new(3, 46, 0));
/// assert!(version < SqliteVersion::new(3, 46, 1));
/// # Ok::<(), heirloom::Error>(())
/// ```
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct SqliteVersion {
    major: u16,
    minor: u16,
    patch: u16,
}

impl SqliteVersion {
    /// A version by its parts.
    pub const fn new(major: u16, minor: u16, patch: u16) -> SqliteVersion {
        SqliteVersion {
            major,
            minor,
            patch,
        }
    }

    /// The SQLite that this program is linked with.
    pub fn linked() -> SqliteVersion {
        let number = rusqlite::version_number();
        let part = |divisor: i32| u16::try_from(number / divisor % 1000).unwrap_or_default();
        SqliteVersion::new(part(1_000_000), part(1000), part(1))
    }
}

impl fmt::Display for SqliteVersion {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}.{}", self.major, self.minor)?;
        match self.patch {
            0 => Ok(()),
            patch => write!(f, ".{patch}"),
        }
    }
}

impl FromStr for SqliteVersion {
    type Err = Error;

    fn from_str(text: &str) -> Result<SqliteVersion, Error> {
        let number = |part: &str| {
            let digits = !part.is_empty() && part.bytes().all(|byte| byte.is_ascii_digit());
            part.parse().ok().filter(|_| digits)
        };
        let parts: Option<Vec<u16>> = text.split('.').map(number).collect();
        match parts.as_deref() {
            Some(&[major @ 3, minor]) => Ok(SqliteVersion::new(major, minor, 0)),
            Some(&[major @ 3, minor, patch]) => Ok(SqliteVersion::new(major, minor, patch)),
            _ => Err(Error::usage(
                format!("`{text}` is not a version of SQLite"),
                "give it as in 3.46 or 3.46.1",
            )),
        }
    }
}

/// The first SQLite with `ALTER TABLE … ALTER COLUMN`.
pub(crate) const NATIVE_CONSTRAINTS: SqliteVersion = SqliteVersion::new(3, 53, 0);

/// The oldest that generated files are written for: `DROP COLUMN`, and the mending of what it
/// damaged (<https://sqlite.org/releaselog/3_35_5.html>).
const OLDEST: SqliteVersion = SqliteVersion::new(3, 35, 5);

/// Refuses a version that files cannot be written for.
///
/// # Errors
/// [`ErrorKind::Usage`](crate::ErrorKind::Usage).
pub(crate) fn refuse_unsuited(version: SqliteVersion) -> Result<(), Error> {
    let linked = SqliteVersion::linked();
    if version > linked {
        return Err(Error::usage(
            format!(
                "migrations for SQLite {version} cannot be checked here, because this program has SQLite {linked}"
            ),
            format!("give {linked} or an older version; what that runs, a newer one runs too"),
        ));
    }
    if version < OLDEST && version != linked {
        return Err(Error::usage(
            format!(
                "migrations cannot be written for SQLite {version}, which has no safe DROP COLUMN"
            ),
            format!("give {OLDEST} or a newer version"),
        ));
    }
    Ok(())
}

/// Something that older versions do not know.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Newer {
    pub(crate) what: &'static str,
    pub(crate) since: SqliteVersion,
    /// Where its statement begins, in bytes.
    pub(crate) start: usize,
}

impl Newer {
    /// What is wrong, in words.
    pub(crate) fn words(&self, version: SqliteVersion) -> String {
        format!(
            "`{}` needs SQLite {} or newer, and this is for {version}",
            self.what, self.since
        )
    }
}

/// The first statement of a file that a version of SQLite cannot read, by its syntax. Functions are
/// not looked for, because an app may bring its own.
pub(crate) fn newer_syntax(script: &Script, version: SqliteVersion) -> Option<Newer> {
    script.statements().into_iter().find_map(|statement| {
        let tokens: Vec<Token<'_>> = Tokens::new(statement.text).collect();
        let found = (0..tokens.len()).find_map(|at| {
            let (what, minor) = since(&tokens, at)?;
            let since = SqliteVersion::new(3, minor, 0);
            (since > version).then_some((what, since))
        });
        found.map(|(what, since)| Newer {
            what,
            since,
            start: statement.start,
        })
    })
}

/// What begins at a token that not every SQLite from [`OLDEST`] on can read, and the minor version
/// that was the first.
fn since(tokens: &[Token<'_>], at: usize) -> Option<(&'static str, u16)> {
    let word = |at: usize| match tokens.get(at) {
        Some(token) if token.kind == TokenKind::Word => token.word(),
        _ => String::new(),
    };
    let symbol = |at: usize, text: &str| tokens.get(at).is_some_and(|token| token.text == text);
    let token = &tokens[at];
    match word(at).as_str() {
        "ALTER" if at == 0 && word(1) == "TABLE" => {
            let action = if symbol(3, ".") { 5 } else { 3 };
            return match (word(action).as_str(), word(action + 1).as_str()) {
                ("ALTER", _) => Some(("ALTER COLUMN", 53)),
                ("ADD", "CONSTRAINT" | "CHECK") => Some(("ADD CHECK", 53)),
                ("DROP", "CONSTRAINT") => Some(("DROP CONSTRAINT", 53)),
                _ => None,
            };
        }
        // An option of the table: behind its columns.
        "STRICT" if word(0) == "CREATE" && at > 0 => {
            let behind = symbol(at - 1, ")") || symbol(at - 1, ",");
            let nesting: i32 = tokens[..at].iter().map(Token::nesting).sum();
            return (behind && nesting == 0 || word(at - 1) == "ROWID").then_some(("STRICT", 37));
        }
        "RIGHT" | "FULL" if word(at + 1) == "JOIN" || word(at + 1) == "OUTER" => {
            return Some(("RIGHT and FULL JOIN", 39));
        }
        "DISTINCT"
            if word(at + 1) == "FROM"
                && ["IS", "NOT"].contains(&word(at.wrapping_sub(1)).as_str()) =>
        {
            return Some(("IS DISTINCT FROM", 39));
        }
        "ORDER" if is_of_an_aggregate(tokens, at) => {
            return Some(("ORDER BY in an aggregate", 44));
        }
        // RAISE (ABORT, 'text') is as old as triggers.
        "RAISE" if symbol(at + 1, "(") && symbol(at + 3, ",") && !symbol(at + 5, ")") => {
            return Some(("RAISE with an expression", 47));
        }
        _ => {}
    }
    let is_number = token.text.starts_with(|first: char| first.is_ascii_digit());
    if is_number && token.text.contains('_') {
        return Some(("a number with `_`", 46));
    }
    let follows = |next: &Token<'_>| next.text == ">" && next.start == token.start + 1;
    (token.text == "-" && tokens.get(at + 1).is_some_and(follows)).then_some(("->", 38))
}

/// Whether ORDER BY is directly in the brackets of a function, and not of a window or a query.
fn is_of_an_aggregate(tokens: &[Token<'_>], at: usize) -> bool {
    let mut depth = 0;
    let open = tokens[..at].iter().rposition(|token| {
        depth += token.nesting();
        depth > 0
    });
    let Some(open) = open.filter(|open| *open > 0) else {
        return false;
    };
    let (before, first) = (&tokens[open - 1], &tokens[open + 1]);
    let is_query = matches!(first.word().as_str(), "SELECT" | "WITH" | "VALUES" | "(");
    let is_call = matches!(before.kind, TokenKind::Word | TokenKind::Quoted);
    is_call && !is_query && !matches!(before.word().as_str(), "OVER" | "AS")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_version_is_two_or_three_numbers() {
        for (text, version) in [
            ("3.46", Some(SqliteVersion::new(3, 46, 0))),
            ("3.46.1", Some(SqliteVersion::new(3, 46, 1))),
            ("3.7.17", Some(SqliteVersion::new(3, 7, 17))),
            ("3", None),
            ("", None),
            ("4.0", None),
            ("3.+46", None),
            ("3.46.1.0", None),
            ("3.99999999", None),
            ("v3.46", None),
        ] {
            assert_eq!(text.parse::<SqliteVersion>().ok(), version, "{text}");
        }
        assert_eq!(SqliteVersion::new(3, 46, 0).to_string(), "3.46");
        assert_eq!(SqliteVersion::new(3, 46, 1).to_string(), "3.46.1");
        let linked = SqliteVersion::linked().to_string();
        assert_eq!(linked, rusqlite::version().trim_end_matches(".0"));
    }

    #[test]
    fn a_version_that_nothing_can_be_written_for_is_refused() {
        let linked = SqliteVersion::linked();
        let newer = SqliteVersion::new(3, linked.minor, linked.patch + 1);
        for (version, is_suited) in [
            (linked, true),
            (newer, false),
            (OLDEST, true),
            (SqliteVersion::new(3, 35, 4), false),
        ] {
            assert_eq!(refuse_unsuited(version).is_ok(), is_suited, "{version}");
        }
    }

    #[test]
    fn newer_syntax_is_found_and_what_only_looks_like_it_is_not() {
        let cases = [
            ("ALTER TABLE t ALTER COLUMN a SET NOT NULL", Some(53)),
            ("ALTER TABLE main.\"t\" ALTER a DROP NOT NULL", Some(53)),
            ("alter table t add check (a > 0)", Some(53)),
            ("ALTER TABLE t ADD CONSTRAINT c CHECK (a > 0)", Some(53)),
            ("ALTER TABLE t DROP CONSTRAINT c", Some(53)),
            ("ALTER TABLE t ADD \"check\" TEXT CHECK (a)", None),
            ("ALTER TABLE t DROP COLUMN \"constraint\"", None),
            ("ALTER TABLE \"alter\" RENAME TO x", None),
            ("CREATE TABLE t (a) STRICT", Some(37)),
            (
                "CREATE TABLE t (a PRIMARY KEY) WITHOUT ROWID, STRICT",
                Some(37),
            ),
            (
                "CREATE TABLE t (a PRIMARY KEY) STRICT, WITHOUT ROWID",
                Some(37),
            ),
            ("CREATE TABLE strict (strict, a AS (b(1), strict))", None),
            ("CREATE TABLE t (a CHECK (a ->> 'x'))", Some(38)),
            ("SELECT a - -1, a > 1, '->', \"a->b\" -- ->", None),
            ("CREATE VIEW v AS SELECT * FROM a FULL JOIN b", Some(39)),
            ("SELECT * FROM a RIGHT OUTER JOIN b", Some(39)),
            ("SELECT right, \"full\" FROM a LEFT JOIN b", None),
            ("SELECT a IS NOT DISTINCT FROM b", Some(39)),
            ("SELECT DISTINCT \"from\" FROM b", None),
            ("SELECT group_concat(a ORDER BY b) FROM t", Some(44)),
            ("SELECT group_concat(a, (SELECT 1)) FROM t ORDER BY b", None),
            ("SELECT a IN (SELECT b FROM t ORDER BY c LIMIT 1)", None),
            (
                "SELECT sum(a) OVER (w ORDER BY c) FROM t WINDOW w AS (PARTITION BY a)",
                None,
            ),
            ("SELECT 1_000", Some(46)),
            ("SELECT a1_000, '1_0', x'10'", None),
            (
                "CREATE TRIGGER r AFTER INSERT ON t BEGIN SELECT raise(ABORT, 'x' || new.a); END",
                Some(47),
            ),
            (
                "CREATE TRIGGER r AFTER INSERT ON t BEGIN SELECT raise(ABORT, 'x'), raise(IGNORE); END",
                None,
            ),
        ];
        for (sql, minor) in cases {
            let script = Script::new("f.sql", format!("SELECT 1;\n{sql};"));
            let version = |minor| SqliteVersion::new(3, minor, 0);
            let found = newer_syntax(&script, OLDEST);
            assert_eq!(found.map(|it| it.since), minor.map(version), "{sql}");
            let Some(minor) = minor else { continue };
            assert_eq!(found.map(|it| it.start), Some(10), "{sql}");
            assert_eq!(newer_syntax(&script, version(minor)), None, "{sql}");
            assert!(newer_syntax(&script, version(minor - 1)).is_some(), "{sql}");
        }
    }
}
