//! What a call did, as values.

use std::collections::BTreeMap;
use std::fmt;
use std::path::PathBuf;
use std::time::Duration;

use crate::report::count::{Counted, Grouped};
use crate::report::loss::Direction;

/// What [`Migrator::open`](crate::Migrator::open), `migrate` or `revert` did.
#[derive(Debug, Clone, PartialEq)]
#[non_exhaustive]
pub struct Report {
    /// The database, with symbolic links resolved.
    pub database: PathBuf,
    /// Whether it was applied or reverted.
    pub direction: Direction,
    /// The migrations applied or reverted, in the order in which it was done.
    pub migrations: Vec<Done>,
    /// The copy taken before the first change. None when there was nothing to do, or
    /// when the database was new and there was nothing to copy.
    pub backup: Option<PathBuf>,
    /// The schema version before, none when nothing was applied yet.
    pub version_before: Option<i64>,
    /// The schema version now.
    pub version: Option<i64>,
    /// An interrupted run that was put back before anything else.
    pub recovered: Option<Recovered>,
    /// Whether migrating was switched off, so that the database was opened as it is and nothing
    /// in it was looked at: neither version is known.
    pub switched_off: bool,
    /// What somebody should know, in sentences: old violations of foreign keys, objects
    /// that are gone, a down script that does not bring the schema back.
    pub notes: Vec<String>,
    /// From the call to its return.
    pub duration: Duration,
}

impl Report {
    /// Whether there was anything to do.
    pub fn is_up_to_date(&self) -> bool {
        self.migrations.is_empty()
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
        let all = self.migrations.iter();
        whose(
            all.map(|done| (done.component.as_deref(), done.version)),
            self.version_before != self.version,
        )
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
#[non_exhaustive]
pub struct Done {
    /// The component whose it is, none for the app's own.
    pub component: Option<String>,
    /// Its version.
    pub version: i64,
    /// Its name, without version.
    pub name: String,
    /// Its statements and its history row took so long.
    pub duration: Duration,
    /// The tables that it built anew or whose number of rows it changed. Tables that were not
    /// there before the run are not among them.
    pub tables: Vec<TableRows>,
}

/// The rows of a table before and after a migration.
#[derive(Debug, Clone, PartialEq, Eq)]
#[non_exhaustive]
pub struct TableRows {
    /// The table, by the name it has afterwards.
    pub table: String,
    /// How many rows it had.
    pub before: u64,
    /// How many it has, none where it is gone.
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
#[non_exhaustive]
pub struct Recovered {
    /// When the run had begun, RFC 3339.
    pub started_at: String,
    /// The copy that was put back, none where the database had been empty.
    pub backup: Option<PathBuf>,
    /// Where the state that it replaced is kept: other programs may have written to it.
    pub replaced: Option<PathBuf>,
}

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
        let version = |version: Option<i64>| version.map_or("none".to_owned(), |v| v.to_string());
        if self.is_up_to_date() {
            return write!(f, "nothing to do, schema version {}", version(self.version));
        }
        let verb = match self.direction {
            Direction::Up => "applied",
            Direction::Down => "reverted",
        };
        write!(
            f,
            "{verb} {} in {:.1?}: ",
            Counted(self.migrations.len() as u64, "migration"),
            self.duration,
        )?;
        let (owner, others) = (self.component(), self.components());
        let mut changed: Vec<String> = Vec::new();
        if self.version_before != self.version || others.is_empty() {
            changed.push(format!(
                "schema version {}{} -> {}",
                owner.map(|name| format!("of {name} ")).unwrap_or_default(),
                version(self.version_before),
                version(self.version),
            ));
        }
        let others = others.into_iter();
        changed.extend(others.map(|(name, version)| format!("{name} at version {version}")));
        write!(f, "{}", changed.join(", "))?;
        if let Some(backup) = &self.backup {
            write!(f, ", backup {}", backup.display())?;
        }
        Ok(())
    }
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
