//! A migration, and its checksum.
//!
//! Names and checksums are refinery's (`refinery_core` 0.10: `V{version}__{name}.sql`,
//! SipHash-1-3 over name, version and SQL), so that either tool recognises what the
//! other applied.

use std::hash::{Hash, Hasher};

use siphasher::sip::SipHasher13;

use crate::migration::directive::Directive;
use crate::migration::label::label_in;
use crate::migration::squashed::SquashedFrom;
use crate::sqlite::sql::script::Script;

/// One migration, read and checked.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Migration {
    /// The number that orders migrations.
    pub version: i64,
    /// The name, without version.
    pub name: String,
    /// Whether it may be applied after newer ones (refinery's `U` prefix).
    pub any_order: bool,
    /// The up migration.
    pub up: Script,
    /// The down migration. None means that there is none, never that it is empty.
    pub down: Option<Script>,
    /// Whether a file for the down migration holds `-- heirloom: irreversible` and no statement.
    pub irreversible: bool,
    /// The migrations that it stands for, in the order of their versions; of a squashed one alone.
    pub replaces: Vec<SquashedFrom>,
    /// Whether a function of the app's does its work. The up migration is [`IN_RUST`] then.
    pub in_rust: bool,
    /// The component whose it is, none for the app's own.
    pub component: Option<String>,
}

/// What stands in the history, and for the checksum, in the place of a function: always the
/// same, because Rust that says the same in other words is not another migration.
pub(crate) const IN_RUST: &str = "-- written in Rust\n";

impl Migration {
    /// A migration that has nothing but its up migration.
    pub(crate) fn new(version: i64, name: &str, up: Script) -> Migration {
        Migration {
            version,
            name: name.to_owned(),
            any_order: false,
            up,
            down: None,
            irreversible: false,
            replaces: Vec::new(),
            in_rust: false,
            component: None,
        }
    }

    /// `V3__name`, or `auth/V3__name` of a component.
    pub(crate) fn label(&self) -> String {
        label_in(self.component.as_deref(), self.version, &self.name)
    }

    /// Whether it says that no down migration is meant: at the top of its file, or, where that was
    /// released and must not change, in a file for the down migration that has no statement.
    #[cfg(feature = "devtools")]
    pub(crate) fn is_meant_to_stay(&self) -> bool {
        self.irreversible || says_irreversible(&self.up)
    }

    /// Whether it was squashed out of others.
    pub(crate) fn is_squashed(&self) -> bool {
        !self.replaces.is_empty()
    }

    /// Whether it replaces another.
    pub(crate) fn stands_for(&self, other: &Migration) -> bool {
        let first = self
            .replaces
            .partition_point(|replaced| replaced.version < other.version);
        self.replaces[first..]
            .iter()
            .take_while(|replaced| replaced.version == other.version)
            .any(|replaced| replaced.name == other.name)
    }

    /// Whether what it replaces, where it does, ends at its own version, and not in itself.
    pub(crate) fn is_squashed_rightly(&self) -> bool {
        let Some(last) = self.replaces.last() else {
            return true;
        };
        last.version == self.version
            && !self.any_order
            && self.replaces.is_sorted_by_key(|replaced| replaced.version)
            && !self.stands_for(self)
    }

    /// The checksums under which histories may have it, the file's own first: with either kind
    /// of line ending, and with either width of version numbers.
    #[cfg(feature = "devtools")]
    pub(crate) fn checksums(&self) -> Vec<u64> {
        let unix = self.up.text().replace("\r\n", "\n");
        let windows = unix.replace('\n', "\r\n");
        let mut sums = Vec::new();
        for text in [self.up.text(), &unix, &windows] {
            let wide = checksum_of(&self.name, self.version, text);
            let narrow = i32::try_from(self.version);
            let narrow = narrow.map(|version| checksum_of(&self.name, version, text));
            for sum in [Some(wide), narrow.ok()].into_iter().flatten() {
                if !sums.contains(&sum) {
                    sums.push(sum);
                }
            }
        }
        sums
    }

    /// Whether the checksum in a history is that of this file.
    ///
    /// Line endings and a byte order mark do not count, and neither does the width of
    /// version numbers that the refinery of that day was built with.
    pub(crate) fn recognises(&self, checksum: u64) -> bool {
        let text = self.up.text();
        let matches = |text: &str| {
            checksum_of(&self.name, self.version, text) == checksum
                || i32::try_from(self.version)
                    .is_ok_and(|narrow| checksum_of(&self.name, narrow, text) == checksum)
        };
        if matches(text) {
            return true;
        }
        let unix = plain(text);
        let windows = unix.replace('\n', "\r\n");
        [&unix, &windows]
            .iter()
            .any(|text| matches(text) || matches(&format!("\u{feff}{text}")))
    }
}

/// A text without what does not count: its byte order mark and the kind of its line endings.
pub(crate) fn plain(text: &str) -> String {
    let bare = text.strip_prefix('\u{feff}').unwrap_or(text);
    bare.replace("\r\n", "\n")
}

/// refinery's checksum. `version` is an `i32` or an `i64`, and the two differ.
pub(crate) fn checksum_of(name: &str, version: impl Hash, sql: &str) -> u64 {
    let mut hasher = SipHasher13::new();
    name.hash(&mut hasher);
    version.hash(&mut hasher);
    sql.hash(&mut hasher);
    hasher.finish()
}

pub(crate) fn says_irreversible(script: &Script) -> bool {
    script
        .directives()
        .is_ok_and(|directives| directives.contains(&Directive::Irreversible))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn checksums_are_those_of_refinery() {
        let sql = "CREATE TABLE a (x);\n";
        let theirs = refinery_core::Migration::unapplied("V7__a", sql).unwrap();
        assert_eq!(checksum_of("a", 7_i64, sql), theirs.checksum());
    }

    #[test]
    fn line_endings_marks_and_version_widths_do_not_count_and_a_changed_letter_does() {
        let texts = [
            "A;\nB;\n",
            "A;\r\nB;\r\n",
            "\u{feff}A;\nB;\n",
            "\u{feff}A;\r\nB;\r\n",
        ];
        for stored in texts {
            for file in texts {
                let file = Migration::new(7, "n", Script::new("f.sql", file));
                assert!(
                    file.recognises(checksum_of("n", 7_i64, stored)),
                    "{stored:?}"
                );
                assert!(
                    file.recognises(checksum_of("n", 7_i32, stored)),
                    "{stored:?}"
                );
                assert!(!file.recognises(checksum_of("n", 7_i64, &stored.replace('A', "a"))));
                assert!(!file.recognises(checksum_of("m", 7_i64, stored)));
            }
        }
    }
}
