//! The check of the migrations: what it finds, what it leaves in peace, and what the rows it
//! makes up have to fit.

use std::process::Command;

use heirloom::Migrator;
use heirloom::devtools::{Checked, FindingKind};

use crate::support::app::App;

/// Writes migrations, each with its down migration where there is one.
fn app(files: &[(&str, &str, Option<&str>)]) -> App {
    let app = App::new();
    for (name, up, down) in files {
        app.file(&format!("{name}.sql"), up);
        if let Some(down) = down {
            app.file(&format!("{name}.down.sql"), down);
        }
    }
    app
}

fn check(app: &App) -> Checked {
    let before = app.listing();
    let checked = app.migrator().devtools().check().unwrap();
    assert_eq!(app.listing(), before, "a check leaves no trace");
    checked
}

fn kinds(checked: &Checked) -> Vec<(FindingKind, Option<&str>)> {
    let findings = checked.findings.iter();
    findings
        .map(|finding| (finding.kind, finding.migration.as_deref()))
        .collect()
}

/// The one finding of a check, as text.
#[track_caller]
fn only(checked: &Checked, kind: FindingKind, migration: &str) -> String {
    assert_eq!(kinds(checked), [(kind, Some(migration))], "{checked}");
    let text = checked.findings[0].to_string();
    assert!(text.starts_with(&format!("{migration}: ")), "{text}");
    text
}

/// Expects no finding. Returned are the notes.
#[track_caller]
fn clean(app: &App) -> Vec<String> {
    let checked = check(app);
    assert!(checked.is_clean(), "{checked}");
    checked.notes
}

const NOTES: (&str, &str, Option<&str>) = (
    "V1__notes",
    "CREATE TABLE notes (id INTEGER PRIMARY KEY, text TEXT NOT NULL, stars INTEGER);",
    Some("DROP TABLE notes;"),
);

#[test]
fn a_sound_history_is_clean_and_counted() {
    let app = app(&[
        NOTES,
        (
            "V2__tags",
            "ALTER TABLE notes ADD COLUMN tag TEXT;",
            Some("ALTER TABLE notes DROP COLUMN tag;"),
        ),
    ]);
    assert_eq!(clean(&app), Vec::<String>::new());
    let checked = check(&app);
    assert_eq!(checked.migrations, 2);
    assert_eq!(checked.to_string(), "2 migrations checked, 0 findings");
}

#[test]
fn the_migrations_of_this_repository_are_sound() {
    let root = std::path::Path::new(env!("CARGO_MANIFEST_DIR"));
    let checked = Migrator::new(root.join("migrations"))
        .devtools()
        .check()
        .unwrap();
    assert!(checked.is_clean(), "{checked}");
    assert_eq!(checked.notes, Vec::<String>::new());
    assert!(checked.schema_file.is_some());
}

#[test]
fn a_way_back_that_does_not_bring_the_schema_back_is_found_with_what_differs() {
    let app = app(&[
        NOTES,
        (
            "V2__more",
            "CREATE TABLE tags (name TEXT); CREATE INDEX by_stars ON notes (stars);",
            Some("DROP TABLE tags;"),
        ),
    ]);
    // The second time the index is there already.
    let checked = check(&app);
    let expected = [
        (FindingKind::DownDiffers, Some("V2__more")),
        (FindingKind::Fails, Some("V2__more")),
    ];
    assert_eq!(kinds(&checked), expected, "{checked}");
    let text = checked.findings[0].to_string();
    assert!(
        text.contains("index `by_stars` should not be there"),
        "{text}"
    );
    assert!(text.contains("V2__more.down.sql"), "{text}");
    let text = checked.findings[1].to_string();
    assert!(
        text.contains("applied again after its down migration"),
        "{text}"
    );
}

#[test]
fn a_step_that_loses_rows_is_found_unless_the_file_says_so() {
    let moved = "CREATE TABLE kept (id INTEGER PRIMARY KEY, text TEXT NOT NULL);
        INSERT INTO kept SELECT id, text FROM notes WHERE stars > 9;
        DROP TABLE notes; ALTER TABLE kept RENAME TO notes;";
    let cases = [
        ("DROP TABLE notes", "table `notes`: 3 rows"),
        ("DELETE FROM notes WHERE id > 0", "0 of its 3 rows"),
        ("DELETE FROM notes", "every row of `notes`: 3 rows"),
        (
            "ALTER TABLE notes DROP COLUMN text",
            "column `text` of `notes`",
        ),
        (moved, "of its 3 rows"),
    ];
    for (sql, expected) in cases {
        let app = app(&[NOTES, ("V2__lose", sql, None)]);
        app.file("V2__lose.down.sql", "-- heirloom: irreversible");
        let text = only(&check(&app), FindingKind::LosesRows, "V2__lose");
        assert!(text.contains(expected), "{sql}: {text}");
        assert!(text.contains("-- heirloom: allow-destructive"), "{text}");
        app.file(
            "V2__lose.sql",
            &format!("-- heirloom: allow-destructive\n{sql}"),
        );
        clean(&app);
    }
}

#[test]
fn a_rebuild_that_forgets_a_column_is_found() {
    let app = app(&[
        NOTES,
        (
            "V2__rebuild",
            "-- heirloom: irreversible
            CREATE TABLE n (id INTEGER PRIMARY KEY, text TEXT NOT NULL, stars INTEGER);
            INSERT INTO n (id, text) SELECT id, text FROM notes;
            DROP TABLE notes; ALTER TABLE n RENAME TO notes;",
            None,
        ),
    ]);
    let text = only(&check(&app), FindingKind::LosesRows, "V2__rebuild");
    assert!(text.contains("column `stars` of `notes` has 0"), "{text}");
}

#[test]
fn a_way_back_that_loses_rows_is_found_however_it_does_it() {
    let again = "CREATE TABLE notes (id INTEGER PRIMARY KEY, text TEXT NOT NULL, stars INTEGER);";
    let cases = [
        (
            "ALTER TABLE notes RENAME TO pages",
            format!("{again} DROP TABLE pages;"),
        ),
        (
            "INSERT INTO notes (text) VALUES ('welcome')",
            "DELETE FROM notes;".into(),
        ),
        (
            "INSERT INTO notes (text) VALUES ('welcome')",
            "DELETE FROM notes WHERE id > 1;".into(),
        ),
    ];
    for (up, down) in cases {
        let app = app(&[NOTES, ("V2__step", up, Some(&down))]);
        let text = only(&check(&app), FindingKind::LosesRows, "V2__step");
        assert!(text.contains("the down migration loses data"), "{text}");
        assert!(text.contains("`notes` has 0 of its 3 rows"), "{text}");
        app.file(
            "V2__step.down.sql",
            &format!("-- heirloom: allow-destructive\n{down}"),
        );
        clean(&app);
    }
    // Only what the up migration had added.
    clean(&app(&[
        NOTES,
        (
            "V2__seed",
            "INSERT INTO notes (text) VALUES ('welcome')",
            Some("DELETE FROM notes WHERE text = 'welcome';"),
        ),
    ]));
}

/// What a revert would refuse on the user's machine.
#[test]
fn a_way_back_that_would_be_refused_is_found() {
    let rebuild = |columns: &str, filter: &str| {
        format!(
            "CREATE TABLE n (id INTEGER PRIMARY KEY, text TEXT NOT NULL, stars INTEGER);
            INSERT INTO n ({columns}) SELECT {columns} FROM notes {filter};
            DROP TABLE notes; ALTER TABLE n RENAME TO notes;"
        )
    };
    let seed = "INSERT INTO notes (text, stars) VALUES ('welcome', 5);";
    let cases = [
        (
            rebuild("id, text, stars", "WHERE text <> 'welcome'"),
            "`notes` has 3 of its 4 rows",
        ),
        (
            rebuild("id, text", ""),
            "column `stars` of `notes` has 0 of its",
        ),
    ];
    for (down, expected) in cases {
        let app = app(&[NOTES, ("V2__seed", seed, Some(&down))]);
        let text = only(&check(&app), FindingKind::LosesRows, "V2__seed");
        assert!(text.contains(expected), "{text}");
        app.run().unwrap();
        let revert = heirloom::RevertTo::Steps(1);
        let error = app
            .migrator()
            .database(app.database())
            .revert(revert)
            .unwrap_err();
        assert_eq!(error.kind(), heirloom::ErrorKind::Destructive, "{error:#}");
        app.file(
            "V2__seed.down.sql",
            &format!("-- heirloom: allow-destructive\n{down}"),
        );
        clean(&app);
    }
}

#[test]
fn the_second_time_must_give_what_the_first_gave() {
    let app = app(&[("V1__t", "CREATE TABLE t (x);", Some("DROP TABLE t;"))]);
    let times = std::sync::atomic::AtomicUsize::new(0);
    let checked = app
        .migrator()
        .after_each(|moment| {
            let time = times.fetch_add(1, std::sync::atomic::Ordering::Relaxed);
            moment.connection.execute_batch(match time {
                0 => "CREATE TABLE first (x)",
                1 => "DROP TABLE first",
                _ => "CREATE TABLE second (x)",
            })?;
            Ok(())
        })
        .devtools()
        .check()
        .unwrap();
    let text = only(&checked, FindingKind::DownDiffers, "V1__t");
    assert!(
        text.contains("table `first` is missing, table `second` should not be there"),
        "{text}"
    );
}

#[test]
fn values_that_do_not_come_back_are_a_note() {
    let app = app(&[
        NOTES,
        (
            "V2__backfill",
            "UPDATE notes SET stars = 0 WHERE stars IS NULL;",
            Some("SELECT 1;"),
        ),
    ]);
    let notes = clean(&app);
    assert_eq!(notes.len(), 1, "{notes:?}");
    assert!(
        notes[0].contains("V2__backfill: ") && notes[0].contains("`stars` of `notes`"),
        "{notes:?}"
    );
}

#[test]
fn rows_that_a_way_back_leaves_behind_are_a_note() {
    let app = app(&[
        NOTES,
        (
            "V2__seed",
            "INSERT INTO notes (text) VALUES ('a'), ('b');",
            Some("SELECT 1;"),
        ),
    ]);
    let notes = clean(&app);
    assert_eq!(
        notes,
        ["V2__seed: the down migration leaves 2 rows in `notes` that were not there before"]
    );
}

#[test]
fn a_type_that_may_alter_values_is_a_note() {
    let rebuild = |kind: &str| {
        format!(
            "CREATE TABLE n (id INTEGER PRIMARY KEY, text {kind} NOT NULL, stars INTEGER);
            INSERT INTO n SELECT * FROM notes; DROP TABLE notes; ALTER TABLE n RENAME TO notes;"
        )
    };
    let (up, down) = (rebuild("INTEGER"), rebuild("TEXT"));
    let notes = clean(&app(&[NOTES, ("V2__narrow", &up, Some(&down))]));
    assert!(
        notes[0].contains("column `text` of `notes` from TEXT to INTEGER"),
        "{notes:?}"
    );
    // '007' came back as '7'.
    assert!(
        notes[1].contains("other values in `text` of `notes`"),
        "{notes:?}"
    );
}

#[test]
fn no_way_back_is_found_unless_it_is_meant() {
    let up = "CREATE TABLE t (x);";
    let app = app(&[("V1__a", up, None)]);
    let text = only(&check(&app), FindingKind::Irreversible, "V1__a");
    assert!(text.contains("V1__a.down.sql"), "{text}");
    // What `create` writes and nobody filled in.
    app.file("V1__a.down.sql", "-- a: the down migration.\n");
    only(&check(&app), FindingKind::Irreversible, "V1__a");
    app.file("V1__a.down.sql", "-- heirloom: irreversible\n");
    clean(&app);
    std::fs::remove_file(app.migrations().join("V1__a.down.sql")).unwrap();
    app.file("V1__a.sql", &format!("-- heirloom: irreversible\n{up}"));
    clean(&app);
    app.run().unwrap();
}

#[test]
fn every_bad_name_is_found_and_the_others_are_still_walked() {
    let app = app(&[
        NOTES,
        (
            "V2__bad",
            "CREATE TABLE t (x); SELECT nothing",
            Some("DROP TABLE t"),
        ),
    ]);
    for name in [
        "V3__b-c.sql",
        "v4__x.sql",
        "create_tags.sql",
        "V1__twin.sql",
        "V1__twin.down.sql",
        "V9__gone.down.sql",
    ] {
        app.file(name, "SELECT 1");
    }
    let checked = check(&app);
    let bad = (FindingKind::BadName, None);
    let fails = (FindingKind::Fails, Some("V2__bad"));
    assert_eq!(
        kinds(&checked),
        [bad, bad, bad, bad, bad, fails],
        "{checked}"
    );
    let text = checked.to_string();
    for named in [
        "V3__b-c.sql: the name may hold",
        "v4__x.sql: a migration's name begins with a capital",
        "create_tags.sql: ",
        "V1__twin.sql have the same version",
        "V9__gone.down.sql is the down migration of",
    ] {
        assert!(text.contains(named), "{named}: {text}");
    }
}

#[test]
fn a_file_that_fails_is_found_with_its_place_and_ends_the_walk() {
    let app = app(&[
        NOTES,
        (
            "V2__typo",
            "CREATE TABLE t (x);\nINSERT INTO nots VALUES (1);",
            None,
        ),
        ("V3__later", "CREATE TABLE u (x);", None),
    ]);
    let checked = check(&app);
    let text = only(&checked, FindingKind::Fails, "V2__typo");
    assert!(text.contains("no such table: nots"), "{text}");
    assert!(text.contains("V2__typo.sql:2:13"), "{text}");
    assert_eq!(checked.migrations, 2);
    assert!(checked.notes[0].contains("1 later migration"), "{checked}");
    for (wrong, place) in [
        ("", "V2__typo.sql has no statement"),
        ("SELECT 1;\nCOMMIT;", "V2__typo.sql:2:1"),
        (
            "-- heirloom: allow-distructive\nSELECT 1;",
            "V2__typo.sql:1:1",
        ),
    ] {
        app.file("V2__typo.sql", wrong);
        let text = only(&check(&app), FindingKind::Fails, "V2__typo");
        assert!(text.contains(place), "{text}");
    }
}

#[test]
fn a_file_that_fails_on_rows_is_found_and_the_walk_goes_on_without_them() {
    let app = app(&[
        NOTES,
        (
            "V2__strict",
            "CREATE TABLE n (id INTEGER PRIMARY KEY, text TEXT NOT NULL, stars INTEGER NOT NULL);
            INSERT INTO n SELECT * FROM notes;
            DROP TABLE notes; ALTER TABLE n RENAME TO notes;",
            Some(
                "CREATE TABLE n (id INTEGER PRIMARY KEY, text TEXT NOT NULL, stars INTEGER);
                INSERT INTO n SELECT * FROM notes;
                DROP TABLE notes; ALTER TABLE n RENAME TO notes;",
            ),
        ),
        ("V3__open", "CREATE TABLE t (x);", None),
    ]);
    let checked = check(&app);
    let expected = [
        (FindingKind::Fails, Some("V2__strict")),
        (FindingKind::Irreversible, Some("V3__open")),
    ];
    assert_eq!(kinds(&checked), expected, "{checked}");
    let text = checked.findings[0].to_string();
    assert!(
        text.contains(
            "fails on rows that the schema before it allows: NOT NULL constraint failed: n.stars"
        ),
        "{text}"
    );
    assert!(text.contains("V2__strict.sql:2:"), "{text}");
}

/// Once the app wrote into what the migration made.
#[test]
fn a_way_back_meets_rows_too() {
    let app = app(&[
        NOTES,
        (
            "V2__tags",
            "CREATE TABLE tags (note INTEGER NOT NULL REFERENCES notes (id), tag TEXT NOT NULL);",
            Some(
                "UPDATE notes SET text = NULL WHERE id IN (SELECT note FROM tags); DROP TABLE tags;",
            ),
        ),
    ]);
    let text = only(&check(&app), FindingKind::Fails, "V2__tags");
    assert!(
        text.contains("the down migration fails: NOT NULL constraint failed: notes.text"),
        "{text}"
    );
}

#[test]
fn a_column_of_the_only_row_holds_a_value() {
    let app = app(&[(
        "V1__settings",
        "-- heirloom: irreversible
        CREATE TABLE settings (id INTEGER PRIMARY KEY CHECK (id = 1), a TEXT, b TEXT, c TEXT);",
        None,
    )]);
    for column in ["a", "b", "c"] {
        let sql = format!("-- heirloom: irreversible\nALTER TABLE settings DROP COLUMN {column};");
        app.file("V2__drop.sql", &sql);
        let text = only(&check(&app), FindingKind::LosesRows, "V2__drop");
        assert!(text.contains(&format!("column `{column}`")), "{text}");
    }
}

#[test]
fn a_reference_that_leads_nowhere_afterwards_is_found() {
    let files = [
        (
            "V1__folders",
            "CREATE TABLE folders (id INTEGER PRIMARY KEY, name TEXT);
            CREATE TABLE notes (id INTEGER PRIMARY KEY, folder INTEGER NOT NULL REFERENCES folders (id));",
            Some("DROP TABLE notes; DROP TABLE folders;"),
        ),
        (
            "V2__renumber",
            "UPDATE folders SET id = id + 100000;",
            Some("UPDATE folders SET id = id - 100000;"),
        ),
    ];
    let text = only(
        &check(&app(&files)),
        FindingKind::BreaksReferences,
        "V2__renumber",
    );
    assert!(
        text.contains("3 rows of `notes` would refer to a row of `folders`"),
        "{text}"
    );
}

#[test]
fn references_that_can_no_longer_be_checked_are_found() {
    let app = app(&[
        (
            "V1__codes",
            "CREATE TABLE product (code TEXT NOT NULL);
            CREATE UNIQUE INDEX codes ON product (code);
            CREATE TABLE line (code TEXT NOT NULL REFERENCES product (code));",
            Some("DROP TABLE line; DROP TABLE product;"),
        ),
        (
            "V2__drop",
            "DROP INDEX codes;",
            Some("CREATE UNIQUE INDEX codes ON product (code);"),
        ),
    ]);
    let text = only(&check(&app), FindingKind::BreaksReferences, "V2__drop");
    assert!(
        text.contains("the references of `line` can no longer be checked"),
        "{text}"
    );
}

/// Rows that went with permission are not asked of the down migration.
#[test]
fn what_the_way_there_may_lose_the_way_back_need_not_bring() {
    let notes = clean(&app(&[
        NOTES,
        (
            "V2__close",
            "-- heirloom: allow-destructive
            DELETE FROM notes;
            CREATE TRIGGER closed BEFORE INSERT ON notes BEGIN SELECT RAISE(ABORT, 'closed'); END;",
            Some("DROP TRIGGER closed;"),
        ),
    ]));
    assert_eq!(notes, ["no row could be made up for `notes`: closed"]);
}

/// A conflict clause would let a made-up row take the place of another.
#[test]
fn what_a_migration_wrote_itself_stays() {
    clean(&app(&[
        (
            "V1__settings",
            "CREATE TABLE settings (id INTEGER PRIMARY KEY ON CONFLICT REPLACE CHECK (id = 1), theme TEXT);
            INSERT INTO settings VALUES (1, 'dark');",
            Some("DROP TABLE settings;"),
        ),
        (
            "V2__kept",
            "CREATE TABLE kept (theme TEXT CHECK (theme = 'dark')); INSERT INTO kept SELECT theme FROM settings;",
            Some("DROP TABLE kept;"),
        ),
    ]));
}

#[test]
fn a_schema_file_that_the_migrations_do_not_give_is_found() {
    let app = app(&[NOTES]);
    let notes = "CREATE TABLE notes (id INTEGER PRIMARY KEY, text TEXT NOT NULL, stars INTEGER);";
    // As `.schema` and `.dump` print it.
    app.file(
        "schema.sql",
        &format!("PRAGMA foreign_keys=OFF;\nBEGIN TRANSACTION;\nCREATE TABLE sqlite_sequence(name,seq);\n{notes}\nCOMMIT;"),
    );
    clean(&app);
    assert!(check(&app).schema_file.unwrap().ends_with("schema.sql"));

    app.file(
        "schema.sql",
        &format!("{notes} CREATE TABLE tags (name TEXT);"),
    );
    let checked = check(&app);
    assert_eq!(kinds(&checked), [(FindingKind::SchemaFileDiffers, None)]);
    assert!(checked.to_string().contains("table `tags` is missing"));

    app.file(
        "schema.sql",
        &format!("{notes}\nINSERT INTO notes VALUES (1, 'a', 1);"),
    );
    let error = app.migrator().devtools().check().unwrap_err();
    assert_eq!(error.location().unwrap().position.line, 2, "{error:#}");

    // Another name, which is then no migration.
    std::fs::rename(
        app.migrations().join("schema.sql"),
        app.migrations().join("wanted.sql"),
    )
    .unwrap();
    app.file("wanted.sql", "CREATE TABLE other (x);");
    let wanted = app.migrations().join("wanted.sql");
    let checked = app
        .migrator()
        .schema_file(wanted)
        .devtools()
        .check()
        .unwrap();
    assert_eq!(kinds(&checked), [(FindingKind::SchemaFileDiffers, None)]);
}

#[test]
fn embedded_migrations_bring_their_schema_file_along() {
    use heirloom::include_dir::{self, Dir, include_dir};
    static MIGRATIONS: Dir = include_dir!("$CARGO_MANIFEST_DIR/migrations");
    let checked = Migrator::new(&MIGRATIONS).devtools().check().unwrap();
    assert!(checked.is_clean(), "{checked}");
    assert_eq!(checked.schema_file.as_deref(), Some("schema.sql"));
    assert_eq!(checked.released_tag, None);
}

/// Tables as people write them. Each must come out with rows: the migration after it fails
/// where one is empty.
#[test]
fn rows_are_made_up_for_whatever_a_table_demands() {
    let tables = [
        "t (a INTEGER PRIMARY KEY AUTOINCREMENT, b TEXT UNIQUE NOT NULL)",
        "t (a TEXT PRIMARY KEY, b BLOB NOT NULL) WITHOUT ROWID",
        "t (a INT NOT NULL, b TEXT NOT NULL, c REAL, d BLOB, e ANY, PRIMARY KEY (a, b)) STRICT",
        "t (a INTEGER NOT NULL, b GENERATED ALWAYS AS (a * 2) STORED, c AS (a + 1) UNIQUE)",
        "t (a TEXT NOT NULL CHECK (a IN ('draft', 'open', 'done')), b TEXT DEFAULT 'x' NOT NULL)",
        "t (a INTEGER NOT NULL CHECK (a BETWEEN 200 AND 204))",
        "t (a TEXT NOT NULL UNIQUE CHECK (length(a) = 3))",
        "t (a TEXT NOT NULL CHECK (length(a) = 3 AND a = upper(a) AND a GLOB '[A-Z]*'))",
        "t (a TEXT NOT NULL CHECK (json_valid(a)), b TEXT NOT NULL CHECK (b LIKE '%@%.%'))",
        "t (a TEXT NOT NULL CHECK (a IS date(a)), b TEXT NOT NULL CHECK (b IS datetime(b)))",
        "t (a TEXT NOT NULL CHECK (a GLOB '[0-9][0-9]:[0-9][0-9]'))",
        "t (a REAL NOT NULL CHECK (a > 0.25 AND a < 0.75))",
        "t (a INTEGER, b INTEGER, CHECK ((a IS NULL) <> (b IS NULL)))",
        "t (a INTEGER NOT NULL, b INTEGER NOT NULL, CONSTRAINT order_of_days CHECK (a < b))",
        "t (a TEXT NOT NULL CHECK (typeof(a) = 'text'), b NOT NULL CHECK (typeof(b) = 'integer'))",
        "t (a BOOLEAN NOT NULL CHECK (a IN (0, 1)), b NOT NULL CHECK (b <> ''))",
        "t (id INTEGER PRIMARY KEY CHECK (id = 1), theme TEXT NOT NULL)",
        "t (rowid TEXT, _rowid_ INTEGER, oid BLOB)",
        "\"we\"\"ird table\" (\"select\" TEXT NOT NULL CHECK (\"select\" IN ('a''b', \"c\")), [from] INT)",
        "t (id INTEGER PRIMARY KEY, up INTEGER NOT NULL REFERENCES t (id))",
        "t (a NUMERIC(10, 2) NOT NULL CHECK (a >= 0), b VARCHAR(3) NOT NULL CHECK (length(b) <= 3))",
        "t (a TEXT NOT NULL CHECK (a NOT LIKE '% %' AND length(trim(a)) > 0))",
        "t (a INTEGER NOT NULL CHECK (a IN (-1, 7)), b INTEGER UNIQUE ON CONFLICT REPLACE)",
    ];
    for table in tables {
        let name = if table.starts_with('"') {
            "\"we\"\"ird table\""
        } else {
            "t"
        };
        let app = app(&[(
            "V1__t",
            &format!("-- heirloom: irreversible\nCREATE TABLE {table};"),
            None,
        )]);
        app.file(
            "V2__empty.sql",
            &format!("-- heirloom: irreversible\nDELETE FROM {name};"),
        );
        let checked = check(&app);
        let text = only(&checked, FindingKind::LosesRows, "V2__empty");
        let rows = if table.contains("id = 1") {
            "1 row"
        } else {
            "3 rows"
        };
        assert!(text.contains(rows), "{table}: {checked}");
        assert_eq!(checked.notes, Vec::<String>::new(), "{table}");
    }
}

#[test]
fn references_of_every_shape_are_kept() {
    let app = app(&[(
        "V1__tables",
        "-- heirloom: irreversible
        CREATE TABLE line (invoice INTEGER NOT NULL, number INTEGER NOT NULL, product TEXT NOT NULL,
            PRIMARY KEY (invoice, number),
            FOREIGN KEY (product) REFERENCES product);
        CREATE TABLE product (code TEXT PRIMARY KEY NOT NULL) WITHOUT ROWID;
        CREATE TABLE discount (id INTEGER PRIMARY KEY, invoice INTEGER NOT NULL, number INTEGER NOT NULL,
            FOREIGN KEY (invoice, number) REFERENCES line (invoice, number) ON DELETE CASCADE);
        CREATE TABLE a (id INTEGER PRIMARY KEY, b INTEGER NOT NULL REFERENCES b (id));
        CREATE TABLE b (id INTEGER PRIMARY KEY, a INTEGER NOT NULL REFERENCES a (id));
        CREATE TABLE person (id INTEGER PRIMARY KEY, boss INTEGER REFERENCES person (id), best TEXT REFERENCES product (code));
        CREATE TABLE shop (id INTEGER PRIMARY KEY);
        CREATE TABLE shelf (shop INTEGER NOT NULL REFERENCES shop (id), code TEXT NOT NULL, PRIMARY KEY (shop, code));
        CREATE TABLE clerk (shop INTEGER NOT NULL REFERENCES shop (id), name TEXT NOT NULL, PRIMARY KEY (name, shop));
        INSERT INTO shop VALUES (1), (2), (3);
        INSERT INTO shelf VALUES (3, 'c'), (1, 'a'), (2, 'b');
        INSERT INTO clerk VALUES (1, 'x'), (2, 'y'), (3, 'z');
        CREATE TABLE rota (shop INTEGER NOT NULL, clerk TEXT NOT NULL, code TEXT NOT NULL,
            FOREIGN KEY (clerk, shop) REFERENCES clerk (name, shop),
            FOREIGN KEY (shop, code) REFERENCES shelf (shop, code));
        CREATE TABLE profile (person INTEGER PRIMARY KEY REFERENCES person (id));
        CREATE TABLE pair (one INTEGER REFERENCES person (id), other INTEGER REFERENCES person (id),
            PRIMARY KEY (one, other), CHECK (one <> other));",
        None,
    )]);
    let tables = [
        "line", "product", "discount", "a", "b", "person", "profile", "pair", "rota",
    ];
    let deletes: Vec<String> = tables
        .iter()
        .map(|table| format!("DELETE FROM {table};"))
        .collect();
    app.file(
        "V2__empty.sql",
        &format!("-- heirloom: irreversible\n{}", deletes.join("\n")),
    );
    let checked = check(&app);
    let text = only(&checked, FindingKind::LosesRows, "V2__empty");
    for table in tables {
        assert!(
            text.contains(&format!("every row of `{table}`: 3 rows")),
            "{table}: {checked}"
        );
    }
    // Had they been violated, this table's rows would be so already before it is made.
    app.file(
        "V2__empty.sql",
        "-- heirloom: irreversible\nCREATE TABLE bad AS SELECT * FROM pragma_foreign_key_check;
        CREATE TABLE none (x CHECK (x = 0)); INSERT INTO none SELECT count(*) FROM bad;",
    );
    clean(&app);
}

#[test]
fn a_table_for_which_no_row_can_be_made_up_is_a_note() {
    let app = app(&[
        (
            "V1__t",
            "CREATE TABLE t (a TEXT NOT NULL CHECK (a = 'no' AND a <> 'no'));
            CREATE TABLE u (a TEXT);
            CREATE TRIGGER closed BEFORE INSERT ON u BEGIN SELECT RAISE(ABORT, 'u is closed'); END;
            CREATE TABLE v (a TEXT);
            CREATE TRIGGER deaf BEFORE INSERT ON v BEGIN SELECT RAISE(IGNORE); END;",
            Some("DROP TABLE t; DROP TABLE u; DROP TABLE v;"),
        ),
        ("V2__w", "CREATE TABLE w (x);", Some("DROP TABLE w;")),
        ("V3__w", "CREATE TABLE y (x);", Some("DROP TABLE y;")),
    ]);
    let notes = clean(&app);
    assert_eq!(notes.len(), 3, "{notes:?}");
    assert!(
        notes[0].starts_with("no row could be made up for `t`: CHECK constraint failed"),
        "{notes:?}"
    );
    assert!(notes[1].ends_with("`u`: u is closed"), "{notes:?}");
    assert!(notes[2].ends_with("`v`: a trigger ignores it"), "{notes:?}");
}

#[test]
fn triggers_full_text_search_and_views_work_on_the_rows() {
    clean(&app(&[
        (
            "V1__notes",
            "CREATE TABLE notes (id INTEGER PRIMARY KEY, title TEXT NOT NULL, body TEXT, kind TEXT);
            CREATE TRIGGER kinds BEFORE INSERT ON notes
            WHEN new.kind NOT IN ('page', 'list') BEGIN SELECT RAISE(ABORT, 'a bad kind'); END;
            CREATE VIEW titles AS SELECT title FROM notes;
            CREATE VIRTUAL TABLE words USING fts5 (title, body);
            CREATE VIRTUAL TABLE notes_fts USING fts5 (title, body, content = 'notes', content_rowid = 'id');
            CREATE TRIGGER i AFTER INSERT ON notes BEGIN
                INSERT INTO notes_fts (rowid, title, body) VALUES (new.id, new.title, new.body);
            END;
            CREATE TRIGGER d AFTER DELETE ON notes BEGIN
                INSERT INTO notes_fts (notes_fts, rowid, title, body) VALUES ('delete', old.id, old.title, old.body);
            END;",
            Some(
                "DROP VIEW titles; DROP TABLE notes_fts; DROP TABLE words; DROP TABLE notes;",
            ),
        ),
        (
            "V2__checked",
            "CREATE TABLE found (n CHECK (n = 3)); INSERT INTO found SELECT count(*) FROM notes WHERE kind IN ('page', 'list') OR kind IS NULL;
            CREATE TABLE indexed (n CHECK (n > 0)); INSERT INTO indexed SELECT count(*) FROM notes_fts WHERE notes_fts MATCH 'title';
            CREATE TABLE spoken (n CHECK (n > 0)); INSERT INTO spoken SELECT count(*) FROM words WHERE words MATCH 'some';
            INSERT INTO notes_fts (notes_fts) VALUES ('integrity-check');",
            Some("DROP TABLE found; DROP TABLE indexed; DROP TABLE spoken;"),
        ),
    ]));
}

/// What a migration reads as JSON or as a time is made up as such, and its own first rows
/// do not meet made-up ones.
#[test]
fn rows_suit_what_the_migrations_do_with_them() {
    clean(&app(&[
        (
            "V1__events",
            "CREATE TABLE events (id INTEGER PRIMARY KEY, payload TEXT NOT NULL, meta TEXT NOT NULL, day TEXT NOT NULL, at INTEGER NOT NULL);
            CREATE TABLE kinds (id INTEGER PRIMARY KEY, name TEXT NOT NULL UNIQUE);",
            Some("DROP TABLE events; DROP TABLE kinds;"),
        ),
        (
            "V2__columns",
            "INSERT INTO kinds VALUES (1, 'page'), (2, 'list'), (3, 'board');
            CREATE TABLE read (n TEXT NOT NULL, m, t INTEGER NOT NULL, d TEXT NOT NULL);
            INSERT INTO read SELECT json_type(payload), meta ->> '$.n', unixepoch(events.day), datetime(at, 'unixepoch') FROM events;",
            Some("DROP TABLE read; DELETE FROM kinds WHERE id IN (1, 2, 3);"),
        ),
    ]));
}

#[test]
fn functions_of_the_app_and_its_hooks_take_part() {
    let app = app(&[
        ("V1__t", "CREATE TABLE t (a TEXT);", Some("DROP TABLE t;")),
        (
            "V2__t",
            "ALTER TABLE t ADD COLUMN b TEXT; UPDATE t SET b = shout(a);",
            Some("ALTER TABLE t DROP COLUMN b;"),
        ),
        (
            "V3__t",
            "CREATE TABLE full (b TEXT NOT NULL); INSERT INTO full SELECT coalesce(b, 'x') FROM t;",
            Some("DROP TABLE full;"),
        ),
    ]);
    let checked = check(&app);
    let text = only(&checked, FindingKind::Fails, "V2__t");
    assert!(text.contains("no such function: shout"), "{text}");

    let seen = std::sync::Mutex::new(Vec::new());
    let migrator = app
        .migrator()
        .connection_setup(|connection| {
            connection.create_scalar_function(
                "shout",
                1,
                rusqlite::functions::FunctionFlags::SQLITE_UTF8,
                |context| {
                    let text: Option<String> = context.get(0)?;
                    Ok(text.map(|text| text.to_uppercase()))
                },
            )
        })
        .after_each(|moment| {
            seen.lock()
                .unwrap()
                .push((moment.version, moment.direction));
            Ok(())
        });
    let checked = migrator.devtools().check().unwrap();
    assert!(checked.is_clean(), "{checked}");
    drop(migrator);
    use heirloom::plan::Direction::{Down, Up};
    let seen = seen.into_inner().unwrap();
    assert_eq!(seen[3..6], [(Some(2), Up), (Some(2), Down), (Some(2), Up)]);
}

#[test]
fn a_file_without_a_transaction_is_walked_too() {
    clean(&app(&[
        NOTES,
        (
            "V2__vacuum",
            "-- heirloom: no-transaction\nPRAGMA foreign_keys = ON; BEGIN; CREATE TABLE t (x); COMMIT; VACUUM;",
            Some("DROP TABLE t;"),
        ),
    ]));
    let app = app(&[(
        "V1__open",
        "-- heirloom: no-transaction\nBEGIN; CREATE TABLE t (x);",
        None,
    )]);
    let text = only(&check(&app), FindingKind::Fails, "V1__open");
    assert!(text.contains("leaves a transaction open"), "{text}");
}

#[test]
fn a_check_can_be_cancelled() {
    let app = app(&[NOTES]);
    let flag = std::sync::Arc::new(std::sync::atomic::AtomicBool::new(true));
    let error = app
        .migrator()
        .cancel_with(flag)
        .devtools()
        .check()
        .unwrap_err();
    assert!(error.is_interrupted(), "{error:#}");
}

#[test]
fn the_same_check_gives_the_same_result() {
    let app = app(&[
        NOTES,
        ("V2__lose", "DELETE FROM notes WHERE id > 1001", None),
    ]);
    assert_eq!(check(&app), check(&app));
}

/// git in the app's folder, with nobody's settings.
pub fn git(app: &App, arguments: &[&str]) {
    let output = Command::new("git")
        .args(["-c", "user.name=t", "-c", "user.email=t@example.org"])
        .args(["-c", "tag.gpgSign=false", "-c", "commit.gpgSign=false"])
        .args(arguments)
        .current_dir(app.folder())
        .env("GIT_CONFIG_GLOBAL", "/dev/null")
        .env("GIT_CONFIG_SYSTEM", "/dev/null")
        .env_remove("GIT_DIR")
        .env_remove("GIT_INDEX_FILE")
        .output()
        .unwrap();
    assert!(output.status.success(), "{arguments:?}: {output:?}");
}

/// Commits and tags everything that is there.
pub fn release(app: &App, tag: &str) {
    git(app, &["init", "--quiet", "."]);
    git(app, &["add", "--all"]);
    git(
        app,
        &["commit", "--quiet", "--allow-empty", "--message", tag],
    );
    git(app, &["tag", tag]);
}

const STARS: (&str, &str, Option<&str>) = (
    "V3__stars",
    "CREATE TABLE stars (x);\n-- größer\n",
    Some("DROP TABLE stars;"),
);

#[test]
fn a_migration_that_was_edited_since_the_last_tag_is_found() {
    let app = app(&[NOTES, STARS]);
    clean(&app);
    assert_eq!(check(&app).released_tag, None);
    release(&app, "v1");
    // The tag that counts is the last one.
    let edited = "CREATE TABLE stars (x, y);";
    app.file("V3__stars.sql", edited);
    release(&app, "v2");
    clean(&app);
    assert_eq!(check(&app).released_tag.as_deref(), Some("v2"));

    app.file("V3__stars.sql", &edited.replace('y', "z"));
    let text = only(&check(&app), FindingKind::EditedAfterRelease, "V3__stars");
    assert!(text.contains("edited after its release in v2"), "{text}");
    assert!(text.contains("new migration"), "{text}");

    // Line endings and a mark are no edit, and neither is another folder.
    std::fs::create_dir(app.migrations().join("2026")).unwrap();
    std::fs::remove_file(app.migrations().join("V3__stars.sql")).unwrap();
    app.file(
        "2026/V3__stars.sql",
        &format!("\u{feff}{}", edited.replace('\n', "\r\n")),
    );
    clean(&app);
}

#[test]
fn what_was_released_may_not_go_be_renamed_or_be_overtaken() {
    let app = app(&[NOTES, STARS]);
    release(&app, "v1.0");
    let path = |name: &str| app.migrations().join(name);
    std::fs::rename(path("V3__stars.sql"), path("V3__suns.sql")).unwrap();
    std::fs::rename(path("V3__stars.down.sql"), path("V3__suns.down.sql")).unwrap();
    let text = only(&check(&app), FindingKind::EditedAfterRelease, "V3__suns");
    assert!(text.contains("released in v1.0 as V3__stars"), "{text}");

    std::fs::remove_file(path("V3__suns.sql")).unwrap();
    std::fs::remove_file(path("V3__suns.down.sql")).unwrap();
    let text = only(&check(&app), FindingKind::EditedAfterRelease, "V3__stars");
    assert!(text.contains("is gone"), "{text}");

    app.file("V3__stars.sql", STARS.1)
        .file("V3__stars.down.sql", STARS.2.unwrap())
        .file("V2__late.sql", "CREATE TABLE late (x);")
        .file("V2__late.down.sql", "DROP TABLE late;");
    let text = only(&check(&app), FindingKind::OutOfOrder, "V2__late");
    assert!(text.contains("older than version 3"), "{text}");
    std::fs::rename(path("V2__late.sql"), path("U2__late.sql")).unwrap();
    clean(&app);
}

#[test]
fn a_way_back_that_was_edited_since_the_release_is_a_note() {
    let app = app(&[NOTES]);
    release(&app, "v1");
    app.file("V1__notes.down.sql", "DROP TABLE IF EXISTS notes;");
    let notes = clean(&app);
    assert!(
        notes[0].contains("down migration was edited after its release in v1"),
        "{notes:?}"
    );
}

#[test]
fn the_migrations_folder_may_be_the_repository_and_have_an_odd_name() {
    for name in ["migrations", "mi grations ü"] {
        let app = app(&[NOTES]);
        release(&app, "v1");
        let folder = app.folder().join(name);
        if name != "migrations" {
            std::fs::rename(app.migrations(), &folder).unwrap();
            release(&app, "v2");
        }
        std::fs::write(folder.join("V1__notes.sql"), "CREATE TABLE notes (x);").unwrap();
        let checked = Migrator::new(folder.as_path()).devtools().check().unwrap();
        only(&checked, FindingKind::EditedAfterRelease, "V1__notes");
    }
    let app = app(&[NOTES]);
    let root = App::at(app.migrations());
    release(&root, "v1");
    app.file("V1__notes.sql", "CREATE TABLE notes (x);");
    only(&check(&app), FindingKind::EditedAfterRelease, "V1__notes");
}

#[test]
fn a_clone_without_tags_is_compared_with_nothing_and_one_of_a_tag_with_that() {
    let app = app(&[NOTES]);
    release(&app, "v1");
    let origin = format!("file://{}", app.folder().display());
    for (arguments, tag) in [
        (&["--no-tags"][..], None),
        (&["--branch", "v1"], Some("v1")),
    ] {
        let clone = tempfile::tempdir().unwrap();
        let target = clone.path().join("c");
        let clone = ["clone", "--quiet", "--depth", "1", &origin];
        git(
            &app,
            &[&clone, arguments, &[target.to_str().unwrap()]].concat(),
        );
        std::fs::write(
            target.join("migrations/V1__notes.sql"),
            "CREATE TABLE notes (x);",
        )
        .unwrap();
        let checked = Migrator::new(target.join("migrations"))
            .devtools()
            .check()
            .unwrap();
        assert_eq!(checked.released_tag.as_deref(), tag);
        assert_eq!(checked.is_clean(), tag.is_none(), "{checked}");
    }
}

#[test]
fn many_released_files_are_read_without_a_deadlock() {
    let app = App::new();
    for version in 1..=600 {
        app.file(
            &format!("V{version}__t.sql"),
            &format!("-- {}\nSELECT 1;", "x".repeat(2000)),
        )
        .file(&format!("V{version}__t.down.sql"), "SELECT 1;");
    }
    release(&app, "v1");
    app.file("V600__t.sql", "SELECT 2;");
    only(&check(&app), FindingKind::EditedAfterRelease, "V600__t");
}

/// Each down migration worked by itself, and the second one failed after the first.
#[test]
fn all_ways_back_are_walked_in_turn() {
    let app = App::new();
    app.file(
        "V1__a.sql",
        "CREATE TABLE a (x INT); CREATE TABLE b (x INT);",
    );
    app.file("V1__a.down.sql", "DROP TABLE a; DROP TABLE b;");
    app.file("V2__b.sql", "CREATE TABLE c (x INT UNIQUE);");
    // It leaves two rows alike, which the next down migration stumbles over.
    app.file(
        "V2__b.down.sql",
        "DROP TABLE c; INSERT INTO b VALUES (1), (1);",
    );
    app.file("V3__c.sql", "CREATE TABLE d (x INT);");
    app.file("V3__c.down.sql", "DROP TABLE d;");
    let checked = app.migrator().devtools().check().unwrap();
    assert!(checked.is_clean(), "{checked}");
    app.file(
        "V1__a.down.sql",
        "CREATE UNIQUE INDEX once ON b (x); DROP TABLE a; DROP TABLE b;",
    );
    let checked = app.migrator().devtools().check().unwrap();
    let told = checked.to_string();
    assert!(
        told.contains("after those of the migrations behind it"),
        "{told}"
    );
    assert_eq!(checked.findings.len(), 1, "{told}");
    assert_eq!(checked.findings[0].migration.as_deref(), Some("V1__a"));
}
