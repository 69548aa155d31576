//! Reading what a database holds: its schema, its counts, its references, its contents.

use std::collections::{BTreeMap, BTreeSet, HashMap};

use rusqlite::config::DbConfig;
use rusqlite::types::ValueRef;
use rusqlite::{Connection, ErrorCode, OptionalExtension, Row};

use crate::report::error::Error;
use crate::report::loss::{Loss, Lost};
use crate::sqlite::execute::{code, failure, is_no_such_table, is_wrong_sql, lossy, text};
use crate::sqlite::own_tables::OwnTables;
use crate::sqlite::schema::objects::{Column, Object, ObjectKind, Schema, Table, TableKind};
use crate::sqlite::schema::table_tracker::{PossibleLoss, TableTracker, narrowing};
use crate::sqlite::sql::name::{quote, same_name};
use crate::sqlite::sql::token::Tokens;

/// `pragma_table_list` is not asked, which compiles every view, whatever it is asked for.
const TABLES: &str = "SELECT name, sql FROM main.sqlite_schema WHERE type = 'table' ORDER BY rowid";
/// A virtual table has no page of its own.
const VIRTUAL: &str = "SELECT name, sql FROM main.sqlite_schema
    WHERE type = 'table' AND coalesce(rootpage, 0) = 0";
const NAMED: &str = "SELECT name, sql FROM main.sqlite_schema
    WHERE type = 'table' AND name = ?1 COLLATE NOCASE";
/// In the order in which the objects were made, which is an order in which they can be
/// made again.
const OBJECTS: &str = "SELECT type, name, tbl_name, sql FROM main.sqlite_schema
    WHERE sql IS NOT NULL AND name NOT LIKE 'sqlite\\_%' ESCAPE '\\' ORDER BY rowid";
const COLUMNS: &str = "SELECT name, type, hidden FROM pragma_table_xinfo(?1, 'main')";
const HIDDEN: i64 = 1;
const PLAIN: i64 = 0;

fn cannot(error: rusqlite::Error) -> Error {
    failure("cannot read the schema", error)
}

/// A single number.
pub(crate) fn number(connection: &Connection, sql: &str) -> Result<i64, Error> {
    connection
        .query_row(sql, [], |row| row.get(0))
        .map_err(|error| failure(format!("cannot run `{sql}`"), error))
}

/// A single word.
pub(crate) fn word(connection: &Connection, sql: &str) -> Result<String, Error> {
    connection
        .query_row(sql, [], |row| row.get(0))
        .map_err(|error| failure(format!("cannot run `{sql}`"), error))
}

/// One row of `sqlite_schema`.
#[derive(PartialEq, Eq)]
pub(crate) struct CatalogEntry {
    pub(crate) kind: String,
    pub(crate) name: String,
    pub(crate) table: String,
    pub(crate) sql: String,
}

/// The rows of `sqlite_schema` that have a text, SQLite's own tables left out.
pub(crate) fn entries(connection: &Connection) -> Result<Vec<CatalogEntry>, Error> {
    let read = || {
        let mut statement = connection.prepare(OBJECTS)?;
        let rows = statement.query_map([], |row| {
            Ok(CatalogEntry {
                kind: lossy(row, 0)?,
                name: lossy(row, 1)?,
                table: lossy(row, 2)?,
                sql: lossy(row, 3)?,
            })
        })?;
        rows.collect::<rusqlite::Result<Vec<_>>>()
    };
    read().map_err(cannot)
}

/// A table, as its text has it.
pub(crate) struct TableEntry {
    pub(crate) name: String,
    pub(crate) kind: TableKind,
    sql: String,
}

/// What follows the columns of a table.
#[derive(Clone, Copy, Default)]
pub(crate) struct TableOptions {
    pub(crate) without_rowid: bool,
    pub(crate) strict: bool,
}

impl TableOptions {
    /// Those of a table by its statement.
    pub(crate) fn of(sql: &str) -> TableOptions {
        let mut options = TableOptions::default();
        let mut depth = 0;
        let mut is_behind = false;
        for token in Tokens::new(sql) {
            depth += token.nesting();
            if is_behind {
                let word = token.word();
                options.without_rowid |= word == "ROWID";
                options.strict |= word == "STRICT";
            }
            is_behind |= depth == 0 && token.text == ")";
        }
        options
    }
}

/// The module of a virtual table by its statement.
pub(crate) fn module_of(sql: &str) -> Option<String> {
    let mut tokens = Tokens::new(sql).skip_while(|token| token.word() != "USING");
    tokens.nth(1).map(|module| module.name().into_owned())
}

impl TableEntry {
    /// Shadow tables are not told from others yet.
    fn read(row: &Row<'_>) -> rusqlite::Result<TableEntry> {
        let sql = lossy(row, 1)?;
        let mut words = Tokens::new(&sql).map(|token| token.word());
        let is_virtual =
            words.next().as_deref() == Some("CREATE") && words.next().as_deref() == Some("VIRTUAL");
        drop(words);
        Ok(TableEntry {
            name: lossy(row, 0)?,
            kind: match is_virtual {
                true => TableKind::Virtual,
                false => TableKind::Ordinary,
            },
            sql,
        })
    }

    /// The statement that makes it.
    pub(crate) fn sql(&self) -> &str {
        &self.sql
    }

    pub(crate) fn options(&self) -> TableOptions {
        match self.kind {
            TableKind::Virtual => TableOptions::default(),
            TableKind::Ordinary | TableKind::Shadow => TableOptions::of(&self.sql),
        }
    }

    /// Whether it is called like the storage of a virtual table.
    fn is_called_like_that_of(&self, owner: &str) -> bool {
        let begin = self.name.as_bytes().get(..owner.len());
        self.kind == TableKind::Ordinary
            && begin.is_some_and(|begin| begin.eq_ignore_ascii_case(owner.as_bytes()))
            && self.name.as_bytes().get(owner.len()) == Some(&b'_')
    }
}

impl From<&Table> for TableEntry {
    fn from(table: &Table) -> TableEntry {
        TableEntry {
            name: table.name.clone(),
            kind: table.kind,
            sql: table.sql.clone(),
        }
    }
}

/// Every table, SQLite's own among them, in the order in which they were made.
pub(crate) fn tables(connection: &Connection) -> Result<Vec<TableEntry>, Error> {
    let read = || {
        let mut statement = connection.prepare(TABLES)?;
        let rows = statement.query_map([], TableEntry::read)?;
        rows.collect::<rusqlite::Result<Vec<_>>>()
    };
    let mut tables = read().map_err(cannot)?;
    tell_shadows(connection, &mut tables);
    tables.push(TableEntry {
        name: "sqlite_schema".to_owned(),
        kind: TableKind::Ordinary,
        sql: String::new(),
    });
    Ok(tables)
}

/// The table of a name.
pub(crate) fn table_named(
    connection: &Connection,
    name: &str,
) -> rusqlite::Result<Option<TableEntry>> {
    let mut statement = connection.prepare(NAMED)?;
    let mut found = statement.query_row([name], TableEntry::read).optional()?;
    if let Some(table) = &mut found
        && table.name.contains('_')
    {
        // Its owner must be there to be recognised.
        let mut statement = connection.prepare(VIRTUAL)?;
        let rows = statement.query_map([], TableEntry::read)?;
        for other in rows {
            let other = other?;
            if other.kind == TableKind::Virtual
                && table.is_called_like_that_of(&other.name)
                && is_shadow(connection, &table.name)
            {
                table.kind = TableKind::Shadow;
            }
        }
    }
    Ok(found)
}

/// Recognises the tables in which virtual ones keep their rows.
fn tell_shadows(connection: &Connection, tables: &mut [TableEntry]) {
    let owners = tables.iter().filter(|it| it.kind == TableKind::Virtual);
    let owners: Vec<String> = owners.map(|owner| owner.name.clone()).collect();
    for table in tables {
        let mut owners = owners.iter();
        if owners.any(|owner| table.is_called_like_that_of(owner))
            && is_shadow(connection, &table.name)
        {
            table.kind = TableKind::Shadow;
        }
    }
}

/// Whether a table is a module's own: SQLite then lets nobody else write to it, where it is told to
/// (<https://sqlite.org/c3ref/c_dbconfig_defensive.html#sqlitedbconfigdefensive>).
fn is_shadow(connection: &Connection, table: &str) -> bool {
    let switches = [
        (DbConfig::SQLITE_DBCONFIG_DEFENSIVE, true),
        // A trigger would be compiled, and the views that it reads.
        (DbConfig::SQLITE_DBCONFIG_ENABLE_TRIGGER, false),
    ];
    let before = switches.map(|(switch, value)| {
        let before = connection.db_config(switch).unwrap_or(!value);
        let _ = connection.set_db_config(switch, value);
        (switch, before)
    });
    // Asked before an authorizer is, which the connection may have.
    let sql = format!("DELETE FROM main.{}", quote(table));
    let error = connection.prepare(&sql).err();
    for (switch, value) in before {
        let _ = connection.set_db_config(switch, value);
    }
    error.is_some_and(|error| text(&error).ends_with(" may not be modified"))
}

/// The kind of each table, by name.
pub(crate) fn table_kinds(connection: &Connection) -> Result<Vec<(String, TableKind)>, Error> {
    let tables = tables(connection)?.into_iter();
    Ok(tables.map(|table| (table.name, table.kind)).collect())
}

/// Reads the schema, without what is not part of it.
pub(crate) fn schema(connection: &Connection, own: &OwnTables<'_>) -> Result<Schema, Error> {
    schema_since(connection, own, &Schema::default())
}

/// The same, where the schema was read a few statements ago: of a table with the text it had then,
/// the columns are not read again.
pub(crate) fn schema_since(
    connection: &Connection,
    own: &OwnTables<'_>,
    known: &Schema,
) -> Result<Schema, Error> {
    schema_of(connection, |table| !own.hold(table), known)
}

/// Reads the schema with every table but SQLite's own.
pub(crate) fn whole_schema(connection: &Connection) -> Result<Schema, Error> {
    schema_of(connection, |_| true, &Schema::default())
}

fn schema_of(
    connection: &Connection,
    wanted: impl Fn(&str) -> bool,
    known: &Schema,
) -> Result<Schema, Error> {
    let kinds: HashMap<String, TableKind> = table_kinds(connection)?
        .into_iter()
        .map(|(table, kind)| (table.to_ascii_lowercase(), kind))
        .collect();
    let known: HashMap<&str, &Table> = known
        .tables
        .iter()
        .map(|table| (table.name.as_str(), table))
        .collect();
    let mut schema = Schema::default();
    for CatalogEntry {
        kind,
        name,
        table,
        sql,
    } in entries(connection)?
    {
        if !wanted(&table) {
            continue;
        }
        let object = match kind.as_str() {
            "index" => ObjectKind::Index,
            "trigger" => ObjectKind::Trigger,
            "view" => ObjectKind::View,
            _ => {
                let kind = kinds.get(&name.to_ascii_lowercase()).copied();
                let kind = kind.unwrap_or(TableKind::Ordinary);
                let unchanged = known.get(name.as_str()).filter(|known| {
                    kind == TableKind::Ordinary && known.kind == kind && known.sql == sql
                });
                let columns = match unchanged {
                    Some(known) => known.columns.clone(),
                    // A virtual table whose module is not here has no columns to read.
                    None => columns(connection, &name).unwrap_or_default(),
                };
                schema.tables.push(Table {
                    name,
                    kind,
                    columns,
                    sql,
                });
                continue;
            }
        };
        schema.others.push(Object {
            kind: object,
            name,
            table,
            sql,
        });
    }
    Ok(schema)
}

fn columns(connection: &Connection, table: &str) -> rusqlite::Result<Vec<Column>> {
    let mut statement = connection.prepare(COLUMNS)?;
    let rows = statement.query_map([table], |row| {
        let hidden: i64 = row.get(2)?;
        Ok((
            Column {
                name: lossy(row, 0)?,
                declared: lossy(row, 1)?,
                generated: hidden != PLAIN,
            },
            hidden,
        ))
    })?;
    rows.filter(|row| !matches!(row, Ok((_, HIDDEN))))
        .map(|row| row.map(|(column, _)| column))
        .collect()
}

/// The columns that can be written to, none where the table cannot be read.
pub(crate) fn column_names(connection: &Connection, table: &str) -> Vec<String> {
    names_of_writable(columns(connection, table).unwrap_or_default())
}

fn names_of_writable(columns: Vec<Column>) -> Vec<String> {
    let writable = columns.into_iter().filter(|column| !column.generated);
    writable.map(|column| column.name).collect()
}

/// The answer, none where the question makes no sense (a module that is missing, a column called
/// `rowid` that is none). A disk that fails is not such an answer: the error may have ended the
/// transaction, and whoever went on would write outside of it.
fn where_it_can_be_asked<T>(answer: rusqlite::Result<T>, table: &str) -> Result<Option<T>, Error> {
    match answer {
        Ok(answer) => Ok(Some(answer)),
        Err(error) => match code(&error) {
            None | Some(ErrorCode::Unknown) => Ok(None),
            Some(_) => Err(failure(format!("cannot read `{table}`"), error)),
        },
    }
}

/// How many rows a table has, none where that cannot be asked.
pub(crate) fn row_count(connection: &Connection, table: &str) -> Result<Option<u64>, Error> {
    // Without a condition SQLite counts pages of rows at once.
    counted(connection, table, "")
}

/// How many rows of a table meet a condition, none where that cannot be asked.
pub(crate) fn rows_where(
    connection: &Connection,
    table: &str,
    condition: &str,
) -> Result<Option<u64>, Error> {
    counted(connection, table, &format!(" WHERE {condition}"))
}

fn counted(connection: &Connection, table: &str, filter: &str) -> Result<Option<u64>, Error> {
    let sql = format!("SELECT count(*) FROM main.{}{filter}", quote(table));
    let count = connection.query_row(&sql, [], |row| row.get(0).map(i64::unsigned_abs));
    where_it_can_be_asked(count, table)
}

/// What kind of table a name stands for, and how its rows are distinguished.
pub(crate) struct Rowids {
    /// The table's name as it was given to it.
    pub(crate) table: String,
    pub(crate) kind: TableKind,
    /// What the rowid can be called, none in a table without rowids.
    pub(crate) alias: Option<&'static str>,
    /// Whether the rowid is a column (`INTEGER PRIMARY KEY`), so that VACUUM and a rebuild keep
    /// it.
    pub(crate) is_a_column: bool,
}

/// Looks a table up. None where there is none of that name.
pub(crate) fn rowids(connection: &Connection, table: &str) -> Result<Option<Rowids>, Error> {
    let Some(entry) = table_named(connection, table).map_err(cannot)? else {
        return Ok(None);
    };
    rowids_of(connection, entry).map(Some)
}

/// The same of a table that was looked up.
pub(crate) fn rowids_of(connection: &Connection, entry: TableEntry) -> Result<Rowids, Error> {
    // A key that is not a rowid has an index.
    const IS_A_COLUMN: &str = "SELECT
        EXISTS (SELECT 1 FROM pragma_table_info(?1, 'main') WHERE pk > 0)
        AND NOT EXISTS (SELECT 1 FROM pragma_index_list(?1, 'main') WHERE origin = 'pk')";
    let without_rowid = entry.options().without_rowid;
    let TableEntry {
        name: table, kind, ..
    } = entry;
    let columns = columns(connection, &table).map_err(cannot)?;
    let is_free = |alias: &&&str| !columns.iter().any(|column| same_name(&column.name, alias));
    let mut aliases = ["rowid", "_rowid_", "oid"].iter();
    let alias = aliases.find(is_free).filter(|_| !without_rowid).copied();
    let is_a_column = connection
        .query_row(IS_A_COLUMN, [&table], |row| row.get(0))
        .map_err(cannot)?;
    Ok(Rowids {
        table,
        kind,
        alias,
        is_a_column,
    })
}

/// The bytes of the whole database.
pub(crate) fn bytes(connection: &Connection) -> Result<u64, Error> {
    let pages = number(connection, "PRAGMA page_count")?;
    Ok(pages.unsigned_abs() * number(connection, "PRAGMA page_size")?.unsigned_abs())
}

/// The bytes of a table and its indexes, by reading their pages and no others. None where
/// SQLite was built without `dbstat` (<https://sqlite.org/dbstat.html>).
pub(crate) fn table_bytes(connection: &Connection, table: &str) -> Option<u64> {
    let sql = "SELECT sum(pgsize) FROM dbstat WHERE schema = 'main' AND aggregate = TRUE AND name IN (
            SELECT name FROM main.sqlite_schema WHERE tbl_name = ?1 COLLATE NOCASE AND rootpage > 0)";
    let read = |row: &rusqlite::Row<'_>| row.get::<_, i64>(0).map(i64::unsigned_abs);
    connection.query_row(sql, [table], read).ok()
}

/// The bytes of every table and index by name, by reading every page. None where SQLite was
/// built without `dbstat`.
pub(crate) fn sizes(connection: &Connection) -> Result<Option<BTreeMap<String, u64>>, Error> {
    let sql = "SELECT name, pgsize FROM dbstat WHERE schema = 'main' AND aggregate = TRUE";
    let read = |row: &rusqlite::Row<'_>| Ok((lossy(row, 0)?, row.get::<_, i64>(1)?.unsigned_abs()));
    let mut statement = match connection.prepare(sql) {
        Err(error) if is_no_such_table(&error) => return Ok(None),
        prepared => prepared.map_err(cannot)?,
    };
    let sizes = statement.query_map([], read).and_then(Iterator::collect);
    sizes
        .map(Some)
        .map_err(|error| failure("cannot measure the tables", error))
}

/// How many indexes a table has, those of its constraints among them.
pub(crate) fn index_count(connection: &Connection, table: &str) -> u64 {
    let sql = "SELECT count(*) FROM pragma_index_list(?1, 'main')";
    let read = |row: &rusqlite::Row<'_>| row.get::<_, i64>(0).map(i64::unsigned_abs);
    connection.query_row(sql, [table], read).unwrap_or_default()
}

/// What tells whether a table that is rebuilt holds what it held.
#[cfg(feature = "devtools")]
#[derive(Debug, Default, PartialEq)]
pub(crate) struct Contents {
    /// Values that are not NULL, by the column's name in small letters.
    pub(crate) values: BTreeMap<String, u64>,
    /// The smallest rowid, the largest and their sum. None for a table that has none.
    pub(crate) rowids: Option<(i64, i64, f64)>,
}

/// Reads a table once for that. None where that cannot be asked.
#[cfg(feature = "devtools")]
pub(crate) fn contents(connection: &Connection, table: &str) -> Result<Option<Contents>, Error> {
    let columns = where_it_can_be_asked(columns(connection, table), table)?;
    let columns = names_of_writable(columns.unwrap_or_default());
    let counts: String = columns
        .iter()
        .map(|column| format!(", count({})", quote(column)))
        .collect();
    let name = quote(table);
    let read = |sum: &str| {
        let sql = format!("SELECT {sum}{counts} FROM main.{name} AS x");
        let read = |row: &rusqlite::Row<'_>| {
            let count = |index: usize| row.get::<_, i64>(index + 1).map(i64::unsigned_abs);
            let named = columns.iter().enumerate();
            let values = named
                .map(|(index, column)| Ok((column.to_ascii_lowercase(), count(index)?)))
                .collect::<rusqlite::Result<_>>()?;
            Ok((row.get::<_, Option<f64>>(0)?, values))
        };
        where_it_can_be_asked(connection.query_row(&sql, [], read), table)
    };
    let read = match read("total(x.rowid)")? {
        None => read("NULL")?,
        read => read,
    };
    let Some((sum, values)) = read else {
        return Ok(None);
    };
    // By themselves they are at the ends of the tree, and cost nothing.
    let end = |which: &str| {
        let sql = format!("SELECT coalesce({which}(x.rowid), 0) FROM main.{name} AS x");
        where_it_can_be_asked(connection.query_row(&sql, [], |row| row.get(0)), table)
    };
    let rowids = match sum {
        Some(sum) => end("min")?
            .zip(end("max")?)
            .map(|(min, max)| (min, max, sum)),
        None => None,
    };
    Ok(Some(Contents { values, rowids }))
}

/// Row counts of every table that is somebody's data, by original name.
pub(crate) fn row_counts(
    connection: &Connection,
    lineage: &TableTracker,
) -> Result<BTreeMap<String, u64>, Error> {
    lineage
        .tables()
        .filter_map(|(origin, now)| match row_count(connection, now) {
            Ok(count) => Some(Ok((origin.to_owned(), count?))),
            Err(error) => Some(Err(error)),
        })
        .collect()
}

/// Counts what a candidate would lose. None when there is nothing to lose.
pub(crate) fn count_loss(
    connection: &Connection,
    candidate: &PossibleLoss,
) -> Result<Option<Loss>, Error> {
    let PossibleLoss { table, lost } = candidate;
    let filter = match lost {
        Lost::Table | Lost::Rows => "1".to_owned(),
        Lost::Column(column) | Lost::Generated(column) => format!("{} IS NOT NULL", quote(column)),
        Lost::Narrowed { column, from, to } => match narrowing(column, from, to) {
            Some(condition) => condition,
            None => return Ok(None),
        },
    };
    let sql = format!("SELECT count(*) FROM main.{} WHERE {filter}", quote(table));
    let count: i64 = connection
        .query_row(&sql, [], |row| row.get(0))
        .map_err(|error| failure(format!("cannot count the rows of `{table}`"), error))?;
    Ok((count > 0).then(|| Loss {
        table: table.clone(),
        what: lost.clone(),
        count: u64::try_from(count).unwrap_or_default(),
    }))
}

/// The rows whose reference has no target: by child and parent table, in small letters,
/// their rowids. A row of a WITHOUT ROWID table has none and counts as 0, so that they are
/// compared as a multiset. Eight bytes each, because there may be many.
pub(crate) type Violations = BTreeMap<(String, String), Vec<i64>>;

/// The violations, and the tables whose references cannot be checked at all
/// (`foreign key mismatch`), with SQLite's words.
#[derive(Debug, Default, PartialEq, Eq)]
pub(crate) struct References {
    pub(crate) violations: Violations,
    pub(crate) broken: BTreeMap<String, String>,
}

/// Checks every reference.
pub(crate) fn references(connection: &Connection) -> Result<References, Error> {
    // Table by table only where a mismatch in one table ends the check of all.
    match violations(connection, "PRAGMA main.foreign_key_check") {
        Ok(violations) => Ok(References {
            violations,
            ..References::default()
        }),
        Err(error) if is_wrong_sql(&error) => {
            let tables = table_kinds(connection)?.into_iter();
            let tables = tables.filter(|(_, kind)| *kind == TableKind::Ordinary);
            let tables: Vec<String> = tables.map(|(table, _)| table).collect();
            references_of(connection, &tables)
        }
        Err(error) => Err(failure("cannot check the foreign keys", error)),
    }
}

/// Checks the references of some tables.
pub(crate) fn references_of(
    connection: &Connection,
    tables: &[String],
) -> Result<References, Error> {
    let mut found = References::default();
    for table in tables {
        let check = format!("PRAGMA main.foreign_key_check({})", quote(table));
        match violations(connection, &check) {
            Ok(violations) => found.violations.extend(violations),
            Err(error) if is_wrong_sql(&error) => {
                found.broken.insert(
                    table.to_ascii_lowercase(),
                    crate::sqlite::execute::text(&error),
                );
            }
            Err(error) => return Err(failure("cannot check the foreign keys", error)),
        }
    }
    Ok(found)
}

fn violations(connection: &Connection, check: &str) -> rusqlite::Result<Violations> {
    let mut violations = Violations::new();
    let mut statement = connection.prepare(check)?;
    let mut rows = statement.raw_query();
    while let Some(row) = rows.next()? {
        let small = |index| lossy(row, index).map(|name| name.to_ascii_lowercase());
        let tables = (small(0)?, small(2)?);
        let rowid: Option<i64> = row.get(1)?;
        violations
            .entry(tables)
            .or_default()
            .push(rowid.unwrap_or(0));
    }
    Ok(violations)
}

/// Every reference by child and parent, in small letters.
pub(crate) fn referring(connection: &Connection) -> Result<BTreeSet<(String, String)>, Error> {
    let read = || {
        let mut statement = connection.prepare(
            "SELECT DISTINCT lower(child.name), lower(reference.\"table\")
             FROM main.sqlite_schema AS child, pragma_foreign_key_list(child.name) AS reference
             WHERE child.type = 'table'",
        )?;
        let rows = statement.query_map([], |row| Ok((row.get(0)?, row.get(1)?)))?;
        rows.collect::<rusqlite::Result<_>>()
    };
    read().map_err(cannot)
}

/// The parent that SQLite names where a reference matches no key
/// (`foreign key mismatch - "child" referencing "parent"`), in small letters.
pub(crate) fn mismatched_parent(message: &str) -> Option<String> {
    let (_, parent) = message.rsplit_once(" referencing \"")?;
    Some(parent.strip_suffix('"')?.to_ascii_lowercase())
}

/// The references whose parent table is not there: child and parent.
pub(crate) fn dangling(connection: &Connection) -> Result<Vec<(String, String)>, Error> {
    let read = || {
        let mut statement = connection.prepare(
            "SELECT DISTINCT child.name, reference.\"table\"
             FROM main.sqlite_schema AS child, pragma_foreign_key_list(child.name) AS reference
             WHERE child.type = 'table' AND NOT EXISTS (
                 SELECT 1 FROM main.sqlite_schema AS parent
                 WHERE parent.type = 'table'
                 AND parent.name = reference.\"table\" COLLATE NOCASE)",
        )?;
        let rows = statement.query_map([], |row| Ok((lossy(row, 0)?, lossy(row, 1)?)))?;
        rows.collect::<rusqlite::Result<_>>()
    };
    read().map_err(cannot)
}

/// The AUTOINCREMENT sequences, by table.
pub(crate) fn sequences(connection: &Connection) -> Result<BTreeMap<String, i64>, Error> {
    let mut statement = match connection.prepare("SELECT name, seq FROM main.sqlite_sequence") {
        Err(error) if crate::sqlite::execute::is_no_such_table(&error) => {
            return Ok(BTreeMap::new());
        }
        prepared => prepared.map_err(cannot)?,
    };
    let rows = statement
        .query_map([], |row| Ok((row.get(0)?, row.get(1)?)))
        .map_err(cannot)?;
    // A sequence that is not a number is somebody's own doing, and nothing to keep.
    Ok(rows.filter_map(Result::ok).collect())
}

/// Puts an AUTOINCREMENT sequence back where a rebuild lowered it. True when it had to.
pub(crate) fn raise_sequence(
    connection: &Connection,
    table: &str,
    mark: i64,
) -> Result<bool, Error> {
    let present = sequences(connection)?
        .into_iter()
        .find(|(name, _)| same_name(name, table));
    let write = |sql: &str, name: &str| {
        connection
            .execute(sql, rusqlite::params![name, mark])
            .map_err(|error| failure("cannot keep an AUTOINCREMENT sequence", error))
    };
    match present {
        Some((_, seq)) if seq >= mark => Ok(false),
        Some((name, _)) => write("UPDATE sqlite_sequence SET seq = ?2 WHERE name = ?1", &name)
            .map(|changed| changed > 0),
        // No row was copied: without a row of its own the count would start at the beginning.
        None => {
            let counts = connection
                .query_row(
                    "SELECT 1 FROM main.sqlite_schema WHERE type = 'table'
                     AND name = ?1 COLLATE NOCASE AND sql LIKE '%AUTOINCREMENT%'",
                    [table],
                    |_| Ok(()),
                )
                .optional()
                .map_err(cannot)?;
            match counts {
                Some(()) => write(
                    "INSERT INTO sqlite_sequence (name, seq) VALUES (?1, ?2)",
                    table,
                )
                .map(|changed| changed > 0),
                None => Ok(false),
            }
        }
    }
}

/// Reads two databases side by side and says where they first differ: header fields,
/// schema, then every row of every table with its rowid, typed. Memory stays flat.
pub(crate) fn first_difference(
    one: &Connection,
    other: &Connection,
) -> Result<Option<String>, Error> {
    for pragma in ["user_version", "application_id", "encoding", "auto_vacuum"] {
        let sql = format!("PRAGMA {pragma}");
        let value = |connection: &Connection| {
            connection
                .query_row(&sql, [], |row| Ok(format!("{:?}", row.get_ref(0)?)))
                .map_err(|error| failure(format!("cannot run `{sql}`"), error))
        };
        if value(one)? != value(other)? {
            return Ok(Some(pragma.to_owned()));
        }
    }
    let listing = "SELECT type, name, tbl_name, sql FROM main.sqlite_schema ORDER BY 1, 2, 3";
    if !same_rows(one, other, listing)? {
        return Ok(Some("the schema".into()));
    }
    let mut tables: Vec<String> = table_kinds(one)?
        .into_iter()
        // A virtual table's rows lie in its shadow tables.
        .filter(|(_, kind)| *kind != TableKind::Virtual)
        .map(|(name, _)| name)
        .collect();
    tables.retain(|name| !same_name(name, "sqlite_schema"));
    for table in tables {
        let all = format!("SELECT * FROM main.{}", quote(&table));
        let with_rowid = ["rowid", "_rowid_", "oid"]
            .iter()
            .map(|alias| format!("SELECT x.{alias}, x.* FROM main.{} AS x", quote(&table)))
            .find(|sql| one.prepare(sql).is_ok());
        if !same_rows(one, other, with_rowid.as_deref().unwrap_or(&all))? {
            return Ok(Some(format!("table `{table}`")));
        }
    }
    Ok(None)
}

pub(crate) fn same_rows(one: &Connection, other: &Connection, sql: &str) -> Result<bool, Error> {
    let compare = || {
        let (mut left, mut right) = (one.prepare(sql)?, other.prepare(sql)?);
        let columns = left.column_count();
        if columns != right.column_count() {
            return Ok(false);
        }
        let (mut left, mut right) = (left.raw_query(), right.raw_query());
        loop {
            match (left.next()?, right.next()?) {
                (None, None) => return Ok(true),
                (Some(left), Some(right)) => {
                    for index in 0..columns {
                        if !same_value(left.get_ref(index)?, right.get_ref(index)?) {
                            return Ok(false);
                        }
                    }
                }
                _ => return Ok(false),
            }
        }
    };
    compare().map_err(|error: rusqlite::Error| failure("cannot compare with the copy", error))
}

/// Bit for bit and type for type: a NaN equals itself here, and 0.0 is not -0.0.
pub(crate) fn same_value(one: ValueRef<'_>, other: ValueRef<'_>) -> bool {
    match (one, other) {
        (ValueRef::Real(one), ValueRef::Real(other)) => one.to_bits() == other.to_bits(),
        (one, other) => one == other,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_module_of_a_virtual_table_is_read_from_its_statement() {
        let search = "CREATE VIRTUAL TABLE s USING \"fts5\"(text, content='notes')";
        assert_eq!(module_of(search).as_deref(), Some("fts5"));
    }
}
