//! Anything in the place of the history and of heirloom's own tables: no row of the user's goes.
#![no_main]

use heirloom::rusqlite::{Connection, ToSql, params_from_iter, types::Value};
use heirloom::{Error, RevertTo};
use heirloom_fuzz::{App, dump, is_whole, migrations, migrator};
use libfuzzer_sys::arbitrary::{self, Arbitrary};
use libfuzzer_sys::fuzz_target;

#[derive(Debug, Arbitrary)]
struct Hostile {
    history: Shape,
    details: Shape,
    marker: Shape,
    /// Which of the migrations were applied for real before.
    applied: Applied,
    work: Work,
}

#[derive(Debug, Arbitrary, Clone, Copy)]
enum Applied {
    Nothing,
    First,
    Second,
}

#[derive(Debug, Arbitrary, Clone, Copy)]
enum Work {
    Run,
    Revert(u8),
    RevertTo(i64),
    RevertToKnown,
    OpenAnyway,
    Rehearse,
}

#[derive(Debug, Arbitrary)]
enum Shape {
    /// As it is, or not there.
    Untouched,
    /// Rows put into the table that is there, or into one with the right columns.
    Rows(Vec<[Cell; 7]>),
    /// A table with so many of the columns left out, and any types.
    Columns {
        left_out: u8,
        types: Option<Type>,
        rows: Vec<[Cell; 7]>,
    },
    View(Vec<[Cell; 7]>),
    WithoutColumns,
}

#[derive(Debug, Arbitrary, Clone, Copy)]
enum Type {
    Integer,
    Text,
    Blob,
    StrictAny,
}

#[derive(Debug, Arbitrary, Clone)]
enum Cell {
    Null,
    Small(i8),
    Integer(i64),
    Real(f64),
    Blob(Vec<u8>),
    Text(String),
    /// One that is right, of a migration.
    Right(u8),
    Down(u8),
    Table,
    /// Text that is none.
    NotUtf8,
}

const HISTORY: [&str; 7] = ["version", "name", "applied_on", "checksum", "a", "b", "c"];
const DETAILS: [&str; 7] = [
    "history_table",
    "version",
    "up_sql",
    "down_sql",
    "duration_ms",
    "app_version",
    "backup",
];
const MARKER: [&str; 7] = [
    "started_at",
    "backup",
    "digest",
    "journal_mode",
    "a",
    "b",
    "c",
];

/// Down migrations as somebody may have stored them.
const DOWNS: [&str; 6] = [
    "DROP TABLE tags;",
    "-- heirloom: allow-destructive\nDROP TABLE notes;",
    "DROP TABLE own;",
    "DELETE FROM own;",
    "COMMIT; DROP TABLE own;",
    "-- heirloom: no-transaction\nPRAGMA foreign_keys = ON; DELETE FROM own WHERE x = 1;",
];

impl Cell {
    fn value(&self, column: &str) -> Value {
        let migration = |which: u8| migrations().swap_remove(usize::from(which) % 3);
        match self {
            Cell::Null => Value::Null,
            Cell::Small(number) => Value::Integer(i64::from(*number)),
            Cell::Integer(number) => Value::Integer(*number),
            Cell::Real(number) => Value::Real(*number),
            Cell::Blob(bytes) => Value::Blob(bytes.clone()),
            Cell::Text(text) => Value::Text(text.clone()),
            Cell::Table => Value::Text("refinery_schema_history".into()),
            Cell::Down(which) => Value::Text(DOWNS[usize::from(*which) % DOWNS.len()].into()),
            Cell::NotUtf8 => Value::Blob(b"\xff\xfe".to_vec()),
            Cell::Right(which) => match column {
                "version" => Value::Integer(i64::from(*which % 4) + 1),
                "name" => Value::Text(migration(*which).name().to_owned()),
                "checksum" => Value::Text(migration(*which).checksum().to_string()),
                "up_sql" => Value::Text(migration(*which).sql().unwrap_or_default().to_owned()),
                "down_sql" => Value::Text(DOWNS[0].into()),
                "history_table" => Value::Text("refinery_schema_history".into()),
                "journal_mode" => {
                    Value::Text(["delete", "wal", "off"][usize::from(*which) % 3].into())
                }
                "backup" => Value::Text("app-1.db".into()),
                _ => Value::Text("2026-01-01T00:00:00Z".into()),
            },
        }
    }
}

impl Shape {
    fn make(&self, connection: &Connection, table: &str, columns: &[&str]) {
        let drop = || {
            connection
                .execute_batch(&format!("DROP TABLE IF EXISTS {table}"))
                .unwrap();
        };
        match self {
            Shape::Untouched => {}
            Shape::Rows(rows) => {
                let create = format!(
                    "CREATE TABLE IF NOT EXISTS {table} ({})",
                    columns.join(", ")
                );
                connection.execute_batch(&create).unwrap();
                insert(connection, table, columns, rows);
            }
            Shape::Columns {
                left_out,
                types,
                rows,
            } => {
                drop();
                let mut columns = columns.to_vec();
                for at in (0..7).rev().filter(|at| left_out & (1 << at) != 0) {
                    if columns.len() > 1 && at < columns.len() {
                        columns.remove(at);
                    }
                }
                let (kind, strict) = match types {
                    None => ("", ""),
                    Some(Type::Integer) => (" INTEGER", ""),
                    Some(Type::Text) => (" TEXT", ""),
                    Some(Type::Blob) => (" BLOB", ""),
                    Some(Type::StrictAny) => (" ANY", " STRICT"),
                };
                let list = columns.join(&format!("{kind}, "));
                let create = format!("CREATE TABLE {table} ({list}{kind}){strict}");
                connection.execute_batch(&create).unwrap();
                insert(connection, table, &columns, rows);
            }
            Shape::View(rows) => {
                drop();
                let base = format!("base_{table}");
                let create = format!(
                    "CREATE TABLE {base} ({}); CREATE VIEW {table} AS SELECT * FROM {base}",
                    columns.join(", ")
                );
                connection.execute_batch(&create).unwrap();
                insert(connection, &base, columns, rows);
            }
            Shape::WithoutColumns => {
                drop();
                connection
                    .execute_batch(&format!("CREATE TABLE {table} (x)"))
                    .unwrap();
            }
        }
    }
}

/// What the table takes.
fn insert(connection: &Connection, table: &str, columns: &[&str], rows: &[[Cell; 7]]) {
    let places = vec!["?"; columns.len()].join(", ");
    let sql = format!(
        "INSERT OR IGNORE INTO {table} ({}) VALUES ({places})",
        columns.join(", ")
    );
    for row in rows.iter().take(8) {
        let values: Vec<Box<dyn ToSql>> = columns
            .iter()
            .zip(row)
            .map(|(column, cell)| Box::new(cell.value(column)) as Box<dyn ToSql>)
            .collect();
        // A table that is there has columns of its own and constraints.
        let _ = connection.execute(&sql, params_from_iter(values));
        if row.iter().any(|cell| matches!(cell, Cell::NotUtf8)) {
            let cast = format!("UPDATE {table} SET {0} = CAST(x'fffe' AS TEXT)", columns[0]);
            let _ = connection.execute_batch(&cast);
        }
    }
}

fuzz_target!(|hostile: Hostile| {
    if std::env::var_os("HEIRLOOM_FUZZ_SHOW").is_some() {
        eprintln!("{hostile:?}");
    }
    let app = App::new();
    let path = app.database();
    let migrator = migrator();
    match hostile.applied {
        Applied::Nothing => {}
        Applied::First => drop(migrator.database(&path).migrate_to(1).unwrap()),
        Applied::Second => drop(migrator.database(&path).migrate_to(2).unwrap()),
    }
    let connection = Connection::open(&path).unwrap();
    connection
        .execute_batch("CREATE TABLE own (x); INSERT INTO own VALUES (1), ('two'), (x'03')")
        .unwrap();
    hostile
        .history
        .make(&connection, "refinery_schema_history", &HISTORY[..4]);
    hostile
        .details
        .make(&connection, "heirloom_history", &DETAILS);
    hostile
        .marker
        .make(&connection, "heirloom_run", &MARKER[..4]);
    drop(connection);

    let before = app.files();
    let seen = app.seen_by_sqlite(&path);
    let looks: [Option<Error>; 4] = [
        migrator.database(&path).status().err(),
        migrator.database(&path).plan(None).err(),
        migrator
            .database(&path)
            .plan_revert(RevertTo::Steps(1))
            .err(),
        migrator.database(&path).downgrade_options().err(),
    ];
    looks.iter().flatten().for_each(is_whole);
    app.is_as_it_was(&before);

    let done = match hostile.work {
        Work::Run => migrator.migrate(&path).map(drop),
        Work::Revert(steps) => migrator
            .database(&path)
            .revert(RevertTo::Steps(steps.into()))
            .map(drop),
        Work::RevertTo(version) => migrator
            .database(&path)
            .revert(RevertTo::Version(version))
            .map(drop),
        Work::RevertToKnown => migrator.database(&path).revert_to_known().map(drop),
        Work::OpenAnyway => migrator.database(&path).open_anyway().map(drop),
        Work::Rehearse => migrator.database(&path).rehearse(None).map(drop),
    };
    let own = |path: &std::path::Path| {
        let connection = Connection::open(path).unwrap();
        dump(&connection, "SELECT x FROM own ORDER BY rowid")
    };
    let rows = ["[Integer(1)]", "[Text([116, 119, 111])]", "[Blob([3])]"];
    // What a run is said to have begun with is put back, and what it replaces kept; and what a
    // down migration says in SQL that it takes, it may take: a copy has it.
    let there = own(&path);
    let kept = || app.copies().iter().any(|copy| own(copy) == rows);
    assert!(
        there == rows || (there.len() <= 3 && kept()),
        "{there:?} {done:?}"
    );
    let Err(error) = done else { return };
    is_whole(&error);
    if let Shape::Untouched = hostile.marker
        && error.data_state().is_unchanged()
    {
        let now = app.seen_by_sqlite(&path);
        assert!(now == seen, "{error:#}\nbefore {seen:#?}\nafter {now:#?}");
    }
});
