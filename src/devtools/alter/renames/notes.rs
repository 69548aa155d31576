//! Former names as the notes of a schema file give them: `-- was: name`.

use crate::devtools::alter::renames::named::Named;
use crate::devtools::alter::renames::names::Names;
use crate::sqlite::schema::parsed::annotations::{Former, whole_name};
use crate::sqlite::sql::name::same_name;

/// A note of a former name: as written, whole, and who is beside it.
pub(super) struct Noted {
    pub(super) text: String,
    /// Empty where it is not a name.
    pub(super) old: String,
    pub(super) new: String,
}

impl Noted {
    pub(super) fn of(former: &Former, new: &str) -> Noted {
        Noted {
            text: former.text.clone(),
            old: whole_name(&former.text).unwrap_or_default(),
            new: new.to_owned(),
        }
    }

    pub(super) fn names(&self) -> Option<Names> {
        (!self.old.is_empty()).then(|| (self.old.clone(), self.new.clone()))
    }
}

/// Whether a note speaks of its table: of nothing else, of one that is new, or of one that was
/// called so, where no column was.
fn is_of_table(former: &Former, table: &Named<'_>, before: &[Named<'_>]) -> bool {
    let find = |name: &str| before.iter().find(|then| same_name(then.name, name));
    let old = whole_name(&former.text).unwrap_or_default();
    match former.holders.as_slice() {
        [] | [None] => true,
        holders if !holders.contains(&None) => false,
        holders => match find(table.name) {
            Some(then) => {
                let mut columns = holders.iter().flatten();
                let is_of_column = then.column(&old).is_some()
                    && columns.any(|column| then.column(column).is_none_or(|was| was != column));
                find(&old).is_some() && !is_of_column
            }
            None => find(&old).is_some() || !before.iter().any(|then| then.column(&old).is_some()),
        },
    }
}

pub(super) fn table_notes(before: &[Named<'_>], after: &[Named<'_>]) -> Vec<Noted> {
    let mut found = Vec::new();
    for table in after {
        let formers = table.formers.iter().rev();
        let of_it = formers
            .filter(|former| is_of_table(former, table, before))
            .map(|former| Noted::of(former, table.name));
        // The last word counts.
        found.extend(of_it.take(1));
    }
    found
}

/// The notes of a table's columns. In a line with several, one speaks of the last, unless that
/// is not new and another is.
pub(super) fn column_notes(
    then: &Named<'_>,
    table: &Named<'_>,
    before: &[Named<'_>],
) -> Vec<Noted> {
    let mut found: Vec<Noted> = Vec::new();
    let formers = table.formers.iter().rev();
    for former in formers.filter(|former| !is_of_table(former, table, before)) {
        let holders: Vec<&str> = former
            .holders
            .iter()
            .flatten()
            .map(String::as_str)
            .collect();
        let Some(likeliest) = holders.first() else {
            continue;
        };
        let old = whole_name(&former.text).unwrap_or_default();
        let is_gone = then.column(&old).is_some() && table.column(&old).is_none();
        let is_new = |holder: &&&str| then.column(holder).is_none();
        let mut new = holders.iter().filter(is_new);
        let holder = match (new.next(), new.next()) {
            (Some(only), None) if is_gone && !is_new(&likeliest) => only,
            _ => likeliest,
        };
        // The last word counts.
        if !found.iter().any(|note| same_name(&note.new, holder)) {
            found.push(Noted::of(former, holder));
        }
    }
    found.reverse();
    found
}
