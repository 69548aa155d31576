//! Running statements one at a time, and saying where and why one failed.

use rusqlite::config::DbConfig;
use rusqlite::limits::Limit;
use rusqlite::types::ValueRef;
use rusqlite::{Connection, ErrorCode, Row, ffi};

use crate::report::error::{Error, ErrorKind};
use crate::sqlite::binding::LimitRead as _;
use crate::sqlite::sql::name::same_name;
use crate::sqlite::sql::script::Script;
use crate::sqlite::sql::statement::Statement;
use crate::sqlite::sql::token::Tokens;

/// SQLite's error as ours. `what` says what was being done.
pub(crate) fn failure(what: impl Into<String>, error: rusqlite::Error) -> Error {
    // Making room for the shared memory of WAL mode fails as an I/O error.
    let no_room = matches!(&error, rusqlite::Error::SqliteFailure(error, _)
        if error.extended_code == ffi::SQLITE_IOERR_SHMSIZE);
    let (kind, help) = match code(&error) {
        _ if no_room => (ErrorKind::DiskFull, "free some space and try again"),
        Some(ErrorCode::NotADatabase) => (
            ErrorKind::NotADatabase,
            "the file is not an SQLite database, or it is encrypted; check the path",
        ),
        Some(ErrorCode::DatabaseCorrupt) => (
            ErrorKind::NotADatabase,
            "the file is damaged; restore a backup, or recover what can still be read into a new file",
        ),
        Some(ErrorCode::DiskFull) => (ErrorKind::DiskFull, "free some space and try again"),
        Some(
            ErrorCode::DatabaseBusy
            | ErrorCode::DatabaseLocked
            | ErrorCode::FileLockingProtocolFailed,
        ) => (
            ErrorKind::Locked,
            "close the other program that uses the database, and try again",
        ),
        Some(ErrorCode::OperationInterrupted) => (ErrorKind::Interrupted, "run it again"),
        Some(ErrorCode::ReadOnly | ErrorCode::PermissionDenied) => (
            ErrorKind::Io,
            "make the file and its folder writable for this user",
        ),
        Some(ErrorCode::CannotOpen) => (
            ErrorKind::Io,
            "check the path, that its folder is writable for this user, and that not too many files are open",
        ),
        _ => (
            ErrorKind::Io,
            "check the file, its folder and the disk, and try again",
        ),
    };
    Error::new(kind, what).with_help(help).because(error)
}

/// Reads tables that are ours, or another tool's. In a stranger's file a view may have the name of
/// one, and a view's query need never end: views are forbidden meanwhile. A generated column may make
/// gigabytes, which nothing interrupts: values are bounded too.
pub(crate) fn of_tables_alone<T>(connection: &Connection, read: impl FnOnce() -> T) -> T {
    let limit = Limit::SQLITE_LIMIT_LENGTH;
    let before = connection.limit(limit).known().unwrap_or(i32::MAX);
    let _ = connection.set_limit(limit, before.min(LONGEST));
    let read = without_views(connection, read);
    let _ = connection.set_limit(limit, before);
    read
}

/// More than any value has that heirloom or another tool keeps of its own, but for the SQL of
/// migrations.
const LONGEST: i32 = 16 << 20;

/// The same with values of any length.
pub(crate) fn without_views<T>(connection: &Connection, read: impl FnOnce() -> T) -> T {
    let views = DbConfig::SQLITE_DBCONFIG_ENABLE_VIEW;
    let allowed = connection.db_config(views).unwrap_or(true);
    let _ = connection.set_db_config(views, false);
    let read = read();
    let _ = connection.set_db_config(views, allowed);
    read
}

/// A text of the schema, which SQLite does not ask to be UTF-8: what is not is shown as a question mark.
pub(crate) fn lossy(row: &Row<'_>, index: usize) -> rusqlite::Result<String> {
    Ok(lossy_or_null(row, index)?.unwrap_or_default())
}

/// The same, where there may be none.
pub(crate) fn lossy_or_null(row: &Row<'_>, index: usize) -> rusqlite::Result<Option<String>> {
    Ok(match row.get_ref(index)? {
        ValueRef::Null => None,
        ValueRef::Text(text) | ValueRef::Blob(text) => {
            Some(String::from_utf8_lossy(text).into_owned())
        }
        ValueRef::Integer(number) => Some(number.to_string()),
        ValueRef::Real(number) => Some(number.to_string()),
    })
}

/// A savepoint around code of the app's. While it is there, so is the transaction it was made in:
/// whoever ended that cannot make it again, because nobody can guess its name.
pub(crate) struct Savepoint(String);

impl Savepoint {
    pub(crate) fn begin(connection: &Connection) -> Result<Savepoint, Error> {
        let name = "SELECT 'heirloom_' || lower(hex(randomblob(16)))";
        let begin = || {
            let name: String = connection.query_row(name, [], |row| row.get(0))?;
            connection.execute_batch(&format!("SAVEPOINT {name}"))?;
            Ok(Savepoint(name))
        };
        begin().map_err(|error| failure("cannot set a savepoint", error))
    }

    /// Ends it. False where the transaction was ended meanwhile.
    #[must_use]
    pub(crate) fn release(self, connection: &Connection) -> bool {
        let release = format!("RELEASE {}", self.0);
        connection.execute_batch(&release).is_ok()
    }
}

/// Whether the disk, a folder or the system stood in the way, and not the statement. (Plain
/// "read-only" is what a statement gets that follows `PRAGMA query_only`.)
pub(crate) fn is_refused_by_surroundings(error: &rusqlite::Error) -> bool {
    let extended = error.sqlite_error().map(|error| error.extended_code);
    match code(error) {
        Some(ErrorCode::CannotOpen | ErrorCode::SystemIoFailure | ErrorCode::PermissionDenied) => {
            true
        }
        Some(ErrorCode::ReadOnly) => extended != Some(ffi::SQLITE_READONLY),
        _ => false,
    }
}

/// SQLite's result code. rusqlite has it in two shapes, with and without a place.
pub(crate) fn code(error: &rusqlite::Error) -> Option<ErrorCode> {
    match error {
        rusqlite::Error::SqlInputError { error, .. } => Some(error.code),
        other => other.sqlite_error_code(),
    }
}

/// Whether the statement itself was wrong: SQLite's plain "error".
pub(crate) fn is_wrong_sql(error: &rusqlite::Error) -> bool {
    code(error) == Some(ErrorCode::Unknown)
}

/// Whether somebody else holds a lock. "Locking protocol" is what SQLite says of a
/// write-ahead log whose locks somebody keeps for longer than its own patience, about 10 s.
pub(crate) fn is_busy(error: &rusqlite::Error) -> bool {
    matches!(
        code(error),
        Some(ErrorCode::DatabaseBusy | ErrorCode::FileLockingProtocolFailed)
    )
}

/// Whether SQLite found no such table, which is an ordinary answer when asking for ours.
pub(crate) fn is_no_such_table(error: &rusqlite::Error) -> bool {
    text(error).starts_with("no such table")
}

/// What SQLite says, without the codes.
pub(crate) fn text(error: &rusqlite::Error) -> String {
    match error {
        rusqlite::Error::SqliteFailure(_, Some(message)) => message.clone(),
        rusqlite::Error::SqlInputError { msg, .. } => msg.clone(),
        other => other.to_string(),
    }
}

/// A statement's failure, with the place in the file.
pub(crate) fn statement_failure(
    script: &Script,
    statement: &Statement<'_>,
    error: rusqlite::Error,
) -> Error {
    let (offset, exact) = match &error {
        rusqlite::Error::SqlInputError { offset, .. } => match usize::try_from(*offset) {
            Ok(inside) if inside <= statement.text.len() => (statement.start + inside, true),
            _ => (statement.start, false),
        },
        _ => (statement.start, false),
    };
    let message = text(&error);
    let offset = match exact {
        true => offset,
        false => culprit(statement, &message).unwrap_or(offset),
    };
    let refused = is_refused_by_surroundings(&error);
    let plain = failure(message.clone(), error);
    let kind = match plain.kind() {
        ErrorKind::Io if refused => ErrorKind::Io,
        ErrorKind::Io | ErrorKind::NotADatabase => ErrorKind::MigrationFailed,
        kind => kind,
    };
    let help = match kind {
        ErrorKind::MigrationFailed => {
            if let Some(name) = message.strip_prefix("no such collation sequence: ") {
                format!("the app must register the collation `{name}` in its connection set-up")
            } else if let Some(name) = message.strip_prefix("no such function: ") {
                format!(
                    "if `{name}` is the app's own, it must register it in its connection set-up"
                )
            } else if let Some(help) = in_the_way(&message) {
                script.help().map_or(help, str::to_owned)
            } else {
                let correct = "correct the statement and run again";
                script.help().unwrap_or(correct).to_owned()
            }
        }
        _ => plain.help().unwrap_or_default().to_owned(),
    };
    Error::new(kind, message)
        .at(script.location(offset, exact))
        .with_statement(statement.text)
        .with_help(help)
}

/// What to do where the statement may be right, and something in the database is in its way.
fn in_the_way(message: &str) -> Option<String> {
    if let Some(module) = message.strip_prefix("no such module: ") {
        return Some(format!(
            "the program must have SQLite's module `{module}`, built in or loaded in the connection set-up"
        ));
    }
    if message.contains(" constraint failed") {
        return Some(
            "rows that are in this database do not allow it: correct them in a migration before this one, or at the beginning of this one while it is not released"
                .to_owned(),
        );
    }
    let is_taken = message.contains(" already exists")
        || message.starts_with("there is already another table or index with this name");
    if is_taken || message.starts_with("duplicate column name") {
        return Some(
            "the database has something of this name already. If another tool or an interrupted one left it, rename or drop it; if it is what this migration makes, record its version as the one that the database has; if an earlier migration made it, change the file"
                .to_owned(),
        );
    }
    let object = message.strip_prefix("error in ")?;
    let (object, _) = object.split_once(": ").unwrap_or((object, ""));
    Some(format!(
        "the {object} does not work: if it was not made by these migrations, correct or drop it and run again; else change it in the file"
    ))
}

/// Where a statement names what a message ends with (`no such table: nots`). SQLite gives no
/// place for those.
fn culprit(statement: &Statement<'_>, message: &str) -> Option<usize> {
    let (_, name) = message.rsplit_once(": ")?;
    let name = name.rsplit('.').next()?;
    Tokens::new(statement.text)
        .find(|token| same_name(&token.name(), name))
        .map(|token| statement.start + token.start)
}

/// Runs one statement to its end, rows and all.
pub(crate) fn run_statement(
    connection: &Connection,
    script: &Script,
    statement: &Statement<'_>,
) -> Result<(), Error> {
    let run = || {
        let mut prepared = connection.prepare(statement.text)?;
        let mut rows = prepared.raw_query();
        while rows.next()?.is_some() {}
        Ok(())
    };
    run().map_err(|error| match unfulfilled(connection, statement) {
        Some(problem) => refused_rows(script, statement, problem),
        None => statement_failure(script, statement, error),
    })
}

/// Runs a script statement by statement, so that a failure has its place.
pub(crate) fn run_script(connection: &Connection, script: &Script) -> Result<(), Error> {
    let statements = script.statements();
    statements
        .iter()
        .try_for_each(|statement| run_statement(connection, script, statement))
}

/// What the rows lack that a statement demands of them, in its own words.
pub(crate) fn unfulfilled(connection: &Connection, statement: &Statement<'_>) -> Option<String> {
    let query = statement.condition()?;
    connection.query_row(query, [], |row| row.get(0)).ok()
}

/// A migration that says itself what the rows must be like, and rows that are not.
pub(crate) fn refused_rows(script: &Script, statement: &Statement<'_>, problem: String) -> Error {
    Error::new(ErrorKind::MigrationFailed, problem)
        .at(script.location(statement.start, false))
        .with_statement(statement.text)
        .with_help("correct these rows in a migration before this one; or, while this one is not released, give the column `-- using: EXPR` in the schema file and generate it again")
}

#[cfg(test)]
mod tests {
    use super::*;

    /// A process was stopped (SIGSTOP) while it opened a write-ahead log. To the next one SQLite
    /// said "locking protocol", which was taken for a fault of the disk and not for a wait.
    #[test]
    fn a_log_that_somebody_keeps_locked_is_a_held_database() {
        let protocol = ffi::Error::new(ffi::SQLITE_PROTOCOL);
        let error = rusqlite::Error::SqliteFailure(protocol, None);
        assert!(is_busy(&error));
        assert!(failure("cannot read", error).is_busy());
    }
}
