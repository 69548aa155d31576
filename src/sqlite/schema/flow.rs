//! Where the rows of a file's tables come from, and which of their columns an expression made.
//!
//! A table that is dropped and there again was rebuilt when its rows were copied out of the old
//! one, directly or by way of others; filled from anywhere else it is lost. And a column whose
//! values are others afterwards is meant to be where the file says so: with an expression over the
//! old column in the copy, or with an UPDATE.

use std::collections::{BTreeMap, BTreeSet};

use crate::sqlite::sql::name::same_name;
use crate::sqlite::sql::statement::Action;
use crate::sqlite::sql::token::{Token, TokenKind, Tokens};

/// What a statement does to which table, as SQLite compiles it, triggers and all. Names are in
/// small letters; those of temporary tables begin with `temp.`.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) enum Access {
    Reads(String, String),
    Inserts(String),
    Deletes(String),
    Updates(String, String),
    Makes(String),
}

/// The columns that an expression reads, by table. None where that cannot be known.
pub(crate) type ReadBy<'a> = dyn Fn(&Item<'_>) -> Option<Vec<(String, String)>> + 'a;

/// A token, and how deep in brackets it is.
type Leveled<'s> = (i32, Token<'s>);

/// Stands for a table whatever it is called.
type Id = usize;

/// What one file has done so far.
#[derive(Debug, Default)]
pub(crate) struct Flow {
    /// By present name.
    names: BTreeMap<String, Id>,
    /// By the name when the file began.
    at_start: BTreeMap<String, Id>,
    count: Id,
    /// The table that was filled, and the one that was read for it.
    fed: BTreeSet<(Id, Id)>,
    /// For a column of a table, the columns that an expression for it reads.
    made: BTreeMap<(Id, String), BTreeSet<(Id, String)>>,
    writes: BTreeMap<Id, Writes>,
}

/// What is done to the rows of a table.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub(crate) struct Writes {
    /// Rows come.
    pub(crate) inserts: bool,
    /// Rows may go.
    pub(crate) removes: bool,
    /// Columns that are given other values, in small letters.
    pub(crate) updates: BTreeSet<String>,
    /// It is rebuilt.
    pub(crate) rebuilds: bool,
    /// Of one that is rebuilt, the columns that an expression over the old one fills.
    pub(crate) expressions: BTreeSet<String>,
    /// Code of the app's wrote, and nothing is known of it.
    pub(crate) unknown: bool,
}

impl Writes {
    /// Both together.
    pub(crate) fn and(&mut self, other: Writes) {
        self.inserts |= other.inserts;
        self.removes |= other.removes;
        self.updates.extend(other.updates);
        self.rebuilds |= other.rebuilds;
        self.expressions.extend(other.expressions);
        self.unknown |= other.unknown;
    }

    /// Everything that code may do.
    pub(crate) fn by_code() -> Writes {
        Writes {
            inserts: true,
            removes: true,
            unknown: true,
            ..Writes::default()
        }
    }

    /// Whether nothing that was there can have gone.
    pub(crate) fn only_add(&self) -> bool {
        !self.removes && !self.rebuilds && !self.unknown && self.updates.is_empty()
    }
}

impl Flow {
    /// At the beginning of a file, with the tables that are there.
    pub(crate) fn begin<'n>(tables: impl Iterator<Item = &'n str>) -> Flow {
        let mut flow = Flow::default();
        for table in tables {
            let name = table.to_ascii_lowercase();
            flow.at_start.insert(name.clone(), flow.count);
            flow.names.insert(name, flow.count);
            flow.count += 1;
        }
        flow
    }

    /// Takes note of one statement. `replaces` says whether what is inserted may remove rows that
    /// stand in its way. `columns` gives the columns of a table that can be written to, `reads`
    /// those that an expression of a query reads.
    pub(crate) fn observe(
        &mut self,
        sql: &str,
        action: &Action,
        seen: &[Access],
        replaces: bool,
        columns: &dyn Fn(&str) -> Vec<String>,
        reads: &ReadBy<'_>,
    ) {
        for access in seen {
            if let Access::Makes(name) = access
                && !self.names.contains_key(name)
            {
                self.names.insert(name.clone(), self.count);
                self.count += 1;
            }
        }
        let id = |name: &str| self.names.get(name).copied();
        let sources: BTreeSet<Id> = seen
            .iter()
            .filter_map(|access| match access {
                Access::Reads(table, _) => id(table),
                _ => None,
            })
            .collect();
        let mut targets = BTreeSet::new();
        for access in seen {
            match access {
                Access::Inserts(table) => {
                    if let Some(id) = id(table) {
                        targets.insert(id);
                        let writes = self.writes.entry(id).or_default();
                        writes.inserts = true;
                        writes.removes |= replaces;
                    }
                }
                Access::Deletes(table) => {
                    if let Some(id) = id(table) {
                        self.writes.entry(id).or_default().removes = true;
                    }
                }
                Access::Updates(table, column) => {
                    if let Some(id) = id(table) {
                        targets.insert(id);
                        let writes = self.writes.entry(id).or_default();
                        writes.updates.insert(column.clone());
                        writes.removes |= replaces;
                    }
                }
                Access::Makes(table) => targets.extend(id(table)),
                Access::Reads(..) => {}
            }
        }
        for target in targets {
            let others = sources.iter().filter(|source| **source != target);
            self.fed.extend(others.map(|source| (target, *source)));
        }
        self.expressions(sql, seen, columns, reads);
        match action {
            Action::DropTable(name) => {
                self.names.remove(&name.to_ascii_lowercase());
            }
            Action::RenameTable { from, to } => {
                if let Some(id) = self.names.remove(&from.to_ascii_lowercase()) {
                    self.names.insert(to.to_ascii_lowercase(), id);
                }
            }
            Action::RenameColumn { table, from, to } => {
                let (from, to) = (from.to_ascii_lowercase(), to.to_ascii_lowercase());
                if let Some(&id) = self.names.get(&table.to_ascii_lowercase()) {
                    if let Some(made) = self.made.remove(&(id, from.clone())) {
                        self.made.insert((id, to.clone()), made);
                    }
                    if let Some(writes) = self.writes.get_mut(&id)
                        && writes.updates.remove(&from)
                    {
                        writes.updates.insert(to);
                    }
                }
            }
            _ => {}
        }
    }

    /// The columns that a copy fills with an expression, and what that reads.
    fn expressions(
        &mut self,
        sql: &str,
        seen: &[Access],
        columns: &dyn Fn(&str) -> Vec<String>,
        reads: &ReadBy<'_>,
    ) {
        let Some(copy) = Copy::of(sql) else {
            return;
        };
        let temporary = format!("temp.{}", copy.table.to_ascii_lowercase());
        let plain = copy.table.to_ascii_lowercase();
        let writes_to = |name: &str| {
            seen.iter().any(|access| match access {
                Access::Inserts(table) | Access::Makes(table) => table == name,
                _ => false,
            })
        };
        let name = match writes_to(&temporary) && !writes_to(&plain) {
            true => temporary,
            false => plain,
        };
        let Some(&target) = self.names.get(&name) else {
            return;
        };
        let named = copy.columns.clone();
        let all = named.unwrap_or_else(|| columns(&copy.table));
        for arm in &copy.arms {
            let plain = arm.iter().filter(|item| !item.is_star).count();
            let stars = arm.len() - plain;
            let width = match stars {
                0 => 0,
                // What all of them together stand for.
                _ => all.len().saturating_sub(plain) / stars,
            };
            let mut at = 0;
            for item in arm {
                if item.is_star {
                    at += width;
                    continue;
                }
                let column = match copy.makes {
                    true => item.alias.clone(),
                    false => all.get(at).cloned(),
                };
                at += 1;
                let Some(column) = column.filter(|_| !item.is_column) else {
                    continue;
                };
                let read = reads(item).unwrap_or_else(|| {
                    let mentioned = seen.iter().filter_map(|access| match access {
                        Access::Reads(table, column) => Some((table.clone(), column.clone())),
                        _ => None,
                    });
                    mentioned
                        .filter(|(_, column)| {
                            crate::sqlite::sql::token::mentions(item.text, column)
                        })
                        .collect()
                });
                let read = read
                    .into_iter()
                    .filter_map(|(table, column)| Some((*self.names.get(&table)?, column)));
                let made = self.made.entry((target, column.to_ascii_lowercase()));
                made.or_default().extend(read);
            }
        }
    }

    /// Whether rows of one table found their way into another.
    fn reaches(&self, from: Id, to: Id) -> bool {
        let mut met = BTreeSet::from([to]);
        let mut open = vec![to];
        while let Some(table) = open.pop() {
            for (_, source) in self.fed.iter().filter(|(target, _)| *target == table) {
                if *source == from {
                    return true;
                }
                if met.insert(*source) {
                    open.push(*source);
                }
            }
        }
        false
    }

    /// Whether a table of the end holds rows of one of the beginning.
    pub(crate) fn is_copied(&self, before: &str, now: &str) -> bool {
        let from = self.at_start.get(&before.to_ascii_lowercase());
        let to = self.names.get(&now.to_ascii_lowercase());
        from.zip(to)
            .is_some_and(|(from, to)| from == to || self.reaches(*from, *to))
    }

    /// What was done to a table, by its name at the end; and by that at the beginning, where it
    /// is another table now.
    pub(crate) fn writes(&self, before: Option<&str>, now: &str) -> Writes {
        let Some(&id) = self.names.get(&now.to_ascii_lowercase()) else {
            return Writes::default();
        };
        let mut writes = self.writes.get(&id).cloned().unwrap_or_default();
        let from = before.and_then(|before| self.at_start.get(&before.to_ascii_lowercase()));
        if let Some(&from) = from.filter(|from| **from != id) {
            writes.rebuilds = true;
            // What was done to the old one first was done to the rows that were copied.
            if let Some(old) = self.writes.get(&from) {
                writes.and(old.clone());
            }
            let over_the_old = |sources: &BTreeSet<(Id, String)>, column: &str| {
                sources.iter().any(|(table, read)| {
                    same_name(read, column) && (*table == from || self.reaches(from, *table))
                })
            };
            for ((table, column), sources) in &self.made {
                let on_the_way = *table == id || self.reaches(*table, id);
                if on_the_way && over_the_old(sources, column) {
                    writes.expressions.insert(column.clone());
                }
            }
        }
        writes
    }

    /// Every table that was there when the file began and to whose rows something was done, by its
    /// name at the end.
    pub(crate) fn is_written(&self, now: &str) -> bool {
        let id = self.names.get(&now.to_ascii_lowercase());
        id.is_some_and(|id| self.writes.contains_key(id))
    }
}

/// A statement that fills a table from a query.
#[derive(Debug)]
struct Copy<'s> {
    table: String,
    columns: Option<Vec<String>>,
    /// `CREATE TABLE … AS`, whose columns are called as the query calls them.
    makes: bool,
    /// What is selected, for each SELECT of a compound one.
    arms: Vec<Vec<Item<'s>>>,
}

/// One thing that is selected.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Item<'s> {
    pub(crate) text: &'s str,
    /// `*` or `t.*`.
    is_star: bool,
    /// A column as it is.
    is_column: bool,
    alias: Option<String>,
    /// WITH, where the query has it.
    pub(crate) with: &'s str,
    /// The query from its FROM on.
    pub(crate) rest: &'s str,
}

/// Tokens with how deep in brackets they are.
fn leveled<'s>(tokens: &[Token<'s>]) -> Vec<Leveled<'s>> {
    let mut depth = 0;
    tokens
        .iter()
        .map(|token| {
            let nesting = token.nesting();
            let here = if nesting < 0 { depth - 1 } else { depth };
            depth += nesting;
            (here, *token)
        })
        .collect()
}

impl<'s> Copy<'s> {
    fn of(sql: &'s str) -> Option<Copy<'s>> {
        let mut tokens: Vec<Token<'s>> = Tokens::new(sql).collect();
        if tokens
            .last()
            .is_some_and(|token| token.kind == TokenKind::Semicolon)
        {
            tokens.pop();
        }
        let tokens = leveled(&tokens);
        let is = |at: usize, word: &str| {
            let token: Option<&Leveled<'s>> = tokens.get(at);
            token.is_some_and(|(depth, token)| *depth == 0 && token.word() == word)
        };
        let find = |from: usize, words: &[&str]| {
            (from..tokens.len()).find(|at| words.iter().any(|word| is(*at, word)))
        };
        let mut with = "";
        let mut at = find(0, &["INSERT", "REPLACE", "CREATE"])?;
        if at > 0 {
            if !is(0, "WITH") {
                return None;
            }
            with = &sql[tokens[0].1.start..tokens[at].1.start];
        }
        let makes = is(at, "CREATE");
        at = match makes {
            true => find(at, &["TABLE"])? + 1,
            false => find(at, &["INTO"])? + 1,
        };
        if makes && is(at, "IF") {
            at += 3;
        }
        if tokens.get(at + 1)?.1.text == "." {
            at += 2;
        }
        let table = tokens.get(at)?.1.name().into_owned();
        at += 1;
        if is(at, "AS") && !makes {
            at += 2;
        }
        let mut columns = None;
        if !makes && tokens.get(at)?.1.text == "(" {
            let close = (at + 1..tokens.len())
                .find(|at| tokens[*at].0 == 0 && tokens[*at].1.text == ")")?;
            let names = tokens[at + 1..close].iter();
            let names = names.filter(|(_, token)| token.text != ",");
            columns = Some(names.map(|(_, token)| token.name().into_owned()).collect());
            at = close + 1;
        }
        if is(at, "WITH") {
            let select = find(at, &["SELECT"])?;
            with = &sql[tokens[at].1.start..tokens[select].1.start];
        }
        let mut arms = Vec::new();
        let mut next = find(at, &["SELECT"]);
        while let Some(select) = next {
            let end = find(select, &["UNION", "EXCEPT", "INTERSECT"]).unwrap_or(tokens.len());
            arms.push(items(sql, &tokens[select + 1..end], with));
            next = find(end, &["SELECT"]);
        }
        (!arms.is_empty()).then_some(Copy {
            table,
            columns,
            makes,
            arms,
        })
    }
}

const CLAUSES: &[&str] = &[
    "FROM", "WHERE", "GROUP", "HAVING", "WINDOW", "ORDER", "LIMIT",
];

fn items<'s>(sql: &'s str, arm: &[Leveled<'s>], with: &'s str) -> Vec<Item<'s>> {
    let is_clause =
        |(depth, token): &(i32, Token<'_>)| *depth == 0 && CLAUSES.contains(&token.word().as_str());
    let end = arm.iter().position(is_clause).unwrap_or(arm.len());
    // ON CONFLICT belongs to the INSERT.
    let conflict = (end..arm.len()).find(|at| {
        let word = |at: usize| arm.get(at).map(|(_, token)| token.word());
        arm[*at].0 == 0
            && word(*at).as_deref() == Some("ON")
            && word(at + 1).as_deref() == Some("CONFLICT")
    });
    let behind = conflict.unwrap_or(arm.len());
    let over = |tokens: &[Leveled<'s>]| match (tokens.first(), tokens.last()) {
        (Some((_, first)), Some((_, last))) => &sql[first.start..last.start + last.text.len()],
        _ => "",
    };
    let rest = over(&arm[end..behind]);
    let mut start = 0;
    if arm
        .first()
        .is_some_and(|(_, token)| matches!(token.word().as_str(), "DISTINCT" | "ALL"))
    {
        start = 1;
    }
    arm[start..end]
        .split(|(depth, token)| *depth == 0 && token.text == ",")
        .map(|tokens| item(tokens, &over, with, rest))
        .collect()
}

fn item<'s>(
    tokens: &[Leveled<'s>],
    over: &dyn Fn(&[Leveled<'s>]) -> &'s str,
    with: &'s str,
    rest: &'s str,
) -> Item<'s> {
    let is_name = |token: &Token<'_>| match token.kind {
        TokenKind::Quoted => !token.text.starts_with('\''),
        TokenKind::Word => {
            let first = token.text.chars().next().unwrap_or('0');
            const VALUES: &[&str] = &[
                "NULL",
                "TRUE",
                "FALSE",
                "CURRENT_TIME",
                "CURRENT_DATE",
                "CURRENT_TIMESTAMP",
            ];
            !first.is_ascii_digit() && !VALUES.contains(&token.word().as_str())
        }
        _ => false,
    };
    let is_column = |tokens: &[Leveled<'s>]| {
        let mut inner = tokens;
        while let [(_, open), within @ .., (_, close)] = inner
            && open.text == "("
            && close.text == ")"
        {
            inner = within;
        }
        let dotted = inner
            .iter()
            .enumerate()
            .all(|(at, (_, token))| match at % 2 {
                0 => is_name(token),
                _ => token.text == ".",
            });
        dotted && inner.len() % 2 == 1
    };
    let mut expression = tokens;
    let mut alias = None;
    if let [before @ .., (0, word), (0, name)] = tokens
        && word.word() == "AS"
    {
        (expression, alias) = (before, Some(name.name().into_owned()));
    } else if let [before @ .., (0, name)] = tokens
        && !before.is_empty()
        && name.kind != TokenKind::Symbol
        && before.last().is_some_and(|(_, last)| {
            last.text == ")" || is_name(last) && last.text != "." && is_column(before)
        })
    {
        // An alias may stand without AS.
        (expression, alias) = (before, Some(name.name().into_owned()));
    }
    let is_star = expression
        .last()
        .is_some_and(|(_, token)| token.text == "*")
        && expression.len() % 2 == 1
        && expression[..expression.len() - 1]
            .iter()
            .all(|(_, token)| token.text == "." || is_name(token));
    let is_column = is_column(expression);
    if alias.is_none() && is_column {
        alias = expression
            .last()
            .map(|(_, token)| token.name().into_owned());
    }
    Item {
        text: over(expression),
        is_star,
        is_column,
        alias,
        with,
        rest,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn selected(sql: &str) -> Vec<(String, bool)> {
        let copy = Copy::of(sql).unwrap();
        let items = copy.arms.iter().flatten();
        items
            .map(|item| (item.text.to_owned(), item.is_column || item.is_star))
            .collect()
    }

    #[test]
    fn what_a_copy_selects_is_a_column_or_an_expression() {
        let cases = [
            ("INSERT INTO n SELECT * FROM o", vec![("*", true)]),
            (
                "INSERT INTO n (a, b) SELECT o.a, upper(b) AS b FROM o WHERE x IN (1, 2);",
                vec![("o.a", true), ("upper(b)", false)],
            ),
            (
                "INSERT OR IGNORE INTO main.\"n\" SELECT \"a\", NULL, 'x', -b FROM o",
                vec![
                    ("\"a\"", true),
                    ("NULL", false),
                    ("'x'", false),
                    ("-b", false),
                ],
            ),
            (
                "WITH c AS (SELECT 1) INSERT INTO n SELECT DISTINCT (a), c.*, (SELECT max(z) FROM q) y FROM o, c UNION ALL SELECT 1, 2, 3",
                vec![
                    ("(a)", true),
                    ("c.*", true),
                    ("(SELECT max(z) FROM q)", false),
                    ("1", false),
                    ("2", false),
                    ("3", false),
                ],
            ),
            (
                "CREATE TABLE IF NOT EXISTS n AS SELECT a, b * 2 AS c FROM o",
                vec![("a", true), ("b * 2", false)],
            ),
            ("REPLACE INTO n SELECT a b FROM o", vec![("a", true)]),
            (
                "INSERT INTO n SELECT CAST(round(price * 100) AS INTEGER), CASE WHEN a THEN b END FROM o",
                vec![
                    ("CAST(round(price * 100) AS INTEGER)", false),
                    ("CASE WHEN a THEN b END", false),
                ],
            ),
        ];
        for (sql, expected) in cases {
            let expected: Vec<(String, bool)> = expected
                .into_iter()
                .map(|(text, plain)| (text.to_owned(), plain))
                .collect();
            assert_eq!(selected(sql), expected, "{sql}");
        }
        assert!(Copy::of("INSERT INTO n VALUES (1, 2)").is_none());
        assert!(Copy::of("CREATE TABLE n (a, b)").is_none());
        assert!(Copy::of("UPDATE n SET a = 1").is_none());
    }
}
