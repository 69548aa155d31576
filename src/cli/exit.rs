//! How a command ends.

use std::process::ExitCode;

use heirloom::{DataState, Error, ErrorKind};

use crate::nearest::did_you_mean;

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
    /// Declined, or nobody to ask.
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

impl Exit {
    /// How grave it is: of several databases, the gravest end is the command's. What needs a
    /// person comes first, then what ended the work, then what may go away by itself, then what
    /// is not a failure of the database at all.
    pub(crate) fn gravity(self) -> u8 {
        match self {
            Exit::NeedsAttention => 8,
            Exit::Interrupted => 7,
            Exit::Failed => 6,
            Exit::DatabaseNewer => 5,
            Exit::Locked => 4,
            Exit::Usage => 3,
            Exit::NotConfirmed => 2,
            Exit::CheckSaysNo => 1,
            Exit::Done => 0,
        }
    }
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
    /// The same, and what was probably meant.
    Meant { error: Error, meant: String },
    /// A wrong argument or setting.
    Usage { message: String, help: String },
    /// A folder or a file that a setting names and that does not exist.
    NotFound { message: String, help: String },
    /// No was the answer to a question.
    Cancelled,
    /// A confirmation is needed, and there is nobody to ask.
    NotConfirmed,
    /// Ctrl-C came before it began.
    NotBegun,
}

impl Failure {
    /// Whether the library only wants to know more before it writes a migration.
    pub(crate) fn is_a_question(&self) -> bool {
        use ErrorKind::{AmbiguousRename, NeedsDefault};
        let asks = |error: &Error| matches!(error.kind(), AmbiguousRename | NeedsDefault);
        self.library().is_some_and(asks)
    }

    /// The library's own error, where it is one.
    pub(crate) fn library(&self) -> Option<&Error> {
        match self {
            Failure::Library(error) | Failure::Meant { error, .. } => Some(error),
            _ => None,
        }
    }

    /// Says which of the known names was probably meant, where something was not found.
    pub(crate) fn or_meant<'k>(
        self,
        wrong: &str,
        known: impl IntoIterator<Item = &'k str>,
    ) -> Failure {
        let not_found =
            matches!(&self, Failure::Library(error) if error.kind() == ErrorKind::NotFound);
        let meant = did_you_mean(wrong, known).filter(|_| not_found);
        match (self, meant) {
            (Failure::Library(error), Some(meant)) => Failure::Meant { error, meant },
            (other, _) => other,
        }
    }

    pub(crate) fn exit(&self) -> Exit {
        match self {
            Failure::Usage { .. } | Failure::NotFound { .. } => Exit::Usage,
            Failure::Cancelled | Failure::NotConfirmed => Exit::NotConfirmed,
            Failure::NotBegun => Exit::Interrupted,
            Failure::Library(error) | Failure::Meant { error, .. } => match error.kind() {
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

#[cfg(test)]
mod tests {
    use super::*;

    /// As the guide says.
    #[test]
    fn of_several_ends_the_gravest_counts_and_7_before_all() {
        let mut all = [
            Exit::Done,
            Exit::Failed,
            Exit::Usage,
            Exit::CheckSaysNo,
            Exit::NotConfirmed,
            Exit::Locked,
            Exit::DatabaseNewer,
            Exit::NeedsAttention,
            Exit::Interrupted,
        ];
        all.sort_by_key(|exit| std::cmp::Reverse(exit.gravity()));
        assert_eq!(all.map(|exit| exit as u8), [7, 130, 1, 6, 5, 2, 4, 3, 0]);
    }
}
