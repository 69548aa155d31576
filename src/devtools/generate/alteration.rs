//! One table's alteration as a value: for migrations written in Rust.

use std::fmt;

use rusqlite::Connection;

use crate::devtools::alter::compose::composer::{ComposeOptions, broken, model};
use crate::devtools::alter::compose::steps::{compose, rename_only};
use crate::devtools::alter::renames::Renames;
use crate::devtools::alter::sqlite_version::SqliteVersion;
use crate::devtools::model::diff::Model;
use crate::devtools::replay;
use crate::migration::files::source::Source;
use crate::options::settings::{Options, memory};
use crate::report::change::ChangeKind;
use crate::report::error::{Error, ErrorKind};
use crate::report::loss::Direction;
use crate::sqlite::execute::{failure, run_script};
use crate::sqlite::schema::catalog;
use crate::sqlite::schema::empty_copy::copy_schema;
use crate::sqlite::schema::objects::{Object, ObjectKind};
use crate::sqlite::schema::parsed::edits::ColumnOrder;
use crate::sqlite::schema::parsed::table::{ColumnDefinition, Definition};
use crate::sqlite::sql::name::{plain, same_name};
use crate::sqlite::sql::script::Script;
use crate::sqlite::sql::token::mentions;

/// What is to become of a table: columns added, dropped, renamed, of another type, default, key
/// or order. ALTER TABLE is used where its rules allow it, and the table is rebuilt where they
/// do not, with its rows, rowids, indexes, triggers and everything that refers to it: the same
/// code that `heirloom generate` writes its files with.
///
/// ```
/// use heirloom::rusqlite::Connection;
/// use heirloom::devtools::Alteration;
///
/// let connection = Connection::open_in_memory().unwrap();
/// connection.execute_batch("
///     PRAGMA foreign_keys = OFF;
///     CREATE TABLE users (id INTEGER PRIMARY KEY, name TEXT);
///     INSERT INTO users (name) VALUES ('Ada');
/// ").unwrap();
/// let alteration = Alteration::of("users")
///     .rename("name", "full_name")
///     .add("phone TEXT NOT NULL DEFAULT ''")
///     .not_null("full_name");
/// println!("{}", alteration.plan(&connection)?.sql);
/// alteration.apply(&connection)?;
/// let row = connection.query_row("SELECT full_name || phone FROM users", [], |row| row.get::<_, String>(0));
/// assert_eq!(row.unwrap(), "Ada");
/// # Ok::<(), heirloom::Error>(())
/// ```
#[derive(Debug)]
pub struct Alteration<'a> {
    table: String,
    new_name: Option<String>,
    renames: Vec<(String, String)>,
    edits: Vec<Edit>,
    order: ColumnOrder,
    allow_destructive: bool,
    options: Options<'a>,
}

/// One thing that is asked for. Columns by their new names.
#[derive(Debug, Clone)]
enum Edit {
    Add(String),
    Drop(String),
    Retype(String, String),
    NotNull(String, bool),
    Redefault(String, Option<String>),
    Recollate(String, String),
    Using(String, String),
    AddConstraint(String),
    DropConstraint(String),
    Reorder(Vec<String>),
    Strict(bool),
    WithoutRowid(bool),
}

/// What an [`Alteration`] does, to look at before it is done.
#[derive(Debug, Clone, PartialEq, Eq)]
#[cfg_attr(feature = "serde", derive(serde::Serialize))]
#[non_exhaustive]
pub struct AlterationPlan {
    /// The SQL, empty where the table is like that already.
    pub sql: String,
    /// ALTER TABLE, or rebuilt; none where there is nothing to do.
    pub kind: Option<ChangeKind>,
    /// What it takes away or may alter, in words that follow "it would".
    pub destroys: Vec<String>,
}

impl<'a> Alteration<'a> {
    /// An alteration of a table that changes nothing yet.
    pub fn of(table: impl Into<String>) -> Alteration<'a> {
        Alteration {
            table: table.into(),
            new_name: None,
            renames: Vec::new(),
            edits: Vec::new(),
            order: ColumnOrder::Ignored,
            allow_destructive: false,
            options: Options::new(Source::of_files::<String, String>([])),
        }
    }

    fn with(mut self, edit: Edit) -> Self {
        self.edits.push(edit);
        self
    }

    #[allow(
        clippy::should_implement_trait,
        reason = "it adds a column, not a number"
    )]
    /// Adds a column, as CREATE TABLE would have it: `phone TEXT NOT NULL DEFAULT ''`. Where rows
    /// are to get other values than the default, see [`Alteration::using`].
    pub fn add(self, column: impl Into<String>) -> Self {
        self.with(Edit::Add(column.into()))
    }

    /// Adds a column that must not be NULL, with a value for the rows that are there. The
    /// value is an SQL expression over the old row, and no default: a new row must say what it holds.
    pub fn add_not_null(
        self,
        column: impl Into<String>,
        declared: &str,
        value: impl Into<String>,
    ) -> Self {
        let column = column.into();
        self.add(format!("{} {declared} NOT NULL", plain(&column)))
            .using(column, value)
    }

    /// Drops a column, and the indexes over it.
    pub fn drop(self, column: impl Into<String>) -> Self {
        self.with(Edit::Drop(column.into()))
    }

    /// Gives a column another name. Everything else of the alteration speaks of it by that one.
    pub fn rename(mut self, from: impl Into<String>, to: impl Into<String>) -> Self {
        self.renames.push((from.into(), to.into()));
        self
    }

    /// Gives the table another name.
    pub fn rename_table(mut self, to: impl Into<String>) -> Self {
        self.new_name = Some(to.into());
        self
    }

    /// Declares another type. Values that would not come through unchanged end it, unless
    /// [`Alteration::using`] says how they are converted.
    pub fn retype(self, column: impl Into<String>, declared: impl Into<String>) -> Self {
        self.with(Edit::Retype(column.into(), declared.into()))
    }

    /// A column must not be NULL. NULLs that are there take its default, where it has one.
    pub fn not_null(self, column: impl Into<String>) -> Self {
        self.with(Edit::NotNull(column.into(), true))
    }

    /// A column may be NULL.
    pub fn nullable(self, column: impl Into<String>) -> Self {
        self.with(Edit::NotNull(column.into(), false))
    }

    /// Gives a column a default, as SQL: `'none'`, `0`, `(datetime('now'))`. Rows that are there
    /// keep what they hold.
    pub fn default_to(self, column: impl Into<String>, value: impl Into<String>) -> Self {
        self.with(Edit::Redefault(column.into(), Some(value.into())))
    }

    /// Takes a column's default away.
    pub fn no_default(self, column: impl Into<String>) -> Self {
        self.with(Edit::Redefault(column.into(), None))
    }

    /// Gives a column another collation.
    pub fn collate(self, column: impl Into<String>, collation: impl Into<String>) -> Self {
        self.with(Edit::Recollate(column.into(), collation.into()))
    }

    /// Where the values of a column come from that is added, has another type, or must not be
    /// NULL any more: an SQL expression over the old row.
    pub fn using(self, column: impl Into<String>, expression: impl Into<String>) -> Self {
        self.with(Edit::Using(column.into(), expression.into()))
    }

    /// Adds a constraint of the table, as CREATE TABLE would have it: `UNIQUE (a, b)`,
    /// `CONSTRAINT positive CHECK (size > 0)`, `FOREIGN KEY (a) REFERENCES b (id)`,
    /// `PRIMARY KEY (a)`.
    pub fn add_constraint(self, constraint: impl Into<String>) -> Self {
        self.with(Edit::AddConstraint(constraint.into()))
    }

    /// Drops a constraint: by its name, or by its text where it has none (`UNIQUE (a, b)`).
    pub fn drop_constraint(self, constraint: impl Into<String>) -> Self {
        self.with(Edit::DropConstraint(constraint.into()))
    }

    /// Puts columns first, in this order; the others follow as they were.
    pub fn reorder<C: Into<String>>(mut self, columns: impl IntoIterator<Item = C>) -> Self {
        self.order = ColumnOrder::Counts;
        self.with(Edit::Reorder(columns.into_iter().map(Into::into).collect()))
    }

    /// Makes the table STRICT, or lets it be lax.
    pub fn strict(self, strict: bool) -> Self {
        self.with(Edit::Strict(strict))
    }

    /// Keeps the rows under their primary key (WITHOUT ROWID), or under a rowid.
    pub fn without_rowid(self, without: bool) -> Self {
        self.with(Edit::WithoutRowid(without))
    }

    /// Consents to what it destroys.
    pub fn allow_destructive(mut self) -> Self {
        self.allow_destructive = true;
        self
    }

    /// Sets up the database in memory on which the plan is made, as
    /// [`Migrator::connection_setup`](crate::Migrator::connection_setup) does.
    pub fn connection_setup(
        mut self,
        setup: impl Fn(&Connection) -> rusqlite::Result<()> + Send + 'a,
    ) -> Self {
        self.options.setup = Some(Box::new(setup));
        self
    }

    /// What it would do to the table of a database. Writes nothing.
    ///
    /// # Errors
    /// [`ErrorKind::NotFound`] for a table or a column that does not exist;
    /// [`ErrorKind::NeedsDefault`]; [`ErrorKind::InvalidMigration`] for SQL that is wrong, and
    /// for an alteration that a view or a trigger does not survive.
    pub fn plan(&self, connection: &Connection) -> Result<AlterationPlan, Error> {
        let scratch = memory(&self.options)?;
        copy_schema(connection, &scratch)?;
        let before = broken(&scratch, &self.options)?;
        let renames = self.renames();
        // What a view or a trigger should be afterwards, nobody says here.
        let manner = ComposeOptions {
            clears: false,
            ..ComposeOptions::of(Direction::Up, self.order, SqliteVersion::linked())
        };
        let target = {
            let renamed = replay::copy_of(&self.options, &scratch)?;
            let now = model(&renamed, &self.options)?;
            rename_only(&renamed, &self.options, &now, &renames, manner)?;
            self.target(model(&renamed, &self.options)?)?
        };
        let composed = compose(&scratch, &self.options, &target, None, &renames, manner)?;
        if let Some(problem) = broken(&scratch, &self.options)?.difference(&before).next() {
            return Err(Error::new(
                ErrorKind::InvalidMigration,
                format!("the alteration of `{}` would leave {problem}", self.table),
            )
            .with_help("drop it first, and make it again afterwards"));
        }
        Ok(AlterationPlan {
            kind: composed.changes.first().map(|change| change.kind),
            destroys: composed
                .changes
                .into_iter()
                .flat_map(|change| change.destroys)
                .collect(),
            sql: composed.sql,
        })
    }

    /// Does it. Inside a transaction it is part of it, and foreign keys must be off there (in
    /// a run they are); outside, it is a transaction of its own that sees to that. What fails
    /// is rolled back.
    ///
    /// # Errors
    /// As [`Alteration::plan`]; [`ErrorKind::Destructive`] without permission, and where the
    /// table would have fewer rows; [`ErrorKind::MigrationFailed`] for rows that do not fit.
    pub fn apply(&self, connection: &Connection) -> Result<AlterationPlan, Error> {
        let plan = self.plan(connection)?;
        if !plan.destroys.is_empty() && !self.allow_destructive {
            return Err(Error::new(
                ErrorKind::Destructive,
                format!("it would {}", plan.destroys.join("; ")),
            )
            .with_help("call `allow_destructive()` if that is meant"));
        }
        if !plan.sql.is_empty() {
            self.refuse_temporary(connection, &plan)?;
            protected(connection, || self.run(connection, &plan))?;
        }
        Ok(plan)
    }

    fn run(&self, connection: &Connection, plan: &AlterationPlan) -> Result<(), Error> {
        let known = catalog::references(connection)?;
        let before = catalog::row_count(connection, &self.table)?;
        let script = Script::new(
            format!("the alteration of `{}`", self.table),
            plan.sql.clone(),
        );
        run_script(connection, &script)?;
        let table = self.new_name.as_deref().unwrap_or(&self.table);
        let after = catalog::row_count(connection, table)?;
        if after < before {
            return Err(Error::new(
                ErrorKind::Destructive,
                format!("`{table}` would have fewer rows than before"),
            ));
        }
        let violated = |references: catalog::References| -> usize {
            references.violations.values().map(Vec::len).sum()
        };
        if violated(catalog::references(connection)?) > violated(known) {
            return Err(Error::new(
                ErrorKind::MigrationFailed,
                format!(
                    "rows would refer to rows that are not there, after the alteration of `{table}`"
                ),
            )
            .with_help("correct the rows first"));
        }
        Ok(())
    }

    /// A temporary table of a name that the plan speaks of would be taken for the one that is
    /// meant, and a temporary trigger would go with the table.
    fn refuse_temporary(
        &self,
        connection: &Connection,
        plan: &AlterationPlan,
    ) -> Result<(), Error> {
        let read = || {
            let mut query = connection.prepare("SELECT name, tbl_name FROM temp.sqlite_schema")?;
            let rows = query.query_map([], |row| Ok([row.get(0)?, row.get(1)?]))?;
            rows.collect::<rusqlite::Result<Vec<[String; 2]>>>()
        };
        let found = read().map_err(|error| failure("cannot read the temporary schema", error))?;
        match found
            .iter()
            .find(|names| names.iter().any(|name| mentions(&plan.sql, name)))
        {
            None => Ok(()),
            Some([name, _]) => Err(Error::usage(
                format!(
                    "the temporary `{name}` is in the way of an alteration of `{}`",
                    self.table
                ),
                "drop it first",
            )),
        }
    }

    fn renames(&self) -> Renames {
        let table = self.new_name.as_deref().unwrap_or(&self.table);
        let tables = self
            .new_name
            .iter()
            .map(|new| (self.table.clone(), new.clone()));
        let mut columns: Vec<(String, String, String)> = Vec::new();
        // One after the other, here as the caller says it.
        for (old, new) in &self.renames {
            let known = columns.iter_mut().find(|(_, _, now)| same_name(now, old));
            match known {
                Some((_, _, now)) => now.clone_from(new),
                None => columns.push((table.to_owned(), old.clone(), new.clone())),
            }
        }
        Renames {
            tables: tables.collect(),
            columns,
        }
    }

    /// The schema as it should be.
    fn target(&self, mut model: Model) -> Result<Model, Error> {
        let name = self.new_name.as_deref().unwrap_or(&self.table);
        let definition = model.definition(name).ok_or_else(|| {
            let message = format!("there is no table `{}`", self.table);
            Error::new(ErrorKind::NotFound, message)
        })?;
        let wanted = self.edited(definition)?;
        let dropped = |edit: &Edit| match edit {
            Edit::Drop(column) => Some(column.clone()),
            _ => None,
        };
        let dropped: Vec<String> = self.edits.iter().filter_map(dropped).collect();
        model.others.retain(|object: &Object| {
            let of_table = object.kind == ObjectKind::Index && same_name(&object.table, name);
            !(of_table && dropped.iter().any(|column| mentions(&object.sql, column)))
        });
        for entity in model
            .tables
            .iter_mut()
            .filter(|entity| same_name(entity.name(), name))
        {
            entity.definition = Some(wanted.clone());
        }
        model.resolve_references();
        Ok(model)
    }

    fn edited(&self, definition: &Definition) -> Result<Definition, Error> {
        let table = &self.table;
        let mut columns: Vec<ColumnDefinition> = definition.columns.clone();
        let mut constraints: Vec<String> = definition
            .constraints
            .iter()
            .filter(|constraint| constraint.column.is_none())
            .map(|constraint| constraint.text.clone())
            .collect();
        let (mut strict, mut without_rowid) = (definition.strict, definition.without_rowid);
        let mut using: Vec<(&String, &String)> = Vec::new();
        for edit in &self.edits {
            let mut changed = |name: &str, change: &dyn Fn(&ColumnDefinition) -> String| {
                let column = columns
                    .iter_mut()
                    .find(|column| same_name(&column.name, name));
                let column = column.ok_or_else(|| no_column(table, name))?;
                column.text = change(column);
                Ok::<(), Error>(())
            };
            match edit {
                Edit::Retype(name, declared) => changed(name, &|c| c.with_type(declared))?,
                Edit::NotNull(name, true) => changed(name, &|c| c.with_clause("NOT", "NOT NULL"))?,
                Edit::NotNull(name, false) => changed(name, &|c| c.without_clause("NOT"))?,
                Edit::Redefault(name, Some(value)) => {
                    changed(name, &|c| {
                        c.with_clause("DEFAULT", &format!("DEFAULT {value}"))
                    })?;
                }
                Edit::Redefault(name, None) => changed(name, &|c| c.without_clause("DEFAULT"))?,
                Edit::Recollate(name, collation) => {
                    let clause = format!("COLLATE {}", plain(collation));
                    changed(name, &|c| c.with_clause("COLLATE", &clause))?;
                }
                Edit::Using(name, expression) => using.push((name, expression)),
                Edit::Add(text) => {
                    let alone = Definition::parse(&format!("CREATE TABLE x ({text})"));
                    let alone = alone.map_err(|reason| wrong(table, &reason))?;
                    columns.extend(alone.columns);
                    let of_table = alone.constraints.into_iter().filter(|c| c.column.is_none());
                    constraints.extend(of_table.map(|constraint| constraint.text));
                }
                Edit::Drop(name) => {
                    let at = columns
                        .iter()
                        .position(|column| same_name(&column.name, name));
                    columns.remove(at.ok_or_else(|| no_column(table, name))?);
                }
                Edit::AddConstraint(text) => constraints.push(text.clone()),
                Edit::DropConstraint(which) => {
                    let found = definition.constraints.iter().find(|constraint| {
                        constraint.is_called(which) || constraint.is_written(which)
                    });
                    let found = found.ok_or_else(|| {
                        Error::new(
                            ErrorKind::NotFound,
                            format!("`{table}` has no constraint `{which}`"),
                        )
                    })?;
                    match &found.column {
                        None => constraints.retain(|text| *text != found.text),
                        Some(name) => changed(name, &|c| c.text.replacen(&found.text, "", 1))?,
                    }
                }
                Edit::Reorder(first) => reorder(table, first, &mut columns)?,
                Edit::Strict(on) => strict = *on,
                Edit::WithoutRowid(on) => without_rowid = *on,
            }
        }
        let texts = columns
            .iter()
            .map(|column| &column.text)
            .chain(&constraints);
        let options = [(strict, "STRICT"), (without_rowid, "WITHOUT ROWID")];
        let sql = create_table(&definition.name, texts, options);
        let mut wanted =
            Definition::parse(sql.trim_end()).map_err(|reason| wrong(table, &reason))?;
        for (name, expression) in using {
            let column = wanted.columns.iter_mut().find(|c| same_name(&c.name, name));
            column.ok_or_else(|| no_column(table, name))?.using = Some(expression.clone());
        }
        Ok(wanted)
    }
}

/// The statement for a table of columns and constraints, and the options that are on.
fn create_table<'t>(
    name: &str,
    items: impl Iterator<Item = &'t String>,
    options: [(bool, &str); 2],
) -> String {
    let items: Vec<String> = items.map(|item| format!("    {}", item.trim())).collect();
    let options = options.into_iter().filter(|(on, _)| *on);
    let options: Vec<&str> = options.map(|(_, word)| word).collect();
    format!(
        "CREATE TABLE {} (\n{}\n) {}",
        plain(name),
        items.join(",\n"),
        options.join(", ")
    )
}

/// Puts some columns first, in the order given.
fn reorder(table: &str, first: &[String], columns: &mut [ColumnDefinition]) -> Result<(), Error> {
    let is_known = |name: &String| columns.iter().any(|column| same_name(&column.name, name));
    if let Some(unknown) = first.iter().find(|name| !is_known(name)) {
        return Err(no_column(table, unknown));
    }
    columns.sort_by_key(|column| {
        let at = first.iter().position(|name| same_name(name, &column.name));
        at.unwrap_or(first.len())
    });
    Ok(())
}

fn no_column(table: &str, name: &str) -> Error {
    Error::not_found(
        format!("`{table}` has no column `{name}`"),
        "columns that are renamed are spoken of by their new names",
    )
}

fn wrong(table: &str, reason: &str) -> Error {
    Error::new(
        ErrorKind::InvalidMigration,
        format!("the alteration of `{table}` is not SQL: {reason}"),
    )
    .with_help("columns and constraints are written as CREATE TABLE has them")
}

/// Runs something so that it is done whole or not at all, with foreign keys off.
fn protected(
    connection: &Connection,
    work: impl FnOnce() -> Result<(), Error>,
) -> Result<(), Error> {
    let run = |sql: &str| {
        connection
            .execute_batch(sql)
            .map_err(|error| failure(format!("cannot run `{sql}`"), error))
    };
    let enforced = catalog::number(connection, "PRAGMA foreign_keys")? != 0;
    // Nothing of this is undone by a rollback.
    let legacy = catalog::number(connection, "PRAGMA legacy_alter_table")?;
    let alone = connection.is_autocommit();
    if enforced && !alone {
        return Err(Error::usage(
            "foreign keys are enforced in this transaction, and cannot be switched off inside it",
            "run `PRAGMA foreign_keys = OFF` before BEGIN: rebuilding a table would delete what refers to it",
        ));
    }
    let (begin, commit, undo) = match alone {
        true => ("BEGIN IMMEDIATE", "COMMIT", "ROLLBACK"),
        false => (
            "SAVEPOINT heirloom_alteration",
            "RELEASE heirloom_alteration",
            "ROLLBACK TO heirloom_alteration; RELEASE heirloom_alteration",
        ),
    };
    if enforced {
        run("PRAGMA foreign_keys = OFF")?;
    }
    let done = run(begin).and_then(|()| {
        let result = work().and_then(|()| run(commit));
        if result.is_err() {
            // What went wrong first is what is reported.
            let _ = run(undo);
        }
        result
    });
    let put_back = run(&format!(
        "PRAGMA legacy_alter_table = {legacy}; PRAGMA foreign_keys = {}",
        i64::from(enforced)
    ));
    done.and(put_back)
}

impl fmt::Display for AlterationPlan {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.sql)
    }
}
