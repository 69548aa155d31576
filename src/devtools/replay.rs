//! Databases in memory: as the migrations leave one that is new, and as a schema file says.

use rusqlite::Connection;
use rusqlite::backup::Backup;

use crate::migration::compare::afresh;
use crate::migration::set::Migration;
use crate::migration::step::{MigrationStep, own_table_touched_by, refused_own_table};
use crate::options::settings::{Options, memory};
use crate::report::error::{Error, invalid};
use crate::sqlite::connection_state::{forget_writes, run_file};
use crate::sqlite::execute::{failure, run_statement};
use crate::sqlite::own_tables::OwnTables;
use crate::sqlite::schema::catalog;
use crate::sqlite::schema::objects::TableKind;
use crate::sqlite::schema::parsed::annotations::{Annotation, Former, notes};
use crate::sqlite::sql::name::same_name;
use crate::sqlite::sql::script::Script;
use crate::sqlite::sql::statement::{Action, Statement};
use crate::sqlite::sql::token::{Token, Tokens, mentions};

/// The same contents in another database in memory.
pub(crate) fn copy_of(options: &Options<'_>, original: &Connection) -> Result<Connection, Error> {
    let mut copy = memory(options)?;
    Backup::new(original, &mut copy)
        .and_then(|backup| backup.step(-1))
        .map_err(|error| failure("cannot copy the database in memory", error))?;
    Ok(copy)
}

/// What the migrations give, run from the first to the last.
pub(crate) fn replay<'m>(
    options: &Options<'_>,
    migrations: impl IntoIterator<Item = &'m Migration>,
) -> Result<Connection, Error> {
    replay_on(memory(options)?, migrations)
}

const CHANGE_NOTHING: &str = "CREATE TABLE temp.heirloom_nothing (x);
    DELETE FROM temp.heirloom_nothing WHERE 0;
    DROP TABLE temp.heirloom_nothing";

/// The same on what is there already.
pub(crate) fn replay_on<'m>(
    connection: Connection,
    migrations: impl IntoIterator<Item = &'m Migration>,
) -> Result<Connection, Error> {
    let rowid = connection.last_insert_rowid();
    for migration in migrations {
        let task = MigrationStep::up(migration)?;
        forget_writes(&connection, rowid, CHANGE_NOTHING)?;
        let enforced = |on: bool| {
            let sql = format!("PRAGMA foreign_keys = {on}");
            let run = connection.execute_batch(&sql);
            run.map_err(|error| failure(format!("cannot run `{sql}`"), error))
        };
        if task.enforces {
            enforced(true)?;
        }
        run_file(&connection, &task.script).map_err(|error| error.in_migration(&task.label()))?;
        if task.enforces {
            enforced(false)?;
        }
    }
    Ok(connection)
}

/// What the components give, which a run brings first: the app may build on it.
pub(crate) fn components(options: &Options<'_>) -> Result<Connection, Error> {
    let lists = options.lists_of_components()?;
    lists.iter().try_fold(memory(options)?, |connection, list| {
        replay_on(connection, afresh(list))
    })
}

/// What a schema file says, in SQL and in notes that stand outside of a statement.
pub(crate) struct Desired {
    pub(crate) connection: Connection,
    /// Table and former name, from a note above its CREATE TABLE.
    pub(crate) above: Vec<(String, Former)>,
    /// Table, its CREATE TABLE, and a note behind it in its last line.
    pub(crate) behind: Vec<(String, String, Annotation)>,
    /// What of the file was skipped, in sentences.
    pub(crate) notes: Vec<String>,
}

/// Makes the schema of a file in memory, on what is there already. What `sqlite3 .schema` and
/// `.dump` print beside it is passed over: PRAGMAs, transaction control, SQLite's own tables and
/// heirloom's, the storage of virtual tables. Statistics and a DROP … IF EXISTS of what is not there
/// are skipped with a note. The order of the statements says nothing: an index or a trigger may
/// stand before its table.
///
/// # Errors
/// [`ErrorKind::InvalidMigration`](crate::ErrorKind::InvalidMigration) for anything else that is not a CREATE.
pub(crate) fn desired(
    options: &Options<'_>,
    connection: Connection,
    script: &Script,
) -> Result<Desired, Error> {
    let (mut noted_above, mut noted_behind) = (Vec::new(), Vec::new());
    let mut end = 0;
    // The table whose statement came before, with that.
    let mut last: Option<(String, &str)> = None;
    let mut note_behind = |last: Option<(String, &str)>, line: &str| {
        if let Some((table, sql)) = last {
            let found = notes(line).into_iter();
            noted_behind.extend(found.map(|note| (table.clone(), sql.to_owned(), note)));
        }
    };
    let (mut skipped_notes, mut waiting) = (Vec::new(), Vec::new());
    let is_virtual = |entry: &catalog::CatalogEntry| {
        Tokens::new(&entry.sql)
            .nth(1)
            .is_some_and(|token| token.word() == "VIRTUAL")
    };
    let mut modules = catalog::entries(&connection)?.iter().any(is_virtual);
    for statement in script.statements() {
        let between = &script.text()[end..statement.start];
        // What goes on in the last statement's line is beside that, unless this one follows there.
        let line = match end {
            0 => 0,
            _ => between.find('\n').unwrap_or(0),
        };
        let (behind, above) = between.split_at(line);
        note_behind(last.take(), behind);
        end = statement.start + statement.text.len();
        modules |= Tokens::new(statement.text)
            .nth(1)
            .is_some_and(|token| token.word() == "VIRTUAL");
        if is_passed_over(&connection, options, &statement, modules)? {
            continue;
        }
        if let Some(what) = skipped(&connection, &statement)? {
            let line = script.position(statement.start).line;
            skipped_notes.push(format!("{}:{line} was skipped: {what}", script.file()));
            continue;
        }
        refuse_other_than_create(script, &statement, &options.own_tables())?;
        match run_statement(&connection, script, &statement) {
            Err(_) if waits_for_its_table(&connection, &statement)? => waiting.push(statement),
            done => done.map_err(again)?,
        }
        if let Action::CreateTable(table) = statement.action() {
            let was = notes(above).into_iter().filter_map(|note| note.was);
            noted_above.extend(was.map(|text| {
                let holders = vec![None];
                (table.clone(), Former { text, holders })
            }));
            last = Some((table, statement.text));
        }
    }
    let rest = &script.text()[end..];
    note_behind(last, rest.lines().next().unwrap_or_default());
    for statement in waiting {
        run_statement(&connection, script, &statement).map_err(again)?;
    }
    Ok(Desired {
        connection,
        notes: skipped_notes,
        above: noted_above,
        behind: noted_behind,
    })
}

/// What failed in a schema file is generated again, not run again.
fn again(error: Error) -> Error {
    let help = error
        .help()
        .unwrap_or_default()
        .replace("run again", "generate again");
    error.with_help(help)
}

/// The table (or the view) that a CREATE INDEX or a CREATE TRIGGER is for.
fn made_on(statement: &Statement<'_>) -> Option<String> {
    let tokens: Vec<Token<'_>> = Tokens::new(statement.text).collect();
    let mut words = tokens.iter().map(Token::word);
    let creates = words.next().is_some_and(|word| word == "CREATE");
    let kind = words.find(|word| word != "UNIQUE");
    if !creates || !kind.is_some_and(|kind| kind == "INDEX" || kind == "TRIGGER") {
        return None;
    }
    // ON is a keyword: in no name without quotes.
    let on = tokens.iter().position(|token| token.word() == "ON")?;
    tokens.get(on + 1).map(|token| token.name().into_owned())
}

fn waits_for_its_table(connection: &Connection, statement: &Statement<'_>) -> Result<bool, Error> {
    match made_on(statement) {
        Some(table) => Ok(!catalog::entries(connection)?
            .iter()
            .any(|entry| same_name(&entry.name, &table))),
        None => Ok(false),
    }
}

/// Why a statement of a schema file that is not a CREATE may be left out. None where it may not.
fn skipped(
    connection: &Connection,
    statement: &Statement<'_>,
) -> Result<Option<&'static str>, Error> {
    let tokens: Vec<Token<'_>> = Tokens::new(statement.text).take(8).collect();
    let words: Vec<String> = tokens.iter().map(Token::word).collect();
    let words: Vec<&str> = words.iter().map(String::as_str).collect();
    let (reason, subject) = match words.as_slice() {
        ["ANALYZE", ..] => return Ok(Some("statistics are not part of the schema")),
        ["INSERT", "INTO", ..] | ["DELETE", "FROM", ..] | ["REPLACE", "INTO", ..] => {
            ("SQLite's own tables are not part of the schema", 2)
        }
        [
            "DROP",
            "TABLE" | "INDEX" | "VIEW" | "TRIGGER",
            "IF",
            "EXISTS",
            ..,
        ] => ("there is nothing of that name to drop", 4),
        _ => return Ok(None),
    };
    let qualified = tokens.get(subject + 1).is_some_and(|dot| dot.text == ".");
    let Some(token) = tokens.get(subject + if qualified { 2 } else { 0 }) else {
        return Ok(None);
    };
    let name = token.name();
    let is_skipped = match subject {
        2 => name
            .get(.."sqlite_".len())
            .is_some_and(|prefix| same_name(prefix, "sqlite_")),
        _ => !catalog::entries(connection)?
            .iter()
            .any(|entry| same_name(&entry.name, &name)),
    };
    Ok(is_skipped.then_some(reason))
}

fn is_passed_over(
    connection: &Connection,
    options: &Options<'_>,
    statement: &Statement<'_>,
    modules: bool,
) -> Result<bool, Error> {
    let own = options.own_tables();
    Ok(match statement.action() {
        Action::Transaction(_) | Action::Pragma(_) => true,
        Action::CreateTable(name) => {
            let prefix = name.get(.."sqlite_".len());
            let is_shadow = |(table, kind): &(String, TableKind)| {
                *kind == TableKind::Shadow && same_name(table, &name)
            };
            prefix.is_some_and(|prefix| same_name(prefix, "sqlite_"))
                // Taken from a database: what is kept there, and no table of the app's.
                || own.known_by(&name).is_some_and(|column| mentions(statement.text, column))
                // Of a schema without modules there is no need to ask.
                || (modules && catalog::table_kinds(connection)?.iter().any(is_shadow))
        }
        _ => made_on(statement).is_some_and(|table| own.hold(&table)),
    })
}

fn refuse_other_than_create(
    script: &Script,
    statement: &Statement<'_>,
    own: &OwnTables<'_>,
) -> Result<(), Error> {
    if let Some(name) = own_table_touched_by(statement, own) {
        return Err(refused_own_table(script, statement, &name));
    }
    let words: Vec<String> = Tokens::new(statement.text)
        .map(|token| token.word())
        .take_while(|word| word != "(")
        .collect();
    let refuse = |sentence: String| {
        Err(invalid(sentence)
            .at(script.location(statement.start, true))
            .with_statement(statement.text)
            .with_help("a schema file says how the schema should be, with CREATE statements; what is done to rows belongs into a migration"))
    };
    match [words.first(), words.get(1)].map(|word| word.map_or("", String::as_str)) {
        ["CREATE", "TEMP" | "TEMPORARY"] => {
            refuse("what is temporary is not part of the schema".into())
        }
        ["CREATE", "TABLE"] if words.iter().any(|word| word == "AS") => {
            refuse("CREATE TABLE … AS SELECT says nothing of types, keys and defaults".into())
        }
        ["CREATE", _] => Ok(()),
        [first, _] => refuse(format!("{first} has no place in a schema file")),
    }
}

/// The schema file of these migrations.
///
/// # Errors
/// [`ErrorKind::NotFound`](crate::ErrorKind::NotFound).
pub(crate) fn no_schema_file(path: &std::path::Path) -> Error {
    Error::not_found(
        format!("there is no schema file at {}", path.display()),
        "write the schema as it should be into it, with CREATE statements; `sqlite3 app.db .schema` prints the present one",
    )
}
