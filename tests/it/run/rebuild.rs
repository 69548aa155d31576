//! A table is rebuilt by hand: everything that hangs on it must still be there.

use heirloom::ErrorKind;

use crate::support::app::{App, contents};

/// A parent with a cascading child, a self reference, and triggers that would tell of a
/// child's death.
const FAMILY: &str = "
    CREATE TABLE parent (id INTEGER PRIMARY KEY, boss REFERENCES parent ON DELETE CASCADE, name TEXT);
    CREATE TABLE child (id INTEGER PRIMARY KEY, parent REFERENCES parent ON DELETE CASCADE);
    CREATE TABLE log (what TEXT);
    CREATE TRIGGER died AFTER DELETE ON child BEGIN INSERT INTO log VALUES ('child ' || old.id); END;
    INSERT INTO parent VALUES (1, NULL, 'a'), (2, 1, 'b');
    INSERT INTO child VALUES (1, 1), (2, 1), (3, 2);";

const NEW_FIRST: &str = "
    CREATE TABLE new_parent (id INTEGER PRIMARY KEY, boss REFERENCES parent ON DELETE CASCADE, name TEXT NOT NULL);
    INSERT INTO new_parent SELECT id, boss, name FROM parent;
    DROP TABLE parent;
    ALTER TABLE new_parent RENAME TO parent;";

const OLD_FIRST: &str = "
    ALTER TABLE parent RENAME TO old_parent;
    CREATE TABLE parent (id INTEGER PRIMARY KEY, boss REFERENCES parent ON DELETE CASCADE, name TEXT NOT NULL);
    INSERT INTO parent SELECT id, boss, name FROM old_parent;
    DROP TABLE old_parent;";

fn rows(app: &App) -> Vec<String> {
    let mut lines = contents(&app.database());
    lines.retain(|line| {
        ["parent:", "child:", "log:"]
            .iter()
            .any(|t| line.starts_with(t))
    });
    lines
}

#[test]
fn either_order_of_a_rebuild_keeps_children_and_self_references_and_wakes_no_trigger() {
    let with_legacy =
        format!("PRAGMA legacy_alter_table = ON; {OLD_FIRST} PRAGMA legacy_alter_table = OFF;");
    let with_pragma = format!("PRAGMA foreign_keys = OFF; {NEW_FIRST} PRAGMA foreign_keys = ON;");
    for sql in [NEW_FIRST, &with_pragma, &with_legacy] {
        let app = App::new();
        app.sql(FAMILY).file("V1__rebuild.sql", sql);
        let before = rows(&app);
        let report = app.run().unwrap();
        assert_eq!(rows(&app), before, "{sql}");
        assert_eq!(report.notes, [""; 0], "{sql}");
        app.sql("PRAGMA foreign_keys = ON; DELETE FROM parent WHERE id = 1");
        assert_eq!(app.number("SELECT count(*) FROM child"), 0, "{sql}");
        assert_eq!(app.number("SELECT count(*) FROM log"), 3, "{sql}");
    }
}

#[test]
fn a_rebuild_that_leaves_the_children_pointing_at_the_old_name_is_refused() {
    let app = App::new();
    app.sql(FAMILY).file("V1__rebuild.sql", OLD_FIRST);
    let error = app.refused(ErrorKind::MigrationFailed);
    assert!(error.to_string().contains("old_parent"), "{error}");
}

/// SQLite's check says nothing of a missing parent while the child has no row; the app's
/// first INSERT would fail with "no such table: old_parent".
#[test]
fn a_child_without_rows_is_not_left_pointing_at_the_old_name_either() {
    let app = App::new();
    app.sql(FAMILY).sql("DELETE FROM child; DELETE FROM log");
    app.sql("UPDATE parent SET boss = NULL");
    app.file("V1__rebuild.sql", OLD_FIRST);
    let error = app.refused(ErrorKind::MigrationFailed);
    assert!(error.to_string().contains("child"), "{error}");
}

#[test]
fn an_autoincrement_mark_survives_a_rebuild_also_of_an_emptied_table() {
    for rows_left in [2, 0] {
        let app = App::new();
        app.sql(
            "CREATE TABLE Item (id INTEGER PRIMARY KEY AUTOINCREMENT, x);
             INSERT INTO Item (id, x) VALUES (1, 'a'), (2, 'b'), (41, 'gone');",
        )
        .sql(&format!("DELETE FROM Item WHERE id > {rows_left}"));
        app.file(
            "V1__rebuild.sql",
            "CREATE TABLE n (id INTEGER PRIMARY KEY AUTOINCREMENT, x NOT NULL);
             INSERT INTO n SELECT id, x FROM item; DROP TABLE item; ALTER TABLE n RENAME TO item;",
        );
        app.run().unwrap();
        app.sql("INSERT INTO item (x) VALUES ('next')");
        assert_eq!(app.number("SELECT max(id) FROM item"), 42, "{rows_left}");
        assert_eq!(app.number("SELECT count(*) FROM sqlite_sequence"), 1);
    }
}

#[test]
fn what_a_rebuild_forgot_to_make_again_is_told_and_what_it_made_again_is_not() {
    let forgotten = "CREATE TABLE n (id INTEGER PRIMARY KEY, a, b);
         INSERT INTO n SELECT * FROM t; DROP TABLE t; ALTER TABLE n RENAME TO t;";
    let cases: &[(&str, &[&str])] = &[
        ("", &["index `by_a`", "trigger `touched`"]),
        ("CREATE INDEX by_a ON t (a);", &["trigger `touched`"]),
        (
            "CREATE INDEX by_a ON t (a); CREATE TRIGGER touched AFTER UPDATE ON t BEGIN SELECT 1; END;",
            &[],
        ),
    ];
    for (again, missing) in cases {
        let app = App::new();
        app.sql(
            "CREATE TABLE t (id INTEGER PRIMARY KEY, a, b); INSERT INTO t VALUES (1, 2, 3);
             CREATE INDEX by_a ON t (a);
             CREATE TRIGGER touched AFTER UPDATE ON T BEGIN SELECT 1; END;
             CREATE TABLE other (a); CREATE INDEX by_other ON other (a);
             CREATE TRIGGER other_touched AFTER UPDATE ON other BEGIN SELECT 1; END;",
        );
        app.file("V1__rebuild.sql", &format!("{forgotten}{again}"));
        let planned = app.migrator().database(app.database()).plan(None).unwrap();
        let notes = app.run().unwrap().notes;
        assert_eq!(planned.steps[0].notes, notes);
        assert_eq!(planned.steps[0].rebuilds, ["t"]);
        assert_eq!(notes.len(), missing.len(), "{notes:?}");
        for name in *missing {
            assert!(
                notes.iter().any(|note| note.contains(name)),
                "{name}: {notes:?}"
            );
        }
    }
}

#[test]
fn an_index_that_is_dropped_by_name_or_with_its_table_is_no_surprise() {
    let app = App::new();
    app.sql("CREATE TABLE t (a); CREATE INDEX by_a ON t (a); CREATE TABLE u (a); CREATE INDEX u_a ON u (a);");
    app.file("V1__less.sql", "DROP INDEX by_a; DROP TABLE u;");
    assert_eq!(app.run().unwrap().notes, [""; 0]);
}

#[test]
fn a_view_over_a_rebuilt_table_still_answers_or_the_rebuild_is_refused() {
    let copy = "CREATE TABLE n (id INTEGER PRIMARY KEY, a); INSERT INTO n SELECT id, a FROM t; DROP TABLE t;";
    let rename = "ALTER TABLE n RENAME TO t;";
    let good = [
        format!("DROP VIEW v; {copy} {rename} CREATE VIEW v AS SELECT a FROM t;"),
        format!("{copy} PRAGMA legacy_alter_table = ON; {rename}"),
    ];
    let setup = "CREATE TABLE t (id INTEGER PRIMARY KEY, a, b); INSERT INTO t VALUES (1, 7, NULL);
         CREATE VIEW v AS SELECT a FROM t;";
    for sql in &good {
        let app = App::new();
        app.sql(setup).file("V1__rebuild.sql", sql);
        app.run().unwrap();
        assert_eq!(app.number("SELECT a FROM v"), 7, "{sql}");
    }
    let app = App::new();
    app.sql(setup)
        .file("V1__rebuild.sql", &format!("{copy}\n{rename}"));
    let error = app.refused(ErrorKind::MigrationFailed);
    assert_eq!(error.location().unwrap().position.line, 2, "{error:#}");
    assert_eq!(app.backups().len(), 0);
}

#[test]
fn a_view_that_reads_a_column_a_rebuild_leaves_out_is_named_before_anything_is_touched() {
    let app = App::new();
    app.sql("CREATE TABLE t (id INTEGER PRIMARY KEY, a, b); CREATE VIEW v AS SELECT b FROM t;");
    app.file(
        "V1__rebuild.sql",
        "PRAGMA legacy_alter_table = ON; CREATE TABLE n (id INTEGER PRIMARY KEY, a);
         INSERT INTO n SELECT id, a FROM t; DROP TABLE t; ALTER TABLE n RENAME TO t;",
    );
    let error = app.refused(ErrorKind::MigrationFailed);
    assert!(error.to_string().contains("`v`"), "{error}");
    assert_eq!(app.backups().len(), 0);
}

#[test]
fn a_view_that_was_broken_before_blocks_nothing() {
    let app = App::new();
    app.sql("CREATE TABLE t (a); CREATE TABLE gone (x); CREATE VIEW v AS SELECT x FROM gone; DROP TABLE gone;");
    app.file(
        "V1__a.sql",
        "ALTER TABLE t ADD COLUMN b; CREATE TABLE u (x);",
    );
    assert_eq!(app.run().unwrap().version, Some(1));
    assert_eq!(app.number("SELECT count(*) FROM pragma_table_info('t')"), 2);
}

#[test]
fn full_text_search_over_a_rebuilt_table_finds_what_it_found_before() {
    let app = App::new();
    app.sql(
        "CREATE TABLE note (id INTEGER PRIMARY KEY, body TEXT);
         CREATE VIRTUAL TABLE search USING fts5 (body, content = 'note', content_rowid = 'id');
         CREATE TRIGGER note_added AFTER INSERT ON note BEGIN
             INSERT INTO search (rowid, body) VALUES (new.id, new.body); END;
         INSERT INTO note VALUES (3, 'a red kite'), (900, 'a blue boat');",
    );
    app.file(
        "V1__rebuild.sql",
        "CREATE TABLE n (id INTEGER PRIMARY KEY, body TEXT NOT NULL);
         INSERT INTO n SELECT id, body FROM note; DROP TABLE note; ALTER TABLE n RENAME TO note;
         CREATE TRIGGER note_added AFTER INSERT ON note BEGIN
             INSERT INTO search (rowid, body) VALUES (new.id, new.body); END;",
    );
    app.run().unwrap();
    assert_eq!(
        app.number("SELECT rowid FROM search WHERE search MATCH 'boat'"),
        900
    );
    app.sql("INSERT INTO search (search) VALUES ('integrity-check'); INSERT INTO note VALUES (901, 'a green boat')");
    assert_eq!(
        app.number("SELECT count(*) FROM search WHERE search MATCH 'boat'"),
        2
    );
}

#[test]
fn a_search_table_over_another_table_may_go_without_consent_and_one_of_its_own_may_not() {
    for (options, free) in [("body, content = 'note'", true), ("body", false)] {
        let app = App::new();
        app.sql(&format!(
            "CREATE TABLE note (id INTEGER PRIMARY KEY, body TEXT);
             CREATE VIRTUAL TABLE search USING fts5 ({options});
             INSERT INTO note VALUES (1, 'x'); INSERT INTO search (rowid, body) VALUES (1, 'x');"
        ));
        app.file("V1__no_search.sql", "DROP TABLE search;");
        if free {
            app.run().unwrap();
        } else {
            let error = app.refused(ErrorKind::Destructive);
            assert_eq!(error.losses()[0].to_string(), "table `search`: 1 row");
        }
    }
}

#[test]
fn generated_columns_strict_and_without_rowid_tables_come_through_a_rebuild() {
    let app = App::new();
    app.sql(
        "CREATE TABLE t (k TEXT PRIMARY KEY, a INT, twice INT AS (a * 2) STORED) WITHOUT ROWID, STRICT;
         INSERT INTO t (k, a) VALUES ('x', 4), ('y', 5);",
    );
    app.file(
        "V1__rebuild.sql",
        "CREATE TABLE n (k TEXT PRIMARY KEY, a INT NOT NULL, twice INT AS (a * 2) VIRTUAL) WITHOUT ROWID, STRICT;
         INSERT INTO n (k, a) SELECT k, a FROM t; DROP TABLE t; ALTER TABLE n RENAME TO t;",
    );
    app.run().unwrap();
    assert_eq!(app.number("SELECT sum(twice) FROM t"), 18);
}

/// A rebuild that renumbers implicit rowids cuts every link that goes by them.
#[test]
fn rows_that_get_other_rowids_are_told() {
    let app = App::new();
    app.sql("CREATE TABLE t (x); INSERT INTO t (rowid, x) VALUES (5, 'a'), (9, 'b')");
    app.file(
        "V1__rebuild.sql",
        "CREATE TABLE n (x); INSERT INTO n SELECT x FROM t; DROP TABLE t; ALTER TABLE n RENAME TO t;",
    );
    let notes = app.run().unwrap().notes;
    assert!(notes.len() == 1 && notes[0].contains("rowids"), "{notes:?}");
    app.file(
        "V2__again.sql",
        "CREATE TABLE n (x); INSERT INTO n (rowid, x) SELECT rowid, x FROM t; DROP TABLE t;
         ALTER TABLE n RENAME TO t;",
    );
    assert_eq!(app.run().unwrap().notes, [""; 0]);
}

/// `SELECT "titel"` of a table with a column `title` is the text titel, row after row.
#[test]
fn a_misspelt_column_in_double_quotes_is_told() {
    let app = App::new();
    app.sql("CREATE TABLE t (id INTEGER PRIMARY KEY, title); INSERT INTO t VALUES (1, 'a')");
    app.file(
        "V1__rebuild.sql",
        "CREATE TABLE n (id INTEGER PRIMARY KEY, title);\nINSERT INTO n SELECT \"id\", \"titel\" FROM \"t\";
         DROP TABLE t; ALTER TABLE n RENAME TO t; INSERT INTO t (title) VALUES (\"plain\");",
    );
    let plan = app.migrator().database(app.database()).plan(None).unwrap();
    let notes = &plan.steps[0].notes;
    assert!(
        notes.len() == 1 && notes[0].contains("titel") && notes[0].contains(":2"),
        "{notes:?}"
    );
}

/// Every row of the tables that ANALYZE fills.
fn statistics(app: &App) -> Vec<String> {
    let mut lines = contents(&app.database());
    lines.retain(|line| line.starts_with("sqlite_stat"));
    lines.sort();
    lines
}

const ANALYZED: &str = "
    CREATE TABLE t (id INTEGER PRIMARY KEY, a INT, b INT UNIQUE, c INT);
    CREATE INDEX by_a ON t (a); CREATE INDEX by_c ON t (c DESC);
    CREATE TABLE k (a, b, PRIMARY KEY (a, b)) WITHOUT ROWID;
    CREATE TABLE plain (x); CREATE TABLE other (x); CREATE INDEX by_x ON other (x);
    WITH RECURSIVE n (i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n WHERE i < 500)
    INSERT INTO t SELECT i, i % 100, i, i % 2 FROM n;
    INSERT INTO k SELECT a, b FROM t; INSERT INTO plain SELECT a FROM t; INSERT INTO other SELECT a FROM t;
    ANALYZE;";

const ANEW: &str = "
    CREATE TABLE n (id INTEGER PRIMARY KEY, a INT NOT NULL, b INT UNIQUE, c INT);
    INSERT INTO n SELECT * FROM t; DROP TABLE t; ALTER TABLE n RENAME TO t;
    CREATE INDEX by_a ON t (a); CREATE INDEX by_c ON t (c DESC);
    CREATE TABLE n (a NOT NULL, b, PRIMARY KEY (a, b)) WITHOUT ROWID;
    INSERT INTO n SELECT * FROM k; DROP TABLE k; ALTER TABLE n RENAME TO k;
    CREATE TABLE n (x NOT NULL); INSERT INTO n SELECT * FROM plain; DROP TABLE plain; ALTER TABLE n RENAME TO plain;";

/// DROP TABLE deletes the rows of `sqlite_stat1` and `sqlite_stat4`; the app's next query may
/// take the worse index.
#[test]
fn what_analyze_found_out_survives_a_rebuild_and_the_apps_connection_knows_it() {
    let app = App::new();
    app.sql(ANALYZED).file("V1__rebuild.sql", ANEW);
    let before = statistics(&app);
    let samples = app.number("SELECT sqlite_compileoption_used('ENABLE_STAT4')") == 1;
    let sampled = before.last().unwrap().starts_with("sqlite_stat4");
    assert!(before.len() > 4 && sampled == samples);
    let plan = |connection: &rusqlite::Connection| -> String {
        let sql = "EXPLAIN QUERY PLAN SELECT * FROM t WHERE a = 7 AND c = 1 ORDER BY id";
        let plan = connection.query_row(sql, [], |row| row.get(3));
        plan.unwrap()
    };
    let planned = plan(&app.connect());
    assert!(planned.contains("by_a"), "{planned}");
    let opened = app.migrator().open(app.database()).unwrap();
    assert!(statistics(&app) == before);
    assert_eq!(plan(&opened.connection), planned);
    assert_eq!(plan(&app.connect()), planned);
    let sql = "SELECT count(*) FROM t WHERE a = 7 AND c = 1";
    assert_eq!(app.number(sql), 5);
}

#[test]
fn statistics_of_an_index_that_is_another_now_are_not_put_back() {
    let app = App::new();
    app.sql(ANALYZED);
    app.file(
        "V1__rebuild.sql",
        "CREATE TABLE n (id INTEGER PRIMARY KEY, a INT NOT NULL, b INT UNIQUE, c INT);
         INSERT INTO n SELECT * FROM t; DROP TABLE t; ALTER TABLE n RENAME TO T;
         CREATE INDEX by_a ON t (b); CREATE INDEX by_c ON t (c DESC);",
    );
    app.run().unwrap();
    let names = "SELECT group_concat(idx, ' ') FROM sqlite_stat1 WHERE tbl = 'T'";
    assert_eq!(app.text(names), "by_c sqlite_autoindex_t_1");
    assert_eq!(
        app.number("SELECT count(*) FROM sqlite_stat1 WHERE tbl = 'other'"),
        1
    );
}

#[test]
fn statistics_that_the_file_takes_itself_stay() {
    let app = App::new();
    app.sql(ANALYZED);
    app.file(
        "V1__rebuild.sql",
        &format!("{ANEW} DELETE FROM t WHERE id > 100; ANALYZE t;"),
    );
    app.migrator()
        .allow_destructive()
        .migrate(app.database())
        .unwrap();
    let stat = "SELECT stat FROM sqlite_stat1 WHERE idx = 'by_a'";
    assert_eq!(app.text(stat), "100 1");
}

/// ALTER TABLE renames a column without a word to the search table that reads it, and every
/// search fails from then on.
#[test]
fn a_column_that_a_search_table_reads_cannot_be_renamed_behind_its_back() {
    for sql in [
        "ALTER TABLE note RENAME COLUMN body TO text;",
        "ALTER TABLE note RENAME TO memo;",
    ] {
        let app = App::new();
        app.sql(
            "CREATE TABLE note (id INTEGER PRIMARY KEY, body TEXT);
             CREATE VIRTUAL TABLE search USING fts5 (body, content = 'note', content_rowid = 'id');
             INSERT INTO note VALUES (1, 'a red kite'); INSERT INTO search (search) VALUES ('rebuild');",
        );
        app.file("V1__rename.sql", sql);
        let error = app.refused(ErrorKind::MigrationFailed);
        assert!(
            error.to_string().contains("the virtual table `search`"),
            "{error:#}"
        );
        assert_eq!(
            app.text("SELECT body FROM search WHERE search MATCH 'kite'"),
            "a red kite"
        );
        // Made again with the new name it goes through.
        let again = "DROP TABLE search;
            CREATE VIRTUAL TABLE search USING fts5 (text, content = 'note', content_rowid = 'id');
            INSERT INTO search (search) VALUES ('rebuild');";
        if sql.contains("COLUMN") {
            app.file("V1__rename.sql", &format!("{sql}\n{again}"));
            app.run().unwrap();
            assert_eq!(
                app.text("SELECT text FROM search WHERE search MATCH 'kite'"),
                "a red kite"
            );
        }
    }
}

/// `legacy_alter_table` stayed on for the rest of the run, and the RENAME of the next file left
/// every reference to the table behind. At the next start it would not have.
#[test]
fn what_a_file_sets_for_itself_does_not_reach_the_next() {
    let app = App::new();
    app.sql(
        "CREATE TABLE t (id INTEGER PRIMARY KEY);
         CREATE TABLE u (t INT REFERENCES t (id)); CREATE VIEW v AS SELECT id FROM t;",
    );
    app.file("V1__legacy.sql", "PRAGMA legacy_alter_table = ON; PRAGMA ignore_check_constraints = ON; CREATE TABLE c (x CHECK (x > 0));")
        .file("V2__rename.sql", "ALTER TABLE t RENAME TO t2;");
    app.run().unwrap();
    app.sql("INSERT INTO t2 VALUES (1); INSERT INTO u VALUES (1)");
    assert_eq!(app.number("SELECT count(*) FROM v"), 1);
    app.file(
        "V3__checked.sql",
        "PRAGMA ignore_check_constraints = ON; SELECT 1;",
    )
    .file("V4__checked.sql", "INSERT INTO c VALUES (-1);");
    app.refused(ErrorKind::MigrationFailed);
    assert_eq!(app.number("SELECT count(*) FROM c"), 0);
}

/// The next statement would have been refused for a column that is there when it runs.
#[test]
fn a_schema_that_is_edited_by_hand_is_foreseen() {
    let app = App::new();
    app.sql("CREATE TABLE t (x); INSERT INTO t VALUES (1)");
    app.file(
        "V1__by_hand.sql",
        "PRAGMA writable_schema = ON;
         UPDATE sqlite_schema SET sql = 'CREATE TABLE t (x, y)' WHERE name = 't';
         PRAGMA writable_schema = RESET;
         UPDATE t SET y = 2;",
    );
    app.run().unwrap();
    assert_eq!(app.number("SELECT y FROM t WHERE x = 1"), 2);
}
