//! A CREATE TABLE statement, taken apart.
//!
//! The structure is what `sqlite3-parser` says, a port of SQLite's own grammar. What it
//! prints is never used: names come out with other quotes, and comments are gone. Every
//! piece of SQL that is written again is cut from the text that somebody wrote, at the
//! boundaries of tokens.
//!
//! Two limits of the library are met here. Its syntax tree has no positions, so the pieces
//! are found by the words that begin a clause (all of them reserved, none can be a name), and
//! the two readings must agree on how many there are; where they do not, the table is refused. And
//! its expressions keep names as written, so expressions are compared as normal text
//! ([`normal`]). What neither knows (which columns a generated one is computed from, whether
//! a collation is there) is SQLite's to say, which runs everything that is made of this.

use std::ops::Range;

use sqlite3_parser::ast::{
    Cmd, ColumnConstraint, CreateTableBody, Expr, ForeignKeyClause, IndexedColumn, Literal, RefAct,
    RefArg, ResolveType, SortOrder, SortedColumn, Stmt, TabFlags, TableConstraint,
};
use sqlite3_parser::lexer::sql::Parser;
use sqlite3_parser::{Bump, FallibleIterator};

use crate::note::{Note, notes};
use crate::schema::{Affinity, affinity, same_name};
use crate::token::{Token, TokenKind, Tokens, quote};

/// A table as its CREATE statement has it.
#[derive(Debug, Clone)]
pub(crate) struct Definition {
    pub(crate) name: String,
    pub(crate) columns: Vec<Column>,
    /// Of the table and of its columns, in the order of the text.
    pub(crate) constraints: Vec<Constraint>,
    pub(crate) without_rowid: bool,
    pub(crate) strict: bool,
    /// What the table was called before (`-- was: NAME`).
    pub(crate) was: Option<String>,
    /// Columns that a row is told apart by, in a key or a unique index.
    pub(crate) keyed: Vec<String>,
    /// The statement, without notes and without a semicolon.
    text: String,
    /// Where the table's name stands in it.
    name_at: Range<usize>,
    /// Where the names of the table stand as qualifiers of its own columns.
    own_qualifiers: Vec<Range<usize>>,
}

/// A column.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Column {
    pub(crate) name: String,
    /// In capitals, with single spaces; empty where there is none.
    pub(crate) declared: String,
    /// What happens on a conflict, where it must not be NULL.
    pub(crate) not_null: Option<Conflict>,
    /// In the key of a STRICT or WITHOUT ROWID table, which must not be NULL without saying so
    /// (<https://sqlite.org/stricttables.html>, <https://sqlite.org/withoutrowid.html>).
    pub(crate) keyed_not_null: bool,
    /// Whether it is the rowid, which is given a number in place of a NULL.
    pub(crate) is_rowid: bool,
    pub(crate) default: Option<Default>,
    /// In small letters.
    pub(crate) collation: Option<String>,
    pub(crate) generated: Option<Generated>,
    /// What the column was called before (`-- was: NAME`).
    pub(crate) was: Option<String>,
    /// How its values come from the old row (`-- using: EXPR`).
    pub(crate) using: Option<String>,
    /// The column's definition as written, without notes.
    pub(crate) text: String,
}

/// A DEFAULT.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Default {
    /// As an expression over a row, where a name would mean a column.
    pub(crate) value: String,
    /// For comparing.
    pub(crate) normal: String,
    /// Whether it is a literal, the same for every row and at any time.
    pub(crate) constant: bool,
}

impl Default {
    /// Whether it is a literal that is not NULL.
    pub(crate) fn is_a_value(&self) -> bool {
        self.constant && self.normal != "null"
    }
}

/// A column's expression.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Generated {
    /// As written.
    pub(crate) text: String,
    pub(crate) normal: String,
    pub(crate) stored: bool,
}

/// A constraint, wherever it was written.
#[derive(Debug, Clone)]
pub(crate) struct Constraint {
    /// In small letters.
    pub(crate) name: Option<String>,
    pub(crate) rule: Rule,
    /// As written, with its name.
    pub(crate) text: String,
    /// The column in whose definition it stands.
    pub(crate) column: Option<String>,
}

/// Where a constraint was written says nothing.
impl PartialEq for Constraint {
    fn eq(&self, other: &Constraint) -> bool {
        self.name == other.name && self.rule == other.rule
    }
}

/// What a constraint demands. Names are in small letters.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum Rule {
    PrimaryKey {
        key: Vec<KeyPart>,
        conflict: Conflict,
        autoincrement: bool,
        /// `INTEGER PRIMARY KEY DESC` in a column's definition is not the rowid
        /// (<https://sqlite.org/lang_createtable.html#rowid>).
        descending_column: bool,
    },
    Unique {
        key: Vec<KeyPart>,
        conflict: Conflict,
    },
    Check {
        normal: String,
    },
    ForeignKey(ForeignKey),
}

/// A column of a key.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct KeyPart {
    pub(crate) column: String,
    pub(crate) collation: Option<String>,
    pub(crate) descending: bool,
}

/// A reference.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct ForeignKey {
    pub(crate) columns: Vec<String>,
    pub(crate) parent: String,
    /// Empty where it is the parent's primary key.
    pub(crate) to: Vec<String>,
    pub(crate) on_delete: &'static str,
    pub(crate) on_update: &'static str,
    pub(crate) matching: Option<String>,
    pub(crate) deferred: bool,
}

/// What SQLite does where a constraint does not hold.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Conflict {
    Abort,
    Rollback,
    Fail,
    Ignore,
    Replace,
}

impl From<Option<ResolveType>> for Conflict {
    fn from(resolve: Option<ResolveType>) -> Conflict {
        match resolve {
            None | Some(ResolveType::Abort) => Conflict::Abort,
            Some(ResolveType::Rollback) => Conflict::Rollback,
            Some(ResolveType::Fail) => Conflict::Fail,
            Some(ResolveType::Ignore) => Conflict::Ignore,
            Some(ResolveType::Replace) => Conflict::Replace,
        }
    }
}

impl Definition {
    /// Takes a CREATE TABLE statement apart.
    ///
    /// # Errors
    /// A sentence for what the parser does not take, or what is no list of columns.
    pub(crate) fn parse(sql: &str) -> Result<Definition, String> {
        let all: Vec<Token<'_>> = Tokens::new(sql).collect();
        let noted = notes(sql);
        // Notes are spoken to heirloom, and have no business in the database.
        let text = without(sql, noted.iter().map(|note| note.at.clone()));
        let tokens: Vec<Token<'_>> = Tokens::new(&text).collect();
        let layout = Layout::of(&tokens)
            .ok_or("only CREATE TABLE with a list of columns can be taken apart")?;
        let bump = Bump::new();
        let mut parser = Parser::new(&bump, text.as_bytes());
        let parsed = parser.next().map_err(|error| error.to_string())?;
        let Some(Cmd::Stmt(Stmt::CreateTable {
            body:
                CreateTableBody::ColumnsAndConstraints {
                    columns,
                    constraints,
                    flags,
                },
            ..
        })) = parsed
        else {
            return Err("it is no CREATE TABLE with a list of columns".into());
        };
        if layout.items.len() < columns.len() {
            return Err("its columns cannot be told apart".into());
        }
        let names: Vec<String> = columns
            .iter()
            .map(|column| unquoted(column.col_name.0))
            .collect();
        let name = layout.name.name().into_owned();
        let reading = Reading {
            text: &text,
            table: &name,
            names: &names,
        };
        let mut definition = Definition {
            columns: Vec::with_capacity(columns.len()),
            constraints: Vec::new(),
            without_rowid: flags.contains(TabFlags::WithoutRowid),
            strict: flags.contains(TabFlags::Strict),
            was: None,
            keyed: Vec::new(),
            name_at: span(&[layout.name]),
            own_qualifiers: own_qualifiers(&layout.items.concat(), &name),
            text: text.trim_end().trim_end_matches(';').trim_end().to_owned(),
            name: name.clone(),
        };
        for (column, item) in columns.iter().zip(&layout.items) {
            let (kind, ours) = clauses(item.get(1..).unwrap_or_default(), begins_in_column);
            let theirs: Vec<_> = column
                .constraints
                .iter()
                .filter(|named| !matches!(named.constraint, ColumnConstraint::Defer(_)))
                .collect();
            if ours.len() != theirs.len() {
                let name = unquoted(column.col_name.0);
                return Err(format!(
                    "the clauses of column `{name}` cannot be told apart"
                ));
            }
            let mut made = Column {
                name: unquoted(column.col_name.0),
                declared: declared(kind),
                not_null: None,
                keyed_not_null: false,
                is_rowid: false,
                default: None,
                collation: None,
                generated: None,
                was: None,
                using: None,
                text: reading.slice(item).to_owned(),
            };
            for (named, tokens) in theirs.iter().zip(&ours) {
                let constraint_name = named.name.as_ref().map(|name| folded(name.0));
                let rule = match &named.constraint {
                    ColumnConstraint::NotNull {
                        nullable,
                        conflict_clause,
                    } => {
                        if !nullable {
                            made.not_null = Some((*conflict_clause).into());
                        }
                        continue;
                    }
                    ColumnConstraint::Default(value) => {
                        made.default = Some(reading.default(value, tokens));
                        continue;
                    }
                    ColumnConstraint::Collate { collation_name } => {
                        made.collation = Some(folded(collation_name.0));
                        continue;
                    }
                    ColumnConstraint::Generated { typ, .. } => {
                        let stored = typ
                            .as_ref()
                            .is_some_and(|word| word.0.eq_ignore_ascii_case("STORED"));
                        made.generated = Some(Generated {
                            text: reading.slice(parenthesised(tokens)).to_owned(),
                            normal: reading.normal(parenthesised(tokens)),
                            stored,
                        });
                        continue;
                    }
                    ColumnConstraint::PrimaryKey {
                        order,
                        conflict_clause,
                        auto_increment,
                    } => Rule::PrimaryKey {
                        key: vec![KeyPart::plain(&made.name)],
                        conflict: (*conflict_clause).into(),
                        autoincrement: *auto_increment,
                        descending_column: *order == Some(SortOrder::Desc),
                    },
                    ColumnConstraint::Unique(conflict) => Rule::Unique {
                        key: vec![KeyPart::plain(&made.name)],
                        conflict: (*conflict).into(),
                    },
                    ColumnConstraint::Check(_) => Rule::Check {
                        normal: reading.normal(parenthesised(tokens)),
                    },
                    ColumnConstraint::ForeignKey { clause, .. } => {
                        let columns = vec![made.name.to_ascii_lowercase()];
                        Rule::ForeignKey(foreign_key(columns, clause, tokens))
                    }
                    ColumnConstraint::Defer(_) => continue,
                };
                definition.constraints.push(Constraint {
                    name: constraint_name,
                    rule,
                    text: reading.slice(tokens).to_owned(),
                    column: Some(made.name.clone()),
                });
            }
            definition.columns.push(made);
        }
        let rest = layout.items[columns.len()..].iter();
        // The comma between two constraints is optional.
        let ours: Vec<_> = rest
            .flat_map(|item| clauses(item, begins_in_table).1)
            .collect();
        let theirs = constraints.unwrap_or_default();
        if ours.len() != theirs.len() {
            return Err("its constraints cannot be told apart".into());
        }
        for (named, tokens) in theirs.iter().zip(ours) {
            definition.constraints.push(Constraint {
                name: named.name.as_ref().map(|name| folded(name.0)),
                rule: reading.rule(&named.constraint, tokens),
                text: reading.slice(tokens).to_owned(),
                column: None,
            });
        }
        for constraint in &definition.constraints {
            if let Rule::PrimaryKey { key, .. } | Rule::Unique { key, .. } = &constraint.rule {
                definition
                    .keyed
                    .extend(key.iter().map(|part| part.column.clone()));
            }
        }
        let rowid = definition.rowid_column().map(|column| column.name.clone());
        let no_nulls = definition.strict || definition.without_rowid;
        let key = definition.primary_key().into_iter().map(str::to_owned);
        for name in key.collect::<Vec<_>>() {
            let mut columns = definition.columns.iter_mut();
            if let Some(column) = columns.find(|column| same_name(&column.name, &name)) {
                column.is_rowid = rowid.as_ref() == Some(&column.name);
                column.keyed_not_null = no_nulls && !column.is_rowid;
            }
        }
        definition.take_notes(&all, noted);
        Ok(definition)
    }

    /// Gives each note to the column or the table it stands at.
    fn take_notes(&mut self, all: &[Token<'_>], noted: Vec<Note>) {
        let Some(layout) = Layout::of(all) else {
            return;
        };
        for note in noted {
            let column = layout
                .item_of(&note)
                .and_then(|index| self.columns.get_mut(index));
            match column {
                Some(column) => {
                    column.was = note.was.or(column.was.take());
                    column.using = note.using.or(column.using.take());
                }
                None => self.was = note.was.or(self.was.take()),
            }
        }
    }

    /// The column of a name.
    pub(crate) fn column(&self, name: &str) -> Option<&Column> {
        self.columns
            .iter()
            .find(|column| same_name(&column.name, name))
    }

    /// The primary key's columns, in small letters.
    pub(crate) fn primary_key(&self) -> Vec<&str> {
        self.constraints
            .iter()
            .find_map(|constraint| match &constraint.rule {
                Rule::PrimaryKey { key, .. } => Some(key.iter().map(|part| part.column.as_str())),
                _ => None,
            })
            .map(Iterator::collect)
            .unwrap_or_default()
    }

    /// The column that is the rowid (<https://sqlite.org/lang_createtable.html#rowid>).
    pub(crate) fn rowid_column(&self) -> Option<&Column> {
        self.constraints.iter().find_map(|constraint| {
            let Rule::PrimaryKey {
                key,
                descending_column,
                ..
            } = &constraint.rule
            else {
                return None;
            };
            let [part] = key.as_slice() else { return None };
            let column = self.column(&part.column)?;
            let is_rowid =
                !self.without_rowid && !descending_column && column.declared == "INTEGER";
            is_rowid.then_some(column)
        })
    }

    /// A name by which the rowid can be asked for, where no column hides it.
    pub(crate) fn rowid_alias(&self) -> Option<&'static str> {
        if self.without_rowid {
            return None;
        }
        let free = |alias: &&&str| self.column(alias).is_none();
        ["rowid", "_rowid_", "oid"].iter().find(free).copied()
    }

    /// Whether rows are counted on from the largest there ever was.
    pub(crate) fn autoincrement(&self) -> bool {
        self.constraints.iter().any(|constraint| {
            matches!(
                constraint.rule,
                Rule::PrimaryKey {
                    autoincrement: true,
                    ..
                }
            )
        })
    }

    /// Whether a constraint says what to do on a conflict, which could drop rows of a copy.
    pub(crate) fn has_conflict_clause(&self) -> bool {
        let of_rule = |constraint: &Constraint| match constraint.rule {
            Rule::PrimaryKey { conflict, .. } | Rule::Unique { conflict, .. } => {
                conflict != Conflict::Abort
            }
            Rule::Check { .. } | Rule::ForeignKey(_) => false,
        };
        let of_column = |column: &Column| column.not_null.is_some_and(|c| c != Conflict::Abort);
        self.constraints.iter().any(of_rule) || self.columns.iter().any(of_column)
    }

    /// The references, with a missing key list meaning the parent's primary key.
    pub(crate) fn foreign_keys(&self) -> impl Iterator<Item = &ForeignKey> {
        self.constraints
            .iter()
            .filter_map(|constraint| match &constraint.rule {
                Rule::ForeignKey(key) => Some(key),
                _ => None,
            })
    }

    /// The affinity of a column, where ANY in a STRICT table converts nothing
    /// (<https://sqlite.org/stricttables.html>).
    pub(crate) fn affinity_of(&self, column: &Column) -> Affinity {
        match self.strict && column.declared == "ANY" {
            true => Affinity::Blob,
            false => affinity(&column.declared),
        }
    }

    /// The statement under another name. Qualifiers of its own columns are left out: inside
    /// a constraint they can mean nothing else, and under another name they would fail.
    pub(crate) fn create_as(&self, name: &str) -> String {
        let mut cuts: Vec<(Range<usize>, &str)> = vec![(self.name_at.clone(), name)];
        cuts.extend(self.own_qualifiers.iter().cloned().map(|at| (at, "")));
        cuts.sort_by_key(|(at, _)| at.start);
        let mut made = String::with_capacity(self.text.len());
        let mut done = 0;
        for (at, instead) in cuts {
            made += &self.text[done..at.start];
            made += instead;
            done = at.end;
        }
        made + &self.text[done..]
    }

    /// The statement as written, without notes.
    pub(crate) fn text(&self) -> &str {
        &self.text
    }
}

impl Column {
    /// Whether it holds no NULL.
    pub(crate) fn is_not_null(&self) -> bool {
        self.not_null.is_some() || self.keyed_not_null
    }

    /// The definition with another type.
    pub(crate) fn with_type(&self, declared: &str) -> String {
        self.rewritten(Some(declared), "", "")
    }

    /// The definition with another clause of a kind (`NOT`, `DEFAULT`, `COLLATE`), or without.
    pub(crate) fn with_clause(&self, begins: &str, clause: &str) -> String {
        self.rewritten(None, begins, clause)
    }

    /// The definition without its clause of a kind.
    pub(crate) fn without_clause(&self, begins: &str) -> String {
        self.rewritten(None, begins, "")
    }

    /// Name, type and clauses cut apart, and put together again with something in place of one
    /// of them.
    fn rewritten(&self, declared: Option<&str>, begins: &str, instead: &str) -> String {
        let tokens: Vec<Token<'_>> = Tokens::new(&self.text).collect();
        let (kind, found) = clauses(tokens.get(1..).unwrap_or_default(), begins_in_column);
        let mut parts = vec![&self.text[span(tokens.get(..1).unwrap_or_default())]];
        parts.push(declared.unwrap_or(&self.text[span(kind)]));
        let mut instead = Some(instead);
        for clause in found {
            // Behind its name, where it has one.
            let first = if clause[0].word() == "CONSTRAINT" {
                2
            } else {
                0
            };
            let is_meant = clause
                .get(first)
                .is_some_and(|token| token.word() == begins);
            parts.push(match is_meant {
                true => instead.take().unwrap_or_default(),
                false => &self.text[span(clause)],
            });
        }
        parts.extend(instead);
        parts.retain(|part| !part.is_empty());
        parts.join(" ")
    }
}

impl Constraint {
    /// Whether this is its name.
    pub(crate) fn is_called(&self, name: &str) -> bool {
        self.name.as_deref().is_some_and(|own| same_name(own, name))
    }

    /// Whether this is its text, however it is spelled.
    pub(crate) fn is_written(&self, text: &str) -> bool {
        let folded = |text: &str| {
            let tokens: Vec<Token<'_>> = Tokens::new(text).collect();
            normal(&tokens, None, "")
        };
        folded(&self.text) == folded(text)
    }
}

impl KeyPart {
    fn plain(column: &str) -> KeyPart {
        KeyPart {
            column: column.to_ascii_lowercase(),
            collation: None,
            descending: false,
        }
    }
}

/// Where the parts of a CREATE TABLE statement stand.
struct Layout<'t, 's> {
    name: Token<'s>,
    /// Columns first, constraints after them, each with its tokens.
    items: Vec<&'t [Token<'s>]>,
}

impl<'t, 's> Layout<'t, 's> {
    fn of(tokens: &'t [Token<'s>]) -> Option<Layout<'t, 's>> {
        let mut at = tokens.iter().position(|token| token.word() == "TABLE")? + 1;
        if word(tokens, Some(at)) == "IF" && word(tokens, Some(at + 1)) == "NOT" {
            at += 3;
        }
        if tokens.get(at + 1)?.text == "." {
            at += 2;
        }
        let name = *tokens.get(at)?;
        if tokens.get(at + 1)?.text != "(" {
            return None;
        }
        let first = at + 2;
        let (mut depth, mut start) = (1, first);
        let mut items = Vec::new();
        for (index, token) in tokens.iter().enumerate().skip(first) {
            depth += token.nesting();
            if depth == 0 || (depth == 1 && token.text == ",") {
                items.push(&tokens[start..index]);
                start = index + 1;
            }
            if depth == 0 {
                return Some(Layout { name, items });
            }
        }
        None
    }

    /// The item a note speaks of: the one that ends or goes on in its line, and where the
    /// note has a line of its own, the next. None for the table.
    fn item_of(&self, note: &Note) -> Option<usize> {
        let starts = |item: &&[Token<'_>]| item.first().map_or(0, |token| token.start);
        match note.follows {
            Some(token_start) => self
                .items
                .iter()
                .rposition(|item| starts(item) <= token_start),
            None if note.at.start < self.name.start => None,
            None => self
                .items
                .iter()
                .position(|item| starts(item) > note.at.start)
                .or_else(|| self.items.len().checked_sub(1)),
        }
    }
}

/// The word at a place in capitals, none beyond the ends and in quotes.
fn word(tokens: &[Token<'_>], at: Option<usize>) -> String {
    at.and_then(|at| tokens.get(at))
        .map(Token::word)
        .unwrap_or_default()
}

/// Whether a clause of a column begins here. All of these words are reserved.
fn begins_in_column(tokens: &[Token<'_>], at: usize) -> bool {
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
fn begins_in_table(tokens: &[Token<'_>], at: usize) -> bool {
    let word = tokens[at].word();
    ["CONSTRAINT", "PRIMARY", "UNIQUE", "CHECK", "FOREIGN"].contains(&word.as_str())
}

/// Cuts tokens where clauses begin. What stands before the first is returned apart, and a name
/// (`CONSTRAINT x`) goes with the clause it names.
fn clauses<'t, 's>(
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
        // What follows these is one value or one name, whatever it looks like.
        at += match tokens[at].word().as_str() {
            "CONSTRAINT" => {
                named = true;
                2
            }
            "DEFAULT" if matches!(next, "+" | "-") => 3,
            "DEFAULT" if next != "(" => 2,
            "COLLATE" | "REFERENCES" | "NOT" => 2,
            _ => 1,
        };
    }
    let ends = starts.iter().skip(1).copied().chain([tokens.len()]);
    let cut = starts
        .iter()
        .zip(ends)
        .map(|(&start, end)| &tokens[start..end]);
    let first = starts.first().copied().unwrap_or(tokens.len());
    // A name that names nothing is legal, and no clause.
    let real = |clause: &&[Token<'_>]| clause[0].word() != "CONSTRAINT" || clause.len() > 2;
    (&tokens[..first], cut.filter(real).collect())
}

/// The tokens inside a clause's first parentheses.
pub(crate) fn parenthesised<'t, 's>(tokens: &'t [Token<'s>]) -> &'t [Token<'s>] {
    let Some(open) = tokens.iter().position(|token| token.text == "(") else {
        return &[];
    };
    let mut depth = 0;
    for (at, token) in tokens.iter().enumerate().skip(open) {
        depth += token.nesting();
        if depth == 0 {
            return &tokens[open + 1..at];
        }
    }
    &tokens[open + 1..]
}

pub(crate) fn span(tokens: &[Token<'_>]) -> Range<usize> {
    match (tokens.first(), tokens.last()) {
        (Some(first), Some(last)) => first.start..last.start + last.text.len(),
        _ => 0..0,
    }
}

/// `x.` before a column, where `x` is the table itself.
fn own_qualifiers(tokens: &[Token<'_>], table: &str) -> Vec<Range<usize>> {
    tokens
        .windows(3)
        .filter(|three| {
            same_name(&three[0].name(), table) && three[1].text == "." && three[2].text != "*"
        })
        .map(|three| three[0].start..three[2].start)
        .collect()
}

fn without(text: &str, cuts: impl Iterator<Item = Range<usize>>) -> String {
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

/// A type's name in capitals, with single spaces.
fn declared(tokens: &[Token<'_>]) -> String {
    let mut made = String::new();
    for (index, token) in tokens.iter().enumerate() {
        let tight = matches!(token.text, "(" | ")" | ",")
            || (index > 0 && matches!(tokens[index - 1].text, "(" | "+" | "-"));
        if index > 0 && !tight {
            made.push(' ');
        }
        made += &token.name().to_ascii_uppercase();
    }
    made
}

fn unquoted(name: &str) -> String {
    Tokens::new(name)
        .next()
        .map_or_else(String::new, |token| token.name().into_owned())
}

fn folded(name: &str) -> String {
    unquoted(name).to_ascii_lowercase()
}

/// What the clauses of one table are read with.
struct Reading<'r> {
    text: &'r str,
    table: &'r str,
    names: &'r [String],
}

impl Reading<'_> {
    fn slice(&self, tokens: &[Token<'_>]) -> &str {
        &self.text[span(tokens)]
    }

    fn normal(&self, tokens: &[Token<'_>]) -> String {
        normal(tokens, Some(self.names), self.table)
    }

    fn default(&self, value: &Expr<'_>, tokens: &[Token<'_>]) -> Default {
        let at = tokens.iter().position(|token| token.word() == "DEFAULT");
        let mut inside = &tokens[at.map_or(0, |at| at + 1)..];
        let text = self.slice(inside).to_owned();
        let constant = is_literal(value);
        while let [open, middle @ .., close] = inside
            && (open.text, close.text) == ("(", ")")
            && parenthesised(inside).len() == middle.len()
        {
            inside = middle;
        }
        // In a default a name is a text: there is no column to mean.
        let name = match (value, inside) {
            (Expr::Id(_) | Expr::Name(_), [token])
                if !["TRUE", "FALSE"].contains(&token.word().as_str()) =>
            {
                Some(string(&token.name()))
            }
            _ => None,
        };
        Default {
            normal: name.clone().unwrap_or_else(|| normal(inside, None, "")),
            value: name.unwrap_or(text),
            constant,
        }
    }

    fn rule(&self, constraint: &TableConstraint<'_>, tokens: &[Token<'_>]) -> Rule {
        match constraint {
            TableConstraint::PrimaryKey {
                columns,
                auto_increment,
                conflict_clause,
            } => Rule::PrimaryKey {
                key: key(columns),
                conflict: (*conflict_clause).into(),
                autoincrement: *auto_increment,
                descending_column: false,
            },
            TableConstraint::Unique {
                columns,
                conflict_clause,
            } => Rule::Unique {
                key: key(columns),
                conflict: (*conflict_clause).into(),
            },
            TableConstraint::Check(..) => Rule::Check {
                normal: self.normal(parenthesised(tokens)),
            },
            TableConstraint::ForeignKey {
                columns, clause, ..
            } => Rule::ForeignKey(foreign_key(indexed(columns), clause, tokens)),
        }
    }
}

/// Whether a DEFAULT is one value for all rows at any time. ADD COLUMN takes no other on a table
/// with rows.
fn is_literal(value: &Expr<'_>) -> bool {
    match value {
        Expr::Literal(literal) => !matches!(
            literal,
            Literal::CurrentDate | Literal::CurrentTime | Literal::CurrentTimestamp
        ),
        Expr::Unary(_, value) => is_literal(value),
        Expr::Parenthesized(values) => values.len() == 1 && values.iter().all(is_literal),
        Expr::Id(_) | Expr::Name(_) => true,
        _ => false,
    }
}

fn key(columns: &[SortedColumn<'_>]) -> Vec<KeyPart> {
    columns
        .iter()
        .map(|sorted| {
            let (column, collation) = match &sorted.expr {
                Expr::Collate(column, collation) => (*column, Some(folded(collation))),
                column => (column, None),
            };
            let column = match column {
                Expr::Id(id) => folded(id.0),
                Expr::Name(name) => folded(name.0),
                Expr::Literal(Literal::String(name)) => folded(name),
                other => other.to_string().to_ascii_lowercase(),
            };
            KeyPart {
                column,
                collation,
                descending: sorted.order == Some(SortOrder::Desc),
            }
        })
        .collect()
}

fn indexed(columns: &[IndexedColumn<'_>]) -> Vec<String> {
    columns
        .iter()
        .map(|column| folded(column.col_name.0))
        .collect()
}

fn foreign_key(
    columns: Vec<String>,
    clause: &ForeignKeyClause<'_>,
    tokens: &[Token<'_>],
) -> ForeignKey {
    const NO_ACTION: &str = "NO ACTION";
    let action = |action: &RefAct| match action {
        RefAct::SetNull => "SET NULL",
        RefAct::SetDefault => "SET DEFAULT",
        RefAct::Cascade => "CASCADE",
        RefAct::Restrict => "RESTRICT",
        RefAct::NoAction => NO_ACTION,
    };
    let mut key = ForeignKey {
        columns,
        parent: folded(clause.tbl_name.0),
        to: clause.columns.map(indexed).unwrap_or_default(),
        on_delete: NO_ACTION,
        on_update: NO_ACTION,
        matching: None,
        deferred: is_deferred(tokens),
    };
    for argument in clause.args {
        match argument {
            RefArg::OnDelete(on) => key.on_delete = action(on),
            RefArg::OnUpdate(on) => key.on_update = action(on),
            RefArg::Match(name) => key.matching = Some(folded(name.0)),
            RefArg::OnInsert(_) => {}
        }
    }
    key
}

/// `DEFERRABLE INITIALLY DEFERRED`; every other spelling is immediate
/// (<https://sqlite.org/foreignkeys.html#fk_deferred>). In a column's definition the parser
/// has it as a clause of its own.
fn is_deferred(tokens: &[Token<'_>]) -> bool {
    let words: Vec<String> = tokens.iter().map(Token::word).collect();
    let deferrable = words.iter().position(|word| word == "DEFERRABLE");
    let never = deferrable.is_some_and(|at| at > 0 && words[at - 1] == "NOT");
    let initially = words
        .windows(2)
        .any(|two| two[0] == "INITIALLY" && two[1] == "DEFERRED");
    deferrable.is_some() && !never && initially
}

/// SQL text as it is compared: without comments, space, letter case of names, quotes, and the
/// words that may be left out. `columns` are the names that a token in double quotes can mean;
/// one that is none of them is a text
/// (<https://sqlite.org/quirks.html#double_quoted_string_literals_are_accepted>). Without
/// them every such token is a name. `own` is the table whose qualifier says nothing.
pub(crate) fn normal(tokens: &[Token<'_>], columns: Option<&[String]>, own: &str) -> String {
    /// Names that would be read as values without their quotes.
    const VALUES: [&str; 6] = [
        "null",
        "true",
        "false",
        "current_time",
        "current_date",
        "current_timestamp",
    ];
    let mut made: Vec<String> = Vec::with_capacity(tokens.len());
    let mut skip = 0;
    for (at, token) in tokens.iter().enumerate() {
        if skip > 0 {
            skip -= 1;
            continue;
        }
        let next = tokens.get(at + 1);
        let is_next = |text: &str| next.is_some_and(|next| next.text == text);
        let qualifies = is_next(".") && tokens.get(at + 2).is_some_and(|column| column.text != "*");
        if !own.is_empty() && qualifies && same_name(&token.name(), own) {
            skip = 1;
            continue;
        }
        made.push(match token.kind {
            TokenKind::Quoted => {
                let name = token.name();
                let is_text = match token.text.as_bytes().first() {
                    Some(b'\'') => true,
                    Some(b'"') => {
                        columns.is_some_and(|columns| !columns.iter().any(|c| same_name(c, &name)))
                    }
                    _ => false,
                };
                let folded = name.to_ascii_lowercase();
                match is_text {
                    true => string(&name),
                    false if VALUES.contains(&folded.as_str()) => quote(&folded),
                    false => folded,
                }
            }
            TokenKind::Symbol if token.text == "=" && is_next("=") => {
                skip = 1;
                "=".into()
            }
            TokenKind::Symbol if token.text == "<" && is_next(">") => {
                skip = 1;
                "! =".into()
            }
            _ => token.text.to_ascii_lowercase(),
        });
    }
    made.join(" ")
}

fn string(text: &str) -> String {
    format!("'{}'", text.replace('\'', "''"))
}

/// Whether two statements say the same, where they are no tables. `own` is the table whose
/// qualifier says nothing.
pub(crate) fn same_statements(one: &str, other: &str, own: &str) -> bool {
    if normal_object(one, own) != normal_object(other, own) {
        return false;
    }
    // What double quotes hold may be a text, in which letter case counts.
    let texts = |sql: &str| -> Vec<String> {
        let tokens = Tokens::new(sql).filter(|token| token.text.starts_with('"'));
        tokens.map(|token| token.name().into_owned()).collect()
    };
    let (one, other) = (texts(one), texts(other));
    one.len() != other.len() || one == other
}

/// A statement as it is compared, where it is no table.
fn normal_object(sql: &str, own: &str) -> String {
    let tokens: Vec<Token<'_>> = Tokens::new(sql).collect();
    let mut text = normal(&tokens, None, own);
    // Words that say what is so anyway.
    for (words, instead) in [
        (" for each row ", " "),
        (" asc ,", " ,"),
        (" asc )", " )"),
        (" temp ", " "),
    ] {
        text = text.replace(words, instead);
    }
    text
}

/// A name as people write it: bare where nothing speaks against it, else in quotes.
pub(crate) fn plain(name: &str) -> String {
    let bytes = name.as_bytes();
    let letter = |byte: &u8| byte.is_ascii_alphabetic() || *byte == b'_' || !byte.is_ascii();
    let simple = bytes.first().is_some_and(letter)
        && bytes
            .iter()
            .all(|byte| letter(byte) || byte.is_ascii_digit());
    // The parser's table of keywords takes no word that is shorter than the shortest of them.
    let is_keyword = bytes.len() >= 2 && sqlite3_parser::dialect::keyword_token(bytes).is_some();
    match simple && !is_keyword {
        true => name.to_owned(),
        false => quote(name),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn parsed(sql: &str) -> Definition {
        Definition::parse(sql).unwrap_or_else(|reason| panic!("{sql}: {reason}"))
    }

    #[test]
    fn every_clause_is_read_and_cut_out_as_it_was_written() {
        let table = parsed(
            "CREATE TABLE main.\"we\"\"ird\" ( -- note\n\
             id INTEGER CONSTRAINT pk PRIMARY KEY ON CONFLICT FAIL AUTOINCREMENT,\n\
             a DOUBLE PRECISION NOT NULL DEFAULT -5 CHECK (a > 0) COLLATE nocase,\n\
             b TEXT DEFAULT NULL NULL REFERENCES p (x) ON DELETE SET NULL DEFERRABLE INITIALLY DEFERRED,\n\
             c GENERATED ALWAYS AS (a /* , */ + 1) STORED UNIQUE,\n\
             [d e] VARCHAR( 10 , 2 ) DEFAULT ((1 + 1)), 'f',\n\
             CONSTRAINT u UNIQUE (a COLLATE binary, b DESC) CHECK (\"we\"\"ird\".a <> ')') FOREIGN KEY (b, c) REFERENCES q NOT DEFERRABLE\n\
             ) STRICT ;",
        );
        assert_eq!(table.name, "we\"ird");
        assert!(table.strict && !table.without_rowid && table.autoincrement());
        let columns: Vec<_> = table
            .columns
            .iter()
            .map(|c| (c.name.as_str(), c.declared.as_str(), c.not_null.is_some()))
            .collect();
        assert_eq!(
            columns,
            [
                ("id", "INTEGER", false),
                ("a", "DOUBLE PRECISION", true),
                ("b", "TEXT", false),
                ("c", "", false),
                ("d e", "VARCHAR(10, 2)", false),
                ("f", "", false),
            ]
        );
        let texts: Vec<&str> = table.constraints.iter().map(|c| c.text.as_str()).collect();
        assert_eq!(
            texts,
            [
                "CONSTRAINT pk PRIMARY KEY ON CONFLICT FAIL AUTOINCREMENT",
                "CHECK (a > 0)",
                "REFERENCES p (x) ON DELETE SET NULL DEFERRABLE INITIALLY DEFERRED",
                "UNIQUE",
                "CONSTRAINT u UNIQUE (a COLLATE binary, b DESC)",
                "CHECK (\"we\"\"ird\".a <> ')')",
                "FOREIGN KEY (b, c) REFERENCES q NOT DEFERRABLE",
            ]
        );
        let deferred: Vec<bool> = table.foreign_keys().map(|key| key.deferred).collect();
        assert_eq!(deferred, [true, false]);
        let generated = table.columns[3].generated.as_ref().unwrap();
        assert_eq!(
            (generated.normal.as_str(), generated.stored),
            ("a + 1", true)
        );
        let defaults: Vec<_> = table
            .columns
            .iter()
            .filter_map(|c| c.default.as_ref())
            .map(|d| (d.text.as_str(), d.constant, d.is_a_value()))
            .collect();
        assert_eq!(
            defaults,
            [
                ("-5", true, true),
                ("NULL", true, false),
                ("((1 + 1))", false, false)
            ]
        );
        assert!(table.create_as("x").starts_with("CREATE TABLE main.x ("));
        assert!(table.create_as("x").contains("CHECK (a <> ')')"));
    }

    #[test]
    fn a_note_belongs_to_the_line_it_ends_and_a_line_of_its_own_to_the_next_column() {
        let table = parsed(
            "CREATE TABLE t ( -- was: old\n\
             a INT, -- was: \"a b\"\n\
             -- using: lower(x), 1\n\
             b TEXT,\n\
             c INT -- using: a + 1\n\
             -- was: z\n\
             )",
        );
        assert_eq!(table.was.as_deref(), Some("old"));
        let notes: Vec<_> = table
            .columns
            .iter()
            .map(|c| (c.was.as_deref(), c.using.as_deref()))
            .collect();
        assert_eq!(
            notes,
            [
                (Some("a b"), None),
                (None, Some("lower(x), 1")),
                (Some("z"), Some("a + 1")),
            ]
        );
        assert!(!table.text().contains("--"), "{}", table.text());
    }

    #[test]
    fn the_rowid_is_told_from_what_only_looks_like_it() {
        let cases = [
            ("id INTEGER PRIMARY KEY", Some("id")),
            ("id integer, PRIMARY KEY (ID DESC)", Some("id")),
            ("id INTEGER PRIMARY KEY DESC", None),
            ("id INT PRIMARY KEY", None),
            ("id INTEGER, b, PRIMARY KEY (id, b)", None),
            ("id INTEGER", None),
        ];
        for (columns, expected) in cases {
            let table = parsed(&format!("CREATE TABLE t ({columns})"));
            let found = table.rowid_column().map(|column| column.name.as_str());
            assert_eq!(found, expected, "{columns}");
        }
        let alias = |columns: &str| parsed(&format!("CREATE TABLE t ({columns})")).rowid_alias();
        assert_eq!(alias("a"), Some("rowid"));
        assert_eq!(alias("ROWID, a"), Some("_rowid_"));
        assert_eq!(alias("rowid, oid, _rowid_"), None);
        assert_eq!(
            parsed("CREATE TABLE t (a PRIMARY KEY) WITHOUT ROWID").rowid_alias(),
            None
        );
    }

    #[test]
    fn what_is_no_list_of_columns_is_refused_with_a_sentence() {
        for sql in [
            "CREATE TABLE t AS SELECT 1",
            "CREATE TABLE t (a, b",
            "CREATE VIEW v AS SELECT 1",
            "",
            "CREATE TABLE",
            "CREATE TABLE t (a CHECK)",
        ] {
            assert!(Definition::parse(sql).is_err(), "{sql}");
        }
    }

    #[test]
    fn normal_text_forgets_spelling_and_keeps_meaning() {
        let text = |sql: &str| {
            let tokens: Vec<Token<'_>> = Tokens::new(sql).collect();
            normal(&tokens, Some(&["a".into(), "null".into()]), "t")
        };
        for same in ["a != 'X'", "[A]<>'X' -- note", "t.\"a\" <> 'X'", "`a`!='X'"] {
            assert_eq!(text(same), text("a <> 'X'"), "{same}");
        }
        for other in ["a <> 'x'", "\"b\" <> 'X'", "b <> 'X'", "a = 'X'"] {
            assert_ne!(text(other), text("a <> 'X'"), "{other}");
        }
        // A name in double quotes that is no column is a text, and a column called null is none.
        assert_eq!(text("\"b\""), text("'b'"));
        assert_ne!(text("\"null\""), text("null"));
    }

    #[test]
    fn names_are_bare_where_nothing_speaks_against_it() {
        let cases = [
            ("name", "name"),
            ("größe", "größe"),
            ("x1_", "x1_"),
            ("x", "x"),
            ("1x", "\"1x\""),
            ("a b", "\"a b\""),
            ("select", "\"select\""),
            ("Order", "\"Order\""),
            ("we\"ird", "\"we\"\"ird\""),
            ("", "\"\""),
        ];
        for (name, written) in cases {
            assert_eq!(plain(name), written);
        }
    }
}
