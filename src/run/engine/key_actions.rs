//! Keys that rows refer to through an action of a foreign key, and files that change or remove
//! them.
//!
//! Foreign keys are not enforced during a run, because a rebuild would delete the children of the
//! table it drops. So ON DELETE CASCADE and its kin do nothing there: the children would stay, and
//! belong to whoever gets the key next. Such a file is refused, with the statements to write.

use std::cell::{Cell, RefCell};

use rusqlite::Connection;

use crate::report::count::Counted;
use crate::report::error::{Error, ErrorKind};
use crate::sqlite::execute::failure;
use crate::sqlite::schema::catalog;
use crate::sqlite::schema::flow::Writes;
use crate::sqlite::sql::name::{quote, same_name};
use crate::sqlite::sql::script::Script;
use crate::sqlite::sql::statement::{Action, Statement};
use crate::sqlite::sql::token::Tokens;

/// A reference with an action.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct KeyAction {
    pub(crate) child: String,
    pub(crate) parent: String,
    /// Column of the child, column of the parent, and the child's default.
    pub(crate) columns: Vec<(String, String, Option<String>)>,
    on_update: String,
    on_delete: String,
}

// Read before each file: only tables whose text has the word are asked, and it can be written in one way.
const REFERENCES: &str = "SELECT child.name, reference.id, reference.\"table\", reference.\"from\",
        coalesce(reference.\"to\", (SELECT name FROM pragma_table_info(reference.\"table\", 'main') WHERE pk = reference.seq + 1)),
        reference.on_update, reference.on_delete,
        (SELECT dflt_value FROM pragma_table_info(child.name, 'main') WHERE name = reference.\"from\" COLLATE NOCASE)
    FROM main.sqlite_schema AS child, pragma_foreign_key_list(child.name, 'main') AS reference
    WHERE child.type = 'table' AND instr(lower(child.sql), 'references')
    ORDER BY child.name, reference.id, reference.seq";

fn does_something(action: &str) -> bool {
    matches!(action, "CASCADE" | "SET NULL" | "SET DEFAULT")
}

/// The references of a database that have an action.
pub(crate) fn key_actions(connection: &Connection) -> Result<Vec<KeyAction>, Error> {
    let read = || {
        let mut found: Vec<(i64, KeyAction)> = Vec::new();
        let mut statement = connection.prepare(REFERENCES)?;
        let mut rows = statement.raw_query();
        while let Some(row) = rows.next()? {
            let (child, id, parent): (String, i64, String) =
                (row.get(0)?, row.get(1)?, row.get(2)?);
            // One that leads to no column is checked elsewhere.
            let Some(to) = row.get::<_, Option<String>>(4)? else {
                continue;
            };
            let column = (row.get(3)?, to, row.get(7)?);
            match found.last_mut() {
                Some((last, action)) if *last == id && action.child == child => {
                    action.columns.push(column);
                }
                _ => found.push((
                    id,
                    KeyAction {
                        child,
                        parent,
                        columns: vec![column],
                        on_update: row.get(5)?,
                        on_delete: row.get(6)?,
                    },
                )),
            }
        }
        Ok(found)
    };
    let found =
        read().map_err(|error: rusqlite::Error| failure("cannot read the foreign keys", error))?;
    let acting = found.into_iter().map(|(_, action)| action);
    Ok(acting
        .filter(|action| does_something(&action.on_delete) || does_something(&action.on_update))
        .collect())
}

impl KeyAction {
    /// Whether what is done to the parent may set it off.
    fn is_set_off_by(&self, writes: &Writes) -> bool {
        let mut keys = self.columns.iter();
        let moved = keys.any(|(_, key, _)| writes.updates.contains(&key.to_ascii_lowercase()));
        writes.removes && does_something(&self.on_delete)
            || moved && (does_something(&self.on_update) || writes.removes)
    }

    /// What a file does to the children where foreign keys are enforced.
    pub(crate) fn follows(&self, writes: &Writes) -> Option<Writes> {
        let columns = self.columns.iter();
        let updates = columns
            .map(|(column, ..)| column.to_ascii_lowercase())
            .collect();
        self.is_set_off_by(writes).then(|| Writes {
            removes: self.on_delete == "CASCADE" && writes.removes,
            updates,
            ..Writes::default()
        })
    }
}

/// A file that is watched.
pub(crate) struct KeyWatch<'w> {
    connection: &'w Connection,
    /// The statements, none of code.
    script: Option<&'w Script>,
    /// What writes: a statement, or code of the app's.
    who: &'w str,
    actions: Vec<KeyAction>,
    /// Whether a plain INSERT may remove rows too, by a trigger or by what a table says.
    every_statement: bool,
    /// The statements that took keys away from children.
    taken: RefCell<Vec<Taken>>,
    next: Cell<usize>,
}

/// A statement that took keys away.
struct Taken {
    action: usize,
    statement: usize,
    /// Whether it removed the rows, and did not only change their keys.
    removed: bool,
}

/// The temporary tables: keys that a statement took away, and the children that had them.
const KEYS: &str = "heirloom_keys";
const LEFT: &str = "heirloom_children";

impl<'w> KeyWatch<'w> {
    /// Watches a file for what it does to keys. None where it does nothing to any: of each table
    /// `writes` knows what the file does.
    pub(crate) fn begin(
        connection: &'w Connection,
        script: &'w Script,
        writes: &dyn Fn(&str) -> Writes,
    ) -> Result<Option<KeyWatch<'w>>, Error> {
        let mut actions = key_actions(connection)?;
        actions.retain(|action| action.is_set_off_by(&writes(&action.parent)));
        if actions.is_empty() {
            return Ok(None);
        }
        let replaces = |sql: &str| Tokens::new(sql).any(|token| token.word() == "REPLACE");
        let mut entries = catalog::entries(connection)?.into_iter();
        let every_statement = entries
            .any(|entry| entry.kind == "trigger" || entry.kind != "view" && replaces(&entry.sql));
        Ok(Some(KeyWatch {
            connection,
            script: Some(script),
            who: "the statement",
            actions,
            every_statement,
            taken: RefCell::default(),
            next: Cell::new(0),
        }))
    }

    /// Runs code of the app's, and refuses it where it relies on what foreign keys do when they are
    /// enforced. What it did to the children itself counts.
    pub(crate) fn over_code<T>(
        connection: &'w Connection,
        who: &'w str,
        run: impl FnOnce() -> Result<T, Error>,
    ) -> Result<T, Error> {
        let actions = key_actions(connection)?;
        if actions.is_empty() {
            return run();
        }
        let watch = KeyWatch {
            connection,
            script: None,
            who,
            actions,
            every_statement: true,
            taken: RefCell::default(),
            next: Cell::new(0),
        };
        let watched = watch.begin_watching()?;
        let ran = run();
        // Whoever ended the transaction is told so, and what was watched went with it.
        if connection.is_autocommit() {
            return ran;
        }
        let ended = watch.end_watching(&watched);
        let ran = ran?;
        ended?;
        for &index in &watched {
            watch.note_children(index, 0)?;
        }
        watch.end()?;
        // What comes next finds no temporary object of ours.
        for index in watched {
            let drop = |table: &str| format!("DROP TABLE IF EXISTS temp.{table}_{index};");
            let dropped = connection.execute_batch(&(drop(KEYS) + &drop(LEFT)));
            dropped.map_err(|error| failure("cannot watch the keys that rows refer to", error))?;
        }
        Ok(ran)
    }

    /// Sets up what notes the keys that are taken away, of each action in `actions`. Which ones.
    fn begin_watching(&self) -> Result<Vec<usize>, Error> {
        let mut watched = Vec::new();
        for (index, action) in self.actions.iter().enumerate() {
            if let Some(triggers) = self.triggers(index, action)? {
                let keys: Vec<String> = (0..action.columns.len())
                    .map(|at| format!("k{at}"))
                    .collect();
                let keys = keys.join(", ");
                self.sql(&format!(
                    "CREATE TEMP TABLE IF NOT EXISTS {KEYS}_{index} (removed, {keys}); {triggers}"
                ))?;
                watched.push(index);
            }
        }
        Ok(watched)
    }

    fn end_watching(&self, watched: &[usize]) -> Result<(), Error> {
        for index in watched {
            let dropped: String = ["delete", "update", "insert"]
                .iter()
                .map(|kind| format!("DROP TRIGGER IF EXISTS temp.{KEYS}_{index}_{kind};"))
                .collect();
            self.sql(&dropped)?;
        }
        Ok(())
    }

    fn sql(&self, sql: &str) -> Result<(), Error> {
        let cannot = |error| failure("cannot watch the keys that rows refer to", error);
        self.connection.execute_batch(sql).map_err(cannot)
    }

    /// Runs one statement, and notes the children whose key it takes away.
    pub(crate) fn around(
        &self,
        statement: &Statement<'_>,
        run: &dyn Fn() -> Result<(), Error>,
    ) -> Result<(), Error> {
        let number = self.next.replace(self.next.get() + 1);
        let first = Tokens::new(statement.text).next().map(|token| token.word());
        let replaces = Tokens::new(statement.text).any(|token| token.word() == "REPLACE");
        let is_of_rows = matches!(statement.action(), Action::Data | Action::Delete { .. });
        let may_remove = self.every_statement
            || replaces
            || matches!(first.as_deref(), Some("DELETE" | "UPDATE" | "WITH"))
            || Tokens::new(statement.text).any(|token| token.word() == "CONFLICT");
        if !is_of_rows || !may_remove || first.as_deref() == Some("SELECT") {
            return run();
        }
        let watched = self.begin_watching()?;
        let ran = run();
        self.end_watching(&watched)?;
        ran?;
        for index in watched {
            self.note_children(index, number)?;
        }
        Ok(())
    }

    /// Triggers that note the keys of a table's rows that go, or that get others. None where the
    /// table is not there any more as it was.
    fn triggers(&self, index: usize, action: &KeyAction) -> Result<Option<String>, Error> {
        let columns = catalog::column_names(self.connection, &action.parent);
        let children = catalog::column_names(self.connection, &action.child);
        let has = |all: &[String], name: &str| all.iter().any(|column| same_name(column, name));
        let is_there = |(child, parent, _): &(String, String, Option<String>)| {
            has(&children, child) && has(&columns, parent)
        };
        if !action.columns.iter().all(is_there) {
            return Ok(None);
        }
        let parent = quote(&action.parent);
        let of = |row: &str| -> String {
            let keys = action.columns.iter();
            let keys: Vec<String> = keys
                .map(|(_, key, _)| format!("{row}.{}", quote(key)))
                .collect();
            keys.join(", ")
        };
        let moved: Vec<String> = action
            .columns
            .iter()
            .map(|(_, key, _)| format!("OLD.{0} IS NOT NEW.{0}", quote(key)))
            .collect();
        let trigger = |kind: &str, event: &str, body: String| {
            format!(
                "CREATE TEMP TRIGGER {KEYS}_{index}_{kind} BEFORE {event} ON main.{parent} {body} END;"
            )
        };
        let mut triggers = String::new();
        if does_something(&action.on_delete) {
            let body = format!("BEGIN INSERT INTO {KEYS}_{index} SELECT 1, {};", of("OLD"));
            triggers += &trigger("delete", "DELETE", body);
            // REPLACE removes rows without telling triggers of it.
            let same: Vec<String> = self
                .unique(&action.parent)?
                .iter()
                .map(|key| {
                    let parts: Vec<String> = key
                        .iter()
                        .map(|column| format!("old.{0} = NEW.{0}", quote(column)))
                        .collect();
                    format!("({})", parts.join(" AND "))
                })
                .collect();
            if !same.is_empty() && self.replaces() {
                let body = format!(
                    "BEGIN INSERT INTO {KEYS}_{index} SELECT 1, {} FROM main.{parent} AS old WHERE {};",
                    of("old"),
                    same.join(" OR ")
                );
                triggers += &trigger("insert", "INSERT", body);
            }
        }
        if does_something(&action.on_update) {
            let body = format!(
                "WHEN {} BEGIN INSERT INTO {KEYS}_{index} SELECT 0, {};",
                moved.join(" OR "),
                of("OLD")
            );
            triggers += &trigger("update", "UPDATE", body);
        }
        Ok(Some(triggers))
    }

    /// Whether the statement that comes next may replace rows.
    fn replaces(&self) -> bool {
        let statements = self.script.map(Script::statements).unwrap_or_default();
        let current = statements.get(self.next.get().saturating_sub(1));
        let says = |sql: &str| Tokens::new(sql).any(|token| token.word() == "REPLACE");
        self.every_statement || current.is_some_and(|statement| says(statement.text))
    }

    /// The keys that can occur once, of a table.
    fn unique(&self, table: &str) -> Result<Vec<Vec<String>>, Error> {
        let cannot = |error| failure("cannot read the keys", error);
        let read = || {
            let mut keys = Vec::new();
            let mut primary = self.connection.prepare(
                "SELECT name FROM pragma_table_info(?1, 'main') WHERE pk > 0 ORDER BY pk",
            )?;
            let names = primary.query_map([table], |row| row.get(0))?;
            keys.push(names.collect::<rusqlite::Result<Vec<String>>>()?);
            let mut indexes = self.connection.prepare(
                "SELECT name FROM pragma_index_list(?1, 'main') WHERE \"unique\" AND NOT partial AND origin <> 'pk'",
            )?;
            let mut rows = indexes.query([table])?;
            while let Some(row) = rows.next()? {
                let mut columns = self
                    .connection
                    .prepare("SELECT name FROM pragma_index_info(?1, 'main') ORDER BY seqno")?;
                let names = columns.query_map([row.get::<_, String>(0)?], |row| row.get(0))?;
                let names = names.collect::<rusqlite::Result<Vec<Option<String>>>>()?;
                keys.extend(names.into_iter().collect::<Option<Vec<String>>>());
            }
            keys.retain(|key| !key.is_empty());
            Ok(keys)
        };
        read().map_err(cannot)
    }

    /// Notes the children that refer to a key that is gone now.
    fn note_children(&self, index: usize, statement: usize) -> Result<(), Error> {
        let action = &self.actions[index];
        let cannot = |error| failure("cannot read the rows that refer to a key", error);
        let keys: Vec<String> = (0..action.columns.len())
            .map(|at| format!("k{at}"))
            .collect();
        let keys = keys.join(", ");
        let columns = action.columns.iter();
        let columns: Vec<String> = columns
            .map(|(column, ..)| format!("child.{}", quote(column)))
            .collect();
        let columns = columns.join(", ");
        let rowids = catalog::rowids(self.connection, &action.child)?;
        let rowid = rowids.and_then(|rowids| rowids.alias);
        let rowid = rowid.map_or("NULL".to_owned(), |alias| format!("child.{alias}"));
        let run = |sql: &str| self.connection.execute(sql, []).map_err(cannot);
        let create = format!(
            "CREATE TEMP TABLE IF NOT EXISTS {LEFT}_{index} (statement, removed, child, {keys})"
        );
        self.connection.execute_batch(&create).map_err(cannot)?;
        for removed in [true, false] {
            let noted = run(&format!(
                "INSERT INTO temp.{LEFT}_{index}
                 SELECT {statement}, {0}, {rowid}, {columns} FROM main.{1} AS child
                 WHERE ({columns}) IN (SELECT {keys} FROM temp.{KEYS}_{index} WHERE removed = {0})",
                i32::from(removed),
                quote(&action.child),
            ))?;
            if noted > 0 {
                self.taken.borrow_mut().push(Taken {
                    action: index,
                    statement,
                    removed,
                });
            }
        }
        run(&format!("DELETE FROM temp.{KEYS}_{index}")).map(drop)
    }

    /// At the end of the file: whoever still refers to a key that was taken away, does so to
    /// nothing or to another row. What the file did to them itself counts.
    pub(crate) fn end(self) -> Result<(), Error> {
        for taken in self.taken.borrow().iter() {
            let action = &self.actions[taken.action];
            let rowid = catalog::rowids(self.connection, &action.child)?;
            let rowid = rowid.and_then(|rowids| rowids.alias);
            let mut same: Vec<String> = action
                .columns
                .iter()
                .enumerate()
                .map(|(at, (column, ..))| format!("child.{} = l.k{at}", quote(column)))
                .collect();
            same.extend(rowid.map(|alias| format!("child.{alias} = l.child")));
            let sql = format!(
                "SELECT count(*) FROM main.{} AS child WHERE EXISTS (SELECT 1 FROM temp.{LEFT}_{} AS l
                 WHERE l.statement = ?1 AND l.removed = ?2 AND {})",
                quote(&action.child),
                taken.action,
                same.join(" AND ")
            );
            let statement = i64::try_from(taken.statement).unwrap_or_default();
            let values = (statement, taken.removed);
            let left = self.connection.query_row(&sql, values, |row| row.get(0));
            // A child that is not as it was is the file's own business.
            let left = left.map(i64::unsigned_abs).unwrap_or_default();
            if left > 0 {
                return Err(self.refused(taken, action, left));
            }
        }
        Ok(())
    }

    fn refused(&self, taken: &Taken, action: &KeyAction, children: u64) -> Error {
        let (verb, clause, rule) = match taken.removed {
            true => ("removes", "ON DELETE", &action.on_delete),
            false => ("changes", "ON UPDATE", &action.on_update),
        };
        let columns: Vec<&str> = action
            .columns
            .iter()
            .map(|(column, ..)| column.as_str())
            .collect();
        let refer = if children == 1 { "refers" } else { "refer" };
        let message = format!(
            "{} {verb} keys of `{}` to which {} of `{}` {refer} ({}, {clause} {rule}), and foreign keys are not enforced during a run: they would stay as they are",
            self.who,
            action.parent,
            Counted(children, "row"),
            action.child,
            columns.join(", "),
        );
        let error = Error::new(ErrorKind::InvalidMigration, message);
        let explicit = explicit(action, rule, taken.removed);
        let Some(script) = self.script else {
            return error.with_help(format!(
                "let the code do what is to become of them, as `{explicit}` would"
            ));
        };
        let statements = script.statements();
        let error = match statements.get(taken.statement) {
            Some(statement) => error
                .at(script.location(statement.start, false))
                .with_statement(statement.text),
            None => error,
        };
        error.with_help(format!(
            "write right below it what is to become of them, as in `{explicit}`; or put `-- heirloom: enforce-foreign-keys` at the top of the file"
        ))
    }
}

/// The statement that does what the action would have done.
fn explicit(action: &KeyAction, rule: &str, removed: bool) -> String {
    let (child, parent) = (quote(&action.child), quote(&action.parent));
    let same: Vec<String> = action
        .columns
        .iter()
        .map(|(column, key, _)| format!("p.{} = {child}.{}", quote(key), quote(column)))
        .collect();
    let orphaned = format!(
        "{} IS NOT NULL AND NOT EXISTS (SELECT 1 FROM {parent} AS p WHERE {})",
        quote(action.columns.first().map_or("", |(column, ..)| column)),
        same.join(" AND ")
    );
    let set = |value: &dyn Fn(&Option<String>) -> String| {
        let columns = action.columns.iter();
        let columns: Vec<String> = columns
            .map(|(column, _, default)| format!("{} = {}", quote(column), value(default)))
            .collect();
        format!(
            "UPDATE {child} SET {} WHERE {orphaned};",
            columns.join(", ")
        )
    };
    match (rule, removed) {
        ("CASCADE", true) => format!("DELETE FROM {child} WHERE {orphaned};"),
        ("SET NULL", _) => set(&|_| "NULL".to_owned()),
        ("SET DEFAULT", _) => set(&|default| default.clone().unwrap_or("NULL".to_owned())),
        // What the new key is, only the statement knows.
        _ => {
            let columns = action.columns.iter();
            let columns: Vec<String> = columns
                .map(|(column, ..)| format!("{} = …", quote(column)))
                .collect();
            format!(
                "UPDATE {child} SET {} WHERE {orphaned};",
                columns.join(", ")
            )
        }
    }
}
