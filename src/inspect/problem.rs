//! What is wrong with a database and its surroundings, as values.

use std::fmt;
use std::path::PathBuf;

use crate::report::error::Error;
use crate::report::remedy::Remedy;

#[cfg(feature = "serde")]
use crate::report::serial;

/// The kind of a [`Problem`], in the words that `--json` uses.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
#[cfg_attr(feature = "serde", derive(serde::Serialize))]
#[cfg_attr(feature = "serde", serde(rename_all = "kebab-case"))]
#[non_exhaustive]
pub enum ProblemKind {
    /// The file is damaged, or no database.
    Damaged,
    /// There is no database, or an empty one of which there are backups.
    Missing,
    /// Rows that a constraint forbids, or an index for full-text search that lags behind.
    Contents,
    /// Rows that refer to what is not there.
    BrokenReference,
    /// The history and the migrations contradict each other.
    History,
    /// The schema is not the one that the applied migrations give.
    Drift,
    /// The pending migrations cannot run as they are.
    Pending,
    /// A run or a restore that was interrupted.
    Interrupted,
    /// Something that could not be looked at.
    Unreadable,
    /// A view or a trigger that names what is not there, or is too much for SQLite to compile.
    BrokenObject,
    /// Another file seems to have taken the place of the database: its backups say so.
    Misplaced,
    /// A backup that is not what was recorded.
    BackupDamaged,
    /// Companions without their database, unfinished files.
    Leftover,
    /// Too little room for the next run.
    DiskFull,
    /// The file has another name.
    HardLink,
    /// The file is on a network file system.
    NetworkFileSystem,
    /// The SQLite in use has a fault that can damage the database.
    OldSqlite,
}

impl ProblemKind {
    /// The name in JSON.
    pub fn as_str(self) -> &'static str {
        match self {
            ProblemKind::Damaged => "damaged",
            ProblemKind::Missing => "missing",
            ProblemKind::Contents => "contents",
            ProblemKind::BrokenReference => "broken-reference",
            ProblemKind::History => "history",
            ProblemKind::Drift => "drift",
            ProblemKind::Pending => "pending",
            ProblemKind::Interrupted => "interrupted",
            ProblemKind::Misplaced => "misplaced",
            ProblemKind::Unreadable => "unreadable",
            ProblemKind::BrokenObject => "broken-object",
            ProblemKind::BackupDamaged => "backup-damaged",
            ProblemKind::Leftover => "leftover",
            ProblemKind::DiskFull => "disk-full",
            ProblemKind::HardLink => "hard-link",
            ProblemKind::NetworkFileSystem => "network-file-system",
            ProblemKind::OldSqlite => "old-sqlite",
        }
    }
}

/// Something that is wrong, and what to do. As text it is both.
#[derive(Debug, Clone, PartialEq, Eq)]
#[cfg_attr(feature = "serde", derive(serde::Serialize))]
#[non_exhaustive]
pub struct Problem {
    /// What kind.
    pub kind: ProblemKind,
    /// What is wrong.
    pub message: String,
    /// What to do.
    pub help: String,
    /// The same as values, where it is something that the library does.
    pub remedies: Vec<Remedy>,
}

impl Problem {
    pub(crate) fn new(
        kind: ProblemKind,
        message: impl Into<String>,
        help: impl Into<String>,
    ) -> Problem {
        Problem {
            kind,
            message: message.into(),
            help: help.into(),
            remedies: Vec::new(),
        }
    }

    pub(crate) fn with_remedies(mut self, remedies: impl IntoIterator<Item = Remedy>) -> Problem {
        self.remedies.extend(remedies);
        self
    }

    /// What was refused, as something that is wrong.
    pub(crate) fn of(kind: ProblemKind, error: &Error) -> Problem {
        let cause = std::error::Error::source(error);
        let cause = cause.map_or(String::new(), |cause| format!(": {cause}"));
        let message = format!("{error}{cause}");
        Problem::new(kind, message, error.help().unwrap_or_default())
            .with_remedies(error.remedies().iter().cloned())
    }
}

impl fmt::Display for Problem {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}; {}", self.message, self.help)
    }
}

/// What [`Database::doctor`](crate::Database::doctor) finds.
#[derive(Debug, Clone, PartialEq, Eq)]
#[cfg_attr(feature = "serde", derive(serde::Serialize))]
#[non_exhaustive]
pub struct Diagnosis {
    /// The database, with symbolic links resolved.
    #[cfg_attr(feature = "serde", serde(serialize_with = "serial::path"))]
    pub database: PathBuf,
    /// Whether there is a file.
    pub exists: bool,
    /// What is wrong, the worst first.
    pub problems: Vec<Problem>,
    /// What was looked at and found in order, in sentences.
    pub passed: Vec<String>,
    /// What could not be looked at, backfills that are not finished, a folder that seems to be kept in
    /// step with other machines, in sentences.
    pub notes: Vec<String>,
    /// Who holds the database at this moment, as far as the system tells.
    pub held_by: Option<String>,
    /// The version of SQLite in use.
    pub sqlite_version: String,
    /// The bytes of free disk that the next run needs, about.
    pub needed_bytes: u64,
    /// The bytes that are free where backups go, none where the system does not tell.
    pub free_bytes: Option<u64>,
}

impl Diagnosis {
    /// Whether nothing is wrong.
    pub fn is_healthy(&self) -> bool {
        self.problems.is_empty()
    }

    /// Whether the data itself is damaged.
    pub fn is_damaged(&self) -> bool {
        let mut problems = self.problems.iter();
        problems.any(|problem| problem.kind == ProblemKind::Damaged)
    }
}
