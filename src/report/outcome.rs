//! What a call did, as values.

use std::collections::BTreeMap;
use std::fmt;
use std::path::PathBuf;
use std::time::{Duration, Instant};

use crate::report::act::Act;
use crate::report::change::{TableChange, TableDifference};
use crate::report::count::{Counted, Grouped};
use crate::report::remedy::Remedy;

#[cfg(feature = "serde")]
use crate::report::serial;

/// What a call did: the answer of every method that changes a database, and of
/// [`Database::rehearse`](crate::Database::rehearse), which changes a copy.
///
/// [`Report::act`] says which kind of work it was. The fields that only some kinds fill are
/// empty or `None` for the others:
///
/// | act | what is filled |
/// |---|---|
/// | [`Act::Run`] | [`applied`](Report::applied), [`backup`](Report::backup) |
/// | [`Act::Revert`] | [`reverted`](Report::reverted), `backup` |
/// | [`Act::Adopt`] | `applied`: what was recorded and not run, `backup` |
/// | [`Act::Redo`] | `reverted`, `applied`, `backup` |
/// | [`Act::Rehearse`] | `applied`: what could be applied, [`disk_bytes`](Report::disk_bytes), [`differences`](Report::differences) |
/// | [`Act::Restore`] | [`restored`](Report::restored) |
/// | [`Act::Backfill`] | [`backfill`](Report::backfill), `backup` |
/// | [`Act::Seed`] | [`seeded`](Report::seeded), `backup` |
/// | [`Act::Push`] | [`pushed`](Report::pushed), `backup` |
/// | [`Act::Reset`] | `applied`, `seeded`, [`snapshot`](Report::snapshot) |
/// | [`Act::Drop`] | `snapshot` |
///
/// `{report}` is one line for a log.
///
/// # Questions
/// [`is_up_to_date`](Report::is_up_to_date), [`component`](Report::component),
/// [`components`](Report::components).
#[derive(Debug, Clone, PartialEq)]
#[cfg_attr(feature = "serde", derive(serde::Serialize))]
#[non_exhaustive]
pub struct Report {
    /// What was done.
    pub act: Act,
    /// The database, with symbolic links resolved.
    #[cfg_attr(feature = "serde", serde(serialize_with = "serial::path"))]
    pub database: PathBuf,
    /// The migrations that were applied, in order. Of [`Act::Adopt`]: those that were recorded
    /// as applied and not run. Of [`Act::Rehearse`]: those that could be applied to the copy.
    pub applied: Vec<Done>,
    /// The migrations that were reverted, the newest first.
    pub reverted: Vec<Done>,
    /// The seed files that were run, in order.
    pub seeded: Vec<SeedFile>,
    /// The automatic backup taken before the first change. None when there was nothing to do,
    /// or when the database was new and there was nothing to back up.
    #[cfg_attr(feature = "serde", serde(serialize_with = "serial::some_path"))]
    pub backup: Option<PathBuf>,
    /// The snapshot of what was in the database, taken before all of it was dropped. None when
    /// there was nothing in it.
    #[cfg_attr(feature = "serde", serde(serialize_with = "serial::some_path"))]
    pub snapshot: Option<PathBuf>,
    /// The schema version before, none when nothing was applied yet.
    pub version_before: Option<i64>,
    /// The schema version now.
    pub version: Option<i64>,
    /// What a restore put back.
    #[cfg_attr(feature = "serde", serde(flatten))]
    pub restored: Option<Restored>,
    /// What a backfill filled.
    #[cfg_attr(feature = "serde", serde(flatten))]
    pub backfill: Option<Backfilled>,
    /// What a push changed.
    #[cfg_attr(feature = "serde", serde(flatten))]
    pub pushed: Option<Pushed>,
    /// Bytes of disk that a run takes at its peak: the backup, and what the database, its
    /// journal and its write-ahead log grow by. The temporary files in which SQLite sorts are
    /// not counted. Known of a rehearsal alone.
    pub disk_bytes: Option<u64>,
    /// What is different afterwards, by table and column: in the first state, that before, and in
    /// the second. Known of a rehearsal alone.
    pub differences: Vec<TableDifference>,
    /// An interrupted run that was put back before anything else.
    pub recovered: Option<Recovered>,
    /// Whether migrating was switched off, so that the database was opened as it is and nothing
    /// in it was looked at: neither version is known.
    pub switched_off: bool,
    /// What somebody should know, in sentences: old violations of foreign keys, objects
    /// that are gone, a down migration that does not restore the schema.
    pub notes: Vec<String>,
    /// What can be done about the notes, as values.
    pub remedies: Vec<Remedy>,
    /// From the call to its return.
    #[cfg_attr(
        feature = "serde",
        serde(rename = "duration_ms", serialize_with = "serial::milliseconds")
    )]
    pub duration: Duration,
}

impl Report {
    /// Of a call that has done nothing yet to a database at this version.
    pub(crate) fn new(
        act: Act,
        database: PathBuf,
        version: Option<i64>,
        started: Instant,
    ) -> Report {
        Report {
            act,
            database,
            applied: Vec::new(),
            reverted: Vec::new(),
            seeded: Vec::new(),
            backup: None,
            snapshot: None,
            version_before: version,
            version,
            restored: None,
            backfill: None,
            pushed: None,
            disk_bytes: None,
            differences: Vec::new(),
            recovered: None,
            switched_off: false,
            notes: Vec::new(),
            remedies: Vec::new(),
            duration: started.elapsed(),
        }
    }

    /// Whether there was nothing to do; of a rehearsal, whether a run would find nothing to do.
    pub fn is_up_to_date(&self) -> bool {
        self.applied.is_empty()
            && self.reverted.is_empty()
            && self.seeded.is_empty()
            && self.snapshot.is_none()
            && self.restored.is_none()
            && self.backfill.as_ref().is_none_or(|filled| filled.rows == 0)
            && self
                .pushed
                .as_ref()
                .is_none_or(|pushed| pushed.changes.is_empty())
    }

    /// The component whose versions these are, none where they are the app's own.
    pub fn component(&self) -> Option<&str> {
        self.whose().0
    }

    /// The components that were migrated beside that, each with the newest version applied.
    pub fn components(&self) -> BTreeMap<&str, i64> {
        self.whose().1
    }

    fn whose(&self) -> (Option<&str>, BTreeMap<&str, i64>) {
        let all = self.reverted.iter().chain(&self.applied);
        whose(
            all.map(|done| (done.component.as_deref(), done.version)),
            self.version_before != self.version,
        )
    }
}

/// What became of the rows of a table that were written since the backup.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
#[cfg_attr(feature = "serde", derive(serde::Serialize))]
#[non_exhaustive]
pub struct NewerRows {
    /// The table.
    pub table: String,
    /// Rows that the backup did not have, and that were taken over.
    pub taken: u64,
    /// Rows that could not be: their keys in the spelling of SQL, and why. The first hundred.
    pub left: Vec<(String, String)>,
    /// How many could not be.
    pub left_count: u64,
    /// Rows that the backup has too, with other values: they are as in the backup.
    pub changed: u64,
}

/// What a restore put back: part of a [`Report`].
#[derive(Debug, Clone, PartialEq, Eq)]
#[cfg_attr(feature = "serde", derive(serde::Serialize))]
#[non_exhaustive]
pub struct Restored {
    /// The backup or snapshot that the database was restored from.
    #[cfg_attr(feature = "serde", serde(serialize_with = "serial::path"))]
    pub file: PathBuf,
    /// Where the state before is kept. None when there was none.
    #[cfg_attr(feature = "serde", serde(serialize_with = "serial::some_path"))]
    pub replaced: Option<PathBuf>,
    /// Whether that state was damaged, so that it is kept byte for byte and cannot be
    /// restored.
    pub was_damaged: bool,
    /// The folders of files that the snapshot had taken along, and that are back.
    #[cfg_attr(feature = "serde", serde(serialize_with = "serial::paths"))]
    pub folders: Vec<PathBuf>,
    /// Where the folders that those replaced are kept. None where there were none.
    #[cfg_attr(feature = "serde", serde(serialize_with = "serial::some_path"))]
    pub replaced_folders: Option<PathBuf>,
    /// What became of the rows written since the backup, by table; empty unless they were to be
    /// kept.
    pub newer: Vec<NewerRows>,
}

/// What a backfill filled: part of a [`Report`]. All rows are done.
#[derive(Debug, Clone, PartialEq, Eq)]
#[cfg_attr(feature = "serde", derive(serde::Serialize))]
#[non_exhaustive]
pub struct Backfilled {
    /// The backfill.
    pub name: String,
    /// The table.
    pub table: String,
    /// Rows that this call went through.
    pub rows: u64,
    /// Rows that earlier calls had gone through.
    pub rows_before: u64,
    /// When it was begun, RFC 3339.
    pub started_at: String,
}

/// What a push changed: part of a [`Report`].
#[derive(Debug, Clone, PartialEq, Eq)]
#[cfg_attr(feature = "serde", derive(serde::Serialize))]
#[non_exhaustive]
pub struct Pushed {
    /// What changed, table by table. Empty where the schema was as the file says.
    pub changes: Vec<TableChange>,
    /// The SQL that did it.
    pub sql: String,
}

/// A seed file that was run.
#[derive(Debug, Clone, PartialEq)]
#[cfg_attr(feature = "serde", derive(serde::Serialize))]
#[non_exhaustive]
pub struct SeedFile {
    /// Its name below the folder of the seeds, as in `dev/users.sql`.
    pub file: String,
    /// How long its statements took.
    #[cfg_attr(
        feature = "serde",
        serde(rename = "duration_ms", serialize_with = "serial::milliseconds")
    )]
    pub duration: Duration,
    /// The tables whose number of rows it changed.
    pub tables: Vec<TableRows>,
}

impl From<Done> for SeedFile {
    fn from(done: Done) -> SeedFile {
        SeedFile {
            file: done.name,
            duration: done.duration,
            tables: done.tables,
        }
    }
}

/// Whose a change of the version is: one component's alone, or the app's, on which a run of
/// everything is founded. And the newest version that was done of each other component.
pub(crate) fn whose<'d>(
    done: impl Iterator<Item = (Option<&'d str>, i64)>,
    changed: bool,
) -> (Option<&'d str>, BTreeMap<&'d str, i64>) {
    let mut newest = BTreeMap::new();
    for (component, version) in done {
        let known = newest.entry(component).or_insert(version);
        *known = version.max(*known);
    }
    let alone = changed && newest.len() == 1;
    let owner = newest.keys().find_map(|component| *component);
    let owner = owner.filter(|_| alone);
    let others = newest.into_iter();
    let others = others.filter_map(|(component, version)| Some((component?, version)));
    (
        owner,
        others.filter(|(name, _)| owner != Some(*name)).collect(),
    )
}

/// One migration that was applied or reverted.
#[derive(Debug, Clone, PartialEq)]
#[cfg_attr(feature = "serde", derive(serde::Serialize))]
#[non_exhaustive]
pub struct Done {
    /// The component whose it is, none for the app's own.
    pub component: Option<String>,
    /// Its version.
    pub version: i64,
    /// Its name, without version.
    pub name: String,
    /// How long its statements and its history row took.
    #[cfg_attr(
        feature = "serde",
        serde(rename = "duration_ms", serialize_with = "serial::milliseconds")
    )]
    pub duration: Duration,
    /// The tables that it rebuilt or whose number of rows it changed, without those that the
    /// run created.
    pub tables: Vec<TableRows>,
}

/// The rows of a table before and after a migration.
#[derive(Debug, Clone, PartialEq, Eq)]
#[cfg_attr(feature = "serde", derive(serde::Serialize))]
#[non_exhaustive]
pub struct TableRows {
    /// The table, by the name it has afterwards.
    pub table: String,
    /// How many rows it had.
    #[cfg_attr(feature = "serde", serde(rename = "rows_before"))]
    pub before: u64,
    /// How many it has, none where it is gone.
    #[cfg_attr(feature = "serde", serde(rename = "rows_after"))]
    pub after: Option<u64>,
}

impl fmt::Display for TableRows {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let TableRows {
            table,
            before,
            after,
        } = self;
        write!(f, "`{table}` had {}", Counted(*before, "row"))?;
        match after {
            Some(after) => write!(f, " and has {}", Grouped(*after)),
            None => write!(f, " and is gone"),
        }
    }
}

/// An interrupted run that was put back.
#[derive(Debug, Clone, PartialEq, Eq)]
#[cfg_attr(feature = "serde", derive(serde::Serialize))]
#[non_exhaustive]
pub struct Recovered {
    /// When the run had begun, RFC 3339.
    pub started_at: String,
    /// The backup that was restored, none where the database had been empty.
    #[cfg_attr(
        feature = "serde",
        serde(rename = "restored_from", serialize_with = "serial::some_path")
    )]
    pub backup: Option<PathBuf>,
    /// Where the state that it replaced is kept: other programs may have written to it.
    #[cfg_attr(feature = "serde", serde(serialize_with = "serial::some_path"))]
    pub replaced: Option<PathBuf>,
}

/// One line: what was done, to which version, how long it took, and which backup there is.
impl fmt::Display for Report {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        if let Some(recovered) = &self.recovered {
            write!(
                f,
                "put back the interrupted run of {}; ",
                recovered.started_at
            )?;
        }
        if self.switched_off {
            return write!(f, "migrating is switched off: opened as it is");
        }
        if self.is_up_to_date() {
            return match &self.backfill {
                Some(Backfilled { name, table, .. }) => {
                    write!(f, "{name}: nothing to do, `{table}` is filled")
                }
                None => write!(f, "nothing to do, schema version {}", word(self.version)),
            };
        }
        write!(f, "{} in {:.1?}", self.what().join(", "), self.duration)?;
        let versions = self.versions();
        if !versions.is_empty() {
            write!(f, ": {}", versions.join(", "))?;
        }
        let copies = [("backup", &self.backup), ("snapshot", &self.snapshot)];
        for (name, copy) in copies {
            if let Some(copy) = copy {
                write!(f, ", {name} {}", copy.display())?;
            }
        }
        Ok(())
    }
}

impl Report {
    /// Everything that was done, in words.
    fn what(&self) -> Vec<String> {
        let mut what = Vec::new();
        if let Some(Restored { file, .. }) = &self.restored {
            let version = word(self.version);
            what.push(format!(
                "restored from {} (version {version})",
                file.display()
            ));
        }
        if let Some(filled) = &self.backfill {
            let rows = Counted(filled.rows, "row");
            what.push(format!(
                "{}: filled {rows} of `{}`",
                filled.name, filled.table
            ));
            if filled.rows_before > 0 {
                what.push(format!("{} before", Counted(filled.rows_before, "row")));
            }
        }
        if let Some(pushed) = &self.pushed {
            let tables = Counted(pushed.changes.len() as u64, "table");
            what.push(format!("changed {tables} to what the schema file says"));
        }
        if self.act == Act::Drop {
            what.push("dropped everything".to_owned());
        }
        let applied = match self.act {
            Act::Adopt => "recorded",
            Act::Rehearse => "rehearsed",
            _ => "applied",
        };
        for (verb, done) in [("reverted", &self.reverted), (applied, &self.applied)] {
            if !done.is_empty() {
                let count = Counted(done.len() as u64, "migration");
                what.push(format!("{verb} {count}"));
            }
        }
        if !self.seeded.is_empty() {
            let files = Counted(self.seeded.len() as u64, "seed file");
            what.push(format!("ran {files}"));
        }
        if let Some(bytes) = self.disk_bytes {
            what.push(format!("a run needs {} bytes of disk", Grouped(bytes)));
        }
        what
    }

    /// What the versions are now, where there was something to apply or to revert.
    fn versions(&self) -> Vec<String> {
        if self.reverted.is_empty() && self.applied.is_empty() {
            return Vec::new();
        }
        let (owner, others) = (self.component(), self.components());
        let mut changed = Vec::new();
        if self.version_before != self.version || others.is_empty() {
            changed.push(format!(
                "schema version {}{} -> {}",
                owner.map(|name| format!("of {name} ")).unwrap_or_default(),
                word(self.version_before),
                word(self.version),
            ));
        }
        let others = others.into_iter();
        changed.extend(others.map(|(name, version)| format!("{name} at version {version}")));
        changed
    }
}

fn word(version: Option<i64>) -> String {
    version.map_or("none".to_owned(), |version| version.to_string())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn counts_are_grouped_by_thousands() {
        let cases = [
            (0, "0 rows"),
            (1, "1 row"),
            (999, "999 rows"),
            (4812, "4,812 rows"),
            (1_234_567, "1,234,567 rows"),
        ];
        for (count, text) in cases {
            assert_eq!(Counted(count, "row").to_string(), text);
        }
    }

    #[test]
    fn rows_before_and_after_read_as_a_sentence() {
        let of = |after| TableRows {
            table: "t".into(),
            before: 4812,
            after,
        };
        assert_eq!(of(Some(1)).to_string(), "`t` had 4,812 rows and has 1");
        assert_eq!(of(None).to_string(), "`t` had 4,812 rows and is gone");
    }
}
