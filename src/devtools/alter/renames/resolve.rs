//! Which of what is gone was renamed.

use crate::devtools::alter::renames::named::Named;
use crate::devtools::alter::renames::names::{Names, Renames};
use crate::devtools::alter::renames::notes::{Noted, column_notes, table_notes};
use crate::devtools::alter::renames::reading::{Dropped, Told, read_drop, read_rename};
use crate::devtools::alter::renames::refusal::{
    ambiguous, contradiction, in_a_circle, names_nothing, no_such, wrong_column,
};
use crate::devtools::alter::renames::sides::{Sides, Wrong};
use crate::devtools::model::diff::Model;
use crate::report::error::{Error, RenameQuestion};
use crate::sqlite::schema::parsed::annotations::Former;
use crate::sqlite::sql::name::same_name;

/// Which of what is gone was renamed: as the caller says, as the schema file's notes say, and
/// where neither does and it may be, not without an answer. `outside` are notes that stand outside
/// of their table's statement.
pub(crate) fn renames(
    before: &Model,
    after: &Model,
    outside: &[(String, Former)],
    told: &[String],
    drops: &[String],
) -> Result<Renames, Error> {
    let [was, now] = [(before, [].as_slice()), (after, outside)].map(|(model, outside)| {
        let tables = model.tables.iter();
        let named = tables.map(|entity| Named::of(entity, outside));
        named.collect::<Vec<_>>()
    });
    let told = told
        .iter()
        .map(|text| read_rename(text, &was, &now))
        .collect::<Result<Vec<Told>, _>>()?;
    let mut renames = Renames::default();
    let table_notes = table_notes(&was, &now);
    renames.tables = tables(&was, &now, &told, &table_notes)?;
    let matched = matched(&was, &now, &renames);
    let mut of_columns: Vec<(usize, Names)> = Vec::new();
    for (table, old, new) in &told {
        if let Some(table) = table {
            let at = told_of(table, old, new, &matched)?;
            of_columns.push((at, (old.clone(), new.clone())));
        }
    }
    let mut unknown = Vec::new();
    for (at, (then, table)) in matched.iter().enumerate() {
        let told = of_columns.iter().filter(|(of, _)| *of == at);
        let told: Vec<Names> = told.map(|(_, names)| names.clone()).collect();
        let noted = column_notes(then, table, &was);
        let columns: [Vec<&str>; 2] =
            [then, table].map(|side| side.columns.iter().map(|(name, _)| *name).collect());
        let sides = Sides {
            before: &columns[0],
            after: &columns[1],
        };
        let known = noted.iter().filter_map(|note| note.names());
        let moves = sides
            .settle(&told, &known.collect::<Vec<_>>())
            .map_err(|wrong| wrong_column(wrong, table.name))?;
        let is_told = |name: &str| moves.iter().any(|(_, to)| to == name);
        unknown.extend(
            noted
                .into_iter()
                .filter(|note| sides.before(&note.old).is_none())
                .filter(|note| sides.is_new(&note.new) && !is_told(&note.new))
                .map(|note| (at, note)),
        );
        let moves = moves.into_iter();
        renames
            .columns
            .extend(moves.map(|(old, new)| (table.name.to_owned(), old, new)));
    }
    let drops = drops
        .iter()
        .map(|text| settled_drop(text, &was, &now, &renames))
        .collect::<Result<Vec<Dropped>, _>>()?;
    let mut questions = table_questions(&was, &now, &renames, &drops);
    refuse_unknown_tables(&table_notes, &was, &now, &renames, &drops)?;
    for (at, (then, table)) in matched.iter().enumerate() {
        let is_moved = |side: usize, name: &str| {
            renames.columns.iter().any(|(of, old, new)| {
                same_name(of, table.name) && same_name([old, new][side], name)
            })
        };
        let mut gone = then.plain_columns_beside(table);
        gone.retain(|column| !is_moved(0, column));
        gone.retain(|column| {
            !drops.iter().any(|(of, name)| {
                same_name(of, then.name) && name.as_deref().is_some_and(|n| same_name(n, column))
            })
        });
        if let (Some((_, note)), false) =
            (unknown.iter().find(|(of, _)| *of == at), gone.is_empty())
        {
            return Err(names_nothing(
                note,
                &format!("`{}` has no such column", then.name),
                &gone,
            ));
        }
        let mut new = table.plain_columns_beside(then);
        new.retain(|column| !is_moved(1, column));
        if !new.is_empty() && !then.is_derived {
            questions.extend(gone.iter().map(|column| RenameQuestion {
                table: Some(table.name.to_owned()),
                gone: (*column).to_owned(),
                candidates: new.iter().map(|column| (*column).to_owned()).collect(),
            }));
        }
    }
    match questions.is_empty() {
        true => Ok(renames),
        false => Err(ambiguous(questions)),
    }
}

fn tables(
    before: &[Named<'_>],
    after: &[Named<'_>],
    told: &[Told],
    noted: &[Noted],
) -> Result<Vec<Names>, Error> {
    let told: Vec<Names> = told
        .iter()
        .filter(|(table, _, _)| table.is_none())
        .map(|(_, old, new)| (old.clone(), new.clone()))
        .collect();
    let names: [Vec<&str>; 2] =
        [before, after].map(|side| side.iter().map(|table| table.name).collect());
    let sides = Sides {
        before: &names[0],
        after: &names[1],
    };
    let noted: Vec<Names> = noted.iter().filter_map(Noted::names).collect();
    sides.settle(&told, &noted).map_err(|wrong| match wrong {
        Wrong::NotGone(old, _) => no_such(&format!("table `{old}`"), "is not gone"),
        Wrong::NotNew(_, new) => no_such(&format!("table `{new}`"), "is not new"),
        Wrong::Note(old, new) => contradiction(&format!("table `{old}`"), &old, &new),
        Wrong::Circle(circle) => in_a_circle(None, &circle),
    })
}

/// The tables that are there before and after.
fn matched<'n, 'm>(
    before: &'n [Named<'m>],
    after: &'n [Named<'m>],
    renames: &Renames,
) -> Vec<(&'n Named<'m>, &'n Named<'m>)> {
    let then = |table: &Named<'_>| {
        let name = renames.name_before(table.name);
        let is_it = |then: &&Named<'_>| same_name(then.name, name);
        let found = before.iter().find(is_it);
        found.filter(|then| same_name(renames.name_after(then.name), table.name))
    };
    after
        .iter()
        .filter_map(|table| Some((then(table)?, table)))
        .collect()
}

/// Which of the tables a rename of a column is about, by the name before or after.
fn told_of(
    table: &str,
    old: &str,
    new: &str,
    matched: &[(&Named<'_>, &Named<'_>)],
) -> Result<usize, Error> {
    let called = |at: &usize| {
        let (then, now) = matched[*at];
        [now.name, then.name].map(|name| same_name(name, table))
    };
    let mut candidates: Vec<usize> = (0..matched.len())
        .filter(|at| called(at).contains(&true))
        .collect();
    candidates.sort_by_key(|at| !called(at)[0]);
    let fits = |at: &&usize| {
        let (then, now) = matched[**at];
        then.column(old).is_some() && now.column(new).is_some()
    };
    let chosen = candidates.iter().find(fits).or(candidates.first());
    chosen
        .copied()
        .ok_or_else(|| no_such(&format!("table `{table}`"), "is not there"))
}

/// What is told to be gone, which must be so.
fn settled_drop(
    text: &str,
    before: &[Named<'_>],
    after: &[Named<'_>],
    renames: &Renames,
) -> Result<Dropped, Error> {
    let (table, column) = read_drop(text, before, renames)?;
    let now = after
        .iter()
        .find(|now| same_name(renames.name_before(now.name), &table));
    let still = match (&column, now) {
        (None, Some(now)) if same_name(now.name, &table) => {
            Some(format!("table `{table}` is still in the schema file"))
        }
        (None, Some(now)) => Some(format!("table `{table}` was renamed to `{}`", now.name)),
        (Some(column), Some(now)) => {
            let moved = renames
                .columns
                .iter()
                .find(|(of, old, _)| same_name(of, now.name) && same_name(old, column));
            match (moved, now.column(column)) {
                (Some((_, _, new)), _) => {
                    Some(format!("`{table}`.`{column}` was renamed to `{new}`"))
                }
                (None, Some(_)) => Some(format!(
                    "`{}`.`{column}` is still in the schema file",
                    now.name
                )),
                (None, None) => None,
            }
        }
        (_, None) => None,
    };
    match still {
        None => Ok((table, column)),
        Some(sentence) => Err(Error::usage(
            format!("drop: {sentence}"),
            "what is dropped must be in the migrations and not in the schema file",
        )),
    }
}

fn table_questions(
    before: &[Named<'_>],
    after: &[Named<'_>],
    renames: &Renames,
    drops: &[Dropped],
) -> Vec<RenameQuestion> {
    let gone = gone_tables(before, after, renames, drops);
    let is_new = |table: &&Named<'_>| {
        !before.iter().any(|then| same_name(then.name, table.name))
            && !renames
                .tables
                .iter()
                .any(|(_, new)| same_name(new, table.name))
    };
    gone.into_iter()
        .filter(|gone| !gone.is_derived)
        .filter_map(|gone| {
            let candidates: Vec<String> = after
                .iter()
                .filter(is_new)
                .filter(|new| gone.has_the_shape_of(new))
                .map(|new| new.name.to_owned())
                .collect();
            (!candidates.is_empty()).then(|| RenameQuestion {
                table: None,
                gone: gone.name.to_owned(),
                candidates,
            })
        })
        .collect()
}

/// The tables that are gone, and neither renamed nor told to be dropped.
fn gone_tables<'n, 'm>(
    before: &'n [Named<'m>],
    after: &[Named<'_>],
    renames: &Renames,
    drops: &[Dropped],
) -> Vec<&'n Named<'m>> {
    let is_gone = |table: &&Named<'_>| {
        !after.iter().any(|now| same_name(now.name, table.name))
            && !renames
                .tables
                .iter()
                .any(|(old, _)| same_name(old, table.name))
            && !drops
                .iter()
                .any(|(name, column)| column.is_none() && same_name(name, table.name))
    };
    before.iter().filter(is_gone).collect()
}

/// A note beside a new table that names none, where one is gone, is a name misspelled.
fn refuse_unknown_tables(
    noted: &[Noted],
    before: &[Named<'_>],
    after: &[Named<'_>],
    renames: &Renames,
    drops: &[Dropped],
) -> Result<(), Error> {
    let gone = gone_tables(before, after, renames, drops);
    let called = |name: &str| before.iter().any(|table| same_name(table.name, name));
    let unknown = noted.iter().find(|note| {
        let settled = renames
            .tables
            .iter()
            .any(|(_, new)| same_name(new, &note.new));
        !called(&note.old) && !called(&note.new) && !settled
    });
    match unknown {
        Some(note) if !gone.is_empty() => {
            let gone: Vec<&str> = gone.iter().map(|table| table.name).collect();
            Err(names_nothing(note, "there is no such table", &gone))
        }
        _ => Ok(()),
    }
}
