//! Altering a table from Rust: what is left of it, and what is refused.

use heirloom::ErrorKind;
use heirloom::devtools::Alteration;
use heirloom::report::ChangeKind;
use rusqlite::Connection;

use crate::support::app::{App, contents};

const SCHEMA: &str = "
    CREATE TABLE users (
        id INTEGER PRIMARY KEY AUTOINCREMENT, -- the key
        name TEXT,
        age TEXT DEFAULT '1' COLLATE NOCASE,
        team INT REFERENCES teams (id) ON DELETE CASCADE,
        CONSTRAINT adult CHECK (age <> '0'),
        UNIQUE (name, team)
    );
    CREATE TABLE teams (id INTEGER PRIMARY KEY);
    CREATE TABLE posts (id INTEGER PRIMARY KEY, user INT REFERENCES users (id) ON DELETE CASCADE);
    CREATE INDEX by_age ON users (age);
    CREATE VIEW names AS SELECT name FROM users;
    CREATE TRIGGER added AFTER INSERT ON users BEGIN UPDATE users SET name = 'new' WHERE id = new.id AND name IS NULL; END;
    INSERT INTO teams VALUES (1);
    INSERT INTO users VALUES (5, 'Ada', '41', 1), (9, 'Bo', '7', NULL), (20, 'gone', '9', NULL);
    DELETE FROM users WHERE id = 20;
    INSERT INTO posts VALUES (1, 5), (2, 9);";

fn app() -> (App, Connection) {
    let app = App::new();
    app.sql(SCHEMA);
    let connection = app.connect();
    connection
        .execute_batch("PRAGMA foreign_keys = ON")
        .unwrap();
    (app, connection)
}

fn rows(connection: &Connection, sql: &str) -> String {
    let mut statement = connection.prepare(sql).unwrap();
    let count = statement.column_count();
    let rows = statement.query_map([], |row| {
        let value =
            |index| Ok(format!("{:?}", row.get_ref(index)?.data_type()) + &text(row, index));
        let values: rusqlite::Result<Vec<String>> = (0..count).map(value).collect();
        Ok(values?.join(" "))
    });
    rows.unwrap()
        .map(Result::unwrap)
        .collect::<Vec<_>>()
        .join(", ")
}

fn text(row: &rusqlite::Row<'_>, index: usize) -> String {
    use rusqlite::types::ValueRef;
    match row.get_ref(index).unwrap() {
        ValueRef::Null => String::new(),
        ValueRef::Integer(number) => format!(":{number}"),
        ValueRef::Real(number) => format!(":{number}"),
        ValueRef::Text(text) => format!(":{}", String::from_utf8_lossy(text)),
        ValueRef::Blob(_) => ":blob".into(),
    }
}

#[test]
fn every_kind_of_edit_in_one_alteration_keeps_rows_children_and_mark() {
    let (app, connection) = app();
    let alteration = Alteration::of("users")
        .rename("name", "full_name")
        .add("phone TEXT NOT NULL DEFAULT '-'")
        .add_not_null("initial", "TEXT", "substr(full_name, 1, 1)")
        .retype("age", "INTEGER")
        .default_to("age", "18")
        .collate("age", "BINARY")
        .not_null("full_name")
        .drop_constraint("adult")
        .drop_constraint("UNIQUE (full_name, team)")
        .add_constraint("CONSTRAINT grown CHECK (age >= 0)")
        .reorder(["id", "phone"])
        .strict(true)
        .allow_destructive();
    let plan = alteration.plan(&connection).unwrap();
    assert_eq!(plan.kind, Some(ChangeKind::Rebuild));
    assert_eq!(
        plan.destroys,
        ["change column `age` of `users` from TEXT to INTEGER"]
    );
    assert!(
        rows(
            &connection,
            "SELECT sql FROM sqlite_schema WHERE name = 'users'"
        )
        .contains("adult")
    );
    assert_eq!(alteration.apply(&connection).unwrap(), plan);
    assert_eq!(
        rows(&connection, "SELECT * FROM users"),
        "Integer:5 Text:- Text:Ada Integer:41 Integer:1 Text:A, Integer:9 Text:- Text:Bo Integer:7 Null Text:B"
    );
    assert_eq!(
        rows(&connection, "SELECT user FROM posts"),
        "Integer:5, Integer:9"
    );
    assert_eq!(
        rows(&connection, "SELECT seq FROM sqlite_sequence"),
        "Integer:20"
    );
    assert_eq!(
        rows(&connection, "SELECT * FROM names"),
        "Text:Ada, Text:Bo"
    );
    assert_eq!(rows(&connection, "PRAGMA foreign_keys"), "Integer:1");
    assert_eq!(rows(&connection, "PRAGMA legacy_alter_table"), "Integer:0");
    assert_eq!(app.text("PRAGMA integrity_check"), "ok");
    // Once more there is nothing to do.
    let again = Alteration::of("users")
        .strict(true)
        .not_null("full_name")
        .default_to("age", "18");
    let nothing = again.apply(&connection).unwrap();
    assert_eq!((nothing.sql.as_str(), nothing.kind), ("", None));
}

#[test]
fn alter_table_is_used_where_it_can_be() {
    let (_app, connection) = app();
    let alteration = Alteration::of("users")
        .add("phone TEXT")
        .add("kind INT NOT NULL DEFAULT 0");
    let plan = alteration.apply(&connection).unwrap();
    assert_eq!(plan.kind, Some(ChangeKind::Alter));
    assert!(!plan.sql.contains("DROP TABLE"), "{}", plan.sql);
    assert_eq!(
        rows(&connection, "SELECT phone, kind FROM users"),
        "Null Integer:0, Null Integer:0"
    );
    Alteration::of("USERS")
        .rename_table("people")
        .apply(&connection)
        .unwrap();
    assert_eq!(
        rows(&connection, "SELECT name FROM people"),
        "Text:Ada, Text:Bo"
    );
    connection
        .execute("DELETE FROM people WHERE id = 5", [])
        .unwrap();
    assert_eq!(rows(&connection, "SELECT user FROM posts"), "Integer:9");
}

#[test]
fn what_destroys_is_refused_without_consent_and_takes_its_indexes_along() {
    let (app, connection) = app();
    let before = contents(&app.database());
    let alteration = Alteration::of("users").drop("age").drop_constraint("adult");
    let error = alteration.apply(&connection).unwrap_err();
    assert_eq!(error.kind(), ErrorKind::Destructive);
    assert!(error.to_string().contains("drop column `age`"), "{error}");
    assert_eq!(contents(&app.database()), before);
    alteration.allow_destructive().apply(&connection).unwrap();
    assert_eq!(
        rows(
            &connection,
            "SELECT count(*) FROM sqlite_schema WHERE name = 'by_age'"
        ),
        "Integer:0"
    );
    assert_eq!(
        rows(&connection, "SELECT id, name FROM users"),
        "Integer:5 Text:Ada, Integer:9 Text:Bo"
    );
}

#[test]
fn what_cannot_be_done_changes_nothing_and_says_why() {
    let (app, connection) = app();
    let users = || Alteration::of("users");
    connection
        .execute_batch("UPDATE users SET age = '007' WHERE id = 9; UPDATE users SET team = NULL")
        .unwrap();
    let before = contents(&app.database());
    let cases = [
        (
            Alteration::of("nobody").add("x"),
            ErrorKind::NotFound,
            "no table `nobody`",
        ),
        (
            users().drop("nothing"),
            ErrorKind::NotFound,
            "no column `nothing`",
        ),
        (
            users().drop_constraint("nothing"),
            ErrorKind::NotFound,
            "no constraint `nothing`",
        ),
        (
            users().add("x TEXT NOT NULL"),
            ErrorKind::NeedsDefault,
            "`x` of `users`",
        ),
        (
            users().not_null("team"),
            ErrorKind::MigrationFailed,
            "rows of `users` without `team`: 2",
        ),
        (
            users().retype("age", "INTEGER").allow_destructive(),
            ErrorKind::MigrationFailed,
            "for example '007'",
        ),
        (
            users().add("x TEXT CHECK ("),
            ErrorKind::InvalidMigration,
            "is not SQL",
        ),
        (
            users().add_constraint("CHECK (age = 'x')"),
            ErrorKind::MigrationFailed,
            "violate CHECK",
        ),
        (
            users()
                .drop("name")
                .drop_constraint("UNIQUE (name, team)")
                .allow_destructive(),
            ErrorKind::InvalidMigration,
            "would leave",
        ),
        (
            users().reorder(["nothing"]),
            ErrorKind::NotFound,
            "no column `nothing`",
        ),
    ];
    for (alteration, kind, words) in cases {
        let error = alteration.apply(&connection).unwrap_err();
        assert_eq!(error.kind(), kind, "{alteration:?}: {error:#}");
        assert!(error.to_string().contains(words), "{error:#}");
        assert_eq!(contents(&app.database()), before, "{error:#}");
        assert!(connection.is_autocommit());
        assert_eq!(rows(&connection, "PRAGMA foreign_keys"), "Integer:1");
    }
}

#[test]
fn in_a_transaction_it_is_a_part_and_enforced_foreign_keys_are_refused_there() {
    let (app, connection) = app();
    let alteration = Alteration::of("users").default_to("age", "'2'");
    connection.execute_batch("BEGIN").unwrap();
    let error = alteration.apply(&connection).unwrap_err();
    assert_eq!(error.kind(), ErrorKind::Usage, "{error:#}");
    connection
        .execute_batch("ROLLBACK; PRAGMA foreign_keys = OFF; BEGIN; DELETE FROM posts WHERE id = 2")
        .unwrap();
    alteration.apply(&connection).unwrap();
    let failing = Alteration::of("users").not_null("team");
    failing.apply(&connection).unwrap_err();
    assert!(!connection.is_autocommit());
    connection
        .execute_batch("COMMIT; INSERT INTO users (name) VALUES ('Cy')")
        .unwrap();
    assert_eq!(
        rows(&connection, "SELECT age FROM users WHERE name = 'Cy'"),
        "Text:2"
    );
    assert_eq!(rows(&connection, "SELECT user FROM posts"), "Integer:5");
    assert_eq!(app.text("PRAGMA integrity_check"), "ok");
}

/// A constraint behind the column's definition was left out without a word.
#[test]
fn a_constraint_that_comes_with_a_column_is_added_with_it() {
    let (_app, connection) = app();
    let plan = Alteration::of("users")
        .add("phone TEXT DEFAULT '-', fax TEXT, CONSTRAINT reached CHECK (phone <> fax)")
        .apply(&connection)
        .unwrap();
    assert!(plan.sql.contains("reached"), "{}", plan.sql);
    connection
        .execute("UPDATE users SET fax = phone", [])
        .unwrap_err();
}

#[test]
fn temporary_objects_in_the_way_are_refused() {
    for temporary in [
        "CREATE TEMP TABLE users (x)",
        // It would have taken the rows in.
        "CREATE TEMP TABLE users_new AS SELECT * FROM main.users",
        "CREATE TEMP TRIGGER tt AFTER INSERT ON main.users BEGIN SELECT 1; END",
    ] {
        let (app, connection) = app();
        let before = contents(&app.database());
        connection.execute_batch(temporary).unwrap();
        let error = Alteration::of("users")
            .default_to("age", "'2'")
            .apply(&connection)
            .unwrap_err();
        assert_eq!(error.kind(), ErrorKind::Usage, "{error:#}");
        assert_eq!(contents(&app.database()), before);
    }
}

#[test]
fn a_view_that_was_broken_before_does_not_stop_it_and_a_collation_of_the_apps_own_can_be_given() {
    let (app, connection) = app();
    let reversed = |connection: &Connection| {
        connection.create_collation("backwards", |one, other| other.cmp(one))
    };
    reversed(&connection).unwrap();
    connection
        .execute_batch("CREATE TABLE lost (x); CREATE VIEW broken AS SELECT x FROM lost; DROP TABLE lost; CREATE INDEX odd ON users (name COLLATE backwards)")
        .unwrap();
    let alteration = || Alteration::of("users").default_to("age", "'2'");
    let error = alteration().apply(&connection).unwrap_err();
    assert!(error.to_string().contains("backwards"), "{error:#}");
    alteration()
        .connection_setup(reversed)
        .apply(&connection)
        .unwrap();
    assert_eq!(
        rows(
            &connection,
            "SELECT name FROM users ORDER BY name COLLATE backwards"
        ),
        "Text:Bo, Text:Ada"
    );
    assert_eq!(rows(&connection, "PRAGMA integrity_check"), "Text:ok");
    drop(app);
}
