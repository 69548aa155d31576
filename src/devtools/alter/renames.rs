//! What was renamed: as the caller says, as the schema file's notes say, and where neither does
//! and it may be, a question.

use crate::devtools::alter::grouping::ChangeGroup;
use crate::devtools::model::canonical::plain;
use crate::devtools::model::diff::{Model, gone_and_new, same_shape};
use crate::devtools::model::table::Definition;
use crate::report::error::{Error, ErrorKind, RenameQuestion};
use crate::sqlite::schema::objects::same_name;
use crate::sqlite::sql::token::Tokens;

/// Names that were given to what is there.
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

    /// The other way round.
    pub(crate) fn reversed(&self) -> Renames {
        let before = |table: &String| {
            let found = self
                .tables
                .iter()
                .find(|(_, after)| same_name(after, table));
            found.map_or_else(|| table.clone(), |(before, _)| before.clone())
        };
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
                .map(|(table, old, new)| (before(table), new.clone(), old.clone()))
                .collect(),
        }
    }

    /// Conversions (`-- using:`) may call a column by the name that they find in the old schema.
    pub(crate) fn in_conversions(&self, after: &mut Model) {
        for (table, old, new) in &self.columns {
            let definitions = after
                .tables
                .iter_mut()
                .filter_map(|e| e.definition.as_mut());
            for definition in definitions.filter(|d| same_name(&d.name, table)) {
                if definition.column(old).is_some() {
                    continue;
                }
                for using in definition
                    .columns
                    .iter_mut()
                    .filter_map(|c| c.using.as_mut())
                {
                    *using = renamed(using, old, new);
                }
            }
        }
    }

    /// Those of some tables, by the names after.
    pub(crate) fn within(&self, scope: &ChangeGroup) -> Renames {
        Renames {
            tables: self
                .tables
                .iter()
                .filter(|(_, after)| scope.has_table(after))
                .cloned()
                .collect(),
            columns: self
                .columns
                .iter()
                .filter(|(table, _, _)| scope.has_table(table))
                .cloned()
                .collect(),
        }
    }
}

/// An expression with another name for a column.
fn renamed(expression: &str, old: &str, new: &str) -> String {
    let (mut made, mut done) = (String::new(), 0);
    for token in Tokens::new(expression) {
        if !token.text.starts_with('\'') && same_name(&token.name(), old) {
            made += &expression[done..token.start];
            made += &plain(new);
            done = token.start + token.text.len();
        }
    }
    made + &expression[done..]
}

/// `users.name=full_name` or `users=people`: the table where it is a column's, old, new.
fn parse_rename(text: &str) -> Result<(Option<String>, String, String), Error> {
    let tokens: Vec<_> = Tokens::new(text).collect();
    let name = |at: usize| tokens[at].name().into_owned();
    let symbols: Vec<&str> = tokens.iter().map(|token| token.text).collect();
    match symbols.as_slice() {
        [_, "=", _] => Ok((None, name(0), name(2))),
        [_, ".", _, "=", _] => Ok((Some(name(0)), name(2), name(4))),
        _ => Err(Error::new(
            ErrorKind::Usage,
            format!("`{text}` names no old and new name"),
        )
        .with_help("write it as table.old=new for a column, or old_table=new_table")),
    }
}

/// Which of what is gone was renamed: as the caller says, as the schema file's notes say, and
/// where neither does and it may be, not without an answer.
pub(crate) fn renames(
    before: &Model,
    after: &Model,
    told: &[String],
    drops: &[String],
) -> Result<Renames, Error> {
    let told = told
        .iter()
        .map(|text| parse_rename(text))
        .collect::<Result<Vec<_>, _>>()?;
    let mut renames = Renames::default();
    let no_such = |what: &str, side: &str| {
        Error::new(ErrorKind::Usage, format!("--rename: {what} {side}"))
            .with_help("the old name must be in the migrations and the new one in the schema file")
    };
    for (_, old, new) in told.iter().filter(|(table, _, _)| table.is_none()) {
        if before.definition(old).is_none() || after.table(old).is_some() {
            return Err(no_such(&format!("table `{old}`"), "is not gone"));
        }
        if after.definition(new).is_none() || before.table(new).is_some() {
            return Err(no_such(&format!("table `{new}`"), "is not new"));
        }
        renames.tables.push((old.clone(), new.clone()));
    }
    let taken = |renames: &Renames, name: &str| {
        renames
            .tables
            .iter()
            .any(|(old, new)| same_name(old, name) || same_name(new, name))
    };
    let noted = after
        .tables
        .iter()
        .filter_map(|entity| entity.definition.as_ref())
        .filter_map(|now| Some((now.was.clone()?, now.name.clone())))
        .filter(|(was, now)| !taken(&renames, was) && !taken(&renames, now))
        .collect();
    let live_tables = live(
        noted,
        |name| before.definition(name).is_some(),
        |name| after.table(name).is_some(),
    );
    renames.tables.extend(
        live_tables.map_err(|(was, now)| contradiction(&format!("table `{was}`"), &was, &now))?,
    );
    let mut questions = Vec::new();
    for gone in before
        .tables
        .iter()
        .filter_map(|entity| entity.definition.as_ref())
    {
        let is_gone = after.table(&gone.name).is_none() && !taken(&renames, &gone.name);
        if !is_gone || is_dropped(drops, None, &gone.name) {
            continue;
        }
        let new = after
            .tables
            .iter()
            .filter_map(|entity| entity.definition.as_ref());
        let candidates: Vec<String> = new
            .filter(|new| before.table(&new.name).is_none() && !taken(&renames, &new.name))
            .filter(|new| same_shape(gone, new))
            .map(|new| new.name.clone())
            .collect();
        if !candidates.is_empty() {
            questions.push(RenameQuestion {
                table: None,
                gone: gone.name.clone(),
                candidates,
            });
        }
    }
    for now in after
        .tables
        .iter()
        .filter_map(|entity| entity.definition.as_ref())
    {
        let old_name = renames
            .tables
            .iter()
            .find(|(_, new)| same_name(new, &now.name))
            .map_or(now.name.as_str(), |(old, _)| old);
        let Some(was) = before.definition(old_name) else {
            continue;
        };
        let (mut gone, mut new) = gone_and_new(was, now);
        let of_table = |table: &str| same_name(table, &now.name) || same_name(table, old_name);
        let mut settle = |old: &str, new_name: &str| {
            let only_there = |here: &Definition, there: &Definition, name: &str| {
                let column = here.column(name).filter(|_| there.column(name).is_none());
                column.map(|column| column.name.clone())
            };
            let found = only_there(was, now, old).zip(only_there(now, was, new_name));
            let found = found.filter(|(old, new_name)| {
                !renames.columns.iter().any(|(table, from, to)| {
                    same_name(table, &now.name) && (from == old || to == new_name)
                })
            });
            if let Some((old, new_name)) = &found {
                gone.retain(|column| column.name != *old);
                new.retain(|column| column.name != *new_name);
                let names = (now.name.clone(), old.clone(), new_name.clone());
                renames.columns.push(names);
            }
            found.is_some()
        };
        for (_, old, new) in told
            .iter()
            .filter(|(table, _, _)| table.as_deref().is_some_and(of_table))
        {
            if !settle(old, new) {
                let what = format!("`{old}` is not gone or `{new}` is not new in");
                return Err(no_such(&what, &format!("table `{}`", now.name)));
            }
        }
        let of_now = |(table, _, _): &&(String, String, String)| same_name(table, &now.name);
        let settled: Vec<_> = renames.columns.iter().filter(of_now).cloned().collect();
        let noted = now
            .columns
            .iter()
            .filter_map(|column| Some((column.was.clone()?, column.name.clone())))
            .filter(|(was, column)| {
                !settled
                    .iter()
                    .any(|(_, old, new)| same_name(old, was) || same_name(new, column))
            })
            .collect();
        let live = live(
            noted,
            |name| was.column(name).is_some(),
            |name| now.column(name).is_some(),
        );
        for (old, new_name) in live.map_err(|(old, column)| {
            contradiction(&format!("`{}`.`{old}`", now.name), &old, &column)
        })? {
            gone.retain(|column| !same_name(&column.name, &old));
            new.retain(|column| !same_name(&column.name, &new_name));
            renames.columns.push((now.name.clone(), old, new_name));
        }
        gone.retain(|column| {
            !is_dropped(drops, Some(&now.name), &column.name)
                && !is_dropped(drops, Some(old_name), &column.name)
        });
        if !new.is_empty() {
            questions.extend(gone.iter().map(|column| RenameQuestion {
                table: Some(now.name.clone()),
                gone: column.name.clone(),
                candidates: new.iter().map(|column| column.name.clone()).collect(),
            }));
        }
    }
    let tables: Vec<&String> = told
        .iter()
        .filter_map(|(table, _, _)| table.as_ref())
        .collect();
    if let Some(table) = tables
        .into_iter()
        .find(|table| before.definition(table).is_none() && after.definition(table).is_none())
    {
        return Err(no_such(&format!("table `{table}`"), "is not there"));
    }
    match questions.is_empty() {
        true => Ok(renames),
        false => Err(ambiguous(questions)),
    }
}

/// Which of the notes of a schema file (old name, new name) speak of what is still to be renamed,
/// in an order in which each new name is free. A note stays in the file when the rename is done,
/// so one whose new name is there already says nothing, unless that one is renamed itself.
///
/// # Errors
/// The names of a note that cannot be meant like this.
fn live(
    mut noted: Vec<(String, String)>,
    is_before: impl Fn(&str) -> bool,
    is_after: impl Fn(&str) -> bool,
) -> Result<Vec<(String, String)>, (String, String)> {
    let mut live: Vec<(String, String)> = Vec::new();
    while let Some(at) = noted.iter().position(|(old, new)| {
        let makes_room = live.iter().any(|(moved, _)| same_name(moved, new));
        is_before(old) && (!is_before(new) || makes_room)
    }) {
        live.push(noted.remove(at));
    }
    let left_behind = |old: &String| {
        let taken_over = live.iter().any(|(_, new)| same_name(new, old));
        is_after(old) && !taken_over
    };
    let told_twice =
        |at: usize, old: &String| live[..at].iter().any(|(known, _)| same_name(known, old));
    let wrong = live
        .iter()
        .enumerate()
        .find(|(at, (old, _))| left_behind(old) || told_twice(*at, old))
        .map(|(_, names)| names);
    let in_the_way = || {
        noted
            .iter()
            .find(|(old, _)| is_before(old) && !is_after(old))
    };
    match wrong.or_else(in_the_way) {
        Some(names) => Err(names.clone()),
        None => Ok(live),
    }
}

fn contradiction(subject: &str, old: &str, new: &str) -> Error {
    Error::new(
        ErrorKind::Usage,
        format!("`{new}` says `-- was: {old}`, but {subject} did not simply become it"),
    )
    .with_help(format!(
        "where `{old}` is still in the schema file, take the note away; where `{new}` was there beside it, drop that in a migration of its own first"
    ))
}

fn is_dropped(drops: &[String], table: Option<&str>, name: &str) -> bool {
    drops.iter().any(|dropped| {
        let tokens: Vec<_> = Tokens::new(dropped).collect();
        match (table, tokens.as_slice()) {
            (None, [only]) => same_name(&only.name(), name),
            (Some(table), [of, dot, column]) => {
                dot.text == "." && same_name(&of.name(), table) && same_name(&column.name(), name)
            }
            _ => false,
        }
    })
}

fn ambiguous(questions: Vec<RenameQuestion>) -> Error {
    let reading = |question: &RenameQuestion| {
        let subject = question.subject();
        let new: Vec<String> = question
            .candidates
            .iter()
            .map(|name| format!("`{name}`"))
            .collect();
        format!(
            "`{subject}` is gone and {} new: either it was renamed, or it is dropped and the other is added",
            match new.as_slice() {
                [one] => format!("{one} is"),
                many => format!("{} are", many.join(", ")),
            }
        )
    };
    let all: Vec<String> = questions.iter().map(reading).collect();
    let help = match questions.first() {
        Some(question) => format!(
            "say `--rename {0}={1}` (or `-- was: {2}` beside `{1}` in the schema file) if it was renamed, `--drop {0}` if it was not",
            question.subject(),
            question.candidates.first().map_or("", String::as_str),
            question.gone,
        ),
        None => String::new(),
    };
    Error::new(ErrorKind::AmbiguousRename, all.join("; "))
        .with_help(help)
        .with_questions(questions)
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
