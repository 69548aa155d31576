//! The command at a terminal, and where there is none: completion, colours, pipes, slips.

#[cfg(target_os = "linux")]
use std::fs::File;
#[cfg(target_os = "linux")]
use std::process::Stdio;
use std::process::{Command, Output};

use crate::cli::contract::{command, heirloom, json, text};
use crate::support::app::App;

/// An app with two versions applied and one pending, a backup and a snapshot.
fn app_with_copies() -> App {
    let app = App::new();
    app.file(
        "V1__notes.sql",
        "CREATE TABLE notes (id INTEGER PRIMARY KEY);",
    )
    .file("V1__notes.down.sql", "DROP TABLE notes;");
    app.run().unwrap();
    app.sql("PRAGMA journal_mode = WAL");
    app.file(
        "V2__tags.sql",
        "CREATE TABLE tags (id INTEGER PRIMARY KEY);",
    )
    .file("V2__tags.down.sql", "DROP TABLE tags;");
    app.run().unwrap();
    app.file(
        "V3__stars.sql",
        "ALTER TABLE notes ADD COLUMN stars INTEGER;",
    );
    app.migrator()
        .database(app.database())
        .snapshot("before-import")
        .unwrap();
    app
}

/// What a shell is offered for the last word.
fn offered(app: &App, words: &[&str]) -> Vec<String> {
    let words = [&["--", "heirloom"], words].concat();
    let mut command = command(app, &words);
    let output = command.env("HEIRLOOM_COMPLETE", "fish").output().unwrap();
    assert_eq!(output.status.code(), Some(0));
    assert!(output.stderr.is_empty(), "{}", text(&output));
    let out = String::from_utf8(output.stdout).unwrap();
    let word = |line: &str| line.split('\t').next().unwrap().to_owned();
    out.lines().map(word).collect()
}

#[test]
fn values_are_completed_from_what_is_there_and_nothing_is_written() {
    let app = app_with_copies();
    let before = app.listing();
    let backup = app.backups()[0]
        .file_name()
        .unwrap()
        .to_str()
        .unwrap()
        .to_owned();
    assert_eq!(offered(&app, &["run", "--to", ""]), ["3"]);
    assert_eq!(offered(&app, &["revert", "--to", ""]), ["1", "0"]);
    assert_eq!(offered(&app, &["restore", "a"]), [&*backup]);
    assert_eq!(offered(&app, &["restore", "l"]), ["latest"]);
    assert_eq!(
        offered(&app, &["restore-snapshot", "--name", ""]),
        ["before-import"]
    );
    assert_eq!(
        offered(&app, &["generate", "--drop", ""]),
        ["notes", "tags"]
    );
    assert_eq!(offered(&app, &["sn"]), ["snapshot"]);
    assert_eq!(offered(&app, &["run", "--reh"]), ["--rehearse"]);
    // The words before count, a glob too.
    let elsewhere = ["--database", "nowhere.db", "revert", "--to", ""];
    assert!(offered(&app, &elsewhere).is_empty());
    assert_eq!(
        offered(&app, &["revert", "--database", "ap*.db", "--to", ""]),
        ["1", "0"]
    );
    assert_eq!(app.listing(), before);
}

#[test]
fn completion_is_silent_whatever_is_wrong() {
    let app = app_with_copies();
    std::fs::write(app.folder().join("heirloom.toml"), "databse = 1").unwrap();
    assert!(offered(&app, &["revert", "--to", ""]).is_empty());
    // A shell may start here.
    let script = heirloom(&app, &["completions", "bash"]);
    assert_eq!(script.status.code(), Some(0), "{}", text(&script));
    std::fs::remove_file(app.folder().join("heirloom.toml")).unwrap();
    std::fs::write(app.database(), "no database at all").unwrap();
    assert!(offered(&app, &["revert", "--to", ""]).is_empty());
    assert!(offered(&app, &["run", "--to", "x", "--keep", "many", "--to", "9"]).is_empty());
    let mut wrong = command(&app, &["--", "heirloom", ""]);
    let output = wrong.env("HEIRLOOM_COMPLETE", "csh").output().unwrap();
    assert_eq!(
        (output.status.code(), text(&output).as_str()),
        (Some(0), "")
    );
}

/// The script in a shell of its kind, which asks for versions and says what it was told.
#[test]
fn the_scripts_work_in_their_shells() {
    let app = app_with_copies();
    let binary = std::path::Path::new(env!("CARGO_BIN_EXE_heirloom"));
    let path = std::env::join_paths(
        std::iter::once(binary.parent().unwrap().to_owned())
            .chain(std::env::split_paths(&std::env::var_os("PATH").unwrap())),
    );
    let path = path.unwrap();
    for (shell, script) in [
        (
            "bash",
            "source <(heirloom completions bash); compopt() { :; }
             COMP_WORDS=(heirloom revert --to ''); COMP_CWORD=3; COMP_TYPE=9
             $(complete -p heirloom | sed 's/.*-F \\([^ ]*\\).*/\\1/')
             printf '%s\\n' \"${COMPREPLY[@]}\"",
        ),
        (
            "fish",
            "heirloom completions fish | source; complete -C 'heirloom revert --to '",
        ),
        (
            "zsh",
            "compdef() { :; }; source <(heirloom completions zsh)
             _describe() { print -l -- ${(P)${@[-1]}}; }; compadd() { :; }
             words=(heirloom revert --to ''); CURRENT=4
             _clap_dynamic_completer_heirloom",
        ),
    ] {
        let mut command = command(&app, &["-c", script]);
        let mut shell_command = Command::new(shell);
        shell_command
            .args(command.get_args())
            .env("HEIRLOOM_DATABASE", app.database())
            .env("PATH", &path)
            .env("HOME", app.folder())
            .current_dir(app.folder());
        command = shell_command;
        match command.output() {
            Err(_) => println!("SKIPPED: there is no {shell}"),
            Ok(output) => {
                let told = text(&output);
                let has = |version: &str| told.lines().any(|line| line.starts_with(version));
                assert!(has("1") && has("0") && !has("2"), "{shell}: {told}");
            }
        }
    }
    for shell in ["bash", "fish", "zsh", "powershell"] {
        let script = heirloom(&app, &["completions", shell]);
        assert_eq!(script.status.code(), Some(0));
        assert!(text(&script).contains("HEIRLOOM_COMPLETE"), "{shell}");
    }
}

#[test]
fn the_manual_is_a_page_or_one_for_each_command() {
    let app = App::new();
    let page = heirloom(&app, &["man"]);
    assert!(text(&page).contains(".TH heirloom 1"), "{}", text(&page));
    let (code, missing) = json(&app, &["man", "--dir", "nowhere"]);
    assert_eq!((code, &missing["error"]["kind"]), (2, &"not-found".into()));
    std::fs::create_dir(app.folder().join("man1")).unwrap();
    let (code, written) = json(&app, &["man", "--dir", "man1"]);
    assert_eq!(code, 0);
    let files = written["files"].as_array().unwrap();
    assert!(
        files
            .iter()
            .any(|file| file.as_str().unwrap().ends_with("heirloom-run.1"))
    );
    let page = std::fs::read_to_string(app.folder().join("man1/heirloom-run.1")).unwrap();
    assert!(page.contains("allow\\-destructive"), "{page}");
}

#[test]
fn a_slip_is_answered_with_what_was_meant() {
    let app = app_with_copies();
    let backup = app.backups()[0]
        .file_name()
        .unwrap()
        .to_str()
        .unwrap()
        .to_owned();
    let slip = backup.replace("app-", "app_");
    for (arguments, meant) in [
        (&["shw"][..], "'show'"),
        (&["run", "--dry-rum"], "'--dry-run'"),
        (
            &["restore", &slip, "--yes"],
            &format!("did you mean `{backup}`?"),
        ),
        (
            &["restore-snapshot", "--name", "before_import", "--yes"],
            "did you mean `before-import`?",
        ),
    ] {
        let said = text(&heirloom(&app, arguments));
        assert!(said.contains(meant), "{arguments:?}: {said}");
        let (_, document) = json(&app, arguments);
        let help = document["error"]["help"].as_str().unwrap();
        assert!(help.contains(meant), "{arguments:?}: {document}");
    }
    app.file("V20261121091403__x.sql", "CREATE TABLE x (a)")
        .file("V20261121091403__x.down.sql", "DROP TABLE x");
    for command in [&["run"][..], &["run", "--dry-run"], &["run", "--rehearse"]] {
        let (code, document) = json(&app, &[command, &["--to", "20261121091430"]].concat());
        let help = document["error"]["help"].to_string();
        assert!(
            help.contains("did you mean `20261121091403`?"),
            "{document}"
        );
        assert_eq!(code, 1, "{document}");
    }
    std::fs::write(app.folder().join("heirloom.toml"), "lock_timeout = 3").unwrap();
    let said = text(&heirloom(&app, &["show"]));
    assert!(said.contains("did you mean `lock-timeout`?"), "{said}");
    assert!(said.contains("history-table"), "{said}");
}

/// With these variables, and none of the caller's that speak of colour.
fn coloured(app: &App, arguments: &[&str], variables: &[(&str, &str)]) -> (bool, bool) {
    let mut command = command(app, arguments);
    for name in ["NO_COLOR", "CLICOLOR", "CLICOLOR_FORCE"] {
        command.env_remove(name);
    }
    let output: Output = command.envs(variables.iter().copied()).output().unwrap();
    let has = |bytes: &[u8]| bytes.contains(&0x1b);
    (has(&output.stdout), has(&output.stderr))
}

#[test]
fn a_pipe_gets_no_colour_unless_it_is_asked_for() {
    let app = app_with_copies();
    let force = ("CLICOLOR_FORCE", "1");
    let none = ("NO_COLOR", "1");
    let fails = ["restore", "nothing", "--yes"];
    for (arguments, out, err) in [
        (&["show"][..], true, false),
        (&fails, false, true),
        (&["--help"], true, false),
        (&["fly"], false, true),
    ] {
        let of = |more: &[&str], variables: &[(&str, &str)]| {
            coloured(&app, &[arguments, more].concat(), variables)
        };
        let coloured = (out, err);
        assert_eq!(of(&[], &[]), (false, false), "{arguments:?}");
        assert_eq!(of(&[], &[force]), coloured, "{arguments:?}");
        assert_eq!(
            of(&["--color", "always"], &[none]),
            coloured,
            "{arguments:?}"
        );
        assert_eq!(
            of(&["--color=never"], &[force]),
            (false, false),
            "{arguments:?}"
        );
        assert_eq!(of(&["--json"], &[none]), (false, false), "{arguments:?}");
        if arguments[0] != "--help" {
            assert_eq!(of(&["--json"], &[force]), (false, false), "{arguments:?}");
        }
    }
    // Two streams, each for itself: one is a terminal, the other is not.
    #[cfg(target_os = "linux")]
    for (redirected, seen) in [("2>/dev/null", true), (">/dev/null", false)] {
        let line = format!("{} show {redirected}", env!("CARGO_BIN_EXE_heirloom"));
        if let Some(output) = on_a_terminal(&app, &line) {
            assert_eq!(output.contains('\x1b'), seen, "{redirected}: {output}");
        }
    }
}

/// What a shell command prints on a terminal 60 columns wide.
#[cfg(target_os = "linux")]
fn on_a_terminal(app: &App, line: &str) -> Option<String> {
    answered_on_a_terminal(app, line, "").map(|output| text(&output))
}

/// The same, where this is typed.
#[cfg(target_os = "linux")]
fn answered_on_a_terminal(app: &App, line: &str, typed: &str) -> Option<Output> {
    use std::io::Write;
    // Without echo: when what is typed comes back depends on who is first.
    let line = format!("stty rows 24 cols 60 -echo; {line}");
    let mut script = Command::new("script");
    script
        .args(["-qec", &line, "/dev/null"])
        .env("HEIRLOOM_DATABASE", app.database())
        .env("TERM", "xterm")
        .env_remove("NO_COLOR")
        .env_remove("CLICOLOR")
        .current_dir(app.folder())
        .stdin(Stdio::piped())
        .stdout(Stdio::piped());
    let Ok(mut child) = script.spawn() else {
        println!("SKIPPED: there is no script(1)");
        return None;
    };
    let _ = child.stdin.take().unwrap().write_all(typed.as_bytes());
    Some(child.wait_with_output().unwrap())
}

#[cfg(target_os = "linux")]
#[test]
fn a_no_cancels_with_4_and_changes_nothing() {
    let app = app_with_copies();
    let before = app.listing();
    for arguments in ["restore latest", "drop", "reset"] {
        let line = format!("{} {arguments}", env!("CARGO_BIN_EXE_heirloom"));
        let Some(output) = answered_on_a_terminal(&app, &line, "n\n") else {
            return;
        };
        let said = text(&output);
        assert_eq!(output.status.code(), Some(4), "{said}");
        let last = said.lines().last().unwrap();
        assert!(
            last.ends_with("[y/N] cancelled, nothing was changed"),
            "{said}"
        );
    }
    assert_eq!(app.listing(), before);
}

#[cfg(target_os = "linux")]
#[test]
fn a_long_line_is_broken_between_words_and_what_can_be_typed_stays_one_command() {
    let app = app_with_copies();
    app.file(
        "V4__broken.sql",
        "INSERT INTO nothing_of_that_name SELECT 1",
    );
    let run = |arguments: &str| {
        let binary = env!("CARGO_BIN_EXE_heirloom");
        on_a_terminal(&app, &format!("{binary} --color never {arguments}"))
    };
    for arguments in ["run", "doctor", "restore latest --yes"] {
        let Some(said) = run(arguments) else {
            return;
        };
        for line in said.lines().map(str::trim) {
            let is_one_word = !line.trim_end_matches(" \\").contains(' ');
            assert!(line.chars().count() <= 60 || is_one_word, "{line}\n{said}");
        }
    }
    let before = app.listing();
    let Some(said) = run("restore latest --yes") else {
        return;
    };
    let (_, undo) = said.split_once("undo with: heirloom").unwrap();
    let undo = format!(
        "{}{} --yes",
        env!("CARGO_BIN_EXE_heirloom"),
        undo.trim_end()
    );
    let undone = Command::new("sh")
        .args(["-c", &undo.replace('\r', "")])
        .current_dir(app.folder())
        .output()
        .unwrap();
    assert!(undone.status.success(), "{undo}: {}", text(&undone));
    assert!(app.listing().len() > before.len());
}

#[cfg(target_os = "linux")]
#[test]
fn a_table_fits_the_window_and_is_whole_in_a_pipe() {
    let app = app_with_copies();
    let piped = text(&heirloom(&app, &["backups"]));
    assert!(piped.lines().any(|line| line.len() > 60), "{piped}");
    let line = format!("{} --color never backups", env!("CARGO_BIN_EXE_heirloom"));
    let Some(shown) = on_a_terminal(&app, &line) else {
        return;
    };
    assert!(
        shown.lines().all(|line| line.trim_end().len() <= 60),
        "{shown}"
    );
    let words = |text: &str| {
        let words: Vec<String> = text.split_whitespace().map(str::to_owned).collect();
        words
    };
    assert_eq!(words(&shown), words(&piped));
}

#[cfg(target_os = "linux")]
#[test]
fn output_that_cannot_be_written_is_a_failure_of_what_only_looks() {
    let app = app_with_copies();
    let full = |arguments: &[&str]| {
        let mut command = command(&app, arguments);
        let full = File::options().write(true).open("/dev/full").unwrap();
        command.stdout(full).output().unwrap()
    };
    for arguments in [
        &["show"][..],
        &["show", "--json"],
        &["backups"],
        &["run", "--dry-run"],
        &["man"],
        &["completions", "bash"],
        &["--help"],
        &["--version"],
        &["run", "--help"],
        &["show", "--database", "ap*.db"],
    ] {
        let output = full(arguments);
        assert_eq!(output.status.code(), Some(1), "{arguments:?}");
        let said = text(&output);
        assert!(
            said.contains("cannot write the output"),
            "{arguments:?}: {said}"
        );
    }
    assert_eq!(full(&["show", "--check"]).status.code(), Some(3));
    let output = full(&["run"]);
    let said = text(&output);
    assert_eq!(output.status.code(), Some(0), "{said}");
    assert!(said.contains("the command itself succeeded"), "{said}");
    assert_eq!(
        app.number("SELECT max(version) FROM refinery_schema_history"),
        3
    );
}

#[cfg(unix)]
#[test]
fn a_reader_that_went_away_hears_nothing_more() {
    let app = app_with_copies();
    let gone = |arguments: &[&str]| {
        let (reader, writer) = std::io::pipe().unwrap();
        drop(reader);
        command(&app, arguments).stdout(writer).output().unwrap()
    };
    for (arguments, code) in [
        (&["show"][..], 1),
        (&["show", "--json"], 1),
        (&["--help"], 1),
        (&["man"], 1),
        (&["run"], 0),
    ] {
        let output = gone(arguments);
        assert_eq!(
            (output.status.code(), text(&output).as_str()),
            (Some(code), ""),
            "{arguments:?}"
        );
    }
    assert_eq!(
        app.number("SELECT max(version) FROM refinery_schema_history"),
        3
    );
}
