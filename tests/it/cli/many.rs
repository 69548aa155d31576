//! One command over several databases.

use std::path::{Path, PathBuf};
use std::process::Output;
#[cfg(unix)]
use std::process::Stdio;

use serde_json::Value;

use crate::cli::contract::{self, command, heirloom, json};
use crate::support::app::{App, contents, number_in};

/// What the command said, with the separators of Unix.
fn text(output: &Output) -> String {
    slashed(contract::text(output))
}

fn slashed(text: String) -> String {
    text.replace(std::path::MAIN_SEPARATOR, "/")
}

/// Workspaces with a database each at version 1 with a row, and version 2 pending.
fn workspaces(names: &[&str]) -> App {
    let app = App::new();
    app.file(
        "V1__notes.sql",
        "CREATE TABLE notes (id INTEGER PRIMARY KEY, text TEXT NOT NULL);",
    )
    .file("V1__notes.down.sql", "DROP TABLE notes;");
    for name in names {
        std::fs::create_dir_all(app.folder().join(name)).unwrap();
        app.migrator().migrate(database(&app, name)).unwrap();
        sql(&app, name, "INSERT INTO notes (text) VALUES ('a'), ('b')");
    }
    app.file(
        "V2__stars.sql",
        "ALTER TABLE notes ADD COLUMN stars INTEGER;",
    )
    .file("V2__stars.down.sql", "ALTER TABLE notes DROP COLUMN stars;");
    app
}

fn database(app: &App, name: &str) -> PathBuf {
    app.folder().join(name).join("notes.db")
}

fn sql(app: &App, name: &str, sql: &str) {
    let connection = rusqlite::Connection::open(database(app, name)).unwrap();
    connection.execute_batch(sql).unwrap();
}

fn version(app: &App, name: &str) -> i64 {
    number_in(
        &database(app, name),
        "SELECT max(version) FROM refinery_schema_history",
    )
}

const GLOB: [&str; 2] = ["--database", "w/*/notes.db"];

fn over_all(arguments: &[&'static str]) -> Vec<&'static str> {
    [arguments, &GLOB].concat()
}

/// The documents of the list, by workspace.
fn listed(document: &Value) -> Vec<(String, Value)> {
    let list = document["databases"].as_array().unwrap();
    list.iter()
        .map(|one| {
            let path = Path::new(one["database"].as_str().unwrap());
            let name = path.parent().unwrap().file_name().unwrap();
            (name.to_str().unwrap().to_owned(), one.clone())
        })
        .collect()
}

#[test]
fn a_glob_runs_every_database_and_lists_them_in_order() {
    let app = workspaces(&["w/a", "w/b", "w/c", "w/d", "w/e", "other"]);
    let (code, shown) = json(&app, &over_all(&["show", "--check"]));
    assert_eq!((code, &shown["ok"]), (3, &Value::Bool(true)), "{shown}");
    assert_eq!(listed(&shown)[4].1["migrations"][1]["state"], "pending");
    let (code, done) = json(&app, &over_all(&["run"]));
    assert_eq!((code, &done["ok"]), (0, &Value::Bool(true)), "{done}");
    let list = listed(&done);
    let names: Vec<&str> = list.iter().map(|(name, _)| name.as_str()).collect();
    assert_eq!(names, ["a", "b", "c", "d", "e"]);
    for (name, one) in &list {
        assert_eq!(one["applied"][0]["version"], 2);
        let name = format!("w/{name}");
        assert_eq!(version(&app, &name), 2);
        let backup = Path::new(one["backup"].as_str().unwrap());
        assert_eq!(
            backup.parent().unwrap(),
            app.folder().join(&name).join("backups")
        );
        assert_eq!(number_in(backup, "SELECT count(*) FROM notes"), 2);
    }
    assert_eq!(version(&app, "other"), 1);

    let output = heirloom(&app, &over_all(&["run"]));
    let said = text(&output);
    let expected: String = ["a", "b", "c", "d", "e"]
        .map(|name| format!("nothing to do: w/{name}/notes.db is at version 2\n"))
        .concat();
    assert_eq!(said, expected);
    let said = text(&heirloom(&app, &over_all(&["show"])));
    assert_eq!(said.lines().count(), 5, "{said}");
    assert!(
        said.contains("w/b/notes.db is at version 2: 2 applied"),
        "{said}"
    );
    let said = text(&heirloom(&app, &over_all(&["backups"])));
    assert!(
        said.contains("w/b/notes.db:\n    backup ") && said.contains("\n    notes-20"),
        "{said}"
    );
}

#[test]
fn one_that_fails_stops_no_other_and_gives_the_exit_code() {
    let app = workspaces(&["w/a", "w/b", "w/c"]);
    sql(&app, "w/b", "ALTER TABLE notes ADD COLUMN stars TEXT");
    let before = contents(&database(&app, "w/b"));
    let output = heirloom(&app, &over_all(&["run"]));
    assert_eq!(output.status.code(), Some(1));
    let out = String::from_utf8_lossy(&output.stdout);
    let err = slashed(String::from_utf8_lossy(&output.stderr).into_owned());
    assert_eq!(out.lines().count(), 2, "{out}");
    assert!(
        err.starts_with("failed   w/b/notes.db\n    error: V2__stars"),
        "{err}"
    );
    assert!(err.ends_with("1 of 3 databases failed\n"), "{err}");
    assert_eq!((version(&app, "w/a"), version(&app, "w/c")), (2, 2));
    assert_eq!(contents(&database(&app, "w/b")), before);

    let (code, done) = json(&app, &over_all(&["run"]));
    assert_eq!((code, &done["ok"]), (1, &Value::Bool(false)));
    let list = listed(&done);
    assert_eq!(list[1].0, "b");
    assert_eq!(list[1].1["error"]["kind"], "migration-failed");
    assert_eq!(list[1].1["database_unchanged"], true);
    assert_eq!(list[2].1["ok"], true);
}

/// The order is in the guide.
#[test]
fn the_gravest_end_is_the_commands() {
    let app = workspaces(&["w/held", "w/newer", "w/ok"]);
    sql(
        &app,
        "w/newer",
        "INSERT INTO refinery_schema_history VALUES (9, 'x', '2026-01-01T00:00:00Z', '1')",
    );
    let holder = rusqlite::Connection::open(database(&app, "w/held")).unwrap();
    holder.execute_batch("BEGIN IMMEDIATE").unwrap();
    let arguments = over_all(&["run", "--lock-timeout", "0.2"]);
    let (code, done) = json(&app, &arguments);
    let kinds: Vec<Value> = listed(&done)
        .iter()
        .map(|(_, one)| one["error"]["kind"].clone())
        .collect();
    assert_eq!(
        kinds,
        [Value::from("locked"), "database-newer".into(), Value::Null]
    );
    assert_eq!(code, 6);
    assert_eq!(version(&app, "w/ok"), 2);
    std::fs::remove_file(database(&app, "w/newer")).unwrap();
    assert_eq!(json(&app, &arguments).0, 5);
    holder.execute_batch("ROLLBACK").unwrap();
    assert_eq!(json(&app, &arguments).0, 0);
}

#[test]
fn one_path_is_as_ever_and_a_glob_that_finds_one_is_a_list() {
    let app = workspaces(&["w/a"]);
    let one = ["run", "--dry-run", "--database", "w/a/notes.db"];
    assert!(json(&app, &one).1.get("databases").is_none());
    assert_eq!(
        listed(&json(&app, &over_all(&["run", "--dry-run"])).1).len(),
        1
    );
    let twice = [
        "run",
        "--database",
        "w/a/notes.db",
        "--database",
        "w/../w/a/notes.db",
    ];
    let (code, done) = json(&app, &twice);
    assert_eq!((code, listed(&done).len()), (0, 1), "{done}");
    assert_eq!(listed(&done)[0].1["applied"][0]["version"], 2);

    // No name has a star on Windows.
    let name = if cfg!(windows) { "a[1].db" } else { "a[1]*.db" };
    std::fs::copy(database(&app, "w/a"), app.folder().join(name)).unwrap();
    let literal = json(&app, &["show", "--database", name]).1;
    assert_eq!(literal["version"], 2, "{literal}");
    for arguments in [
        &["run", "--database", "v/*.db"][..],
        &["show", "--database", "[1].db"],
    ] {
        let (code, missing) = json(&app, arguments);
        assert_eq!((code, &missing["error"]["kind"]), (2, &"not-found".into()));
    }
    let both = ["--database", "w/a/notes.db", "show", "--database", "b.db"];
    assert_eq!(json(&app, &both).1["error"]["kind"], "usage");
}

#[test]
fn the_environment_and_the_settings_file_hold_lists_too() {
    let app = workspaces(&["w/a", "w/b", "v/c"]);
    let names = |mut command: std::process::Command| {
        let output = command.output().unwrap();
        let document: Value = serde_json::from_slice(&output.stdout).unwrap();
        let names: Vec<String> = listed(&document)
            .into_iter()
            .map(|(name, _)| name)
            .collect();
        names
    };
    let show = || command(&app, &["show", "--json"]);
    let mut list = show();
    let both = std::env::join_paths(["v/c/notes.db", "w/*/notes.db"]).unwrap();
    list.env("HEIRLOOM_DATABASE", both);
    assert_eq!(names(list), ["c", "a", "b"]);
    let below = app.folder().join("below");
    std::fs::create_dir(&below).unwrap();
    std::fs::write(
        app.folder().join("heirloom.toml"),
        "database = ['w/b/notes.db', 'v/*/notes.db']",
    )
    .unwrap();
    let mut file = show();
    file.env_remove("HEIRLOOM_DATABASE").current_dir(&below);
    assert_eq!(names(file), ["b", "c"]);
    // What works on the migrations alone takes no notice of it.
    let mut check = command(&app, &["check"]);
    let output = check.env_remove("HEIRLOOM_DATABASE").output().unwrap();
    assert_eq!(output.status.code(), Some(0), "{}", text(&output));
}

#[test]
fn a_command_for_one_database_refuses_several() {
    let app = workspaces(&["w/a", "w/b"]);
    let (code, refused) = json(&app, &over_all(&["restore", "notes.db", "--yes"]));
    assert_eq!(
        (code, &refused["error"]["kind"]),
        (2, &"usage".into()),
        "{refused}"
    );
    // Two in one folder would share the snapshot's name.
    std::fs::copy(database(&app, "w/a"), app.folder().join("w/a/more.db")).unwrap();
    let (code, refused) = json(&app, &["snapshot", "--name", "x", "--database", "w/*/*.db"]);
    assert_eq!(
        (code, &refused["error"]["kind"]),
        (2, &"usage".into()),
        "{refused}"
    );
    assert!(!app.folder().join("w/b/snapshots").exists());
}

#[test]
fn snapshots_are_taken_and_put_back_everywhere() {
    let app = workspaces(&["w/a", "w/b"]);
    let before = ["w/a", "w/b"].map(|name| contents(&database(&app, name)));
    assert_eq!(json(&app, &over_all(&["snapshot", "--name", "x"])).0, 0);
    assert_eq!(json(&app, &over_all(&["run"])).0, 0);
    sql(&app, "w/b", "DELETE FROM notes");
    let put_back = over_all(&["restore-snapshot", "--name", "x"]);
    // Nobody is there to ask.
    let (code, refused) = json(&app, &put_back);
    assert_eq!(
        (code, &refused["ok"]),
        (4, &Value::Bool(false)),
        "{refused}"
    );
    assert_eq!(version(&app, "w/a"), 2);
    assert_eq!(json(&app, &[&put_back[..], &["--yes"]].concat()).0, 0);
    assert_eq!(
        ["w/a", "w/b"].map(|name| contents(&database(&app, name))),
        before
    );
    // The newest backup of each is of each; and how it is undone is reported for each.
    let said = text(&heirloom(&app, &over_all(&["restore", "latest", "--yes"])));
    for name in ["w/a", "w/b"] {
        assert!(
            said.contains(&format!(
                "restored {name}/notes.db from {name}/backups/notes-"
            )),
            "{said}"
        );
        assert!(
            said.contains(&format!(
                "    undo with: heirloom --database {name}/notes.db restore {name}/backups"
            )),
            "{said}"
        );
    }
    let (code, shown) = json(&app, &over_all(&["show"]));
    assert_eq!((code, shown["ok"].clone()), (0, true.into()));
}

#[test]
fn destruction_needs_its_consent_in_each() {
    let app = workspaces(&["w/a", "w/b"]);
    sql(&app, "w/b", "DELETE FROM notes");
    app.file("V3__drop.sql", "DROP TABLE notes;");
    let (code, refused) = json(&app, &over_all(&["run", "--yes"]));
    assert_eq!(code, 1, "{refused}");
    assert_eq!(listed(&refused)[0].1["destroys"][0]["count"], 2);
    assert_eq!(version(&app, "w/a"), 1);
    assert_eq!(json(&app, &over_all(&["run", "--allow-destructive"])).0, 0);
    assert_eq!(version(&app, "w/a"), 3);
}

/// On a terminal: each is asked about before the first is touched, and a no is a no for one.
#[cfg(target_os = "linux")]
#[test]
fn questions_are_asked_one_at_a_time_before_the_work_begins() {
    use std::io::Write;
    let app = workspaces(&["w/a", "w/b", "w/c"]);
    sql(&app, "w/c", "DELETE FROM notes");
    app.file("V2__stars.sql", "DROP TABLE notes;");
    let line = format!(
        "{} --database 'w/*/notes.db' run",
        env!("CARGO_BIN_EXE_heirloom")
    );
    let mut script = std::process::Command::new("script");
    let child = script
        .args(["-qec", &line, "/dev/null"])
        .current_dir(app.folder())
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .spawn();
    let Ok(mut child) = child else {
        println!("SKIPPED: there is no script(1)");
        return;
    };
    child.stdin.take().unwrap().write_all(b"n\ny\n").unwrap();
    let output = child.wait_with_output().unwrap();
    let said = text(&output);
    assert_eq!(output.status.code(), Some(4), "{said}");
    assert_eq!(said.matches("[y/N]").count(), 2, "{said}");
    assert!(said.rfind("[y/N]") < said.find("migrated"), "{said}");
    assert_eq!((version(&app, "w/a"), version(&app, "w/b")), (1, 2));
    assert_eq!(version(&app, "w/c"), 2);
}

/// Ctrl-C while some are at work and others wait for their turn.
#[cfg(unix)]
#[test]
fn an_interruption_ends_all_of_them_and_leaves_each_as_it_was() {
    let names: Vec<String> = (0..6).map(|number| format!("w/{number}")).collect();
    let names: Vec<&str> = names.iter().map(String::as_str).collect();
    let app = workspaces(&names);
    app.file(
        "V3__long.sql",
        "CREATE TABLE n (i);
         INSERT INTO n WITH RECURSIVE c(i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM c) SELECT i FROM c;",
    );
    let before: Vec<_> = names
        .iter()
        .map(|name| contents(&database(&app, name)))
        .collect();
    let mut child = command(&app, &over_all(&["run", "--json"]))
        .stdout(Stdio::piped())
        .stderr(Stdio::piped())
        .spawn()
        .unwrap();
    // The copy has its name when the work itself begins, which never ends.
    while backups(&app, &names) == 0 {
        assert!(child.try_wait().unwrap().is_none(), "it ended early");
        std::thread::yield_now();
    }
    let killed = std::process::Command::new("kill")
        .args(["-INT", &child.id().to_string()])
        .status()
        .unwrap();
    assert!(killed.success());
    let output = child.wait_with_output().unwrap();
    assert_eq!(output.status.code(), Some(130), "{}", text(&output));
    let document: Value = serde_json::from_slice(&output.stdout).unwrap();
    let list = listed(&document);
    assert_eq!(list.len(), 6);
    for (name, one) in &list {
        assert_eq!(one["ok"], false, "{name}: {one}");
    }
    let after: Vec<_> = names
        .iter()
        .map(|name| contents(&database(&app, name)))
        .collect();
    assert_eq!(after, before);
}

#[cfg(unix)]
fn backups(app: &App, names: &[&str]) -> usize {
    names
        .iter()
        .filter_map(|name| std::fs::read_dir(app.folder().join(name).join("backups")).ok())
        .flat_map(|entries| entries.flatten())
        .filter(|entry| {
            entry
                .path()
                .extension()
                .is_some_and(|ending| ending == "db")
        })
        .count()
}

/// Databases of one name and one folder of backups: what one thins out, cleans up and lists is
/// its own.
#[test]
fn databases_of_one_name_share_a_folder_of_backups_and_nothing_in_it() {
    let app = workspaces(&["w/a", "w/b", "w/c"]);
    let shared = ["--backups", "w/a/backups", "--keep", "2"];
    for round in 0..4 {
        for command in ["run", "revert"] {
            for name in ["w/a", "w/b", "w/c"] {
                sql(
                    &app,
                    name,
                    &format!("INSERT INTO notes (text) VALUES ('{name} {round}')"),
                );
            }
            let (code, done) = json(&app, &over_all(&[&[command][..], &shared].concat()));
            assert_eq!(code, 0, "{done}");
        }
    }
    let (code, listed_copies) = json(&app, &over_all(&[&["backups"][..], &shared].concat()));
    assert_eq!(code, 0);
    let mut names_of_b = Vec::new();
    for (name, one) in listed(&listed_copies) {
        let copies = one["backups"].as_array().unwrap();
        assert_eq!(copies.len(), 2, "{name}: {one}");
        for copy in copies {
            assert_eq!(copy["verified"], true);
            let file = Path::new(copy["file"].as_str().unwrap());
            let own = format!("SELECT count(*) FROM notes WHERE text LIKE 'w/{name} %'");
            let all = "SELECT count(*) FROM notes WHERE text LIKE 'w/%'";
            assert_eq!(number_in(file, &own), number_in(file, all), "{name}");
            if name == "b" {
                names_of_b.push(file.file_name().unwrap().to_str().unwrap().to_owned());
            }
        }
    }
    // One of another's is put back only by its path.
    let before = contents(&database(&app, "w/c"));
    let one = [
        "--database",
        "w/c/notes.db",
        "--backups",
        "w/a/backups",
        "--yes",
    ];
    let (code, refused) = json(&app, &[&["restore", &names_of_b[0]][..], &one].concat());
    assert_eq!(
        (code, &refused["error"]["kind"]),
        (2, &"usage".into()),
        "{refused}"
    );
    assert_eq!(contents(&database(&app, "w/c")), before);
}

/// Ninety databases at version 1, the one in the middle not a database.
#[cfg(unix)]
fn ninety_and_one_broken() -> (App, String) {
    let app = workspaces(&["w/000"]);
    let first = database(&app, "w/000");
    for number in 1..90 {
        let name = format!("w/{number:03}");
        std::fs::create_dir_all(app.folder().join(&name)).unwrap();
        std::fs::copy(&first, database(&app, &name)).unwrap();
    }
    let broken = "w/045".to_owned();
    std::fs::write(database(&app, &broken), "not a database. ".repeat(500)).unwrap();
    (app, broken)
}

/// A run of the binary within a limit of the shell's: `-n` open files, `-d` KB of memory.
#[cfg(unix)]
fn limited(app: &App, limit: &str, arguments: &[&str]) -> std::process::Output {
    let plain = command(app, arguments);
    let mut limited = std::process::Command::new("sh");
    limited
        .args(["-c", &format!("ulimit {limit} && exec \"$0\" \"$@\"")])
        .arg(plain.get_program())
        .args(plain.get_args())
        .current_dir(app.folder())
        .stdin(Stdio::null());
    for (name, value) in plain.get_envs() {
        match value {
            Some(value) => limited.env(name, value),
            None => limited.env_remove(name),
        };
    }
    limited.output().unwrap()
}

#[cfg(unix)]
#[test]
fn many_databases_take_few_handles_and_a_broken_one_stops_no_other() {
    let (app, broken) = ninety_and_one_broken();
    let output = limited(&app, "-n 48", &over_all(&["run"]));
    assert_eq!(output.status.code(), Some(1), "{}", text(&output));
    let said = String::from_utf8_lossy(&output.stderr);
    assert!(said.contains("failed   w/045/notes.db"), "{said}");
    assert!(said.ends_with("1 of 90 databases failed\n"), "{said}");
    let done: Vec<String> = (0..90)
        .map(|number| format!("w/{number:03}"))
        .filter(|name| *name != broken)
        .collect();
    for name in &done {
        assert_eq!(version(&app, name), 2, "{name}");
        let stars = "SELECT count(*) FROM notes WHERE stars IS NULL";
        assert_eq!(number_in(&database(&app, name), stars), 2, "{name}");
    }
    let order: Vec<String> = String::from_utf8_lossy(&output.stdout)
        .lines()
        .filter_map(|line| {
            line.split_once("migrated: ")
                .map(|(path, _)| path.to_owned())
        })
        .collect();
    assert!(order.is_sorted(), "{order:?}");
    let checked = limited(&app, "-n 48", &over_all(&["show", "--check", "--json"]));
    let shown: Value = serde_json::from_slice(&checked.stdout).unwrap();
    let up_to_date = listed(&shown)
        .into_iter()
        .filter(|(_, one)| one["up_to_date"] == true);
    let names: Vec<String> = up_to_date.map(|(name, _)| format!("w/{name}")).collect();
    assert_eq!(names, done);
}

/// Each database that is up to date has the same schema, which is compared once; one that differs
/// is still found.
#[test]
fn drift_is_found_in_the_one_database_that_has_it() {
    let app = workspaces(&["w/a", "w/b", "w/c", "w/d"]);
    assert_eq!(json(&app, &over_all(&["run"])).0, 0);
    sql(&app, "w/b", "ALTER TABLE notes DROP COLUMN stars");
    sql(&app, "w/c", "CREATE INDEX by_text ON notes (text)");
    let drift = |document: &Value| -> Vec<usize> {
        let listed = listed(document).into_iter();
        listed
            .map(|(_, one)| one["drift"].as_array().unwrap().len())
            .collect()
    };
    let (_, shown) = json(&app, &over_all(&["show"]));
    assert_eq!(drift(&shown), [0, 1, 0, 0], "{shown}");
    // The same in each, whichever is looked at first.
    for name in ["w/a", "w/c", "w/d"] {
        sql(&app, name, "ALTER TABLE notes DROP COLUMN stars");
    }
    let (_, shown) = json(&app, &over_all(&["show"]));
    assert_eq!(drift(&shown), [1, 1, 1, 1], "{shown}");
}

/// The document of many is printed while they are looked at, and not gathered first.
#[cfg(target_os = "linux")]
#[test]
fn the_document_of_many_databases_takes_no_memory_for_each() {
    let app = workspaces(&["w/000"]);
    let first = database(&app, "w/000");
    for number in 1..100 {
        let name = format!("w/{number:03}");
        std::fs::create_dir_all(app.folder().join(&name)).unwrap();
        std::fs::copy(&first, database(&app, &name)).unwrap();
    }
    let long = format!(
        "ALTER TABLE notes ADD COLUMN stars INTEGER;\n{}",
        format!("-- {}\n", "x".repeat(1000)).repeat(150)
    );
    app.file("V2__stars.sql", &long);
    let output = limited(&app, "-d 28672", &over_all(&["show", "--json"]));
    let said = String::from_utf8_lossy(&output.stderr);
    assert_eq!(output.status.code(), Some(0), "{said}");
    assert!(output.stdout.len() > 15_000_000);
    let shown: Value = serde_json::from_slice(&output.stdout).unwrap();
    assert_eq!(listed(&shown).len(), 100);
    assert_eq!(shown["ok"], true);
}
