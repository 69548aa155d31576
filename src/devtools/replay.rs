//! Databases in memory: as the migrations leave one that is new, and as a schema file says.

use rusqlite::Connection;
use rusqlite::backup::Backup;

use crate::devtools::model::annotations::{Annotation, Former, notes};
use crate::migration::compare::afresh;
use crate::migration::set::Migration;
use crate::migration::step::MigrationStep;
use crate::options::settings::{Options, memory};
use crate::report::error::{Error, ErrorKind, invalid};
use crate::sqlite::execute::{failure, run_script, run_statement};
use crate::sqlite::schema::catalog;
use crate::sqlite::schema::objects::TableKind;
use crate::sqlite::sql::name::same_name;
use crate::sqlite::sql::script::Script;
use crate::sqlite::sql::statement::{Action, Statement};
use crate::sqlite::sql::token::Tokens;

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

/// The same on what is there already.
pub(crate) fn replay_on<'m>(
    connection: Connection,
    migrations: impl IntoIterator<Item = &'m Migration>,
) -> Result<Connection, Error> {
    for migration in migrations {
        let task = MigrationStep::up(migration)?;
        run_script(&connection, &task.script).map_err(|error| error.in_migration(&task.label()))?;
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
}

/// Makes the schema of a file in memory, on what is there already. What `sqlite3 .schema` and
/// `.dump` print beside it is passed over: PRAGMAs, transaction control, SQLite's own tables and
/// heirloom's, the storage of virtual tables.
///
/// # Errors
/// [`ErrorKind::InvalidMigration`] for anything else that is no CREATE.
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
        if is_passed_over(&connection, options, &statement)? {
            continue;
        }
        refuse_other_than_create(script, &statement)?;
        run_statement(&connection, script, &statement).map_err(|error| {
            let help = error
                .help()
                .unwrap_or_default()
                .replace("run again", "generate again");
            error.with_help(help)
        })?;
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
    Ok(Desired {
        connection,
        above: noted_above,
        behind: noted_behind,
    })
}

fn is_passed_over(
    connection: &Connection,
    options: &Options<'_>,
    statement: &Statement<'_>,
) -> Result<bool, Error> {
    Ok(match statement.action() {
        Action::Transaction(_) | Action::Pragma(_) => true,
        Action::CreateTable(name) => {
            let prefix = name.get(.."sqlite_".len());
            let is_shadow = |(table, kind): &(String, TableKind)| {
                *kind == TableKind::Shadow && same_name(table, &name)
            };
            prefix.is_some_and(|prefix| same_name(prefix, "sqlite_"))
                || options.own_tables().hold(&name)
                || catalog::table_kinds(connection)?.iter().any(is_shadow)
        }
        _ => false,
    })
}

fn refuse_other_than_create(script: &Script, statement: &Statement<'_>) -> Result<(), Error> {
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
            refuse("what is temporary is no part of the schema".into())
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
/// [`ErrorKind::NotFound`].
pub(crate) fn no_schema_file(path: &std::path::Path) -> Error {
    Error::new(
        ErrorKind::NotFound,
        format!("there is no schema file at {}", path.display()),
    )
    .with_help("write the schema as it should be into it, with CREATE statements; `sqlite3 app.db .schema` prints the present one")
}
