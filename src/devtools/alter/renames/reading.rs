//! Names as a caller writes them: `table.old=new`, `old=new`, `table.column`.

use crate::devtools::alter::renames::named::Named;
use crate::devtools::alter::renames::names::Renames;
use crate::report::error::{Error, spelled};
use crate::sqlite::schema::parsed::annotations::whole_name;
use crate::sqlite::sql::name::same_name;

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
pub(super) fn joined(names: &[String], is_rename: bool) -> String {
    let names: Vec<String> = names.iter().map(|name| spelled(name)).collect();
    match (names.as_slice(), is_rename) {
        ([before @ .., new], true) => format!("{}={new}", before.join(".")),
        (names, _) => names.join("."),
    }
}

/// What the caller says was renamed: the table where it is a column's, old, new.
pub(super) type Told = (Option<String>, String, String);

/// `users.name=full_name` or `users=people`.
pub(super) fn read_rename(
    text: &str,
    before: &[Named<'_>],
    after: &[Named<'_>],
) -> Result<Told, Error> {
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
pub(super) type Dropped = (String, Option<String>);

/// `users.name` or `users`.
pub(super) fn read_drop(
    text: &str,
    before: &[Named<'_>],
    renames: &Renames,
) -> Result<Dropped, Error> {
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
