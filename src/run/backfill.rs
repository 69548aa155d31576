//! `backfill`: the rows of a large table filled in batches, each a transaction of its own.

use std::borrow::Cow;
use std::error::Error as _;
use std::fmt;
use std::ops::RangeInclusive;
use std::path::Path;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};

use rusqlite::Connection;
use rusqlite::hooks::{AuthAction, AuthContext, Authorization};

use crate::migration::directive::Directive;
use crate::migration::files::source;
use crate::migration::history::backfills::{self, Progress};
use crate::migration::step;
use crate::options::hooks::HookError;
use crate::options::settings::Options;
use crate::report::error::{Difference, Error, ErrorKind, invalid};
use crate::report::remedy::Remedy;
use crate::run::engine::apply::left_the_transaction;
use crate::sqlite::binding::HookSet as _;
use crate::sqlite::execute::{self, Savepoint, failure, statement_failure};
use crate::sqlite::own_tables::OwnTables;
use crate::sqlite::schema::catalog::{self, CatalogEntry, Rowids};
use crate::sqlite::schema::objects::TableKind;
use crate::sqlite::sql::name::same_name;
use crate::sqlite::sql::script::Script;
use crate::sqlite::sql::statement::{Action, Statement};
use crate::sqlite::sql::token::Tokens;

/// How many rows a batch has, unless a caller says otherwise.
pub const DEFAULT_BATCH: u64 = 10_000;

type BatchFunction<'b> =
    Box<dyn Fn(&Connection, RangeInclusive<i64>) -> Result<(), HookError> + Send + 'b>;

enum BackfillWork<'b> {
    Sql(Script),
    BatchFunction(BatchFunction<'b>),
}

/// What is to be done to the rows of a table, in batches.
///
/// A backfill is for tables that are too large for one transaction. Between its batches the
/// database is in use, with some rows filled and others not, so the app must bear both: it
/// writes new rows as they should be, and a backfill takes those that were there when it began.
///
/// How far it is, is kept in the database (`heirloom_backfill`), written in the transaction of each
/// batch. Killed, cancelled or failed, it goes on at exactly that row when it is run again; when
/// it is done, running it again does nothing.
///
/// The table must be an ordinary one with rowids. Batches are rows in the order of their
/// rowids, whatever gaps there are.
///
/// ```
/// # let folder = tempfile::tempdir().unwrap();
/// # std::fs::write(folder.path().join("V1__notes.sql"), "CREATE TABLE notes (id INTEGER PRIMARY KEY, title TEXT, slug TEXT); INSERT INTO notes (title) VALUES ('A');").unwrap();
/// # let (migrations, database) = (folder.path(), folder.path().join("notes.db"));
/// use heirloom::{Backfill, Migrator};
///
/// let migrator = Migrator::new(migrations);
/// migrator.migrate(&database)?;
/// let slugs = Backfill::sql(
///     "fill_slugs",
///     "notes",
///     "UPDATE notes SET slug = lower(title) WHERE id BETWEEN :first AND :last",
/// );
/// let database = migrator.database(&database);
/// let report = database.backfill(&slugs)?;
/// assert_eq!(report.backfill.unwrap().rows, 1);
/// assert!(database.backfill(&slugs)?.is_up_to_date());
/// # Ok::<(), heirloom::Error>(())
/// ```
pub struct Backfill<'b> {
    pub(super) name: String,
    pub(super) table: String,
    work: BackfillWork<'b>,
    pub(super) batch: u64,
    pub(super) again: bool,
}

impl Backfill<'static> {
    /// Statements that fill the rows from rowid `:first` to `:last` of a table. Each must name
    /// both.
    ///
    /// The name is what the database knows it by. Under one name it is done once, and its
    /// statements must not change.
    pub fn sql(
        name: impl Into<String>,
        table: impl Into<String>,
        sql: impl Into<Cow<'static, str>>,
    ) -> Backfill<'static> {
        let name = name.into();
        Backfill {
            table: table.into(),
            work: BackfillWork::Sql(Script::new(name.clone(), sql)),
            name,
            batch: DEFAULT_BATCH,
            again: false,
        }
    }

    /// A file of such statements, with `-- heirloom: backfill TABLE` at its top and
    /// `-- heirloom: batch N` where another number of rows is wanted. The name is that of the
    /// file, without its ending.
    ///
    /// # Errors
    /// [`ErrorKind::NotFound`]; [`ErrorKind::InvalidMigration`] without that line, or with one
    /// that speaks of something else.
    pub fn file(path: impl AsRef<Path>) -> Result<Backfill<'static>, Error> {
        let path = path.as_ref();
        if !path.is_file() {
            let message = format!("there is no file {}", path.display());
            return Err(Error::not_found(message, "check the path"));
        }
        let script = source::script(path)?;
        let directives = script
            .directives()
            .map_err(|(offset, sentence)| invalid(sentence).at(script.location(offset, true)))?;
        let (mut table, mut batch) = (None, DEFAULT_BATCH);
        for directive in directives {
            match directive {
                Directive::Backfill(name) => table = Some(name),
                Directive::Batch(rows) => batch = rows,
                _ => {
                    return Err(invalid(format!(
                        "{} has a directive that says nothing of a backfill",
                        script.file()
                    ))
                    .with_help("a backfill knows `backfill TABLE` and `batch N`"));
                }
            }
        }
        let table = table.ok_or_else(|| {
            invalid(format!(
                "{} does not say which table it fills",
                script.file()
            ))
            .with_help("put `-- heirloom: backfill TABLE` at the top of the file")
        })?;
        let name = path.file_stem().unwrap_or_default().to_string_lossy();
        Ok(Backfill {
            name: name.into_owned(),
            table,
            work: BackfillWork::Sql(script),
            batch,
            again: false,
        })
    }
}

impl<'b> Backfill<'b> {
    /// A function of the app's that fills the rows of a table from one rowid to another, in the
    /// transaction of the batch. It must not commit or roll back, which is noticed, and should
    /// do nothing slow but write: nobody else can meanwhile.
    ///
    /// The rows of the batch are counted before and after; that it leaves those outside of it
    /// alone is its own affair.
    ///
    /// It is known by its name alone; one that does something else needs another name.
    pub fn function(
        name: impl Into<String>,
        table: impl Into<String>,
        fill: impl Fn(&Connection, RangeInclusive<i64>) -> Result<(), HookError> + Send + 'b,
    ) -> Backfill<'b> {
        Backfill {
            name: name.into(),
            table: table.into(),
            work: BackfillWork::BatchFunction(Box::new(fill)),
            batch: DEFAULT_BATCH,
            again: false,
        }
    }

    /// How many rows at a time (default 10,000), and at least one. It may be another
    /// number each time.
    pub fn batch(mut self, rows: u64) -> Self {
        self.batch = rows.max(1);
        self
    }

    /// Once more from the first row, after a backup, where it is done; then its statements may be
    /// others. One that is not done goes on. For the hand of a person: at each start of an app it
    /// would go through the whole table.
    pub fn again(mut self) -> Self {
        self.again = true;
        self
    }

    /// How far it is, none where it begins.
    pub(super) fn known(&self, connection: &Connection) -> Result<Option<Progress>, Error> {
        let begun = |progress: &Progress| !self.again || progress.finished_at.is_none();
        let progress = backfills::read(connection, &self.name)?.filter(begun);
        if let Some(progress) = &progress {
            self.refuse_other(progress)?;
        }
        Ok(progress)
    }

    /// The statements without what stands around them and without the line endings of some
    /// platform: what must not change.
    pub(super) fn text(&self) -> Option<String> {
        let BackfillWork::Sql(script) = &self.work else {
            return None;
        };
        let statements = script.statements();
        let texts = statements
            .iter()
            .map(|statement| statement.text.trim_end_matches(';').trim_end());
        let texts: Vec<&str> = texts.collect();
        Some(texts.join(";\n").replace("\r\n", "\n"))
    }

    /// What can be refused before anything is opened.
    pub(super) fn check(&self) -> Result<(), Error> {
        if self.name.is_empty() {
            return Err(Error::usage(
                "a backfill needs a name",
                "call it after what it does, as in fill_slugs",
            ));
        }
        let BackfillWork::Sql(script) = &self.work else {
            return Ok(());
        };
        step::check_text(script)?;
        if script.is_empty() {
            return Err(invalid(format!("{} has no statement", script.file()))
                .with_help("write what fills the rows from :first to :last"));
        }
        for statement in script.statements() {
            if !matches!(statement.action(), Action::Data | Action::Delete { .. })
                || statement.touches_schema_table()
            {
                return Err(
                    invalid("a backfill writes rows, and nothing else".to_owned())
                        .at(script.location(statement.start, true))
                        .with_statement(statement.text)
                        .with_help("put what changes the schema into a migration"),
                );
            }
        }
        Ok(())
    }

    /// Looks at the table, and compiles the statements against it.
    pub(super) fn look_at(
        &self,
        connection: &Connection,
        own: &OwnTables<'_>,
    ) -> Result<Rowids, Error> {
        let refuse = |kind, reason: &str, help: &str| {
            let message = format!("`{}` {reason}", self.table);
            Err(Error::new(kind, message).with_help(help.to_owned()))
        };
        let other = "is a view, a virtual table or one without rowids, through whose rows no backfill can go";
        let help = "fill it in a migration, or through the table that its rows come from";
        let Some(rowids) = catalog::rowids(connection, &self.table)? else {
            let is_view =
                |entry: &CatalogEntry| entry.kind == "view" && same_name(&entry.name, &self.table);
            if catalog::entries(connection)?.iter().any(is_view) {
                return refuse(ErrorKind::Usage, other, help);
            }
            return refuse(
                ErrorKind::NotFound,
                "is not a table of this database",
                "check the name, and run the migrations first",
            );
        };
        if own.hold(&rowids.table) {
            return refuse(
                ErrorKind::Usage,
                "is heirloom's own",
                "name a table of the app's",
            );
        }
        if rowids.kind != TableKind::Ordinary || rowids.alias.is_none() {
            return refuse(ErrorKind::Usage, other, help);
        }
        if let BackfillWork::Sql(script) = &self.work {
            for statement in script.statements() {
                compile(connection, script, &statement)?;
            }
        }
        Ok(rowids)
    }

    /// Whether its statements could delete rows of the table besides those of the batch: by
    /// themselves, by a trigger, by a reference, or because others take their place. What a
    /// function does is not known.
    pub(super) fn may_delete_elsewhere(
        &self,
        connection: &mut Connection,
        table: &str,
    ) -> Result<bool, Error> {
        let BackfillWork::Sql(script) = &self.work else {
            return Ok(false);
        };
        let schema = catalog::entries(connection)?;
        let mut texts = schema.iter().map(|entry| entry.sql.as_str());
        if replaces(script.text()) || texts.any(replaces) {
            return Ok(true);
        }
        let cannot = |error| failure("cannot look at what the statements do", error);
        let (deletes, seen) = (Arc::new(AtomicBool::new(false)), table.to_owned());
        let notebook = Arc::clone(&deletes);
        let watch = move |context: AuthContext<'_>| {
            if matches!(context.action, AuthAction::Delete { table_name } if same_name(table_name, &seen))
            {
                notebook.store(true, Ordering::Relaxed);
            }
            Authorization::Allow
        };
        connection
            .authorizer(Some(watch))
            .checked()
            .map_err(cannot)?;
        let statements = script.statements();
        let mut statements = statements.iter();
        let compiled = statements.try_for_each(|statement| compile(connection, script, statement));
        connection
            .authorizer(None::<fn(AuthContext<'_>) -> Authorization>)
            .checked()
            .map_err(cannot)?;
        compiled.map(|()| deletes.load(Ordering::Relaxed))
    }

    /// Refuses a backfill that was begun as another one.
    pub(super) fn refuse_other(&self, progress: &Progress) -> Result<(), Error> {
        let text = self.text();
        let same = same_name(&progress.table, &self.table) && progress.sql == text;
        if same {
            return Ok(());
        }
        let difference = progress.sql.clone().zip(text);
        let (more, remedy) = match &progress.finished_at {
            Some(_) => (
                "; the old one is done, so this one may also be run again under its name",
                Some(Remedy::Backfill { again: true }),
            ),
            None => ("", None),
        };
        let refused = Error::new(
            ErrorKind::Diverged,
            format!(
                "a backfill `{}` of `{}` was begun on {}, and this is another one",
                self.name, progress.table, progress.started_at
            ),
        )
        .with_difference(difference.map(|(applied, file)| Difference { applied, file }))
        .with_help(format!("put its statements back as they were, or give the new one another name, under which it begins at the first row{more}"));
        Err(match remedy {
            Some(remedy) => refused.with_remedy(remedy),
            None => refused,
        })
    }

    /// Fills the rows of one batch.
    pub(super) fn fill(
        &self,
        options: &Options<'_>,
        connection: &Connection,
        first: i64,
        last: i64,
    ) -> Result<(), Error> {
        match &self.work {
            BackfillWork::Sql(script) => script
                .statements()
                .iter()
                .try_for_each(|statement| run(connection, script, statement, first, last)),
            BackfillWork::BatchFunction(fill) => {
                let savepoint = Savepoint::begin(connection)?;
                fill(connection, first..=last).map_err(|error| {
                    // However the function words it that SQLite was told to stop.
                    options
                        .check_cancelled()
                        .err()
                        .unwrap_or_else(|| refused(error))
                })?;
                match savepoint.release(connection) {
                    true => Ok(()),
                    false => Err(left_the_transaction("the app's function")),
                }
            }
        }
    }
}

impl fmt::Debug for Backfill<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Backfill")
            .field("name", &self.name)
            .field("table", &self.table)
            .field("batch", &self.batch)
            .finish_non_exhaustive()
    }
}

/// Whether a row may take the place of another without a DELETE: `OR REPLACE`, `REPLACE INTO`,
/// `ON CONFLICT REPLACE`. The function of that name has a parenthesis.
fn replaces(sql: &str) -> bool {
    let mut tokens = Tokens::new(sql).peekable();
    while let Some(token) = tokens.next() {
        if token.word() == "REPLACE" && tokens.peek().is_none_or(|next| next.text != "(") {
            return true;
        }
    }
    false
}

const FIRST: &str = ":first";
const LAST: &str = ":last";

fn compile(
    connection: &Connection,
    script: &Script,
    statement: &Statement<'_>,
) -> Result<(), Error> {
    let prepared = connection
        .prepare(statement.text)
        .map_err(|error| statement_failure(script, statement, error))?;
    let parameters = (1..=prepared.parameter_count()).map(|at| prepared.parameter_name(at));
    let parameters: Vec<Option<&str>> = parameters.collect();
    let (sentence, help) = match parameters.as_slice() {
        [Some(FIRST), Some(LAST)] | [Some(LAST), Some(FIRST)] => return Ok(()),
        others if others.iter().all(|name| matches!(name, Some(FIRST | LAST))) => (
            "the statement does not say which rows: it must name :first and :last",
            "write `WHERE rowid BETWEEN :first AND :last`",
        ),
        _ => (
            "the statement has a parameter that has no value here",
            "a backfill knows :first and :last",
        ),
    };
    Err(invalid(sentence.to_owned())
        .at(script.location(statement.start, false))
        .with_statement(statement.text)
        .with_help(help))
}

fn run(
    connection: &Connection,
    script: &Script,
    statement: &Statement<'_>,
    first: i64,
    last: i64,
) -> Result<(), Error> {
    let run = || {
        let mut prepared = connection.prepare(statement.text)?;
        for (name, value) in [(FIRST, first), (LAST, last)] {
            let unknown = || rusqlite::Error::InvalidParameterName(name.to_owned());
            let index = prepared.parameter_index(name)?.ok_or_else(unknown)?;
            prepared.raw_bind_parameter(index, value)?;
        }
        let mut rows = prepared.raw_query();
        while rows.next()?.is_some() {}
        Ok(())
    };
    run().map_err(|error| rows_refused(statement_failure(script, statement, error)))
}

/// What the app's function says, as ours: the rows refused, unless SQLite or the disk did.
fn refused(error: HookError) -> Error {
    let what = "the app's function refused";
    let error = match error.downcast::<rusqlite::Error>() {
        Ok(sql) => failure(what, *sql),
        Err(other) => Error::new(ErrorKind::MigrationFailed, what).because(other),
    };
    rows_refused(error)
}

/// What is wrong with the rows is not a fault of the disk.
pub(super) fn rows_refused(error: Error) -> Error {
    let sql = error.source().and_then(|cause| cause.downcast_ref());
    let error = match sql.filter(|sql| !execute::is_refused_by_surroundings(sql)) {
        Some(sql) if error.kind() == ErrorKind::Io => Error::new(
            ErrorKind::MigrationFailed,
            format!("{error}: {}", execute::text(sql)),
        ),
        _ => error,
    };
    match error.kind() {
        ErrorKind::MigrationFailed => error.with_help(
            "correct these rows and run it again, which goes on from here; or give it other statements and another name, under which it begins at the first row",
        ),
        _ => error,
    }
}
