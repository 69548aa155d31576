//! `backfill`: the rows of a large table filled in batches, each a transaction of its own.

use std::borrow::Cow;
use std::error::Error as _;
use std::fmt;
use std::ops::RangeInclusive;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::{Duration, Instant};

use rusqlite::Connection;
use rusqlite::hooks::{AuthAction, AuthContext, Authorization};

use crate::backup::intent::Intent;
use crate::backup::of_database;
use crate::migration::compare::newest;
use crate::migration::directive::Directive;
use crate::migration::files::source;
use crate::migration::history::backfills::{self, Progress};
use crate::migration::history::{marker, table};
use crate::migration::step;
use crate::options::hooks::HookError;
use crate::options::settings::Options;
use crate::report::act::Act;
use crate::report::count::Counted;
use crate::report::error::{DataState, Difference, Error, ErrorKind, invalid};
use crate::report::event::Event;
use crate::report::outcome::{Backfilled, Report};
use crate::report::remedy::Remedy;
use crate::report::time;
use crate::run::engine::apply::left_the_transaction;
use crate::run::engine::session::{Session, Stage};
use crate::run::engine::state_before::StateBefore;
use crate::sqlite::binding::HookSet as _;
use crate::sqlite::disk::files;
use crate::sqlite::execute::{self, Savepoint, failure, statement_failure};
use crate::sqlite::open::{self, Target};
use crate::sqlite::own_tables::OwnTables;
use crate::sqlite::schema::catalog::{self, CatalogEntry, Rowids};
use crate::sqlite::schema::objects::TableKind;
use crate::sqlite::sql::name::{quote, same_name};
use crate::sqlite::sql::script::Script;
use crate::sqlite::sql::statement::{Action, Statement};
use crate::sqlite::sql::token::Tokens;
use crate::sqlite::view;

#[cfg(feature = "serde")]
use crate::report::serial;

/// How many rows a batch has, unless a caller says otherwise.
pub const DEFAULT_BATCH: u64 = 10_000;

/// Of the time that a batch took, others get so much (one in four) before the next one begins:
/// SQLite's locks know no queue, and who waits for one looks in from time to time.
const SHARE_OF_OTHERS: u32 = 4;
/// And no more than this.
const LONGEST_PAUSE: Duration = Duration::from_millis(250);

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
    name: String,
    table: String,
    work: BackfillWork<'b>,
    batch: u64,
    again: bool,
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
    fn known(&self, connection: &Connection) -> Result<Option<Progress>, Error> {
        let begun = |progress: &Progress| !self.again || progress.finished_at.is_none();
        let progress = backfills::read(connection, &self.name)?.filter(begun);
        if let Some(progress) = &progress {
            self.refuse_other(progress)?;
        }
        Ok(progress)
    }

    /// The statements without what stands around them and without the line endings of some
    /// platform: what must not change.
    fn text(&self) -> Option<String> {
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
    fn check(&self) -> Result<(), Error> {
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
    fn look_at(&self, connection: &Connection, own: &OwnTables<'_>) -> Result<Rowids, Error> {
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
    fn may_delete_elsewhere(
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
    fn refuse_other(&self, progress: &Progress) -> Result<(), Error> {
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
    fn fill(
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
fn rows_refused(error: Error) -> Error {
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

/// What [`Database::backfill`](crate::Database::backfill) would do.
#[derive(Debug, Clone, PartialEq, Eq)]
#[cfg_attr(feature = "serde", derive(serde::Serialize))]
#[non_exhaustive]
pub struct BackfillPlan {
    /// The database, with symbolic links resolved.
    #[cfg_attr(feature = "serde", serde(serialize_with = "serial::path"))]
    pub database: PathBuf,
    /// The backfill.
    pub name: String,
    /// The table.
    pub table: String,
    /// Rows that are done.
    pub done: u64,
    /// Rows that are left.
    pub left: u64,
    /// When it was begun, RFC 3339.
    pub started_at: Option<String>,
    /// When it was done, RFC 3339.
    pub finished_at: Option<String>,
}

fn existing(path: &Path) -> Result<Target, Error> {
    let target = open::resolve(path)?;
    match target.metadata.as_ref().is_some_and(|file| file.len() > 0) {
        true => Ok(target),
        false => Err(open::no_database(&target.path)
            .with_help("check the path, and run the migrations first")),
    }
}

fn count(connection: &Connection, rowids: &Rowids, first: i64, last: i64) -> Result<u64, Error> {
    let Rowids { table, alias, .. } = rowids;
    let alias = alias.unwrap_or_default();
    let sql = format!(
        "SELECT count(*) FROM main.{} AS x WHERE x.{alias} BETWEEN ?1 AND ?2",
        quote(table)
    );
    connection
        .query_row(&sql, [first, last], |row| row.get(0).map(i64::unsigned_abs))
        .map_err(|error| failure(format!("cannot count the rows of `{table}`"), error))
}

/// What is left of a backfill. Writes nothing, creates nothing.
pub(crate) fn plan(
    options: &Options<'_>,
    path: &Path,
    backfill: &Backfill<'_>,
) -> Result<BackfillPlan, Error> {
    backfill.check()?;
    let target = existing(path)?;
    let view = view::view_of(&target)?;
    let connection = &view.connection;
    options.set_up(connection)?;
    let rowids = backfill.look_at(connection, &options.own_tables())?;
    let progress = backfill.known(connection)?;
    let rest = match &progress {
        None => Some((i64::MIN, i64::MAX)),
        Some(progress) => progress.rest(),
    };
    let left = rest.map(|(first, last)| count(connection, &rowids, first, last));
    Ok(BackfillPlan {
        database: target.path,
        name: backfill.name.clone(),
        table: rowids.table,
        done: progress.as_ref().map_or(0, |progress| progress.rows_done),
        left: left.transpose()?.unwrap_or_default(),
        started_at: progress
            .as_ref()
            .map(|progress| progress.started_at.clone()),
        finished_at: progress.and_then(|progress| progress.finished_at),
    })
}

/// Fills what is left, batch by batch.
pub(crate) fn backfill(
    options: &Options<'_>,
    path: &Path,
    backfill: &Backfill<'_>,
) -> Result<Report, Error> {
    let started = Instant::now();
    options.check_history_table()?;
    backfill.check()?;
    let target = existing(path)?;
    let database = target.path.clone();
    let mut filled = Backfilled {
        name: backfill.name.clone(),
        table: backfill.table.clone(),
        rows: 0,
        rows_before: 0,
        started_at: String::new(),
    };
    if let Some(progress) = finished(options, &target, backfill)? {
        filled.rows_before = progress.rows_done;
        filled.started_at = progress.started_at;
        return Ok(Report {
            backfill: Some(filled),
            ..Report::new(Act::Backfill, database, None, started)
        });
    }
    options.check_cancelled()?;
    let session = Session::begin(options, target, Stage::Live, started)?;
    let mut batches = Batches {
        session,
        backfill,
        failed: None,
        known: None,
        reaches: None,
        backup: None,
        notes: Vec::new(),
    };
    match batches.all(&mut filled) {
        Ok(()) => {
            let finish = batches.session.finish();
            finish.map_err(|error| error.with_data(DataState::Committed))?;
            Ok(Report {
                backfill: Some(filled),
                backup: batches.backup,
                notes: batches.notes,
                ..Report::new(Act::Backfill, database, None, started)
            })
        }
        Err(error) => {
            let backup = batches.backup.take();
            Err(batches.stop(error).with_backup(backup))
        }
    }
}

/// The way out of a start-up with nothing to do: one open, one look.
fn finished(
    options: &Options<'_>,
    target: &Target,
    backfill: &Backfill<'_>,
) -> Result<Option<Progress>, Error> {
    target.refuse_too_short()?;
    let look = || {
        if !files::is_there(&Intent::path_for(&target.path))? {
            of_database::refuse_orphan(options, &target.path)?;
        }
        let connection = open::writer_that_looks(&target.path, options.lock_timeout)?;
        let interrupted = files::is_there(&Intent::path_for(&target.path))?;
        if interrupted || marker::read_marker(&connection)?.is_some() {
            return Ok(None);
        }
        let known = backfill.known(&connection)?;
        open::checkpoint_on_close(&connection, true)?;
        Ok(known)
    };
    match look() {
        Err(error) if Error::is_busy(&error) => Ok(None),
        progress => Ok(progress?.filter(|progress| progress.finished_at.is_some())),
    }
}

/// A backfill at work.
struct Batches<'r, 'o, 's> {
    session: Session<'o, 's>,
    backfill: &'r Backfill<'r>,
    /// The first and the last rowid of the batch that is under way.
    failed: Option<(i64, i64)>,
    /// How far it was after the last commit.
    known: Option<Progress>,
    /// Whether it may delete rows elsewhere, and for which schema that was asked.
    reaches: Option<(i64, bool)>,
    /// The backup that was taken, where this call began it.
    backup: Option<PathBuf>,
    notes: Vec<String>,
}

impl Batches<'_, '_, '_> {
    fn all(&mut self, filled: &mut Backfilled) -> Result<(), Error> {
        let options = self.session.options;
        let mut progress = self.begin()?;
        self.known = Some(progress.clone());
        self.session.let_others_in()?;
        self.session.foreign_keys_on()?;
        filled.table.clone_from(&progress.table);
        filled.started_at.clone_from(&progress.started_at);
        filled.rows_before = progress.rows_done;
        let began = Instant::now();
        while progress.finished_at.is_none() {
            options.check_cancelled()?;
            let before = Instant::now();
            self.session.come_back()?;
            progress = self.next()?;
            self.session.commit().map_err(rows_refused)?;
            self.failed = None;
            self.known = Some(progress.clone());
            self.session.let_others_in()?;
            filled.rows = progress.rows_done.saturating_sub(filled.rows_before);
            self.session.bound_log()?;
            let seconds = began.elapsed().as_secs_f64();
            options.emit(Event::Backfilling {
                done: progress.rows_done,
                total: progress.rows_total.max(progress.rows_done),
                rate: (filled.rows as f64 / seconds) as u64,
            });
            if progress.finished_at.is_none() {
                std::thread::sleep((before.elapsed() / SHARE_OF_OTHERS).min(LONGEST_PAUSE));
            }
        }
        Ok(())
    }

    /// Under the write lock: looks, and where nothing was begun yet takes the backup and begins.
    fn begin(&mut self) -> Result<Progress, Error> {
        let (session, backfill) = (&mut self.session, self.backfill);
        let (options, connection) = (session.options, &session.connection);
        let rowids = backfill.look_at(connection, &options.own_tables())?;
        if let Some(progress) = backfill.known(connection)? {
            return Ok(progress);
        }
        let last = format!(
            "SELECT max({}) FROM main.{}",
            rowids.alias.unwrap_or_default(),
            quote(&rowids.table)
        );
        let last: Option<i64> = connection
            .query_row(&last, [], |row| row.get(0))
            .map_err(|error| failure(format!("cannot read `{}`", rowids.table), error))?;
        let rows = catalog::row_count(connection, &rowids.table)?.unwrap_or_default();
        let history = table::read(connection, &options.history_table)?;
        let backup = match last {
            Some(_) => StateBefore::begin(session, newest(&history), false)?.into_backup()?,
            None => None,
        };
        self.backup = backup.as_ref().map(|backup| backup.path.clone());
        let now = time::rfc3339(time::now());
        backfills::create(&session.connection)?;
        let progress = Progress {
            table: rowids.table,
            sql: backfill.text(),
            last_to_do: last,
            last_done: None,
            rows_total: rows,
            rows_done: 0,
            schema_version: schema_version(&session.connection)?,
            backup: backup.map(|backup| backup.file_name()),
            finished_at: last.is_none().then(|| now.clone()),
            started_at: now,
        };
        backfills::insert(&session.connection, &backfill.name, &progress)?;
        session.commit()?;
        // Where there are no migrations to be read, none is pending.
        let migrations = options.migrations();
        let migrations = migrations.unwrap_or_default();
        let versions = migrations.iter().map(|migration| migration.version);
        let pending = versions.filter(|version| newest(&history).is_none_or(|now| *version > now));
        self.notes = session.thin_out(pending.min(), self.backup.as_deref());
        Ok(progress)
    }

    /// Under both locks and in the transaction of a batch: the next rows, and how far it is
    /// then. Nothing read before decides anything.
    fn next(&mut self) -> Result<Progress, Error> {
        let (connection, backfill) = (&self.session.connection, self.backfill);
        marker::refuse_interrupted(connection, "run it again, which does that")?;
        let mut progress = backfills::read(connection, &backfill.name)?.ok_or_else(|| {
            Error::not_found(
                "the database was put back to a state from before this backfill",
                "run it again, which begins it",
            )
        })?;
        let rowids = self.rowids(&mut progress)?;
        let Some((first, last, rows)) = self.rows(&rowids, &progress)? else {
            progress.finished_at = Some(time::rfc3339(time::now()));
            backfills::advance(connection, &backfill.name, &progress)?;
            return Ok(progress);
        };
        self.failed = Some((first, last));
        let reaches = match self.reaches {
            Some((schema, reaches)) if schema == progress.schema_version => reaches,
            _ => backfill.may_delete_elsewhere(&mut self.session.connection, &rowids.table)?,
        };
        self.reaches = Some((progress.schema_version, reaches));
        let connection = &self.session.connection;
        let all = || count(connection, &rowids, i64::MIN, i64::MAX);
        let all_before = reaches.then(all).transpose()?;
        backfill.fill(self.session.options, connection, first, last)?;
        if schema_version(connection)? != progress.schema_version {
            return Err(Error::new(
                ErrorKind::MigrationFailed,
                "a backfill writes rows, and this one changed the schema",
            )
            .with_help("put what changes the schema into a migration"));
        }
        let after = count(connection, &rowids, first, last)?;
        if after < rows {
            return Err(Error::new(
                ErrorKind::Destructive,
                format!(
                    "{after} of {} of `{}` would be left from rowid {first} to {last}",
                    Counted(rows, "row"),
                    rowids.table
                ),
            )
            .with_help(
                "a backfill fills rows; delete them, or give them other rowids, in a migration",
            ));
        }
        if let Some(before) = all_before
            && all()? < before
        {
            return Err(Error::new(
                ErrorKind::Destructive,
                format!(
                    "rows of `{}` outside of rowid {first} to {last} would be deleted, by a trigger or because others take their place",
                    rowids.table
                ),
            )
            .with_help("a backfill fills rows; delete them in a migration"));
        }
        progress.last_done = Some(last);
        progress.rows_done += rows;
        if progress.last_to_do.is_none_or(|end| last >= end) {
            progress.finished_at = Some(time::rfc3339(time::now()));
        }
        backfills::advance(connection, &backfill.name, &progress)?;
        Ok(progress)
    }

    /// The table, looked at again where the schema is another one than after the last batch.
    fn rowids(&self, progress: &mut Progress) -> Result<Rowids, Error> {
        let (connection, backfill) = (&self.session.connection, self.backfill);
        let version = schema_version(connection)?;
        let rowids = backfill.look_at(connection, &self.session.options.own_tables())?;
        // VACUUM counts as a change of the schema too.
        if version != progress.schema_version && !rowids.is_a_column && progress.last_done.is_some()
        {
            return Err(Error::new(
                ErrorKind::Diverged,
                format!(
                    "the schema was changed since the last batch, or the database vacuumed, after which the rows of `{}` may have other rowids: it has no INTEGER PRIMARY KEY",
                    rowids.table
                ),
            )
            .with_help("give the backfill another name, under which it begins at the first row; rows that are filled must not mind"));
        }
        progress.schema_version = version;
        Ok(rowids)
    }

    /// The first and the last rowid of the next rows, and how many there are.
    fn rows(&self, rowids: &Rowids, progress: &Progress) -> Result<Option<(i64, i64, u64)>, Error> {
        let Some((first, last)) = progress.rest() else {
            return Ok(None);
        };
        let Rowids { table, alias, .. } = rowids;
        let alias = alias.unwrap_or_default();
        let sql = format!(
            "SELECT min(r), max(r), count(*) FROM (SELECT x.{alias} AS r FROM main.{} AS x
             WHERE x.{alias} BETWEEN ?1 AND ?2 ORDER BY x.{alias} LIMIT ?3)",
            quote(table)
        );
        let batch = i64::try_from(self.backfill.batch).unwrap_or(i64::MAX);
        let read = |row: &rusqlite::Row<'_>| {
            let ends = row.get::<_, Option<i64>>(0)?.zip(row.get(1)?);
            let rows = row.get::<_, i64>(2)?.unsigned_abs();
            Ok(ends.map(|(first, last)| (first, last, rows)))
        };
        self.session
            .connection
            .query_row(&sql, [first, last, batch], read)
            .map_err(|error| failure(format!("cannot read `{table}`"), error))
    }

    /// Rolls the batch back that is under way, and says in the error how far it is: as the
    /// database says, which knows whether a commit that failed was made.
    fn stop(mut self, error: Error) -> Error {
        let _ = self.session.let_others_in();
        let name = &self.backfill.name;
        let progress = backfills::read(&self.session.connection, name).unwrap_or_else(|unread| {
            log::warn!("how far the backfill is could not be read: {unread:#}");
            self.known
        });
        self.session.abandon();
        let error = error.in_migration(name);
        let Some(progress) = progress else {
            return error;
        };
        let help = match error.help().filter(|_| error.is_busy()) {
            Some(help) => Some(format!("{help}; run it again to go on")),
            None if error.is_interrupted() => Some("run it again to go on".to_owned()),
            None => None,
        };
        let error = error.with_data(DataState::Backfilled {
            done: progress.rows_done,
            total: progress.rows_total.max(progress.rows_done),
            failed: self.failed,
        });
        match help {
            Some(help) => error.with_help(help),
            None => error,
        }
    }
}

fn schema_version(connection: &Connection) -> Result<i64, Error> {
    catalog::number(connection, "PRAGMA schema_version")
}
