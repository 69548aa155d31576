//! How migrations compare with a history: what is applied, pending, changed, missing.

use std::cmp::Ordering;

use crate::migration::label::label_in;
use crate::migration::set::Migration;
use crate::migration::squashed::{SquashedFrom, way};
use crate::report::error::{Error, ErrorKind};

/// A row of the history.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Applied {
    /// The version.
    pub version: i64,
    /// The name.
    pub name: String,
    /// refinery's checksum.
    pub checksum: u64,
}

/// The migrations of the app or of a component, and what of them a database has.
#[derive(Clone, Copy)]
pub(crate) struct Known<'k> {
    /// The component, none for the app's own.
    pub(crate) component: Option<&'k str>,
    pub(crate) migrations: &'k [Migration],
    pub(crate) history: &'k [Applied],
}

impl Known<'_> {
    /// What a row of the history is called in messages.
    pub(crate) fn label_of(&self, row: &Applied) -> String {
        label_in(self.component, row.version, &row.name)
    }
}

/// How a migration compares with a history.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[cfg_attr(feature = "serde", derive(serde::Serialize))]
#[cfg_attr(feature = "serde", serde(rename_all = "kebab-case"))]
#[non_exhaustive]
pub enum MigrationState {
    /// Applied, and the file is the one that was applied.
    Applied,
    /// Not applied yet.
    Pending,
    /// Applied, and the file is not what was applied.
    Changed,
    /// Applied, and there is no file; or not applied, and needed before a squashed migration
    /// counts as applied, and there is no file.
    Missing,
    /// Not applied, and older than the newest applied one.
    OutOfOrder,
}

impl MigrationState {
    /// The word in JSON and in tables.
    pub fn as_str(self) -> &'static str {
        match self {
            MigrationState::Applied => "applied",
            MigrationState::Pending => "pending",
            MigrationState::Changed => "changed",
            MigrationState::Missing => "missing",
            MigrationState::OutOfOrder => "out-of-order",
        }
    }
}

/// A migration, a row of the history, or both, and the state they are in.
#[derive(Debug, Clone, Copy)]
pub(crate) struct HistoryComparison<'a> {
    /// How they compare.
    pub state: MigrationState,
    /// The file.
    pub migration: Option<&'a Migration>,
    /// The row.
    pub applied: Option<&'a Applied>,
    /// Where a squashed migration tells of it. Missing with neither file nor row is what a
    /// database in the middle still needs.
    pub replaced: Option<&'a SquashedFrom>,
}

/// A migration that a database should have: its file, or what a squashed one tells of it, or both.
#[derive(Clone, Copy)]
pub(crate) struct Wanted<'a> {
    migration: Option<&'a Migration>,
    replaced: Option<&'a SquashedFrom>,
}

impl<'a> Wanted<'a> {
    fn of(migration: &'a Migration) -> Wanted<'a> {
        Wanted {
            migration: Some(migration),
            replaced: None,
        }
    }

    fn version(&self) -> i64 {
        let file = self.migration.map(|migration| migration.version);
        file.or(self.replaced.map(|replaced| replaced.version))
            .unwrap_or_default()
    }

    /// Whether a row of the history is of it.
    pub(crate) fn is(&self, version: i64, name: &str, checksum: u64) -> bool {
        // No text need be hashed for what a squashed one tells.
        let told = self.replaced.is_some_and(|replaced| {
            replaced.is(version, name) && replaced.checksums.contains(&checksum)
        });
        told || self.migration.is_some_and(|migration| {
            migration.version == version && migration.name == name && migration.recognises(checksum)
        })
    }
}

/// What a new database runs: the newest squashed migration and what comes after it, or all.
pub(crate) fn afresh(migrations: &[Migration]) -> &[Migration] {
    let squashed = migrations.iter().rposition(Migration::is_squashed);
    &migrations[squashed.unwrap_or(0)..]
}

/// The newest squashed migration, and the files that are there of what it replaces.
fn squashed(migrations: &[Migration]) -> Option<(&Migration, &[Migration])> {
    let index = migrations.iter().rposition(Migration::is_squashed)?;
    Some((&migrations[index], &migrations[..index]))
}

/// The file of a row of the history, where it is what was applied.
pub(crate) fn file_of<'m>(migrations: &'m [Migration], row: &Applied) -> Option<&'m Migration> {
    let first = migrations.partition_point(|migration| migration.version < row.version);
    migrations[first..]
        .iter()
        .take_while(|migration| migration.version == row.version)
        .find(|migration| Wanted::of(migration).is(row.version, &row.name, row.checksum))
}

/// What a database whose history begins with `first` should have up to the newest squashed
/// migration: that one, or what it replaces.
fn up_to_squashed<'m>(
    squashed: &'m Migration,
    originals: &'m [Migration],
    first: Option<(i64, &str)>,
) -> Vec<Wanted<'m>> {
    let itself = (squashed.version, squashed.name.as_str());
    match first {
        Some(first) if first.0 <= squashed.version && first != itself => {
            let wanted = |replaced: &'m SquashedFrom| {
                let from = originals.partition_point(|file| file.version < replaced.version);
                let mut files = originals[from..].iter();
                Wanted {
                    migration: files
                        .by_ref()
                        .take_while(|file| file.version == replaced.version)
                        .find(|file| file.name == replaced.name),
                    replaced: Some(replaced),
                }
            };
            way(&squashed.replaces, first)
                .into_iter()
                .map(wanted)
                .collect()
        }
        _ => vec![Wanted::of(squashed)],
    }
}

/// All that a database should have whose history begins with `first`.
pub(crate) fn wanted<'m>(migrations: &'m [Migration], first: (i64, &str)) -> Vec<Wanted<'m>> {
    let mut rest = migrations;
    let mut wanted = Vec::with_capacity(migrations.len());
    if let Some((squashed, originals)) = squashed(migrations) {
        wanted = up_to_squashed(squashed, originals, Some(first));
        rest = &migrations[originals.len() + 1..];
    }
    wanted.extend(rest.iter().map(Wanted::of));
    wanted
}

/// The versions that a database has which came by the first migrations, one by one: those that a
/// squashed one replaces, and what comes after it.
pub(crate) fn versions_one_by_one(migrations: &[Migration]) -> Vec<i64> {
    let first = squashed(migrations).and_then(|(squashed, _)| squashed.replaces.first());
    match first {
        Some(first) => wanted(migrations, (first.version, &first.name))
            .iter()
            .map(Wanted::version)
            .collect(),
        None => migrations.iter().map(|file| file.version).collect(),
    }
}

/// What a database in the middle of what a squashed migration stands for must still run, and
/// what has no file: nothing leads on from there.
pub(crate) fn lacking<'a>(
    migrations: &'a [Migration],
    history: &'a [Applied],
) -> Vec<&'a SquashedFrom> {
    let compared = compare(migrations, history).into_iter();
    compared
        .filter(|one| one.state == MigrationState::Missing && one.applied.is_none())
        .filter_map(|one| one.replaced)
        .collect()
}

/// Compares migrations with a history, both in the order of their versions.
///
/// A squashed migration is applied where it has its row, or where all that it replaces have
/// theirs; where some of them have, they take its place.
pub(crate) fn compare<'a>(
    migrations: &'a [Migration],
    history: &'a [Applied],
) -> Vec<HistoryComparison<'a>> {
    let newest = history.last().map(|applied| applied.version);
    let plain = |migrations: &'a [Migration], rows| {
        let wanted: Vec<_> = migrations.iter().map(Wanted::of).collect();
        side_by_side(&wanted, rows, newest)
    };
    let Some((squashed, originals)) = squashed(migrations) else {
        return plain(migrations, history);
    };
    let rest = &migrations[originals.len() + 1..];
    let within = history.partition_point(|row| row.version <= squashed.version);
    let (within, beyond) = history.split_at(within);
    let itself = |row: &&Applied| row.version == squashed.version && row.name == squashed.name;
    let first = within.iter().find(itself).or(within.first());
    let first = first.map(|row| (row.version, row.name.as_str()));
    let wanted = up_to_squashed(squashed, originals, first);
    let mut compared = side_by_side(&wanted, within, newest);
    if compared
        .iter()
        .all(|one| one.state == MigrationState::Applied)
    {
        compared = vec![HistoryComparison {
            state: MigrationState::Applied,
            migration: Some(squashed),
            applied: within.last(),
            replaced: None,
        }];
    }
    compared.extend(plain(rest, beyond));
    compared
}

fn side_by_side<'a>(
    wanted: &[Wanted<'a>],
    rows: &'a [Applied],
    newest_applied: Option<i64>,
) -> Vec<HistoryComparison<'a>> {
    let mut compared = Vec::with_capacity(wanted.len().max(rows.len()));
    let (mut wanted, mut rows) = (wanted.iter().peekable(), rows.iter().peekable());
    loop {
        let order = match (wanted.peek(), rows.peek()) {
            (None, None) => return compared,
            (Some(_), None) => Ordering::Less,
            (None, Some(_)) => Ordering::Greater,
            (Some(one), Some(row)) => one.version().cmp(&row.version),
        };
        let one = (order != Ordering::Greater)
            .then(|| wanted.next())
            .flatten();
        let applied = (order != Ordering::Less).then(|| rows.next()).flatten();
        let migration = one.and_then(|one| one.migration);
        let state = match (one, applied) {
            (Some(one), Some(row)) if one.is(row.version, &row.name, row.checksum) => {
                MigrationState::Applied
            }
            (Some(_), Some(_)) => MigrationState::Changed,
            (None, _) => MigrationState::Missing,
            (Some(_), None) => match migration {
                None => MigrationState::Missing,
                Some(file)
                    if !file.any_order
                        && newest_applied.is_some_and(|newest| file.version < newest) =>
                {
                    MigrationState::OutOfOrder
                }
                Some(_) => MigrationState::Pending,
            },
        };
        compared.push(HistoryComparison {
            state,
            migration,
            applied,
            replaced: one.and_then(|one| one.replaced),
        });
    }
}

/// The ways by which a database can have come where a squashed migration brings it, as far as
/// their files are there.
#[cfg(feature = "devtools")]
pub(crate) fn ways<'m>(
    migrations: &'m [Migration],
    squashed: &'m Migration,
) -> Vec<Vec<&'m Migration>> {
    let mut found = Vec::new();
    for replaced in &squashed.replaces {
        let first = (replaced.version, replaced.name.as_str());
        let way = up_to_squashed(squashed, migrations, Some(first));
        let files: Option<Vec<_>> = way.iter().map(|wanted| wanted.migration).collect();
        if let Some(files) = files
            && !found.contains(&files)
        {
            found.push(files);
        }
    }
    found
}

/// The files that are there of what the newest squashed migration replaces, but are not what it
/// was made of, each as an error.
pub(crate) fn changed_originals(migrations: &[Migration]) -> Vec<(&Migration, Error)> {
    let Some((squashed, originals)) = squashed(migrations) else {
        return Vec::new();
    };
    let is_it = |file: &Migration| {
        let mut replaced = squashed.replaces.iter();
        replaced.any(|replaced| {
            replaced.is(file.version, &file.name)
                && replaced.checksums.iter().any(|sum| file.recognises(*sum))
        })
    };
    let changed = originals.iter().filter(|file| !is_it(file));
    let refuse = |file: &'_ Migration| {
        Error::new(
            ErrorKind::Diverged,
            format!(
                "{} is not what {} was squashed from",
                file.up.file(),
                squashed.label()
            ),
        )
        .in_migration(&file.label())
        .with_help("put it back as it was, or remove the squashed file and squash again")
    };
    changed.map(|file| (file, refuse(file))).collect()
}

/// The schema version a history stands for.
pub(crate) fn newest(history: &[Applied]) -> Option<i64> {
    history.last().map(|applied| applied.version)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::migration::set::checksum_of;
    use crate::sqlite::sql::script::Script;

    fn migration(version: i64, name: &str, sql: &'static str) -> Migration {
        Migration::new(version, name, Script::new("f.sql", sql))
    }

    fn applied(version: i64, name: &str, checksum: u64) -> Applied {
        Applied {
            version,
            name: name.into(),
            checksum,
        }
    }

    #[test]
    fn every_way_a_file_can_stand_to_a_history_has_its_word() {
        let files = [
            migration(1, "a", "A"),
            migration(2, "b", "B"),
            migration(3, "c", "C"),
            migration(5, "e", "E"),
            migration(7, "g", "G"),
        ];
        let sum = |version: i64, name: &str, sql: &str| {
            applied(version, name, checksum_of(name, version, sql))
        };
        let history = [
            sum(1, "a", "A"),
            sum(2, "b", "changed"),
            sum(4, "d", "D"),
            sum(5, "renamed", "E"),
        ];
        let states: Vec<_> = compare(&files, &history)
            .iter()
            .map(|c| {
                (
                    c.migration
                        .map(|m| m.version)
                        .or(c.applied.map(|a| a.version))
                        .unwrap(),
                    c.state,
                )
            })
            .collect();
        assert_eq!(
            states,
            [
                (1, MigrationState::Applied),
                (2, MigrationState::Changed),
                (3, MigrationState::OutOfOrder),
                (4, MigrationState::Missing),
                (5, MigrationState::Changed),
                (7, MigrationState::Pending),
            ]
        );
    }

    #[test]
    fn a_squashed_migration_is_applied_by_its_own_row_or_by_those_of_all_it_replaces() {
        let sum = |version: i64, name: &str| {
            let text = if name == "s" {
                String::new()
            } else {
                name.to_owned()
            };
            applied(version, name, checksum_of(name, version, &text))
        };
        let squashed = Migration {
            replaces: ["a", "b", "c"]
                .into_iter()
                .zip(1..)
                .map(|(name, version)| SquashedFrom {
                    version,
                    name: name.into(),
                    checksums: vec![sum(version, name).checksum],
                })
                .collect(),
            ..migration(3, "s", "")
        };
        let files = [
            migration(1, "a", "a"),
            migration(2, "b", "b"),
            migration(3, "c", "c"),
            squashed,
            migration(4, "d", "d"),
        ];
        let changed = applied(2, "b", 7);
        let all = [sum(1, "a"), sum(2, "b"), sum(3, "c"), sum(4, "d")];
        // The rows, and what comes of them: with the originals, with only the last one, alone.
        let cases = [
            (
                vec![],
                "s pending, d pending",
                "s pending, d pending",
                "s pending, d pending",
            ),
            (
                all[..1].to_vec(),
                "a applied, b pending, c pending, d pending",
                "a applied, b missing, c pending, d pending",
                "a applied, b missing, c missing, d pending",
            ),
            (
                all[..2].to_vec(),
                "a applied, b applied, c pending, d pending",
                "a applied, b applied, c pending, d pending",
                "a applied, b applied, c missing, d pending",
            ),
            (
                all[..3].to_vec(),
                "s applied, d pending",
                "s applied, d pending",
                "s applied, d pending",
            ),
            (
                all.to_vec(),
                "s applied, d applied",
                "s applied, d applied",
                "s applied, d applied",
            ),
            (
                vec![sum(3, "s"), sum(4, "d")],
                "s applied, d applied",
                "s applied, d applied",
                "s applied, d applied",
            ),
            (
                vec![sum(1, "a"), sum(3, "c")],
                "a applied, b out-of-order, c applied, d pending",
                "a applied, b missing, c applied, d pending",
                "a applied, b missing, c applied, d pending",
            ),
            (
                vec![sum(1, "a"), changed, sum(3, "c")],
                "a applied, b changed, c applied, d pending",
                "a applied, b changed, c applied, d pending",
                "a applied, b changed, c applied, d pending",
            ),
            (
                vec![sum(4, "d")],
                "s out-of-order, d applied",
                "s out-of-order, d applied",
                "s out-of-order, d applied",
            ),
            // Both rows are of no history that there can be.
            (
                vec![sum(1, "a"), sum(3, "s")],
                "a missing, s applied, d pending",
                "a missing, s applied, d pending",
                "a missing, s applied, d pending",
            ),
            (
                vec![applied(3, "s", 7)],
                "s changed, d pending",
                "s changed, d pending",
                "s changed, d pending",
            ),
        ];
        for (history, with_all, with_last, alone) in cases {
            for (files, expected) in [
                (&files[..], with_all),
                (&files[2..], with_last),
                (&files[3..], alone),
            ] {
                let words: Vec<String> = compare(files, &history)
                    .iter()
                    .map(|one| {
                        let file = one.migration.map(|file| &file.name);
                        let row = one.applied.map(|row| &row.name);
                        let told = one.replaced.map(|replaced| &replaced.name);
                        let name = file.or(row).or(told).unwrap();
                        format!("{name} {}", one.state.as_str())
                    })
                    .collect();
                assert_eq!(words.join(", "), expected, "{history:?}");
            }
        }
    }
}
