//! Where each setting comes from: flag over environment over file over default.

use std::path::Path;
use std::process::Command;

use crate::cli::contract::{command, text};
use crate::support::app::{App, contents, real};

/// `backups` with these arguments and variables, in a folder, and nothing else given.
fn backups(folder: &Path, arguments: &[&str], variables: &[(&str, &str)]) -> Command {
    let app = App::new();
    let mut command = command(&app, &[&["backups"], arguments].concat());
    command
        .env_remove("HEIRLOOM_DATABASE")
        .envs(variables.iter().copied())
        .current_dir(folder);
    command
}

/// The value of a setting and its source, as `-v` prints them.
#[track_caller]
fn setting(folder: &Path, name: &str, arguments: &[&str], variables: &[(&str, &str)]) -> String {
    let output = backups(folder, &[arguments, &["-v"]].concat(), variables)
        .output()
        .unwrap();
    let said = text(&output);
    let line = said.lines().find_map(|line| line.strip_prefix(name));
    line.unwrap_or_else(|| panic!("{name}: {said}"))
        .trim()
        .to_owned()
}

/// The failure that these arguments and variables end in, with 2.
#[track_caller]
fn refused(folder: &Path, arguments: &[&str], variables: &[(&str, &str)]) -> String {
    let output = backups(folder, arguments, variables).output().unwrap();
    assert_eq!(output.status.code(), Some(2), "{}", text(&output));
    text(&output)
}

#[test]
fn a_flag_wins_over_the_environment_over_the_file_over_the_default() {
    let folder = tempfile::tempdir().unwrap();
    let root = real(folder.path());
    let below = root.join("a/b");
    std::fs::create_dir_all(&below).unwrap();
    let keep = |arguments: &[&str], variables: &[(&str, &str)]| {
        setting(&below, "keep ", arguments, variables)
    };
    let variable = [("HEIRLOOM_KEEP", "3")];
    assert_eq!(keep(&[], &[]), "5  (default)");
    let file = root.join("heirloom.toml");
    std::fs::write(
        &file,
        "keep = 4\ndatabase = 'x.db'\nhistory-table = 'h'\nlock-timeout = 0.5",
    )
    .unwrap();
    assert_eq!(keep(&[], &[]), format!("4  ({})", file.display()));
    assert_eq!(keep(&[], &variable), "3  (HEIRLOOM_KEEP)");
    assert_eq!(keep(&["--keep", "2"], &variable), "2  (--keep)");
    // A variable that is set to nothing is not set.
    assert_eq!(
        keep(&[], &[("HEIRLOOM_KEEP", "")]),
        format!("4  ({})", file.display())
    );
    // What the file says is relative to it, and so are the defaults where there is one.
    let in_file = |path: &str| format!("{}  ({})", root.join(path).display(), file.display());
    assert_eq!(setting(&below, "database", &[], &[]), in_file("x.db"));
    assert_eq!(
        setting(&below, "migrations", &[], &[]),
        format!("{}  (default)", root.join("migrations").display())
    );
    for (name, value) in [("history-table", "h"), ("lock-timeout", "0.5 s")] {
        assert_eq!(
            setting(&below, name, &[], &[]),
            format!("{value}  ({})", file.display())
        );
    }
    let flags = ["--history-table", "g", "--lock-timeout", "2"];
    assert_eq!(
        setting(&below, "history-table", &flags, &[]),
        "g  (--history-table)"
    );
    let both = [("HEIRLOOM_LOCK_TIMEOUT", "7"), ("HEIRLOOM_LAYOUT", "sqlx")];
    assert_eq!(
        setting(&below, "lock-timeout", &flags, &both),
        "2 s  (--lock-timeout)"
    );
    assert_eq!(
        setting(&below, "lock-timeout", &[], &both),
        "7 s  (HEIRLOOM_LOCK_TIMEOUT)"
    );
    assert_eq!(
        setting(&below, "layout", &[], &both),
        "sqlx  (HEIRLOOM_LAYOUT)"
    );
}

#[test]
fn an_unknown_key_and_a_wrong_value_are_errors_that_name_them() {
    let folder = tempfile::tempdir().unwrap();
    let file = folder.path().join("heirloom.toml");
    for (text, names) in [
        ("databse = 'x'", ["databse", "did you mean `database`?"]),
        ("layout = 'flat'", ["`layout` in", "`flat`"]),
        ("lock-timeout = -1", ["`lock-timeout` in", "`-1`"]),
    ] {
        std::fs::write(&file, text).unwrap();
        let said = refused(folder.path(), &[], &[]);
        assert!(said.contains("heirloom.toml"), "{said}");
        assert!(names.iter().all(|name| said.contains(name)), "{said}");
    }
    std::fs::remove_file(&file).unwrap();
    for (flag, value) in [
        ("keep", "many"),
        ("lock-timeout", "soon"),
        ("layout", "flat"),
    ] {
        let variable = format!("HEIRLOOM_{}", flag.replace('-', "_").to_uppercase());
        let said = refused(folder.path(), &[], &[(&variable, value)]);
        assert!(said.contains(&format!("{variable} is `{value}`")), "{said}");
        let flag = format!("--{flag}");
        let said = refused(folder.path(), &[&flag, value], &[]);
        assert!(said.contains(&format!("{flag} is `{value}`")), "{said}");
    }
}

#[test]
fn a_database_url_is_the_last_resort_and_is_said_so() {
    let folder = tempfile::tempdir().unwrap();
    let of = |variables: &[(&str, &str)]| setting(folder.path(), "database", &[], variables);
    let url = ("DATABASE_URL", "sqlite://data/x.db?mode=rwc");
    assert_eq!(of(&[url]), "data/x.db  (DATABASE_URL)");
    let output = backups(folder.path(), &[], &[url]).output().unwrap();
    let said = String::from_utf8(output.stderr).unwrap();
    assert_eq!(
        said,
        "note: using the database data/x.db from DATABASE_URL\n"
    );
    let variable = ("HEIRLOOM_DATABASE", "y.db");
    assert_eq!(of(&[url, variable]), "y.db  (HEIRLOOM_DATABASE)");
    let folder = real(folder.path());
    let default = format!("{}  (default)", folder.join(".data/app.db").display());
    assert_eq!(of(&[("DATABASE_URL", "postgres://x")]), default);
}

/// `file:notes.db?mode=ro` was taken for the path alone, and the file was migrated.
#[test]
fn a_database_that_is_named_to_be_read_only_is_not_written() {
    let app = App::new();
    app.file("V1__a.sql", "CREATE TABLE a (x)")
        .file("V1__a.down.sql", "DROP TABLE a");
    app.run().unwrap();
    app.sql("INSERT INTO a VALUES (1)");
    app.file("V2__b.sql", "CREATE TABLE b (x)");
    let before = (contents(&app.database()), app.listing());
    let call = |arguments: &[&str], url: &str, variable: &str| {
        let mut command = std::process::Command::new(env!("CARGO_BIN_EXE_heirloom"));
        command.current_dir(app.folder()).args(arguments);
        command.env_remove("HEIRLOOM_DATABASE").env(variable, url);
        command.output().unwrap()
    };
    for url in ["file:app.db?mode=ro", "sqlite://app.db?immutable=1"] {
        for verb in [
            &["run"][..],
            &["revert"],
            &["snapshot", "--name", "s"],
            &["drop", "--yes"],
            &["restore", "latest", "--yes"],
            &["shell"],
        ] {
            for variable in ["HEIRLOOM_DATABASE", "DATABASE_URL"] {
                let output = call(verb, url, variable);
                let said = String::from_utf8_lossy(&output.stderr).into_owned();
                assert_eq!(output.status.code(), Some(2), "{verb:?} {url}: {said}");
                assert!(said.contains("read only"), "{verb:?} {url}: {said}");
            }
        }
        for verb in [&["show"][..], &["inspect"], &["run", "--dry-run"]] {
            let output = call(verb, url, "HEIRLOOM_DATABASE");
            assert_eq!(output.status.code(), Some(0), "{verb:?} {url}: {output:?}");
        }
    }
    assert_eq!((contents(&app.database()), app.listing()), before);
    // To the library it is no path at all.
    let error = app.migrator().migrate("file:app.db?mode=ro").unwrap_err();
    assert_eq!(error.kind(), heirloom::ErrorKind::Usage, "{error:#}");
    assert!(error.to_string().contains("is a URL"), "{error:#}");
    assert_eq!((contents(&app.database()), app.listing()), before);
    assert_eq!(
        call(&["run"], "file:app.db?mode=rwc", "HEIRLOOM_DATABASE")
            .status
            .code(),
        Some(0)
    );
}

#[test]
fn an_app_puts_the_database_into_its_data_folder() {
    let folder = tempfile::tempdir().unwrap();
    let app = ("HEIRLOOM_APP", "org.example.Notes");
    let of = |arguments: &[&str], variables: &[(&str, &str)]| {
        setting(folder.path(), "database", arguments, variables)
    };
    let data = heirloom::data_folder("org", "example", "Notes").unwrap();
    assert_eq!(
        of(&[], &[app]),
        format!("{}  (HEIRLOOM_APP)", data.join("app.db").display())
    );
    assert_eq!(
        of(&[], &[app, ("HEIRLOOM_DATABASE", "notes.db")]),
        format!("{}  (HEIRLOOM_DATABASE)", data.join("notes.db").display())
    );
    // What is said closer to the command wins over an app named further away.
    let flag = ["--database", "copy.db"];
    assert_eq!(of(&flag, &[app]), "copy.db  (--database)");
    let said = refused(folder.path(), &[], &[("HEIRLOOM_APP", "notes")]);
    assert!(said.contains("`notes`"), "{said}");
}
