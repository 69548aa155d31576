//! Several histories in one database: one copy and one transaction for all of them.

use std::path::PathBuf;

use heirloom::{Component, ErrorKind, MigrationState, Migrator, RevertTo};

use crate::support::app::App;

/// The app's own migrations, and those of a component `auth` in a folder beside them.
fn app() -> App {
    let app = App::new();
    std::fs::create_dir(app.folder().join("auth")).unwrap();
    app.file(
        "V1__notes.sql",
        "CREATE TABLE notes (id INTEGER PRIMARY KEY);",
    )
    .file("V1__notes.down.sql", "DROP TABLE notes;");
    auth(
        &app,
        "V1__users.sql",
        "CREATE TABLE users (id INTEGER PRIMARY KEY); INSERT INTO users VALUES (1);",
    );
    auth(&app, "V1__users.down.sql", "DROP TABLE users;");
    app
}

fn auth(app: &App, file: &str, sql: &str) {
    std::fs::write(folder(app).join(file), sql).unwrap();
}

fn folder(app: &App) -> PathBuf {
    app.folder().join("auth")
}

fn both(app: &App) -> Migrator<'static> {
    app.migrator()
        .component(Component::new("auth", folder(app)))
}

fn versions(app: &App, table: &str) -> String {
    app.text(&format!(
        "SELECT coalesce(group_concat(version), '') FROM {table}"
    ))
}

#[test]
fn one_run_brings_both_up_to_date_the_component_first() {
    let app = app();
    let migrator = both(&app);
    let report = migrator.migrate(app.database()).unwrap();
    let done: Vec<_> = report
        .applied
        .iter()
        .map(|done| (done.component.as_deref(), done.name.as_str()))
        .collect();
    assert_eq!(done, [(Some("auth"), "users"), (None, "notes")]);
    assert_eq!(versions(&app, "auth_schema_history"), "1");
    assert_eq!(versions(&app, "refinery_schema_history"), "1");
    assert!(migrator.migrate(app.database()).unwrap().is_up_to_date());
    // Neither history is part of the schema that the other is proved against.
    auth(
        &app,
        "V2__names.sql",
        "ALTER TABLE users ADD COLUMN name TEXT;",
    );
    app.file("V2__text.sql", "ALTER TABLE notes ADD COLUMN text TEXT;");
    let report = migrator.migrate(app.database()).unwrap();
    assert_eq!(report.applied.len(), 2);
    assert_eq!((report.version_before, report.version), (Some(1), Some(2)));
    assert_eq!(app.backups().len(), 1, "one copy for both");
}

#[test]
fn what_fails_in_one_is_taken_back_in_all() {
    let app = app();
    both(&app).migrate(app.database()).unwrap();
    auth(
        &app,
        "V2__names.sql",
        "ALTER TABLE users ADD COLUMN name TEXT;",
    );
    app.file(
        "V2__bad.sql",
        "CREATE TABLE more (x); INSERT INTO more SELECT abs(-9223372036854775808);",
    );
    let error = app.refused_by(&both(&app), ErrorKind::MigrationFailed);
    assert_eq!(error.migration(), Some("V2__bad"));
    assert_eq!(versions(&app, "auth_schema_history"), "1");
}

/// The label says whose it is: both have a V2.
#[test]
fn a_failure_names_the_component() {
    let app = app();
    both(&app).migrate(app.database()).unwrap();
    auth(
        &app,
        "V2__bad.sql",
        "ALTER TABLE nobody ADD COLUMN name TEXT;",
    );
    let error = app.refused_by(&both(&app), ErrorKind::MigrationFailed);
    assert_eq!(error.migration(), Some("auth/V2__bad"));
}

#[test]
fn a_component_alone_is_reverted_and_run() {
    let app = app();
    both(&app).migrate(app.database()).unwrap();
    let only = || both(&app).only("auth").unwrap();
    only()
        .database(app.database())
        .revert(RevertTo::Steps(1))
        .unwrap();
    assert_eq!(versions(&app, "auth_schema_history"), "");
    assert_eq!(versions(&app, "refinery_schema_history"), "1");
    assert_eq!(
        app.number("SELECT count(*) FROM sqlite_schema WHERE name = 'users'"),
        0
    );
    app.file("V2__text.sql", "ALTER TABLE notes ADD COLUMN text TEXT;");
    only().migrate(app.database()).unwrap();
    assert_eq!(app.number("SELECT count(*) FROM users"), 1);
    assert_eq!(versions(&app, "refinery_schema_history"), "1");
    assert!(both(&app).only("nobody").is_err());
}

#[test]
fn status_and_plan_speak_of_both() {
    let app = app();
    let status = both(&app).database(app.database()).status().unwrap();
    let states: Vec<_> = status
        .migrations
        .iter()
        .map(|entry| (entry.component.as_deref(), entry.state))
        .collect();
    assert_eq!(
        states,
        [
            (Some("auth"), MigrationState::Pending),
            (None, MigrationState::Pending)
        ]
    );
    let plan = both(&app).database(app.database()).plan(None).unwrap();
    assert_eq!(plan.steps.len(), 2);
    let rehearsed = both(&app).database(app.database()).rehearse(None).unwrap();
    assert_eq!(rehearsed.applied.len(), 2);
    assert!(!app.database().exists());
    both(&app).migrate(app.database()).unwrap();
    assert!(
        both(&app)
            .database(app.database())
            .status()
            .unwrap()
            .is_up_to_date()
    );
}

#[test]
fn two_that_claim_one_table_are_told_so() {
    let app = app();
    both(&app).migrate(app.database()).unwrap();
    app.file("V2__users.sql", "ALTER TABLE users DROP COLUMN id;");
    let error = app.refused_by(&both(&app), ErrorKind::InvalidMigration);
    let text = error.to_string();
    assert!(text.contains("`users`"), "{text}");
    assert!(text.contains("auth/V1__users"), "{text}");
}

/// Alone, it dropped and renamed the app's tables, and `reset` emptied the whole database.
#[test]
fn a_component_alone_does_not_reach_for_the_tables_of_others() {
    let app = app();
    both(&app).migrate(app.database()).unwrap();
    let only = || both(&app).only("auth").unwrap();
    for harm in [
        "-- heirloom: allow-destructive\nDROP TABLE notes;",
        "ALTER TABLE notes RENAME TO mine;",
        "ALTER TABLE notes ADD COLUMN x;",
    ] {
        auth(&app, "V2__harm.sql", harm);
        app.refused_by(&only(), ErrorKind::InvalidMigration);
    }
    let before = crate::support::app::contents(&app.database());
    #[cfg(feature = "devtools")]
    {
        let error = only()
            .database(app.database())
            .reset(None, None)
            .unwrap_err();
        assert_eq!(error.kind(), ErrorKind::Usage, "{error:#}");
        let error = only().database(app.database()).empty().unwrap_err();
        assert_eq!(error.kind(), ErrorKind::Usage, "{error:#}");
    }
    assert_eq!(crate::support::app::contents(&app.database()), before);
}

/// It ran twice, once for the app and once for the component that has a file of that name.
#[test]
fn a_rust_migration_of_the_app_is_none_of_a_component() {
    let app = app();
    both(&app).migrate(app.database()).unwrap();
    auth(&app, "V2__fill.rs", "");
    let fill = heirloom::RustMigration::new("V2__fill", |connection| {
        Ok(connection.execute_batch("INSERT INTO notes DEFAULT VALUES")?)
    });
    app.refused_by(
        &both(&app).rust_migration(fill),
        ErrorKind::InvalidMigration,
    );
    assert_eq!(app.number("SELECT count(*) FROM notes"), 0);
}

#[test]
fn a_database_is_marked_beside_the_tables_of_a_component() {
    let app = app();
    app.sql(
        "CREATE TABLE notes (id INTEGER PRIMARY KEY); CREATE TABLE users (id INTEGER PRIMARY KEY)",
    );
    both(&app).database(app.database()).baseline(1).unwrap();
    both(&app)
        .only("auth")
        .unwrap()
        .database(app.database())
        .baseline(1)
        .unwrap();
    assert!(both(&app).migrate(app.database()).unwrap().is_up_to_date());
}

#[test]
fn two_that_share_a_name_or_a_history_are_refused() {
    let app = app();
    let named = |name: &str| Component::new(name, folder(&app));
    let cases = [
        both(&app).component(named("auth")),
        both(&app).component(named("other").history_table("auth_schema_history")),
        both(&app).component(named("other").history_table("REFINERY_schema_history")),
        both(&app).component(named("other").history_table("heirloom_history")),
        both(&app).component(named("no name")),
    ];
    for migrator in cases {
        let error = migrator.migrate(app.database()).unwrap_err();
        assert_eq!(error.kind(), ErrorKind::Usage, "{error:#}");
        assert!(!app.database().exists());
    }
}

/// Rows of the component's history were written into a table that the app had under that name.
#[test]
fn a_table_of_the_apps_is_no_components_history() {
    let columns = "version INTEGER PRIMARY KEY, name TEXT, applied_on TEXT, checksum TEXT";
    let at = "2026-11-21T09:14:03Z";
    for (made, row) in [
        (columns.to_owned(), None),
        (format!("{columns}, note TEXT"), None),
        (columns.to_owned(), Some(format!("7, 'mine', '{at}', '42'"))),
        (columns.to_owned(), Some("1, 'mine', 'at noon', 'x'".into())),
    ] {
        let app = app();
        app.sql(&format!("CREATE TABLE auth_schema_history ({made})"));
        if let Some(row) = row {
            app.sql(&format!("INSERT INTO auth_schema_history VALUES ({row})"));
        }
        let before = crate::support::app::contents(&app.database());
        let error = both(&app).migrate(app.database()).unwrap_err();
        assert!(error.to_string().contains("auth"), "{error:#}");
        assert!(error.data_state().is_unchanged(), "{error:#}");
        assert_eq!(crate::support::app::contents(&app.database()), before);
    }
    // One that the app's migrations make, whatever it looks like.
    let app = app();
    app.run().unwrap();
    app.file(
        "V2__own.sql",
        "CREATE TABLE auth_schema_history (version INT8 PRIMARY KEY, name VARCHAR(255),
         applied_on VARCHAR(255), checksum VARCHAR(255))",
    )
    .run()
    .unwrap();
    let error = app.refused_by(&both(&app), ErrorKind::InvalidMigration);
    assert_eq!(error.migration(), Some("V2__own"), "{error:#}");
}

#[test]
fn a_component_that_is_newer_than_the_app_is_told_so() {
    let app = app();
    auth(
        &app,
        "V2__names.sql",
        "ALTER TABLE users ADD COLUMN name TEXT;",
    );
    both(&app).migrate(app.database()).unwrap();
    std::fs::remove_file(folder(&app).join("V2__names.sql")).unwrap();
    let error = app.refused_by(&both(&app), ErrorKind::DatabaseNewer);
    let text = error.to_string();
    assert!(
        text.contains("`auth` of the database is at version 2"),
        "{text}"
    );
}

/// "schema version 1 -> 1", where only a component had anything to do.
#[test]
fn a_report_and_the_log_say_whose_versions_changed() {
    let app = app();
    let both = || both(&app);
    let only = || both().only("auth").unwrap();
    let words = |report: heirloom::Report| {
        let text = report.to_string();
        let words = text.split_once(": ").unwrap().1.to_owned();
        words.split(", backup").next().unwrap().to_owned()
    };
    assert_eq!(
        words(both().migrate(app.database()).unwrap()),
        "schema version none -> 1, auth at version 1"
    );
    auth(&app, "V2__names.sql", "ALTER TABLE users ADD COLUMN name;");
    auth(
        &app,
        "V2__names.down.sql",
        "ALTER TABLE users DROP COLUMN name;",
    );
    assert_eq!(
        words(both().migrate(app.database()).unwrap()),
        "auth at version 2"
    );
    let back = only()
        .database(app.database())
        .revert(RevertTo::Steps(1))
        .unwrap();
    assert_eq!(words(back), "schema version of auth 2 -> 1");
    let log = both().database(app.database()).log().unwrap();
    assert_eq!(log.unlogged, [0; 0]);
    let told: Vec<_> = log
        .entries
        .iter()
        .map(|entry| {
            let done = entry.migrations.iter();
            (
                entry.component(),
                (entry.version_before, entry.version),
                done.map(|done| (done.component.as_deref(), done.version))
                    .collect::<Vec<_>>(),
            )
        })
        .collect();
    assert_eq!(
        told,
        [
            (Some("auth"), (Some(2), Some(1)), vec![(Some("auth"), 2)]),
            (None, (Some(1), Some(1)), vec![(Some("auth"), 2)]),
            (None, (None, Some(1)), vec![(Some("auth"), 1), (None, 1)]),
        ]
    );
}

/// A component's migrations were called as the app's own are, and, where they are beyond the app's
/// newest version, said to be from a newer app.
#[test]
fn the_doctor_says_whose_migration_is_wrong() {
    let app = app();
    auth(&app, "V2__names.sql", "ALTER TABLE users ADD COLUMN name;");
    auth(&app, "V3__ages.sql", "ALTER TABLE users ADD COLUMN age;");
    both(&app).migrate(app.database()).unwrap();
    std::fs::remove_file(folder(&app).join("V2__names.sql")).unwrap();
    auth(&app, "V1__users.sql", "CREATE TABLE users (id);");
    let problems = |app: &App| -> Vec<(String, String)> {
        let found = both(app).database(app.database()).doctor().unwrap();
        let problems = found.problems.into_iter();
        problems
            .map(|problem| (problem.message, problem.help))
            .collect()
    };
    let found = problems(&app);
    assert_eq!(
        found[0].0,
        "auth/V1__users was changed since it was applied"
    );
    assert_eq!(
        found[1],
        (
            "auth/V2__names is applied, and its file is missing".to_owned(),
            "put the file back".to_owned()
        )
    );
    assert_eq!(found.len(), 2, "{found:?}");
    std::fs::remove_file(folder(&app).join("V3__ages.sql")).unwrap();
    let found = problems(&app);
    assert_eq!(
        found[2].0,
        "auth/V3__ages is applied and newer than these migrations"
    );
}

/// "1 → 1"; `run --component auth` had the component's folder for the app's
/// too, and so found its tables claimed twice; and a log in which nobody could see what had been done.
#[cfg(feature = "cli")]
#[test]
fn the_command_says_whose_versions_changed() {
    use crate::cli::contract::{heirloom, json, text};

    let app = app();
    std::fs::write(
        app.folder().join("heirloom.toml"),
        "database = 'app.db'\n[components.auth]\nmigrations = 'auth'\n",
    )
    .unwrap();
    let last = |arguments: &[&str]| {
        let said = text(&heirloom(&app, arguments));
        said.lines().last().unwrap().trim().to_owned()
    };
    let ran = last(&["run"]);
    assert!(
        ran.starts_with("migrated app.db: new → 1, `auth` → 1 ("),
        "{ran}"
    );
    auth(&app, "V2__names.sql", "ALTER TABLE users ADD COLUMN name;");
    auth(
        &app,
        "V2__names.down.sql",
        "ALTER TABLE users DROP COLUMN name;",
    );
    let ran = last(&["run"]);
    assert!(ran.starts_with("migrated app.db: `auth` → 2 ("), "{ran}");
    let back = last(&["revert", "--component", "auth"]);
    assert!(
        back.starts_with("reverted `auth` in app.db: 2 → 1 ("),
        "{back}"
    );
    auth(&app, "V2__names.sql", "ALTER TABLE users ADD COLUMN names;");
    assert_eq!(
        last(&["run", "--component", "auth", "--quiet", "--json"]),
        "}"
    );
    assert_eq!(
        last(&["run", "--component", "auth"]),
        "nothing to do: `auth` in app.db is at version 2"
    );
    let said = text(&heirloom(&app, &["log"]));
    let lines: Vec<&str> = said.lines().collect();
    assert!(lines[1].contains("run      auth/1 → 2"), "{said}");
    assert!(lines[2].contains("revert   auth/2 → 1"), "{said}");
    assert!(lines[3].contains("auth to 2, backup "), "{said}");
    assert!(
        lines[4].contains("run      none → 1") && lines[4].contains("auth to 1"),
        "{said}"
    );
    let (_, log) = json(&app, &["log"]);
    let entries = &log["log"];
    assert_eq!(
        (&entries[0]["component"], &entries[3]["component"]),
        (&"auth".into(), &serde_json::Value::Null)
    );
    assert_eq!(
        entries[3]["migrations"],
        serde_json::json!([
            { "component": "auth", "version": 1 },
            { "component": null, "version": 1 }
        ])
    );
}

/// The app with a table, a view and a trigger over those of the component.
fn built_on_it() -> App {
    let app = app();
    app.file(
        "V2__sessions.sql",
        "CREATE TABLE sessions (id INTEGER PRIMARY KEY, user INTEGER REFERENCES users (id));
        INSERT INTO sessions (user) SELECT id FROM users;
        CREATE VIEW names AS SELECT id AS name FROM users;
        CREATE TRIGGER welcome AFTER INSERT ON users BEGIN INSERT INTO sessions (user) VALUES (new.id); END;",
    )
    .file(
        "V2__sessions.down.sql",
        "DROP TRIGGER welcome; DROP VIEW names; DROP TABLE sessions;",
    );
    app
}

/// The app's migrations were replayed from empty, where a component had made nothing: what they
/// built on it could not be checked, compared or marked.
#[cfg(feature = "devtools")]
#[test]
fn what_builds_on_a_component_is_checked_after_it() {
    let app = built_on_it();
    let schema = "CREATE TABLE notes (id INTEGER PRIMARY KEY);
        CREATE TABLE sessions (id INTEGER PRIMARY KEY, user INTEGER REFERENCES users (id));
        CREATE VIEW names AS SELECT id AS name FROM users;
        CREATE TRIGGER welcome AFTER INSERT ON users BEGIN INSERT INTO sessions (user) VALUES (new.id); END;";
    app.file("schema.sql", schema);
    let checked = both(&app).devtools().check().unwrap();
    assert!(checked.is_clean(), "{checked}");
    assert_eq!(checked.migrations, 3);
    assert!(checked.schema_file.is_some());
    // The component's own faults, by its name.
    auth(&app, "V1__users.down.sql", "SELECT 1;");
    let checked = both(&app).devtools().check().unwrap();
    let found: Vec<_> = checked
        .findings
        .iter()
        .map(|finding| finding.migration.as_deref().unwrap())
        .collect();
    assert!(
        !found.is_empty() && found.iter().all(|name| *name == "auth/V1__users"),
        "{checked}"
    );
    // What only its makers can write is a note, and a finding where they check it themselves.
    std::fs::remove_file(folder(&app).join("V1__users.down.sql")).unwrap();
    let checked = both(&app).devtools().check().unwrap();
    assert!(checked.is_clean(), "{checked}");
    assert_eq!(
        checked.notes,
        ["auth/V1__users: there is no down migration"]
    );
    let alone = both(&app).only("auth").unwrap().devtools().check().unwrap();
    assert_eq!(alone.findings.len(), 1, "{alone}");
    auth(&app, "V1__users.down.sql", "DROP TABLE users;");
    app.file(
        "V3__mine.sql",
        "-- heirloom: irreversible\nALTER TABLE users ADD COLUMN mine;",
    );
    let checked = both(&app).devtools().check().unwrap();
    let text = checked.to_string();
    assert!(
        text.contains("the table `users` is made by auth/V1__users"),
        "{text}"
    );
    std::fs::remove_file(app.migrations().join("V3__mine.sql")).unwrap();
    auth(&app, "V2_wrong.sql", "SELECT 1;");
    let checked = both(&app).devtools().check().unwrap();
    assert!(checked.to_string().contains("V2_wrong.sql"), "{checked}");
    std::fs::remove_file(folder(&app).join("V2_wrong.sql")).unwrap();
    // And what generate writes from the same schema file can be run.
    app.file(
        "schema.sql",
        &schema.replace("SELECT id AS name FROM", "SELECT id + 1 AS name FROM"),
    );
    let generated = both(&app)
        .devtools()
        .generate(&heirloom::devtools::GenerateOptions::new())
        .unwrap();
    assert_eq!(generated.files.len(), 1, "{generated:?}");
    generated.write().unwrap();
    both(&app).migrate(app.database()).unwrap();
    assert_eq!(app.number("SELECT name FROM names"), 2);
    assert!(both(&app).devtools().check().unwrap().is_clean());
}

/// "the schema was not compared with the one before the migration: no such table: users"
#[test]
fn what_builds_on_a_component_is_compared_after_its_way_back_and_marked() {
    let app = built_on_it();
    both(&app).migrate(app.database()).unwrap();
    let back = both(&app)
        .database(app.database())
        .revert(RevertTo::Steps(1))
        .unwrap();
    assert_eq!(back.notes, ["destroyed table `sessions`: 1 row"]);
    let other = built_on_it();
    both(&other)
        .only("auth")
        .unwrap()
        .migrate(other.database())
        .unwrap();
    other.sql(&format!(
        "CREATE TABLE notes (id INTEGER PRIMARY KEY); {}",
        std::fs::read_to_string(other.migrations().join("V2__sessions.sql")).unwrap()
    ));
    both(&other).database(other.database()).baseline(2).unwrap();
    assert!(
        both(&other)
            .migrate(other.database())
            .unwrap()
            .is_up_to_date()
    );
    assert_eq!(other.number("SELECT count(*) FROM sessions"), 1);
}

#[cfg(feature = "cli")]
#[test]
fn the_settings_file_names_them_and_the_command_turns_to_one() {
    use crate::cli::contract::{heirloom, text};

    let app = app();
    std::fs::write(
        app.folder().join("heirloom.toml"),
        "database = 'app.db'\n[components.auth]\nmigrations = 'auth'\nhistory-table = 'auth_history'\n",
    )
    .unwrap();
    let run = |arguments: &[&str]| {
        let output = heirloom(&app, arguments);
        (output.status.code(), text(&output))
    };
    let (code, text) = run(&["run"]);
    assert_eq!(code, Some(0), "{text}");
    assert!(text.contains("auth/V1__users"), "{text}");
    assert_eq!(versions(&app, "auth_history"), "1");
    let (code, text) = run(&["revert", "--component", "auth", "--json"]);
    assert_eq!(code, Some(0), "{text}");
    assert_eq!(versions(&app, "auth_history"), "");
    let (code, text) = run(&["show", "--check", "--json"]);
    assert_eq!(code, Some(3), "{text}");
    let document: serde_json::Value = serde_json::from_str(&text).unwrap();
    assert_eq!(document["migrations"][0]["component"], "auth");
    assert_eq!(document["migrations"][0]["state"], "pending");
    assert_eq!(
        document["migrations"][1]["component"],
        serde_json::Value::Null
    );
    let (code, _) = run(&["create", "more", "--component", "auth"]);
    assert_eq!(code, Some(0));
    let made = std::fs::read_dir(folder(&app)).unwrap().count();
    assert_eq!(made, 4, "a pair more in the component's folder");
    assert_eq!(run(&["show", "--component", "nobody"]).0, Some(2));
}
