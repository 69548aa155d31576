//! The walk itself: two cursors in one order, side by side.

use std::cmp::Ordering;
use std::path::Path;

use fallible_streaming_iterator::FallibleStreamingIterator as _;
use rusqlite::types::{Value, ValueRef};
use rusqlite::{Connection, Row, Statement};

use super::beside::{Beside, BesideRow};
use super::pairing::Pairing;
use super::shape::Shape;
use crate::report::error::{Error, ErrorKind};
use crate::sqlite::execute::failure;
use crate::sqlite::schema::catalog::same_value;

/// A table of a database.
#[derive(Clone, Copy)]
pub(crate) struct Side<'s> {
    pub(crate) connection: &'s Connection,
    pub(crate) shape: &'s Shape,
    /// The file of the database where it is at rest, so that another connection sees the same, and
    /// large, so that it is worth a thread of its own.
    pub(crate) large_at_rest: Option<&'s Path>,
}

impl<'s> Side<'s> {
    pub(crate) fn new(connection: &'s Connection, shape: &'s Shape) -> Side<'s> {
        Side {
            connection,
            shape,
            large_at_rest: None,
        }
    }
}

/// The rows of one side.
enum Rows<'s> {
    Here(rusqlite::Rows<'s>),
    Beside(Beside),
}

#[derive(Clone, Copy)]
enum OneRow<'r, 's> {
    Here(&'r Row<'s>),
    Beside(BesideRow<'r>),
}

impl<'s> Rows<'s> {
    fn advance(&mut self) -> Result<(), Error> {
        match self {
            Rows::Here(rows) => rows.advance().map_err(cannot),
            Rows::Beside(rows) => rows.advance(),
        }
    }

    fn get(&self) -> Option<OneRow<'_, 's>> {
        match self {
            Rows::Here(rows) => rows.get().map(OneRow::Here),
            Rows::Beside(rows) => rows.get().map(OneRow::Beside),
        }
    }
}

impl<'r> OneRow<'r, '_> {
    fn value(self, index: usize) -> Result<ValueRef<'r>, Error> {
        match self {
            OneRow::Here(row) => row.get_ref(index).map_err(cannot),
            OneRow::Beside(row) => row
                .value(index)
                .ok_or_else(|| Error::new(ErrorKind::Io, format!("a row has no column {index}"))),
        }
    }
}

/// A row of one side, its key first.
#[derive(Clone, Copy)]
pub(crate) struct Cells<'r, 's> {
    row: OneRow<'r, 's>,
    keys: usize,
}

impl<'r> Cells<'r, '_> {
    /// A value of a paired column.
    pub(crate) fn column(&self, index: usize) -> Result<ValueRef<'r>, Error> {
        self.row.value(self.keys + index)
    }

    /// The key, for messages.
    pub(crate) fn key(&self) -> Result<Vec<Value>, Error> {
        (0..self.keys)
            .map(|index| Ok(owned(self.row.value(index)?)))
            .collect()
    }
}

/// What the walk meets. Rows of which nothing differs are passed over.
pub(crate) enum Pair<'r, 's> {
    OnlyLeft(Cells<'r, 's>),
    OnlyRight(Cells<'r, 's>),
    /// With the paired columns that differ.
    Changed(Cells<'r, 's>, Cells<'r, 's>, &'r [usize]),
}

/// A value of its own. Of a text that is not UTF-8, what can be read of it.
pub(crate) fn owned(value: ValueRef<'_>) -> Value {
    match value {
        ValueRef::Null => Value::Null,
        ValueRef::Integer(integer) => Value::Integer(integer),
        ValueRef::Real(real) => Value::Real(real),
        ValueRef::Text(bytes) => Value::Text(String::from_utf8_lossy(bytes).into_owned()),
        ValueRef::Blob(bytes) => Value::Blob(bytes.to_vec()),
    }
}

fn cannot(error: rusqlite::Error) -> Error {
    failure("cannot compare the rows", error)
}

/// Walks both tables. `same` says whether two values of a paired column that are not identical are
/// the same to the caller. The number of rows on the left and on the right.
pub(crate) fn walk(
    left: Side<'_>,
    right: Side<'_>,
    pairing: &Pairing,
    same: &dyn Fn(usize, ValueRef<'_>, ValueRef<'_>) -> bool,
    visit: &mut dyn FnMut(Pair<'_, '_>) -> Result<(), Error>,
) -> Result<(u64, u64), Error> {
    let (of_left, of_right, keys) = pairing.queries(left.shape, right.shape);
    let prepare = |side: Side<'_>, sql: &str| -> Result<(), Error> {
        let prepared = side.connection.prepare(sql).map(drop);
        prepared.map_err(|error| failure(format!("cannot read `{}`", side.shape.table), error))
    };
    prepare(left, &of_left)?;
    prepare(right, &of_right)?;
    let beside = match left.large_at_rest {
        Some(file) => Beside::begin(file, &of_left)?,
        None => None,
    };
    let mut of_left: Statement<'_> = left.connection.prepare(&of_left).map_err(cannot)?;
    let mut of_right = right.connection.prepare(&of_right).map_err(cannot)?;
    let mut lefts = match beside {
        Some(beside) => Rows::Beside(beside),
        None => Rows::Here(of_left.raw_query()),
    };
    let mut rights = Rows::Here(of_right.raw_query());
    let mut differing = Vec::new();
    let (mut count_left, mut count_right) = (0, 0);
    // The one that an interruption reaches comes first.
    rights.advance()?;
    lefts.advance()?;
    loop {
        let (one, other) = (lefts.get(), rights.get());
        let order = match (one, other) {
            (None, None) => return Ok((count_left, count_right)),
            (Some(_), None) => Ordering::Less,
            (None, Some(_)) => Ordering::Greater,
            (Some(one), Some(other)) => {
                let mut order = Ordering::Equal;
                for index in 0..keys {
                    order = compare(one.value(index)?, other.value(index)?);
                    if order != Ordering::Equal {
                        break;
                    }
                }
                if order == Ordering::Equal {
                    differing.clear();
                    for index in 0..pairing.columns.len() {
                        let a = one.value(keys + index)?;
                        let b = other.value(keys + index)?;
                        if !same_value(a, b) && !same(index, a, b) {
                            differing.push(index);
                        }
                    }
                    if !differing.is_empty() {
                        visit(Pair::Changed(
                            Cells { row: one, keys },
                            Cells { row: other, keys },
                            &differing,
                        ))?;
                    }
                }
                order
            }
        };
        if let Some(row) = one.filter(|_| order == Ordering::Less) {
            visit(Pair::OnlyLeft(Cells { row, keys }))?;
        }
        if let Some(row) = other.filter(|_| order == Ordering::Greater) {
            visit(Pair::OnlyRight(Cells { row, keys }))?;
        }
        if order != Ordering::Greater {
            count_left += 1;
            lefts.advance()?;
        }
        if order != Ordering::Less {
            count_right += 1;
            rights.advance()?;
        }
    }
}

/// What differs between two tables, in numbers, with an example of each.
#[derive(Debug, Clone, Default, PartialEq)]
pub(crate) struct Tally {
    pub(crate) left: u64,
    pub(crate) right: u64,
    pub(crate) only_left: u64,
    pub(crate) only_right: u64,
    pub(crate) changed: u64,
    /// One for each paired column.
    pub(crate) columns: Vec<ColumnTally>,
    /// The key of a row that is only on the left.
    pub(crate) example: Option<Vec<Value>>,
}

/// The same of one column.
#[derive(Debug, Clone, Default, PartialEq)]
pub(crate) struct ColumnTally {
    /// Rows in which the value is another one.
    pub(crate) changed: u64,
    /// Of those, the ones in which there was a value before.
    pub(crate) overwritten: u64,
    /// Of those, the ones in which there is none now.
    pub(crate) emptied: u64,
    /// Key, value before and value now of the first that was overwritten.
    pub(crate) example: Option<(Vec<Value>, Value, Value)>,
}

impl Tally {
    /// Whether nothing differs.
    pub(crate) fn is_clean(&self) -> bool {
        self.only_left + self.only_right + self.changed == 0
    }
}

/// Counts what differs.
pub(crate) fn tally(
    left: Side<'_>,
    right: Side<'_>,
    pairing: &Pairing,
    same: &dyn Fn(usize, ValueRef<'_>, ValueRef<'_>) -> bool,
) -> Result<Tally, Error> {
    let mut found = Tally {
        columns: vec![ColumnTally::default(); pairing.columns.len()],
        ..Tally::default()
    };
    let counts = walk(left, right, pairing, same, &mut |pair| {
        match pair {
            Pair::OnlyLeft(row) => {
                found.only_left += 1;
                if found.example.is_none() {
                    found.example = Some(row.key()?);
                }
            }
            Pair::OnlyRight(_) => found.only_right += 1,
            Pair::Changed(before, now, columns) => {
                found.changed += 1;
                for &index in columns {
                    let column = &mut found.columns[index];
                    let (old, new) = (before.column(index)?, now.column(index)?);
                    column.changed += 1;
                    if is_empty(old) {
                        continue;
                    }
                    column.overwritten += 1;
                    column.emptied += u64::from(is_empty(new));
                    if column.example.is_none() {
                        column.example = Some((before.key()?, owned(old), owned(new)));
                    }
                }
            }
        }
        Ok(())
    })?;
    (found.left, found.right) = counts;
    Ok(found)
}

/// Whether there is no value: NULL, or a text or a blob of no length.
pub(crate) fn is_empty(value: ValueRef<'_>) -> bool {
    match value {
        ValueRef::Null => true,
        ValueRef::Text(bytes) | ValueRef::Blob(bytes) => bytes.is_empty(),
        ValueRef::Integer(_) | ValueRef::Real(_) => false,
    }
}

/// Whether a value that a column of another type took in is still the one it was: what a person
/// reads in it is the same.
pub(crate) fn same_meaning(before: ValueRef<'_>, now: ValueRef<'_>) -> bool {
    let number = |text: &[u8], number: ValueRef<'_>| {
        let Ok(text) = std::str::from_utf8(text) else {
            return false;
        };
        match number {
            ValueRef::Integer(integer) => {
                text == integer.to_string()
                    || text.strip_suffix(".0") == Some(integer.to_string().as_str())
            }
            ValueRef::Real(real) => text.parse() == Ok(real),
            _ => false,
        }
    };
    match (before, now) {
        (ValueRef::Text(text), ValueRef::Integer(_) | ValueRef::Real(_)) => number(text, now),
        (ValueRef::Integer(_) | ValueRef::Real(_), ValueRef::Text(text)) => number(text, before),
        (ValueRef::Integer(_), ValueRef::Real(_)) | (ValueRef::Real(_), ValueRef::Integer(_)) => {
            compare(before, now) == Ordering::Equal
        }
        (ValueRef::Text(one), ValueRef::Blob(other))
        | (ValueRef::Blob(one), ValueRef::Text(other)) => one == other,
        (one, other) => same_value(one, other),
    }
}

/// The order in which SQLite sorts (<https://sqlite.org/datatype3.html#sort_order>): NULL,
/// numbers by their value, texts and blobs by their bytes.
fn compare(one: ValueRef<'_>, other: ValueRef<'_>) -> Ordering {
    let rank = |value: &ValueRef<'_>| match value {
        ValueRef::Null => 0,
        ValueRef::Integer(_) | ValueRef::Real(_) => 1,
        ValueRef::Text(_) => 2,
        ValueRef::Blob(_) => 3,
    };
    match (one, other) {
        (ValueRef::Integer(one), ValueRef::Integer(other)) => one.cmp(&other),
        (ValueRef::Real(one), ValueRef::Real(other)) => {
            one.partial_cmp(&other).unwrap_or(Ordering::Equal)
        }
        (ValueRef::Integer(one), ValueRef::Real(other)) => with_real(one, other),
        (ValueRef::Real(one), ValueRef::Integer(other)) => with_real(other, one).reverse(),
        (ValueRef::Text(one), ValueRef::Text(other))
        | (ValueRef::Blob(one), ValueRef::Blob(other)) => one.cmp(other),
        (one, other) => rank(&one).cmp(&rank(&other)),
    }
}

/// An integer and a floating-point number, exactly.
fn with_real(integer: i64, real: f64) -> Ordering {
    const LIMIT: f64 = 9_223_372_036_854_775_808.0;
    if real >= LIMIT {
        return Ordering::Less;
    }
    if real < -LIMIT {
        return Ordering::Greater;
    }
    // In the range, so that nothing is cut off but the fraction.
    #[allow(clippy::cast_possible_truncation)]
    let whole = real.trunc() as i64;
    let fraction = real.fract();
    integer.cmp(&whole).then(if fraction > 0.0 {
        Ordering::Less
    } else if fraction < 0.0 {
        Ordering::Greater
    } else {
        Ordering::Equal
    })
}

#[cfg(test)]
mod tests {
    use super::super::pairing::{Identity, PairedColumn, identities};
    use super::*;
    use crate::sqlite::open;

    fn database(sql: &str) -> Connection {
        let connection = Connection::open_in_memory().unwrap();
        connection.execute_batch(sql).unwrap();
        connection
    }

    fn differences(before: &str, after: &str) -> (u64, u64, u64) {
        let (left, right) = (database(before), database(after));
        let of = |connection| Shape::of(connection, "t").unwrap().unwrap();
        let (one, other) = (of(&left), of(&right));
        let shared = |name: &str| other.column(name).map(|column| column.name.clone());
        let columns = one.columns.iter().map(|column| PairedColumn {
            left: Some(column.name.clone()),
            right: shared(&column.name),
        });
        let pairing = Pairing {
            identity: identities(&one, &other, &shared).remove(0),
            columns: columns.collect(),
        };
        let tally = tally(
            Side::new(&left, &one),
            Side::new(&right, &other),
            &pairing,
            &|_, a, b| same_value(a, b),
        )
        .unwrap();
        (tally.only_left, tally.only_right, tally.changed)
    }

    #[test]
    fn rows_are_paired_by_what_tells_them_apart() {
        for (table, before, after, expected) in [
            (
                "t(id INTEGER PRIMARY KEY, a)",
                "(1, 'x'), (2, 'y')",
                "(2, 'z'), (3, 'x')",
                (1, 1, 1),
            ),
            (
                "t(k TEXT PRIMARY KEY, a)",
                "('b', 1), ('a', 2)",
                "('a', 2), ('b', 1)",
                (0, 0, 0),
            ),
            (
                "t(k TEXT PRIMARY KEY COLLATE NOCASE, a)",
                "('b', 1), ('A', 2), ('C', 3)",
                "('a', 2), ('b', 1), ('C', 3)",
                (1, 1, 0),
            ),
            (
                "t(k, l, a, PRIMARY KEY (l, k)) WITHOUT ROWID",
                "(1, 'x', 1), (1, 'y', 2), (2, 'x', 3)",
                "(1, 'x', 9), (2, 'x', 3), (2, 'y', 4)",
                (1, 1, 1),
            ),
            ("t(a, b)", "(1, 2), (3, 4)", "(1, 2), (3, 5)", (0, 0, 1)),
            (
                "t(k PRIMARY KEY, a)",
                "(NULL, 1), (1, 1), (1.5, 1), ('1', 1), (x'31', 1)",
                "(x'31', 1), ('1', 1), (1.5, 1), (1, 1), (NULL, 1)",
                (0, 0, 0),
            ),
            (
                "t(k UNIQUE NOT NULL, a)",
                "('b', 1), ('a', 2)",
                "('a', 2), ('b', 3)",
                (0, 0, 1),
            ),
        ] {
            let sql = |rows: &str| format!("CREATE TABLE {table}; INSERT INTO t VALUES {rows};");
            assert_eq!(differences(&sql(before), &sql(after)), expected, "{table}");
        }
    }

    #[test]
    fn a_key_of_another_type_is_the_same_key() {
        let before =
            "CREATE TABLE t(k TEXT PRIMARY KEY, a); INSERT INTO t VALUES ('9', 1), ('10', 2);";
        let after =
            "CREATE TABLE t(k INTEGER PRIMARY KEY, a); INSERT INTO t VALUES (9, 1), (10, 2);";
        assert_eq!(differences(before, after).0, 0);
    }

    #[test]
    fn rows_without_a_key_can_be_compared_by_what_they_hold() {
        let left = database("CREATE TABLE t(a, b); INSERT INTO t VALUES (1, 2), (1, 2), (3, 4);");
        let right = database("CREATE TABLE t(a, b); INSERT INTO t VALUES (3, 4), (1, 2), (5, 6);");
        let of = |connection| Shape::of(connection, "t").unwrap().unwrap();
        let (one, other) = (of(&left), of(&right));
        let column = |name: &str| PairedColumn {
            left: Some(name.into()),
            right: Some(name.into()),
        };
        let pairing = Pairing {
            identity: Identity::Content,
            columns: vec![column("a"), column("b")],
        };
        let found = tally(
            Side::new(&left, &one),
            Side::new(&right, &other),
            &pairing,
            &|_, a, b| same_value(a, b),
        );
        let found = found.unwrap();
        assert_eq!((found.left, found.right), (3, 3));
        assert_eq!(
            (found.only_left, found.only_right, found.changed),
            (1, 1, 0)
        );
    }

    #[test]
    fn a_converted_value_is_the_same_where_it_reads_the_same() {
        let text = |text: &'static str| ValueRef::Text(text.as_bytes());
        for (before, now, expected) in [
            (text("12"), ValueRef::Integer(12), true),
            (text("12.0"), ValueRef::Integer(12), true),
            (text("007"), ValueRef::Integer(7), false),
            (text("1.5"), ValueRef::Real(1.5), true),
            (ValueRef::Integer(3), ValueRef::Real(3.0), true),
            (
                ValueRef::Integer(9_007_199_254_740_993),
                ValueRef::Real(9_007_199_254_740_992.0),
                false,
            ),
            (ValueRef::Integer(3), text("3"), true),
            (text("a"), text("b"), false),
            (text("a"), ValueRef::Null, false),
        ] {
            assert_eq!(same_meaning(before, now), expected, "{before:?} {now:?}");
        }
    }

    /// The same is found whether the left side is read here or in a thread of its own, in the middle
    /// of what is handed over at once, at its ends and of rows that are longer.
    #[test]
    fn a_side_that_is_read_beside_says_the_same() {
        let folder = tempfile::tempdir().unwrap();
        for (number, (rows, changes)) in [
            ("WHERE 0", ""),
            ("LIMIT 1", ""),
            ("", ""),
            ("", "DELETE FROM t WHERE id IN (1, 3000, 9999)"),
            ("", "INSERT INTO t SELECT id + 20000, a, b FROM t"),
            (
                "",
                "UPDATE t SET a = NULL WHERE id % 7 = 0; UPDATE t SET b = -b WHERE id = 10000",
            ),
            ("", "UPDATE t SET id = -id"),
            ("", "UPDATE t SET a = zeroblob(900000) WHERE id = 5000"),
        ]
        .into_iter()
        .enumerate()
        {
            let path = folder.path().join(format!("{number}.db"));
            let made = Connection::open(&path).unwrap();
            made.execute_batch(&format!(
                "CREATE TABLE t (id INTEGER PRIMARY KEY, a, b REAL);
                 WITH RECURSIVE n (i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n WHERE i < 10000)
                 INSERT INTO t SELECT i, CASE i % 4 WHEN 0 THEN 'text ' || i WHEN 1 THEN i
                     WHEN 2 THEN CAST('blob ' || i AS BLOB) END, i / 3.0 FROM n {rows};
                 UPDATE t SET a = zeroblob(700000) WHERE id IN (4, 9998);"
            ))
            .unwrap();
            drop(made);
            let left = open::copy(&path).unwrap();
            let right = database("");
            right
                .execute("ATTACH ?1 AS other", [path.to_string_lossy()])
                .unwrap();
            right
                .execute_batch(&format!(
                    "CREATE TABLE t (id INTEGER PRIMARY KEY, a, b REAL);
                     INSERT INTO t SELECT * FROM other.t; {changes}"
                ))
                .unwrap();
            let shape = Shape::of(&left, "t").unwrap().unwrap();
            let column = |name: &str| PairedColumn {
                left: Some(name.into()),
                right: Some(name.into()),
            };
            for identity in [
                Identity::Key(vec![("id".into(), "id".into())]),
                Identity::Content,
            ] {
                let pairing = Pairing {
                    identity,
                    columns: ["a", "b"].map(column).to_vec(),
                };
                let found = |file| {
                    let mut one = Side::new(&left, &shape);
                    one.large_at_rest = file;
                    let other = Side::new(&right, &shape);
                    tally(one, other, &pairing, &|_, a, b| same_value(a, b)).unwrap()
                };
                let here = found(None);
                assert_eq!(found(Some(&path)), here, "{rows} {changes}");
                assert_eq!(
                    here.is_clean(),
                    changes.is_empty() || {
                        let by_content = pairing.identity == Identity::Content;
                        by_content && changes.contains("SET id")
                    }
                );
            }
        }
    }

    #[test]
    fn a_side_beside_that_cannot_be_read_to_its_end_is_not_one_that_ended() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("a.db");
        let fill = "CREATE TABLE t (id INTEGER PRIMARY KEY, a);
            WITH RECURSIVE n (i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n WHERE i < 50000)
            INSERT INTO t SELECT i, 'text ' || i FROM n;";
        Connection::open(&path)
            .unwrap()
            .execute_batch(fill)
            .unwrap();
        let mut bytes = std::fs::read(&path).unwrap();
        let middle = bytes.len() / 8192 * 4096;
        bytes[middle..middle + 4096].fill(7);
        std::fs::write(&path, bytes).unwrap();
        let (left, right) = (open::copy(&path).unwrap(), database(fill));
        let shape = Shape::of(&left, "t").unwrap().unwrap();
        let pairing = Pairing {
            identity: Identity::Rowid,
            columns: Vec::new(),
        };
        let mut one = Side::new(&left, &shape);
        one.large_at_rest = Some(&path);
        let other = Side::new(&right, &shape);
        let error = tally(one, other, &pairing, &|_, a, b| same_value(a, b)).unwrap_err();
        assert!(
            error.to_string().contains("cannot compare the rows"),
            "{error}"
        );
    }
}
