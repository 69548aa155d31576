//! What a file leaves behind on its connection: settings, temporary objects, the last rowid.
//!
//! The next file must do the same whether it runs right after it or at the next start, on a
//! connection of its own.

use rusqlite::Connection;

use crate::report::error::Error;
use crate::sqlite::binding::set_last_insert_rowid;
use crate::sqlite::execute::{failure, run_script};
use crate::sqlite::schema::catalog::number;
use crate::sqlite::sql::name::quote;
use crate::sqlite::sql::script::Script;
use crate::sqlite::sql::statement::Action;

/// Settings of the connection, not of the database, that a statement may change for those that
/// follow (<https://sqlite.org/pragma.html>). `query_only` comes first: while it is on, nothing
/// else can be put right.
const SETTINGS: &[&str] = &[
    "query_only",
    "analysis_limit",
    "automatic_index",
    "cache_size",
    "cache_spill",
    "cell_size_check",
    "checkpoint_fullfsync",
    "count_changes",
    "defer_foreign_keys",
    "full_column_names",
    "fullfsync",
    "ignore_check_constraints",
    "journal_size_limit",
    "legacy_alter_table",
    "max_page_count",
    "mmap_size",
    "read_uncommitted",
    "recursive_triggers",
    "reverse_unordered_selects",
    "secure_delete",
    "short_column_names",
    "trusted_schema",
    "wal_autocheckpoint",
    "writable_schema",
];

/// Can be set, and not read.
const LIKE: &str = "case_sensitive_like";

/// A connection before a file.
#[derive(Debug)]
pub(crate) struct ConnectionState {
    settings: Vec<(&'static str, i64)>,
    like_is_case_sensitive: Option<bool>,
    temporary: Vec<Temporary>,
}

/// An object in the database of temporary ones.
#[derive(Debug, PartialEq, Eq)]
struct Temporary {
    kind: String,
    name: String,
    sql: String,
}

fn cannot(error: rusqlite::Error) -> Error {
    failure("cannot put the settings of the connection back", error)
}

impl ConnectionState {
    /// Before a file: of the settings, those that it names.
    pub(crate) fn before(connection: &Connection, script: &Script) -> Result<Self, Error> {
        let statements = script.statements();
        let named: Vec<String> = statements
            .iter()
            .filter_map(|statement| match statement.action() {
                Action::Pragma(name) => Some(name),
                _ => None,
            })
            .collect();
        ConnectionState::with(connection, |setting| {
            named.iter().any(|name| name == setting)
        })
    }

    /// Before code of the app's, of which nothing is known.
    pub(crate) fn before_code(connection: &Connection) -> Result<Self, Error> {
        ConnectionState::with(connection, |setting| setting != LIKE)
    }

    fn with(connection: &Connection, wanted: impl Fn(&str) -> bool) -> Result<Self, Error> {
        let mut settings = Vec::new();
        for &setting in SETTINGS.iter().filter(|setting| wanted(setting)) {
            // Some builds of SQLite leave some of them out.
            let value = number(connection, &format!("PRAGMA {setting}"));
            settings.extend(value.ok().map(|value| (setting, value)));
        }
        let like = || number(connection, "SELECT 'a' LIKE 'A'");
        Ok(ConnectionState {
            settings,
            like_is_case_sensitive: wanted(LIKE).then(like).transpose()?.map(|like| like == 0),
            temporary: temporary(connection)?,
        })
    }

    /// Runs a file, and puts back what it changed on its connection: before the next statement,
    /// which may be one of ours. Where it failed too, because what is then done needs it.
    pub(crate) fn around(
        &self,
        connection: &Connection,
        run: impl FnOnce() -> Result<(), Error>,
    ) -> Result<(), Error> {
        let ran = run();
        let put_back = self.put_back(connection);
        ran.and(put_back)
    }

    /// Puts back what changed since, and drops what is temporary and was not there.
    pub(crate) fn put_back(&self, connection: &Connection) -> Result<(), Error> {
        let run = |sql: &str| connection.execute_batch(sql).map_err(cannot);
        for (setting, value) in &self.settings {
            // What was written into the schema by hand, SQLite has not read yet: it would go on with
            // tables that are gone.
            match (*setting, value) {
                ("writable_schema", 0) => run("PRAGMA writable_schema = RESET")?,
                _ => run(&format!("PRAGMA {setting} = {value}"))?,
            }
        }
        if let Some(sensitive) = self.like_is_case_sensitive {
            run(&format!("PRAGMA {LIKE} = {}", i32::from(sensitive)))?;
        }
        // What hangs on a table goes before it.
        for kind in ["trigger", "view", "table"] {
            for Temporary { name, .. } in temporary(connection)?
                .iter()
                .filter(|object| object.kind == kind && !self.temporary.contains(object))
            {
                run(&format!("DROP {kind} IF EXISTS temp.{}", quote(name)))?;
            }
        }
        Ok(())
    }
}

/// Runs a script as a file of its own.
pub(crate) fn run_file(connection: &Connection, script: &Script) -> Result<(), Error> {
    ConnectionState::before(connection, script)?
        .around(connection, || run_script(connection, script))
}

fn temporary(connection: &Connection) -> Result<Vec<Temporary>, Error> {
    let read = || {
        let mut statement = connection.prepare(
            "SELECT type, name, sql FROM temp.sqlite_schema
             WHERE sql IS NOT NULL AND name NOT LIKE 'sqlite\\_%' ESCAPE '\\' ORDER BY rowid",
        )?;
        let rows = statement.query_map([], |row| {
            Ok(Temporary {
                kind: row.get(0)?,
                name: row.get(1)?,
                sql: row.get(2)?,
            })
        })?;
        rows.collect::<rusqlite::Result<_>>()
    };
    read().map_err(cannot)
}

/// Makes `last_insert_rowid()` answer this again, and `changes()` nothing: rows of ours were written
/// since, or of another file. `nothing` is SQL that changes no row, because nobody can set the second
/// but by writing.
pub(crate) fn forget_writes(
    connection: &Connection,
    rowid: i64,
    nothing: &str,
) -> Result<(), Error> {
    if connection.changes() != 0 {
        connection.execute_batch(nothing).map_err(cannot)?;
    }
    set_last_insert_rowid(connection, rowid);
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_a_file_sets_and_makes_for_itself_ends_with_it() {
        let connection = Connection::open_in_memory().unwrap();
        connection
            .execute_batch("CREATE TABLE t (x); CREATE TEMP TABLE mine (x); PRAGMA secure_delete = ON; PRAGMA case_sensitive_like = ON")
            .unwrap();
        let answers = || -> Vec<i64> {
            let settings = SETTINGS.iter();
            let mut queries: Vec<String> = settings.map(|name| format!("PRAGMA {name}")).collect();
            queries.push("SELECT 'a' LIKE 'A'".into());
            queries.push("SELECT count(*) FROM temp.sqlite_schema".into());
            queries
                .iter()
                .map(|sql| number(&connection, sql).unwrap_or(-9))
                .collect()
        };
        let before = answers();
        let mut sql = String::from(
            "CREATE TEMP TABLE t2 (x UNIQUE); CREATE TEMP VIEW v AS SELECT * FROM t2;
             CREATE TEMP TRIGGER r AFTER INSERT ON main.t BEGIN SELECT 1; END;
             CREATE INDEX temp.i ON t2 (x); PRAGMA case_sensitive_like = OFF;",
        );
        for setting in SETTINGS.iter().rev().filter(|name| **name != "mmap_size") {
            sql += &format!(
                "PRAGMA {setting} = {};",
                i32::from(*setting != "secure_delete" && *setting != "automatic_index")
            );
        }
        let script = Script::new("f.sql", sql);
        let state = ConnectionState::before(&connection, &script).unwrap();
        run_script(&connection, &script).unwrap();
        assert_ne!(answers(), before);
        state.put_back(&connection).unwrap();
        assert_eq!(answers(), before);
    }

    #[test]
    fn the_last_rowid_is_what_it_was() {
        let connection = Connection::open_in_memory().unwrap();
        connection.execute_batch("CREATE TABLE ours (x)").unwrap();
        let answers = || (connection.last_insert_rowid(), connection.changes());
        for rowid in [0, 7, i64::MIN] {
            connection
                .execute_batch(
                    "CREATE TABLE t (x); INSERT INTO t VALUES (1), (2); ALTER TABLE t RENAME TO t_",
                )
                .unwrap();
            assert_eq!(answers(), (2, 2));
            forget_writes(&connection, rowid, "DELETE FROM ours WHERE 0").unwrap();
            assert_eq!(answers(), (rowid, 0));
            connection.execute_batch("DROP TABLE t_").unwrap();
        }
    }
}
