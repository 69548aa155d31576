//! Where the parts of a CREATE TABLE statement are in its text: columns, constraints, and the
//! clauses of each, distinguished by the words that begin them.

use std::ops::Range;

use crate::sqlite::schema::parsed::annotations::Annotation;
use crate::sqlite::sql::name::same_name;
use crate::sqlite::sql::token::Token;

/// Where the parts of a CREATE TABLE statement are.
pub(crate) struct ClauseLayout<'t, 's> {
    pub(crate) name: Token<'s>,
    /// Columns first, constraints after them, each with its tokens.
    pub(crate) items: Vec<&'t [Token<'s>]>,
    /// What follows the list.
    pub(crate) behind: &'t [Token<'s>],
}

impl<'t, 's> ClauseLayout<'t, 's> {
    pub(crate) fn of(tokens: &'t [Token<'s>]) -> Option<ClauseLayout<'t, 's>> {
        let mut at = tokens.iter().position(|token| token.word() == "TABLE")? + 1;
        // IF NOT EXISTS. A table of that name needs quotes.
        if word(tokens, Some(at)) == "IF" {
            at += 3;
        }
        if tokens.get(at + 1)?.text == "." {
            at += 2;
        }
        let name = *tokens.get(at)?;
        let rest = tokens.get(at + 1..)?;
        let list = parenthesised(rest);
        let behind = rest.get(list.len() + 1..)?;
        let is_list = rest.first()?.text == "(" && behind.first()?.text == ")";
        is_list.then(|| ClauseLayout {
            name,
            items: items(list),
            behind: &behind[1..],
        })
    }

    /// The columns, and the constraints of the table.
    pub(crate) fn columns_and_constraints(&self) -> (&[&'t [Token<'s>]], &[&'t [Token<'s>]]) {
        let first = |item: &&[Token<'_>]| !item.is_empty() && begins_in_table(item, 0);
        let at = self.items.iter().position(first);
        self.items.split_at(at.unwrap_or(self.items.len()))
    }

    /// The items a note may speak of, the likeliest first: those in whose line it stands from the
    /// last on, and where it has a line of its own, the next. None is the table.
    pub(crate) fn holders(&self, text: &str, note: &Annotation) -> Vec<Option<usize>> {
        let begins = |item: &[Token<'_>]| item.first().map_or(0, |token| token.start);
        let last = self.items.len().checked_sub(1);
        let Some(follows) = note.follows else {
            let next = self.items.iter();
            let next = next
                .enumerate()
                .find(|(_, item)| begins(item) >= note.at.end);
            return vec![next.map(|(index, _)| index).or(last)];
        };
        let line = text[..note.at.start].rfind('\n').map_or(0, |at| at + 1);
        let is_in_line = |item: &[Token<'_>]| begins(item) <= follows && span(item).end > line;
        let mut holders: Vec<Option<usize>> = (0..self.items.len())
            .rev()
            .filter(|index| is_in_line(self.items[*index]))
            .map(Some)
            .collect();
        if holders.is_empty() {
            let before = self.items.iter().rposition(|item| begins(item) <= follows);
            let behind_all = self.items.last().is_some_and(|item| span(item).end <= line)
                && text
                    .get(follows..)
                    .is_some_and(|rest| !rest.starts_with(','));
            if before.is_none() || behind_all {
                holders.push(None);
            }
            holders.extend(before.map(Some));
        } else if self.name.start >= line {
            holders.push(None);
        }
        holders
    }
}

/// The word at a place in capitals, none beyond the ends and in quotes.
fn word(tokens: &[Token<'_>], at: Option<usize>) -> String {
    at.and_then(|at| tokens.get(at))
        .map(Token::word)
        .unwrap_or_default()
}

/// Whether a clause of a column begins here. All of these words are reserved.
pub(crate) fn begins_in_column(tokens: &[Token<'_>], at: usize) -> bool {
    let (before, after) = (word(tokens, at.checked_sub(1)), word(tokens, Some(at + 1)));
    match tokens[at].word().as_str() {
        "CONSTRAINT" | "PRIMARY" | "UNIQUE" | "CHECK" | "COLLATE" | "REFERENCES" => true,
        "NOT" => after == "NULL",
        "NULL" => before != "NOT" && before != "SET",
        "DEFAULT" => before != "SET",
        "GENERATED" => after == "ALWAYS",
        "AS" => before != "ALWAYS",
        _ => false,
    }
}

/// Whether a constraint of the table begins here.
pub(crate) fn begins_in_table(tokens: &[Token<'_>], at: usize) -> bool {
    let word = tokens[at].word();
    ["CONSTRAINT", "PRIMARY", "UNIQUE", "CHECK", "FOREIGN"].contains(&word.as_str())
}

/// Cuts tokens where clauses begin. What comes before the first is returned apart, and a name
/// (`CONSTRAINT x`) goes with the clause it names.
pub(crate) fn clauses<'t, 's>(
    tokens: &'t [Token<'s>],
    begins: fn(&[Token<'_>], usize) -> bool,
) -> (&'t [Token<'s>], Vec<&'t [Token<'s>]>) {
    let mut starts = Vec::new();
    let (mut depth, mut at, mut named) = (0, 0, false);
    while at < tokens.len() {
        if depth > 0 || !begins(tokens, at) {
            depth += tokens[at].nesting();
            at += 1;
            continue;
        }
        if !std::mem::take(&mut named) {
            starts.push(at);
        }
        let next = tokens.get(at + 1).map_or("", |next| next.text);
        // What follows these is one name or one value, NULL too.
        at += match tokens[at].word().as_str() {
            "CONSTRAINT" => {
                named = true;
                2
            }
            "DEFAULT" if matches!(next, "+" | "-") => 3,
            "DEFAULT" if next != "(" => 2,
            _ => 1,
        };
    }
    let ends = starts.iter().skip(1).copied().chain([tokens.len()]);
    let cut = starts
        .iter()
        .zip(ends)
        .map(|(&start, end)| &tokens[start..end]);
    let first = starts.first().copied().unwrap_or(tokens.len());
    // Whether a reference is deferred may be said without one, and then says nothing.
    let deferral = |token: &Token<'_>| ["NOT", "DEFERRABLE"].contains(&token.word().as_str());
    let first = tokens[..first].iter().position(deferral).unwrap_or(first);
    // A name that names nothing is legal, and no clause.
    let real = |clause: &&[Token<'_>]| clause[0].word() != "CONSTRAINT" || clause.len() > 2;
    (&tokens[..first], cut.filter(real).collect())
}

/// The tokens inside a clause's first parentheses.
pub(crate) fn parenthesised<'t, 's>(tokens: &'t [Token<'s>]) -> &'t [Token<'s>] {
    let Some(open) = tokens.iter().position(|token| token.text == "(") else {
        return &[];
    };
    let inside = &tokens[open + 1..];
    let mut depth = 1;
    let close = inside.iter().position(|token| {
        depth += token.nesting();
        depth == 0
    });
    &inside[..close.unwrap_or(inside.len())]
}

/// What the commas outside of parentheses keep apart.
pub(crate) fn items<'t, 's>(tokens: &'t [Token<'s>]) -> Vec<&'t [Token<'s>]> {
    let mut depth = 0;
    let apart = tokens.split(|token| {
        depth += token.nesting();
        depth == 0 && token.text == ","
    });
    apart.collect()
}

pub(crate) fn span(tokens: &[Token<'_>]) -> Range<usize> {
    match (tokens.first(), tokens.last()) {
        (Some(first), Some(last)) => first.start..last.start + last.text.len(),
        _ => 0..0,
    }
}

/// `x.` before a column, where `x` is the table itself.
pub(crate) fn own_qualifiers(tokens: &[Token<'_>], table: &str) -> Vec<Range<usize>> {
    tokens
        .windows(3)
        .filter(|three| {
            same_name(&three[0].name(), table) && three[1].text == "." && three[2].text != "*"
        })
        .map(|three| three[0].start..three[2].start)
        .collect()
}

pub(crate) fn without(text: &str, cuts: impl Iterator<Item = Range<usize>>) -> String {
    let (mut kept, mut done) = (String::with_capacity(text.len()), 0);
    for cut in cuts {
        kept += text[done..cut.start].trim_end_matches([' ', '\t']);
        done = cut.end;
        // A line that held nothing else goes with it.
        if kept.ends_with('\n') && text[done..].starts_with('\n') {
            done += 1;
        }
    }
    kept + &text[done..]
}
