//! Statements: where each ends, and what it does.
//!
//! A statement ends where `sqlite3_complete()` says, which knows the semicolons inside a
//! trigger's body. Nothing here judges whether SQL is right: that is SQLite's job, statement
//! by statement.

use crate::sqlite::sql::token::{Token, TokenKind, Tokens, mentions};

/// The table that refuses every row that is put into it: how a migration says, in any tool, what must
/// be true of the rows (`INSERT INTO temp.heirloom_check SELECT … WHERE …`).
pub(crate) const CHECKS: &str = "heirloom_check";

/// One statement of a [`Script`].
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Statement<'s> {
    /// Where it begins in the file, in bytes.
    pub start: usize,
    /// From its first token to its semicolon or its last token.
    pub text: &'s str,
}

/// What a statement does, as far as a migrator must know.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum Action {
    /// BEGIN, COMMIT, END, ROLLBACK, SAVEPOINT, RELEASE: the word as written in capitals.
    Transaction(&'static str),
    /// ATTACH or DETACH.
    Attach(&'static str),
    /// VACUUM.
    Vacuum,
    /// A PRAGMA, by its name in small letters.
    Pragma(String),
    /// CREATE TABLE or CREATE VIRTUAL TABLE, by the table's name.
    CreateTable(String),
    /// DROP TABLE, by the table's name.
    DropTable(String),
    /// ALTER TABLE from RENAME TO to.
    RenameTable {
        /// The table's name before.
        from: String,
        /// The table's name after.
        to: String,
    },
    /// ALTER TABLE table RENAME COLUMN from TO to.
    RenameColumn {
        /// The table.
        table: String,
        /// The column's name before.
        from: String,
        /// The column's name after.
        to: String,
    },
    /// ALTER TABLE table DROP COLUMN column.
    DropColumn {
        /// The table.
        table: String,
        /// The column.
        column: String,
    },
    /// DELETE, by the table's name.
    Delete {
        /// The table.
        table: String,
        /// Whether no WHERE and no LIMIT could spare a row.
        all: bool,
    },
    /// DROP INDEX, TRIGGER or VIEW, by its name.
    DropObject(String),
    /// Any other CREATE, ALTER, REINDEX or ANALYZE.
    OtherSchema,
    /// INSERT, UPDATE, REPLACE, SELECT, VALUES, EXPLAIN.
    Data,
}

impl Action {
    /// Whether the statement changes the schema.
    pub(crate) fn is_schema(&self) -> bool {
        match self {
            Action::CreateTable(_)
            | Action::DropTable(_)
            | Action::RenameTable { .. }
            | Action::RenameColumn { .. }
            | Action::DropColumn { .. }
            | Action::DropObject(_)
            | Action::OtherSchema => true,
            Action::Transaction(_)
            | Action::Attach(_)
            | Action::Vacuum
            | Action::Pragma(_)
            | Action::Delete { .. }
            | Action::Data => false,
        }
    }
}

impl Statement<'_> {
    /// What the statement does.
    pub(crate) fn action(&self) -> Action {
        classify(&Tokens::new(self.text).collect::<Vec<_>>())
    }

    /// The query of a statement that says what must be true of the rows: it returns what is
    /// wrong, in words, and no row where nothing is.
    pub(crate) fn condition(&self) -> Option<&str> {
        let tokens: Vec<_> = Tokens::new(self.text).take(6).collect();
        let word = |at: usize| tokens.get(at).map(Token::word).unwrap_or_default();
        let at = match (word(0).as_str(), word(1).as_str()) {
            ("INSERT", "INTO") if tokens.get(3)?.text == "." => {
                let of_the_database = !tokens[2].name().eq_ignore_ascii_case("temp");
                if of_the_database {
                    return None;
                }
                4
            }
            ("INSERT", "INTO") => 2,
            _ => return None,
        };
        let is_check = tokens.get(at)?.name().eq_ignore_ascii_case(CHECKS);
        let query = tokens.get(at + 1)?;
        (is_check && query.word() == "SELECT").then(|| &self.text[query.start..])
    }

    /// Whether it makes or drops the table that conditions are put into.
    pub(crate) fn frames_conditions(&self) -> bool {
        let tokens: Vec<_> = Tokens::new(self.text).take(8).collect();
        let words: Vec<String> = tokens.iter().map(Token::word).collect();
        let words: Vec<&str> = words.iter().map(String::as_str).collect();
        let frames = matches!(
            words.as_slice(),
            ["CREATE", "TEMP" | "TEMPORARY", "TABLE", ..] | ["DROP", "TABLE", ..]
        );
        frames && mentions(self.text, CHECKS)
    }

    /// Whether it says IF NOT EXISTS.
    pub(crate) fn makes_only_what_is_not_there(&self) -> bool {
        let words: Vec<String> = Tokens::new(self.text)
            .take(6)
            .map(|token| token.word())
            .collect();
        words
            .windows(3)
            .any(|words| words == ["IF", "NOT", "EXISTS"])
    }

    /// The table that it drops, renames or writes rows to, by its name before.
    pub(crate) fn writes_to(&self) -> Option<String> {
        match self.action() {
            Action::DropTable(name)
            | Action::Delete { table: name, .. }
            | Action::RenameTable { from: name, .. } => return Some(name),
            Action::Data => {}
            _ => return None,
        }
        let tokens: Vec<_> = Tokens::new(self.text).collect();
        let mut depth = 0;
        let outer = tokens.iter().position(|token| {
            depth += token.nesting();
            depth == 0
                && matches!(
                    token.word().as_str(),
                    "INSERT" | "REPLACE" | "UPDATE" | "SELECT"
                )
        })?;
        let mut cursor = Cursor {
            tokens: &tokens,
            at: outer,
        };
        let first = cursor.next()?.word();
        if cursor.eat("OR") {
            cursor.next();
        }
        let has_table = first == "UPDATE" || (first != "SELECT" && cursor.eat("INTO"));
        has_table.then(|| cursor.object_name())?
    }

    /// The table, index, view or trigger that it makes or alters, by its name afterwards. None of
    /// a temporary one.
    pub(crate) fn shapes(&self) -> Option<String> {
        match self.action() {
            Action::CreateTable(name) | Action::RenameTable { to: name, .. } => return Some(name),
            Action::RenameColumn { table, .. } | Action::DropColumn { table, .. } => {
                return Some(table);
            }
            Action::OtherSchema => {}
            _ => return None,
        }
        let tokens: Vec<_> = Tokens::new(self.text).collect();
        let mut cursor = Cursor {
            tokens: &tokens,
            at: 0,
        };
        if cursor.eat("ALTER") {
            return cursor.eat("TABLE").then(|| cursor.object_name())?;
        }
        if !cursor.eat("CREATE") {
            return None;
        }
        cursor.eat("UNIQUE");
        let known = ["INDEX", "VIEW", "TRIGGER"];
        known.iter().find(|word| cursor.eat(word))?;
        let _ = cursor.eat("IF") && cursor.eat("NOT") && cursor.eat("EXISTS");
        cursor.object_name()
    }

    /// Whether it names `sqlite_schema`.
    pub(crate) fn touches_schema_table(&self) -> bool {
        Tokens::new(self.text).any(|token| is_schema_table(&token.name()))
    }

    /// Whether it writes to `sqlite_schema` by hand (`PRAGMA writable_schema`).
    pub(crate) fn writes_to_schema_table(&self) -> bool {
        self.writes_to().is_some_and(|name| is_schema_table(&name))
    }
}

fn is_schema_table(name: &str) -> bool {
    let mut names = ["sqlite_schema", "sqlite_master"].into_iter();
    names.any(|known| name.eq_ignore_ascii_case(known))
}

fn classify(tokens: &[Token<'_>]) -> Action {
    let mut cursor = Cursor { tokens, at: 0 };
    let Some(first) = cursor.next() else {
        return Action::Data;
    };
    match first.word().as_str() {
        "BEGIN" => Action::Transaction("BEGIN"),
        "COMMIT" => Action::Transaction("COMMIT"),
        "END" => Action::Transaction("END"),
        "ROLLBACK" => Action::Transaction("ROLLBACK"),
        "SAVEPOINT" => Action::Transaction("SAVEPOINT"),
        "RELEASE" => Action::Transaction("RELEASE"),
        "ATTACH" => Action::Attach("ATTACH"),
        "DETACH" => Action::Attach("DETACH"),
        "VACUUM" => Action::Vacuum,
        "PRAGMA" => Action::Pragma(cursor.object_name().unwrap_or_default().to_lowercase()),
        "CREATE" => create(&mut cursor),
        "DROP" => {
            let made = if cursor.eat("TABLE") {
                Action::DropTable
            } else {
                cursor.next();
                Action::DropObject
            };
            let _ = cursor.eat("IF") && cursor.eat("EXISTS");
            match cursor.is_temporary() {
                // It may hide a table of the database that has the same name.
                true => Action::OtherSchema,
                false => cursor.object_name().map_or(Action::OtherSchema, made),
            }
        }
        "ALTER" => alter(&mut cursor).unwrap_or(Action::OtherSchema),
        "REINDEX" | "ANALYZE" => Action::OtherSchema,
        "DELETE" => delete(cursor),
        "WITH" => match tokens
            .iter()
            .scan(0_i32, |depth, token| {
                let here = *depth;
                *depth += token.nesting();
                Some((here, token))
            })
            .position(|(depth, token)| depth == 0 && token.word() == "DELETE")
        {
            Some(at) => delete(Cursor { tokens, at: at + 1 }),
            None => Action::Data,
        },
        _ => Action::Data,
    }
}

fn create(cursor: &mut Cursor<'_, '_>) -> Action {
    let temporary = cursor.eat("TEMP") || cursor.eat("TEMPORARY");
    cursor.eat("VIRTUAL");
    if temporary || !cursor.eat("TABLE") {
        return Action::OtherSchema;
    }
    let _ = cursor.eat("IF") && cursor.eat("NOT") && cursor.eat("EXISTS");
    cursor
        .object_name()
        .map_or(Action::OtherSchema, Action::CreateTable)
}

fn alter(cursor: &mut Cursor<'_, '_>) -> Option<Action> {
    if !cursor.eat("TABLE") {
        return None;
    }
    let table = cursor.object_name()?;
    if cursor.eat("RENAME") {
        if cursor.eat("TO") {
            let to = cursor.next()?.name().into_owned();
            return Some(Action::RenameTable { from: table, to });
        }
        // COLUMN is optional, and may itself be a column's name.
        if !cursor.followed_by_to() {
            cursor.eat("COLUMN");
        }
        let from = cursor.next()?.name().into_owned();
        let to = (cursor.eat("TO")).then(|| cursor.next())??;
        let to = to.name().into_owned();
        return Some(Action::RenameColumn { table, from, to });
    }
    if cursor.eat("DROP") {
        if cursor.eat("CONSTRAINT") {
            return None;
        }
        cursor.eat("COLUMN");
        let column = cursor.next()?.name().into_owned();
        return Some(Action::DropColumn { table, column });
    }
    None
}

fn delete(mut cursor: Cursor<'_, '_>) -> Action {
    if !cursor.eat("FROM") {
        return Action::Data;
    }
    let Some(table) = cursor.object_name() else {
        return Action::Data;
    };
    let rest = &cursor.tokens[cursor.at..];
    let Some(filter) = rest.iter().position(|token| token.word() == "WHERE") else {
        let limited = rest.iter().any(|token| token.word() == "LIMIT");
        return Action::Delete {
            table,
            all: !limited,
        };
    };
    let condition: Vec<String> = rest[filter + 1..]
        .iter()
        .filter(|token| token.kind != TokenKind::Semicolon)
        .map(Token::word)
        .collect();
    let all = matches!(condition.concat().as_str(), "1" | "TRUE" | "1=1");
    Action::Delete { table, all }
}

struct Cursor<'t, 's> {
    tokens: &'t [Token<'s>],
    at: usize,
}

impl<'s> Cursor<'_, 's> {
    fn next(&mut self) -> Option<Token<'s>> {
        let token = self.tokens.get(self.at).copied();
        self.at += usize::from(token.is_some());
        token
    }

    fn eat(&mut self, word: &str) -> bool {
        let hit = self
            .tokens
            .get(self.at)
            .is_some_and(|token| token.kind == TokenKind::Word && token.word() == word);
        self.at += usize::from(hit);
        hit
    }

    fn followed_by_to(&self) -> bool {
        self.tokens
            .get(self.at + 1)
            .is_some_and(|token| token.word() == "TO")
    }

    /// Whether a name of the schema of what is temporary follows.
    fn is_temporary(&self) -> bool {
        let rest = self.tokens.get(self.at..).unwrap_or_default();
        matches!(rest, [schema, dot, ..] if dot.text == "." && schema.name().eq_ignore_ascii_case("temp"))
    }

    /// A name with an optional schema before it; the schema is dropped.
    fn object_name(&mut self) -> Option<String> {
        let first = self.next()?.name().into_owned();
        if self
            .tokens
            .get(self.at)
            .is_some_and(|token| token.text == ".")
        {
            self.at += 1;
            return Some(self.next()?.name().into_owned());
        }
        Some(first)
    }
}

/// The statements of a text in order, without the comments and space around them.
pub(crate) fn split(text: &str) -> Vec<Statement<'_>> {
    let (mut statements, open) = cut(text);
    if let Some(open) = open {
        statements.push(open.statement(text, open.end));
    }
    statements
}

/// Whether a text holds a statement and ends with a whole one, semicolon and all, as somebody
/// who reads it line by line must know. The semicolons inside a trigger's body end nothing.
///
/// ```
/// assert!(heirloom::for_the_command::is_complete("SELECT ';'; -- done"));
/// assert!(!heirloom::for_the_command::is_complete("CREATE TRIGGER t AFTER INSERT ON a BEGIN SELECT 1;"));
/// ```
pub fn is_complete(sql: &str) -> bool {
    let (statements, open) = cut(sql);
    open.is_none() && !statements.is_empty()
}

/// The whole statements, and the one that has no end yet.
fn cut(text: &str) -> (Vec<Statement<'_>>, Option<Open>) {
    let mut statements = Vec::new();
    let mut current: Option<Open> = None;
    for token in Tokens::new(text) {
        let end = token.start + token.text.len();
        match current.as_mut() {
            None if token.kind == TokenKind::Semicolon => {}
            None => current = Some(Open::new(&token)),
            Some(open) => {
                open.take(&token);
                if open.done {
                    statements.push(open.statement(text, end));
                    current = None;
                }
            }
        }
        if let Some(open) = current.as_mut() {
            open.end = end;
        }
    }
    (statements, current)
}

/// A statement whose end has not come yet. The states are those of `sqlite3_complete()`.
struct Open {
    start: usize,
    end: usize,
    state: ScanState,
    done: bool,
}

enum ScanState {
    /// EXPLAIN was read, or nothing yet: a CREATE may follow.
    Start,
    /// CREATE was read: TEMP or TRIGGER may follow.
    Create,
    /// No trigger: the next semicolon ends it.
    Normal,
    /// In a trigger's body.
    Trigger,
    /// In a trigger's body, right after a semicolon.
    TriggerSemicolon,
    /// In a trigger's body, after a semicolon and END.
    TriggerEnd,
}

impl Open {
    fn new(token: &Token<'_>) -> Open {
        let mut open = Open {
            start: token.start,
            end: token.start + token.text.len(),
            state: ScanState::Start,
            done: false,
        };
        open.take(token);
        open
    }

    fn take(&mut self, token: &Token<'_>) {
        let semicolon = token.kind == TokenKind::Semicolon;
        // Only the words that matter here are worth the copy.
        let word = match self.state {
            ScanState::Normal => String::new(),
            ScanState::Trigger if !semicolon => return,
            _ => token.word(),
        };
        self.state = match (&self.state, word.as_str()) {
            (ScanState::TriggerEnd, _) if semicolon => return self.done = true,
            (ScanState::Trigger | ScanState::TriggerSemicolon | ScanState::TriggerEnd, _)
                if semicolon =>
            {
                ScanState::TriggerSemicolon
            }
            (ScanState::TriggerSemicolon, "END") => ScanState::TriggerEnd,
            (ScanState::Trigger | ScanState::TriggerSemicolon | ScanState::TriggerEnd, _) => {
                ScanState::Trigger
            }
            _ if semicolon => return self.done = true,
            (ScanState::Start, "EXPLAIN" | "QUERY" | "PLAN") => ScanState::Start,
            (ScanState::Start, "CREATE") => ScanState::Create,
            (ScanState::Create, "TEMP" | "TEMPORARY") => ScanState::Create,
            (ScanState::Create, "TRIGGER") => ScanState::Trigger,
            _ => ScanState::Normal,
        };
    }

    fn statement<'s>(&self, text: &'s str, end: usize) -> Statement<'s> {
        Statement {
            start: self.start,
            text: &text[self.start..end],
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn cut(sql: &str) -> Vec<String> {
        split(sql).iter().map(|s| s.text.to_owned()).collect()
    }

    fn action(sql: &str) -> Action {
        split(sql)[0].action()
    }

    #[test]
    fn statements_end_where_sqlite_ends_them() {
        let cases: &[(&str, &[&str])] = &[
            ("", &[]),
            (" ; ;; -- nothing\n/* ; */", &[]),
            ("SELECT 1", &["SELECT 1"]),
            ("SELECT 1;SELECT 2;", &["SELECT 1;", "SELECT 2;"]),
            (
                "SELECT ';' , \";\", `;`, [;] ;",
                &["SELECT ';' , \";\", `;`, [;] ;"],
            ),
            ("SELECT 'it''s;' ; x", &["SELECT 'it''s;' ;", "x"]),
            (
                "SELECT 1 -- ; no\n; SELECT 2",
                &["SELECT 1 -- ; no\n;", "SELECT 2"],
            ),
            ("SELECT /* ; */ 1; /* open ;", &["SELECT /* ; */ 1;"]),
            // A fuzzer found that SQLite refuses this one, where it takes the one above.
            ("SELECT 1; /*", &["SELECT 1;", "/*"]),
            // And that a vertical tab is space after space, and nowhere else.
            (" \u{b};\u{b}", &["\u{b}"]),
            (
                "CREATE TRIGGER t AFTER INSERT ON a BEGIN UPDATE a SET x = CASE WHEN 1 THEN 2 END; DELETE FROM b; END; SELECT 3;",
                &[
                    "CREATE TRIGGER t AFTER INSERT ON a BEGIN UPDATE a SET x = CASE WHEN 1 THEN 2 END; DELETE FROM b; END;",
                    "SELECT 3;",
                ],
            ),
            (
                "create temp trigger t after insert on a begin select 1; /* ; END; */ end ; select 1",
                &[
                    "create temp trigger t after insert on a begin select 1; /* ; END; */ end ;",
                    "select 1",
                ],
            ),
            (
                "CREATE TABLE \"trigger\" (a); SELECT 1",
                &["CREATE TABLE \"trigger\" (a);", "SELECT 1"],
            ),
            ("\u{feff}SELECT 1;", &["SELECT 1;"]),
            ("SELECT 'é;ü'; SELECT ü", &["SELECT 'é;ü';", "SELECT ü"]),
            ("SELECT 4 / 2; SELECT 3", &["SELECT 4 / 2;", "SELECT 3"]),
            // Begins with the first byte of a byte order mark.
            ("ﬁ; SELECT 2", &["ﬁ;", "SELECT 2"]),
            (
                "CREATE TRIGGER t AFTER INSERT ON a BEGIN DELETE FROM b; UPDATE a SET x = CASE WHEN 1 THEN 2 END; DELETE FROM c; END; SELECT 3;",
                &[
                    "CREATE TRIGGER t AFTER INSERT ON a BEGIN DELETE FROM b; UPDATE a SET x = CASE WHEN 1 THEN 2 END; DELETE FROM c; END;",
                    "SELECT 3;",
                ],
            ),
            (
                "EXPLAIN QUERY PLAN CREATE TRIGGER t AFTER INSERT ON a BEGIN SELECT 1; END; SELECT 2",
                &[
                    "EXPLAIN QUERY PLAN CREATE TRIGGER t AFTER INSERT ON a BEGIN SELECT 1; END;",
                    "SELECT 2",
                ],
            ),
            ("SELECT 'open ; to the end", &["SELECT 'open ; to the end"]),
        ];
        for (sql, expected) in cases {
            assert_eq!(cut(sql), *expected, "{sql}");
        }
    }

    #[test]
    fn actions_are_told_apart_by_tokens_not_by_text() {
        let rename = |from: &str, to: &str| Action::RenameTable {
            from: from.into(),
            to: to.into(),
        };
        let column = |table: &str, from: &str, to: &str| Action::RenameColumn {
            table: table.into(),
            from: from.into(),
            to: to.into(),
        };
        let delete = |all| Action::Delete {
            table: "t".into(),
            all,
        };
        let cases = [
            ("BEGIN IMMEDIATE;", Action::Transaction("BEGIN")),
            ("/* x */ commit", Action::Transaction("COMMIT")),
            ("\"begin\"", Action::Data),
            (
                "PRAGMA main.journal_mode = WAL",
                Action::Pragma("journal_mode".into()),
            ),
            (
                "CREATE TABLE IF NOT EXISTS main.[a b] (x)",
                Action::CreateTable("a b".into()),
            ),
            (
                "CREATE VIRTUAL TABLE f USING fts5(x)",
                Action::CreateTable("f".into()),
            ),
            ("CREATE TEMP TABLE t(x)", Action::OtherSchema),
            ("CREATE UNIQUE INDEX i ON t(x)", Action::OtherSchema),
            (
                "drop table if exists \"we\"\"ird\"",
                Action::DropTable("we\"ird".into()),
            ),
            (
                "DROP INDEX IF EXISTS main.i",
                Action::DropObject("i".into()),
            ),
            ("ALTER TABLE a RENAME TO b", rename("a", "b")),
            ("ALTER TABLE a RENAME COLUMN x TO y", column("a", "x", "y")),
            ("ALTER TABLE a RENAME x TO y", column("a", "x", "y")),
            (
                "ALTER TABLE a RENAME column TO y",
                column("a", "column", "y"),
            ),
            (
                "ALTER TABLE a DROP x",
                Action::DropColumn {
                    table: "a".into(),
                    column: "x".into(),
                },
            ),
            (
                "ALTER TABLE a DROP COLUMN x",
                Action::DropColumn {
                    table: "a".into(),
                    column: "x".into(),
                },
            ),
            ("ALTER TABLE a DROP CONSTRAINT x", Action::OtherSchema),
            ("ALTER TABLE a ADD COLUMN x", Action::OtherSchema),
            (
                "ALTER TABLE a RENAME COLUMN \"to\" TO y",
                column("a", "to", "y"),
            ),
            ("ATTACH 'x' AS y", Action::Attach("ATTACH")),
            ("DETACH y", Action::Attach("DETACH")),
            ("REINDEX", Action::OtherSchema),
            ("ANALYZE t", Action::OtherSchema),
            ("DELETE FROM t", delete(true)),
            ("DELETE FROM t WHERE 1", delete(true)),
            ("DELETE FROM t WHERE id = 1", delete(false)),
            ("DELETE FROM t LIMIT 1", delete(false)),
            ("WITH x AS (DELETE) DELETE FROM t RETURNING *", delete(true)),
            ("INSERT INTO t SELECT 'DELETE FROM t'", Action::Data),
        ];
        for (sql, expected) in cases {
            assert_eq!(action(sql), expected, "{sql}");
        }
    }

    #[test]
    fn a_condition_is_a_query_put_into_the_table_of_conditions() {
        let of = |sql: &str| {
            split(&sql.replace("CHECKS", CHECKS))[0]
                .condition()
                .map(str::to_owned)
        };
        for into in ["CHECKS", "temp.CHECKS", "\"CHECKS\""] {
            let sql = format!("INSERT INTO {into} SELECT 'wrong' FROM t");
            assert_eq!(of(&sql).as_deref(), Some("SELECT 'wrong' FROM t"), "{sql}");
        }
        for other in [
            "INSERT INTO t SELECT 1",
            "INSERT INTO main.t SELECT 1",
            "INSERT INTO main.CHECKS SELECT 1",
            "INSERT INTO CHECKS VALUES (1)",
            "DELETE FROM CHECKS",
        ] {
            assert_eq!(of(other), None, "{other}");
        }
    }

    #[test]
    fn the_schema_table_is_recognised_by_either_name_and_not_in_a_text() {
        let touches = |sql: &str| split(sql)[0].touches_schema_table();
        assert!(touches("UPDATE main.SQLITE_SCHEMA SET sql = ''"));
        assert!(touches("DELETE FROM \"sqlite_master\""));
        assert!(!touches("UPDATE t SET x = 1"));
    }
}
