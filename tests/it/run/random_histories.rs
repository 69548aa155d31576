//! One run and many runs give the same database: random histories, applied all at once, one at a
//! time on new connections, and with a squash between.

use std::fmt::Write as _;

use heirloom::devtools::SquashOptions;

use crate::support::app::{App, Random, data};

/// A table of a history that is being made up: its name, and its columns beside `id`.
struct Table {
    name: String,
    columns: Vec<String>,
}

const COUNT: usize = 8;

/// The files of a history, each of statements that leave something behind on the connection.
fn history(random: &mut Random) -> Vec<String> {
    let mut tables = vec![Table {
        name: "first".into(),
        columns: vec!["a".into()],
    }];
    let mut files = vec![String::from(
        "CREATE TABLE first (id INTEGER PRIMARY KEY, a TEXT);
         INSERT INTO first (a) VALUES ('One'), ('two'), ('Three'), ('four');",
    )];
    for number in 1..COUNT {
        let mut sql = String::new();
        let mut destroys = false;
        for step in 0..=random.below(3) {
            let at = random.below(tables.len());
            let Table { name, columns } = &mut tables[at];
            let column = columns[random.below(columns.len())].clone();
            let all = columns.join(", ");
            let new = format!("c{number}{step}");
            let statement = match random.below(12) {
                0 => {
                    columns.push(new.clone());
                    format!("ALTER TABLE {name} ADD COLUMN {new} TEXT DEFAULT 'd{number}'")
                }
                1 => format!("INSERT INTO {name} ({column}) VALUES ('n{number}'), ('N{step}')"),
                2 => format!("UPDATE {name} SET {column} = {column} || 'x' WHERE id % 2 = 0"),
                3 => {
                    let typed = columns.iter().map(|it| format!("{it} TEXT")).collect::<Vec<_>>();
                    format!(
                        "CREATE TABLE made (id INTEGER PRIMARY KEY, {}); INSERT INTO made SELECT id, {all} FROM {name};
                         DROP TABLE {name}; ALTER TABLE made RENAME TO {name}",
                        typed.join(", ")
                    )
                }
                4 => format!(
                    "CREATE TEMP TABLE IF NOT EXISTS scratch AS SELECT id, length({column}) AS n FROM {name};
                     UPDATE {name} SET {column} = {column} || (SELECT max(n) FROM scratch)"
                ),
                5 => format!(
                    "CREATE TEMP TRIGGER IF NOT EXISTS mark AFTER INSERT ON {name} BEGIN
                         UPDATE {name} SET {column} = 't' WHERE id = NEW.id; END;
                     INSERT INTO {name} ({column}) VALUES ('fired')"
                ),
                6 => format!(
                    "PRAGMA case_sensitive_like = ON; UPDATE {name} SET {column} = 'L' WHERE {column} LIKE 'o%'"
                ),
                7 => format!("CREATE INDEX by_{new} ON {name} ({column})"),
                8 => {
                    let renamed = format!("ALTER TABLE {name} RENAME COLUMN {column} TO {new}");
                    for it in columns.iter_mut().filter(|it| **it == column) {
                        *it = new.clone();
                    }
                    renamed
                }
                9 => format!(
                    "PRAGMA reverse_unordered_selects = ON; PRAGMA recursive_triggers = ON;
                     UPDATE {name} SET {column} = {column} || last_insert_rowid()"
                ),
                10 => {
                    destroys = true;
                    format!("DELETE FROM {name} WHERE id = (SELECT max(id) FROM {name})")
                }
                _ => {
                    let name = format!("t{number}{step}");
                    let sql = format!(
                        "CREATE TABLE {name} (id INTEGER PRIMARY KEY, a TEXT); INSERT INTO {name} (a) VALUES ('x'), ('y')"
                    );
                    tables.push(Table {
                        name,
                        columns: vec!["a".into()],
                    });
                    sql
                }
            };
            writeln!(sql, "{statement};").unwrap();
        }
        if destroys {
            sql.insert_str(0, "-- heirloom: allow-destructive\n");
        }
        files.push(sql);
    }
    files
}

fn app(files: &[String]) -> App {
    let app = App::new();
    for (index, sql) in files.iter().enumerate() {
        app.file(&format!("V{}__step.sql", index + 1), sql);
    }
    app
}

fn run_to(app: &App, version: usize) {
    let version = i64::try_from(version).unwrap();
    let ran = app.migrator().database(app.database()).migrate_to(version);
    ran.unwrap_or_else(|error| panic!("{error:#}"));
}

#[test]
fn one_run_and_many_runs_and_a_squash_between_give_the_same_database() {
    let mut random = Random::from_environment();
    for round in 0..12 {
        let files = history(&mut random);
        let told = files.join("\n---\n");
        // From a state with rows, as a user has it.
        let together = app(&files);
        run_to(&together, 1);
        together
            .run()
            .unwrap_or_else(|error| panic!("{error:#}\n{told}"));
        let expected = data(&together.database());
        let one_by_one = app(&files);
        for version in 1..=files.len() {
            run_to(&one_by_one, version);
        }
        assert_eq!(data(&one_by_one.database()), expected, "{round}: {told}");
        let new = app(&files);
        new.run()
            .unwrap_or_else(|error| panic!("{error:#}\n{told}"));
        assert_eq!(data(&new.database()), expected, "{round}: {told}");
        let squashed = app(&files);
        let middle = 2 + random.below(COUNT - 3);
        run_to(&squashed, middle);
        let wishes = SquashOptions::new().to(i64::try_from(middle).unwrap());
        let devtools = squashed.migrator();
        match devtools.devtools().squash(&wishes) {
            Ok(written) => written.write().unwrap(),
            // What a file deletes may stand in the way of a squash, and says so.
            Err(error) => panic!("{error:#}\n{told}"),
        };
        squashed
            .run()
            .unwrap_or_else(|error| panic!("{error:#}\n{told}"));
        assert_eq!(data(&squashed.database()), expected, "{round}: {told}");
        std::fs::remove_file(squashed.database()).unwrap();
        squashed
            .run()
            .unwrap_or_else(|error| panic!("{error:#}\n{told}"));
        assert_eq!(data(&squashed.database()), expected, "{round}: {told}");
    }
}
