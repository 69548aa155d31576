//! What a check of the migrations found.

use std::fmt;

use crate::report::count::Counted;
use crate::report::error::Error;
use crate::report::remedy::Remedy;

/// The kind of a [`Finding`], in the words that `--json` uses.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
#[cfg_attr(feature = "serde", derive(serde::Serialize))]
#[cfg_attr(feature = "serde", serde(rename_all = "kebab-case"))]
#[non_exhaustive]
pub enum FindingKind {
    /// A file that looks like a migration and is none.
    BadName,
    /// A file fails: on the up migration, on the down migration, or the second time.
    Fails,
    /// Rows or values go, and the file does not say that this is meant.
    LosesRows,
    /// A rebuild leaves out a constraint of the old table.
    LosesConstraints,
    /// Rows refer to what is not there any more.
    BreaksReferences,
    /// After the down migration the schema is not what it was.
    DownDiffers,
    /// There is no down migration, and nothing says that this is meant.
    Irreversible,
    /// The migrations do not give the schema file.
    SchemaFileDiffers,
    /// A migration is not what it was in the last release.
    EditedAfterRelease,
    /// A new migration is older than one that was released, so that a database which has
    /// that one refuses it.
    OutOfOrder,
    /// A squashed migration does not give what its originals give.
    SquashDiffers,
    /// A file uses what the SQLite that runs it does not know.
    NeedsNewerSqlite,
}

impl FindingKind {
    /// The name in JSON.
    pub fn as_str(self) -> &'static str {
        match self {
            FindingKind::BadName => "bad-name",
            FindingKind::Fails => "fails",
            FindingKind::LosesRows => "loses-rows",
            FindingKind::LosesConstraints => "loses-constraints",
            FindingKind::BreaksReferences => "breaks-references",
            FindingKind::DownDiffers => "down-differs",
            FindingKind::Irreversible => "irreversible",
            FindingKind::SchemaFileDiffers => "schema-file-differs",
            FindingKind::EditedAfterRelease => "edited-after-release",
            FindingKind::OutOfOrder => "out-of-order",
            FindingKind::SquashDiffers => "squash-differs",
            FindingKind::NeedsNewerSqlite => "needs-newer-sqlite",
        }
    }
}

/// Something that is wrong with the migrations, before anybody ran them. As text it is what
/// is wrong and what to do.
#[derive(Debug, Clone, PartialEq, Eq)]
#[cfg_attr(feature = "serde", derive(serde::Serialize))]
#[non_exhaustive]
pub struct Finding {
    /// What kind.
    pub kind: FindingKind,
    /// The migration, as `V3__name`. None where it is about no single one.
    pub migration: Option<String>,
    /// The file that is to be corrected.
    pub file: String,
    /// What is wrong, on one line, without the migration's name.
    pub message: String,
    /// What to do.
    pub help: String,
    /// The same as values, where it is something that the library does.
    pub remedies: Vec<Remedy>,
}

impl Finding {
    /// What an error says of a file.
    pub(crate) fn of_error(
        kind: FindingKind,
        migration: Option<String>,
        file: &str,
        what: &str,
        error: &Error,
    ) -> Finding {
        let message = match what {
            "" => error.message().to_owned(),
            what => format!("{what}: {}", error.message()),
        };
        Finding {
            kind,
            migration,
            file: file.to_owned(),
            message: match error.location() {
                Some(location) => format!("{message} ({location})"),
                None => message,
            },
            help: error.help().unwrap_or("correct the file").to_owned(),
            remedies: error.remedies().to_vec(),
        }
    }
}

impl fmt::Display for Finding {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        if let Some(migration) = &self.migration {
            write!(f, "{migration}: ")?;
        }
        write!(f, "{}; {}", self.message, self.help)
    }
}

/// What came out of a check. As text it lists what was found, a line each.
#[derive(Debug, Clone, PartialEq, Eq)]
#[cfg_attr(feature = "serde", derive(serde::Serialize))]
#[must_use = "the findings are in it; ask `is_clean()`"]
#[non_exhaustive]
pub struct Checked {
    /// What is wrong.
    pub findings: Vec<Finding>,
    /// What a reviewer should know and what is not a fault: values that do not come back, tables
    /// for which no row could be made up, a down migration that changed after a release.
    pub notes: Vec<String>,
    /// How many migrations were walked.
    pub migrations: usize,
    /// The git tag that the files were compared with. None where there is none: no git, no
    /// tag, or migrations that come from no folder.
    pub released_tag: Option<String>,
    /// The schema file, where there is one.
    pub schema_file: Option<String>,
    /// Whether the migrations were compared with it. Not where one of them does not get through.
    pub schema_compared: bool,
}

impl Checked {
    /// Whether nothing was found.
    pub fn is_clean(&self) -> bool {
        self.findings.is_empty()
    }
}

impl fmt::Display for Checked {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        for finding in &self.findings {
            writeln!(f, "{finding}")?;
        }
        for note in &self.notes {
            writeln!(f, "note: {note}")?;
        }
        let walked = Counted(self.migrations as u64, "migration");
        let found = Counted(self.findings.len() as u64, "finding");
        write!(f, "{walked} checked, {found}")
    }
}
