//! The tables that heirloom keeps in a database, by name.

use crate::sqlite::sql::name::same_name;

/// What is known of each applied migration beside refinery's history.
pub(crate) const DETAILS: &str = "heirloom_history";
/// The marker of a run that one transaction cannot protect.
pub(crate) const MARKER: &str = "heirloom_run";
/// The seed files that were run.
pub(crate) const SEEDS: &str = "heirloom_seeds";
/// What was ever done to the database.
pub(crate) const LOG: &str = "heirloom_log";
/// How far each backfill is.
pub(crate) const BACKFILLS: &str = "heirloom_backfill";

/// Each with a column by which it is known to be what it is called, and no table of the app's.
const ALL: [(&str, &str); 5] = [
    (DETAILS, "history_table"),
    (MARKER, "journal_mode"),
    (SEEDS, "digest"),
    (LOG, "act"),
    (BACKFILLS, "rows_total"),
];

/// The tables of a database that are not part of its schema: the histories, and heirloom's own.
#[derive(Debug, Clone)]
pub(crate) struct OwnTables<'n> {
    histories: Vec<&'n str>,
}

impl<'n> OwnTables<'n> {
    /// heirloom's own, and the histories of these names.
    pub(crate) fn with(histories: impl IntoIterator<Item = &'n str>) -> OwnTables<'n> {
        OwnTables {
            histories: histories.into_iter().collect(),
        }
    }

    /// A column by which a table of this name is known to be what it is called, and no table of the
    /// app's. None where no such name is kept.
    #[cfg(feature = "devtools")]
    pub(crate) fn known_by(&self, name: &str) -> Option<&'static str> {
        let known = ALL.iter().find(|(own, _)| same_name(own, name));
        let known = known.map(|(_, column)| *column);
        known.or_else(|| self.hold(name).then_some("version"))
    }

    /// The names of the histories.
    pub(crate) fn histories(&self) -> impl Iterator<Item = &'n str> {
        self.histories.iter().copied()
    }

    /// Whether a table is among them.
    pub(crate) fn hold(&self, name: &str) -> bool {
        let own = ALL.iter().map(|(own, _)| own);
        let mut own = own.chain(&self.histories);
        own.any(|own| same_name(own, name))
    }
}
