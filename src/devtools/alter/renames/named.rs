//! A table, as far as its name and the names of its columns go.

use crate::devtools::model::diff::Entity;
use crate::sqlite::schema::parsed::annotations::{Annotation, Former, notes};
use crate::sqlite::sql::name::same_name;
use crate::sqlite::sql::token::{Token, Tokens};

/// A table as far as names go.
pub(super) struct Named<'m> {
    pub(super) name: &'m str,
    /// With whether their values are their own.
    pub(super) columns: Vec<(&'m str, bool)>,
    /// Whether its rows are another's, so that nothing is lost with it.
    pub(super) is_derived: bool,
    pub(super) formers: Vec<Former>,
}

impl<'m> Named<'m> {
    pub(super) fn of(entity: &'m Entity, outside: &[(String, Former)]) -> Named<'m> {
        let columns = entity.table.columns.iter();
        let mut formers: Vec<Former> = match &entity.definition {
            Some(definition) => definition.formers.clone(),
            None => {
                let sql = &entity.table.sql;
                let noted = notes(sql).into_iter();
                let former = |note: Annotation| {
                    let holders = vec![noted_argument(sql, entity, &note)];
                    note.was.map(|text| Former { text, holders })
                };
                noted.filter_map(former).collect()
            }
        };
        let of_it = outside
            .iter()
            .filter(|(table, _)| same_name(table, entity.name()));
        formers.extend(of_it.map(|(_, former)| former.clone()));
        Named {
            name: entity.name(),
            is_derived: entity.table.is_derived(),
            columns: columns
                .map(|column| (column.name.as_str(), !column.generated))
                .collect(),
            formers,
        }
    }

    pub(super) fn column(&self, name: &str) -> Option<&'m str> {
        let mut names = self.columns.iter().map(|(column, _)| *column);
        names.find(|column| same_name(column, name))
    }

    /// The columns whose values are their own and that another has not.
    pub(super) fn plain_columns_beside(&self, other: &Named<'_>) -> Vec<&'m str> {
        let plain = self.columns.iter().filter(|(_, plain)| *plain);
        plain
            .map(|(column, _)| *column)
            .filter(|column| other.column(column).is_none())
            .collect()
    }

    /// Whether two tables may be one: each column of the one with fewer is in the other, by name.
    pub(super) fn has_the_shape_of(&self, other: &Named<'_>) -> bool {
        let within = |few: &Named<'_>, many: &Named<'_>| {
            let mut columns = few.columns.iter();
            columns.all(|(column, _)| many.column(column).is_some())
        };
        within(self, other) || within(other, self)
    }
}

/// The column of a virtual table that a note in its statement is beside; none where that is the
/// table itself. A note in a line of its own belongs to what follows.
fn noted_argument(sql: &str, entity: &Entity, note: &Annotation) -> Option<String> {
    let tokens: Vec<Token<'_>> = Tokens::new(sql).collect();
    let open = tokens.iter().position(|token| token.text == "(")?;
    let beside = match note.follows {
        Some(at) => {
            let at = tokens.iter().position(|token| token.start == at)?;
            // A comma ends what comes before it.
            at - usize::from(tokens[at].text == ",")
        }
        None => tokens.iter().position(|token| token.start >= note.at.end)?,
    };
    if beside <= open {
        return None;
    }
    let begins = tokens[open..=beside]
        .iter()
        .rposition(|token| token.text == "," || token.text == "(")?;
    let name = tokens.get(open + begins + 1)?.name();
    let mut columns = entity.table.columns.iter();
    let column = columns.find(|column| same_name(&column.name, &name));
    column.map(|column| column.name.clone())
}
