//! `doctor`: each thing that can be wrong is found, with what to do, and nothing is written.

use serde_json::Value;

use crate::cli::contract::{heirloom, json, text};
use crate::support::app::{App, Holder, flip, part};

fn app() -> App {
    let app = App::new();
    app.file(
        "V1__a.sql",
        "CREATE TABLE p (id INTEGER PRIMARY KEY); CREATE TABLE c (p REFERENCES p, n TEXT NOT NULL CHECK (n <> ''));
        CREATE INDEX by_n ON c (n);",
    );
    app.run().unwrap();
    app.sql("INSERT INTO p VALUES (1); INSERT INTO c VALUES (1, 'x')");
    app
}

/// Examines, writing nothing; the exit code and the kinds of problems.
#[track_caller]
fn examine(app: &App) -> (i32, Vec<String>) {
    let before = app.listing();
    let (code, found) = json(app, &["doctor"]);
    assert_eq!(found["ok"], true, "{found}");
    assert!(app.listing() == before);
    let problems = found["problems"].as_array().unwrap();
    assert!(
        problems.iter().all(|problem| problem["help"] != ""),
        "{found}"
    );
    assert_eq!(found["healthy"], problems.is_empty());
    let kinds = problems
        .iter()
        .map(|problem| problem["kind"].as_str().unwrap().to_owned());
    (code, kinds.collect())
}

#[track_caller]
fn finds(app: &App, code: i32, kinds: &[&str]) {
    assert_eq!(
        examine(app),
        (code, kinds.iter().map(|kind| (*kind).to_owned()).collect())
    );
}

/// A note: it works, and is nothing that this program could mend.
#[test]
fn a_folder_that_others_keep_in_step_is_noted() {
    let app = app();
    let synced = app.folder().join("Dropbox");
    std::fs::create_dir(&synced).unwrap();
    std::fs::copy(app.database(), synced.join("app.db")).unwrap();
    let noted = |database: &str| {
        let (code, found) = json(&app, &["doctor", "--database", database]);
        assert_eq!(code, 0, "{found}");
        found["notes"].to_string().contains("a folder of Dropbox")
    };
    assert!(noted("Dropbox/app.db"));
    assert!(!noted("app.db"));
}

#[test]
fn a_healthy_database_in_either_mode_is_found_so() {
    for mode in ["DELETE", "WAL"] {
        let app = app();
        app.sql(&format!("PRAGMA journal_mode = {mode}"));
        app.migrator()
            .database(app.database())
            .snapshot("s")
            .unwrap();
        app.file("V2__b.sql", "CREATE TABLE b (x)");
        // What the oldest rusqlite of the range brings has a fault in WAL mode.
        let is_old = mode == "WAL" && rusqlite::version_number() < 3_051_003;
        let last = match is_old {
            true => {
                finds(&app, 3, &["old-sqlite"]);
                "1 problem"
            }
            false => {
                finds(&app, 0, &[]);
                "nothing is wrong"
            }
        };
        let said = text(&heirloom(&app, &["doctor"]));
        for line in [
            "integrity_check found nothing",
            "the one backup verifies",
            "1 migration applied, 1 pending",
            last,
        ] {
            assert!(said.contains(line), "{line}: {said}");
        }
    }
}

#[test]
fn damage_is_the_worst_and_exits_with_7() {
    let app = app();
    app.sql("PRAGMA foreign_keys = OFF; INSERT INTO c VALUES (7, 'y')");
    let page = app.number("SELECT rootpage FROM sqlite_schema WHERE name = 'by_n'");
    flip(&app.database(), (page as u64 - 1) * 4096 + 4095);
    let (code, kinds) = examine(&app);
    assert_eq!(
        (code, kinds[0].as_str(), kinds.last().map(String::as_str)),
        (7, "damaged", Some("broken-reference"))
    );
    std::fs::write(app.database(), vec![7; 8192]).unwrap();
    finds(&app, 7, &["damaged"]);
    std::fs::write(app.database(), "short").unwrap();
    finds(&app, 7, &["damaged"]);
}

#[test]
fn rows_that_break_references_or_constraints() {
    let app = app();
    app.sql("PRAGMA foreign_keys = OFF; INSERT INTO c VALUES (7, 'y')");
    finds(&app, 3, &["broken-reference"]);
    app.sql("DELETE FROM c WHERE p = 7; PRAGMA ignore_check_constraints = ON; INSERT INTO c VALUES (1, '')");
    finds(&app, 3, &["contents"]);
}

#[test]
fn a_history_that_contradicts_the_files() {
    let app = app();
    app.file("V2__b.sql", "CREATE TABLE b (x)");
    app.run().unwrap();
    app.file("V1__a.sql", "CREATE TABLE other (x)");
    finds(&app, 3, &["history"]);
    std::fs::remove_file(app.migrations().join("V1__a.sql")).unwrap();
    std::fs::remove_file(app.migrations().join("V2__b.sql")).unwrap();
    finds(&app, 3, &["history", "history"]);
    app.file("bad name.sql", "").file("V1_x.sql", "");
    finds(&app, 3, &["history"]);
    std::fs::remove_dir_all(app.migrations()).unwrap();
    finds(&app, 0, &[]);
    app.sql("UPDATE refinery_schema_history SET checksum = 'x'");
    finds(&app, 3, &["history"]);
}

#[test]
fn pending_migrations_that_cannot_run() {
    let app = app();
    app.file("V2__b.sql", "INSERT INTO nowhere VALUES (1)");
    finds(&app, 3, &["pending"]);
}

#[test]
fn a_backup_that_was_altered() {
    let app = app();
    app.migrator()
        .database(app.database())
        .snapshot("s")
        .unwrap();
    flip(&app.folder().join("snapshots/s.db"), 5000);
    finds(&app, 3, &["backup-damaged"]);
}

#[test]
fn what_an_interruption_left() {
    let app = app();
    // By processes of their own: the lock of one that is over is never still held, as ours would
    // be by what another test forks.
    assert_eq!(json(&app, &["snapshot", "--name", "s"]).0, 0);
    let leave = |name: &str| std::fs::write(app.folder().join(name), "left").unwrap();
    leave("snapshots/.app.db-2026-11-21T09-14-03.partial");
    finds(&app, 3, &["leftover"]);
    leave("app.db.restore.partial");
    finds(&app, 3, &["leftover", "leftover"]);
    leave("app.db.restore");
    finds(&app, 3, &["interrupted", "leftover", "leftover"]);
    std::fs::remove_file(app.folder().join("app.db.restore")).unwrap();
    // The next run tidies up, and the doctor has nothing more to find.
    app.file("V2__b.sql", "CREATE TABLE b (x)");
    assert_eq!(json(&app, &["run"]).0, 0);
    finds(&app, 0, &[]);
    std::fs::remove_file(app.folder().join("snapshots/s.db")).unwrap();
    finds(&app, 3, &["leftover"]);
    app.sql(
        "CREATE TABLE heirloom_run (started_at, backup, digest, journal_mode);
        INSERT INTO heirloom_run VALUES ('2026-11-21T09:14:03Z', NULL, NULL, 'delete')",
    );
    let (code, kinds) = examine(&app);
    assert!(
        code == 3 && kinds.contains(&"interrupted".to_owned()),
        "{kinds:?}"
    );
}

#[test]
fn a_log_without_its_database() {
    let app = app();
    app.sql("PRAGMA journal_mode = WAL");
    let mut died = part("dies-in-sql", &app);
    died.env("HEIRLOOM_TEST_AT", "INSERT INTO p VALUES (2)");
    died.output().unwrap();
    std::fs::remove_file(app.database()).unwrap();
    finds(&app, 3, &["leftover", "missing"]);
}

#[test]
fn a_second_name_of_the_file() {
    let app = app();
    std::fs::hard_link(app.database(), app.folder().join("other.db")).unwrap();
    finds(&app, 3, &["hard-link"]);
}

#[test]
fn whoever_is_at_work_is_named_and_what_they_work_on_is_not_left_over() {
    let app = app();
    app.file("V2__b.sql", "CREATE TABLE b (x)");
    let holder = Holder::start(part("holds-run", &app));
    let staging = "backups/.app.db-2026-11-21T09-14-03.partial";
    std::fs::write(app.folder().join(staging), "").unwrap();
    let (code, found) = json(&app, &["doctor"]);
    assert_eq!(
        (code, &found["problems"]),
        (0, &Value::Array(vec![])),
        "{found}"
    );
    let held_by = found["held_by"].as_str().unwrap();
    assert!(
        held_by.contains(&holder.pid().to_string()) && held_by.contains("7.7"),
        "{held_by}"
    );
    holder.release();
    let (_, found) = json(&app, &["doctor"]);
    assert_eq!(found["held_by"], Value::Null);
}

#[test]
fn a_folder_is_no_database_and_the_room_is_told() {
    let app = app();
    let (code, refused) = json(&app, &["doctor", "--database", "migrations"]);
    assert_eq!(
        (code, refused["error"]["kind"].as_str()),
        (1, Some("not-a-database"))
    );
    let (_, found) = json(&app, &["doctor"]);
    let bytes = app.database().metadata().unwrap().len();
    assert_eq!(found["needed_bytes"].as_u64(), Some(bytes));
    assert!(found["free_bytes"].as_u64() > Some(bytes));
}

/// The database was gone, empty or damaged, good copies lay beside it, and nothing pointed there:
/// `doctor` said that nothing was wrong, and `run` made an empty one.
#[test]
fn where_there_are_copies_of_what_is_gone_or_damaged_it_is_said() {
    for harm in ["missing", "empty", "damaged"] {
        let app = app();
        app.file("V2__b.sql", "CREATE TABLE b (x)");
        app.run().unwrap();
        match harm {
            "missing" => std::fs::remove_file(app.database()).unwrap(),
            "empty" => std::fs::write(app.database(), "").unwrap(),
            _ => flip(&app.database(), 3),
        }
        let (code, kind) = match harm {
            "damaged" => (7, "damaged"),
            _ => (3, "missing"),
        };
        finds(&app, code, &[kind]);
        for command in ["doctor", "show", "run"] {
            let said = text(&heirloom(&app, &[command]));
            assert!(
                said.contains("there is a backup"),
                "{harm} {command}: {said}"
            );
            assert!(
                said.contains("app.db restore latest` restores the newest backup"),
                "{harm}: {said}"
            );
        }
        let restored = heirloom(&app, &["restore", "latest", "--yes"]);
        assert!(restored.status.success(), "{harm}: {}", text(&restored));
        assert_eq!(app.number("SELECT count(*) FROM c"), 1, "{harm}");
    }
}

/// Whoever mistyped the path read that nothing was wrong.
#[test]
fn a_database_that_is_not_there_is_a_problem() {
    let app = App::new();
    app.file("V1__a.sql", "CREATE TABLE a (x)");
    finds(&app, 3, &["missing"]);
    assert!(!app.database().exists());
    // An empty file may be new.
    std::fs::write(app.database(), "").unwrap();
    finds(&app, 0, &[]);
}
