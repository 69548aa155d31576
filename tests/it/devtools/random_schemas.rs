//! Random schemas, random rows, random changes: generated, run and taken back. Every value that
//! both schemas have a place for is there afterwards, or nothing was changed.

use std::collections::BTreeMap;
use std::fmt::Write as _;

use heirloom::devtools::{GenerateOptions, SqliteVersion};
use heirloom::{ErrorKind, RevertTo};
use rusqlite::Connection;

use crate::support::app::{App, Random, data};

/// How many schemas are tried; the environment may ask for more.
const ROUNDS: u64 = 45;

/// What is left to chance, the same in every run.
struct Dice(Random);

impl Dice {
    fn roll(&mut self, sides: u64) -> u64 {
        self.0.below(usize::try_from(sides).unwrap()) as u64
    }

    fn chance(&mut self, percent: u64) -> bool {
        self.roll(100) < percent
    }

    fn pick<'a, T: ?Sized>(&mut self, from: &[&'a T]) -> &'a T {
        from[usize::try_from(self.roll(from.len() as u64)).unwrap()]
    }
}

#[derive(Clone)]
struct Column {
    name: String,
    /// The name it began with.
    origin: String,
    /// Its values come from an expression.
    converted: bool,
    declared: &'static str,
    rest: String,
    generated: bool,
}

impl Column {
    fn rename(&mut self, name: &str) {
        let rest = self
            .rest
            .replace(&format!("({} IS", self.name), &format!("({name} IS"));
        self.rest = rest.replace(&format!(" {} <>", self.name), &format!(" {name} <>"));
        self.name = name.to_owned();
    }
}

#[derive(Clone)]
struct Table {
    name: String,
    /// The name it began with.
    origin: String,
    key: u64,
    columns: Vec<Column>,
    constraints: Vec<String>,
    strict: bool,
    extras: Vec<String>,
}

const NAMES: &[&str] = &["a", "b", "\"c d\"", "e", "\"select\"", "ü"];
const OTHER_NAMES: &[&str] = &["n", "\"o \"\"p\"", "[from]", "É", "\"p.q\"", "\"l\n--m\""];

fn column(dice: &mut Dice, name: &str, tables: &[&str]) -> Column {
    let declared = dice.pick(&["INTEGER", "TEXT", "REAL", "BLOB", "INT", "ANY"]);
    let mut rest = String::new();
    let generated = dice.chance(8);
    if generated {
        let stored = dice.pick(&["", " STORED"]);
        let _ = write!(rest, " AS (1 + 1){stored}");
    } else {
        if dice.chance(35) {
            let value = dice.pick(&[
                "0",
                "'d'",
                "NULL",
                "(1 + 1)",
                "-5",
                "CURRENT_TIMESTAMP",
                "('x')",
            ]);
            let _ = write!(rest, " DEFAULT {value}");
        }
        if dice.chance(30) {
            rest += dice.pick(&[" NOT NULL", " NOT NULL ON CONFLICT IGNORE", " NOT NULL"]);
        }
        if dice.chance(10) {
            rest += dice.pick(&[" UNIQUE", " UNIQUE ON CONFLICT REPLACE"]);
        }
        if dice.chance(12) {
            let _ = write!(
                rest,
                " REFERENCES {} (id) ON DELETE CASCADE",
                dice.pick(tables)
            );
        }
    }
    if dice.chance(12) {
        let _ = write!(rest, " CHECK ({name} IS NULL OR {name} <> 77)");
    }
    if dice.chance(12) {
        rest += " COLLATE NOCASE";
    }
    Column {
        name: name.to_owned(),
        origin: name.to_owned(),
        converted: false,
        declared,
        rest,
        generated,
    }
}

fn table(dice: &mut Dice, name: &str, tables: &[&str]) -> Table {
    let columns = NAMES
        .iter()
        .filter_map(|column_name| {
            let keep = dice.chance(60);
            let made = column(dice, column_name, tables);
            keep.then_some(made)
        })
        .collect();
    let mut table = Table {
        name: name.to_owned(),
        origin: name.to_owned(),
        key: dice.roll(6),
        columns,
        constraints: Vec::new(),
        strict: dice.chance(25),
        extras: Vec::new(),
    };
    dress(dice, &mut table);
    table
}

/// Constraints, indexes, a trigger and a view over the columns that there are.
fn dress(dice: &mut Dice, table: &mut Table) {
    let names: Vec<String> = table
        .columns
        .iter()
        .map(|column| column.name.clone())
        .collect();
    let plain = table.name.trim_matches('"').to_owned();
    table.constraints.clear();
    table.extras.clear();
    let Some(first) = names.first() else { return };
    if dice.chance(20) {
        let name = if dice.chance(50) {
            "CONSTRAINT named "
        } else {
            ""
        };
        table
            .constraints
            .push(format!("{name}CHECK (length({first}) < 900)"));
    }
    if dice.chance(15) {
        table.constraints.push(format!("UNIQUE (id, {first})"));
    }
    for (number, name) in names.iter().enumerate() {
        if dice.chance(20) {
            let kind = if dice.chance(15) { "UNIQUE " } else { "" };
            let part = if dice.chance(25) {
                format!("coalesce({name}, 'none')")
            } else {
                name.clone()
            };
            let filter = if dice.chance(30) {
                format!(" WHERE {name} IS NOT NULL")
            } else {
                String::new()
            };
            table.extras.push(format!(
                "CREATE {kind}INDEX \"{plain} {number}\" ON {} ({part} DESC){filter};",
                table.name
            ));
        }
    }
    if dice.chance(25) {
        table.extras.push(format!(
            "CREATE TRIGGER \"{plain} tr\" AFTER UPDATE OF {first} ON {} BEGIN SELECT new.{first}; END;",
            table.name
        ));
    }
    if dice.chance(25) {
        let all = names.join(", ");
        table.extras.push(format!(
            "CREATE VIEW \"{plain} v\" AS SELECT {all} FROM {};",
            table.name
        ));
    }
}

fn change(dice: &mut Dice, table: &Table, tables: &[&str]) -> Table {
    let mut changed = table.clone();
    for _ in 0..=dice.roll(2) {
        match dice.roll(12) {
            0 | 1 => {
                let name = NAMES.iter().find(|name| {
                    let mut columns = changed.columns.iter();
                    columns.all(|c| c.name != **name && c.origin != **name)
                });
                if let Some(name) = name {
                    let at = usize::try_from(dice.roll(changed.columns.len() as u64 + 1)).unwrap();
                    let made = column(dice, name, tables);
                    changed.columns.insert(at, made);
                }
            }
            2 if !changed.columns.is_empty() => {
                let at = usize::try_from(dice.roll(changed.columns.len() as u64)).unwrap();
                // One whose name was handed on is not a name that is free.
                let column = &changed.columns[at];
                if column.name == column.origin {
                    changed.columns.remove(at);
                }
            }
            3..=5 if !changed.columns.is_empty() => {
                let at = usize::try_from(dice.roll(changed.columns.len() as u64)).unwrap();
                let Column { name, origin, .. } = changed.columns[at].clone();
                let is_old = table.columns.iter().any(|column| column.name == origin);
                let converted = dice.chance(15) && is_old;
                changed.columns[at] = Column {
                    origin,
                    converted,
                    ..column(dice, &name, tables)
                };
            }
            6 => changed.key = dice.roll(6),
            7 => changed.strict = dice.chance(50),
            // Two columns swap names.
            10 | 11 => {
                let old: Vec<usize> = (0..changed.columns.len())
                    .filter(|at| {
                        let column = &changed.columns[*at];
                        let is_old = table.columns.iter().any(|c| c.name == column.name);
                        is_old && column.name == column.origin
                    })
                    .collect();
                if let [one, .., other] = old.as_slice() {
                    let names = [*one, *other].map(|at| changed.columns[at].name.clone());
                    changed.columns[*one].rename(&names[1]);
                    changed.columns[*other].rename(&names[0]);
                }
            }
            8 if changed.name == changed.origin => {
                changed.name = format!("\"new {}\"", changed.origin.trim_matches('"'));
            }
            _ if !changed.columns.is_empty() => {
                let at = usize::try_from(dice.roll(changed.columns.len() as u64)).unwrap();
                let name = dice.pick(OTHER_NAMES);
                let is_new = |column: &Column| table.columns.iter().all(|c| c.name != column.name);
                let free = changed.columns.iter().all(|column| column.name != name);
                let old = changed.columns[at].clone();
                if free && !is_new(&old) && old.name == old.origin {
                    changed.columns[at].rename(name);
                }
            }
            _ => {}
        }
    }
    dress(dice, &mut changed);
    changed
}

fn sql(tables: &[Table]) -> String {
    let mut text = String::new();
    for table in tables {
        let declared = if table.key == 3 { "TEXT" } else { "INTEGER" };
        let composite = table
            .columns
            .iter()
            .find(|c| table.key == 5 && !c.generated);
        let key = match table.key {
            0 => " PRIMARY KEY",
            1 => " PRIMARY KEY AUTOINCREMENT",
            2 => " UNIQUE",
            3 => " NOT NULL PRIMARY KEY",
            _ => " NOT NULL UNIQUE",
        };
        let mut items = vec![format!("id {declared}{key}")];
        items.extend(table.columns.iter().map(|column| {
            let declared = if table.strict || column.declared != "ANY" {
                column.declared
            } else {
                ""
            };
            // A name that is another column's by now could mean both.
            let handed_on = || {
                let mut others = table
                    .columns
                    .iter()
                    .filter(|other| other.origin != column.origin);
                others.any(|other| other.name == column.origin)
            };
            let note = match column.converted && !handed_on() {
                true => format!("-- using: coalesce({0}, 7)\n    ", column.origin),
                false => String::new(),
            };
            format!("{note}{} {declared}{}", column.name, column.rest)
        }));
        items.extend(composite.map(|column| format!("PRIMARY KEY (id, {})", column.name)));
        items.extend(table.constraints.iter().cloned());
        let mut options = Vec::new();
        if table.strict {
            options.push("STRICT");
        }
        if table.key == 3 {
            options.push("WITHOUT ROWID");
        }
        let _ = writeln!(
            text,
            "CREATE TABLE {} (\n    {}\n) {};",
            table.name,
            items.join(",\n    "),
            options.join(", ")
        );
        for extra in &table.extras {
            let _ = writeln!(text, "{extra}");
        }
    }
    text
}

fn fill(dice: &mut Dice, app: &App, tables: &[Table]) {
    let connection = app.connect();
    connection
        .execute_batch("PRAGMA foreign_keys = OFF")
        .unwrap();
    for table in tables {
        for row in 1..=6 {
            let writable: Vec<&Column> = table
                .columns
                .iter()
                .filter(|column| !column.generated)
                .collect();
            let names: Vec<&str> = writable.iter().map(|column| column.name.as_str()).collect();
            let values: Vec<String> = writable
                .iter()
                .map(|column| {
                    if column.rest.contains("REFERENCES") {
                        return dice.pick(&["NULL", "10", "20"]).to_owned();
                    }
                    if dice.chance(15) {
                        return "NULL".to_owned();
                    }
                    dice.pick(&[
                        "1",
                        "'2'",
                        "3.5",
                        "'text'",
                        "x'01'",
                        "'007'",
                        "40",
                        "'Text'",
                        "9007199254740993",
                    ])
                    .to_owned()
                })
                .collect();
            let id = row * 10;
            let names = [vec!["id"], names].concat().join(", ");
            let values = [vec![id.to_string()], values].concat().join(", ");
            // What the constraints do not take is not a row.
            let _ = connection.execute_batch(&format!(
                "INSERT OR ABORT INTO {} ({names}) VALUES ({values})",
                table.name
            ));
        }
    }
    let broken: i64 = connection
        .query_row("SELECT count(*) FROM pragma_foreign_key_check", [], |row| {
            row.get(0)
        })
        .unwrap_or(1);
    if broken > 0 {
        // Old orphans must not block; some rounds keep them.
        if dice.chance(50) {
            for table in tables {
                let _ = connection.execute_batch(&format!("DELETE FROM {}", table.name));
            }
        }
    }
}

/// Triggers and views over several tables, the same on both sides but for what they name.
fn spanning(dice: &mut Dice, tables: &[Table]) -> String {
    let mut text = String::new();
    let column = |table: &Table| {
        let first = table.columns.first();
        first.map_or("id".to_owned(), |column| column.name.clone())
    };
    for (one, other) in tables.iter().zip(tables.iter().skip(1)) {
        let name = other.origin.trim_matches('"');
        if dice.chance(30) {
            let _ = writeln!(
                text,
                "CREATE VIEW \"both {name}\" AS SELECT x.id, y.{0} AS value FROM {1} AS x JOIN {2} AS y ON x.id = y.id;",
                column(other),
                one.name,
                other.name
            );
        }
        if dice.chance(50) {
            let sql = format!(
                "CREATE VIEW \"over {name}\" AS SELECT value AS v FROM \"both {name}\";
                CREATE TRIGGER \"instead {name}\" INSTEAD OF INSERT ON \"over {name}\" BEGIN DELETE FROM {} WHERE id = new.v; END;",
                other.name
            );
            if text.contains(&format!("\"both {name}\"")) {
                let _ = writeln!(text, "{sql}");
            }
        }
        if dice.chance(30) {
            let _ = writeln!(
                text,
                "CREATE TRIGGER \"into {name}\" AFTER DELETE ON {} BEGIN UPDATE {} SET id = id WHERE {} IS old.id; END;",
                one.name,
                other.name,
                column(other)
            );
        }
    }
    text
}

/// Every value of the columns both have, by table, id and column, as text.
fn values(connection: &Connection, side: &[Table], other: &[Table]) -> BTreeMap<String, String> {
    let mut found = BTreeMap::new();
    for table in side {
        let Some(there) = other.iter().find(|there| there.origin == table.origin) else {
            continue;
        };
        let shared = table.columns.iter().filter(|column| {
            let plain = |column: &Column| !column.generated && !column.converted;
            let twin = there
                .columns
                .iter()
                .find(|twin| twin.origin == column.origin);
            plain(column) && twin.is_some_and(plain)
        });
        for column in shared {
            let sql = format!(
                "SELECT CAST(id AS TEXT), CAST({0} AS TEXT) FROM {1} WHERE {0} IS NOT NULL",
                column.name, table.name
            );
            let mut statement = connection.prepare(&sql).unwrap();
            let rows = statement.query_map([], |row| {
                let value = row.get_ref(1)?.as_bytes()?.to_vec();
                Ok((
                    row.get::<_, String>(0)?,
                    String::from_utf8_lossy(&value).into_owned(),
                ))
            });
            for row in rows.unwrap() {
                let (id, value) = row.unwrap();
                // A number's spelling may go from 3 to 3.0 and back, its value may not.
                let value = value
                    .strip_suffix(".0")
                    .map_or(value.clone(), str::to_owned);
                found.insert(format!("{} {id} {}", table.origin, column.origin), value);
            }
        }
    }
    found
}

#[test]
fn random_changes_of_random_schemas_lose_no_value_there_or_back() {
    let rounds = std::env::var("HEIRLOOM_TEST_ROUNDS")
        .ok()
        .and_then(|n| n.parse().ok());
    let first = std::env::var("HEIRLOOM_TEST_SEED")
        .ok()
        .and_then(|n| n.parse().ok())
        .unwrap_or(0);
    let mut counts = BTreeMap::new();
    for seed in first..first + rounds.unwrap_or(ROUNDS) {
        *counts.entry(round(seed)).or_insert(0_u32) += 1;
    }
    println!("{counts:?}");
    // Most rounds must come to their end, or nothing was tested.
    let through = counts.get("there and back").copied().unwrap_or(0);
    assert!(rounds.is_some() || through > 20, "{counts:?}");
}

/// Whether a refusal is one of rows that do not fit, by a check or by SQLite itself.
fn is_told(text: &str) -> bool {
    [
        ", for example",
        "constraint failed",
        "would refer to",
        "cannot store",
        "type mismatch on DEFAULT",
    ]
    .iter()
    .any(|words| text.contains(words))
}

fn round(seed: u64) -> &'static str {
    let mut dice = Dice(Random::of(seed));
    let names = ["t", "\"u v\"", "w"];
    let before: Vec<Table> = names
        .iter()
        .map(|name| table(&mut dice, name, &names))
        .collect();
    let mut after: Vec<Table> = before
        .iter()
        .map(|table| {
            if dice.chance(70) {
                change(&mut dice, table, &names)
            } else {
                table.clone()
            }
        })
        .collect();
    if dice.chance(15) && after[0].name == after[0].origin {
        after.remove(0);
        // What referred to it would have no target.
        for table in &mut after {
            for column in &mut table.columns {
                column.rest = column
                    .rest
                    .replace("REFERENCES t (id) ON DELETE CASCADE", "");
            }
        }
    }
    // What refers to a renamed table knows its new name.
    let renamed: Vec<(String, String)> = after
        .iter()
        .map(|table| (table.origin.clone(), table.name.clone()))
        .collect();
    for column in after.iter_mut().flat_map(|table| &mut table.columns) {
        for (old, new) in &renamed {
            let reference = |name: &str| format!("REFERENCES {name} (id)");
            column.rest = column.rest.replace(&reference(old), &reference(new));
        }
    }
    let spans = dice.roll(u64::MAX);
    let text = |tables: &[Table]| sql(tables) + &spanning(&mut Dice(Random::of(spans)), tables);
    // Full-text search with rows of its own: its name and its columns come and go.
    let searched = dice.pick(&["", "x", "x, y"]);
    let search = match searched {
        "" => ("", ""),
        _ => (
            dice.pick(&["f", "\"g h\""]),
            dice.pick(&["x", "x, y", "z, x"]),
        ),
    };
    let with_search = |(name, columns): (&str, &str), text: String| match columns {
        "" => text,
        columns => format!("{text}CREATE VIRTUAL TABLE {name} USING fts5({columns});\n"),
    };
    let sql = |tables: &[Table]| {
        let side = if tables.as_ptr() == before.as_ptr() {
            ("f", searched)
        } else {
            search
        };
        with_search(side, text(tables))
    };
    let app = App::new();
    let file = app.migrations().join("schema.sql");
    std::fs::write(&file, sql(&before)).unwrap();
    let migrator = app.migrator();
    match migrator.devtools().generate(&GenerateOptions::new()) {
        Ok(generated) => generated.write().unwrap(),
        // A reference to a table whose key is of no use to it.
        Err(error) if error.to_string().contains("does not work as it is") => return "no schema",
        Err(error) => panic!("seed {seed}: {error:#}\n{}", sql(&before)),
    }
    app.run()
        .unwrap_or_else(|error| panic!("seed {seed}: {error:#}"));
    fill(&mut dice, &app, &before);
    if !searched.is_empty() {
        app.sql("INSERT INTO f (rowid, x) VALUES (3, 'one'), (7, 'two')");
    }
    std::fs::write(&file, sql(&after)).unwrap();
    let mut wishes = GenerateOptions::new().allow_destructive();
    // Whatever the linked SQLite could do without a rebuild.
    if seed.is_multiple_of(3) {
        wishes = wishes.sqlite(SqliteVersion::new(3, 40, 0));
    }
    for table in &before {
        let Some(now) = after.iter().find(|now| now.origin == table.name) else {
            wishes = wishes.drop(&table.name);
            continue;
        };
        for column in &table.columns {
            let mut left = now.columns.iter();
            if left.all(|left| left.origin != column.name && left.name != column.name) {
                wishes = wishes.drop(format!("{}.{}", table.name, column.name));
            }
        }
    }
    if search.0 != "f" && !searched.is_empty() {
        wishes = wishes.rename(format!("f={}", search.0));
    }
    if searched.contains('y') && !search.1.contains('y') {
        wishes = wishes.drop("f.y");
    }
    for table in &after {
        if table.name != table.origin {
            wishes = wishes.rename(format!("{}={}", table.origin, table.name));
        }
        for column in table.columns.iter().filter(|c| c.name != c.origin) {
            wishes = wishes.rename(format!("{}.{}={}", table.name, column.origin, column.name));
        }
    }
    let generated = match migrator.devtools().generate(&wishes) {
        Ok(generated) => generated,
        Err(error) if error.kind() == ErrorKind::NeedsDefault => return "needs a default",
        Err(error) if error.to_string().contains("does not work as it is") => return "no schema",
        Err(error) => panic!(
            "seed {seed}: {error:#}\nBEFORE\n{}\nAFTER\n{}",
            sql(&before),
            sql(&after)
        ),
    };
    if generated.is_empty() {
        return "no change";
    }
    generated.write().unwrap();
    let old = values(&app.connect(), &before, &after);
    let whole = data(&app.database());
    let context = || {
        let files: Vec<&str> = generated
            .files
            .iter()
            .map(|file| file.up_sql.as_str())
            .collect();
        format!(
            "seed {seed}\nBEFORE\n{}\nAFTER\n{}\n{}",
            sql(&before),
            sql(&after),
            files.join("\n")
        )
    };
    if let Err(error) = app.run() {
        // Rows that do not fit are reported, and nothing else stops it.
        let text = error.to_string();
        assert!(is_told(&text), "{error:#}\n{}", context());
        assert_eq!(data(&app.database()), whole, "{}", context());
        return if text.contains("constraint failed") {
            "told by SQLite"
        } else {
            "told"
        };
    }
    assert_eq!(app.text("PRAGMA integrity_check"), "ok", "{}", context());
    if !searched.is_empty() {
        let found = |word: &str| {
            let sql = format!("SELECT rowid FROM {0} WHERE {0} MATCH '{word}'", search.0);
            app.number(&sql)
        };
        assert_eq!([found("one"), found("two")], [3, 7], "{}", context());
    }
    let now = values(&app.connect(), &after, &before);
    let lost: Vec<_> = old
        .iter()
        .filter(|(place, value)| now.get(*place) != Some(value))
        .collect();
    assert!(lost.is_empty(), "{lost:?}\n{now:?}\n{}", context());
    assert!(
        migrator
            .devtools()
            .generate(&GenerateOptions::new())
            .unwrap()
            .is_empty(),
        "{}",
        context()
    );
    let whole = data(&app.database());
    match migrator
        .database(app.database())
        .revert(RevertTo::Steps(generated.files.len()))
    {
        Err(error) => {
            assert_eq!(data(&app.database()), whole, "{error:#}\n{}", context());
            let text = error.to_string();
            assert!(is_told(&text), "{error:#}\n{}", context());
            "there, and told on the down migration"
        }
        Ok(report) => {
            let differs: Vec<_> = report
                .notes
                .iter()
                .filter(|note| note.contains("not as before") && !note.contains("order"))
                .collect();
            assert!(differs.is_empty(), "{differs:?}\n{}", context());
            let back = values(&app.connect(), &before, &after);
            let lost: Vec<_> = old
                .iter()
                .filter(|(place, value)| back.get(*place) != Some(value))
                .collect();
            assert!(
                lost.is_empty(),
                "on the down migration: {lost:?}\n{}",
                context()
            );
            "there and back"
        }
    }
}
