//! Two states of a database, compared by rows; and a restore that keeps what came since.

use heirloom::BackupRef;
use heirloom::inspect::StateRef;
use rusqlite::Connection;

use crate::support::app::{App, data};

const TABLES: &str = "CREATE TABLE notes (id INTEGER PRIMARY KEY, title TEXT UNIQUE, body TEXT);
    CREATE TABLE tags (name TEXT, lang TEXT, n INTEGER, PRIMARY KEY (name, lang)) WITHOUT ROWID;
    CREATE TABLE loose (a, b);
    CREATE TABLE links (id INTEGER PRIMARY KEY, note INTEGER NOT NULL REFERENCES notes (id));";

/// A database with a backup of before `later`.
fn app(later: &str) -> App {
    let app = App::new();
    app.sql(&format!(
        "{TABLES} INSERT INTO notes VALUES (1, 'a', 'x'), (2, 'b', 'y'), (3, 'c', 'z');
         INSERT INTO tags VALUES ('work', 'de', 1), ('work', 'en', 2);
         INSERT INTO loose VALUES (1, 2), (1, 2); INSERT INTO links VALUES (1, 1);"
    ));
    app.file("V1__a.sql", "CREATE TABLE own (x)");
    app.run().unwrap();
    app.migrator()
        .database(app.database())
        .snapshot("then")
        .unwrap();
    app.sql(later);
    app
}

fn states() -> (StateRef, StateRef) {
    let then = StateRef::Backup(BackupRef::Snapshot("then".into()));
    (then, StateRef::Live)
}

const LATER: &str = "DELETE FROM notes WHERE id = 3; UPDATE notes SET title = 'b2' WHERE id = 2;
    INSERT INTO notes VALUES (4, 'it''s', NULL); UPDATE tags SET n = 9 WHERE lang = 'en';
    INSERT INTO loose VALUES (3, x'00ff');";

#[test]
fn what_differs_is_told_by_table_and_column_and_nothing_is_written() {
    let app = app(LATER);
    let before = app.listing();
    let (from, to) = states();
    let migrator = app.migrator();
    let database = migrator.database(app.database());
    let found = database.compare(&from, &to).unwrap();
    let told: Vec<_> = found
        .tables
        .iter()
        .map(|it| {
            let columns: Vec<_> = it
                .columns
                .iter()
                .map(|(name, n)| format!("{name} {n}"))
                .collect();
            (
                it.table.as_str(),
                it.only_in_from,
                it.only_in_to,
                it.changed,
                columns.join(" "),
            )
        })
        .collect();
    assert_eq!(
        told,
        [
            ("loose", 0, 1, 0, String::new()),
            ("notes", 1, 1, 1, "title 1".into()),
            ("tags", 0, 0, 1, "n 1".into()),
        ]
    );
    let mut rows = Vec::new();
    database
        .compare_rows(&from, &to, "tags", |row| rows.push(row.clone()))
        .unwrap();
    assert_eq!(rows.len(), 1);
    assert_eq!(
        rows[0].values,
        [("n".into(), Some("2".into()), Some("9".into()))]
    );
    assert!(database.compare(&to, &to).unwrap().is_same());
    assert_eq!(app.listing(), before);
}

#[test]
fn the_statements_make_one_state_into_the_other() {
    for later in [
        LATER,
        // Values of a unique column that change places.
        "UPDATE notes SET title = 'free' WHERE id = 1; UPDATE notes SET title = 'a' WHERE id = 2;
         UPDATE notes SET title = 'b' WHERE id = 1;",
        "CREATE TABLE new (x TEXT); INSERT INTO new VALUES ('1'); DROP TABLE loose;
         ALTER TABLE tags ADD COLUMN colour TEXT DEFAULT 'red'; CREATE INDEX by_n ON tags (n);",
        "CREATE TRIGGER twice AFTER INSERT ON notes BEGIN INSERT INTO loose VALUES (NEW.id, 0); END;
         INSERT INTO notes VALUES (7, 'g', 'h');",
    ] {
        let app = app(later);
        let (then, now) = states();
        let migrator = app.migrator();
        let database = migrator.database(app.database());
        for (from, to) in [(&then, &now), (&now, &then)] {
            let found = database.compare(from, to).unwrap();
            let copy = app.folder().join("copy.db");
            let _ = std::fs::remove_file(&copy);
            std::fs::copy(&found.from, &copy).unwrap();
            let mut sql = String::new();
            database
                .compare_sql(from, to, |statement| {
                    sql.push_str(statement);
                    sql.push('\n');
                })
                .unwrap();
            Connection::open(&copy)
                .unwrap()
                .execute_batch(&sql)
                .unwrap_or_else(|error| panic!("{error}: {sql}"));
            assert_eq!(data(&copy), data(&found.to), "{sql}");
        }
    }
}

#[test]
fn a_restore_can_keep_the_rows_that_came_since() {
    let app = app(
        "UPDATE notes SET body = 'spoilt'; INSERT INTO notes VALUES (4, 'd', 'new'), (5, 'e', 'new');
         DELETE FROM notes WHERE id = 2; UPDATE notes SET title = 'b' WHERE id = 5;
         INSERT INTO links VALUES (2, 4), (3, 5); INSERT INTO loose VALUES (5, 6);",
    );
    let migrator = app.migrator();
    let database = migrator.database(app.database());
    let copy = BackupRef::Snapshot("then".into());
    let plan = database.plan_restore(&copy).unwrap();
    let told: Vec<_> = plan
        .newer
        .iter()
        .map(|it| (it.table.as_str(), it.new, it.changed))
        .collect();
    assert_eq!(told, [("notes", 2, 2), ("loose", 1, 0), ("links", 2, 0)]);
    let report = database.restore_keeping_newer(&copy).unwrap();
    let restored = report.restored.unwrap();
    let told: Vec<_> = restored
        .newer
        .iter()
        .map(|it| (it.table.as_str(), it.taken, it.left_count, it.changed))
        .collect();
    // Note 5 has the title of one that is back, and link 3 refers to it.
    assert_eq!(
        told,
        [("notes", 1, 1, 2), ("loose", 1, 0, 0), ("links", 1, 1, 0)]
    );
    assert_eq!(
        app.text("SELECT group_concat(id || body) FROM notes"),
        "1x,2y,3z,4new"
    );
    assert_eq!(
        app.text("SELECT group_concat(id || ' ' || note) FROM links"),
        "1 1,2 4"
    );
    assert_eq!(
        app.number("SELECT count(*) FROM pragma_foreign_key_check"),
        0
    );
    assert_eq!(app.number("SELECT count(*) FROM loose"), 3);
    assert!(restored.replaced.is_some());
}
