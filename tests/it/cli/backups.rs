//! Copies at the command line: what is asked, what is answered, and a kill at any instant.

use std::path::{Path, PathBuf};
use std::process::Stdio;
use std::time::Instant;

use serde_json::Value;

use crate::cli::contract::{command, heirloom, json, text};
use crate::support::app::{App, flip, number_in, state};

/// A database at version 1, and its backup from before.
fn app() -> App {
    let app = App::new();
    app.sql("CREATE TABLE t (x TEXT); INSERT INTO t VALUES ('a'), ('b')");
    app.file(
        "V1__a.sql",
        "-- heirloom: allow-destructive\nCREATE TABLE a (x); DELETE FROM t;",
    );
    app.run().unwrap();
    app
}

fn path_in(document: &Value, key: &str) -> PathBuf {
    document[key].as_str().unwrap_or_default().into()
}

#[test]
fn without_a_terminal_a_restore_is_confirmed_by_yes_alone() {
    let app = app();
    app.migrator()
        .database(app.database())
        .snapshot("s")
        .unwrap();
    let before = app.listing();
    for arguments in [
        &["restore", "latest"][..],
        &["restore-snapshot", "--name", "s"],
    ] {
        let (code, refused) = json(&app, arguments);
        assert_eq!(
            (code, refused["error"]["kind"].as_str()),
            (4, Some("not-confirmed")),
            "{refused}"
        );
        assert_eq!(refused["ok"], false);
        assert_eq!(heirloom(&app, arguments).status.code(), Some(4));
        assert!(app.listing() == before);
    }
}

#[test]
fn a_restore_names_the_copy_and_what_it_replaced_and_can_be_undone() {
    let app = app();
    let before = state(&app.database());
    let (_, listed) = json(&app, &["backups"]);
    let copy = path_in(&listed["backups"][0], "file");
    let name = copy.file_name().unwrap().to_str().unwrap();
    for wanted in ["latest", name, copy.to_str().unwrap()] {
        let (code, done) = json(&app, &["restore", wanted, "--yes"]);
        assert_eq!(code, 0, "{done}");
        assert_eq!(done["ok"], true);
        assert_eq!(path_in(&done, "file"), copy);
        assert_eq!(done["version"], Value::Null);
        assert!(state(&app.database()) == state(&copy), "{wanted}");
        let replaced = path_in(&done, "replaced");
        assert!(state(&replaced) == before);
        let (code, undone) = json(&app, &["restore", replaced.to_str().unwrap(), "-y"]);
        assert_eq!((code, &undone["version"]), (0, &1.into()), "{undone}");
        assert!(state(&app.database()) == before, "{wanted}");
    }
}

#[test]
fn the_last_line_of_a_restore_is_the_command_that_undoes_it() {
    let app = app();
    let before = state(&app.database());
    let output = heirloom(&app, &["restore", "latest", "--yes"]);
    assert!(output.status.success(), "{}", text(&output));
    let said = String::from_utf8(output.stdout).unwrap();
    let undo = said
        .lines()
        .last()
        .unwrap()
        .strip_prefix("undo with: heirloom ")
        .unwrap_or_else(|| panic!("{said}"));
    let arguments: Vec<&str> = undo.split(' ').chain(["--yes"]).collect();
    assert!(heirloom(&app, &arguments).status.success(), "{undo}");
    assert!(state(&app.database()) == before);
}

/// The undo of one database was printed without it: typed as printed, it replaced another one, that
/// of the settings.
#[cfg(unix)]
#[test]
fn what_undoes_a_restore_or_a_drop_says_of_which_database() {
    let app = app();
    let other = app.folder().join("the other's.db");
    std::fs::copy(app.database(), &other).unwrap();
    let named = |arguments: &[&str]| {
        let all = [&["--database", other.to_str().unwrap()], arguments].concat();
        let output = heirloom(&app, &all);
        assert!(output.status.success(), "{}", text(&output));
        String::from_utf8(output.stdout).unwrap()
    };
    named(&["snapshot", "--name", "s"]);
    rusqlite::Connection::open(&other)
        .and_then(|other| other.execute_batch("INSERT INTO t VALUES ('theirs')"))
        .unwrap();
    let (mine, theirs) = (state(&app.database()), state(&other));
    for arguments in [
        &["restore-snapshot", "--name", "s", "--yes"][..],
        &["drop", "--yes"],
    ] {
        let said = named(arguments);
        assert!(state(&other) != theirs);
        let undo = said
            .lines()
            .find_map(|line| line.strip_prefix("undo with: heirloom "));
        let undo = undo.unwrap_or_else(|| panic!("{said}"));
        // As a shell reads it, in which the settings name another database.
        let done = std::process::Command::new("sh")
            .args(["-c", &format!("\"$0\" {undo} --yes")])
            .arg(env!("CARGO_BIN_EXE_heirloom"))
            .current_dir(app.folder())
            .env("HEIRLOOM_DATABASE", app.database())
            .output()
            .unwrap();
        assert!(done.status.success(), "{undo}: {}", text(&done));
        assert!(state(&other) == theirs, "{undo}");
        assert!(state(&app.database()) == mine, "{undo}");
    }
}

#[test]
fn a_damaged_database_is_restored_and_the_kept_file_named() {
    let app = app();
    std::fs::write(app.database(), b"garbage".repeat(1000)).unwrap();
    let (code, done) = json(&app, &["restore", "latest", "--yes"]);
    assert_eq!((code, &done["was_damaged"]), (0, &true.into()), "{done}");
    let kept = path_in(&done, "replaced");
    assert!(std::fs::read(kept).unwrap() == b"garbage".repeat(1000));
    assert_eq!(app.number("SELECT count(*) FROM t"), 2);
    std::fs::remove_file(app.database()).unwrap();
    let (code, done) = json(&app, &["restore", "latest", "--yes"]);
    assert_eq!((code, &done["replaced"]), (0, &Value::Null), "{done}");
    assert_eq!(app.number("SELECT count(*) FROM t"), 2);
}

#[test]
fn backups_lists_every_field_of_the_contract_and_writes_nothing() {
    let app = app();
    let (code, empty) = json(&App::new(), &["backups"]);
    assert_eq!((code, &empty["backups"]), (0, &Value::Array(vec![])));
    let (code, taken) = json(&app, &["snapshot", "--name", "s"]);
    assert_eq!((code, &taken["ok"]), (0, &true.into()), "{taken}");
    assert_eq!(
        path_in(&taken, "file"),
        app.folder().join("snapshots").join("s.db")
    );
    let before = app.listing();
    for arguments in [&["backups"][..], &["backups", "--verify"]] {
        let (code, listed) = json(&app, arguments);
        assert_eq!(code, 0, "{listed}");
        let list = listed["backups"].as_array().unwrap();
        assert_eq!(list.len(), 2);
        for (origin, version) in [("automatic", Value::Null), ("snapshot", 1.into())] {
            let copy = list.iter().find(|copy| copy["origin"] == origin).unwrap();
            let file = path_in(copy, "file");
            assert_eq!(copy["bytes"], file.metadata().unwrap().len());
            assert_eq!(
                (&copy["verified"], &copy["version"]),
                (&true.into(), &version)
            );
            assert!(copy["created_at"].as_str().unwrap().ends_with('Z'));
        }
        let said = text(&heirloom(&app, arguments));
        assert!(
            said.contains("snapshot") && said.contains("automatic"),
            "{said}"
        );
        assert!(app.listing() == before);
    }
    flip(&app.folder().join("snapshots/s.db"), 4000);
    let (code, listed) = json(&app, &["backups"]);
    let verified = |origin: &str| {
        let list = listed["backups"].as_array().unwrap();
        list.iter().find(|copy| copy["origin"] == origin).unwrap()["verified"].clone()
    };
    assert_eq!((code, verified("snapshot")), (0, false.into()));
    assert_eq!(verified("automatic"), true);
}

#[test]
fn a_dry_run_of_a_restore_tells_and_writes_nothing() {
    let app = app();
    app.migrator()
        .database(app.database())
        .snapshot("s")
        .unwrap();
    let before = app.listing();
    for arguments in [
        &["restore", "latest", "--dry-run"][..],
        &["restore-snapshot", "--name", "s", "--dry-run"],
    ] {
        let (code, plan) = json(&app, arguments);
        assert_eq!((code, &plan["ok"]), (0, &true.into()), "{plan}");
        assert!(path_in(&plan, "file").is_file());
        assert_eq!(plan["replaced"], Value::Null);
        assert_eq!(plan["before"]["rows"]["t"], 0);
        assert_eq!(heirloom(&app, arguments).status.code(), Some(0));
        assert!(app.listing() == before);
    }
    let said = text(&heirloom(&app, &["restore", "latest", "--dry-run"]));
    assert!(said.contains("`t`: 0 → 2"), "{said}");
}

#[test]
fn refusals_have_their_kind_and_leave_everything_as_it_was() {
    let app = app();
    json(&app, &["snapshot", "--name", "s"]);
    std::fs::write(app.folder().join("garbage.db"), b"garbage".repeat(999)).unwrap();
    let missing = App::new();
    let before = (app.listing(), missing.listing());
    for (app, arguments, code, kind) in [
        (&app, &["restore", "nowhere.db", "-y"][..], 1, "not-found"),
        (&app, &["restore", "backups", "-y"], 1, "not-found"),
        (
            &app,
            &["restore-snapshot", "--name", "none", "-y"],
            1,
            "not-found",
        ),
        (
            &app,
            &["restore-snapshot", "--name", "../app", "-y"],
            1,
            "not-found",
        ),
        (&app, &["restore", "garbage.db", "-y"], 1, "backup-invalid"),
        (
            &app,
            &["restore", "garbage.db", "--dry-run"],
            1,
            "backup-invalid",
        ),
        (&app, &["restore", "app.db", "-y"], 2, "usage"),
        (&app, &["restore", "-y"], 2, "usage"),
        (&app, &["snapshot"], 2, "usage"),
        (&app, &["snapshot", "--name", "S"], 2, "usage"),
        (&app, &["snapshot", "--name", "../x"], 2, "usage"),
        (&app, &["snapshot", "--name", "nul"], 2, "usage"),
        (&missing, &["snapshot", "--name", "s"], 1, "not-found"),
        (&missing, &["restore", "latest", "-y"], 1, "not-found"),
    ] {
        let (found, refused) = json(app, arguments);
        assert_eq!(
            (found, refused["error"]["kind"].as_str()),
            (code, Some(kind)),
            "{arguments:?}: {refused}"
        );
        assert!(refused["error"]["message"].is_string() && refused["error"]["help"].is_string());
    }
    assert!(before == (app.listing(), missing.listing()));
}

#[test]
fn a_held_database_exits_with_5_and_a_lost_note_with_7() {
    let app = app();
    let other = app.connect();
    other.execute_batch("BEGIN IMMEDIATE").unwrap();
    let (code, locked) = json(&app, &["restore", "latest", "-y", "--lock-timeout", "0.1"]);
    assert_eq!(
        (code, locked["error"]["kind"].as_str()),
        (5, Some("locked")),
        "{locked}"
    );
    drop(other);
    assert_eq!(app.number("SELECT count(*) FROM t"), 0);
    std::fs::write(app.folder().join("app.db.restore"), "half a").unwrap();
    let (code, refused) = json(&app, &["run"]);
    assert_eq!(
        (code, refused["error"]["kind"].as_str()),
        (7, Some("needs-attention")),
        "{refused}"
    );
    assert_eq!(json(&app, &["restore", "latest", "-y"]).0, 0);
    assert_eq!(app.number("SELECT count(*) FROM t"), 2);
}

/// 20 MB, every row of which says which state it belongs to, and a snapshot of the state
/// before this one.
fn filled(app: &App, mode: &str) -> PathBuf {
    app.sql(&format!("PRAGMA journal_mode = {mode}")).file(
        "V1__t.sql",
        "CREATE TABLE t (id INTEGER PRIMARY KEY, state TEXT, body TEXT);",
    );
    app.run().unwrap();
    app.sql(
        "WITH RECURSIVE n (i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n WHERE i < 340)
         INSERT INTO t SELECT i, 'a', replace(printf('%60000d', i), ' ', 'a') FROM n;",
    );
    let taken = app
        .migrator()
        .database(app.database())
        .snapshot("good")
        .unwrap();
    app.sql("UPDATE t SET state = 'b', body = replace(body, 'a', 'b')");
    taken.file
}

/// Which of the two states a database is in, whole.
#[track_caller]
fn which(database: &Path) -> &'static str {
    assert_eq!(
        number_in(
            database,
            "SELECT count(*) FROM pragma_integrity_check WHERE integrity_check = 'ok'"
        ),
        1
    );
    let claims_old = number_in(database, "SELECT state = 'b' FROM t LIMIT 1") == 1;
    let (name, meaning) = match claims_old {
        true => ("b", "old"),
        false => ("a", "restored"),
    };
    let whole = number_in(
        database,
        &format!(
            "SELECT count(*) = 340 AND sum(state = '{name}'
                AND body = replace(printf('%60000d', id), ' ', '{name}')) = 340 FROM t"
        ),
    );
    assert_eq!(whole, 1, "torn: {}", database.display());
    meaning
}

/// Kills `heirloom restore` 40 times at instants spread over its whole length, and
/// expects the next command to find one state or the other.
fn killed_at_random(mode: &str, damaged: bool) {
    let app = App::new();
    let copy = filled(&app, mode);
    let arguments = ["restore", copy.to_str().unwrap(), "--yes"];
    let old = {
        let mut bytes = std::fs::read(app.database()).unwrap();
        if damaged {
            bytes[..16].fill(0);
        }
        bytes
    };
    let good = std::fs::read(&copy).unwrap();
    let put_old = || {
        for ending in ["-wal", "-shm", "-journal"] {
            let _ = std::fs::remove_file(app.folder().join(format!("app.db{ending}")));
        }
        std::fs::write(app.database(), &old).unwrap();
        for path in app.backups() {
            std::fs::remove_file(path).unwrap();
        }
    };
    let restore = || {
        command(&app, &arguments)
            .stdout(Stdio::null())
            .stderr(Stdio::null())
            .spawn()
            .unwrap()
    };
    put_old();
    let began = Instant::now();
    assert!(restore().wait().unwrap().success());
    let whole = began.elapsed();
    assert_eq!(which(&app.database()), "restored");

    let note = app.folder().join("app.db.restore");
    let mut seed = u64::from(std::process::id());
    for kill in 0..40 {
        put_old();
        seed = seed.wrapping_mul(6364136223846793005).wrapping_add(1);
        let instant = whole.mul_f64((f64::from(kill) + (seed >> 40) as f64 / 16_777_216.0) / 40.0);
        let mut child = restore();
        // Only chooses the instant; nothing is concluded from it.
        std::thread::sleep(instant);
        let _ = child.kill();
        child.wait().unwrap();

        let what = format!("{mode}, kill {kill} after {instant:?} of {whole:?}");
        let untouched = damaged && std::fs::read(app.database()).unwrap() == old;
        assert!(std::fs::read(&copy).unwrap() == good, "{what}");
        // Every second time the app starts first.
        if kill % 2 == 0 {
            let noted = note.exists();
            let (code, started) = json(&app, &["run"]);
            assert!(!note.exists(), "{what}: {started}");
            if untouched && !noted {
                assert_eq!(started["error"]["kind"], "not-a-database", "{what}");
                assert!(std::fs::read(app.database()).unwrap() == old, "{what}");
            } else {
                assert_eq!(code, 0, "{what}: {started}");
                let found = which(&app.database());
                assert!(found == "restored" || !damaged, "{what}: {started}");
            }
        } else if !damaged {
            which(&app.database());
        }
        let (code, done) = json(&app, &arguments);
        assert_eq!(code, 0, "{what}: {done}");
        assert!(!note.exists(), "{what}");
        assert_eq!(which(&app.database()), "restored", "{what}");
        assert_eq!(app.text("PRAGMA journal_mode"), mode, "{what}");
        assert!(std::fs::read(&copy).unwrap() == good, "{what}");
        let left: Vec<PathBuf> = app
            .listing()
            .into_iter()
            .map(|(path, _)| path)
            .filter(|path| path.to_string_lossy().contains(".partial"))
            .collect();
        assert!(left.is_empty(), "{what}: {left:?}");
    }
}

#[test]
fn a_restore_killed_at_any_instant_leaves_old_or_restored() {
    killed_at_random("delete", false);
}

#[test]
fn a_restore_in_wal_mode_killed_at_any_instant_leaves_old_or_restored() {
    killed_at_random("wal", false);
}

#[test]
fn a_restore_over_a_damaged_file_killed_at_any_instant_is_finished_by_the_next_command() {
    killed_at_random("delete", true);
}

/// The command that brings a snapshot back broke at the space in its name.
#[test]
fn a_snapshot_is_pointed_to_as_a_shell_takes_its_name() {
    let app = App::new();
    app.file("V1__t.sql", "CREATE TABLE t (x)");
    app.run().unwrap();
    app.migrator()
        .database(app.database())
        .snapshot("before it's imported")
        .unwrap();
    std::fs::remove_file(app.database()).unwrap();
    let (_, shown) = json(&app, &["show"]);
    let notes: Vec<&str> = shown["notes"]
        .as_array()
        .unwrap()
        .iter()
        .map(|note| note.as_str().unwrap())
        .collect();
    // As a shell reads it.
    let typed = notes
        .iter()
        .flat_map(|note| note.split('`'))
        .find(|part| part.starts_with("heirloom "));
    let words = shlex::split(typed.unwrap()).unwrap();
    assert_eq!(
        words[words.len() - 3..],
        ["restore-snapshot", "--name", "before it's imported"],
        "{notes:?}"
    );
}

/// An update changed a note for the worse, and the person restored the backup from before it, without
/// wanting to lose what was written since.
#[test]
fn a_restore_keeps_the_rows_that_are_newer_and_says_which_it_does_not() {
    let app = App::new();
    app.file(
        "V1__notes.sql",
        "CREATE TABLE notes (id INTEGER PRIMARY KEY, body TEXT);",
    );
    app.run().unwrap();
    app.sql("INSERT INTO notes (body) VALUES ('old'), ('kept')");
    app.file("V2__pinned.sql", "ALTER TABLE notes ADD COLUMN pinned;");
    app.run().unwrap();
    app.sql(
        "UPDATE notes SET body = 'worse' WHERE id = 1; INSERT INTO notes (body) VALUES ('new')",
    );
    let worse = state(&app.database());
    let bodies =
        || app.text("SELECT group_concat(id || body, ',') FROM (SELECT * FROM notes ORDER BY id)");
    // Asked without a terminal, it does nothing.
    let arguments = ["restore", "latest", "--keep-newer"];
    assert_eq!(heirloom(&app, &arguments).status.code(), Some(4));
    assert_eq!(state(&app.database()), worse);

    let (code, done) = json(&app, &["restore", "latest", "--keep-newer", "--yes"]);
    assert_eq!((code, &done["version"]), (0, &Value::from(1)), "{done}");
    assert_eq!(done["newer"][0]["table"], "notes", "{done}");
    assert_eq!(done["newer"][0]["taken"], 1, "{done}");
    assert_eq!(done["newer"][0]["changed"], 1, "{done}");
    assert_eq!(bodies(), "1old,2kept,3new");
    // What it replaced has everything, and comes back whole.
    let replaced = path_in(&done, "replaced");
    let back = ["restore", replaced.to_str().unwrap(), "--yes"];
    assert_eq!(heirloom(&app, &back).status.code(), Some(0));
    assert_eq!(bodies(), "1worse,2kept,3new");
    // The same in words.
    let said = text(&heirloom(
        &app,
        &["restore", "latest", "--keep-newer", "--yes"],
    ));
    assert!(
        said.contains("1 row of `notes` newer than the backup, kept"),
        "{said}"
    );
    assert!(
        said.contains("1 row of `notes` changed since the backup"),
        "{said}"
    );
    assert_eq!(bodies(), "1old,2kept,3new");
}

/// A disk had overwritten a page of a database of which no backup was left. What could be read was
/// saved into a new file, and that was put in the place of the damaged one.
#[test]
fn what_can_be_read_of_a_damaged_database_is_saved_and_put_in_its_place() {
    let app = App::new();
    app.file(
        "V1__notes.sql",
        "CREATE TABLE notes (id INTEGER PRIMARY KEY, body TEXT); CREATE TABLE other (x);",
    );
    app.run().unwrap();
    app.sql(
        "WITH RECURSIVE n (i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n WHERE i < 500)
         INSERT INTO notes (body) SELECT 'note ' || i || hex(zeroblob(100)) FROM n;
         INSERT INTO other VALUES ('whole')",
    );
    let page = app.number(
        "SELECT pageno FROM dbstat WHERE name = 'notes' AND pagetype = 'leaf' ORDER BY pageno DESC LIMIT 1",
    );
    let size = app.number("PRAGMA page_size");
    let mut damaged = std::fs::read(app.database()).unwrap();
    let start = usize::try_from((page - 1) * size).unwrap();
    damaged[start..start + usize::try_from(size).unwrap()].fill(0xa5);
    std::fs::write(app.database(), &damaged).unwrap();

    let (code, saved) = json(&app, &["recover"]);
    assert_eq!(code, 0, "{saved}");
    assert!(std::fs::read(app.database()).unwrap() == damaged);
    let new = app.folder().join("app-recovered.db");
    assert_eq!(
        path_in(&saved, "file").file_name(),
        new.file_name(),
        "{saved}"
    );
    let tables = saved["tables"].as_array().unwrap();
    let of = |name: &str| tables.iter().find(|table| table["table"] == name).unwrap();
    assert_eq!(of("other")["rows"], 1, "{saved}");
    assert_eq!(of("notes")["damaged_pages"], 1, "{saved}");
    let rows = number_in(&new, "SELECT count(*) FROM notes");
    assert_eq!(of("notes")["rows"], rows, "{saved}");
    assert!((400..500).contains(&rows), "{rows}");
    let wrong = "SELECT count(*) FROM notes WHERE body <> 'note ' || id || hex(zeroblob(100))";
    assert_eq!(number_in(&new, wrong), 0);
    // Nothing that is there is replaced.
    let before = std::fs::read(&new).unwrap();
    let again = heirloom(&app, &["recover", "app-recovered.db"]);
    assert_eq!(again.status.code(), Some(2), "{}", text(&again));
    assert!(std::fs::read(&new).unwrap() == before);

    let put = heirloom(&app, &["restore", "app-recovered.db", "--yes"]);
    assert_eq!(put.status.code(), Some(0), "{}", text(&put));
    assert_eq!(app.number("SELECT count(*) FROM notes"), rows);
    assert_eq!(app.text("SELECT x FROM other"), "whole");
    // The damaged file is kept as it was.
    let is_kept = |(_, bytes): &(PathBuf, Vec<u8>)| *bytes == damaged;
    assert!(app.listing().iter().any(is_kept));
    assert_eq!(heirloom(&app, &["run"]).status.code(), Some(0));
}
