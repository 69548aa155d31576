//! Old migrations made into one: what it holds, and how every database that there can be meets it.

use std::path::Path;

use heirloom::devtools::{GenerateOptions, SquashOptions};
use heirloom::include_dir::{Dir, DirEntry, File};
use heirloom::{Component, ErrorKind, MigrationState, Migrator, RevertTo, RustMigration, Source};

use crate::support::app::{App, contents};

const NOTES: &str = "CREATE TABLE notes (id INTEGER PRIMARY KEY AUTOINCREMENT, text TEXT NOT NULL);
INSERT INTO notes (text) VALUES ('welcome'), ('gone');
DELETE FROM notes WHERE text = 'gone';
";
const STARS: &str = "ALTER TABLE notes ADD COLUMN stars INTEGER NOT NULL DEFAULT 0;\n";
const TAGS: &str = "CREATE TABLE tags (name TEXT);
INSERT INTO tags VALUES ('blue');
UPDATE notes SET stars = 1 WHERE id = 1;
";
const PINS: &str = "ALTER TABLE notes ADD COLUMN pinned INTEGER;\n";

/// Three migrations with their down migrations.
fn app() -> App {
    let app = App::new();
    app.file(
        "V1__notes.sql",
        &format!("-- heirloom: allow-destructive\n{NOTES}"),
    )
    .file("V1__notes.down.sql", "DROP TABLE notes;")
    .file("V2__stars.sql", STARS)
    .file("V2__stars.down.sql", "ALTER TABLE notes DROP COLUMN stars;")
    .file("V3__tags.sql", TAGS)
    .file(
        "V3__tags.down.sql",
        "UPDATE notes SET stars = 0; DROP TABLE tags;",
    );
    app
}

fn squash(app: &App) {
    squash_with(app, SquashOptions::new());
}

fn squash_with(app: &App, wishes: SquashOptions) {
    app.migrator()
        .devtools()
        .squash(&wishes)
        .unwrap()
        .write()
        .unwrap();
}

/// The names of the files, with the folder below.
fn files(app: &App) -> Vec<String> {
    let root = app.migrations();
    let listed = app.listing().into_iter();
    listed
        .filter_map(|(path, _)| path.strip_prefix(&root).ok().map(Path::to_owned))
        .map(|path| path.to_str().unwrap().replace('\\', "/"))
        .collect()
}

fn history(app: &App) -> String {
    match app.number("SELECT count(*) FROM sqlite_schema WHERE name = 'refinery_schema_history'") {
        0 => String::new(),
        _ => app.text(
            "SELECT coalesce(group_concat(version || name, ' '), '') FROM
             (SELECT * FROM refinery_schema_history ORDER BY version)",
        ),
    }
}

/// What the app put in, what the migrations put in, and the mark that new rows count on from.
fn rows(app: &App) -> String {
    app.text(
        "SELECT (SELECT group_concat(id || text || stars, ' ') FROM notes) || ' '
             || (SELECT group_concat(name, ' ') FROM tags) || ' '
             || (SELECT seq FROM sqlite_sequence WHERE name = 'notes')",
    )
}

fn remove_originals(app: &App) {
    std::fs::remove_dir_all(app.migrations().join("squashed")).unwrap();
}

#[test]
fn the_originals_are_put_away_and_the_file_says_what_it_replaces() {
    let app = app();
    let squashed = app
        .migrator()
        .devtools()
        .squash(&SquashOptions::new())
        .unwrap();
    assert_eq!(files(&app).len(), 6, "nothing is written before it is said");
    squashed.write().unwrap();
    assert_eq!(squashed.replaced, ["V1__notes", "V2__stars", "V3__tags"]);
    assert_eq!(
        files(&app),
        [
            "V3__squashed.sql",
            "squashed/V1__notes.down.sql",
            "squashed/V1__notes.sql",
            "squashed/V2__stars.down.sql",
            "squashed/V2__stars.sql",
            "squashed/V3__tags.down.sql",
            "squashed/V3__tags.sql",
        ]
    );
    let text = std::fs::read_to_string(app.migrations().join("V3__squashed.sql")).unwrap();
    let theirs = refinery_core::Migration::unapplied("V2__stars", STARS).unwrap();
    let line = format!("-- heirloom: replaces V2__stars {}", theirs.checksum());
    assert!(text.contains(&line), "{text}");
    assert!(
        text.starts_with("-- heirloom: replaces V1__notes "),
        "{text}"
    );
}

/// How a database came about, before it meets a folder.
const DATABASES: [(&str, &str); 8] = [
    ("new", ""),
    ("1", "1notes"),
    ("1-2", "1notes 2stars"),
    ("1-3", "1notes 2stars 3tags"),
    ("1-4", "1notes 2stars 3tags 4pins"),
    ("squashed", "3squashed"),
    ("squashed-4", "3squashed 4pins"),
    ("changed", "1notes 2stars"),
];

/// Makes a database, with a row of the user's where there is a table for it.
fn database(app: &App, which: &str) {
    let make = self::app();
    make.file("V4__pins.sql", PINS);
    if which == "changed" {
        make.file(
            "V2__stars.sql",
            "ALTER TABLE notes ADD COLUMN stars INTEGER DEFAULT 7;",
        );
    }
    if which.starts_with("squashed") {
        squash_with(&make, SquashOptions::new().to(3));
    }
    let to = match which {
        "new" => return,
        "1" => 1,
        "1-2" | "changed" => 2,
        "1-3" | "squashed" => 3,
        _ => 4,
    };
    make.migrator()
        .database(make.database())
        .migrate_to(to)
        .unwrap();
    make.sql("INSERT INTO notes (text) VALUES ('mine')");
    std::fs::copy(make.database(), app.database()).unwrap();
}

/// What a folder makes of each database: the history afterwards, or the refusal.
#[test]
fn every_database_meets_every_folder() {
    use ErrorKind::{DatabaseNewer, Diverged, Missing};
    type Folder = (&'static str, fn(&App), [Result<&'static str, ErrorKind>; 8]);
    let all = "1notes 2stars 3tags";
    let and_four = "1notes 2stars 3tags 4pins";
    let folders: [Folder; 5] = [
        (
            "an older app, with the originals alone",
            |_| {},
            [
                Ok(all),
                Ok(all),
                Ok(all),
                Ok(all),
                Err(DatabaseNewer),
                Err(DatabaseNewer),
                Err(DatabaseNewer),
                Err(Diverged),
            ],
        ),
        (
            "squashed, with the originals",
            squash,
            [
                Ok("3squashed"),
                Ok(all),
                Ok(all),
                Ok(all),
                Err(DatabaseNewer),
                Ok("3squashed"),
                Err(DatabaseNewer),
                Err(Diverged),
            ],
        ),
        (
            "squashed, without the originals",
            |app| {
                squash(app);
                remove_originals(app);
            },
            [
                Ok("3squashed"),
                Err(Missing),
                Err(Missing),
                Ok(all),
                Err(DatabaseNewer),
                Ok("3squashed"),
                Err(DatabaseNewer),
                Err(Diverged),
            ],
        ),
        (
            "squashed, with the originals and a newer one",
            |app| {
                squash(app);
                app.file("V4__pins.sql", PINS);
            },
            [
                Ok("3squashed 4pins"),
                Ok(and_four),
                Ok(and_four),
                Ok(and_four),
                Ok(and_four),
                Ok("3squashed 4pins"),
                Ok("3squashed 4pins"),
                Err(Diverged),
            ],
        ),
        (
            "squashed, with a newer one and only the last original",
            |app| {
                squash(app);
                let below = app.migrations().join("squashed");
                for file in ["V1__notes", "V1__notes.down", "V2__stars", "V2__stars.down"] {
                    std::fs::remove_file(below.join(format!("{file}.sql"))).unwrap();
                }
                app.file("V4__pins.sql", PINS);
            },
            [
                Ok("3squashed 4pins"),
                Err(Missing),
                Ok(and_four),
                Ok(and_four),
                Ok(and_four),
                Ok("3squashed 4pins"),
                Ok("3squashed 4pins"),
                Err(Diverged),
            ],
        ),
    ];
    for (folder, make, expected) in folders {
        for ((which, before), expected) in DATABASES.into_iter().zip(expected) {
            let app = app();
            make(&app);
            database(&app, which);
            let case = format!("{which} meets {folder}");
            let found = match expected {
                Ok(_) => app.run().map(drop),
                // Nothing is changed, and it says so.
                Err(kind) => Err(app.refused(kind)),
            };
            match (expected, found) {
                (Ok(after), Ok(())) => {
                    assert_eq!(history(&app), after, "{case}");
                    let mine = if before.is_empty() { "" } else { " 3mine0" };
                    assert_eq!(
                        rows(&app),
                        format!(
                            "1welcome1{mine} blue {}",
                            if before.is_empty() { 2 } else { 3 }
                        ),
                        "{case}"
                    );
                    // The second start has nothing to do, on the short way and on the long.
                    let listing = app.listing();
                    assert!(app.run().unwrap().is_up_to_date(), "{case}");
                    let status = app.migrator().database(app.database()).status().unwrap();
                    assert!(status.is_up_to_date(), "{case}: {status:?}");
                    assert_eq!(app.listing(), listing, "{case}");
                }
                (Err(_), Err(_)) => assert_eq!(history(&app), before, "{case}"),
                (_, other) => panic!("{case}: {other:?}"),
            }
        }
    }
}

#[test]
fn a_database_that_has_all_originals_is_looked_at_and_nothing_is_written() {
    for removed in [false, true] {
        let app = app();
        app.run().unwrap();
        squash(&app);
        if removed {
            remove_originals(&app);
        }
        let lock = app.folder().join("app.db.lock");
        std::fs::remove_file(&lock).unwrap();
        let before = app.listing();
        assert!(app.run().unwrap().is_up_to_date());
        let plan = app.migrator().database(app.database()).plan(None).unwrap();
        assert!(plan.steps.is_empty());
        assert_eq!(app.listing(), before);
    }
}

#[test]
fn histories_of_other_line_endings_and_narrow_versions_are_recognised_without_the_originals() {
    let app = app();
    app.run().unwrap();
    squash(&app);
    remove_originals(&app);
    let windows = STARS.replace('\n', "\r\n");
    let theirs = refinery_core::Migration::unapplied("V2__stars", &windows).unwrap();
    let set = |sum: u64| {
        app.sql(&format!(
            "UPDATE refinery_schema_history SET checksum = '{sum}' WHERE version = 2"
        ));
    };
    set(theirs.checksum());
    assert!(app.run().unwrap().is_up_to_date());
    set(theirs.checksum() ^ 1);
    let error = app.refused(ErrorKind::Diverged);
    assert!(error.to_string().contains("V3__squashed"), "{error}");
}

#[test]
fn what_is_shown_is_one_line_or_in_the_middle_the_originals() {
    let app = app();
    app.migrator()
        .database(app.database())
        .migrate_to(2)
        .unwrap();
    squash(&app);
    let shown = |app: &App| -> Vec<(String, MigrationState, bool)> {
        let status = app.migrator().database(app.database()).status().unwrap();
        let entries = status.migrations.into_iter();
        entries
            .map(|entry| (entry.name, entry.state, entry.reversible))
            .collect()
    };
    assert_eq!(
        shown(&app),
        [
            ("notes".into(), MigrationState::Applied, true),
            ("stars".into(), MigrationState::Applied, true),
            ("tags".into(), MigrationState::Pending, true),
        ]
    );
    let away = app.folder().join("away");
    std::fs::rename(app.migrations().join("squashed"), &away).unwrap();
    assert_eq!(
        shown(&app),
        [
            ("notes".into(), MigrationState::Applied, true),
            ("stars".into(), MigrationState::Applied, true),
            ("tags".into(), MigrationState::Missing, false),
        ]
    );
    let error = app.refused(ErrorKind::Missing);
    assert_eq!(error.migration(), Some("V3__tags"));
    assert!(error.help().unwrap().contains("V3__tags"), "{error:#}");
    std::fs::rename(&away, app.migrations().join("squashed")).unwrap();
    app.run().unwrap();
    assert_eq!(
        shown(&app),
        [("squashed".into(), MigrationState::Applied, false)]
    );
    let status = app.migrator().database(app.database()).status().unwrap();
    assert!(status.migrations[0].applied_at.is_some());
    std::fs::remove_file(app.database()).unwrap();
    assert_eq!(
        shown(&app),
        [("squashed".into(), MigrationState::Pending, false)]
    );
}

#[test]
fn a_database_goes_back_by_the_way_it_came() {
    let app = app();
    app.run().unwrap();
    app.sql("INSERT INTO notes (text) VALUES ('mine')");
    squash(&app);
    let back = |to| app.migrator().database(app.database()).revert(to);
    back(RevertTo::Steps(1)).unwrap();
    assert_eq!(history(&app), "1notes 2stars");
    assert_eq!(app.number("SELECT count(*) FROM notes"), 2);
    app.run().unwrap();
    assert_eq!(history(&app), "1notes 2stars 3tags");
    remove_originals(&app);
    back(RevertTo::Version(0)).unwrap();
    assert_eq!(history(&app), "");
    assert_eq!(app.run().unwrap().version, Some(3));
    assert_eq!(history(&app), "3squashed");
    let error = back(RevertTo::Steps(1)).unwrap_err();
    assert_eq!(error.kind(), ErrorKind::Irreversible);
    assert!(error.to_string().contains("squashed from"), "{error}");
    assert_eq!(rows(&app), "1welcome1 blue 2");
}

/// `squash --remove`, then `revert`: it went into the middle of the originals without a word, and
/// the next start of the app found no file that leads on from there.
#[test]
fn a_way_back_into_the_middle_of_originals_that_are_gone_is_refused() {
    let app = app();
    app.run().unwrap();
    app.sql("INSERT INTO notes (text) VALUES ('mine')");
    squash(&app);
    remove_originals(&app);
    let before = contents(&app.database());
    for to in [RevertTo::Steps(1), RevertTo::Steps(2), RevertTo::Version(1)] {
        let migrator = app.migrator();
        let refused = [
            migrator.database(app.database()).revert(to).map(drop),
            migrator.database(app.database()).plan_revert(to).map(drop),
        ];
        for error in refused.map(Result::unwrap_err) {
            assert_eq!(error.kind(), ErrorKind::Missing, "{error:#}");
            let said = error.to_string();
            assert!(said.contains("V3__squashed"), "{said}");
            assert!(said.contains("V3__tags"), "{said}");
            assert!(error.help().unwrap().contains("version 0"), "{error:#}");
        }
    }
    assert_eq!(contents(&app.database()), before);
    assert!(app.backups().is_empty());
    assert!(app.run().unwrap().is_up_to_date());
}

/// What such a database lacks was said to be applied, and to need a newer app.
#[test]
fn the_doctor_says_which_files_a_database_in_the_middle_needs() {
    let app = app();
    app.migrator()
        .database(app.database())
        .migrate_to(2)
        .unwrap();
    squash(&app);
    remove_originals(&app);
    let found = app.migrator().database(app.database()).doctor().unwrap();
    let [problem] = &found.problems[..] else {
        panic!("{found:?}");
    };
    assert!(
        problem.message.starts_with("V3__tags is needed"),
        "{problem:?}"
    );
    assert!(problem.help.contains("put the file back"), "{problem:?}");
    let both = format!("{}; {}", problem.message, problem.help);
    assert_eq!(problem.to_string(), both);
}

#[test]
fn an_older_app_says_that_the_database_is_newer_and_what_can_be_done() {
    let app = app();
    squash(&app);
    app.file("V4__pins.sql", PINS)
        .file("V4__pins.down.sql", "ALTER TABLE notes DROP COLUMN pinned;");
    app.run().unwrap();
    let older = self::app();
    for more in [false, true] {
        if more {
            older.file("V4__pins.sql", PINS);
        }
        std::fs::copy(app.database(), older.database()).unwrap();
        let error = older.refused(ErrorKind::DatabaseNewer);
        assert!(error.is_from_newer_app(), "{error}");
        let ways = older
            .migrator()
            .database(older.database())
            .downgrade_options()
            .unwrap();
        assert_eq!(ways.unknown, ["V3__squashed", "V4__pins"]);
        assert!(!ways.can_revert && !ways.can_open_anyway && ways.restore.is_none());
        let error = older
            .migrator()
            .database(older.database())
            .revert_to_known();
        assert_eq!(error.unwrap_err().kind(), ErrorKind::Irreversible);
        assert_eq!(history(&older), "3squashed 4pins");
    }
}

#[test]
fn what_was_squashed_can_be_squashed_again() {
    let histories = [
        (1, "1notes"),
        (2, "1notes 2stars"),
        (3, "1notes 2stars 3tags"),
        (4, "1notes 2stars 3tags 4pins"),
    ];
    for removed in [false, true] {
        let app = app();
        squash(&app);
        app.file("V4__pins.sql", PINS);
        let wishes = SquashOptions::new().name("again");
        let squashed = app.migrator().devtools().squash(&wishes).unwrap();
        assert_eq!(
            squashed.replaced,
            [
                "V1__notes",
                "V2__stars",
                "V3__tags",
                "V3__squashed",
                "V4__pins"
            ]
        );
        squashed.write().unwrap();
        if removed {
            remove_originals(&app);
        } else {
            assert_eq!(files(&app).len(), 9, "{:?}", files(&app));
            let checked = app.migrator().devtools().check().unwrap();
            assert!(checked.is_clean(), "{checked}");
        }
        let meets = |make: &App, to: i64| {
            let _ = std::fs::remove_file(app.database());
            make.migrator()
                .database(make.database())
                .migrate_to(to)
                .unwrap();
            std::fs::copy(make.database(), app.database()).unwrap();
            app.run().map(|_| history(&app)).map_err(|e| e.kind())
        };
        for (to, _) in histories {
            let make = self::app();
            make.file("V4__pins.sql", PINS);
            let expected = match removed && to < 4 {
                true => Err(ErrorKind::Missing),
                false => Ok("1notes 2stars 3tags 4pins".to_owned()),
            };
            assert_eq!(meets(&make, to), expected, "{to}");
        }
        for to in [3, 4] {
            let make = self::app();
            squash(&make);
            make.file("V4__pins.sql", PINS);
            let expected = match removed && to < 4 {
                true => Err(ErrorKind::Missing),
                false => Ok("3squashed 4pins".to_owned()),
            };
            assert_eq!(meets(&make, to), expected, "squashed, {to}");
        }
        std::fs::remove_file(app.database()).unwrap();
        app.run().unwrap();
        assert_eq!(history(&app), "4again");
        assert_eq!(rows(&app), "1welcome1 blue 2");
    }
}

#[test]
fn migrations_of_any_order_in_the_range_are_run_where_they_are_missing() {
    let app = app();
    std::fs::remove_file(app.migrations().join("V2__stars.sql")).unwrap();
    std::fs::remove_file(app.migrations().join("V2__stars.down.sql")).unwrap();
    app.file("V3__tags.sql", "CREATE TABLE tags (name TEXT);")
        .file("V3__tags.down.sql", "DROP TABLE tags;");
    app.run().unwrap();
    app.file("U2__index.sql", "CREATE INDEX texts ON notes (text);");
    squash(&app);
    assert!(files(&app).contains(&"squashed/U2__index.sql".to_owned()));
    app.run().unwrap();
    assert_eq!(history(&app), "1notes 2index 3tags");
    assert_eq!(
        app.number("SELECT count(*) FROM sqlite_schema WHERE name = 'texts'"),
        1
    );
    assert!(app.run().unwrap().is_up_to_date());
    // A V migration that was left out is as late as ever.
    let late = self::app();
    late.run().unwrap();
    squash(&late);
    late.sql("DELETE FROM refinery_schema_history WHERE version = 2");
    late.refused(ErrorKind::OutOfOrder);
}

#[test]
fn what_is_older_than_the_squashed_one_and_not_in_it_is_refused() {
    for file in ["V2__late.sql", "U2__late.sql", "V3__twin.sql"] {
        let app = app();
        squash(&app);
        std::fs::remove_file(app.migrations().join("squashed/V2__stars.sql")).unwrap();
        std::fs::remove_file(app.migrations().join("squashed/V2__stars.down.sql")).unwrap();
        app.file(file, "SELECT 1;");
        let error = app.run().unwrap_err();
        assert_eq!(error.kind(), ErrorKind::InvalidMigration);
        assert!(error.to_string().contains(file), "{error}");
    }
}

#[test]
fn lines_that_were_tampered_with_are_refused() {
    for (from, to) in [
        ("replaces V3__tags", "replaces V4__tags"),
        ("replaces V1__notes", "replaces V4__notes"),
        ("replaces V3__tags", "replaces V3__squashed"),
        ("replaces V2__stars ", "replaces V2__stars x"),
    ] {
        let app = app();
        squash(&app);
        remove_originals(&app);
        let path = app.migrations().join("V3__squashed.sql");
        let text = std::fs::read_to_string(&path).unwrap();
        std::fs::write(&path, text.replace(from, to)).unwrap();
        let error = app.run().unwrap_err();
        assert_eq!(error.kind(), ErrorKind::InvalidMigration, "{to}: {error}");
    }
}

#[test]
fn originals_that_were_changed_are_told_before_any_of_them_is_run() {
    let app = app();
    app.migrator()
        .database(app.database())
        .migrate_to(1)
        .unwrap();
    squash(&app);
    app.file("squashed/V2__stars.sql", &format!("{STARS}SELECT 1;"));
    let error = app.refused(ErrorKind::Diverged);
    assert_eq!(error.migration(), Some("V2__stars"));
    assert!(
        app.migrator()
            .devtools()
            .squash(&SquashOptions::new())
            .is_err()
    );
    let checked = app.migrator().devtools().check().unwrap();
    let kinds: Vec<&str> = checked.findings.iter().map(|f| f.kind.as_str()).collect();
    assert_eq!(kinds, ["squash-differs"], "{checked}");
    // The other kind of line ending is not a change.
    app.file("squashed/V2__stars.sql", &STARS.replace('\n', "\r\n"));
    app.run().unwrap();
}

#[test]
fn a_file_that_gives_something_else_than_its_originals_is_found() {
    let app = app();
    squash(&app);
    let checked = app.migrator().devtools().check().unwrap();
    assert!(checked.is_clean(), "{checked}");
    assert_eq!(checked.migrations, 1);
    let path = app.migrations().join("V3__squashed.sql");
    let text = std::fs::read_to_string(&path).unwrap();
    for (from, to, what) in [
        ("'blue'", "'red'", "the rows of `tags`"),
        ("stars INTEGER", "stars TEXT", "stars"),
    ] {
        std::fs::write(&path, text.replacen(from, to, 1)).unwrap();
        let checked = app.migrator().devtools().check().unwrap();
        let message = &checked.findings[0].message;
        assert!(message.contains(what), "{checked}");
    }
}

#[test]
fn a_file_whose_search_finds_something_else_is_found() {
    let app = App::new();
    app.file(
        "V1__found.sql",
        "CREATE TABLE docs (id INTEGER PRIMARY KEY, body TEXT);
         INSERT INTO docs VALUES (5, 'old songs');
         CREATE VIRTUAL TABLE found USING fts5(body, content='docs', content_rowid='id');
         INSERT INTO found (found) VALUES ('rebuild');",
    )
    .file(
        "V2__own.sql",
        "CREATE VIRTUAL TABLE own USING fts5(title);
         INSERT INTO own (own, rank) VALUES ('rank', 'bm25(10.0)');",
    );
    squash(&app);
    assert!(app.migrator().devtools().check().unwrap().is_clean());
    let path = app.migrations().join("V2__squashed.sql");
    let text = std::fs::read_to_string(&path).unwrap();
    for (from, to, what) in [
        (
            "INSERT INTO found (found) VALUES ('rebuild');",
            "",
            "the rows of `found`",
        ),
        ("bm25(10.0)", "bm25(1.0)", "the rows of `own`"),
    ] {
        assert!(text.contains(from), "{text}");
        std::fs::write(&path, text.replacen(from, to, 1)).unwrap();
        let checked = app.migrator().devtools().check().unwrap();
        let message = &checked.findings[0].message;
        assert!(message.contains(what), "{checked}");
    }
}

#[test]
fn a_search_table_keeps_its_rows_whatever_its_columns_and_options_are_called() {
    let app = App::new();
    app.file(
        "V1__titled.sql",
        "CREATE VIRTUAL TABLE titled USING fts5(content, tokenize = 'porter ascii');",
    )
    .file(
        "V2__songs.sql",
        "INSERT INTO titled (rowid, content) VALUES (7, 'old songs');",
    );
    squash(&app);
    app.run().unwrap();
    assert_eq!(history(&app), "2squashed");
    assert_eq!(
        app.text("SELECT rowid || content FROM titled WHERE titled MATCH 'song'"),
        "7old songs"
    );
}

#[test]
fn rows_are_written_two_hundred_at_a_time_and_no_mark_that_they_give_themselves() {
    let app = App::new();
    app.file(
        "V1__many.sql",
        "CREATE TABLE many (x);
         WITH RECURSIVE n (i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n WHERE i < 450)
         INSERT INTO many SELECT i FROM n;",
    )
    .file(
        "V2__marked.sql",
        "CREATE TABLE marked (id INTEGER PRIMARY KEY AUTOINCREMENT, x);
         INSERT INTO marked (x) VALUES (1), (2);",
    );
    let sql = app
        .migrator()
        .devtools()
        .squash(&SquashOptions::new())
        .unwrap()
        .sql;
    assert_eq!(sql.matches("INSERT INTO many").count(), 3, "{sql}");
    assert!(!sql.contains("sqlite_sequence"), "{sql}");
    assert!(!sql.contains("ANALYZE"), "{sql}");
    squash(&app);
    app.run().unwrap();
    let rows = "SELECT count(*) || ' ' || sum(x) || ' ' || max(rowid) FROM many";
    assert_eq!(app.text(rows), "450 101475 450");
    assert_eq!(app.number("SELECT seq FROM sqlite_sequence"), 2);
}

#[test]
fn generate_goes_on_from_the_squashed_file_alone() {
    let app = app();
    squash(&app);
    app.file(
        "schema.sql",
        "CREATE TABLE notes (id INTEGER PRIMARY KEY AUTOINCREMENT, text TEXT NOT NULL, stars INTEGER NOT NULL DEFAULT 0);
         CREATE TABLE tags (name TEXT, color TEXT);",
    );
    let generated = app
        .migrator()
        .devtools()
        .generate(&GenerateOptions::new())
        .unwrap();
    assert_eq!(generated.files.len(), 1);
    generated.write().unwrap();
    app.run().unwrap();
    assert_eq!(
        app.text("SELECT name FROM tags WHERE color IS NULL"),
        "blue"
    );
}

#[test]
fn schema_and_rows_come_through_whatever_they_are() {
    let app = App::new();
    app.file(
        "V1__plain.sql",
        "CREATE TABLE odd (a, b REAL, c TEXT, g AS (a || 'x'));
         INSERT INTO odd VALUES (1, 0.1, 'it''s'), (-9223372036854775808, 1e300, 'two
lines \\n and ü'), (x'00FF', 9e999, CAST(x'610062' AS TEXT)), (NULL, -9e999, CAST(x'ff' AS TEXT)),
            ('12', 5e-324, ''), (9223372036854775807, 1.7976931348623157e308, char(13, 10));
         DELETE FROM odd WHERE rowid = 2;
         INSERT INTO odd (rowid, a) VALUES (-7, 'minus'), (4000000000, 'far');
         CREATE TABLE keyed (k TEXT PRIMARY KEY, \"select\" INTEGER) WITHOUT ROWID;
         INSERT INTO keyed VALUES ('b', 1), ('a', 2);
         CREATE TABLE empty_marked (id INTEGER PRIMARY KEY AUTOINCREMENT, v);
         INSERT INTO empty_marked VALUES (41, 1);",
    )
    .file(
        "V2__more.sql",
        "-- heirloom: allow-destructive
         DELETE FROM empty_marked;
         CREATE VIEW both AS SELECT a FROM odd UNION ALL SELECT k FROM keyed;
         CREATE TABLE log (what TEXT);
         CREATE TRIGGER noted AFTER INSERT ON keyed BEGIN INSERT INTO log VALUES (new.k); END;
         CREATE TRIGGER into_both INSTEAD OF INSERT ON both BEGIN INSERT INTO keyed (k) VALUES (new.a); END;
         INSERT INTO keyed VALUES ('c', 3);
         CREATE INDEX by_c ON odd (c) WHERE c IS NOT NULL;
         PRAGMA user_version = 12;
         ALTER TABLE keyed ADD COLUMN later TEXT DEFAULT 'now and then';
         ANALYZE;",
    )
    .file(
        "V3__search.sql",
        "CREATE TABLE docs (id INTEGER PRIMARY KEY, body TEXT);
         CREATE VIRTUAL TABLE found USING fts5(body, content='docs', content_rowid='id');
         CREATE TRIGGER docs_in AFTER INSERT ON docs BEGIN
             INSERT INTO found (rowid, body) VALUES (new.id, new.body); END;
         INSERT INTO docs VALUES (5, 'old songs'), (9, 'new songs');
         CREATE VIRTUAL TABLE own USING fts5(title, body UNINDEXED);
         INSERT INTO own (rowid, title, body) VALUES (30, 'thirty', 'x'), (3, 'three', NULL);
         INSERT INTO own (own, rank) VALUES ('rank', 'bm25(10.0, 5.0)');
         CREATE VIRTUAL TABLE old USING fts4(text);
         INSERT INTO old (docid, text) VALUES (77, 'very old');
         CREATE VIRTUAL TABLE unfilled USING fts5(body, content='docs', content_rowid='id');
         CREATE VIRTUAL TABLE boxes USING rtree(id, x0, x1);
         INSERT INTO boxes VALUES (8, 0.1, 0.3), (2, -1.5, 7);",
    );
    let original = App::at(app.folder().join("original"));
    std::fs::create_dir(original.folder()).unwrap();
    app.migrator().migrate(original.database()).unwrap();
    squash(&app);
    app.run().unwrap();
    assert_eq!(history(&app), "3squashed");
    for sql in [
        "SELECT count(*) FROM odd",
        "SELECT count(*) FROM log",
        "SELECT group_concat(hex(a) || hex(c) || typeof(a) || rowid || quote(b)) FROM odd",
        "SELECT group_concat(k || \"select\" || later) FROM keyed",
        "SELECT group_concat(name || seq) FROM sqlite_sequence",
        "SELECT group_concat(rowid) FROM found WHERE found MATCH 'songs'",
        "SELECT count(*) FROM unfilled WHERE unfilled MATCH 'songs'",
        "SELECT group_concat(rowid || title || coalesce(body, '-')) FROM own",
        "SELECT rowid FROM own WHERE own MATCH 'thirty'",
        "SELECT group_concat(k || v) FROM own_config",
        "SELECT docid FROM old WHERE old MATCH 'very'",
        "SELECT group_concat(id || quote(x0) || quote(x1)) FROM boxes",
        "SELECT group_concat(tbl || coalesce(idx, '') || stat) FROM sqlite_stat1 WHERE tbl = 'odd'",
        "SELECT user_version FROM pragma_user_version",
        "SELECT group_concat(name || type, ' ') FROM (SELECT * FROM sqlite_schema ORDER BY 1, 2)",
    ] {
        let text = |app: &App| app.text(&format!("SELECT CAST(({sql}) AS TEXT)"));
        assert_eq!(text(&app), text(&original), "{sql}");
    }
    // The triggers are there, and the search goes on.
    app.sql("INSERT INTO docs VALUES (10, 'last songs')");
    assert_eq!(
        app.number("SELECT count(*) FROM found WHERE found MATCH 'songs'"),
        3
    );
}

#[test]
fn the_schema_is_written_as_the_schema_file_has_it_where_that_is_the_same() {
    let app = app();
    app.file(
        "schema.sql",
        "CREATE TABLE notes (
             id INTEGER PRIMARY KEY AUTOINCREMENT, -- never used again
             text TEXT NOT NULL,
             stars INTEGER NOT NULL DEFAULT 0
         );
         CREATE TABLE tags (name TEXT);",
    );
    let sql = app
        .migrator()
        .devtools()
        .squash(&SquashOptions::new())
        .unwrap()
        .sql;
    assert!(sql.contains("-- never used again"), "{sql}");
    // Columns in another order would be another table to `SELECT *`.
    app.file(
        "schema.sql",
        "CREATE TABLE notes (id INTEGER PRIMARY KEY AUTOINCREMENT, -- first
             stars INTEGER NOT NULL DEFAULT 0, text TEXT NOT NULL);
         CREATE TABLE tags (name TEXT);",
    );
    let sql = app
        .migrator()
        .devtools()
        .squash(&SquashOptions::new())
        .unwrap()
        .sql;
    assert!(!sql.contains("-- first"), "{sql}");
    // So would a name in other letters be to a program.
    app.file(
        "schema.sql",
        "CREATE TABLE Notes (id INTEGER PRIMARY KEY AUTOINCREMENT, -- capital
             text TEXT NOT NULL, stars INTEGER NOT NULL DEFAULT 0);
         CREATE TABLE tags (name TEXT);",
    );
    let sql = app
        .migrator()
        .devtools()
        .squash(&SquashOptions::new())
        .unwrap()
        .sql;
    assert!(!sql.contains("-- capital"), "{sql}");
}

#[test]
fn what_no_file_can_hold_is_refused_by_name_and_nothing_is_written() {
    let clock = "a row comes out otherwise";
    for (sql, expected) in [
        ("-- heirloom: no-transaction\nVACUUM;", "V4__odd"),
        (
            "CREATE TABLE t (x); INSERT INTO t VALUES (random());",
            "`t`",
        ),
        (
            "CREATE TABLE t (x); INSERT INTO t VALUES (datetime('now'));",
            "`t`",
        ),
        (
            "CREATE TABLE t (x, y DEFAULT CURRENT_TIMESTAMP); INSERT INTO t (x) VALUES (1);",
            "`t`",
        ),
        (
            "CREATE TABLE t (x); INSERT INTO t VALUES (CURRENT_DATE);",
            "today",
        ),
        (
            "CREATE TABLE t (x, y DEFAULT CURRENT_TIMESTAMP); INSERT INTO t VALUES (1, 2);",
            "",
        ),
        (
            "CREATE VIRTUAL TABLE t USING fts5(x, content=''); INSERT INTO t VALUES ('a');",
            "`t`",
        ),
        // Nothing but the rowid tells its rows apart.
        (
            "CREATE VIRTUAL TABLE t USING fts4(x); INSERT INTO t (docid, x) VALUES (abs(random()), 'a');",
            "`t`",
        ),
    ] {
        let app = app();
        app.file("V4__odd.sql", sql);
        let before = app.listing();
        match app.migrator().devtools().squash(&SquashOptions::new()) {
            Ok(_) => assert_eq!(expected, "", "{clock}: {sql}"),
            Err(error) => {
                assert!(error.to_string().contains(expected), "{sql}: {error}");
                assert!(!expected.is_empty(), "{sql}: {error}");
            }
        }
        // What comes before it can be squashed.
        app.migrator()
            .devtools()
            .squash(&SquashOptions::new().to(3))
            .unwrap();
        assert_eq!(app.listing(), before);
    }
    let app = app();
    let migrator = app
        .migrator()
        .rust_migration(RustMigration::new("V4__fill", |_| Ok(())));
    let error = migrator
        .devtools()
        .squash(&SquashOptions::new())
        .unwrap_err();
    assert!(error.to_string().contains("V4__fill"), "{error}");
    let refused = |wishes| {
        app.migrator()
            .devtools()
            .squash(&wishes)
            .unwrap_err()
            .kind()
    };
    assert_eq!(refused(SquashOptions::new().to(7)), ErrorKind::NotFound);
    assert_eq!(refused(SquashOptions::new().to(1)), ErrorKind::Usage);
    assert_eq!(refused(SquashOptions::new().name("tags")), ErrorKind::Usage);
    assert_eq!(refused(SquashOptions::new().name("a/b")), ErrorKind::Usage);
    squash(&app);
    assert_eq!(refused(SquashOptions::new()), ErrorKind::Usage);
    let values: [(&str, &str); 0] = [];
    let error = Migrator::new(Source::of_files(values))
        .devtools()
        .squash(&SquashOptions::new());
    assert_eq!(error.unwrap_err().kind(), ErrorKind::Usage);
}

/// A process that is killed while it writes has done some of the steps, in their order.
#[test]
fn a_folder_at_any_step_of_the_writing_gives_the_same() {
    let steps = app()
        .migrator()
        .devtools()
        .squash(&SquashOptions::new())
        .unwrap();
    for done in 0..=steps.moves.len() + 1 {
        let app = app();
        let half = self::app();
        half.migrator()
            .database(half.database())
            .migrate_to(2)
            .unwrap();
        let squashed = app
            .migrator()
            .devtools()
            .squash(&SquashOptions::new())
            .unwrap();
        let staging = app.migrations().join(".V3__squashed.sql.partial");
        std::fs::write(&staging, "-- heirloom: replaces V1").unwrap();
        if done > 0 {
            std::fs::write(&squashed.file, &squashed.sql).unwrap();
        }
        std::fs::create_dir(app.migrations().join("squashed")).unwrap();
        for (from, to) in &squashed.moves[..done.saturating_sub(1)] {
            std::fs::rename(from, to).unwrap();
        }
        app.run().unwrap();
        let expected = if done == 0 {
            "1notes 2stars 3tags"
        } else {
            "3squashed"
        };
        assert_eq!(history(&app), expected);
        std::fs::copy(half.database(), app.database()).unwrap();
        app.run().unwrap();
        assert_eq!(history(&app), "1notes 2stars 3tags", "{done}");
        // Squashing again does what is left to do.
        if done <= steps.moves.len() {
            squash(&app);
        }
        let all = files(&app);
        assert_eq!(
            all.iter()
                .filter(|file| file.starts_with("squashed/"))
                .count(),
            6
        );
        assert!(done > steps.moves.len() || !staging.exists());
        assert!(app.migrator().devtools().check().unwrap().is_clean());
    }
}

#[test]
fn what_cannot_be_moved_is_lost_neither() {
    let app = app();
    // What is in the way is reported before anything is written.
    app.file("squashed", "no folder");
    let before = app.listing();
    let error = app
        .migrator()
        .devtools()
        .squash(&SquashOptions::new())
        .unwrap_err();
    assert_eq!(error.kind(), ErrorKind::Io);
    assert_eq!(app.listing(), before);
    std::fs::remove_file(app.migrations().join("squashed")).unwrap();
    let squashed = app
        .migrator()
        .devtools()
        .squash(&SquashOptions::new())
        .unwrap();
    // Somebody else has it for a moment.
    let (file, away) = (
        app.migrations().join("V2__stars.sql"),
        app.folder().join("away"),
    );
    std::fs::rename(&file, &away).unwrap();
    let error = squashed.write().unwrap_err();
    assert_eq!(error.kind(), ErrorKind::Io);
    std::fs::rename(&away, &file).unwrap();
    assert!(
        error.help().unwrap().contains("moves the rest"),
        "{error:#}"
    );
    app.run().unwrap();
    assert_eq!(history(&app), "3squashed");
    squash(&app);
    assert_eq!(files(&app).len(), 7);
    // And years later the originals can go: they alone, and not what came since, which laptops may
    // be in the middle of.
    app.file("V4__later.sql", "ALTER TABLE notes ADD COLUMN later;");
    app.file("V5__last.sql", "ALTER TABLE notes ADD COLUMN last;");
    squash_with(&app, SquashOptions::new().remove_originals());
    let left = ["V3__squashed.sql", "V4__later.sql", "V5__last.sql"];
    assert_eq!(files(&app), left);
    let wishes = SquashOptions::new().remove_originals();
    let error = app.migrator().devtools().squash(&wishes).unwrap_err();
    assert_eq!(error.remedies(), [heirloom::Remedy::SquashTo]);
    assert_eq!(files(&app), left);
    app.run().unwrap();
    assert_eq!(history(&app), "3squashed 4later 5last");
}

#[test]
fn embedded_folders_and_values_of_refinery_are_recognised_too() {
    let app = app();
    squash(&app);
    let read = |name: &str| -> (&'static str, &'static str) {
        let text = std::fs::read_to_string(app.migrations().join(name)).unwrap();
        (String::leak(name.to_owned()), String::leak(text))
    };
    let below = ["V1__notes", "V2__stars", "V3__tags"];
    let below = below.map(|name| read(&format!("squashed/{name}.sql")));
    let top = read("V3__squashed.sql");
    let file = |(path, text): (&'static str, &'static str)| {
        DirEntry::File(File::new(path, text.as_bytes()))
    };
    let folder: &'static [DirEntry<'static>] = Vec::leak(below.into_iter().map(file).collect());
    let entries = vec![DirEntry::Dir(Dir::new("squashed", folder)), file(top)];
    let embedded: &'static Dir<'static> = Box::leak(Box::new(Dir::new("", Vec::leak(entries))));
    let values = below.iter().chain([&top]).map(|(path, text)| {
        let name = path
            .trim_start_matches("squashed/")
            .trim_end_matches(".sql");
        (format!("{name}.sql"), *text)
    });
    let values = Source::of_files(values);
    for (before, after) in [
        (0, "3squashed"),
        (2, "1notes 2stars 3tags"),
        (3, "1notes 2stars 3tags"),
    ] {
        for migrator in [Migrator::new(embedded), Migrator::new(values.clone())] {
            let _ = std::fs::remove_file(app.database());
            if before > 0 {
                let make = self::app();
                make.migrator()
                    .database(make.database())
                    .migrate_to(before)
                    .unwrap();
                std::fs::copy(make.database(), app.database()).unwrap();
            }
            migrator.migrate(app.database()).unwrap();
            assert_eq!(history(&app), after);
            assert_eq!(rows(&app), "1welcome1 blue 2");
            assert!(migrator.migrate(app.database()).unwrap().is_up_to_date());
        }
    }
}

#[test]
fn a_component_is_squashed_by_itself() {
    let part = app();
    let app = App::new();
    app.file("V1__own.sql", "CREATE TABLE own (x);");
    let both = || {
        app.migrator()
            .component(Component::new("part", part.migrations()))
    };
    let history = || app.text("SELECT group_concat(name, ' ') FROM part_schema_history");
    both()
        .only("part")
        .unwrap()
        .database(app.database())
        .migrate_to(2)
        .unwrap();
    let squashed = both()
        .only("part")
        .unwrap()
        .devtools()
        .squash(&SquashOptions::new());
    squashed.unwrap().write().unwrap();
    both().migrate(app.database()).unwrap();
    assert_eq!(history(), "notes stars tags");
    assert!(both().migrate(app.database()).unwrap().is_up_to_date());
    std::fs::remove_file(app.database()).unwrap();
    both().migrate(app.database()).unwrap();
    assert_eq!(history(), "squashed");
    assert_eq!(app.number("SELECT count(*) FROM own, notes"), 0);
}

#[cfg(feature = "cli")]
#[test]
fn the_command_says_what_it_replaces_and_moves() {
    use crate::cli::contract::{heirloom, json, text};
    let app = app();
    let before = app.listing();
    let shown = heirloom(&app, &["squash", "--dry-run", "--to", "2"]);
    assert_eq!(shown.status.code(), Some(0));
    assert!(
        text(&shown).contains("nothing was written"),
        "{}",
        text(&shown)
    );
    assert_eq!(app.listing(), before);
    let (code, document) = json(&app, &["squash", "--to", "2", "--name", "old times"]);
    assert_eq!((code, &document["ok"]), (0, &true.into()));
    let file = document["file"].as_str().unwrap();
    assert!(file.ends_with("V2__old_times.sql"), "{document}");
    let replaced: Vec<_> = document["replaced"].as_array().unwrap().iter().collect();
    assert_eq!(replaced, ["V1__notes", "V2__stars"]);
    let moved = document["moved"].as_array().unwrap();
    assert_eq!(moved.len(), 4);
    for path in moved {
        assert!(Path::new(path.as_str().unwrap()).is_file(), "{path}");
    }
    let (code, document) = json(&app, &["squash", "--to", "7"]);
    assert_eq!((code, &document["error"]["kind"]), (1, &"not-found".into()));
    let (code, document) = json(&app, &["squash", "--remove", "--to", "3"]);
    assert_eq!(
        (code, document["removed"].as_array().unwrap().len()),
        (0, 7)
    );
    assert_eq!(files(&app), ["V3__squashed.sql"]);
    assert_eq!(json(&app, &["run"]).0, 0);
    assert_eq!(history(&app), "3squashed");
}

#[test]
fn what_was_released_may_be_squashed_and_not_edited_on_the_way() {
    use crate::devtools::check::release;
    for removed in [false, true] {
        let app = app();
        release(&app, "v1");
        let wishes = SquashOptions::new();
        squash_with(
            &app,
            if removed {
                wishes.remove_originals()
            } else {
                wishes
            },
        );
        let checked = app.migrator().devtools().check().unwrap();
        assert_eq!(checked.released_tag.as_deref(), Some("v1"));
        assert!(checked.is_clean(), "{checked}");
        release(&app, "v2");
        assert!(app.migrator().devtools().check().unwrap().is_clean());
        let edited = self::app();
        release(&edited, "v1");
        edited.file("V2__stars.sql", &STARS.replace('0', "9"));
        let wishes = SquashOptions::new();
        squash_with(
            &edited,
            if removed {
                wishes.remove_originals()
            } else {
                wishes
            },
        );
        let checked = edited.migrator().devtools().check().unwrap();
        let found: Vec<_> = checked
            .findings
            .iter()
            .map(|found| found.migration.as_deref())
            .collect();
        assert_eq!(found, [Some("V2__stars")], "{checked}");
        assert!(checked.findings[0].message.contains("v1"), "{checked}");
    }
}
