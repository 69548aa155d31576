//! The record of a backup: a small text file beside it, which makes it one of ours.

use std::fmt::Write as _;

use crate::sqlite::disk::sidecar::{from_one_line, on_one_line};

/// What a backup was taken for.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum BackupKind {
    /// Before a run or a revert.
    Automatic,
    /// Before a restore, which replaced this state.
    Replaced,
    /// Because somebody asked for it, under a name.
    Snapshot,
}

impl BackupKind {
    fn as_str(self) -> &'static str {
        match self {
            BackupKind::Automatic => "automatic",
            BackupKind::Replaced => "replaced",
            BackupKind::Snapshot => "snapshot",
        }
    }

    fn from_text(text: &str) -> Option<BackupKind> {
        [
            BackupKind::Automatic,
            BackupKind::Replaced,
            BackupKind::Snapshot,
        ]
        .into_iter()
        .find(|shelf| shelf.as_str() == text)
    }
}

/// What the record of a backup says.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct BackupMetadata {
    /// What it was taken for.
    pub(crate) shelf: BackupKind,
    /// The order of backups; the clock decides nothing.
    pub(crate) sequence: u64,
    /// Which database, on one line: its file name, so that a folder may be moved, or its
    /// path where the backups do not lie beside it. Two databases may share a folder.
    pub(crate) database: String,
    /// RFC 3339.
    pub(crate) created_at: String,
    pub(crate) bytes: u64,
    /// BLAKE3, hexadecimal.
    pub(crate) digest: String,
    /// The schema version in the backup.
    pub(crate) version: Option<i64>,
    /// The version of the app that took it, where that was said.
    pub(crate) app_version: Option<String>,
    /// The journal mode of the database it was taken from.
    pub(crate) journal_mode: String,
}

const RECORD_TITLE: &str = "heirloom backup, record format 1";

impl BackupMetadata {
    pub(crate) fn to_text(&self) -> String {
        let BackupMetadata {
            shelf,
            sequence,
            database,
            created_at,
            bytes,
            digest,
            version,
            app_version,
            journal_mode,
        } = self;
        let mut text = format!(
            "{RECORD_TITLE}\ntaken-for: {}\ndatabase: {database}\nsequence: {sequence}\ncreated-at: {created_at}\nbytes: {bytes}\nblake3: {digest}\njournal-mode: {journal_mode}\n",
            shelf.as_str()
        );
        if let Some(version) = version {
            let _ = writeln!(text, "version: {version}");
        }
        if let Some(app_version) = app_version {
            let _ = writeln!(text, "app-version: {}", on_one_line(app_version));
        }
        text
    }

    /// None for a text that is not a complete record.
    pub(crate) fn from_text(text: &str) -> Option<BackupMetadata> {
        let mut lines = text.lines();
        if lines.next() != Some(RECORD_TITLE) {
            return None;
        }
        let fields: Vec<(&str, &str)> = lines.filter_map(|line| line.split_once(": ")).collect();
        let field = |name: &str| {
            fields
                .iter()
                .find(|(field, _)| *field == name)
                .map(|(_, value)| *value)
        };
        Some(BackupMetadata {
            shelf: BackupKind::from_text(field("taken-for")?)?,
            sequence: number(field("sequence")?)?,
            database: field("database")?.to_owned(),
            created_at: field("created-at")?.to_owned(),
            bytes: number(field("bytes")?)?,
            digest: field("blake3")?.to_owned(),
            journal_mode: field("journal-mode")?.to_owned(),
            version: match field("version") {
                Some(version) => Some(version.parse().ok()?),
                None => None,
            },
            app_version: field("app-version").map(from_one_line),
        })
    }
}

/// A number that can be added to others: nobody has as many backups, or bytes.
fn number(text: &str) -> Option<u64> {
    text.parse().ok().filter(|number| *number < 1 << 53)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_record_reads_back_as_it_was_written_and_half_a_record_is_none() {
        let record = BackupMetadata {
            shelf: BackupKind::Automatic,
            sequence: 7,
            database: "notes.db".into(),
            created_at: "2026-11-21T09:14:03Z".into(),
            bytes: 40960,
            digest: "3f".into(),
            version: Some(4),
            app_version: Some("2.1\nβ".into()),
            journal_mode: "wal".into(),
        };
        let text = record.to_text();
        assert_eq!(BackupMetadata::from_text(&text), Some(record.clone()));
        let unversioned = BackupMetadata {
            version: None,
            app_version: None,
            ..record
        };
        assert_eq!(
            BackupMetadata::from_text(&unversioned.to_text()),
            Some(unversioned)
        );
        assert_eq!(BackupMetadata::from_text(&text[..text.len() / 2]), None);
        assert_eq!(BackupMetadata::from_text(""), None);
    }
}
