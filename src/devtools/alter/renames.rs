//! What was renamed: as the caller says, as the schema file's notes say, and where neither does
//! and it may be, a question.

use crate::devtools::model::diff::{Entity, Model};
use crate::report::error::{Error, ErrorKind, RenameQuestion, spelled};
use crate::report::remedy::Remedy;
use crate::sqlite::schema::parsed::annotations::{Annotation, Former, notes, whole_name};
use crate::sqlite::sql::name::same_name;
use crate::sqlite::sql::token::{Token, Tokens};

/// A name before and after.
type Names = (String, String);

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

/// A table as far as names go.
struct Named<'m> {
    name: &'m str,
    /// With whether their values are their own.
    columns: Vec<(&'m str, bool)>,
    /// Whether its rows are another's, so that nothing is lost with it.
    is_derived: bool,
    formers: Vec<Former>,
}

impl<'m> Named<'m> {
    fn of(entity: &'m Entity, outside: &[(String, Former)]) -> Named<'m> {
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

    fn column(&self, name: &str) -> Option<&'m str> {
        let mut names = self.columns.iter().map(|(column, _)| *column);
        names.find(|column| same_name(column, name))
    }

    /// The columns whose values are their own and that another has not.
    fn plain_columns_beside(&self, other: &Named<'_>) -> Vec<&'m str> {
        let plain = self.columns.iter().filter(|(_, plain)| *plain);
        plain
            .map(|(column, _)| *column)
            .filter(|column| other.column(column).is_none())
            .collect()
    }

    /// Whether two tables may be one: each column of the one with fewer is in the other, by name.
    fn has_the_shape_of(&self, other: &Named<'_>) -> bool {
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
            // A comma ends what stands before it.
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

/// The names of one kind of thing on both sides.
struct Sides<'a, 'm> {
    before: &'a [&'m str],
    after: &'a [&'m str],
}

/// Why names cannot be given as told or noted.
enum Wrong {
    NotGone(String, String),
    NotNew(String, String),
    Note(String, String),
    Circle(Vec<Names>),
}

impl<'m> Sides<'_, 'm> {
    fn before(&self, name: &str) -> Option<&'m str> {
        find(self.before, name)
    }

    fn after(&self, name: &str) -> Option<&'m str> {
        find(self.after, name)
    }

    /// Whether there is something new of the name: none was called like this, or in other letters.
    fn is_new(&self, name: &str) -> bool {
        self.after(name)
            .is_some_and(|now| self.before(name).is_none_or(|was| was != now))
    }

    /// Which names are given: all that are reported, and the notes that speak of what is still to be
    /// renamed. A note stays in the file when the rename is done, so one whose new name is there
    /// already says nothing, unless that one is renamed itself.
    fn settle(&self, told: &[Names], noted: &[Names]) -> Result<Vec<Names>, Wrong> {
        let mut moves: Vec<(&str, &str)> = Vec::new();
        for (old, new) in told {
            let (Some(was), Some(now)) = (self.before(old), self.after(new)) else {
                let missing = match self.before(old) {
                    None => Wrong::NotGone,
                    Some(_) => Wrong::NotNew,
                };
                return Err(missing(old.clone(), new.clone()));
            };
            if was == now || moves.iter().any(|(from, to)| *from == was || *to == now) {
                return Err(Wrong::NotGone(old.clone(), new.clone()));
            }
            moves.push((was, now));
        }
        let mut left: Vec<(&str, &str)> = noted
            .iter()
            .filter_map(|(old, new)| Some((self.before(old)?, self.after(new)?)))
            .filter(|(was, now)| was != now)
            .filter(|(was, now)| !moves.iter().any(|(from, to)| from == was || to == now))
            .collect();
        let is_free = |moves: &[(&str, &str)], name: &str, of: &str| {
            let there = self.before(name);
            there.is_none_or(|there| there == of || moves.iter().any(|(from, _)| *from == there))
        };
        while let Some(at) = left.iter().position(|(was, now)| is_free(&moves, now, was)) {
            moves.push(left.remove(at));
        }
        let is_gone = |name: &str, to: &str| {
            let there = self.after(name);
            there.is_none_or(|there| there == to || moves.iter().any(|(_, to)| *to == there))
        };
        for (at, (was, now)) in moves.iter().enumerate() {
            let names = ((*was).to_owned(), (*now).to_owned());
            let is_told = at < told.len();
            let twice = moves[..at].iter().any(|(from, _)| from == was);
            match (is_gone(was, now), is_free(&moves, now, was)) {
                (false, _) if is_told => return Err(Wrong::NotGone(names.0, names.1)),
                (_, false) if is_told => return Err(Wrong::NotNew(names.0, names.1)),
                (gone, _) if !gone || twice => return Err(Wrong::Note(names.0, names.1)),
                _ => {}
            }
        }
        if let Some((was, now)) = left.iter().find(|(was, _)| self.after(was).is_none()) {
            return Err(Wrong::Note((*was).to_owned(), (*now).to_owned()));
        }
        if let Some(circle) = self.circle(&left) {
            return Err(Wrong::Circle(circle));
        }
        let moves = moves.iter();
        let moves: Vec<Names> = moves
            .map(|(was, now)| ((*was).to_owned(), (*now).to_owned()))
            .collect();
        Ok(free_first(moves))
    }

    /// Notes that hand a name round.
    fn circle(&self, noted: &[(&str, &str)]) -> Option<Vec<Names>> {
        noted.iter().find_map(|first| {
            let mut circle = vec![*first];
            while let Some(at) = circle.last() {
                let there = self.before(at.1)?;
                if there == first.0 {
                    let names = circle.iter();
                    return Some(
                        names
                            .map(|(was, now)| ((*was).to_owned(), (*now).to_owned()))
                            .collect(),
                    );
                }
                let next = noted.iter().find(|(was, _)| *was == there)?;
                if circle.contains(next) {
                    return None;
                }
                circle.push(*next);
            }
            None
        })
    }
}

fn find<'m>(names: &[&'m str], name: &str) -> Option<&'m str> {
    names.iter().find(|there| same_name(there, name)).copied()
}

/// In an order in which each new name is free, but for circles.
fn free_first(mut left: Vec<Names>) -> Vec<Names> {
    let mut ordered = Vec::with_capacity(left.len());
    while !left.is_empty() {
        let is_free = |new: &str| !left.iter().any(|(old, _)| same_name(old, new));
        let at = left.iter().position(|(_, new)| is_free(new)).unwrap_or(0);
        ordered.push(left.remove(at));
    }
    ordered
}

/// What a text means that holds names kept apart by some characters (`table.old=new`): each way
/// of cutting it where none of the names has open quotes.
fn readings(text: &str, separators: &[char]) -> Vec<Vec<String>> {
    let Some((separator, others)) = separators.split_first() else {
        return whole_name(text)
            .map(|name| vec![name])
            .into_iter()
            .collect();
    };
    let mut found = Vec::new();
    for (at, _) in text.match_indices(*separator) {
        let Some(first) = whole_name(&text[..at]) else {
            continue;
        };
        for rest in readings(&text[at + separator.len_utf8()..], others) {
            found.push([vec![first.clone()], rest].concat());
        }
    }
    found
}

/// The reading of a text that is meant: the one whose names are there, and where none are, the
/// first. Two are refused.
fn meant(
    text: &str,
    flag: &str,
    patterns: [&[char]; 2],
    is_there: impl Fn(&[String]) -> bool,
) -> Result<Option<Vec<String>>, Error> {
    let all: Vec<Vec<String>> = patterns
        .iter()
        .flat_map(|separators| readings(text, separators))
        .collect();
    let there: Vec<&Vec<String>> = all.iter().filter(|names| is_there(names)).collect();
    match there.as_slice() {
        [] => Ok(all.into_iter().next()),
        [only] => Ok(Some((*only).clone())),
        several => {
            let spellings: Vec<String> = several
                .iter()
                .map(|names| format!("`{}`", joined(names, flag == "rename")))
                .collect();
            Err(Error::usage(
                format!("{flag}: `{text}` can be read in more than one way"),
                format!("put names in double quotes: {}", spellings.join(" or ")),
            ))
        }
    }
}

/// Names as a flag takes them.
fn joined(names: &[String], is_rename: bool) -> String {
    let names: Vec<String> = names.iter().map(|name| spelled(name)).collect();
    match (names.as_slice(), is_rename) {
        ([before @ .., new], true) => format!("{}={new}", before.join(".")),
        (names, _) => names.join("."),
    }
}

/// What the caller says was renamed: the table where it is a column's, old, new.
type Told = (Option<String>, String, String);

/// `users.name=full_name` or `users=people`.
fn read_rename(text: &str, before: &[Named<'_>], after: &[Named<'_>]) -> Result<Told, Error> {
    let among = |side: &[Named<'_>], name: &str| side.iter().any(|t| same_name(t.name, name));
    let has = |side: &[Named<'_>], column: &str| side.iter().any(|t| t.column(column).is_some());
    let names = meant(text, "rename", [&['='], &['.', '=']], |names| match names {
        [old, new] => among(before, old) && among(after, new),
        [table, old, new] => {
            (among(before, table) || among(after, table)) && has(before, old) && has(after, new)
        }
        _ => false,
    })?;
    // Where nothing is there: as written without quotes, a dot is one between table and column.
    let names = match names {
        Some(names) if names.len() == 2 && !among(before, &names[0]) => readings(text, &['.', '='])
            .into_iter()
            .next()
            .or(Some(names)),
        names => names,
    };
    match names.as_deref() {
        Some([old, new]) => Ok((None, old.clone(), new.clone())),
        Some([table, old, new]) => Ok((Some(table.clone()), old.clone(), new.clone())),
        _ => Err(Error::usage(
            format!("`{text}` names no old and new name"),
            "write it as table.old=new for a column, or old_table=new_table; a name with spaces, dots or other signs in double quotes",
        )),
    }
}

/// What is gone and was not renamed: a table, or a column of one.
type Dropped = (String, Option<String>);

/// `users.name` or `users`.
fn read_drop(text: &str, before: &[Named<'_>], renames: &Renames) -> Result<Dropped, Error> {
    let table = |name: &str| {
        let mut tables = before.iter();
        let called = |wanted: &str, table: &Named<'_>| same_name(table.name, wanted);
        tables
            .clone()
            .find(|table| called(renames.name_before(name), table))
            .or_else(|| tables.find(|table| called(name, table)))
    };
    let names = meant(text, "drop", [&['.'], &[]], |names| match names {
        [name] => before.iter().any(|table| same_name(table.name, name)),
        [of, column] => table(of).is_some_and(|table| table.column(column).is_some()),
        _ => false,
    })?;
    let (message, help) = match names.as_deref() {
        Some([name]) => match before.iter().find(|table| same_name(table.name, name)) {
            Some(table) => return Ok((table.name.to_owned(), None)),
            None => (
                format!("drop: `{text}` is nothing that the migrations make"),
                "write it as table.column or table",
            ),
        },
        Some([of, column]) => match table(of) {
            Some(table) => match table.column(column) {
                Some(column) => return Ok((table.name.to_owned(), Some(column.to_owned()))),
                None => (
                    format!("drop: table `{of}` has no column `{column}` in the migrations"),
                    "what is dropped must be in the migrations and not in the schema file",
                ),
            },
            None => (
                format!("drop: table `{of}` is not in the migrations"),
                "write it as table.column or table",
            ),
        },
        _ => (
            format!("drop: `{text}` is not a name"),
            "write it as table.column or table",
        ),
    };
    let quotes = "; a name with spaces, dots or other signs in double quotes";
    Err(Error::usage(message, format!("{help}{quotes}")))
}

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

/// A note of a former name: as written, whole, and who is beside it.
struct Noted {
    text: String,
    /// Empty where it is not a name.
    old: String,
    new: String,
}

impl Noted {
    fn of(former: &Former, new: &str) -> Noted {
        Noted {
            text: former.text.clone(),
            old: whole_name(&former.text).unwrap_or_default(),
            new: new.to_owned(),
        }
    }

    fn names(&self) -> Option<Names> {
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

fn table_notes(before: &[Named<'_>], after: &[Named<'_>]) -> Vec<Noted> {
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
fn column_notes(then: &Named<'_>, table: &Named<'_>, before: &[Named<'_>]) -> Vec<Noted> {
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

/// Which of the tables a column's rename is told of, by the name before or after.
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

fn names_nothing(note: &Noted, none: &str, gone: &[&str]) -> Error {
    let written: Vec<String> = gone
        .iter()
        .map(|name| format!("`-- was: {}`", spelled(name)))
        .collect();
    Error::usage(
        format!("`{}` says `-- was: {}`, and {none}", note.new, note.text),
        format!(
            "write the whole name ({}); where it is new, take the note away",
            written.join(" or ")
        ),
    )
}

fn no_such(what: &str, side: &str) -> Error {
    Error::usage(
        format!("rename: {what} {side}"),
        "the old name must be in the migrations and the new one in the schema file",
    )
}

fn wrong_column(wrong: Wrong, table: &str) -> Error {
    match wrong {
        Wrong::NotGone(old, new) | Wrong::NotNew(old, new) => no_such(
            &format!("`{old}` is not gone or `{new}` is not new in"),
            &format!("table `{table}`"),
        ),
        Wrong::Note(old, new) => contradiction(&format!("`{table}`.`{old}`"), &old, &new),
        Wrong::Circle(circle) => in_a_circle(Some(table), &circle),
    }
}

fn contradiction(subject: &str, old: &str, new: &str) -> Error {
    Error::usage(
        format!("`{new}` says `-- was: {old}`, but {subject} did not simply become it"),
        format!(
            "where `{old}` is still in the schema file, take the note away; where `{new}` was there beside it, drop that in a migration of its own first"
        ),
    )
}

/// The schema is the same before and after a swap, so that its notes say nothing of whether it
/// was done.
fn in_a_circle(table: Option<&str>, circle: &[Names]) -> Error {
    let said: Vec<String> = circle
        .iter()
        .map(|(old, new)| format!("`{new}` was `{old}`"))
        .collect();
    let renames = circle.iter().map(|(old, new)| Remedy::Rename {
        rename: renamed(table, old, new),
    });
    let whose = table
        .map(|table| format!(" of `{table}`"))
        .unwrap_or_default();
    Error::new(
        ErrorKind::AmbiguousRename,
        format!(
            "the notes{whose} form a circle ({}), which is the same before and after: whether it was done cannot be told",
            said.join(", ")
        ),
    )
    .with_help("if it is to be done, say so; then, or if it was done, take the notes out of the schema file")
    .with_remedies(renames.collect())
}

/// `table.old=new`.
fn renamed(table: Option<&str>, old: &str, new: &str) -> String {
    let names: Vec<String> = table
        .into_iter()
        .chain([old, new])
        .map(str::to_owned)
        .collect();
    joined(&names, true)
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
    let help = questions.first().and_then(|question| {
        let candidate = question.candidates.first()?;
        // A comment ends with its line.
        let note = match question.gone.contains(['\n', '\r']) {
            true => String::new(),
            false => format!(
                " (or `-- was: {}` beside `{candidate}` in the schema file)",
                spelled(&question.gone)
            ),
        };
        Some(format!("say whether it was renamed{note} or is dropped"))
    });
    let remedies = questions.first().into_iter().flat_map(|question| {
        let candidate = question.candidates.first();
        let renamed = candidate.map(|candidate| Remedy::Rename {
            rename: question.renamed_to(candidate),
        });
        let gone = question.subject();
        renamed.into_iter().chain([Remedy::Drop { gone }])
    });
    let remedies: Vec<Remedy> = remedies.collect();
    Error::new(ErrorKind::AmbiguousRename, all.join("; "))
        .with_help(help.unwrap_or_default())
        .with_remedies(remedies)
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
