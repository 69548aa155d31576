//! Foreign keys: off during a run, checked at its end, old faults not blamed.

use heirloom::ErrorKind;

use crate::support::app::App;

const OFF: &str = "PRAGMA foreign_keys = OFF;";
/// Row 5 of the child has no target.
const ORPHAN: &str = "
    CREATE TABLE parent (id INTEGER PRIMARY KEY, code TEXT UNIQUE);
    CREATE TABLE child (id INTEGER PRIMARY KEY, parent REFERENCES parent);
    INSERT INTO parent VALUES (1, 'a'), (2, 'b');
    INSERT INTO child VALUES (1, 1), (2, 2), (5, 99);";

fn orphan() -> App {
    let app = App::new();
    app.sql(&format!("{OFF}{ORPHAN}"));
    app
}

#[test]
fn an_old_orphan_is_noted_and_blocks_nothing() {
    for sql in [
        "CREATE TABLE t (x)",
        "UPDATE child SET parent = 98 WHERE id = 5",
        "CREATE TABLE n (id INTEGER PRIMARY KEY, parent NOT NULL REFERENCES parent);
         INSERT INTO n SELECT * FROM child; DROP TABLE child; ALTER TABLE n RENAME TO child",
        "ALTER TABLE child RENAME TO kid",
        "ALTER TABLE parent RENAME TO elder; ALTER TABLE child RENAME TO kid",
    ] {
        let app = orphan();
        app.file("V1__a.sql", sql);
        let report = app.run().unwrap_or_else(|error| panic!("{sql}: {error:#}"));
        assert_eq!(
            report.notes,
            ["1 row whose foreign key matches no row, as before this run"],
            "{sql}"
        );
    }
}

#[test]
fn a_healed_orphan_is_not_mentioned() {
    let app = orphan();
    app.file("V1__a.sql", "UPDATE child SET parent = NULL WHERE id = 5");
    assert_eq!(app.run().unwrap().notes, [""; 0]);
}

#[test]
fn a_new_orphan_fails_the_run_and_the_old_ones_are_not_counted_with_it() {
    for sql in [
        "UPDATE child SET parent = 97 WHERE id = 1",
        "INSERT INTO child VALUES (6, 96)",
        "-- heirloom: allow-destructive\nDELETE FROM parent WHERE id = 1",
        "UPDATE parent SET id = 11 WHERE id = 1",
        "ALTER TABLE child RENAME TO kid; UPDATE kid SET parent = 97 WHERE id = 1",
    ] {
        let app = orphan();
        app.file("V1__a.sql", "CREATE TABLE t (x)")
            .file("V2__b.sql", sql);
        let error = app.refused(ErrorKind::MigrationFailed);
        assert!(error.to_string().contains("1 row of"), "{sql}: {error}");
        assert!(error.to_string().contains("`parent`"), "{sql}: {error}");
    }
}

#[test]
fn orphans_without_a_rowid_are_counted_not_confused() {
    let table = "CREATE TABLE parent (id INTEGER PRIMARY KEY);
         CREATE TABLE child (k TEXT PRIMARY KEY, parent REFERENCES parent) WITHOUT ROWID;
         INSERT INTO child VALUES ('old', 9), ('older', 8), ('free', NULL);";
    let cases = [
        ("INSERT INTO child VALUES ('new', NULL)", None),
        (
            "UPDATE child SET parent = 7 WHERE k = 'free'",
            Some("1 row of `child`"),
        ),
        (
            "INSERT INTO child VALUES ('new', 7), ('newer', 6)",
            Some("2 rows of `child`"),
        ),
    ];
    for (sql, refused) in cases {
        let app = App::new();
        app.sql(&format!("{OFF}{table}")).file("V1__a.sql", sql);
        match refused {
            Some(words) => {
                let error = app.refused(ErrorKind::MigrationFailed);
                assert!(error.to_string().contains(words), "{sql}: {error}");
            }
            None => {
                let notes = app.run().unwrap().notes;
                assert_eq!(
                    notes,
                    ["2 rows whose foreign key matches no row, as before this run"]
                );
            }
        }
    }
}

/// A copy numbers implicit rowids again; the orphan in row 5 is then in row 3.
#[test]
fn an_old_orphan_that_a_rebuild_numbers_anew_is_not_blamed() {
    let app = App::new();
    app.sql(&format!(
        "{OFF} CREATE TABLE parent (id INTEGER PRIMARY KEY); CREATE TABLE child (parent REFERENCES parent);
         INSERT INTO parent VALUES (1); INSERT INTO child (rowid, parent) VALUES (1, 1), (2, 1), (5, 99);"
    ));
    app.file(
        "V1__rebuild.sql",
        "CREATE TABLE n (parent NOT NULL REFERENCES parent); INSERT INTO n SELECT parent FROM child;
         DROP TABLE child; ALTER TABLE n RENAME TO child",
    );
    let report = app.run().unwrap();
    let [renumbered, old] = report.notes.as_slice() else {
        panic!("{:?}", report.notes);
    };
    assert!(renumbered.contains("other rowids"), "{renumbered}");
    assert_eq!(
        old,
        "1 row whose foreign key matches no row, as before this run"
    );
}

/// By the name that it has in the end it was not rebuilt, and its orphan would be a new one.
#[test]
fn an_old_orphan_of_a_table_that_is_renamed_after_its_rebuild_is_not_blamed() {
    let app = App::new();
    app.sql(&format!(
        "{OFF} CREATE TABLE parent (id INTEGER PRIMARY KEY); CREATE TABLE child (parent REFERENCES parent);
         INSERT INTO parent VALUES (1); INSERT INTO child (rowid, parent) VALUES (1, 1), (5, 99);"
    ));
    app.file(
        "V1__rebuild.sql",
        "CREATE TABLE n (parent NOT NULL REFERENCES parent); INSERT INTO n SELECT parent FROM child;
         DROP TABLE child; ALTER TABLE n RENAME TO child",
    )
    .file("V2__rename.sql", "ALTER TABLE child RENAME TO kid");
    let report = app.run().unwrap();
    assert!(report.notes[1].starts_with("1 row whose foreign key matches no row"));
    assert_eq!(app.number("SELECT count(*) FROM kid"), 2);
}

#[test]
fn a_parent_key_that_stops_being_unique_is_refused_also_while_the_child_is_empty() {
    for rows in [
        "",
        "INSERT INTO parent VALUES (1, 'a'); INSERT INTO child VALUES ('a');",
    ] {
        let app = App::new();
        app.sql(&format!(
            "CREATE TABLE parent (id INTEGER PRIMARY KEY, code TEXT UNIQUE);
             CREATE TABLE child (code REFERENCES parent (code)); {rows}"
        ));
        app.file(
            "V1__rebuild.sql",
            "CREATE TABLE n (id INTEGER PRIMARY KEY, code TEXT); INSERT INTO n SELECT * FROM parent;
             DROP TABLE parent; ALTER TABLE n RENAME TO parent",
        );
        let error = app.refused(ErrorKind::MigrationFailed);
        assert!(error.to_string().contains("`child`"), "{error}");
        app.file(
            "V1__rebuild.sql",
            "CREATE TABLE n (id INTEGER PRIMARY KEY, code TEXT); INSERT INTO n SELECT * FROM parent;
             DROP TABLE parent; ALTER TABLE n RENAME TO parent; CREATE UNIQUE INDEX by_code ON parent (code)",
        );
        app.run().unwrap();
    }
}

#[test]
fn a_reference_that_could_not_be_checked_before_blocks_nothing_and_hides_nothing() {
    let broken = "CREATE TABLE loose (id INTEGER PRIMARY KEY, code TEXT);
         CREATE TABLE bad (code REFERENCES loose (code)); INSERT INTO bad VALUES ('x');";
    let app = orphan();
    app.sql(&format!("{OFF}{broken}"))
        .file("V1__a.sql", "CREATE TABLE t (x)");
    let report = app.run().unwrap();
    assert_eq!(
        report.notes,
        ["1 row whose foreign key matches no row, as before this run"]
    );
    app.file("V2__b.sql", "INSERT INTO child VALUES (6, 96)");
    let error = app.refused(ErrorKind::MigrationFailed);
    assert!(error.to_string().contains("rowid 6"), "{error}");
}

#[test]
fn a_reference_added_over_orphans_is_noticed() {
    let app = App::new();
    app.sql("CREATE TABLE parent (id INTEGER PRIMARY KEY); CREATE TABLE child (id INTEGER PRIMARY KEY, parent);
             INSERT INTO child VALUES (1, 42);");
    app.file(
        "V1__rebuild.sql",
        "CREATE TABLE n (id INTEGER PRIMARY KEY, parent REFERENCES parent); INSERT INTO n SELECT * FROM child;
         DROP TABLE child; ALTER TABLE n RENAME TO child",
    );
    let error = app.refused(ErrorKind::MigrationFailed);
    assert!(error.to_string().contains("rowid 1"), "{error}");
}

/// Twelve files were pending, and the message named none of them.
#[test]
fn a_reference_that_breaks_names_the_file_that_last_wrote_to_its_tables() {
    let app = App::new();
    app.sql("CREATE TABLE p (id INTEGER PRIMARY KEY); CREATE TABLE c (p INT REFERENCES p (id)); CREATE TABLE other (x); INSERT INTO p VALUES (1); INSERT INTO c VALUES (1)");
    app.file("V1__a.sql", "CREATE TABLE a (x);")
        .file("V2__break.sql", "DELETE FROM p WHERE id = 1 OR id = 2;")
        .file("V3__other.sql", "INSERT INTO other VALUES (1);");
    let mut migrator = app.migrator();
    migrator = migrator.allow_destructive();
    let error = app.refused_by(&migrator, ErrorKind::MigrationFailed);
    assert_eq!(error.migration(), Some("V2__break"));
    assert!(error.location().unwrap().file.ends_with("V2__break.sql"));
}
