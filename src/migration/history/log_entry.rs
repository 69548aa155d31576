//! What was ever done to a database, as values, and as text beside its copies.

use std::collections::BTreeMap;
use std::fmt::Write as _;
use std::path::PathBuf;
use std::time::Duration;

use crate::report::act::Act;
use crate::report::outcome::whose;
use crate::sqlite::disk::sidecar::{from_one_line, on_one_line};

#[cfg(feature = "serde")]
use crate::report::serial;

/// What [`Database::log`](crate::Database::log) finds.
#[derive(Debug, Clone, PartialEq)]
#[cfg_attr(feature = "serde", derive(serde::Serialize))]
#[non_exhaustive]
pub struct Log {
    /// The database, with symbolic links resolved.
    #[cfg_attr(feature = "serde", serde(serialize_with = "serial::path"))]
    pub database: PathBuf,
    /// Whether there is a file.
    pub exists: bool,
    /// The newest first.
    #[cfg_attr(feature = "serde", serde(rename = "log"))]
    pub entries: Vec<LogEntry>,
    /// Applied versions that no entry tells of: another tool applied them, or a heirloom
    /// that kept no log yet.
    pub unlogged: Vec<i64>,
}

/// One line of a [`Log`].
#[derive(Debug, Clone, PartialEq)]
#[non_exhaustive]
pub struct LogEntry {
    /// What was done.
    pub act: Act,
    /// When it was done, RFC 3339 in UTC.
    pub at: String,
    /// Whether it is known to have come to its end. A restore or a reset that was killed is not:
    /// it was undone, or it was done; nor is a backfill with rows left.
    pub finished: bool,
    /// From the call to the commit. None of a snapshot.
    pub duration: Option<Duration>,
    /// The version of the app that did it, where that was said.
    pub app_version: Option<String>,
    /// The schema version before.
    pub version_before: Option<i64>,
    /// The schema version afterwards.
    pub version: Option<i64>,
    /// The migrations that were applied or taken back, in the order in which it was done.
    pub migrations: Vec<Logged>,
    /// The file name of the copy that was taken: of the state before, or the snapshot. The copy
    /// may be gone since.
    pub backup: Option<String>,
    /// The path of the copy that a restore put back.
    pub restored_from: Option<String>,
    /// The name of a backfill.
    pub backfill: Option<String>,
    /// What was destroyed with permission, or by a down migration: tables, columns, rows, in
    /// words.
    pub destroyed: Vec<String>,
    /// The size of the database afterwards, in bytes.
    pub bytes: Option<u64>,
    /// Tells entries apart that are found in two places.
    pub(crate) id: String,
    /// The count of the newest copy when it was done: the order within a second.
    pub(crate) sequence: u64,
}

/// A migration that a [`LogEntry`] tells of.
#[derive(Debug, Clone, PartialEq, Eq)]
#[cfg_attr(feature = "serde", derive(serde::Serialize))]
#[non_exhaustive]
pub struct Logged {
    /// The component whose it is, none for the app's own.
    pub component: Option<String>,
    /// Its version.
    pub version: i64,
}

/// With the component, which is worked out.
#[cfg(feature = "serde")]
impl serde::Serialize for LogEntry {
    fn serialize<S: serde::Serializer>(&self, to: S) -> Result<S::Ok, S::Error> {
        use serde::ser::SerializeStruct;
        let duration = self.duration.map(serial::in_milliseconds);
        let mut to = to.serialize_struct("LogEntry", 14)?;
        to.serialize_field("kind", &self.act)?;
        to.serialize_field("at", &self.at)?;
        to.serialize_field("finished", &self.finished)?;
        to.serialize_field("duration_ms", &duration)?;
        to.serialize_field("app_version", &self.app_version)?;
        to.serialize_field("component", &self.component())?;
        to.serialize_field("version_before", &self.version_before)?;
        to.serialize_field("version", &self.version)?;
        to.serialize_field("migrations", &self.migrations)?;
        to.serialize_field("backup", &self.backup)?;
        to.serialize_field("restored_from", &self.restored_from)?;
        to.serialize_field("backfill", &self.backfill)?;
        to.serialize_field("destroyed", &self.destroyed)?;
        to.serialize_field("bytes", &self.bytes)?;
        to.end()
    }
}

impl LogEntry {
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

    pub(crate) fn to_text(&self) -> String {
        let LogEntry {
            act,
            at,
            finished,
            duration,
            app_version,
            version_before,
            version,
            migrations,
            backup,
            restored_from,
            backfill,
            destroyed,
            bytes,
            id,
            sequence,
        } = self;
        let mut text = format!(
            "id: {}\nact: {}\nat: {at}\nfinished: {finished}\nsequence: {sequence}\n",
            on_one_line(id),
            act.as_str()
        );
        let mut add = |name: &str, value: Option<String>| {
            if let Some(value) = value {
                let _ = writeln!(text, "{name}: {}", on_one_line(&value));
            }
        };
        let number = |number: &i64| number.to_string();
        add(
            "microseconds",
            duration.map(|took| took.as_micros().to_string()),
        );
        add("app-version", app_version.clone());
        add("version-before", version_before.as_ref().map(number));
        add("version", version.as_ref().map(number));
        add("migrations", Some(migrations_to_text(migrations)));
        add("backup", backup.clone());
        add("restored-from", restored_from.clone());
        add("backfill", backfill.clone());
        destroyed
            .iter()
            .for_each(|what| add("destroyed", Some(what.clone())));
        add("bytes", bytes.map(|bytes| bytes.to_string()));
        text
    }

    /// What entries are sorted by.
    pub(crate) fn order(&self) -> (&str, u64, bool, &str) {
        order(&self.at, self.sequence, self.act != Act::Snapshot)
    }

    /// None for a text that is not a complete entry.
    pub(crate) fn from_text(text: &str) -> Option<LogEntry> {
        let fields = |name: &'static str| {
            text.lines()
                .filter_map(|line| line.split_once(": "))
                .filter(move |(field, _)| *field == name)
                .map(|(_, value)| from_one_line(value))
        };
        let field = |name: &'static str| fields(name).next();
        let number = |name: &'static str| field(name).and_then(|value| value.parse().ok());
        let unsigned = |name: &'static str| field(name).and_then(|value| value.parse::<u64>().ok());
        Some(LogEntry {
            act: Act::from_text(&field("act")?)?,
            at: field("at")?,
            finished: field("finished")? == "true",
            duration: unsigned("microseconds").map(Duration::from_micros),
            app_version: field("app-version"),
            version_before: number("version-before"),
            version: number("version"),
            migrations: migrations_from_text(&field("migrations").unwrap_or_default()),
            backup: field("backup"),
            restored_from: field("restored-from"),
            backfill: field("backfill"),
            destroyed: fields("destroyed").collect(),
            bytes: unsigned("bytes"),
            id: field("id")?,
            sequence: unsigned("sequence")?,
        })
    }
}

/// A copy knows its time to the second, and the count of copies that it raised. What came right
/// after it has the same count.
pub(crate) fn order(at: &str, sequence: u64, after_the_copy: bool) -> (&str, u64, bool, &str) {
    let second = at.get(..TO_THE_SECOND).unwrap_or(at);
    (second, sequence, after_the_copy, at)
}

/// The length of `2026-11-21T09:14:03`.
const TO_THE_SECOND: usize = 19;

/// `auth/3, 4, 5`
pub(crate) fn migrations_to_text(migrations: &[Logged]) -> String {
    let each = migrations.iter().map(|done| match &done.component {
        Some(component) => format!("{component}/{}", done.version),
        None => done.version.to_string(),
    });
    each.collect::<Vec<_>>().join(", ")
}

pub(crate) fn migrations_from_text(text: &str) -> Vec<Logged> {
    let each = text.split(", ").filter_map(|done| {
        let (component, version) = match done.rsplit_once('/') {
            Some((component, version)) => (Some(component.to_owned()), version),
            None => (None, done),
        };
        let version = version.parse().ok()?;
        Some(Logged { component, version })
    });
    each.collect()
}

/// Entries from several places as one log, the newest first. Of one that is found twice, the
/// finished one counts.
pub(crate) fn merge(entries: impl IntoIterator<Item = LogEntry>) -> Vec<LogEntry> {
    let mut merged: Vec<LogEntry> = Vec::new();
    for entry in entries {
        match merged.iter_mut().find(|known| known.id == entry.id) {
            Some(known) if known.finished => {}
            Some(known) => *known = entry,
            None => merged.push(entry),
        }
    }
    // Of two in the same millisecond the one that was written later is the newer.
    merged.reverse();
    merged.sort_by(|one, other| other.order().cmp(&one.order()));
    merged
}

#[cfg(test)]
mod tests {
    use super::*;

    fn entry(id: &str, at: &str, sequence: u64) -> LogEntry {
        LogEntry {
            act: Act::Restore,
            at: at.into(),
            finished: false,
            duration: Some(Duration::from_micros(1234)),
            app_version: Some("1.0\nβ".into()),
            version_before: Some(3),
            version: None,
            migrations: migrations_from_text("auth/3, -2"),
            backup: Some("notes.db".into()),
            restored_from: Some(r"C:\a: b\new.db".into()),
            backfill: Some("fill".into()),
            destroyed: vec!["table `a: b` with 1 row".into(), "column `c`".into()],
            bytes: Some(4096),
            id: id.into(),
            sequence,
        }
    }

    #[test]
    fn an_entry_reads_back_as_it_was_written_and_half_an_entry_is_none() {
        let written = entry("a", "2026-11-21T09:14:03Z", 7);
        let text = written.to_text();
        let read = LogEntry::from_text(&text).unwrap();
        assert_eq!(read, written);
        assert_eq!(LogEntry::from_text("id: a\nact: restore\n"), None);
    }

    #[test]
    fn entries_of_two_places_become_one_log_in_the_order_of_time_and_then_of_copies() {
        let finished = LogEntry {
            finished: true,
            ..entry("b", "2026-11-21T09:14:03Z", 2)
        };
        let merged = merge([
            entry("c", "2026-11-21T09:14:03Z", 3),
            entry("b", "2026-11-21T09:14:03Z", 2),
            finished.clone(),
            entry("b", "2026-11-21T09:14:03Z", 2),
            entry("d", "2026-11-21T09:14:04Z", 1),
            entry("a", "2026-11-21T09:14:03Z", 1),
        ]);
        let ids: Vec<&str> = merged.iter().map(|entry| entry.id.as_str()).collect();
        assert_eq!(ids, ["d", "c", "b", "a"]);
        assert_eq!(merged[2], finished);
    }
}
