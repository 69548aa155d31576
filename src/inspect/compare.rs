//! `compare`: what is different between two states of a database, by rows.

use std::path::{Path, PathBuf};

use rusqlite::Connection;
use rusqlite::types::ValueRef;

use crate::options::settings::Options;
use crate::report::change::TableDifference;
use crate::report::error::{Error, ErrorKind};
#[cfg(feature = "serde")]
use crate::report::serial;
use crate::restore::find::{self, BackupRef};
use crate::rows::{
    Cells, Identity, Literal, Pair, Pairing, Shape, Side, Tally, delete_row, fewest_differences,
    insert_row, pairings, tally, told, update_row, walk,
};
use crate::sqlite::execute::failure;
use crate::sqlite::open;
use crate::sqlite::schema::catalog::{self, same_value};
use crate::sqlite::schema::difference::same_sql;
use crate::sqlite::schema::objects::{Object, ObjectKind, Schema, Table, TableKind};
use crate::sqlite::sql::name::{quote, same_name};
use crate::sqlite::view::{self, View};

/// A state of a database.
#[derive(Debug, Clone, PartialEq, Eq)]
#[cfg_attr(feature = "serde", derive(serde::Deserialize))]
#[cfg_attr(feature = "serde", serde(rename_all = "snake_case"))]
#[non_exhaustive]
pub enum StateRef {
    /// The database itself, as it is now.
    Live,
    /// A backup, a snapshot or a file.
    Backup(BackupRef),
}

/// What is different between two states. Made without writing anything.
#[derive(Debug, Clone, PartialEq, Eq)]
#[cfg_attr(feature = "serde", derive(serde::Serialize))]
#[non_exhaustive]
pub struct StateComparison {
    /// The one file.
    #[cfg_attr(feature = "serde", serde(serialize_with = "serial::path"))]
    pub from: PathBuf,
    /// The other.
    #[cfg_attr(feature = "serde", serde(serialize_with = "serial::path"))]
    pub to: PathBuf,
    /// The tables of which anything differs.
    pub tables: Vec<TableDifference>,
    /// What could not be compared, in sentences.
    pub notes: Vec<String>,
}

impl StateComparison {
    /// Whether no row differs.
    pub fn is_same(&self) -> bool {
        self.tables.is_empty()
    }
}

/// A row that differs. Values are written as SQL does.
#[derive(Debug, Clone, PartialEq, Eq)]
#[cfg_attr(feature = "serde", derive(serde::Serialize))]
#[non_exhaustive]
pub struct RowDifference {
    /// What tells it from other rows: columns, or the rowid. None where its values do.
    pub key: Vec<(String, String)>,
    /// The values that differ, or all of one that is on one side alone: the column, the value in
    /// the first state and in the second.
    pub values: Vec<(String, Option<String>, Option<String>)>,
}

/// Two states that are open.
struct States {
    from: (PathBuf, View, Schema),
    to: (PathBuf, View, Schema),
}

/// Opens a state to look into it, and says which file that is.
pub(super) fn open_state(
    options: &Options<'_>,
    database: &Path,
    state: &StateRef,
) -> Result<(PathBuf, View), Error> {
    let path = path_of(options, database, state)?;
    let mut view = view::view_of(&open::resolve(&path)?)?;
    options.set_up_to_look(&mut view.connection)?;
    Ok((path, view))
}

/// Finds the file of a state.
fn path_of(options: &Options<'_>, database: &Path, state: &StateRef) -> Result<PathBuf, Error> {
    match state {
        StateRef::Live => {
            let target = open::resolve(database)?;
            match target.metadata {
                Some(_) => Ok(target.path),
                None => Err(open::no_database(&target.path)),
            }
        }
        StateRef::Backup(wanted) => {
            let target = open::resolve(database)?;
            find::find(options, &target.path, wanted).map(|(path, _)| path)
        }
    }
}

impl States {
    fn open(
        options: &Options<'_>,
        database: &Path,
        from: &StateRef,
        to: &StateRef,
    ) -> Result<States, Error> {
        options.check_history_table()?;
        let open = |state: &StateRef| {
            let (path, view) = open_state(options, database, state)?;
            let schema = catalog::schema(&view.connection, &options.own_tables())?;
            Ok::<_, Error>((path, view, schema))
        };
        Ok(States {
            from: open(from)?,
            to: open(to)?,
        })
    }

    /// The tables of both, by the names in the second where it has them.
    fn tables(&self) -> Vec<String> {
        let mut names: Vec<String> = Vec::new();
        let all = self.to.2.tables.iter().chain(&self.from.2.tables);
        for table in all.filter(|table| is_data(table)) {
            if !names.iter().any(|name| same_name(name, &table.name)) {
                names.push(table.name.clone());
            }
        }
        names.sort();
        names
    }

    fn shapes(&self, table: &str) -> Result<(Option<Shape>, Option<Shape>), Error> {
        let of = |(_, view, schema): &(PathBuf, View, Schema)| match schema.table(table) {
            Some(table) => Shape::of_table(&view.connection, table),
            None => Ok(None),
        };
        Ok((of(&self.from)?, of(&self.to)?))
    }

    /// Whether each was read in one state.
    fn refuse_torn(&self) -> Result<(), Error> {
        for (path, view, _) in [&self.from, &self.to] {
            if !view.is_of_one_state() {
                return Err(Error::new(
                    ErrorKind::Locked,
                    format!(
                        "another program wrote to {} while it was compared",
                        path.display()
                    ),
                )
                .with_help("close the other program, and try again"));
            }
        }
        Ok(())
    }
}

/// Whether its rows are somebody's, and in no other table.
fn is_data(table: &Table) -> bool {
    table.kind != TableKind::Shadow && !table.is_derived()
}

/// Compares one table, by the names of its columns.
fn compare_table(
    from: &Connection,
    to: &Connection,
    left: &Shape,
    right: &Shape,
) -> Result<(Pairing, Tally), Error> {
    let shared = |name: &str| right.column(name).map(|column| column.name.clone());
    fewest_differences(Side::new(from, left), Side::new(to, right), &shared)
}

/// Compares two states.
pub(crate) fn compare(
    options: &Options<'_>,
    database: &Path,
    from: &StateRef,
    to: &StateRef,
) -> Result<StateComparison, Error> {
    let states = States::open(options, database, from, to)?;
    let mut found = StateComparison {
        from: states.from.0.clone(),
        to: states.to.0.clone(),
        tables: Vec::new(),
        notes: Vec::new(),
    };
    for table in states.tables() {
        options.check_cancelled()?;
        let (one, other) = (&states.from.1.connection, &states.to.1.connection);
        let rows = |connection: &Connection| {
            catalog::row_count(connection, &table).map(Option::unwrap_or_default)
        };
        let mut difference = TableDifference {
            table: table.clone(),
            ..TableDifference::default()
        };
        match states.shapes(&table)? {
            (Some(left), Some(right)) => {
                let (pairing, tally) = compare_table(one, other, &left, &right)?;
                difference = told(table.clone(), &pairing, &tally);
            }
            (left, right) => {
                let (in_from, in_to) = (states.from.2.table(&table), states.to.2.table(&table));
                if left.is_none() == in_from.is_some() || right.is_none() == in_to.is_some() {
                    found
                        .notes
                        .push(format!("`{table}` cannot be read, and was not compared"));
                    continue;
                }
                let (which, file) = match in_from {
                    Some(_) => ("first", one),
                    None => ("second", other),
                };
                let count = rows(file)?;
                found
                    .notes
                    .push(format!("only the {which} has the table `{table}`"));
                match in_from {
                    Some(_) => difference.only_in_from = count,
                    None => difference.only_in_to = count,
                }
            }
        }
        if !difference.is_none() {
            found.tables.push(difference);
        }
    }
    states.refuse_torn()?;
    Ok(found)
}

/// Tells of each row of a table that differs.
pub(crate) fn compare_rows(
    options: &Options<'_>,
    database: &Path,
    from: &StateRef,
    to: &StateRef,
    table: &str,
    each: &mut dyn FnMut(&RowDifference),
) -> Result<(), Error> {
    let states = States::open(options, database, from, to)?;
    let (one, other) = (&states.from.1.connection, &states.to.1.connection);
    let (left, right) = match states.shapes(table)? {
        (None, None) => {
            return Err(Error::new(
                ErrorKind::NotFound,
                format!("neither state has a table `{table}` that can be read"),
            )
            .with_help("check the name"));
        }
        (left, right) => (left, right),
    };
    let nothing = open::empty()?;
    let (left, right, one, other) = match (left, right) {
        (Some(left), Some(right)) => (left, right, one, other),
        // The other side is a table without rows.
        (Some(left), None) => (left.clone(), left, one, &nothing),
        (None, Some(right)) => (right.clone(), right, &nothing, other),
        (None, None) => return Ok(()),
    };
    let missing = std::ptr::eq(one, &nothing) || std::ptr::eq(other, &nothing);
    if missing {
        let columns: Vec<String> = left
            .columns
            .iter()
            .map(|column| quote(&column.name))
            .collect();
        let create = format!(
            "CREATE TABLE {} ({})",
            quote(&left.table),
            columns.join(", ")
        );
        nothing
            .execute_batch(&create)
            .map_err(|error| failure("cannot compare the rows", error))?;
    }
    let (pairing, _) = compare_table(one, other, &left, &right)?;
    let keys = key_names(&pairing, &left);
    walk(
        Side::new(one, &left),
        Side::new(other, &right),
        &pairing,
        &|_, a, b| same_value(a, b),
        &mut |pair| {
            each(&row_difference(&pair, &pairing, &keys)?);
            Ok(())
        },
    )?;
    states.refuse_torn()
}

fn key_names(pairing: &Pairing, left: &Shape) -> Vec<String> {
    match &pairing.identity {
        Identity::Rowid => vec![left.rowid.unwrap_or("rowid").to_owned()],
        Identity::Key(columns) => columns.iter().map(|(_, now)| now.clone()).collect(),
        Identity::Content => Vec::new(),
    }
}

fn row_difference(
    pair: &Pair<'_, '_>,
    pairing: &Pairing,
    keys: &[String],
) -> Result<RowDifference, Error> {
    let key = match pair {
        Pair::OnlyLeft(row) | Pair::OnlyRight(row) | Pair::Changed(row, ..) => row.key()?,
    };
    let key = keys.iter().zip(&key);
    let key = key.map(|(name, value)| (name.clone(), Literal(ValueRef::from(value)).to_string()));
    let mut values = Vec::new();
    for (index, column) in pairing.columns.iter().enumerate() {
        let (before, after) = match pair {
            Pair::OnlyLeft(row) => (column.left.as_ref().map(|_| row), None),
            Pair::OnlyRight(row) => (None, column.right.as_ref().map(|_| row)),
            Pair::Changed(_, _, differing) if !differing.contains(&index) => continue,
            Pair::Changed(before, now, _) => (Some(before), Some(now)),
        };
        let text = |row: Option<&Cells<'_, '_>>| {
            row.map(|row| Ok::<_, Error>(Literal(row.column(index)?).to_string()))
                .transpose()
        };
        values.push((column.name().to_owned(), text(before)?, text(after)?));
    }
    Ok(RowDifference {
        key: key.collect(),
        values,
    })
}

/// Gives the statements that make the first state into the second, one after the other.
pub(crate) fn compare_sql(
    options: &Options<'_>,
    database: &Path,
    from: &StateRef,
    to: &StateRef,
    each: &mut dyn FnMut(&str),
) -> Result<(), Error> {
    let states = States::open(options, database, from, to)?;
    let script = Script::of(&states)?;
    if !script.is_empty() {
        script.write(&states, each)?;
    }
    states.refuse_torn()
}

/// What makes one state into the other, in the order of the statements.
struct Script<'s> {
    /// Indexes, triggers and views that go first, the last made first.
    drops: Vec<&'s Object>,
    /// Tables that are dropped and made.
    tables: Vec<String>,
    /// Tables whose rows are written: those that are paired, or all.
    rows: Vec<(String, Option<Pairing>)>,
    /// What is made, or filled, at last.
    at_end: Vec<String>,
    /// Tables that are not in both states as they are.
    changed: Vec<String>,
}

impl<'s> Script<'s> {
    fn of(states: &'s States) -> Result<Script<'s>, Error> {
        let mut script = Script {
            drops: Vec::new(),
            tables: Vec::new(),
            rows: Vec::new(),
            at_end: Vec::new(),
            changed: Vec::new(),
        };
        let (before, after) = (&states.from.2, &states.to.2);
        for table in states.tables() {
            match (before.table(&table), after.table(&table)) {
                (Some(was), Some(is)) if same_sql(&was.sql, &is.sql) => {
                    if let Some(way) = differing(states, &table)? {
                        script.changed.push(table.clone());
                        script.rows.push((table, Some(way)));
                    }
                }
                (was, is) => {
                    if was.is_some() {
                        let sql = format!("DROP TABLE {};", quote(&table));
                        script.tables.push(sql);
                    }
                    if let Some(is) = is {
                        script.tables.push(format!("{};", is.sql));
                        script.rows.push((table.clone(), None));
                    }
                    script.changed.push(table);
                }
            }
        }
        script.objects(before, after);
        for table in after.tables.iter().filter(|table| table.is_derived()) {
            if table
                .content()
                .is_some_and(|content| script.is_changed(&content))
            {
                let name = quote(&table.name);
                let sql = format!("INSERT INTO {name} ({name}) VALUES ('rebuild');");
                script.at_end.push(sql);
            }
        }
        Ok(script)
    }

    fn is_changed(&self, table: &str) -> bool {
        self.changed.iter().any(|name| same_name(name, table))
    }

    /// Whether rows of a table are written, in a table that stays or in one that is made.
    fn has_rows(&self, table: &str, stays: bool) -> bool {
        let mut rows = self.rows.iter();
        rows.any(|(name, way)| way.is_some() == stays && same_name(name, table))
    }

    /// What hangs on a changed table is made again: a trigger would write a second time.
    fn objects(&mut self, before: &'s Schema, after: &Schema) {
        let goes = |object: &&Object| {
            let fires = object.kind == ObjectKind::Trigger && self.is_changed(&object.table);
            fires || same_object(after, object).is_none()
        };
        self.drops = before.others.iter().filter(goes).collect();
        for object in &after.others {
            let was = same_object(before, object);
            let stays = was.is_some_and(|was| !self.drops.contains(&was));
            let with_its_table =
                object.kind == ObjectKind::Index && self.has_rows(&object.table, false);
            if !stays || with_its_table {
                self.at_end.push(format!("{};", object.sql));
            }
        }
    }

    fn is_empty(&self) -> bool {
        self.tables.is_empty()
            && self.rows.is_empty()
            && self.drops.is_empty()
            && self.at_end.is_empty()
    }

    fn write(&self, states: &States, each: &mut dyn FnMut(&str)) -> Result<(), Error> {
        let (one, other) = (&states.from.1.connection, &states.to.1.connection);
        each("PRAGMA foreign_keys = OFF;");
        each("BEGIN;");
        for object in self.drops.iter().rev() {
            let goes_with_its_table = object.kind == ObjectKind::Index
                && self.is_changed(&object.table)
                && !self.has_rows(&object.table, true);
            if !goes_with_its_table {
                let name = quote(&object.name);
                each(&format!("DROP {} IF EXISTS {name};", object.kind));
            }
        }
        self.tables.iter().for_each(|statement| each(statement));
        for (table, way) in &self.rows {
            let (left, right) = states.shapes(table)?;
            let Some(right) = right else { continue };
            match (way, left) {
                (Some(way), Some(left)) => changes(one, other, &left, &right, way, each)?,
                _ => all_rows(other, &right, each)?,
            }
        }
        self.at_end.iter().for_each(|statement| each(statement));
        each("COMMIT;");
        Ok(())
    }
}

/// An object of a schema that is the same as one of another.
fn same_object<'s>(schema: &'s Schema, object: &Object) -> Option<&'s Object> {
    schema.others.iter().find(|other| {
        other.kind == object.kind
            && same_name(&other.name, &object.name)
            && same_sql(&other.sql, &object.sql)
    })
}

/// How the rows of a table that is in both states alike are paired, where they differ.
fn differing(states: &States, table: &str) -> Result<Option<Pairing>, Error> {
    let (Some(left), Some(right)) = states.shapes(table)? else {
        return Ok(None);
    };
    let shared = |name: &str| right.column(name).map(|column| column.name.clone());
    let mut ways = pairings(&left, &right, &shared);
    ways.retain(|way| way.identity != Identity::Content || left.rowid.is_none());
    let Some(way) = ways.into_iter().next() else {
        return Ok(None);
    };
    let one = Side::new(&states.from.1.connection, &left);
    let other = Side::new(&states.to.1.connection, &right);
    let found = tally(one, other, &way, &|_, a, b| same_value(a, b))?;
    Ok((!found.is_clean()).then_some(way))
}

/// Every row of a table.
fn all_rows(
    connection: &Connection,
    shape: &Shape,
    each: &mut dyn FnMut(&str),
) -> Result<(), Error> {
    let columns: Vec<String> = names_to_write(shape);
    let sql = format!(
        "SELECT {} FROM main.{} AS x",
        columns.join(", "),
        quote(&shape.table)
    );
    let mut read = || {
        let mut statement = connection.prepare(&sql)?;
        let mut rows = statement.raw_query();
        while let Some(row) = rows.next()? {
            let values = columns
                .iter()
                .enumerate()
                .map(|(at, name)| Ok((name.clone(), Literal(row.get_ref(at)?).to_string())));
            let values = values.collect::<rusqlite::Result<Vec<_>>>()?;
            each(&insert_row(&shape.table, &values));
        }
        Ok(())
    };
    read()
        .map_err(|error: rusqlite::Error| failure(format!("cannot read `{}`", shape.table), error))
}

/// Columns that are written, and the rowid where it is none of them and no key tells rows apart.
fn names_to_write(shape: &Shape) -> Vec<String> {
    let rowid = shape.rowid.filter(|_| shape.keys.is_empty());
    let columns = shape.writable().map(|column| quote(&column.name));
    rowid
        .map(str::to_owned)
        .into_iter()
        .chain(columns)
        .collect()
}

/// The statements for rows that differ. What goes does so first, so that no value occurs twice on
/// the way.
fn changes(
    one: &Connection,
    other: &Connection,
    left: &Shape,
    right: &Shape,
    way: &Pairing,
    each: &mut dyn FnMut(&str),
) -> Result<(), Error> {
    let names = key_names(way, left);
    let is_rowid = way.identity == Identity::Rowid;
    let quoted = |name: &str| match is_rowid {
        true => name.to_owned(),
        false => quote(name),
    };
    let key_of = |row: &Cells<'_, '_>| -> Result<Vec<(String, String)>, Error> {
        let values = row.key()?;
        let pairs = names.iter().zip(&values);
        Ok(pairs
            .map(|(name, value)| (quoted(name), Literal(ValueRef::from(value)).to_string()))
            .collect())
    };
    let all_of = |row: &Cells<'_, '_>| -> Result<Vec<(String, String)>, Error> {
        let mut values = match is_rowid {
            true => key_of(row)?,
            false => Vec::new(),
        };
        for (index, column) in way.columns.iter().enumerate() {
            if column.right.is_some() {
                let value = Literal(row.column(index)?).to_string();
                values.push((quote(column.name()), value));
            }
        }
        Ok(values)
    };
    let must_go = |columns: &[usize]| {
        columns.iter().any(|index| {
            let name = way.columns[*index].name();
            right.unique.iter().any(|unique| same_name(unique, name))
        })
    };
    for removes in [true, false] {
        walk(
            Side::new(one, left),
            Side::new(other, right),
            way,
            &|_, a, b| same_value(a, b),
            &mut |pair| {
                match (&pair, removes) {
                    (Pair::OnlyLeft(row), true) => {
                        let key = match names.is_empty() {
                            true => all_of(row)?,
                            false => key_of(row)?,
                        };
                        each(&delete_row(&left.table, &key));
                    }
                    (Pair::Changed(row, _, columns), true) if must_go(columns) => {
                        each(&delete_row(&left.table, &key_of(row)?));
                    }
                    (Pair::Changed(_, row, columns), false) if must_go(columns) => {
                        each(&insert_row(&right.table, &all_of(row)?));
                    }
                    (Pair::Changed(before, row, columns), false) => {
                        let mut values = Vec::new();
                        for index in *columns {
                            let value = Literal(row.column(*index)?).to_string();
                            values.push((quote(way.columns[*index].name()), value));
                        }
                        each(&update_row(&right.table, &key_of(before)?, &values));
                    }
                    (Pair::OnlyRight(row), false) => {
                        each(&insert_row(&right.table, &all_of(row)?));
                    }
                    _ => {}
                }
                Ok(())
            },
        )?;
    }
    Ok(())
}
