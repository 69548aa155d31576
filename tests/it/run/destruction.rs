//! Data would be gone: nobody loses it without somebody's word.

use heirloom::ErrorKind;
use heirloom::plan::Lost;

use crate::support::app::{App, contents, data};

const USERS: &str = "CREATE TABLE users (id INTEGER PRIMARY KEY, name TEXT, phone TEXT, note);
    INSERT INTO users VALUES (1, 'ann', '007', NULL), (2, 'bob', '12', NULL), (3, NULL, NULL, NULL);
    CREATE TABLE empty (a); CREATE TABLE other (id INTEGER PRIMARY KEY);
    INSERT INTO other VALUES (1), (2);";

fn users() -> App {
    let app = App::new();
    app.sql(USERS);
    app
}

fn rebuild(columns: &str, names: &str) -> String {
    format!(
        "CREATE TABLE n ({columns}); INSERT INTO n ({names}) SELECT {names} FROM users;
         DROP TABLE users; ALTER TABLE n RENAME TO users;"
    )
}

#[test]
fn what_would_be_destroyed_is_counted_and_refused_before_anything_is_touched() {
    let all = "id, name, phone, note";
    let cases: Vec<(String, &[&str])> = vec![
        ("DROP TABLE users".into(), &["table `users`: 3 rows"]),
        (
            "DROP TABLE IF EXISTS \"USERS\"".into(),
            &["table `users`: 3 rows"],
        ),
        (
            "ALTER TABLE users DROP COLUMN phone".into(),
            &["column `phone` of `users`: 2 values"],
        ),
        (
            rebuild("id INTEGER PRIMARY KEY, name TEXT", "id, name"),
            &["column `phone` of `users`: 2 values"],
        ),
        (
            "DELETE FROM users".into(),
            &["every row of `users`: 3 rows"],
        ),
        (
            "DELETE FROM users WHERE 1".into(),
            &["every row of `users`: 3 rows"],
        ),
        (
            rebuild(
                "id INTEGER PRIMARY KEY, name TEXT, phone INTEGER, note",
                all,
            ),
            &["column `phone` of `users` from TEXT to INTEGER: 1 value may change"],
        ),
        (
            rebuild(
                "id INTEGER PRIMARY KEY, name TEXT, phone TEXT AS (name), note",
                "id, name",
            ),
            &["column `phone` of `users` becomes generated: 2 values"],
        ),
        (
            "ALTER TABLE users RENAME TO people; ALTER TABLE people RENAME phone TO tel;
             ALTER TABLE people DROP COLUMN tel; DROP TABLE other;"
                .into(),
            &[
                "column `phone` of `users`: 2 values",
                "table `other`: 2 rows",
            ],
        ),
        (
            "CREATE TABLE people AS SELECT * FROM users; DROP TABLE users;".into(),
            &["table `users`: 3 rows"],
        ),
    ];
    for (sql, expected) in cases {
        let app = users();
        app.file("V1__a.sql", &sql);
        let plan = app.migrator().database(app.database()).plan(None).unwrap();
        let error = app.refused(ErrorKind::Destructive);
        let losses: Vec<String> = error.losses().iter().map(ToString::to_string).collect();
        assert_eq!(losses, expected, "{sql}");
        assert_eq!(plan.refused.unwrap().losses(), error.losses(), "{sql}");
        assert_eq!(plan.steps[0].losses, error.losses(), "{sql}");
        assert_eq!(error.migration(), Some("V1__a"));
        assert_eq!(app.backups().len(), 0, "{sql}");
        app.migrator()
            .allow_destructive()
            .migrate(app.database())
            .unwrap();

        let app = users();
        app.file(
            "V1__a.sql",
            &format!("-- heirloom: allow-destructive\n{sql}"),
        );
        assert_eq!(app.run().unwrap().version, Some(1), "{sql}");
    }
}

#[test]
fn a_loss_says_what_it_is_in_values_too() {
    let app = users();
    app.file("V1__a.sql", "ALTER TABLE users DROP COLUMN phone");
    let error = app.refused(ErrorKind::Destructive);
    let loss = &error.losses()[0];
    assert_eq!(loss.table, "users");
    assert_eq!(loss.what, Lost::Column("phone".into()));
    assert_eq!(loss.count, 2);
}

#[test]
fn what_is_empty_may_go_without_a_word() {
    for sql in [
        "DROP TABLE empty",
        "DELETE FROM empty",
        "ALTER TABLE users DROP COLUMN note",
        "CREATE TABLE brief (a); INSERT INTO brief VALUES (1); DELETE FROM brief; DROP TABLE brief",
        &rebuild(
            "id INTEGER PRIMARY KEY, name TEXT, phone TEXT",
            "id, name, phone",
        ),
        "ALTER TABLE users ADD COLUMN later DEFAULT 1; ALTER TABLE users DROP COLUMN later",
    ] {
        let app = users();
        app.file("V1__a.sql", sql);
        app.run().unwrap();
        assert_eq!(app.number("SELECT count(*) FROM users"), 3, "{sql}");
        assert_eq!(app.number("SELECT count(phone) FROM users"), 2, "{sql}");
    }
}

#[test]
fn a_rename_and_a_widening_are_no_loss() {
    for (sql, count) in [
        (
            "ALTER TABLE users RENAME TO people",
            "SELECT count(phone) FROM people",
        ),
        (
            "ALTER TABLE users RENAME phone TO tel",
            "SELECT count(tel) FROM users",
        ),
        (
            &rebuild(
                "id INTEGER PRIMARY KEY, name, phone, note TEXT",
                "id, name, phone, note",
            ),
            "SELECT count(phone) FROM users",
        ),
        (
            "ALTER TABLE users RENAME TO a; ALTER TABLE other RENAME TO users; ALTER TABLE a RENAME TO other",
            "SELECT count(phone) FROM other",
        ),
    ] {
        let app = users();
        app.file("V1__a.sql", sql);
        app.run().unwrap();
        assert_eq!(app.number(count), 2, "{sql}");
    }
}

#[test]
fn rows_that_go_unannounced_fail_the_run_unless_the_file_consents() {
    for sql in [
        "DELETE FROM users WHERE id = 2",
        "WITH few AS (SELECT 1 AS id) DELETE FROM users WHERE id IN few",
        "CREATE UNIQUE INDEX one ON users (note); INSERT OR REPLACE INTO users (id, note) VALUES (3, 5), (2, 5)",
        "UPDATE OR REPLACE users SET id = 1 WHERE id = 2",
        "CREATE TABLE n (id INTEGER PRIMARY KEY, name TEXT, phone TEXT, note);
         INSERT INTO n SELECT * FROM users WHERE id < 3; DROP TABLE users; ALTER TABLE n RENAME TO users",
        "CREATE TABLE n (id INTEGER PRIMARY KEY, name TEXT, phone TEXT, note);
         INSERT INTO n SELECT * FROM users JOIN other USING (id); DROP TABLE users; ALTER TABLE n RENAME TO users",
        "CREATE TABLE n (id INTEGER PRIMARY KEY, name TEXT, phone TEXT, note UNIQUE ON CONFLICT REPLACE);
         UPDATE users SET note = 1; INSERT INTO n SELECT * FROM users; DROP TABLE users; ALTER TABLE n RENAME TO users",
        "ALTER TABLE users RENAME TO people; DELETE FROM people WHERE id = 1",
        "CREATE TRIGGER t AFTER UPDATE ON other BEGIN DELETE FROM users WHERE id = old.id; END;
         UPDATE other SET id = id WHERE id = 1; DROP TRIGGER t",
    ] {
        let app = users();
        app.file("V1__a.sql", "CREATE TABLE first (x)").file("V2__b.sql", sql);
        let error = app.refused(ErrorKind::Destructive);
        assert_eq!(error.migration(), Some("V2__b"), "{sql}");
        assert!(error.to_string().contains("of its 3 rows"), "{sql}: {error}");

        let app = users();
        app.file("V1__a.sql", &format!("-- heirloom: allow-destructive\n{sql}"));
        app.run().unwrap_or_else(|error| panic!("{sql}: {error:#}"));
        app.file("V2__b.sql", "CREATE TABLE after (x)");
        app.run().unwrap();
    }
}

#[test]
fn one_file_does_not_consent_for_another() {
    let app = users();
    app.file("V1__a.sql", "DROP TABLE other").file(
        "V2__b.sql",
        "-- heirloom: allow-destructive\nDROP TABLE users",
    );
    let error = app.refused(ErrorKind::Destructive);
    assert_eq!(error.migration(), Some("V1__a"));
    let losses: Vec<String> = error.losses().iter().map(ToString::to_string).collect();
    assert_eq!(losses, ["table `other`: 2 rows"]);

    let app = users();
    app.file(
        "V1__a.sql",
        "-- heirloom: allow-destructive\nDELETE FROM other WHERE id = 1",
    )
    .file("V2__b.sql", "DELETE FROM users WHERE id = 1");
    assert_eq!(
        app.refused(ErrorKind::Destructive).migration(),
        Some("V2__b")
    );
}

#[test]
fn a_consent_that_is_misspelt_or_misplaced_is_none() {
    for sql in [
        "-- heirloom: allow-destructiv\nDROP TABLE users",
        "DROP TABLE users;\n-- heirloom: allow-destructive",
    ] {
        let app = users();
        app.file("V1__a.sql", sql);
        app.refused(ErrorKind::InvalidMigration);
    }
    let app = users();
    app.file(
        "V1__a.sql",
        "SELECT '\n-- heirloom: allow-destructive\n'; DROP TABLE users",
    );
    app.refused(ErrorKind::Destructive);
}

#[test]
fn after_a_refusal_consent_lets_the_same_run_through() {
    let app = users();
    app.file("V1__a.sql", "DROP TABLE users");
    app.refused(ErrorKind::Destructive);
    app.migrator()
        .allow_destructive()
        .migrate(app.database())
        .unwrap();
    assert!(
        !data(&app.database())
            .iter()
            .any(|line| line.contains("users"))
    );
    assert_eq!(app.backups().len(), 1);
}

/// A rebuild may keep every row and a column's name, and still forget to copy its values.
#[test]
fn a_rebuild_that_forgets_to_copy_a_column_is_refused_and_consent_allows_it() {
    let rebuild = "CREATE TABLE n (id INTEGER PRIMARY KEY, name TEXT, phone TEXT);
        INSERT INTO n (id, name) SELECT id, name FROM t;
        DROP TABLE t;
        ALTER TABLE n RENAME TO t;";
    for (directive, allowed) in [("", false), ("-- heirloom: allow-destructive\n", true)] {
        let app = App::new();
        app.sql(
            "CREATE TABLE t (id INTEGER PRIMARY KEY, name TEXT, phone TEXT);
             INSERT INTO t VALUES (1, 'a', '1'), (2, 'b', NULL), (3, 'c', '3');",
        );
        app.file("V1__rebuild.sql", &format!("{directive}{rebuild}"));
        let before = data(&app.database());
        match app.run() {
            Ok(_) => assert!(allowed),
            Err(error) => {
                assert!(!allowed, "{error:#}");
                assert_eq!(error.kind(), ErrorKind::Destructive);
                let message = error.to_string();
                assert!(
                    message.contains("`phone` of `t` would have 0 of its 2 values"),
                    "{message}"
                );
                assert_eq!(data(&app.database()), before);
            }
        }
    }
}

/// Its rows are nowhere else; a column may be called `content`.
#[test]
fn a_search_table_with_a_column_called_content_holds_rows_of_its_own() {
    for columns in ["content, body", "body, content, tokenize = 'ascii'"] {
        let app = App::new();
        app.sql(&format!(
            "CREATE VIRTUAL TABLE f USING fts5 ({columns}); INSERT INTO f (body) VALUES ('a');"
        ));
        app.file("V1__drop.sql", "DROP TABLE f");
        app.refused(ErrorKind::Destructive);
    }
}

/// Called like the storage of a full-text table, and the user's own.
#[test]
fn a_table_that_is_only_called_like_a_modules_storage_is_data() {
    let app = App::new();
    app.sql(
        "CREATE TABLE mail_content (id INTEGER PRIMARY KEY, body);
         INSERT INTO mail_content VALUES (1, 'a'), (2, 'b');
         CREATE VIRTUAL TABLE mail USING fts5 (body, content = 'mail_content', content_rowid = 'id');",
    );
    app.file("V1__drop.sql", "DROP TABLE mail; DROP TABLE mail_content;");
    app.refused(ErrorKind::Destructive);
}

#[test]
fn a_trigger_that_could_not_run_any_more_is_refused() {
    let app = App::new();
    app.sql(
        "CREATE TABLE n (x); CREATE TABLE log (x);
         CREATE TRIGGER tell AFTER INSERT ON n BEGIN INSERT INTO log VALUES (new.x); END;",
    );
    app.file("V1__drop.sql", "DROP TABLE log;");
    let error = app.refused(ErrorKind::MigrationFailed);
    assert!(error.to_string().contains("`n`"), "{error}");
    app.file("V1__drop.sql", "DROP TRIGGER tell; DROP TABLE log;");
    app.run().unwrap();
}

/// One missing module's name and another table's name once met in the middle of a letter.
#[test]
fn a_module_that_is_missing_does_not_break_on_the_name_of_another_table() {
    let app = App::new();
    app.sql(
        "CREATE TABLE größe (x); PRAGMA writable_schema = ON;
         INSERT INTO sqlite_schema VALUES ('table', 'grö', 'grö', 0, 'CREATE VIRTUAL TABLE grö USING nowhere(x)');
         INSERT INTO sqlite_schema VALUES ('table', 'gr', 'gr', 0, 'CREATE VIRTUAL TABLE gr USING nowhere(x)');",
    );
    app.file("V1__a.sql", "CREATE TABLE a (x)");
    assert_eq!(app.run().unwrap().version, Some(1));
}

/// The app may load the module after it has migrated.
#[test]
fn what_only_names_the_table_of_a_missing_module_runs_and_a_misspelt_name_does_not() {
    let app = App::new();
    app.sql(
        "CREATE TABLE t (x); INSERT INTO t VALUES (1); PRAGMA writable_schema = ON;
         INSERT INTO sqlite_schema VALUES ('table', 'f', 'f', 0, 'CREATE VIRTUAL TABLE f USING nowhere(x)');",
    );
    app.file("V1__view.sql", "CREATE VIEW v AS SELECT x FROM f");
    app.run().unwrap();
    let copies = app.backups();
    app.file("V2__misspelt.sql", "INSERT INTO tt VALUES (2)");
    let error = app.run().unwrap_err();
    assert!(error.to_string().contains("no such table: tt"), "{error}");
    assert_eq!(app.number("SELECT count(*) FROM t"), 1);
    assert_eq!(
        app.backups(),
        copies,
        "it was found before a copy was taken"
    );
}

/// SQLite does not read again what is written into the schema by hand: the run went on with tables
/// that were gone, proved them, and reported success over an empty database.
#[test]
fn a_table_whose_text_goes_from_the_schema_is_missed_before_the_commit() {
    for change in [
        "DELETE FROM sqlite_schema",
        "DELETE FROM main.sqlite_master WHERE tbl_name = 'notes'",
        "UPDATE sqlite_schema SET name = 'gone', tbl_name = 'gone', sql = 'CREATE TABLE gone (x)'
            WHERE name = 'refinery_schema_history'",
    ] {
        let app = App::new();
        app.file(
            "V1__a.sql",
            "CREATE TABLE notes (body); CREATE TABLE other (x)",
        );
        app.run().unwrap();
        app.sql("INSERT INTO notes VALUES ('mine')");
        app.file(
            "V2__b.sql",
            &format!("PRAGMA writable_schema = ON; {change};"),
        );
        let before = contents(&app.database());
        let error = app.run().unwrap_err();
        assert!(error.data_state().is_unchanged(), "{change}: {error:#}");
        assert_eq!(contents(&app.database()), before, "{change}: {error:#}");
        assert_eq!(app.text("SELECT body FROM notes"), "mine");
        assert_eq!(
            app.number("SELECT count(*) FROM refinery_schema_history"),
            1
        );
    }
}
