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

use sqlite3_parser::ast::{
    Cmd, ColumnConstraint, CreateTableBody, Expr, ForeignKeyClause, IndexedColumn, Literal, RefAct,
    RefArg, ResolveType, SortOrder, SortedColumn, Stmt, TabFlags, TableConstraint,
};
use sqlite3_parser::lexer::sql::Parser;
use sqlite3_parser::{Bump, FallibleIterator};

use crate::devtools::model::annotations::{Annotation, Former, notes};
use crate::devtools::model::canonical::{normal, string};
use crate::devtools::model::clauses::{
    ClauseLayout, begins_in_column, begins_in_table, clauses, own_qualifiers, parenthesised, span,
    without,
};
use crate::devtools::model::table::{
    ColumnDefinition, Conflict, Constraint, Default, Definition, ForeignKey, GeneratedColumn,
    KeyPart, Rule,
};
use crate::sqlite::sql::name::same_name;
use crate::sqlite::sql::token::{BOM, Lexeme, LexemeKind, Lexemes, Token, TokenKind, Tokens};

impl Definition {
    /// Takes a CREATE TABLE statement apart.
    ///
    /// # Errors
    /// A sentence for what the parser does not take, or what is no list of columns.
    pub(crate) fn parse(sql: &str) -> Result<Definition, String> {
        // The end to SQLite, and what the parser panics over in a name.
        if sql.contains('\0') {
            return Err("a NUL character stands in it; remove it".into());
        }
        // Space to SQLite, and a name to the parser.
        if Lexemes::new(sql).any(|lexeme| is_mark(&lexeme)) {
            return Err("a byte order mark stands in it; remove it".into());
        }
        let all: Vec<Token<'_>> = Tokens::new(sql).collect();
        let noted = notes(sql);
        // Annotations are spoken to heirloom, and have no business in the database.
        let text = without(sql, noted.iter().map(|note| note.at.clone()));
        let tokens: Vec<Token<'_>> = Tokens::new(&text).collect();
        let layout = ClauseLayout::of(&tokens)
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
            without_rowid: flags.contains(TabFlags::WithoutRowid),
            strict: flags.contains(TabFlags::Strict),
            formers: Vec::new(),
            keyed: Vec::new(),
            name_at: span(&[layout.name]),
            own_qualifiers: own_qualifiers(&layout.items.concat(), &name),
            text: text[..end].to_owned(),
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
            let mut made = ColumnDefinition {
                name: unquoted(column.col_name.0),
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
                        made.generated = Some(GeneratedColumn {
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

    /// Takes a note that stands behind the statement, in its last line.
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
        implicit: clause.columns.is_none(),
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
    let says = |two: [&str; 2]| words.windows(2).any(|pair| pair == two);
    says(["INITIALLY", "DEFERRED"]) && !says(["NOT", "DEFERRABLE"])
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
