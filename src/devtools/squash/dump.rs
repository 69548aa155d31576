//! A database as one file: its schema in an order in which it can be made, and its rows. And
//! whether two databases hold the same.

use rusqlite::Connection;
use rusqlite::types::ValueRef;

use crate::devtools::alter::compose::composer::model;
use crate::devtools::model::diff::difference;
use crate::options::settings::{Options, memory};
use crate::report::error::{Error, invalid};
use crate::sqlite::execute::{failure, text};
use crate::sqlite::schema::catalog::{self, same_rows};
use crate::sqlite::schema::empty_copy::copy_schema;
use crate::sqlite::schema::objects::{ObjectKind, Schema, Table, TableKind};
use crate::sqlite::schema::parsed::edits::ColumnOrder;
use crate::sqlite::schema::parsed::table::Definition;
use crate::sqlite::sql::name::{plain, quote, same_name};
use crate::sqlite::sql::token::Tokens;

/// How many rows an INSERT puts in, so that a reader and SQLite find an end.
const ROWS: usize = 200;

/// The settings of a database that lie in its file.
const SETTINGS: [&str; 4] = ["user_version", "application_id", "encoding", "auto_vacuum"];

/// The statements that make a database like `original`, with its rows. The schema is written as
/// `texts` has it, which must be the same.
///
/// # Errors
/// `InvalidMigration`, where what there is cannot be said in statements.
pub(crate) fn dump(
    options: &Options<'_>,
    original: &Connection,
    texts: &Schema,
) -> Result<String, Error> {
    // Tables that are only called like a module's storage, and somebody's data.
    let (_, likenesses) = copy_schema(original, &memory(options)?)?;
    let mut draft = DumpDraft {
        original,
        copy: memory(options)?,
        sql: String::new(),
    };
    let stored = |table: &&Table| {
        let alike = || likenesses.iter().any(|name| same_name(name, &table.name));
        match table.kind {
            TableKind::Ordinary => true,
            TableKind::Shadow => alike(),
            TableKind::Virtual => false,
        }
    };
    let virtual_tables = || {
        let tables = texts.tables.iter();
        tables.filter(|table| table.kind == TableKind::Virtual)
    };
    let objects = |kind| {
        texts
            .others
            .iter()
            .filter(move |object| object.kind == kind)
    };
    let tables: Vec<&Table> = texts.tables.iter().filter(stored).collect();
    for table in tables.iter().copied().chain(virtual_tables()) {
        draft.add(&table.sql)?;
    }
    for table in tables {
        draft.rows_of_table(table)?;
    }
    draft.sequences()?;
    for object in objects(ObjectKind::Index).chain(objects(ObjectKind::View)) {
        draft.add(&object.sql)?;
    }
    // A search table may take its rows from a view; and a trigger would fill it once more.
    for table in virtual_tables() {
        draft.rows_of_virtual(table)?;
    }
    for object in objects(ObjectKind::Trigger) {
        draft.add(&object.sql)?;
    }
    draft.settings()?;
    Ok(draft.sql)
}

/// A file in the making, each statement run as soon as it is written.
struct DumpDraft<'d> {
    original: &'d Connection,
    copy: Connection,
    sql: String,
}

impl DumpDraft<'_> {
    fn add(&mut self, statement: &str) -> Result<(), Error> {
        let statement = statement.trim_end();
        self.copy.execute_batch(statement).map_err(|error| {
            invalid(format!(
                "what the migrations give cannot be made at once: {}",
                text(&error)
            ))
            .with_statement(statement)
        })?;
        self.sql += statement;
        self.sql += ";\n";
        Ok(())
    }

    fn rows_of_table(&mut self, table: &Table) -> Result<(), Error> {
        let name = quote(&table.name);
        let mut columns = catalog::column_names(self.original, &table.name);
        let mut order = "";
        if let Some(alias) = hidden_rowid(table) {
            let given = format!(
                "SELECT count(*) FROM main.{name} AS x
                 HAVING count(*) > 0 AND (min(x.{alias}) <> 1 OR max(x.{alias}) <> count(*))"
            );
            let gaps = self.original.prepare(&given).and_then(|mut s| s.exists([]));
            order = alias;
            if gaps.map_err(cannot_read)? {
                columns.insert(0, alias.to_owned());
            }
        }
        self.rows(&table.name, &columns, order)
    }

    fn rows_of_virtual(&mut self, table: &Table) -> Result<(), Error> {
        let mut columns = catalog::column_names(self.original, &table.name);
        let Some(search) = Search::of(table) else {
            return self.rows(&table.name, &columns, "");
        };
        let name = plain(&table.name);
        if search.has_settings {
            for (key, value) in search.settings(self.original)? {
                self.add(&format!(
                    "INSERT INTO {name} ({name}, rank) VALUES ({key}, {value})"
                ))?;
            }
        }
        let words = search.words(self.original)?;
        if words.is_empty() {
            return match search.has_own_rows {
                true => self.rows_with_rowids(table, &mut columns),
                false => Ok(()),
            };
        }
        if search.has_own_rows {
            return self.rows_with_rowids(table, &mut columns);
        }
        if table.content().is_none() {
            return Err(invalid(format!(
                "the search table `{}` holds words of rows that it does not keep",
                table.name
            ))
            .with_help("fill it in a migration of its own, and squash what comes before"));
        }
        self.add(&format!("INSERT INTO {name} ({name}) VALUES ('rebuild')"))
    }

    fn rows_with_rowids(&mut self, table: &Table, columns: &mut Vec<String>) -> Result<(), Error> {
        columns.insert(0, "rowid".to_owned());
        self.rows(&table.name, columns, "rowid")
    }

    /// The rows of a table, by these columns.
    fn rows(&mut self, table: &str, columns: &[String], order: &str) -> Result<(), Error> {
        let read: Vec<String> = columns.iter().map(|c| format!("x.{}", quote(c))).collect();
        let order = match order {
            "" => String::new(),
            alias => format!(" ORDER BY x.{alias}"),
        };
        let sql = format!(
            "SELECT {} FROM main.{} AS x{order}",
            read.join(", "),
            quote(table)
        );
        let names: Vec<String> = columns.iter().map(|column| plain(column)).collect();
        let head = format!("INSERT INTO {} ({}) VALUES", plain(table), names.join(", "));
        let mut statement = self.original.prepare(&sql).map_err(cannot_read)?;
        let mut rows = statement.raw_query();
        let mut written: Vec<String> = Vec::new();
        loop {
            let row = rows.next().map_err(cannot_read)?;
            if let Some(row) = row {
                let values = (0..columns.len()).map(|index| {
                    let value = row.get_ref(index).map_err(cannot_read)?;
                    literal(&self.copy, value)
                });
                let values = values.collect::<Result<Vec<_>, Error>>()?;
                written.push(format!("    ({})", values.join(", ")));
            }
            let full = written.len() == ROWS || row.is_none();
            if full && !written.is_empty() {
                self.add(&format!("{head}\n{}", written.join(",\n")))?;
                written.clear();
            }
            if row.is_none() {
                return Ok(());
            }
        }
    }

    /// The AUTOINCREMENT sequences that the rows alone do not give.
    fn sequences(&mut self) -> Result<(), Error> {
        let (wanted, made) = (
            catalog::sequences(self.original)?,
            catalog::sequences(&self.copy)?,
        );
        for (table, mark) in &wanted {
            let name = literal(&self.copy, ValueRef::Text(table.as_bytes()))?;
            match made.get(table) {
                Some(present) if present == mark => {}
                Some(_) => self.add(&format!(
                    "UPDATE sqlite_sequence SET seq = {mark} WHERE name = {name}"
                ))?,
                None => self.add(&format!(
                    "INSERT INTO sqlite_sequence (name, seq) VALUES ({name}, {mark})"
                ))?,
            }
        }
        for table in made.keys().filter(|table| !wanted.contains_key(*table)) {
            let name = literal(&self.copy, ValueRef::Text(table.as_bytes()))?;
            self.add(&format!("DELETE FROM sqlite_sequence WHERE name = {name}"))?;
        }
        Ok(())
    }

    fn settings(&mut self) -> Result<(), Error> {
        let statistics = catalog::table_kinds(self.original)?;
        if statistics.iter().any(|(name, _)| name == "sqlite_stat1") {
            self.add("ANALYZE")?;
        }
        for pragma in ["user_version", "application_id"] {
            let value = catalog::number(self.original, &format!("PRAGMA {pragma}"))?;
            if value != 0 {
                self.add(&format!("PRAGMA {pragma} = {value}"))?;
            }
        }
        Ok(())
    }
}

fn cannot_read(error: rusqlite::Error) -> Error {
    failure("cannot read the rows that the migrations give", error)
}

/// The name of the rowid where no column is it.
fn hidden_rowid(table: &Table) -> Option<&'static str> {
    let definition = Definition::parse(&table.sql).ok()?;
    match definition.rowid_column() {
        Some(_) => None,
        None => definition.rowid_alias(),
    }
}

/// A value as SQL, from which SQLite reads the same value.
fn literal(connection: &Connection, value: ValueRef<'_>) -> Result<String, Error> {
    let hex = |bytes: &[u8]| -> String {
        let digits: String = bytes.iter().map(|byte| format!("{byte:02X}")).collect();
        format!("x'{digits}'")
    };
    Ok(match value {
        ValueRef::Null => "NULL".into(),
        // Behind a minus it would be a number that is too large.
        ValueRef::Integer(i64::MIN) => "(-9223372036854775807 - 1)".into(),
        ValueRef::Integer(number) => number.to_string(),
        ValueRef::Real(number) => real(connection, number)?,
        ValueRef::Blob(bytes) => hex(bytes),
        ValueRef::Text(bytes) => match std::str::from_utf8(bytes) {
            Ok(text) if is_printable(text) => string(text),
            _ => format!("CAST({} AS TEXT)", hex(bytes)),
        },
    })
}

fn is_printable(text: &str) -> bool {
    text.chars()
        .all(|c| !c.is_control() || matches!(c, '\n' | '\r' | '\t'))
}

/// A text in quotes. Line breaks are written out, because a version control system may turn one
/// kind into the other.
fn string(text: &str) -> String {
    let mut sql = text.replace('\'', "''");
    let mut calls = Vec::new();
    for (character, code, name) in [('\n', 10, "n"), ('\r', 13, "r")] {
        if sql.contains(character) {
            let mut mark = format!("\\{name}");
            while sql.contains(&mark) {
                mark.insert(0, '\\');
            }
            sql = sql.replace(character, &mark);
            calls.push(format!(", '{mark}', char({code}))"));
        }
    }
    format!(
        "{}'{sql}'{}",
        "replace(".repeat(calls.len()),
        calls.concat()
    )
}

/// The shortest writing of a number that SQLite reads as exactly that number.
fn real(connection: &Connection, number: f64) -> Result<String, Error> {
    if number.is_infinite() {
        return Ok(if number.is_sign_positive() {
            "9e999"
        } else {
            "-9e999"
        }
        .into());
    }
    let writings = [
        format!("{number:?}"),
        format!("{number:.17e}"),
        format!("{number:.25e}"),
    ];
    for writing in writings {
        let sql = format!("SELECT CAST({writing} AS REAL)");
        let read: f64 = connection
            .query_row(&sql, [], |row| row.get(0))
            .map_err(cannot_read)?;
        if read.to_bits() == number.to_bits() {
            return Ok(writing);
        }
    }
    Err(invalid(format!(
        "the number {number:?} cannot be written in SQL"
    )))
}

/// A search table: what can be asked of it beside its rows.
struct Search<'t> {
    table: &'t Table,
    /// FTS5, which has settings and shows every word.
    has_settings: bool,
    /// Whether it keeps the rows whose words it holds.
    has_own_rows: bool,
}

impl Search<'_> {
    fn of(table: &Table) -> Option<Search<'_>> {
        let tokens: Vec<_> = Tokens::new(&table.sql).collect();
        let module = catalog::module_of(&table.sql)?.to_ascii_lowercase();
        let elsewhere = tokens
            .windows(2)
            .any(|two| two[0].word() == "CONTENT" && two[1].text == "=");
        matches!(module.as_str(), "fts3" | "fts4" | "fts5").then(|| Search {
            table,
            has_settings: module == "fts5",
            has_own_rows: !elsewhere,
        })
    }

    /// Every word and where it is. Two tables with the same words find the same rows,
    /// however their storage is cut up.
    fn words(&self, connection: &Connection) -> Result<Vec<String>, Error> {
        const NAME: &str = "temp.heirloom_words";
        let table = quote(&self.table.name);
        let module = match self.has_settings {
            true => format!("fts5vocab(main, {table}, instance)"),
            false => format!("fts4aux(main, {table})"),
        };
        let read = || {
            connection.execute_batch(&format!("CREATE VIRTUAL TABLE {NAME} USING {module}"))?;
            let mut statement = connection.prepare(&format!("SELECT * FROM {NAME}"))?;
            let columns = statement.column_count();
            let rows = statement.query_map([], |row| {
                let values = (0..columns).map(|index| Ok(format!("{:?}", row.get_ref(index)?)));
                values.collect::<rusqlite::Result<String>>()
            })?;
            let mut words = rows.collect::<rusqlite::Result<Vec<_>>>()?;
            words.sort();
            drop(statement);
            connection.execute_batch(&format!("DROP TABLE {NAME}"))?;
            Ok(words)
        };
        read().map_err(cannot_read)
    }

    /// What was set by INSERT, as literals.
    fn settings(&self, connection: &Connection) -> Result<Vec<(String, String)>, Error> {
        if !self.has_settings {
            return Ok(Vec::new());
        }
        let config = quote(&format!("{}_config", self.table.name));
        let sql = format!("SELECT k, v FROM main.{config} WHERE k <> 'version' ORDER BY k");
        let mut statement = connection.prepare(&sql).map_err(cannot_read)?;
        let mut rows = statement.raw_query();
        let mut settings = Vec::new();
        while let Some(row) = rows.next().map_err(cannot_read)? {
            let value = |index| literal(connection, row.get_ref(index).map_err(cannot_read)?);
            settings.push((value(0)?, value(1)?));
        }
        Ok(settings)
    }
}

/// Where two databases differ first, in words: settings, schema with the order of columns, rows
/// with their rowids, AUTOINCREMENT sequences, words that can be searched for. Statistics of ANALYZE
/// are not part of it.
pub(crate) fn difference_in(
    options: &Options<'_>,
    one: &Connection,
    other: &Connection,
) -> Result<Option<String>, Error> {
    for pragma in SETTINGS {
        let sql = format!("SELECT CAST({pragma} AS TEXT) FROM pragma_{pragma}");
        if catalog::word(one, &sql)? != catalog::word(other, &sql)? {
            return Ok(Some(format!("`PRAGMA {pragma}`")));
        }
    }
    let (before, after) = (model(one, options)?, model(other, options)?);
    if let Some(words) = difference(&before, &after, ColumnOrder::Counts).first_words() {
        return Ok(Some(words));
    }
    if catalog::sequences(one)? != catalog::sequences(other)? {
        return Ok(Some("an AUTOINCREMENT sequence".into()));
    }
    let (_, likenesses) = copy_schema(one, &memory(options)?)?;
    for table in &catalog::schema(one, &options.own_tables())?.tables {
        let alike = likenesses.iter().any(|name| same_name(name, &table.name));
        if table.kind == TableKind::Shadow && !alike {
            continue;
        }
        let name = quote(&table.name);
        let sql = match (table.kind, hidden_rowid(table)) {
            (TableKind::Virtual, _) if Search::of(table).is_some() => {
                format!("SELECT x.rowid, * FROM main.{name} AS x ORDER BY x.rowid")
            }
            (TableKind::Virtual, _) => format!("SELECT * FROM main.{name} ORDER BY 1"),
            (_, Some(alias)) => {
                format!("SELECT x.{alias}, * FROM main.{name} AS x NOT INDEXED ORDER BY x.{alias}")
            }
            (_, None) => format!("SELECT * FROM main.{name} NOT INDEXED"),
        };
        let differ = || Some(format!("the rows of `{}`", table.name));
        if !same_rows(one, other, &sql)? {
            return Ok(differ());
        }
        if let Some(search) = Search::of(table)
            && (search.words(one)? != search.words(other)?
                || search.settings(one)? != search.settings(other)?)
        {
            return Ok(differ());
        }
    }
    Ok(None)
}
