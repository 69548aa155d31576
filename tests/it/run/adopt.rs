//! A database that another tool kept is taken over with its history, and nobody notices.

use std::path::{Path, PathBuf};

use heirloom::{ErrorKind, Layout, Migrator, RevertTo, Source, Tool};
use rusqlite::Connection;

use crate::support::app::{App, contents};

/// Where the databases lie that the tools made; README.md there says how.
fn foreign(path: &str) -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR"))
        .join("tests/data/other_tools")
        .join(path)
}

/// An app that shipped with sqlx: two migrations applied of three.
fn app() -> App {
    let app = App::new();
    app.sql(
        "CREATE TABLE _sqlx_migrations (version BIGINT PRIMARY KEY, description TEXT NOT NULL,
            installed_on TIMESTAMP NOT NULL DEFAULT CURRENT_TIMESTAMP, success BOOLEAN NOT NULL,
            checksum BLOB NOT NULL, execution_time BIGINT NOT NULL);
         CREATE TABLE users (id INTEGER PRIMARY KEY, name TEXT NOT NULL);
         CREATE TABLE notes (id INTEGER PRIMARY KEY, title TEXT);
         INSERT INTO _sqlx_migrations (version, description, success, checksum, execution_time)
            VALUES (1, 'users', 1, x'00', 1), (2, 'notes', 1, x'00', 1);
         INSERT INTO users (name) VALUES ('ada'); INSERT INTO notes (title) VALUES ('kept');",
    )
    .file(
        "V1__users.sql",
        "CREATE TABLE users (id INTEGER PRIMARY KEY, name TEXT NOT NULL);",
    )
    .file(
        "V2__notes.sql",
        "CREATE TABLE notes (id INTEGER PRIMARY KEY, title TEXT);",
    )
    .file("V2__notes.down.sql", "DROP TABLE notes;")
    .file(
        "V3__done.sql",
        "ALTER TABLE notes ADD COLUMN done INTEGER NOT NULL DEFAULT 0;",
    );
    app
}

fn versions(app: &App) -> String {
    app.text("SELECT group_concat(version) FROM refinery_schema_history")
}

#[test]
fn the_first_start_takes_the_history_over_and_goes_on_from_there() {
    let app = app();
    let migrator = app.migrator().adopt_from(Tool::Sqlx);
    let plan = migrator.database(app.database()).plan(None).unwrap();
    assert_eq!(plan.steps.len(), 3);
    let report = migrator.migrate(app.database()).unwrap();
    assert_eq!(report.applied.len(), 3);
    assert_eq!(versions(&app), "1,2,3");
    assert_eq!(app.text("SELECT title || done FROM notes"), "kept0");
    assert_eq!(
        app.number("SELECT count(*) FROM _sqlx_migrations"),
        2,
        "left as it was"
    );
    assert_eq!(app.backups().len(), 1, "one copy for both");
    assert!(migrator.migrate(app.database()).unwrap().is_up_to_date());
}

/// Nothing could be taken over once migrations were squashed: a user who came late from the other
/// tool was left behind.
#[cfg(feature = "devtools")]
#[test]
fn a_history_is_taken_over_into_a_squashed_migration_that_stands_for_it() {
    let by_number = "DROP TABLE _sqlx_migrations; PRAGMA user_version = 2;";
    for (tool, first) in [(Tool::Sqlx, ""), (Tool::RusqliteMigration, by_number)] {
        for originals in [true, false] {
            let app = app();
            app.sql(first);
            let wishes = heirloom::devtools::SquashOptions::new().to(2);
            app.migrator()
                .devtools()
                .squash(&wishes)
                .unwrap()
                .write()
                .unwrap();
            if !originals {
                std::fs::remove_dir_all(app.migrations().join("squashed")).unwrap();
            }
            let case = format!("{tool}, originals: {originals}");
            let migrator = app.migrator().adopt_from(tool);
            let report = migrator.migrate(app.database()).unwrap();
            assert_eq!(report.applied.len(), 2, "{case}");
            let history = "SELECT group_concat(version || name) FROM refinery_schema_history";
            assert_eq!(app.text(history), "2squashed,3done", "{case}");
            assert_eq!(app.text("SELECT title || done FROM notes"), "kept0");
            assert_eq!(app.number("SELECT count(*) FROM users"), 1);
            assert_eq!(app.backups().len(), 1);
            let listing = app.listing();
            assert!(migrator.migrate(app.database()).unwrap().is_up_to_date());
            let status = app.migrator().database(app.database()).status().unwrap();
            assert!(status.is_up_to_date(), "{case}: {status:?}");
            assert!(
                app.migrator()
                    .devtools()
                    .check()
                    .unwrap()
                    .findings
                    .iter()
                    .all(|finding| { finding.migration.as_deref() != Some("V2__squashed") })
            );
            assert_eq!(app.listing(), listing, "{case}");
        }
    }
}

/// Of a part of what it stands for a squashed migration proves nothing.
#[cfg(feature = "devtools")]
#[test]
fn a_history_that_ends_within_a_squashed_migration_or_another_schema_is_not_taken_over() {
    let app = app();
    let squash = || {
        app.migrator()
            .devtools()
            .squash(&heirloom::devtools::SquashOptions::new())
    };
    squash().unwrap().write().unwrap();
    let error = app.refused_by(&app.migrator().adopt_from(Tool::Sqlx), ErrorKind::Diverged);
    assert_eq!(error.migration(), Some("V3__squashed"), "{error}");
    assert!(
        error.to_string().contains("version 2 lies before it"),
        "{error}"
    );
    let before = contents(&app.database());
    let error = app
        .migrator()
        .database(app.database())
        .adopt(Some(Tool::Sqlx));
    assert_eq!(error.unwrap_err().kind(), ErrorKind::Diverged);
    let error = app
        .migrator()
        .database(app.database())
        .baseline(2)
        .unwrap_err();
    assert!(
        error.to_string().contains("version 2 lies before it"),
        "{error}"
    );
    // Nor is a schema that is not its own.
    let error = app
        .migrator()
        .database(app.database())
        .baseline(3)
        .unwrap_err();
    assert_eq!(error.kind(), ErrorKind::Diverged);
    assert!(error.to_string().contains("done"), "{error}");
    assert_eq!(contents(&app.database()), before);
    app.sql(
        "ALTER TABLE notes ADD COLUMN done INTEGER NOT NULL DEFAULT 0; DROP TABLE _sqlx_migrations",
    );
    app.migrator().database(app.database()).baseline(3).unwrap();
    assert_eq!(versions(&app), "3");
    assert!(app.run().unwrap().is_up_to_date());
    assert_eq!(app.text("SELECT title FROM notes"), "kept");
    let error = app
        .migrator()
        .database(app.database())
        .revert(RevertTo::Steps(1));
    assert_eq!(error.unwrap_err().kind(), ErrorKind::Irreversible);
}

#[test]
fn adopting_alone_runs_nothing_and_twice_it_finds_nothing_to_do() {
    let app = app();
    let before = contents(&app.database());
    let plan = app
        .migrator()
        .database(app.database())
        .plan_adopt(None)
        .unwrap();
    assert_eq!(plan.steps.len(), 2);
    assert_eq!(contents(&app.database()), before);
    app.migrator().database(app.database()).adopt(None).unwrap();
    assert_eq!(versions(&app), "1,2");
    assert_eq!(
        app.number("SELECT count(*) FROM pragma_table_info('notes') WHERE name = 'done'"),
        0
    );
    let after = contents(&app.database());
    assert!(
        app.migrator()
            .database(app.database())
            .adopt(None)
            .unwrap()
            .is_up_to_date()
    );
    assert_eq!(contents(&app.database()), after);
    assert_eq!(app.backups().len(), 1);
    // The down migration of what another tool applied is stored with it.
    app.migrator()
        .database(app.database())
        .revert(RevertTo::Steps(1))
        .unwrap();
    assert_eq!(
        app.number("SELECT count(*) FROM sqlite_schema WHERE name = 'notes'"),
        0
    );
}

#[test]
fn what_ran_outside_of_a_transaction_is_taken_over_like_the_rest() {
    let app = app();
    app.file(
        "V2__notes.sql",
        "-- heirloom: no-transaction\nCREATE TABLE notes (id INTEGER PRIMARY KEY, title TEXT);",
    );
    app.migrator().database(app.database()).adopt(None).unwrap();
    assert_eq!(versions(&app), "1,2");
    assert_eq!(app.text("SELECT title FROM notes"), "kept");
    assert_eq!(app.backups().len(), 1);
    let last = app
        .migrator()
        .database(app.database())
        .log()
        .unwrap()
        .entries
        .remove(0);
    assert_eq!(last.migrations.len(), 2);
}

#[test]
fn what_fails_after_it_takes_the_adoption_back_too() {
    let app = app();
    app.file(
        "V4__bad.sql",
        "CREATE TABLE bad (x); INSERT INTO bad SELECT abs(-9223372036854775808);",
    );
    let migrator = app.migrator().adopt_from(None);
    app.refused_by(&migrator, ErrorKind::MigrationFailed);
    app.file("V4__bad.sql", "CREATE TABLE good (x);");
    migrator.migrate(app.database()).unwrap();
    assert_eq!(versions(&app), "1,2,3,4");
}

#[test]
fn a_new_database_and_one_of_heirlooms_are_nobodys_to_take_over() {
    let app = app();
    let new = app.folder().join("new.db");
    let migrator = app.migrator().adopt_from(None);
    assert_eq!(migrator.migrate(&new).unwrap().applied.len(), 3);
    let error = app
        .migrator()
        .database(app.folder().join("none.db"))
        .adopt(None)
        .unwrap_err();
    assert_eq!(error.kind(), ErrorKind::NotFound);
    assert!(!app.folder().join("none.db").exists());
    std::fs::remove_file(app.database()).unwrap();
    app.sql("CREATE TABLE t (x)");
    let error = app
        .migrator()
        .database(app.database())
        .adopt(Tool::Diesel)
        .unwrap_err();
    assert!(
        error.to_string().contains("no history of diesel"),
        "{error:#}"
    );
}

/// "Correct the statement" would be the wrong thing to do.
#[test]
fn a_run_that_meets_another_tools_database_points_to_adopt() {
    let app = app();
    let error = app.refused(ErrorKind::MigrationFailed);
    let help = error.help().unwrap_or_default();
    assert!(
        help.contains("sqlx")
            && error.remedies()
                == [heirloom::Remedy::Adopt {
                    tool: "sqlx".into()
                }],
        "{error:#}"
    );
}

/// A history that was taken back to nothing is heirloom's own, and stays it.
#[test]
fn what_was_taken_back_is_not_taken_over_again() {
    let app = app();
    app.file("V1__users.down.sql", "DROP TABLE users;")
        .file("V3__done.down.sql", "ALTER TABLE notes DROP COLUMN done;");
    let migrator = app.migrator().adopt_from(Tool::Sqlx);
    migrator.migrate(app.database()).unwrap();
    migrator
        .database(app.database())
        .revert(RevertTo::Version(0))
        .unwrap();
    migrator.migrate(app.database()).unwrap();
    assert_eq!(versions(&app), "1,2,3");
}

/// dbmate keeps versions as texts, in which 10 comes before 2.
#[test]
fn versions_are_numbers_however_they_are_kept() {
    let app = App::new();
    app.sql("CREATE TABLE schema_migrations (version varchar(128) primary key)");
    for version in 1..=11 {
        app.file(
            &format!("V{version}__t.sql"),
            &format!("CREATE TABLE t{version} (x);"),
        )
        .sql(&format!(
            "CREATE TABLE t{version} (x); INSERT INTO schema_migrations VALUES ('{version}')"
        ));
    }
    app.migrator()
        .database(app.database())
        .adopt(Tool::Dbmate)
        .unwrap();
    assert_eq!(versions(&app), "1,2,3,4,5,6,7,8,9,10,11");
}

/// What golang-migrate, SeaORM, Flyway and Knex keep, by the statements in their sources.
const GOLANG_MIGRATE: &str = "CREATE TABLE schema_migrations (version uint64,dirty bool);
    CREATE UNIQUE INDEX version_unique ON schema_migrations (version);";
const SEAORM: &str = r#"CREATE TABLE "seaql_migrations" ("version" varchar NOT NULL PRIMARY KEY, "applied_at" bigint NOT NULL);"#;
const FLYWAY: &str = r#"CREATE TABLE "flyway_schema_history" ("installed_rank" INT NOT NULL PRIMARY KEY,
    "version" VARCHAR(50), "description" VARCHAR(200) NOT NULL, "type" VARCHAR(20) NOT NULL,
    "script" VARCHAR(1000) NOT NULL, "checksum" INT, "installed_by" VARCHAR(100) NOT NULL,
    "installed_on" TEXT NOT NULL DEFAULT (strftime('%Y-%m-%d %H:%M:%f','now')),
    "execution_time" INT NOT NULL, "success" BOOLEAN NOT NULL);
    CREATE INDEX "flyway_schema_history_s_idx" ON "flyway_schema_history" ("success");"#;
const KNEX: &str = "CREATE TABLE `knex_migrations` (`id` integer not null primary key autoincrement,
    `name` varchar(255), `batch` integer, `migration_time` datetime);
    CREATE TABLE `knex_migrations_lock` (`index` integer not null primary key autoincrement, `is_locked` integer);
    INSERT INTO knex_migrations_lock (is_locked) VALUES (0);";

/// Rows of Flyway's: rank, version, kind and whether it came through.
fn flyway(rows: &[(i64, &str, &str, i64)]) -> String {
    let row = |(rank, version, kind, success): &(i64, &str, &str, i64)| {
        format!(
            "INSERT INTO flyway_schema_history (installed_rank, version, description, type, script, installed_by, execution_time, success)
             VALUES ({rank}, {version}, 'd', '{kind}', 's', 'me', 1, {success});"
        )
    };
    let rows: Vec<String> = rows.iter().map(row).collect();
    format!("{FLYWAY} {}", rows.concat())
}

/// The app of [`app`] as another tool left it, with the versions that its migrations have there.
fn kept_by(history: &str, versions: [&str; 3]) -> App {
    let app = App::new();
    app.sql(
        "CREATE TABLE users (id INTEGER PRIMARY KEY, name TEXT NOT NULL);
         CREATE TABLE notes (id INTEGER PRIMARY KEY, title TEXT);
         INSERT INTO users (name) VALUES ('ada'); INSERT INTO notes (title) VALUES ('kept');",
    )
    .sql(history);
    let [users, notes, done] = versions;
    app.file(
        &format!("V{users}__users.sql"),
        "CREATE TABLE users (id INTEGER PRIMARY KEY, name TEXT NOT NULL);",
    )
    .file(
        &format!("V{notes}__notes.sql"),
        "CREATE TABLE notes (id INTEGER PRIMARY KEY, title TEXT);",
    )
    .file(
        &format!("V{done}__done.sql"),
        "ALTER TABLE notes ADD COLUMN done INTEGER NOT NULL DEFAULT 0;",
    );
    app
}

/// Apps that shipped with golang-migrate, SeaORM, Flyway or Knex could not change over: `adopt` did
/// not know their tables, and `baseline` refused because of them.
#[test]
fn histories_whose_rows_say_enough_are_taken_over() {
    let small = ["1", "2", "3"];
    let days = ["20220101000001", "20220101000002", "20220301000001"];
    let knex = "INSERT INTO knex_migrations (name, batch) VALUES ('20220101000001_users.js', 1), ('20220101000002_notes.ts', 1);";
    let cases: [(Tool, String, [&str; 3]); 6] = [
        (
            Tool::GolangMigrate,
            format!("{GOLANG_MIGRATE} INSERT INTO schema_migrations VALUES (2, false);"),
            small,
        ),
        (
            Tool::SeaOrm,
            format!(
                "{SEAORM} INSERT INTO seaql_migrations VALUES ('m20220101_000001_users', 1), ('m20220101_000002_notes', 2);"
            ),
            days,
        ),
        (
            Tool::SeaOrm,
            format!(
                "{SEAORM} INSERT INTO seaql_migrations VALUES ('m001_users', 1), ('m002_notes', 2);"
            ),
            small,
        ),
        (
            Tool::Flyway,
            // Taken back once and run again, and one that is run whenever it changes.
            flyway(&[
                (1, "'1'", "SQL", 1),
                (2, "'2'", "SQL", 1),
                (3, "'2'", "UNDO_SQL", 1),
                (4, "'2'", "SQL", 1),
                (5, "NULL", "SQL", 1),
            ]),
            small,
        ),
        (Tool::Flyway, flyway(&[(1, "'2'", "BASELINE", 1)]), small),
        (Tool::Knex, format!("{KNEX} {knex}"), days),
    ];
    for (tool, history, known) in cases {
        for named in [Some(tool), None] {
            let app = kept_by(&history, known);
            let before = app.text("SELECT group_concat(sql) FROM sqlite_schema");
            let migrator = app.migrator();
            let report = migrator.database(app.database()).adopt(named).unwrap();
            assert_eq!(report.applied.len(), 2, "{tool}");
            assert!(
                app.text("SELECT group_concat(sql) FROM sqlite_schema")
                    .starts_with(&before)
            );
            let report = migrator.migrate(app.database()).unwrap();
            assert_eq!(report.applied.len(), 1, "{tool}");
            assert_eq!(versions(&app), known.join(","), "{tool}");
            assert_eq!(app.text("SELECT title || done FROM notes"), "kept0");
        }
    }
}

/// What such a tool calls unfinished, or what its rows do not say, is left alone.
#[test]
fn histories_that_say_too_little_or_something_else_are_left_alone() {
    let small = ["1", "2", "3"];
    let golang =
        |row: &str| format!("{GOLANG_MIGRATE} INSERT INTO schema_migrations VALUES {row};");
    let knex = |name: &str| {
        format!("{KNEX} INSERT INTO knex_migrations (name, batch) VALUES ('{name}', 1);")
    };
    let alembic = "CREATE TABLE alembic_version (version_num VARCHAR(32) NOT NULL); INSERT INTO alembic_version VALUES ('1975ea83b712');";
    let cases = [
        (golang("(2, true)"), ErrorKind::Diverged, "did not finish"),
        (
            golang("(9, false)"),
            ErrorKind::DatabaseNewer,
            "at version 9",
        ),
        (
            golang("(0, false)"),
            ErrorKind::Diverged,
            "no migration of that version",
        ),
        // The schema is that of version 2.
        (golang("(1, false)"), ErrorKind::Diverged, "`notes`"),
        (
            flyway(&[(1, "'1'", "SQL", 1), (2, "'2'", "SQL", 0)]),
            ErrorKind::Diverged,
            "did not finish",
        ),
        (
            flyway(&[(1, "'1.1'", "SQL", 1)]),
            ErrorKind::Diverged,
            "`1.1`",
        ),
        (
            flyway(&[(1, "'2'", "SQL", 1)]),
            ErrorKind::Diverged,
            "not version 1",
        ),
        (
            flyway(&[(1, "'7'", "BASELINE", 1)]),
            ErrorKind::DatabaseNewer,
            "at version 7",
        ),
        (
            knex("users.js"),
            ErrorKind::Diverged,
            "begins with no number",
        ),
        (
            alembic.to_owned(),
            ErrorKind::NotFound,
            "no history of another tool",
        ),
    ];
    for (history, kind, sentence) in cases {
        let app = kept_by(&history, small);
        let before = contents(&app.database());
        let error = app
            .migrator()
            .database(app.database())
            .adopt(None)
            .unwrap_err();
        assert_eq!(error.kind(), kind, "{history}: {error:#}");
        assert!(error.to_string().contains(sentence), "{history}: {error:#}");
        assert_eq!(contents(&app.database()), before);
        assert!(app.backups().is_empty());
        if history == alembic {
            assert!(error.help().unwrap().contains("Alembic"), "{error:#}");
        }
        // The schema is proved, so that the version can be recorded in any case.
        let database = app.database();
        app.migrator().database(&database).baseline(2).unwrap();
        assert_eq!(app.run().unwrap().version, Some(3), "{history}");
        assert_eq!(app.text("SELECT title || done FROM notes"), "kept0");
    }
}

/// A history that is not understood is left alone, with a sentence.
#[test]
fn what_does_not_fit_is_left_alone() {
    let cases: [(&str, ErrorKind, &str); 7] = [
        (
            "UPDATE _sqlx_migrations SET success = 0 WHERE version = 2",
            ErrorKind::Diverged,
            "did not finish",
        ),
        (
            "UPDATE _sqlx_migrations SET version = 9 WHERE version = 2",
            ErrorKind::DatabaseNewer,
            "at version 9",
        ),
        (
            "DELETE FROM _sqlx_migrations WHERE version = 1",
            ErrorKind::Diverged,
            "not version 1",
        ),
        (
            "ALTER TABLE notes ADD COLUMN own TEXT",
            ErrorKind::Diverged,
            "`own` of `notes` should not be there",
        ),
        (
            "DROP TABLE notes",
            ErrorKind::Diverged,
            "table `notes` is missing",
        ),
        (
            "UPDATE _sqlx_migrations SET version = -1 WHERE version = 2",
            ErrorKind::Diverged,
            "no migration of that version",
        ),
        (
            "CREATE TABLE __diesel_schema_migrations (version VARCHAR(50) PRIMARY KEY NOT NULL, run_on TIMESTAMP)",
            ErrorKind::Diverged,
            "both diesel and sqlx",
        ),
    ];
    for (harm, kind, sentence) in cases {
        let app = app();
        app.sql(harm);
        let error = app.refused_by(&app.migrator().adopt_from(None), kind);
        assert!(error.to_string().contains(sentence), "{harm}: {error:#}");
        let error = app
            .migrator()
            .database(app.database())
            .adopt(None)
            .unwrap_err();
        assert_eq!(error.kind(), kind, "{error:#}");
        assert!(app.backups().is_empty(), "{harm}");
    }
}

/// `user_version` is anybody's, and `migrations` and `schema_migrations` are names that any
/// app may have.
#[test]
fn nothing_is_guessed() {
    let app = App::new();
    app.sql(
        "PRAGMA user_version = 1; CREATE TABLE users (id INTEGER PRIMARY KEY);
        CREATE TABLE migrations (bird TEXT, season TEXT);
        CREATE TABLE schema_migrations (version INTEGER, dirty INTEGER);",
    )
    .file(
        "V1__users.sql",
        "CREATE TABLE users (id INTEGER PRIMARY KEY);
            CREATE TABLE migrations (bird TEXT, season TEXT);
            CREATE TABLE schema_migrations (version INTEGER, dirty INTEGER);",
    );
    let error = app
        .migrator()
        .database(app.database())
        .adopt(None)
        .unwrap_err();
    assert_eq!(error.kind(), ErrorKind::NotFound);
    app.migrator()
        .database(app.database())
        .adopt(Tool::RusqliteMigration)
        .unwrap();
    assert_eq!(versions(&app), "1");
}

/// One of the databases that a tool made, in an app of its own.
fn copy_of(tool: &str, database: &str) -> Option<App> {
    let original = foreign(tool).join(database);
    original.is_file().then(|| {
        let app = App::new();
        std::fs::copy(original, app.database()).unwrap();
        app
    })
}

/// The folder for a tool's databases: its own where heirloom reads that, else the same SQL.
fn migrations_of(tool: &str) -> Source {
    match tool {
        "diesel" => Source::from(foreign("diesel/migrations")).layout(Layout::Diesel),
        "sqlx" | "sqlx-simple" | "tauri-plugin-sql"
            if foreign(tool).join("migrations").is_dir() =>
        {
            Source::from(foreign(tool).join("migrations")).layout(Layout::Sqlx)
        }
        _ => Source::from(foreign(tool).join("heirloom")),
    }
}

const MADE_BY: [(&str, Tool); 10] = [
    ("diesel", Tool::Diesel),
    ("sqlx", Tool::Sqlx),
    ("sqlx-simple", Tool::Sqlx),
    ("tauri-plugin-sql", Tool::Sqlx),
    ("rusqlite_migration", Tool::RusqliteMigration),
    ("typeorm", Tool::TypeOrm),
    ("drizzle", Tool::Drizzle),
    ("prisma", Tool::Prisma),
    ("goose", Tool::Goose),
    ("dbmate", Tool::Dbmate),
];

fn rows(database: &Path) -> (i64, i64) {
    let connection = Connection::open(database).unwrap();
    let count = |table: &str| {
        connection
            .query_row(&format!("SELECT count(*) FROM {table}"), [], |row| {
                row.get(0)
            })
            .unwrap()
    };
    (count("users"), count("notes"))
}

#[test]
fn every_database_that_a_tool_really_made_is_taken_over() {
    for (name, tool) in MADE_BY {
        let migrator = Migrator::new(migrations_of(name)).adopt_from(tool);
        let app = copy_of(name, "app.db").unwrap();
        let before = rows(&app.database());
        migrator
            .database(app.database())
            .adopt(tool)
            .unwrap_or_else(|error| panic!("{name}: {error:#}"));
        assert_eq!(
            app.number("SELECT count(*) FROM refinery_schema_history"),
            3,
            "{name}"
        );
        assert!(
            migrator.migrate(app.database()).unwrap().is_up_to_date(),
            "{name}"
        );
        assert_eq!(rows(&app.database()), before, "{name}");
        // One migration behind: the start takes two over and applies the third.
        let app = copy_of(name, "two.db").unwrap();
        let report = migrator
            .migrate(app.database())
            .unwrap_or_else(|error| panic!("{name}: {error:#}"));
        assert_eq!(report.applied.len(), 3, "{name}");
        assert!(report.notes.is_empty(), "{name}: {:?}", report.notes);
    }
}

#[test]
fn a_database_that_its_tool_left_half_done_is_left_alone() {
    let mut tried = 0;
    for (name, tool) in MADE_BY {
        let Some(app) = copy_of(name, "broken.db").filter(|_| tool != Tool::Goose) else {
            continue;
        };
        let before = contents(&app.database());
        let migrator = Migrator::new(migrations_of(name));
        let error = migrator.database(app.database()).adopt(tool).unwrap_err();
        assert_eq!(error.kind(), ErrorKind::Diverged, "{name}: {error:#}");
        assert_eq!(contents(&app.database()), before, "{name}");
        tried += 1;
    }
    assert_eq!(tried, 4, "three of sqlx, one of Prisma");
}

/// What goose took back, its newest row says; the rest is taken over.
#[test]
fn a_migration_that_was_taken_back_is_not_taken_for_applied() {
    let app = copy_of("goose", "broken.db").unwrap();
    let migrator = Migrator::new(migrations_of("goose"));
    let report = migrator
        .database(app.database())
        .adopt(Tool::Goose)
        .unwrap();
    assert_eq!(report.applied.len(), 2);
}
