//! How much a view or a trigger grows when SQLite compiles it, read from the texts.
//!
//! SQLite copies a view into whatever reads it, each time it is named. A chain of twenty views that
//! each read the one before twice is a million copies, and compiling cannot be interrupted. So
//! this is counted first, and what is too much is not compiled.

use std::cell::{Cell, RefCell};
use std::collections::HashMap;

use crate::report::error::{Error, ErrorKind};
use crate::sqlite::schema::catalog::CatalogEntry;
use crate::sqlite::sql::token::{Token, TokenKind, Tokens};

/// The work of compiling every view of a schema that is still done. Compiling takes about the
/// square of the copies in time: 4,000 of them are half a second, 16,000 are nine seconds, and at
/// 65,535 SQLite itself gives up.
const MOST: u64 = 4_000 * 4_000;

/// A million copies of a name in an expression are a second, and 70 MB.
const OF_A_NAME: u64 = 16;

/// Views and parentheses inside each other that are followed. A chain of 3,000 views that each
/// read one takes SQLite five seconds.
const DEEPEST: usize = 200;

/// What becomes of a query when it is compiled.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
struct Size {
    /// How many queries it consists of when every view in it is its text.
    copies: u64,
    /// How many names the longest expression of its result has then.
    names: u64,
    /// How many views are inside each other.
    levels: usize,
}

impl Size {
    const TABLE: Size = Size {
        copies: 0,
        names: 1,
        levels: 0,
    };
    const TOO_MUCH: Size = Size {
        copies: u64::MAX,
        names: u64::MAX,
        levels: DEEPEST,
    };

    fn work(self) -> u64 {
        if self.levels >= DEEPEST {
            return u64::MAX;
        }
        let copies = self.copies.saturating_mul(self.copies);
        copies.saturating_add(self.names.saturating_mul(OF_A_NAME))
    }
}

/// The views and triggers that SQLite would not compile in a time that anybody waits for.
pub(crate) fn too_nested(entries: &[CatalogEntry]) -> Vec<&CatalogEntry> {
    let texts = entries.iter().filter(|entry| entry.kind == "view");
    let views = Views {
        texts: texts
            .map(|view| (view.name.to_ascii_lowercase(), view.sql.as_str()))
            .collect(),
        sizes: RefCell::default(),
    };
    let mut work = 0_u64;
    let mut found = Vec::new();
    for entry in entries {
        let size = match entry.kind.as_str() {
            "view" => views.size(&entry.name.to_ascii_lowercase(), 0),
            "trigger" => views.size_of(&entry.sql, 0),
            _ => continue,
        };
        let more = work.saturating_add(size.work());
        match more > MOST {
            true => found.push(entry),
            false => work = more,
        }
    }
    found
}

/// Refuses a schema with such views.
pub(crate) fn refuse_too_nested(entries: &[CatalogEntry]) -> Result<(), Error> {
    let found = too_nested(entries);
    let Some(first) = found.first() else {
        return Ok(());
    };
    let more = match found.len() {
        1 => String::new(),
        several => format!(" (and {} more)", several - 1),
    };
    Err(Error::new(
        ErrorKind::NeedsAttention,
        format!(
            "the {} `{}`{more} was not compiled: it reads views that read one another so often that SQLite would not come to an end",
            first.kind, first.name
        ),
    )
    .with_help("drop it with another tool, for example the sqlite3 shell, or restore a backup from before it"))
}

/// The texts of the views, and what was found of them.
struct Views<'s> {
    texts: HashMap<String, &'s str>,
    sizes: RefCell<HashMap<String, Size>>,
}

impl<'s> Views<'s> {
    /// The size of what a name in small letters stands for.
    fn size(&self, name: &str, depth: usize) -> Size {
        let Some(text) = self.texts.get(name) else {
            return Size::TABLE;
        };
        if let Some(known) = self.sizes.borrow().get(name) {
            return *known;
        }
        // A view that reads itself is an error to SQLite.
        self.sizes.borrow_mut().insert(name.to_owned(), Size::TABLE);
        let mut size = self.size_of(text, depth);
        size.levels += 1;
        self.sizes.borrow_mut().insert(name.to_owned(), size);
        size
    }

    fn size_of(&self, text: &'s str, depth: usize) -> Size {
        let tokens: Vec<Token<'_>> = Tokens::new(text).collect();
        Part::new(self, &tokens, None, depth).size(Clause::Other).0
    }
}

/// A query that WITH gives a name to.
struct Named<'a, 's> {
    name: String,
    tokens: &'a [Token<'s>],
    /// None before it was looked at.
    size: Cell<Option<Size>>,
}

/// The queries that WITH gives a name to: `name (columns) AS NOT MATERIALIZED (SELECT …)`.
fn named<'a, 's>(tokens: &'a [Token<'s>]) -> Vec<Named<'a, 's>> {
    let mut found = Vec::new();
    let (mut at, mut opened) = (0, 0);
    while let Some(token) = tokens.get(at) {
        if token.text == "(" {
            opened = at;
            at = closing(tokens, at);
        } else if token.word() == "AS" {
            let hints = tokens[at + 1..].iter();
            let hints =
                hints.take_while(|it| ["NOT", "MATERIALIZED"].contains(&it.word().as_str()));
            let begin = at + 1 + hints.count();
            let first = tokens.get(begin + 1).map_or(String::new(), Token::word);
            let is_query = ["SELECT", "WITH", "VALUES", "("].contains(&first.as_str());
            let name = match at.checked_sub(1).map(|before| &tokens[before]) {
                Some(end) if end.text == ")" => opened.checked_sub(1).map(|before| &tokens[before]),
                name => name,
            };
            if let Some(name) = name
                && is_query
                && tokens[begin].text == "("
            {
                found.push(Named {
                    name: name.name().to_ascii_lowercase(),
                    tokens: &tokens[begin + 1..closing(tokens, begin)],
                    size: Cell::new(None),
                });
            }
        }
        at += 1;
    }
    found
}

/// Where the parenthesis closes that opens at a place; the end where none does.
fn closing(tokens: &[Token<'_>], open: usize) -> usize {
    let mut depth = 0;
    let close = tokens[open..].iter().position(|token| {
        depth += token.nesting();
        depth == 0
    });
    close.map_or(tokens.len(), |close| open + close)
}

/// What is being read.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Clause {
    Result,
    Tables,
    Other,
}

/// What is between two parentheses, or a whole text.
struct Part<'a, 's> {
    views: &'a Views<'s>,
    tokens: &'a [Token<'s>],
    outer: Option<&'a Part<'a, 's>>,
    named: Vec<Named<'a, 's>>,
    depth: usize,
}

impl<'a, 's> Part<'a, 's> {
    fn new(
        views: &'a Views<'s>,
        tokens: &'a [Token<'s>],
        outer: Option<&'a Part<'a, 's>>,
        depth: usize,
    ) -> Part<'a, 's> {
        Part {
            views,
            tokens,
            outer,
            named: named(tokens),
            depth,
        }
    }

    /// Its size, and how many names are in it altogether.
    fn size(&self, begins_in: Clause) -> (Size, u64) {
        if self.depth > DEEPEST {
            return (Size::TOO_MUCH, u64::MAX);
        }
        let mut size = Size::TABLE;
        let (mut names_of_tables, mut names, mut all) = (1_u64, 0_u64, 0_u64);
        let mut clause = begins_in;
        let mut before = String::new();
        let mut at = 0;
        while let Some(token) = self.tokens.get(at) {
            let word = token.word();
            let begins_one = ["", ",", "FROM", "JOIN"].contains(&before.as_str());
            let is_table = before == "IN" || clause == Clause::Tables && begins_one;
            at += 1;
            let behind = self.tokens.get(at).map_or("", |token| token.text);
            let read = match word.as_str() {
                "(" => {
                    let inside = &self.tokens[at..closing(self.tokens, at - 1)];
                    at += inside.len();
                    let is_named = |named: &Named<'_, '_>| std::ptr::eq(named.tokens, inside);
                    if self.named.iter().any(is_named) {
                        continue;
                    }
                    let inner = Part::new(self.views, inside, Some(self), self.depth + 1);
                    let tables = is_table && before != "IN";
                    let (read, more) = inner.size(if tables {
                        Clause::Tables
                    } else {
                        Clause::Other
                    });
                    names = names.saturating_add(more);
                    all = all.saturating_add(more);
                    Some(read)
                }
                "SELECT" | "VALUES" => {
                    size.copies = size.copies.saturating_add(1);
                    (clause, names) = (Clause::Result, 0);
                    None
                }
                "FROM" if before != "DISTINCT" => {
                    clause = Clause::Tables;
                    None
                }
                "WITH" | "WHERE" | "GROUP" | "HAVING" | "ORDER" | "LIMIT" | "UNION" | "EXCEPT"
                | "INTERSECT" => {
                    clause = Clause::Other;
                    None
                }
                "," => {
                    names = 0;
                    None
                }
                _ if is_table && behind == "." => {
                    at += 2;
                    let name = self.tokens.get(at - 1).map(Token::name);
                    name.map(|name| self.views.size(&name.to_ascii_lowercase(), self.depth + 1))
                }
                _ if is_table => Some(self.lookup(&token.name().to_ascii_lowercase())),
                _ => {
                    let is_name =
                        is_name(token) && behind != "." && behind != "(" && before != "AS";
                    names = names.saturating_add(u64::from(is_name));
                    all = all.saturating_add(u64::from(is_name));
                    None
                }
            };
            if let Some(read) = read {
                size.copies = size.copies.saturating_add(read.copies);
                size.levels = size.levels.max(read.levels);
                names_of_tables = names_of_tables.max(if is_table { read.names } else { 1 });
            }
            if clause == Clause::Result {
                size.names = size.names.max(names);
            }
            before = word;
        }
        size.names = size.names.saturating_mul(names_of_tables);
        (size, all)
    }

    fn lookup(&self, name: &str) -> Size {
        let mut parts = std::iter::successors(Some(self), |part| part.outer);
        let found = parts.find_map(|part| {
            let named = part.named.iter().find(|named| named.name == name)?;
            Some((part, named))
        });
        let Some((part, named)) = found else {
            return self.views.size(name, self.depth + 1);
        };
        named.size.get().unwrap_or_else(|| {
            // One that reads itself reads the rows before it.
            named.size.set(Some(Size::TABLE));
            let inner = Part::new(self.views, named.tokens, Some(part), self.depth + 1);
            let size = inner.size(Clause::Other).0;
            named.size.set(Some(size));
            size
        })
    }
}

/// Whether a word may be the name of a column.
fn is_name(token: &Token<'_>) -> bool {
    const OPERATORS: [&str; 19] = [
        "AND", "AS", "BETWEEN", "CASE", "COLLATE", "DISTINCT", "ELSE", "END", "ESCAPE", "GLOB",
        "IN", "IS", "ISNULL", "LIKE", "NOT", "NULL", "OR", "THEN", "WHEN",
    ];
    match token.kind {
        TokenKind::Quoted => !token.text.starts_with('\''),
        TokenKind::Word => {
            !token.text.starts_with(|first: char| first.is_ascii_digit())
                && !OPERATORS.contains(&token.word().as_str())
        }
        TokenKind::Semicolon | TokenKind::Symbol => false,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn entry(kind: &str, name: &str, sql: String) -> CatalogEntry {
        CatalogEntry {
            kind: kind.to_owned(),
            name: name.to_owned(),
            table: name.to_owned(),
            sql,
        }
    }

    /// `v1` to `v40`, `%` in the text standing for the view before.
    fn chain(text: &str) -> Vec<CatalogEntry> {
        let view = |at: usize| {
            let text = text.replace('%', &format!("v{}", at - 1));
            entry(
                "view",
                &format!("v{at}"),
                format!("CREATE VIEW v{at} AS {text}"),
            )
        };
        (1..=40).map(view).collect()
    }

    fn names(entries: &[CatalogEntry]) -> Vec<&str> {
        let found = too_nested(entries).into_iter();
        found.map(|entry| entry.name.as_str()).collect()
    }

    #[test]
    fn views_that_read_the_one_before_twice_are_too_much_from_the_twelfth_on() {
        for text in [
            "SELECT a.x FROM % AS a, % AS b",
            "SELECT a.x FROM %, (%) b",
            "SELECT x FROM % UNION ALL SELECT x FROM main.%",
            "SELECT 1 AS x WHERE 1 IN % AND 2 IN (SELECT x FROM \"%\")",
            "SELECT (SELECT x FROM %) + (SELECT max(x) FROM `%`) AS x",
            "SELECT * FROM [%] CROSS JOIN (SELECT * FROM (% NATURAL JOIN other))",
            "WITH w AS (SELECT * FROM %) SELECT * FROM w, w AS other",
            "SELECT x FROM '%' /* a comment */ LEFT JOIN % ON true",
        ] {
            let chain = chain(text);
            let found = names(&chain);
            assert!(
                found.contains(&"v40") && found.len() > 25,
                "{text}: {found:?}"
            );
            assert!(!found.contains(&"v8"), "{text}: {found:?}");
        }
    }

    #[test]
    fn one_text_can_be_as_much_as_many_views() {
        let with: Vec<String> = (1..40)
            .map(|at| {
                format!(
                    "c{at} AS NOT MATERIALIZED (SELECT a.x FROM c{0} a, c{0} b)",
                    at - 1
                )
            })
            .collect();
        let backwards: Vec<String> = with.iter().rev().cloned().collect();
        let mut inside = "SELECT 1 AS x".to_owned();
        for _ in 0..40 {
            inside = format!("WITH c (x) AS ({inside}) SELECT a.x FROM c AS a, c AS b");
        }
        for text in [
            format!(
                "WITH c0 AS (SELECT 1 AS x), {} SELECT * FROM c39",
                with.join(", ")
            ),
            format!(
                "WITH {}, c0 AS (SELECT 1 AS x) SELECT * FROM c39",
                backwards.join(", ")
            ),
            inside,
            format!("SELECT {}1{}", "(".repeat(900), ")".repeat(900)),
        ] {
            let view = entry("view", "v", format!("CREATE VIEW v AS {text}"));
            assert_eq!(names(&[view]), ["v"], "{text}");
        }
    }

    /// SQLite puts the expression of a view's column in the place of its name.
    #[test]
    fn an_expression_that_doubles_in_each_view_is_too_much() {
        for text in [
            "SELECT x + x AS x FROM %",
            "SELECT y || x AS x, abs(x) + (y) AS y FROM (SELECT * FROM %)",
            "SELECT x IS NOT DISTINCT FROM x AS x FROM main.%",
        ] {
            assert!(names(&chain(text)).contains(&"v40"), "{text}");
        }
        let mut long = chain(
            "SELECT a.x AS x, lower(a.y) y, CASE WHEN true THEN z END AS z FROM % a WHERE x + x > x",
        );
        long.truncate(15);
        assert_eq!(names(&long), [""; 0]);
    }

    #[test]
    fn a_chain_without_an_end_is_too_much_and_a_short_one_is_not() {
        let view = |at: usize| {
            let text = format!("CREATE VIEW v{at} AS SELECT x FROM v{}", at + 1);
            entry("view", &format!("v{at}"), text)
        };
        let long: Vec<CatalogEntry> = (0..100_000).map(view).collect();
        assert!(names(&long).contains(&"v0"));
        let short: Vec<CatalogEntry> = (0..50).map(view).collect();
        assert_eq!(names(&short), [""; 0]);
    }

    #[test]
    fn a_trigger_counts_and_what_is_called_like_a_view_does_not() {
        let trigger = entry(
            "trigger",
            "keep",
            "CREATE TRIGGER keep AFTER INSERT ON t BEGIN DELETE FROM t WHERE x IN (SELECT x FROM v11, v11 AS b, v11 AS c); END".to_owned(),
        );
        let mut entries = chain("SELECT a.x FROM % AS a, % AS b");
        entries.truncate(11);
        assert_eq!(names(&entries), [""; 0]);
        entries.push(trigger);
        assert_eq!(names(&entries), ["keep"]);
        let columns = chain(
            "SELECT %.%, max(%) AS other, sum(%, 1) AS third FROM % GROUP BY %, 2 ORDER BY %",
        );
        assert_eq!(names(&columns[..12]), [""; 0]);
    }

    /// As many views as a big app has, each of a size that people write.
    #[test]
    fn a_thousand_views_of_an_app_are_compiled() {
        let text = |at: usize| {
            let five: Vec<String> = (1..=5)
                .map(|less| format!("SELECT a, b, c FROM r{}", at.saturating_sub(less * 100)))
                .collect();
            entry(
                "view",
                &format!("r{at}"),
                format!("CREATE VIEW r{at} AS {}", five.join(" UNION ALL ")),
            )
        };
        let views: Vec<CatalogEntry> = (0..300).map(text).collect();
        assert_eq!(names(&views), [""; 0]);
    }
}
