//! A migration file in the making: composed against a database in memory on which each
//! statement is run as soon as it is written.

use std::collections::BTreeSet;

use rusqlite::Connection;

use crate::devtools::alter::sql_writer::Writer;
use crate::devtools::alter::sqlite_version::{NATIVE_CONSTRAINTS, SqliteVersion};
use crate::devtools::model::diff::Model;
use crate::options::settings::Options;
use crate::report::change::ChangeKind;
use crate::report::error::{Error, invalid};
use crate::report::loss::Direction;
use crate::report::remedy::Remedy;
use crate::sqlite::execute::{run_script, text};
use crate::sqlite::schema::catalog;
use crate::sqlite::schema::objects::Object;
use crate::sqlite::schema::parsed::edits::ColumnOrder;
use crate::sqlite::sql::name::same_name;
use crate::sqlite::sql::script::Script;

/// What messages call a file that has no name yet.
const DRAFT: &str = "the migration in the making";

/// The present schema of a database, taken apart.
pub(crate) fn model(connection: &Connection, options: &Options<'_>) -> Result<Model, Error> {
    let schema = catalog::schema(connection, &options.own_tables())?;
    Model::of(&schema).map_err(|(table, reason)| {
        invalid(format!("table `{table}` cannot be taken apart: {reason}"))
            .with_help("write this change by hand, in a new migration")
            .with_remedy(Remedy::Create)
    })
}

/// How files are composed.
#[derive(Debug, Clone, Copy)]
pub(crate) struct ComposeOptions {
    pub(crate) direction: Direction,
    pub(crate) order: ColumnOrder,
    /// The SQLite that the files are for.
    pub(crate) sqlite: SqliteVersion,
    /// Whether what is in the way of a rename may be dropped, because the target has it.
    pub(crate) clears: bool,
}

impl ComposeOptions {
    /// As a version of SQLite can.
    pub(crate) fn of(
        direction: Direction,
        order: ColumnOrder,
        sqlite: SqliteVersion,
    ) -> ComposeOptions {
        ComposeOptions {
            direction,
            order,
            sqlite,
            clears: true,
        }
    }

    /// Whether the newer forms of ALTER TABLE may be used.
    pub(crate) fn constraints(&self) -> bool {
        self.sqlite >= NATIVE_CONSTRAINTS
    }
}

/// What became of one table in a file.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct ComposedChange {
    /// The table by its name after; a view's, where only that changes.
    pub(crate) table: String,
    pub(crate) kind: ChangeKind,
    /// What it takes away or may alter, in words that follow "it would".
    pub(crate) destroys: Vec<String>,
}

/// A file's statements, which were run.
#[derive(Debug, Clone, Default)]
pub(crate) struct Composed {
    pub(crate) sql: String,
    pub(crate) changes: Vec<ComposedChange>,
    /// What the down migration cannot bring back, in sentences.
    pub(crate) not_restored: Vec<String>,
    /// Why a down migration works on empty tables only, in sentences.
    pub(crate) only_empty: Vec<String>,
    /// Columns whose values are copied to another name, in sentences. To a run they are gone, so that
    /// the file must allow it.
    pub(crate) moved: Vec<String>,
    /// Views and triggers that were dropped before something was renamed, as they were.
    pub(crate) away: Vec<Object>,
}

impl Composed {
    /// What several do one after the other.
    pub(crate) fn in_sequence(several: Vec<Composed>) -> Composed {
        let mut all = Composed::default();
        for composed in several {
            let Composed {
                sql,
                changes,
                not_restored,
                only_empty,
                moved,
                away,
            } = composed;
            if !all.sql.is_empty() && !sql.is_empty() {
                all.sql.push('\n');
            }
            all.sql += &sql;
            all.changes.extend(changes);
            all.not_restored.extend(not_restored);
            all.only_empty.extend(only_empty);
            all.moved.extend(moved);
            all.away.extend(away);
        }
        all
    }
}

pub(super) struct Composer<'c, 'o> {
    pub(super) connection: &'c Connection,
    pub(super) options: &'c Options<'o>,
    pub(super) manner: ComposeOptions,
    pub(super) out: Writer,
    pub(super) composed: Composed,
    /// Indexes whose names something has that is to go first.
    pub(super) waiting: Vec<String>,
    /// The views that did not work before anything was dropped for a rename.
    pub(super) broken_before: Vec<String>,
    /// Renamed columns of virtual tables: the table's name after, the column's before and after.
    pub(super) of_virtual: Vec<(String, String, String)>,
}

impl<'c, 'o> Composer<'c, 'o> {
    pub(super) fn of(
        connection: &'c Connection,
        options: &'c Options<'o>,
        manner: ComposeOptions,
    ) -> Composer<'c, 'o> {
        Composer {
            connection,
            options,
            manner,
            out: Writer::default(),
            composed: Composed::default(),
            waiting: Vec::new(),
            broken_before: Vec::new(),
            of_virtual: Vec::new(),
        }
    }

    /// The schema as it is by now.
    pub(super) fn model(&self) -> Result<Model, Error> {
        model(self.connection, self.options)
    }

    /// Runs a statement, and writes it.
    pub(super) fn run(&mut self, sql: &str) -> Result<(), Error> {
        run_script(self.connection, &Script::new(DRAFT, sql.to_owned()))?;
        self.out.statement(sql);
        Ok(())
    }

    /// Runs what was written apart, and adds it.
    pub(super) fn run_all(&mut self, written: &Writer) -> Result<(), Error> {
        run_script(
            self.connection,
            &Script::new(DRAFT, written.text().to_owned()),
        )?;
        self.out.raw(written.text());
        Ok(())
    }

    pub(super) fn note(&mut self, table: &str, kind: ChangeKind, destroys: Vec<String>) {
        let changes = &mut self.composed.changes;
        match changes
            .iter_mut()
            .find(|change| same_name(&change.table, table))
        {
            Some(change) => {
                change.destroys.extend(destroys);
                change.kind = change.kind.and(kind);
            }
            None => changes.push(ComposedChange {
                table: table.to_owned(),
                kind,
                destroys,
            }),
        }
    }

    pub(super) fn not_restored(&mut self, what: String) {
        self.composed.not_restored.push(what);
    }
}

/// A name for the time between that nothing has, before or after.
pub(super) fn free_name(table: &str, now: &Model, target: &Model) -> String {
    free(table, |name| now.has_name(name) || target.has_name(name))
}

/// A name like another that is not taken.
pub(super) fn free(name: &str, is_taken: impl Fn(&str) -> bool) -> String {
    let plain = format!("{name}_new");
    let numbered = (2..).map(|number| format!("{name}_new{number}"));
    std::iter::once(plain)
        .chain(numbered)
        .find(|name| !is_taken(name))
        .unwrap_or_default()
}

/// What stops a rename that is right in itself.
pub(super) fn stopped(error: Error) -> Error {
    match error.to_string().starts_with("error in ") {
        true => error.with_help("SQLite renames nothing while a view or a trigger does not work; correct or drop it in a migration before"),
        false => error,
    }
}

/// What SQLite says of a database after a file.
pub(crate) fn broken(
    connection: &Connection,
    options: &Options<'_>,
) -> Result<BTreeSet<String>, Error> {
    let schema = catalog::schema(connection, &options.own_tables())?;
    let objects = crate::sqlite::schema::empty_copy::broken_objects(connection, &schema)?;
    let mut broken: BTreeSet<String> = objects
        .into_iter()
        .map(|(object, error)| format!("{object}: {}", text(&error)))
        .collect();
    let references = catalog::references(connection)?;
    for (table, message) in references.broken {
        broken.insert(format!("the references of `{table}`: {message}"));
    }
    for (child, parent) in catalog::dangling(connection)? {
        broken.insert(format!(
            "`{child}` refers to `{parent}`, which does not exist"
        ));
    }
    Ok(broken)
}
