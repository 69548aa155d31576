//! Which automatic backups stay. Values in, decisions with reasons out.

use std::fmt;

/// What retention knows of one automatic backup.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Copy {
    /// The order in which backups were made; the clock decides nothing.
    pub sequence: u64,
    /// The schema version in the backup, none before the first migration.
    pub version: Option<i64>,
}

/// Why a backup stays or goes.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Decision {
    /// One of the newest.
    KeepRecent,
    /// The newest backup from before a version that is still pending.
    KeepBeforePending,
    /// An interrupted run or this run needs it.
    KeepInUse,
    /// More than enough newer ones are there.
    Remove,
}

impl fmt::Display for Decision {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Decision::KeepRecent => "kept: one of the newest",
            Decision::KeepBeforePending => "kept: the newest from before a pending version",
            Decision::KeepInUse => "kept: in use",
            Decision::Remove => "removed: enough newer ones are there",
        })
    }
}

/// Decides for each backup, in the order given.
///
/// `first_pending` is the lowest version that is still to be applied, where there is
/// one; `in_use` the sequence numbers of backups that somebody depends on. At least one
/// copy always stays.
pub(crate) fn decide(
    copies: &[Copy],
    keep: usize,
    first_pending: Option<i64>,
    in_use: &[u64],
) -> Vec<Decision> {
    let mut newest_first: Vec<&Copy> = copies.iter().collect();
    newest_first.sort_by_key(|copy| std::cmp::Reverse(copy.sequence));
    let recent: Vec<u64> = newest_first
        .iter()
        .take(keep.max(1))
        .map(|copy| copy.sequence)
        .collect();
    let before_pending = first_pending.and_then(|pending| {
        newest_first
            .iter()
            .find(|copy| copy.version.is_none_or(|version| version < pending))
            .map(|copy| copy.sequence)
    });
    copies
        .iter()
        .map(|copy| {
            if in_use.contains(&copy.sequence) {
                Decision::KeepInUse
            } else if recent.contains(&copy.sequence) {
                Decision::KeepRecent
            } else if Some(copy.sequence) == before_pending {
                Decision::KeepBeforePending
            } else {
                Decision::Remove
            }
        })
        .collect()
}

#[cfg(test)]
mod tests {
    use super::Decision::*;
    use super::*;

    fn copies(versions: &[(u64, i64)]) -> Vec<Copy> {
        versions
            .iter()
            .map(|&(sequence, version)| Copy {
                sequence,
                version: (version > 0).then_some(version),
            })
            .collect()
    }

    #[test]
    fn the_newest_stay_by_sequence_whatever_the_order_of_the_list() {
        let list = copies(&[(3, 3), (1, 1), (4, 4), (2, 2)]);
        assert_eq!(
            decide(&list, 2, None, &[]),
            [KeepRecent, Remove, KeepRecent, Remove]
        );
    }

    #[test]
    fn the_newest_copy_from_before_a_pending_version_stays() {
        let list = copies(&[(1, 2), (2, 3), (3, 7), (4, 7)]);
        assert_eq!(
            decide(&list, 2, Some(4), &[]),
            [Remove, KeepBeforePending, KeepRecent, KeepRecent]
        );
    }

    #[test]
    fn a_copy_from_before_the_first_migration_predates_every_version() {
        let list = copies(&[(1, 0), (2, 9), (3, 9)]);
        assert_eq!(
            decide(&list, 2, Some(1), &[]),
            [KeepBeforePending, KeepRecent, KeepRecent]
        );
    }

    #[test]
    fn one_copy_stays_even_when_none_is_wanted_and_a_copy_in_use_always_does() {
        let list = copies(&[(1, 1), (2, 2), (3, 3)]);
        assert_eq!(
            decide(&list, 0, None, &[1]),
            [KeepInUse, Remove, KeepRecent]
        );
    }
}
