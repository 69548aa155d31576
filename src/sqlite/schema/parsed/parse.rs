//! A CREATE TABLE statement, taken apart.
//!
//! Read from tokens, by the words that begin a clause: all of them are reserved, so none can be a
//! name. Every piece of SQL that is written again is cut from the text that somebody wrote, at the
//! boundaries of tokens, and expressions are compared as normal text ([`normal`]). Whether a
//! statement is right is for SQLite to say, which has accepted each text that comes from a
//! database, and runs everything that is made of one; here only what has no list of columns, or a
//! clause that nobody knows, is refused.

use crate::sqlite::schema::parsed::annotations::{Annotation, Former, notes};
use crate::sqlite::schema::parsed::canonical::{normal, string};
use crate::sqlite::schema::parsed::clauses::{
    ClauseLayout, begins_in_column, begins_in_table, clauses, items, own_qualifiers, parenthesised,
    span, without,
};
use crate::sqlite::schema::parsed::table::{
    ColumnDefinition, Conflict, Constraint, Default, Definition, ForeignKey, GeneratedColumn,
    KeyPart, Rule,
};
use crate::sqlite::sql::name::same_name;
use crate::sqlite::sql::token::{BOM, Lexeme, LexemeKind, Lexemes, Token, TokenKind, Tokens};

impl Definition {
    /// Takes a CREATE TABLE statement apart.
    ///
    /// # Errors
    /// A sentence for what the parser does not take, or what is not a list of columns.
    pub(crate) fn parse(sql: &str) -> Result<Definition, String> {
        // The end to SQLite, and what the parser panics over in a name.
        if sql.contains('\0') {
            return Err("a NUL character is in it; remove it".into());
        }
        // Space to SQLite, and a name to the parser.
        if Lexemes::new(sql).any(|lexeme| is_mark(&lexeme)) {
            return Err("a byte order mark is in it; remove it".into());
        }
        let all: Vec<Token<'_>> = Tokens::new(sql).collect();
        let noted = notes(sql);
        // Annotations are spoken to heirloom, and have no business in the database.
        let text = without(sql, noted.iter().map(|note| note.at.clone()));
        let tokens: Vec<Token<'_>> = Tokens::new(&text).collect();
        let layout = ClauseLayout::of(&tokens)
            .ok_or("only CREATE TABLE with a list of columns can be taken apart")?;
        let (columns, constraints) = layout.columns_and_constraints();
        if columns.is_empty() || layout.items.iter().any(|item| item.is_empty()) {
            return Err("a column is missing in its list".into());
        }
        let names: Vec<String> = columns
            .iter()
            .map(|item| item[0].name().into_owned())
            .collect();
        let options = Options::of(layout.behind)?;
        let name = layout.name.name().into_owned();
        let last = tokens
            .iter()
            .rfind(|token| token.kind != TokenKind::Semicolon);
        let end = last.map_or(0, |token| token.start + token.text.len());
        let reading = Reading {
            text: &text,
            table: &name,
            names: &names,
        };
        let mut definition = Definition {
            columns: Vec::with_capacity(columns.len()),
            constraints: Vec::new(),
            without_rowid: options.without_rowid,
            strict: options.strict,
            formers: Vec::new(),
            keyed: Vec::new(),
            name_at: span(&[layout.name]),
            own_qualifiers: own_qualifiers(&layout.items.concat(), &name),
            text: text[..end].to_owned(),
            name: name.clone(),
        };
        for (item, column_name) in columns.iter().zip(&names) {
            let (kind, clauses) = clauses(&item[1..], begins_in_column);
            let mut made = ColumnDefinition {
                name: column_name.clone(),
                declared: declared(kind),
                not_null: None,
                keyed_not_null: false,
                is_rowid: false,
                default: None,
                collation: None,
                generated: None,
                using: None,
                text: reading.slice(item).to_owned(),
            };
            for tokens in clauses {
                let clause = Clause::of(tokens);
                let rule = match clause.begins.as_str() {
                    "NULL" => continue,
                    "NOT" => {
                        made.not_null = Some(clause.conflict()?);
                        continue;
                    }
                    "DEFAULT" => {
                        made.default = Some(reading.default(tokens)?);
                        continue;
                    }
                    "COLLATE" => {
                        made.collation = Some(clause.name_at(1)?);
                        continue;
                    }
                    "GENERATED" | "AS" => {
                        made.generated = Some(GeneratedColumn {
                            text: reading.slice(parenthesised(tokens)).to_owned(),
                            normal: reading.normal(parenthesised(tokens)),
                            stored: clause.says(&["STORED"]),
                        });
                        continue;
                    }
                    "PRIMARY" => Rule::PrimaryKey {
                        key: vec![KeyPart::plain(&made.name)],
                        conflict: clause.conflict()?,
                        autoincrement: clause.says(&["AUTOINCREMENT"]),
                        descending_column: clause.says(&["KEY", "DESC"]),
                    },
                    "UNIQUE" => Rule::Unique {
                        key: vec![KeyPart::plain(&made.name)],
                        conflict: clause.conflict()?,
                    },
                    "CHECK" => reading.check(tokens)?,
                    "REFERENCES" => {
                        Rule::ForeignKey(clause.foreign_key(vec![made.name.to_ascii_lowercase()])?)
                    }
                    _ => return Err(clause.unknown()),
                };
                definition.constraints.push(Constraint {
                    name: clause.name,
                    rule,
                    text: reading.slice(tokens).to_owned(),
                    column: Some(made.name.clone()),
                });
            }
            definition.columns.push(made);
        }
        // The comma between two constraints is optional.
        let rest = constraints.iter();
        for tokens in rest.flat_map(|item| clauses(item, begins_in_table).1) {
            let clause = Clause::of(tokens);
            let rule = match clause.begins.as_str() {
                "PRIMARY" => Rule::PrimaryKey {
                    key: reading.key(tokens),
                    conflict: clause.conflict()?,
                    autoincrement: parenthesised(tokens)
                        .last()
                        .is_some_and(|token| token.word() == "AUTOINCREMENT"),
                    descending_column: false,
                },
                "UNIQUE" => Rule::Unique {
                    key: reading.key(tokens),
                    conflict: clause.conflict()?,
                },
                "CHECK" => reading.check(tokens)?,
                "FOREIGN" => Rule::ForeignKey(clause.foreign_key(names_in(parenthesised(tokens)))?),
                _ => return Err(clause.unknown()),
            };
            definition.constraints.push(Constraint {
                name: clause.name,
                rule,
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
        definition.take_notes(sql, &all, noted);
        Ok(definition)
    }

    /// Gives each note to the column or the table it stands at.
    fn take_notes(&mut self, sql: &str, all: &[Token<'_>], noted: Vec<Annotation>) {
        let Some(layout) = ClauseLayout::of(all) else {
            return;
        };
        for note in noted {
            let holders = layout.holders(sql, &note);
            self.take_note(&holders, note);
        }
    }

    /// Takes a note that follows the statement, in its last line.
    pub(crate) fn take_note_behind(&mut self, sql: &str, note: Annotation) {
        let tokens: Vec<Token<'_>> = Tokens::new(sql).collect();
        let (Some(layout), Some(last)) = (ClauseLayout::of(&tokens), tokens.last()) else {
            return;
        };
        let at_its_end = Annotation {
            at: sql.len()..sql.len(),
            follows: Some(last.start),
            ..note
        };
        let holders = layout.holders(sql, &at_its_end);
        self.take_note(&holders, at_its_end);
    }

    fn take_note(&mut self, holders: &[Option<usize>], note: Annotation) {
        // A note beside a constraint speaks of the table.
        let name = |index: &Option<usize>| {
            let column = index.and_then(|index| self.columns.get(index));
            column.map(|column| column.name.clone())
        };
        let holders: Vec<Option<String>> = holders.iter().map(name).collect();
        let column = holders.iter().flatten().next().cloned();
        let mut columns = self.columns.iter_mut();
        let column = columns.find(|c| column.as_ref() == Some(&c.name));
        if let (Some(column), Some(expression)) = (column, note.using) {
            column.using = Some(expression);
        }
        let former = note.was.map(|text| Former { text, holders });
        self.formers.extend(former);
    }
}

/// What follows the list of columns.
#[derive(Debug, Clone, Copy, Default)]
struct Options {
    without_rowid: bool,
    strict: bool,
}

impl Options {
    fn of(tokens: &[Token<'_>]) -> Result<Options, String> {
        let mut options = Options::default();
        let tokens = tokens
            .iter()
            .take_while(|token| token.kind != TokenKind::Semicolon);
        let words: Vec<String> = tokens.map(Token::word).collect();
        for option in words.split(|word| word == ",") {
            match option
                .iter()
                .map(String::as_str)
                .collect::<Vec<_>>()
                .as_slice()
            {
                [] => {}
                ["STRICT"] => options.strict = true,
                ["WITHOUT", "ROWID"] => options.without_rowid = true,
                other => {
                    return Err(format!("`{}` is not an option of a table", other.join(" ")));
                }
            }
        }
        Ok(options)
    }
}

/// A clause of a column or a constraint of the table, by its tokens.
struct Clause<'t, 's> {
    /// Behind `CONSTRAINT`, in small letters.
    name: Option<String>,
    /// The word it begins with, in capitals.
    begins: String,
    /// Without its name.
    tokens: &'t [Token<'s>],
    /// The words outside of parentheses, in capitals.
    words: Vec<String>,
}

impl<'t, 's> Clause<'t, 's> {
    fn of(mut tokens: &'t [Token<'s>]) -> Clause<'t, 's> {
        let mut name = None;
        // Of several names the last one counts.
        while let [first, named, rest @ ..] = tokens
            && first.word() == "CONSTRAINT"
        {
            name = Some(named.name().to_ascii_lowercase());
            tokens = rest;
        }
        let mut depth = 0;
        let outside = tokens.iter().filter(|token| {
            let before = depth;
            depth += token.nesting();
            before == 0 && depth == 0
        });
        Clause {
            name,
            begins: tokens.first().map(Token::word).unwrap_or_default(),
            tokens,
            words: outside.map(Token::word).collect(),
        }
    }

    /// Whether these words follow one another.
    fn says(&self, words: &[&str]) -> bool {
        self.words.windows(words.len()).any(|some| some == words)
    }

    fn unknown(&self) -> String {
        format!("`{}` begins no clause that is known", self.begins)
    }

    /// The name at a place, in small letters.
    fn name_at(&self, at: usize) -> Result<String, String> {
        let token = self.tokens.get(at);
        token
            .map(|token| token.name().to_ascii_lowercase())
            .ok_or_else(|| format!("a name is missing behind `{}`", self.begins))
    }

    /// `ON CONFLICT …`, ABORT where nothing is said
    /// (<https://sqlite.org/lang_conflict.html>).
    fn conflict(&self) -> Result<Conflict, String> {
        let at = self
            .words
            .windows(2)
            .position(|two| two == ["ON", "CONFLICT"]);
        let word = at.map(|at| self.words.get(at + 2).map_or("", String::as_str));
        match word {
            None | Some("ABORT") => Ok(Conflict::Abort),
            Some("ROLLBACK") => Ok(Conflict::Rollback),
            Some("FAIL") => Ok(Conflict::Fail),
            Some("IGNORE") => Ok(Conflict::Ignore),
            Some("REPLACE") => Ok(Conflict::Replace),
            Some(word) => Err(format!("`ON CONFLICT {word}` is not known")),
        }
    }

    /// What follows `REFERENCES`, of these columns.
    fn foreign_key(&self, columns: Vec<String>) -> Result<ForeignKey, String> {
        let at = self
            .tokens
            .iter()
            .position(|token| token.word() == "REFERENCES")
            .ok_or("REFERENCES is missing behind FOREIGN KEY")?;
        let parent = self.name_at(at + 1)?;
        let behind = self.tokens.get(at + 2..).unwrap_or_default();
        let implicit = behind.first().is_none_or(|token| token.text != "(");
        let mut key = ForeignKey {
            columns,
            parent,
            implicit,
            to: match implicit {
                true => Vec::new(),
                false => names_in(parenthesised(behind)),
            },
            on_delete: NO_ACTION,
            on_update: NO_ACTION,
            matching: None,
            deferred: self.says(&["INITIALLY", "DEFERRED"]) && !self.says(&["NOT", "DEFERRABLE"]),
        };
        for (at, token) in behind.iter().enumerate() {
            let next = |ahead: usize| behind.get(at + ahead).map(Token::word).unwrap_or_default();
            match (token.word().as_str(), next(1).as_str()) {
                ("ON", "DELETE") => key.on_delete = action(&next(2), &next(3))?,
                ("ON", "UPDATE") => key.on_update = action(&next(2), &next(3))?,
                ("MATCH", name) => key.matching = Some(folded(name)),
                _ => {}
            }
        }
        Ok(key)
    }
}

const NO_ACTION: &str = "NO ACTION";

fn action(first: &str, second: &str) -> Result<&'static str, String> {
    match (first, second) {
        ("SET", "NULL") => Ok("SET NULL"),
        ("SET", "DEFAULT") => Ok("SET DEFAULT"),
        ("CASCADE", _) => Ok("CASCADE"),
        ("RESTRICT", _) => Ok("RESTRICT"),
        ("NO", "ACTION") => Ok(NO_ACTION),
        _ => Err(format!(
            "`{first} {second}` is not an action of a reference"
        )),
    }
}

/// The names that commas keep apart, in small letters.
fn names_in(tokens: &[Token<'_>]) -> Vec<String> {
    let items = items(tokens);
    let firsts = items.iter().filter_map(|item| item.first());
    firsts
        .map(|token| token.name().to_ascii_lowercase())
        .collect()
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

fn is_mark(lexeme: &Lexeme<'_>) -> bool {
    lexeme.kind == LexemeKind::Space && lexeme.text.starts_with(BOM)
}

fn folded(name: &str) -> String {
    let token = Tokens::new(name).next();
    token.map_or_else(String::new, |token| token.name().to_ascii_lowercase())
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

    fn default(&self, tokens: &[Token<'_>]) -> Result<Default, String> {
        let at = tokens.iter().position(|token| token.word() == "DEFAULT");
        let mut inside = &tokens[at.map_or(0, |at| at + 1)..];
        if inside.is_empty() {
            return Err("a value is missing behind DEFAULT".into());
        }
        let text = self.slice(inside).to_owned();
        let constant = is_literal(inside);
        let parentheses = inside[0].text == "(";
        while let [open, middle @ .., close] = inside
            && (open.text, close.text) == ("(", ")")
            && parenthesised(inside).len() == middle.len()
        {
            inside = middle;
        }
        // In a default a name is a text: there is no column to mean.
        let name = match inside {
            [token] if !parentheses && is_name(token) => Some(string(&token.name())),
            _ => None,
        };
        Ok(Default {
            normal: name.clone().unwrap_or_else(|| normal(inside, None, "")),
            value: name.unwrap_or(text),
            constant,
        })
    }

    fn check(&self, tokens: &[Token<'_>]) -> Result<Rule, String> {
        match parenthesised(tokens) {
            [] => Err("a condition is missing behind CHECK".into()),
            condition => Ok(Rule::Check {
                normal: self.normal(condition),
            }),
        }
    }

    /// The columns of a key, with their collations and directions.
    fn key(&self, tokens: &[Token<'_>]) -> Vec<KeyPart> {
        let parts = items(parenthesised(tokens));
        let parts = parts.iter().filter(|part| !part.is_empty());
        parts
            .map(|part| {
                let word = |at: usize| part.get(at).map(Token::word).unwrap_or_default();
                let collation = (1..part.len())
                    .find(|&at| word(at) == "COLLATE")
                    .and_then(|at| part.get(at + 1))
                    .map(|token| token.name().to_ascii_lowercase());
                KeyPart {
                    column: part[0].name().to_ascii_lowercase(),
                    collation,
                    descending: (1..part.len()).any(|at| word(at) == "DESC"),
                }
            })
            .collect()
    }
}

/// Whether a DEFAULT is one value for all rows at any time. ADD COLUMN takes no other on a table
/// with rows. What stands in parentheses is one where a single value stands in them.
fn is_literal(tokens: &[Token<'_>]) -> bool {
    match tokens {
        [token] => match token.kind {
            TokenKind::Word => !token.word().starts_with("CURRENT_"),
            TokenKind::Quoted => true,
            TokenKind::Symbol | TokenKind::Semicolon => false,
        },
        [sign, rest @ ..] if ["+", "-", "~"].contains(&sign.text) || sign.word() == "NOT" => {
            is_literal(rest)
        }
        // A blob, whose letter is a token of its own.
        [letter, text] if letter.word() == "X" => text.text.starts_with('\''),
        [first, ..] if is_number(first, tokens) => true,
        [open, middle @ .., close] if (open.text, close.text) == ("(", ")") => is_literal(middle),
        _ => false,
    }
}

/// Whether a token is a name where a value is meant: neither a number, nor a string, nor one of
/// the words that are values.
fn is_name(token: &Token<'_>) -> bool {
    const VALUES: [&str; 6] = [
        "NULL",
        "TRUE",
        "FALSE",
        "CURRENT_TIME",
        "CURRENT_DATE",
        "CURRENT_TIMESTAMP",
    ];
    match token.kind {
        TokenKind::Quoted => !token.text.starts_with('\''),
        TokenKind::Word => {
            !token.text.starts_with(|c: char| c.is_ascii_digit())
                && !VALUES.contains(&token.word().as_str())
        }
        TokenKind::Symbol | TokenKind::Semicolon => false,
    }
}

/// Whether tokens are one number: `1.5e-3` is several of them without space in between.
fn is_number(first: &Token<'_>, tokens: &[Token<'_>]) -> bool {
    let begins = first.text.starts_with(|c: char| c.is_ascii_digit()) || first.text == ".";
    let mut end = first.start;
    let mut exponent = false;
    begins
        && tokens.iter().all(|token| {
            let touches =
                std::mem::replace(&mut end, token.start + token.text.len()) == token.start;
            let belongs = match token.kind {
                TokenKind::Word => true,
                TokenKind::Symbol => {
                    token.text == "." || (exponent && ["+", "-"].contains(&token.text))
                }
                TokenKind::Quoted | TokenKind::Semicolon => false,
            };
            exponent = token.text.ends_with(['e', 'E']) && !token.word().starts_with("0X");
            touches && belongs
        })
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
            .map(|d| (d.value.as_str(), d.constant, d.is_a_value()))
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

    /// What the likeliest holder of a note was called: a column, or the table.
    fn was<'t>(table: &'t Definition, holder: Option<&str>) -> Option<&'t str> {
        let mut formers = table.formers.iter().rev();
        let former = formers.find(|former| former.holders[0].as_deref() == holder)?;
        Some(&former.text)
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
        assert_eq!(was(&table, None), Some("old"));
        let notes: Vec<_> = table
            .columns
            .iter()
            .map(|c| (was(&table, Some(&c.name)), c.using.as_deref()))
            .collect();
        assert_eq!(
            notes,
            [
                (Some("\"a b\""), None),
                (None, Some("lower(x), 1")),
                (Some("z"), Some("a + 1")),
            ]
        );
        assert!(!table.text().contains("--"), "{}", table.text());
    }

    #[test]
    fn a_note_in_a_line_with_several_may_speak_of_each() {
        let cases = [
            (
                "CREATE TABLE t (a, b -- was: x\n)",
                ["b", "a", ""].as_slice(),
            ),
            ("CREATE TABLE t (\na, b, -- was: x\nc)", &["b", "a"]),
            ("CREATE TABLE t (\na\n, -- was: x\nb)", &["a"]),
            ("CREATE TABLE t (a, -- was: x\nb)", &["a", ""]),
            ("CREATE TABLE t ( -- was: x\na)", &[""]),
            ("CREATE TABLE t\n(a CHECK (\na > 0), -- was: x\nb)", &["a"]),
            ("CREATE TABLE t (\na\n) -- was: x\n", &["", "a"]),
            ("CREATE TABLE t (\na,\n-- was: x\nb)", &["b"]),
        ];
        let holders = |table: &Definition| -> Vec<String> {
            let all = table.formers.iter().flat_map(|former| &former.holders);
            all.map(|holder| holder.clone().unwrap_or_default())
                .collect()
        };
        for (sql, expected) in cases {
            assert_eq!(holders(&parsed(sql)), expected, "{sql}");
        }
        for (sql, expected) in [
            ("CREATE TABLE t (a, b)", ["b", "a", ""].as_slice()),
            ("CREATE TABLE t (\na,\nb)", &["b"]),
            ("CREATE TABLE t (\na,\nb\n) STRICT", &["", "b"]),
        ] {
            let mut table = parsed(sql);
            table.take_note_behind(sql, notes("-- was: x").remove(0));
            assert_eq!(holders(&table), expected, "{sql}");
        }
    }

    #[test]
    fn what_stands_behind_the_statement_is_no_part_of_it() {
        let table = parsed("CREATE TABLE t (a) STRICT ;; -- note\n;/* open ");
        assert_eq!(table.text(), "CREATE TABLE t (a) STRICT");
    }

    /// A fuzzer wrote it: the words were taken for a part of the type.
    #[test]
    fn a_deferral_without_a_reference_is_no_part_of_the_type() {
        let table = parsed("CREATE TABLE t (a INT NOT DEFERRABLE, b TEXT DEFERRABLE, c NOT NULL)");
        let declared: Vec<&str> = table.columns.iter().map(|c| c.declared.as_str()).collect();
        assert_eq!(declared, ["INT", "TEXT", ""]);
        assert!(table.columns[2].is_not_null());
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
            // A fuzzer made a column of the mark.
            "CREATE TABLE t (\u{feff} a)",
            // And the parser panicked.
            "CREATE TABLE t ([\0d e], f)",
        ] {
            assert!(Definition::parse(sql).is_err(), "{sql}");
        }
    }

    #[test]
    fn a_reference_is_deferred_where_it_says_so_in_full() {
        let cases = [
            ("", false),
            ("DEFERRABLE", false),
            ("DEFERRABLE INITIALLY IMMEDIATE", false),
            ("DEFERRABLE INITIALLY DEFERRED", true),
            ("NOT DEFERRABLE", false),
            ("NOT DEFERRABLE INITIALLY DEFERRED", false),
        ];
        for (words, deferred) in cases {
            for table in [
                format!("CREATE TABLE t (a REFERENCES p {words})"),
                format!("CREATE TABLE t (a, FOREIGN KEY (a) REFERENCES p {words})"),
            ] {
                let table = parsed(&table);
                let key = table.foreign_keys().next().unwrap();
                assert_eq!(key.deferred, deferred, "{words}");
            }
        }
    }

    #[test]
    fn a_table_is_found_behind_whatever_stands_before_its_name() {
        for sql in [
            "CREATE TABLE t (a, b)",
            "CREATE TABLE main.t (a, b)",
            "CREATE TEMP TABLE t (a, b)",
            "CREATE TABLE IF NOT EXISTS t (a, b)",
            "CREATE TABLE IF NOT EXISTS main . t (a, b)",
            // A name that names nothing.
            "CREATE TABLE t (a CONSTRAINT c, b CONSTRAINT d)",
        ] {
            let table = parsed(sql);
            let names: Vec<&str> = table.columns.iter().map(|c| c.name.as_str()).collect();
            assert_eq!((table.name.as_str(), names), ("t", vec!["a", "b"]), "{sql}");
            assert_eq!(&table.text[table.name_at.clone()], "t", "{sql}");
        }
        assert_eq!(parsed("CREATE TABLE \"if\" (a)").name, "if");
        assert_eq!(parsed("CREATE TABLE \"if\".\"not\" (a)").name, "not");
    }

    #[test]
    fn a_default_is_a_value_over_a_row_in_which_a_name_is_a_text() {
        let cases = [
            ("1", "1", "1", true),
            ("((1))", "((1))", "1", true),
            ("(1) ", "(1)", "1", true),
            ("((1) + (2))", "((1) + (2))", "( 1 ) + ( 2 )", false),
            ("-1", "-1", "- 1", true),
            ("true", "true", "true", true),
            ("False", "False", "false", true),
            ("b", "'b'", "'b'", true),
            ("\"it's\"", "'it''s'", "'it''s'", true),
            ("NULL", "NULL", "null", true),
            ("- NULL UNIQUE", "- NULL", "- null", true),
            ("+ 'x' COLLATE NOCASE", "+ 'x'", "+ 'x'", true),
            ("CURRENT_DATE", "CURRENT_DATE", "current_date", false),
            ("(random())", "(random())", "random ( )", false),
        ];
        for (default, value, normal, constant) in cases {
            let table = parsed(&format!("CREATE TABLE t (a DEFAULT {default}, b)"));
            let expected = Default {
                value: value.into(),
                normal: normal.into(),
                constant,
            };
            assert_eq!(table.columns[0].default, Some(expected), "{default}");
        }
    }

    #[test]
    fn notes_go_with_their_line_where_it_holds_nothing_else() {
        let table = parsed(
            "CREATE TABLE t ( -- was: s\n\
             a, -- was: b\n\
             -- was: d\n\
             c,\n\
             \n\
             e -- using: a\n\
             -- a word to the reader\n\
             )",
        );
        assert_eq!(
            table.text,
            "CREATE TABLE t (\na,\nc,\n\ne\n-- a word to the reader\n)"
        );
        let names = table.columns.iter().map(|c| was(&table, Some(&c.name)));
        assert_eq!(names.collect::<Vec<_>>(), [Some("b"), Some("d"), None]);
        assert_eq!(was(&table, None), Some("s"));
        assert_eq!(table.columns[2].using.as_deref(), Some("a"));
    }
}
