//! How a command ends.

use std::process::ExitCode;

use heirloom::{DataState, Error, ErrorKind};

/// The exit codes of the contract.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Exit {
    /// Done, or nothing to do.
    Done = 0,
    /// Failed, and the database is as it was.
    Failed = 1,
    /// Wrong usage or configuration.
    Usage = 2,
    /// `--check` says no.
    CheckSaysNo = 3,
    /// Declined, or nobody there to ask.
    NotConfirmed = 4,
    /// Another process holds the database.
    Locked = 5,
    /// The database is newer than the migrations.
    DatabaseNewer = 6,
    /// The data needs attention.
    NeedsAttention = 7,
    /// Ctrl-C.
    Interrupted = 130,
}

impl From<Exit> for ExitCode {
    fn from(exit: Exit) -> ExitCode {
        ExitCode::from(exit as u8)
    }
}

/// Why a command did not do what was asked.
#[derive(Debug)]
pub(crate) enum Failure {
    /// The library's own error.
    Library(Error),
    /// A wrong argument or setting.
    Usage { message: String, help: String },
    /// A folder or a file that a setting names and that is not there.
    NotFound { message: String, help: String },
    /// A confirmation that was not given, or could not be asked for.
    NotConfirmed { help: &'static str },
}

impl Failure {
    /// Whether the library only wants to know more before it writes a migration.
    pub(crate) fn is_a_question(&self) -> bool {
        use ErrorKind::{AmbiguousRename, NeedsDefault};
        match self {
            Failure::Library(error) => matches!(error.kind(), AmbiguousRename | NeedsDefault),
            _ => false,
        }
    }

    pub(crate) fn exit(&self) -> Exit {
        match self {
            Failure::Usage { .. } | Failure::NotFound { .. } => Exit::Usage,
            Failure::NotConfirmed { .. } => Exit::NotConfirmed,
            Failure::Library(error) => match error.kind() {
                ErrorKind::Usage => Exit::Usage,
                ErrorKind::Locked => Exit::Locked,
                ErrorKind::DatabaseNewer => Exit::DatabaseNewer,
                ErrorKind::NeedsAttention => Exit::NeedsAttention,
                ErrorKind::Interrupted if is_resumable(error) => Exit::Interrupted,
                _ if is_resumable(error) => Exit::Failed,
                _ if !error.data_state().is_unchanged() => Exit::NeedsAttention,
                ErrorKind::Interrupted => Exit::Interrupted,
                _ => Exit::Failed,
            },
        }
    }
}

/// Whether what was done stays and goes on from there.
fn is_resumable(error: &Error) -> bool {
    matches!(error.data_state(), DataState::Backfilled { .. })
}

impl From<Error> for Failure {
    fn from(error: Error) -> Failure {
        Failure::Library(error)
    }
}
