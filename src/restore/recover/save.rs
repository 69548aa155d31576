//! `recover`: the pages of a damaged file walked without SQLite, and their rows put into a new one.

use std::collections::BTreeSet;
use std::path::Path;

use rusqlite::types::{ToSql, ToSqlOutput, Value, ValueRef};
use rusqlite::{Connection, Statement, params_from_iter};

use crate::migration::compare::afresh;
use crate::options::settings::{Options, memory};
use crate::report::error::{Error, ErrorKind};
use crate::restore::recover::pages::{Pages, Read, Row};
use crate::restore::recover::recovery::{RecoveredTable, Recovery};
use crate::run::engine::dry_run::DryRun;
use crate::sqlite::disk::raw::RawFile;
use crate::sqlite::disk::scratch::Scratch;
use crate::sqlite::disk::{files, lock, space};
use crate::sqlite::execute::{failure, text};
use crate::sqlite::page_format::Tree;
use crate::sqlite::schema::catalog;
use crate::sqlite::schema::objects::{ObjectKind, TableKind};
use crate::sqlite::sql::name::{quote, same_name};
use crate::sqlite::sql::token::Tokens;
use crate::sqlite::{integrity, open};

/// Where rows go that belong to no table that is known.
const LOST: &str = "lost_and_found";

/// Reads what is left of a database, and writes it into a new file.
pub(crate) fn recover(options: &Options<'_>, path: &Path, into: &Path) -> Result<Recovery, Error> {
    let target = open::resolve(path)?;
    let database = &target.path;
    if files::length(database)? == 0 {
        return Err(open::no_database(database));
    }
    if files::is_there(into)? {
        return Err(Error::usage(
            format!("{} exists already", into.display()),
            "choose another name: a recovery replaces nothing",
        ));
    }
    if let Some(holder) = lock::held_by(database) {
        return Err(
            Error::new(ErrorKind::Locked, format!("{holder} uses the database"))
                .with_help("close it, and try again"),
        );
    }
    let scratch = Scratch::new()?;
    let room = files::length(database)?;
    let temporary = scratch.path().parent().unwrap_or(database);
    let help = "free some space there";
    space::check_room(temporary, "a private copy of the database", room, help)?;
    let staging = files::companion(scratch.path(), ".partial");
    files::copy_damaged(database, scratch.path(), &staging)?;
    options.check_cancelled()?;
    take_in_the_log(scratch.path());
    let pages = Pages::read(RawFile::open(scratch.path())?)?;
    if let Some(folder) = into
        .parent()
        .filter(|folder| !folder.as_os_str().is_empty())
    {
        files::create_folders(folder)?;
    }
    files::create_like(into, database)?;
    let saved = save(options, pages, into, database);
    if saved.is_err() {
        files::remove(into)?;
    }
    saved
}

/// Plays back a journal, and moves the write-ahead log into the copy. Where SQLite cannot, the file
/// alone is read.
fn take_in_the_log(copy: &Path) {
    let moved = open::writer(copy).and_then(|connection| {
        catalog::number(&connection, "SELECT count(*) FROM sqlite_schema")?;
        catalog::number(&connection, "PRAGMA wal_checkpoint(TRUNCATE)")
    });
    log::debug!("the log of the damaged database: {moved:?}");
}

/// One line of the schema.
struct Entry {
    kind: String,
    name: String,
    table: String,
    root: u32,
    sql: Option<String>,
}

/// A table of the new file, and how its rows are put into it.
struct Table {
    name: String,
    root: u32,
    tree: Tree,
    /// The columns that are given a value, in quotes.
    names: Vec<String>,
    /// What the rowid is called, where it is given beside them.
    rowid: Option<&'static str>,
    /// For each column that is given a value, its place in the record.
    places: Vec<usize>,
    /// The place of the column that is the rowid, which a record has as NULL.
    alias: Option<usize>,
    /// The places of columns that must not be NULL.
    not_null: Vec<usize>,
    stored: usize,
    found: RecoveredTable,
}

impl ToSql for Read {
    fn to_sql(&self) -> rusqlite::Result<ToSqlOutput<'_>> {
        Ok(match self {
            Read::Value(value) => ToSqlOutput::Borrowed(value.into()),
            Read::Text(bytes) => ToSqlOutput::Borrowed(ValueRef::Text(bytes)),
        })
    }
}

fn cannot(error: rusqlite::Error) -> Error {
    failure("cannot write the recovered database", error)
}

fn save(
    options: &Options<'_>,
    mut pages: Pages,
    into: &Path,
    database: &Path,
) -> Result<Recovery, Error> {
    let new = open::writer(into)?;
    options.set_up(&new)?;
    let run = |sql: &str| new.execute_batch(sql).map_err(cannot);
    run(&format!(
        "PRAGMA page_size = {}; PRAGMA encoding = '{}'; PRAGMA journal_mode = DELETE;
         PRAGMA foreign_keys = OFF; PRAGMA ignore_check_constraints = ON; PRAGMA recursive_triggers = OFF;
         PRAGMA user_version = {}; PRAGMA application_id = {}; BEGIN IMMEDIATE",
        pages.size(),
        pages.encoding(),
        pages.user_version,
        pages.application_id
    ))?;
    let mut notes = Vec::new();
    if !pages.has_header {
        notes.push(
            "the head of the file is damaged: page size and encoding were guessed".to_owned(),
        );
    }
    let (mut entries, is_damaged) = schema(&mut pages)?;
    if is_damaged {
        notes.push("the schema is damaged: tables are made as the migrations give them, and their rows told from others by their shape".to_owned());
        for given in from_migrations(options).unwrap_or_default() {
            if !entries
                .iter()
                .any(|entry| same_name(&entry.name, &given.name))
            {
                entries.push(given);
            }
        }
    }
    let is_virtual = |entry: &Entry| entry.root == 0 || is_virtual(entry.sql.as_deref());
    let mut tables = Vec::new();
    for entry in entries.iter().filter(|entry| entry.kind == "table") {
        let Some(sql) = entry.sql.as_deref().filter(|_| !is_virtual(entry)) else {
            continue;
        };
        if is_internal(&entry.name) {
            continue;
        }
        match new
            .execute_batch(sql)
            .map_err(cannot)
            .and_then(|()| table(&new, entry))
        {
            Ok(table) => tables.push(table),
            Err(error) => notes.push(format!(
                "the table `{}` could not be made: {error}",
                entry.name
            )),
        }
    }
    for table in &mut tables {
        options.check_cancelled()?;
        let mut roots = vec![table.root];
        while let Some(page) = roots.pop() {
            match pages.node(page, table.tree)? {
                None => table.found.damaged_pages += 1,
                Some(node) => {
                    // From the last to the first, so that the first is taken next.
                    roots.extend(node.children.iter().rev());
                    table.found.damaged_pages += u64::from(node.unread > 0);
                    put(&new, table, &node.rows)?;
                }
            }
        }
    }
    sequences(&new, &mut pages, &entries)?;
    // Entries of indexes are claimed, and say how many rows there were.
    let whole = indexes(&mut pages, &entries)?;
    let lost_and_found = orphans(options, &new, &mut pages, &mut tables)?;
    for table in &mut tables {
        let entries = whole
            .iter()
            .filter(|(name, _)| same_name(name, &table.name));
        let most = entries.map(|(_, entries)| *entries).max().unwrap_or(0);
        table.found.lost = table.found.lost.max(most.saturating_sub(table.found.rows));
    }
    for entry in entries
        .iter()
        .filter(|entry| entry.kind == "table" && is_virtual(entry))
    {
        let sql = "INSERT INTO sqlite_schema (type, name, tbl_name, rootpage, sql) VALUES ('table', ?1, ?1, 0, ?2)";
        run("PRAGMA writable_schema = ON")?;
        new.execute(sql, (&entry.name, &entry.sql))
            .map_err(cannot)?;
        let kept_in = format!("{}_", entry.name.to_ascii_lowercase());
        let of_it = |table: &&Table| table.name.to_ascii_lowercase().starts_with(&kept_in);
        let mut of_it = tables.iter().filter(of_it);
        if of_it.any(|table| table.found.lost > 0 || table.found.damaged_pages > 0) {
            notes.push(format!(
                "rebuild the virtual table `{}`: not all of its contents were found",
                entry.name
            ));
        }
    }
    run("PRAGMA writable_schema = RESET")?;
    for kind in ["index", "view", "trigger"] {
        for entry in entries.iter().filter(|entry| entry.kind == kind) {
            let Some(sql) = &entry.sql else { continue };
            if let Err(error) = new.execute_batch(sql) {
                notes.push(format!(
                    "the {kind} `{}` could not be made: {}",
                    entry.name,
                    text(&error)
                ));
            }
        }
    }
    run("COMMIT")?;
    for finding in integrity::integrity_findings(&new)?.into_iter().take(TOLD) {
        notes.push(format!("in the new file: {finding}"));
    }
    drop(new);
    files::sync_file(into)?;
    let mut tables: Vec<RecoveredTable> = tables.into_iter().map(|table| table.found).collect();
    tables.sort_by(|one, other| one.table.cmp(&other.table));
    Ok(Recovery {
        database: database.to_owned(),
        file: into.to_owned(),
        tables,
        lost_and_found,
        notes,
    })
}

/// So many findings of the new file are told.
const TOLD: usize = 5;

fn is_internal(name: &str) -> bool {
    name.get(.."sqlite_".len())
        .is_some_and(|prefix| same_name(prefix, "sqlite_"))
}

fn is_virtual(sql: Option<&str>) -> bool {
    let mut tokens = Tokens::new(sql.unwrap_or_default());
    tokens.nth(1).is_some_and(|token| token.word() == "VIRTUAL")
}

/// The schema as far as it can be read, and where its own pages are damaged, what looks like it on
/// others.
fn schema(pages: &mut Pages) -> Result<(Vec<Entry>, bool), Error> {
    let mut found = Vec::new();
    let mut is_damaged = false;
    let mut next = vec![1];
    while let Some(page) = next.pop() {
        match pages.node(page, Tree::Table)? {
            None => is_damaged = true,
            Some(node) => {
                is_damaged |= node.unread > 0;
                next.extend(node.children.iter().rev());
                found.extend(node.rows.iter().filter_map(|(_, values)| entry(values)));
            }
        }
    }
    if is_damaged {
        for page in pages.orphans() {
            let Some(node) = pages.look(page, Tree::Table)? else {
                continue;
            };
            let read: Vec<Option<Entry>> =
                node.rows.iter().map(|(_, values)| entry(values)).collect();
            if !read.is_empty() && read.iter().all(Option::is_some) {
                pages.node(page, Tree::Table)?;
                found.extend(read.into_iter().flatten());
            }
        }
    }
    let mut seen = BTreeSet::new();
    found.retain(|entry: &Entry| seen.insert(entry.name.to_ascii_lowercase()));
    Ok((found, is_damaged))
}

/// What the migrations make, for a file that does not say any more what is in it.
fn from_migrations(options: &Options<'_>) -> Result<Vec<Entry>, Error> {
    let empty = memory(options)?;
    let mut replay = DryRun::of(&empty, options)?;
    for list in options.lists()? {
        for migration in afresh(&list) {
            replay.file(&migration.up)?;
        }
    }
    let schema = replay.schema();
    let tables = schema
        .tables
        .iter()
        .filter(|table| table.kind == TableKind::Ordinary);
    let tables = tables.map(|table| ("table", &table.name, &table.name, &table.sql));
    let others = schema.others.iter().map(|object| {
        let kind = match object.kind {
            ObjectKind::Index => "index",
            ObjectKind::View => "view",
            ObjectKind::Trigger => "trigger",
        };
        (kind, &object.name, &object.table, &object.sql)
    });
    let entry = |(kind, name, table, sql): (&str, &String, &String, &String)| Entry {
        kind: kind.to_owned(),
        name: name.clone(),
        table: table.clone(),
        root: UNKNOWN,
        sql: Some(sql.clone()),
    };
    Ok(tables.chain(others).map(entry).collect())
}

/// No page has this number.
const UNKNOWN: u32 = u32::MAX;

fn entry(values: &[Read]) -> Option<Entry> {
    let [kind, name, table, root, sql] = values else {
        return None;
    };
    let kind = kind.as_text()?;
    let is_known = ["table", "index", "view", "trigger"].contains(&kind);
    let sql = if sql.is_null() {
        None
    } else {
        Some(sql.as_text()?.to_owned())
    };
    is_known.then_some(())?;
    Some(Entry {
        kind: kind.to_owned(),
        name: name.as_text()?.to_owned(),
        table: table.as_text()?.to_owned(),
        root: u32::try_from(root.as_number().unwrap_or(0)).ok()?,
        sql,
    })
}

/// How a record of a table that was made is put into it.
fn table(new: &Connection, entry: &Entry) -> Result<Table, Error> {
    struct Column {
        name: String,
        is_integer: bool,
        not_null: bool,
        key: i64,
        hidden: i64,
    }
    let columns = || {
        let mut statement = new.prepare(
            "SELECT name, type = 'INTEGER' COLLATE NOCASE, \"notnull\", pk, hidden FROM pragma_table_xinfo(?1, 'main')",
        )?;
        let rows = statement.query_map([&entry.name], |row| {
            Ok(Column {
                name: row.get(0)?,
                is_integer: row.get(1)?,
                not_null: row.get(2)?,
                key: row.get(3)?,
                hidden: row.get(4)?,
            })
        })?;
        rows.collect::<rusqlite::Result<Vec<Column>>>()
    };
    let ask = |sql: &str| {
        new.query_row(sql, [&entry.name], |row| row.get::<_, bool>(0))
            .map_err(cannot)
    };
    let columns = columns().map_err(cannot)?;
    let made = catalog::table_named(new, &entry.name).map_err(cannot)?;
    let without_rowid = made.is_some_and(|table| table.options().without_rowid);
    let has_key_index =
        ask("SELECT count(*) > 0 FROM pragma_index_list(?1, 'main') WHERE origin = 'pk'")?;
    // A record has the stored columns in their order; without rowids the key's come first.
    let mut order: Vec<&Column> = columns.iter().filter(|column| column.hidden != 2).collect();
    if without_rowid {
        order.sort_by_key(|column| if column.key > 0 { column.key } else { i64::MAX });
    }
    let is_alias =
        |column: &&Column| !without_rowid && !has_key_index && column.key == 1 && column.is_integer;
    let alias = order.iter().position(is_alias);
    let free = ["rowid", "_rowid_", "oid"].into_iter();
    let mut free = free.filter(|name| !columns.iter().any(|column| same_name(&column.name, name)));
    let rowid = free.next().filter(|_| !without_rowid && alias.is_none());
    let given: Vec<(usize, &Column)> = order
        .iter()
        .copied()
        .enumerate()
        .filter(|(_, column)| column.hidden == 0)
        .collect();
    let not_null = given
        .iter()
        .filter(|(place, column)| column.not_null && alias != Some(*place));
    Ok(Table {
        name: entry.name.clone(),
        root: entry.root,
        tree: if without_rowid {
            Tree::Index
        } else {
            Tree::Table
        },
        names: given
            .iter()
            .map(|(_, column)| quote(&column.name))
            .collect(),
        rowid,
        not_null: not_null.map(|(place, _)| *place).collect(),
        places: given.iter().map(|(place, _)| *place).collect(),
        alias,
        stored: order.len(),
        found: RecoveredTable {
            table: entry.name.clone(),
            rows: 0,
            lost: 0,
            damaged_pages: 0,
        },
    })
}

impl Table {
    /// The statement for a record of this many values: one from before a column was added has fewer,
    /// and the rest are the defaults.
    fn insert(&self, values: usize) -> String {
        let given = self.places.iter().zip(&self.names);
        let given = given.filter(|(place, _)| **place < values);
        let names: Vec<&str> = given
            .map(|(_, name)| name.as_str())
            .chain(self.rowid)
            .collect();
        format!(
            "INSERT OR IGNORE INTO main.{} ({}) VALUES ({})",
            quote(&self.name),
            names.join(", "),
            vec!["?"; names.len()].join(", ")
        )
    }

    /// Whether a record can be one of this table's.
    fn fits(&self, values: &[Read]) -> bool {
        let is_null = |place: &usize| values.get(*place).is_some_and(Read::is_null);
        values.len() == self.stored
            && self.alias.is_none_or(|alias| is_null(&alias))
            && !self.not_null.iter().any(is_null)
    }
}

/// Puts the rows of a page into their table, and returns those that it does not take.
fn put<'r>(new: &Connection, table: &mut Table, rows: &'r [Row]) -> Result<Vec<&'r Row>, Error> {
    let mut refused = Vec::new();
    let mut prepared: Option<(usize, Statement<'_>)> = None;
    for row in rows {
        let (rowid, values) = row;
        let rowid = Read::Value(rowid.map_or(Value::Null, Value::Integer));
        let places = table.places.iter().filter(|place| **place < values.len());
        let given = places.map(|place| match table.alias == Some(*place) {
            true => &rowid,
            false => &values[*place],
        });
        let given = given.chain(table.rowid.map(|_| &rowid));
        let statement = match &mut prepared {
            Some((length, statement)) if *length == values.len() => statement,
            _ => {
                let statement = new.prepare(&table.insert(values.len())).map_err(cannot)?;
                &mut prepared.insert((values.len(), statement)).1
            }
        };
        match statement.execute(params_from_iter(given)) {
            Ok(1..) => table.found.rows += 1,
            Ok(0) => refused.push(row),
            Err(error) if is_refused(&error) => refused.push(row),
            Err(error) => return Err(cannot(error)),
        }
    }
    table.found.lost += refused.len() as u64;
    Ok(refused)
}

/// Whether a row was refused, and not the file.
fn is_refused(error: &rusqlite::Error) -> bool {
    use rusqlite::ErrorCode;
    matches!(
        error.sqlite_error_code(),
        Some(ErrorCode::ConstraintViolation | ErrorCode::TypeMismatch | ErrorCode::Unknown)
    )
}

/// The counters of AUTOINCREMENT.
fn sequences(new: &Connection, pages: &mut Pages, entries: &[Entry]) -> Result<(), Error> {
    let counters = entries
        .iter()
        .find(|entry| same_name(&entry.name, "sqlite_sequence"));
    let mut next: Vec<u32> = counters.map(|entry| entry.root).into_iter().collect();
    while let Some(page) = next.pop() {
        let Some(node) = pages.node(page, Tree::Table)? else {
            continue;
        };
        next.extend(node.children);
        for (_, values) in &node.rows {
            if let [table, counter] = values.as_slice()
                && let (Some(table), Some(counter)) = (table.as_text(), counter.as_number())
                && !catalog::column_names(new, "sqlite_sequence").is_empty()
                && !catalog::column_names(new, table).is_empty()
            {
                catalog::raise_sequence(new, table, counter)?;
            }
        }
    }
    Ok(())
}

/// The indexes that can be read whole and name every row, with their tables and how many entries
/// they have. What is below the other ones is claimed as well.
fn indexes(pages: &mut Pages, entries: &[Entry]) -> Result<Vec<(String, u64)>, Error> {
    let mut whole = Vec::new();
    let others = entries
        .iter()
        .filter(|entry| entry.kind == "index" || is_internal(&entry.name));
    for entry in others.filter(|entry| entry.root > 0 && entry.root != UNKNOWN) {
        let tree = if entry.kind == "index" {
            Tree::Index
        } else {
            Tree::Table
        };
        let (mut rows, mut is_whole) = (0, true);
        let mut next = vec![entry.root];
        while let Some(page) = next.pop() {
            match pages.node(page, tree)? {
                None => is_whole = false,
                Some(node) => {
                    is_whole &= node.unread == 0;
                    rows += node.rows.len() as u64;
                    next.extend(node.children);
                }
            }
        }
        let sql = entry.sql.as_deref().unwrap_or_default();
        let is_partial = Tokens::new(sql).any(|token| token.word() == "WHERE");
        if is_whole && !is_partial && tree == Tree::Index {
            whole.push((entry.table.clone(), rows));
        }
    }
    Ok(whole)
}

/// Rows on pages that nothing leads to any more. Where one damaged table alone can have had them,
/// they are its; the others go into a table of their own.
fn orphans(
    options: &Options<'_>,
    new: &Connection,
    pages: &mut Pages,
    tables: &mut [Table],
) -> Result<Option<RecoveredTable>, Error> {
    let taken = |name: &str| !catalog::column_names(new, name).is_empty();
    let mut names = (0..).map(|number| match number {
        0 => LOST.to_owned(),
        number => format!("{LOST}_{number}"),
    });
    let name = names.find(|name| !taken(name)).unwrap_or_default();
    let mut columns = 0;
    let mut kept = 0;
    for page in pages.orphans() {
        options.check_cancelled()?;
        let Some(node) = pages.node(page, Tree::Table)? else {
            continue;
        };
        let fitting = |table: &&mut Table| {
            table.found.damaged_pages > 0
                && table.tree == Tree::Table
                && node.rows.iter().all(|(_, values)| table.fits(values))
        };
        let mut fitting: Vec<&mut Table> = tables.iter_mut().filter(fitting).collect();
        let left: Vec<&Row> = match fitting.as_mut_slice() {
            [table] => {
                let lost = table.found.lost;
                let left = put(new, table, &node.rows)?;
                table.found.lost = lost;
                left
            }
            _ => node.rows.iter().collect(),
        };
        for (rowid, values) in left {
            while columns < values.len().max(1) {
                let sql = match columns {
                    0 => format!(
                        "CREATE TABLE {name} (page INTEGER, fields INTEGER, id INTEGER, c0)"
                    ),
                    column => format!("ALTER TABLE {name} ADD COLUMN c{column}"),
                };
                new.execute_batch(&sql).map_err(cannot)?;
                columns += 1;
            }
            let marks = vec!["?"; values.len() + 3].join(", ");
            let named: Vec<String> = (0..values.len())
                .map(|column| format!("c{column}"))
                .collect();
            let sql = format!(
                "INSERT INTO {name} (page, fields, id, {}) VALUES ({marks})",
                named.join(", ")
            );
            let number = |number: i64| Read::Value(Value::Integer(number));
            let fields = i64::try_from(values.len()).unwrap_or(0);
            let head = [
                number(i64::from(page)),
                number(fields),
                number(rowid.unwrap_or(0)),
            ];
            let put = new.prepare(&sql).and_then(|mut statement| {
                statement.execute(params_from_iter(head.iter().chain(values)))
            });
            put.map_err(cannot)?;
            kept += 1;
        }
    }
    Ok((kept > 0).then_some(RecoveredTable {
        table: name,
        rows: kept,
        lost: 0,
        damaged_pages: 0,
    }))
}
