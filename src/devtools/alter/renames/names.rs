//! Names before and after, and the order in which they are given.

use crate::sqlite::sql::name::same_name;

/// A name before and after.
pub(super) type Names = (String, String);

/// Names that were given to what is there, all at once: `a` to `b` and `b` to `a` is a swap.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub(crate) struct Renames {
    /// Before and after.
    pub(crate) tables: Vec<(String, String)>,
    /// The table's name after, and the column's before and after.
    pub(crate) columns: Vec<(String, String, String)>,
}

impl Renames {
    /// What a table is called afterwards.
    pub(crate) fn name_after<'n>(&'n self, before: &'n str) -> &'n str {
        let renamed = self.tables.iter().find(|(old, _)| same_name(old, before));
        renamed.map_or(before, |(_, new)| new)
    }

    /// What a table was called before.
    pub(crate) fn name_before<'n>(&'n self, after: &'n str) -> &'n str {
        let renamed = self.tables.iter().find(|(_, new)| same_name(new, after));
        renamed.map_or(after, |(old, _)| old)
    }

    /// The other way round.
    pub(crate) fn reversed(&self) -> Renames {
        Renames {
            tables: self
                .tables
                .iter()
                .rev()
                .map(|(before, after)| (after.clone(), before.clone()))
                .collect(),
            columns: self
                .columns
                .iter()
                .rev()
                .map(|(table, old, new)| {
                    let table = self.name_before(table).to_owned();
                    (table, new.clone(), old.clone())
                })
                .collect(),
        }
    }
}

/// Names that are given at once, one after the other, so that each is free when it is given. A
/// circle goes through a name that `between` makes of one of its own, and so does a change of
/// letter case alone, unless SQLite takes that.
pub(crate) fn steps(
    names: &[Names],
    case_alone: bool,
    between: impl Fn(&str) -> String,
) -> Vec<Names> {
    let mut left = names.to_vec();
    let mut steps = Vec::with_capacity(left.len() + 1);
    while !left.is_empty() {
        let is_free = |(from, to): &Names| {
            let mut in_the_way = left.iter().filter(|(old, _)| same_name(old, to));
            in_the_way.all(|(old, _)| case_alone && old == from)
        };
        match left.iter().position(is_free) {
            Some(at) => steps.push(left.remove(at)),
            None => {
                let name = between(&left[0].0);
                steps.push((left[0].0.clone(), name.clone()));
                left[0].0 = name;
            }
        }
    }
    steps
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_table_that_was_not_renamed_keeps_its_name() {
        let renames = Renames {
            tables: vec![("a".into(), "b".into())],
            columns: Vec::new(),
        };
        assert_eq!(renames.name_after("A"), "b");
        assert_eq!(renames.name_after("other"), "other");
        assert_eq!(renames.reversed().name_after("b"), "a");
    }
}
