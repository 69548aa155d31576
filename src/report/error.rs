//! The one error type, and the state it says the data is in.

use std::error::Error as StdError;
use std::fmt;
use std::hash::Hash;
use std::path::{Path, PathBuf};

use crate::report::count::{Counted, Grouped};
use crate::report::location::Location;
use crate::report::loss::Loss;
use crate::report::outcome::Report;
use crate::report::remedy::Remedy;

/// The kind of a failure, in the words that `--json` uses.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
#[cfg_attr(feature = "serde", derive(serde::Serialize))]
#[cfg_attr(feature = "serde", serde(rename_all = "kebab-case"))]
#[non_exhaustive]
pub enum ErrorKind {
    /// A statement, a check after it, or a hook failed.
    MigrationFailed,
    /// An applied migration's file changed, or the history cannot be read as one.
    Diverged,
    /// An applied migration has no file.
    Missing,
    /// A file is older than the newest applied migration and was never applied.
    OutOfOrder,
    /// The database was migrated by a newer version of the app.
    DatabaseNewer,
    /// Another process holds the database.
    Locked,
    /// Data would be destroyed, and nothing allows it.
    Destructive,
    /// A migration without a down migration.
    Irreversible,
    /// Something is gone and something is new, which may be one thing under another name.
    AmbiguousRename,
    /// A new column that must not be NULL has nothing to hold for the rows that are there.
    NeedsDefault,
    /// A folder, a directory, a special file, an encrypted or a damaged database.
    NotADatabase,
    /// No space left.
    DiskFull,
    /// A backup did not verify.
    BackupInvalid,
    /// A file, a folder or a version that does not exist.
    NotFound,
    /// A migration file that cannot be used: its name, its encoding, its contents.
    InvalidMigration,
    /// The data needs a person.
    NeedsAttention,
    /// A wrong argument or setting.
    Usage,
    /// Cancelled from outside.
    #[cfg_attr(feature = "serde", serde(rename = "migration-failed"))]
    Interrupted,
    /// The operating system or SQLite refused something else.
    Io,
}

impl ErrorKind {
    /// The name in JSON. An interruption is reported as `migration-failed`.
    pub fn as_str(self) -> &'static str {
        match self {
            ErrorKind::MigrationFailed | ErrorKind::Interrupted => "migration-failed",
            ErrorKind::Diverged => "diverged",
            ErrorKind::Missing => "missing",
            ErrorKind::OutOfOrder => "out-of-order",
            ErrorKind::DatabaseNewer => "database-newer",
            ErrorKind::Locked => "locked",
            ErrorKind::Destructive => "destructive",
            ErrorKind::Irreversible => "irreversible",
            ErrorKind::AmbiguousRename => "ambiguous-rename",
            ErrorKind::NeedsDefault => "needs-default",
            ErrorKind::NotADatabase => "not-a-database",
            ErrorKind::DiskFull => "disk-full",
            ErrorKind::BackupInvalid => "backup-invalid",
            ErrorKind::NotFound => "not-found",
            ErrorKind::InvalidMigration => "invalid-migration",
            ErrorKind::NeedsAttention => "needs-attention",
            ErrorKind::Usage => "usage",
            ErrorKind::Io => "io",
        }
    }
}

/// What state a failure left the data in.
#[derive(Debug, Clone, PartialEq, Eq)]
#[non_exhaustive]
pub enum DataState {
    /// Nothing was written.
    Untouched,
    /// Everything was rolled back.
    RolledBack,
    /// Everything was rolled back, and the database was read and found equal to the copy.
    RolledBackAndProved {
        /// The backup taken before the run.
        backup: PathBuf,
    },
    /// What had been committed was replaced by the backup taken before the run.
    Restored {
        /// The backup that was put back.
        from: PathBuf,
    },
    /// Neither could be done. The backup is good and was not touched.
    NeedsAttention {
        /// The backup that holds the last good state, where there is one.
        good_copy: Option<PathBuf>,
    },
    /// A backfill stopped between two batches: those that were done stay, and the one that
    /// failed was rolled back. It goes on from there.
    Backfilled {
        /// Rows done so far, those of earlier calls among them.
        done: u64,
        /// Rows in all: as many as there were when it began.
        total: u64,
        /// The first and the last rowid of the batch that failed, where one did.
        failed: Option<(i64, i64)>,
    },
    /// The work itself was committed; what failed came after it.
    Committed,
}

impl DataState {
    /// What was committed is gone again: replaced by a backup, or by the empty database that was
    /// there before.
    pub(crate) fn put_back(copy: Option<PathBuf>) -> DataState {
        match copy {
            Some(from) => DataState::Restored { from },
            None => DataState::RolledBack,
        }
    }

    /// Whether the database is as it was before the call.
    pub fn is_unchanged(&self) -> bool {
        match self {
            DataState::Untouched
            | DataState::RolledBack
            | DataState::RolledBackAndProved { .. }
            | DataState::Restored { .. } => true,
            DataState::NeedsAttention { .. }
            | DataState::Backfilled { .. }
            | DataState::Committed => false,
        }
    }
}

impl fmt::Display for DataState {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            DataState::Untouched => write!(f, "the database was not changed"),
            DataState::RolledBack => {
                write!(f, "every change was rolled back; the database is as it was")
            }
            DataState::RolledBackAndProved { backup } => write!(
                f,
                "every change was rolled back, and the database was verified to equal the backup {}",
                backup.display()
            ),
            DataState::Restored { from } => write!(
                f,
                "the database was restored from the backup {}",
                from.display()
            ),
            DataState::NeedsAttention {
                good_copy: Some(copy),
            } => write!(
                f,
                "the database may hold part of the work; the last good state is in {}",
                copy.display()
            ),
            DataState::NeedsAttention { good_copy: None } => {
                write!(
                    f,
                    "the database may hold part of the work, and no good backup of it is known"
                )
            }
            DataState::Backfilled {
                done,
                total,
                failed,
            } => {
                let total = Counted(*total, "row");
                write!(f, "{} of {total} are done, and stay", Grouped(*done))?;
                match failed {
                    Some((first, last)) => {
                        write!(f, "; the batch of rowids {first} to {last} was rolled back")
                    }
                    None => Ok(()),
                }
            }
            DataState::Committed => write!(f, "the work itself is done and committed"),
        }
    }
}

/// What went wrong, where, what state the data is in, and what to do.
///
/// # Questions
/// - What kind: [`kind`](Error::kind), [`is_from_newer_app`](Error::is_from_newer_app),
///   [`is_busy`](Error::is_busy), [`is_interrupted`](Error::is_interrupted).
/// - What state the data is in: [`data_state`](Error::data_state), [`backup`](Error::backup),
///   [`report`](Error::report).
/// - What to do: [`help`](Error::help) as a sentence, [`remedies`](Error::remedies) as values, and
///   [`user_message`](Error::user_message) for the person in front of the app.
/// - Where: [`migration`](Error::migration), [`location`](Error::location),
///   [`statement`](Error::statement).
/// - More of some kinds: [`losses`](Error::losses), [`versions`](Error::versions),
///   [`difference`](Error::difference), [`rename_questions`](Error::rename_questions).
///
/// # Text
/// `{error}` is one line. `{error:#}` adds the place, the statement, the state of the
/// data and the way out, a line each, fit for a log or a dialog.
///
/// ```
/// use heirloom::{ErrorKind, Migrator};
///
/// let error = Migrator::new("no/such/folder").migrate("notes.db").unwrap_err();
/// assert_eq!(error.kind(), ErrorKind::NotFound);
/// assert!(error.data_state().is_unchanged());
/// ```
pub struct Error(Box<Inner>);

#[derive(Debug)]
struct Inner {
    kind: ErrorKind,
    message: String,
    help: Option<String>,
    remedies: Vec<Remedy>,
    data: DataState,
    migration: Option<String>,
    location: Option<Location>,
    statement: Option<String>,
    backup: Option<PathBuf>,
    losses: Vec<Loss>,
    versions: Option<(i64, Option<i64>)>,
    difference: Option<Difference>,
    questions: Vec<RenameQuestion>,
    report: Option<Report>,
    source: Option<Box<dyn StdError + Send + Sync>>,
}

/// A migration's SQL as it was applied, and as the file has it now.
#[derive(Debug, Clone, PartialEq, Eq)]
#[cfg_attr(feature = "serde", derive(serde::Serialize))]
pub struct Difference {
    /// As applied, kept in the database.
    pub applied: String,
    /// As the file has it.
    pub file: String,
}

/// Something that is gone from a schema while something is new, which may be one thing under
/// another name, or two things ([`ErrorKind::AmbiguousRename`]).
#[derive(Debug, Clone, PartialEq, Eq)]
#[cfg_attr(feature = "serde", derive(serde::Serialize))]
#[non_exhaustive]
pub struct RenameQuestion {
    /// The table, by its new name, where a column is asked about.
    pub table: Option<String>,
    /// The table or the column that is gone.
    pub gone: String,
    /// What it may be called now.
    pub candidates: Vec<String>,
}

impl RenameQuestion {
    /// What is gone as [`GenerateOptions::drop`](crate::devtools::GenerateOptions::drop) takes it: `users.name`, or `users`; names of more than letters and digits in quotes.
    pub fn subject(&self) -> String {
        match &self.table {
            Some(table) => format!("{}.{}", spelled(table), spelled(&self.gone)),
            None => spelled(&self.gone),
        }
    }

    /// That it was renamed, as
    /// [`GenerateOptions::rename`](crate::devtools::GenerateOptions::rename) takes it:
    /// `users.name=full_name`.
    pub fn renamed_to(&self, candidate: &str) -> String {
        format!("{}={}", self.subject(), spelled(candidate))
    }
}

/// A name as flags and notes take it: in quotes where it is more than one plain word.
pub(crate) fn spelled(name: &str) -> String {
    let is_plain = |c: char| c.is_alphanumeric() || c == '_' || c == '$';
    match !name.is_empty() && name.chars().all(is_plain) {
        true => name.to_owned(),
        false => format!("\"{}\"", name.replace('"', "\"\"")),
    }
}

impl Error {
    pub(crate) fn new(kind: ErrorKind, message: impl Into<String>) -> Error {
        Error(Box::new(Inner {
            kind,
            message: message.into(),
            help: None,
            remedies: Vec::new(),
            data: DataState::Untouched,
            migration: None,
            location: None,
            statement: None,
            backup: None,
            losses: Vec::new(),
            versions: None,
            difference: None,
            questions: Vec::new(),
            report: None,
            source: None,
        }))
    }

    /// A wrong argument or setting, and what to do.
    pub(crate) fn usage(message: impl Into<String>, help: impl Into<String>) -> Error {
        Error::new(ErrorKind::Usage, message).with_help(help)
    }

    /// Something that does not exist, and what to do.
    pub(crate) fn not_found(message: impl Into<String>, help: impl Into<String>) -> Error {
        Error::new(ErrorKind::NotFound, message).with_help(help)
    }

    /// The kind of the failure.
    pub fn kind(&self) -> ErrorKind {
        self.0.kind
    }

    /// Whether the database was migrated by a newer version of the app: the user
    /// installed an older one. [`Error::versions`] has both numbers.
    pub fn is_from_newer_app(&self) -> bool {
        self.0.kind == ErrorKind::DatabaseNewer
    }

    /// Whether another process holds the database: try again, or ask the user to close
    /// the other window.
    pub fn is_busy(&self) -> bool {
        self.0.kind == ErrorKind::Locked
    }

    /// Whether the work was cancelled from outside.
    pub fn is_interrupted(&self) -> bool {
        self.0.kind == ErrorKind::Interrupted
    }

    /// What failed, without the migration's name.
    #[cfg(feature = "devtools")]
    pub(crate) fn message(&self) -> &str {
        &self.0.message
    }

    /// What to do now, as a sentence for a person.
    pub fn help(&self) -> Option<&str> {
        self.0.help.as_deref()
    }

    /// The failure in sentences for the person who uses the app: what happened, in what state their
    /// data is, what they can do. It names no table, no file of migrations and no command;
    /// [`help`](Error::help) and `{error:#}` are for the log and for support.
    ///
    /// ```
    /// # let folder = tempfile::tempdir()?;
    /// # let database = folder.path().join("notes.db");
    /// # rusqlite::Connection::open(&database)?.execute_batch("CREATE TABLE notes_new (id)")?;
    /// use heirloom::Migrator;
    ///
    /// # std::fs::create_dir(folder.path().join("migrations"))?;
    /// # std::fs::write(folder.path().join("migrations/V1__a.sql"), "CREATE TABLE notes_new (id);")?;
    /// let error = Migrator::new(folder.path().join("migrations")).migrate(&database).unwrap_err();
    /// assert_eq!(
    ///     error.user_message(),
    ///     "The app could not update its data. Your data was not changed. \
    ///      Please contact the app's support, and send them the log."
    /// );
    /// # Ok::<(), Box<dyn std::error::Error>>(())
    /// ```
    pub fn user_message(&self) -> String {
        let support = "Please contact the app's support, and send them the log.";
        let (what, todo) = match self.0.kind {
            ErrorKind::Locked => (
                "The app's data is in use by another program or another window.",
                "Close it, and try again.",
            ),
            ErrorKind::DatabaseNewer => (
                "The data was saved by a newer version of this app.",
                "Install the newest version of the app.",
            ),
            ErrorKind::DiskFull => (
                "There is not enough free space on the disk to update the app's data.",
                "Free some space, and try again.",
            ),
            ErrorKind::Interrupted => ("The update of the app's data was stopped.", "Try again."),
            ErrorKind::NotADatabase => ("The app's data file is damaged or unreadable.", support),
            ErrorKind::BackupInvalid => ("The backup is damaged and cannot be used.", support),
            ErrorKind::NotFound | ErrorKind::Io => ("The app could not open its data.", support),
            ErrorKind::NeedsAttention => ("The app could not put its data in order.", support),
            _ => ("The app could not update its data.", support),
        };
        let state = match &self.0.data {
            DataState::Untouched => "Your data was not changed.".to_owned(),
            DataState::RolledBack | DataState::RolledBackAndProved { .. } => {
                "Your data is as it was before.".to_owned()
            }
            DataState::Restored { .. } => {
                "Your data was restored from the backup that was made before.".to_owned()
            }
            DataState::NeedsAttention {
                good_copy: Some(copy),
            } => format!(
                "Do not delete or move anything: a good backup of your data is in {}.",
                copy.display()
            ),
            DataState::NeedsAttention { good_copy: None } => {
                "Do not delete or move anything: your data may have to be repaired.".to_owned()
            }
            DataState::Backfilled { .. } => {
                "Your data is whole, and the update continues where it stopped.".to_owned()
            }
            DataState::Committed => "Your data was updated.".to_owned(),
        };
        format!("{what} {state} {todo}")
    }

    /// What to do now, as values: see [`Remedy`]. Empty where nothing but the sentence helps.
    pub fn remedies(&self) -> &[Remedy] {
        &self.0.remedies
    }

    /// What state the data is in.
    pub fn data_state(&self) -> &DataState {
        &self.0.data
    }

    /// The verified backup that was taken before the work began, where it came that far.
    pub fn backup(&self) -> Option<&Path> {
        self.0.backup.as_deref()
    }

    /// What had been done up to the failure. Nothing of it is in the database unless
    /// [`Error::data_state`] says so.
    pub fn report(&self) -> Option<&Report> {
        self.0.report.as_ref()
    }

    /// The migration it happened in, as `V3__name`, or the backfill, by its name.
    pub fn migration(&self) -> Option<&str> {
        self.0.migration.as_deref()
    }

    /// The place in the file.
    pub fn location(&self) -> Option<&Location> {
        self.0.location.as_ref()
    }

    /// The statement that failed.
    pub fn statement(&self) -> Option<&str> {
        self.0.statement.as_deref()
    }

    /// What would be destroyed ([`ErrorKind::Destructive`]).
    pub fn losses(&self) -> &[Loss] {
        &self.0.losses
    }

    /// The database's version and the newest one these migrations know
    /// ([`ErrorKind::DatabaseNewer`]).
    pub fn versions(&self) -> Option<(i64, Option<i64>)> {
        self.0.versions
    }

    /// The SQL as applied and as it is now ([`ErrorKind::Diverged`]), where it is known.
    pub fn difference(&self) -> Option<&Difference> {
        self.0.difference.as_ref()
    }

    /// What must be answered before a migration can be written
    /// ([`ErrorKind::AmbiguousRename`]).
    pub fn rename_questions(&self) -> &[RenameQuestion] {
        &self.0.questions
    }

    #[cfg(feature = "devtools")]
    pub(crate) fn with_questions(mut self, questions: Vec<RenameQuestion>) -> Error {
        self.0.questions = questions;
        self
    }

    pub(crate) fn with_help(mut self, help: impl Into<String>) -> Error {
        self.0.help = Some(help.into());
        self
    }

    #[cfg(feature = "devtools")]
    pub(crate) fn with_remedies(mut self, remedies: Vec<Remedy>) -> Error {
        self.0.remedies = remedies;
        self
    }

    pub(crate) fn with_remedy(mut self, remedy: Remedy) -> Error {
        if !self.0.remedies.contains(&remedy) {
            self.0.remedies.push(remedy);
        }
        self
    }

    /// Another sentence and other remedies than a deeper layer gave.
    pub(crate) fn with_other_help(
        mut self,
        help: impl Into<String>,
        remedies: Vec<Remedy>,
    ) -> Error {
        self.0.remedies = remedies;
        self.with_help(help)
    }

    pub(crate) fn with_data(mut self, data: DataState) -> Error {
        self.0.data = data;
        self
    }

    /// Names the migration unless a deeper layer did.
    pub(crate) fn in_migration(mut self, label: &str) -> Error {
        self.0.migration.get_or_insert_with(|| label.to_owned());
        self
    }

    pub(crate) fn at(mut self, location: Location) -> Error {
        self.0.location = Some(location);
        self
    }

    pub(crate) fn with_statement(mut self, statement: &str) -> Error {
        self.0.statement = Some(statement.to_owned());
        self
    }

    pub(crate) fn with_backup(mut self, backup: Option<PathBuf>) -> Error {
        self.0.backup = backup.or(self.0.backup);
        self
    }

    pub(crate) fn with_losses(mut self, losses: Vec<Loss>) -> Error {
        self.0.losses = losses;
        self
    }

    pub(crate) fn with_versions(mut self, database: i64, known: Option<i64>) -> Error {
        self.0.versions = Some((database, known));
        self
    }

    pub(crate) fn with_difference(mut self, difference: Option<Difference>) -> Error {
        self.0.difference = difference;
        self
    }

    pub(crate) fn with_report(mut self, report: Report) -> Error {
        self.0.report = Some(report);
        self
    }

    pub(crate) fn because(mut self, source: impl Into<Box<dyn StdError + Send + Sync>>) -> Error {
        self.0.source = Some(source.into());
        self
    }

    /// The same failure, now one that a person must look at.
    pub(crate) fn needing_attention(mut self, good_copy: Option<PathBuf>) -> Error {
        self.0.kind = ErrorKind::NeedsAttention;
        self.0.data = DataState::NeedsAttention { good_copy };
        self
    }
}

impl fmt::Display for Error {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let inner = &self.0;
        if let Some(migration) = &inner.migration {
            write!(f, "{migration}: ")?;
        }
        write!(f, "{}", inner.message)?;
        if !f.alternate() {
            return Ok(());
        }
        let mut cause = self.source();
        while let Some(error) = cause {
            write!(f, "\ncause: {error}")?;
            cause = error.source();
        }
        if let Some(location) = &inner.location {
            write!(f, "\nat {location}\n{}", location.excerpt())?;
        }
        for loss in &inner.losses {
            write!(f, "\nlost: {loss}")?;
        }
        write!(f, "\ndata: {}", inner.data)?;
        if let Some(help) = &inner.help {
            write!(f, "\nhelp: {help}")?;
        }
        Ok(())
    }
}

/// The kind, the sentences of an error message, the state of the data and what is known of the
/// place, flat, as the command line's `--json` has it.
#[cfg(feature = "serde")]
impl serde::Serialize for Error {
    fn serialize<S: serde::Serializer>(&self, to: S) -> Result<S::Ok, S::Error> {
        use serde::ser::SerializeMap;
        let inner = &self.0;
        let text = |path: &Path| path.display().to_string();
        let location = inner.location.as_ref();
        let mut to = to.serialize_map(None)?;
        to.serialize_entry("kind", &inner.kind)?;
        to.serialize_entry("message", &self.to_string())?;
        to.serialize_entry("help", &inner.help)?;
        to.serialize_entry("remedies", &inner.remedies)?;
        to.serialize_entry("database_unchanged", &inner.data.is_unchanged())?;
        to.serialize_entry("data", &inner.data.to_string())?;
        to.serialize_entry("migration", &inner.migration)?;
        to.serialize_entry("file", &location.map(|at| &at.file))?;
        to.serialize_entry("line", &location.map(|at| at.position.line))?;
        to.serialize_entry("column", &location.map(|at| at.position.column))?;
        to.serialize_entry("statement", &inner.statement)?;
        to.serialize_entry("backup", &self.backup().map(text))?;
        let restored_from = match &inner.data {
            DataState::Restored { from } => Some(text(from)),
            _ => None,
        };
        to.serialize_entry("restored_from", &restored_from)?;
        if let DataState::Backfilled { done, total, .. } = &inner.data {
            to.serialize_entry("done", done)?;
            to.serialize_entry("total", total)?;
        }
        if !inner.losses.is_empty() {
            to.serialize_entry("destroys", &inner.losses)?;
        }
        if let Some((database, known)) = inner.versions {
            let versions = Versions { database, known };
            to.serialize_entry("versions", &versions)?;
        }
        to.end()
    }
}

#[cfg(feature = "serde")]
#[derive(serde::Serialize)]
struct Versions {
    database: i64,
    known: Option<i64>,
}

impl fmt::Debug for Error {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{:?}: {self:#}", self.0.kind)
    }
}

impl StdError for Error {
    fn source(&self) -> Option<&(dyn StdError + 'static)> {
        self.0.source.as_deref().map(|source| source as _)
    }
}

pub(crate) fn invalid(message: String) -> Error {
    Error::new(ErrorKind::InvalidMigration, message)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_was_committed_or_needs_somebody_is_not_called_unchanged() {
        let from = PathBuf::from("copy.db");
        assert!(DataState::RolledBack.is_unchanged());
        assert!(DataState::Restored { from }.is_unchanged());
        assert!(!DataState::Committed.is_unchanged());
        assert!(!DataState::NeedsAttention { good_copy: None }.is_unchanged());
    }
}
