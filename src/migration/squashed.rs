//! What a squashed migration stands for: the migrations that it replaces, and by which of them a
//! database came to where it would have brought it.

use crate::migration::label::label;

/// A migration that a squashed one replaces, as a line at the top of that one says.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct SquashedFrom {
    pub version: i64,
    pub name: String,
    /// The checksums under which histories may have it: of its text with either kind of line
    /// ending, and of either width of version numbers.
    pub checksums: Vec<u64>,
}

impl SquashedFrom {
    /// Reads what follows `replaces`: `V3__name`, and a checksum or several.
    pub(crate) fn read<'w>(mut words: impl Iterator<Item = &'w str>) -> Option<SquashedFrom> {
        let (version, name) = words.next()?.strip_prefix('V')?.split_once("__")?;
        let checksums: Option<Vec<u64>> = words.map(|sum| sum.parse().ok()).collect();
        Some(SquashedFrom {
            version: version.parse().ok()?,
            name: name.to_owned(),
            checksums: checksums.filter(|sums| !sums.is_empty())?,
        })
    }

    /// The line that says so.
    #[cfg(feature = "devtools")]
    pub(crate) fn line(&self) -> String {
        let sums: String = self.checksums.iter().map(|sum| format!(" {sum}")).collect();
        format!("-- heirloom: replaces {}{sums}\n", self.label())
    }

    pub(crate) fn label(&self) -> String {
        label(self.version, &self.name)
    }

    pub(crate) fn is(&self, version: i64, name: &str) -> bool {
        self.version == version && self.name == name
    }
}

/// The migrations by which a database came where its history begins with `first`.
///
/// A squashed one among the replaced has the version of the one before it, and stands for all
/// before it. It is only ever the first that a database has.
pub(crate) fn way<'r>(replaced: &'r [SquashedFrom], first: (i64, &str)) -> Vec<&'r SquashedFrom> {
    let is_squashed =
        |index: usize| index > 0 && replaced[index - 1].version == replaced[index].version;
    let mut all = 0..replaced.len();
    let start = all
        .find(|&index| is_squashed(index) && replaced[index].is(first.0, first.1))
        .unwrap_or(0);
    let from = replaced.iter().enumerate().skip(start);
    from.filter(|(index, _)| *index == start || !is_squashed(*index))
        .map(|(_, replaced)| replaced)
        .collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_line_is_read_as_it_was_written_or_not_at_all() {
        let read = |text: &str| SquashedFrom::read(text.split(' '));
        let one = read("V3__größe__2 18446744073709551615 7").unwrap();
        assert_eq!((one.version, one.name.as_str()), (3, "größe__2"));
        assert_eq!(one.checksums, [u64::MAX, 7]);
        for wrong in [
            "", "V3__a", "V3_a 1", "3__a 1", "V__a 1", "V3__a x", "V3__a -1",
        ] {
            assert_eq!(read(wrong), None, "{wrong}");
        }
    }

    #[test]
    fn the_first_row_says_by_which_way_a_database_came() {
        let names = ["a", "b", "c", "squashed", "d", "e", "again", "f"];
        let versions = [1, 2, 3, 3, 4, 5, 5, 6];
        let all: Vec<SquashedFrom> = versions
            .into_iter()
            .zip(names)
            .map(|(version, name)| SquashedFrom {
                version,
                name: name.into(),
                checksums: vec![1],
            })
            .collect();
        let by = |version, name| {
            let way = way(&all, (version, name));
            way.iter()
                .map(|replaced| replaced.name.as_str())
                .collect::<Vec<_>>()
                .join(" ")
        };
        assert_eq!(by(1, "a"), "a b c d e f");
        assert_eq!(by(3, "squashed"), "squashed d e f");
        assert_eq!(by(5, "again"), "again f");
        // One that lacks the first, or has a stranger.
        assert_eq!(by(3, "c"), "a b c d e f");
        assert_eq!(by(3, "x"), "a b c d e f");
    }
}
