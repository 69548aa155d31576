//! Any text as the CREATE TABLE of a schema: what SQLite makes of it is what is read, and what is
//! written again is the same table.
#![no_main]

use heirloom::fuzzing::{self, Table};
use heirloom::rusqlite::Connection;
use heirloom_fuzz::guarded;
use libfuzzer_sys::fuzz_target;

fuzz_target!(|sql: &str| {
    let read = fuzzing::table(sql);
    if fuzzing::statements(sql).len() != 1 || sql.contains('\0') {
        return;
    }
    let made = guarded();
    if made.connection.execute_batch(sql).is_err() {
        return;
    }
    let kept =
        "SELECT name, sql FROM sqlite_schema WHERE type = 'table' AND sql LIKE 'CREATE TABLE%'
        AND name NOT LIKE 'sqlite\\_%' ESCAPE '\\'";
    let found: Vec<(String, String)> = rows(&made.connection, kept, |row| {
        (row.get_unwrap(0), row.get_unwrap(1))
    });
    let [(name, kept)] = found.as_slice() else {
        return;
    };
    let Ok(table) = read else { return };
    compare(sql, &table, name, &made.connection);

    // As SQLite keeps it, and as it is written again.
    for text in [kept, &table.text] {
        let again = fuzzing::table(text).unwrap_or_else(|reason| panic!("{text:?}: {reason}"));
        assert!(fuzzing::same_tables(sql, text), "{text:?}");
        let other = guarded();
        other
            .connection
            .execute_batch(text)
            .unwrap_or_else(|error| panic!("{text:?}: {error}"));
        compare(sql, &again, name, &other.connection);
    }
    let rebuilt = guarded();
    rebuilt
        .connection
        .execute_batch(&table.as_other)
        .unwrap_or_else(|error| panic!("{:?}: {error}", table.as_other));
    let renamed = Table {
        name: "heirloom_other".into(),
        ..table
    };
    compare(sql, &renamed, "heirloom_other", &rebuilt.connection);
});

/// What is read, against what SQLite says of the table it made.
fn compare(sql: &str, table: &Table, name: &str, connection: &Connection) {
    assert_eq!(table.name, name);
    let columns = rows(connection, &pragma("table_xinfo", name), |row| {
        let not_null: bool = row.get_unwrap(3);
        let key: i64 = row.get_unwrap(5);
        let hidden: i64 = row.get_unwrap(6);
        let name: String = row.get_unwrap(1);
        let declared: String = row.get_unwrap(2);
        (name, declared, not_null, key, hidden > 1)
    });
    let names: Vec<&str> = columns.iter().map(|column| column.0.as_str()).collect();
    let ours: Vec<&str> = table
        .columns
        .iter()
        .map(|column| column.0.as_str())
        .collect();
    assert_eq!(ours, names);
    for (ours, theirs) in table.columns.iter().zip(&columns) {
        let (our_type, their_type) = (letters(&ours.1), letters(&theirs.1));
        // Of a type in quotes SQLite keeps what is in the first pair, with or without them.
        let quoted = theirs.1.contains(['"', '`', '[', '\'']) || our_type.starts_with(&their_type);
        let quoted = quoted && sql.contains(['"', '`', '[', '\'']);
        // It looks for GENERATED ALWAYS at the end of a long type, and cuts a lonely ALWAYS off.
        let cut = our_type.strip_suffix("ALWAYS") == Some(&their_type);
        assert!(
            our_type == their_type || quoted || cut,
            "{our_type:?} is {their_type:?}"
        );
        // A key of a WITHOUT ROWID table is NOT NULL without a word.
        assert!(
            ours.2 == theirs.2 || (theirs.3 > 0 && theirs.2),
            "NOT NULL of {ours:?}"
        );
        assert_eq!(ours.3, theirs.4, "{ours:?} is generated");
    }
    let mut key: Vec<_> = columns.iter().filter(|column| column.3 > 0).collect();
    key.sort_by_key(|column| column.3);
    let key: Vec<String> = key
        .iter()
        .map(|column| column.0.to_ascii_lowercase())
        .collect();
    let mut once = Vec::new();
    for column in &table.key {
        if !once.contains(column) {
            once.push(column.clone());
        }
    }
    assert_eq!(once, key);
    let references = rows(connection, &pragma("foreign_key_list", name), |row| {
        row.get_unwrap::<_, i64>(0)
    });
    assert_eq!(
        table.references as i64,
        references.iter().max().map_or(0, |last| last + 1)
    );
    let options = "SELECT wr, strict FROM pragma_table_list WHERE schema = 'main' AND name = ?1";
    let found = connection.query_row(options, [name], |row| Ok((row.get(0)?, row.get(1)?)));
    let (without_rowid, strict): (bool, bool) = found.unwrap();
    assert_eq!((table.without_rowid, table.strict), (without_rowid, strict));
}

fn pragma(pragma: &str, name: &str) -> String {
    format!("PRAGMA {pragma}(\"{}\")", name.replace('"', "\"\""))
}

/// A type without its space, quotes and comments, of which SQLite keeps some.
fn letters(declared: &str) -> String {
    let (mut rest, mut bare) = (declared, String::new());
    while let Some(c) = rest.chars().next() {
        let end = match rest {
            comment if comment.starts_with("--") => comment.find('\n'),
            comment if comment.starts_with("/*") => comment.find("*/").map(|end| end + 2),
            _ => Some(c.len_utf8()),
        };
        let (piece, behind) = rest.split_at(end.unwrap_or(rest.len()));
        if piece.len() == c.len_utf8() && !c.is_whitespace() && !"\"'`[]\u{feff}".contains(c) {
            bare.push(c.to_ascii_uppercase());
        }
        rest = behind;
    }
    bare
}

fn rows<T>(
    connection: &Connection,
    sql: &str,
    read: impl Fn(&heirloom::rusqlite::Row<'_>) -> T,
) -> Vec<T> {
    let mut statement = connection.prepare(sql).unwrap();
    let found = statement.query_map([], |row| Ok(read(row))).unwrap();
    found.map(Result::unwrap).collect()
}
