//! SQLite's own checks of a database.

use rusqlite::{Connection, ErrorCode, ffi};

use crate::report::error::{Error, ErrorKind};
use crate::sqlite::execute;
use crate::sqlite::schema::catalog;
use crate::sqlite::schema::nesting;
use crate::sqlite::schema::objects::TableKind;
use crate::sqlite::sql::name::quote;

/// SQLite's own check of a database's structure. The error is its first finding.
///
/// What it finds in the *contents* is left alone: a NULL that was there before its column
/// became NOT NULL, a value of another type, an index of FTS that lags behind its table.
/// They are as the app left them, and no reason to keep it from its data.
pub(crate) fn quick_check(connection: &Connection) -> Result<Option<String>, Error> {
    check(connection, "quick_check")
}

/// The same with every index compared to its table.
pub(crate) fn integrity_check(connection: &Connection) -> Result<Option<String>, Error> {
    check(connection, "integrity_check")
}

/// Everything that it finds.
pub(crate) fn integrity_findings(connection: &Connection) -> Result<Vec<String>, Error> {
    let mut found = all_findings(connection, "integrity_check")?;
    found.retain(|finding| finding != "ok");
    Ok(found)
}

pub(crate) fn check(connection: &Connection, pragma: &str) -> Result<Option<String>, Error> {
    let mut found = all_findings(connection, pragma)?.into_iter();
    Ok(found.find(|finding| finding != "ok" && !is_of_contents(finding)))
}

/// A disk that does not answer is not a finding: the file may be whole.
pub(crate) fn all_findings(connection: &Connection, pragma: &str) -> Result<Vec<String>, Error> {
    // A search table over a view compiles that to be checked.
    let entries = catalog::entries(connection).unwrap_or_default();
    let in_one = nesting::too_nested(&entries).is_empty();
    let whole = in_one.then(|| findings(connection, &format!("PRAGMA {pragma}({MOST_FINDINGS})")));
    let found = match whole {
        // A module or a tokenizer is missing here. Its tables hold rows like any other.
        Some(Err(error)) if execute::is_wrong_sql(&error) => of_tables(connection, pragma)?,
        None => of_tables(connection, pragma)?,
        Some(found) => answered(found)?,
    };
    // A finding may have several lines.
    let mut lines = found.iter().flat_map(|finding| finding.lines());
    if let Some(unread) = lines.find(|line| is_unread(line)) {
        return Err(Error::new(
            ErrorKind::Io,
            format!("the database could not be checked: {unread}"),
        )
        .with_help("check the disk, and try again"));
    }
    Ok(found)
}

/// What it finds in each table, those of modules left out.
fn of_tables(connection: &Connection, pragma: &str) -> Result<Vec<String>, Error> {
    let mut found = Vec::new();
    for (table, kind) in catalog::table_kinds(connection)? {
        if kind != TableKind::Virtual {
            let sql = format!("PRAGMA {pragma}({})", quote(&table));
            found.extend(answered(findings(connection, &sql))?);
        }
    }
    Ok(found)
}

/// What SQLite found; that the file is damaged is a finding too.
pub(crate) fn answered(found: rusqlite::Result<Vec<String>>) -> Result<Vec<String>, Error> {
    found.or_else(|error| match execute::code(&error) {
        Some(ErrorCode::DatabaseCorrupt | ErrorCode::NotADatabase) => {
            Ok(vec![execute::text(&error)])
        }
        _ => Err(execute::failure("cannot check the database", error)),
    })
}

/// Whether a finding is an I/O error in disguise: `unable to get the page. error code=266`, or,
/// of free pages, without the code. A file that is too short is one that is damaged.
pub(crate) fn is_unread(finding: &str) -> bool {
    let code = finding
        .rsplit_once("error code")
        .and_then(|(_, code)| code.trim_start_matches(['=', ' ']).parse::<i32>().ok());
    match code {
        Some(code) => code & 0xff == ffi::SQLITE_IOERR && code != ffi::SQLITE_IOERR_SHORT_READ,
        None => finding.contains("failed to get page"),
    }
}

pub(crate) fn findings(connection: &Connection, sql: &str) -> rusqlite::Result<Vec<String>> {
    let mut statement = connection.prepare(sql)?;
    let rows = statement.query_map([], |row| execute::lossy(row, 0))?;
    rows.collect()
}

/// Whether a finding is about what an app put into the database.
pub(crate) fn is_of_contents(finding: &str) -> bool {
    finding.starts_with("NULL value in ")
        || finding.starts_with("CHECK constraint failed in ")
        || (finding.starts_with("non-") && finding.contains(" value in "))
        || ["TEXT value in ", "NUMERIC value in "]
            .iter()
            .any(|start| finding.starts_with(start))
        || finding.contains("inverted index for FTS")
}

/// Enough to see past what is left alone.
pub(crate) const MOST_FINDINGS: u32 = 1000;

#[cfg(test)]
mod tests {
    use super::*;

    /// A copy of a damaged database would have been called good, or a whole one damaged.
    #[test]
    fn damage_of_the_structure_is_told_from_oddities_of_the_contents() {
        let oddities = [
            "NULL value in t.x",
            "CHECK constraint failed in t",
            "non-INTEGER value in t.x",
            "TEXT value in t.x",
            "NUMERIC value in t.x",
            "malformed inverted index for FTS5 table main.f",
        ];
        assert!(oddities.iter().all(|finding| is_of_contents(finding)));
        for damage in [
            "non-unique entry in index by_x",
            "row 3 missing from index by_x",
            "a value in no order",
        ] {
            assert!(!is_of_contents(damage), "{damage}");
        }
    }

    /// The codes of SQLite: 266 a read that failed, 522 one that was short, 267 corruption.
    #[test]
    fn a_disk_that_does_not_answer_is_told_from_a_damaged_file() {
        for unread in [
            "Tree 2: unable to get the page. error code=266",
            "freelist: failed to get page 5",
        ] {
            assert!(is_unread(unread), "{unread}");
        }
        for damaged in [
            "unable to get the page. error code=522",
            "unable to get the page. error code=267",
            "row 3 missing from index by_x",
        ] {
            assert!(!is_unread(damaged), "{damaged}");
        }
    }
}
